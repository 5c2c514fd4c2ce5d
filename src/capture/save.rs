//! `-w FILE`: frames kept as they come, in a format that every tool reads.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{Batch, Frame, pcap};

/// Bytes that wait for one write.
const BUFFER: usize = 256 << 10;

/// For the owner alone: traffic holds credentials.
const MODE: u32 = 0o600;

/// pcap with nanoseconds (draft-ietf-opsawg-pcap), version 2.4.
const MAGIC: u32 = 0xa1b2_3c4d;

/// Bytes of the file's header.
const FILE_HEADER: usize = 24;

/// Why frames are not kept.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The file cannot be opened.
    #[error("-w {file}: cannot be opened: {source}")]
    Open {
        /// The file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("-w {file}: this file is there and is no capture; it stays as it is, name another")]
    NoCapture {
        /// The file.
        file: String,
    },
    /// `-` or an empty name.
    #[error("-w {file}: a file is needed, standard output is taken by the report")]
    NoFile {
        /// What was named.
        file: String,
    },
    /// Writing failed. The run goes on, without the file.
    #[error("-w {file}: {source}; nothing more is saved, the run goes on without it")]
    Write {
        /// The file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Writes frames of one link type to a file, and to a next one where the file has become large.
///
/// Open it after the privileges were dropped, so that every file belongs to the same user.
pub struct Saver {
    base: PathBuf,
    /// How many files came before the current one.
    number: u64,
    rotate_at: Option<u64>,
    link: u16,
    snap_length: u32,
    /// None once writing has failed.
    file: Option<File>,
    /// Bytes in the file, all of whole records.
    written: u64,
    buffer: Vec<u8>,
    /// Frames in the buffer.
    waiting: u64,
    saved: u64,
    unsaved: u64,
}

impl Saver {
    /// Creates the file, with mode 0600, or empties a capture that is there. With `rotate_at`, a file that has passed
    /// so many bytes is followed by another, named as tcpdump -C names them: `FILE`, `FILE1`, `FILE2`.
    ///
    /// # Errors
    /// The file cannot be opened, or holds something that is no capture.
    pub fn create(file: &Path, link: u16, snap_length: u32, rotate_at: Option<u64>) -> Result<Saver, SaveError> {
        if matches!(file.as_os_str().as_encoded_bytes(), b"" | b"-") {
            return Err(SaveError::NoFile { file: file.display().to_string() });
        }
        let mut saver = Saver {
            base: file.to_owned(),
            number: 0,
            rotate_at,
            link,
            snap_length,
            file: None,
            written: 0,
            buffer: Vec::with_capacity(BUFFER),
            waiting: 0,
            saved: 0,
            unsaved: 0,
        };
        saver.begin()?;
        Ok(saver)
    }

    /// Saves the frames of a batch.
    ///
    /// # Errors
    /// Once, where writing fails: a full disk, say. From then on frames are only counted, see [`Saver::unsaved`].
    pub fn batch(&mut self, batch: &Batch) -> Result<(), SaveError> {
        let mut failed = Ok(());
        for frame in batch.frames() {
            let saved = self.frame(&frame);
            failed = failed.and(saved);
        }
        failed
    }

    /// Saves one frame.
    ///
    /// # Errors
    /// As of [`Saver::batch`].
    pub fn frame(&mut self, frame: &Frame<'_>) -> Result<(), SaveError> {
        if self.file.is_none() {
            self.unsaved += 1;
            return Ok(());
        }
        if self.rotate_at.is_some_and(|most| self.written + self.buffer.len() as u64 > most) {
            self.rotate()?;
        }
        const NANOS: i64 = 1_000_000_000;
        let second = u32::try_from(frame.time.0.div_euclid(NANOS)).unwrap_or(0);
        let nanos = frame.time.0.rem_euclid(NANOS) as u32;
        for field in [second, nanos, frame.data.len() as u32, frame.wire_length] {
            self.buffer.extend(field.to_le_bytes());
        }
        self.buffer.extend_from_slice(frame.data);
        self.waiting += 1;
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    /// Hands to the system what waits in the buffer.
    ///
    /// # Errors
    /// As of [`Saver::batch`]. The file then ends with its last whole record.
    pub fn flush(&mut self) -> Result<(), SaveError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        match file.write_all(&self.buffer) {
            Ok(()) => {
                self.written += self.buffer.len() as u64;
                self.saved += std::mem::take(&mut self.waiting);
                self.buffer.clear();
                Ok(())
            }
            Err(source) => {
                // A pipe or a device cannot be cut; then its reader sees where it ends.
                let _ = file.set_len(self.written);
                let file = self.name().display().to_string();
                self.give_up();
                Err(SaveError::Write { file, source })
            }
        }
    }

    /// Frames that are in files.
    pub fn saved(&self) -> u64 {
        self.saved
    }

    /// Frames that came after writing had failed, and those that were lost with it.
    pub fn unsaved(&self) -> u64 {
        self.unsaved
    }

    /// The current file.
    pub fn name(&self) -> PathBuf {
        let mut name = OsString::from(&self.base);
        if self.number > 0 {
            name.push(self.number.to_string());
        }
        name.into()
    }

    /// Goes on in the next file. Where that fails, the frame that was to be its first is not saved.
    fn rotate(&mut self) -> Result<(), SaveError> {
        let next = self.flush().and_then(|()| {
            self.number += 1;
            self.begin()
        });
        if next.is_err() {
            self.give_up();
            self.unsaved += 1;
        }
        next
    }

    fn give_up(&mut self) {
        self.file = None;
        self.unsaved += std::mem::take(&mut self.waiting);
        self.buffer = Vec::new();
    }

    /// Opens the current file and puts its header into the buffer.
    fn begin(&mut self) -> Result<(), SaveError> {
        let name = self.name();
        self.file = Some(opened(&name)?);
        self.written = 0;
        for field in [MAGIC, 2 | 4 << 16, 0, 0, self.snap_length, u32::from(self.link)] {
            self.buffer.extend(field.to_le_bytes());
        }
        debug_assert_eq!(self.buffer.len(), FILE_HEADER);
        Ok(())
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        // Whoever wants to know of a failure has flushed before.
        let _ = self.flush();
    }
}

fn opened(name: &Path) -> Result<File, SaveError> {
    let told = name.display().to_string();
    let failed = |source| SaveError::Open { file: told.clone(), source };
    // Not truncated yet: it may be something else than a capture. Not read where it is a pipe, which has other readers.
    let there = std::fs::metadata(name).ok();
    let regular = there.as_ref().is_none_or(std::fs::Metadata::is_file);
    let mut file = OpenOptions::new()
        .read(regular)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(MODE)
        .open(name)
        .map_err(failed)?;
    if !regular {
        return Ok(file);
    }
    let mut magic = Vec::new();
    (&file).take(4).read_to_end(&mut magic).map_err(failed)?;
    if !magic.is_empty() && !pcap::is_magic(&magic) {
        return Err(SaveError::NoCapture { file: told });
    }
    file.set_permissions(Permissions::from_mode(MODE)).map_err(failed)?;
    file.set_len(0).map_err(failed)?;
    io::Seek::rewind(&mut file).map_err(failed)?;
    Ok(file)
}

#[cfg(test)]
#[path = "save_tests.rs"]
mod tests;

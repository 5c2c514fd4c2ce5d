//! Several files as one stream in time order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::input::{self, Kind};
use super::reader::{Damage, NoReader, Reader};
use super::window::WINDOW;
use super::{CaptureError, Frame};
use crate::exchange::Timestamp;
use crate::ledger::CaptureBooks;

/// Files open at once that get a whole window; files that overlap in time beyond that number share what is left.
const FULL_WINDOWS: usize = 12;

/// The window of the others, and of a look at a file's first time stamp.
const SMALL_WINDOW: usize = 16 << 10;

/// Where a named file is in its life.
enum Slot {
    /// Looked at and closed again, until its first frame's turn comes. Captures that rotate are many, and few of
    /// them overlap.
    Waiting(PathBuf),
    /// Being read; its current frame is known.
    Open(Box<Reader>),
    /// Read to its end, or to its damage.
    Done,
}

/// Capture files, read as one stream in the order of their time stamps; among equal ones, in the order named.
/// Frames keep the order of their own file, even where its clock ran backwards.
///
/// Memory: a window of 256 KiB for each file that overlaps in time, less beyond the first few, and none of a
/// file's data beside it.
pub struct Files {
    names: Vec<String>,
    slots: Vec<Slot>,
    /// The next frame's time of every file that has one and is not the current.
    waiting: BinaryHeap<Reverse<(Timestamp, usize)>>,
    current: Option<usize>,
    open: usize,
    total: Option<u64>,
    read: Arc<AtomicU64>,
    books: CaptureBooks,
}

impl Files {
    /// Looks at every file, so that what cannot be read is an error before anything else is done. `-` is standard
    /// input.
    ///
    /// # Errors
    /// A file that is missing, is a folder, may not be read, or is no capture.
    pub fn open(paths: &[PathBuf]) -> Result<Files, CaptureError> {
        if paths.iter().filter(|p| input::is_standard_input(p)).count() > 1 {
            return Err(CaptureError::StandardInputTwice);
        }
        let mut files = Files::named(paths.iter().map(|p| input::name(p)).collect());
        for path in paths {
            files.look_at(path)?;
        }
        Ok(files)
    }

    /// A capture that is in memory, under a name for its books.
    ///
    /// # Errors
    /// Bytes that are no capture.
    pub fn of_bytes(name: &str, bytes: &'static [u8]) -> Result<Files, CaptureError> {
        let mut files = Files::named(vec![name.to_owned()]);
        files.total = Some(bytes.len() as u64);
        let raw = input::counted(bytes, &files.read);
        files.begin(0, raw, WINDOW)?;
        Ok(files)
    }

    fn named(names: Vec<String>) -> Files {
        Files {
            slots: Vec::with_capacity(names.len()),
            waiting: BinaryHeap::with_capacity(names.len()),
            names,
            current: None,
            open: 0,
            total: Some(0),
            read: Arc::default(),
            books: CaptureBooks::default(),
        }
    }

    /// The next frame, lent until the next call. None: all is read, and [`CaptureBooks::finished`] says so.
    #[inline]
    #[allow(clippy::should_implement_trait)] // The frame is lent, which an Iterator cannot do.
    pub fn next(&mut self) -> Option<Frame<'_>> {
        let at = self.step()?;
        let Slot::Open(reader) = &self.slots[at] else { return None };
        let frame = reader.frame();
        self.books.bytes += frame.data.len() as u64;
        Some(frame)
    }

    /// What was read so far, and what was found damaged.
    pub fn books(&self) -> &CaptureBooks {
        &self.books
    }

    /// Bytes read from the files so far, as they are on the disk.
    pub fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// What [`Files::bytes_read`] will come to. None where a pipe or standard input is among the files.
    pub fn total_bytes(&self) -> Option<u64> {
        self.total
    }

    /// Moves to the file whose frame comes next, and to that frame.
    fn step(&mut self) -> Option<usize> {
        if let Some(at) = self.current
            && let Some(time) = self.advance(at)
        {
            match self.waiting.peek() {
                Some(Reverse(other)) if *other < (time, at) => self.waiting.push(Reverse((time, at))),
                _ => return Some(at),
            }
        }
        while let Some(Reverse((_, at))) = self.waiting.pop() {
            if self.is_open(at) {
                self.current = Some(at);
                return self.current;
            }
        }
        self.current = None;
        self.books.finished = true;
        None
    }

    /// Steps one open file; None when it has no more frames.
    #[inline]
    fn advance(&mut self, at: usize) -> Option<Timestamp> {
        let Slot::Open(reader) = &mut self.slots[at] else { return None };
        match reader.advance() {
            Ok(true) => return Some(reader.time()),
            Ok(false) => {}
            Err(damage) => self.note(at, damage),
        }
        self.slots[at] = Slot::Done;
        self.open -= 1;
        None
    }

    /// Opens a file whose turn has come; false when it is not there any more.
    fn is_open(&mut self, at: usize) -> bool {
        let path = match &mut self.slots[at] {
            Slot::Open(_) => return true,
            Slot::Done => return false,
            Slot::Waiting(path) => std::mem::take(path),
        };
        self.slots[at] = Slot::Done;
        let window = if self.open < FULL_WINDOWS { WINDOW } else { SMALL_WINDOW };
        let reader = input::open(&path, &self.read)
            .map_err(|e| Damage(format!("{e}; it was there before")))
            .and_then(|input| first_frame(input, window).map_err(|e| changed(&e)));
        match reader {
            Ok(Some(reader)) => {
                self.slots[at] = Slot::Open(reader);
                self.open += 1;
                true
            }
            Ok(None) => {
                self.note(at, Damage("has become empty since it was first looked at".to_owned()));
                false
            }
            Err(damage) => {
                self.note(at, damage);
                false
            }
        }
    }

    /// Finds a file's first time stamp. What can be opened again is closed; the rest stays open.
    fn look_at(&mut self, path: &Path) -> Result<(), CaptureError> {
        let at = self.slots.len();
        // A look is not progress, and is not counted; a pipe is read only once, so its look is.
        let (raw, window, again) = match input::kind(path)? {
            Kind::Regular(length) => {
                self.total = self.total.map(|t| t + length);
                (input::open(path, &Arc::default())?, SMALL_WINDOW, true)
            }
            Kind::Once => {
                self.total = None;
                (input::open(path, &self.read)?, WINDOW, false)
            }
        };
        self.begin(at, raw, window)?;
        if again && matches!(self.slots[at], Slot::Open(_)) {
            self.slots[at] = Slot::Waiting(path.to_owned());
            self.open -= 1;
        }
        Ok(())
    }

    /// Stands on the first frame of the next source, and knows its time from then on.
    fn begin(&mut self, at: usize, raw: input::Input, window: usize) -> Result<(), CaptureError> {
        self.books.files += 1;
        self.slots.push(Slot::Done);
        match first_frame(raw, window) {
            Ok(Some(reader)) => {
                self.waiting.push(Reverse((reader.time(), at)));
                self.slots[at] = Slot::Open(reader);
                self.open += 1;
            }
            Ok(None) => {}
            Err(NoReader::Damage(damage)) => self.note(at, damage),
            Err(NoReader::Unknown(found)) => {
                return Err(CaptureError::UnknownFormat { file: self.names[at].clone(), found });
            }
        }
        Ok(())
    }

    fn note(&mut self, at: usize, damage: Damage) {
        let name = self.names.get(at).map_or("", String::as_str);
        self.books.damage.push(format!("{name}: {}", damage.0));
    }
}

fn changed(e: &NoReader) -> Damage {
    match e {
        NoReader::Damage(damage) => damage.clone(),
        NoReader::Unknown(found) => Damage(format!("has changed since it was first looked at (begins with {found})")),
    }
}

/// A reader that stands on its first frame; None for a file that has none.
fn first_frame(raw: input::Input, window: usize) -> Result<Option<Box<Reader>>, NoReader> {
    let mut reader = Box::new(Reader::new(raw, window)?);
    let found = reader.advance().map_err(NoReader::Damage)?;
    Ok(found.then_some(reader))
}

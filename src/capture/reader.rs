//! One file's frames, whatever its format.

use std::fmt;
use std::io;

use super::input::{self, Input};
use super::window::{MAX_RECORD, Window};
use super::{Frame, pcap, pcapng};
use crate::exchange::Timestamp;

/// Bytes that tell the formats apart.
const MAGIC: usize = 4;

/// Where the current frame is, and what its record says of it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Record {
    pub(super) time: Timestamp,
    pub(super) link: u16,
    pub(super) wire_length: u32,
    /// Place in the window, as [`Window::consume`] gave it plus the record's own header.
    pub(super) at: usize,
    pub(super) length: usize,
}

/// Why a file's reading stops before its end. What was read before stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Damage(pub(super) String);

impl Damage {
    /// The stream ended, or broke, inside of a record.
    pub(super) fn cut_short(window: &Window, need: usize) -> Damage {
        let have = window.bytes().len();
        match window.failure() {
            Some(e) => Damage(format!("{} after {have} of {need} bytes", describe(e))),
            None => Damage(format!("cut short after {have} of {need} bytes")),
        }
    }

    /// A record that claims more than is believed.
    pub(super) fn too_long(need: usize) -> Damage {
        Damage(format!("claims {need} bytes, the limit is {MAX_RECORD}"))
    }
}

fn describe(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::UnexpectedEof => "compressed data cut short".to_owned(),
        _ => format!("cannot be read ({e})"),
    }
}

/// Why there is no reader for a file.
#[derive(Debug)]
pub(super) enum NoReader {
    /// No capture: its first bytes in hexadecimal.
    Unknown(String),
    /// Something of a capture, but not even a header of it.
    Damage(Damage),
}

enum Format {
    Pcap(pcap::Format),
    Pcapng(pcapng::Section),
}

/// One file, read record by record.
pub(super) struct Reader {
    window: Window,
    format: Format,
    record: Record,
    records: u64,
    gzip: bool,
}

impl Reader {
    /// Recognises the format by its first bytes and reads its header.
    pub(super) fn new(raw: Input, capacity: usize) -> Result<Reader, NoReader> {
        let damaged = |text: String| NoReader::Damage(Damage(text));
        let (input, gzip) = input::decompressed(raw).map_err(|e| damaged(describe(&e)))?;
        let mut window = Window::new(input, capacity);
        if !window.fill(MAGIC) {
            return Err(match window.failure() {
                Some(e) => damaged(describe(e)),
                None if window.bytes().is_empty() => damaged("empty, not even a header".to_owned()),
                None => NoReader::Unknown(Hex(window.bytes()).to_string()),
            });
        }
        let format = if pcapng::is_magic(window.bytes()) {
            Format::Pcapng(pcapng::Section::default())
        } else if pcap::is_magic(window.bytes()) {
            Format::Pcap(pcap::Format::read(&mut window).map_err(NoReader::Damage)?)
        } else {
            return Err(NoReader::Unknown(Hex(&window.bytes()[..MAGIC]).to_string()));
        };
        Ok(Reader { window, format, record: Record::default(), records: 0, gzip })
    }

    /// Steps to the next frame. False: the file is read to its end.
    pub(super) fn advance(&mut self) -> Result<bool, Damage> {
        let found = match &mut self.format {
            Format::Pcap(format) => format.next(&mut self.window),
            Format::Pcapng(section) => section.next(&mut self.window),
        };
        match found {
            Ok(Some(record)) => {
                self.record = record;
                self.records += 1;
                Ok(true)
            }
            Ok(None) => match self.window.failure() {
                Some(e) => Err(self.placed(&describe(e))),
                None => Ok(false),
            },
            Err(Damage(what)) => Err(self.placed(&what)),
        }
    }

    /// When the current frame was captured.
    pub(super) fn time(&self) -> Timestamp {
        self.record.time
    }

    /// The current frame.
    pub(super) fn frame(&self) -> Frame<'_> {
        let Record { time, link, wire_length, at, length } = self.record;
        Frame { time, link, data: self.window.used(at, length), wire_length }
    }

    fn placed(&self, what: &str) -> Damage {
        let (n, at) = (self.records + 1, self.window.offset());
        let unpacked = if self.gzip { " of the decompressed data" } else { "" };
        let before = self.records;
        Damage(format!("record {n} at byte {at}{unpacked}: {what}; the {before} records before it were used"))
    }
}

/// Bytes as `0a 0d 0d 0a`.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    /// A source as standard input may be: it gives a byte at a time, and is interrupted before each.
    struct Trickle(io::Cursor<Vec<u8>>, bool);

    impl Read for Trickle {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let n = buf.len().min(1);
            self.0.read(&mut buf[..n])
        }
    }

    #[test]
    fn a_source_that_trickles_is_read_like_any_other() {
        let mut bytes = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
        for second in 1..=3 {
            bytes.extend([second, 0, 0, 0, 9, 0, 0, 0, 2, 0, 0, 0, 60, 0, 0, 0, second, 7]);
        }
        let mut reader = Reader::new(Box::new(Trickle(io::Cursor::new(bytes), false)), 16).unwrap();
        for second in 1..=3 {
            assert!(reader.advance().unwrap());
            let frame = reader.frame();
            assert_eq!((frame.data, frame.wire_length, frame.link), (&[second, 7][..], 60, 1));
            assert_eq!(frame.time, Timestamp(i64::from(second) * 1_000_000_000 + 9_000));
        }
        assert!(!reader.advance().unwrap());
    }
}

//! Recorded captures with the wire code behind them: frames in, exchanges out. No thread of its own: `inspect` steps it
//! where it stands.

use std::path::PathBuf;

use crate::capture::{CaptureError, Files, Filter};
use crate::exchange::Exchange;
use crate::ledger::{Ledger, Refusal};
use crate::wire::{Keep, Wire, WireOptions};

/// Frames between two looks at the stop flag.
const FRAMES_A_TURN: usize = 256;

/// Captures, a filter, and the wire code: everything between the files and the exchanges.
pub struct Source {
    files: Files,
    filter: Option<Filter>,
    /// The first thing that the filter could not be asked about: a link type that it does not fit.
    filter_trouble: Option<String>,
    wire: Wire,
}

/// Why a source cannot be opened.
pub type SourceError = CaptureError;

impl Source {
    /// Opens captures. `body_limit` bounds the bytes of one body that are kept.
    ///
    /// # Errors
    /// A file that cannot be opened or is no capture; a filter that libpcap does not understand.
    pub fn open(
        files: &[PathBuf],
        filter: Option<&str>,
        keep: Keep,
        body_limit: Option<usize>,
    ) -> Result<Source, SourceError> {
        let filter = filter.map(Filter::new).transpose()?;
        Ok(Source { filter, ..Source::over(Files::open(files)?, keep, body_limit) })
    }

    /// A capture that is in memory already, such as the demo's.
    ///
    /// # Errors
    /// When the bytes are no capture.
    pub fn of(name: &str, bytes: &'static [u8], keep: Keep, body_limit: Option<usize>) -> Result<Source, SourceError> {
        Ok(Source::over(Files::of_bytes(name, bytes)?, keep, body_limit))
    }

    fn over(files: Files, keep: Keep, body_limit: Option<usize>) -> Source {
        let mut options = WireOptions { keep, ..WireOptions::default() };
        if let Some(limit) = body_limit {
            options.limits.body = limit;
        }
        Source { files, filter: None, filter_trouble: None, wire: Wire::new(options) }
    }

    /// Takes some frames and hands what became of them to `sink`; false when everything was handed over.
    pub fn step(&mut self, sink: &mut dyn FnMut(Exchange)) -> bool {
        for _ in 0..FRAMES_A_TURN {
            let Some(frame) = self.files.next() else {
                self.wire.finish(sink);
                return false;
            };
            let wanted = match self.filter.as_mut().map(|filter| filter.accepts(&frame)) {
                None | Some(Ok(true)) => true,
                Some(Ok(false)) => false,
                Some(Err(error)) => {
                    self.filter_trouble.get_or_insert_with(|| error.to_string());
                    false
                }
            };
            if wanted {
                self.wire.frame(&frame, sink);
            } else {
                self.wire.refuse(Refusal::Filtered);
            }
        }
        true
    }

    /// Ends the reading early: what was begun comes out as incomplete.
    pub fn stop(&mut self, sink: &mut dyn FnMut(Exchange)) {
        self.wire.finish(sink);
    }

    /// Bytes read from the files so far, as they are on the disk.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.files.bytes_read()
    }

    /// What [`Source::bytes_read`] will come to, where that is known.
    pub(crate) fn total_bytes(&self) -> Option<u64> {
        self.files.total_bytes()
    }

    /// The books so far; they close after the last [`Source::step`] or [`Source::stop`].
    pub fn ledger(&self) -> Ledger {
        let mut capture = self.files.books().clone();
        capture.damage.extend(self.filter_trouble.clone());
        Ledger { capture, wire: self.wire.books(), ..Ledger::default() }
    }
}

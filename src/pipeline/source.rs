//! The first stage: frames become exchanges, in order and numbered.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::Sender;

use super::budget::Budget;
use super::order::InOrder;
use super::progress::Progress;
use super::{Numbered, Read};
use crate::capture::{CaptureError, Files, Filter};
use crate::exchange::Exchange;
use crate::ledger::{Ledger, Refusal};
use crate::tally::EndpointTable;
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

    /// The books so far; they close after the last [`Source::step`] or [`Source::stop`].
    pub fn ledger(&self) -> Ledger {
        let mut capture = self.files.books().clone();
        capture.damage.extend(self.filter_trouble.clone());
        Ledger { capture, wire: self.wire.books(), ..Ledger::default() }
    }
}

/// The thread that owns the source.
pub(crate) struct Reader {
    pub(crate) source: Source,
    pub(crate) endpoints: EndpointTable,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) progress: Arc<Progress>,
    /// Of the bodies that may be under way.
    pub(crate) budget: Arc<Budget>,
    /// How many live answers are expected for each recorded one.
    pub(crate) answers: u64,
}

impl Reader {
    /// Reads to the end or to the stop flag. Incomplete exchanges end here: the wire's books hold them.
    pub(crate) fn run(mut self, exchanges: &Sender<Numbered>) -> Read {
        self.progress.total_bytes.store(self.source.files.total_bytes().unwrap_or(0), Ordering::Relaxed);
        let mut order = InOrder::default();
        let mut sequence = 0;
        let mut more = true;
        while more {
            let sink = &mut |exchange: Exchange| {
                if exchange.is_complete() {
                    order.push(exchange);
                }
            };
            if self.stop.load(Ordering::Relaxed) {
                self.source.stop(sink);
                more = false;
            } else {
                more = self.source.step(sink);
            }
            self.progress.bytes.store(self.source.files.bytes_read(), Ordering::Relaxed);
            while let Some(exchange) = if more { order.pop_ready() } else { order.pop() } {
                let Some(request) = &exchange.request else { continue };
                let endpoint = self.endpoints.assign(request);
                // The receiver is gone only when its thread has panicked; joining it tells.
                let share = self.budget.take(self.under_way(&exchange));
                if exchanges.send(Numbered { sequence, endpoint, exchange, share }).is_err() {
                    break;
                }
                sequence += 1;
            }
        }
        Read { ledger: self.source.ledger(), endpoints: self.endpoints.resolve() }
    }

    /// Bytes of the recorded bodies, and of live answers if they are as large.
    fn under_way(&self, exchange: &Exchange) -> u64 {
        let request = exchange.request.as_ref().map_or(0, |r| r.body.bytes.len() as u64);
        let response = exchange.response.as_ref().map_or(0, |r| r.body.bytes.len() as u64);
        request + response * (1 + self.answers)
    }
}

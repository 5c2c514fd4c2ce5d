//! The first stage of a replay: recorded captures become exchanges in order. It waits for whoever comes after it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{SendTimeoutError, Sender};

use super::asks::Telling;
use super::budget::{Budget, Share};
use super::numbering::{Numbered, Numbering, Read};
use super::order::InOrder;
use super::progress::Progress;
use super::source::Source;
use crate::exchange::Exchange;

/// The longest wait between two looks at what the recorder asks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The thread that owns the source.
pub(crate) struct Reader {
    pub(crate) source: Source,
    pub(crate) numbering: Numbering,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) progress: Arc<Progress>,
    /// Of the bodies that may be under way.
    pub(crate) budget: Arc<Budget>,
    pub(crate) telling: Telling,
}

impl Reader {
    /// Reads to the end or to the stop flag. Incomplete exchanges end here: the wire's books hold them.
    pub(crate) fn run(mut self, exchanges: &Sender<Vec<Numbered>>) -> Read {
        self.progress.total_bytes.store(self.source.total_bytes().unwrap_or(0), Ordering::Relaxed);
        let mut order = InOrder::default();
        let mut more = true;
        while more {
            let numbering = &mut self.numbering;
            let sink = &mut |mut exchange: Exchange| {
                if exchange.is_complete() {
                    order.push(exchange);
                } else {
                    numbering.incomplete(&mut exchange);
                }
            };
            if self.stop.load(Ordering::Relaxed) {
                self.source.stop(sink);
                more = false;
            } else {
                more = self.source.step(sink);
            }
            self.progress.bytes.store(self.source.bytes_read(), Ordering::Relaxed);
            self.tell();
            while let Some(exchange) = if more { order.pop_ready() } else { order.pop() } {
                if !self.give(exchange, exchanges) {
                    break;
                }
            }
        }
        self.numbering.read(self.source.ledger())
    }

    /// Hands one on, waiting as long as it takes; false where nobody receives any more: whoever joins that thread tells
    /// why.
    fn give(&mut self, exchange: Exchange, exchanges: &Sender<Vec<Numbered>>) -> bool {
        let (sequence, endpoint) = self.numbering.complete(&exchange);
        let share = self.share(&exchange);
        // Alone: to wait for others while holding a share could be to wait for itself.
        let mut numbered = vec![Numbered { sequence, endpoint, exchange, share, ready: Instant::now() }];
        loop {
            match exchanges.send_timeout(numbered, LOOK_EVERY) {
                Ok(()) => return true,
                Err(SendTimeoutError::Timeout(back)) => numbered = back,
                Err(SendTimeoutError::Disconnected(_)) => return false,
            }
            self.tell();
        }
    }

    fn share(&mut self, exchange: &Exchange) -> Share {
        let bytes = self.numbering.under_way(exchange);
        loop {
            if let Some(share) = self.budget.take(bytes, LOOK_EVERY) {
                return share;
            }
            self.tell();
        }
    }

    fn tell(&mut self) {
        if self.telling.is_asked() {
            self.telling.tell(self.numbering.read(self.source.ledger()));
        }
    }
}

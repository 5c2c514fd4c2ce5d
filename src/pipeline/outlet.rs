//! Where the exchanges of a live source leave the wire code: numbered, bounded, and handed on together. What there is no room
//! for is let go and counted.

use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{Sender, TrySendError};

use super::asks::{Counting, Telling};
use super::budget::Budget;
use super::numbering::{Numbered, Numbering, Read};
use super::progress::{Progress, bump};
use crate::exchange::{Exchange, Fate, Observation, Skip};
use crate::ledger::{CaptureBooks, Ledger, WireBooks};
use crate::wire::Wire;

/// Exchanges that are handed on together, at most.
pub(crate) const TOGETHER: usize = 32;

/// The wire code of a live source, and the way out of it.
pub(crate) struct Outlet {
    pub(crate) wire: Wire,
    pub(crate) numbering: Numbering,
    pub(crate) budget: Arc<Budget>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) counting: Counting,
    pub(crate) telling: Telling,
    pub(crate) exchanges: Sender<Vec<Numbered>>,
    /// Waits for the end of the turn.
    pub(crate) ready: Vec<Numbered>,
}

impl Outlet {
    /// Gives the wire code its turn; what it finishes goes on or is counted.
    pub(crate) fn turn(&mut self, turn: impl FnOnce(&mut Wire, &mut dyn FnMut(Exchange))) {
        let Outlet { wire, numbering, budget, progress, counting, ready, .. } = self;
        turn(wire, &mut |mut exchange| {
            if !exchange.is_complete() {
                bump(&progress.incomplete);
                return numbering.incomplete(&mut exchange);
            }
            bump(&progress.exchanges);
            let (sequence, endpoint) = numbering.complete(&exchange);
            match budget.try_take(numbering.under_way(&exchange)) {
                Some(share) => {
                    ready.push(Numbered { sequence, endpoint, exchange, share, ready: Instant::now() });
                }
                None => shed(sequence, endpoint, exchange, numbering, progress, counting),
            }
        });
        self.hand_on();
    }

    /// Hands on what is ready, many together: waking the other thread costs more than an exchange does.
    fn hand_on(&mut self) {
        while !self.ready.is_empty() {
            let together = self.ready.split_off(self.ready.len().min(TOGETHER));
            let together = std::mem::replace(&mut self.ready, together);
            // Where the receiver has panicked, whoever joins it tells.
            let sent = self.exchanges.try_send(together);
            let Err(TrySendError::Full(together) | TrySendError::Disconnected(together)) = sent else { continue };
            for Numbered { sequence, endpoint, exchange, .. } in together {
                shed(sequence, endpoint, exchange, &mut self.numbering, &self.progress, &mut self.counting);
            }
        }
    }

    /// Answers the recorder, where it has asked. `capture`: the source's books beside those of the wire code.
    pub(crate) fn tell_if_asked(&mut self, capture: impl FnOnce(&WireBooks) -> CaptureBooks) {
        self.counting.tell_if_asked();
        if self.telling.is_asked() {
            let read = self.read(capture);
            self.telling.tell(read);
        }
    }

    fn read(&self, capture: impl FnOnce(&WireBooks) -> CaptureBooks) -> Read {
        let wire = self.wire.books();
        // A line has no end of its own: up to here, everything was listened to.
        let capture = CaptureBooks { finished: true, ..capture(&wire) };
        self.numbering.read(Ledger { capture, wire, ..Ledger::default() })
    }

    /// Nothing more will come.
    pub(crate) fn end(mut self, capture: impl FnOnce(&WireBooks) -> CaptureBooks) -> (Read, Counting) {
        self.turn(Wire::finish);
        (self.read(capture), self.counting)
    }
}

/// Lets a whole exchange go, and counts it.
fn shed(
    sequence: u64,
    endpoint: u32,
    exchange: Exchange,
    numbering: &mut Numbering,
    progress: &Progress,
    counting: &mut Counting,
) {
    numbering.shed(&exchange, endpoint);
    bump(&progress.skipped);
    bump(&progress.shed);
    let fate = Fate::Skipped(Skip::Shed);
    counting.tally.skip(&Observation { sequence, endpoint, exchange, fate }, Skip::Shed);
}

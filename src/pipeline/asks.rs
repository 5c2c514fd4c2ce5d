//! How the recorder gets the counts: it asks, each stage hands over what it counted since, and nobody locks anything.
//!
//! A round has two questions. First every stage that counts outcomes hands its tally over; then the source tells its
//! books. So the books of a round are always as late as its tallies or later, and whatever a killed run has written holds
//! no outcome of an exchange that its books do not know.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Sender, TrySendError};

use super::numbering::Read;
use crate::tally::Builds;

/// The rounds asked for so far. Shared by all stages; only the recorder writes it.
#[derive(Debug, Default)]
pub(crate) struct Asks {
    tallies: AtomicU64,
    books: AtomicU64,
}

impl Asks {
    pub(crate) fn ask_tallies(&self, round: u64) {
        self.tallies.store(round, Ordering::Release);
    }

    pub(crate) fn ask_books(&self, round: u64) {
        self.books.store(round, Ordering::Release);
    }
}

/// A stage's own tally, and its way to the recorder.
pub(crate) struct Counting {
    pub(crate) tally: Builds,
    asks: Arc<Asks>,
    told: u64,
    out: Sender<(u64, Builds)>,
}

impl Counting {
    pub(crate) fn new(asks: &Arc<Asks>, out: &Sender<(u64, Builds)>) -> Counting {
        Counting { tally: Builds::new(), asks: Arc::clone(asks), told: 0, out: out.clone() }
    }

    /// To be called often; does nothing unless a new round was asked for. Where the recorder has no room for more, the
    /// tally stays here and goes with the next round. Whether a round was answered.
    pub(crate) fn tell_if_asked(&mut self) -> bool {
        let round = self.asks.tallies.load(Ordering::Acquire);
        if round == self.told || self.out.is_full() {
            return false;
        }
        self.told = round;
        if let Err(TrySendError::Full((_, tally)) | TrySendError::Disconnected((_, tally))) =
            self.out.try_send((round, self.tally.hand_over()))
        {
            self.tally.merge(tally);
        }
        true
    }
}

/// The source's way to the recorder.
pub(crate) struct Telling {
    asks: Arc<Asks>,
    told: u64,
    out: Sender<(u64, Read)>,
}

impl Telling {
    pub(crate) fn new(asks: &Arc<Asks>, out: &Sender<(u64, Read)>) -> Telling {
        Telling { asks: Arc::clone(asks), told: 0, out: out.clone() }
    }

    /// Whether a new round was asked for. To be asked often.
    pub(crate) fn is_asked(&self) -> bool {
        self.asks.books.load(Ordering::Acquire) != self.told
    }

    /// The answer to [`Telling::is_asked`].
    pub(crate) fn tell(&mut self, read: Read) {
        self.told = self.asks.books.load(Ordering::Acquire);
        // Full only where the recorder has given this round up: it asks again.
        let _ = self.out.try_send((self.told, read));
    }
}

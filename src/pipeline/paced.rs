//! The second stage of a replay: each request waits for its turn by the capture's clock and for a place in flight.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::asker::{Asker, Left};
use super::numbering::Numbered;
use crate::exchange::Skip;
use crate::shadow::Pacer;

/// The longest sleep between two looks at the stop flag and at what the recorder asks.
const NAP: Duration = Duration::from_millis(50);

/// The thread that decides and paces.
pub(crate) struct Paced {
    pub(crate) asker: Asker,
    pub(crate) pacer: Pacer,
    pub(crate) places: Arc<Semaphore>,
    pub(crate) stop: Arc<AtomicBool>,
}

impl Paced {
    /// Runs until the source drops its sender.
    pub(crate) fn run(mut self, exchanges: &Receiver<Vec<Numbered>>) -> Left {
        loop {
            match exchanges.recv_timeout(NAP) {
                Ok(together) => together.into_iter().for_each(|numbered| self.one(numbered)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.asker.end(),
            }
            self.tell();
        }
    }

    fn tell(&mut self) {
        if self.asker.counting.tell_if_asked() {
            self.asker.show_breaker();
        }
    }

    fn one(&mut self, numbered: Numbered) {
        if self.stopped() {
            return self.asker.skip(numbered, Skip::Stopped);
        }
        let Some((numbered, request)) = self.asker.decide(numbered) else { return };
        // Taken before the turn is asked for: at full speed a request is due when there is a place for it.
        let Some(permit) = self.place() else { return };
        let start = numbered.exchange.moments.request_start.unwrap_or_default();
        let begun = self.asker.begun;
        let turn = self.pacer.turn(start, begun.elapsed());
        self.sleep_until(begun + turn.send_at);
        if self.stopped() {
            self.asker.admission.unsent(&request);
            self.asker.skip(numbered, Skip::Stopped);
        } else {
            self.asker.ask(numbered, request, begun + turn.intended, permit);
        }
    }

    /// None only when the semaphore was closed, which nobody does.
    fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.asker.runtime.block_on(Arc::clone(&self.places).acquire_owned()).ok()
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn sleep_until(&mut self, moment: Instant) {
        while !self.stopped() {
            let left = moment.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(NAP));
            self.tell();
        }
    }
}

//! The second stage of a live run: each request goes out now or not at all. What cannot go out is counted; nothing is
//! queued without bound, and nothing here makes the capture wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::asker::{Asker, Left};
use super::numbering::Numbered;
use crate::exchange::Skip;

/// How long a request waits for a place in flight. Bursts are shorter; a candidate that keeps all places longer than
/// this is slower than its users' traffic.
const PATIENCE: Duration = Duration::from_millis(100);
/// What has waited longer than this behind others that waited for places is let go: it is not what users ask now, and
/// what it reads has changed since.
const LATEST: Duration = Duration::from_secs(1);
/// Between two looks at what the recorder asks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The thread that decides.
pub(crate) struct Prompt {
    pub(crate) asker: Asker,
    pub(crate) places: Arc<Semaphore>,
    pub(crate) stop: Arc<AtomicBool>,
    /// Stop when so many were sent.
    pub(crate) most: Option<u64>,
    /// When the last wait for a place ended.
    pub(crate) waited: Option<Instant>,
}

impl Prompt {
    /// Runs until the source drops its sender.
    pub(crate) fn run(mut self, exchanges: &Receiver<Vec<Numbered>>) -> Left {
        let mut sent = 0;
        loop {
            match exchanges.recv_timeout(LOOK_EVERY) {
                Ok(together) => {
                    for numbered in together {
                        sent += u64::from(self.one(numbered, sent));
                        self.tell();
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.tell(),
                Err(RecvTimeoutError::Disconnected) => return self.asker.end(),
            }
        }
    }

    /// Each of a group may wait for its place, so the recorder is answered after each.
    fn tell(&mut self) {
        if self.asker.counting.tell_if_asked() {
            self.asker.show_breaker();
        }
    }

    /// Whether it was sent.
    fn one(&mut self, numbered: Numbered, sent: u64) -> bool {
        // Waiting for a place is the candidate's slowness and counts (no coordinated omission), also for those that
        // queued up behind the one that waited. That this thread comes late by itself is not.
        let held_up = self.waited.is_some_and(|waited| numbered.ready < waited);
        let intended = if held_up { numbered.ready } else { Instant::now() };
        if self.most.is_some_and(|most| sent >= most) {
            self.asker.skip(numbered, Skip::Enough);
            return false;
        }
        let Some((numbered, request)) = self.asker.decide(numbered) else { return false };
        let late = numbered.ready.elapsed() > LATEST;
        let place = if late { Err(Skip::TooLate) } else { self.place().ok_or(Skip::Shed) };
        let permit = match place {
            Ok(permit) => permit,
            Err(skip) => {
                self.asker.admission.unsent(&request);
                self.asker.skip(numbered, skip);
                return false;
            }
        };
        self.asker.ask(numbered, request, intended, permit);
        if self.most == Some(sent + 1) {
            self.stop.store(true, Ordering::Relaxed);
        }
        true
    }

    /// A place in flight, if there is one soon. A run that is stopping waits for none.
    fn place(&mut self) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
            return Some(permit);
        }
        if self.stop.load(Ordering::Relaxed) {
            return None;
        }
        // The timer must be made where the runtime is.
        let places = Arc::clone(&self.places);
        let wait = async { tokio::time::timeout(PATIENCE, places.acquire_owned()).await };
        let place = self.asker.runtime.block_on(wait);
        self.waited = Some(Instant::now());
        place.ok()?.ok()
    }
}

//! The second stage: may it go out, when, and is there a place? Then a task on the runtime asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Numbered;
use super::budget::Share;
use super::progress::{Progress, bump};
use crate::exchange::{Fate, Observation, Skip};
use crate::shadow::{Admission, Heard, Pace, Pacer, Shadow, ShadowRequest};

/// The longest sleep between two looks at the stop flag.
const NAP: Duration = Duration::from_millis(50);

/// An observation with the permit and the share that bound how many there are, and how large.
pub(crate) struct Permitted {
    pub(crate) observation: Observation,
    pub(crate) _permit: OwnedSemaphorePermit,
    pub(crate) _share: Share,
}

/// The thread that decides and paces.
pub(crate) struct Dispatch {
    pub(crate) shadow: Arc<Shadow>,
    /// Which of those that may go out do so now.
    pub(crate) admission: Admission,
    /// Requests a second, at most.
    pub(crate) rate: Option<f64>,
    pub(crate) runtime: Handle,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) progress: Arc<Progress>,
    /// Has a place for every permit.
    pub(crate) observations: Sender<Permitted>,
}

impl Dispatch {
    /// Runs until the source drops its sender.
    pub(crate) fn run(mut self, exchanges: &Receiver<Numbered>, pace: Pace, in_flight: usize) {
        // Emptied before each request: there is never more in it than what was in flight, and the one before.
        let (heard_in, heard) = bounded::<Heard>(in_flight * 2);
        let permits = Arc::new(Semaphore::new(in_flight));
        let mut pacer = Pacer::new(pace, self.rate);
        let begun = Instant::now();
        for numbered in exchanges {
            // Taken before the turn is asked for: at full speed a request is due when there is a place for it.
            let Some(permit) = self.permit(&permits) else { return };
            for heard in heard.try_iter() {
                self.admission.heard(&heard, begun.elapsed());
            }
            let decided = self.shadow.decide(&numbered.exchange);
            let admitted = decided.and_then(|request| {
                self.admission.admit(&numbered.exchange, &request, begun.elapsed()).map(|()| request)
            });
            match admitted {
                Err(skip) => send(&self.observations, numbered.observed(Fate::Skipped(skip), permit)),
                Ok(request) => {
                    let start = numbered.exchange.moments.request_start.unwrap_or_default();
                    let turn = pacer.turn(start, begun.elapsed());
                    self.sleep_until(begun + turn.send_at);
                    if self.stopped() {
                        self.admission.unsent(&request);
                        send(&self.observations, numbered.observed(Fate::Skipped(Skip::Stopped), permit));
                    } else {
                        self.ask(numbered, request, begun + turn.intended, permit, heard_in.clone());
                    }
                }
            }
        }
    }

    fn ask(
        &self,
        numbered: Numbered,
        request: ShadowRequest,
        intended: Instant,
        permit: OwnedSemaphorePermit,
        heard: Sender<Heard>,
    ) {
        let (shadow, progress) = (Arc::clone(&self.shadow), Arc::clone(&self.progress));
        let observations = self.observations.clone();
        bump(&progress.sent);
        self.runtime.spawn(async move {
            let asked = shadow.observe(&request, intended.into()).await;
            bump(&progress.answered);
            // Before the permit falls. A send that fails means that the dispatcher has ended.
            let _ = heard.try_send(Heard::of(&request, &asked, &numbered.exchange));
            send(&observations, numbered.observed(Fate::Asked(Box::new(asked)), permit));
        });
    }

    /// None only when the semaphore was closed, which nobody does.
    fn permit(&self, permits: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        self.runtime.block_on(Arc::clone(permits).acquire_owned()).ok()
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn sleep_until(&self, moment: Instant) {
        while !self.stopped() {
            let left = moment.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(NAP));
        }
    }
}

/// Never waits: there is a place for every permit. A send that fails means that the workers are gone, and why they
/// are is told where they are joined.
fn send(observations: &Sender<Permitted>, permitted: Permitted) {
    debug_assert!(!observations.is_full(), "the channel has a place for every permit");
    let _ = observations.send(permitted);
}

impl Numbered {
    fn observed(self, fate: Fate, permit: OwnedSemaphorePermit) -> Permitted {
        let Numbered { sequence, endpoint, exchange, share } = self;
        let observation = Observation { sequence, endpoint, exchange, fate };
        Permitted { observation, _permit: permit, _share: share }
    }
}

//! What both dispatchers share: the verdict on one exchange, the asking on the runtime, and the counting of what is not
//! asked.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime};

use crossbeam_channel::{Receiver, Sender};
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;

use super::asks::Counting;
use super::budget::{Budget, Share};
use super::numbering::Numbered;
use super::progress::{Progress, bump};
use super::room::AnswersRoom;
use crate::compare::Comparer;
use crate::exchange::{Fate, Observation, Skip};
use crate::shadow::{Admission, AdmissionStanding, BreakerState, DryRun, Heard, Shadow, ShadowRequest};

/// An observation with the permit and the share that bound how many there are, and how large.
pub(crate) struct Permitted {
    pub(crate) observation: Observation,
    /// When it was due by the wall clock, where spans are made.
    pub(crate) started: Option<SystemTime>,
    pub(crate) _permit: OwnedSemaphorePermit,
    pub(crate) _share: Share,
    pub(crate) _room: AnswersRoom,
}

/// Decides, asks, and counts what it does not ask.
pub(crate) struct Asker {
    pub(crate) shadow: Arc<Shadow>,
    /// For its redactor: what is listed goes through it.
    pub(crate) comparer: Arc<Comparer>,
    pub(crate) admission: Admission,
    pub(crate) runtime: Handle,
    pub(crate) progress: Arc<Progress>,
    /// Has a place for every permit.
    pub(crate) observations: Sender<Permitted>,
    /// What was heard since the last decision; has a place for every permit.
    pub(crate) heard: (Sender<Heard>, Receiver<Heard>),
    /// Of what is not asked.
    pub(crate) counting: Counting,
    /// Where nothing is to be sent, what would be.
    pub(crate) dry_run: Option<DryRun>,
    pub(crate) begun: Instant,
    /// For answers that are larger than the recorded ones, where that is bounded.
    pub(crate) excess: Option<Arc<Budget>>,
    /// How many answers are asked for.
    pub(crate) answers: u64,
    /// Whether spans are made.
    pub(crate) spans: bool,
}

/// What an asker leaves at its end. Without its sender: the workers end when the last one is dropped.
pub(crate) struct Left {
    pub(crate) counting: Counting,
    pub(crate) admission: AdmissionStanding,
    pub(crate) dry_run: Option<DryRun>,
}

impl Asker {
    /// Nothing more will come. What is in flight still goes its way.
    pub(crate) fn end(self) -> Left {
        Left { admission: self.admission.standing(), counting: self.counting, dry_run: self.dry_run }
    }

    /// Whether this one may go out, and what is sent then. Where it may not, it is counted, and its way ends.
    pub(crate) fn decide(&mut self, numbered: Numbered) -> Option<(Numbered, ShadowRequest)> {
        let now = self.begun.elapsed();
        while let Ok(heard) = self.heard.1.try_recv() {
            self.admission.heard(&heard, now);
        }
        let mut decided = self.shadow.decide(&numbered.exchange);
        if let Some(dry_run) = &mut self.dry_run {
            let line = || {
                numbered
                    .exchange
                    .request
                    .as_ref()
                    .map_or(String::new(), |r| format!("{} {}", r.method, self.comparer.redactor().target(r)))
            };
            dry_run.note(numbered.endpoint, &numbered.exchange, &decided, line);
            decided = decided.and(Err(Skip::DryRun));
        }
        let decided =
            decided.and_then(|request| self.admission.admit(&numbered.exchange, &request, now).map(|()| request));
        match decided {
            Ok(request) => Some((numbered, request)),
            Err(skip) => {
                self.skip(numbered, skip);
                None
            }
        }
    }

    /// Lets the screen know how the breaker stands.
    pub(crate) fn show_breaker(&self) {
        let state = match self.admission.standing().breaker.map(|breaker| breaker.state) {
            None | Some(BreakerState::Closed) => 0,
            Some(BreakerState::HalfOpen) => 1,
            Some(BreakerState::Open) => 2,
        };
        self.progress.breaker.store(state, Ordering::Relaxed);
    }

    /// Counts one that is not asked.
    pub(crate) fn skip(&mut self, numbered: Numbered, skip: Skip) {
        bump(&self.progress.skipped);
        if matches!(skip, Skip::Shed | Skip::TooLate) {
            bump(&self.progress.shed);
        }
        let Numbered { sequence, endpoint, exchange, .. } = numbered;
        let observation = Observation { sequence, endpoint, exchange, fate: Fate::Skipped(skip) };
        self.counting.tally.skip(&observation, skip);
    }

    /// Asks on the runtime. The permit travels with it to the end of its comparison.
    pub(crate) fn ask(
        &self,
        numbered: Numbered,
        request: ShadowRequest,
        intended: Instant,
        permit: OwnedSemaphorePermit,
    ) {
        let (shadow, progress) = (Arc::clone(&self.shadow), Arc::clone(&self.progress));
        let (observations, heard) = (self.observations.clone(), self.heard.0.clone());
        let started = self.spans.then(|| SystemTime::now() - intended.elapsed());
        let recorded = numbered.exchange.response.as_ref().map_or(0, |r| r.body.bytes.len() as u64);
        let room = AnswersRoom::new(self.excess.clone(), self.answers * recorded);
        bump(&progress.sent);
        self.runtime.spawn(async move {
            let asked = shadow.observe_within(&request, intended.into(), &room).await;
            bump(&progress.answered);
            // Never full: there is a place for every permit, and each decision empties it.
            let _ = heard.try_send(Heard::of(&request, &asked, &numbered.exchange));
            let Numbered { sequence, endpoint, exchange, share, .. } = numbered;
            let observation = Observation { sequence, endpoint, exchange, fate: Fate::Asked(Box::new(asked)) };
            send(&observations, Permitted { observation, started, _permit: permit, _share: share, _room: room });
        });
    }
}

/// Never waits: there is a place for every permit. A send that fails means that the workers are gone, and why they
/// are is told where they are joined.
fn send(observations: &Sender<Permitted>, permitted: Permitted) {
    debug_assert!(!observations.is_full(), "the channel has a place for every permit");
    let _ = observations.send(permitted);
}

//! The last stage: compare, and count in the worker's own tally.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::asker::Permitted;
use super::asks::Counting;
use super::progress::{Progress, bump};
use super::spans::SpanSink;
use crate::compare::Comparer;
use crate::config::Policy;
use crate::exchange::Outcome;

/// Between two looks at what the recorder asks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// One comparing thread.
pub(crate) struct Worker {
    pub(crate) comparer: Arc<Comparer>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) counting: Counting,
    /// Where spans are made.
    pub(crate) spans: Option<SpanSink>,
}

impl Worker {
    /// Runs until every sender is dropped; the permit of each observation falls with it.
    pub(crate) fn run(mut self, observations: &Receiver<Permitted>) -> Counting {
        loop {
            match observations.recv_timeout(LOOK_EVERY) {
                Ok(permitted) => self.one(&permitted),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.counting,
            }
            self.counting.tell_if_asked();
        }
    }

    fn one(&mut self, permitted: &Permitted) {
        let observation = &permitted.observation;
        let comparison = self.comparer.compare(observation);
        self.counting.tally.observe(observation, &comparison, &self.policy, &self.comparer);
        if let (Some(spans), Some(started)) = (&self.spans, permitted.started) {
            spans.note(observation, comparison.outcome, started);
        }
        match comparison.outcome {
            Outcome::Mismatched => bump(&self.progress.mismatched),
            Outcome::Failed(_) => bump(&self.progress.failed),
            _ => {}
        }
        bump(&self.progress.compared);
    }
}

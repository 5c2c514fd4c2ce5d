//! The last stage: compare, and count in the worker's own tally.

use std::sync::Arc;

use crossbeam_channel::Receiver;

use super::dispatch::Permitted;
use super::progress::{Progress, bump};
use crate::compare::Comparer;
use crate::tally::Tally;

/// One comparing thread.
pub(crate) struct Worker {
    pub(crate) comparer: Arc<Comparer>,
    pub(crate) progress: Arc<Progress>,
}

impl Worker {
    /// Runs until every sender is dropped; the permit of each observation falls with it.
    pub(crate) fn run(self, observations: &Receiver<Permitted>) -> Tally {
        let mut tally = Tally::new();
        for permitted in observations {
            let observation = &permitted.observation;
            let comparison = self.comparer.compare(observation);
            tally.absorb(observation, &comparison, || self.comparer.example(observation, &comparison));
            bump(&self.progress.compared);
        }
        tally
    }
}

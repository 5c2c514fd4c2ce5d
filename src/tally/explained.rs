//! What goes with each group of mismatches, put beside it.

use crate::compare::Comparer;
use crate::exchange::Specimen;
use crate::suggest::DifferenceName;
use crate::suggest::explain::Contrast;

use super::group::{DifferenceClass, general_place};
use super::signature::KeptState;
use super::snapshot::Snapshot;

/// Groups that are explained: the most frequent ones.
pub const MAX_EXPLAINED: usize = 100;

impl Snapshot {
    /// Looks for what tells the mismatches of each group from the other exchanges of its endpoint, among those that are
    /// kept, under the comparer's rules; what is found stands in [`super::DifferenceGroup::explained`].
    pub fn explain(&mut self, comparer: &Comparer) {
        let (specimens, weights) = self.weighted();
        let contrast = Contrast::new(&specimens, &weights, comparer, general_place);
        let mismatched = self.groups.iter_mut().filter(|group| group.class == DifferenceClass::Mismatched);
        for group in mismatched.take(MAX_EXPLAINED) {
            let name =
                DifferenceName { endpoint: group.endpoint.clone(), place: group.place.clone(), kind: group.kind };
            group.explained = Some(contrast.explain(&name));
        }
    }

    /// The kept exchanges, and how many each stands for: as many are kept of what is rare as of what is frequent.
    fn weighted(&self) -> (Vec<Specimen>, Vec<f64>) {
        let (mut specimens, mut weights) = (Vec::new(), Vec::new());
        for signature in &self.signatures {
            let faithful = signature.kept.iter().filter(|kept| kept.state == KeptState::Faithful);
            let kept: Vec<Specimen> =
                faithful.filter_map(|kept| kept.specimen(&signature.endpoint).ok().flatten()).collect();
            weights.extend(kept.iter().map(|_| signature.exchanges as f64 / kept.len() as f64));
            specimens.extend(kept);
        }
        (specimens, weights)
    }
}

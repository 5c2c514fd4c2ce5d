//! A tally of what belongs to no build, given to those that were in force when it was.

use super::builds::{in_force, in_force_on};
use super::{EndpointTally, Tally};
use crate::exchange::Timestamp;

const NANOS_A_MINUTE: i64 = 60_000_000_000;

impl Tally {
    /// One tally for each build, of which it is known when the first exchange of each began, in that order. Counts go by
    /// their minute, those of days by the end of their day; what has no time goes to the last: nothing that is not known
    /// is to speak for it.
    pub(super) fn split(mut self, began: &[i64]) -> Vec<Tally> {
        let mut all: Vec<Tally> = began.iter().map(|_| Tally::new()).collect();
        let last = all.len().saturating_sub(1);
        let mut samples = Vec::new();
        let cells = std::mem::take(&mut self.cells);
        let last_minutes: Vec<i64> = cells.iter().map(|((minute, _), _)| cells.last_of(minute)).collect();
        for (((minute, number), cell), until) in cells.into_iter().zip(last_minutes) {
            let mut cell: EndpointTally = cell;
            for (failure, sample) in std::mem::take(&mut cell.failure_samples) {
                samples.push((number, failure, sample));
            }
            // Of minutes that were put together nobody knows more than that they are over by then.
            let at = in_force(began, until.saturating_mul(NANOS_A_MINUTE), NANOS_A_MINUTE);
            if let Some(tally) = all.get_mut(at) {
                tally.cells.add((minute, number), cell);
            }
        }
        for (key, share) in std::mem::take(&mut self.days).into_iter() {
            if let Some(tally) = all.get_mut(in_force_on(began, key.0)) {
                tally.days.add(key, share);
            }
        }
        // The first that failed so stands for all of them; it is told where the latest did.
        samples.sort_by_key(|(number, failure, sample)| (*number, *failure, sample.sequence));
        samples.dedup_by_key(|(number, failure, _)| (*number, *failure));
        for (number, failure, sample) in samples {
            let failed = |tally: &&mut Tally| {
                tally.cells.iter().any(|((_, other), cell)| other == number && cell.books.failed.get(failure) > 0)
            };
            if let Some(tally) = all.iter_mut().rev().find(failed) {
                let mut cell = EndpointTally::default();
                cell.failure_samples.insert(failure, sample);
                let minute = tally.cells.iter().next().map_or(0, |((minute, _), _)| minute);
                tally.cells.add((minute, number), cell);
            }
        }
        for (key, mut failing) in std::mem::take(&mut self.failures).groups {
            let failed = |tally: &Tally| {
                tally
                    .cells
                    .iter()
                    .any(|((_, number), cell)| number == key.endpoint && cell.books.failed.get(key.failure) > 0)
            };
            if let Some(at) = all.iter().rposition(failed) {
                // Of what began under an earlier build it is not known when it began under this one.
                let minute = |time: &Timestamp| time.0.div_euclid(NANOS_A_MINUTE).saturating_mul(NANOS_A_MINUTE);
                let of = |time: &Timestamp| in_force(began, minute(time), NANOS_A_MINUTE);
                failing.first = failing.first.filter(|first| of(first) == at);
                if let Some(tally) = all.get_mut(at) {
                    tally.failures.add(key, failing);
                }
            }
        }
        if let Some(tally) = all.get_mut(last) {
            tally.merge(self);
        }
        all
    }
}

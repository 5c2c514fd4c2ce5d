//! The run over time under other rules: when in its day what has changed was, nobody knows.

use crate::tally::{Snapshot, TimeCounts, TimeSeries};

/// Where an endpoint's outcomes are others now, it is told by day; and so is the whole, of the judged epoch alone.
pub(super) fn by_day(before: &Snapshot, after: &mut Snapshot) {
    let mut changed = false;
    for (before, after) in before.endpoints.iter().zip(&mut after.endpoints) {
        if before.books != after.books || before.days != after.days {
            changed = true;
            after.over_time = TimeSeries::of_days(&after.days, TimeCounts::of_books(&after.books));
        }
    }
    if changed && let Some(books) = &after.ledger.shadow {
        after.over_time = TimeSeries::of_days(&after.days, TimeCounts::of_books(books));
    }
}

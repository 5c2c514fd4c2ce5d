//! How many exchanges when, and what came of them: a run as a line of at most so many buckets, however long it went on.
//!
//! Minutes (`cells.rs`) are for the run file, and a replay may be over within one. Here a bucket is as wide as it must be:
//! 10 ms at first, the next width past the bound, and each width is a whole multiple of the one before. So the width of all
//! that was counted is the least under which it fits, and the order of counting and merging does not show.

mod shown;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::exchange::{Endpoint, Outcome, Timestamp};
use crate::ledger::ShadowBooks;

use super::snapshot::endpoint_of;

pub use shown::{TimeBucket, TimeSeries};

/// Buckets of a run in which there is something.
pub const MAX_TIME_BUCKETS: usize = 120;
/// Buckets of one endpoint.
pub const MAX_TREND_BUCKETS: usize = 48;

const MS: i64 = 1_000_000;
const SECOND: i64 = 1000 * MS;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Widths of a bucket in nanoseconds. Of the widest two dozen hold every time that there is.
const STEPS: [i64; 30] = [
    10 * MS,
    50 * MS,
    100 * MS,
    500 * MS,
    SECOND,
    5 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    5 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    4 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    4 * DAY,
    8 * DAY,
    16 * DAY,
    32 * DAY,
    64 * DAY,
    128 * DAY,
    256 * DAY,
    512 * DAY,
    1024 * DAY,
    2048 * DAY,
    4096 * DAY,
    8192 * DAY,
];

/// The position of a width among [`STEPS`]: the least that is no narrower.
fn step_of(nanos: i64) -> u8 {
    STEPS.iter().position(|step| *step >= nanos).unwrap_or(STEPS.len() - 1) as u8
}

/// What came of some exchanges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct TimeCounts {
    /// Exchanges that began then.
    pub exchanges: u64,
    /// Of these, those whose two answers say whether they agree: matched, accepted or mismatched.
    pub compared: u64,
    /// Of the compared, mismatched.
    pub mismatched: u64,
    /// Of the exchanges, those that the candidate failed.
    pub failed: u64,
}

impl TimeCounts {
    fn one(outcome: Outcome) -> TimeCounts {
        let compared = matches!(outcome, Outcome::Matched | Outcome::Accepted | Outcome::Mismatched);
        TimeCounts {
            exchanges: 1,
            compared: u64::from(compared),
            mismatched: u64::from(outcome == Outcome::Mismatched),
            failed: u64::from(matches!(outcome, Outcome::Failed(_))),
        }
    }

    /// What the books of some exchanges have. What was under way when its process was killed began nobody knows when, and is
    /// in no series.
    pub(crate) fn of_books(books: &ShadowBooks) -> TimeCounts {
        TimeCounts {
            exchanges: books.exchanges.saturating_sub(books.interrupted),
            compared: books.matched + books.accepted + books.mismatched,
            mismatched: books.mismatched,
            failed: books.failed.total(),
        }
    }

    /// Adds others.
    pub fn add(&mut self, more: &TimeCounts) {
        self.exchanges = self.exchanges.saturating_add(more.exchanges);
        self.compared = self.compared.saturating_add(more.compared);
        self.mismatched = self.mismatched.saturating_add(more.mismatched);
        self.failed = self.failed.saturating_add(more.failed);
    }

    /// Whether the parts are no more than the whole.
    pub(crate) fn is_sound(&self) -> bool {
        self.mismatched <= self.compared && self.compared.saturating_add(self.failed) <= self.exchanges
    }
}

/// Counts by time, in at most `MOST` buckets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Series<const MOST: usize> {
    /// Which of [`STEPS`].
    step: u8,
    /// By the number of the bucket, counted from 1970.
    buckets: BTreeMap<i64, TimeCounts>,
    /// Of an unknown time.
    pub(crate) undated: TimeCounts,
}

impl<const MOST: usize> Series<MOST> {
    fn count(&mut self, at: Option<Timestamp>, counts: TimeCounts) {
        match at {
            None => self.undated.add(&counts),
            Some(at) => {
                self.buckets.entry(at.0.div_euclid(self.width())).or_default().add(&counts);
                self.bound();
            }
        }
    }

    /// Adds what is only known to have been within so many nanoseconds from that moment, of which one of the widths is a
    /// whole multiple.
    pub(crate) fn add_within(&mut self, from: Timestamp, nanos: i64, counts: TimeCounts) {
        self.widen_to(step_of(nanos));
        self.count(Some(from), counts);
    }

    pub(crate) fn merge(&mut self, other: &Series<MOST>) {
        self.undated.add(&other.undated);
        self.widen_to(other.step);
        let times = self.width() / other.width();
        for (at, counts) in &other.buckets {
            self.buckets.entry(at.div_euclid(times)).or_default().add(counts);
        }
        self.bound();
    }

    /// All of it.
    pub(crate) fn total(&self) -> TimeCounts {
        let mut total = self.undated;
        self.buckets.values().for_each(|counts| total.add(counts));
        total
    }

    fn width(&self) -> i64 {
        STEPS[usize::from(self.step)]
    }

    fn bound(&mut self) {
        while self.buckets.len() > MOST && usize::from(self.step) + 1 < STEPS.len() {
            self.widen_to(self.step + 1);
        }
    }

    fn widen_to(&mut self, step: u8) {
        if step <= self.step {
            return;
        }
        let times = STEPS[usize::from(step)] / self.width();
        for (at, counts) in std::mem::take(&mut self.buckets) {
            self.buckets.entry(at.div_euclid(times)).or_default().add(&counts);
        }
        self.step = step;
    }

    /// As it is kept in a file: the step, the buckets with their numbers, and what has no time.
    pub(crate) fn to_rows(&self) -> SeriesRows {
        let row = |counts: &TimeCounts| (counts.exchanges, counts.compared, counts.mismatched, counts.failed);
        (self.step, self.buckets.iter().map(|(at, counts)| (*at, row(counts))).collect(), row(&self.undated))
    }

    /// None where they are none that are written.
    pub(crate) fn from_rows((step, buckets, undated): SeriesRows) -> Option<Series<MOST>> {
        let counts = |(exchanges, compared, mismatched, failed)| {
            let counts = TimeCounts { exchanges, compared, mismatched, failed };
            counts.is_sound().then_some(counts)
        };
        let width = *STEPS.get(usize::from(step))?;
        let mut series = Series { step, buckets: BTreeMap::new(), undated: counts(undated)? };
        for (at, row) in buckets {
            if !(i64::MIN.div_euclid(width)..=i64::MAX.div_euclid(width)).contains(&at) {
                return None;
            }
            series.buckets.entry(at).or_default().add(&counts(row)?);
        }
        (series.buckets.len() <= MOST).then_some(series)
    }
}

/// Exchanges, compared, mismatched, failed.
type Row = (u64, u64, u64, u64);
/// What a file has of a series.
pub(crate) type SeriesRows = (u8, Vec<(i64, Row)>, Row);

/// Of all endpoints together, and of each.
#[derive(Debug, Clone, Default)]
pub(crate) struct OverTime {
    pub(crate) whole: Series<MAX_TIME_BUCKETS>,
    /// By endpoint number.
    pub(crate) endpoints: BTreeMap<u32, Series<MAX_TREND_BUCKETS>>,
}

impl OverTime {
    pub(super) fn count(&mut self, at: Option<Timestamp>, number: u32, outcome: Outcome) {
        let counts = TimeCounts::one(outcome);
        self.whole.count(at, counts);
        self.endpoints.entry(number).or_default().count(at, counts);
    }

    pub(crate) fn merge(&mut self, other: &OverTime) {
        self.whole.merge(&other.whole);
        for (number, series) in &other.endpoints {
            self.endpoints.entry(*number).or_default().merge(series);
        }
    }

    pub(super) fn renumbered(&self, number: impl Fn(u32) -> u32) -> OverTime {
        let mut all = OverTime { whole: self.whole.clone(), endpoints: BTreeMap::new() };
        for (was, series) in &self.endpoints {
            all.endpoints.entry(number(*was)).or_default().merge(series);
        }
        all
    }

    /// Under the names of the endpoints.
    pub(crate) fn resolve(&self, endpoints: &[Endpoint]) -> RunOverTime {
        let mut named = RunOverTime { whole: self.whole.clone(), endpoints: BTreeMap::new() };
        for (number, series) in &self.endpoints {
            named.endpoints.entry(endpoint_of(endpoints, *number)).or_default().merge(series);
        }
        named
    }
}

/// A whole run over time, whatever builds, rules and policies there were in it.
#[derive(Debug, Clone, Default)]
pub(crate) struct RunOverTime {
    pub(super) whole: Series<MAX_TIME_BUCKETS>,
    pub(super) endpoints: BTreeMap<Endpoint, Series<MAX_TREND_BUCKETS>>,
}

impl RunOverTime {
    pub(crate) fn merge(&mut self, other: &RunOverTime) {
        self.whole.merge(&other.whole);
        for (endpoint, series) in &other.endpoints {
            self.endpoints.entry(endpoint.clone()).or_default().merge(series);
        }
    }
}

#[cfg(test)]
mod tests;

//! A series as plain data: what the JSON report has, and what plots are drawn of.

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::exchange::Timestamp;
use crate::tally::{DaySnapshot, Snapshot};

use super::{DAY, MS, RunOverTime, STEPS, Series, TimeCounts};

/// Counts by time, in UTC by the clock of the capture.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct TimeSeries {
    /// How wide a bucket is, in milliseconds; 0 where there is none.
    pub step_ms: u64,
    /// The buckets in which exchanges began, in their order. Where none did there is no bucket.
    pub buckets: Vec<TimeBucket>,
    /// Exchanges that are in none of them, because it is not known when they began.
    pub undated: TimeCounts,
}

/// What came of the exchanges that began from then on, for the width of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TimeBucket {
    /// Its first moment, RFC 3339.
    #[serde(serialize_with = "text")]
    #[schemars(with = "String")]
    pub from: Timestamp,
    /// Exchanges that began in it.
    pub exchanges: u64,
    /// Of these, those whose two answers say whether they agree: matched, accepted or mismatched.
    pub compared: u64,
    /// Of the compared, mismatched.
    pub mismatched: u64,
    /// Of the exchanges, those that the candidate failed.
    pub failed: u64,
}

fn text<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

impl TimeBucket {
    fn of(from: Timestamp, counts: TimeCounts) -> TimeBucket {
        let TimeCounts { exchanges, compared, mismatched, failed } = counts;
        TimeBucket { from, exchanges, compared, mismatched, failed }
    }

    /// What is in it.
    pub fn counts(&self) -> TimeCounts {
        let TimeBucket { exchanges, compared, mismatched, failed, .. } = *self;
        TimeCounts { exchanges, compared, mismatched, failed }
    }
}

impl<const MOST: usize> Series<MOST> {
    /// In buckets so wide that from the first to the last there are no more than the bound either: a minute of one request a
    /// second is sixty buckets, and not sixty moments.
    pub(crate) fn shown(&self) -> TimeSeries {
        let bucket =
            |(at, counts): (&i64, &TimeCounts)| TimeBucket::of(Timestamp(at.saturating_mul(self.width())), *counts);
        let step_ms = if self.buckets.is_empty() { 0 } else { (self.width() / MS) as u64 };
        let kept = TimeSeries { step_ms, buckets: self.buckets.iter().map(bucket).collect(), undated: self.undated };
        kept.spread_over_at_most(MOST as i64)
    }
}

impl TimeSeries {
    /// Of these days; what of the whole is on none of them has no time.
    pub(crate) fn of_days(days: &[DaySnapshot], whole: TimeCounts) -> TimeSeries {
        let bucket = |day: &DaySnapshot| {
            let DaySnapshot { exchanges, compared, mismatched, failed, .. } = *day;
            let from = Timestamp(i64::from(day.day.0).saturating_mul(DAY));
            TimeBucket { from, exchanges, compared, mismatched, failed }
        };
        let buckets: Vec<TimeBucket> = days.iter().map(bucket).collect();
        let mut dated = TimeCounts::default();
        buckets.iter().for_each(|bucket| dated.add(&bucket.counts()));
        let more = dated.exchanges > whole.exchanges || dated.compared > whole.compared;
        if more || dated.mismatched > whole.mismatched || dated.failed > whole.failed {
            // Of what is past the bound on signatures it is not known either on which day it came out otherwise.
            return TimeSeries { undated: whole, ..TimeSeries::default() };
        }
        let undated = TimeCounts {
            exchanges: whole.exchanges.saturating_sub(dated.exchanges),
            compared: whole.compared.saturating_sub(dated.compared),
            mismatched: whole.mismatched.saturating_sub(dated.mismatched),
            failed: whole.failed.saturating_sub(dated.failed),
        };
        let step_ms = if buckets.is_empty() { 0 } else { (DAY / MS) as u64 };
        TimeSeries { step_ms, buckets, undated }
    }

    /// All of it.
    pub fn total(&self) -> TimeCounts {
        let mut total = self.undated;
        self.buckets.iter().for_each(|bucket| total.add(&bucket.counts()));
        total
    }

    /// How wide a bucket is, in nanoseconds.
    pub fn width(&self) -> i64 {
        i64::try_from(self.step_ms).unwrap_or(i64::MAX).saturating_mul(MS).max(1)
    }

    /// From the first moment of the first bucket to the last of the last; None where nothing has a time.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let (first, last) = (self.buckets.first()?, self.buckets.last()?);
        Some((first.from, Timestamp(last.from.0.saturating_add(self.width()))))
    }

    /// The same in buckets so wide that from the first to the last there are at most so many, with the empty ones.
    #[must_use]
    pub fn spread_over_at_most(&self, most: i64) -> TimeSeries {
        let Some((first, last)) = self.span() else { return self.clone() };
        let places = |width: &i64| last.0.saturating_sub(1).div_euclid(*width) - first.0.div_euclid(*width) + 1;
        let fits = |width: &&i64| **width >= self.width() && places(width) <= most;
        let width = STEPS.iter().find(fits).or(STEPS.last()).copied().unwrap_or(DAY);
        if width == self.width() {
            return self.clone();
        }
        let mut buckets: Vec<TimeBucket> = Vec::new();
        for bucket in &self.buckets {
            let from = Timestamp(bucket.from.0.div_euclid(width).saturating_mul(width));
            match buckets.last_mut().filter(|last| last.from == from) {
                Some(last) => {
                    let mut counts = last.counts();
                    counts.add(&bucket.counts());
                    *last = TimeBucket::of(from, counts);
                }
                None => buckets.push(TimeBucket { from, ..*bucket }),
            }
        }
        TimeSeries { step_ms: (width / MS) as u64, buckets, undated: self.undated }
    }
}

impl Snapshot {
    /// Puts the whole run over time in the place of what the judged epoch alone has of it.
    pub(crate) fn show_over_time(&mut self, run: &RunOverTime) {
        self.over_time = run.whole.shown();
        for endpoint in &mut self.endpoints {
            endpoint.over_time = run.endpoints.get(&endpoint.endpoint).map(Series::shown).unwrap_or_default();
        }
    }
}

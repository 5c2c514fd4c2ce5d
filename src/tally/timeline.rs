//! How many answers when, in bounded memory: enough to tell whether two builds answered in turn.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::exchange::Timestamp;

/// Past so many buckets each two become one.
const MAX_BUCKETS: usize = 1024;
/// The widest there are: years.
const MAX_SHIFT: u8 = 40;

/// Answers by time. Buckets are a millisecond wide, or a power of two of that, so that however they were counted and
/// merged, they come out the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "(u8, Vec<(i64, u64)>)", from = "(u8, Vec<(i64, u64)>)")]
pub(crate) struct Timeline {
    shift: u8,
    buckets: BTreeMap<i64, u64>,
}

impl From<Timeline> for (u8, Vec<(i64, u64)>) {
    fn from(timeline: Timeline) -> Self {
        (timeline.shift, timeline.buckets.into_iter().collect())
    }
}

impl From<(u8, Vec<(i64, u64)>)> for Timeline {
    fn from((shift, buckets): (u8, Vec<(i64, u64)>)) -> Self {
        let mut timeline = Timeline { shift: shift.min(MAX_SHIFT), buckets: BTreeMap::new() };
        for (at, n) in buckets {
            let there = timeline.buckets.entry(at).or_default();
            *there = there.saturating_add(n);
        }
        timeline.bound();
        timeline
    }
}

impl Timeline {
    pub(super) fn count(&mut self, at: Timestamp) {
        *self.buckets.entry(at.0.div_euclid(1_000_000) >> self.shift).or_default() += 1;
        self.bound();
    }

    pub(crate) fn merge(&mut self, other: Timeline) {
        self.widen_to(other.shift);
        for (at, n) in other.buckets {
            let there = self.buckets.entry(at >> (self.shift - other.shift)).or_default();
            *there = there.saturating_add(n);
        }
        self.bound();
    }

    /// All of them.
    pub(crate) fn total(&self) -> u64 {
        self.buckets.values().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// Those after the bucket in which that moment is.
    pub(crate) fn after(&self, moment: Timestamp) -> u64 {
        let bucket = moment.0.div_euclid(1_000_000) >> self.shift;
        self.buckets.range(bucket.saturating_add(1)..).fold(0, |sum, (_, n)| sum.saturating_add(*n))
    }

    /// Those before it.
    pub(crate) fn before(&self, moment: Timestamp) -> u64 {
        let bucket = moment.0.div_euclid(1_000_000) >> self.shift;
        self.buckets.range(..bucket).fold(0, |sum, (_, n)| sum.saturating_add(*n))
    }

    fn bound(&mut self) {
        while self.buckets.len() > MAX_BUCKETS && self.shift < MAX_SHIFT {
            self.widen_to(self.shift + 1);
        }
    }

    fn widen_to(&mut self, shift: u8) {
        if shift <= self.shift {
            return;
        }
        for (at, n) in std::mem::take(&mut self.buckets) {
            let there = self.buckets.entry(at >> (shift - self.shift)).or_default();
            *there = there.saturating_add(n);
        }
        self.shift = shift;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(seconds: impl IntoIterator<Item = i64>) -> Timeline {
        let mut timeline = Timeline::default();
        seconds.into_iter().for_each(|s| timeline.count(Timestamp(s * 1_000_000_000)));
        timeline
    }

    #[test]
    fn it_stays_bounded_and_the_order_does_not_show() {
        let together = of(0..20_000);
        assert!(together.buckets.len() <= MAX_BUCKETS && together.total() == 20_000);
        let mut merged = of((15_000..20_000).rev());
        merged.merge(of(0..7_000));
        merged.merge(of(7_000..15_000));
        assert_eq!(merged, together);
        let moment = Timestamp(10_000_000_000_000);
        let (before, after) = (together.before(moment), together.after(moment));
        assert!((9_900..=10_000).contains(&before) && (9_900..=10_000).contains(&after), "{before} {after}");
        let text = serde_json::to_string(&together).unwrap();
        assert_eq!(serde_json::from_str::<Timeline>(&text).unwrap(), together);
    }

    #[test]
    fn times_before_1970_and_absurd_ones_are_buckets_too() {
        let timeline = of([-5, i64::MAX / 2_000_000_000, 0]);
        assert_eq!((timeline.total(), timeline.before(Timestamp(0)), timeline.after(Timestamp(0))), (3, 1, 1));
    }
}

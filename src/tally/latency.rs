//! Latency histograms: both sides of the same exchanges.

mod bytes;
mod paired;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

pub use paired::Paired;
pub(crate) use paired::PairedRecorder;

/// The largest latency that is told apart; longer ones are counted as this one, and as saturated.
pub const LATENCY_MAX: Duration = Duration::from_secs(600);
/// Three significant digits: a bucket is at most a thousandth of its value wide.
const SIGNIFICANT_DIGITS: u8 = 3;

/// So many values are kept as they are; a histogram takes as much as 2,000 of them.
const FEW: usize = 256;

/// Latencies in microseconds. A few are kept as they came, many in a growing histogram: 8 KiB up to 2 ms, 84 KiB at
/// most. Either way it is the same distribution that comes out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recorder {
    values: Values,
    pub(super) censored: u64,
    pub(super) saturated: u64,
    pub(super) unrecorded: u64,
}

#[derive(Debug, Clone)]
enum Values {
    Few(Vec<u32>),
    /// A bucket holds up to 2^32 - 1 values.
    Many(Histogram<u32>),
}

impl Default for Values {
    fn default() -> Values {
        Values::Few(Vec::new())
    }
}

impl Recorder {
    /// One latency; `censored` where it is only known to be at least so long.
    pub(crate) fn record(&mut self, latency: Duration, censored: bool) {
        let max = LATENCY_MAX.as_micros() as u64;
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.saturated += u64::from(micros > max);
        self.censored += u64::from(censored);
        self.record_many(micros.clamp(1, max) as u32, 1);
    }

    /// Bytes on the heap.
    pub(super) fn heap(&self) -> usize {
        match &self.values {
            Values::Few(values) => values.capacity() * size_of::<u32>(),
            Values::Many(values) => values.distinct_values() * size_of::<u32>(),
        }
    }

    pub(super) fn record_many(&mut self, micros: u32, times: u32) {
        if let Values::Few(values) = &mut self.values {
            if values.len().saturating_add(times as usize) <= FEW {
                values.extend(std::iter::repeat_n(micros, times as usize));
                return;
            }
            match histogram(values) {
                Some(many) => self.values = Values::Many(many),
                None => return self.unrecorded += u64::from(times),
            }
        }
        if let Values::Many(values) = &mut self.values {
            // Cannot fail with the constants above; if it did, it would be seen.
            let recorded = values.record_n(u64::from(micros), times);
            self.unrecorded += if recorded.is_ok() { 0 } else { u64::from(times) };
        }
    }

    pub(super) fn merge(&mut self, other: Recorder) {
        self.censored += other.censored;
        self.saturated += other.saturated;
        self.unrecorded += other.unrecorded;
        match (&mut self.values, other.values) {
            (_, Values::Few(few)) => few.into_iter().for_each(|micros| self.record_many(micros, 1)),
            (Values::Many(values), Values::Many(more)) => {
                let count = more.len();
                if values.add(more).is_err() {
                    self.unrecorded += count;
                }
            }
            (values @ Values::Few(_), many @ Values::Many(_)) => {
                if let Values::Few(few) = std::mem::replace(values, many) {
                    few.into_iter().for_each(|micros| self.record_many(micros, 1));
                }
            }
        }
    }

    /// What was recorded, as (value, how often), from the smallest. The value is the bucket's least, or the latency
    /// itself where there are few: recorded again, either falls into the same bucket.
    pub(super) fn recorded(&self) -> Vec<(u32, u32)> {
        match &self.values {
            Values::Few(values) => {
                let mut sorted = values.clone();
                sorted.sort_unstable();
                sorted.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u32)).collect()
            }
            Values::Many(values) => values
                .iter_recorded()
                .map(|step| (values.lowest_equivalent(step.value_iterated_to()).max(1) as u32, step.count_at_value()))
                .collect(),
        }
    }

    pub(crate) fn snapshot(&self) -> Latency {
        let mut latency = Latency {
            count: 0,
            censored: self.censored,
            saturated: self.saturated,
            unrecorded: self.unrecorded,
            buckets: Vec::new(),
        };
        let made;
        let values = match &self.values {
            Values::Few(few) if few.is_empty() => return latency,
            Values::Few(few) => {
                made = histogram(few);
                made.as_ref()
            }
            Values::Many(values) => Some(values),
        };
        if let Some(values) = values {
            latency.count = values.len();
            latency.buckets = values
                .iter_recorded()
                .map(|step| {
                    let value = step.value_iterated_to();
                    Bucket {
                        low: values.lowest_equivalent(value),
                        high: values.highest_equivalent(value),
                        count: u64::from(step.count_at_value()),
                    }
                })
                .collect();
        }
        latency
    }
}

/// None only where the constants were wrong.
fn histogram(values: &[u32]) -> Option<Histogram<u32>> {
    let mut histogram = Histogram::new(SIGNIFICANT_DIGITS).ok()?;
    values.iter().try_for_each(|micros| histogram.record(u64::from(*micros))).ok()?;
    Some(histogram)
}

/// Latencies that are told apart no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// The least latency in it, in microseconds.
    pub low: u64,
    /// The largest, in microseconds.
    pub high: u64,
    /// How many.
    pub count: u64,
}

impl Serialize for Bucket {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.low, self.high, self.count).serialize(serializer)
    }
}

/// A distribution of latencies, as plain data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Latency {
    /// How many latencies.
    pub count: u64,
    /// Of these, time-outs: the true latency is at least what was recorded.
    pub censored: u64,
    /// Of these, longer than [`LATENCY_MAX`] and recorded as that.
    pub saturated: u64,
    /// Lost by the histogram itself; always 0.
    pub unrecorded: u64,
    /// The buckets in which there are any, from the smallest.
    pub buckets: Vec<Bucket>,
}

impl Latency {
    /// A distribution of invented or otherwise known latencies; what tests and later readers of runs make.
    pub fn from_values(values: impl IntoIterator<Item = Duration>) -> Latency {
        let mut recorder = Recorder::default();
        values.into_iter().for_each(|latency| recorder.record(latency, false));
        recorder.snapshot()
    }

    /// The bucket of the value with that rank, from 1 (the smallest) to [`Latency::count`].
    pub fn at_rank(&self, rank: u64) -> Option<Bucket> {
        if rank == 0 {
            return None;
        }
        let mut below = 0;
        self.buckets.iter().copied().find(|bucket| {
            below += bucket.count;
            below >= rank
        })
    }

    /// The quantile in microseconds: the largest value of the bucket in which the first rank with at least that share
    /// of the values lies. None where there are no values.
    pub fn quantile(&self, quantile: f64) -> Option<u64> {
        let rank = (quantile.clamp(0.0, 1.0) * self.count as f64).ceil() as u64;
        self.at_rank(rank.clamp(1, self.count.max(1))).map(|bucket| bucket.high)
    }

    /// The mean in microseconds, by the middles of the buckets.
    pub fn mean(&self) -> Option<f64> {
        let sum: f64 = self.buckets.iter().map(|b| (b.low + b.high) as f64 / 2.0 * b.count as f64).sum();
        (self.count > 0).then(|| sum / self.count as f64)
    }
}

impl Serialize for Latency {
    /// The percentiles that people ask for, then the buckets as `[low, high, count]`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Latency", 12)?;
        object.serialize_field("count", &self.count)?;
        object.serialize_field("censored", &self.censored)?;
        object.serialize_field("saturated", &self.saturated)?;
        object.serialize_field("min_us", &self.buckets.first().map(|b| b.low))?;
        object.serialize_field("mean_us", &self.mean().map(|mean| (mean * 10.0).round() / 10.0))?;
        object.serialize_field("p50_us", &self.quantile(0.5))?;
        object.serialize_field("p90_us", &self.quantile(0.9))?;
        object.serialize_field("p95_us", &self.quantile(0.95))?;
        object.serialize_field("p99_us", &self.quantile(0.99))?;
        object.serialize_field("p999_us", &self.quantile(0.999))?;
        object.serialize_field("max_us", &self.buckets.last().map(|b| b.high))?;
        object.serialize_field("buckets_us", &self.buckets)?;
        object.end()
    }
}

impl JsonSchema for Latency {
    fn schema_name() -> Cow<'static, str> {
        "Latency".into()
    }

    /// What [`Latency::serialize`] writes.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let whole = json_schema!({"type": "integer", "minimum": 0});
        let micros = json_schema!({"type": ["integer", "null"], "minimum": 0, "description": "In microseconds; null where there are none."});
        json_schema!({
            "type": "object",
            "description": "A distribution of latencies. Of `count`, `censored` are time-outs, which took at least so long, and \
                            `saturated` were too long to be told apart.",
            "properties": {
                "count": whole, "censored": whole, "saturated": whole,
                "min_us": micros, "mean_us": {"type": ["number", "null"]},
                "p50_us": micros, "p90_us": micros, "p95_us": micros, "p99_us": micros, "p999_us": micros, "max_us": micros,
                "buckets_us": {
                    "type": "array",
                    "description": "The least and the largest latency of a bucket, and how many are in it.",
                    "items": {"type": "array", "items": whole, "minItems": 3, "maxItems": 3}
                }
            },
            "required": ["count", "censored", "saturated", "min_us", "mean_us", "p50_us", "p90_us", "p95_us", "p99_us",
                         "p999_us", "max_us", "buckets_us"]
        })
    }
}

/// Both sides of the same exchanges, and the legacy's own record beside them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct LatencyPair {
    /// The reference: the live legacy where it was asked, else the legacy as captured.
    pub legacy: Latency,
    /// The candidate, over the same exchanges.
    pub candidate: Latency,
    /// The legacy as captured, over every exchange that was sent: with a live legacy, a third curve.
    pub captured: Latency,
    /// The difference of each exchange: candidate less reference.
    pub difference: Paired,
}

impl LatencyPair {
    /// Of several endpoints together. All distributions have the same buckets, so nothing is lost.
    pub fn together<'a>(pairs: impl IntoIterator<Item = &'a LatencyPair>) -> LatencyPair {
        let pairs: Vec<&LatencyPair> = pairs.into_iter().collect();
        let side = |side: fn(&LatencyPair) -> &Latency| Latency::together(pairs.iter().map(|pair| side(pair)));
        LatencyPair {
            legacy: side(|pair| &pair.legacy),
            candidate: side(|pair| &pair.candidate),
            captured: side(|pair| &pair.captured),
            difference: Paired::together(pairs.iter().map(|pair| &pair.difference)),
        }
    }
}

impl Latency {
    fn together<'a>(all: impl Iterator<Item = &'a Latency>) -> Latency {
        let mut sum = Latency::default();
        let mut buckets: BTreeMap<u64, Bucket> = BTreeMap::new();
        for latency in all {
            sum.count += latency.count;
            sum.censored += latency.censored;
            sum.saturated += latency.saturated;
            sum.unrecorded += latency.unrecorded;
            for bucket in &latency.buckets {
                buckets.entry(bucket.low).or_insert(Bucket { count: 0, ..*bucket }).count += bucket.count;
            }
        }
        Latency { buckets: buckets.into_values().collect(), ..sum }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(values: impl IntoIterator<Item = u64>) -> Latency {
        Latency::from_values(values.into_iter().map(Duration::from_micros))
    }

    #[test]
    fn ranks_and_quantiles_are_within_a_thousandth() {
        let latency = micros((1..=10_000).map(|n| n * 100));
        for (quantile, truth) in [(0.5, 500_000.0), (0.95, 950_000.0), (1.0, 1_000_000.0), (0.0, 100.0)] {
            let found = latency.quantile(quantile).unwrap() as f64;
            assert!((found / truth - 1.0).abs() < 1e-3, "{quantile}: {found}");
        }
        let bucket = latency.at_rank(9_500).unwrap();
        assert!(bucket.low <= 950_000 && 950_000 <= bucket.high);
        assert_eq!(latency.at_rank(0), None);
        assert_eq!(latency.at_rank(10_001), None);
        assert_eq!(Latency::default().quantile(0.5), None);
    }

    #[test]
    fn what_is_too_long_saturates_and_is_counted() {
        let mut recorder = Recorder::default();
        recorder.record(LATENCY_MAX, false);
        recorder.record(LATENCY_MAX * 1000, false);
        recorder.record(Duration::MAX, true);
        recorder.record(Duration::ZERO, false);
        let latency = recorder.snapshot();
        assert_eq!((latency.count, latency.saturated, latency.censored, latency.unrecorded), (4, 2, 1, 0));
        assert_eq!(latency.buckets.first().unwrap().low, 1);
        assert!(latency.buckets.last().unwrap().high < 601_000_000);
    }

    #[test]
    fn distributions_put_together_are_those_recorded_together() {
        let pair = |values: std::ops::Range<u64>| LatencyPair {
            legacy: micros(values.clone().map(|n| n * 7)),
            candidate: micros(values.clone().map(|n| n * n)),
            captured: micros(values.clone()),
            difference: Paired::from_values(
                values.map(|n| (Duration::from_micros(n * 7), Duration::from_micros(n * n))),
            ),
        };
        // Few and many are kept in two ways.
        let (few, many, all) = (pair(1..40), pair(40..2_000), pair(1..2_000));
        assert_eq!(LatencyPair::together([&few, &many]), all);
        assert_eq!(LatencyPair::together([&many, &few, &LatencyPair::default()]), all);
        assert_eq!(LatencyPair::together([]), LatencyPair::default());
    }

    #[test]
    fn merging_is_recording_together() {
        let (mut small, mut large) = (Recorder::default(), Recorder::default());
        small.record(Duration::from_micros(7), false);
        large.record(Duration::from_secs(500), true);
        let mut other_way = large.clone();
        other_way.merge(small.clone());
        small.merge(large);
        assert_eq!(small.snapshot(), other_way.snapshot());
        assert_eq!((small.snapshot().count, small.snapshot().censored), (2, 1));
    }
}

//! The difference of each request: the candidate's latency less the reference's, of the same exchange.
//!
//! Two distributions may have the same quantiles although every second request got slower. The difference of each pair
//! shows it. Where a time-out cut the candidate off, nobody knows by how much it is slower, and where it was not even
//! waited for as long as the reference took, not that it is: both rank above every difference that is known. Where the
//! reference was cut off, the candidate is faster by at least what was seen.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::{Bucket, Latency, Recorder};

/// Differences in microseconds, either way.
#[derive(Debug, Clone, Default)]
pub(crate) struct PairedRecorder {
    pub(crate) slower: Recorder,
    pub(crate) faster: Recorder,
    pub(crate) equal: u64,
    pub(crate) cut_off: u64,
    pub(crate) unknown: u64,
}

impl PairedRecorder {
    /// One pair; each with whether the truth is longer.
    pub(crate) fn record(&mut self, reference: (Duration, bool), candidate: (Duration, bool)) {
        let micros = |(time, _): (Duration, bool)| Duration::from_micros(time.as_micros().min(1 << 62) as u64);
        let (legacy, ours) = (micros(reference), micros(candidate));
        match (reference.1, candidate.1) {
            (false, true) if ours >= legacy => self.cut_off += 1,
            (true, false) if legacy >= ours => self.faster.record(legacy - ours, true),
            (true, _) | (_, true) => self.unknown += 1,
            (false, false) if ours > legacy => self.slower.record(ours - legacy, false),
            (false, false) if ours < legacy => self.faster.record(legacy - ours, false),
            (false, false) => self.equal += 1,
        }
    }

    pub(crate) fn heap(&self) -> usize {
        self.slower.heap() + self.faster.heap()
    }

    pub(crate) fn merge(&mut self, other: PairedRecorder) {
        self.slower.merge(other.slower);
        self.faster.merge(other.faster);
        self.equal += other.equal;
        self.cut_off += other.cut_off;
        self.unknown += other.unknown;
    }

    pub(crate) fn snapshot(&self) -> Paired {
        let (slower, faster) = (self.slower.snapshot(), self.faster.snapshot());
        Paired { slower, faster, equal: self.equal, cut_off: self.cut_off, unknown: self.unknown }
    }
}

/// How much slower or faster each request got, as plain data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Paired {
    /// By how much the candidate was slower, where it was and answered in time.
    pub slower: Latency,
    /// By how much it was faster; at least so much where the reference was cut off by its time-out (censored).
    pub faster: Latency,
    /// Requests that took both sides as long, to the microsecond.
    pub equal: u64,
    /// Requests in which the candidate was slower and was cut off by its time-out: by how much, nobody knows.
    pub cut_off: u64,
    /// Requests of which a time-out hides even which side was slower.
    pub unknown: u64,
}

impl Paired {
    /// The differences of invented pairs (reference, candidate) of which none was cut off.
    pub fn from_values(pairs: impl IntoIterator<Item = (Duration, Duration)>) -> Paired {
        let mut recorder = PairedRecorder::default();
        pairs.into_iter().for_each(|(legacy, ours)| recorder.record((legacy, false), (ours, false)));
        recorder.snapshot()
    }

    /// Of several endpoints together.
    pub(super) fn together<'a>(all: impl Iterator<Item = &'a Paired> + Clone) -> Paired {
        Paired {
            slower: Latency::together(all.clone().map(|paired| &paired.slower)),
            faster: Latency::together(all.clone().map(|paired| &paired.faster)),
            equal: all.clone().map(|paired| paired.equal).sum(),
            cut_off: all.clone().map(|paired| paired.cut_off).sum(),
            unknown: all.map(|paired| paired.unknown).sum(),
        }
    }

    /// How many pairs.
    pub fn count(&self) -> u64 {
        self.slower.count + self.faster.count + self.equal + self.cut_off + self.unknown
    }

    /// The bounds in microseconds between which the difference with that rank lies, from 1 (the most that any got
    /// faster) to [`Paired::count`]; below 0 the candidate was faster. None outside, and where a time-out hides it.
    pub fn at_rank(&self, rank: u64) -> Option<(i64, i64)> {
        let signed = |micros: u64| i64::try_from(micros).unwrap_or(i64::MAX);
        if rank == 0 {
            return None;
        }
        if rank <= self.faster.count {
            let Bucket { low, high, .. } = self.faster.at_rank(self.faster.count - rank + 1)?;
            return Some((-signed(high), -signed(low)));
        }
        let rank = rank - self.faster.count;
        if rank <= self.equal {
            return Some((0, 0));
        }
        let rank = rank - self.equal;
        // What is too long to be told apart lies at the upper end.
        let known = self.slower.count.saturating_sub(self.slower.saturated);
        self.slower.at_rank(rank).filter(|_| rank <= known).map(|bucket| (signed(bucket.low), signed(bucket.high)))
    }

    /// The quantile of the differences in microseconds, at the upper end of its bucket. None where there are no pairs,
    /// or a time-out hides it.
    pub fn quantile(&self, quantile: f64) -> Option<i64> {
        let rank = (quantile.clamp(0.0, 1.0) * self.count() as f64).ceil() as u64;
        self.at_rank(rank.max(1)).map(|(_, high)| high)
    }

    /// The share of requests that got slower, those that are unknown among them; None where there are no pairs.
    pub fn slower_share(&self) -> Option<f64> {
        (self.count() > 0).then(|| (self.slower.count + self.cut_off + self.unknown) as f64 / self.count() as f64)
    }
}

impl Serialize for Paired {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Paired", 12)?;
        object.serialize_field("count", &self.count())?;
        object.serialize_field("slower_share", &self.slower_share())?;
        object.serialize_field("equal", &self.equal)?;
        object.serialize_field("cut_off", &self.cut_off)?;
        object.serialize_field("unknown", &self.unknown)?;
        object.serialize_field("p05_us", &self.quantile(0.05))?;
        object.serialize_field("p50_us", &self.quantile(0.5))?;
        object.serialize_field("p90_us", &self.quantile(0.9))?;
        object.serialize_field("p95_us", &self.quantile(0.95))?;
        object.serialize_field("p99_us", &self.quantile(0.99))?;
        object.serialize_field("slower", &self.slower)?;
        object.serialize_field("faster", &self.faster)?;
        object.end()
    }
}

impl JsonSchema for Paired {
    fn schema_name() -> Cow<'static, str> {
        "Paired".into()
    }

    /// What [`Paired::serialize`] writes.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let whole = json_schema!({"type": "integer", "minimum": 0});
        let micros =
            json_schema!({"type": ["integer", "null"], "description": "In microseconds; below 0 where faster."});
        let latency = generator.subschema_for::<Latency>();
        json_schema!({
            "type": "object",
            "description": "How much slower or faster the candidate was, request by request. `cut_off` were slower by nobody \
                            knows how much, and of `unknown` a time-out hides which side was slower.",
            "properties": {
                "count": whole, "slower_share": {"type": ["number", "null"]},
                "equal": whole, "cut_off": whole, "unknown": whole,
                "p05_us": micros, "p50_us": micros, "p90_us": micros, "p95_us": micros, "p99_us": micros,
                "slower": latency, "faster": latency
            },
            "required": ["count", "slower_share", "equal", "cut_off", "unknown", "p05_us", "p50_us", "p90_us", "p95_us",
                         "p99_us", "slower", "faster"]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn us(n: u64) -> Duration {
        Duration::from_micros(n)
    }

    #[test]
    fn each_pair_is_one_difference_whichever_way() {
        let paired = Paired::from_values([(us(10), us(25)), (us(10), us(7)), (us(5), us(5)), (us(100), us(40))]);
        assert_eq!((paired.count(), paired.slower.count, paired.faster.count, paired.equal), (4, 1, 2, 1));
        assert_eq!(
            (1..=5).map(|rank| paired.at_rank(rank)).collect::<Vec<_>>(),
            [Some((-60, -60)), Some((-3, -3)), Some((0, 0)), Some((15, 15)), None]
        );
        assert_eq!(paired.slower_share(), Some(0.25));
        assert_eq!((Paired::default().quantile(0.5), Paired::default().slower_share()), (None, None));
    }

    #[test]
    fn what_a_time_out_hides_ranks_above_all_that_is_known() {
        let mut recorder = PairedRecorder::default();
        recorder.record((us(10), false), (us(2_000), true));
        recorder.record((us(3_000), false), (us(2_000), true));
        recorder.record((us(2_000), true), (us(10), false));
        recorder.record((us(2_000), true), (us(2_500), false));
        recorder.record((us(2_000), true), (us(2_000), true));
        recorder.record((us(10), false), (us(11), false));
        let paired = recorder.snapshot();
        assert_eq!((paired.slower.count, paired.cut_off), (1, 1));
        assert_eq!((paired.faster.count, paired.faster.censored, paired.unknown), (1, 1, 3));
        assert_eq!(paired.at_rank(2), Some((1, 1)), "the only known slower one");
        assert_eq!((3..=6).filter_map(|rank| paired.at_rank(rank)).count(), 0, "nobody knows how slow");
        assert_eq!(paired.slower_share(), Some(5.0 / 6.0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Every rank is that of the sorted differences, to a thousandth.
        #[test]
        fn ranks_are_those_of_the_sorted_differences(
            pairs in prop::collection::vec((0..90_000_u64, 0..90_000_u64), 1..600),
            quantile in 0.0..1.0_f64,
        ) {
            let paired = Paired::from_values(pairs.iter().map(|(legacy, ours)| (us(*legacy), us(*ours))));
            let mut sorted: Vec<i64> = pairs.iter().map(|(legacy, ours)| *ours as i64 - *legacy as i64).collect();
            sorted.sort_unstable();
            let rank = ((quantile * sorted.len() as f64).ceil() as usize).max(1);
            let (low, high) = paired.at_rank(rank as u64).unwrap();
            let truth = sorted[rank - 1];
            prop_assert!(low <= truth && truth <= high && high - low <= truth.abs() / 500 + 1, "{low} {truth} {high}");
            prop_assert_eq!(paired.quantile(quantile), Some(high));
        }
    }
}

//! Latencies as histograms: classic buckets for everybody, native ones for who asks for protobuf.
//!
//! The books know each latency to a thousandth. Where one of their buckets lies across a boundary it is counted above it.

use std::fmt;

use prometheus_client::encoding::{NativeHistogram, NativeHistogramBuckets};
use prometheus_client::registry::Unit;

use super::endpoints::labels;
use super::names::Names;
use super::write::{Labels, Writer, label};
use crate::tally::{Latency, LatencyPair, Snapshot};

/// Upper bounds of the classic buckets, in microseconds.
const BOUNDS: [u64; 14] = [
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000, 30_000_000,
];
/// Native buckets grow by the 2^-3rd power of 2: by 9 %.
const SCHEMA: i32 = 3;
/// Below this, native histograms tell nothing apart: a tenth of the shortest latency there is.
const ZERO_THRESHOLD: f64 = 1e-7;

/// One distribution.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Shape {
    /// In seconds.
    pub(super) sum: f64,
    pub(super) count: u64,
    /// Upper bound in seconds, and how many lie in this bucket alone.
    pub(super) classic: Vec<(f64, u64)>,
    /// Where native buckets are: (gap before, how many).
    spans: Vec<(i32, u32)>,
    /// Each count less the one before it.
    deltas: Vec<i64>,
}

impl Shape {
    /// Of all these together.
    fn of<'a>(latencies: impl IntoIterator<Item = &'a Latency>) -> Shape {
        let mut classic = [0; BOUNDS.len() + 1];
        let mut native = std::collections::BTreeMap::<i32, u64>::new();
        let mut shape = Shape::default();
        for bucket in latencies.into_iter().flat_map(|latency| &latency.buckets) {
            let middle = (bucket.low + bucket.high) as f64 / 2e6;
            shape.count += bucket.count;
            shape.sum += middle * bucket.count as f64;
            let at = BOUNDS.iter().position(|bound| bucket.high <= *bound).unwrap_or(BOUNDS.len());
            classic[at] += bucket.count;
            let scale = f64::from(1 << SCHEMA);
            *native.entry((middle.max(1e-6).log2() * scale).ceil() as i32).or_default() += bucket.count;
        }
        let bounds = BOUNDS.iter().map(|micros| *micros as f64 / 1e6).chain([f64::INFINITY]);
        shape.classic = bounds.zip(classic).collect();
        let (mut next, mut before) = (0, 0);
        for (index, count) in native {
            match shape.spans.last_mut() {
                Some((_, length)) if index == next => *length += 1,
                _ => shape.spans.push((index - next, 1)),
            }
            next = index + 1;
            shape.deltas.push(count as i64 - before);
            before = count as i64;
        }
        shape
    }

    pub(super) fn native(&self) -> NativeHistogram<'_> {
        NativeHistogram {
            schema: SCHEMA,
            zero_threshold: ZERO_THRESHOLD,
            zero_count: 0,
            negative: NativeHistogramBuckets { spans: &[], deltas: &[] },
            positive: NativeHistogramBuckets { spans: &self.spans, deltas: &self.deltas },
            created: None,
        }
    }
}

fn both<'a>(base: &Labels, pairs: &[&'a LatencyPair]) -> [(Labels, Shape); 2] {
    let side = |name: &str, of: fn(&'a LatencyPair) -> &'a Latency| {
        let labels = base.iter().cloned().chain(label("side", name)).collect();
        (labels, Shape::of(pairs.iter().map(|pair| of(pair))))
    };
    [side("legacy", |pair| &pair.legacy), side("candidate", |pair| &pair.candidate)]
}

pub(super) fn write(out: &mut Writer<'_>, snapshot: &Snapshot, names: &Names) -> fmt::Result {
    let help = "How long each side took for the same exchanges; time-outs count as the limit that they reached.";
    out.histograms("latency", help, &Unit::Seconds, both(&Labels::new(), &[&snapshot.latency]))?;
    // Of a mixture of whatever has no name nobody learns anything.
    let rows = names.rows(snapshot);
    let named = rows.iter().filter(|(name, row)| {
        !name.is_other() && row.latency.iter().any(|pair| pair.legacy.count + pair.candidate.count > 0)
    });
    let help = "The same by endpoint.";
    let by_endpoint = named.flat_map(|(name, row)| both(&labels(name), &row.latency));
    out.histograms("endpoint_latency", help, &Unit::Seconds, by_endpoint)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn both_kinds_of_buckets_hold_every_latency_once() {
        let micros = [1, 900, 1_000, 1_001, 24_000, 700_000, 599_000_000];
        let shape = Shape::of([&Latency::from_values(micros.map(Duration::from_micros))]);
        assert_eq!(shape.count, 7);
        let exact = micros.iter().sum::<u64>() as f64 / 1e6;
        assert!((shape.sum / exact - 1.0).abs() < 1e-3, "{} {exact}", shape.sum);
        let classic: Vec<u64> = shape.classic.iter().map(|(_, count)| *count).collect();
        assert_eq!(classic, [3, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
        assert_eq!(shape.classic[0].0, 0.001);
        assert_eq!(shape.classic[14].0, f64::INFINITY);

        // Read back as Prometheus reads it: index i holds (2^((i-1)/8), 2^(i/8)].
        let (mut index, mut count, mut found) = (0, 0, Vec::new());
        let mut deltas = shape.deltas.iter();
        for (gap, length) in &shape.spans {
            index += gap;
            for _ in 0..*length {
                count += deltas.next().unwrap();
                found.push((2f64.powf(f64::from(index - 1) / 8.0), 2f64.powf(f64::from(index) / 8.0), count));
                index += 1;
            }
        }
        assert_eq!(deltas.next(), None);
        assert_eq!(found.iter().map(|(_, _, count)| count).sum::<i64>(), 7);
        for micros in micros {
            let seconds = micros as f64 / 1e6;
            let near = |(low, high, count): &&(f64, f64, i64)| {
                *low < seconds * 1.001 && seconds <= *high * 1.001 && *count > 0
            };
            assert!(found.iter().find(near).is_some(), "{micros} is in none of {found:?}");
        }
    }

    #[test]
    fn nothing_seen_is_an_empty_histogram() {
        let shape = Shape::of([]);
        assert_eq!((shape.count, shape.sum, shape.classic.len()), (0, 0.0, 15));
        assert!(shape.spans.is_empty() && shape.deltas.is_empty());
    }
}

//! How many exchanges took how long, both sides, on a logarithmic axis.

use plotters::prelude::*;

use super::{Axis, CANDIDATE, LEGACY, Size, Tip, WIDE, latency_ticks, share_axis, sheet};
use crate::tally::{Latency, LatencyPair};
use crate::verdict::words;

/// Bars at most.
const BARS: usize = 60;
const NARROW_BARS: usize = 30;

/// Bars of equal width on the axis: where each begins, as a logarithm, and where the last ends.
fn edges(pair: &LatencyPair, most: usize) -> Option<Vec<f64>> {
    let buckets = || pair.legacy.buckets.iter().chain(&pair.candidate.buckets);
    let low = buckets().map(|bucket| bucket.low).min()?.max(1) as f64;
    let high = buckets().map(|bucket| bucket.high).max()? as f64 + 1.0;
    // Microseconds are whole: narrower bars would be empty between them.
    let fit = ((high / low).ln() / (1.0 + 1.0 / low).ln()).floor();
    let bars = (fit as usize).clamp(1, most);
    let (low, high) = (low.log10(), high.log10());
    Some((0..=bars).map(|at| low + (high - low) * at as f64 / bars as f64).collect())
}

/// The share of a side's exchanges in each bar.
fn shares(side: &Latency, edges: &[f64]) -> Vec<f64> {
    let bars = edges.len() - 1;
    let (low, width) = (edges[0], (edges[bars] - edges[0]) / bars as f64);
    let mut counts = vec![0_u64; bars];
    for bucket in &side.buckets {
        let middle = (bucket.low as f64).max(1.0).midpoint(bucket.high as f64 + 1.0).log10();
        counts[(((middle - low) / width).floor().max(0.0) as usize).min(bars - 1)] += bucket.count;
    }
    counts.into_iter().map(|n| n as f64 / side.count.max(1) as f64).collect()
}

/// Up and down again over each bar.
fn outline(edges: &[f64], shares: &[f64]) -> Vec<(f64, f64)> {
    let mut points = vec![(edges[0], 0.0)];
    for (pair, share) in edges.windows(2).zip(shares) {
        if points.last().is_some_and(|last| last.1 != *share) {
            points.push((pair[0], *share));
        }
        points.push((pair[1], *share));
    }
    points.push((edges[edges.len() - 1], 0.0));
    // Of a level stretch its ends are enough.
    let mut few: Vec<(f64, f64)> = Vec::new();
    for point in points {
        if let [.., a, b] = few[..]
            && a.1 == b.1
            && b.1 == point.1
        {
            few.pop();
        }
        few.push(point);
    }
    few
}

/// The plot in so many pixels; None where there is nothing to draw.
pub(in crate::report) fn histogram(pair: &LatencyPair, size: Size) -> Option<String> {
    let wide = size.0 >= WIDE;
    let edges = edges(pair, if wide { BARS } else { NARROW_BARS })?;
    let (legacy, candidate) = (shares(&pair.legacy, &edges), shares(&pair.candidate, &edges));
    let high = legacy.iter().chain(&candidate).copied().fold(0.0, f64::max);
    let (first, last) = (edges[0], edges[edges.len() - 1]);
    let axes = (
        Axis { low: first, high: last, ticks: latency_ticks(first, last, if wide { 9 } else { 4 }) },
        share_axis(high),
    );
    sheet(size, axes, ("latency", "share of exchanges"), |chart| {
        let filled = outline(&edges, &legacy);
        chart.draw_series([Polygon::new(filled.clone(), LEGACY.mix(0.2))])?;
        chart.draw_series(LineSeries::new(filled, LEGACY.stroke_width(2)))?;
        chart.draw_series(LineSeries::new(outline(&edges, &candidate), CANDIDATE.stroke_width(3)))?;
        let time = |edge: f64| words::latency(10f64.powf(edge).round() as u64);
        let bars = edges.windows(2).zip(legacy.iter().zip(&candidate));
        let told = bars.filter(|(_, (legacy, candidate))| **legacy + **candidate > 0.0);
        let tip = |(pair, (legacy, candidate)): (&[f64], (&f64, &f64))| {
            let shares = format!("legacy {}, candidate {}", words::percent(*legacy), words::percent(*candidate));
            let text = format!("{} to {}: {shares}", time(pair[0]), time(pair[1]));
            Tip::between(chart, pair[0], pair[1], text)
        };
        Ok(told.map(tip).collect())
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::tests::{is_fit, tips};
    use super::*;

    fn pair(legacy: &[u64], candidate: &[u64]) -> LatencyPair {
        let side = |values: &[u64]| Latency::from_values(values.iter().map(|n| Duration::from_micros(*n)));
        LatencyPair { legacy: side(legacy), candidate: side(candidate), ..LatencyPair::default() }
    }

    #[test]
    fn both_sides_are_drawn_and_told_apart_without_colours() {
        let values: Vec<u64> = (1..40_000).map(|n| 100 + n * n % 90_001).collect();
        let svg = histogram(&pair(&values, &[900; 50]), (960, 300)).unwrap();
        is_fit(&svg);
        assert!(svg.contains("<polygon") && svg.contains("stroke-dasharray"), "one filled, one dashed");
        assert!(tips(&svg).iter().any(|tip| tip.ends_with("candidate 100%")), "{:?}", tips(&svg));
        assert!(svg.len() < 20_000, "{}", svg.len());
        let narrow = histogram(&pair(&values, &[900; 50]), (350, 260)).unwrap();
        is_fit(&narrow);
        assert!(tips(&narrow).len() <= NARROW_BARS);
    }

    #[test]
    fn little_and_nothing_are_drawn_too() {
        assert!(histogram(&LatencyPair::default(), (960, 300)).is_none());
        for (legacy, candidate) in [(&[5_u64][..], &[][..]), (&[1, 1, 2], &[1]), (&[1], &[600_000_000])] {
            is_fit(&histogram(&pair(legacy, candidate), (350, 260)).unwrap());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn every_exchange_is_in_one_bar(
            legacy in prop::collection::vec(1..5_000_000_u64, 1..200),
            candidate in prop::collection::vec(1..500_u64, 1..200),
        ) {
            let pair = pair(&legacy, &candidate);
            let edges = edges(&pair, BARS).unwrap();
            prop_assert!(edges.len() <= BARS + 1 && edges.windows(2).all(|edge| edge[0] < edge[1]));
            for side in [&pair.legacy, &pair.candidate] {
                let sum: f64 = shares(side, &edges).iter().sum();
                prop_assert!((sum - 1.0).abs() < 1e-9, "{sum}");
            }
        }
    }
}

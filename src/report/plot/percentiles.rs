//! Latency by percentile, both sides.

use plotters::prelude::*;

use super::{Axis, CANDIDATE, CAPTURED, LEGACY, Size, Tip, WIDE, latency_ticks, sheet};
use crate::tally::{Latency, LatencyPair};
use crate::verdict::words;

/// A curve has at most about so many points.
const MAX_POINTS: usize = 400;

/// The percentiles that get a line of the grid.
const TICKS: &[(f64, &str)] =
    &[(0.0, "0"), (0.5, "50"), (0.9, "90"), (0.95, "95"), (0.99, "99"), (0.999, "99.9"), (0.9999, "99.99")];
/// Those that are marked on the curves.
const MARKED: [f64; 4] = [0.5, 0.9, 0.95, 0.99];

/// Half of the way to one is a step, and so is a tenth of what is left: the tail gets room.
fn stretched(quantile: f64) -> f64 {
    -(1.0 - quantile).log10()
}

fn height(micros: u64) -> f64 {
    (micros as f64).max(1.0).log10()
}

/// The curve: for each share of the exchanges, the latency that they stay within.
fn curve(latency: &Latency, most: f64) -> Vec<(f64, f64)> {
    let n = latency.count as f64;
    let last = latency.buckets.len().saturating_sub(1);
    let mut points = Vec::new();
    let mut below = 0;
    for (at, bucket) in latency.buckets.iter().enumerate() {
        if at == 0 {
            points.push((0.0, height(bucket.low)));
        }
        below += bucket.count;
        // The largest value stands for the last half of a share: a curve must not end at infinity.
        let share = (below as f64 - 0.5).max(0.0) / n;
        let point = (stretched(share).min(most), height(bucket.high));
        // Along the axis, which gives the tail its room, and not by share: what is too near to be seen is left out.
        let step = most / MAX_POINTS as f64;
        let near = points
            .last()
            .is_some_and(|before: &(f64, f64)| point.0 - before.0 < step && (point.1 - before.1).abs() < step);
        if at == last || !near {
            points.push(point);
        }
    }
    points
}

/// The plot in so many pixels, the gate's quantile marked; None where there is nothing to draw.
pub(in crate::report) fn percentiles(pair: &LatencyPair, quantile: Option<f64>, size: Size) -> Option<String> {
    let sides = [
        ("legacy as seen", &pair.captured, CAPTURED),
        ("legacy", &pair.legacy, LEGACY),
        ("candidate", &pair.candidate, CANDIDATE),
    ];
    let shown = if shows_captured(pair) { &sides[..] } else { &sides[1..] };
    let n = pair.candidate.count.max(pair.legacy.count);
    let most = stretched(1.0 - 0.5 / (n as f64).max(10.0)).min(4.3);
    let curves: Vec<_> = shown.iter().map(|(.., side, colour)| (curve(side, most), *colour)).collect();
    let heights = || curves.iter().flat_map(|(points, _)| points.iter().map(|p| p.1));
    let (low, high) = (heights().fold(f64::INFINITY, f64::min), heights().fold(f64::NEG_INFINITY, f64::max));
    if !low.is_finite() || !high.is_finite() {
        return None;
    }
    let margin = ((high - low) * 0.06).max(0.05);
    let (low, high) = (low - margin, high + margin);
    let wanted = |(q, _): &&(f64, &str)| stretched(*q) <= most && (size.0 >= WIDE || *q != 0.95);
    let ticks = TICKS.iter().filter(wanted).map(|(q, name)| (stretched(*q), (*name).to_owned())).collect();
    let axes = (Axis { low: 0.0, high: most, ticks }, Axis { low, high, ticks: latency_ticks(low, high, 8) });
    sheet(size, axes, ("percentile of exchanges", "latency"), |chart| {
        if let Some(x) = quantile.map(stretched).filter(|x| *x <= most) {
            chart.draw_series([PathElement::new([(x, low), (x, high)], CAPTURED.stroke_width(1))])?;
        }
        for (points, colour) in &curves {
            let width = if *colour == CAPTURED { 1 } else { 3 };
            chart.draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(width)))?;
        }
        let mut tips = Vec::new();
        for (name, side, colour) in shown.iter().filter(|(.., colour)| *colour != CAPTURED) {
            for q in MARKED.into_iter().filter(|q| stretched(*q) <= most) {
                let Some(micros) = side.quantile(q) else { continue };
                // Where the curve has that rank: of a few exchanges that is not quite above the percentile's line.
                let n = side.count as f64;
                let rank = (q * n).ceil().max(1.0);
                let point = (stretched((rank - 0.5) / n).min(most), height(micros));
                if *colour == LEGACY {
                    chart.draw_series([Circle::new(point, 4, colour.filled())])?;
                } else {
                    chart.draw_series([TriangleMarker::new(point, 5, colour.filled())])?;
                }
                tips.push(Tip::at(chart, point, format!("{name}, {}: {}", words::quantile(q), words::latency(micros))));
            }
        }
        Ok(tips)
    })
}

/// Whether the record is another curve than the reference.
pub(in crate::report) fn shows_captured(pair: &LatencyPair) -> bool {
    pair.captured.count > 0 && pair.captured != pair.legacy && pair.captured.count > pair.legacy.count / 2
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::{is_fit, tips};
    use super::*;

    fn pair(n: u64) -> LatencyPair {
        let side = |factor: u64| Latency::from_values((1..=n).map(|i| Duration::from_micros(i * factor)));
        LatencyPair { legacy: side(100), candidate: side(120), captured: side(100), ..LatencyPair::default() }
    }

    #[test]
    fn both_sides_are_drawn_and_the_size_stays_bounded() {
        let pair = pair(100_000);
        let svg = percentiles(&pair, Some(0.95), (960, 340)).unwrap();
        is_fit(&svg);
        assert!(svg.contains("#0072B2") && svg.contains("#D55E00"));
        assert!(svg.contains("99.9") && svg.contains("ms"));
        assert!(svg.contains("stroke=\"#D55E00\" stroke-width=\"3\" stroke-dasharray"), "told apart without colours");
        let p95 = |side: &Latency| words::latency(side.quantile(0.95).unwrap());
        let said = tips(&svg);
        assert!(said.contains(&format!("legacy, p95: {}", p95(&pair.legacy)).as_str()), "{said:?}");
        assert!(said.contains(&format!("candidate, p95: {}", p95(&pair.candidate)).as_str()), "{said:?}");
        assert!(svg.len() < 25_000, "{}", svg.len());
    }

    #[test]
    fn little_and_nothing_are_drawn_too() {
        assert!(percentiles(&LatencyPair::default(), Some(0.95), (960, 340)).is_none());
        is_fit(&percentiles(&pair(1), Some(0.95), (960, 340)).unwrap());
        let one_side = LatencyPair { candidate: Latency::default(), ..pair(3) };
        is_fit(&percentiles(&one_side, None, (350, 290)).unwrap());
    }
}

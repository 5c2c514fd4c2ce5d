//! Latency by percentile, both sides, as SVG. Nothing captured reaches it: its only text is figures.

use plotters::coord::ranged1d::{KeyPointHint, Ranged};
use plotters::prelude::*;

use crate::tally::{Latency, LatencyPair};
use crate::verdict::words;

/// The legacy's colour in the SVG; the page's style puts its own in its place. Both are told apart by every common
/// kind of colour vision (Okabe and Ito).
pub(super) const LEGACY: RGBColor = RGBColor(0x00, 0x72, 0xB2);
/// The candidate's.
pub(super) const CANDIDATE: RGBColor = RGBColor(0xD5, 0x5E, 0x00);
/// The legacy's own record, where a live legacy is the reference.
pub(super) const CAPTURED: RGBColor = RGBColor(0x7F, 0x7F, 0x7F);
/// Lines of the grid.
const GRID: RGBColor = RGBColor(0xDD, 0xDD, 0xDD);
/// A curve has at most about so many points.
const MAX_POINTS: usize = 400;

/// The percentiles that get a line of the grid.
const TICKS: &[(f64, &str)] =
    &[(0.0, "0"), (0.5, "50"), (0.9, "90"), (0.95, "95"), (0.99, "99"), (0.999, "99.9"), (0.9999, "99.99")];

/// Half of the way to one is a step, and so is a tenth of what is left: the tail gets room.
fn stretched(quantile: f64) -> f64 {
    -(1.0 - quantile).log10()
}

/// An axis with lines where we say.
struct Axis {
    low: f64,
    high: f64,
    ticks: Vec<f64>,
}

impl Ranged for Axis {
    type FormatOption = plotters::coord::ranged1d::NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let share = (value - self.low) / (self.high - self.low);
        limit.0 + (share * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.low..self.high
    }
}

impl plotters::coord::ranged1d::ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        words::latency(10f64.powf(*value).round() as u64)
    }
}

/// The curve: for each share of the exchanges, the latency that they stay within.
fn curve(latency: &Latency, most: f64) -> Vec<(f64, f64)> {
    let n = latency.count as f64;
    let thinning = latency.buckets.len().div_ceil(MAX_POINTS).max(1);
    let last = latency.buckets.len().saturating_sub(1);
    let mut points = Vec::new();
    let mut below = 0;
    for (at, bucket) in latency.buckets.iter().enumerate() {
        if at == 0 {
            points.push((0.0, (bucket.low as f64).max(1.0).log10()));
        }
        below += bucket.count;
        // The upper fifth is the interesting part, and is not thinned.
        if at % thinning == 0 || at == last || below as f64 >= 0.8 * n {
            // The largest value stands for the last half of a share: a curve must not end at infinity.
            let share = (below as f64 - 0.5).max(0.0) / n;
            points.push((stretched(share).min(most), (bucket.high as f64).max(1.0).log10()));
        }
    }
    points
}

/// Powers of ten, and 2 and 5 times them where there are few.
fn latency_ticks(low: f64, high: f64) -> Vec<f64> {
    let decades = high - low;
    let steps: &[f64] = match decades {
        d if d < 1.5 => &[1.0, 2.0, 3.0, 5.0, 7.0],
        d if d < 3.0 => &[1.0, 2.0, 5.0],
        _ => &[1.0],
    };
    let powers = low.floor() as i32..=high.ceil() as i32;
    let ticks = powers.flat_map(|power| steps.iter().map(move |step| f64::from(power) + step.log10()));
    ticks.filter(|tick| (low..=high).contains(tick)).collect()
}

/// The plot in so many pixels, the gate's quantile marked; None where there is nothing to draw.
pub(super) fn percentiles(pair: &LatencyPair, quantile: Option<f64>, size: (u32, u32)) -> Option<String> {
    let sides = [(&pair.captured, CAPTURED), (&pair.legacy, LEGACY), (&pair.candidate, CANDIDATE)];
    let shown = if shows_captured(pair) { &sides[..] } else { &sides[1..] };
    let n = pair.candidate.count.max(pair.legacy.count);
    let most = stretched(1.0 - 0.5 / (n as f64).max(10.0)).min(4.3);
    let curves: Vec<_> = shown.iter().map(|(side, colour)| (curve(side, most), *colour)).collect();
    let heights = || curves.iter().flat_map(|(points, _)| points.iter().map(|p| p.1));
    let (low, high) = (heights().fold(f64::INFINITY, f64::min), heights().fold(f64::NEG_INFINITY, f64::max));
    if !low.is_finite() || !high.is_finite() {
        return None;
    }
    let margin = ((high - low) * 0.06).max(0.05);
    let (low, high) = (low - margin, high + margin);
    let ticks = TICKS.iter().map(|(q, _)| stretched(*q)).filter(|x| *x <= most).collect();
    let x = Axis { low: 0.0, high: most, ticks };
    let y = Axis { low, high, ticks: latency_ticks(low, high) };
    let mut svg = String::new();
    draw(&mut svg, size, (x, y), &curves, quantile.map(stretched).filter(|x| *x <= most)).ok()?;
    Some(svg)
}

/// Whether the record is another curve than the reference.
pub(super) fn shows_captured(pair: &LatencyPair) -> bool {
    pair.captured.count > 0 && pair.captured != pair.legacy && pair.captured.count > pair.legacy.count / 2
}

type Curve = (Vec<(f64, f64)>, RGBColor);

fn draw(
    svg: &mut String,
    size: (u32, u32),
    axes: (Axis, Axis),
    curves: &[Curve],
    mark: Option<f64>,
) -> Result<(), Box<dyn std::error::Error>> {
    let (bottom, top) = (axes.1.low, axes.1.high);
    let area = SVGBackend::with_string(svg, size).into_drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .margin(8)
        .margin_right(22)
        .x_label_area_size(44)
        .y_label_area_size(66)
        .build_cartesian_2d(axes.0, axes.1)?;
    let name = |x: &f64| {
        let tick = TICKS.iter().find(|(q, _)| (stretched(*q) - x).abs() < 1e-9);
        tick.map_or(String::new(), |(_, name)| (*name).to_owned())
    };
    let font = ("sans-serif", 15).into_font();
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(GRID)
        .label_style(font.clone())
        .x_label_formatter(&name)
        .x_desc("percentile of exchanges")
        .axis_desc_style(font)
        .draw()?;
    if let Some(x) = mark {
        chart.draw_series([PathElement::new([(x, bottom), (x, top)], CAPTURED.stroke_width(1))])?;
    }
    for (points, colour) in curves {
        let width = if *colour == CAPTURED { 1 } else { 3 };
        chart.draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(width)))?;
    }
    area.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn pair(n: u64) -> LatencyPair {
        let side = |factor: u64| Latency::from_values((1..=n).map(|i| Duration::from_micros(i * factor)));
        LatencyPair { legacy: side(100), candidate: side(120), captured: side(100), ..LatencyPair::default() }
    }

    #[test]
    fn both_sides_are_drawn_and_the_size_stays_bounded() {
        let svg = percentiles(&pair(100_000), Some(0.95), (800, 300)).unwrap();
        assert!(svg.contains("#0072B2") && svg.contains("#D55E00"));
        assert!(svg.contains("99.9") && svg.contains("ms"));
        assert!(!svg.contains("style="), "the page's policy forbids style attributes");
        assert!(svg.len() < 100_000, "{}", svg.len());
    }

    #[test]
    fn little_and_nothing_are_drawn_too() {
        assert!(percentiles(&LatencyPair::default(), Some(0.95), (800, 300)).is_none());
        assert!(percentiles(&pair(1), Some(0.95), (800, 300)).is_some());
        let one_side = LatencyPair { candidate: Latency::default(), ..pair(3) };
        assert!(percentiles(&one_side, None, (400, 300)).is_some());
    }
}

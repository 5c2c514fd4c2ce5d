//! The plots of the page as SVG. Nothing captured reaches them: their only texts are figures and words of ours.
//!
//! Axes and curves are drawn by `plotters`; what a pointer is told (`<title>`) and dashes, which it does not write, are put
//! in afterwards. Colours are attributes, and the page's style puts its own in their place; beside its colour each side has
//! its own line, so that it is told apart without colours too.

mod difference;
mod histogram;
mod over_time;
mod percentiles;
mod spark;

pub(super) use difference::difference;
pub(super) use histogram::histogram;
pub(super) use over_time::{Mark, Rates, moment, over_time, width};
pub(super) use percentiles::{percentiles, shows_captured};
pub(super) use spark::spark;

use std::fmt::Write;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::prelude::*;

use crate::verdict::words;

/// The legacy's colour in the SVG. Both are told apart by every common kind of colour vision (Okabe and Ito).
const LEGACY: RGBColor = RGBColor(0x00, 0x72, 0xB2);
/// The candidate's.
const CANDIDATE: RGBColor = RGBColor(0xD5, 0x5E, 0x00);
/// Where the candidate is faster.
const FASTER: RGBColor = RGBColor(0x00, 0x9E, 0x73);
/// The legacy's own record, where a live legacy is the reference; limits and marks.
const CAPTURED: RGBColor = RGBColor(0x7F, 0x7F, 0x7F);
/// Where epochs begin.
const MARK: RGBColor = RGBColor(0xCC, 0x79, 0xA7);
/// Lines of the grid.
const GRID: RGBColor = RGBColor(0xDD, 0xDD, 0xDD);

/// How the candidate's curves are dashed.
const CANDIDATE_DASH: &str = "9 3";
/// How limits, and the legacy's own record, are.
const CAPTURED_DASH: &str = "4 4";

/// How the beginnings of epochs are that are no other build.
const MARK_DASH: &str = "3 3";

/// Width and height in pixels; below this width there is room for fewer words.
pub(super) type Size = (u32, u32);
const WIDE: u32 = 600;

/// An axis with lines where we say, each with its name.
struct Axis {
    low: f64,
    high: f64,
    ticks: Vec<(f64, String)>,
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let share = (value - self.low) / (self.high - self.low);
        limit.0 + (share * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        self.ticks.iter().map(|(at, _)| *at).collect()
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        let tick = self.ticks.iter().find(|(at, _)| (at - value).abs() < 1e-9);
        tick.map_or(String::new(), |(_, name)| name.clone())
    }
}

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis, Axis>>;
type Drawn<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// What a pointer is told over a part of the plot, in pixels.
struct Tip {
    left: i32,
    top: i32,
    width: i32,
    height: i32,
    text: String,
}

impl Tip {
    /// From there to there, over the whole height.
    fn between(chart: &Chart<'_, '_>, from: f64, to: f64, text: String) -> Tip {
        let range = chart.as_coord_spec().get_y_range();
        let (left, top) = chart.backend_coord(&(from, range.end));
        let (right, bottom) = chart.backend_coord(&(to, range.start));
        Tip { left, top, width: (right - left).max(1), height: bottom - top, text }
    }

    /// Around a point.
    fn at(chart: &Chart<'_, '_>, point: (f64, f64), text: String) -> Tip {
        const REACH: i32 = 7;
        let (x, y) = chart.backend_coord(&point);
        Tip { left: x - REACH, top: y - REACH, width: 2 * REACH, height: 2 * REACH, text }
    }
}

/// One plot: the axes with their words, and what `draw` puts between them. None where it cannot be drawn.
fn sheet(
    size: Size,
    (x, y): (Axis, Axis),
    (x_words, y_words): (&str, &str),
    draw: impl FnOnce(&mut Chart<'_, '_>) -> Drawn<Vec<Tip>>,
) -> Option<String> {
    let mut svg = String::new();
    let tips = drawn(&mut svg, size, (x, y), (x_words, y_words), draw).ok()?;
    let end = svg.rfind("</svg>")?;
    svg.truncate(end);
    for Tip { left, top, width, height, text } in tips {
        let _ = write!(
            svg,
            "<rect class=\"tip\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"><title>{text}</title></rect>"
        );
    }
    svg.push_str("</svg>\n");
    Some(dashed(svg))
}

fn drawn(
    svg: &mut String,
    size: Size,
    (x, y): (Axis, Axis),
    (x_words, y_words): (&str, &str),
    draw: impl FnOnce(&mut Chart<'_, '_>) -> Drawn<Vec<Tip>>,
) -> Drawn<Vec<Tip>> {
    let area: DrawingArea<SVGBackend<'_>, Shift> = SVGBackend::with_string(svg, size).into_drawing_area();
    let narrow = size.0 < WIDE;
    let mut chart = ChartBuilder::on(&area)
        .margin(8)
        .margin_right(34)
        .margin_top(16)
        .x_label_area_size(44)
        .y_label_area_size(if narrow { 62 } else { 78 })
        .build_cartesian_2d(x, y)?;
    let font = ("sans-serif", 15).into_font();
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(GRID)
        .label_style(font.clone())
        .x_desc(x_words)
        .y_desc(if narrow { "" } else { y_words })
        .axis_desc_style(font)
        .draw()?;
    let tips = draw(&mut chart)?;
    area.present()?;
    Ok(tips)
}

/// Dashes are attributes, which the page's policy allows, and not style.
fn dashed(svg: String) -> String {
    let dash = |svg: String, colour: &str, width: u32, dash: &str| {
        let line = format!("stroke=\"{colour}\" stroke-width=\"{width}\" points");
        svg.replace(&line, &format!("stroke=\"{colour}\" stroke-width=\"{width}\" stroke-dasharray=\"{dash}\" points"))
    };
    let svg = dash(svg, "#D55E00", 3, CANDIDATE_DASH);
    let svg = dash(svg, "#CC79A7", 1, MARK_DASH);
    dash(svg, "#7F7F7F", 1, CAPTURED_DASH)
}

/// Powers of ten of microseconds, and 2 and 5 times them where there are few; by their logarithm.
fn latency_ticks(low: f64, high: f64, most: usize) -> Vec<(f64, String)> {
    let name = |tick: f64| (tick, words::latency(10f64.powf(tick).round() as u64));
    let powers = low.floor() as i32..=high.ceil() as i32;
    let mut fewest = Vec::new();
    for steps in [&[1.0, 2.0, 3.0, 5.0, 7.0][..], &[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]] {
        let ticks =
            powers.clone().flat_map(|power| steps.iter().map(move |step: &f64| f64::from(power) + step.log10()));
        let ticks: Vec<_> = ticks.filter(|tick| (low..=high).contains(tick)).map(name).collect();
        if ticks.len() <= most {
            return ticks;
        }
        fewest = ticks;
    }
    fewest
}

/// Shares from 0 to `high` in steps that are easy to read.
fn share_axis(high: f64) -> Axis {
    let high = if high > 0.0 { (high * 1.06).min(1.0) } else { 1.0 };
    let steps = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5];
    let step = steps.into_iter().find(|step| high / step <= 6.0).unwrap_or(0.25);
    let ticks = (0..=(high / step).floor() as u32).map(|n| f64::from(n) * step);
    Axis { low: 0.0, high, ticks: ticks.map(|tick| (tick, words::percent(tick))).collect() }
}

#[cfg(test)]
pub(in crate::report) mod tests {
    use super::*;

    /// What every plot owes the page: bounded, no style attribute, nothing that runs, dashes beside colours.
    pub(in crate::report) fn is_fit(svg: &str) {
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
        for never in ["style=", "<script", "<a ", "<image", "<use", "<foreignObject", "href", " on"] {
            assert!(!svg.contains(never), "{never} in {svg}");
        }
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert!(svg.len() <= 45_000, "{}", svg.len());
    }

    /// The texts that a pointer is told.
    pub(in crate::report) fn tips(svg: &str) -> Vec<&str> {
        let rest = svg.split("<title>").skip(1);
        rest.filter_map(|rest| rest.split_once("</title>")).map(|(text, _)| text).collect()
    }

    #[test]
    fn ticks_are_few_and_named() {
        let names = |low: f64, high: f64, most| {
            latency_ticks(low, high, most).into_iter().map(|(_, name)| name).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names(2.0, 4.0, 7), "100 µs 200 µs 500 µs 1 ms 2 ms 5 ms 10 ms");
        assert_eq!(names(0.0, 7.0, 4), "1 µs 10 µs 100 µs 1 ms 10 ms 100 ms 1 s 10 s");
        assert_eq!(share_axis(0.31).ticks.len(), 4);
        assert_eq!(share_axis(0.0).ticks.last().map(|(_, name)| name.as_str()), Some("100%"));
    }
}

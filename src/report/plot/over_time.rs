//! The mismatch rate over time, with what each bucket proves, the policy's limit, and where epochs began.

use plotters::prelude::*;

use super::{Axis, CANDIDATE, CAPTURED, Chart, Drawn, MARK, Size, Tip, WIDE, sheet};
use crate::exchange::Timestamp;
use crate::tally::{TimeBucket, TimeSeries};
use crate::verdict::interval::{lower_bound, upper_bound};
use crate::verdict::words::{count, percent};

/// Buckets of the narrow plot, the empty ones among them.
const NARROW_BUCKETS: i64 = 30;
/// Epochs that are marked.
const MAX_MARKS: usize = 24;
/// Two numbers of marks nearer than this are one too many, in pixels.
const MARK_ROOM: i32 = 18;

const NANOS: i64 = 1_000_000_000;

/// Where an epoch began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) struct Mark {
    /// Its number.
    pub(in crate::report) number: u64,
    /// When.
    pub(in crate::report) at: Timestamp,
    /// Whether the build is another; else the rules or the gates are.
    pub(in crate::report) build: bool,
}

/// What is drawn.
pub(in crate::report) struct Rates<'a> {
    pub(in crate::report) series: &'a TimeSeries,
    /// What the policy asks for.
    pub(in crate::report) limit: Option<f64>,
    /// Of the intervals, either side.
    pub(in crate::report) confidence: f64,
    pub(in crate::report) marks: &'a [Mark],
}

/// What one bucket shows.
struct Step {
    from: f64,
    to: f64,
    /// None where nothing was compared.
    share: Option<(f64, f64, f64)>,
    failed: f64,
    text: String,
}

/// Shares upwards: linear up to a fraction of the limit, logarithmic beyond, so that zero and the limit both have a place.
struct Scale {
    linear: f64,
}

impl Scale {
    fn place(&self, share: f64) -> f64 {
        (share / self.linear).asinh()
    }

    fn axis(&self, high: f64) -> Axis {
        let decades = (-7..=0).flat_map(|power| [1.0, 3.0].map(|step| step * 10f64.powi(power)));
        let shown = |tick: &f64| *tick >= 1.5 * self.linear && self.place(*tick) <= high;
        let mut ticks: Vec<f64> = decades.filter(shown).filter(|tick| *tick <= 1.0).collect();
        if ticks.len() > 6 {
            ticks.retain(|tick| !is_three(*tick));
        }
        let ticks = [0.0].into_iter().chain(ticks).map(|tick| (self.place(tick), percent(tick)));
        Axis { low: 0.0, high, ticks: ticks.collect() }
    }
}

fn is_three(tick: f64) -> bool {
    (tick.log10() - tick.log10().floor()) > 0.2 && (tick.log10().ceil() - tick.log10()) > 0.2
}

/// The plot in so many pixels; None where nothing has a time.
pub(in crate::report) fn over_time(rates: &Rates<'_>, size: Size) -> Option<String> {
    let wide = size.0 >= WIDE;
    let narrower;
    let series = if wide {
        rates.series
    } else {
        narrower = rates.series.spread_over_at_most(NARROW_BUCKETS);
        &narrower
    };
    let (first, last) = series.span()?;
    let seconds = |at: Timestamp| (i128::from(at.0) - i128::from(first.0)) as f64 / NANOS as f64;
    let steps: Vec<Step> = series.buckets.iter().map(|bucket| step(bucket, series, rates, &seconds)).collect();
    let highest = steps.iter().map(|step| step.share.map_or(step.failed, |(_, _, most)| most.max(step.failed)));
    let limit = rates.limit.unwrap_or(0.001).clamp(1e-6, 1.0);
    let scale = Scale { linear: limit / 4.0 };
    let high = scale.place((highest.fold(limit, f64::max) * 1.3).min(1.0)) * 1.02;
    let length = seconds(last);
    let ticks = time_ticks(first, last, if wide { 9 } else { 3 });
    let x = Axis { low: 0.0, high: length, ticks: ticks.into_iter().map(|(at, name)| (seconds(at), name)).collect() };
    let words = format!("UTC, {}, by {}", date(first), width(series));
    sheet(size, (x, scale.axis(high)), (if wide { &words } else { "UTC" }, "mismatch rate"), |chart| {
        intervals(chart, &steps, &scale)?;
        if let Some(limit) = rates.limit {
            let y = scale.place(limit);
            chart.draw_series([PathElement::new([(0.0, y), (length, y)], BLACK.stroke_width(1))])?;
        }
        curves(chart, &steps, &scale)?;
        let mut tips: Vec<Tip> =
            steps.into_iter().map(|step| Tip::between(chart, step.from, step.to, step.text)).collect();
        marks(chart, rates.marks, &seconds, (length, high), &mut tips)?;
        Ok(tips)
    })
}

fn step(bucket: &TimeBucket, series: &TimeSeries, rates: &Rates<'_>, seconds: &impl Fn(Timestamp) -> f64) -> Step {
    let TimeBucket { from, compared, mismatched, failed, .. } = *bucket;
    let side = f64::midpoint(1.0, rates.confidence);
    let share = (compared > 0).then(|| {
        let share = mismatched as f64 / compared as f64;
        (lower_bound(mismatched, compared, side), share, upper_bound(mismatched, compared, side))
    });
    let mut text = match share {
        None => format!("{}: nothing compared", moment(from)),
        Some((least, share, most)) => {
            let (least, share, most) = (percent(least), percent(share), percent(most));
            format!(
                "{}: {} of {} differ, {share} ({least} to {most})",
                moment(from),
                count(mismatched),
                count(compared)
            )
        }
    };
    if failed > 0 {
        text.push_str(&format!("; {} failed", count(failed)));
    }
    let asked = compared.saturating_add(failed);
    Step {
        from: seconds(from),
        to: seconds(Timestamp(from.0.saturating_add(series.width()))),
        share,
        failed: if failed == 0 { 0.0 } else { failed as f64 / asked as f64 },
        text,
    }
}

/// Buckets that follow each other without a gap and have that figure.
fn stretches<T>(steps: &[Step], figure: impl Fn(&Step) -> Option<T>) -> Vec<Vec<(f64, f64, T)>> {
    let mut all: Vec<Vec<(f64, f64, T)>> = Vec::new();
    for step in steps {
        let Some(value) = figure(step) else { continue };
        let next = (step.from, step.to, value);
        match all.last_mut() {
            Some(stretch) if stretch.last().is_some_and(|last| (last.1 - step.from).abs() < 1e-6) => stretch.push(next),
            _ => all.push(vec![next]),
        }
    }
    all
}

/// What the exchanges of each bucket leave open, as a band.
fn intervals(chart: &mut Chart<'_, '_>, steps: &[Step], scale: &Scale) -> Drawn {
    for stretch in stretches(steps, |step| step.share) {
        let upper = stretch.iter().flat_map(|(from, to, (_, _, most))| [(*from, *most), (*to, *most)]);
        let lower = stretch.iter().rev().flat_map(|(from, to, (least, ..))| [(*to, *least), (*from, *least)]);
        let corners: Vec<(f64, f64)> = upper.chain(lower).map(|(x, share)| (x, scale.place(share))).collect();
        chart.draw_series([Polygon::new(corners, CANDIDATE.mix(0.2))])?;
    }
    Ok(())
}

/// What was seen: mismatches as a line of steps, failures as a thin dashed one.
fn curves(chart: &mut Chart<'_, '_>, steps: &[Step], scale: &Scale) -> Drawn {
    let line = |stretch: &[(f64, f64, f64)]| -> Vec<(f64, f64)> {
        stretch
            .iter()
            .flat_map(|(from, to, share)| [(*from, *share), (*to, *share)])
            .map(|(x, y)| (x, scale.place(y)))
            .collect()
    };
    for stretch in stretches(steps, |step| (step.failed > 0.0).then_some(step.failed)) {
        chart.draw_series(LineSeries::new(line(&stretch), CAPTURED.stroke_width(1)))?;
    }
    for stretch in stretches(steps, |step| step.share.map(|(_, share, _)| share)) {
        chart.draw_series(LineSeries::new(line(&stretch), CANDIDATE.stroke_width(2)))?;
    }
    Ok(())
}

/// A line for each epoch that began within the plot, with its number where there is room: whole for another build,
/// dashed for other rules or gates.
fn marks(
    chart: &mut Chart<'_, '_>,
    marks: &[Mark],
    seconds: &impl Fn(Timestamp) -> f64,
    (length, high): (f64, f64),
    tips: &mut Vec<Tip>,
) -> Drawn {
    let mut room = i32::MIN;
    for mark in marks.iter().take(MAX_MARKS) {
        let x = seconds(mark.at);
        if !(0.0..=length).contains(&x) {
            continue;
        }
        let width = if mark.build { 2 } else { 1 };
        chart.draw_series([PathElement::new([(x, 0.0), (x, high)], MARK.stroke_width(width))])?;
        let (left, top) = chart.backend_coord(&(x, high));
        if left >= room {
            room = left + MARK_ROOM;
            let number = Text::new(mark.number.to_string(), (-4, -14), ("sans-serif", 13).into_font());
            chart.draw_series([EmptyElement::at((x, high)) + number])?;
        }
        let what = if mark.build { "another build" } else { "other rules or gates" };
        let text = format!("epoch {}: {what}, from {}", mark.number, moment(mark.at));
        tips.push(Tip { left: left - 4, top: top - 14, width: 9, height: 14, text });
    }
    Ok(())
}

/// `2026-11-25 13:20:05`, in UTC, with as many digits as it takes.
pub(in crate::report) fn moment(at: Timestamp) -> String {
    at.to_string().trim_end_matches('Z').replacen('T', " ", 1)
}

fn date(at: Timestamp) -> String {
    at.day().to_string()
}

/// In words: `5 s`, `30 min`, `2 days`.
pub(in crate::report) fn width(series: &TimeSeries) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400_000, "day"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")];
    let ms = series.step_ms;
    match UNITS.into_iter().find(|(unit, _)| ms >= *unit && ms.is_multiple_of(*unit)) {
        Some((unit, "day")) if ms > unit => format!("{} days", ms / unit),
        Some((unit, name)) => format!("{} {name}", ms / unit),
        None => format!("{ms} ms"),
    }
}

/// Moments that are easy to read, at most so many, each with its name: the time of day, or the day where one begins.
fn time_ticks(first: Timestamp, last: Timestamp, most: i64) -> Vec<(Timestamp, String)> {
    const MS: i64 = 1_000_000;
    const DAY: i64 = 86_400 * NANOS;
    let fine = [10, 20, 50, 100, 200, 500].map(|ms| ms * MS);
    let coarse =
        [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200].map(|s| s * NANOS);
    let days = (0..14).map(|power| DAY << power);
    let span = last.0.saturating_sub(first.0);
    let step = fine.into_iter().chain(coarse).chain(days).find(|step| span / step < most).unwrap_or(DAY << 13);
    let mut at = first.0.div_euclid(step).saturating_add(i64::from(first.0.rem_euclid(step) > 0)).saturating_mul(step);
    let mut ticks = Vec::new();
    while at <= last.0 && (ticks.len() as i64) < most {
        let text = Timestamp(at).to_string();
        let (day, time) = (text.get(5..10).unwrap_or_default(), text.get(11..).unwrap_or_default());
        let name = match step {
            _ if at.rem_euclid(DAY) == 0 => day.to_owned(),
            step if step >= 60 * NANOS => time.get(..5).unwrap_or_default().to_owned(),
            _ => time.trim_end_matches('Z').to_owned(),
        };
        ticks.push((Timestamp(at), name));
        at = at.saturating_add(step);
    }
    ticks
}

#[cfg(test)]
mod tests;

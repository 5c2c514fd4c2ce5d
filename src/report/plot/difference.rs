//! By how much each request got slower or faster, on an axis that is linear about zero and logarithmic beyond.

use plotters::prelude::*;

use super::{Axis, CANDIDATE, CAPTURED, Chart, Drawn, FASTER, Size, Tip, WIDE, share_axis, sheet};
use crate::tally::Paired;
use crate::verdict::words;

/// Bars on either side of zero at most.
const BARS: i64 = 30;
const NARROW_BARS: i64 = 14;

/// The axis: `asinh(x / linear)`, so that zero has a place, and what lies beyond `linear` microseconds is logarithmic.
struct Scale {
    linear: f64,
    /// Width of a bar on the axis. A bar lies about each whole multiple, so that the middle one is about zero.
    bar: f64,
    /// Bars on the faster side, and on the slower.
    reach: (i64, i64),
}

impl Scale {
    fn of(paired: &Paired, bars: i64) -> Scale {
        let largest = |side: &crate::tally::Latency| side.buckets.last().map_or(0, |bucket| bucket.high) as f64;
        let (faster, slower) = (largest(&paired.faster), largest(&paired.slower));
        let most = faster.max(slower).max(1.0);
        // Two decades and a half of what there is are logarithmic.
        let linear = 10f64.powf((most.log10() - 2.5).floor()).max(1.0);
        let far = (most / linear).asinh();
        let bar = far / bars as f64;
        let reach = |side: f64| ((side / linear).asinh() / bar).round() as i64;
        Scale { linear, bar, reach: (reach(faster), reach(slower)) }
    }

    fn place(&self, micros: f64) -> f64 {
        (micros / self.linear).asinh()
    }

    /// The bar of a difference.
    fn bar_of(&self, micros: f64) -> i64 {
        ((self.place(micros) / self.bar).round() as i64).clamp(-self.reach.0, self.reach.1)
    }

    /// Microseconds at a place.
    fn micros(&self, place: f64) -> i64 {
        (place.sinh() * self.linear).round() as i64
    }

    /// Zero, and powers of ten on either side of it, from the largest on as long as there are `room` pixels between two.
    fn ticks(&self, low: f64, high: f64, (pixels, room): (f64, f64)) -> Vec<(f64, String)> {
        let gap = (high - low) * room / pixels;
        let mut ticks = vec![0.0];
        for sign in [-1.0, 1.0] {
            let mut last = f64::INFINITY;
            for tick in (0..=9).rev().map(|power| sign * 10f64.powi(power)) {
                let place = self.place(tick);
                if (low..=high).contains(&place) && place.abs() >= gap && last - place.abs() >= gap {
                    ticks.push(tick);
                    last = place.abs();
                }
            }
        }
        ticks.into_iter().map(|tick| (self.place(tick), words::signed_latency(tick as i64))).collect()
    }
}

/// The share of the pairs in each bar, from the fastest.
fn shares(paired: &Paired, scale: &Scale) -> Vec<(i64, f64)> {
    let n = paired.count().max(1) as f64;
    let mut counts = vec![0_u64; (scale.reach.0 + scale.reach.1 + 1) as usize];
    let mut add = |micros: f64, count: u64| counts[(scale.bar_of(micros) + scale.reach.0) as usize] += count;
    paired.faster.buckets.iter().for_each(|b| add(-(b.low as f64).midpoint(b.high as f64), b.count));
    paired.slower.buckets.iter().for_each(|b| add((b.low as f64).midpoint(b.high as f64), b.count));
    add(0.0, paired.equal);
    counts.into_iter().zip(-scale.reach.0..).map(|(count, bar)| (bar, count as f64 / n)).collect()
}

/// The plot in so many pixels; None where there are no pairs.
pub(in crate::report) fn difference(paired: &Paired, size: Size) -> Option<String> {
    if paired.count() == 0 {
        return None;
    }
    let wide = size.0 >= WIDE;
    let scale = Scale::of(paired, if wide { BARS } else { NARROW_BARS });
    let mut bars = shares(paired, &scale);
    // What a time-out hides has its place behind all that is known, apart from it.
    let hidden = (paired.cut_off + paired.unknown) as f64 / paired.count() as f64;
    let hidden_bar = scale.reach.1 + 3;
    let last = if hidden > 0.0 { hidden_bar } else { scale.reach.1 };
    if hidden > 0.0 {
        bars.push((hidden_bar, hidden));
    }
    let edge = |bar: i64, side: f64| (bar as f64 + side) * scale.bar;
    let (low, high) = (edge(-scale.reach.0.max(2), -1.0), edge(last.max(2), 1.0));
    let known = edge(scale.reach.1.max(2), 1.0);
    let pixels = (f64::from(size.0) - 100.0) * (known - low) / (high - low);
    let mut ticks = scale.ticks(low, known, (pixels, if wide { 90.0 } else { 66.0 }));
    if hidden > 0.0 {
        ticks.push((edge(hidden_bar, 0.0), if wide { "cut off".to_owned() } else { "…".to_owned() }));
    }
    let top = bars.iter().map(|(_, share)| *share).fold(0.0, f64::max);
    let y = share_axis(top);
    let ceiling = y.high;
    let words = ("candidate less legacy, of each request", "share of requests");
    sheet(size, (Axis { low, high, ticks }, y), words, |chart| {
        let mut tips = Vec::new();
        for (bar, share) in bars.iter().filter(|(_, share)| *share > 0.0) {
            let colour = match bar {
                bar if hidden > 0.0 && *bar == hidden_bar => CAPTURED,
                bar if *bar < 0 => FASTER,
                0 => CAPTURED,
                _ => CANDIDATE,
            };
            let corners = [(edge(*bar, -0.45), 0.0), (edge(*bar, 0.45), *share)];
            chart.draw_series([Rectangle::new(corners, colour.filled())])?;
            let text = told(*bar, *share, &scale, hidden > 0.0 && *bar == hidden_bar);
            tips.push(Tip::between(chart, edge(*bar, -0.5), edge(*bar, 0.5), text));
        }
        chart.draw_series([PathElement::new([(0.0, 0.0), (0.0, ceiling)], BLACK.stroke_width(2))])?;
        quantiles(chart, paired, &scale, ceiling)?;
        Ok(tips)
    })
}

/// Median and 95th percentile as lines, each with its name where there is room.
fn quantiles(chart: &mut Chart<'_, '_>, paired: &Paired, scale: &Scale, ceiling: f64) -> Drawn {
    /// Pixels that a name takes.
    const ROOM: i32 = 30;
    let mut free = i32::MIN;
    for quantile in [0.5, 0.95] {
        let Some(micros) = paired.quantile(quantile) else { continue };
        let x = scale.place(micros as f64);
        chart.draw_series([PathElement::new([(x, 0.0), (x, ceiling)], CAPTURED.stroke_width(1))])?;
        let (left, _) = chart.backend_coord(&(x, ceiling));
        if left >= free {
            free = left + ROOM;
            let name = Text::new(words::quantile(quantile), (-10, -14), ("sans-serif", 13).into_font());
            chart.draw_series([EmptyElement::at((x, ceiling)) + name])?;
        }
    }
    Ok(())
}

fn told(bar: i64, share: f64, scale: &Scale, hidden: bool) -> String {
    let share = words::percent(share);
    if hidden {
        return format!("{share}: a time-out hides by how much");
    }
    let edge = |side: f64| scale.micros((bar as f64 + side) * scale.bar);
    let (from, to) = (words::signed_latency(edge(-0.5)), words::signed_latency(edge(0.5)));
    match bar {
        0 => format!("{share} as fast: {from} to {to}"),
        bar if bar < 0 => format!("{share} faster: {from} to {to}"),
        _ => format!("{share} slower: {from} to {to}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::tests::{is_fit, tips};
    use super::*;

    fn paired(pairs: impl IntoIterator<Item = (u64, u64)>) -> Paired {
        let micros = Duration::from_micros;
        Paired::from_values(pairs.into_iter().map(|(legacy, ours)| (micros(legacy), micros(ours))))
    }

    #[test]
    fn either_side_of_zero_has_its_colour_and_zero_its_line() {
        let svg = difference(&paired((0..900).map(|n| (10_000, 7_000 + n * 20))), (960, 260)).unwrap();
        is_fit(&svg);
        assert!(svg.contains("#009E73") && svg.contains("#D55E00") && svg.contains("#000000"));
        let said = tips(&svg);
        assert!(said.iter().any(|tip| tip.contains("faster: -")) && said.iter().any(|tip| tip.contains("slower: +")));
        let faster_only = difference(&paired([(10, 5), (10, 4)]), (350, 240)).unwrap();
        assert!(!faster_only.contains("#D55E00") && !tips(&faster_only).iter().any(|tip| tip.contains("slower")));
    }

    #[test]
    fn names_of_ticks_have_room_on_either_side() {
        let paired = paired((0..2_000).map(|n| (40_000, 20_000 + n * 500)));
        for (bars, pixels, room) in [(BARS, 860.0, 90.0), (NARROW_BARS, 250.0, 66.0)] {
            let scale = Scale::of(&paired, bars);
            let (low, high) = (scale.place(-20_000.0), scale.place(980_000.0));
            let mut places: Vec<f64> =
                scale.ticks(low, high, (pixels, room)).iter().map(|tick| tick.0 * pixels / (high - low)).collect();
            places.sort_by(f64::total_cmp);
            assert!(places.len() >= 3 && places.windows(2).all(|two| two[1] - two[0] >= room - 1e-6), "{places:?}");
        }
    }

    #[test]
    fn what_a_time_out_hides_stands_apart() {
        let hidden = Paired { cut_off: 1, unknown: 1, ..paired([(10, 15), (10, 12)]) };
        let svg = difference(&hidden, (960, 260)).unwrap();
        is_fit(&svg);
        assert!(svg.contains("cut off") && tips(&svg).contains(&"50%: a time-out hides by how much"));
        let nothing_else = Paired { unknown: 3, ..Paired::default() };
        is_fit(&difference(&nothing_else, (960, 260)).unwrap());
        assert!(difference(&Paired::default(), (960, 260)).is_none());
        is_fit(&difference(&paired([(7, 7)]), (350, 240)).unwrap());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn every_pair_is_in_one_bar_and_on_its_side(
            pairs in prop::collection::vec((1..900_000_u64, 1..900_000_u64), 1..200),
            narrow in any::<bool>(),
        ) {
            let paired = paired(pairs);
            let scale = Scale::of(&paired, if narrow { NARROW_BARS } else { BARS });
            let bars = shares(&paired, &scale);
            prop_assert!(bars.len() <= 2 * BARS as usize + 1);
            prop_assert!((bars.iter().map(|(_, share)| share).sum::<f64>() - 1.0).abs() < 1e-9);
            let n = paired.count() as f64;
            let faster: f64 = bars.iter().filter(|(bar, _)| *bar < 0).map(|(_, share)| share).sum();
            let slower: f64 = bars.iter().filter(|(bar, _)| *bar > 0).map(|(_, share)| share).sum();
            prop_assert!(faster <= paired.faster.count as f64 / n + 1e-9);
            prop_assert!(slower <= paired.slower.count as f64 / n + 1e-9);
            is_fit(&difference(&paired, if narrow { (350, 240) } else { (960, 260) }).unwrap());
        }
    }
}

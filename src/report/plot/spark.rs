//! One endpoint's mismatch rate over time, so small that it stands in a row of a table.

use std::fmt::Write;

use crate::exchange::Timestamp;
use crate::tally::TimeSeries;
use crate::verdict::words::percent;

use super::over_time::moment;

/// Places along the time.
const PLACES: i64 = 30;
/// Width of a place, and the height, in the picture's own units.
const PLACE: i64 = 3;
const HEIGHT: f64 = 17.0;

/// The line over that time, the same for all that are to be compared; at most 600 bytes. The height is the square root of
/// the share, so that one in a hundred is a tenth of it. A gap is where nothing was compared. None where nothing was at all.
pub(in crate::report) fn spark(series: &TimeSeries, (first, last): (Timestamp, Timestamp)) -> Option<String> {
    let span = i128::from(last.0) - i128::from(first.0);
    let mut places = [(0_u64, 0_u64); PLACES as usize];
    let place = |at: i64| {
        (((i128::from(at) - i128::from(first.0)) * i128::from(PLACES) / span.max(1)).clamp(0, i128::from(PLACES) - 1))
            as usize
    };
    let mut worst: Option<(f64, Timestamp)> = None;
    for bucket in series.buckets.iter().filter(|bucket| bucket.compared > 0) {
        let share = bucket.mismatched as f64 / bucket.compared as f64;
        if worst.is_none_or(|(most, _)| share > most) {
            worst = Some((share, bucket.from));
        }
        // A bucket that is wider than a place fills all that it covers.
        let end = place(bucket.from.0.saturating_add(series.width()).saturating_sub(1));
        for place in &mut places[place(bucket.from.0)..=end] {
            place.0 += bucket.compared;
            place.1 += bucket.mismatched;
        }
    }
    let (most, when) = worst?;
    let said = if most > 0.0 {
        format!("differ at most {} from {}", percent(most), moment(when).get(..19).unwrap_or_default())
    } else {
        "none differ".to_owned()
    };
    Some(format!(
        "<svg class=\"spark\" role=\"img\" viewBox=\"0 0 {} 18\"><title>over time: {said}</title><path d=\"{}\"/></svg>",
        PLACES * PLACE,
        path(&places)
    ))
}

fn path(places: &[(u64, u64)]) -> String {
    let mut path = String::new();
    // Where the pen is, and how far it is to go on at that height.
    let (mut height, mut along) = (None::<i64>, 0);
    for (at, (compared, mismatched)) in places.iter().enumerate() {
        let next = (*compared > 0)
            .then(|| (HEIGHT - (HEIGHT - 1.0) * (*mismatched as f64 / *compared as f64).sqrt()).round() as i64);
        if next != height && along > 0 {
            let _ = write!(path, "h{along}");
            along = 0;
        }
        match (height, next) {
            (None, Some(next)) => {
                let _ = write!(path, "M{} {next}", at as i64 * PLACE);
            }
            (Some(before), Some(next)) if before != next => {
                let _ = write!(path, "V{next}");
            }
            _ => {}
        }
        height = next;
        along += if next.is_some() { PLACE } else { 0 };
    }
    if along > 0 {
        let _ = write!(path, "h{along}");
    }
    path
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tally::TimeBucket;

    fn series(step_ms: u64, buckets: &[(i64, u64, u64)]) -> TimeSeries {
        let bucket = |(at, compared, mismatched): &(i64, u64, u64)| TimeBucket {
            from: Timestamp(at * step_ms as i64 * 1_000_000),
            exchanges: *compared,
            compared: *compared,
            mismatched: *mismatched,
            failed: 0,
        };
        TimeSeries { step_ms, buckets: buckets.iter().map(bucket).collect(), ..TimeSeries::default() }
    }

    #[test]
    fn steps_gaps_and_words() {
        let span = (Timestamp(0), Timestamp(30_000_000_000));
        let some = series(1_000, &[(0, 10, 0), (1, 10, 0), (2, 100, 1), (5, 4, 4)]);
        let svg = spark(&some, span).unwrap();
        assert!(svg.contains("d=\"M0 17h6V15h3M15 1h3\""), "{svg}");
        assert!(svg.contains("<title>over time: differ at most 100% from 1970-01-01 00:00:05</title>"), "{svg}");
        let good = spark(&series(30_000, &[(0, 5, 0)]), span).unwrap();
        assert!(good.contains("none differ") && good.contains("d=\"M0 17h90\""), "{good}");
        assert_eq!(spark(&series(1_000, &[(3, 0, 0)]), span), None);
        assert_eq!(spark(&TimeSeries::default(), span), None);
    }

    proptest! {
        #[test]
        fn it_is_small_whatever_there_was(
            buckets in prop::collection::btree_map(-60..60_i64, (0..2_000_u64, 0..2_000_u64), 0..48),
            step in prop_oneof![Just(10_u64), Just(5_000), Just(86_400_000)],
        ) {
            let buckets: Vec<_> = buckets.into_iter().map(|(at, (a, b))| (at, a.max(b), a.min(b))).collect();
            let series = series(step, &buckets);
            let span = series.span().unwrap_or_default();
            let svg = spark(&series, span).unwrap_or_default();
            prop_assert!(svg.len() <= 600 && !svg.contains("style"), "{} {svg}", svg.len());
        }
    }
}

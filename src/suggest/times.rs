//! Time stamps: two clocks, or a time zone.

use std::time::Duration;

use super::evidence::Group;
use super::facts::Facts;
use super::noise::{Finding, Noise, Says, share};
use crate::rules::{Moment, Shape, Value};

/// Two clocks, or a copy that is written a moment later, are not further apart than this.
const MAX_SKEW: Duration = Duration::from_secs(60);
/// A value this near to when the exchange was answered is the time of the answer.
const NOW: i128 = 60 * SECOND;
/// Time zones lie multiples of this apart.
const QUARTER: i128 = 15 * 60 * SECOND;
/// How near to a multiple is near.
const NEAR: i128 = 2 * SECOND;
const SECOND: i128 = 1_000_000_000;
/// An integer of ten or thirteen digits is a time only where it lies this near to the exchange: twenty years.
const ERA: i128 = 20 * 366 * 86_400 * SECOND;
/// What a suggested skew is rounded up to, in milliseconds.
const TELLING: [u64; 12] = [10, 50, 100, 250, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000];
const SHAPES: [Shape; 5] = [Shape::DateTime, Shape::HttpDate, Shape::Date, Shape::EpochSeconds, Shape::EpochMillis];

struct Times {
    shapes: (Shape, Shape),
    /// The candidate's time minus the legacy's, in nanoseconds.
    shifts: Vec<i128>,
    /// How many of the legacy's are the time of the answer.
    now: usize,
}

/// What the time stamps look like; None where the values are none.
pub(super) fn read(group: &Group<'_>, facts: &Facts) -> Option<Finding> {
    let times = times(group, facts)?;
    let n = times.shifts.len();
    let is_now = share(times.now, n) >= 0.95;
    if times.shapes.0 == Shape::Date {
        return Some(Finding::not("dates that differ are whole days apart: no clock's skew"));
    }
    let zoned = times.shifts.iter().filter(|shift| is_zone(**shift)).count();
    if share(zoned, n) >= 0.5 {
        return Some(Finding::not(format!(
            "in {zoned} of {n} pairs of times the two are whole quarters of an hour apart: looks like a time zone"
        )));
    }
    let first = times.shifts.first().copied().unwrap_or(0);
    if times.shifts.iter().all(|shift| *shift == first) {
        return Some(Finding::not(format!("a constant shift: always {} apart", shown(first))));
    }
    let most = times.shifts.iter().map(|shift| shift.unsigned_abs()).max().unwrap_or(0);
    let later = times.shifts.iter().filter(|shift| **shift > 0).count();
    let seen = format!(
        "the candidate's time is later in {later} of {n} pairs and earlier in {}, by {} at most",
        n - later,
        shown(most as i128)
    );
    if most <= MAX_SKEW.as_nanos() {
        let skew = TELLING.iter().map(|ms| Duration::from_millis(*ms)).find(|skew| skew.as_nanos() >= most)?;
        return Some(noise(Says::Skew(skew), seen, Vec::new()));
    }
    if !is_now {
        return Some(Finding::not(format!(
            "{} apart and not the time of the answer: another time, not another clock",
            shown(most as i128)
        )));
    }
    let doubts = vec![
        "how far the candidate's clock or time zone is off is not looked at: it was asked at another time".to_owned(),
    ];
    Some(noise(
        Says::Shapes(times.shapes.0, times.shapes.1),
        format!("the legacy's is the time of the answer; {seen}"),
        doubts,
    ))
}

fn noise(says: Says, seen: String, doubts: Vec<String>) -> Finding {
    Finding::Noise(Noise { what: "time", says, seen, doubts })
}

fn times(group: &Group<'_>, facts: &Facts) -> Option<Times> {
    let pairs: Vec<_> = facts.sides.iter().map(|sides| sides.both(group.spot.is_json())).collect::<Option<_>>()?;
    let shape = |fits: &dyn Fn(Shape) -> bool| SHAPES.into_iter().find(|shape| fits(*shape));
    let ours = shape(&|shape| pairs.iter().all(|(legacy, _)| shape.fits(legacy)))?;
    let theirs = shape(&|shape| pairs.iter().all(|(_, candidate)| shape.fits(candidate)))?;
    let shapes = (ours, theirs);
    let mut times = Times { shapes, shifts: Vec::new(), now: 0 };
    for (sides, (legacy, candidate)) in facts.sides.iter().zip(&pairs) {
        let (ours, theirs) = (Moment::of(&read_as(shapes.0, legacy))?, Moment::of(&read_as(shapes.1, candidate))?);
        times.shifts.push(theirs.nanos_after(ours)?);
        let answered = sides.answered.and_then(|time| jiff::Timestamp::from_nanosecond(i128::from(time.0)).ok());
        let from_answer = answered.and_then(|time| ours.nanos_after(Moment::Instant(time)));
        times.now += usize::from(from_answer.is_some_and(|apart| apart.abs() <= NOW));
        if is_epoch(shapes.0) && from_answer.is_none_or(|apart| apart.abs() > ERA) {
            return None;
        }
    }
    Some(times)
}

fn is_epoch(shape: Shape) -> bool {
    matches!(shape, Shape::EpochSeconds | Shape::EpochMillis)
}

/// A header that holds a number of seconds is read as one.
fn read_as<'v>(shape: Shape, value: &'v Value<'v>) -> Value<'v> {
    match value.text() {
        Some(text) if is_epoch(shape) => Value::Number(text.into()),
        _ => value.clone(),
    }
}

fn is_zone(shift: i128) -> bool {
    let off = shift.rem_euclid(QUARTER);
    shift.abs() >= QUARTER - NEAR && off.min(QUARTER - off) <= NEAR
}

/// `1h`, `2s 500ms`
fn shown(nanos: i128) -> String {
    let nanos = u64::try_from(nanos.unsigned_abs()).unwrap_or(u64::MAX);
    let duration = Duration::from_nanos(nanos);
    // Parts of a second say nothing of hours.
    let coarse = if duration.as_secs() >= 3600 { Duration::from_secs(duration.as_secs()) } else { duration };
    humantime::format_duration(coarse).to_string()
}

//! Moments in the ways in which answers write them, so that two can be a few seconds apart and still agree.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};

use super::value::Value;

/// From here on a number is milliseconds since the epoch; below it seconds. As seconds it would be the year 5138.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

/// A moment. Those without a time zone can be told apart only from their like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// A point in time, whatever zone it was written in.
    Instant(Timestamp),
    /// A date and time of no zone, or a date.
    Civil(DateTime),
}

impl Moment {
    /// The moment that a value is: of a number since the epoch, of a text as [`Moment::parse`] reads it.
    pub fn of(value: &Value<'_>) -> Option<Moment> {
        match value {
            Value::Number(text) => Moment::epoch(text),
            _ => Moment::parse(value.string()?),
        }
    }

    /// How many nanoseconds it is after the other, below zero where it is before; None where only one of them has a time zone.
    pub fn nanos_after(self, other: Moment) -> Option<i128> {
        match (self, other) {
            (Moment::Instant(a), Moment::Instant(b)) => Some(a.duration_since(b).as_nanos()),
            (Moment::Civil(a), Moment::Civil(b)) => Some(a.duration_since(b).as_nanos()),
            _ => None,
        }
    }

    /// Reads RFC 3339 (with or without a zone; a date alone is its midnight) and the three forms of HTTP dates
    /// (RFC 9110, section 5.6.7).
    pub(super) fn parse(text: &str) -> Option<Moment> {
        // Longer texts are none, and hostile ones are not worth a parser's time.
        if text.len() > 64 {
            return None;
        }
        if let Some(instant) = date_time(text) {
            return Some(Moment::Instant(instant));
        }
        if let Some(instant) = http_date(text) {
            return Some(Moment::Instant(instant));
        }
        if !text.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let civil = text.parse::<DateTime>().ok();
        civil
            .or_else(|| text.parse::<Date>().ok().map(|d| d.to_datetime(jiff::civil::Time::midnight())))
            .map(Moment::Civil)
    }

    /// A number of seconds, or of milliseconds, since the epoch: which of the two its size says.
    pub(super) fn epoch(number: &str) -> Option<Moment> {
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let n: i64 = whole.parse().ok()?;
        let instant = if n.abs() >= MILLISECONDS_FROM {
            Timestamp::from_millisecond(n)
        } else {
            let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
            let nanoseconds: i32 = digits.parse().ok()?;
            Timestamp::new(n, if whole.starts_with('-') { -nanoseconds } else { nanoseconds })
        };
        instant.ok().map(Moment::Instant)
    }

    /// How far apart the two are; None where only one of them has a time zone.
    pub(super) fn apart(self, other: Moment) -> Option<Duration> {
        match (self, other) {
            (Moment::Instant(a), Moment::Instant(b)) => Some(a.duration_since(b).unsigned_abs()),
            (Moment::Civil(a), Moment::Civil(b)) => Some(a.duration_since(b).unsigned_abs()),
            _ => None,
        }
    }
}

/// RFC 3339 with a zone.
pub(super) fn date_time(text: &str) -> Option<Timestamp> {
    if !is_rfc_3339(text.as_bytes()) {
        return None;
    }
    text.parse().ok()
}

/// jiff reads more of ISO 8601 than RFC 3339 has; a shape must not.
fn is_rfc_3339(text: &[u8]) -> bool {
    let digits = |range: std::ops::Range<usize>| text.get(range).is_some_and(|s| s.iter().all(u8::is_ascii_digit));
    let is = |at: usize, any: &[u8]| text.get(at).is_some_and(|b| any.contains(b));
    let date = digits(0..4) && is(4, b"-") && digits(5..7) && is(7, b"-") && digits(8..10) && is(10, b"Tt ");
    let time = digits(11..13) && is(13, b":") && digits(14..16) && is(16, b":") && digits(17..19);
    if !date || !time {
        return false;
    }
    let mut end = 19;
    if is(19, b".") {
        end += 1 + text[20..].iter().take_while(|b| b.is_ascii_digit()).count();
        if end == 20 {
            return false;
        }
    }
    match text.get(end) {
        Some(b'Z' | b'z') => text.len() == end + 1,
        Some(b'+' | b'-') => {
            text.len() == end + 6 && digits(end + 1..end + 3) && is(end + 3, b":") && digits(end + 4..end + 6)
        }
        _ => false,
    }
}

/// The three forms of HTTP dates.
pub(super) fn http_date(text: &str) -> Option<Timestamp> {
    if !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let civil = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"]
        .into_iter()
        .find_map(|format| DateTime::strptime(format, text).ok())?;
    civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(a: &str, b: &str) -> Option<u64> {
        Moment::parse(a).unwrap().apart(Moment::parse(b).unwrap()).map(|d| d.as_secs())
    }

    #[test]
    fn zones_and_spellings_are_normalised() {
        assert_eq!(apart("2026-11-20T10:00:00Z", "2026-11-20T12:00:01.5+02:00"), Some(1));
        assert_eq!(apart("2026-11-20T10:00:00Z", "2026-11-20t10:00:00z"), Some(0));
        assert_eq!(apart("Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:40Z"), Some(3));
        assert_eq!(apart("Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT"), Some(0));
        assert_eq!(apart("Sun, 06 Nov 1994 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"), Some(0));
        assert_eq!(apart("2026-11-20", "2026-11-21"), Some(86_400));
        assert_eq!(apart("2026-11-20T10:00:00", "2026-11-20 10:00:07"), Some(7));
    }

    #[test]
    fn a_moment_without_a_zone_is_not_compared_with_one_that_has_it() {
        assert_eq!(apart("2026-11-20T10:00:00", "2026-11-20T10:00:00Z"), None);
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in ["", "soon", "2026-13-01", "2026-11-20T25:00:00Z", "Xun, 06 Nov 1994 08:49:37 GMT", &"1".repeat(65)]
        {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
        for text in
            ["2026-11-20", "2026-11-20T10:00Z", "20261120T100000Z", "2026-11-20T10:00:00.Z", "2026-11-20T10:00:00+02"]
        {
            assert_eq!(date_time(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_seconds_or_milliseconds_by_their_size() {
        let seconds = Moment::epoch("1700000000").unwrap();
        assert_eq!(seconds.apart(Moment::epoch("1700000000500").unwrap()), Some(Duration::from_millis(500)));
        assert_eq!(seconds.apart(Moment::epoch("1700000000.25").unwrap()), Some(Duration::from_millis(250)));
        assert_eq!(Moment::epoch("1e9"), None);
        assert_eq!(Moment::epoch("9223372036854775807"), None);
    }
}

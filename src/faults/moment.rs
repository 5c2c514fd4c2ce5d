//! Moments in text, made later in the form in which they were written.

use jiff::ToSpan;
use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime;

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).
const HTTP_DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";
/// The length of `2026-11-20T10:00:00`.
const TO_THE_SECOND: usize = 19;

/// How much later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Later {
    Hour,
    Day,
}

/// A date (then by a day), a date and time of RFC 3339 with or without a zone, or an HTTP date, so much later; None for any
/// other text.
pub(super) fn later(text: &str, by: Later) -> Option<String> {
    if !text.is_ascii() {
        return None;
    }
    if text.len() == "2026-11-20".len() {
        return Some(text.parse::<Date>().ok()?.checked_add(1.day()).ok()?.to_string());
    }
    if let Ok(time) = strtime::parse(HTTP_DATE, text) {
        let moved = moved(time.to_datetime().ok()?, by)?;
        return strtime::format(HTTP_DATE, moved).ok();
    }
    let (civil, rest) = (text.get(..TO_THE_SECOND)?, text.get(TO_THE_SECOND..)?);
    let separator = civil.get(10..11).filter(|s| ["T", "t", " "].contains(s))?;
    if !civil.starts_with(|c: char| c.is_ascii_digit()) || !is_fraction_and_zone(rest) {
        return None;
    }
    let moved = moved(civil.replacen(separator, "T", 1).parse().ok()?, by)?;
    Some(strtime::format("%Y-%m-%dT%H:%M:%S", moved).ok()?.replacen('T', separator, 1) + rest)
}

/// A number of seconds or milliseconds since 1970, of this century, so much later.
pub(super) fn later_epoch(number: &str, by: Later) -> Option<String> {
    let seconds = match by {
        Later::Hour => 3_600,
        Later::Day => 86_400,
    };
    if !number.starts_with('1') || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let unit = match number.len() {
        10 => 1,
        13 => 1_000,
        _ => return None,
    };
    Some((number.parse::<u64>().ok()? + seconds * unit).to_string())
}

fn moved(time: DateTime, by: Later) -> Option<DateTime> {
    match by {
        Later::Hour => time.checked_add(1.hour()).ok(),
        Later::Day => time.checked_add(1.day()).ok(),
    }
}

/// `.123`, `Z`, `+01:00`, both, or nothing.
fn is_fraction_and_zone(rest: &str) -> bool {
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    match zone.as_bytes() {
        [] | [b'Z' | b'z'] => true,
        [b'+' | b'-', rest @ ..] => rest.len() <= 5 && rest.iter().all(|b| b.is_ascii_digit() || *b == b':'),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_stays_in_its_form() {
        for (text, hour, day) in [
            ("2026-11-30", "2026-12-01", "2026-12-01"),
            ("2026-11-20T23:30:00Z", "2026-11-21T00:30:00Z", "2026-11-21T23:30:00Z"),
            ("2026-11-20 10:00:00.125+05:30", "2026-11-20 11:00:00.125+05:30", "2026-11-21 10:00:00.125+05:30"),
            ("2026-11-20T10:00:00", "2026-11-20T11:00:00", "2026-11-21T10:00:00"),
            ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 09:49:37 GMT", "Mon, 07 Nov 1994 08:49:37 GMT"),
        ] {
            assert_eq!(later(text, Later::Hour).as_deref(), Some(hour));
            assert_eq!(later(text, Later::Day).as_deref(), Some(day));
        }
        for text in ["", "2026-11-31", "2026-11-20Tx0:00:00Z", "2026-11-20T10:00:00 or so", "0123456789", "ééééé"]
        {
            assert_eq!(later(text, Later::Hour), None, "{text}");
        }
    }

    #[test]
    fn epochs_are_of_this_century() {
        assert_eq!(later_epoch("1700000000", Later::Hour).as_deref(), Some("1700003600"));
        assert_eq!(later_epoch("1700000000123", Later::Day).as_deref(), Some("1700086400123"));
        for number in ["170000000", "2700000000", "1700000000.5", "-1700000000", "17e8"] {
            assert_eq!(later_epoch(number, Later::Hour), None, "{number}");
        }
    }
}

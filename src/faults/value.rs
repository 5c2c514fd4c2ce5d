//! One value made another: by one, of another type.

use crate::compare::json::JsonType;

use super::moment::{Later, later};

/// A text that differs in as little as can be and keeps its shape: its last digit, else its last letter. A date stays one.
pub(super) fn off_by_one(text: &str) -> String {
    if text.len() == "2026-11-20".len()
        && let Some(next_day) = later(text, Later::Day)
    {
        return next_day;
    }
    let last = |wanted: fn(&char) -> bool| text.char_indices().rev().find(|(_, c)| wanted(c));
    let found = last(char::is_ascii_digit).or_else(|| last(|c| c.is_alphanumeric()));
    let Some((at, old)) = found else { return format!("{text}x") };
    let (before, behind) = (text.get(..at).unwrap_or_default(), text.get(at + old.len_utf8()..).unwrap_or_default());
    format!("{before}{}{behind}", neighbour(old))
}

/// Another value of a header field: of a moment an hour later, of a media type another type, whatever its parameters.
pub(super) fn other_field(name: &str, text: &str) -> String {
    if let Some(moment) = later(text, Later::Hour) {
        return moment;
    }
    match text.split_once(';') {
        Some((media, parameters)) if name == "content-type" => format!("{};{parameters}", off_by_one(media)),
        _ => off_by_one(text),
    }
}

/// Another value of a cookie's attribute, by its lower-case name: of `SameSite` another of those that there are.
pub(super) fn other_attribute(name: &str, text: &str) -> String {
    match name {
        "samesite" if text.eq_ignore_ascii_case("none") => "Lax".to_owned(),
        "samesite" => "None".to_owned(),
        _ => later(text, Later::Hour).unwrap_or_else(|| off_by_one(text)),
    }
}

/// The next digit or letter; the one before where the next would leave the alphabet of hexadecimal digits or of ULIDs.
fn neighbour(c: char) -> char {
    let by = |step: i32| char::from_u32((c as i32 + step) as u32).unwrap_or('x');
    match c.to_ascii_lowercase() {
        '9' | 'f' | 'h' | 'k' | 'n' | 't' | 'z' => by(-1),
        '0'..='8' | 'a'..='y' => by(1),
        _ => 'x',
    }
}

/// The JSON text of a value that is one off; None for null and containers, and for a string that has no text (a lone
/// surrogate).
pub(super) fn json_off_by_one(text: &str, json_type: JsonType) -> Option<String> {
    match json_type {
        JsonType::Bool => Some(if text == "true" { "false" } else { "true" }.to_owned()),
        JsonType::Number => {
            // The exponent is no place for a fault: `0e5` and `0e6` are the same.
            let mantissa = text.find(['e', 'E']).unwrap_or(text.len());
            let (mantissa, exponent) = text.split_at_checked(mantissa)?;
            Some(off_by_one(mantissa) + exponent)
        }
        JsonType::String => {
            let value: String = serde_json::from_str(text).ok()?;
            serde_json::to_string(&off_by_one(&value)).ok()
        }
        JsonType::Null | JsonType::Object | JsonType::Array => None,
    }
}

/// The JSON text of a value that says as much as it can in another type; None for containers.
pub(super) fn json_other_type(text: &str, json_type: JsonType) -> Option<String> {
    match json_type {
        JsonType::Number | JsonType::Bool => Some(format!("\"{text}\"")),
        JsonType::Null => Some("\"\"".to_owned()),
        JsonType::String => {
            let inner = text.strip_prefix('"')?.strip_suffix('"')?;
            let number = serde_json::from_str::<serde_json::Number>(inner).is_ok();
            Some(if number { inner.to_owned() } else { "null".to_owned() })
        }
        JsonType::Object | JsonType::Array => None,
    }
}

/// Another status code than both sides have: the reference's would be none that is wrong.
pub(super) fn third_status(status: u16, reference: u16) -> u16 {
    let (first, fallback) = (other_status(status), status / 100 * 100 + 8);
    let is_third = |other: &u16| ![status, reference].contains(other);
    [first, other_status(first)].into_iter().find(is_third).unwrap_or(fallback)
}

/// Another status code of the same class that is a real one, and neither 401 nor 403: these ask who asks, and what they say
/// of a request without credentials is another question.
pub(super) fn other_status(status: u16) -> u16 {
    match status {
        200 => 202,
        204 => 200,
        301 => 302,
        300..=399 => 301,
        404 => 410,
        400 => 422,
        500 => 503,
        _ => status / 100 * 100,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use JsonType::{Bool, Null, Number, String as Text};

    #[test]
    fn by_one_in_the_last_digit_or_letter() {
        for (text, expected) in [
            ("20", "21"),
            ("19.99", "19.98"),
            ("A-17 black", "A-18 black"),
            ("Ada", "Adb"),
            ("deadbeef", "deadbeee"),
            ("Köln?", "Kölm?"),
            ("2026-11-30", "2026-12-01"),
            ("2026-11-20T10:00:59Z", "2026-11-20T10:00:58Z"),
            ("日本", "日x"),
            ("", "x"),
            ("--", "--x"),
        ] {
            assert_eq!(off_by_one(text), expected, "{text}");
        }
    }

    #[test]
    fn json_values_stay_json_and_mean_something_else() {
        for (text, json_type, one_off, other_type) in [
            ("12.50", Number, Some("12.51"), Some("\"12.50\"")),
            ("-0", Number, Some("-1"), Some("\"-0\"")),
            ("0e5", Number, Some("1e5"), Some("\"0e5\"")),
            ("true", Bool, Some("false"), Some("\"true\"")),
            ("null", Null, None, Some("\"\"")),
            (r#""17""#, Text, Some(r#""18""#), Some("17")),
            (r#""a\n""#, Text, Some(r#""b\n""#), Some("null")),
            (r#""caf\u00e9""#, Text, Some("\"cafx\""), Some("null")),
            (r#""\ud800""#, Text, None, Some("null")),
            ("[]", JsonType::Array, None, None),
        ] {
            assert_eq!(json_off_by_one(text, json_type).as_deref(), one_off, "{text}");
            assert_eq!(json_other_type(text, json_type).as_deref(), other_type, "{text}");
        }
    }

    #[test]
    fn a_status_stays_in_its_class_and_changes() {
        for status in 200..=599 {
            let other = other_status(status);
            assert!(other != status || status.is_multiple_of(100), "{status}");
            assert_eq!(other / 100, status / 100);
            assert!(![401, 403].contains(&other));
        }
        assert_eq!([200, 204, 300, 400, 500].map(other_status), [202, 200, 301, 422, 503]);
    }
}

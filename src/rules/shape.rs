//! Named shapes of values: what an identifier, a date, an address looks like.

use super::moment;
use super::value::Value;

crate::exchange::reasons! {
    /// A shape that a value may have.
    Shape {
        /// A whole number without fraction and exponent.
        Integer = "integer",
        /// A number.
        Number = "number",
        /// `true` or `false`.
        Boolean = "boolean",
        /// A string, also an empty one.
        String = "string",
        /// A string that is not empty.
        Text = "text",
        /// A string of ASCII digits.
        Digits = "digits",
        /// RFC 9562: 8-4-4-4-12 hexadecimal digits, either case.
        Uuid = "uuid",
        /// 26 characters of Crockford's base 32, at most 128 bits.
        Ulid = "ulid",
        /// Hexadecimal digits, either case.
        Hex = "hex",
        /// RFC 4648, section 4, with its padding.
        Base64 = "base64",
        /// RFC 4648, section 5, without padding.
        Base64Url = "base64url",
        /// `2026-11-20`
        Date = "date",
        /// RFC 3339, with a zone.
        DateTime = "date-time",
        /// RFC 9110, section 5.6.7.
        HttpDate = "http-date",
        /// Whole seconds since 1970, from 2001-09-09 to 2286-11-20: ten digits.
        EpochSeconds = "epoch-seconds",
        /// Milliseconds, of the same years: thirteen digits.
        EpochMillis = "epoch-millis",
        /// Something, an `@`, and a domain of at least two labels.
        Email = "email",
        /// `http` or `https`, a host, and no blank.
        Url = "url",
    }
}

impl Shape {
    /// The shape of that name.
    pub fn named(name: &str) -> Option<Shape> {
        Shape::ALL.iter().copied().find(|shape| shape.as_str() == name)
    }

    /// Whether the value has it. Shapes of numbers are those of JSON numbers and shapes of strings those of JSON
    /// strings; a header, cookie or line has no type and is asked for its text alone.
    pub fn fits(self, value: &Value<'_>) -> bool {
        match self {
            Shape::Boolean => match value {
                Value::Bool(_) => true,
                Value::Text(text) => matches!(&**text, "true" | "false"),
                _ => false,
            },
            Shape::Integer => value.number().is_some_and(is_integer),
            Shape::Number => value.number().is_some_and(|s| serde_json::from_str::<serde_json::Number>(s).is_ok()),
            Shape::EpochSeconds => value.number().is_some_and(|s| s.len() == 10 && is_integer(s)),
            Shape::EpochMillis => value.number().is_some_and(|s| s.len() == 13 && is_integer(s)),
            _ => value.string().is_some_and(|text| self.fits_string(text)),
        }
    }

    fn fits_string(self, text: &str) -> bool {
        let all = |accepts: fn(u8) -> bool| !text.is_empty() && text.bytes().all(accepts);
        match self {
            Shape::String => true,
            Shape::Text => !text.is_empty(),
            Shape::Digits => all(|b| b.is_ascii_digit()),
            Shape::Uuid => is_uuid(text.as_bytes()),
            Shape::Ulid => is_ulid(text.as_bytes()),
            Shape::Hex => all(|b| b.is_ascii_hexdigit()),
            Shape::Base64 => is_base64(text),
            Shape::Base64Url => all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') && text.len() % 4 != 1,
            Shape::Date => text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok(),
            Shape::DateTime => moment::date_time(text).is_some(),
            Shape::HttpDate => moment::http_date(text).is_some(),
            Shape::Email => is_email(text),
            Shape::Url => is_url(text),
            Shape::Integer | Shape::Number | Shape::Boolean | Shape::EpochSeconds | Shape::EpochMillis => false,
        }
    }
}

/// JSON's integers: no leading zero.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && (digits.len() == 1 || !digits.starts_with('0'))
}

fn is_uuid(text: &[u8]) -> bool {
    text.len() == 36
        && text.iter().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

fn is_ulid(text: &[u8]) -> bool {
    let crockford = |b: &u8| b.is_ascii_alphanumeric() && !matches!(b.to_ascii_uppercase(), b'I' | b'L' | b'O' | b'U');
    // 26 characters hold 130 bits; the first may not pass 7.
    text.len() == 26 && text.iter().all(crockford) && text.first().is_some_and(|b| (b'0'..=b'7').contains(b))
}

fn is_base64(text: &str) -> bool {
    let data = text.trim_end_matches('=');
    let padding = text.len() - data.len();
    !data.is_empty()
        && padding <= 2
        && text.len().is_multiple_of(4)
        && data.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let plain = |s: &str| !s.is_empty() && !s.contains(|c: char| c.is_whitespace() || c.is_control() || c == '@');
    plain(local) && plain(domain) && domain.contains('.') && domain.split('.').all(|label| !label.is_empty())
}

fn is_url(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or("");
    !host.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shape_fits_its_own_and_not_its_neighbours() {
        for (shape, fits, does_not) in [
            ("integer", &["0", "-17", "12345678901234567890"][..], &["1.0", "1e3", "\"1\"", "null"][..]),
            ("number", &["1.5e3", "0"], &["\"1.5\"", "true"]),
            ("boolean", &["true", "false"], &["\"true\"", "0"]),
            ("string", &["\"\"", "\"a\""], &["1", "null"]),
            ("text", &["\"a\""], &["\"\""]),
            ("digits", &["\"007\""], &["7", "\"\"", "\"7a\""]),
            ("uuid", &["\"018F3c5e-0000-7000-8000-0123456789ab\""], &["\"018f3c5e00007000800001234567890ab\"", "1"]),
            (
                "ulid",
                &["\"01ARZ3NDEKTSV4RRFFQ69G5FAV\""],
                &["\"81ARZ3NDEKTSV4RRFFQ69G5FAV\"", "\"01ARZ3NDEKTSV4RRFFQ69G5FAU\""],
            ),
            ("hex", &["\"dEadBeef\""], &["\"0x1\"", "\"\""]),
            ("base64", &["\"aGk=\"", "\"aGkh\""], &["\"aGk\"", "\"a-_=\"", "\"====\""]),
            ("base64url", &["\"a-_9\"", "\"aGk\""], &["\"a+b\"", "\"aaaaa\""]),
            ("date", &["\"2026-02-28\""], &["\"2026-02-30\"", "\"20260228\""]),
            (
                "date-time",
                &["\"2026-11-20T10:00:00Z\"", "\"2026-11-20T10:00:00.123+05:30\""],
                &["\"2026-11-20T10:00:00\"", "1"],
            ),
            ("http-date", &["\"Sun, 06 Nov 1994 08:49:37 GMT\""], &["\"2026-11-20T10:00:00Z\""]),
            ("epoch-seconds", &["1700000000"], &["1700000000000", "17", "\"1700000000\""]),
            ("epoch-millis", &["1700000000000"], &["1700000000"]),
            ("email", &["\"a.b@example.org\""], &["\"a@b\"", "\"@example.org\"", "\"a b@example.org\""]),
            (
                "url",
                &["\"https://example.org/a?b#c\"", "\"http://h\""],
                &["\"//h\"", "\"https:///a\"", "\"https://a b\""],
            ),
        ] {
            let named = Shape::named(shape).unwrap();
            for text in fits {
                assert!(named.fits(&Value::json(text).unwrap()), "{text} is {shape}");
            }
            for text in does_not {
                assert!(!named.fits(&Value::json(text).unwrap()), "{text} is not {shape}");
            }
        }
    }

    #[test]
    fn a_text_place_has_no_type() {
        let text = |s: &'static str| Value::Text(s.into());
        assert!(
            Shape::Integer.fits(&text("42")) && Shape::Digits.fits(&text("042")) && !Shape::Integer.fits(&text("042"))
        );
        assert!(Shape::Boolean.fits(&text("true")) && Shape::Number.fits(&text("-1.5")));
    }
}

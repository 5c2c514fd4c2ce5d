//! What hides the secrets of one exchange in everything that is shown of it.

use std::borrow::Cow;
use std::ops::Range;

use super::redactor::Redactor;
use super::secrets::Reflected;
use super::spans::{Found, Hidden};
use super::{form, headers, json};

/// Bytes of one text that are searched. Of a longer one nothing is shown but a beginning, which is searched by itself, and
/// marks.
pub const MAX_REDACTED: usize = 4 << 20;
/// Bytes at the end of a cut text that may be a piece of a secret.
const MAX_TAIL: usize = 4 << 10;

/// What a text is, as far as that says where names and values stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// JSON, or what claims to be.
    Json,
    /// application/x-www-form-urlencoded.
    Form,
    /// Anything else.
    Plain,
}

/// Hides the secrets of one exchange.
#[derive(Debug)]
pub struct Veil<'r> {
    pub(super) redactor: &'r Redactor,
    /// None: there are no secrets to be looked for elsewhere.
    pub(super) reflected: Option<Reflected>,
}

impl<'r> Veil<'r> {
    /// A text and where its secrets stand. `whole`: it was not cut at its end; else a secret that the cut went through is
    /// hidden too. Of a text longer than [`MAX_REDACTED`] whatever is asked for is a mark.
    pub fn hidden<'t>(&'t self, kind: Text, text: &'t [u8], whole: bool) -> Hidden<'t> {
        if text.len() > MAX_REDACTED {
            return Hidden::closed(text, &self.redactor.key);
        }
        let found = match kind {
            Text::Json => {
                let mut read = json::read(text, self.redactor);
                let mut anywhere = self.scanned(text, true, whole);
                let mut found = std::mem::take(&mut read.found);
                anywhere = read.inside(anywhere);
                found.append(&mut anywhere);
                found
            }
            Text::Form => {
                let mut found = Vec::new();
                form::form(text, &self.redactor.names, &mut found);
                found.append(&mut self.scanned(text, false, whole));
                found
            }
            Text::Plain => self.scanned(text, false, whole),
        };
        Hidden::new(Cow::Borrowed(text), &self.redactor.key, found)
    }

    fn scanned(&self, text: &[u8], json: bool, whole: bool) -> Vec<Found> {
        let mut found = Vec::new();
        self.redactor.scan(text, json, self.reflected.as_ref(), &mut found);
        if !whole {
            found.push(Found::plain(self.tail(text)));
        }
        found
    }

    /// What stands at the end of a cut text without a gap, with the digits before it, or as much of it as is the beginning
    /// of a known secret.
    fn tail(&self, text: &[u8]) -> Range<usize> {
        let floor = text.len().saturating_sub(MAX_TAIL);
        let back = |mut at: usize, fits: fn(&u8) -> bool| {
            while at > floor && text.get(at - 1).is_some_and(fits) {
                at -= 1;
            }
            at
        };
        let word = back(text.len(), |b| !b.is_ascii_whitespace() && !b"\"'<>,;{}[]()".contains(b));
        let in_number = text.get(word).is_none_or(u8::is_ascii_digit);
        let mut digits = if in_number { back(word, |b| b.is_ascii_digit() || matches!(b, b' ' | b'-')) } else { word };
        while digits < word && !text.get(digits).is_some_and(u8::is_ascii_digit) {
            digits += 1;
        }
        let known = self.reflected.as_ref().and_then(|reflected| reflected.begins_at_end_of(text));
        digits.min(known.unwrap_or(text.len()))..text.len()
    }

    /// A text without its secrets.
    pub fn text(&self, text: &str) -> String {
        self.hidden(Text::Plain, text.as_bytes(), true).into_text()
    }

    /// A request target, or the path of one.
    pub fn target(&self, target: &[u8]) -> String {
        if target.len() > MAX_REDACTED {
            return self.redactor.key.mark(target);
        }
        let mut found = Vec::new();
        form::target(target, &self.redactor.names, &mut found);
        found.append(&mut self.scanned(target, false, true));
        Hidden::new(Cow::Borrowed(target), &self.redactor.key, found).into_text()
    }

    /// The value of a header field. For cookies alone see [`Veil::cookie`].
    pub fn header(&self, name: &str, value: &str) -> String {
        if value.len() > MAX_REDACTED {
            return self.redactor.key.mark(value.as_bytes());
        }
        let mut found = Vec::new();
        headers::find(name, value.as_bytes(), &self.redactor.names, &mut found);
        found.append(&mut self.scanned(value.as_bytes(), false, true));
        Hidden::new(Cow::Borrowed(value.as_bytes()), &self.redactor.key, found).into_text()
    }

    /// A name: of a header field, of a member of an object. A map may be keyed by secrets.
    pub fn name<'t>(&self, name: &'t str) -> Cow<'t, str> {
        // The paths of differences have long names cut, and a digest behind the cut that is not keyed.
        if let Some((beginning, digest)) = name.split_once("…sha256:") {
            let beginning = self.hidden(Text::Plain, beginning.as_bytes(), false).into_text();
            return Cow::Owned(format!("{beginning}…{}", self.redactor.key.mark(digest.as_bytes())));
        }
        let found = self.scanned(name.as_bytes(), false, !name.ends_with('…'));
        if found.is_empty() {
            return Cow::Borrowed(name);
        }
        Cow::Owned(Hidden::new(Cow::Borrowed(name.as_bytes()), &self.redactor.key, found).into_text())
    }

    /// The value of a cookie, which is a secret as a whole; quotes around it are none of it.
    pub fn cookie(&self, value: &str) -> String {
        let inside = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        match inside.unwrap_or(value) {
            "" => value.to_owned(),
            secret if inside.is_some() => format!("\"{}\"", self.redactor.key.mark(secret.as_bytes())),
            secret => self.redactor.key.mark(secret.as_bytes()),
        }
    }

    /// Bytes that are shown by digest.
    pub fn digest(&self, bytes: &[u8]) -> String {
        self.redactor.key.digest(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;
    use crate::config::Redaction;
    use crate::exchange::{Body, Headers, Request, Version};
    use crate::redact::Key;

    fn redactor(redaction: &Redaction) -> Redactor {
        Redactor::new(redaction, Key::given(Some(OsStr::new("0123456789abcdef"))).unwrap()).unwrap()
    }

    /// Of a request that was told `hunter2 hunter3` by its session cookie.
    fn veil(redactor: &Redactor) -> Veil<'_> {
        let request = Request {
            method: "GET".into(),
            target: "/x".into(),
            version: Version::Http11,
            headers: Headers::from_iter([("Cookie", &b"s=hunter2,hunter3"[..])]),
            body: Body::default(),
        };
        let mut gathering = redactor.gather();
        gathering.request(&request, None, &[]);
        gathering.veil()
    }

    #[test]
    fn a_cut_does_not_uncover_what_it_went_through() {
        let redactor = redactor(&Redaction::default());
        let veil = veil(&redactor);
        let whole = "{\"n\":1,\"password\":\"opensesame\",\"c\":\"4111 1111 1111 1111\",\"t\":\"ada@example.org\",\
                     \"e\":\"was hunter2,hunter3\",\"p\":4111111111111111}";
        for kind in [Text::Json, Text::Plain] {
            for cut in 0..whole.len() {
                let shown = veil.hidden(kind, &whole.as_bytes()[..cut], false).into_text();
                for piece in ["opens", "sesam", "4111", "1111", "ada@", "hunte", "unter3"] {
                    assert!(!shown.contains(piece), "{kind:?} at {cut}: {shown}");
                }
            }
        }
    }

    #[test]
    fn of_a_text_that_is_too_long_only_marks_are_shown() {
        let redactor = redactor(&Redaction::default());
        let veil = veil(&redactor);
        let long = "a plain text\n".repeat(MAX_REDACTED / 13 + 1);
        let hidden = veil.hidden(Text::Plain, long.as_bytes(), true);
        let (one, two) = (hidden.part(0..12, 100), hidden.part(13..25, 100));
        assert_eq!(String::from_utf8(one.clone()).unwrap(), redactor.key.mark(b"a plain text"));
        assert_eq!(one, two);
    }

    #[test]
    fn json_stays_json_and_prices_stay_prices() {
        let patterns = vec!["[a-z\":,]{3,}".to_owned()];
        let wild = redactor(&Redaction { patterns, ..Redaction::default() });
        let plain = redactor(&Redaction::default());
        let text =
            r#"{"a":"b\"c","card":4111111111111111,"n":[19.99,true,null,{"deep":"x\\"}],"order":4111111111111112}"#;
        for redactor in [&wild, &plain] {
            let veil = veil(redactor);
            let shown = veil.hidden(Text::Json, text.as_bytes(), true).into_text();
            let value: serde_json::Value = serde_json::from_str(&shown).unwrap();
            assert!(shown.contains("19.99") && shown.contains("4111111111111112"), "{shown}");
            assert!(!shown.contains("4111111111111111") && value.as_object().is_some_and(|o| o.len() > 1), "{shown}");
        }
    }

    #[test]
    fn fields_cookies_targets_and_names() {
        let keep = vec!["page_token".to_owned(), "x-api-key".to_owned()];
        let redactor = redactor(&Redaction { keep, ..Redaction::default() });
        let veil = veil(&redactor);
        let mark = |secret: &str| redactor.key.mark(secret.as_bytes());
        assert_eq!(veil.header("authorization", "Bearer abc"), format!("Bearer {}", mark("abc")));
        assert_eq!(veil.header("x-api-key", "abc"), "abc");
        assert_eq!(veil.header("location", "/a?sid=x%20y&b=1"), format!("/a?sid={}&b=1", mark("x y")));
        assert_eq!(veil.header("vary", "Accept-Encoding"), "Accept-Encoding");
        assert_eq!(veil.cookie("abc"), mark("abc"));
        assert_eq!(veil.cookie("\"abc\""), format!("\"{}\"", mark("abc")));
        assert_eq!(veil.cookie(""), "");
        let target = format!("/u/{}?page_token=1&token={}", mark("ada@example.org"), mark("7"));
        assert_eq!(veil.target(b"/u/ada%40example.org?page_token=1&token=7"), target);
        assert_eq!(veil.name("items"), "items");
        assert_eq!(veil.name("HUNTER2,hunter3"), mark("HUNTER2,hunter3"));
        assert_eq!(veil.name("so long…sha256:00ff"), format!("so {}…{}", mark("long"), mark("00ff")));
    }
}

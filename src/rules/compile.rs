//! From what was written in a rule file to what it means, or to one line that says what is wrong with it.

use std::fmt::Display;
use std::sync::Arc;

use jiff::civil::Date;
use regex::{Regex, RegexBuilder};
use serde_saphyr::Spanned;

use super::compile_match;
use super::error::{RuleError, SourceLine};
use super::file::{OneOrMany, RawAccept, RawAt, RawIgnore, RawRule, TrueOr, TrueOrList};
use super::path::JsonPath;
use super::place::{CookieName, Part, Place};
use super::rule::{Answer, Rule};
use crate::exchange::{DifferenceKind, EndpointPattern};

/// Characters that an id may have.
pub const MAX_ID: usize = 100;
/// Bytes that a compiled regex may take.
const MAX_REGEX_BYTES: usize = 1 << 20;
/// Paths, names or cookies that one rule may list.
pub const MAX_LIST: usize = 100;

/// The file in which all this is written.
pub(super) struct Source<'a> {
    pub(super) file: &'a str,
    pub(super) today: Date,
}

impl Source<'_> {
    pub(super) fn line<T>(&self, of: &Spanned<T>) -> SourceLine {
        SourceLine { file: self.file.to_owned(), line: of.referenced.line() }
    }

    /// An error about a value: the key with what was written, why it means nothing, and what to write.
    pub(super) fn wrong<T>(
        &self,
        of: &Spanned<T>,
        what: impl Into<String>,
        why: impl Display,
        way_out: impl Into<String>,
    ) -> RuleError {
        let why = why.to_string();
        RuleError::Value { at: self.line(of), what: what.into(), why: one_line(&why), way_out: way_out.into() }
    }

    /// A regex, bounded.
    pub(super) fn regex(&self, key: &str, written: &Spanned<String>) -> Result<Regex, RuleError> {
        RegexBuilder::new(&written.value).size_limit(MAX_REGEX_BYTES).build().map_err(|error| {
            // The message ends in the cause; before it stands a drawing of the pattern.
            let drawing = error.to_string();
            let cause = drawing.lines().last().unwrap_or("").trim_start_matches("error: ").to_owned();
            let what = format!("{key} '{}'", written.value);
            self.wrong(
                written,
                what,
                cause,
                "the syntax is that of Rust's regex crate: no look-around, no back-references",
            )
        })
    }

    /// One rule.
    pub(super) fn rule(&self, raw: Spanned<RawRule>) -> Result<Rule, RuleError> {
        let source = self.line(&raw);
        let RawRule { id, owner, reason, expires, at, ignore, matching, accept } = raw.value;
        let missing = |key| RuleError::MissingKey { at: source.clone(), key };
        let id = self.id(&id.ok_or_else(|| missing("id"))?)?;
        let owner = self.prose("owner", owner.ok_or_else(|| missing("owner"))?)?;
        let reason = self.prose("reason", reason.ok_or_else(|| missing("reason"))?)?;
        let expires = self.date(&expires.ok_or_else(|| missing("expires"))?)?;
        let place = self.place(&at.ok_or_else(|| missing("at"))?)?;
        let answer = match (ignore, matching, accept) {
            (Some(ignore), None, None) => self.ignore(ignore)?,
            (None, Some(matching), None) => {
                Answer::Match(Box::new(compile_match::compile(self, &matching, &place.part)?))
            }
            (None, None, Some(accept)) => self.accept(accept)?,
            (None, None, None) => return Err(missing("ignore, match or accept")),
            _ => {
                return Err(RuleError::Value {
                    at: source,
                    what: format!("rule '{id}'"),
                    why: "it has more than one answer".into(),
                    way_out: "keep one of ignore, match and accept, and write a rule for each other".into(),
                });
            }
        };
        let expired = expires < self.today;
        Ok(Rule { id, owner, reason, expires, expired, place, answer, source })
    }

    fn id(&self, id: &Spanned<String>) -> Result<Arc<str>, RuleError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if id.value.is_empty() || id.value.len() > MAX_ID || !id.value.chars().all(fits) {
            let what = format!("id '{}'", id.value);
            return Err(self.wrong(
                id,
                what,
                "not a name",
                "write letters, digits, '-', '_' and '.', at most 100 of them",
            ));
        }
        Ok(Arc::from(&*id.value))
    }

    fn prose(&self, key: &'static str, text: Spanned<String>) -> Result<String, RuleError> {
        if text.value.trim().is_empty() {
            return Err(self.wrong(&text, key, "it is empty", "say it in words: it stands in every report"));
        }
        Ok(text.value.trim().to_owned())
    }

    fn date(&self, date: &Spanned<String>) -> Result<Date, RuleError> {
        let fits = date.value.len() == 10;
        date.value.parse::<Date>().ok().filter(|_| fits).ok_or_else(|| {
            let what = format!("expires '{}'", date.value);
            self.wrong(date, what, "not a day", "write the last day on which the rule applies as YYYY-MM-DD")
        })
    }

    fn place(&self, at: &Spanned<RawAt>) -> Result<Place, RuleError> {
        let RawAt { endpoint, json, header, cookie, status, text, body } = &at.value;
        let endpoint = match endpoint {
            Some(written) => Some(written.value.parse::<EndpointPattern>().map_err(|error| {
                // The error brings its own way out.
                let message = error.to_string();
                let (why, way_out) = message.rsplit_once("; ").unwrap_or((&message, "write a method and a path"));
                self.wrong(written, "endpoint", why, way_out)
            })?),
            None => None,
        };
        let mut parts = Vec::new();
        if let Some(paths) = json {
            let parse = |path: &String| {
                let way_out = "write it as $.items[*].price; '$' is the whole document";
                JsonPath::parse(path).map_err(|why| self.wrong(paths, format!("json '{path}'"), why, way_out))
            };
            parts.push(Part::Json(self.list("json", paths)?.iter().map(parse).collect::<Result<_, _>>()?));
        }
        if let Some(names) = header {
            let parse = |name: &String| self.header(names, name);
            parts.push(Part::Header(self.list("header", names)?.iter().map(parse).collect::<Result<_, _>>()?));
        }
        if let Some(names) = cookie {
            let parse = |name: &String| self.cookie(names, name);
            parts.push(Part::Cookie(self.list("cookie", names)?.iter().map(parse).collect::<Result<_, _>>()?));
        }
        if let Some(status) = status {
            parts.push(Part::Status(self.status(status)?));
        }
        if let Some(text) = text {
            parts.push(Part::Text(self.regex("text", text)?));
        }
        if let Some(body) = body {
            if !body.value {
                return Err(self.wrong(body, "body 'false'", "means no place", "write 'body: true'"));
            }
            parts.push(Part::Body);
        }
        let way_out = "name exactly one of json, header, cookie, status, text and body";
        match (parts.pop(), parts.is_empty()) {
            (Some(part), true) => Ok(Place { endpoint, part }),
            (None, _) => Err(self.wrong(at, "at", "it names no place in an answer", way_out)),
            (Some(_), false) => Err(self.wrong(at, "at", "it names more than one place in an answer", way_out)),
        }
    }

    fn list<'r>(&self, key: &str, list: &'r Spanned<OneOrMany<String>>) -> Result<&'r [String], RuleError> {
        match list.value.0.len() {
            1..=MAX_LIST => Ok(&list.value.0),
            n => Err(self.wrong(list, key, format!("a list of {n}"), format!("write one to {MAX_LIST} of them"))),
        }
    }

    fn header(&self, at: &Spanned<OneOrMany<String>>, name: &str) -> Result<String, RuleError> {
        // RFC 9110, section 5.1: a token.
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || name == "*" || !name.bytes().all(token) {
            let way_out = "write the field's name, as in 'header: Date'; there is no wildcard";
            return Err(self.wrong(at, format!("header '{name}'"), "no field has that name", way_out));
        }
        Ok(name.to_ascii_lowercase())
    }

    fn cookie(&self, at: &Spanned<OneOrMany<String>>, text: &str) -> Result<CookieName, RuleError> {
        let (name, attribute) = match text.split_once(';') {
            Some((name, attribute)) => (name.trim(), Some(attribute.trim().to_ascii_lowercase())),
            None => (text.trim(), None),
        };
        let odd =
            |s: &str| s.is_empty() || s.contains(|c: char| c.is_whitespace() || c.is_control() || ";,=".contains(c));
        if odd(name) || attribute.as_deref().is_some_and(odd) {
            let way_out =
                "write 'sid' for its value, 'sid; Expires' for an attribute, '*; Expires' for that of every cookie";
            return Err(self.wrong(at, format!("cookie '{text}'"), "no cookie has that name", way_out));
        }
        if name == "*" && attribute.is_none() {
            let why = "it would mean the value of every cookie";
            return Err(self.wrong(at, "cookie '*'", why, "name the cookies, or an attribute as in '*; Expires'"));
        }
        Ok(CookieName { name: (name != "*").then(|| name.to_owned()), attribute })
    }

    fn status(&self, status: &Spanned<TrueOrList>) -> Result<Option<(u16, Option<u16>)>, RuleError> {
        let TrueOrList::Numbers(numbers) = &status.value else { return Ok(None) };
        let code = |n: &u64| u16::try_from(*n).ok().filter(|n| (100..=999).contains(n));
        let codes: Option<Vec<u16>> = numbers.iter().map(code).collect();
        match codes.as_deref() {
            Some([from]) => Ok(Some((*from, None))),
            Some([from, to]) => Ok(Some((*from, Some(*to)))),
            _ => Err(self.wrong(
                status,
                format!("status {numbers:?}"),
                "not one or two status codes",
                "write true, the legacy's code as in 404, or both as in [404, 410]",
            )),
        }
    }

    fn ignore(&self, ignore: Spanned<TrueOr<RawIgnore>>) -> Result<Answer, RuleError> {
        let RawIgnore { kind, presence } = match ignore.value {
            TrueOr::True => RawIgnore::default(),
            TrueOr::Said(said) => said,
        };
        let any = |key: &str, written: Option<Spanned<String>>| match written {
            None => Ok(false),
            Some(written) if written.value == "any" => Ok(true),
            Some(written) => {
                let what = format!("{key} '{}'", written.value);
                Err(self.wrong(
                    &written,
                    what,
                    "not an option of ignore",
                    format!("write '{key}: any', or leave it out"),
                ))
            }
        };
        Ok(Answer::Ignore { any_type: any("type", kind)?, any_presence: any("presence", presence)? })
    }

    fn accept(&self, accept: Spanned<TrueOr<RawAccept>>) -> Result<Answer, RuleError> {
        let RawAccept { max_rate, kind } = match accept.value {
            TrueOr::True => RawAccept::default(),
            TrueOr::Said(said) => said,
        };
        let max_rate = max_rate.map(|written| self.share(&written)).transpose()?;
        let mut kinds = Vec::new();
        if let Some(written) = kind {
            for name in self.list("kind", &written)? {
                let known = DifferenceKind::ALL.iter().find(|kind| kind.as_str() == name);
                kinds.push(*known.ok_or_else(|| {
                    let all: Vec<&str> = DifferenceKind::ALL.iter().map(|kind| kind.as_str()).collect();
                    let way_out = format!("write one or several of {}", all.join(", "));
                    self.wrong(&written, format!("kind '{name}'"), "not a kind of difference", way_out)
                })?);
            }
        }
        Ok(Answer::Accept { max_rate, kinds })
    }

    /// A percentage above 0 and up to 100, as a share.
    fn share(&self, written: &Spanned<String>) -> Result<f64, RuleError> {
        let percent = written.value.strip_suffix('%').and_then(|n| super::decimal::Decimal::parse(n.trim()));
        let percent = percent.map(|n| n.to_f64()).filter(|n| *n > 0.0 && *n <= 100.0);
        percent.map(|percent| percent / 100.0).ok_or_else(|| {
            let what = format!("max_rate '{}'", written.value);
            self.wrong(
                written,
                what,
                "not a share of exchanges",
                "write it with its unit as in 0.5%, above 0% and up to 100%",
            )
        })
    }
}

fn one_line(text: &str) -> String {
    text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

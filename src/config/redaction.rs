//! The policy's `redaction:` section: which values are secrets beside those that are known to be, and which are none.

use regex::bytes::Regex;
use serde::Deserialize;

use super::written::{Checked, MAX_LIST, Text, many};

/// What the policy says about secrets. Everything in it was checked when it was read, JSONPaths for their beginning only.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Redaction {
    /// Header fields whose values are secrets.
    pub headers: Vec<String>,
    /// Names of query parameters, JSON members, form fields and multipart parts whose values are secrets. Case, `_` and
    /// `-` do not count.
    pub names: Vec<String>,
    /// Places in JSON bodies whose values are secrets (RFC 9535).
    pub json: Vec<String>,
    /// Regular expressions of secrets, wherever they stand. None of them matches nothing.
    pub patterns: Vec<String>,
    /// Names, of headers too, that would be taken for secrets and are none here.
    pub keep: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenRedaction {
    headers: Option<Vec<Text>>,
    names: Option<Vec<Text>>,
    json: Option<Vec<Text>>,
    patterns: Option<Vec<Text>>,
    keep: Option<Vec<Text>>,
}

impl WrittenRedaction {
    pub(super) fn meaning(self) -> Checked<Redaction> {
        let all = |key: &str, texts: Option<Vec<Text>>, read: fn(&str) -> Result<String, String>| {
            many(key, texts.unwrap_or_default(), MAX_LIST, read)
        };
        Ok(Redaction {
            headers: all("redaction.headers", self.headers, header)?,
            names: all("redaction.names", self.names, name)?,
            json: all("redaction.json", self.json, path)?,
            patterns: all("redaction.patterns", self.patterns, pattern)?,
            keep: all("redaction.keep", self.keep, name)?,
        })
    }
}

fn header(text: &str) -> Result<String, String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    match !text.is_empty() && text.bytes().all(fits) {
        true => Ok(text.to_ascii_lowercase()),
        false => Err(format!("'{text}' is no header name; write it as 'X-Customer-Token'")),
    }
}

fn name(text: &str) -> Result<String, String> {
    match text.chars().any(char::is_alphanumeric) {
        true => Ok(text.to_owned()),
        false => Err(format!("'{text}' is no name; write it as 'customer_token'")),
    }
}

fn path(text: &str) -> Result<String, String> {
    match text.starts_with('$') {
        true => Ok(text.to_owned()),
        false => Err(format!("'{text}' is no JSONPath (RFC 9535); write it as '$.customer.code'")),
    }
}

fn pattern(text: &str) -> Result<String, String> {
    let compiled = Regex::new(text).map_err(|error| {
        let why = error.to_string();
        let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        format!("'{text}' is no regular expression: {why}; correct it (see docs.rs/regex)")
    })?;
    match compiled.is_match(b"") {
        true => Err(format!("'{text}' matches nothing, too, and so everywhere; write '+' for '*'")),
        false => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::{Policy, from_text};

    fn read(section: &str) -> Result<Policy, String> {
        from_text(section, Path::new("p.yaml")).map_err(|error| error.to_string())
    }

    #[test]
    fn the_section_adds_to_what_is_known() {
        let policy = read(
            "redaction:\n  headers: [X-Customer]\n  names: [customer_code]\n  json: ['$.a[*].b']\n  \
             patterns: ['ORD-[0-9]{6}']\n  keep: [session]\n",
        );
        let redaction = policy.unwrap().redaction;
        assert_eq!(
            (redaction.headers, redaction.names),
            (vec!["x-customer".to_owned()], vec!["customer_code".to_owned()])
        );
        assert_eq!((redaction.json, redaction.keep), (vec!["$.a[*].b".to_owned()], vec!["session".to_owned()]));
        assert_eq!(redaction.patterns, ["ORD-[0-9]{6}"]);
        assert_eq!(read("owner: me").unwrap().redaction, super::Redaction::default());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (section, line) in [
            ("redaction:\n  headers: ['a b']", "p.yaml:2: redaction.headers: 'a b' is no header name"),
            ("redaction:\n  names: ['--']", "p.yaml:2: redaction.names: '--' is no name"),
            ("redaction:\n  json: [a.b]", "p.yaml:2: redaction.json: 'a.b' is no JSONPath"),
            (
                "redaction:\n  patterns:\n    - 'a('",
                "p.yaml:3: redaction.patterns: 'a(' is no regular expression: unclosed",
            ),
            ("redaction:\n  patterns: ['a*']", "p.yaml:2: redaction.patterns: 'a*' matches nothing"),
            (
                "redaction: {pattern: [a]}",
                "unknown key 'pattern'; expected one of: headers, names, json, patterns, keep",
            ),
        ] {
            let message = read(section).unwrap_err();
            assert!(message.contains(line), "{section}: {message}");
        }
    }
}

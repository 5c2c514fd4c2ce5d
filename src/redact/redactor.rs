//! What the policy says about secrets, compiled, with the key of the run.

use std::borrow::Cow;
use std::ops::Range;

use regex::bytes::Regex;

use super::key::Key;
use super::names::Names;
use super::secrets::{Gathering, Reflected};
use super::spans::Found;
use super::view::{Escapes, View};
use super::{markup, shapes};
use crate::config::Redaction;
use crate::rules::JsonPath;

/// Escapes that lie over each other are undone so often.
const MAX_LEVELS: usize = 2;

/// Finds secrets and makes their marks. One is shared by everything that shows something of a run.
#[derive(Debug)]
pub struct Redactor {
    pub(super) key: Key,
    pub(super) names: Names,
    pub(super) paths: Vec<JsonPath>,
    patterns: Vec<Regex>,
}

/// Why a policy's redaction cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RedactError {
    /// A JSONPath.
    #[error("redaction.json: {0}")]
    Path(String),
    /// A regular expression.
    #[error("redaction.patterns: {0}")]
    Pattern(#[from] regex::Error),
}

impl Redactor {
    /// Under what the policy adds and takes away.
    ///
    /// # Errors
    /// [`RedactError`]: a JSONPath that cannot be read. (The reader of the policy has refused wrong patterns.)
    pub fn new(redaction: &Redaction, key: Key) -> Result<Redactor, RedactError> {
        let path = |text: &String| JsonPath::parse(text).map_err(|error| RedactError::Path(error.to_string()));
        Ok(Redactor {
            key,
            names: Names::new(&redaction.headers, &redaction.names, &redaction.keep),
            paths: redaction.json.iter().map(path).collect::<Result<_, _>>()?,
            patterns: redaction.patterns.iter().map(|text| Regex::new(text)).collect::<Result<_, _>>()?,
        })
    }

    /// Begins to gather the secrets of one exchange.
    pub fn gather(&self) -> Gathering<'_> {
        Gathering::new(self)
    }

    /// A template of a path without those of its segments that the policy's patterns, or shapes, call secrets: the one who
    /// learns templates knows of no policy.
    pub fn template(&self, template: &str) -> String {
        let segment = |segment: &str| -> String {
            let mut found = Vec::new();
            self.scan(segment.as_bytes(), Escapes::All, None, &mut found);
            if found.is_empty() { segment.to_owned() } else { "{redacted}".to_owned() }
        };
        template.split('/').map(segment).collect::<Vec<_>>().join("/")
    }

    /// Searches a text for shapes, names, the policy's patterns and reflected secrets, as it is and without its escapes.
    /// In JSON the text is never searched with its own escapes in it: in `\nada@example.org` no name begins with n.
    pub(super) fn scan(&self, text: &[u8], escapes: Escapes, reflected: Option<&Reflected>, found: &mut Vec<Found>) {
        let plain = View::plain(text);
        let mut view = match escapes {
            Escapes::Json => plain.undone(Escapes::Json).unwrap_or(plain),
            Escapes::All => plain,
        };
        for level in 0..=MAX_LEVELS {
            self.scan_view(&view, text, reflected, found);
            if level == MAX_LEVELS {
                break;
            }
            match view.undone(Escapes::All) {
                Some(undone) => view = undone,
                None => break,
            }
        }
    }

    fn scan_view(&self, view: &View<'_>, text: &[u8], reflected: Option<&Reflected>, found: &mut Vec<Found>) {
        let bytes: &[u8] = &view.bytes;
        let mut ranges: Vec<Range<usize>> = Vec::new();
        markup::find(bytes, &self.names, &mut ranges);
        shapes::find(bytes, &mut ranges);
        for pattern in &self.patterns {
            ranges.extend(pattern.find_iter(bytes).map(|m| m.range()));
        }
        if let Some(reflected) = reflected {
            reflected.find(bytes, &mut ranges);
        }
        found.extend(ranges.into_iter().map(|range| {
            let meant = bytes.get(range.clone()).unwrap_or_default();
            Found::meaning(text, view.source(range), Cow::Borrowed(meant))
        }));
    }
}

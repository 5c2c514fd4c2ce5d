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
use crate::exchange::Request;
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
        let path =
            |text: &String| JsonPath::parse(text).map_err(|error| RedactError::Path(format!("'{text}' is {error}")));
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

    /// The target of a request without its secrets, the reflections of the request's own among them; for who shows a
    /// request that was not compared.
    pub fn target(&self, request: &Request) -> String {
        let mut secrets = self.gather();
        secrets.request(request, None, &[]);
        secrets.veil().target(&request.target)
    }

    /// A name under a mark, whatever it is, for who needs to tell names apart and to show none.
    pub fn sealed(&self, name: &str) -> String {
        self.key.mark(name.as_bytes())
    }

    /// A template of a path without those of its segments that the policy's patterns, or shapes, call secrets: the one who
    /// learns templates knows of no policy.
    pub fn template(&self, template: &str) -> String {
        let segment = |segment: &str| -> String {
            let mut found = Vec::new();
            self.scan(segment.as_bytes(), false, None, &mut found);
            if found.is_empty() { segment.to_owned() } else { "{redacted}".to_owned() }
        };
        template.split('/').map(segment).collect::<Vec<_>>().join("/")
    }

    /// Searches a text for shapes, names, the policy's patterns and reflected secrets, as it is and without its escapes.
    /// JSON is never searched with its own escapes in it: in `\nada@example.org` no name begins with n.
    pub(super) fn scan(&self, text: &[u8], json: bool, reflected: Option<&Reflected>, found: &mut Vec<Found>) {
        let plain = View::plain(text);
        let view = if json { plain.undone(Escapes::Backslash).unwrap_or(plain) } else { plain };
        self.scan_below(&view, MAX_LEVELS, text, reflected, found);
    }

    fn scan_below(
        &self,
        view: &View<'_>,
        levels: usize,
        text: &[u8],
        reflected: Option<&Reflected>,
        found: &mut Vec<Found>,
    ) {
        self.scan_view(view, text, reflected, found);
        if levels > 0 {
            for undone in Escapes::ALL.into_iter().filter_map(|escapes| view.undone(escapes)) {
                self.scan_below(&undone, levels - 1, text, reflected, found);
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

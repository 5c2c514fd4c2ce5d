//! Where a rule applies.

use std::fmt;

use regex::Regex;

use super::documents::{Documents, Side};
use super::path::{JsonPath, Selected};
use crate::exchange::{DifferenceKind, EndpointPattern, Segment};

/// The place of a difference, as a rule is asked about it.
#[derive(Debug, Clone, Copy)]
pub enum Spot<'a> {
    /// The status code.
    Status,
    /// A header field, by its lower-case name.
    Header(&'a str),
    /// A cookie that is set: its value, or one of its attributes by its lower-case name.
    Cookie {
        /// The cookie's name.
        name: &'a str,
        /// None: its value.
        attribute: Option<&'a str>,
    },
    /// A place in the legacy's JSON document, and its like in the candidate's.
    Json {
        /// In the legacy's document.
        legacy: &'a [Segment],
        /// In the candidate's.
        candidate: &'a [Segment],
        /// Both documents, for the rules that must look.
        documents: &'a Documents<'a>,
    },
    /// A line of text.
    Line,
    /// The body as a whole.
    Body,
}

/// Where a rule applies: on which requests, and where in their answers.
#[derive(Debug, Clone)]
pub struct Place {
    /// None: on all requests.
    pub endpoint: Option<EndpointPattern>,
    /// Where in the answer.
    pub part: Part,
}

/// Where in an answer.
#[derive(Debug, Clone)]
pub enum Part {
    /// JSON values.
    Json(Vec<JsonPath>),
    /// Header fields, by lower-case name.
    Header(Vec<String>),
    /// Cookies that are set.
    Cookie(Vec<CookieName>),
    /// The status code: None is any, else the legacy's and, where it is given, the candidate's.
    Status(Option<(u16, Option<u16>)>),
    /// Lines of text that the regex finds something in, on each side that has the line.
    Text(Regex),
    /// The body as a whole: bytes that are neither JSON nor text, or two bodies of different kinds.
    Body,
}

/// A cookie's value, or one of its attributes: `sid`, `sid; HttpOnly`, `*; Expires`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CookieName {
    /// None: every cookie. Cookie names are case-sensitive (RFC 6265, section 4.1).
    pub name: Option<String>,
    /// Lower-case; None: the value.
    pub attribute: Option<String>,
}

impl Part {
    /// Whether it means the place of a difference, and how: of a JSON place both exactly and from above.
    pub fn means(
        &self,
        spot: &Spot<'_>,
        kind: DifferenceKind,
        legacy: Option<&str>,
        candidate: Option<&str>,
    ) -> Selected {
        let exactly = |yes| Selected { exactly: yes, inside: false };
        match (self, spot) {
            (Part::Json(paths), Spot::Json { legacy, candidate, documents }) => {
                // What only the candidate has lies in the candidate's document alone.
                let (side, place) = match kind {
                    DifferenceKind::Extra => (Side::Candidate, candidate),
                    _ => (Side::Legacy, legacy),
                };
                let selected = paths.iter().map(|path| documents.selects(side, path, place));
                selected.fold(Selected::default(), Selected::or)
            }
            (Part::Header(names), Spot::Header(name)) => exactly(names.iter().any(|n| n == name)),
            // A rule on Set-Cookie as a header means every cookie.
            (Part::Header(names), Spot::Cookie { .. }) => exactly(names.iter().any(|n| n == "set-cookie")),
            (Part::Cookie(cookies), Spot::Cookie { name, attribute }) => {
                exactly(cookies.iter().any(|cookie| cookie.means(name, *attribute)))
            }
            (Part::Status(None), Spot::Status) => exactly(true),
            (Part::Status(Some((from, to))), Spot::Status) => {
                let is = |text: Option<&str>, code: u16| text.and_then(|t| t.parse().ok()) == Some(code);
                exactly(is(legacy, *from) && to.is_none_or(|to| is(candidate, to)))
            }
            (Part::Text(regex), Spot::Line) => {
                let found = |text: Option<&str>| text.is_none_or(|text| regex.is_match(text));
                exactly(found(legacy) && found(candidate) && (legacy.is_some() || candidate.is_some()))
            }
            (Part::Body, Spot::Body) => exactly(true),
            _ => Selected::default(),
        }
    }
}

impl CookieName {
    fn means(&self, name: &str, attribute: Option<&str>) -> bool {
        self.name.as_deref().is_none_or(|n| n == name) && self.attribute.as_deref() == attribute
    }
}

impl fmt::Display for CookieName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name.as_deref().unwrap_or("*"))?;
        self.attribute.iter().try_for_each(|attribute| write!(f, "; {attribute}"))
    }
}

impl fmt::Display for Place {
    /// `POST /orders json $.orderId`, `header date, age`, `status 404 to 410`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(endpoint) = &self.endpoint {
            write!(f, "{endpoint} ")?;
        }
        let list = |texts: Vec<String>| texts.join(", ");
        match &self.part {
            Part::Json(paths) => write!(f, "json {}", list(paths.iter().map(|p| p.as_str().to_owned()).collect())),
            Part::Header(names) => write!(f, "header {}", list(names.clone())),
            Part::Cookie(cookies) => write!(f, "cookie {}", list(cookies.iter().map(ToString::to_string).collect())),
            Part::Status(None) => f.write_str("status"),
            Part::Status(Some((from, None))) => write!(f, "status {from}"),
            Part::Status(Some((from, Some(to)))) => write!(f, "status {from} to {to}"),
            Part::Text(regex) => write!(f, "text /{regex}/"),
            Part::Body => f.write_str("body"),
        }
    }
}

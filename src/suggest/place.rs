//! Where a group of differences lies, as narrowly as one place of a rule can say it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::exchange::{Difference, Location, Segment};

/// Values of one document that are visited for one place.
const MAX_VISITED: usize = 10_000;

/// One step of a path that means several places.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// The member of that name.
    Name(String),
    /// The element at that position.
    Index(usize),
    /// Every element, or every member.
    Any,
}

/// What a rule's `at` can mean.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Spot {
    /// JSON values.
    Json(Vec<Step>),
    /// A header field, by its lower-case name.
    Header(String),
    /// A cookie's value, or one of its attributes.
    Cookie(String, Option<String>),
    /// A status, a line of text, a body as a whole: nothing that has a type or a shape.
    Untyped,
}

impl Spot {
    /// The narrowest one that means all of these places, which are of one general place. Positions are `[*]` unless all
    /// differences lie at one of them.
    pub(super) fn of<'d>(differences: impl Iterator<Item = &'d Difference> + Clone) -> Spot {
        let Some(first) = differences.clone().next() else { return Spot::Untyped };
        match &first.at {
            Location::Header(name) if name == "set-cookie" => match cookie(first) {
                Some((name, attribute)) => Spot::Cookie(name, attribute),
                None => Spot::Untyped,
            },
            Location::Header(name) => Spot::Header(name.clone()),
            Location::Json(path) => {
                let at = |n: usize| {
                    let segments = differences.clone().filter_map(move |difference| match &difference.at {
                        Location::Json(path) => path.get(n),
                        _ => None,
                    });
                    step(&segments.collect())
                };
                Spot::Json((0..path.len()).map(at).collect())
            }
            Location::Status | Location::Text(_) | Location::Body => Spot::Untyped,
        }
    }

    /// The same in every element: of a group that is told by few examples, their positions say nothing of the others'.
    pub(super) fn without_positions(self) -> Spot {
        match self {
            Spot::Json(steps) => {
                let any = |step| if matches!(step, Step::Index(_)) { Step::Any } else { step };
                Spot::Json(steps.into_iter().map(any).collect())
            }
            other => other,
        }
    }

    /// The RFC 9535 text of a JSON place.
    pub(super) fn json_path(steps: &[Step]) -> String {
        let mut text = "$".to_owned();
        for step in steps {
            match step {
                Step::Any => text.push_str("[*]"),
                Step::Index(at) => text.push_str(&format!("[{at}]")),
                Step::Name(name) if is_plain(name) => text.push_str(&format!(".{name}")),
                Step::Name(name) => text.push_str(&format!("['{}']", quoted(name))),
            }
        }
        text
    }

    /// The last name in a JSON path, or the name of the field or cookie: what says what the value is.
    pub(super) fn word(&self) -> &str {
        match self {
            Spot::Json(steps) => steps.iter().rev().find_map(Step::name).unwrap_or(""),
            Spot::Header(name) | Spot::Cookie(name, _) => name,
            Spot::Untyped => "",
        }
    }

    /// Whether the value has a JSON type there.
    pub(super) fn is_json(&self) -> bool {
        matches!(self, Spot::Json(_))
    }

    /// As people read it: `$.items[*].id`, `header etag`, `cookie sid; expires`.
    pub(super) fn shown(&self) -> String {
        match self {
            Spot::Json(steps) => Spot::json_path(steps),
            Spot::Header(name) => format!("header {name}"),
            Spot::Cookie(name, None) => format!("cookie {name}"),
            Spot::Cookie(name, Some(attribute)) => format!("cookie {name}; {attribute}"),
            Spot::Untyped => "no typed place".to_owned(),
        }
    }
}

impl Step {
    fn name(&self) -> Option<&str> {
        match self {
            Step::Name(name) => Some(name),
            _ => None,
        }
    }
}

/// Calls with every value of the document that the steps mean, and its path, up to a bound.
pub(super) fn visit<'v>(document: &'v Value, steps: &[Step], found: &mut dyn FnMut(&[Segment], &'v Value)) {
    let mut left = MAX_VISITED;
    walk(document, steps, &mut Vec::new(), &mut left, found);
}

fn walk<'v>(
    value: &'v Value,
    steps: &[Step],
    path: &mut Vec<Segment>,
    left: &mut usize,
    found: &mut dyn FnMut(&[Segment], &'v Value),
) {
    let Some((step, rest)) = steps.split_first() else {
        if *left > 0 {
            *left -= 1;
            found(path, value);
        }
        return;
    };
    let mut into = |segment: Segment, inner: &'v Value| {
        path.push(segment);
        walk(inner, rest, path, left, found);
        path.pop();
    };
    match (step, value) {
        (Step::Name(name), Value::Object(members)) => {
            if let Some(inner) = members.get(name) {
                into(Segment::Key(name.clone()), inner);
            }
        }
        (Step::Index(at), Value::Array(elements)) => {
            if let Some(inner) = elements.get(*at) {
                into(Segment::Index(*at), inner);
            }
        }
        (Step::Any, Value::Array(elements)) => {
            elements.iter().enumerate().for_each(|(at, inner)| into(Segment::Index(at), inner));
        }
        (Step::Any, Value::Object(members)) => {
            members.iter().for_each(|(name, inner)| into(Segment::Key(name.clone()), inner));
        }
        _ => {}
    }
}

fn step(segments: &BTreeSet<&Segment>) -> Step {
    let mut all = segments.iter();
    match (all.next(), all.next()) {
        // A name that is a secret's mark is none that a rule could meet.
        (Some(Segment::Key(name)), None) if !name.contains("[redacted") => Step::Name(name.clone()),
        (Some(Segment::Index(at)), None) => Step::Index(*at),
        _ => Step::Any,
    }
}

/// Whose cookie's difference this is, read from how it is shown: `sid=abc`, `sid; path=/`.
pub(super) fn cookie(difference: &Difference) -> Option<(String, Option<String>)> {
    let text = difference.legacy.as_deref().or(difference.candidate.as_deref())?;
    let attribute = text.split_once("; ").filter(|(name, _)| !name.contains('='));
    let (name, attribute) = match attribute {
        Some((name, attribute)) => (name, Some(attribute.split('=').next().unwrap_or(attribute).to_owned())),
        None => (text.split_once('=')?.0, None),
    };
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || ";,=*".contains(c);
    (!name.is_empty() && !name.contains(is_odd)).then(|| (name.to_owned(), attribute))
}

/// May stand behind a dot (RFC 9535, section 2.5.1.1), in ASCII.
fn is_plain(name: &str) -> bool {
    let letter = |b: u8| b.is_ascii_alphabetic() || b == b'_';
    name.bytes().next().is_some_and(letter) && name.bytes().all(|b| letter(b) || b.is_ascii_digit())
}

fn quoted(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        match c {
            '\'' | '\\' => text.extend(['\\', c]),
            c if c.is_control() => text.push_str(&format!("\\u{:04x}", c as u32)),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::DifferenceKind;
    use crate::rules::JsonPath;

    fn at(path: &[&str]) -> Difference {
        let segment = |s: &&str| s.parse().map_or(Segment::Key((*s).to_owned()), Segment::Index);
        let at = Location::Json(path.iter().map(segment).collect());
        Difference { at, kind: DifferenceKind::Value, legacy: None, candidate: None, rule: None }
    }

    fn path(places: &[&[&str]]) -> String {
        let differences: Vec<Difference> = places.iter().map(|place| at(place)).collect();
        Spot::of(differences.iter()).shown()
    }

    #[test]
    fn the_narrowest_path_means_the_places_seen() {
        assert_eq!(path(&[&["a", "b"]]), "$.a.b");
        assert_eq!(path(&[&["items", "0", "id"], &["items", "3", "id"]]), "$.items[*].id");
        assert_eq!(path(&[&["items", "0", "id"], &["items", "0", "id"]]), "$.items[0].id");
        assert_eq!(path(&[&["stock", "SKU-1", "n"], &["stock", "SKU-2", "n"]]), "$.stock[*].n");
        assert_eq!(path(&[&["it's", "a b"]]), r"$['it\'s']['a b']");
        assert_eq!(path(&[&["[redacted:3f2a9c1b04]"]]), "$[*]");
        assert_eq!(path(&[&[]]), "$");
    }

    #[test]
    fn every_path_is_read_back_and_means_its_places() {
        for places in [
            &[&["it's", "a b", "0", "\\"][..], &["it's", "a b", "7", "\\"]][..],
            &[&["é", "\u{1}", "$..*"]],
            &[&["a\"b", "x-y", "", "1a"]],
        ] {
            let text = path(places);
            let compiled = JsonPath::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            for place in places {
                let Location::Json(segments) = at(place).at else { unreachable!() };
                assert!(compiled.selects(&segments).exactly, "{text}");
            }
        }
    }

    #[test]
    fn cookies_are_told_by_name_and_attribute() {
        let of = |text: &str| {
            let at = Location::Header("set-cookie".into());
            cookie(&Difference {
                at,
                kind: DifferenceKind::Value,
                legacy: Some(text.into()),
                candidate: None,
                rule: None,
            })
        };
        assert_eq!(of("sid=a; b=c"), Some(("sid".into(), None)));
        assert_eq!(of("sid; path=/x"), Some(("sid".into(), Some("path".into()))));
        assert_eq!(of("sid; httponly"), Some(("sid".into(), Some("httponly".into()))));
        assert_eq!(of("=x"), None);
    }
}

//! A differ of a few lines, by other means than the program's own, to hold the shop to what it announces.

use std::collections::BTreeSet;

use serde_json::Value;
use tapcompare::exchange::{DifferenceKind as Kind, Location, Segment};

use crate::client::Answered;

/// Differ between implementations and mean nothing: what `rules/common.yaml` leaves out.
const FREE: [&str; 7] =
    ["date", "server", "x-request-id", "content-length", "transfer-encoding", "content-encoding", "connection"];

pub(crate) type Differences = Vec<(Location, Kind)>;

/// Every disagreement of two answers.
pub(crate) fn differences(legacy: &Answered, candidate: &Answered) -> Differences {
    let mut found = Vec::new();
    if legacy.status != candidate.status {
        found.push((Location::Status, Kind::Value));
    }
    let names: BTreeSet<&str> = legacy.headers.keys().chain(candidate.headers.keys()).map(|n| n.as_str()).collect();
    for name in names.into_iter().filter(|name| !FREE.contains(name)) {
        let [l, c] = [legacy, candidate].map(|a| a.headers.get_all(name).iter().collect::<Vec<_>>());
        let kind = match (l.is_empty(), c.is_empty()) {
            (false, true) => Kind::Missing,
            (true, false) => Kind::Extra,
            _ => Kind::Value,
        };
        if l != c {
            found.push((Location::Header(name.to_owned()), kind));
        }
    }
    bodies(legacy, candidate, &mut found);
    found
}

fn bodies(legacy: &Answered, candidate: &Answered, found: &mut Differences) {
    let l = legacy.decoded().expect("the legacy packs rightly");
    let Some(c) = candidate.decoded() else {
        return found.push((Location::Body, Kind::Encoding));
    };
    if legacy.header("content-type").starts_with("application/json") && !l.is_empty() {
        let doubled = names_that_are_twice(&c)
            .into_iter()
            .map(|name| (Location::Json(vec![Segment::Key(name)]), Kind::DuplicateKey));
        found.extend(doubled);
        match (serde_json::from_slice(&l), serde_json::from_slice(&c)) {
            (Ok(l), Ok(c)) => values(&mut Vec::new(), &l, &c, found),
            _ => found.push((Location::Body, Kind::Type)),
        }
    } else if legacy.header("content-type").starts_with("text/") {
        let [l, c] = [&l, &c].map(|b| String::from_utf8(b.clone()).unwrap());
        assert_eq!(l.lines().count(), c.lines().count());
        let pairs = l.lines().zip(c.lines()).enumerate();
        found.extend(pairs.filter(|(_, (l, c))| l != c).map(|(n, _)| (Location::Text(n + 1), Kind::Value)));
    } else if l != c {
        found.push((Location::Body, Kind::Value));
    }
}

/// Names of the outermost object that stand in its text more than once.
fn names_that_are_twice(text: &[u8]) -> BTreeSet<String> {
    struct Names(Vec<String>);
    impl<'de> serde::Deserialize<'de> for Names {
        fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Names, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Names;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                    let mut names = Vec::new();
                    while let Some((name, _)) = map.next_entry::<String, serde::de::IgnoredAny>()? {
                        names.push(name);
                    }
                    Ok(Names(names))
                }
            }
            d.deserialize_map(Visitor)
        }
    }
    let Names(names) = serde_json::from_slice(text).unwrap_or(Names(Vec::new()));
    let mut seen = BTreeSet::new();
    names.into_iter().filter(|name| !seen.insert(name.clone())).collect()
}

fn values(path: &mut Vec<Segment>, l: &Value, c: &Value, found: &mut Differences) {
    match (l, c) {
        (Value::Object(l), Value::Object(c)) => {
            let names: BTreeSet<&String> = l.keys().chain(c.keys()).collect();
            for name in names {
                path.push(Segment::Key(name.clone()));
                member(path, l.get(name), c.get(name), found);
                path.pop();
            }
        }
        (Value::Array(l), Value::Array(c)) => {
            let sorted = |a: &[Value]| {
                let mut texts: Vec<String> = a.iter().map(|v| canonical(v).to_string()).collect();
                texts.sort();
                texts
            };
            if sorted(l) == sorted(c) && l.iter().map(canonical).ne(c.iter().map(canonical)) {
                return found.push((Location::Json(path.clone()), Kind::Order));
            }
            for n in 0..l.len().max(c.len()) {
                path.push(Segment::Index(n));
                member(path, l.get(n), c.get(n), found);
                path.pop();
            }
        }
        _ if std::mem::discriminant(l) != std::mem::discriminant(c) => {
            found.push((Location::Json(path.clone()), Kind::Type));
        }
        _ if canonical(l) != canonical(c) => found.push((Location::Json(path.clone()), Kind::Value)),
        _ => {}
    }
}

fn member(path: &mut Vec<Segment>, l: Option<&Value>, c: Option<&Value>, found: &mut Differences) {
    match (l, c) {
        (Some(l), Some(c)) => values(path, l, c, found),
        (Some(_), None) => found.push((Location::Json(path.clone()), Kind::Missing)),
        (None, _) => found.push((Location::Json(path.clone()), Kind::Extra)),
    }
}

/// The document with members sorted and numbers without trailing zeros (the shop writes no exponents).
pub(crate) fn canonical(value: &Value) -> Value {
    match value {
        Value::Number(n) if n.to_string().contains('.') => {
            let text = n.to_string();
            serde_json::from_str(text.trim_end_matches('0').trim_end_matches('.')).unwrap()
        }
        Value::Array(list) => list.iter().map(canonical).collect(),
        Value::Object(map) => {
            let sorted: std::collections::BTreeMap<_, _> = map.iter().collect();
            Value::Object(sorted.into_iter().map(|(k, v)| (k.clone(), canonical(v))).collect())
        }
        other => other.clone(),
    }
}

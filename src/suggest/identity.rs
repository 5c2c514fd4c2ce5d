//! Values that are made up by whoever answers: each side has its own, and nothing but their shape can agree.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::Group;
use super::facts::{Facts, plain};
use super::noise::{Finding, MIN_EXCHANGES, Noise, Says, share};
use super::place::Spot;
use crate::rules::{Shape, Value};

/// From the narrowest on.
const SHAPES: [Shape; 7] =
    [Shape::Uuid, Shape::Ulid, Shape::Integer, Shape::Digits, Shape::Hex, Shape::Base64Url, Shape::Base64];
/// Bytes from which on a coded text is no word.
const CODED: usize = 8;
/// Bytes from which on it is an identity whatever its name.
const LONG: usize = 16;
/// An entity tag (RFC 9110, section 8.8.3).
const ETAG: &str = r#"^(?:W/)?"[^"]*"$"#;
/// Headers whose values are made anew for each answer, whatever they look like.
const REQUEST_IDS: [&str; 6] =
    ["x-request-id", "request-id", "x-correlation-id", "correlation-id", "x-trace-id", "x-amzn-trace-id"];
/// Words that name an identity.
const WORDS: [&str; 16] = [
    "id",
    "ids",
    "uuid",
    "guid",
    "ulid",
    "key",
    "ref",
    "reference",
    "number",
    "no",
    "token",
    "nonce",
    "cursor",
    "trace",
    "etag",
    "code",
];
/// Parts of names of what is drawn at random and secret.
const SECRET_WORDS: [&str; 7] = ["session", "sess", "sid", "token", "csrf", "xsrf", "nonce"];

/// Whether a name says that what it names is an identity: `orderId`, `order_id`, `uuid`, not `paid`.
pub(super) fn names_identity(name: &str) -> bool {
    let mut words = String::new();
    let mut before = ' ';
    for c in name.chars() {
        if c.is_ascii_uppercase() && before.is_ascii_lowercase() {
            words.push(' ');
        }
        words.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' });
        before = c;
    }
    words.split_whitespace().any(|word| WORDS.contains(&word))
}

/// What the values look like as identities.
pub(super) fn read(group: &Group<'_>, facts: &Facts) -> Finding {
    if matches!(group.spot, Spot::Cookie(_, Some(_))) {
        return Finding::not("an attribute of a cookie says what a browser does with it");
    }
    let is_json = group.spot.is_json();
    let text = |side: &Option<String>| plain(side.as_deref()?, is_json);
    let pairs: Option<Vec<(String, String)>> =
        facts.sides.iter().map(|sides| Some((text(&sides.legacy)?, text(&sides.candidate)?))).collect();
    let Some(pairs) = pairs else {
        return Finding::not("other values, and no texts or numbers: another answer, not another name for it");
    };
    if let Some(why) = not_made_up(group, facts, &pairs) {
        return Finding::Not(why);
    }
    let marked = |text: &String| text.contains("[redacted");
    if pairs.iter().any(|(a, b)| marked(a) || marked(b)) {
        return secrets(group, &pairs);
    }
    let values: Option<Vec<_>> = facts.sides.iter().map(|sides| sides.both(is_json)).collect();
    let Some((says, named)) = values.and_then(|values| shapes(group, &values, &pairs)) else {
        return Finding::not("other texts, with no shape of an identity and nothing in common: another answer");
    };
    let doubts = doubts(&pairs, &says, named);
    Finding::Noise(Noise { what: "id", says, seen: seen(group, facts, &pairs), doubts })
}

/// Why these values are no identities that each side made up by itself, if they are not.
fn not_made_up(group: &Group<'_>, facts: &Facts, pairs: &[(String, String)]) -> Option<String> {
    let n = pairs.len();
    let equal = facts.covered.saturating_sub(group.differences);
    if share(equal, facts.covered) > 0.05 {
        return Some(format!(
            "equal in {equal} of {} places: what each side makes up by itself never agrees",
            facts.covered
        ));
    }
    let others = pairs.iter().filter(|(_, candidate)| facts.has(candidate)).count();
    if others > 0 {
        return Some(format!(
            "in {others} of {n} pairs of values the candidate has what is the legacy's in another exchange: another entity's"
        ));
    }
    let (mut of_legacy, mut of_candidate) = (BTreeMap::new(), BTreeMap::new());
    for (legacy, candidate) in pairs {
        of_legacy.entry(legacy).or_insert_with(BTreeSet::new).insert(candidate);
        of_candidate.entry(candidate).or_insert_with(BTreeSet::new).insert(legacy);
    }
    if of_legacy.len() < MIN_EXCHANGES {
        return Some(format!("only {} different values at the legacy: a code, not an identity", of_legacy.len()));
    }
    let several = |map: &BTreeMap<&String, BTreeSet<&String>>| map.values().filter(|others| others.len() > 1).count();
    if several(&of_candidate) > 0 {
        let k = several(&of_candidate);
        return Some(format!("{k} values of the candidate stand for several of the legacy's each"));
    }
    if several(&of_legacy) > 0 {
        let k = several(&of_legacy);
        return Some(format!(
            "the legacy keeps {k} values over several answers, and the candidate gives another each time"
        ));
    }
    related(pairs)
}

/// A relation by which the candidate's value follows from the legacy's.
fn related(pairs: &[(String, String)]) -> Option<String> {
    let n = pairs.len();
    let digits = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    let same = pairs.iter().filter(|(a, b)| digits(a) == digits(b)).count();
    if share(same, n) >= 0.5 {
        return Some(format!("the same letters and digits in {same} of {n} pairs of values, written otherwise"));
    }
    let inside = |a: &str, b: &str| a.len() >= 3 && b.contains(a);
    let around = pairs.iter().filter(|(a, b)| inside(a, b) || inside(b, a)).count();
    if share(around, n) >= 0.5 {
        return Some(format!(
            "one value stands inside of the other in {around} of {n} pairs of values: say so with a regex, which holds that they agree"
        ));
    }
    let near = |(a, b): &(String, String)| match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() <= 0.01 * a.abs().max(b.abs()),
        _ => false,
    };
    let near = pairs.iter().filter(|pair| near(pair)).count();
    (share(near, n) > 0.1)
        .then(|| format!("numbers that are nearly the same in {near} of {n} pairs: off by some, not made up"))
}

/// The narrowest shapes that all values have, and whether only the name says that they are identities.
fn shapes(group: &Group<'_>, values: &[(Value<'_>, Value<'_>)], pairs: &[(String, String)]) -> Option<(Says, bool)> {
    let header = match &group.spot {
        Spot::Header(name) => name.as_str(),
        _ => "",
    };
    if header == "etag" {
        let is_tag = |text: &str| {
            text.strip_prefix("W/")
                .unwrap_or(text)
                .strip_prefix('"')
                .is_some_and(|t| t.find('"') == Some(t.len().wrapping_sub(1)))
        };
        return pairs.iter().all(|(a, b)| is_tag(a) && is_tag(b)).then_some((Says::Regex(ETAG), false));
    }
    let is_request_id = REQUEST_IDS.contains(&header);
    let fits = |shape: &Shape| values.iter().all(|(legacy, candidate)| shape.fits(legacy) && shape.fits(candidate));
    let both = SHAPES.into_iter().find(fits).map(|shape| (shape, shape));
    let each = || {
        let ours = SHAPES.into_iter().find(|shape| values.iter().all(|(legacy, _)| shape.fits(legacy)))?;
        Some((ours, SHAPES.into_iter().find(|shape| values.iter().all(|(_, candidate)| shape.fits(candidate)))?))
    };
    // A pair is the narrower one where one side has a shape of its own: a uuid is base64url, too.
    let found = match (both, each()) {
        (Some(both), Some(each)) if both == each => Some(both),
        (_, Some(each)) => Some(each),
        (both, None) => both,
    };
    let Some((ours, theirs)) = found else {
        return is_request_id.then_some((Says::Shapes(Shape::Text, Shape::Text), false));
    };
    let (legacy, candidate): (Vec<&String>, Vec<&String>) = pairs.iter().map(|(a, b)| (a, b)).unzip();
    let (ours_is, theirs_is) = (strength(ours, &legacy), strength(theirs, &candidate));
    let named = names_identity(group.spot.word()) || is_request_id;
    let by_itself = theirs_is == Strength::Strong && ours_is != Strength::Weak;
    let by_name = named && ours_is != Strength::Weak && theirs_is != Strength::Weak;
    (by_itself || by_name).then_some((Says::Shapes(ours, theirs), !by_itself))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strength {
    /// It may be a word.
    Weak,
    /// It is an identity where its name says so.
    Named,
    /// Nothing else looks like it.
    Strong,
}

fn strength(shape: Shape, texts: &[&String]) -> Strength {
    let shortest = texts.iter().map(|text| text.len()).min().unwrap_or(0);
    let digits = texts.iter().filter(|text| text.bytes().any(|b| b.is_ascii_digit())).count();
    match shape {
        Shape::Uuid | Shape::Ulid => Strength::Strong,
        Shape::Integer | Shape::Digits => Strength::Named,
        _ if share(digits, texts.len()) < 0.9 || shortest < CODED => Strength::Weak,
        _ if shortest < LONG => Strength::Named,
        _ => Strength::Strong,
    }
}

/// Values of which the evidence has marks alone: that they are texts is all that can be said.
fn secrets(group: &Group<'_>, pairs: &[(String, String)]) -> Finding {
    let is_mark = |text: &str| text.starts_with("[redacted:") && text.ends_with(']');
    if !pairs.iter().all(|(a, b)| is_mark(a) && is_mark(b)) {
        return Finding::not("secrets, of which the evidence has marks alone, are a part of these values");
    }
    let word = group.spot.word().to_lowercase();
    if !SECRET_WORDS.iter().any(|part| word.contains(part)) {
        return Finding::not("secrets that differ, and no name that says that they are drawn at random");
    }
    let doubts = vec!["the values are secrets and were not kept: write a narrower shape where you know one".to_owned()];
    let seen = format!("{} pairs of secrets, no two of one side alike but where those of the other are", pairs.len());
    Finding::Noise(Noise { what: "secret", says: Says::Shapes(Shape::Text, Shape::Text), seen, doubts })
}

fn seen(group: &Group<'_>, facts: &Facts, pairs: &[(String, String)]) -> String {
    let distinct = pairs.iter().map(|(legacy, _)| legacy).collect::<BTreeSet<_>>().len();
    let places = facts.covered.max(group.differences);
    format!(
        "differs in {} of {places} places; {distinct} values of the legacy, each with one of the candidate's",
        group.differences
    )
}

fn doubts(pairs: &[(String, String)], says: &Says, named: bool) -> Vec<String> {
    let distinct = pairs.iter().map(|(legacy, _)| legacy).collect::<BTreeSet<_>>().len();
    let mut doubts = Vec::new();
    if distinct < pairs.len() {
        doubts.push("the same value of the legacy always has the same of the candidate; the rule holds the shapes and not that they go together".to_owned());
    }
    if matches!(says, Says::Shapes(ours, theirs) if ours == theirs && *ours != Shape::Text) {
        doubts.push(format!("the candidate's could be those of other entities: they were looked for among {distinct} of the legacy's alone"));
    }
    if named {
        doubts.push("only the name says that this is an identity".to_owned());
    }
    doubts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_identities_are_told_by_whole_words() {
        for name in ["id", "orderId", "order_id", "X-Request-Id", "customer_UUID", "invoiceNumber", "ref"] {
            assert!(names_identity(name), "{name}");
        }
        for name in ["paid", "grid", "valid", "price", "total", "weightGrams", "available", ""] {
            assert!(!names_identity(name), "{name}");
        }
    }
}

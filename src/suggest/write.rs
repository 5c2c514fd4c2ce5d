//! A rule as a rule file has it. Everything that is not plain ASCII is written as an escape: names come from answers.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::noise::Says;
use super::place::Spot;
use crate::exchange::{Difference, DifferenceKind, Endpoint};

/// Who has to put a name there.
const OWNER: &str = "TODO-who";
/// Characters of an id, and of a reason.
const MAX_ID: usize = 80;
const MAX_REASON: usize = 600;

/// One entry of a `rules:` list.
pub(super) fn rule(
    id: &str,
    endpoint: Option<&Endpoint>,
    spot: &Spot,
    says: &Says,
    reason: &str,
    expires: Date,
) -> String {
    let at = match endpoint {
        Some(endpoint) => format!("endpoint: {}, {}", quoted(&pattern(endpoint)), place(spot)),
        None => place(spot),
    };
    let reason: String = reason.chars().take(MAX_REASON).collect();
    format!(
        "  - id: {id}\n    owner: {OWNER}\n    reason: {}\n    expires: {expires}\n    at: {{{at}}}\n    match: {{{}}}\n",
        quoted(&reason),
        answer(says)
    )
}

/// One entry of a `rules:` list that accepts a difference, but for what people have to say of it.
pub(super) fn accepted(id: &str, endpoint: &Endpoint, place: &str, kind: DifferenceKind, expires: Date) -> String {
    format!(
        "  - id: {id}\n    owner: {OWNER}\n    reason: TODO why users may see this\n    expires: {expires}\n    \
         at: {{endpoint: {}, {place}}}\n    accept: {{kind: {kind}}}\n",
        quoted(&pattern(endpoint))
    )
}

/// The two statuses of a difference; None where they are none.
pub(super) fn status(difference: &Difference) -> Option<String> {
    let code = |side: &Option<String>| side.as_deref()?.parse::<u16>().ok();
    Some(format!("status: [{}, {}]", code(&difference.legacy)?, code(&difference.candidate)?))
}

/// The endpoint as a pattern: what lies deeper than endpoints are told apart is `**`.
fn pattern(endpoint: &Endpoint) -> String {
    let text = endpoint.to_string();
    text.strip_suffix("{rest}").map_or(text.clone(), |start| format!("{start}**"))
}

/// A place as a rule has it.
pub(super) fn place(spot: &Spot) -> String {
    match spot {
        Spot::Json(steps) => format!("json: {}", quoted(&Spot::json_path(steps))),
        Spot::Header(name) => format!("header: {}", quoted(name)),
        Spot::Cookie(name, None) => format!("cookie: {}", quoted(name)),
        Spot::Cookie(name, Some(attribute)) => format!("cookie: {}", quoted(&format!("{name}; {attribute}"))),
        Spot::Untyped => "body: true".to_owned(),
    }
}

/// What stands inside of `match: {}`.
pub(super) fn answer(says: &Says) -> String {
    match says {
        Says::Shapes(both, same) if both == same => format!("shape: {both}"),
        Says::Shapes(legacy, candidate) => format!("shape: [{legacy}, {candidate}]"),
        Says::Skew(skew) => format!("skew: {}", humantime::format_duration(*skew)),
        Says::Tolerance(text) => format!("tolerance: {}", quoted(text)),
        Says::Unordered => "order: unordered".to_owned(),
        Says::Keyed(name) => format!("keyed: {}", quoted(name)),
        Says::Spelling(Some(whitespace), true) => format!("whitespace: {whitespace}, case: insensitive"),
        Says::Spelling(Some(whitespace), false) => format!("whitespace: {whitespace}"),
        Says::Spelling(None, _) => "case: insensitive".to_owned(),
        Says::NullIsAbsent => "null_is_absent: true".to_owned(),
        Says::Regex(regex) => format!("regex: {}", quoted(regex)),
    }
}

/// A double-quoted scalar (YAML 1.2, section 7.3.1) of printable ASCII alone.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            c if (c as u32) < 0x100 => out.push_str(&format!("\\x{:02x}", c as u32)),
            c if (c as u32) < 0x1_0000 => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push_str(&format!("\\U{:08x}", c as u32)),
        }
    }
    out.push('"');
    out
}

/// An id that says what the rule is about: `get-orders-id-total-rounding`; another than all of `taken`.
pub(super) fn id(endpoint: Option<&Endpoint>, spot: &Spot, what: &str, taken: &BTreeSet<String>) -> String {
    let endpoint = endpoint.map_or("any".to_owned(), Endpoint::to_string);
    let mut id = String::new();
    for c in format!("{endpoint} {}", spot.shown()).chars() {
        if c.is_ascii_alphanumeric() {
            id.push(c.to_ascii_lowercase());
        } else if !id.is_empty() && !id.ends_with('-') {
            id.push('-');
        }
    }
    id.truncate(MAX_ID - what.len() - 1);
    let id = format!("{}-{what}", id.trim_end_matches('-'));
    if !taken.contains(&id) {
        return id;
    }
    (2..).map(|n: u32| format!("{id}-{n}")).find(|id| !taken.contains(id)).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::place::Step;
    use super::*;
    use crate::rules::{RuleSet, Shape};

    #[test]
    fn every_answer_is_read_back_whatever_the_names() {
        let json = Spot::Json(vec![Step::Name("it's \"é\u{202e}\n#".into()), Step::Any]);
        let endpoint = Endpoint { method: "GET".into(), template: "/a/{id}/{rest}".into() };
        let expires = jiff::civil::date(2027, 1, 31);
        let mut taken = BTreeSet::new();
        let mut text = "rules:\n".to_owned();
        for says in [
            Says::Shapes(Shape::Integer, Shape::Ulid),
            Says::Shapes(Shape::Uuid, Shape::Uuid),
            Says::Skew(Duration::from_millis(250)),
            Says::Skew(Duration::from_secs(60)),
            Says::Tolerance("0.005".into()),
            Says::Tolerance("1%".into()),
            Says::Unordered,
            Says::Keyed("a: [b".into()),
            Says::Spelling(Some("trim"), true),
            Says::Spelling(None, true),
            Says::NullIsAbsent,
            Says::Regex(r#"^(?:W/)?"[^"]*"$"#),
        ] {
            let id = id(Some(&endpoint), &json, "id", &taken);
            text.push_str(&rule(&id, Some(&endpoint), &json, &says, "seen: \u{1b}[31m\n- x", expires));
            taken.insert(id);
        }
        for spot in [Spot::Header("etag".into()), Spot::Cookie("sid".into(), Some("path".into()))] {
            let id = id(None, &spot, "id", &taken);
            text.push_str(&rule(&id, None, &spot, &Says::Shapes(Shape::Text, Shape::Text), "r", expires));
            taken.insert(id);
        }
        assert!(text.bytes().all(|b| b == b'\n' || (b' '..=b'~').contains(&b)), "{text}");
        let rules = RuleSet::parse("suggested", &text, expires).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(rules.rules().len(), taken.len());
        assert!(rules.rules().iter().any(|rule| &*rule.id == "any-header-etag-id"), "{taken:?}");
        assert!(rules.rules().iter().all(|rule| !rule.expired && rule.owner == OWNER));
    }
}

//! Texts that are the same but for their spelling, and values of another JSON type.

use super::evidence::Group;
use super::facts::Facts;
use super::noise::{Finding, Noise, Says};
use crate::rules::{Decimal, Value};

/// How texts may be spelled, from the narrowest on: what becomes of white space, and whether case counts.
const SPELLINGS: [(Option<&str>, bool); 7] = [
    (Some("trim"), false),
    (Some("collapse"), false),
    (None, true),
    (Some("trim"), true),
    (Some("collapse"), true),
    (Some("remove"), false),
    (Some("remove"), true),
];

fn spelled(text: &str, (whitespace, any_case): (Option<&str>, bool)) -> String {
    let text = match whitespace {
        Some("trim") => text.trim().to_owned(),
        Some("collapse") => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Some(_) => text.split_whitespace().collect(),
        None => text.to_owned(),
    };
    if any_case { text.to_lowercase() } else { text }
}

/// White space or case; None where that is not all.
pub(super) fn spelling(group: &Group<'_>, facts: &Facts) -> Option<Finding> {
    let pairs: Vec<_> = facts.sides.iter().map(|sides| sides.both(group.spot.is_json())).collect::<Option<_>>()?;
    let texts: Vec<(&str, &str)> =
        pairs.iter().map(|(a, b)| Some((a.string()?, b.string()?))).collect::<Option<_>>()?;
    let agrees = |spelling| texts.iter().all(|(a, b)| spelled(a, spelling) == spelled(b, spelling));
    let (whitespace, any_case) = SPELLINGS.into_iter().find(|spelling| agrees(*spelling))?;
    let coded = texts.iter().filter(|(a, _)| a.len() >= 8 && a.bytes().any(|b| b.is_ascii_digit())).count();
    if any_case && coded * 2 > texts.len() {
        return Some(Finding::not("they differ in case alone, but look like codes, in which case may count"));
    }
    let what = match (whitespace, any_case) {
        (Some(_), false) => "white space",
        (None, _) => "case",
        (Some(_), true) => "white space and case",
    };
    Some(Finding::Noise(Noise {
        what: if any_case { "case" } else { "whitespace" },
        says: Says::Spelling(whitespace, any_case),
        seen: format!("{} pairs of texts differ in {what} alone", texts.len()),
        doubts: Vec::new(),
    }))
}

/// Types that changed without an identity in it; None where it may be one.
pub(super) fn type_change(group: &Group<'_>, facts: &Facts) -> Option<Finding> {
    let pairs: Vec<_> = facts.sides.iter().filter_map(|sides| sides.both(group.spot.is_json())).collect();
    let n = pairs.len();
    if n < facts.sides.len() || n == 0 {
        return Some(Finding::not("another JSON type: a change of the contract, not noise"));
    }
    let null = |value: &Value<'_>| *value == Value::Null;
    let nulls = pairs.iter().filter(|(a, b)| null(a) || null(b)).count();
    if nulls > 0 {
        return Some(Finding::not(format!(
            "null on one side and a value on the other in {nulls} of {n} pairs of values: something is lost or invented"
        )));
    }
    let number = |value: &Value<'_>| Decimal::parse(value.text()?);
    let same = pairs.iter().filter(|(a, b)| number(a).is_some() && number(a) == number(b)).count();
    if same > 0 {
        return Some(Finding::not(format!(
            "a number on one side and the same number as a string on the other in {same} of {n} pairs of values: looks like a contract change, not noise"
        )));
    }
    let scalars = pairs.iter().all(|(a, b)| a.text().is_some() && b.text().is_some());
    (!scalars).then(|| Finding::not("another JSON type: a change of the contract, not noise"))
}

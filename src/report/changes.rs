//! Epochs, and evidence under other rules, in words: the same for every renderer.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::exchange::{EpochBooks, EpochNote, Move, Rescored};
use crate::verdict::words::{count, counted};

/// The build of an epoch; hostile.
pub(super) fn build(build: Option<&str>) -> String {
    match build {
        None => "no build known".to_owned(),
        Some("") => "answers that do not say their build".to_owned(),
        Some(build) => build.to_owned(),
    }
}

/// One epoch in a line; hostile.
pub(super) fn epoch(note: &EpochNote, judged: &EpochBooks) -> String {
    let (compared, mismatched) = (counted(note.compared, "compared request"), count(note.mismatched));
    let when = match (&note.first, &note.last) {
        (Some(first), Some(last)) => format!("{first} to {last}, "),
        _ => String::new(),
    };
    let this = if note.number == judged.number { "; this one is judged" } else { "" };
    let policy = note.policy.as_deref().unwrap_or("the defaults");
    format!(
        "{}: {when}{compared}, {mismatched} mismatched; rules {}, policy {policy}{this}",
        build(note.build.as_deref()),
        note.rules
    )
}

/// Which rules are others; hostile.
pub(super) fn rules(rescored: &Rescored) -> Vec<(&'static str, String)> {
    let named = |ids: &[Arc<str>]| ids.iter().map(|id| &**id).collect::<Vec<_>>().join(", ");
    let mut lines: Vec<(&'static str, String)> =
        [("added", &rescored.added), ("removed", &rescored.removed), ("changed", &rescored.changed)]
            .into_iter()
            .filter(|(_, ids)| !ids.is_empty())
            .map(|(what, ids)| (what, named(ids)))
            .collect();
    if rescored.reordered {
        lines.push(("order", "rules that stayed are asked in another order".to_owned()));
    }
    if lines.is_empty() {
        lines.push(("rules", "none says anything else than it did".to_owned()));
    }
    lines
}

/// How well it is known.
pub(super) fn known(rescored: &Rescored) -> String {
    let known = &rescored.known;
    format!(
        "{} known, {} inferred from what is kept of them, {} not known",
        counted(known.exact, "exchange"),
        count(known.inferred),
        count(known.unknown)
    )
}

/// `matched 400 → 600, mismatched 200 → 0`: the outcomes that are others.
pub(super) fn outcomes(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> String {
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let of = |counts: &BTreeMap<String, u64>, name: &String| counts.get(name).copied().unwrap_or(0);
    let changed = names.into_iter().filter(|name| of(before, name) != of(after, name));
    let changed: Vec<String> =
        changed.map(|name| format!("{name} {} → {}", count(of(before, name)), count(of(after, name)))).collect();
    if changed.is_empty() { "every outcome stays".to_owned() } else { changed.join(", ") }
}

/// One part that came out otherwise; the endpoint is hostile.
pub(super) fn moved(one: &Move) -> String {
    let how = if one.asked_of >= one.all {
        "each compared again".to_owned()
    } else if one.asked_of == 0 {
        "none is kept to be compared again".to_owned()
    } else {
        format!("by {} compared again of {}", count(one.asked_of), count(one.all))
    };
    format!("{}: {} of {} → {} ({how})", one.endpoint, counted(one.exchanges, "exchange"), one.from, one.to)
}

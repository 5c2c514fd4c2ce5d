//! The record of the decision, for the archive: context, evidence, gates and checklist as policy and run know them, and
//! blanks for what only people can say.
//!
//! In the order of Nygard's architecture decision records ("Documenting architecture decisions", 2011). What is not known
//! is left blank and never guessed; a record that somebody may have filled in is not written over (`cli/output.rs`).

use crate::exchange::RuleAnswer;
use crate::tally::DifferenceClass;
use crate::verdict::words::{count, counted, multiple, percent};
use crate::verdict::{Gate, GateResult, ItemResult};

use super::html::evidence;
use super::markdown::changes::plainly;
use super::markdown::plain::{cell, prose, prose_cell, span};
use super::markdown::sections::{asked, gate_name, state};
use super::{Report, changes};

/// How it begins.
pub const BEGINS: &str = "<!-- a decision record by tapcompare, to be filled in -->\n";

/// To be filled in. Alone between blanks, underscores mean nothing in Markdown (CommonMark, section 6.2).
const BLANK: &str = "________________";

/// Columns of a name and of a sentence.
const NAME: usize = 160;
const SENTENCE: usize = 1_000;
/// So many endpoints, groups of differences and rules are listed; the rest is counted.
const LISTED: usize = 50;
/// So many gates are, the worst first; where each endpoint has one, there may be thousands.
const GATES: usize = 200;

pub(super) fn render(report: &Report<'_>) -> String {
    let what = report.facts.capability.as_ref().map_or(BLANK.to_owned(), |c| span(c, NAME));
    [
        format!("{BEGINS}# Decision record: moving users of {what} to the candidate\n"),
        status(report),
        context(report),
        evidence_of(report),
        gates(report),
        checklist(&report.verdict.checklist),
        decision(report),
        consequences(report),
        rollback(&report.verdict.checklist),
    ]
    .concat()
}

fn known(value: Option<&str>) -> String {
    value.filter(|value| !value.is_empty()).map_or(BLANK.to_owned(), |value| span(value, NAME))
}

fn list(lines: &[(&str, String)]) -> String {
    lines.iter().map(|(name, value)| format!("- {name}: {value}\n")).collect()
}

/// The first of a list, a line each, and how many more there are.
fn listed<T>(all: &[T], line: impl Fn(&T) -> String) -> String {
    let mut text: String = all.iter().take(LISTED).map(line).collect();
    if all.len() > LISTED {
        text.push_str(&format!("- and {} more, in the JSON report\n", count((all.len() - LISTED) as u64)));
    }
    text
}

fn status(report: &Report<'_>) -> String {
    let lines = [
        ("Status", "proposed".to_owned()),
        ("Verdict of the evidence", format!("**{}**", report.verdict.verdict)),
        ("Who decides", known(report.facts.owner.as_deref())),
        ("Evidence as of", known(Some(&report.facts.finished))),
        ("Decided on", BLANK.to_owned()),
    ];
    format!("\n{}", list(&lines))
}

fn context(report: &Report<'_>) -> String {
    let (facts, snapshot) = (report.facts, report.snapshot);
    let traffic = match snapshot.first.as_deref().zip(snapshot.last.as_deref()) {
        Some((first, last)) => format!("{} to {}", span(first, NAME), span(last, NAME)),
        None => BLANK.to_owned(),
    };
    let sources = facts.sources.join(", ");
    let mut lines = vec![
        ("What is cut over", known(facts.capability.as_deref())),
        ("Why now", BLANK.to_owned()),
        ("Candidate", known(Some(&facts.candidate))),
        ("Build of the candidate", known(report.snapshot.epoch.build.as_deref())),
        ("Traffic of", traffic),
        ("Source", known(Some(&sources))),
        ("Pace", known(Some(&facts.pace))),
        ("Policy", facts.policy.as_deref().map_or("the defaults".to_owned(), |policy| span(policy, NAME))),
        ("Run", format!("{} to {}", known(Some(&facts.started)), known(Some(&facts.finished)))),
        ("tapcompare", known(Some(&facts.version))),
    ];
    if let Some(legacy) = &facts.legacy {
        lines.push(("Live legacy, asked too", span(legacy, NAME)));
    }
    if let Some(why) = &facts.stopped_early {
        lines.push(("Stopped early", prose(why, SENTENCE)));
    }
    format!("\n## Context\n\n{}", list(&lines))
}

fn evidence_of(report: &Report<'_>) -> String {
    let snapshot = report.snapshot;
    let books = snapshot.ledger.shadow.clone().unwrap_or_default();
    let (lost, seen) = snapshot.ledger.wire.loss();
    let of = |part: u64, whole: u64| match whole {
        0 => count(part),
        _ => format!("{} of {} ({})", count(part), count(whole), percent(part as f64 / whole as f64)),
    };
    let groups = snapshot.groups.iter().filter(|g| g.class == DifferenceClass::Mismatched).count();
    let lines = [
        ("In one sentence", prose(&report.verdict.headline, SENTENCE)),
        ("Exchanges seen", count(seen)),
        ("Lost, of these", of(lost, seen)),
        ("Asked of the candidate", of(books.sent, books.exchanges)),
        ("Compared, and both sides say something", count(evidence(&books))),
        ("Mismatched", of(books.mismatched, evidence(&books))),
        ("Different, and accepted by rules", of(books.accepted, evidence(&books))),
        ("Kinds of mismatches", counted(groups as u64, "group")),
        ("Failed by the candidate", of(books.failed.total(), books.sent)),
        ("Endpoints asked", count(asked(report).len() as u64)),
        (
            "Worst case",
            report.verdict.worst_case.map_or("nothing is missing".to_owned(), |worst| {
                format!("a mismatch rate of {}, if all that is missing had mismatched too", percent(worst))
            }),
        ),
        ("The report is kept at", BLANK.to_owned()),
    ];
    let remarks = report.verdict.remarks.iter().map(|remark| ("Remark", prose(remark, SENTENCE)));
    let lines: Vec<_> = lines.into_iter().chain(rescored(report)).chain(remarks).collect();
    let mut text = format!("\n## Evidence\n\n{}", list(&lines));
    let open = snapshot.ledger.open_accounts();
    if !open.is_empty() {
        text.push_str("\n**The books do not close; nothing here can be relied on.**\n");
    }
    text
}

/// Where other rules than were in force have been asked: what that has changed.
fn rescored(report: &Report<'_>) -> Vec<(&'static str, String)> {
    let Some(rescored) = &report.facts.rescored else { return Vec::new() };
    let before = span(&rescored.verdict_before, NAME);
    let rules = changes::rules(rescored).into_iter().map(|(what, ids)| format!("{what}: {ids}"));
    let outcomes = plainly(&changes::outcomes(&rescored.before, &rescored.after));
    vec![
        (
            "Under other rules than were in force, and nobody was asked again",
            format!("{before} became **{}**", report.verdict.verdict),
        ),
        ("Which rules are others", prose(&rules.collect::<Vec<_>>().join("; "), SENTENCE)),
        ("Outcomes that are others", prose(&outcomes, SENTENCE)),
        ("How well that is known", changes::known(rescored)),
    ]
}

fn gates(report: &Report<'_>) -> String {
    let mut text =
        "\n## Gates\n\n| Gate | | Seen | Bound | Limit | Sample | Why |\n|---|---|--:|--:|--:|--:|---|\n".to_owned();
    for gate in report.verdict.gates.iter().take(GATES) {
        let [figure, bound, limit] = [gate.figure, gate.bound, gate.limit].map(|value| figure(gate, value));
        let reason = prose_cell(&gate.reason, SENTENCE);
        text.push_str(&format!(
            "| {} | {} | {figure} | {bound} | {limit} | {} | {reason} |\n",
            gate_name(gate),
            state(gate.state),
            count(gate.sample)
        ));
    }
    let gates = report.verdict.gates.len();
    if gates > GATES {
        text.push_str(&format!("\nand {} more, in the JSON report\n", count((gates - GATES) as u64)));
    }
    text
}

/// A figure in the unit of its gate.
fn figure(gate: &GateResult, value: Option<f64>) -> String {
    let Some(value) = value else { return String::new() };
    match gate.gate {
        Gate::Latency => multiple(value),
        Gate::Coverage => count(value as u64),
        _ => percent(value),
    }
}

fn checklist(items: &[ItemResult]) -> String {
    let head = "\n## Checklist\n\n| Item | | What | Signed by | On | Evidence | Holds until |\n|---|---|---|---|---|---|---|\n";
    let mut text = head.to_owned();
    for item in items {
        let known = |value: &Option<String>| value.as_ref().map_or(BLANK.to_owned(), |value| cell(value, NAME));
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} | {} |\n",
            cell(&item.id, NAME),
            item.state,
            item.what.as_deref().map_or(String::new(), |what| prose_cell(what, SENTENCE)),
            known(&item.by),
            known(&item.on),
            known(&item.evidence),
            item.expires.as_deref().map_or("does not lapse".to_owned(), |day| cell(day, NAME)),
        ));
    }
    if items.is_empty() {
        text.push_str(&format!("| {} |\n", [BLANK; 7].join(" | ")));
        text.push_str("\nThe policy has no checklist.\n");
    }
    text
}

fn decision(report: &Report<'_>) -> String {
    let lines = [
        ("Decided by", known(report.facts.owner.as_deref())),
        ("Name", BLANK.to_owned()),
        ("On", BLANK.to_owned()),
        ("Because", BLANK.to_owned()),
        ("If against the verdict, why", BLANK.to_owned()),
    ];
    format!(
        "\n## Decision\n\n- [ ] users are moved\n- [ ] users are not moved\n- [ ] more evidence is gathered first\n\n{}",
        list(&lines)
    )
}

fn consequences(report: &Report<'_>) -> String {
    let mut text = "\n## Consequences\n".to_owned();
    let mut part = |heading: &str, lines: String| {
        if !lines.is_empty() {
            text.push_str(&format!("\n{heading}\n\n{lines}"));
        }
    };
    part(
        "Endpoints for which the evidence says nothing, and how they are covered:",
        listed(&report.verdict.never_asked, |never| {
            let (name, why) = (span(&never.endpoint.to_string(), NAME), prose(&never.why, SENTENCE));
            format!("- {name}, {} ({why}): {BLANK}\n", counted(never.exchanges, "exchange"))
        }),
    );
    let mismatched: Vec<_> = report.snapshot.groups.iter().filter(|g| g.class == DifferenceClass::Mismatched).collect();
    part(
        "Differences that users would meet, and what is done about them:",
        listed(&mismatched, |group| {
            let (name, place) = (span(&group.endpoint.to_string(), NAME), span(&group.place, NAME));
            format!("- {name} {place}, {} in {}: {BLANK}\n", group.kind, counted(group.exchanges, "exchange"))
        }),
    );
    let accepted: Vec<_> = report.snapshot.rules.iter().filter(|used| used.answer == RuleAnswer::Accept).collect();
    part(
        "Known differences that rules accept, and who was told:",
        listed(&accepted, |used| {
            let reason = report.rules.iter().find(|note| note.id == used.id).map_or("", |note| &note.reason);
            let (id, reason) = (span(&used.id, NAME), prose(reason, SENTENCE));
            format!("- {id}, {}, {reason}: {BLANK}\n", counted(used.exchanges, "exchange"))
        }),
    );
    let lines = [("What becomes easier", BLANK.to_owned()), ("What becomes harder", BLANK.to_owned())];
    part("For the rest:", list(&lines));
    text
}

fn rollback(items: &[ItemResult]) -> String {
    let about = |item: &&ItemResult| {
        let what = item.what.as_deref().unwrap_or("").to_lowercase();
        item.id.to_lowercase().contains("rollback") || what.contains("rollback") || what.contains("roll back")
    };
    let items: Vec<String> = items.iter().filter(about).map(|item| span(&item.id, NAME)).collect();
    let items = if items.is_empty() { BLANK.to_owned() } else { items.join(", ") };
    let lines = [
        ("Items of the checklist", items),
        ("The way back", BLANK.to_owned()),
        ("Who takes it, and how they are reached", BLANK.to_owned()),
        ("What calls for it", BLANK.to_owned()),
        ("How long it takes", BLANK.to_owned()),
        ("What is written by the candidate until then, and where it goes", BLANK.to_owned()),
        ("Last tried on", BLANK.to_owned()),
    ];
    format!("\n## Rollback\n\n{}", list(&lines))
}

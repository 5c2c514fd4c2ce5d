//! The sections of the Markdown report, most wanted first.

use std::cmp::Reverse;

use crate::exchange::{AdmissionNote, Example};
use crate::report::html::evidence;
use crate::report::sums::{Part, beside, sums};
use crate::report::terminal::{TABLE_CONFIDENCE, example_difference};
use crate::report::{Report, accepted, failed};
use crate::tally::{DifferenceClass, DifferenceGroup, EndpointSnapshot, Latency};
use crate::verdict::words::{self, count, counted, latency, percent};
use crate::verdict::{Decision, GateResult, GateState, ItemResult, ItemState, interval};

use super::Section;
use super::changes;
use super::plain::{cell, fenced, html_code, prose, prose_cell, span};

/// Bytes of each section, in their order.
pub(super) const ROOM: [usize; 12] =
    [3_000, 12_500, 4_000, 6_000, 9_500, 12_500, 3_000, 4_000, 2_000, 2_500, 3_500, 2_900];

/// Columns of an endpoint, a place, a value.
pub(super) const NAME: usize = 100;
/// Columns of a sentence.
pub(super) const SENTENCE: usize = 600;
/// So many groups of differences are shown.
const GROUPS: usize = 20;
/// Lines of a patch or a text difference, and columns of each.
const LINES: (usize, usize) = (20, 160);

pub(super) fn verdict(report: &Report<'_>) -> String {
    let mut section = Section::new("", ROOM[0]);
    let facts = report.facts;
    let question = match &facts.capability {
        Some(capability) => format!("May users be moved for {}?", span(capability, NAME)),
        None => "May users be moved?".to_owned(),
    };
    section.push(&format!("## {}\n\n", report.verdict.verdict));
    section.push(&format!(
        "{question} **{}.** {}{}\n",
        answer(report.verdict.verdict),
        prose(&report.verdict.headline, SENTENCE),
        accepted::sentence(report).map_or(String::new(), |accepted| format!(" **{accepted}**"))
    ));
    if let Some(why) = &facts.stopped_early {
        section.push(&format!("\nThe run was stopped early: {}.\n", prose(why, SENTENCE)));
    }
    if let Some(worst) = report.verdict.worst_case {
        let worst = percent(worst);
        section
            .push(&format!("\nWorst case: a mismatch rate of {worst}, if all that is missing had mismatched too.\n"));
    }
    for remark in &report.verdict.remarks {
        section.push(&format!("\nRemark: {}\n", prose(remark, SENTENCE)));
    }
    section.finish()
}

fn answer(decision: Decision) -> &'static str {
    match decision {
        Decision::Go => "Yes, as far as the policy asks",
        Decision::NoGo => "No",
        Decision::Inconclusive => "The evidence does not say",
    }
}

pub(in crate::report) fn state(state: GateState) -> &'static str {
    match state {
        GateState::Pass => "holds",
        GateState::Fail => "**fails**",
        GateState::NotEnough => "**open**",
    }
}

/// A gate's name, with the endpoint where it is of one.
pub(in crate::report) fn gate_name(gate: &GateResult) -> String {
    match &gate.endpoint {
        Some(endpoint) => format!("{}, {}", gate.gate.name(), cell(&endpoint.to_string(), NAME)),
        None => gate.gate.name().to_owned(),
    }
}

pub(super) fn gates(report: &Report<'_>) -> String {
    let mut section = Section::new("Gates", ROOM[1]);
    section.push("| Gate | | Why | What would change it |\n|---|---|---|---|\n");
    for gate in &report.verdict.gates {
        let remedy = gate.remedy.as_deref().map_or(String::new(), |remedy| prose_cell(remedy, SENTENCE));
        let reason = prose_cell(&gate.reason, SENTENCE);
        section.push(&format!("| {} | {} | {reason} | {remedy} |\n", gate_name(gate), state(gate.state)));
    }
    section.finish()
}

/// Who has answered for what no traffic shows; what is open first, so that it is the signed that are counted where there is
/// no room for all.
pub(super) fn checklist(report: &Report<'_>) -> String {
    let items = &report.verdict.checklist;
    if items.is_empty() {
        return String::new();
    }
    let mut section = Section::new("Checklist", ROOM[11]);
    section.push("| Item | | Signed by | On | Holds until | Evidence | What |\n|---|---|---|---|---|---|---|\n");
    let mut items: Vec<&ItemResult> = items.iter().collect();
    items.sort_by_key(|item| item.state == ItemState::Signed);
    for item in items {
        let known = |value: &Option<String>, none: &str| {
            value.as_ref().map_or_else(|| none.to_owned(), |value| cell(value, NAME))
        };
        let (by, on, evidence) = (known(&item.by, "nobody"), known(&item.on, ""), known(&item.evidence, ""));
        let state = if item.state == ItemState::Signed { "signed".into() } else { format!("**{}**", item.state) };
        let what = item.what.as_deref().map_or(String::new(), |what| prose_cell(what, NAME));
        let until = known(&item.expires, "does not lapse");
        section
            .push(&format!("| {} | {state} | {by} | {on} | {until} | {evidence} | {what} |\n", cell(&item.id, NAME)));
    }
    section.finish()
}

pub(super) fn never_asked(report: &Report<'_>) -> String {
    let never = &report.verdict.never_asked;
    if never.is_empty() {
        return String::new();
    }
    let mut section = Section::new("Never asked", ROOM[2]);
    section.push("The verdict says nothing of these.\n\n");
    for one in never {
        let (name, exchanges) = (span(&one.endpoint.to_string(), NAME), counted(one.exchanges, "exchange"));
        section.push(&format!("- {name} {exchanges} ({})\n", prose(&one.why, SENTENCE)));
    }
    section.finish()
}

pub(super) fn funnel(report: &Report<'_>) -> String {
    let ledger = &report.snapshot.ledger;
    let mut section = Section::new("What became of the traffic", ROOM[3]);
    let open = ledger.open_accounts();
    if !open.is_empty() {
        section.push("**These books do not close; nothing here can be relied on.**\n\n");
    }
    section.push("| Of | there are | and they became |\n|---|--:|---|\n");
    for sum in sums(ledger) {
        let shown = sum.parts.iter().enumerate().filter(|(at, part)| *at == 0 || part.count > 0);
        let shown: Vec<String> = shown.map(|(_, part)| part_of(part)).collect();
        section.push(&format!("| {} | {} | {} |\n", sum.name, count(sum.total), shown.join(" + ")));
    }
    section.push("\n");
    for (what, n) in beside(ledger) {
        section.push(&format!("- beside these: {}, {what}\n", counted(n, "frame")));
    }
    for account in &open {
        section.push(&format!("- does not close: {}\n", prose(&account.to_string(), SENTENCE)));
    }
    for line in report.facts.admission.iter().flat_map(AdmissionNote::lines) {
        section.push(&format!("- safety: {}\n", prose(&line, SENTENCE)));
    }
    for (limit, n) in &ledger.wire.evicted {
        section.push(&format!("- limit reached: {} {}\n", span(limit, NAME), count(*n)));
    }
    for damage in &ledger.capture.damage {
        section.push(&format!("- damage: {}\n", prose(damage, SENTENCE)));
    }
    section.finish()
}

fn part_of(part: &Part) -> String {
    let reasons: Vec<String> = part.reasons.iter().map(|(why, n)| format!("{why} {}", count(*n))).collect();
    let reasons = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
    format!("{} {}{reasons}", part.name, count(part.count))
}

/// The endpoints that were asked, the worst first.
pub(in crate::report) fn asked<'a>(report: &Report<'a>) -> Vec<&'a EndpointSnapshot> {
    let mut asked: Vec<_> = report.snapshot.endpoints.iter().filter(|e| e.books.sent > 0).collect();
    asked.sort_by_key(|e| Reverse((e.books.mismatched, e.books.failed.total(), e.books.sent)));
    asked
}

pub(super) fn endpoints(report: &Report<'_>) -> String {
    let asked = asked(report);
    if asked.is_empty() {
        return String::new();
    }
    let q = report.verdict.latency_quantile;
    let (mut section, at, p) = (Section::new("Endpoints", ROOM[4]), percent(TABLE_CONFIDENCE), words::quantile(q));
    section.push(&format!(
        "Latencies are the legacy's and the candidate's. “At most” is the upper bound of the share that differs, at {at} \
         confidence.\n\n| Endpoint | Compared | Differ | At most | Failed | p50 | {p} |\n|---|--:|--:|--:|--:|--:|--:|\n"
    ));
    for endpoint in asked {
        let books = &endpoint.books;
        let n = evidence(books);
        let bound = interval::upper_bound(books.mismatched, n, TABLE_CONFIDENCE);
        let bound = if n == 0 { "–".to_owned() } else { percent(bound) };
        let side = |side: &Latency, q| side.quantile(q).map_or("–".to_owned(), latency);
        let both = |q| format!("{}, {}", side(&endpoint.latency.legacy, q), side(&endpoint.latency.candidate, q));
        section.push(&format!(
            "| {}{} | {} | {} | {bound} | {} | {} | {} |\n",
            cell(&endpoint.endpoint.to_string(), NAME),
            if report.verdict.coverage.excepts(&endpoint.endpoint) { " (excepted)" } else { "" },
            count(n),
            count(books.mismatched),
            count(books.failed.total()),
            both(0.5),
            both(q),
        ));
    }
    section.finish()
}

pub(super) fn differences(report: &Report<'_>) -> String {
    let snapshot = report.snapshot;
    let groups: Vec<_> = snapshot.groups.iter().filter(|g| g.class == DifferenceClass::Mismatched).collect();
    if groups.is_empty() {
        return String::new();
    }
    let mut section = Section::new("Differences", ROOM[5]);
    section.push("By endpoint, place and kind, the most frequent first.\n");
    for group in groups.iter().take(GROUPS) {
        section.push(&group_details(group));
    }
    section.left_out += groups.len().saturating_sub(GROUPS);
    section.finish()
}

/// One group, folded. The lines up to the first empty one are HTML; what follows is Markdown again.
fn group_details(group: &DifferenceGroup) -> String {
    let mut text = format!(
        "\n<details>\n<summary>{} {} {} in {}</summary>\n\n",
        html_code(&group.endpoint.to_string(), NAME),
        html_code(&group.place, NAME),
        group.kind,
        counted(group.exchanges, "exchange")
    );
    text.push_str(&changes::explanations(group.explained.as_ref()));
    if let Some(example) = group.examples.first() {
        text.push_str(&example_lines(group, example));
    }
    text.push_str("\n</details>\n");
    text
}

fn example_lines(group: &DifferenceGroup, example: &Example) -> String {
    let mut text = format!("- exchange {}: {}\n", count(example.sequence), span(&example.request, NAME));
    if let Some(difference) = example_difference(group, &example.differences) {
        let side = |side: &Option<String>| side.as_deref().map_or("nothing".to_owned(), |side| span(side, NAME));
        text.push_str(&format!("- at {}\n", span(&difference.at.to_string(), NAME)));
        text.push_str(&format!("- legacy {}\n", side(&difference.legacy)));
        text.push_str(&format!("- candidate {}\n", side(&difference.candidate)));
    }
    let (lines, columns) = LINES;
    for (body, language) in [(&example.patch, "json"), (&example.text_diff, "diff")] {
        if let Some(body) = body {
            text.push_str(&format!("\n{}", fenced(body, language, lines, columns)));
        }
    }
    text
}

pub(super) fn failures(report: &Report<'_>) -> String {
    let all = failed::all(report);
    if all.is_empty() {
        return String::new();
    }
    let mut section = Section::new("Failures of the candidate", ROOM[6]);
    for one in all {
        let (name, n) = (span(&one.endpoint.endpoint.to_string(), NAME), count(one.exchanges));
        let kept = one.group.map_or(String::new(), |group| {
            let seen = failed::seen(group).map_or(String::new(), |seen| format!(", {}", prose(&seen, NAME)));
            format!(": {}{seen}", failed::statuses(group))
        });
        section.push(&format!("- {name} {} {n}, first {}{kept}\n", one.failure, span(&one.sample.request, NAME)));
    }
    section.finish()
}

pub(super) fn rules(report: &Report<'_>) -> String {
    if report.snapshot.rules.is_empty() {
        return String::new();
    }
    let mut section = Section::new("What rules answered for", ROOM[7]);
    section.push("| Rule | Answer | Differences | Exchanges | Reason |\n|---|---|--:|--:|---|\n");
    for used in &report.snapshot.rules {
        let reason = report.rules.iter().find(|note| note.id == used.id).map_or("", |note| &note.reason);
        let reason = prose_cell(reason, 200);
        let (differences, exchanges) = (count(used.differences), count(used.exchanges));
        let (id, answer) = (cell(&used.id, NAME), used.answer);
        section.push(&format!("| {id} | {answer} | {differences} | {exchanges} | {reason} |\n"));
    }
    section.finish()
}

pub(super) fn run(report: &Report<'_>) -> String {
    let facts = report.facts;
    let mut section = Section::new("Run", ROOM[8]);
    let sources = facts.sources.join(", ");
    let or = |text: &Option<String>, other: &str| text.as_deref().unwrap_or(other).to_owned();
    for (name, value) in [
        ("owner", or(&facts.owner, "")),
        ("source", sources),
        ("candidate", facts.candidate.clone()),
        ("legacy", or(&facts.legacy, "")),
        ("policy", or(&facts.policy, "")),
        ("started", facts.started.clone()),
        ("finished", facts.finished.clone()),
        ("tapcompare", facts.version.clone()),
    ] {
        if !value.is_empty() {
            section.push(&format!("- {name} {}\n", span(&value, 160)));
        }
    }
    section.finish()
}

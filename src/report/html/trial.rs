//! What specimens say of the rules: faults by kind and endpoint, depth, and the audit of each rule.

use maud::{Markup, html};

use crate::exchange::RuleNote;
use crate::faults::{Counted, EndpointTrial, FaultKind, RuleAudit, Trial, Unnoticed};
use crate::report::Report;
use crate::verdict::words::{count, counted, percent};

use super::{code, room, text};

/// So many rows of each table; the rest is counted.
const ROWS: usize = 300;
/// Bytes of the page that each table may take.
const ROOM: usize = 40 << 10;
/// Places of faults that went unnoticed.
const UNNOTICED: usize = 100;

pub(super) fn section(report: &Report<'_>) -> Markup {
    let Some(trial) = &report.snapshot.trial else { return html! {} };
    let (all, depth) = (trial.all(), &trial.depth);
    html! {
        section #trial {
            h2 { "The rules under test" }
            p.lead {
                "Known kinds of defects were put into copies of the candidate's answers in "
                (counted(trial.specimens, "specimen")) ", one at a time, and compared under the same rules: "
                (count(all.noticed)) " of " (counted(all.seeded, "fault")) " would have been noticed ("
                (share(all.share())) "). Of " (counted(depth.values, "value")) " that the legacy answered, rules hide "
                (count(depth.hidden)) " (" (share(depth.hidden_share())) ") and compare " (count(depth.loose))
                " loosely (" (share(depth.loose_share())) "): their type, shape or neighbourhood."
                @if trial.waiting > 0 { " " (counted(trial.waiting, "specimen")) " of a run that goes on still to be looked at." }
                @if trial.left_out > 0 { " " (counted(trial.left_out, "specimen")) " left out." }
            }
            (faults(trial))
            (unnoticed(trial))
            (audits(trial, report.rules))
        }
    }
}

fn share(share: Option<f64>) -> String {
    share.map_or("–".to_owned(), percent)
}

fn faults(trial: &Trial) -> Markup {
    let kinds: Vec<FaultKind> = trial.by_kind().into_keys().collect();
    let (rows, shown) = room::within(ROOM, trial.endpoints.iter().take(ROWS).map(|endpoint| row(endpoint, &kinds)));
    html! {
        h3 { "Faults noticed, by endpoint and kind" }
        div.wide {
            table.faults {
                thead {
                    tr {
                        th { "Endpoint" }
                        th.n { "All" }
                        @for kind in &kinds { th.n { (kind.as_str().replace('-', " ")) } }
                        th.n { "Hidden" }
                        th.n { "Loose" }
                    }
                }
                tbody {
                    (rows)
                    tr.sum-row {
                        th scope="row" { "All" }
                        (cell("All", Some(trial.all())))
                        @for (kind, counted) in trial.by_kind() { (cell(kind.as_str(), Some(counted))) }
                        td.n data-label="Hidden" { (share(trial.depth.hidden_share())) }
                        td.n data-label="Loose" { (share(trial.depth.loose_share())) }
                    }
                }
            }
        }
        @if trial.endpoints.len() > shown {
            p.meta { "and " (count((trial.endpoints.len() - shown) as u64)) " more, in the JSON report" }
        }
    }
}

fn row(endpoint: &EndpointTrial, kinds: &[FaultKind]) -> Markup {
    html! {
        tr {
            th scope="row" { (code(&endpoint.endpoint.to_string())) }
            (cell("All", Some(endpoint.all())))
            @for kind in kinds { (cell(kind.as_str(), endpoint.faults.get(kind).copied())) }
            td.n data-label="Hidden" { (share(endpoint.depth.hidden_share())) }
            td.n data-label="Loose" { (share(endpoint.depth.loose_share())) }
        }
    }
}

/// How many of how many; nothing where there was no place for such a fault.
fn cell(label: &str, counted: Option<Counted>) -> Markup {
    match counted.filter(|counted| counted.seeded > 0) {
        None => html! { td.n data-label=(label) { "–" } },
        Some(counted) => html! {
            td.n.bad[counted.noticed < counted.seeded] data-label=(label) {
                (count(counted.noticed)) "/" (count(counted.seeded))
            }
        },
    }
}

fn unnoticed(trial: &Trial) -> Markup {
    let mut all: Vec<_> = trial.endpoints.iter().flat_map(|e| e.unnoticed.iter().map(move |one| (e, one))).collect();
    all.sort_by_key(|(_, one)| std::cmp::Reverse(one.faults));
    if all.is_empty() {
        return html! {};
    }
    let (rows, shown) = room::within(ROOM, all.iter().take(UNNOTICED).map(|(endpoint, one)| overlooked(endpoint, one)));
    html! {
        h3 { "Defects that nobody would have noticed" }
        div.wide { table.unnoticed {
            thead { tr { th { "Endpoint" } th { "Fault" } th { "Place" } th { "Hidden by" } th.n { "Faults" } } }
            tbody { (rows) }
        } }
        @if all.len() > shown {
            p.meta { "and " (counted((all.len() - shown) as u64, "further place")) ", in the JSON report" }
        }
    }
}

fn overlooked(endpoint: &EndpointTrial, one: &Unnoticed) -> Markup {
    html! {
        tr {
            th scope="row" { (code(&endpoint.endpoint.to_string())) }
            td data-label="Fault" { (one.fault) }
            td data-label="Place" { (code(&one.place)) }
            td data-label="Hidden by" { (code(&one.hidden_by.to_string())) }
            td.n data-label="Faults" { (count(one.faults)) }
        }
    }
}

fn audits(trial: &Trial, notes: &[RuleNote]) -> Markup {
    if trial.rules.is_empty() {
        return html! {};
    }
    let (rows, shown) = room::within(ROOM, trial.rules.iter().take(ROWS).map(|audit| audited(audit, notes)));
    html! {
        h3 { "Every rule, audited" }
        div.wide { table.audit {
            thead {
                tr {
                    th { "Rule" }
                    th.n { "Differences" }
                    th.n { "Exchanges" }
                    th.n { "Needed" }
                    th.n { "Of all values" }
                    th.n { "Faults hidden" }
                    th { "Findings" }
                }
            }
            tbody { (rows) }
        } }
        p.meta {
            "“Needed”: of the specimens in which it answers, those that would no longer agree without it. “Of all values”: those "
            "whose change it would answer for."
        }
        @if trial.rules.len() > shown {
            p.meta { "and " (counted((trial.rules.len() - shown) as u64, "further rule")) ", in the JSON report" }
        }
    }
}

fn audited(audit: &RuleAudit, notes: &[RuleNote]) -> Markup {
    let note = notes.iter().find(|note| note.id == audit.id);
    html! {
        tr {
            th scope="row" {
                (code(&audit.id))
                @if let Some(note) = note { " " span.meta { (note.answer) } }
            }
            td.n data-label="Differences" { (count(audit.differences)) }
            td.n data-label="Exchanges" { (count(audit.exchanges)) }
            td.n data-label="Needed" { (count(audit.needed)) "/" (count(audit.specimens)) }
            td.n data-label="Of all values" { (share(audit.share)) }
            td.n.bad[audit.faults_hidden > 0] data-label="Faults hidden" { (count(audit.faults_hidden)) }
            td data-label="Findings" {
                @for finding in &audit.findings {
                    p { span.chip.open { (finding.flaw) } " " (text(&finding.why)) }
                }
            }
        }
    }
}

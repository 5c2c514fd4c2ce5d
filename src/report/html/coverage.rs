//! The coverage matrix: endpoints by the class of the legacy's answer.

use std::collections::BTreeSet;

use maud::{Markup, html};

use crate::exchange::StatusClass;
use crate::report::Report;
use crate::report::coverage::{extent, note, of_seen, spans};
use crate::verdict::words::{count, counted};
use crate::verdict::{EndpointCoverage, Known, StatusCoverage};

use super::{code, room, text};

/// So many rows; the rest is counted.
const ROWS: usize = 300;
/// Bytes of the page that they may take.
const ROOM: usize = 60 << 10;

pub(super) fn section(report: &Report<'_>) -> Markup {
    let coverage = &report.verdict.coverage;
    if coverage.endpoints.is_empty() {
        return html! {};
    }
    let classes: BTreeSet<StatusClass> = coverage.endpoints.iter().flat_map(|e| e.statuses.keys()).copied().collect();
    let mut ordered: Vec<&EndpointCoverage> = coverage.endpoints.iter().collect();
    ordered.sort_by_key(|e| (e.excepted, e.known));
    let documented = ordered.iter().flat_map(|e| e.statuses.values()).any(|status| status.documented == Some(false));
    let (rows, shown) = room::within(ROOM, ordered.iter().take(ROWS).map(|endpoint| row(endpoint, &classes)));
    html! {
        section #coverage {
            h2 { "Coverage: what was never seen, and what was" }
            p.lead {
                "Compared of what the legacy answered, by endpoint and class of its status code; what lacks comes first. "
                (extent(coverage.days.len(), coverage.hours))
                @if !report.verdict.never_asked.is_empty() {
                    " " b { (counted(report.verdict.never_asked.len() as u64, "endpoint")) " never asked" }
                    ": the verdict says nothing of these, and beside each stands why."
                }
                @if documented { " A class with “new” is not in the legacy's document." }
            }
            table.matrix {
                thead {
                    tr {
                        th { "Endpoint" }
                        @for class in &classes { th.n { (class) } }
                        th.n { "Days" }
                        th.n { "Hours" }
                    }
                }
                tbody { (rows) }
            }
            @if ordered.len() > shown {
                p.meta { "and " (counted((ordered.len() - shown) as u64, "further endpoint")) ", in the JSON report" }
            }
        }
    }
}

fn row(endpoint: &EndpointCoverage, classes: &BTreeSet<StatusClass>) -> Markup {
    html! {
        tr.aside[endpoint.excepted] {
            th scope="row" {
                (code(&endpoint.endpoint.to_string()))
                @if let Some(note) = note(endpoint) {
                    div class={ "note meta " (class(endpoint)) } { (text(&note)) }
                }
            }
            @for class in classes {
                td.n data-label=(class) {
                    @if let Some(status) = endpoint.statuses.get(class) { (cell(status, endpoint.excepted)) }
                }
            }
            td.n data-label="Days" { (count(endpoint.days)) }
            td.n data-label="Hours" title=(spans(endpoint.hours)) { (endpoint.hours.count()) }
        }
    }
}

fn class(endpoint: &EndpointCoverage) -> &'static str {
    match endpoint.known {
        _ if endpoint.excepted => "",
        Known::Covered => "",
        Known::TooFew => "open",
        Known::NeverCompared | Known::NeverSeen => "nogo",
    }
}

fn cell(status: &StatusCoverage, excepted: bool) -> Markup {
    let class = match status.known {
        Known::Covered => "",
        _ if excepted => "meta",
        Known::TooFew => "open",
        Known::NeverCompared => "nogo",
        Known::NeverSeen => "meta",
    };
    html! {
        span class=(class) { (of_seen(status)) }
        @if status.mismatched > 0 { " " span.nogo { "(" (count(status.mismatched)) " differ)" } }
        @if status.documented == Some(false) { " " span.meta { "new" } }
    }
}

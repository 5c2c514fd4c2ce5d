//! The endpoint table.

use std::cmp::Reverse;

use maud::{Markup, html};

use crate::report::Report;
use crate::report::findings::{standing_out, stands_out};
use crate::report::terminal::TABLE_CONFIDENCE;
use crate::tally::{EndpointSnapshot, Latency};
use crate::verdict::words::{self, count, latency as time, percent};
use crate::verdict::{Gate, interval};

use super::{code, evidence};

/// So many rows; the rest is counted.
const ROWS: usize = 300;

pub(super) fn section(report: &Report<'_>) -> Markup {
    let mut asked: Vec<&EndpointSnapshot> = report.snapshot.endpoints.iter().filter(|e| e.books.sent > 0).collect();
    asked.sort_by_key(|e| Reverse((e.books.mismatched, e.books.failed.total(), slower(e, report).is_some())));
    if asked.is_empty() {
        return html! {};
    }
    html! {
        section #endpoints {
            h2 { "Endpoints" }
            p.lead {
                "The worst first. “At most” is the upper bound of the mismatch rate at "
                (percent(TABLE_CONFIDENCE)) " confidence, endpoint by endpoint."
                @if let Some(limit) = latency_limit(report) && asked.iter().any(|e| slower(e, report).is_some()) {
                    " A latency in red is more than " (words::multiple(limit)) " the legacy's."
                }
            }
            table.endpoints {
                thead {
                    tr {
                        th rowspan="2" { "Endpoint" }
                        th.n rowspan="2" { "Compared" }
                        th.n rowspan="2" { "Differ" }
                        th.n rowspan="2" { "At most" }
                        th.n rowspan="2" { "Failed" }
                        th.n.both colspan="2" { "p50" }
                        th.n.both colspan="2" { (words::quantile(report.verdict.latency_quantile)) }
                    }
                    tr {
                        @for _ in 0..2 { th.n.legacy { "legacy" } th.n.candidate { "candidate" } }
                    }
                }
                tbody { @for endpoint in asked.iter().take(ROWS) { (row(endpoint, report)) } }
            }
            @if let Some(legend) = standing_out(report) { p.meta { "* " (legend) "." } }
            @if asked.len() > ROWS { p.meta { "and " (count((asked.len() - ROWS) as u64)) " more, in the JSON report" } }
        }
    }
}

/// How many times the legacy's latency the policy allows.
fn latency_limit(report: &Report<'_>) -> Option<f64> {
    report.verdict.gates.iter().find(|g| g.gate == Gate::Latency)?.limit
}

/// How many times the legacy's latency the candidate's is, at the gate's quantile; None where the policy allows it.
/// It is what was seen, without the bounds that the gate is judged by.
pub(super) fn slower(endpoint: &EndpointSnapshot, report: &Report<'_>) -> Option<f64> {
    let limit = latency_limit(report)?;
    let q = report.verdict.latency_quantile;
    let side = |side: &Latency| side.quantile(q).map(|micros| micros.max(1) as f64);
    let ratio = side(&endpoint.latency.candidate)? / side(&endpoint.latency.legacy)?;
    (ratio > limit).then_some(ratio)
}

fn row(endpoint: &EndpointSnapshot, report: &Report<'_>) -> Markup {
    let q = report.verdict.latency_quantile;
    let name = words::quantile(q);
    let books = &endpoint.books;
    let n = evidence(books);
    let failed = books.failed.total();
    let quantile = |side: &Latency, q| side.quantile(q).map_or("–".to_owned(), time);
    let pair = &endpoint.latency;
    html! {
        tr {
            th scope="row" { (code(&endpoint.endpoint.to_string())) }
            td.n data-label="Compared" { (count(n)) }
            td.n.bad[books.mismatched > 0] data-label="Differ" {
                (count(books.mismatched)) @if stands_out(report, &endpoint.endpoint) { "*" }
            }
            td.n data-label="At most" {
                @if n == 0 { "–" } @else { (percent(interval::upper_bound(books.mismatched, n, TABLE_CONFIDENCE))) }
            }
            td.n.bad[failed > 0] data-label="Failed" { (count(failed)) }
            td.n data-label="p50 legacy" { (quantile(&pair.legacy, 0.5)) }
            td.n data-label="p50 candidate" { (quantile(&pair.candidate, 0.5)) }
            td.n data-label={ (name) " legacy" } { (quantile(&pair.legacy, q)) }
            td.n.bad[slower(endpoint, report).is_some()] data-label={ (name) " candidate" } { (quantile(&pair.candidate, q)) }
        }
    }
}

//! The endpoint table: the worst first, each with its rate, both sides' latencies and what is known of it.

use std::cmp::Reverse;

use maud::{Markup, PreEscaped, html};

use crate::report::findings::{standing_out, stands_out};
use crate::report::terminal::TABLE_CONFIDENCE;
use crate::report::{Report, losses, plot};
use crate::tally::{EndpointSnapshot, Latency};
use crate::verdict::words::{self, count, latency as time, percent};
use crate::verdict::{Gate, Known, interval};

use super::{code, differences, endpoint, evidence, failures, names, room};

/// So many rows; the rest is counted.
const ROWS: usize = 300;
/// Bytes of the page that rows may take, and those that their articles may take; an endpoint past either has neither.
const ROOM: (usize, usize) = (100 << 10, 150 << 10);

/// The endpoints that were asked, by harm: what differed or failed, then what was slower than it may be.
pub(super) fn by_harm<'r>(report: &Report<'r>) -> Vec<&'r EndpointSnapshot> {
    let mut asked: Vec<&EndpointSnapshot> = report.snapshot.endpoints.iter().filter(|e| e.books.sent > 0).collect();
    asked.sort_by_key(|e| {
        let harm = e.books.mismatched + e.books.failed.total();
        Reverse((harm, slower(e, report).map(|ratio| (ratio * 1e3) as u64), evidence(&e.books)))
    });
    asked
}

pub(super) fn section(report: &Report<'_>) -> Markup {
    let asked = by_harm(report);
    if asked.is_empty() {
        return html! {};
    }
    let (missing, _) = losses::missing(&report.snapshot.ledger.losses);
    let quantiles = quantiles(report);
    let mut places = differences::places(report);
    places.extend(failures::places(report));
    let most = asked.iter().take(ROWS);
    let (_, rows) = room::within(ROOM.0, most.clone().map(|one| row(one, report, &quantiles)));
    let (articles, shown) =
        room::within(ROOM.1, most.take(rows).map(|one| endpoint::article(report, one, &missing, &places)));
    html! {
        section #endpoints {
            h2 { "Endpoints" }
            p.lead {
                "The most harm first: what differed or failed, then what was slow. Each rate stands above its bounds at "
                (percent(TABLE_CONFIDENCE)) " confidence, endpoint by endpoint; "
                span.key.legacy { "legacy" } " stands above " span.key.candidate { "candidate" } "."
                @if let Some(limit) = latency_limit(report) && asked.iter().any(|e| slower(e, report).is_some()) {
                    " A " (words::quantile(report.verdict.latency_quantile)) " in red is more than " (words::multiple(limit)) " the legacy's; the gate judges no other."
                }
            }
            (filter())
            (table(report, &asked[..shown]))
            @if let Some(legend) = standing_out(report) { p.meta { "* " (legend) "." } }
            @if asked.len() > shown { p.meta { "and " (count((asked.len() - shown) as u64)) " more, in the JSON report" } }
            (articles)
        }
    }
}

/// Shown by the script that it needs.
fn filter() -> Markup {
    html! {
        form.filter role="search" hidden {
            label for="filter" { "Filter" }
            input #filter type="search" placeholder="orders, POST, 4xx …" autocomplete="off" spellcheck="false"
                data-tip="Keeps the endpoints, differences, rules and coverage in which each word is. Key: /";
            label { input #harmed type="checkbox"; " only with differences, failures or too slow" }
            output #filtered for="filter harmed" {}
        }
    }
}

fn table(report: &Report<'_>, asked: &[&EndpointSnapshot]) -> Markup {
    let quantiles = quantiles(report);
    html! {
        table.endpoints {
            thead {
                tr {
                    th scope="col" { "Endpoint" }
                    th.n scope="col" { "Compared" }
                    th.n scope="col" { "Differ" }
                    th.n scope="col" { "Rate" }
                    th scope="col" tabindex="0" data-tip="The mismatch rate over the run, as its square root: one in a hundred is a tenth of the height." { "Trend" }
                    th.n scope="col" { "Failed" }
                    @for q in &quantiles { th.n scope="col" { (words::quantile(*q)) } }
                    th scope="col" { "Coverage" }
                }
            }
            tbody { @for one in asked { (row(one, report, &quantiles)) } }
        }
    }
}

/// Those that are always asked for, and the gate's.
pub(super) fn quantiles(report: &Report<'_>) -> Vec<f64> {
    let mut quantiles = vec![0.5, 0.95, 0.99, report.verdict.latency_quantile];
    quantiles.sort_by(f64::total_cmp);
    quantiles.dedup();
    quantiles
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

/// Both sides' values above each other.
pub(super) fn both_sides(one: &EndpointSnapshot, q: f64) -> Markup {
    let quantile = |side: &Latency| side.quantile(q).map_or("–".to_owned(), time);
    html! {
        span.legacy { (quantile(&one.latency.legacy)) }
        span.candidate { (quantile(&one.latency.candidate)) }
    }
}

fn row(one: &EndpointSnapshot, report: &Report<'_>, quantiles: &[f64]) -> Markup {
    let books = &one.books;
    let n = evidence(books);
    let failed = books.failed.total();
    let slow = slower(one, report).is_some();
    let harmed = books.mismatched + failed > 0 || slow;
    let name = one.endpoint.to_string();
    html! {
        tr data-key={ "row-" (names::endpoint(&one.endpoint)) } data-harmed[harmed] {
            th scope="row" { a href={ "#" (names::endpoint(&one.endpoint)) } { (code(&name)) } }
            td.n data-label="Compared" { (count(n)) }
            td.n.bad[books.mismatched > 0] data-label="Differ" {
                (count(books.mismatched)) @if stands_out(report, &one.endpoint) { "*" }
            }
            td.n data-label="Rate" { (rate(books.mismatched, n)) }
            td data-label="Trend" { (trend(report, one)) }
            td.n.bad[failed > 0] data-label="Failed" { (count(failed)) }
            @for q in quantiles {
                td.n.stacked.bad[slow && *q == report.verdict.latency_quantile] data-label=(words::quantile(*q)) {
                    (both_sides(one, *q))
                }
            }
            td data-label="Coverage" { (known(report, one)) }
        }
    }
}

/// A share with its bounds.
pub(super) fn rate(k: u64, n: u64) -> Markup {
    if n == 0 {
        return html! { "–" };
    }
    html! {
        span { (percent(k as f64 / n as f64)) }
        span.meta {
            (percent(interval::lower_bound(k, n, TABLE_CONFIDENCE))) " to "
            (percent(interval::upper_bound(k, n, TABLE_CONFIDENCE)))
        }
    }
}

/// The rate over the time of the whole run.
fn trend(report: &Report<'_>, one: &EndpointSnapshot) -> Markup {
    let span = report.snapshot.over_time.span();
    let spark = span.and_then(|span| plot::spark(&one.over_time, span));
    html! { @match spark { Some(spark) => (PreEscaped(spark)), None => "–" } }
}

/// Whether enough is known, and of which classes of answers.
fn known(report: &Report<'_>, one: &EndpointSnapshot) -> Markup {
    let Some(coverage) = report.verdict.coverage.endpoints.iter().find(|c| c.endpoint == one.endpoint) else {
        return html! { "–" };
    };
    let (class, word) = match coverage.known {
        _ if coverage.excepted => ("", "excepted"),
        Known::Covered => ("go", "covered"),
        Known::TooFew => ("open", "too few"),
        Known::NeverCompared | Known::NeverSeen => ("nogo", "not compared"),
    };
    html! {
        span class={ "chip " (class) } { (word) }
        span.meta { @for class in coverage.statuses.keys() { (class) " " } }
    }
}

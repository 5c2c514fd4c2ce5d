//! What the candidate failed, by endpoint and way of failing, each with its first request and how to ask it again.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use maud::{Markup, html};

use crate::exchange::{Endpoint, Failure};
use crate::report::{Report, failed};
use crate::tally::{EndpointSnapshot, FailureGroup, FailureSample};
use crate::verdict::words::{count, percent};

use super::{code, group, names, room, sides, text};

/// Bytes of the page that they may take.
const ROOM: usize = 90 << 10;
/// The first show their request at once.
const OPEN: usize = 2;

/// One way in which an endpoint is failed.
struct Failing<'r> {
    endpoint: &'r EndpointSnapshot,
    failure: Failure,
    exchanges: u64,
    sample: &'r FailureSample,
    group: Option<&'r FailureGroup>,
}

/// All of them, the most frequent first.
fn all<'r>(report: &Report<'r>) -> Vec<Failing<'r>> {
    let of_one = |endpoint: &'r EndpointSnapshot| {
        endpoint.failure_samples.iter().map(move |(failure, sample)| Failing {
            endpoint,
            failure: *failure,
            exchanges: endpoint.books.failed.get(*failure),
            sample,
            group: failed::group(report, &endpoint.endpoint, *failure),
        })
    };
    let mut all: Vec<Failing<'r>> = report.snapshot.endpoints.iter().flat_map(of_one).collect();
    all.sort_by_key(|one| Reverse(one.exchanges));
    all
}

pub(super) fn section(report: &Report<'_>) -> Markup {
    let all = all(report);
    if all.is_empty() {
        return html! {};
    }
    let (articles, shown) = articles(report, &all);
    html! {
        section #failures {
            h2 { "Failures of the candidate" }
            p.lead { "By endpoint and way of failing, the most frequent first, each with the first request that failed so." }
            (articles)
            @if shown < all.len() { p.meta { "and " (count((all.len() - shown) as u64)) " more, in the JSON report" } }
        }
    }
}

fn articles(report: &Report<'_>, all: &[Failing<'_>]) -> (Markup, usize) {
    room::within(ROOM, all.iter().enumerate().map(|(at, one)| article(report, one, at < OPEN)))
}

/// Those that a link leads to.
pub(super) fn places(report: &Report<'_>) -> BTreeSet<String> {
    let all = all(report);
    let (_, shown) = articles(report, &all);
    all.iter().take(shown).map(|one| names::failure(&one.endpoint.endpoint, one.failure)).collect()
}

fn article(report: &Report<'_>, one: &Failing<'_>, open: bool) -> Markup {
    let endpoint: &Endpoint = &one.endpoint.endpoint;
    let sent = one.endpoint.books.sent;
    html! {
        article.group id=(names::failure(endpoint, one.failure)) tabindex="-1" {
            div.head {
                h3 { a href={ "#" (names::endpoint(endpoint)) } { (code(&endpoint.to_string())) } }
                span.chip.nogo { (one.failure) }
                span.figure { (count(one.exchanges)) " of " (count(sent)) " sent" }
            }
            p.meta {
                @if sent > 0 { (percent(one.exchanges as f64 / sent as f64)) " of what was sent" }
                @if let Some(seen) = one.group.and_then(failed::seen) { " · " (text(&seen)) }
            }
            @match one.group {
                Some(group) => (first(report, group, open)),
                None => {
                    p.meta {
                        "The first: #" (one.sample.sequence) " " (code(&one.sample.request))
                        ". More of it is not kept."
                    }
                }
            }
        }
    }
}

/// The first request that failed so, what came of it, and how to ask it again.
fn first(report: &Report<'_>, one: &FailureGroup, open: bool) -> Markup {
    let example = &one.example;
    // Else the candidate's side is the name of the failure.
    let answered = example.status.1 > 0 && !(example.legacy.is_empty() && example.candidate.is_empty());
    html! {
        details open[open] {
            summary {
                "The first, #" (example.sequence) " " (code(&example.request)) " "
                span.meta { (failed::statuses(one)) }
            }
            @if answered { (sides::by_side(&example.legacy, &example.candidate, sides::Sort::Plain, &[])) }
            (group::reproduce(report, example))
        }
    }
}

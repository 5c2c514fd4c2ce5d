//! What the candidate failed, by endpoint and way of failing, each with its first request and how to ask it again.

use std::collections::BTreeSet;

use maud::{Markup, html};

use crate::exchange::Endpoint;
use crate::report::Report;
use crate::report::failed::{self, Failing};
use crate::tally::FailureGroup;
use crate::verdict::words::{count, percent};

use super::{code, group, names, room, sides, text};

/// Bytes of the page that they may take.
const ROOM: usize = 90 << 10;
/// The first show their request at once.
const OPEN: usize = 2;

pub(super) fn section(report: &Report<'_>) -> Markup {
    let all = failed::all(report);
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
    let all = failed::all(report);
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
    // Where there is no answer, the name of the failure stands there.
    let answered = example.status.1 > 0 && !example.candidate.is_empty();
    html! {
        details open[open] {
            summary {
                "The first, #" (example.sequence) " " (code(&example.request)) " "
                span.meta { (failed::statuses(one)) }
            }
            @if answered {
                h4 { "What the candidate answered" }
                pre { (sides::lines(&example.candidate)) }
            }
            (group::reproduce(report, example))
        }
    }
}

//! What differs, with examples side by side, and what failed.

use maud::{Markup, html};

use crate::exchange::{Difference, Example, RuleAnswer};
use crate::report::Report;
use crate::report::explained::explained;
use crate::report::terminal::example_difference;
use crate::tally::{DifferenceClass, DifferenceGroup};
use crate::verdict::words::{count, counted};

use super::{code, side, sides, text};

/// So many groups are shown with their examples; the rest by name.
const GROUPS: usize = 40;
/// So many further groups are named.
const NAMED: usize = 200;
/// The first groups show their first example at once.
const OPEN: usize = 3;
/// So many differences of an example are listed.
const LISTED: usize = 50;

pub(super) fn section(report: &Report<'_>) -> Markup {
    let snapshot = report.snapshot;
    let (found, beside): (Vec<_>, Vec<_>) =
        snapshot.groups.iter().partition(|g| g.class == DifferenceClass::Mismatched);
    let uncounted = snapshot.ungrouped_differences + snapshot.more_differences;
    html! {
        section #differences {
            h2 { "Differences" }
            @if found.is_empty() {
                p.lead { "None that the rules do not answer for." }
            } @else {
                p.lead { "Grouped by endpoint, place and kind; array positions are left out. The most frequent first." }
            }
            @for (at, group) in found.iter().take(GROUPS).enumerate() { (group_article(group, at < OPEN)) }
            (named("further groups", found.get(GROUPS..).unwrap_or(&[])))
            (named("groups that do not count: noise and drift of the legacy", &beside))
            @if uncounted > 0 {
                p.meta { (counted(uncounted, "difference")) " past the bounds of memory: counted, and no more." }
            }
        }
    }
}

fn named(what: &str, groups: &[&DifferenceGroup]) -> Markup {
    if groups.is_empty() {
        return html! {};
    }
    html! {
        details {
            summary { (count(groups.len() as u64)) " " (what) }
            ul.plain {
                @for group in groups.iter().take(NAMED) {
                    li {
                        (code(&group.endpoint.to_string())) " " (code(&group.place)) " " (group.kind) ", "
                        (counted(group.exchanges, "exchange")) " (" (group.class) ")"
                    }
                }
                @if groups.len() > NAMED { li { "and " (count((groups.len() - NAMED) as u64)) " more" } }
            }
        }
    }
}

fn group_article(group: &DifferenceGroup, open: bool) -> Markup {
    let first = group.examples.first().and_then(|example| example_difference(group, &example.differences));
    html! {
        article.group {
            div.head {
                h3 { (code(&group.place)) }
                span.chip { (group.kind) }
                span.figure {
                    (counted(group.exchanges, "exchange"))
                    @if group.differences != group.exchanges { ", " (counted(group.differences, "difference")) }
                }
            }
            p.meta {
                (code(&group.endpoint.to_string()))
                @if let (Some(first), Some(last)) = (&group.first_seen, &group.last_seen) && first != last {
                    " · first seen " (text(first)) ", last " (text(last))
                }
            }
            @if let Some(found) = &group.explained {
                ul.plain.list { @for line in explained(found) { li { (text(&line)) } } }
            }
            @if let Some(difference) = first { (value_pair(difference)) }
            @for (at, example) in group.examples.iter().enumerate() { (example_block(example, open && at == 0)) }
        }
    }
}

fn value_pair(difference: &Difference) -> Markup {
    html! {
        div.pair {
            div.legacy { span.label { "legacy" } (side(difference.legacy.as_deref())) }
            div.candidate { span.label { "candidate" } (side(difference.candidate.as_deref())) }
        }
    }
}

fn example_block(example: &Example, open: bool) -> Markup {
    let (legacy_status, candidate_status) = example.status;
    html! {
        details open[open] {
            summary {
                "Example #" (example.sequence) " " (code(&example.request))
                " " span.meta {
                    (legacy_status)
                    @if legacy_status != candidate_status { " → " (candidate_status) }
                    @if let Some(started) = &example.started { " · " (text(started)) }
                }
            }
            ul.plain.list {
                @for difference in example.differences.iter().take(LISTED) { (listed(difference)) }
                @if example.differences.len() > LISTED {
                    li { "and " (count((example.differences.len() - LISTED) as u64)) " more" }
                }
            }
            @if !example.legacy.is_empty() || !example.candidate.is_empty() {
                @let sort = if example.patch.is_some() { sides::Sort::Json } else { sides::Sort::Plain };
                (sides::by_side(&example.legacy, &example.candidate, sort))
                @if sort == sides::Sort::Json {
                    p.meta.note { "Members stand in the legacy's order; numbers of equal value are not marked." }
                }
            }
            @if let Some(patch) = &example.patch {
                h4 { "As a patch (RFC 6902)" }
                pre { (sides::lines(patch)) }
            }
            @if let Some(diff) = &example.text_diff {
                h4 { "As a text difference" }
                pre { (sides::lines(diff)) }
            }
        }
    }
}

fn answered(answer: RuleAnswer) -> &'static str {
    match answer {
        RuleAnswer::Ignore => "ignored",
        RuleAnswer::Match => "matched",
        RuleAnswer::Accept => "accepted",
    }
}

fn listed(difference: &Difference) -> Markup {
    html! {
        li.answered[difference.rule.is_some()] {
            (code(&difference.at.to_string())) " " (difference.kind) ": "
            (side(difference.legacy.as_deref())) " → " (side(difference.candidate.as_deref()))
            @if let Some(hit) = &difference.rule { " " span.chip { (answered(hit.answer)) " by " (text(&hit.id)) } }
        }
    }
}

pub(super) fn failures(report: &Report<'_>) -> Markup {
    let failing: Vec<_> = report.snapshot.endpoints.iter().filter(|e| !e.failure_samples.is_empty()).collect();
    if failing.is_empty() {
        return html! {};
    }
    html! {
        section #failures {
            h2 { "Failures of the candidate" }
            table.failures {
                thead { tr { th { "Endpoint" } th { "Failure" } th.n { "Requests" } th { "First" } } }
                tbody {
                    @for endpoint in failing.iter().take(NAMED) {
                        @for (why, sample) in &endpoint.failure_samples {
                            tr {
                                th scope="row" { (code(&endpoint.endpoint.to_string())) }
                                td data-label="Failure" { (why) }
                                td.n data-label="Requests" { (count(endpoint.books.failed.get(*why))) }
                                td data-label="First" { "#" (sample.sequence) " " (code(&sample.request)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

//! One endpoint by itself: shown when its link is followed, and hidden otherwise.

use std::collections::BTreeSet;

use maud::{Markup, html};

use crate::exchange::Endpoint;
use crate::report::Report;
use crate::report::coverage::{note, of_seen, spans};
use crate::report::losses::Missing;
use crate::tally::{DifferenceClass, DifferenceGroup, EndpointSnapshot};
use crate::verdict::words::{self, count, counted, percent};

use super::endpoints::{both_sides, quantiles, rate, slower};
use super::{code, evidence, names, text};

/// So many of its groups are listed.
const GROUPS: usize = 20;

pub(super) fn article(
    report: &Report<'_>,
    one: &EndpointSnapshot,
    missing: &[Missing],
    places: &BTreeSet<String>,
) -> Markup {
    let id = names::endpoint(&one.endpoint);
    html! {
        article.endpoint id=(id) tabindex="-1" aria-labelledby={ (id) "-name" } {
            div.head {
                h3 id={ (id) "-name" } { (code(&one.endpoint.to_string())) }
                a.figure href="#endpoints" { "all endpoints" }
            }
            dl {
                (outcomes(one, places))
                (latency(report, one))
                (coverage(report, &one.endpoint))
                (trial(report, &one.endpoint))
                (lost(&one.endpoint, missing))
            }
            (groups(report, &one.endpoint, places))
        }
    }
}

fn outcomes(one: &EndpointSnapshot, places: &BTreeSet<String>) -> Markup {
    let books = &one.books;
    let (n, failed, skipped) = (evidence(books), books.failed.total(), books.skipped.total());
    html! {
        dt { "Mismatches" }
        dd { (count(books.mismatched)) " of " (counted(n, "compared request")) ": " span.stacked { (rate(books.mismatched, n)) } }
        @if books.accepted > 0 {
            dt { "Accepted" }
            dd {
                (count(books.accepted))
                @for (id, n) in &one.accepted_by { ", " (count(*n)) " by " (code(id)) }
            }
        }
        @if failed > 0 {
            dt { "Failed" }
            dd {
                @for (at, (why, n)) in books.failed.iter().enumerate() {
                    @if at > 0 { ", " }
                    @let id = names::failure(&one.endpoint, why);
                    @if places.contains(&id) { a href={ "#" (id) } { (why) " " (count(n)) } } @else { (why) " " (count(n)) }
                }
                " of " (count(books.sent)) " sent"
            }
        }
        @if skipped > 0 {
            dt { "Not asked" }
            dd { @for (at, (why, n)) in books.skipped.iter().enumerate() { @if at > 0 { ", " } (why) " " (count(n)) } }
        }
        @if one.legacy_5xx + one.candidate_5xx > 0 {
            dt { "Status of 500 or more" }
            dd { "legacy " (count(one.legacy_5xx)) ", candidate " (count(one.candidate_5xx)) }
        }
        @if one.refused_alone > 0 {
            dt { "Refused" }
            dd { (count(one.refused_alone)) " by the candidate alone, with 401 or 403" }
        }
    }
}

fn latency(report: &Report<'_>, one: &EndpointSnapshot) -> Markup {
    html! {
        dt { "Latency" }
        dd {
            @for q in quantiles(report) { span.quantile { (words::quantile(q)) " " (both_sides(one, q)) } " " }
            @if let Some(ratio) = slower(one, report) {
                span.bad {
                    (words::multiple(ratio)) " the legacy's at " (words::quantile(report.verdict.latency_quantile))
                }
            }
        }
    }
}

fn coverage(report: &Report<'_>, endpoint: &Endpoint) -> Markup {
    let Some(coverage) = report.verdict.coverage.endpoints.iter().find(|c| c.endpoint == *endpoint) else {
        return html! {};
    };
    html! {
        dt { "Compared, by status" }
        dd {
            @for (at, (class, status)) in coverage.statuses.iter().enumerate() {
                @if at > 0 { ", " } (class) " " (of_seen(status))
            }
            ", on " (counted(coverage.days, "day"))
            @if coverage.hours.count() > 0 { ", at hours " (spans(coverage.hours)) " (UTC)" }
            @if let Some(note) = note(coverage) { "; " (text(&note)) }
        }
    }
}

fn trial(report: &Report<'_>, endpoint: &Endpoint) -> Markup {
    let found = report.snapshot.trial.as_ref().and_then(|t| t.endpoints.iter().find(|e| e.endpoint == *endpoint));
    let Some(one) = found else { return html! {} };
    let share = |share: Option<f64>| share.map_or("–".to_owned(), percent);
    html! {
        dt { "Seeded faults" }
        dd {
            (count(one.all().noticed)) " of " (count(one.all().seeded)) " noticed; rules hide "
            (share(one.depth.hidden_share())) " of its values and compare " (share(one.depth.loose_share())) " loosely"
        }
    }
}

fn lost(endpoint: &Endpoint, missing: &[Missing]) -> Markup {
    let name = endpoint.to_string();
    let of_it: Vec<_> = missing.iter().filter(|class| class.endpoint == name).collect();
    if of_it.is_empty() {
        return html! {};
    }
    html! {
        dt { "Missing" }
        dd {
            @for (at, class) in of_it.iter().enumerate() {
                @if at > 0 { "; " }
                (count(class.lost + class.shed)) " of " (count(class.all)) " with " (class.size) " bodies"
            }
        }
    }
}

fn groups(report: &Report<'_>, endpoint: &Endpoint, places: &BTreeSet<String>) -> Markup {
    let of_it: Vec<&DifferenceGroup> = report
        .snapshot
        .groups
        .iter()
        .filter(|group| group.endpoint == *endpoint && group.class == DifferenceClass::Mismatched)
        .collect();
    if of_it.is_empty() {
        return html! {};
    }
    html! {
        ul.plain.list {
            @for group in of_it.iter().take(GROUPS) {
                li {
                    @let id = names::group(group);
                    @if places.contains(&id) { a href={ "#" (id) } { (code(&group.place)) } } @else { (code(&group.place)) }
                    " " (group.kind) ", "
                    (counted(group.exchanges, "exchange"))
                }
            }
            @if of_it.len() > GROUPS { li { "and " (count((of_it.len() - GROUPS) as u64)) " further groups" } }
        }
    }
}

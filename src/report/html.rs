//! The report as one self-contained page: no script, nothing loaded, everything captured escaped.
//!
//! The Content-Security-Policy allows the page's own style by its digest and nothing else, so that even a mistake in
//! the escaping could neither run nor fetch anything.

mod changes;
mod coverage;
mod days;
mod differences;
mod endpoints;
mod latency;
mod ledger;
mod over_time;
mod sides;
mod trial;
mod verdict;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::exchange::{RuleNote, StretchNote};
use crate::ledger::ShadowBooks;
use crate::tally::RuleUse;
use crate::verdict::words::{count, counted};

use super::Report;
use super::escape::visible;

const STYLE: &str = concat!(include_str!("html/style.css"), include_str!("html/plots.css"));

/// How many of an endpoint's exchanges say whether the sides agree; the denominator of its mismatch rate.
pub(super) fn evidence(books: &ShadowBooks) -> u64 {
    books.matched + books.accepted + books.mismatched
}

/// What the page may do: be styled by its own style, and where it is served, run the server's script, which asks the
/// server.
pub(super) fn policy(served: bool) -> String {
    let digest = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let script = if served { "script-src 'self'; connect-src 'self'; " } else { "" };
    format!(
        "default-src 'none'; {script}style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
}

/// `view`: where it is served, the name by which the live script knows which view it shows.
pub(super) fn page(report: &Report<'_>, view: Option<&str>) -> String {
    let title = match &report.facts.capability {
        Some(capability) => format!("{} · {}", report.verdict.verdict, visible(capability)),
        None => format!("{} · tapcompare", report.verdict.verdict),
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy(view.is_some()));
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                @if let Some(view) = view {
                    meta name="tapcompare-view" content=(view);
                    script src="/app.js" defer {}
                }
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (verdict::section(report))
                    (super::checklist::section(&report.verdict.checklist))
                    (verdict::never_asked(report))
                    (changes::section(report))
                    (coverage::section(report))
                    (days::section(report))
                    (ledger::section(report))
                    (endpoints::section(report))
                    (latency::section(report))
                    (over_time::section(report))
                    (differences::section(report))
                    (differences::failures(report))
                    (rules(report))
                    (trial::section(report))
                    (facts(report))
                }
                footer {
                    "Made by tapcompare " (visible(&report.facts.version)) ". "
                    @if view.is_some() {
                        "Served while the run goes on: " span #live role="status" { "as of when it was loaded" } "."
                    } @else {
                        "This page is complete in itself: it loads nothing and runs nothing."
                    }
                }
            }
        }
    };
    page.into_string()
}

/// Captured or typed text, inline, made visible.
fn text(text: &str) -> Markup {
    html! { (visible(text)) }
}

/// The same in a fixed-width face, with places where a long name may break.
fn code(text: &str) -> Markup {
    html! { code { (visible(text)) } }
}

fn rules(report: &Report<'_>) -> Markup {
    let used = |note: &RuleNote| report.snapshot.rules.iter().find(|used| used.id == note.id);
    let mut notes: Vec<(&RuleNote, Option<&RuleUse>)> = report.rules.iter().map(|note| (note, used(note))).collect();
    notes.sort_by_key(|(_, used)| std::cmp::Reverse(used.map_or(0, |u| u.exchanges)));
    let idle = notes.iter().filter(|(note, used)| used.is_none() && !note.expired).count();
    if notes.is_empty() {
        return html! {};
    }
    html! {
        section #rules {
            h2 { "What the rules answered for" }
            p.lead { "A rule that answers for a difference hides it from the verdict. Each is here, with its reason." }
            @for (note, used) in notes.iter().filter(|(note, used)| used.is_some() || note.expired) {
                (rule(note, *used))
            }
            @if idle > 0 {
                details {
                    summary { (counted(idle as u64, "rule")) " answered for nothing" }
                    ul.plain {
                        @for (note, _) in notes.iter().filter(|(note, used)| used.is_none() && !note.expired) {
                            li { (code(&note.id)) " " (note.answer) " · " (text(&note.reason)) }
                        }
                    }
                }
            }
        }
    }
}

fn rule(note: &RuleNote, used: Option<&RuleUse>) -> Markup {
    html! {
        article.rule {
            div.head {
                h3 { (code(&note.id)) }
                span.chip { (note.answer) }
                @if note.expired { span.chip.open { "expired" } }
                @if let Some(used) = used {
                    span.figure {
                        (counted(used.differences, "difference")) " in " (counted(used.exchanges, "exchange"))
                    }
                }
            }
            p { (text(&note.reason)) }
            p.meta {
                "at " (code(&note.at)) " · owner " (text(&note.owner)) " · until " (text(&note.expires))
                " · " (code(&note.source))
                @if let Some(rate) = note.max_rate { " · at most " (crate::verdict::words::percent(rate)) }
            }
            @if let Some(used) = used {
                p.meta {
                    "first seen at " (code(&used.sample_endpoint.to_string())) " " (code(&used.sample_place)) ": "
                    (side(used.sample_legacy.as_deref())) " → " (side(used.sample_candidate.as_deref()))
                }
            }
        }
    }
}

/// One side of a difference.
fn side(value: Option<&str>) -> Markup {
    match value {
        Some(value) => code(value),
        None => html! { i { "nothing" } },
    }
}

/// What a run was put together from.
fn stretches(stretches: &[StretchNote]) -> Markup {
    if stretches.is_empty() {
        return html! {};
    }
    html! {
        h3 { "Its stretches" }
        table.stretches {
            thead { tr { th { "" } th { "Started" } th { "Last written" } th { "End" } th.n { "Exchanges" } th.n { "Interrupted" } th { "File" } } }
            tbody {
                @for (at, stretch) in stretches.iter().enumerate() {
                    tr {
                        th scope="row" { (at + 1) }
                        td data-label="Started" { (text(&stretch.started)) }
                        td data-label="Last written" { (text(&stretch.last_written)) }
                        td.bad[!stretch.finished] data-label="End" {
                            @if stretch.finished { "finished" } @else { "killed, or still running" }
                        }
                        td.n data-label="Exchanges" { (count(stretch.exchanges)) }
                        td.n.bad[stretch.interrupted > 0] data-label="Interrupted" { (count(stretch.interrupted)) }
                        td data-label="File" { (code(&stretch.file)) }
                    }
                }
            }
        }
    }
}

fn facts(report: &Report<'_>) -> Markup {
    let facts = report.facts;
    let snapshot = report.snapshot;
    let capture = &snapshot.ledger.capture;
    let traffic = snapshot.first.as_ref().zip(snapshot.last.as_ref());
    html! {
        section #run {
            h2 { "The run" }
            dl {
                @for source in &facts.sources { dt { "Capture" } dd { (code(source)) } }
                @if let Some((first, last)) = traffic { dt { "Traffic from" } dd { (text(first)) " to " (text(last)) } }
                dt { "Read" }
                dd { (counted(capture.files, "file")) ", " (count(capture.bytes)) " bytes of packets" }
                dt { "Candidate" } dd { (code(&facts.candidate)) }
                @if let Some(legacy) = &facts.legacy { dt { "Live legacy" } dd { (code(legacy)) } }
                dt { "Pace" } dd { (text(&facts.pace)) }
                dt { "Policy" } dd { @match &facts.policy { Some(path) => (code(path)), None => "the defaults" } }
                dt { "Started" } dd { (text(&facts.started)) }
                dt { "Finished" } dd { (text(&facts.finished)) }
                @if let Some(why) = &facts.stopped_early { dt { "Stopped early" } dd { (text(why)) } }
                @for (name, limit) in &facts.limits { dt { (text(name)) } dd { (text(limit)) } }
            }
            (stretches(&facts.stretches))
        }
    }
}

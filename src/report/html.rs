//! The report as one self-contained page: nothing loaded, no script but its own, everything captured escaped.
//!
//! The Content-Security-Policy allows the page's own style and script by their digests and nothing else, so that even a
//! mistake in the escaping could neither run nor fetch anything. Without its script the page shows the same; what is
//! opened, and one endpoint by itself, need none.

mod answered;
mod changes;
mod coverage;
mod days;
mod differences;
mod endpoint;
mod endpoints;
mod facts;
mod failures;
mod group;
mod latency;
mod ledger;
mod names;
mod over_time;
mod room;
mod rules;
mod sides;
mod trial;
mod verdict;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::ledger::ShadowBooks;

use super::Report;
use super::escape::visible;

const STYLE: &str = concat!(include_str!("html/style.css"), include_str!("html/plots.css"));
/// Filter, tooltips, copying: what makes a page handy, and nothing that it needs.
const SCRIPT: &str = include_str!("html/page.js");

/// The views in their order: where each is, and what it is called in the list of them.
const VIEWS: [(&str, &str); 15] = [
    ("why", "Why"),
    ("checklist", "Checklist"),
    ("rescored", "Other rules"),
    ("books", "Books"),
    ("endpoints", "Endpoints"),
    ("differences", "Differences"),
    ("failures", "Failures"),
    ("latency", "Latency"),
    ("over-time", "Over time"),
    ("days", "Days"),
    ("epochs", "Epochs"),
    ("rules", "Rules"),
    ("trial", "Rules under test"),
    ("coverage", "Coverage"),
    ("run", "The run"),
];

/// How many of an endpoint's exchanges say whether the sides agree; the denominator of its mismatch rate.
pub(super) fn evidence(books: &ShadowBooks) -> u64 {
    books.matched + books.accepted + books.mismatched
}

/// As a Content-Security-Policy names a text (CSP Level 3, section 2.3.1).
fn digest(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

/// What the page may do: be styled by its own style, run its own script, and where it is served, run the server's too,
/// which asks the server.
pub(super) fn policy(served: bool) -> String {
    let (style, script) = (digest(STYLE), digest(SCRIPT));
    let more = if served { " 'self'; connect-src 'self'" } else { "" };
    format!(
        "default-src 'none'; script-src {script}{more}; style-src {style}; img-src data:; base-uri 'none'; form-action 'none'"
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
                main { (views(report)) }
                footer {
                    "Made by tapcompare " (visible(&report.facts.version)) ". "
                    @if view.is_some() {
                        "Served while the run goes on: " span #live role="status" { "as of when it was loaded" } "."
                    } @else {
                        "This page is complete in itself: it loads nothing, and asks nobody."
                    }
                }
                div #tip role="tooltip" hidden {}
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

/// Verdict, list of the views, and the views.
fn views(report: &Report<'_>) -> Markup {
    let views = html! {
        (verdict::gates(report))
        (super::checklist::section(&report.verdict.checklist))
        (changes::rescored(report))
        (ledger::section(report))
        (endpoints::section(report))
        (differences::section(report))
        (failures::section(report))
        (latency::section(report))
        (over_time::section(report))
        (days::section(report))
        (changes::epochs(report))
        (rules::section(report))
        (trial::section(report))
        (coverage::section(report))
        (facts::section(report))
    };
    html! { (verdict::header(report)) (contents(&views.0)) (views) }
}

/// Links to the views that are there.
fn contents(views: &str) -> Markup {
    html! {
        nav aria-label="Views" {
            @for (id, name) in VIEWS.iter().filter(|(id, _)| views.contains(&format!("<section id=\"{id}\""))) {
                a href={ "#" (id) } { (name) } " "
            }
        }
    }
}

/// Captured or typed text, inline, made visible.
fn text(text: &str) -> Markup {
    html! { (visible(text)) }
}

/// The same in a fixed-width face, with places where a long name may break.
fn code(text: &str) -> Markup {
    html! { code { (visible(text)) } }
}

/// One side of a difference.
fn side(value: Option<&str>) -> Markup {
    match value {
        Some(value) => code(value),
        None => html! { i { "nothing" } },
    }
}

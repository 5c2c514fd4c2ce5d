//! The books as a funnel of bars: each line a whole and its parts.

use maud::{Markup, html};

use crate::exchange::AdmissionNote;
use crate::report::sums::{Sum, Tone, beside, kept, sums};
use crate::report::{Report, losses};
use crate::verdict::words::{count, counted, percent};

use super::{code, text};

pub(super) fn section(report: &Report<'_>) -> Markup {
    let ledger = &report.snapshot.ledger;
    let open = ledger.open_accounts();
    let drift = report.snapshot.drift;
    html! {
        section #books {
            h2 { "The books" }
            p.lead {
                @if open.is_empty() { "Everything seen is counted once, and every sum closes." }
                @else { b { "These books do not close; nothing here can be relied on." } }
            }
            div.books { @for sum in &sums(ledger) { (line(sum)) } }
            @for (what, n) in beside(ledger) { p.meta { "Beside these, " (counted(n, "frame")) ", " (what) "." } }
            @for account in &open { p.nogo { (account.to_string()) } }
            @for line in report.facts.admission.iter().flat_map(AdmissionNote::lines) { p.nogo { (text(&line)) } }
            (lost(report))
            @if !ledger.capture.damage.is_empty() {
                h3 { "Damage in the capture files" }
                ul.plain { @for damage in &ledger.capture.damage { li { (text(damage)) } } }
            }
            @if !ledger.wire.evicted.is_empty() {
                h3 { "Limits that were reached" }
                ul.plain { @for (limit, n) in &ledger.wire.evicted { li { (text(limit)) ": " (count(*n)) } } }
            }
            @if let Some(kept) = kept(ledger) { p.meta { (kept) "." } }
            @if drift.asked > 0 {
                p.meta {
                    (count(drift.drifted)) " of " (count(drift.asked))
                    " answers of the live legacy differ from its own record."
                }
            }
        }
    }
}

/// So many classes of lost exchanges are shown.
const LOSSES: usize = 40;

fn lost(report: &Report<'_>) -> Markup {
    let (missing, share) = losses::missing(&report.snapshot.ledger.losses);
    if missing.is_empty() {
        return html! {};
    }
    html! {
        h3 { "Missing exchanges" }
        p.meta { (losses::lead(share)) }
        table {
            thead {
                tr { th { "Endpoint" } th { "Bodies" } th.n { "Lost" } th.n { "Shed" } th.n { "Of" } th.n { "Share" } }
            }
            tbody {
                @for class in missing.iter().take(LOSSES) {
                    tr {
                        td { (code(&class.endpoint)) }
                        td { (class.size) }
                        td.n { (count(class.lost)) }
                        td.n { (count(class.shed)) }
                        td.n { (count(class.all)) }
                        td.n { (percent(class.share())) }
                    }
                }
            }
        }
        @if missing.len() > LOSSES { p.meta { "and " (count((missing.len() - LOSSES) as u64)) " more, in the JSON report" } }
    }
}

fn line(sum: &Sum) -> Markup {
    let shown: Vec<_> = sum.parts.iter().enumerate().filter(|(at, part)| *at == 0 || part.count > 0).collect();
    html! {
        div.sum {
            div.name { (sum.name) }
            div.total { (count(sum.total)) }
            div.parts {
                (bar(sum))
                p {
                    @for (at, part) in &shown {
                        @if *at > 0 { " + " }
                        span class={ "part " (class(part.tone)) } { (part.name) " " b { (count(part.count)) } }
                        @if !part.reasons.is_empty() {
                            span.meta {
                                " ("
                                @for (n, (why, times)) in part.reasons.iter().enumerate() {
                                    @if n > 0 { ", " }
                                    (why) " " (count(*times))
                                }
                                ")"
                            }
                        }
                    }
                }
            }
        }
    }
}

fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Kept => "kept",
        Tone::Aside => "aside",
        Tone::Bad => "bad",
    }
}

/// The parts' shares, as wide as the whole. A part that is there at all is seen.
fn bar(sum: &Sum) -> Markup {
    /// In per cent.
    const LEAST: f64 = 0.6;
    let all: u64 = sum.parts.iter().map(|part| part.count).sum();
    if all == 0 {
        return html! { svg.bar aria-hidden="true" { rect.none width="100%" height="100%" {} } };
    }
    let mut shares: Vec<(f64, Tone)> = sum
        .parts
        .iter()
        .filter(|part| part.count > 0)
        .map(|part| ((part.count as f64 / all as f64 * 100.0).max(LEAST), part.tone))
        .collect();
    let whole: f64 = shares.iter().map(|(share, _)| share).sum();
    let mut at = 0.0;
    let bars: Vec<(f64, f64, Tone)> = shares
        .drain(..)
        .map(|(share, tone)| {
            let width = share / whole * 100.0;
            at += width;
            (at - width, width, tone)
        })
        .collect();
    let first = sum.parts.first().map_or(0, |part| part.count);
    html! {
        svg.bar role="img" aria-label=(format!("{} of it", percent(first as f64 / all as f64))) {
            @for (x, width, tone) in &bars {
                rect class=(class(*tone)) x=(format!("{x:.3}%")) width=(format!("{width:.3}%")) height="100%" {}
            }
        }
    }
}

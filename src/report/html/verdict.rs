//! The verdict and its gates: what people decide on, so it comes first.

use maud::{Markup, html};

use crate::report::overhead::Overhead;
use crate::report::terminal::beside_worst_case;
use crate::report::{Report, accepted};
use crate::tally::EndpointSnapshot;
use crate::verdict::words::{count, counted, latency, multiple, percent, quantile};
use crate::verdict::{Decision, Gate, GateResult, GateState};

use super::endpoints::slower;
use super::{code, evidence, room, text};

/// Bytes of the page that gates may take, and as many again for how each is judged: a policy may ask each endpoint. Those
/// that fail come first.
const GATES: usize = 60 << 10;

fn class(decision: Decision) -> &'static str {
    match decision {
        Decision::Go => "go",
        Decision::NoGo => "nogo",
        Decision::Inconclusive => "open",
    }
}

/// The decision, with the figures that a reader looks for first.
pub(super) fn header(report: &Report<'_>) -> Markup {
    let (verdict, facts) = (report.verdict, report.facts);
    html! {
        header class=(class(verdict.verdict)) {
            p.question {
                "May users be moved"
                @if let Some(capability) = &facts.capability { " for " b { (text(capability)) } }
                "?"
            }
            h1 { (verdict.verdict) }
            p.headline {
                (text(&verdict.headline))
                @if let Some(accepted) = accepted::sentence(report) { " " b { (accepted) } }
            }
            @for remark in &verdict.remarks {
                p.remark { b { "Remark: " } (text(remark)) }
            }
            (figures(report))
            p.meta {
                @if let Some(owner) = &facts.owner { "Owner " (text(owner)) " · " }
                "candidate " (code(&facts.candidate)) " · " (text(&facts.finished))
            }
            @if let Some(why) = &facts.stopped_early {
                p.meta { "The run was stopped early: " (text(why)) }
            }
        }
    }
}

/// Each gate with its figures, and what would change it.
pub(super) fn gates(report: &Report<'_>) -> Markup {
    let verdict = report.verdict;
    let beside = beside_worst_case(&verdict.gates);
    let worst = |at: usize| verdict.worst_case.filter(|_| beside == Some(at));
    let all = verdict.gates.len();
    let (rows, shown) =
        room::within(GATES, verdict.gates.iter().enumerate().map(|(at, gate)| gate_row(report, gate, worst(at))));
    let (methods, _) = room::within(GATES, verdict.gates.iter().map(method));
    html! {
        section #why {
            h2 { "Why" }
            div.gates { (rows) }
            @if shown < all { p.meta { "and " (counted((all - shown) as u64, "further gate")) ", in the JSON report" } }
            details {
                summary { "How each gate is judged" }
                ul.plain { (methods) }
            }
        }
    }
}

/// How a gate is judged.
fn method(gate: &GateResult) -> Markup {
    html! {
        li {
            (sentence(gate.gate.name()))
            @if let Some(endpoint) = &gate.endpoint { " of " (code(&endpoint.to_string())) }
            ": " (text(&gate.method)) "."
        }
    }
}

/// What a reader looks for first.
fn figures(report: &Report<'_>) -> Markup {
    let (snapshot, q) = (report.snapshot, report.verdict.latency_quantile);
    let books = accepted::judged(report);
    let (compared, failed) = (evidence(&books), books.failed.total());
    let (lost, seen) = snapshot.ledger.wire.loss();
    let [legacy, candidate] = [&snapshot.latency.legacy, &snapshot.latency.candidate]
        .map(|side| side.quantile(q).map_or("–".to_owned(), latency));
    let slow = report.verdict.gates.iter().any(|g| g.gate == Gate::Latency && g.state == GateState::Fail);
    let share = |k: u64, n: u64| if n > 0 { percent(k as f64 / n as f64) } else { "–".to_owned() };
    html! {
        dl.figures {
            div { dt { "Compared" } dd { (count(compared)) } dd.meta { "of " (count(seen)) " seen" } }
            div {
                dt { "Mismatched" }
                dd.nogo[books.mismatched > 0] { (count(books.mismatched)) }
                dd.meta {
                    (share(books.mismatched, compared)) " of the compared"
                    @if books.accepted > 0 { "; " b { (count(books.accepted)) " differ and are accepted by rules" } }
                }
            }
            div {
                dt { "Failed" }
                dd.nogo[failed > 0] { (count(failed)) }
                dd.meta { (share(failed, books.sent)) " of the sent" }
            }
            div {
                dt { "Latency, " (quantile(q)) }
                dd.nogo[slow] { (candidate) }
                dd.meta { "legacy " (legacy) }
            }
            div {
                dt { "Lost" }
                dd.open[lost > 0] { (count(lost)) }
                dd.meta { (share(lost, seen)) " of those seen" }
            }
        }
    }
}

fn gate_row(report: &Report<'_>, gate: &GateResult, worst: Option<f64>) -> Markup {
    let (class, word) = match gate.state {
        GateState::Pass => ("go", "holds"),
        GateState::Fail => ("nogo", "fails"),
        GateState::NotEnough => ("open", "open"),
    };
    html! {
        div.gate {
            div.state { span class={ "chip " (class) } { (word) } }
            h3 { (sentence(gate.gate.name())) }
            div {
                p { (text(&sentence(&gate.reason))) }
                @if let Some(worst) = worst {
                    p.meta { "Worst case: a mismatch rate of " (percent(worst)) ", if all that is missing had mismatched too." }
                }
                @if gate.state != GateState::Pass { (most_of_it(report, gate)) }
                @if let Some(overhead) = Overhead::of(report).filter(|_| gate.gate == Gate::Latency) {
                    p.most { (sentence(overhead.told())) "." }
                }
                @if let Some(remedy) = &gate.remedy {
                    p.remedy { b { "What would change it: " } (text(remedy)) "." }
                }
            }
        }
    }
}

/// The endpoints that a gate on all traffic fails by, the worst first.
fn most_of_it(report: &Report<'_>, gate: &GateResult) -> Markup {
    /// So many are named.
    const NAMED: usize = 3;
    let weight = |e: &EndpointSnapshot| match gate.gate {
        Gate::MismatchRate => e.books.mismatched as f64,
        Gate::CandidateErrors => e.books.failed.total() as f64,
        Gate::Latency => slower(e, report).unwrap_or(0.0),
        _ => 0.0,
    };
    let judged = report.snapshot.endpoints.iter().filter(|e| !report.verdict.coverage.excepts(&e.endpoint));
    let mut worst: Vec<_> = judged.map(|e| (weight(e), e)).filter(|(w, _)| *w > 0.0).collect();
    worst.sort_by(|a, b| b.0.total_cmp(&a.0));
    if gate.endpoint.is_some() || worst.is_empty() {
        return html! {};
    }
    let figure = |(weight, endpoint): &(f64, &EndpointSnapshot)| match gate.gate {
        Gate::Latency => multiple(*weight),
        Gate::CandidateErrors => format!("{} of {}", count(*weight as u64), count(endpoint.books.sent)),
        _ => format!("{} of {}", count(*weight as u64), count(evidence(&endpoint.books))),
    };
    html! {
        p.most {
            "Most of all: "
            @for (at, one) in worst.iter().take(NAMED).enumerate() {
                @if at > 0 { ", " }
                (code(&one.1.endpoint.to_string())) " " (figure(one))
            }
            @if worst.len() > NAMED { ", and " (counted((worst.len() - NAMED) as u64, "further endpoint")) }
            "."
        }
    }
}

/// A reason that begins with a word begins a sentence here.
fn sentence(reason: &str) -> String {
    let mut chars = reason.chars();
    match chars.next() {
        Some(first) if first.is_ascii_lowercase() && !chars.as_str().starts_with(|c: char| c.is_ascii_digit()) => {
            first.to_ascii_uppercase().to_string() + chars.as_str()
        }
        _ => reason.to_owned(),
    }
}

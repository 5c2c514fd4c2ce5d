//! The verdict and its gates: what people decide on, so it comes first.

use maud::{Markup, html};

use crate::report::Report;
use crate::verdict::words::{count, counted, percent};
use crate::verdict::{Decision, GateResult, GateState};

use super::{code, text};

fn class(decision: Decision) -> &'static str {
    match decision {
        Decision::Go => "go",
        Decision::NoGo => "nogo",
        Decision::Inconclusive => "open",
    }
}

pub(super) fn section(report: &Report<'_>) -> Markup {
    let (verdict, facts) = (report.verdict, report.facts);
    html! {
        header class=(class(verdict.verdict)) {
            p.question {
                "May users be moved"
                @if let Some(capability) = &facts.capability { " for " b { (text(capability)) } }
                "?"
            }
            h1 { (verdict.verdict) }
            p.headline { (text(&verdict.headline)) }
            p.meta {
                @if let Some(owner) = &facts.owner { "Decision of " (text(owner)) " · " }
                "candidate " (code(&facts.candidate)) " · " (text(&facts.finished))
            }
            @if let Some(why) = &facts.stopped_early {
                p.meta { "The run was stopped early: " (text(why)) }
            }
        }
        section #why {
            h2 { "Why" }
            div.gates { @for gate in &verdict.gates { (gate_row(gate)) } }
            @if let Some(worst) = verdict.worst_case {
                p.meta { "Worst case: a mismatch rate of " (percent(worst)) ", if all that was lost had mismatched too." }
            }
        }
    }
}

fn gate_row(gate: &GateResult) -> Markup {
    let (class, word) = match gate.state {
        GateState::Pass => ("go", "holds"),
        GateState::Fail => ("nogo", "fails"),
        GateState::NotEnough => ("open", "open"),
    };
    html! {
        div.gate {
            div.state { span class={ "chip " (class) } { (word) } }
            div {
                h3 { (sentence(gate.gate.name())) }
                p { (text(&sentence(&gate.reason))) }
                @if let Some(remedy) = &gate.remedy {
                    p.remedy { b { "What would change it: " } (text(remedy)) "." }
                }
                p.meta { "Judged by " (text(&gate.method)) "." }
            }
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

/// So many are listed.
const LISTED: usize = 100;

pub(super) fn never_asked(report: &Report<'_>) -> Markup {
    let never = &report.verdict.never_asked;
    if never.is_empty() {
        return html! {};
    }
    html! {
        section.notice {
            h2 { (counted(never.len() as u64, "endpoint")) " never asked" }
            p { "The verdict says nothing of these. They are sent only where the policy opens them." }
            ul.plain {
                @for one in never.iter().take(LISTED) {
                    li {
                        (code(&one.endpoint.to_string())) " "
                        span.meta { (counted(one.exchanges, "exchange")) " (" (one.why) ")" }
                    }
                }
                @if never.len() > LISTED { li { "and " (count((never.len() - LISTED) as u64)) " more" } }
            }
        }
    }
}

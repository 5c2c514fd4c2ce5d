//! Epochs and evidence under other rules, on the page.

use maud::{Markup, html};

use super::super::{Report, changes};
use super::text;

pub(super) fn epochs(report: &Report<'_>) -> Markup {
    let epochs = &report.facts.epochs;
    if epochs.is_empty() {
        return html! {};
    }
    html! {
        section #epochs {
            h2 { "Epochs" }
            p.lead { "Evidence about another build, or under other rules or gates, is not put together." }
            ol.plain {
                @for note in epochs {
                    li value=(note.number) { (note.number) ". " (text(&changes::epoch(note, &report.snapshot.epoch))) }
                }
            }
        }
    }
}

pub(super) fn rescored(report: &Report<'_>) -> Markup {
    let Some(rescored) = &report.facts.rescored else { return html! {} };
    html! {
        section #rescored {
            h2 { "Under other rules than were in force" }
            p.lead {
                "Nobody was asked again: the exchanges that are kept whole were compared under these rules. "
                (text(&changes::known(rescored))) "."
            }
            dl {
                dt { "Verdict" } dd { (text(&rescored.verdict_before)) " → " (report.verdict.verdict.as_str()) }
                @for (what, ids) in changes::rules(rescored) { dt { (what) } dd { (text(&ids)) } }
                dt { "Outcomes" } dd { (text(&changes::outcomes(&rescored.before, &rescored.after))) }
            }
            ul.plain {
                @for change in &rescored.endpoints {
                    li { (text(&change.endpoint.to_string())) ": " (text(&changes::outcomes(&change.before, &change.after))) }
                }
            }
            @if !rescored.moves.is_empty() {
                details {
                    summary { "What came out otherwise" }
                    ul.plain { @for one in &rescored.moves { li { (text(&changes::moved(one))) } } }
                }
            }
        }
    }
}

//! What the rules answered for: each one that hid something, with its reason.

use maud::{Markup, html};

use crate::exchange::RuleNote;
use crate::report::Report;
use crate::tally::RuleUse;
use crate::verdict::words::{counted, percent};

use super::{code, room, side, text};

/// Bytes of the page that rules may take, those that answered for something and the others each.
const ROOM: usize = 40 << 10;

pub(super) fn section(report: &Report<'_>) -> Markup {
    let used = |note: &RuleNote| report.snapshot.rules.iter().find(|used| used.id == note.id);
    let mut notes: Vec<(&RuleNote, Option<&RuleUse>)> = report.rules.iter().map(|note| (note, used(note))).collect();
    notes.sort_by_key(|(_, used)| std::cmp::Reverse(used.map_or(0, |u| u.exchanges)));
    let idle = notes.iter().filter(|(note, used)| used.is_none() && !note.expired).count();
    if notes.is_empty() {
        return html! {};
    }
    let (answered, others): (Vec<_>, Vec<_>) =
        notes.iter().partition(|(note, used): &&(&RuleNote, Option<&RuleUse>)| used.is_some() || note.expired);
    let all = answered.len();
    let (answered, shown) = room::within(ROOM, answered.into_iter().map(|(note, used)| rule(note, used)));
    let (others, _) = room::within(
        ROOM,
        others.into_iter().map(|(note, _)| {
            html! {
                li { (code(&note.id)) " " (note.answer) " · " (text(&note.reason)) }
            }
        }),
    );
    html! {
        section #rules {
            h2 { "What the rules answered for" }
            p.lead { "A rule that answers for a difference hides it from the verdict. Each is here, with its reason." }
            (answered)
            @if all > shown { p.meta { "and " (counted((all - shown) as u64, "further rule")) ", in the JSON report" } }
            @if idle > 0 {
                details {
                    summary { (counted(idle as u64, "rule")) " answered for nothing" }
                    ul.plain { (others) }
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
                @if let Some(rate) = note.max_rate { " · at most " (percent(rate)) }
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

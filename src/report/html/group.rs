//! One group of differences: how often, since when, for whom; what goes with it; how to see it, and what would answer for it.

use maud::{Markup, html};

use crate::exchange::{Difference, Example, RuleAnswer};
use crate::report::explained::explained;
use crate::report::terminal::example_difference;
use crate::report::{Report, curl};
use crate::tally::{Advice, DifferenceGroup};
use crate::verdict::words::{count, counted, percent};

use super::{code, evidence, names, side, sides, text};

/// So many differences of an example are listed.
const LISTED: usize = 50;

/// `open`: the first example is shown at once. Without `examples` they are named and no more.
pub(super) fn article(report: &Report<'_>, group: &DifferenceGroup, open: bool, examples: bool) -> Markup {
    let first = group.examples.first().and_then(|example| example_difference(group, &example.differences));
    html! {
        article.group id=(names::group(group)) tabindex="-1" {
            div.head {
                h3 { (code(&group.place)) }
                span.chip { (group.kind) }
                @if let Some(types) = first.and_then(types) { span.meta { (types) } }
                span.figure {
                    (counted(group.exchanges, "exchange"))
                    @if group.differences != group.exchanges { ", " (counted(group.differences, "difference")) }
                }
            }
            (whereabouts(report, group))
            @if let Some(found) = &group.explained {
                ul.plain.list { @for line in explained(found) { li { (text(&line)) } } }
            }
            @if let Some(difference) = first { (value_pair(difference)) }
            @if examples {
                @for (at, example) in group.examples.iter().enumerate() {
                    (example_block(report, example, open && at == 0, at == 0))
                }
            } @else {
                p.meta {
                    "Examples, left out to keep the page small; the JSON report has them:"
                    @for example in &group.examples { " #" (example.sequence) " " (code(&example.request)) }
                }
            }
            @if let Some(advice) = &group.advice { (rule(advice)) }
        }
    }
}

/// Which endpoint, what share of it, since when, and for whom.
fn whereabouts(report: &Report<'_>, group: &DifferenceGroup) -> Markup {
    let endpoint = report.snapshot.endpoints.iter().find(|e| e.endpoint == group.endpoint);
    let compared = endpoint.map_or(0, |e| evidence(&e.books));
    html! {
        p.meta {
            a href={ "#" (names::endpoint(&group.endpoint)) } { (code(&group.endpoint.to_string())) }
            @if compared > 0 {
                " · " (percent(group.exchanges as f64 / compared as f64)) " of its " (count(compared)) " compared"
            }
            @if let (Some(first), Some(last)) = (&group.first_seen, &group.last_seen) && first != last {
                " · first seen " (text(first)) ", last " (text(last))
            }
            @match group.clients {
                None => {}
                Some(1) => { " · for 1 client" }
                Some(n) => { " · for about " (count(n)) " clients" }
            }
        }
    }
}

/// The JSON types of the two sides, where they are not the same.
fn types(difference: &Difference) -> Option<String> {
    let of = |side: &Option<String>| match side.as_deref().map(|text| text.as_bytes().first().copied()) {
        None => "nothing",
        Some(Some(b'{')) => "object",
        Some(Some(b'[')) => "array",
        Some(Some(b'"')) => "string",
        Some(Some(b't' | b'f')) => "boolean",
        Some(Some(b'n')) => "null",
        Some(Some(b'-' | b'0'..=b'9')) => "number",
        Some(_) => "text",
    };
    if !matches!(difference.at, crate::exchange::Location::Json(_)) {
        return None;
    }
    let (ours, theirs) = (of(&difference.legacy), of(&difference.candidate));
    Some(if ours == theirs { ours.to_owned() } else { format!("{ours} → {theirs}") })
}

fn value_pair(difference: &Difference) -> Markup {
    html! {
        div.pair {
            div.legacy { span.label { "legacy" } (side(difference.legacy.as_deref())) }
            div.candidate { span.label { "candidate" } (side(difference.candidate.as_deref())) }
        }
    }
}

fn example_block(report: &Report<'_>, example: &Example, open: bool, asked: bool) -> Markup {
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
                (sides::by_side(&example.legacy, &example.candidate, sort, &example.differences))
                @if sort == sides::Sort::Json {
                    p.meta.note { "Members stand in the legacy's order; numbers of equal value are not marked." }
                }
            }
            (texts(example))
            @if asked { (reproduce(report, example)) }
        }
    }
}

/// The same as texts that tools read.
fn texts(example: &Example) -> Markup {
    html! {
        @if let Some(patch) = &example.patch {
            details { summary { "As a patch (RFC 6902)" } pre { (sides::lines(patch)) } }
        }
        @if let Some(diff) = &example.text_diff {
            details { summary { "As a text difference" } pre { (sides::lines(diff)) } }
        }
    }
}

/// How to ask the same again.
pub(super) fn reproduce(report: &Report<'_>, example: &Example) -> Markup {
    let Some(command) = curl::command(example, &report.facts.candidate) else {
        return html! { p.meta.note { "It was asked with characters that cannot safely be pasted into a shell: there is no command for it." } };
    };
    html! {
        h4 { "Ask it again" }
        div.copied { pre { (command.text) } button.copy type="button" hidden { "copy" } }
        @if command.own_host { p.meta.note { "Host and Accept-Encoding are curl's own." } }
        @if !command.secret.is_empty() {
            p.meta.note { "Left out, since their values are secret: " (text(&command.secret.join(", "))) "." }
        }
        @if !command.left_out.is_empty() {
            p.meta.note { "Asked with, and not shown: " (text(&command.left_out.join(", "))) "." }
        }
        @if command.marks { p.meta.note { "“[redacted:…]” stands for a secret: put a value of your own there." } }
        @if command.writes { p.meta.note { b { "This may change something where it is asked." } } }
    }
}

/// A rule that people may copy, if they want to.
fn rule(advice: &Advice) -> Markup {
    html! {
        details {
            summary {
                @match &advice.looks_like {
                    Some(what) => { "A rule for it: looks like noise (" (text(what)) ")" }
                    None => { "A rule for it, if users may see this: it does not look like noise" }
                }
            }
            p.meta { (text(&advice.why)) "." }
            div.copied { pre { (sides::lines(&advice.rule)) } button.copy type="button" hidden { "copy" } }
            p.meta.note {
                @if advice.looks_like.is_some() { "It still holds the shape. " } @else { "What it accepts stays counted and shown. " }
                "Nothing applies it by itself: put it below " code { "rules:" } " of a rule file, with a name and a reason of your own."
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

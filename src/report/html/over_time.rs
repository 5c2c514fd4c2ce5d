//! The mismatch rate over time, with the builds and rules that there were.

use maud::{Markup, html};

use crate::exchange::{EpochNote, Timestamp};
use crate::report::terminal::TABLE_CONFIDENCE;
use crate::report::{Report, plot};
use crate::tally::TimeBucket;
use crate::verdict::Gate;
use crate::verdict::interval::lower_bound;
use crate::verdict::words::{count, counted, percent};

use super::code;
use super::latency::{both, sizes};

/// Epochs that are listed.
const EPOCHS: usize = 24;

pub(super) fn section(report: &Report<'_>) -> Markup {
    let series = &report.snapshot.over_time;
    let total = series.total();
    if total.exchanges == 0 {
        return html! {};
    }
    let limit = report.verdict.gates.iter().find(|gate| gate.gate == Gate::MismatchRate).and_then(|gate| gate.limit);
    let began = began(&report.facts.epochs);
    let marks: Vec<plot::Mark> = began.iter().map(|(mark, ..)| *mark).collect();
    let rates = plot::Rates { series, limit, confidence: TABLE_CONFIDENCE, marks: &marks };
    let plots = both([(960, 300), (350, 260)], |size| plot::over_time(&rates, size));
    html! {
        section #over-time {
            h2 { "Mismatch rate over time" }
            @match plots {
                None => p.lead { "It is not known when the " (counted(total.exchanges, "exchange")) " began." },
                Some(plots) => {
                    p.lead {
                        "The share of the compared that differ, by " (plot::width(series)) ". The band is what each bucket leaves "
                        "open at " (percent(TABLE_CONFIDENCE)) " confidence for both its ends, taken by itself; where it lies above the limit as a "
                        "whole, the candidate was worse than agreed. Linear about zero, logarithmic beyond."
                        @if report.snapshot.rescoring.is_some() {
                            " Under other rules than were in force, it is known by day at best when something differs."
                        }
                    }
                    figure.plot.over-time {
                        figcaption {
                            span.key.differs { "differ" }
                            @if total.failed > 0 { span.key.captured { "failed" } }
                            @if let Some(limit) = limit { span.key.limit { "limit " (percent(limit)) } }
                            @if !marks.is_empty() { span.key.epoch { "an epoch begins" } }
                        }
                        (sizes(&in_words(report, limit, &marks), &plots))
                    }
                }
            }
            @if series.undated.exchanges > 0 && !series.buckets.is_empty() {
                p.meta { "Of " (counted(series.undated.exchanges, "exchange")) " more it is not known when in it they began." }
            }
            (epochs(&began))
        }
    }
}

/// The figures of the plot as sentences.
fn in_words(report: &Report<'_>, limit: Option<f64>, marks: &[plot::Mark]) -> String {
    let series = &report.snapshot.over_time;
    let share = |bucket: &&TimeBucket| bucket.mismatched as f64 / bucket.compared as f64;
    let compared = || series.buckets.iter().filter(|bucket| bucket.compared > 0);
    let total = series.total();
    let mut text = format!(
        "Mismatch rate over time, by {}: {} of {} differ",
        plot::width(series),
        count(total.mismatched),
        count(total.compared)
    );
    let worst = compared().max_by(|a, b| share(a).total_cmp(&share(b)).then(b.from.cmp(&a.from)));
    if let Some(worst) = worst {
        text.push_str(&format!("; at most {} from {}", percent(share(&worst)), plot::moment(worst.from)));
    }
    if let Some(last) = compared().next_back() {
        text.push_str(&format!("; at the end {}", percent(share(&last))));
    }
    if let Some(limit) = limit {
        let side = f64::midpoint(1.0, TABLE_CONFIDENCE);
        let above = compared().filter(|bucket| lower_bound(bucket.mismatched, bucket.compared, side) > limit).count();
        text.push_str(&format!(
            "; {} of {} lie above the limit of {} with their whole interval",
            count(above as u64),
            counted(compared().count() as u64, "bucket"),
            percent(limit)
        ));
    }
    text.push('.');
    match marks.len() {
        0 => {}
        1 => text.push_str(" One more epoch begins in it."),
        n => text.push_str(&format!(" {} more epochs begin in it.", count(n as u64))),
    }
    text
}

/// An epoch after the first, with what is another in it.
type Began<'a> = (plot::Mark, &'a EpochNote, &'static str);

fn began(epochs: &[EpochNote]) -> Vec<Began<'_>> {
    let one = |(before, epoch): (&EpochNote, &'_ EpochNote)| {
        let at = Timestamp::parse(epoch.first.as_deref()?)?;
        let build = before.build != epoch.build;
        let what = match (build, before.rules != epoch.rules) {
            (true, true) => "another build, other rules",
            (true, false) => "another build",
            (false, true) => "other rules",
            (false, false) => "other gates",
        };
        Some((plot::Mark { number: epoch.number, at, build }, what))
    };
    let pairs = epochs.iter().zip(epochs.iter().skip(1));
    pairs.filter_map(|(before, epoch)| one((before, epoch)).map(|(mark, what)| (mark, epoch, what))).collect()
}

/// What the numbers in the plot stand for.
fn epochs(began: &[Began<'_>]) -> Markup {
    if began.is_empty() {
        return html! {};
    }
    html! {
        ol.epochs {
            @for (mark, epoch, what) in began.iter().take(EPOCHS) {
                li value=(mark.number) {
                    (*what) " from " (plot::moment(mark.at)) " (UTC)"
                    @match epoch.build.as_deref() {
                        None => {},
                        Some("") => { ": a build that does not say its name" },
                        Some(build) => { ": build " (code(build)) },
                    }
                }
            }
        }
        @if began.len() > EPOCHS { p.meta { "and " (counted((began.len() - EPOCHS) as u64, "epoch")) " more, in the JSON report" } }
    }
}

#[cfg(test)]
mod tests;

//! Epochs and evidence under other rules, on a terminal.

use super::Report;
use super::changes;
use super::escape::visible;
use super::terminal::{Ink, Page};

/// So many are shown of each.
const SHOWN: usize = 12;

pub(super) fn lines(page: &mut Page, report: &Report<'_>) {
    epochs(page, report);
    rescored(page, report);
}

fn epochs(page: &mut Page, report: &Report<'_>) {
    let epochs = &report.facts.epochs;
    if epochs.is_empty() {
        return;
    }
    page.line("");
    page.inked(&[(Ink::Bold, "Epochs: each is judged by itself, with --epoch N")]);
    // The latest are what one wants to know of.
    for note in epochs.iter().rev().take(SHOWN) {
        let ink = if note.number == report.snapshot.epoch.number { Ink::Bold } else { Ink::Dim };
        page.behind(ink, &format!("  {:<4}", note.number), &visible(&changes::epoch(note, &report.snapshot.epoch)));
    }
    if epochs.len() > SHOWN {
        page.line(&format!("  and {} earlier", epochs.len() - SHOWN));
    }
}

fn rescored(page: &mut Page, report: &Report<'_>) {
    let Some(rescored) = &report.facts.rescored else { return };
    page.line("");
    page.inked(&[(Ink::Bold, "Under other rules than were in force")]);
    let verdict = format!("{} → {}", rescored.verdict_before, report.verdict.verdict);
    page.behind(Ink::Plain, "  verdict   ", &verdict);
    for (what, ids) in changes::rules(rescored) {
        page.behind(Ink::Plain, &format!("  {what:<10}"), &visible(&ids));
    }
    page.behind(Ink::Plain, "  evidence  ", &changes::known(rescored));
    page.behind(Ink::Plain, "  outcomes  ", &changes::outcomes(&rescored.before, &rescored.after));
    for change in rescored.endpoints.iter().take(SHOWN) {
        let text = changes::outcomes(&change.before, &change.after);
        page.behind(Ink::Plain, "    ", &format!("{}: {text}", visible(&change.endpoint.to_string())));
    }
    for one in rescored.moves.iter().take(SHOWN) {
        page.behind(Ink::Dim, "      ", &visible(&changes::moved(one)));
    }
    let more = rescored.endpoints.len().saturating_sub(SHOWN) + rescored.moves.len().saturating_sub(SHOWN);
    if more > 0 {
        page.line(&format!("  and {more} more lines, in the page and in the JSON"));
    }
}

//! Epochs, evidence under other rules, and what goes with a group of differences, in Markdown. Its words are those of the
//! other renderers, and hostile until they are escaped here.

use crate::report::Report;
use crate::report::changes;
use crate::report::explained::explained;
use crate::suggest::explain::Explained;

use super::Section;
use super::plain::{cell, prose, prose_cell, span};
use super::sections::{NAME, ROOM, SENTENCE};

pub(super) fn epochs(report: &Report<'_>) -> String {
    let epochs = &report.facts.epochs;
    if epochs.is_empty() {
        return String::new();
    }
    let mut section = Section::new("Epochs", ROOM[9]);
    section.push("Each is judged by itself, with `--epoch N`; the latest first.\n\n");
    for note in epochs.iter().rev() {
        let text = prose(&changes::epoch(note, &report.snapshot.epoch), SENTENCE);
        let bold = if note.number == report.snapshot.epoch.number { "**" } else { "" };
        section.push(&format!("- {bold}epoch {}{bold}: {text}\n", note.number));
    }
    section.finish()
}

pub(super) fn rescored(report: &Report<'_>) -> String {
    let Some(rescored) = &report.facts.rescored else { return String::new() };
    let mut section = Section::new("Under other rules than were in force", ROOM[10]);
    let before = prose_cell(&rescored.verdict_before, NAME);
    section.push(&format!("| | |\n|---|---|\n| verdict | {before} → {} |\n", report.verdict.verdict));
    for (what, ids) in changes::rules(rescored) {
        section.push(&format!("| {what} | {} |\n", prose_cell(&ids, SENTENCE)));
    }
    section.push(&format!("| evidence | {} |\n", changes::known(rescored)));
    let all = plainly(&changes::outcomes(&rescored.before, &rescored.after));
    section.push(&format!("| outcomes | {} |\n", prose_cell(&all, SENTENCE)));
    for change in &rescored.endpoints {
        let outcomes = prose_cell(&plainly(&changes::outcomes(&change.before, &change.after)), SENTENCE);
        section.push(&format!("| {} | {outcomes} |\n", cell(&change.endpoint.to_string(), NAME)));
    }
    section.push("\n");
    for one in &rescored.moves {
        section.push(&format!("- {}\n", prose(&plainly(&changes::moved(one)), SENTENCE)));
    }
    section.finish()
}

/// An arrow is no word, and words alone stay out of code spans.
pub(in crate::report) fn plainly(text: &str) -> String {
    text.replace(" → ", " to ")
}

/// What goes with a group, one list item a line.
pub(super) fn explanations(of: Option<&Explained>) -> String {
    let lines = of.into_iter().flat_map(explained);
    lines.map(|line| format!("- {}\n", span(&line, SENTENCE))).collect()
}

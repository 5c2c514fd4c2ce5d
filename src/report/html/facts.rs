//! Facts of the run: what was read and asked, by which configuration, and which limits were hit.

use maud::{Markup, html};

use crate::exchange::StretchNote;
use crate::report::Report;
use crate::verdict::words::{count, counted};

use super::{code, text};

/// What a run was put together from.
fn stretches(stretches: &[StretchNote]) -> Markup {
    if stretches.is_empty() {
        return html! {};
    }
    html! {
        h3 { "Its stretches" }
        table.stretches {
            thead { tr { th { "" } th { "Started" } th { "Last written" } th { "End" } th.n { "Exchanges" } th.n { "Interrupted" } th { "File" } } }
            tbody {
                @for (at, stretch) in stretches.iter().enumerate() {
                    tr {
                        th scope="row" { (at + 1) }
                        td data-label="Started" { (text(&stretch.started)) }
                        td data-label="Last written" { (text(&stretch.last_written)) }
                        td.bad[!stretch.finished] data-label="End" {
                            @if stretch.finished { "finished" } @else { "killed, or still running" }
                        }
                        td.n data-label="Exchanges" { (count(stretch.exchanges)) }
                        td.n.bad[stretch.interrupted > 0] data-label="Interrupted" { (count(stretch.interrupted)) }
                        td data-label="File" { (code(&stretch.file)) }
                    }
                }
            }
        }
    }
}

pub(super) fn section(report: &Report<'_>) -> Markup {
    let facts = report.facts;
    let snapshot = report.snapshot;
    let capture = &snapshot.ledger.capture;
    let traffic = snapshot.first.as_ref().zip(snapshot.last.as_ref());
    html! {
        section #run {
            h2 { "The run" }
            dl {
                @for source in &facts.sources { dt { "Capture" } dd { (code(source)) } }
                @if let Some((first, last)) = traffic { dt { "Traffic from" } dd { (text(first)) " to " (text(last)) } }
                dt { "Read" }
                dd { (counted(capture.files, "file")) ", " (count(capture.bytes)) " bytes of packets" }
                dt { "Candidate" } dd { (code(&facts.candidate)) }
                @if let Some(legacy) = &facts.legacy { dt { "Live legacy" } dd { (code(legacy)) } }
                dt { "Pace" } dd { (text(&facts.pace)) }
                dt { "Policy" } dd { @match &facts.policy { Some(path) => (code(path)), None => "the defaults" } }
                dt { "Started" } dd { (text(&facts.started)) }
                dt { "Finished" } dd { (text(&facts.finished)) }
                @if let Some(why) = &facts.stopped_early { dt { "Stopped early" } dd { (text(why)) } }
                @if let Some(spans) = &facts.spans { dt { "Traces" } dd { (text(&spans.line())) } }
                @for (name, limit) in &facts.limits { dt { (text(name)) } dd { (text(limit)) } }
            }
            (stretches(&facts.stretches))
        }
    }
}

//! Facts of the run: what was read and asked, by which configuration, and which limits were hit.

use maud::{Markup, html};

use crate::exchange::StretchNote;
use crate::ledger::CaptureBooks;
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

/// How much it was.
fn read(capture: &CaptureBooks) -> String {
    if let Some(tee) = &capture.tee {
        let (bytes, connections) = (count(tee.both().relayed), counted(tee.connections, "connection"));
        return format!("{bytes} bytes that went through, of {connections}");
    }
    let files = if capture.files > 0 { counted(capture.files, "file") + ", " } else { String::new() };
    format!("{files}{} bytes of packets", count(capture.bytes))
}

pub(super) fn section(report: &Report<'_>) -> Markup {
    let facts = report.facts;
    let snapshot = report.snapshot;
    let traffic = snapshot.first.as_ref().zip(snapshot.last.as_ref());
    html! {
        section #run {
            h2 { "The run" }
            dl {
                @for source in &facts.sources { dt { "Source" } dd { (code(source)) } }
                @if let Some((first, last)) = traffic { dt { "Traffic from" } dd { (text(first)) " to " (text(last)) } }
                dt { "Read" }
                dd { (read(&snapshot.ledger.capture)) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{RelayedBytes, TeeBooks};

    #[test]
    fn what_was_read_is_files_packets_or_what_went_through() {
        let files = CaptureBooks { files: 2, bytes: 1_000, ..CaptureBooks::default() };
        assert_eq!(read(&files), "2 files, 1,000 bytes of packets");
        assert_eq!(read(&CaptureBooks { files: 0, ..files }), "1,000 bytes of packets", "an interface is no file");
        let way = RelayedBytes { relayed: 4_000, looked_at: 3_000, shed: 1_000, waiting: 0 };
        let tee = TeeBooks { connections: 1, from_clients: way, from_legacy: way, ..TeeBooks::default() };
        let through = CaptureBooks { tee: Some(tee), ..CaptureBooks::default() };
        assert_eq!(read(&through), "8,000 bytes that went through, of 1 connection");
    }
}

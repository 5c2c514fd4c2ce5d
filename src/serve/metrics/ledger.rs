//! The books: what was captured, what was made of it, and what was lost on the way.

use std::fmt;

use prometheus_client::registry::Unit;

use super::names::outcomes;
use super::write::{Labels, Writer, label};
use crate::exchange::{Failure, Incomplete, NotComparable, Skip};
use crate::ledger::{Refusal, ShadowBooks, TeeBooks, WireBooks};
use crate::report::visible;

use super::super::view::View;

/// Limits that are told apart; a run file may name more.
const MAX_LIMITS: usize = 32;

pub(super) fn write(out: &mut Writer<'_>, view: &View) -> fmt::Result {
    let ledger = &view.snapshot.ledger;
    capture(out, view)?;
    wire(out, &ledger.wire)?;
    if let Some(shadow) = &view.counted().ledger.shadow {
        let help = "Exchanges by the class they ended in, and why.";
        out.counters("exchanges", help, None, by_outcome(shadow))?;
        out.counters("shadow_requests", "Requests sent to the candidate.", None, [(Labels::new(), shadow.sent)])?;
        let help = "Exchanges of which no outcome was written before the process that wrote the run file was killed, or \
                    yet.";
        out.gauge("interrupted_exchanges", help, None, shadow.interrupted as f64)?;
    }
    if let Some(store) = &ledger.store {
        out.counters("run_file_writes", "Writes to the run file.", None, [(Labels::new(), store.writes)])?;
        let help = "Writes to the run file that failed; what they held goes with a later one.";
        out.counters("run_file_failed_writes", help, None, [(Labels::new(), store.failed_writes)])?;
    }
    let help = "Exchanges that belong to other builds of the candidate than the one that is judged: counters have them, gauges \
                do not.";
    out.gauge("other_epochs_exchanges", help, None, ledger.elsewhere as f64)?;
    let help = "Sums of the books that do not come out; never more than 0 in a correct run.";
    out.gauge("open_accounts", help, None, ledger.open_accounts().len() as f64)
}

fn capture(out: &mut Writer<'_>, view: &View) -> fmt::Result {
    let books = &view.snapshot.ledger.capture;
    let bytes = [(Labels::new(), books.bytes)];
    out.counters("captured", "Bytes of the frames that were taken.", Some(&Unit::Bytes), bytes)?;
    if let Some(live) = &books.live {
        let help = "Frames that the filter wanted, by the kernel's count.";
        out.counters("capture_received_frames", help, None, [(Labels::new(), live.received)])?;
        let dropped = [
            ("kernel", live.kernel_dropped),
            ("interface", live.interface_dropped),
            ("shed", live.shed_frames),
            ("not-vxlan", live.not_vxlan),
            ("unsaved", live.unsaved_frames),
        ];
        let help = "Frames that were not looked at, by who dropped them; unsaved: looked at, but not kept by -w.";
        let dropped = dropped.map(|(by, count)| (label("by", by), count));
        out.counters("capture_dropped_frames", help, None, dropped)?;
    }
    books.tee.as_ref().map_or(Ok(()), |books| tee(out, books))
}

fn tee(out: &mut Writer<'_>, books: &TeeBooks) -> fmt::Result {
    let TeeBooks { connections, unreachable, cut, from_clients, from_legacy } = books;
    let help = "Connections that were accepted.";
    out.counters("tee_connections", help, None, [(Labels::new(), *connections)])?;
    let failed = [("legacy-unreachable", *unreachable), ("cut-off", *cut)];
    let help = "Of the connections that were accepted, those that did not come to their own end, by why.";
    out.counters("tee_failed_connections", help, None, failed.map(|(why, count)| (label("reason", why), count)))?;
    let from = [("clients", from_clients), ("legacy", from_legacy)];
    let relayed = from.map(|(from, bytes)| (label("from", from), bytes.relayed));
    out.counters("tee_relayed", "Bytes that were passed on.", Some(&Unit::Bytes), relayed)?;
    let shed = from.map(|(from, bytes)| (label("from", from), bytes.shed));
    let help = "Bytes that were passed on and not looked at, because there was no room.";
    out.counters("tee_shed", help, Some(&Unit::Bytes), shed)
}

fn wire(out: &mut Writer<'_>, wire: &WireBooks) -> fmt::Result {
    let used = (label("fate", "used"), wire.frames_used);
    let refused = Refusal::ALL.iter().map(|why| (label("fate", why.as_str()), wire.frames_refused.get(*why)));
    out.counters(
        "frames",
        "Frames that were looked at, by what became of them.",
        None,
        [used].into_iter().chain(refused),
    )?;
    let bytes = [("in-order", wire.stream_bytes_in_order), ("gap", wire.stream_bytes_gap)];
    let bytes = bytes.map(|(state, count)| (label("state", state), count));
    out.counters("stream", "Bytes of the connections, and those that are missing.", Some(&Unit::Bytes), bytes)?;
    let not_http = [
        ("unread", wire.stream_bytes_unread()),
        ("tunnel", wire.stream_bytes_tunnelled),
        ("preamble", wire.stream_bytes_preamble),
    ];
    let help = "Of the bytes of the connections, those of no HTTP/1 message: of a tunnel (CONNECT, an upgrade), of a preamble \
                (PROXY protocol, SOCKS), or of what could not be read (TLS, HTTP/2, another protocol).";
    let not_http = not_http.map(|(class, count)| (label("class", class), count));
    out.counters("not_http", help, Some(&Unit::Bytes), not_http)?;
    out.counters("connections", "Connections seen.", None, [(Labels::new(), wire.connections)])?;
    for (name, help, paired, unpaired) in [
        ("requests", "Requests that were seen, by what became of them.", wire.requests_paired, &wire.requests_unpaired),
        ("answers", "Answers that were seen, by what became of them.", wire.answers_paired, &wire.answers_unpaired),
    ] {
        let paired = (label("fate", "paired"), paired);
        let unpaired = Incomplete::ALL.iter().map(|why| (label("fate", why.as_str()), unpaired.get(*why)));
        out.counters(name, help, None, [paired].into_iter().chain(unpaired))?;
    }
    let lost = Incomplete::LOSSES.iter().map(|why| {
        let books = if *why == Incomplete::NoRequest { &wire.answers_unpaired } else { &wire.requests_unpaired };
        (label("class", why.as_str()), books.get(*why))
    });
    out.counters("lost_exchanges", "Exchanges of which something is missing, by what.", None, lost)?;
    let evicted = wire.evicted.iter().take(MAX_LIMITS).map(|(limit, count)| (label("limit", visible(limit)), *count));
    out.counters("evictions", "What limits of memory have cost, by limit.", None, evicted)
}

/// Every class, with its reasons where it has some; also those that have not occurred, so that a rate over them begins at 0.
fn by_outcome(books: &ShadowBooks) -> Vec<(Labels, u64)> {
    let reasoned = |outcome: &str, reason: &str| vec![("outcome", outcome.to_owned()), ("reason", reason.to_owned())];
    let mut all = Vec::new();
    for (outcome, count) in outcomes(books) {
        match outcome {
            "not-comparable" => all.extend(
                NotComparable::ALL.iter().map(|why| (reasoned(outcome, why.as_str()), books.not_comparable.get(*why))),
            ),
            "failed" => {
                all.extend(Failure::ALL.iter().map(|why| (reasoned(outcome, why.as_str()), books.failed.get(*why))));
            }
            "skipped" => {
                all.extend(Skip::ALL.iter().map(|why| (reasoned(outcome, why.as_str()), books.skipped.get(*why))));
            }
            _ => all.push((reasoned(outcome, ""), count)),
        }
    }
    all
}

//! The ledger as sums: a whole and its parts, the same for every renderer.

use crate::ledger::{Counts, Ledger, LiveBooks, RelayedBytes, StoreBooks, TeeBooks};
use crate::verdict::words::counted;

/// How good a part is: for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// Went on.
    Kept,
    /// Left out, and that is in order.
    Aside,
    /// Lost, failed or different.
    Bad,
}

/// One part of a whole.
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) count: u64,
    pub(super) tone: Tone,
    /// Reasons with their counts, largest first.
    pub(super) reasons: Vec<(&'static str, u64)>,
}

/// A whole and what became of it.
pub(super) struct Sum {
    pub(super) name: &'static str,
    pub(super) total: u64,
    pub(super) parts: Vec<Part>,
}

fn part(name: &'static str, count: u64, tone: Tone) -> Part {
    Part { name, count, tone, reasons: Vec::new() }
}

fn reasoned<K: Ord + Copy>(name: &'static str, counts: &Counts<K>, tone: Tone, text: fn(K) -> &'static str) -> Part {
    let mut reasons: Vec<_> = counts.iter().map(|(why, n)| (text(why), n)).collect();
    reasons.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    Part { name, count: counts.total(), tone, reasons }
}

/// What is lost beside the accounts, because it was never part of them: a name and a count.
pub(super) fn beside(ledger: &Ledger) -> Vec<(&'static str, u64)> {
    let live = ledger.capture.live.as_ref();
    let beside = live.map(|l| {
        [("dropped by the interface", l.interface_dropped), ("looked at, and not saved by -w", l.unsaved_frames)]
    });
    beside.into_iter().flatten().filter(|(_, n)| *n > 0).collect()
}

/// The accounts of a tee: its connections, and the bytes of each direction.
fn relayed(tee: &TeeBooks) -> [Sum; 3] {
    let way = |name, bytes: &RelayedBytes| {
        let lost = [("shed", bytes.shed), ("waiting", bytes.waiting)].map(|(name, n)| part(name, n, Tone::Bad));
        let parts = [part("looked at", bytes.looked_at, Tone::Kept)].into_iter().chain(lost).collect();
        Sum { name, total: bytes.relayed, parts }
    };
    let TeeBooks { connections, unreachable, cut, from_clients, from_legacy } = tee;
    let ended = connections.saturating_sub(unreachable.saturating_add(*cut));
    let rest = [("legacy unreachable", unreachable), ("cut off at the end", cut)];
    let rest = rest.into_iter().map(|(name, n)| part(name, *n, Tone::Bad));
    let parts = [part("relayed", ended, Tone::Kept)].into_iter().chain(rest).collect();
    let connections = Sum { name: "connections", total: *connections, parts };
    [connections, way("bytes from clients", from_clients), way("bytes from legacy", from_legacy)]
}

/// The account of a live source's frames.
fn received(looked_at: u64) -> impl Fn(&LiveBooks) -> Sum {
    move |live| {
        let lost =
            [("dropped by the kernel", live.kernel_dropped), ("shed", live.shed_frames), ("waiting", live.waiting)];
        let lost = lost.into_iter().map(|(name, n)| part(name, n, Tone::Bad));
        let rest = [part("not VXLAN", live.not_vxlan, Tone::Aside)];
        let parts = [part("looked at", looked_at, Tone::Kept)].into_iter().chain(lost).chain(rest).collect();
        Sum { name: "received", total: live.received, parts }
    }
}

/// What is worth knowing of how the evidence came into the run file, in words; None where it is nothing.
pub(super) fn kept(ledger: &Ledger) -> Option<String> {
    let StoreBooks { writes, failed_writes, unwritten, repeated: _, coarsened } = ledger.store?;
    let mut text = format!("{} to the run file", counted(writes, "write"));
    if failed_writes > 0 {
        let failed = counted(failed_writes, "further one");
        let they = if failed_writes == 1 { "it" } else { "they" };
        text.push_str(&if unwritten {
            format!("; {failed} failed, and the file lacks what {they} held")
        } else {
            format!("; {failed} failed, and what {they} held went in with a later one")
        });
    }
    if coarsened > 0 {
        text.push_str(&format!("; counts of {} were put together meanwhile", counted(coarsened, "minute")));
    }
    Some(text)
}

/// The accounts in the order of the walk.
pub(super) fn sums(ledger: &Ledger) -> Vec<Sum> {
    use Tone::{Aside, Bad, Kept};
    let w = &ledger.wire;
    let sum = |name, total, parts| Sum { name, total, parts };
    let unpaired = |counts| reasoned("unpaired", counts, Bad, |why: crate::exchange::Incomplete| why.as_str());
    // Only the books of a run that goes on, or was killed, have a part that waits.
    let waiting = |mut parts: Vec<Part>, n| {
        if n > 0 {
            parts.push(part("waiting", n, Aside));
        }
        parts
    };
    let refused = reasoned("refused", &w.frames_refused, Aside, |why| why.as_str());
    let frames = vec![part("used", w.frames_used, Kept), refused];
    let bytes = vec![part("in order", w.stream_bytes_in_order, Kept), part("gap", w.stream_bytes_gap, Bad)];
    let requests = vec![part("paired", w.requests_paired, Kept), unpaired(&w.requests_unpaired)];
    let answers = vec![part("paired", w.answers_paired, Kept), unpaired(&w.answers_unpaired)];
    let mut sums: Vec<Sum> = ledger.capture.live.as_ref().map(received(w.frames)).into_iter().collect();
    sums.extend(ledger.capture.tee.iter().flat_map(relayed));
    if ledger.capture.tee.is_none() || w.frames > 0 {
        sums.push(sum("frames", w.frames, waiting(frames, w.waiting.frames)));
    }
    sums.extend([
        sum("stream bytes", w.stream_bytes, waiting(bytes, w.waiting.stream_bytes)),
        sum("requests", w.requests, waiting(requests, w.waiting.requests)),
        sum("answers", w.answers, waiting(answers, w.waiting.answers)),
    ]);
    if let Some(s) = &ledger.shadow {
        sums.push(sum(
            "exchanges",
            s.exchanges,
            vec![
                part("sent", s.sent, Kept),
                reasoned("skipped", &s.skipped, Aside, |why| why.as_str()),
                part("interrupted", s.interrupted, Bad),
            ],
        ));
        sums.push(sum(
            "sent",
            s.sent,
            vec![part("compared", s.compared, Kept), reasoned("failed", &s.failed, Bad, |why| why.as_str())],
        ));
        sums.push(sum(
            "compared",
            s.compared,
            vec![
                part("matched", s.matched, Kept),
                part("accepted", s.accepted, Aside),
                part("mismatched", s.mismatched, Bad),
                part("noisy", s.noisy, Aside),
                part("drifted", s.drifted, Aside),
                reasoned("not comparable", &s.not_comparable, Aside, |why| why.as_str()),
            ],
        ));
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_run_file_lacks_is_said() {
        let told = |writes, failed_writes, unwritten| {
            let store = Some(StoreBooks { writes, failed_writes, unwritten, ..StoreBooks::default() });
            kept(&Ledger { store, ..Ledger::default() }).unwrap()
        };
        assert_eq!(told(3, 0, false), "3 writes to the run file");
        assert!(told(3, 1, false).ends_with("; 1 further one failed, and what it held went in with a later one"));
        assert!(told(3, 2, false).ends_with("; 2 further ones failed, and what they held went in with a later one"));
        assert!(told(0, 2, true).ends_with("; 2 further ones failed, and the file lacks what they held"));
    }
}

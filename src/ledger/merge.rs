//! Books added up: several processes, or several stretches of one run. Each field is named here, so that a book that
//! gets a new one does not forget it.

use super::losses::joined;
use super::{
    CaptureBooks, Counts, Ledger, LiveBooks, RelayedBytes, ShadowBooks, StoreBooks, TeeBooks, Waiting, WireBooks,
};

/// So many lines of damage are kept where books are added up; one more says that there were others.
pub const MAX_DAMAGE_LINES: usize = 100;
const MORE_DAMAGE: &str = "and further damaged places";

/// Adds figures that may have been read from a file that somebody tampered with: the sum stops at the largest number.
fn add<const N: usize>(sums: [&mut u64; N], more: [&u64; N]) {
    for (sum, more) in sums.into_iter().zip(more) {
        *sum = sum.saturating_add(*more);
    }
}

impl Ledger {
    /// Adds the books of another part of the same evidence.
    pub fn merge(&mut self, other: &Ledger) {
        let Ledger { capture, wire, shadow, elsewhere, losses, store } = other;
        self.elsewhere = self.elsewhere.saturating_add(*elsewhere);
        self.capture.merge(capture);
        self.wire.merge(wire);
        if let Some(more) = shadow {
            self.shadow.get_or_insert_default().merge(more);
        }
        self.losses = joined(std::mem::take(&mut self.losses).into_iter().chain(losses.iter().cloned()));
        if let Some(more) = store {
            self.store.get_or_insert_default().merge(more);
        }
    }
}

impl CaptureBooks {
    /// Adds another source's books. It is finished when both are; a source of which nothing was read (a process that was
    /// killed at once) has nothing to finish.
    pub fn merge(&mut self, other: &CaptureBooks) {
        let nothing = CaptureBooks::default();
        if *other == nothing {
            return;
        }
        let nothing_yet = *self == nothing;
        let CaptureBooks { files, bytes, damage, finished, live, tee } = other;
        add([&mut self.files, &mut self.bytes], [files, bytes]);
        self.damage.extend(damage.iter().cloned());
        if self.damage.len() > MAX_DAMAGE_LINES {
            self.damage.truncate(MAX_DAMAGE_LINES);
            self.damage.push(MORE_DAMAGE.to_owned());
        }
        self.finished = *finished && (nothing_yet || self.finished);
        if let Some(more) = live {
            self.live.get_or_insert_default().merge(more);
        }
        if let Some(more) = tee {
            self.tee.get_or_insert_default().merge(more);
        }
    }
}

impl LiveBooks {
    /// Adds another line's.
    pub fn merge(&mut self, other: &LiveBooks) {
        let LiveBooks { received, kernel_dropped, shed_frames, not_vxlan, waiting, interface_dropped, unsaved_frames } =
            other;
        add(
            [&mut self.received, &mut self.kernel_dropped, &mut self.shed_frames, &mut self.not_vxlan],
            [received, kernel_dropped, shed_frames, not_vxlan],
        );
        add(
            [&mut self.waiting, &mut self.interface_dropped, &mut self.unsaved_frames],
            [waiting, interface_dropped, unsaved_frames],
        );
    }
}

impl TeeBooks {
    /// Adds another tee's.
    pub fn merge(&mut self, other: &TeeBooks) {
        let TeeBooks { connections, unreachable, cut, from_clients, from_legacy } = other;
        add([&mut self.connections, &mut self.unreachable, &mut self.cut], [connections, unreachable, cut]);
        self.from_clients.merge(from_clients);
        self.from_legacy.merge(from_legacy);
    }
}

impl RelayedBytes {
    /// Adds another direction's.
    pub fn merge(&mut self, other: &RelayedBytes) {
        let RelayedBytes { relayed, looked_at, shed, waiting } = other;
        add(
            [&mut self.relayed, &mut self.looked_at, &mut self.shed, &mut self.waiting],
            [relayed, looked_at, shed, waiting],
        );
    }
}

impl Waiting {
    /// Adds another's.
    pub fn merge(&mut self, other: &Waiting) {
        let Waiting { frames, stream_bytes, requests, answers } = other;
        add(
            [&mut self.frames, &mut self.stream_bytes, &mut self.requests, &mut self.answers],
            [frames, stream_bytes, requests, answers],
        );
    }
}

impl WireBooks {
    /// Adds the books of another part of the wire.
    pub fn merge(&mut self, other: &WireBooks) {
        let WireBooks {
            frames,
            frames_used,
            frames_refused,
            connections,
            stream_bytes,
            stream_bytes_in_order,
            stream_bytes_gap,
            stream_bytes_repeated,
            stream_bytes_not_http,
            stream_bytes_tunnelled,
            stream_bytes_preamble,
            requests,
            requests_paired,
            requests_unpaired,
            answers,
            answers_paired,
            answers_unpaired,
            interim,
            tunnels,
            waiting,
            evicted,
        } = other;
        add([&mut self.frames, &mut self.frames_used, &mut self.connections], [frames, frames_used, connections]);
        self.frames_refused.merge(frames_refused);
        add(
            [&mut self.stream_bytes, &mut self.stream_bytes_in_order, &mut self.stream_bytes_gap],
            [stream_bytes, stream_bytes_in_order, stream_bytes_gap],
        );
        add(
            [&mut self.stream_bytes_repeated, &mut self.stream_bytes_not_http],
            [stream_bytes_repeated, stream_bytes_not_http],
        );
        add(
            [&mut self.stream_bytes_tunnelled, &mut self.stream_bytes_preamble],
            [stream_bytes_tunnelled, stream_bytes_preamble],
        );
        add([&mut self.requests, &mut self.requests_paired], [requests, requests_paired]);
        self.requests_unpaired.merge(requests_unpaired);
        add([&mut self.answers, &mut self.answers_paired], [answers, answers_paired]);
        self.answers_unpaired.merge(answers_unpaired);
        add([&mut self.interim, &mut self.tunnels], [interim, tunnels]);
        self.waiting.merge(waiting);
        for (limit, n) in evicted {
            let sum = self.evicted.entry(limit.clone()).or_default();
            *sum = sum.saturating_add(*n);
        }
    }
}

impl ShadowBooks {
    /// Adds the outcomes of other exchanges.
    pub fn merge(&mut self, other: &ShadowBooks) {
        let ShadowBooks {
            exchanges,
            sent,
            skipped,
            interrupted,
            failed,
            compared,
            matched,
            accepted,
            mismatched,
            noisy,
            drifted,
            not_comparable,
        } = other;
        add(
            [&mut self.exchanges, &mut self.sent, &mut self.interrupted, &mut self.compared],
            [exchanges, sent, interrupted, compared],
        );
        self.skipped.merge(skipped);
        self.failed.merge(failed);
        add([&mut self.matched, &mut self.accepted, &mut self.mismatched], [matched, accepted, mismatched]);
        add([&mut self.noisy, &mut self.drifted], [noisy, drifted]);
        self.not_comparable.merge(not_comparable);
    }
}

impl StoreBooks {
    /// Adds another stretch's.
    pub fn merge(&mut self, other: &StoreBooks) {
        let StoreBooks { writes, failed_writes, unwritten, repeated, coarsened } = other;
        self.unwritten |= unwritten;
        add(
            [&mut self.writes, &mut self.failed_writes, &mut self.repeated, &mut self.coarsened],
            [writes, failed_writes, repeated, coarsened],
        );
    }
}

impl<K: Ord + Copy> Counts<K> {
    /// Adds another book's counts.
    pub fn merge(&mut self, other: &Counts<K>) {
        for (key, n) in other.iter() {
            let sum = self.0.entry(key).or_default();
            *sum = sum.saturating_add(n);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Incomplete, Skip};
    use serde_json::Value;

    /// Every number of the books set to something that no other is.
    fn numbered(value: &mut Value, next: &mut u64) {
        match value {
            Value::Number(_) => {
                *value = (*next).into();
                *next += 3;
            }
            Value::Object(members) => members.values_mut().for_each(|member| numbered(member, next)),
            _ => {}
        }
    }

    fn books() -> Ledger {
        let mut books = Ledger { shadow: Some(ShadowBooks::default()), ..Ledger::default() };
        books.store = Some(StoreBooks::default());
        (books.capture.live, books.capture.tee) = (Some(LiveBooks::default()), Some(TeeBooks::default()));
        books.capture.finished = true;
        books.wire.requests_unpaired.add(Incomplete::Gap);
        books.wire.evicted.insert("connections".into(), 1);
        books.shadow.as_mut().unwrap().skipped.add(Skip::UnsafeMethod);
        let mut value = serde_json::to_value(&books).unwrap();
        numbered(&mut value, &mut 1);
        serde_json::from_value(value).unwrap()
    }

    /// Both, number by number.
    fn doubled(value: &mut Value) {
        match value {
            Value::Number(n) => *value = (n.as_u64().unwrap() * 2).into(),
            Value::Object(members) => members.values_mut().for_each(doubled),
            _ => {}
        }
    }

    #[test]
    fn every_figure_is_added() {
        let (mut sum, one) = (books(), books());
        sum.merge(&one);
        let mut expected = serde_json::to_value(&one).unwrap();
        doubled(&mut expected);
        assert_eq!(serde_json::to_value(&sum).unwrap(), expected);
        let mut from_nothing = Ledger::default();
        from_nothing.merge(&one);
        assert_eq!(from_nothing, one);
    }

    #[test]
    fn one_part_that_was_not_finished_is_enough_and_damage_stays_bounded() {
        let mut sum = books();
        let mut cut = books();
        cut.capture.finished = false;
        cut.capture.damage = (0..80).map(|n| format!("line {n}")).collect();
        sum.merge(&cut);
        assert!(!sum.capture.finished && sum.capture.damage.len() == 80);
        sum.merge(&cut);
        assert_eq!(sum.capture.damage.len(), MAX_DAMAGE_LINES + 1);
        assert_eq!(sum.capture.damage.last().unwrap(), MORE_DAMAGE);
        cut.wire.frames = u64::MAX;
        sum.merge(&cut);
        assert_eq!(sum.wire.frames, u64::MAX);
        sum.merge(&books());
        assert!(!sum.capture.finished);
        let mut killed_at_once = Ledger::default();
        killed_at_once.merge(&books());
        killed_at_once.merge(&Ledger::default());
        assert!(killed_at_once.capture.finished);
    }
}

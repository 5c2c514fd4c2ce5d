//! The books: every packet, message and exchange counted once, in exactly one class.
//!
//! Each section is written by one room and only read elsewhere. [`Ledger::open_accounts`] is promise 1: a book that
//! does not close is named, and such a run is never GO.

mod losses;
mod merge;
mod settled;
mod tee;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

pub use losses::{LossRow, Losses, SizeClass};
pub use merge::MAX_DAMAGE_LINES;
pub use settled::Unsettled;
pub use tee::{RelayedBytes, TeeBooks};

use crate::exchange::{Failure, Incomplete, NotComparable, Skip};

/// Counts by reason, in a stable order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent, bound(deserialize = "K: Deserialize<'de>"))]
pub struct Counts<K: Ord>(BTreeMap<K, u64>);

impl<K: Ord> Default for Counts<K> {
    fn default() -> Self {
        Counts(BTreeMap::new())
    }
}

impl<K: Ord + JsonSchema> JsonSchema for Counts<K> {
    fn schema_name() -> Cow<'static, str> {
        format!("CountsBy{}", K::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (reasons, count) = (generator.subschema_for::<K>(), generator.subschema_for::<u64>());
        json_schema!({"type": "object", "propertyNames": reasons, "additionalProperties": count})
    }
}

impl<K: Ord + Copy> Counts<K> {
    /// One more of `key`.
    pub fn add(&mut self, key: K) {
        self.add_many(key, 1);
    }

    /// `n` more of `key`.
    pub fn add_many(&mut self, key: K, n: u64) {
        if n > 0 {
            *self.0.entry(key).or_default() += n;
        }
    }

    /// `n` less of `key`, or as many as there are: how many that is.
    pub fn take_many(&mut self, key: K, n: u64) -> u64 {
        let Some(there) = self.0.get_mut(&key) else { return 0 };
        let taken = n.min(*there);
        *there -= taken;
        if *there == 0 {
            self.0.remove(&key);
        }
        taken
    }

    /// How many of `key`.
    pub fn get(&self, key: K) -> u64 {
        self.0.get(&key).copied().unwrap_or(0)
    }

    /// All together.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// The reasons that occurred, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (K, u64)> {
        self.0.iter().map(|(k, n)| (*k, *n))
    }
}

crate::exchange::reasons! {
    /// Why a frame gave nothing to assemble.
    Refusal {
        /// The BPF filter did not want it.
        Filtered = "filtered",
        /// A link type that is not known here.
        UnknownLink = "unknown-link-type",
        /// Not IP: ARP, LLDP, spanning tree, management frames.
        NotIp = "not-ip",
        /// IP, but neither TCP nor a known tunnel.
        NotTcp = "not-tcp",
        /// A header that contradicts itself or ends before it should.
        Malformed = "malformed-header",
        /// The capture kept too few bytes to reach the TCP header.
        Truncated = "snap-length",
        /// Tunnels inside tunnels past the limit.
        TooDeep = "too-many-tunnels",
        /// A fragment whose datagram never became whole, was evicted, or contradicted itself.
        Fragment = "fragment-not-reassembled",
    }
}

/// What was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CaptureBooks {
    /// How many files were opened.
    pub files: u64,
    /// Bytes of packet data in the records.
    pub bytes: u64,
    /// One line for each damage met: the file, the place, what was done.
    pub damage: Vec<String>,
    /// Whether the source was read to its end (false: stopped early).
    pub finished: bool,
    /// What the kernel counted, where the source is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<LiveBooks>,
    /// What went through, where the source is a tee.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tee: Option<TeeBooks>,
}

impl CaptureBooks {
    /// Whether exchanges came as they happened, so that the run has no end of its own.
    pub fn is_live(&self) -> bool {
        self.live.is_some() || self.tee.is_some()
    }
}

/// What became of the frames of a live source before they could be looked at.
/// received = frames looked at + kernel dropped + shed + not VXLAN + waiting.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LiveBooks {
    /// Frames that the filter wanted, by the kernel's count. Of VXLAN: datagrams that came to the port.
    pub received: u64,
    /// Of these, frames for which the kernel had no room.
    pub kernel_dropped: u64,
    /// Of these, frames that were taken and given up because what comes after had no room for them.
    pub shed_frames: u64,
    /// Of these, datagrams that are no VXLAN.
    pub not_vxlan: u64,
    /// Of these, frames that nobody has looked at yet. Only in books that were written while a run went on: what was
    /// there when it was killed is lost.
    pub waiting: u64,
    /// Beside the sum: frames that the interface dropped before the kernel could count them.
    pub interface_dropped: u64,
    /// Beside the sum: frames that `-w` could not keep.
    pub unsaved_frames: u64,
}

impl LiveBooks {
    /// Frames that came and that nobody looked at. How many exchanges that cost is in the other books: as gaps and lost
    /// exchanges, and as exchanges nothing of which was seen.
    pub fn lost(&self) -> u64 {
        self.kernel_dropped + self.shed_frames + self.waiting
    }
}

/// What is not settled yet, and stands in no other class: nothing, once everything was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Waiting {
    /// Frames with fragments of datagrams that are not whole.
    pub frames: u64,
    /// Bytes that came before their turn.
    pub stream_bytes: u64,
    /// Requests whose exchange is not finished.
    pub requests: u64,
    /// Answers whose exchange is not finished.
    pub answers: u64,
}

/// What the wire code made of it. frames = used + refused + waiting; stream bytes = in order + gap + waiting;
/// requests = paired + unpaired + waiting; answers = paired + unpaired + waiting.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct WireBooks {
    /// Frames handed in.
    pub frames: u64,
    /// Frames of which a TCP segment, or a fragment of one, was used.
    pub frames_used: u64,
    /// The other frames.
    pub frames_refused: Counts<Refusal>,
    /// TCP connections seen (a port pair used again counts again).
    pub connections: u64,
    /// The span of sequence numbers covered, over all directions.
    pub stream_bytes: u64,
    /// Of these, bytes that arrived.
    pub stream_bytes_in_order: u64,
    /// Of these, bytes that never did.
    pub stream_bytes_gap: u64,
    /// Beside the sum: bytes that came again (retransmission, overlap, mirrored twice).
    pub stream_bytes_repeated: u64,
    /// Beside the sum: of the bytes in order, those that belong to no HTTP/1 message (other protocols, upgraded
    /// connections, the tail of a message whose head was lost).
    pub stream_bytes_not_http: u64,
    /// Of these, bytes of connections that were left to another protocol, by CONNECT or an upgrade, after a request that was
    /// read; not where that protocol carries HTTP again (h2c, TLS), because its requests are then in what nobody read.
    pub stream_bytes_tunnelled: u64,
    /// Of the same, bytes before a connection's first request that say who connects (PROXY protocol, SOCKS).
    pub stream_bytes_preamble: u64,
    /// Request heads seen.
    pub requests: u64,
    /// Requests whose exchange is complete.
    pub requests_paired: u64,
    /// The other requests.
    pub requests_unpaired: Counts<Incomplete>,
    /// Final answers whose head was seen.
    pub answers: u64,
    /// Answers whose exchange is complete.
    pub answers_paired: u64,
    /// The other answers, be their request known or not.
    pub answers_unpaired: Counts<Incomplete>,
    /// Beside the sum: interim answers (1xx).
    pub interim: u64,
    /// Beside the sum: connections left alone after CONNECT or an upgrade.
    pub tunnels: u64,
    /// The class of what is not settled yet, of each of the sums.
    pub waiting: Waiting,
    /// What limits evicted, by the limit's name.
    pub evicted: BTreeMap<Cow<'static, str>, u64>,
}

impl WireBooks {
    /// Bytes in order of which nobody knows what they are: TLS, HTTP/2, other protocols, what a gap left over of a message.
    pub fn stream_bytes_unread(&self) -> u64 {
        let known = self.stream_bytes_tunnelled.saturating_add(self.stream_bytes_preamble);
        self.stream_bytes_not_http.saturating_sub(known)
    }

    /// Exchanges of which the capture is missing something, and all exchanges that it tells of: (lost, total).
    /// Connections that ended without an answer are the service's doing and no loss; neither are answers to requests from
    /// before the capture.
    pub fn loss(&self) -> (u64, u64) {
        use Incomplete::{Evicted, Gap, NoRequest, PairingLost, Truncated};
        let lost_requests: u64 =
            [Gap, Truncated, PairingLost, Evicted].into_iter().map(|r| self.requests_unpaired.get(r)).sum();
        let orphans = self.answers_unpaired.get(NoRequest);
        // What still waited when the last books were written: a run that was killed has lost it.
        (lost_requests + orphans + self.waiting.requests, self.requests + orphans)
    }
}

/// What came of the exchanges. exchanges = sent + skipped + interrupted; sent = compared + failed;
/// compared = matched + accepted + mismatched + noisy + drifted + not comparable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ShadowBooks {
    /// Complete exchanges that came off the wire.
    pub exchanges: u64,
    /// Sent to the candidate.
    pub sent: u64,
    /// Not sent.
    pub skipped: Counts<Skip>,
    /// Of these no outcome was written: they were under way when the process was killed.
    pub interrupted: u64,
    /// Sent, and no comparable answer came.
    pub failed: Counts<Failure>,
    /// Answers laid side by side.
    pub compared: u64,
    /// See [`crate::exchange::Outcome`], here and below.
    pub matched: u64,
    /// Differ only as `accept` rules want.
    pub accepted: u64,
    /// Differ.
    pub mismatched: u64,
    /// Differ as the legacy differs from itself.
    pub noisy: u64,
    /// The legacy itself has moved on.
    pub drifted: u64,
    /// Could not be compared.
    pub not_comparable: Counts<NotComparable>,
}

/// What became of the evidence on its way to the run file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct StoreBooks {
    /// Transactions that are in the file.
    pub writes: u64,
    /// Attempts that failed, a full disk for one. What they held was kept and went in with a later one, but where
    /// `unwritten`.
    pub failed_writes: u64,
    /// Whether the last attempt failed too: the file lacks what there was since its last write.
    #[serde(skip_serializing_if = "is_false")]
    pub unwritten: bool,
    /// Exchanges of recorded traffic that another stretch had asked already: they are there twice, and prove once.
    #[serde(skip_serializing_if = "is_none")]
    pub repeated: u64,
    /// Counts of single minutes that were put together because they could not be written in time.
    pub coarsened: u64,
}

fn is_false(known: &bool) -> bool {
    !known
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

/// All the books of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Ledger {
    /// Written by `capture`.
    pub capture: CaptureBooks,
    /// Written by `wire`.
    pub wire: WireBooks,
    /// Written by `tally`; empty in `inspect`.
    pub shadow: Option<ShadowBooks>,
    /// Exchanges of other epochs: the capture's books know no builds of the candidate.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub elsewhere: u64,
    /// What came whole off the wire and what did not, by endpoint and size; empty in `inspect`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub losses: Vec<LossRow>,
    /// Written by `store`; empty where there is no run file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreBooks>,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// A sum that does not come out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAccount {
    /// The equation in words.
    pub account: &'static str,
    /// Its left side.
    pub expected: u64,
    /// The sum of its right side.
    pub found: u64,
}

impl fmt::Display for OpenAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} against {}", self.account, self.expected, self.found)
    }
}

impl Ledger {
    /// The accounts that do not close. Empty in a correct run, whatever the input.
    pub fn open_accounts(&self) -> Vec<OpenAccount> {
        let w = &self.wire;
        let frames = w.frames_used + w.frames_refused.total() + w.waiting.frames;
        let bytes = w.stream_bytes_in_order + w.stream_bytes_gap + w.waiting.stream_bytes;
        let requests = w.requests_paired + w.requests_unpaired.total() + w.waiting.requests;
        let answers = w.answers_paired + w.answers_unpaired.total() + w.waiting.answers;
        let mut sums = vec![
            ("frames = used + refused + waiting", w.frames, frames),
            ("stream bytes = in order + gap + waiting", w.stream_bytes, bytes),
            ("requests = paired + unpaired + waiting", w.requests, requests),
            ("answers = paired + unpaired + waiting", w.answers, answers),
            ("paired requests = paired answers", w.requests_paired, w.answers_paired),
        ];
        if let Some(l) = &self.capture.live {
            let account = "received = frames + kernel dropped + shed + not VXLAN + waiting";
            let known = w.frames + l.kernel_dropped + l.shed_frames + l.not_vxlan;
            sums.push((account, l.received, known + l.waiting));
        }
        if let Some(t) = &self.capture.tee {
            for (account, way) in [
                ("bytes from clients = looked at + shed + waiting", t.from_clients),
                ("bytes from the legacy = looked at + shed + waiting", t.from_legacy),
            ] {
                sums.push((account, way.relayed, way.looked_at.saturating_add(way.lost())));
            }
        }
        if let Some(s) = &self.shadow {
            let outcomes = s.matched + s.accepted + s.mismatched + s.noisy + s.drifted;
            sums.extend([
                (
                    "paired requests = exchanges + other epochs'",
                    w.requests_paired,
                    s.exchanges.saturating_add(self.elsewhere),
                ),
                ("exchanges = sent + skipped + interrupted", s.exchanges, s.sent + s.skipped.total() + s.interrupted),
                ("sent = compared + failed", s.sent, s.compared + s.failed.total()),
                ("compared = sum of outcomes", s.compared, outcomes + s.not_comparable.total()),
            ]);
        }
        sums.into_iter()
            .filter(|(_, expected, found)| expected != found)
            .map(|(account, expected, found)| OpenAccount { account, expected, found })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_does_not_close_is_named_with_both_sides() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.open_accounts(), []);
        ledger.wire.requests = 3;
        ledger.wire.requests_unpaired.add(Incomplete::Gap);
        let open = ledger.open_accounts();
        assert_eq!(
            open.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["requests = paired + unpaired + waiting: 3 against 1"]
        );
    }

    #[test]
    fn what_a_live_source_received_is_all_accounted_for() {
        let live = LiveBooks { received: 10, kernel_dropped: 3, shed_frames: 2, not_vxlan: 1, ..LiveBooks::default() };
        assert_eq!(live.lost(), 5);
        let mut ledger = Ledger::default();
        ledger.capture.live = Some(live);
        (ledger.wire.frames, ledger.wire.frames_used) = (4, 4);
        assert_eq!(ledger.open_accounts(), []);
        (ledger.wire.frames, ledger.wire.frames_used) = (3, 3);
        assert_eq!(ledger.open_accounts().len(), 1, "one frame is nowhere");
    }

    #[test]
    fn loss_counts_what_the_capture_lacks_and_not_what_the_service_did() {
        let mut books = WireBooks { requests: 10, ..WireBooks::default() };
        books.requests_unpaired.add_many(Incomplete::Gap, 2);
        books.requests_unpaired.add_many(Incomplete::NoResponse, 5);
        books.answers_unpaired.add(Incomplete::NoRequest);
        books.answers_unpaired.add(Incomplete::BeforeCapture);
        assert_eq!(books.loss(), (3, 11));
    }
}

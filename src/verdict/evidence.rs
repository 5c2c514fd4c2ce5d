//! Gates on the evidence itself: whether there is enough, whether some is missing, whether the books close.

use crate::config::ShareGate;
use crate::exchange::{Incomplete, NotComparable, Skip};
use crate::ledger::{Ledger, RelayedBytes};
use crate::tally::Snapshot;

use super::rates::Evidence;
use super::words::{count, counted, names, percent, percent_against};
use super::{Gate, GateResult, GateState, NAMES, NeverAsked};

pub(super) fn result(gate: Gate, holds: bool, sample: u64, method: &str, reason: String, remedy: String) -> GateResult {
    GateResult {
        gate,
        endpoint: None,
        // Missing evidence is missing, not bad: none of these gates can be NO-GO.
        state: if holds { GateState::Pass } else { GateState::NotEnough },
        figure: None,
        bound: None,
        limit: None,
        sample,
        method: method.to_owned(),
        reason,
        remedy: (!holds).then_some(remedy),
    }
}

/// Skips that have to do with how the candidate was faring, so that what was compared is no fair sample.
const HELD_BACK: [Skip; 4] = [Skip::BreakerOpen, Skip::BackingOff, Skip::Shed, Skip::TooLate];

/// Exchanges that say nothing of the candidate although they were captured or should have been, and all of them.
struct Missing {
    /// Lost by the capture.
    lost: u64,
    /// Captured, and not to be read in one way only: never asked.
    ambiguous: u64,
    /// Asked, and not compared.
    not_comparable: u64,
    /// Under way when the process was killed.
    interrupted: u64,
    /// Of those not comparable, refused by the candidate because their credentials were stripped.
    nobody: u64,
    /// Not asked because the candidate failed or could not keep up, or because we could not: just then it may have been
    /// wrong.
    held_back: u64,
    all: u64,
    /// Asked in one stretch, and in another again: counted twice, which no bound of confidence knows.
    repeated: u64,
    /// Whether the source is a tee.
    tee: bool,
    /// The share of the relayed bytes that nobody looked at, where there is a tee. How many exchanges they were is not known.
    unheard: f64,
    /// The share of what went through a tee that could not be read. Nor is it known how many exchanges these were.
    unread: f64,
    /// The run ended before the captures did: when to stop was somebody's choice, perhaps by what was to be seen.
    stopped: bool,
}

impl Missing {
    fn of(snapshot: &Snapshot) -> Missing {
        let wire = &snapshot.ledger.wire;
        let (lost, all) = wire.loss();
        let shadow = snapshot.ledger.shadow.as_ref();
        let stopped = shadow.map_or(0, |s| s.skipped.get(Skip::Stopped));
        let unread = [Incomplete::AmbiguousFraming, Incomplete::ConflictingBytes, Incomplete::Malformed];
        Missing {
            lost,
            ambiguous: unread.into_iter().map(|why| wire.requests_unpaired.get(why)).sum(),
            not_comparable: shadow.map_or(0, |s| s.not_comparable.total()),
            interrupted: shadow.map_or(0, |s| s.interrupted),
            nobody: shadow.map_or(0, |s| s.not_comparable.get(NotComparable::Credentials)),
            held_back: shadow.map_or(0, |s| HELD_BACK.into_iter().map(|why| s.skipped.get(why)).sum()),
            all,
            repeated: snapshot.ledger.store.map_or(0, |books| books.repeated),
            tee: snapshot.ledger.capture.tee.is_some(),
            unheard: snapshot.ledger.capture.tee.map_or(0.0, |tee| unheard(&tee.both())),
            unread: Unread::of(&snapshot.ledger).map_or(0.0, |unread| unread.share()),
            stopped: all > 0 && (!snapshot.ledger.capture.finished || stopped > 0),
        }
    }

    fn count(&self) -> u64 {
        self.lost + self.ambiguous + self.not_comparable + self.interrupted + self.held_back
    }

    /// What is wrong with it beside the loss, in words.
    fn beside(&self, damage: u64) -> String {
        let mut text = String::new();
        for (n, what) in [
            (self.ambiguous, "more ambiguous or malformed"),
            (self.not_comparable, "more not comparable"),
            (self.interrupted, "more interrupted when the process was killed"),
            (self.held_back, "more held back while the candidate failed or did not keep up"),
        ] {
            if n > 0 {
                text.push_str(&format!("; {} {what}", count(n)));
            }
        }
        if self.nobody > 0 {
            let all = if self.nobody == self.not_comparable { "all".to_owned() } else { count(self.nobody) };
            text.push_str(&format!(" ({all} by 401 or 403 of the candidate to requests without their credentials)"));
        }
        if damage > 0 {
            text.push_str(&format!("; {} in the capture files", counted(damage, "damaged place")));
        }
        if self.repeated > 0 {
            text.push_str(&format!("; {} there twice, the same traffic asked again", count(self.repeated)));
        }
        if self.stopped {
            text.push_str("; the run was stopped before its end");
        }
        text
    }

    fn remedy(&self) -> String {
        let mut ways = Vec::new();
        if self.tee && self.all == 0 {
            ways.push("clients that ask through the tee, by HTTP/1 without TLS");
        } else if self.tee && self.lost > 0 && self.unheard == 0.0 {
            ways.push(
                "larger limits where some were reached (they are listed with the books), or fewer large bodies at once",
            );
        } else if !self.tee && (self.lost > 0 || self.all == 0) {
            ways.push("a capture that misses less: a larger capture buffer, the full snap length, both directions");
        }
        if self.unheard > 0.0 {
            ways.push("more processor time for the tee, so that everything that it relays is looked at");
        }
        if self.unread > 0.0 && self.all > 0 {
            ways.push(
                "the tee behind what ends TLS, clients that speak HTTP/1 to it, and other protocols by a way that goes past it",
            );
        }
        if self.held_back > 0 {
            ways.push("a candidate that keeps up, or a smaller safety.sample, so that nothing is held back");
        }
        if self.nobody > 0 {
            ways.push("safety.credentials: 'replace' with ones that hold at the candidate, or 'pass'");
        }
        if self.ambiguous + self.not_comparable > self.nobody {
            ways.push("leaving out with --filter what cannot be read or compared, and judging that by other means");
        }
        if self.repeated > 0 {
            ways.push("judging one of the stretches that asked the same, with --stretch, or other traffic");
        }
        if self.stopped || self.interrupted > 0 {
            ways.push("a run that comes to its end");
        }
        ways.join("; ")
    }
}

/// The share of relayed bytes that nobody looked at.
fn unheard(bytes: &RelayedBytes) -> f64 {
    bytes.lost() as f64 / bytes.relayed.max(1) as f64
}

/// Frames, or bytes, that the capture itself lost. They are no exchanges: what they cost shows in the other figures as far as
/// anything of an exchange was seen, so they are told whether or not it does.
fn frames_lost(ledger: &Ledger) -> String {
    if let Some(both) = ledger.capture.tee.map(|tee| tee.both()).filter(|both| both.lost() > 0) {
        let (lost, share) = (count(both.lost()), percent(unheard(&both)));
        return format!("; {lost} bytes were relayed and not looked at ({share} of {})", count(both.relayed));
    }
    let Some(live) = &ledger.capture.live else { return String::new() };
    let mut text = String::new();
    for (n, what) in [(live.kernel_dropped, "dropped by the kernel"), (live.shed_frames, "shed")] {
        if n > 0 {
            let share = percent(n as f64 / live.received.max(1) as f64);
            text.push_str(&format!("; {} {what} ({share} of {} received)", counted(n, "frame"), count(live.received)));
        }
    }
    if live.interface_dropped > 0 {
        text.push_str(&format!("; {} dropped by the interface", counted(live.interface_dropped, "frame")));
    }
    text
}

/// What went through a tee and was no HTTP/1. Everything there is the service's own traffic, so what nobody could read of it
/// is missing evidence. Tunnels are not: the requests that asked for them were read and counted.
struct Unread {
    bytes: u64,
    tunnelled: u64,
    looked_at: u64,
}

impl Unread {
    /// None where the source is no tee: a mirror port brings what is not the service's, too.
    fn of(ledger: &Ledger) -> Option<Unread> {
        let (tee, wire) = (ledger.capture.tee?, &ledger.wire);
        // Evidence of a capture may have been put together with that of a tee.
        let looked_at = tee.both().looked_at.max(wire.stream_bytes_not_http);
        Some(Unread { bytes: wire.stream_bytes_unread(), tunnelled: wire.stream_bytes_tunnelled, looked_at })
    }

    fn share(&self) -> f64 {
        self.bytes as f64 / self.looked_at.max(1) as f64
    }

    fn words(&self, share: &str) -> String {
        format!(
            "{share} of the {} bytes that were looked at are no HTTP/1 (TLS, HTTP/2, another protocol)",
            count(self.looked_at)
        )
    }
}

/// What to say of a tee's traffic that could not be read, where it is little enough for GO.
pub(super) fn unread(ledger: &Ledger, gate: &ShareGate) -> Option<String> {
    let unread = Unread::of(ledger).filter(|unread| unread.bytes > 0 && unread.share() < gate.below)?;
    let words = unread.words(&percent_against(unread.share(), gate.below));
    Some(format!("{words}: nothing is known of what was asked there."))
}

/// What to say where connections became tunnels.
pub(super) fn tunnelled(ledger: &Ledger) -> Option<String> {
    let unread = Unread::of(ledger).filter(|unread| unread.tunnelled > 0)?;
    let share = percent(unread.tunnelled as f64 / unread.looked_at.max(1) as f64);
    let (bytes, tunnels) = (count(unread.looked_at), counted(ledger.wire.tunnels, "connection"));
    Some(format!(
        "{share} of the {bytes} bytes that were looked at belong to {tunnels} that changed to another protocol (WebSockets, \
         CONNECT): the requests for it were read, and nothing is known of what was said there."
    ))
}

/// Little enough is missing.
pub(super) fn loss_gate(snapshot: &Snapshot, gate: &ShareGate) -> GateResult {
    let mut missing = Missing::of(snapshot);
    let total = missing.all;
    let share = if total > 0 { missing.count() as f64 / total as f64 } else { 0.0 };
    let few = |share: f64| share == 0.0 || share < gate.below;
    let mut beside = missing.beside(snapshot.ledger.capture.damage.len() as u64) + &frames_lost(&snapshot.ledger);
    if few(missing.unread) {
        // A remark, and no reason.
        missing.unread = 0.0;
    } else if let Some(unread) = Unread::of(&snapshot.ledger) {
        beside.push_str(&format!("; {}", unread.words(&percent_against(missing.unread, gate.below))));
    }
    let complete = !missing.stopped && missing.repeated == 0 && few(missing.unheard) && missing.unread == 0.0;
    let holds = total > 0 && few(share) && complete;
    let reason = match total {
        0 if missing.tee => format!("no exchange went through the tee that could be read{beside}."),
        0 => format!("the capture holds no exchange{beside}."),
        _ => format!(
            "{} of {} lost: {}; the limit is {}{beside}.",
            count(missing.lost),
            counted(total, "exchange"),
            percent_against(missing.lost as f64 / total as f64, gate.below),
            percent(gate.below)
        ),
    };
    let method = "share of the exchanges seen that say nothing, counted";
    GateResult {
        figure: (total > 0).then_some(share),
        limit: Some(gate.below),
        ..result(Gate::Loss, holds, total, method, reason, missing.remedy())
    }
}

/// The same of what GO is to hold for, where the policy excepts something: what was captured and says nothing must not
/// vanish in endpoints that are no part of it. None where it is little enough; what the capture lost is in no endpoint.
pub(super) fn unusable_gate(whole: &Snapshot, cutover: &Snapshot, gate: &ShareGate) -> Option<GateResult> {
    let (mut missing, books) = (Missing::of(cutover), cutover.ledger.shadow.as_ref()?);
    (missing.lost, missing.ambiguous, missing.interrupted) = (0, 0, 0);
    (missing.repeated, missing.stopped, missing.unheard, missing.unread) = (0, false, 0.0, 0.0);
    let (n, all) = (missing.count(), books.exchanges);
    let share = n as f64 / all.max(1) as f64;
    if whole.endpoints.len() == cutover.endpoints.len() || n == 0 || share < gate.below {
        return None;
    }
    let reason = format!(
        "of the endpoints that are part of the cutover alone, {} of {} say nothing: {}; the limit is {}{}.",
        count(n),
        counted(all, "exchange"),
        percent_against(share, gate.below),
        percent(gate.below),
        missing.beside(0)
    );
    let method = "share of the exchanges of these endpoints that say nothing, counted";
    Some(GateResult {
        figure: Some(share),
        limit: Some(gate.below),
        ..result(Gate::Loss, false, all, method, reason, missing.remedy())
    })
}

/// Every account closes. One that does not is a defect of this program: then its other figures prove nothing.
pub(super) fn books_gate(ledger: &Ledger) -> GateResult {
    let open = ledger.open_accounts();
    let reason = match open.len() {
        0 => "every account of the ledger closes.".to_owned(),
        _ => format!("the books do not close: {}.", names(&open, NAMES)),
    };
    let remedy = "a defect of tapcompare: please report it with the ledger".to_owned();
    result(Gate::Books, open.is_empty(), ledger.wire.frames, "sums of the ledger", reason, remedy)
}

/// What the verdict says nothing of: endpoints that the policy kept from being asked.
pub(super) fn never_asked(snapshot: &Snapshot) -> Vec<NeverAsked> {
    let unsent = snapshot.endpoints.iter().filter(|e| e.books.sent == 0 && e.books.exchanges > 0);
    unsent
        .map(|e| NeverAsked {
            endpoint: e.endpoint.clone(),
            exchanges: e.books.exchanges,
            why: e.books.skipped.iter().map(|(why, n)| format!("{why} {}", count(n))).collect::<Vec<_>>().join(", "),
        })
        .collect()
}

/// The share of mismatches of what GO is to hold for, if everything that is missing had mismatched and belonged to it; None
/// where nothing is.
pub(super) fn worst_case(snapshot: &Snapshot, evidence: &Evidence<'_>) -> Option<f64> {
    let missing = Missing::of(snapshot).count();
    let all = evidence.compared + missing;
    (missing > 0).then(|| (evidence.mismatched + missing) as f64 / all as f64)
}

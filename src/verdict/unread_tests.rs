//! What went through a tee and could not be read, and what must be said of it.

use super::tests::{ENDPOINTS, matches, policy};
use super::*;
use crate::config::Looks;
use crate::ledger::{RelayedBytes, TeeBooks};
use crate::tally::invented::snapshot_of;

/// What a tee relayed, and looked at.
const BYTES: u64 = 1_000_000;

/// Enough matching exchanges through a tee, and of its bytes so many that are no HTTP, tunnelled, and of preambles.
fn through_a_tee(exchanges: u64, not_http: u64, tunnelled: u64, preamble: u64) -> Snapshot {
    let mut snapshot = snapshot_of(&matches(exchanges), ENDPOINTS);
    let way = RelayedBytes { relayed: BYTES / 2, looked_at: BYTES / 2, ..RelayedBytes::default() };
    snapshot.ledger.capture.tee = Some(TeeBooks { from_clients: way, from_legacy: way, ..TeeBooks::default() });
    let wire = &mut snapshot.ledger.wire;
    (wire.stream_bytes, wire.stream_bytes_in_order) = (BYTES, BYTES);
    wire.stream_bytes_not_http = not_http;
    (wire.stream_bytes_tunnelled, wire.stream_bytes_preamble) = (tunnelled, preamble);
    wire.tunnels = u64::from(tunnelled > 0) * 3;
    snapshot
}

fn judged(snapshot: &Snapshot) -> Verdict {
    let mut policy = policy();
    policy.gates.loss.below = 0.01;
    policy.gates.mismatch_rate.looks = Some(Looks::Once);
    // The day after the invented traffic, which is not old then.
    judge(snapshot, &policy, &[], jiff::civil::date(2023, 11, 15))
}

fn loss(verdict: &Verdict) -> &GateResult {
    verdict.gates.iter().find(|g| g.gate == Gate::Loss).unwrap()
}

#[test]
fn much_tls_beside_enough_matches_is_never_go_and_has_a_way_out() {
    let verdict = judged(&through_a_tee(400, 930_000, 0, 0));
    assert_eq!((verdict.verdict, verdict.exit_code()), (Decision::Inconclusive, 3));
    assert_eq!(verdict.gates.iter().filter(|g| g.state != GateState::Pass).count(), 1, "nothing else is wrong");
    let gate = loss(&verdict);
    assert_eq!(gate.state, GateState::NotEnough);
    assert_eq!(
        gate.reason,
        "0 of 400 exchanges lost: 0%; the limit is 1%; 93% of the 1,000,000 bytes that were looked at are no HTTP/1 (TLS, \
         HTTP/2, another protocol)."
    );
    let remedy =
        "the tee behind what ends TLS, clients that speak HTTP/1 to it, and other protocols by a way that goes past it";
    assert_eq!(gate.remedy.as_deref(), Some(remedy));
    assert_eq!(verdict.remarks, [] as [&str; 0], "it is a reason, and not told twice");
}

#[test]
fn below_the_limit_it_is_a_remark_and_at_it_it_is_not() {
    let verdict = judged(&through_a_tee(400, 9_999, 0, 0));
    assert_eq!(verdict.verdict, Decision::Go, "{:?}", verdict.reasons);
    let remark = "0.9999% of the 1,000,000 bytes that were looked at are no HTTP/1 (TLS, HTTP/2, another protocol): nothing is known of \
                  what was asked there.";
    assert_eq!(verdict.remarks, [remark]);
    let verdict = judged(&through_a_tee(400, 10_000, 0, 0));
    assert_eq!((verdict.verdict, verdict.remarks.len()), (Decision::Inconclusive, 0));
    let verdict = judged(&through_a_tee(400, 0, 0, 0));
    assert_eq!((verdict.verdict, verdict.remarks.len()), (Decision::Go, 0));
}

#[test]
fn websockets_may_be_most_of_a_service_and_it_is_go_with_a_remark() {
    let verdict = judged(&through_a_tee(400, 800_000, 800_000, 0));
    assert_eq!(verdict.verdict, Decision::Go, "{:?}", verdict.reasons);
    assert_eq!(loss(&verdict).reason, "0 of 400 exchanges lost: 0%; the limit is 1%.");
    let remark = "80% of the 1,000,000 bytes that were looked at belong to 3 connections that changed to another protocol \
                  (WebSockets, CONNECT): the requests for it were read, and nothing is known of what was said there.";
    assert_eq!(verdict.remarks, [remark]);
    // Both: each for what it is.
    let verdict = judged(&through_a_tee(400, 900_000, 800_000, 0));
    assert_eq!((verdict.verdict, verdict.remarks), (Decision::Inconclusive, vec![remark.to_owned()]));
    assert!(verdict.gates[0].reason.contains("; 10% of the 1,000,000 bytes"), "{}", verdict.gates[0].reason);
}

#[test]
fn the_lines_of_a_balancer_are_nothing_that_was_not_read() {
    let verdict = judged(&through_a_tee(400, 100_000, 0, 100_000));
    assert_eq!((verdict.verdict, verdict.remarks.len()), (Decision::Go, 0), "{:?}", verdict.reasons);
}

#[test]
fn a_mirror_port_brings_what_is_not_the_services_too() {
    let mut snapshot = through_a_tee(400, 930_000, 0, 0);
    snapshot.ledger.capture.tee = None;
    let verdict = judged(&snapshot);
    assert_eq!((verdict.verdict, verdict.remarks.len()), (Decision::Go, 0), "{:?}", verdict.reasons);
}

#[test]
fn where_nothing_was_read_the_way_out_is_told_once() {
    let verdict = judged(&through_a_tee(0, BYTES, 0, 0));
    let gate = loss(&verdict);
    assert_eq!((verdict.verdict, gate.state), (Decision::Inconclusive, GateState::NotEnough));
    assert_eq!(gate.remedy.as_deref(), Some("clients that ask through the tee, by HTTP/1 without TLS"));
    assert!(gate.reason.contains("; 100% of the 1,000,000 bytes"), "{}", gate.reason);
}

/// Evidence of a tee and of captures, put together: a share is a share.
#[test]
fn a_share_is_never_more_than_all() {
    let verdict = judged(&through_a_tee(400, 3 * BYTES, 0, 0));
    assert!(loss(&verdict).reason.contains("; 100% of the 3,000,000 bytes"), "{}", loss(&verdict).reason);
}

/// Run files from before the wire code told tunnels apart.
#[test]
fn older_books_open_and_what_they_do_not_tell_is_not_taken_for_a_tunnel() {
    let snapshot = through_a_tee(400, 800_000, 800_000, 0);
    let mut books = serde_json::to_value(&snapshot.ledger).unwrap();
    for name in ["stream_bytes_tunnelled", "stream_bytes_preamble"] {
        assert!(books["wire"].as_object_mut().unwrap().remove(name).is_some());
    }
    let older = Snapshot { ledger: serde_json::from_value(books).unwrap(), ..snapshot };
    assert_eq!(judged(&older).verdict, Decision::Inconclusive);
}

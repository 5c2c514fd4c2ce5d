//! Ten thousand flows that never come to an end, live: memory stays under its budget, and what a limit evicts is counted.

use super::child::{PATIENCE, Running};
use super::net::{CANDIDATE, LEGACY, Net, Place};
use super::parts;
use super::servers::Nginx;
use super::watch::Watch;
use super::wrk::wrk;

const FLOWS: &str = "10000";

/// What the process itself may take; the ring is the kernel's.
const BUDGET: u64 = 128 << 20;

#[test]
fn ten_thousand_hostile_flows_take_no_more_memory_than_is_theirs() {
    let Some(net) = Net::new() else { return };
    let _nginx = Nginx::start(&net, Place::Legacy, 80);
    let tap = (Place::Tap, "eth0");
    let watch = Watch::start(&net, tap, &format!("http://{CANDIDATE}:8080"), "safety: {}", &["-B", "262144"]);
    let hostile = Running::start("the hostile", parts::command(&net, Place::Client, "hostile", &["eth0", FLOWS]));
    let hostile = hostile.wait(PATIENCE);
    assert!(hostile.status.success(), "{hostile:?}");
    // What is honest is still read.
    let honest = wrk(&net, Place::Client, 2, std::time::Duration::from_secs(1), &format!("http://{LEGACY}/small"));
    let report = watch.interrupt();

    let evicted = report.ledger("wire/evicted");
    eprintln!("{} MiB at most; evicted: {evicted}", report.most >> 20);
    assert!(report.most < BUDGET, "{} MiB", report.most >> 20);
    assert!(evicted["unfinished-bytes"].as_u64() > Some(0), "{evicted}");
    assert!(report.count("wire/connections") >= 8_000, "{}", report.ledger("wire"));
    assert!(report.count("wire/frames_refused/fragment-not-reassembled") > 0, "{}", report.ledger("wire"));
    let paired = report.count("wire/requests_paired");
    assert!(paired >= honest.requests, "{paired} of {honest:?}");
    assert_eq!(report.count("capture/live/kernel_dropped"), 0, "{}", report.ledger("capture"));
}

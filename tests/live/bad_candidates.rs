//! The candidate dead, hanging, slow, or talking nonsense: the clients of the legacy notice nothing, memory stays flat,
//! the breaker opens and closes again, and every exchange that was not sent is counted.
//!
//! `TAPCOMPARE_LIVE_SECONDS=60` is the long way, a minute of each.

use std::time::{Duration, Instant};

use super::child::Running;
use super::net::{LEGACY, Net, Place};
use super::servers::{Asked, Candidate, Nginx, PACED, shop_legacy};
use super::watch::{Watch, length};
use super::wrk::{Load, wrk};
use super::{parts, proc};

const CONNECTIONS: u32 = 8;

/// A breaker that tries again soon, so that a short test sees it close.
const POLICY: &str = "
safety:
  limits: {in_flight: 16, timeout: 500ms}
  breaker: {open_for: 500ms}
";

const MIB: u64 = 1 << 20;

fn ask(net: &Net) -> Load {
    wrk(net, Place::Client, CONNECTIONS, length(), &format!("http://{LEGACY}/products/TEE-1114"))
}

#[test]
fn a_bad_candidate_costs_the_clients_nothing_and_is_told() {
    let Some(net) = Net::new() else { return };
    let _shop = shop_legacy(&net, &format!("{LEGACY}:80"));
    let mut candidate = Candidate::start(&net, "shop:none");
    let alone = ask(&net);
    let watch = Watch::start(&net, (Place::Tap, "eth0"), &candidate.url(), POLICY, &["tcp", "port", "80"]);
    let mut asked = 0;
    let mut flat = Vec::new();
    for mode in ["ok", "dead", "hang", "slow 250", "garbage", "status 500", "ok"] {
        candidate.be(mode);
        let load = ask(&net);
        let memory = proc::memory(watch.pid()).unwrap();
        eprintln!(
            "{mode:>10}: {:.2} of the rate and {:.2} of the median latency without us (p99 {:?}, was {:?}); {} MiB",
            load.per_second / alone.per_second,
            load.p50.as_secs_f64() / alone.p50.as_secs_f64(),
            load.p99,
            alone.p99,
            memory.own / MIB,
        );
        assert_eq!(load.errors(), 0, "{mode}: {load:?}");
        asked += load.requests;
        flat.push(memory.own);
    }
    let trusted_again = Instant::now();
    let before = candidate.asked().len();
    while candidate.asked().len() < before + 50 {
        assert!(trusted_again.elapsed() < Duration::from_secs(20), "the breaker never closed again");
        asked +=
            wrk(&net, Place::Client, CONNECTIONS, Duration::from_secs(1), &format!("http://{LEGACY}/health")).requests;
    }
    let report = watch.interrupt();

    let seen = report.count("wire/requests_paired");
    assert!(seen >= asked, "{seen} seen of {asked}");
    assert_eq!(report.count("capture/live/kernel_dropped"), 0);
    // The books close (see Report), so that what is not here was skipped for a reason that is.
    for failure in ["connect", "timeout", "malformed", "server-error"] {
        assert!(report.count(&format!("shadow/failed/{failure}")) > 0, "{failure}: {}", report.ledger("shadow"));
    }
    assert!(report.count("shadow/skipped/breaker-open") > 0, "{}", report.ledger("shadow"));
    assert_eq!(report.count("shadow/sent"), report.count("shadow/compared") + report.count("shadow/failed"));
    let breaker = &report.value["facts"]["admission"]["breaker"];
    let times = |what: &str| breaker[what].as_u64().unwrap();
    assert!(breaker["state"] == "closed" && times("opened") > 0, "{breaker}");
    assert!(times("closed") == times("opened") && times("open_ms") > 500, "{breaker}");
    let (least, most) = (flat.iter().min().unwrap(), flat.iter().max().unwrap());
    assert!(report.most < 128 * MIB && most - least < 32 * MIB, "{flat:?}, at most {}", report.most);
    assert_eq!(report.status, Some(1), "such a candidate is NO-GO");
}

#[test]
fn large_bodies_before_a_candidate_that_hangs_take_no_more_memory_than_is_theirs() {
    let Some(net) = Net::new() else { return };
    let _nginx = Nginx::start(&net, Place::Legacy, 80);
    let mut candidate = Candidate::start(&net, "shop:none");
    candidate.be("hang");
    // More places than there is memory for: the bytes are what is bounded.
    let policy = "safety: {limits: {in_flight: 1000, timeout: 3s}, breaker: 'off', backoff: 'off'}";
    let watch = Watch::start(&net, (Place::Tap, "eth0"), &candidate.url(), policy, &["-B", "262144"]);
    let load = wrk(&net, Place::Client, CONNECTIONS, length(), &format!("http://{LEGACY}{PACED}/64k"));
    let report = watch.interrupt();
    eprintln!("{} MiB at most; {}", report.most / MIB, report.ledger("shadow"));
    assert!(report.count("wire/requests_paired") >= load.requests, "{}", report.ledger("wire"));
    assert_eq!(report.count("capture/live/kernel_dropped"), 0, "{}", report.ledger("capture"));
    // Two bodies are reckoned for each: the recorded one, and the answer that may come.
    let places = (32 * MIB) / (2 * (64 << 10));
    let sent = report.count("shadow/sent");
    assert!(sent > places / 2 && report.count("shadow/skipped/shed") > 0, "{}", report.ledger("shadow"));
    assert!(report.most < 96 * MIB, "{} MiB", report.most / MIB);
}

#[test]
fn behind_a_candidate_that_hangs_nothing_goes_out_long_after_it_was_asked() {
    let Some(net) = Net::new() else { return };
    let _nginx = Nginx::start(&net, Place::Legacy, 80);
    let mut candidate = Candidate::start(&net, "shop:none");
    candidate.be("hang");
    // A place falls free ten times a second, and two hundred wait for it.
    let policy = "safety: {limits: {in_flight: 4, timeout: 400ms}, breaker: 'off', backoff: 'off'}";
    let watch = Watch::start(&net, (Place::Tap, "eth0"), &candidate.url(), policy, &[]);
    let client = parts::command(&net, Place::Client, "clock", &[&format!("{LEGACY}:80"), "/small", "200", "4"]);
    let client = Running::start("the clock's client", client).wait(super::child::PATIENCE);
    assert!(client.status.success(), "{client:?}");
    let report = watch.interrupt();

    let asked = candidate.asked();
    let age = |asked: &Asked| {
        let when: u64 = asked.target.split_once("at=").unwrap().1.parse().unwrap();
        asked.at - when
    };
    let oldest = asked.iter().map(age).max().unwrap();
    eprintln!("{} asked, the oldest was {oldest} ms old; {}", asked.len(), report.ledger("shadow"));
    assert!(asked.len() > 20, "{}", report.ledger("shadow"));
    assert!(oldest < 2_000, "{oldest} ms");
    assert!(report.count("shadow/skipped/too-late") > 100, "{}", report.ledger("shadow"));
}

//! The candidate dead, hanging, slow, or talking nonsense: the clients of the legacy notice nothing, memory stays flat,
//! the breaker opens and closes again, and every exchange that was not sent is counted.
//!
//! `TAPCOMPARE_LIVE_SECONDS=60` is the long way, a minute of each.

use std::time::{Duration, Instant};

use super::net::{LEGACY, Net, Place};
use super::proc;
use super::servers::{Candidate, shop_legacy};
use super::watch::{Watch, length};
use super::wrk::{Load, wrk};

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

//! A run that is told to stop, whatever goes on: it drains, reports and ends within the candidate's time-out and three
//! seconds; and a dry run, which sends nothing.

use std::time::{Duration, Instant};

use super::net::{LEGACY, Net, Place};
use super::servers::{Candidate, Nginx, PACED, shop_legacy, shoppers};
use super::watch::Watch;
use super::witness::Witness;
use super::wrk::load_until_dropped;

const TIMEOUT: Duration = Duration::from_secs(2);
const GRACE: Duration = Duration::from_secs(3);

/// Nothing keeps requests back from a candidate that hangs, so that all places are taken when the run is told to stop.
const POLICY: &str = "safety: {limits: {in_flight: 8, timeout: 2s}, breaker: 'off', backoff: 'off'}";

#[test]
fn a_signal_ends_a_run_in_time_while_the_candidate_hangs_and_traffic_goes_on() {
    let Some(net) = Net::new() else { return };
    let _nginx = Nginx::start(&net, Place::Legacy, 80);
    let mut candidate = Candidate::start(&net, "shop:none");
    candidate.be("hang");
    let _load = load_until_dropped(&net, 8, &format!("http://{LEGACY}{PACED}/small"));
    for signal in ["INT", "TERM"] {
        let watch = Watch::start(&net, (Place::Tap, "eth0"), &candidate.url(), POLICY, &["-B", "8192"]);
        std::thread::sleep(Duration::from_millis(700));
        let begun = Instant::now();
        let report = watch.stop(signal);
        let took = begun.elapsed();
        eprintln!("{signal}: {took:?}, {}", report.ledger("shadow"));
        assert!(took <= TIMEOUT + GRACE, "{signal}: {took:?}");
        assert!(report.count("shadow/failed/timeout") >= 8, "{}", report.ledger("shadow"));
        assert!(report.count("shadow/skipped/shed") > 0, "{}", report.ledger("shadow"));
        assert_eq!(report.count("shadow/compared"), 0, "{}", report.ledger("shadow"));
        assert_eq!(report.count("capture/live/kernel_dropped"), 0, "{}", report.ledger("capture"));
        assert_eq!(report.status, Some(1), "no answer at all is NO-GO: {}", report.err);
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let Some(net) = Net::new() else { return };
    let _nginx = Nginx::start(&net, Place::Legacy, 80);
    let mut candidate = Candidate::start(&net, "shop:none");
    candidate.be("hang");
    let _load = load_until_dropped(&net, 8, &format!("http://{LEGACY}{PACED}/small"));
    let policy = "safety: {limits: {in_flight: 8, timeout: 60s}, breaker: 'off'}";
    let watch = Watch::start(&net, (Place::Tap, "eth0"), &candidate.url(), policy, &["-B", "8192"]);
    std::thread::sleep(Duration::from_millis(500));
    watch.signal("INT");
    std::thread::sleep(Duration::from_millis(300));
    let begun = Instant::now();
    let ended = watch.end("INT");
    assert_eq!((ended.status.code(), ended.out.as_str()), (Some(130), ""), "{}", ended.err);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[test]
fn a_dry_run_sends_not_one_byte() {
    let Some(net) = Net::new() else { return };
    let _shop = shop_legacy(&net, &format!("{LEGACY}:80"));
    let candidate = Candidate::start(&net, "shop:none");
    let witness = Witness::start(&net, Place::Tap, "any");
    let before = (net.frames(Place::Tap, "eth0").1, net.frames(Place::Tap, "eth1").1);
    let watch = Watch::start(&net, (Place::Tap, "eth0"), &candidate.url(), "safety: {}", &["--dry-run"]);
    shoppers(&net, &format!("{LEGACY}:80"), 200);
    let ended = watch.end("INT");
    assert_eq!((net.frames(Place::Tap, "eth0").1, net.frames(Place::Tap, "eth1").1), before, "nothing went out at all");
    let witness = witness.stop();
    assert_eq!(witness.count("outbound and not src host 127.0.0.1"), 0);
    assert!(witness.count("tcp port 80") > 400, "the witness was awake");
    assert_eq!(candidate.asked().len(), 0);

    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let plan: serde_json::Value = serde_json::from_str(&ended.out).unwrap_or_else(|e| panic!("{e}: {ended:?}"));
    assert_eq!((&plan["dry_run"], &plan["exchanges"]), (&true.into(), &200.into()), "{plan:#}");
    let orders = plan["endpoints"].as_array().unwrap().iter().find(|e| e["endpoint"] == "POST /orders").unwrap();
    assert_eq!(orders["planned"][0]["why"], "unsafe-method", "{orders:#}");
    assert!(plan["would_be_sent"].as_u64().is_some_and(|n| (100..200).contains(&n)), "{plan:#}");
}

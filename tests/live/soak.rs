//! Half an hour of everything: neither memory nor descriptors grow. `make soak`; SOAK_MINUTES says how long.

use std::io::Write;
use std::time::{Duration, Instant};

use super::child::{PATIENCE, Running};
use super::net::{LEGACY, Net, Place};
use super::servers::{Candidate, shop_legacy, shoppers};
use super::watch::Watch;
use super::wrk::wrk;
use super::{parts, proc};

/// What the candidate goes through, one after the other, again and again.
const MODES: [&str; 8] = ["ok", "ok", "slow 250", "ok", "hang", "dead", "garbage", "status 500"];

/// What may be above the level that was reached when the run was warm, for good: allocators keep what they had once.
const SLACK: u64 = 8 << 20;

const POLICY: &str = "safety: {limits: {in_flight: 32, timeout: 1s}, breaker: {open_for: 2s}}";

/// A look at the process.
struct Look {
    at: Duration,
    memory: proc::Memory,
    descriptors: usize,
}

fn look(begun: Instant, pid: u32) -> Look {
    Look { at: begun.elapsed(), memory: proc::memory(pid).unwrap(), descriptors: proc::descriptors(pid).unwrap() }
}

#[test]
#[ignore = "half an hour; make soak"]
fn nothing_grows() {
    let Some(net) = Net::new() else { return };
    let minutes: f64 = std::env::var("SOAK_MINUTES").ok().map_or(30.0, |text| text.parse().unwrap());
    let length = Duration::from_secs_f64(minutes * 60.0);
    let _shop = shop_legacy(&net, &format!("{LEGACY}:80"));
    let mut candidate = Candidate::start(&net, "shop:none");
    let watch = Watch::start(&net, (Place::Tap, "eth0"), &candidate.url(), POLICY, &[]);
    let begun = Instant::now();
    let mut looks = Vec::new();
    for mode in MODES.iter().cycle() {
        if begun.elapsed() >= length {
            break;
        }
        candidate.be(mode);
        one_round(&net);
        let look = look(begun, watch.pid());
        let line = format!(
            "{:>5} s {mode:>10}: {:>5} kB resident, {:>5} kB its own, {} descriptors\n",
            look.at.as_secs(),
            look.memory.resident >> 10,
            look.memory.own >> 10,
            look.descriptors
        );
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        looks.push(look);
    }
    let report = watch.interrupt();
    eprintln!("{:#}", report.value["snapshot"]["ledger"]);
    judge(&looks, length);
    assert_eq!(report.count("capture/live/kernel_dropped"), 0);
}

/// Clients of all kinds: many alike, a few of many kinds, and some that mean ill.
fn one_round(net: &Net) {
    let url = |path: &str| format!("http://{LEGACY}{path}");
    wrk(net, Place::Client, 16, Duration::from_secs(3), &url("/products/TEE-1114"));
    wrk(net, Place::Client, 4, Duration::from_secs(1), &url("/nowhere"));
    shoppers(net, &format!("{LEGACY}:80"), 400);
    let hostile = parts::command(net, Place::Client, "hostile", &["eth0", "500"]);
    assert!(Running::start("the hostile", hostile).wait(PATIENCE).status.success());
}

/// The last quarter against the second: the first is for warming up.
fn judge(looks: &[Look], length: Duration) {
    let most = |from: f64, to: f64, of: fn(&Look) -> u64| {
        let (from, to) = (length.mul_f64(from), length.mul_f64(to));
        looks.iter().filter(|look| (from..to).contains(&look.at)).map(of).max().unwrap_or(0)
    };
    for (what, slack, of) in [
        ("bytes of its own", SLACK, (|look| look.memory.own) as fn(&Look) -> u64),
        ("descriptors", 8, |look| look.descriptors as u64),
    ] {
        let (warm, last) = (most(0.25, 0.5, of), most(0.75, 1.1, of));
        eprintln!("{what}: {warm} at most in the second quarter, {last} in the last");
        assert!(warm > 0 && last <= warm + slack, "{what} grow from {warm} to {last}");
    }
}

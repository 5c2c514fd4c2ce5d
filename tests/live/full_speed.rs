//! wrk at full speed: every request that it counts is in the books, paired, and nothing is lost.
//!
//! Which speed that is, the machine and the build decide, and nothing is asserted of it. `TAPCOMPARE_LIVE_SECONDS=10
//! TAPCOMPARE_BINARY=target/release/tapcompare cargo test --test live full_speed -- --nocapture` shows the figures.

use std::time::Duration;

use super::net::{LEGACY, Net, Place};
use super::servers::{BODIES, Candidate, Nginx, PACED};
use super::watch::{Report, Watch, length};
use super::witness::bare_tcpdump;
use super::wrk::{Load, wrk};

const CONNECTIONS: u32 = 16;

/// A build without optimisation takes 20 to 90 us of processor an exchange, and on two cores that it shares with wrk and
/// nginx there are not as many. Small bodies have room in the ring for as long as a test lasts; with larger ones it is
/// tested for what it sees, at a pace. `make bench` is for speed.
fn path_for_this_build((path, size): (&str, usize)) -> String {
    let slow = cfg!(debug_assertions) && std::env::var_os("TAPCOMPARE_BINARY").is_none();
    if slow && size > 1_000 { format!("{PACED}{path}") } else { path.to_owned() }
}

/// Some shadow traffic goes on beside: the candidate is the legacy's own copy.
const POLICY: &str = "safety: {limits: {rate: 100/s, in_flight: 16}}";

/// Where the load runs, where we listen, and the address of nginx there.
struct Road {
    name: &'static str,
    from: Place,
    tap: (Place, &'static str),
    address: &'static str,
}

const LOOPBACK: Road = Road { name: "loopback", from: Place::Legacy, tap: (Place::Legacy, "lo"), address: "127.0.0.1" };
const VETH: Road = Road { name: "veth", from: Place::Client, tap: (Place::Tap, "eth0"), address: LEGACY };

fn full_speed(road: &Road) {
    let Some(net) = Net::new() else { return };
    let nginx = Nginx::start(&net, Place::Legacy, 80);
    let _same = Nginx::start(&net, Place::Candidate, 80);
    let candidate = Candidate::start(&net, "127.0.0.1:80");
    // The namespace of the legacy has no other road to it.
    let url = if road.tap.0 == Place::Tap { candidate.url() } else { candidate.url_amid() };
    let mut before = 0;
    for (asked, (path, size)) in BODIES.into_iter().enumerate() {
        let tcpdump = bare_tcpdump(&net, road.tap.0, road.tap.1, "tcp port 80");
        let watch = Watch::start(&net, road.tap, &url, POLICY, &["-B", "262144", "tcp", "port", "80"]);
        let asked_for = format!("http://{}{}", road.address, path_for_this_build((path, size)));
        let load = wrk(&net, road.from, CONNECTIONS, length(), &asked_for);
        let report = watch.interrupt();
        let tcpdump = tcpdump.interrupt(super::child::PATIENCE).err;
        let served = nginx.requests(asked as u64) - before;
        before += served;
        show(road, size, &load, &report, &tcpdump);
        assert_all_seen(&format!("{} {size}", road.name), &load, served, &report);
    }
}

fn show(road: &Road, size: usize, load: &Load, report: &Report, tcpdump: &str) {
    let each = report.processor_time().as_secs_f64() * 1e6 / load.requests as f64;
    let dropped = tcpdump.lines().find(|line| line.ends_with("dropped by kernel")).unwrap_or("?");
    eprintln!(
        "{:>8} {size:>6} B: {:>8} requests, {:>7.0}/s, {each:>6.2} us of processor an exchange, {:>4} MiB of its own; \
         tcpdump: {dropped}; threads: {:?}",
        road.name,
        load.requests,
        load.per_second,
        report.most >> 20,
        report.processor,
    );
}

fn assert_all_seen(what: &str, load: &Load, served: u64, report: &Report) {
    let under_way = u64::from(CONNECTIONS);
    let (seen, paired) = (report.count("wire/requests"), report.count("wire/requests_paired"));
    let live = report.ledger("capture/live");
    for loss in ["kernel_dropped", "interface_dropped", "shed_frames"] {
        assert_eq!(live[loss], 0, "{what}: {live}");
    }
    assert_eq!(load.errors(), 0, "{what}: {load:?}");
    // wrk leaves when the time is over, whatever it still waits for: one request a connection at most.
    assert!((load.requests..=load.requests + under_way).contains(&seen), "{what}: {seen} seen, {load:?}");
    assert!((load.requests..=seen).contains(&served), "{what}: {seen} seen, nginx {served}, {load:?}");
    assert!((load.requests..=seen).contains(&paired), "{what}: {paired} paired of {seen}: {}", report.ledger("wire"));
    assert_eq!(report.count("wire/stream_bytes_gap"), 0, "{what}");
    assert!(report.count("shadow/sent") > 0 && report.most < 192 << 20, "{what}: {} MiB", report.most >> 20);
}

#[test]
fn everything_is_seen_on_the_loopback() {
    full_speed(&LOOPBACK);
}

#[test]
fn everything_is_seen_at_the_mirror_port() {
    full_speed(&VETH);
}

#[test]
fn a_load_that_is_gone_leaves_nothing_under_way() {
    let Some(net) = Net::new() else { return };
    let _nginx = Nginx::start(&net, Place::Legacy, 80);
    let watch = Watch::start(&net, VETH.tap, "http://10.77.1.3:8080", POLICY, &[]);
    wrk(&net, Place::Client, CONNECTIONS, Duration::from_secs(1), &format!("http://{LEGACY}/small"));
    // Nobody listens at the candidate: what could not be asked is counted, and the run ends at once.
    let begun = std::time::Instant::now();
    let report = watch.interrupt();
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(report.count("shadow/compared"), 0);
    assert_eq!(report.count("shadow/sent"), report.count("shadow/failed/connect"), "{}", report.ledger("shadow"));
}

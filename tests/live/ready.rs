//! Whether a run that is served is ready, while the interface that it listens to goes down, comes up again, and vanishes.

use std::time::{Duration, Instant};

use super::net::{LEGACY, Net, Place};
use super::servers::{Candidate, shop_legacy, shoppers};
use super::watch::Watch;

const PORT: u16 = 7070;
/// How long a change may take to be told; where all is well it takes about a second.
const PATIENCE: Duration = Duration::from_secs(30);

/// The status and the line of `/readyz`, or of another path, as whoever is in the tap's namespace gets it.
fn asked(net: &Net, path: &str) -> (u16, String) {
    let line = format!(
        "exec 3<>/dev/tcp/127.0.0.1/{PORT} && printf 'GET {path} HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && cat <&3"
    );
    let said = net.sh(Place::Tap, &line);
    let (head, body) = said.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{said}"));
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.trim_end().to_owned())
}

/// Asks until the line begins with these words.
fn comes_to(net: &Net, status: u16, words: &str) {
    let begun = Instant::now();
    loop {
        let (found, line) = asked(net, "/readyz");
        if line.starts_with(words) {
            assert_eq!(found, status, "{line}");
            assert_eq!(line.lines().count(), 1, "one line");
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{words} never came: {found} {line}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn figure(net: &Net, name: &str) -> f64 {
    let (_, text) = asked(net, "/metrics");
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name}: {text}"));
    line.trim().parse().unwrap()
}

#[test]
fn an_interface_that_goes_down_is_not_ready_and_is_again_when_it_is_up() {
    let Some(net) = Net::new() else { return };
    let _shop = shop_legacy(&net, &format!("{LEGACY}:80"));
    let candidate = Candidate::start(&net, "shop:none");
    let serve = format!("127.0.0.1:{PORT}");
    let watch =
        Watch::start(&net, (Place::Tap, "eth0"), &candidate.url(), "safety: {breaker: off}", &["--serve", &serve]);
    comes_to(&net, 200, "ready: the capture is open, and nothing has come yet");
    shoppers(&net, &format!("{LEGACY}:80"), 20);
    comes_to(&net, 200, "ready");
    assert_eq!(figure(&net, "tapcompare_capture_up"), 1.0);

    // Nobody has to look for it to be noticed, and it is told as long as it lasts.
    net.sh(Place::Tap, "ip link set eth0 down");
    comes_to(&net, 503, "not ready: the interface is down");
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(asked(&net, "/readyz").0, 503);
    assert_eq!(asked(&net, "/healthz").0, 200, "it lives: a restart would not help");
    let begun = Instant::now();
    while figure(&net, "tapcompare_capture_up") != 0.0 {
        assert!(begun.elapsed() < PATIENCE, "the figures never say it");
        std::thread::sleep(Duration::from_millis(200));
    }
    let (_, verdict) = asked(&net, "/api/v1/verdict");
    assert!(verdict.contains("\"phase\":\"down\""), "{verdict}");

    // Up again is enough: frames may be long in coming.
    net.sh(Place::Tap, "ip link set eth0 up");
    comes_to(&net, 200, "ready");
    net.sh(Place::Switch, "sleep 0.5");
    shoppers(&net, &format!("{LEGACY}:80"), 20);
    comes_to(&net, 200, "ready");
    let report = watch.interrupt();
    assert_eq!(report.count("wire/requests_paired"), 40, "{}", report.ledger("wire"));
    assert!(report.err.contains("is down") && report.err.contains("up again"), "{}", report.err);
}

//! What is seen at the mirror port, and what is sent from it: every request of the clients, and nothing to anybody but
//! the candidate.

use std::time::Duration;

use super::net::{CANDIDATE, LEGACY, Net, Place, TAP, TAP_AMID, TAPS_MAC};
use super::servers::{Candidate, Nginx, shop_legacy, shoppers};
use super::watch::{Report, Watch};
use super::witness::Witness;
use super::wrk::wrk;

/// The policy of the demo, which the candidate of the demo passes; its rules are named from where it lies.
const SHOP: &str = include_str!("../../captures/shop.yaml");

fn shop_policy() -> String {
    SHOP.replace("../rules/common.yaml", concat!(env!("CARGO_MANIFEST_DIR"), "/rules/common.yaml"))
}

/// Witnesses at every place that a byte of ours could come to.
struct Proof<'a> {
    net: &'a Net,
    tap: Witness,
    legacy: Witness,
    sent_before: u64,
}

impl<'a> Proof<'a> {
    fn begin(net: &'a Net) -> Proof<'a> {
        let sent_before = net.frames(Place::Tap, "eth0").1;
        let (tap, legacy) = (Witness::start(net, Place::Tap, "any"), Witness::start(net, Place::Legacy, "eth0"));
        Proof { net, tap, legacy, sent_before }
    }

    /// Nothing but the candidate, at that address, had a byte from us.
    fn end(self, candidate: &str) {
        let Proof { net, tap, legacy, sent_before } = self;
        let (tap, legacy) = (tap.stop(), legacy.stop());
        let to_it = format!("dst host {candidate} and tcp dst port 8080");
        let elsewhere = format!("(src host {TAP} or src host {TAP_AMID}) and not ({to_it})");
        assert_eq!(tap.count(&elsewhere), 0, "{}", tap.lines(&elsewhere));
        assert!(tap.count(&to_it) > 0, "and it had some");
        let ours = format!("src host {TAP} or src host {TAP_AMID} or ether src {TAPS_MAC}");
        assert_eq!(legacy.count(&ours), 0, "{}", legacy.lines(&ours));
        assert!(legacy.count("tcp dst port 80") > 0, "the witness was awake");
        if candidate == CANDIDATE {
            assert_eq!(net.frames(Place::Tap, "eth0").1, sent_before, "the mirror port itself sent nothing at all");
        }
    }
}

/// What went to the candidate is what the books say, marked, and nothing that is not safe.
fn assert_asked(candidate: &Candidate, report: &Report) {
    let asked = candidate.asked();
    assert_eq!(asked.len() as u64, report.count("shadow/sent"), "one attempt each");
    for asked in asked {
        assert!(["GET", "HEAD"].contains(&&asked.method[..]), "{asked:?}");
        assert_eq!(asked.header("shadow-request"), Some("1"), "{asked:?}");
        assert_eq!(asked.header("cookie").or(asked.header("authorization")), None, "{asked:?}");
    }
}

#[test]
fn every_request_to_the_shop_is_seen_and_only_the_candidate_is_asked() {
    let Some(net) = Net::new() else { return };
    let _shop = shop_legacy(&net, &format!("{LEGACY}:80"));
    let candidate = Candidate::start(&net, "shop:none");
    let proof = Proof::begin(&net);
    let watch = Watch::start(&net, (Place::Tap, "eth0"), &candidate.url(), &shop_policy(), &[]);
    shoppers(&net, &format!("{LEGACY}:80"), 600);
    let report = watch.interrupt();
    proof.end(CANDIDATE);

    assert_eq!((report.count("wire/requests"), report.count("wire/requests_paired")), (600, 600));
    assert_eq!((report.count("capture/live/kernel_dropped"), report.count("capture/live/shed_frames")), (0, 0));
    let unsafe_ones = report.count("shadow/skipped/unsafe-method");
    assert!(unsafe_ones > 10, "the shoppers order and pay, too: {unsafe_ones}");
    assert_eq!(report.count("shadow/skipped"), unsafe_ones, "{}", report.ledger("shadow/skipped"));
    assert_eq!(report.count("shadow/matched"), 600 - unsafe_ones, "{}", report.ledger("shadow"));
    assert_asked(&candidate, &report);
}

#[test]
fn a_run_is_ended_by_time_or_by_count_or_by_a_signal() {
    let Some(net) = Net::new() else { return };
    let _shop = shop_legacy(&net, &format!("{LEGACY}:80"));
    let candidate = Candidate::start(&net, "shop:none");
    let start =
        |arguments: &[&str]| Watch::start(&net, (Place::Tap, "eth0"), &candidate.url(), &shop_policy(), arguments);
    let visit = |most| shoppers(&net, &format!("{LEGACY}:80"), most);

    let watch = start(&[]);
    visit(50);
    let report = watch.stop("TERM");
    assert_eq!((report.status, report.count("wire/requests_paired")), (Some(3), 50), "{}", report.err);

    let watch = start(&["--requests", "20"]);
    visit(50);
    let report = watch.wait();
    assert_eq!(report.count("shadow/sent"), 20);

    let begun = std::time::Instant::now();
    let watch = start(&["--for", "1500ms", "tcp", "port", "80"]);
    visit(50);
    let report = watch.wait();
    assert!(begun.elapsed() >= Duration::from_millis(1500));
    assert_eq!(report.count("wire/requests_paired"), 50);
}

#[test]
fn what_we_ask_the_candidate_ourselves_is_not_taken_for_traffic() {
    let Some(net) = Net::new() else { return };
    let nginx = Nginx::start(&net, Place::Legacy, 80);
    let _same = Nginx::start(&net, Place::Candidate, 80);
    let candidate = Candidate::start(&net, "127.0.0.1:80");
    let proof = Proof::begin(&net);
    // The candidate stands on the mirrored network itself, so that all that is sent to it is seen once more.
    let policy = "safety: {limits: {rate: 300/s}}";
    let watch = Watch::start(&net, (Place::Tap, "eth0"), &candidate.url_amid(), policy, &[]);
    let load = wrk(&net, Place::Client, 2, Duration::from_secs(1), &format!("http://{LEGACY}/4k"));
    let report = watch.interrupt();
    proof.end(super::net::CANDIDATE_AMID);

    let served = nginx.requests(0);
    let own = report.count("shadow/skipped/own-traffic");
    assert!((load.requests..=load.requests + 2).contains(&served), "{served} {load:?}");
    let (seen, sent) = (report.count("wire/requests"), report.count("shadow/sent"));
    assert!((served..=served + 2).contains(&(seen - own)), "{served} {seen} {own}");
    assert!(sent > 50 && own <= sent, "{}", report.ledger("shadow"));
    assert_eq!(report.count("shadow/matched"), report.count("shadow/compared"), "{}", report.ledger("shadow"));
    assert_asked(&candidate, &report);
}

#[test]
fn on_all_interfaces_each_request_is_seen_once_and_what_we_ask_is_known_as_our_own() {
    let Some(net) = Net::new() else { return };
    let _shop = shop_legacy(&net, &format!("{LEGACY}:80"));
    let candidate = Candidate::start(&net, "shop:none");
    let watch = Watch::start(&net, (Place::Tap, "any"), &candidate.url(), &shop_policy(), &[]);
    shoppers(&net, &format!("{LEGACY}:80"), 200);
    let report = watch.interrupt();
    let (own, sent) = (report.count("shadow/skipped/own-traffic"), report.count("shadow/sent"));
    assert!(sent > 50 && own > 0 && own <= sent, "{}", report.ledger("shadow"));
    assert_eq!(report.count("wire/requests_paired") - own, 200, "{}", report.ledger("wire"));
    assert_eq!(report.count("shadow/matched"), sent, "{}", report.ledger("shadow"));
}

#[test]
fn an_interface_that_goes_down_is_waited_for_and_one_that_vanishes_ends_the_run_with_its_report() {
    let Some(net) = Net::new() else { return };
    let _shop = shop_legacy(&net, &format!("{LEGACY}:80"));
    let candidate = Candidate::start(&net, "shop:none");
    let visit = || shoppers(&net, &format!("{LEGACY}:80"), 50);
    let watch = Watch::start(&net, (Place::Tap, "eth0"), &candidate.url(), &shop_policy(), &[]);
    visit();
    net.sh(Place::Tap, "ip link set eth0 down; sleep 0.6; ip link set eth0 up; sleep 0.3");
    net.sh(Place::Switch, "sleep 0.5");
    visit();
    std::thread::sleep(Duration::from_millis(300));
    net.sh(Place::Tap, "ip link del eth0");
    let report = watch.wait();
    assert_eq!(report.count("wire/requests_paired"), 100, "{}", report.ledger("wire"));
    let damage = report.ledger("capture/damage").to_string();
    assert!(damage.contains("down") && damage.contains("vanished"), "{damage}");
    assert_eq!(report.ledger("capture/finished"), false, "{damage}");
    assert_ne!(report.value["verdict"], "GO");
}

//! A cloud's mirror: frames that come in UDP datagrams, whole and cut short.

use super::child::{PATIENCE, Running};
use super::net::{Net, Place, TAP};
use super::parts;
use super::servers::Candidate;
use super::watch::{Report, Watch};

/// Bytes of each frame that a mirror which cuts leaves: the headers of a short answer, and no body of a long one.
const CUT: &str = "300";

/// The capture that ships, mirrored by the candidate's neighbour, each frame in a datagram; and how many there were.
fn mirrored(net: &Net, flags: &[&str], cut: &str) -> (Report, u64) {
    let candidate = Candidate::start(net, "shop:none");
    let address = format!("{TAP}:4789");
    let watch = Watch::start_on(net, Place::Tap, &["--vxlan", &address], &candidate.url(), "safety: {}", flags);
    let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/shop.pcap");
    let sender = parts::command(net, Place::Candidate, "mirror", &[&address, capture, cut]);
    let ended = Running::start("the mirror", sender).wait(PATIENCE);
    let sent = ended.out.lines().find_map(|line| line.strip_prefix("sent ")).unwrap_or_else(|| panic!("{ended:?}"));
    (watch.interrupt(), sent.parse().unwrap())
}

fn assert_nothing_lost(report: &Report, sent: u64) {
    assert_eq!(report.count("wire/frames"), sent, "{}", report.ledger("capture"));
    assert_eq!(report.count("capture/live/received"), sent + 1, "{}", report.ledger("capture"));
    assert_eq!(report.count("capture/live/not_vxlan"), 1, "{}", report.ledger("capture"));
    assert_eq!(report.count("capture/live/kernel_dropped"), 0, "{}", report.ledger("capture"));
}

#[test]
fn what_a_mirror_sends_in_datagrams_is_read_like_the_wire_itself() {
    let Some(net) = Net::new() else { return };
    let (report, sent) = mirrored(&net, &[], "65535");
    assert_nothing_lost(&report, sent);
    let (seen, paired) = (report.count("wire/requests"), report.count("wire/requests_paired"));
    assert!(seen > 500 && paired == seen, "{}", report.ledger("wire"));
    assert!(report.count("shadow/compared") > 0, "{}", report.ledger("shadow"));
}

#[test]
fn what_the_mirror_or_the_snap_length_cut_is_never_compared() {
    for (flags, cut) in [(&[][..], CUT), (&["-s", CUT], "65535")] {
        let Some(net) = Net::new() else { return };
        let (report, sent) = mirrored(&net, flags, cut);
        assert_nothing_lost(&report, sent);
        let incomplete = report.ledger("wire/requests_unpaired");
        eprintln!("cut by {}: {incomplete}", if flags.is_empty() { "the mirror" } else { "us" });
        assert!(report.count("wire/requests_unpaired") > 50, "{}", report.ledger("wire"));
        // Short ones are whole; they agree, as they do where nothing was cut.
        assert!(report.count("shadow/compared") > 0, "{}", report.ledger("shadow"));
        let differing = report.count("shadow/mismatched") + report.count("shadow/failed");
        assert_eq!(differing, 0, "{}", report.ledger("shadow"));
        assert_eq!(report.gate("loss"), "not-enough", "{:#}", report.value["gates"]);
    }
}

#[test]
fn a_filter_looks_into_the_datagrams() {
    let Some(net) = Net::new() else { return };
    let (report, sent) = mirrored(&net, &["tcp", "port", "9"], "65535");
    assert_eq!(report.count("wire/frames_refused/filtered"), sent, "{}", report.ledger("wire"));
    assert_eq!(report.count("wire/requests"), 0);
}

//! Frames that were lost on purpose are in the books, to the frame.

use std::time::Duration;

use super::child::{PATIENCE, Running};
use super::net::{CANDIDATE, CLIENT, LEGACY, NOBODY, Net, Place};
use super::parts;
use super::servers::{Candidate, Nginx, PACED};
use super::watch::{Report, Watch};
use super::wrk::load_until_dropped;

const FRAMES: u64 = 50_000;

fn send(net: &Net, count: u64, size: usize) {
    let (from, to) = (format!("{CLIENT}:9000"), format!("{NOBODY}:9"));
    let arguments = [&from[..], &to, &count.to_string(), &size.to_string()];
    let ended = Running::start("the sender", parts::command(net, Place::Client, "send", &arguments)).wait(PATIENCE);
    assert!(ended.out.contains(&format!("sent {count}\n")), "{ended:?}");
}

/// A run that is kept from reading, or is not, while frames come; and how many came.
fn listen(net: &Net, ring: &str, stopped: bool) -> (Report, u64) {
    let candidate = format!("http://{CANDIDATE}:8080");
    let tap = (Place::Tap, "eth0");
    let watch = Watch::start(net, tap, &candidate, "safety: {}", &["-B", ring, "udp", "port", "9"]);
    let before = net.frames(Place::Tap, "eth0").0;
    if stopped {
        watch.signal("STOP");
    }
    send(net, FRAMES, 400);
    let came = net.frames(Place::Tap, "eth0").0 - before;
    if stopped {
        watch.signal("CONT");
    }
    (watch.interrupt(), came)
}

fn handed_and_dropped(report: &Report) -> (u64, u64) {
    let dropped = report.count("capture/live/kernel_dropped");
    let handed = report.count("capture/live/received") - dropped;
    assert_eq!(handed, report.count("wire/frames") + report.count("capture/live/shed_frames"));
    (handed, dropped)
}

#[test]
fn each_frame_that_the_ring_had_no_room_for_is_in_the_books() {
    let Some(net) = Net::new() else { return };
    let (report, came) = listen(&net, "1024", true);
    let (handed, dropped) = handed_and_dropped(&report);
    assert_eq!((came, handed + dropped), (FRAMES, FRAMES), "{}", report.ledger("capture"));
    assert!(dropped > FRAMES / 2 && handed > 0, "a ring of 1 MiB has no room for 20: {handed} + {dropped}");
    assert_eq!(report.value["verdict"], "INCONCLUSIVE");
    assert_eq!(report.count("wire/frames_refused/not-tcp"), report.count("wire/frames"));
}

#[test]
fn nothing_is_dropped_where_the_ring_has_room() {
    let Some(net) = Net::new() else { return };
    let (report, came) = listen(&net, "65536", true);
    assert_eq!((came, handed_and_dropped(&report)), (FRAMES, (FRAMES, 0)), "{}", report.ledger("capture"));
}

#[test]
fn a_ring_that_is_read_too_slowly_is_told_as_exactly() {
    let Some(net) = Net::new() else { return };
    let (report, came) = listen(&net, "512", false);
    let (handed, dropped) = handed_and_dropped(&report);
    assert_eq!((came, handed + dropped), (FRAMES, FRAMES), "{}", report.ledger("capture"));
}

#[test]
fn what_a_loss_tears_apart_is_counted_and_never_taken_for_a_difference() {
    let Some(net) = Net::new() else { return };
    let _nginx = Nginx::start(&net, Place::Legacy, 80);
    let _same = Nginx::start(&net, Place::Candidate, 80);
    let candidate = Candidate::start(&net, "127.0.0.1:80");
    let load = load_until_dropped(&net, 16, &format!("http://{LEGACY}{PACED}/4k"));
    // What is asked shall not hang on how busy this machine is: with a breaker that measures latency it would.
    let policy = "safety: {breaker: off, backoff: off}";
    let watch = Watch::start(&net, (Place::Tap, "eth0"), &candidate.url(), policy, &["-B", "2048"]);
    for _ in 0..4 {
        std::thread::sleep(Duration::from_millis(300));
        watch.signal("STOP");
        std::thread::sleep(Duration::from_millis(900));
        watch.signal("CONT");
    }
    std::thread::sleep(Duration::from_millis(300));
    drop(load);
    let report = watch.interrupt();
    let (_, dropped) = handed_and_dropped(&report);
    eprintln!("{dropped} frames dropped; {} {}", report.ledger("wire/requests_unpaired"), report.ledger("shadow"));
    assert!(dropped > 1_000, "{}", report.ledger("capture"));
    let torn = report.count("wire/requests_unpaired") + report.count("wire/answers_unpaired");
    assert!(torn > 0 && report.count("wire/stream_bytes_gap") > 0, "{}", report.ledger("wire"));
    assert!(report.count("shadow/compared") > 100, "{}", report.ledger("shadow"));
    assert_eq!(report.count("shadow/matched"), report.count("shadow/compared"), "{}", report.ledger("shadow"));
    assert_eq!((report.gate("loss"), &report.value["verdict"] != "GO"), ("not-enough", true));
}

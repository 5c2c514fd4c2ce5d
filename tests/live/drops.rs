//! Frames that were lost on purpose are in the books, to the frame.

use super::child::{PATIENCE, Running};
use super::net::{CANDIDATE, CLIENT, NOBODY, Net, Place};
use super::parts;
use super::watch::{Report, Watch};

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

//! Live capture against real interfaces: nothing twice, nothing unwanted, and every loss in numbers.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod network;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use network::{drain, ip, own_network, read, send_datagrams, send_frames, udp_frame};
use tapcompare::capture::{BATCH_BYTES, BATCH_FRAMES, Batch, CaptureError, Files, Live, LiveOptions, Saver};

fn on(interface: &str, filter: &str) -> LiveOptions {
    LiveOptions { filter: Some(filter.to_owned()), ..LiveOptions::on(interface) }
}

/// The number that [`send_datagrams`] put into a frame with this many bytes of headers.
fn number(data: &[u8], headers: usize) -> u32 {
    u32::from_be_bytes(data[headers..headers + 4].try_into().unwrap())
}

const ETHERNET_IP_UDP: usize = 14 + 20 + 8;

#[test]
fn each_frame_on_the_loopback_comes_once_in_order_and_counted() {
    if !own_network("each_frame_on_the_loopback_comes_once_in_order_and_counted") {
        return;
    }
    let mut live = Live::open(&on("lo", "udp dst port 9009")).unwrap();
    assert_eq!(live.link(), 1);
    let before = SystemTime::now();
    send_datagrams("127.0.0.1:9009", 3000, 200);
    send_datagrams("127.0.0.1:9010", 500, 200);

    let mut numbers = Vec::new();
    let mut times = Vec::new();
    read(&mut live, 3000, |frame| {
        assert_eq!((frame.data.len(), frame.wire_length, frame.link), (ETHERNET_IP_UDP + 200, 242, 1));
        numbers.push(number(frame.data, ETHERNET_IP_UDP));
        times.push(frame.time);
    });
    assert_eq!(numbers, (0..3000).collect::<Vec<_>>());
    let age = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as i64;
    assert!(
        times.iter().all(|t| (age(before)..age(SystemTime::now())).contains(&t.0)),
        "stamped by the kernel's clock"
    );
    assert!(times.iter().any(|t| t.0 % 1000 != 0), "in nanoseconds");

    live.stop_taking().unwrap();
    assert_eq!(drain(&mut live), 0);
    let losses = live.losses();
    assert_eq!((losses.received, losses.kernel_dropped, losses.interface_dropped), (3000, 0, 0));
}

#[test]
fn what_the_ring_had_no_room_for_is_counted_to_the_frame() {
    if !own_network("what_the_ring_had_no_room_for_is_counted_to_the_frame") {
        return;
    }
    let mut live = Live::open(&LiveOptions { ring_bytes: 512 << 10, ..on("lo", "udp dst port 9009") }).unwrap();
    send_datagrams("127.0.0.1:9009", 20_000, 1000);
    let mut batch = Batch::new();
    assert!(live.fill(&mut batch, Duration::from_secs(1)).unwrap() > 0);
    let first = batch.len() as u64;
    // Room again: what comes now is taken in.
    let second = drain_some(&mut live);
    send_datagrams("127.0.0.1:9009", 100, 1000);
    live.stop_taking().unwrap();
    send_datagrams("127.0.0.1:9009", 100, 1000);
    let rest = drain(&mut live);
    let losses = live.losses();
    assert_eq!(losses.received, 20_100, "what came after the stop is not taken in");
    assert!(losses.kernel_dropped > 15_000, "a ring of half a megabyte holds some 500 of 20,000: {losses:?}");
    assert_eq!(first + second + rest + losses.kernel_dropped, losses.received);
    assert!(rest >= 100);
}

fn drain_some(live: &mut Live) -> u64 {
    let mut batch = Batch::new();
    let mut frames = 0;
    loop {
        batch.clear();
        match live.fill(&mut batch, Duration::from_millis(100)).unwrap() {
            0 => return frames,
            n => frames += n as u64,
        }
    }
}

#[test]
fn nothing_unwanted_slips_in_while_the_capture_opens() {
    if !own_network("nothing_unwanted_slips_in_while_the_capture_opens") {
        return;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let flood = thread::spawn({
        let stop = Arc::clone(&stop);
        move || {
            while !stop.load(Ordering::Relaxed) {
                send_datagrams("127.0.0.1:9010", 1000, 64);
            }
        }
    });
    for _ in 0..5 {
        let mut live = Live::open(&on("lo", "udp dst port 9009")).unwrap();
        send_datagrams("127.0.0.1:9009", 10, 64);
        let mut numbers = Vec::new();
        read(&mut live, 10, |frame| {
            assert_eq!(frame.data[36..38], 9009u16.to_be_bytes(), "only what the filter wants");
            numbers.push(number(frame.data, ETHERNET_IP_UDP));
        });
        assert_eq!(numbers, (0..10).collect::<Vec<_>>(), "and all of it");
        live.stop_taking().unwrap();
        assert_eq!(drain(&mut live), 0);
        assert_eq!((live.losses().received, live.losses().kernel_dropped), (10, 0), "none other is counted");
    }
    stop.store(true, Ordering::Relaxed);
    flood.join().unwrap();
}

#[test]
fn batches_keep_their_bounds_and_long_frames_are_whole() {
    if !own_network("batches_keep_their_bounds_and_long_frames_are_whole") {
        return;
    }
    let mut live = Live::open(&on("lo", "udp dst port 9009")).unwrap();
    for round in 0..10 {
        // Short ones first, so that the long ones come unexpectedly.
        send_datagrams("127.0.0.1:9009", 700, 16);
        send_datagrams("127.0.0.1:9009", 20, 60_000 - round);
    }
    let mut batch = Batch::new();
    let (mut frames, mut bytes, mut long) = (0, 0, 0);
    while frames < 7200 {
        batch.clear();
        assert!(live.fill(&mut batch, Duration::from_secs(1)).unwrap() > 0, "only {frames} came");
        // Frames longer than any before are taken before their length is known; they wait for the next batch.
        assert!(batch.len() <= BATCH_FRAMES && batch.bytes() <= 20 * 60_100 + BATCH_BYTES, "{}", batch.bytes());
        frames += batch.len();
        bytes += batch.bytes();
        long += batch.frames().filter(|f| f.data.len() > 50_000).count();
    }
    assert_eq!((frames, long), (7200, 200));
    let headers = 7200 * ETHERNET_IP_UDP;
    assert_eq!(bytes, headers + 7000 * 16 + (0..10).map(|round| 20 * (60_000 - round)).sum::<usize>());
}

#[test]
fn a_short_snap_length_keeps_the_true_length() {
    if !own_network("a_short_snap_length_keeps_the_true_length") {
        return;
    }
    let mut live = Live::open(&LiveOptions { snap_length: 100, ..on("lo", "udp dst port 9009") }).unwrap();
    send_datagrams("127.0.0.1:9009", 5, 1000);
    let seen = read(&mut live, 5, |frame| assert_eq!((frame.data.len(), frame.wire_length), (100, 1042)));
    assert_eq!(seen, 5);
}

#[test]
fn an_interface_that_goes_down_or_away_is_an_error_value() {
    if !own_network("an_interface_that_goes_down_or_away_is_an_error_value") {
        return;
    }
    ip("link add left type veth peer name right");
    assert!(matches!(Live::open(&LiveOptions::on("left")), Err(CaptureError::InterfaceDown { .. })));
    ip("link set left up");
    ip("link set right up");
    ip("address add 10.9.0.1/24 dev left");
    ip("neighbour add 10.9.0.2 lladdr 02:00:00:00:00:02 dev left nud permanent");
    let mut live = Live::open(&on("left", "udp dst port 9009")).unwrap();
    send_datagrams("10.9.0.2:9009", 7, 64);
    ip("link set left down");
    let error = loop_until_error(&mut live, 7);
    assert!(matches!(error, CaptureError::InterfaceDown { .. }), "{error}");
    assert!(error.to_string().contains("ip link set left up"), "{error}");

    // Up again, it goes on.
    ip("link set left up");
    ip("neighbour replace 10.9.0.2 lladdr 02:00:00:00:00:02 dev left nud permanent");
    send_datagrams("10.9.0.2:9009", 3, 64);
    assert_eq!(read(&mut live, 3, |_| {}), 3);

    ip("link delete left");
    let error = loop_until_error(&mut live, 0);
    assert!(matches!(error, CaptureError::InterfaceGone { .. }), "{error}");
    // Another interface of the same name is not what was opened.
    ip("link add left type veth peer name right");
    ip("link set left up");
    let error = loop_until_error(&mut live, 0);
    assert!(matches!(error, CaptureError::InterfaceGone { .. }), "{error}");
    assert_eq!(live.losses().received, 10);
}

/// Fills until an error comes, for at most five seconds; before it, exactly so many frames must have come.
fn loop_until_error(live: &mut Live, frames: usize) -> CaptureError {
    let mut batch = Batch::new();
    let begun = Instant::now();
    let mut seen = 0;
    while begun.elapsed() < Duration::from_secs(5) {
        batch.clear();
        match live.fill(&mut batch, Duration::from_millis(20)) {
            Ok(n) => seen += n,
            Err(error) => {
                assert_eq!(seen, frames);
                return error;
            }
        }
    }
    panic!("no error in five seconds, {seen} frames");
}

#[test]
fn tagged_frames_keep_their_tag_and_can_be_asked_for() {
    if !own_network("tagged_frames_keep_their_tag_and_can_be_asked_for") {
        return;
    }
    ip("link add left type veth peer name right");
    ip("link set left up");
    ip("link set right up");
    let mut live = Live::open(&on("right", "vlan 7 and udp dst port 9009")).unwrap();
    let tagged = [udp_frame(Some(7), 9009, &[1; 64]), udp_frame(Some(8), 9009, &[2; 64])];
    send_frames("left", &[&tagged[..], &tagged[..], &[udp_frame(None, 9009, &[3; 64])]].concat());
    let seen = read(&mut live, 2, |frame| {
        assert_eq!(frame.data, tagged[0]);
        assert_eq!(frame.data[12..16], [0x81, 0, 0, 7], "the tag is where it was on the wire");
        assert_eq!(frame.wire_length as usize, ETHERNET_IP_UDP + 4 + 64);
    });
    assert_eq!(seen, 2);
    live.stop_taking().unwrap();
    assert_eq!((drain(&mut live), live.losses().received), (0, 2));
}

#[test]
fn any_shows_each_interface_and_the_loopback_once() {
    if !own_network("any_shows_each_interface_and_the_loopback_once") {
        return;
    }
    ip("link add left type veth peer name right");
    ip("link set left up");
    ip("link set right up");
    ip("address add 10.9.0.1/24 dev left");
    ip("neighbour add 10.9.0.2 lladdr 02:00:00:00:00:02 dev left nud permanent");
    let mut live = Live::open(&on("any", "udp dst port 9009")).unwrap();
    assert_eq!(live.link(), 276, "LINKTYPE_LINUX_SLL2");
    send_datagrams("127.0.0.1:9009", 5, 64);
    send_datagrams("10.9.0.2:9009", 3, 64);
    let mut of = std::collections::BTreeMap::new();
    // The veth's frames are seen on their way out of the one end and into the other.
    assert_eq!(read(&mut live, 11, |frame| *of.entry(frame.data[4..8].to_vec()).or_insert(0) += 1), 11);
    let mut counts: Vec<i32> = of.into_values().collect();
    counts.sort_unstable();
    assert_eq!(counts, [3, 3, 5]);
    live.stop_taking().unwrap();
    assert_eq!((drain(&mut live), live.losses().received), (0, 11));
}

#[test]
fn what_is_kept_with_w_is_what_was_handed_on() {
    if !own_network("what_is_kept_with_w_is_what_was_handed_on") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kept.pcap");
    let mut live = Live::open(&on("lo", "udp dst port 9009")).unwrap();
    let mut saver = Saver::create(&file, live.link(), 262_144, Some(100_000)).unwrap();
    send_datagrams("127.0.0.1:9009", 500, 700);
    let mut handed_on = Vec::new();
    read(&mut live, 500, |frame| {
        handed_on.push((frame.time, frame.data.to_vec()));
        saver.frame(frame).unwrap();
    });
    saver.flush().unwrap();
    assert_eq!((saver.saved(), saver.unsaved()), (500, 0));
    assert!(saver.name().ends_with("kept.pcap3"), "{:?}", saver.name());
    let names: Vec<_> = ["", "1", "2", "3"].map(|n| folder.path().join(format!("kept.pcap{n}"))).to_vec();
    let mut files = Files::open(&names).unwrap();
    let mut found = Vec::new();
    while let Some(frame) = files.next() {
        found.push((frame.time, frame.data.to_vec()));
    }
    assert!(found == handed_on, "{} of {}", found.len(), handed_on.len());
}

#[test]
fn what_cannot_be_opened_is_told_in_one_line() {
    if !own_network("what_cannot_be_opened_is_told_in_one_line") {
        return;
    }
    let refused = |options: &LiveOptions| Live::open(options).map(|_| ()).unwrap_err().to_string();
    let error = refused(&LiveOptions::on("mirror9"));
    assert_eq!(error, "-i mirror9: there is no such interface; there are lo, any");
    let error = refused(&on("lo", "tcp prot 80"));
    assert!(error.contains("'tcp prot 80'") && error.contains("syntax error") && !error.contains('\n'), "{error}");
}

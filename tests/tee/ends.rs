//! How a tee ends: nobody new, who is at rest at once, who waits for an answer when it has come, and the rest when time is up.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::child::PATIENCE;
use super::support::{
    REPORTS, Report, Tee, answering, ask, command, connect, connect_as, free_port, head, is_reset, ok, rest, server,
    wait_until,
};

/// Answers when it is told to.
fn when_told() -> (std::net::SocketAddr, mpsc::Sender<()>, mpsc::Receiver<()>) {
    let (tell, told) = mpsc::channel();
    let (say, said) = mpsc::channel();
    let (told, say) = (std::sync::Mutex::new(told), std::sync::Mutex::new(say));
    let address = server(move |mut stream| {
        while head(&mut stream, &mut Vec::new()).is_some() {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf").unwrap();
            say.lock().unwrap().send(()).unwrap();
            told.lock().unwrap().recv().unwrap();
            stream.write_all(b"half").unwrap();
        }
    });
    (address, tell, said)
}

#[test]
fn who_is_at_rest_is_closed_at_once_and_who_waits_gets_the_whole_answer() {
    let (legacy, tell, half) = when_told();
    let same = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalfhalf";
    let candidate = format!("http://{}", answering(|_| same.to_vec()));
    let port = free_port();
    let tee = Tee::before(legacy, &candidate, &["--drain", "10m", "--serve", &format!("127.0.0.1:{port}")]);
    let mut never_asked = tee.connect();
    let mut at_rest = tee.connect();
    write!(at_rest, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    half.recv().unwrap();
    tell.send(()).unwrap();
    let mut all = [0; 46];
    at_rest.read_exact(&mut all).unwrap();
    assert!(all.ends_with(b"halfhalf"));
    let mut waiting = tee.connect();
    write!(waiting, "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    half.recv().unwrap();
    wait_until("ready", || is_ready(port).starts_with("HTTP/1.1 200 "));

    tee.running.signal("TERM");
    assert_eq!((rest(&mut never_asked), rest(&mut at_rest)), (vec![], vec![]), "both are ended, and not broken off");
    wait_until("nobody new", || TcpStream::connect(tee.address).is_err());
    wait_until("not ready", || is_ready(port).starts_with("HTTP/1.1 503 "));
    thread::sleep(Duration::from_millis(200));
    tell.send(()).unwrap();
    let answer = rest(&mut waiting);
    assert!(answer.ends_with(b"halfhalf"), "{}", String::from_utf8_lossy(&answer));
    let report = Report::of(tee.running.wait(REPORTS));
    report.closes();
    assert_eq!((report.ledger("wire/requests_paired"), report.ledger("capture/tee/cut")), (2, 0));
    assert_eq!(report.ledger("shadow/matched"), 2);
    assert!(!report.ended.err.contains("cut off"), "{}", report.ended.err);
}

#[test]
fn who_does_not_come_to_an_end_is_cut_off_when_time_is_up() {
    let (legacy, _tell, half) = when_told();
    let tee = Tee::before(legacy, "http://127.0.0.1:9", &["--drain", "300ms", "--connections", "1"]);
    let mut waiting = tee.connect();
    write!(waiting, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    half.recv().unwrap();
    // Told a moment ago, which must not keep the end from being told.
    tee.running.wait_for_err("1 connection at once");
    let report = tee.report();
    report.closes();
    assert!(is_reset(&mut waiting), "what is cut must not look like what has ended");
    assert_eq!(report.ledger("capture/tee/cut"), 1);
    assert!(report.ended.err.contains("1 connection did not come to its end"), "{}", report.ended.err);
    assert_eq!(report.ledger("wire/requests_paired"), 0);
}

/// All of the answer was read, and not all of it was taken: that is no rest.
#[test]
fn who_has_not_taken_its_whole_answer_gets_it() {
    for length in [3_000_000, 3_500_000, 4_000_000, 4_018_000, 4_020_000, 4_500_000] {
        let body = "y".repeat(length);
        let legacy = answering(move |_| ok(&body));
        let tee = Tee::before(legacy, "http://127.0.0.1:9", &["--drain", "10m"]);
        let mut client = connect_as(tee.address, None, Some(8 << 10));
        write!(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        thread::sleep(Duration::from_millis(200));
        tee.running.signal("TERM");
        tee.running.wait_for_err("stopping");
        thread::sleep(Duration::from_millis(100));
        let all = rest(&mut client);
        let head = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        assert_eq!(all.len() - head, length);
        tee.running.wait(REPORTS);
    }
}

#[test]
fn a_lame_duck_still_takes_who_comes_and_says_that_it_is_going() {
    let candidate = format!("http://{}", answering(|_| ok("{}")));
    let port = free_port();
    let serve = format!("127.0.0.1:{port}");
    let tee = Tee::before(answering(|_| ok("{}")), &candidate, &["--lame-duck", "2s", "--serve", &serve]);
    let mut before = tee.connect();
    assert_eq!(ask(&mut before, "/1").1, b"{}");
    tee.running.signal("TERM");
    wait_until("not ready", || is_ready(port).starts_with("HTTP/1.1 503 "));
    assert_eq!(ask(&mut tee.connect(), "/2").1, b"{}", "who comes late");
    assert_eq!(ask(&mut before, "/3").1, b"{}", "and nobody is closed yet");
    assert_eq!(rest(&mut before), b"");
    let report = Report::of(tee.running.wait(REPORTS));
    report.closes();
    assert_eq!(report.ledger("shadow/matched"), 3);
}

fn is_ready(port: u16) -> String {
    let mut stream = connect(([127, 0, 0, 1], port).into());
    write!(stream, "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").unwrap();
    String::from_utf8(rest(&mut stream)).unwrap()
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let (legacy, _tell, half) = when_told();
    let tee = Tee::before(legacy, "http://127.0.0.1:9", &["--drain", "10m"]);
    let mut waiting = tee.connect();
    write!(waiting, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    half.recv().unwrap();
    tee.running.signal("TERM");
    tee.running.wait_for_err("stopping");
    tee.running.signal("TERM");
    assert_eq!(tee.running.wait(PATIENCE).status.code(), Some(130));
}

#[test]
fn it_ends_by_itself_when_it_was_told_how_long() {
    let candidate = format!("http://{}", answering(|_| ok("{}")));
    let tee = Tee::before(answering(|_| ok("{}")), &candidate, &["--for", "1s"]);
    let mut client = tee.connect();
    assert_eq!(ask(&mut client, "/").1, b"{}");
    let report = Report::of(tee.running.wait(REPORTS));
    report.closes();
    assert_eq!(report.ledger("shadow/matched"), 1);
}

#[test]
fn one_more_than_it_takes_waits_until_another_has_ended() {
    let candidate = format!("http://{}", answering(|_| ok("{}")));
    let tee = Tee::before(answering(|_| ok("{}")), &candidate, &["--connections", "2"]);
    let (mut first, mut second) = (tee.connect(), tee.connect());
    assert_eq!([ask(&mut first, "/1").1, ask(&mut second, "/2").1], [b"{}", b"{}"]);
    // The kernel has taken it, and nobody passes anything on.
    let mut third = tee.connect();
    write!(third, "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    third.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(third.read(&mut [0; 100]).is_err(), "it waits");
    tee.running.wait_for_err("2 connections at once");
    third.set_read_timeout(Some(PATIENCE)).unwrap();
    drop(first);
    assert_eq!(super::support::answer(&mut third).1, b"{}");
    let report = tee.report();
    report.closes();
    assert_eq!(report.ledger("shadow/matched"), 3);
}

/// What was killed leaves a file that can be judged, and its successor takes the port at once.
#[test]
fn what_was_killed_is_started_anew_and_goes_on_with_its_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tee.run");
    let candidate = format!("http://{}", answering(|_| ok("{}")));
    let legacy = answering(|_| ok("{}"));
    let listen = format!("127.0.0.1:{}", free_port());
    let start = || Tee::start(&listen, &format!("http://{legacy}"), &candidate, &["--run", file.to_str().unwrap()]);
    let tee = start();
    let mut client = tee.connect();
    (0..10).for_each(|_| drop(ask(&mut client, "/orders")));
    let judged = || {
        let judged = command().args(["judge", "--output", "json"]).arg(&file).output().unwrap();
        // It relays before it has its file.
        serde_json::from_slice::<serde_json::Value>(&judged.stdout).unwrap_or_default()
    };
    wait_until("ten are written", || judged()["snapshot"]["ledger"]["shadow"]["matched"] == 10);
    tee.running.signal("KILL");
    tee.running.wait(PATIENCE);
    assert!(is_reset(&mut client), "what was killed breaks off");
    let tee = start();
    assert_eq!(ask(&mut tee.connect(), "/orders").1, b"{}");
    let report = tee.report();
    assert_eq!(report.ledger("shadow/matched"), 1, "the report is of this stretch");
    let together = judged();
    assert_eq!(together["snapshot"]["ledger"]["shadow"]["matched"], 11);
    assert_eq!(together["snapshot"]["ledger"]["capture"]["tee"]["connections"], 2);
    let books = together["gates"].as_array().unwrap().iter().find(|gate| gate["gate"] == "books").unwrap();
    assert_eq!(books["state"], "pass", "{books}");
}

//! Byte for byte: what goes in at one side comes out at the other, ends and resets included, whatever it is.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::sync::mpsc;
use std::thread;

use super::support::{Tee, answer, ask, connect_as, free_port, head, is_reset, ok, reset, rest, server, server_at};

/// A candidate that nobody reaches.
const NOBODY: &str = "http://127.0.0.1:9";

/// Bytes that look like nothing, the same for the same seed.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        // xorshift64 (Marsaglia, 2003).
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }
}

/// Writes `bytes` in pieces of all sizes.
fn in_pieces(stream: &mut impl Write, bytes: &[u8], seed: u64) {
    let mut noise = Noise(seed);
    let mut left = bytes;
    while !left.is_empty() {
        let size = 1 + (noise.next() % [7, 1_500, 90_000][(noise.next() % 3) as usize]) as usize;
        let (piece, more) = left.split_at(size.min(left.len()));
        stream.write_all(piece).unwrap();
        left = more;
    }
    stream.flush().unwrap();
}

#[test]
fn whatever_is_sent_either_way_arrives_as_it_was() {
    const LENGTH: usize = 3 << 20;
    let (said, heard) = mpsc::channel();
    let said = std::sync::Mutex::new(said);
    let legacy = server(move |mut stream| {
        let mut name = [0];
        stream.read_exact(&mut name).unwrap();
        let seed = u64::from(name[0]);
        let mut writer = stream.try_clone().unwrap();
        let writing = thread::spawn(move || {
            in_pieces(&mut writer, &Noise(seed + 100).bytes(LENGTH), seed);
            writer.shutdown(Shutdown::Write).unwrap();
        });
        let all = rest(&mut stream);
        writing.join().unwrap();
        said.lock().unwrap().send((seed, all)).unwrap();
    });
    let tee = Tee::before(legacy, NOBODY, &[]);
    thread::scope(|scope| {
        for seed in 1..=6 {
            let mut stream = tee.connect();
            scope.spawn(move || {
                let mut writer = stream.try_clone().unwrap();
                let writing = thread::spawn(move || {
                    writer.write_all(&[seed as u8]).unwrap();
                    in_pieces(&mut writer, &Noise(seed).bytes(LENGTH), seed + 7);
                    writer.shutdown(Shutdown::Write).unwrap();
                });
                assert!(rest(&mut stream) == Noise(seed + 100).bytes(LENGTH), "what the legacy sent to {seed}");
                writing.join().unwrap();
            });
        }
    });
    for _ in 0..6 {
        let (seed, all) = heard.recv().unwrap();
        assert!(all == Noise(seed).bytes(LENGTH), "what client {seed} sent");
    }
    let report = tee.report();
    assert_eq!(report.ledger("capture/tee/from_clients/relayed"), 6 * (LENGTH as u64 + 1));
    assert_eq!(report.ledger("capture/tee/from_legacy/relayed"), 6 * LENGTH as u64);
    assert_eq!((report.ledger("capture/tee/connections"), report.ledger("capture/tee/unreachable")), (6, 0));
}

/// Answers as servers give them, and some that only old ones do.
const ANSWERS: [&str; 6] = [
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n4;a=b\r\n{\"a\"\r\n3\r\n:1}\r\n0\r\nX-Sum: 1\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nLink: </s.css>; rel=preload\r\n\r\nHTTP/1.1 200 Fine\r\ncontent-LENGTH:2\r\nX-Twice: a\r\nx-twice: b\r\n\r\n{}",
    "HTTP/1.1 304 Not Modified\r\nETag: W/\"1\"\r\n\r\n",
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length:  0  \r\nX-Empty:\r\n\r\n",
    "HTTP/1.1 404 \r\nConnection: close\r\nContent-Type: application/json\r\n\r\n{\"until\":\"the end\"}",
];

#[test]
fn answers_of_every_kind_to_requests_in_one_piece_pass_as_they_are_and_are_understood() {
    let legacy = server(|mut stream| {
        let mut read = Vec::new();
        for answer in ANSWERS {
            head(&mut stream, &mut read).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let tee = Tee::before(legacy, NOBODY, &[]);
    let mut client = tee.connect();
    let asked: String = (0..ANSWERS.len()).map(|n| format!("GET /{n} HTTP/1.1\r\nhOsT: shop.test\r\n\r\n")).collect();
    client.write_all(asked.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(rest(&mut client)).unwrap(), ANSWERS.concat());
    drop(client);
    let report = tee.report();
    report.closes();
    assert_eq!(report.ledger("wire/requests_paired"), ANSWERS.len() as u64, "{}", report.json["snapshot"]["ledger"]);
    assert_eq!(report.ledger("wire/interim"), 1);
}

#[test]
fn an_upgraded_connection_goes_on_as_it_will() {
    let legacy = server(|mut stream| {
        let mut read = Vec::new();
        head(&mut stream, &mut read).unwrap();
        stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n").unwrap();
        let mut piece = [0; 100];
        while let Ok(n @ 1..) = stream.read(&mut piece) {
            let back: Vec<u8> = piece[..n].iter().rev().copied().collect();
            stream.write_all(&back).unwrap();
        }
    });
    let tee = Tee::before(legacy, NOBODY, &[]);
    let mut client = tee.connect();
    client.write_all(b"GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n").unwrap();
    assert!(answer(&mut client).0.starts_with("HTTP/1.1 101 "));
    for word in [&b"\x81\x05hello"[..], b"GET / HTTP/1.1\r\n\r\n"] {
        client.write_all(word).unwrap();
        let mut back = vec![0; word.len()];
        client.read_exact(&mut back).unwrap();
        assert!(back.iter().rev().eq(word));
    }
    drop(client);
    let report = tee.report();
    report.closes();
    assert_eq!((report.ledger("wire/tunnels"), report.ledger("wire/requests")), (1, 1));
}

#[test]
fn who_has_said_everything_still_gets_an_answer() {
    let legacy = server(|mut stream| {
        let asked = rest(&mut stream);
        stream.write_all(&ok(&format!("{{\"read\":{}}}", asked.len()))).unwrap();
    });
    let tee = Tee::before(legacy, NOBODY, &[]);
    let mut client = tee.connect();
    let asked = b"GET /half HTTP/1.1\r\nHost: shop.test\r\n\r\n";
    client.write_all(asked).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let all = rest(&mut client);
    assert_eq!(
        String::from_utf8(all).unwrap(),
        String::from_utf8(ok(&format!("{{\"read\":{}}}", asked.len()))).unwrap()
    );
    let report = tee.report();
    report.closes();
    assert_eq!(report.ledger("wire/requests_paired"), 1);
}

/// The legacy is long done, and nothing more is said; what is on its way is the client's for as long as it reads.
#[test]
#[ignore = "it takes more than a minute; make soak runs it"]
fn a_slow_reader_gets_all_of_an_answer_whose_server_has_gone() {
    const LENGTH: usize = 200_000;
    let legacy = server(|mut stream| {
        head(&mut stream, &mut Vec::new()).unwrap();
        let begun = format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\nConnection: close\r\n\r\n");
        stream.write_all(begun.as_bytes()).unwrap();
        stream.write_all(&Noise(9).bytes(LENGTH)).unwrap();
    });
    let tee = Tee::before(legacy, NOBODY, &[]);
    // It takes little at a time, so that most of it is held for it by the tee's kernel.
    let mut client = connect_as(tee.address, None, Some(8 << 10));
    client.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    // Longer than a connection that is silent is kept after the legacy's end.
    thread::sleep(std::time::Duration::from_secs(65));
    let all = rest(&mut client);
    assert!(all.ends_with(&Noise(9).bytes(LENGTH)), "{} bytes came", all.len());
    tee.report().closes();
}

#[test]
fn an_answer_that_comes_before_the_request_is_whole_comes_through() {
    const REFUSED: &[u8] = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
    let legacy = server(|mut stream| {
        head(&mut stream, &mut Vec::new()).unwrap();
        // The rest is not read, so that closing breaks the connection off.
        stream.write_all(REFUSED).unwrap();
        thread::sleep(std::time::Duration::from_millis(100));
    });
    let tee = Tee::before(legacy, NOBODY, &[]);
    let mut client = tee.connect();
    client.write_all(b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n").unwrap();
    let mut writer = client.try_clone().unwrap();
    let writing = thread::spawn(move || while writer.write_all(&[b'x'; 64 << 10]).is_ok() {});
    let mut got = vec![0; REFUSED.len()];
    client.read_exact(&mut got).unwrap();
    assert_eq!(got, REFUSED);
    client.shutdown(Shutdown::Both).ok();
    writing.join().unwrap();
    drop(client);
    assert_eq!(tee.report().ledger("wire/requests"), 1);
}

#[test]
fn who_breaks_off_on_one_side_is_broken_off_on_the_other() {
    let (said, heard) = mpsc::channel();
    let said = std::sync::Mutex::new(said);
    let legacy = server(move |mut stream| {
        let head = head(&mut stream, &mut Vec::new()).unwrap();
        if head.starts_with("GET /breaks") {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").unwrap();
            reset(stream);
        } else {
            said.lock().unwrap().send(is_reset(&mut stream)).unwrap();
        }
    });
    let tee = Tee::before(legacy, NOBODY, &[]);
    let mut client = tee.connect();
    client.write_all(b"GET /breaks HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(is_reset(&mut client), "an answer that was broken off must not look like one that has ended");
    let mut client = tee.connect();
    client.write_all(b"GET /waits HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    thread::sleep(std::time::Duration::from_millis(50));
    reset(client);
    assert!(heard.recv().unwrap(), "the legacy is told that nobody waits any more");
    let report = tee.report();
    report.closes();
    assert_eq!(report.at("/snapshot/ledger/wire/requests_unpaired"), &serde_json::json!({"reset": 2}));
    assert_eq!(report.gate("loss")["figure"], 0.0, "what the two sides do is no loss: {}", report.gate("loss"));
}

/// The legacy has answered at length, and breaks off because it does not read the rest of the request. What it said before is
/// the client's, slow as it is.
#[test]
fn what_came_before_a_side_broke_off_still_goes_on() {
    const LENGTH: usize = 400_000;
    let (said, gone) = mpsc::channel();
    let said = std::sync::Mutex::new(said);
    let legacy = server(move |mut stream| {
        head(&mut stream, &mut Vec::new()).unwrap();
        let begun = format!("HTTP/1.1 413 Content Too Large\r\nContent-Length: {LENGTH}\r\n\r\n");
        stream.write_all(begun.as_bytes()).unwrap();
        stream.write_all(&Noise(5).bytes(LENGTH)).unwrap();
        thread::sleep(std::time::Duration::from_millis(200));
        // Of the body much is unread.
        drop(stream);
        said.lock().unwrap().send(()).unwrap();
    });
    let tee = Tee::before(legacy, NOBODY, &[]);
    let mut client = connect_as(tee.address, None, Some(8 << 10));
    client.write_all(b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n").unwrap();
    client.write_all(&[b'u'; 100_000]).unwrap();
    gone.recv().unwrap();
    thread::sleep(std::time::Duration::from_millis(500));
    let mut all = vec![0; 0];
    let mut piece = [0; 16 << 10];
    while let Ok(n @ 1..) = client.read(&mut piece) {
        all.extend_from_slice(&piece[..n]);
    }
    assert!(all.ends_with(&Noise(5).bytes(LENGTH)), "{} bytes came", all.len());
    tee.report();
}

/// The legacy gives up on clients that take nothing, and their places are free again.
#[test]
fn a_legacy_that_breaks_off_is_heard_also_while_the_client_takes_nothing() {
    let (said, gave_up) = mpsc::channel();
    let said = std::sync::Mutex::new(said);
    let legacy = server(move |mut stream| {
        let head = head(&mut stream, &mut Vec::new()).unwrap();
        if head.starts_with("GET /small") {
            return stream.write_all(&ok("{}")).unwrap();
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n").unwrap();
        stream.set_write_timeout(Some(std::time::Duration::from_millis(300))).unwrap();
        while stream.write_all(&[b'x'; 64 << 10]).is_ok() {}
        reset(stream);
        said.lock().unwrap().send(()).unwrap();
    });
    let tee = Tee::before(legacy, NOBODY, &["--connections", "3"]);
    let clients: Vec<_> = (0..3)
        .map(|_| {
            let mut client = connect_as(tee.address, None, Some(8 << 10));
            client.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
            client
        })
        .collect();
    (0..3).for_each(|_| gave_up.recv().unwrap());
    assert_eq!(ask(&mut tee.connect(), "/small").1, b"{}", "there is a place for the fourth");
    for mut client in clients {
        assert!(is_reset(&mut client), "and the three are told");
    }
    tee.report();
}

#[test]
fn where_no_legacy_is_nobody_is_answered_and_when_it_is_back_all_is_well() {
    let port = free_port();
    let tee = Tee::before(([127, 0, 0, 1], port).into(), NOBODY, &[]);
    assert!(is_reset(&mut tee.connect()), "nothing is answered in the legacy's name");
    server_at(TcpListener::bind(("127.0.0.1", port)).unwrap(), |mut stream| {
        head(&mut stream, &mut Vec::new()).unwrap();
        stream.write_all(&ok("{}")).unwrap();
    });
    assert_eq!(ask(&mut tee.connect(), "/").1, b"{}");
    let report = tee.report();
    report.closes();
    assert_eq!((report.ledger("capture/tee/connections"), report.ledger("capture/tee/unreachable")), (2, 1));
    assert_eq!(report.ledger("wire/requests_paired"), 1);
}

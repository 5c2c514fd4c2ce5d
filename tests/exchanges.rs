//! Conversations as they occur, one a test, and the exchanges that come of them.

#![allow(clippy::unwrap_used)] // What tests share between them may fail as tests do.

mod wire_support;

use std::time::Duration;

use tapcompare::exchange::{Exchange, Incomplete};
use tapcompare::ledger::WireBooks;
use tapcompare::wire::{Keep, WireOptions};
use wire_support::talk::{Talk, answer, chunked, get};
use wire_support::{Seen, Seg, see, see_with};

/// Requests and answers in turn.
fn talk(turns: &[(&[u8], &[u8])]) -> Talk {
    let mut talk = Talk::new(1448);
    for (request, answer) in turns {
        talk.send(true, request);
        talk.send(false, answer);
    }
    talk
}

/// `GET /a 200 hello`, with the interim answers in brackets before, and the reason after, where there are any.
fn short(e: &Exchange) -> String {
    let request = e.request.as_ref().map_or("-".into(), |r| format!("{} {}", r.method, r.target_text()));
    let interim = if e.interim().is_empty() { String::new() } else { format!("{:?} ", e.interim()) };
    let response =
        e.response.as_ref().map_or("-".into(), |r| format!("{} {}", r.status, String::from_utf8_lossy(&r.body.bytes)));
    let reason = e.incomplete.map_or(String::new(), |r| format!(" !{r}"));
    format!("{request} | {interim}{}{reason}", response.trim_end())
}

fn shorts(seen: &Seen) -> Vec<String> {
    seen.exchanges.iter().map(short).collect()
}

fn told(talk: &Talk) -> Vec<String> {
    shorts(&see(&talk.segments))
}

fn books(talk: &Talk) -> WireBooks {
    see(&talk.segments).books
}

#[test]
fn answers_that_have_no_body_whatever_their_length_says() {
    let long = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n";
    let turns: &[(&[u8], &[u8])] = &[
        (b"HEAD /h HTTP/1.1\r\n\r\n", long),
        (&get("/304"), b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n"),
        (&get("/204"), b"HTTP/1.1 204 No Content\r\n\r\n"),
        (&get("/205"), b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"),
        (&get("/a"), &answer("body")),
    ];
    assert_eq!(
        told(&talk(turns)),
        ["HEAD /h | 200", "GET /304 | 304", "GET /204 | 204", "GET /205 | 205", "GET /a | 200 body"]
    );
}

#[test]
fn interim_answers_before_the_request_is_whole_and_after() {
    let mut talk = Talk::new(1448);
    talk.send(true, b"POST /p HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    talk.send(false, b"HTTP/1.1 100 Continue\r\n\r\n");
    talk.send(true, b"data");
    talk.send(false, &[&b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"[..], &answer("done")].concat());
    assert_eq!(told(&talk), ["POST /p | [100, 103] 200 done"]);
    assert_eq!(books(&talk).interim, 2);
}

#[test]
fn interim_answers_that_no_final_one_follows() {
    let continues = b"HTTP/1.1 100 Continue\r\n\r\n";
    for mut talk in [Talk::new(1448), Talk::midstream(1448)] {
        // Both directions are known to stand still where the next request begins.
        talk.send(true, &get("/first"));
        talk.send(false, &answer("one"));
        talk.send(true, b"POST /p HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
        talk.send(false, continues);
        assert_eq!(told(&talk), ["GET /first | 200 one", "POST /p | [100] - !end-of-capture"]);
        talk.send(true, b"data");
        talk.send(false, b"HTTP/1.1 103 Early Hints\r\n\r\n");
        talk.close();
        assert_eq!(told(&talk), ["GET /first | 200 one", "POST /p | [100, 103] - !no-response"]);
    }
    let mut pipelined = talk(&[(&[get("/1"), get("/2"), get("/3")].concat(), &answer("one"))]);
    pipelined.send(false, b"HTTP/1.1 102 Processing\r\n\r\n");
    pipelined.close();
    assert_eq!(told(&pipelined), ["GET /1 | 200 one", "GET /2 | [102] - !no-response", "GET /3 | - !no-response"]);
    // After a hole among pipelined answers nobody knows whose it is.
    pipelined.segments.remove(4);
    assert_eq!(told(&pipelined), ["GET /1 | - !pairing-lost", "GET /2 | - !pairing-lost", "GET /3 | - !pairing-lost"]);
    assert_eq!(books(&pipelined).interim, 1);
    // A hole after it does not take it away.
    let mut cut = talk(&[(&get("/1"), &[&continues[..], &answer("never seen")].concat())]);
    let head = cut.segments.last_mut().unwrap();
    (head.cut, head.payload) = ((head.payload.len() - continues.len()) as u32, continues.to_vec());
    assert_eq!(told(&cut), ["GET /1 | [100] - !pairing-lost"]);
}

#[test]
fn an_answer_that_comes_before_the_request_s_end() {
    let mut talk = Talk::new(1448);
    talk.send(true, b"POST /p HTTP/1.1\r\nContent-Length: 4\r\n\r\nda");
    talk.send(false, &answer("early"));
    talk.send(true, b"ta");
    talk.send(true, &get("/next"));
    talk.send(false, &answer("on"));
    assert_eq!(told(&talk), ["POST /p | 200 early", "GET /next | 200 on"]);
}

#[test]
fn pipelining_chunks_and_trailers() {
    let mut talk = Talk::new(100);
    talk.send(true, &[get("/1"), get("/2"), get("/3")].concat());
    talk.send(false, &[answer("one"), chunked("in chunks", 2), answer("three")].concat());
    let seen = see(&talk.segments);
    assert_eq!(shorts(&seen), ["GET /1 | 200 one", "GET /2 | 200 in chunks", "GET /3 | 200 three"]);
    assert_eq!(seen.exchanges[1].response.as_ref().unwrap().headers.get("x-sum"), Some(&b"1"[..]));
}

#[test]
fn a_body_until_the_connection_closes() {
    let mut talk = talk(&[(&get("/c"), b"HTTP/1.0 200 OK\r\n\r\nall of ")]);
    talk.send(false, b"it");
    assert_eq!(told(&talk), ["GET /c | 200 all of it !end-of-capture"]);
    talk.close();
    assert_eq!(told(&talk), ["GET /c | 200 all of it"]);
    let fin = talk.segments.len() - 3;
    talk.segments.remove(fin - 1);
    assert_eq!(told(&talk), ["GET /c | 200 all of !gap"]);
}

#[test]
fn a_fin_that_carries_data_and_data_on_a_syn() {
    let mut talk = talk(&[(&get("/f"), b"HTTP/1.0 200 OK\r\n\r\nlast")]);
    talk.segments.last_mut().unwrap().fin = true;
    // TCP Fast Open: the request travels on the SYN.
    let request = talk.segments[3].payload.clone();
    talk.segments[0].payload = request;
    talk.segments.remove(3);
    assert_eq!(told(&talk), ["GET /f | 200 last"]);
}

#[test]
fn resets_and_closes() {
    let mut cut = talk(&[(&get("/r"), b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")]);
    let whole = talk(&[(&get("/r"), &answer("whole"))]);
    cut.rst(false);
    assert_eq!(told(&cut), ["GET /r | 200 half !reset"]);
    cut.segments.pop();
    cut.close();
    assert_eq!(told(&cut), ["GET /r | 200 half !closed"]);
    let mut whole = whole;
    whole.rst(true);
    assert_eq!(told(&whole), ["GET /r | 200 whole"]);
    let mut none = Talk::new(1448);
    none.send(true, &get("/n"));
    assert_eq!(told(&none), ["GET /n | - !end-of-capture"]);
    none.close();
    assert_eq!(told(&none), ["GET /n | - !no-response"]);
}

#[test]
fn tunnels_are_counted_and_left() {
    let mut tunnel =
        talk(&[(b"CONNECT h:443 HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 Connected\r\nContent-Length: 7\r\n\r\n")]);
    tunnel.send(true, &get("/inside"));
    tunnel.send(false, &answer("inside"));
    assert_eq!(told(&tunnel), ["CONNECT h:443 | 200"]);
    assert_eq!(books(&tunnel).tunnels, 1);
    assert_eq!(books(&tunnel).stream_bytes_not_http, (get("/inside").len() + answer("inside").len()) as u64);
    let upgrade = talk(&[
        (b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x02hi"),
        (b"\x81\x02ho", b"HTTP/1.1 200 OK\r\n\r\n"),
    ]);
    assert_eq!(told(&upgrade), ["GET /ws | 101"]);
    let refused = talk(&[
        (b"CONNECT h:443 HTTP/1.1\r\n\r\n", b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno"),
        (&get("/a"), &answer("on")),
    ]);
    assert_eq!(told(&refused), ["CONNECT h:443 | 403 no", "GET /a | 200 on"]);
}

#[test]
fn other_protocols_give_nothing() {
    let protocols: &[(&[u8], &[u8])] = &[
        (b"\x16\x03\x01\x00\x05hello", b"\x16\x03\x03\x00\x02hi"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", b"SSH-2.0-OpenSSH_9.6\r\n"),
        (b"EHLO me\r\nMAIL FROM:<a@b>\r\n", b"220 mail ESMTP\r\n250 ok\r\n"),
        (b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", b"\0\0\0\x04\0\0\0\0\0"),
    ];
    for turn in protocols {
        let talk = talk(&[*turn]);
        let seen = see(&talk.segments);
        assert!(seen.exchanges.is_empty(), "{:?}", shorts(&seen));
        assert_eq!(seen.books.stream_bytes_not_http, seen.books.stream_bytes);
    }
}

#[test]
fn what_stands_before_the_first_request() {
    let socks: &[(&[u8], &[u8])] = &[
        (b"\x05\x01\x00", b"\x05\x00"),
        (b"\x05\x01\x00\x01\x0a\x00\x00\x09\x00\x50", b"\x05\x00\x00\x01\x0a\x00\x00\x09\x00\x50"),
        (&get("/a"), &answer("a")),
        (&get("/b"), &answer("b")),
    ];
    assert_eq!(told(&talk(socks)), ["GET /a | 200 a", "GET /b | 200 b"]);
    let line = [b"PROXY TCP4 10.0.0.9 10.0.0.2 1 80\r\n".to_vec(), get("/p")].concat();
    assert_eq!(told(&talk(&[(&line, &answer("p"))])), ["GET /p | 200 p"]);
    let blank = [b"\r\n\r\n".to_vec(), get("/c")].concat();
    assert_eq!(
        told(&talk(&[(&get("/a"), &answer("a")), (&blank, &answer("c"))])),
        ["GET /a | 200 a", "GET /c | 200 c"]
    );
}

#[test]
fn ambiguous_framing_is_never_complete() {
    for headers in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Content-Length: 0\r\nContent-Length: 5",
        "Content-Length: +5",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "Content-Length: 18446744073709551616",
        "A: b\rContent-Length: 5",
        "A: b\nContent-Length: 5",
        "A: \0",
    ] {
        let request = format!("POST /x HTTP/1.1\r\n{headers}\r\n\r\n0\r\n\r\n");
        let talk = talk(&[(request.as_bytes(), &answer("x")), (&get("/after"), &answer("y"))]);
        let seen = see(&talk.segments);
        assert_eq!(seen.exchanges[0].incomplete, Some(Incomplete::AmbiguousFraming), "{headers:?}");
        assert!(
            !seen.exchanges.iter().any(|e| e.is_complete() && e.request.as_ref().unwrap().target == "/x"),
            "{headers:?}"
        );
    }
    let bad = talk(&[(&get("/y"), b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfive\r\nhello\r\n0\r\n\r\n")]);
    assert_eq!(told(&bad), ["GET /y | 200 !ambiguous-framing"]);
}

#[test]
fn bytes_that_come_again_and_differ_mark_the_exchange() {
    for at in [3, 4] {
        let mut talk = Talk::new(1448);
        talk.send(true, &get("/first"));
        talk.send(false, b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
        let mut again = talk.segments[at].clone();
        let last = again.payload.len() - 1;
        again.payload[last] ^= 1;
        talk.segments.push(again.clone());
        talk.send(false, b"world");
        assert_eq!(told(&talk), ["GET /first | 200 helloworld !conflicting-bytes"]);
    }
}

#[test]
fn probes_are_no_data_and_no_conflict() {
    let mut talk = talk(&[(&get("/1"), &answer("one"))]);
    for from_client in [true, false] {
        let mut probe = talk.segments[if from_client { 3 } else { 4 }].clone();
        probe.seq = probe.seq.wrapping_add(probe.payload.len() as u32 - 1);
        probe.payload = vec![0];
        talk.segments.push(probe.clone());
        probe.payload.clear();
        talk.segments.push(probe);
    }
    talk.send(true, &get("/2"));
    talk.send(false, &answer("two"));
    assert_eq!(told(&talk), ["GET /1 | 200 one", "GET /2 | 200 two"]);
}

#[test]
fn a_snap_length_is_a_gap_with_its_own_reason() {
    let mut talk = talk(&[(&get("/1"), &answer("0123456789")), (&get("/2"), &answer("two"))]);
    let cut = &mut talk.segments[4];
    cut.payload.truncate(cut.payload.len() - 6);
    cut.cut = 6;
    assert_eq!(told(&talk), ["GET /1 | 200 0123 !snap-length", "GET /2 | 200 two"]);
    assert_eq!(books(&talk).stream_bytes_gap, 6);
}

#[test]
fn a_port_pair_used_again() {
    let shifted = |s: &Seg| Seg {
        seq: s.seq.wrapping_add(if s.dst.port() == 80 { 100_000 } else { 200_000 }),
        ack: s.ack.map(|a| a.wrapping_add(if s.dst.port() == 80 { 200_000 } else { 100_000 })),
        ..s.clone()
    };
    let first = talk(&[(&get("/1"), &answer("one"))]);
    let second: Vec<Seg> = talk(&[(&get("/2"), &answer("two"))]).segments.iter().map(shifted).collect();
    // The first connection's answer comes again after the second's handshake.
    let late = first.segments[4].clone();
    let segments = [&first.segments[..], &second[..3], &[late], &second[3..]].concat();
    let seen = see(&segments);
    assert_eq!(shorts(&seen), ["GET /1 | 200 one", "GET /2 | 200 two"]);
    assert_eq!(seen.books.connections, 2);
}

#[test]
fn one_side_only() {
    let talk = talk(&[(&get("/1"), &answer("one")), (&get("/2"), &answer("two"))]);
    let side = |client: bool| see(talk.segments.iter().filter(|s| (s.dst.port() == 80) == client));
    assert_eq!(shorts(&side(true)), ["GET /1 | - !gap", "GET /2 | - !gap"]);
    let answers = side(false);
    assert_eq!(shorts(&answers), ["- | 200 one !no-request", "- | 200 two !no-request"]);
    assert_eq!(answers.exchanges[0].server.port(), 80);
}

#[test]
fn without_a_handshake_and_in_the_middle_of_things() {
    let mut talk = Talk::midstream(1448);
    talk.send(false, b"the tail of an answer that began before the capture did");
    talk.ack(true);
    for i in 0..3 {
        talk.send(true, &get(&format!("/{i}")));
        talk.send(false, &answer("yes"));
    }
    assert_eq!(told(&talk), ["GET /0 | 200 yes", "GET /1 | 200 yes", "GET /2 | 200 yes"]);
}

#[test]
fn an_answer_to_a_request_from_before_the_capture() {
    let mut began = Talk::midstream(1448);
    began.send(false, &answer("old"));
    began.ack(true);
    began.send(true, &get("/1"));
    began.send(false, &answer("one"));
    assert_eq!(told(&began), ["- | 200 old !before-capture", "GET /1 | 200 one"]);
    assert_eq!(books(&began).loss(), (0, 1));
    // Of one side only, the first answer may be to such a request; the next are to what should have been seen.
    let answers: Vec<Seg> = began.segments.iter().filter(|s| s.src.port() == 80).cloned().collect();
    let seen = see(&answers);
    assert_eq!(shorts(&seen), ["- | 200 old !before-capture", "- | 200 one !no-request"]);
    assert_eq!(seen.books.loss(), (1, 1));
    // With a handshake, or after a request, an answer to nothing is what it was.
    let mut whole = Talk::new(1448);
    whole.send(true, &get("/lost"));
    whole.send(false, &answer("old"));
    whole.segments.remove(3);
    assert_eq!(told(&whole), ["- | 200 old !no-request"]);
    let mut late = Talk::midstream(1448);
    late.send(true, &get("/1"));
    late.send(false, &answer("one"));
    late.send(true, &get("/lost"));
    late.send(false, &answer("two"));
    late.segments.remove(2);
    assert_eq!(told(&late), ["GET /1 | 200 one", "- | 200 two !no-request"]);
}

#[test]
fn an_answer_to_nothing() {
    let mut talk = talk(&[(&get("/1"), &answer("one"))]);
    talk.send(false, b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
    talk.close();
    assert_eq!(told(&talk), ["GET /1 | 200 one", "- | 408 !no-request"]);
}

#[test]
fn a_body_that_is_not_kept_is_counted() {
    let talk = talk(&[(&get("/1"), &chunked(&"x".repeat(5000), 777)), (&get("/2"), &answer("two"))]);
    let seen = see_with(WireOptions { keep: Keep::Nothing, ..WireOptions::default() }, &talk.segments);
    let lengths = seen.exchanges.iter().map(|e| {
        let body = &e.response.as_ref().unwrap().body;
        assert!(e.is_complete() && body.bytes.is_empty());
        body.length
    });
    assert_eq!(lengths.collect::<Vec<_>>(), [5000, 3]);
}

#[test]
fn the_four_moments() {
    let mut talk = Talk::new(20);
    let request = talk.send(true, &get("/moments"));
    let response = talk.send(false, &answer(&"x".repeat(50)));
    let time = |i: usize| Some(talk.segments[i].time);
    let moments = see(&talk.segments).exchanges[0].moments;
    assert_eq!((moments.request_start, moments.request_end), (time(request.start), time(request.end - 1)));
    assert_eq!((moments.response_start, moments.response_end), (time(response.start), time(response.end - 1)));
    let segments = (response.end - request.end) as u64;
    assert_eq!(moments.latency(), Some(Duration::from_millis(segments)));
}

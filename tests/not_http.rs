//! Bytes that belong to no HTTP/1 message: which of them are of tunnels that a request asked for, which only say who connects,
//! and which nobody could read.

#![allow(clippy::unwrap_used)] // What tests share between them may fail as tests do.

mod wire_support;

use tapcompare::ledger::WireBooks;
use wire_support::see;
use wire_support::talk::{Talk, answer, get};

/// Who sends, and what.
type Turn<'a> = (bool, &'a [u8]);

const UP: bool = true;
const DOWN: bool = false;

const HELLO: &[u8] = b"\x16\x03\x01\x00\x05hello";
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";
const ASKS: &[u8] = b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

/// The books of these turns, whatever the size of the segments that bring them: all of the same.
fn books(turns: &[Turn<'_>]) -> WireBooks {
    // Of the PROXY protocol's version 2 the wire code wants five bytes at once, because line ends need no patience.
    let seen = [1448, 9, 5].map(|mss| {
        let mut talk = Talk::new(mss);
        for (from_client, bytes) in turns {
            talk.send(*from_client, bytes);
        }
        talk.close();
        see(&talk.segments).books
    });
    let [whole, ..] = &seen;
    for other in &seen {
        assert_eq!(classes(other), classes(whole), "the segments' size makes no difference");
    }
    whole.clone()
}

/// Tunnelled, of preambles, unread.
fn classes(books: &WireBooks) -> [u64; 3] {
    assert_eq!(
        books.stream_bytes_not_http,
        books.stream_bytes_tunnelled + books.stream_bytes_preamble + books.stream_bytes_unread()
    );
    [books.stream_bytes_tunnelled, books.stream_bytes_preamble, books.stream_bytes_unread()]
}

fn length(parts: &[&[u8]]) -> u64 {
    parts.iter().map(|part| part.len() as u64).sum()
}

#[test]
fn what_goes_through_a_connection_that_was_upgraded_or_connected_is_tunnelled() {
    let frames: [&[u8]; 4] =
        [b"\x81\x02hi", b"\x81\x85abcdhello", b"HTTP/1.1 200 OK\r\n\r\n", b"GET /in HTTP/1.1\r\n\r\n"];
    for (asks, says) in [
        (ASKS, &b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"[..]),
        (b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", b"HTTP/1.1 200 Connected\r\n\r\n"),
    ] {
        // The first frame comes with the answer, in one write.
        let opened = [says, frames[0]].concat();
        let before = [get("/a"), answer("a")];
        let turns = [
            (UP, &before[0][..]),
            (DOWN, &before[1]),
            (UP, asks),
            (DOWN, &opened),
            (UP, frames[1]),
            (DOWN, frames[2]),
            (UP, frames[3]),
            (DOWN, HELLO),
        ];
        let books = books(&turns);
        assert_eq!(classes(&books), [length(&frames) + length(&[HELLO]), 0, 0], "{books:?}");
        assert_eq!((books.tunnels, books.requests, books.requests_paired), (1, 2, 2));
    }
}

#[test]
fn what_was_not_asked_for_is_no_tunnel() {
    for turns in [
        [(UP, HELLO), (DOWN, HELLO)],
        [(UP, PREFACE), (DOWN, SETTINGS)],
        // A server of HTTP/2 may speak first.
        [(DOWN, SETTINGS), (UP, PREFACE)],
        [(UP, b"SSH-2.0-OpenSSH_9.6\r\n"), (DOWN, b"SSH-2.0-OpenSSH_9.6\r\n")],
    ] {
        let books = books(&turns);
        assert_eq!(classes(&books), [0, 0, books.stream_bytes], "{turns:?}");
        assert_eq!((books.tunnels, books.requests), (0, 0));
    }
    // Refused: what follows is HTTP, or it is nobody knows what.
    let no = b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(classes(&books(&[(UP, ASKS), (DOWN, no), (UP, &get("/a")), (DOWN, &answer("a"))])), [0, 0, 0]);
    assert_eq!(classes(&books(&[(UP, ASKS), (DOWN, no), (UP, HELLO)])), [0, 0, HELLO.len() as u64]);
    // Nobody was seen to ask for it.
    let switches = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
    let unasked = books(&[(DOWN, switches), (UP, HELLO), (DOWN, HELLO)]);
    assert_eq!((classes(&unasked), unasked.tunnels), ([0, 0, length(&[HELLO, HELLO])], 1));
}

#[test]
fn a_connection_that_turns_foreign_in_the_middle_is_unread_from_there() {
    let [asked, answered] = [get("/a"), answer("a")];
    for foreign in [[HELLO, HELLO], [PREFACE, SETTINGS], [b"\x81\x02ho", b"\x81\x02hi"]] {
        let turns = [(UP, &asked[..]), (DOWN, &answered), (UP, foreign[0]), (DOWN, foreign[1])];
        let books = books(&turns);
        assert_eq!(classes(&books), [0, 0, length(&foreign)], "{foreign:?}");
        assert_eq!((books.requests_paired, books.tunnels), (1, 0));
    }
}

/// What is behind such an upgrade are the service's requests again.
#[test]
fn an_upgrade_to_http_of_another_kind_is_no_tunnel() {
    for protocol in ["h2c", "H2C", "TLS/1.2, HTTP/1.1", "websocket, h2c", "HTTP/2.0"] {
        let asks = format!("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: {protocol}\r\n\r\n");
        let says = format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: {protocol}\r\n\r\n");
        let turns = [(UP, asks.as_bytes()), (DOWN, says.as_bytes()), (DOWN, SETTINGS), (UP, PREFACE)];
        let books = books(&turns);
        assert_eq!(classes(&books), [0, 0, length(&[SETTINGS, PREFACE])], "{protocol}");
        assert_eq!((books.tunnels, books.requests_paired), (1, 1));
    }
    for protocol in ["websocket", "SPDY/3.1", "tcp", "h2cx"] {
        let says = format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: {protocol}\r\n\r\n");
        assert_eq!(classes(&books(&[(UP, ASKS), (DOWN, says.as_bytes()), (DOWN, HELLO)])), [HELLO.len() as u64, 0, 0]);
    }
}

#[test]
fn what_says_who_connects_is_known_and_what_comes_after_it_is_not() {
    let version_2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\x0a\x00\x00\x09\x0a\x00\x00\x02\x9c\x40\x00\x50";
    for line in [&b"PROXY TCP4 10.0.0.9 10.0.0.2 40000 80\r\n"[..], version_2] {
        let [first, tls] = [[line, &get("/p")].concat(), [line, HELLO].concat()];
        let asked = books(&[(UP, &first), (DOWN, &answer("p"))]);
        assert_eq!((classes(&asked), asked.requests_paired), ([0, line.len() as u64, 0], 1));
        assert_eq!(classes(&books(&[(UP, &tls)])), [0, line.len() as u64, HELLO.len() as u64]);
    }
    let socks = [
        (UP, &b"\x05\x01\x00"[..]),
        (DOWN, b"\x05\x00"),
        (UP, b"\x05\x01\x00\x01\x0a\x00\x00\x09\x00\x50"),
        (DOWN, b"\x05\x00\x00\x01\x0a\x00\x00\x09\x00\x50"),
    ];
    let [asked, answered] = [get("/a"), answer("a")];
    let through = [&socks[..], &[(UP, &asked[..]), (DOWN, &answered)]].concat();
    assert_eq!(classes(&books(&through)), [0, 25, 0]);
    // Something that goes on to look like a handshake is none.
    let on = [&socks[..], &[(UP, socks[2].1); 50]].concat();
    let [tunnelled, preamble, unread] = classes(&books(&on));
    assert!(tunnelled == 0 && preamble <= 45 && unread >= 480, "{preamble} {unread}");
}

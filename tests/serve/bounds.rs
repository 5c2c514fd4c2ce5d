//! The bounds of asking: large requests, slow ones, many at once, and those that do not take what they asked for.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::support::{ANY_PORT, PATIENCE, ask, get, say, serving_run, wait_for};

fn connected(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[test]
fn a_request_is_small_or_it_is_refused() {
    let serving = serving_run(&ANY_PORT, &[]);
    let address = serving.address;
    let long = "x".repeat(40 << 10);
    assert_eq!(ask(address, "GET", "/", &[("X", &long)]).status, 431);
    let path = ask(address, "GET", &format!("/{long}"), &[]).status;
    assert!([414, 431].contains(&path), "{path}");
    let many: Vec<_> = (0..200).map(|n| format!("X-{n}")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), "1")).collect();
    assert_eq!(ask(address, "GET", "/", &many).status, 431);
    for framing in ["Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"] {
        for method in ["GET", "POST"] {
            let reply = say(address, format!("{method} /metrics HTTP/1.1\r\nHost: localhost\r\n{framing}").as_bytes());
            assert_eq!((reply.status, reply.field("connection")), (413, Some("close")), "{method} {framing:?}");
        }
    }
    // A body that is announced is not waited for, however long it would be.
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n";
    assert_eq!(say(address, head.as_bytes()).status, 413);
    assert_eq!(say(address, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").status, 400);
    assert_eq!(get(address, "/healthz").status, 200);
}

#[test]
fn whoever_asks_nothing_or_too_slowly_is_let_go() {
    let serving = serving_run(&ANY_PORT, &[]);
    let mut silent = connected(serving.address);
    let mut slow = connected(serving.address);
    slow.write_all(b"GET / HTTP/1.1\r\nHost: loc").unwrap();
    let mut idle = connected(serving.address);
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    for stream in [&mut silent, &mut slow, &mut idle] {
        // To its end, which the server makes: within the patience of this test, or the read fails.
        stream.read_to_end(&mut Vec::new()).unwrap();
    }
    assert_eq!(get(serving.address, "/healthz").status, 200);
}

#[test]
fn so_many_connections_are_served_at_once_and_the_next_waits() {
    let serving = serving_run(&ANY_PORT, &[]);
    let mut held: Vec<TcpStream> =
        (0..tapcompare::serve::MAX_CONNECTIONS).map(|_| connected(serving.address)).collect();
    for stream in &mut held {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        assert!(stream.read(&mut [0; 1024]).unwrap() > 0, "every one of these has a place");
    }
    let mut next = connected(serving.address);
    next.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    next.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(next.read(&mut [0; 16]).is_err(), "there is no place for it");
    drop(held);
    next.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut first = [0; 12];
    next.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
}

#[test]
fn pages_that_follow_have_a_bound_and_give_their_place_back() {
    let serving = serving_run(&ANY_PORT, &[]);
    let follow = || {
        let mut stream = connected(serving.address);
        stream.write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut first = vec![0; 12];
        stream.read_exact(&mut first).unwrap();
        (String::from_utf8(first).unwrap(), stream)
    };
    let followers: Vec<_> = (0..16).map(|_| follow()).collect();
    assert!(followers.iter().all(|(status, _)| status == "HTTP/1.1 200"));
    assert_eq!(follow().0, "HTTP/1.1 503");
    assert_eq!(serving.get("/").status, 200, "whoever only looks has a place all the same");
    drop(followers);
    wait_for("a place", || (follow().0 == "HTTP/1.1 200").then_some(()));
}

/// Resident memory of a process, in KiB.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn whoever_does_not_read_holds_no_memory_and_is_let_go() {
    let serving = serving_run(&ANY_PORT, &[]);
    let whole = serving.get("/api/v1/report").body.len();
    let before = resident(serving.child.id());
    let sockets = || {
        let open = std::fs::read_dir(format!("/proc/{}/fd", serving.child.id())).unwrap();
        let open = open.flatten().filter_map(|fd| std::fs::read_link(fd.path()).ok());
        open.filter(|to| to.to_string_lossy().starts_with("socket:")).count()
    };
    let idle = sockets();
    // Each asks for the report again and again, far more than the sockets' buffers hold, and reads nothing.
    let asked = b"GET /api/v1/report HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(200);
    let mut deaf: Vec<TcpStream> = (0..32).map(|_| connected(serving.address)).collect();
    for stream in &mut deaf {
        stream.write_all(&asked).unwrap();
    }
    assert_eq!(serving.get("/healthz").status, 200);
    let grown = resident(serving.child.id()).saturating_sub(before);
    let owed = whole as u64 * 200 * 32 / 1024;
    assert!(grown < 24 << 10, "{grown} KiB more, where {owed} KiB were asked for");
    // The server gives them up: what was under way breaks off, long before all that was asked for has come.
    wait_for("that it lets them go", || (sockets() <= idle).then_some(()));
    for mut stream in deaf {
        let mut read = Vec::new();
        let _ = stream.read_to_end(&mut read);
        assert!(read.len() < whole * 200, "{} of {}", read.len(), whole * 200);
    }
}

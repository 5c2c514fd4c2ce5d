//! A client that asks again and again what time it is: each request says when it was asked.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970, the same in every namespace.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

/// Asks for `path?at=MILLISECONDS`, so many times a second, and says how often it did.
pub(super) fn play(address: &str, path: &str, a_second: u32, seconds: u64) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let (begun, mut asked) = (Instant::now(), 0);
    let mut answer = vec![0; 64 << 10];
    while begun.elapsed() < Duration::from_secs(seconds) {
        let request = format!("GET {path}?at={} HTTP/1.1\r\nHost: a\r\n\r\n", now());
        stream.write_all(request.as_bytes()).unwrap();
        // The head and a small body come in one piece or two; the next question waits for its time anyway.
        assert!(stream.read(&mut answer).unwrap() > 0);
        asked += 1;
        std::thread::sleep(
            (begun + asked * Duration::from_secs(1) / a_second).saturating_duration_since(Instant::now()),
        );
    }
    println!("asked {asked}");
}

//! What our own client adds to a latency: some hundred requests to a null server of our own, before a run begins.
//!
//! The legacy's latencies are taken from the wire, the candidate's by this client: what hyper, the runtime and the two ends
//! of a socket on this machine take is in the candidate's and not in the legacy's. It is measured through the very client of
//! the run, with the run's limits, against a server on loopback that reads a head and answers 200 with two bytes. What that
//! server takes itself is in the figure, so it is rather too large than too small. Nothing is subtracted from any latency:
//! a distribution cannot be taken out of another one. It is told beside the gate.
//!
//! It runs on a runtime of its own on the calling thread, which ends with it: no thread is made, so it can be asked before
//! a capture is opened (a watcher of `lo` must not see it) and before privileges are given up.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::client::Client;
use super::request::{self, Opening, ShadowRequest};
use super::secrets::Secrets;
use crate::config::{Credentials, Limits, Target};
use crate::exchange::{Body, Headers, OverheadNote, Request, Version};

/// So many answers are measured.
const REQUESTS: usize = 300;
/// Fewer are no figure.
const LEAST: usize = 50;
/// So many go before them: the first ones find no open connection, and cold code.
const WARM_UP: usize = 20;
/// However slow the machine is, a run does not wait longer for it.
const WITHIN: Duration = Duration::from_millis(200);
/// The null server reads so much of a request; ours are shorter.
const MAX_HEAD: usize = 4 << 10;
/// What it answers.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

/// Asks a null server of our own on loopback, and nobody else. None where this machine has no loopback, or is too busy
/// to answer [`LEAST`] requests within [`WITHIN`]: then there is no figure, and the run goes on without.
pub fn overhead(limits: &Limits) -> Option<OverheadNote> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let mut latencies = runtime.block_on(measure(limits)).unwrap_or_default();
    runtime.shutdown_background();
    latencies.sort_unstable();
    note(&latencies)
}

/// Of sorted latencies.
fn note(sorted: &[Duration]) -> Option<OverheadNote> {
    let at = |quantile: f64| {
        let rank = (quantile * sorted.len() as f64).ceil() as usize;
        let latency = sorted.get(rank.max(1) - 1)?;
        u64::try_from(latency.as_micros()).ok()
    };
    if sorted.len() < LEAST {
        return None;
    }
    Some(OverheadNote { requests: sorted.len() as u64, p50_us: at(0.5)?, p95_us: at(0.95)?, p99_us: at(0.99)? })
}

async fn measure(limits: &Limits) -> io::Result<Vec<Duration>> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let target = format!("http://{}", listener.local_addr()?);
    let target: Target = target.parse().map_err(io::Error::other)?;
    let client = Client::resolve(&target, limits).await.map_err(io::Error::other)?;
    let Some(request) = null_request() else { return Ok(Vec::new()) };
    // What is spawned here ends with this set.
    let mut serving = JoinSet::new();
    serving.spawn(serve(listener));
    let mut latencies = Vec::with_capacity(REQUESTS);
    let asking = async {
        for n in 0..WARM_UP + REQUESTS {
            let answer = client.ask(&request, Instant::now()).await;
            if let (Ok(answer), true) = (answer, n >= WARM_UP) {
                latencies.push(answer.latency);
            }
        }
    };
    let _ = timeout(WITHIN, asking).await;
    Ok(latencies)
}

/// A request as short as they come, made as every other one is.
fn null_request() -> Option<ShadowRequest> {
    let request = Request {
        method: "GET".into(),
        target: "/".into(),
        version: Version::Http11,
        headers: Headers::new(),
        body: Body::default(),
    };
    request::rebuild(&request, Opening::Method, &Credentials::Strip, &Secrets::default()).ok()
}

async fn serve(listener: TcpListener) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(answer(stream));
    }
}

/// Answers whatever ends as a head does, until the other side closes.
async fn answer(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut head = Vec::with_capacity(MAX_HEAD);
    loop {
        head.clear();
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() >= MAX_HEAD || stream.read_buf(&mut head).await? == 0 {
                return Ok(());
            }
        }
        stream.write_all(ANSWER).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_null_server_is_asked_some_hundred_times_within_its_time() {
        // A busy machine may be too slow for a figure, and then says so; no time is asserted.
        let Some(note) = (0..5).find_map(|_| overhead(&Limits::default())) else { return };
        assert!(note.requests >= LEAST as u64 && note.requests <= REQUESTS as u64, "{note:?}");
        assert!(note.p50_us > 0 && note.p50_us <= note.p95_us && note.p95_us <= note.p99_us, "{note:?}");
        assert!(note.p99_us <= WITHIN.as_micros() as u64, "{note:?}");
    }

    #[test]
    fn the_quantiles_are_the_ranks_of_what_was_measured_and_few_are_no_figure() {
        let sorted: Vec<Duration> = (1..=100).map(Duration::from_micros).collect();
        assert_eq!(note(&sorted), Some(OverheadNote { requests: 100, p50_us: 50, p95_us: 95, p99_us: 99 }));
        assert_eq!(note(&sorted[..LEAST - 1]), None);
        assert_eq!(note(&[]), None);
    }

    #[test]
    fn a_limit_that_lets_nothing_through_gives_no_figure() {
        let limits = Limits { body: 1, ..Limits::default() };
        assert_eq!(overhead(&limits), None, "two bytes are more than one");
    }

    #[tokio::test]
    async fn the_null_server_answers_heads_and_nothing_else() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener));
        let mut client = TcpStream::connect(address).await.unwrap();
        let mut answer = vec![0; ANSWER.len()];
        for piece in ["GET / HTTP/1.1\r\n", "host: a\r\n\r\n"] {
            client.write_all(piece.as_bytes()).await.unwrap();
        }
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, ANSWER);
        client.write_all(&vec![b'a'; MAX_HEAD + 1]).await.unwrap();
        let mut rest = Vec::new();
        // Closed with bytes unread, the socket may be reset.
        let _ = client.read_to_end(&mut rest).await;
        assert_eq!(rest, b"");
    }
}

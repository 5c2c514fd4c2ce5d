//! Asks a shop over real sockets and takes answers as they come: no redirect followed, nothing decoded.

use std::io::Read;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;

/// Connections at once.
const CONNECTIONS: usize = 32;

#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The endpoint's name as defects have it.
    pub(crate) endpoint: &'static str,
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) accept: &'static str,
    pub(crate) tag: Option<String>,
    pub(crate) body: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) took: Duration,
}

impl Answered {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    /// The body without its content coding; None where it does not have the coding that it claims.
    pub(crate) fn decoded(&self) -> Option<Vec<u8>> {
        if self.body.is_empty() {
            return Some(Vec::new());
        }
        match self.header("content-encoding") {
            "" => Some(self.body.to_vec()),
            "zstd" => zstd::stream::decode_all(&self.body[..]).ok(),
            "gzip" => {
                let mut out = Vec::new();
                flate2::read::GzDecoder::new(&self.body[..]).read_to_end(&mut out).ok().map(|_| out)
            }
            other => panic!("unexpected coding {other}"),
        }
    }
}

/// Asks everything, in any order, and gives the answers in the order of the questions.
pub(crate) async fn ask_all(address: SocketAddr, asked: &[Asked]) -> Vec<Answered> {
    let mut tasks = Vec::new();
    for start in 0..CONNECTIONS.min(asked.len()) {
        let mine: Vec<Asked> = asked.iter().skip(start).step_by(CONNECTIONS).cloned().collect();
        tasks.push(tokio::spawn(ask_in_turn(address, mine)));
    }
    let mut columns = Vec::new();
    for task in tasks {
        columns.push(task.await.unwrap().into_iter());
    }
    (0..asked.len()).map(|n| columns[n % CONNECTIONS].next().unwrap()).collect()
}

async fn ask_in_turn(address: SocketAddr, asked: Vec<Asked>) -> Vec<Answered> {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut answers = Vec::new();
    for ask in asked {
        let mut request = Request::builder().method(ask.method).uri(&ask.target).header("host", "shop.example");
        if !ask.accept.is_empty() {
            request = request.header("accept-encoding", ask.accept);
        }
        if let Some(tag) = &ask.tag {
            request = request.header("if-none-match", tag);
        }
        sender.ready().await.unwrap();
        let begin = Instant::now();
        let response = sender.send_request(request.body(Full::<Bytes>::from(ask.body)).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        answers.push(Answered { status: head.status, headers: head.headers, body, took: begin.elapsed() });
    }
    answers
}

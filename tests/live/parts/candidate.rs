//! A candidate that can be told to fail: it stands before a real server, writes down every request, and passes it on,
//! or does not.
//!
//! It is told what to do on its standard input, a line each, and answers `now ...` when it does:
//! `ok`, `dead` (nobody listens, every connection is closed), `hang` (requests are read and never answered),
//! `slow MILLISECONDS`, `garbage` (bytes that are no answer, then closed), `status NUMBER`.

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tapcompare::demo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Ok,
    Dead,
    Hang,
    Slow(Duration),
    Garbage,
    Status(u16),
}

impl Mode {
    fn read(line: &str) -> Mode {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["ok"] => Mode::Ok,
            ["dead"] => Mode::Dead,
            ["hang"] => Mode::Hang,
            ["slow", millis] => Mode::Slow(Duration::from_millis(millis.parse().unwrap())),
            ["garbage"] => Mode::Garbage,
            ["status", number] => Mode::Status(number.parse().unwrap()),
            _ => panic!("the candidate does not know '{line}'"),
        }
    }
}

/// Each request as a line of JSON: method, target, headers as pairs, and when it came, in milliseconds since 1970.
struct Log(Mutex<File>);

impl Log {
    fn note(&self, head: &httparse::Request<'_, '_>) {
        let headers: Vec<_> = head.headers.iter().map(|h| json!([h.name, String::from_utf8_lossy(h.value)])).collect();
        let at = super::clock::now();
        let line = json!({ "method": head.method, "target": head.path, "headers": headers, "at": at });
        self.0.lock().unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}

/// Serves on `listen` before `backend`: an address, or `shop:DEFECTS` for the demo's candidate in this process.
pub(super) async fn play(listen: &str, backend: &str, log: &str) {
    let listen: SocketAddr = listen.parse().unwrap();
    let shop = match backend.strip_prefix("shop:") {
        Some(defects) => Some(demo::candidate(defects.parse().unwrap()).await.unwrap()),
        None => None,
    };
    let backend = shop.as_ref().map_or_else(|| backend.parse().unwrap(), |shop| shop.address);
    let log = Arc::new(Log(Mutex::new(File::create(log).unwrap())));
    let (told, mode) = watch::channel(Mode::Ok);
    let mut accepting = Some(tokio::spawn(accept(listen, backend, log.clone(), mode.clone())));
    println!("listening on {listen}");
    let mut lines = told_lines();
    while let Some(line) = lines.recv().await {
        let next = Mode::read(&line);
        told.send_replace(next);
        if next == Mode::Dead {
            if let Some(task) = accepting.take() {
                task.abort();
                let _ = task.await;
            }
        } else if accepting.is_none() {
            accepting = Some(tokio::spawn(accept(listen, backend, log.clone(), mode.clone())));
        }
        tokio::task::yield_now().await;
        println!("now {line}");
    }
}

/// What comes on standard input.
fn told_lines() -> mpsc::UnboundedReceiver<String> {
    let (told, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines() {
            told.send(line.unwrap()).unwrap();
        }
    });
    lines
}

async fn accept(listen: SocketAddr, backend: SocketAddr, log: Arc<Log>, mode: watch::Receiver<Mode>) {
    let listener = TcpListener::bind(listen).await.unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (log, mut mode) = (log.clone(), mode.clone());
        tokio::spawn(async move {
            let mut dead = mode.clone();
            tokio::select! {
                () = serve(stream, backend, &log, &mut mode) => {}
                _ = dead.wait_for(|mode| *mode == Mode::Dead) => {}
            }
        });
    }
}

/// One connection: its requests come one after the other, so that answers need not be told apart.
async fn serve(stream: TcpStream, backend: SocketAddr, log: &Log, mode: &mut watch::Receiver<Mode>) {
    let (mut from, to) = stream.into_split();
    let to = Arc::new(tokio::sync::Mutex::new(to));
    let mut road: Option<OwnedWriteHalf> = None;
    let mut bytes = Vec::new();
    while let Some(request) = next_request(&mut from, &mut bytes, log).await {
        let now = *mode.borrow();
        match now {
            Mode::Ok => {}
            Mode::Slow(delay) => tokio::time::sleep(delay).await,
            Mode::Dead => return,
            Mode::Hang => {
                let _ = mode.wait_for(|mode| *mode != Mode::Hang).await;
                return;
            }
            Mode::Garbage => {
                let _ = to.lock().await.write_all(b"\x16\x03\x01\xff\x00 no answer at all \r\n\r\n\x80\x81").await;
                return;
            }
            Mode::Status(number) => {
                let answer = format!("HTTP/1.1 {number} Told So\r\nContent-Length: 0\r\n\r\n");
                if to.lock().await.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
                continue;
            }
        }
        if road.is_none() {
            let Ok(stream) = TcpStream::connect(backend).await else { return };
            stream.set_nodelay(true).unwrap();
            let (answers, requests) = stream.into_split();
            tokio::spawn(relay(answers, to.clone()));
            road = Some(requests);
        }
        if let Some(road) = &mut road
            && road.write_all(&request).await.is_err()
        {
            return;
        }
    }
}

async fn relay(mut answers: OwnedReadHalf, to: Arc<tokio::sync::Mutex<OwnedWriteHalf>>) {
    let mut piece = vec![0; 64 << 10];
    while let Ok(n @ 1..) = answers.read(&mut piece).await {
        if to.lock().await.write_all(&piece[..n]).await.is_err() {
            return;
        }
    }
    let _ = to.lock().await.shutdown().await;
}

/// Reads a request with its body, and notes it. None when the client closes before there is one.
async fn next_request(from: &mut OwnedReadHalf, bytes: &mut Vec<u8>, log: &Log) -> Option<Vec<u8>> {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 128];
        let mut head = httparse::Request::new(&mut headers);
        if let Ok(httparse::Status::Complete(length)) = head.parse(bytes) {
            let body = head.headers.iter().find(|h| h.name.eq_ignore_ascii_case("content-length"));
            let body: usize = body.map_or(0, |h| std::str::from_utf8(h.value).unwrap().parse().unwrap());
            if bytes.len() >= length + body {
                log.note(&head);
                return Some(bytes.drain(..length + body).collect());
            }
        }
        match from.read_buf(bytes).await {
            Ok(0) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

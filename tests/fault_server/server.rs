//! A server of raw sockets on a free loopback port that does what a script says, and counts what reaches it.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What reached the server.
#[derive(Default)]
pub(crate) struct Seen {
    connections: AtomicUsize,
    requests: Mutex<Vec<String>>,
}

/// A listening server; it ends when dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Runs `script` for every connection.
    pub(crate) async fn start<F, S>(script: S) -> Server
    where
        F: Future<Output = ()> + Send + 'static,
        S: Fn(Peer) -> F + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let counted = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                counted.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(script(Peer { stream, seen: Arc::clone(&counted) }));
            }
        });
        Server { address, seen, task }
    }

    /// A port that nobody may come near: every byte that arrives is in the counts.
    pub(crate) async fn trap() -> Server {
        Server::start(|mut peer| async move {
            peer.request().await;
            peer.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrap").await;
        })
        .await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// The heads of the requests that were read whole.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().unwrap().clone()
    }
}

/// The server's end of one connection.
pub(crate) struct Peer {
    stream: TcpStream,
    seen: Arc<Seen>,
}

impl Peer {
    /// Reads one request with its body; None when the client closes before there is one.
    pub(crate) async fn request(&mut self) -> Option<String> {
        let mut bytes = Vec::new();
        let head_end = loop {
            if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            self.more(&mut bytes).await?;
        };
        let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
        let length =
            head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).map_or(0, |n| n.parse().unwrap());
        while bytes.len() < head_end + length {
            self.more(&mut bytes).await?;
        }
        self.seen.requests.lock().unwrap().push(head.clone());
        Some(head)
    }

    async fn more(&mut self, bytes: &mut Vec<u8>) -> Option<()> {
        match self.stream.read_buf(bytes).await {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(()),
        }
    }

    /// Writes; false when the client has gone.
    pub(crate) async fn write(&mut self, text: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(text.as_ref()).await.is_ok()
    }

    /// Answers every request with the same text, over one connection.
    pub(crate) async fn answer_all(&mut self, text: &str) {
        while self.request().await.is_some() && self.write(text).await {}
    }

    /// Keeps the connection open and says nothing more, until the client goes.
    pub(crate) async fn hang(&mut self) {
        while !matches!(self.stream.read(&mut [0; 64]).await, Ok(0) | Err(_)) {}
    }

    /// Ends the connection with a reset instead of a proper close.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }
}

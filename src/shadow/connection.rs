//! Connections to one target, and the few that are kept for the next request.

use std::collections::VecDeque;
use std::io;
use std::net::TcpStream as Socket;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// Most connections kept for later, whatever the in-flight limit says.
pub(super) const MAX_IDLE: usize = 256;

/// How long a connection is kept unused. Servers close after 5 seconds and more (Node and Apache: 5 s); a request sent in
/// the moment of the closing is lost, and would be counted against the candidate.
pub(super) const IDLE_AGE: Duration = Duration::from_secs(3);

/// How long a connection rests after its answer, as long as this target has not shown that it keeps connections: some
/// servers close right behind the answer without a word, and the close must have time to arrive. Each connection that is
/// found closed doubles the rest, up to [`LONGEST_REST`]; one that is found open after its rest ends all resting.
pub(super) const REST: Duration = Duration::from_millis(5);

/// See [`REST`].
pub(super) const LONGEST_REST: Duration = Duration::from_millis(640);

/// How long a connection may take after its answer until it can take the next request.
const SETTLE: Duration = Duration::from_millis(10);

/// Most header fields of an answer.
pub(super) const MAX_FIELDS: usize = 256;

/// Most bytes of an answer's head; also what a connection buffers beside the body.
pub(super) const MAX_HEAD: usize = 256 << 10;

type Message = http::Request<Full<Bytes>>;

/// One connection. Dropping it closes the socket, wherever its request stands.
#[derive(Debug)]
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// The task that reads and writes.
    driver: JoinHandle<()>,
    /// The same socket once more, to look at without reading.
    socket: Socket,
    /// When it was last used.
    since: Instant,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Connection {
    /// Makes HTTP of a stream, without sending anything.
    pub(super) async fn new(stream: TcpStream) -> io::Result<Connection> {
        stream.set_nodelay(true)?;
        let stream = stream.into_std()?;
        let socket = stream.try_clone()?;
        let stream = TcpStream::from_std(stream)?;
        let (sender, connection) = Builder::new()
            // As most clients write them; some servers know no other way.
            .title_case_headers(true)
            .max_headers(MAX_FIELDS)
            .max_buf_size(MAX_HEAD)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        // What the connection ends with reaches whoever waits for the answer.
        let driver = tokio::spawn(async move { drop(connection.await) });
        Ok(Connection { sender, driver, socket, since: Instant::now() })
    }

    /// Sends one request and waits for the answer's head. An error that holds the message tells that nothing of it was
    /// sent.
    pub(super) async fn send(
        &mut self,
        message: Message,
    ) -> Result<http::Response<Incoming>, Box<TrySendError<Message>>> {
        self.sender.try_send_request(message).await.map_err(Box::new)
    }

    /// Whether nothing has arrived since the last answer: neither the other side's close nor bytes unasked for.
    fn is_quiet(&self) -> bool {
        let nothing = |error: io::Error| error.kind() == io::ErrorKind::WouldBlock;
        self.sender.is_ready() && self.socket.peek(&mut [0]).is_err_and(nothing)
    }
}

/// The connections that wait for their next request.
#[derive(Debug)]
pub(super) struct Pool {
    state: Mutex<State>,
    limit: usize,
}

#[derive(Debug)]
struct State {
    idle: VecDeque<Connection>,
    /// How long a connection must have rested to be used.
    rest: Duration,
}

impl State {
    /// The connection that has rested longest, if it is fit to be used. Those found unfit on the way are closed.
    fn take(&mut self) -> Option<Connection> {
        loop {
            let age = self.idle.front()?.since.elapsed();
            if age < self.rest {
                return None;
            }
            let connection = self.idle.pop_front()?;
            if age > IDLE_AGE {
                continue;
            }
            if connection.is_quiet() {
                self.rest = Duration::ZERO;
                return Some(connection);
            }
            self.rest = (self.rest * 2).clamp(REST, LONGEST_REST);
        }
    }
}

impl Pool {
    pub(super) fn new(in_flight: usize) -> Pool {
        Pool { state: Mutex::new(State { idle: VecDeque::new(), rest: REST }), limit: in_flight.min(MAX_IDLE) }
    }

    /// A connection that can be used at once, if there is one.
    pub(super) fn take(&self) -> Option<Connection> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Keeps a connection whose answer has been read, if it can be used again and there is room.
    pub(super) async fn put(&self, mut connection: Connection) {
        let settled = tokio::time::timeout(SETTLE, connection.sender.ready()).await;
        if !matches!(settled, Ok(Ok(()))) {
            return;
        }
        connection.since = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.idle.len() < self.limit {
            state.idle.push_back(connection);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A connection to a listener that is not asked anything.
    async fn connection(listener: &tokio::net::TcpListener) -> (Connection, TcpStream) {
        let address = listener.local_addr().unwrap();
        let (near, far) = tokio::join!(TcpStream::connect(address), listener.accept());
        (Connection::new(near.unwrap()).await.unwrap(), far.unwrap().0)
    }

    /// Puts a connection into the pool as if it had rested for `age`; for none at all, however slow this machine is.
    async fn put_aged(pool: &Pool, connection: Connection, age: Duration) {
        pool.put(connection).await;
        let now = Instant::now();
        let since = if age.is_zero() { now + Duration::from_secs(60) } else { now - age };
        pool.state.lock().unwrap().idle.back_mut().unwrap().since = since;
    }

    #[tokio::test]
    async fn a_connection_rests_until_the_target_is_known_to_keep_it_and_ages_out() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let pool = Pool::new(8);
        let (first, _far) = connection(&listener).await;
        put_aged(&pool, first, Duration::ZERO).await;
        assert!(pool.take().is_none(), "nothing is known of the target, so it rests");
        pool.state.lock().unwrap().idle.front_mut().unwrap().since = Instant::now() - REST;
        let first = pool.take().expect("it has rested and is open");
        put_aged(&pool, first, Duration::ZERO).await;
        let first = pool.take().expect("this target keeps connections");
        put_aged(&pool, first, IDLE_AGE + Duration::from_millis(1)).await;
        assert!(pool.take().is_none() && pool.state.lock().unwrap().idle.is_empty(), "too old");
    }

    #[tokio::test]
    async fn connections_found_closed_make_the_rest_longer_up_to_a_bound() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let pool = Pool::new(8);
        let (open, _far) = connection(&listener).await;
        pool.state.lock().unwrap().rest = Duration::ZERO;
        for doublings in [1, 2, 4, 8, 16, 32, 64, 128, 128] {
            let (closed, far) = connection(&listener).await;
            put_aged(&pool, closed, LONGEST_REST).await;
            drop(far);
            tokio::time::sleep(Duration::from_millis(1)).await;
            assert!(pool.take().is_none());
            assert_eq!(pool.state.lock().unwrap().rest, REST * doublings);
        }
        put_aged(&pool, open, LONGEST_REST).await;
        assert!(pool.take().is_some(), "one that stayed open ends the resting");
        assert_eq!(pool.state.lock().unwrap().rest, Duration::ZERO);
    }

    #[test]
    fn the_number_kept_has_a_limit_of_its_own() {
        assert_eq!((Pool::new(3).limit, Pool::new(100_000).limit), (3, MAX_IDLE));
    }
}

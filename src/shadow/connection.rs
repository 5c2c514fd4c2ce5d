//! Connections to one target, and the few that are kept for the next request.

use std::collections::VecDeque;
use std::io;
use std::net::TcpStream as Socket;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::failure;
use super::line::{Line, Signs};

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

/// How long a connection may take after its answer until it can take the next request. What comes behind the answer within
/// it belongs to the answer; what comes later is only a reason not to use the connection again (a server may say 408 on an
/// idle connection before it closes it: RFC 9110, section 15.5.9).
const SETTLE: Duration = Duration::from_millis(10);

/// Most header fields of an answer.
pub(super) const MAX_FIELDS: usize = 256;

/// Most bytes of an answer's head; also what a connection buffers beside the body.
pub(super) const MAX_HEAD: usize = 256 << 10;

/// Most interim answers (1xx) before one final answer; more of them is no HTTP that makes sense.
pub const MAX_INTERIM: usize = 32;

type Message = http::Request<Full<Bytes>>;

/// The statuses of interim answers, filled while the final one is waited for.
pub(super) type Interim = Arc<Mutex<Vec<u16>>>;

/// Bytes came behind a whole answer, on a connection that was to go on. On one that is closed behind its answer they say
/// nothing: a client may discard them (RFC 9112, section 6.3), and nobody asks there again (section 9.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Surplus;

/// One connection. Dropping it closes the socket, wherever its request stands.
#[derive(Debug)]
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// The task that reads and writes.
    driver: JoinHandle<()>,
    /// What the task and we know together.
    signs: Arc<Signs>,
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
        let signs = Arc::new(Signs::default());
        let stream = Line { stream: TcpStream::from_std(stream)?, signs: Arc::clone(&signs) };
        let (sender, connection) = Builder::new()
            // As most clients write them; some servers know no other way.
            .title_case_headers(true)
            .max_headers(MAX_FIELDS)
            .max_buf_size(MAX_HEAD)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        // What the connection ends with reaches whoever waits for the answer; where nobody waits any more, it is noted.
        let noted = Arc::clone(&signs);
        let driver = tokio::spawn(async move {
            if connection.await.is_err_and(|error| failure::is_surplus(&error)) {
                noted.surplus.store(true, Ordering::Relaxed);
            }
        });
        Ok(Connection { sender, driver, signs, socket, since: Instant::now() })
    }

    /// Sends one request and waits for the answer's head. An error that holds the message tells that nothing of it was
    /// sent.
    pub(super) async fn send(
        &mut self,
        mut message: Message,
        interim: &Interim,
    ) -> Result<http::Response<Incoming>, Box<TrySendError<Message>>> {
        let (seen, signs) = (Arc::clone(interim), Arc::clone(&self.signs));
        hyper::ext::on_informational(&mut message, move |answer| {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            // One more than the limit tells that there were more.
            if seen.len() <= MAX_INTERIM {
                seen.push(answer.status().as_u16());
            } else {
                signs.enough.store(true, Ordering::Relaxed);
            }
        });
        self.sender.try_send_request(message).await.map_err(Box::new)
    }

    /// Waits until the connection, whose answer has been read, can take the next request; not so where it cannot within
    /// [`SETTLE`].
    async fn settles(&mut self) -> Result<bool, Surplus> {
        match tokio::time::timeout(SETTLE, self.sender.ready()).await {
            Ok(Ok(())) => Ok(true),
            // It is at its end. Hyper looks for bytes behind the answer before it takes another request, so those that were
            // there by now have ended it.
            Ok(Err(_)) => {
                let _ = tokio::time::timeout(SETTLE, &mut self.driver).await;
                if self.signs.surplus.load(Ordering::Relaxed) { Err(Surplus) } else { Ok(false) }
            }
            Err(_) => Ok(false),
        }
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
    ///
    /// # Errors
    /// [`Surplus`] where bytes came behind the answer.
    pub(super) async fn put(&self, mut connection: Connection) -> Result<(), Surplus> {
        if !connection.settles().await? {
            return Ok(());
        }
        connection.since = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.idle.len() < self.limit {
            state.idle.push_back(connection);
        }
        Ok(())
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
        pool.put(connection).await.unwrap();
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

//! The listener, and the bounds of asking: connections, heads, and how long anything may take.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::access::{Access, AccessError};
use super::board::Board;
use super::patient::Patient;
use super::routes::{self, Shared};

/// Connections at once; the next waits in the listen queue.
pub const MAX_CONNECTIONS: usize = 64;
/// Bytes of a request's head: a longer one is answered with 431.
const MAX_HEAD: usize = 16 << 10;
/// Header fields of a request.
const MAX_FIELDS: usize = 64;
/// How long a head may take, from the moment at which it is waited for: a connection that asks nothing is closed then, too.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// How long answers that are under way may take when the server stops.
const STOP_WITHIN: Duration = Duration::from_secs(2);
/// How long the accept loop rests after an error such as too many open files.
const ACCEPT_REST: Duration = Duration::from_millis(20);

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// See [`AccessError`].
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The address is taken, or is none of this machine's.
    #[error("{address} cannot be listened on: {source}; name another address")]
    Listen {
        /// Where it was to listen.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// A socket that is listened on.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    shared: Arc<Shared>,
}

impl Server {
    /// Binds. Within a runtime.
    ///
    /// # Errors
    /// [`ServeError::Listen`].
    pub async fn bind(address: SocketAddr, access: Access, board: Arc<Board>) -> Result<Server, ServeError> {
        let listening = TcpListener::bind(address).await;
        let listener = listening.map_err(|source| ServeError::Listen { address, source })?;
        Ok(Server { listener, shared: Arc::new(Shared { board, access }) })
    }

    /// Where it listens: the port that was given where none was named.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// Serves until `stop` is true, and then for as long as answers under way take, but not for long.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let Server { listener, shared } = self;
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            let next = async {
                // Never closed, so there is always one in the end.
                let place = Arc::clone(&places).acquire_owned().await.ok();
                (place, listener.accept().await)
            };
            let (place, accepted) = tokio::select! {
                next = next => next,
                Some(_) = connections.join_next() => continue,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&shared), stop.clone(), place));
                }
                Err(_) => tokio::time::sleep(ACCEPT_REST).await,
            }
        }
        drop(listener);
        let ending = async { while connections.join_next().await.is_some() {} };
        // What then still runs is cut off when the set is dropped.
        let _ = tokio::time::timeout(STOP_WITHIN, ending).await;
    }
}

/// One connection, until either side closes it or the server stops. Its errors are the client's business.
async fn connection(
    stream: TcpStream,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
    _place: Option<OwnedSemaphorePermit>,
) {
    let Ok(local) = stream.local_addr() else { return };
    // Without this a small write waits for the client's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(routes::answer(&shared, local, &request).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).max_buf_size(MAX_HEAD).max_headers(MAX_FIELDS);
    let mut serving = std::pin::pin!(builder.serve_connection(Patient::new(TokioIo::new(stream)), service));
    let ended = tokio::select! {
        ended = serving.as_mut() => Some(ended),
        _ = stop.wait_for(|stop| *stop) => None,
    };
    if ended.is_none() {
        serving.as_mut().graceful_shutdown();
        let _ = serving.await;
    }
}

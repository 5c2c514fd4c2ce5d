//! The listener, the bounds, and the end.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener as Unready, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::counts::Counts;
use super::descriptors::{Allowed, allowed};
use super::heard::{Ear, Link, Tap, Way};
use super::preface::preface;
use super::relay::{breaks_off, relay};
use super::upstream::{Upstream, prepare};
use crate::config::Target;

/// Most connections at once: as many as the wire code remembers.
pub const MAX_CONNECTIONS: usize = 16_384;
/// Connections at once, where nothing else is said and the limit of open files allows it.
pub const CONNECTIONS: usize = 8_192;
/// Where the limit of open files allows fewer than these, it is told also if nobody asked for more.
const FEW: usize = 1_024;
/// How long a connection on which nothing was said yet is kept when the tee is stopped: its first request may be on its way.
const FIRST_WITHIN: Duration = Duration::from_secs(1);
/// Connections that the kernel takes before they are accepted.
const BACKLOG: i32 = 4_096;
/// How long the accept loop rests after an error such as too many open files.
const ACCEPT_REST: Duration = Duration::from_millis(20);
/// Between two looks at the stop flag, and at a connection that may be at rest.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What a tee does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeeOptions {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Connections at once; who comes later waits in the listen queue. None: [`CONNECTIONS`].
    pub connections: Option<usize>,
    /// How long it goes on accepting when it is stopped, so that whoever balances notices.
    pub lame_duck: Duration,
    /// How long connections have to come to their end after that.
    pub drain: Duration,
    /// Whether the legacy is told who connected, by a line of the PROXY protocol.
    pub proxy_protocol: bool,
    /// Files that the process needs beside the connections: shadow requests, who looks, the run file.
    pub other_files: u64,
}

/// Why there is no tee.
#[derive(Debug, thiserror::Error)]
pub enum TeeError {
    /// The address is taken, or is none of this machine's.
    #[error("--listen {address}: {source}; name another address, or stop who listens there")]
    Listen {
        /// Where it was to listen.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The legacy's name has no address.
    #[error("cannot look up the host of the legacy {legacy}: {source}; check the name, or give the address itself")]
    Lookup {
        /// As it is written.
        legacy: Target,
        /// What the resolver said.
        source: io::Error,
    },
    /// The legacy has a path.
    #[error("the legacy {0} has a path, and a tee passes requests on as they come: write http://host:port alone")]
    Path(Target),
    /// It would ask itself.
    #[error("the {who} {target} is this tee itself (--listen {listen}): what it is asked would come back for ever")]
    Itself {
        /// `legacy` or `candidate`.
        who: &'static str,
        /// As it is written.
        target: Target,
        /// Where the tee listens.
        listen: SocketAddr,
    },
}

/// A socket that is listened on, before anybody is accepted.
#[derive(Debug)]
pub struct Tee {
    listener: Unready,
    address: SocketAddr,
    connections: usize,
    spare: u64,
    options: TeeOptions,
    counts: Arc<Counts>,
}

impl Tee {
    /// Binds and listens; needs no runtime. Connections that come from now on wait until [`Tee::run`].
    ///
    /// # Errors
    /// [`TeeError::Listen`].
    pub fn bind(options: TeeOptions) -> Result<Tee, TeeError> {
        let fail = |source| TeeError::Listen { address: options.listen, source };
        let listener = listening(options.listen).map_err(fail)?;
        let address = listener.local_addr().map_err(fail)?;
        let wanted = options.connections.unwrap_or(CONNECTIONS).clamp(1, MAX_CONNECTIONS);
        let Allowed { connections, spare } = allowed(wanted, options.other_files);
        if connections < wanted && (options.connections.is_some() || connections < FEW) {
            tracing::warn!(
                "{connections} connections at once, and not {wanted}: each needs two files, and the limit of open files \
                 (ulimit -n) allows no more"
            );
        }
        let counts = Arc::<Counts>::default();
        counts.at_most(connections);
        Ok(Tee { listener, address, connections, spare, options, counts })
    }

    /// Where it listens: the port that was given where none was named.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Files that the limit of open files leaves for everything beside the connections.
    pub fn spare_files(&self) -> u64 {
        self.spare
    }

    /// What it counts.
    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// Accepts and passes on until `stop` is set and [`TeeOptions::lame_duck`] is over, then until all connections have come
    /// to their end, those at rest at once, or the time for that is over. `ear` is dropped at the end.
    ///
    /// # Errors
    /// The system refuses to tell of new connections. Nobody was accepted then.
    pub async fn run<E: Ear>(self, upstream: Upstream, ear: E, stop: &AtomicBool) -> io::Result<()> {
        let Tee { listener, connections: most, options, counts, .. } = self;
        let listener = TcpListener::from_std(listener)?;
        let (stopping, _) = watch::channel(false);
        let (places, proxy_protocol) = (Arc::new(Semaphore::new(most)), options.proxy_protocol);
        let shared = Arc::new(Shared { upstream, ear, counts, places, proxy_protocol });
        let mut connections = JoinSet::new();
        tokio::select! {
            () = accept(&listener, &shared, &stopping, &mut connections) => {}
            () = shared.upstream.follow() => {}
            () = stopped(stop) => {}
        }
        let lame = accept(&listener, &shared, &stopping, &mut connections);
        // It has no end of its own.
        let _ = timeout(options.lame_duck, lame).await;
        drop(listener);
        stopping.send_replace(true);
        let deadline = Instant::now() + options.drain;
        let ending = async { while connections.join_next().await.is_some() {} };
        if timeout_at(deadline, ending).await.is_err() {
            shared.counts.cut(connections.len() as u64);
            connections.shutdown().await;
        }
        Ok(())
    }
}

/// Refuses a target of which one of the addresses is that at which a tee listens.
///
/// # Errors
/// [`TeeError::Itself`].
pub fn refuse_itself(
    listen: SocketAddr,
    who: &'static str,
    target: &Target,
    found: &[SocketAddr],
) -> Result<(), TeeError> {
    match found.iter().any(|address| is_reached_by(listen, *address)) {
        true => Err(TeeError::Itself { who, target: target.clone(), listen }),
        false => Ok(()),
    }
}

/// What every connection needs.
struct Shared<E> {
    upstream: Upstream,
    ear: E,
    counts: Arc<Counts>,
    /// One for each connection that may be open.
    places: Arc<Semaphore>,
    proxy_protocol: bool,
}

async fn stopped(stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        sleep(LOOK_EVERY).await;
    }
}

/// Accepts for ever. What is wrong is counted and not told: who writes to a full pipe waits, and nobody here may.
async fn accept<E: Ear>(
    listener: &TcpListener,
    shared: &Arc<Shared<E>>,
    stopping: &watch::Sender<bool>,
    connections: &mut JoinSet<()>,
) {
    loop {
        while connections.try_join_next().is_some() {}
        if shared.places.available_permits() == 0 {
            shared.counts.full();
        }
        // Never closed, so there is always one in the end.
        let place = Arc::clone(&shared.places).acquire_owned().await.ok();
        match listener.accept().await {
            Ok((client, peer)) => {
                let (shared, stopping) = (Arc::clone(shared), stopping.subscribe());
                connections.spawn(async move {
                    let _place = place;
                    connection(client, peer, &shared, stopping).await;
                });
            }
            Err(error) => {
                shared.counts.not_accepted(&error);
                sleep(ACCEPT_REST).await;
            }
        }
    }
}

/// One connection, to its end.
async fn connection<E: Ear>(
    mut client: TcpStream,
    peer: SocketAddr,
    shared: &Shared<E>,
    mut stopping: watch::Receiver<bool>,
) {
    let open = shared.counts.accepted();
    let since = Instant::now();
    let Ok(here) = client.local_addr() else { return };
    // A socket for both families shows IPv4 addresses as IPv6; who a client is must not depend on that.
    let (peer, here) = (plain(peer), plain(here));
    let connected = async {
        let mut legacy = shared.upstream.connect().await?;
        prepare(&client, true);
        prepare(&legacy, false);
        if shared.proxy_protocol {
            legacy.write_all(preface(peer, here).as_bytes()).await?;
        }
        io::Result::Ok(legacy)
    };
    let mut legacy = match connected.await {
        Ok(legacy) => legacy,
        Err(error) => {
            // What it would have been told without a tee: that nobody is there. Nothing is answered in the legacy's name.
            shared.counts.unreachable(&error);
            return breaks_off(&client, true);
        }
    };
    let link = Arc::new(Link::new(open.number, peer, here));
    let tap = Tap { ear: &shared.ear, link: &link, counts: &shared.counts };
    tokio::select! {
        () = relay(&mut client, &mut legacy, &tap) => {}
        () = at_rest(&link, since, &mut stopping) => {
            tap.end(Way::Down);
            tap.end(Way::Up);
            breaks_off(&client, false);
            breaks_off(&legacy, false);
        }
    }
}

fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Waits until the tee is to stop and no request of the connection waits for its answer.
async fn at_rest(link: &Link, since: Instant, stopping: &mut watch::Receiver<bool>) {
    if stopping.wait_for(|stopping| *stopping).await.is_err() {
        std::future::pending::<()>().await;
    }
    while !link.is_settled() || (link.is_silent() && since.elapsed() < FIRST_WITHIN) {
        sleep(LOOK_EVERY).await;
    }
}

fn listening(address: SocketAddr) -> io::Result<Unready> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Or a tee that is started anew would wait for the connections of the one before.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        // `[::]` is everywhere, for IPv4 too.
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Whether who connects to `address` comes to who listens at `listen`.
fn is_reached_by(listen: SocketAddr, address: SocketAddr) -> bool {
    let (ours, theirs) = (listen.ip().to_canonical(), address.ip().to_canonical());
    let everywhere = ours.is_unspecified() && (ours.is_ipv6() || theirs.is_ipv4()) && is_ours(theirs);
    // To connect to no address is to connect to loopback.
    let nowhere = theirs.is_unspecified() && ours.is_loopback();
    listen.port() == address.port() && (ours == theirs || everywhere || nowhere)
}

/// Whether it is an address of this machine: only to those a socket can be bound.
fn is_ours(address: IpAddr) -> bool {
    address.is_unspecified() || UdpSocket::bind((address, 0)).is_ok()
}

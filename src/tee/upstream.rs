//! Where the legacy is: the addresses of its name, looked up again as time goes by, and connecting to them in turn.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, timeout};

use super::listen::TeeError;
use crate::config::Target;

/// How long a look-up may take.
const LOOKUP_WITHIN: Duration = Duration::from_secs(10);
/// How often the name is looked up again: services move, and a tee stands for months. The resolver has a cache of its own.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How long it is not looked up again after that, however many connections fail.
const LOOKED: Duration = Duration::from_secs(1);
/// How long connecting to one address may take. The kernel alone would try for two minutes.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long an address that did not take a connection comes last.
const REST: Duration = Duration::from_secs(10);
/// How long is waited for a socket or a port of this machine before it is tried again.
const SHORT_REST: Duration = Duration::from_millis(20);
/// A client that takes nothing of what waits for it, or says nothing to it, for so long is gone.
const CLIENT_TAKES_WITHIN: Duration = Duration::from_secs(600);
/// A connection that is silent for so long is asked whether its other end is still there.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// The legacy.
#[derive(Debug)]
pub struct Upstream {
    legacy: Target,
    addresses: watch::Sender<Arc<[Address]>>,
    /// Whose turn it is.
    turn: AtomicUsize,
    began: Instant,
    /// When the name was looked up last.
    looked: Mutex<Instant>,
}

impl Upstream {
    /// Looks the name up.
    ///
    /// # Errors
    /// [`TeeError::Lookup`]: it has no address.
    pub async fn resolve(legacy: Target) -> Result<Upstream, TeeError> {
        let found = look_up(&legacy).await.map_err(|source| TeeError::Lookup { legacy: legacy.clone(), source })?;
        let (began, looked) = (Instant::now(), Mutex::new(Instant::now()));
        let addresses = watch::Sender::new(all(found));
        Ok(Upstream { legacy, addresses, turn: AtomicUsize::new(0), began, looked })
    }

    /// What the name leads to at present.
    pub fn found(&self) -> Vec<SocketAddr> {
        self.addresses().iter().map(|address| address.at).collect()
    }

    fn addresses(&self) -> Arc<[Address]> {
        Arc::clone(&self.addresses.borrow())
    }

    /// Looks the name up again and again, for as long as it is waited for. What fails changes nothing.
    pub(super) async fn follow(&self) {
        if self.is_literal() {
            return std::future::pending().await;
        }
        loop {
            tokio::time::sleep(LOOK_AGAIN).await;
            self.look_again().await;
        }
    }

    fn is_literal(&self) -> bool {
        self.legacy.host.parse::<IpAddr>().is_ok()
    }

    async fn look_again(&self) {
        let mut looked = self.looked.lock().await;
        if looked.elapsed() < LOOKED {
            return;
        }
        if let Ok(found) = look_up(&self.legacy).await
            && !self.addresses().iter().map(|address| &address.at).eq(&found)
        {
            self.addresses.send_replace(all(found));
        }
        *looked = Instant::now();
    }

    /// A connection. Where no address takes one the name is looked up again: the legacy may have moved.
    ///
    /// # Errors
    /// What the last address that was tried said.
    pub(super) async fn connect(&self) -> io::Result<TcpStream> {
        let addresses = self.addresses();
        let failed = match self.connect_to(&addresses).await {
            Err(failed) if !self.is_literal() => failed,
            connected => return connected,
        };
        self.look_again().await;
        let now = self.addresses();
        if Arc::ptr_eq(&now, &addresses) { Err(failed) } else { self.connect_to(&now).await }
    }

    /// To the addresses in turn; those that failed a moment ago come last. Where this machine has no socket or port left it
    /// waits for one.
    async fn connect_to(&self, addresses: &[Address]) -> io::Result<TcpStream> {
        let until = Instant::now() + CONNECT_WITHIN;
        loop {
            match self.one_of(addresses).await {
                Err(error) if is_ours(&error) && Instant::now() < until => tokio::time::sleep(SHORT_REST).await,
                done => return done,
            }
        }
    }

    async fn one_of(&self, addresses: &[Address]) -> io::Result<TcpStream> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % addresses.len().max(1);
        let (before, from) = addresses.split_at(turn.min(addresses.len()));
        let now = self.began.elapsed();
        let (up, resting): (Vec<&Address>, _) = from.iter().chain(before).partition(|address| address.is_up(now));
        let mut failed = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in up.into_iter().chain(resting) {
            failed = match timeout(CONNECT_WITHIN, TcpStream::connect(address.at)).await {
                Ok(Ok(stream)) => {
                    address.rests_until.store(0, Ordering::Relaxed);
                    return Ok(stream);
                }
                // None of the address's doing.
                Ok(Err(error)) if is_ours(&error) => return Err(error),
                Ok(Err(error)) => error,
                Err(_) => io::ErrorKind::TimedOut.into(),
            };
            address.rests_until.store(millis(self.began.elapsed() + REST), Ordering::Relaxed);
        }
        Err(failed)
    }
}

/// Whether this machine, and not the legacy, is what keeps a connection from being made.
fn is_ours(error: &io::Error) -> bool {
    let ours = [Errno::EMFILE, Errno::ENFILE, Errno::EADDRNOTAVAIL, Errno::ENOBUFS, Errno::ENOMEM];
    error.raw_os_error().is_some_and(|code| ours.contains(&Errno::from_raw(code)))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// One address, and when it did not take a connection.
#[derive(Debug)]
struct Address {
    at: SocketAddr,
    /// Milliseconds after the beginning up to which it comes last; 0: it took the last one.
    rests_until: AtomicU64,
}

impl Address {
    /// Whether it may have its turn. Of one that has rested that is so for a single connection: should it still take none,
    /// one client waits for it, and not all.
    fn is_up(&self, now: Duration) -> bool {
        let until = self.rests_until.load(Ordering::Relaxed);
        let next = millis(now + REST);
        until == 0
            || (until <= millis(now)
                && self.rests_until.compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed).is_ok())
    }
}

fn all(found: Vec<SocketAddr>) -> Arc<[Address]> {
    found.into_iter().map(|at| Address { at, rests_until: AtomicU64::new(0) }).collect()
}

/// In order, so that the same answer is the same list.
async fn look_up(target: &Target) -> io::Result<Vec<SocketAddr>> {
    let asked = timeout(LOOKUP_WITHIN, lookup_host((target.host.as_str(), target.port))).await;
    let mut found: Vec<SocketAddr> = asked.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??.collect();
    found.sort_unstable();
    found.dedup();
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(found)
}

/// Small writes go out at once, and whoever vanished without a word is found out in the end.
pub(super) fn prepare(stream: &TcpStream, is_client: bool) {
    let socket = SockRef::from(stream);
    // What fails here fails again where it is read.
    let _ = stream.set_nodelay(true);
    let _ = socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE));
    if is_client {
        // Else one whose window stays shut would keep its place for ever.
        let _ = socket.set_tcp_user_timeout(Some(CLIENT_TAKES_WITHIN));
    }
}

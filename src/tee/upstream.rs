//! Where the legacy is: the addresses of its name, looked up again as time goes by, and connecting to one of them.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

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
/// A connection that is silent for so long is asked whether its other end is still there.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// The legacy.
#[derive(Debug)]
pub struct Upstream {
    legacy: Target,
    addresses: watch::Sender<Arc<[SocketAddr]>>,
    /// Which address took a connection last.
    preferred: AtomicUsize,
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
        let looked = Mutex::new(Instant::now());
        Ok(Upstream { legacy, addresses: watch::Sender::new(found), preferred: AtomicUsize::new(0), looked })
    }

    /// Where it is.
    pub fn addresses(&self) -> Arc<[SocketAddr]> {
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
            && *found != *self.addresses()
        {
            tracing::info!("the legacy {} has moved to {found:?}", self.legacy);
            self.addresses.send_replace(found);
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
        if now == addresses { Err(failed) } else { self.connect_to(&now).await }
    }

    /// To the address that took the last one if it takes another, else to the next.
    async fn connect_to(&self, addresses: &[SocketAddr]) -> io::Result<TcpStream> {
        let first = self.preferred.load(Ordering::Relaxed);
        let first = if first < addresses.len() { first } else { 0 };
        let mut failed = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for index in (first..addresses.len()).chain(0..first) {
            let Some(address) = addresses.get(index) else { continue };
            match timeout(CONNECT_WITHIN, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    self.preferred.store(index, Ordering::Relaxed);
                    return Ok(stream);
                }
                Ok(Err(error)) => failed = error,
                Err(_) => failed = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(failed)
    }
}

/// In order, so that the same answer is the same list.
async fn look_up(target: &Target) -> io::Result<Arc<[SocketAddr]>> {
    let asked = timeout(LOOKUP_WITHIN, lookup_host((target.host.as_str(), target.port))).await;
    let mut found: Vec<SocketAddr> = asked.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??.collect();
    found.sort_unstable();
    found.dedup();
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(found.into())
}

/// Small writes go out at once, and whoever vanished without a word is found out in the end.
pub(super) fn prepare(stream: &TcpStream) {
    // What fails here fails again where it is read.
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE));
}

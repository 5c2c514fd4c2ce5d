//! Where the legacy is: the addresses of its name, looked up again as time goes by, and connecting to one of them.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::watch;
use tokio::time::timeout;

use super::listen::TeeError;
use crate::config::Target;

/// How long a look-up may take.
const LOOKUP_WITHIN: Duration = Duration::from_secs(10);
/// How often the name is looked up again: services move, and a tee stands for months. The resolver has a cache of its own.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
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
}

impl Upstream {
    /// Looks the name up.
    ///
    /// # Errors
    /// [`TeeError::Lookup`]: it has no address.
    pub async fn resolve(legacy: Target) -> Result<Upstream, TeeError> {
        let found = look_up(&legacy).await.map_err(|source| TeeError::Lookup { legacy: legacy.clone(), source })?;
        Ok(Upstream { legacy, addresses: watch::Sender::new(found), preferred: AtomicUsize::new(0) })
    }

    /// Where it is.
    pub fn addresses(&self) -> Arc<[SocketAddr]> {
        Arc::clone(&self.addresses.borrow())
    }

    /// Looks the name up again and again, for as long as it is waited for. What fails changes nothing.
    pub(super) async fn follow(&self) {
        if self.legacy.host.parse::<IpAddr>().is_ok() {
            return std::future::pending().await;
        }
        loop {
            tokio::time::sleep(LOOK_AGAIN).await;
            if let Ok(found) = look_up(&self.legacy).await
                && *found != **self.addresses.borrow()
            {
                tracing::info!("the legacy {} has moved to {found:?}", self.legacy);
                self.addresses.send_replace(found);
            }
        }
    }

    /// A connection, to the address that took the last one if it takes another, else to the next.
    ///
    /// # Errors
    /// What the last address that was tried said.
    pub(super) async fn connect(&self) -> io::Result<TcpStream> {
        let addresses = self.addresses();
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

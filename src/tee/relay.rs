//! One connection: what comes from either side goes to the other, as it is and as soon as it can.
//!
//! The ends are passed on too: a side that ends its stream ends that of the other, and a side that breaks the connection off
//! breaks the other. No byte is made here, none is held back, and none is kept beyond what the other side does not take.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::pin::pin;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::heard::{Ear, Tap, Way};

/// Bytes that are read at once. It is also the most that is kept of a connection whose other side does not take it.
const READ: usize = 32 << 10;
/// The legacy has ended its stream: how long the client may be silent before it is taken for gone (as tcp_fin_timeout).
const CLIENT_ENDS_WITHIN: Duration = Duration::from_secs(60);

thread_local! {
    /// What is being passed on: connections that wait need no buffer.
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
}

/// A side that has broken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broken {
    /// The one that is read.
    Reading,
    /// The one that is written to.
    Writing,
}

/// What one look at a side came to.
enum Passed {
    /// Nothing was there, after all.
    Nothing,
    /// What was there went on.
    On,
    /// This could not go on yet.
    Rest(Vec<u8>),
    /// The stream has ended.
    End,
    Broken(Broken),
}

/// Passes everything on until both sides have ended or one has broken off. Dropped before, it is as if it had ended there.
pub(super) async fn relay<E: Ear>(client: &TcpStream, legacy: &TcpStream, tap: &Tap<'_, E>) {
    tap.begin();
    if let Err(by) = both_ways(client, legacy, tap).await {
        tap.broken(by);
        reset(client);
        reset(legacy);
    }
}

/// The error: from which side it was broken off, as the way that goes from it.
async fn both_ways<E: Ear>(client: &TcpStream, legacy: &TcpStream, tap: &Tap<'_, E>) -> Result<(), Way> {
    let up = async {
        match carry(client, legacy, Way::Up, tap).await {
            // Nobody waits for an answer any more.
            Err(Broken::Reading) => Err(Way::Up),
            // The legacy takes no more. Its answer, that the request is too large for one, may still be on its way.
            Err(Broken::Writing) | Ok(()) => Ok(()),
        }
    };
    let down = async {
        carry(legacy, client, Way::Down, tap).await.map_err(|broken| match broken {
            Broken::Reading => Way::Down,
            Broken::Writing => Way::Up,
        })
    };
    let (mut up, mut down) = (pin!(up), pin!(down));
    tokio::select! {
        ended = up.as_mut() => {
            ended?;
            down.await
        }
        ended = down.as_mut() => {
            ended?;
            loop {
                let before = tap.link.read(Way::Up);
                match timeout(CLIENT_ENDS_WITHIN, up.as_mut()).await {
                    Ok(ended) => return ended,
                    Err(_) if tap.link.read(Way::Up) == before => return Err(Way::Up),
                    Err(_) => {}
                }
            }
        }
    }
}

/// One way, until what is read has ended.
async fn carry<E: Ear>(from: &TcpStream, to: &TcpStream, way: Way, tap: &Tap<'_, E>) -> Result<(), Broken> {
    loop {
        from.readable().await.map_err(|_| Broken::Reading)?;
        match pass(from, to, way, tap) {
            Passed::Nothing | Passed::On => {}
            Passed::Rest(rest) => write(to, &rest).await.map_err(|_| Broken::Writing)?,
            Passed::End => {
                tap.end(way);
                // Where it cannot be told, the other side has broken off, which is found out where it is read.
                let _ = SockRef::from(to).shutdown(Shutdown::Write);
                return Ok(());
            }
            Passed::Broken(broken) => return Err(broken),
        }
    }
}

/// Reads what is there, lets it be heard, and writes it on as far as that goes at once.
fn pass<E: Ear>(from: &TcpStream, to: &TcpStream, way: Way, tap: &Tap<'_, E>) -> Passed {
    BUFFER.with_borrow_mut(|buffer| {
        let bytes = match from.try_read(buffer) {
            Ok(0) => return Passed::End,
            Ok(n) => buffer.get(..n).unwrap_or_default(),
            Err(error) if is_for_now(&error) => return Passed::Nothing,
            Err(_) => return Passed::Broken(Broken::Reading),
        };
        tap.bytes(way, bytes);
        let written = match to.try_write(bytes) {
            Ok(n) => n,
            Err(error) if is_for_now(&error) => 0,
            Err(_) => return Passed::Broken(Broken::Writing),
        };
        match bytes.get(written..) {
            None | Some([]) => Passed::On,
            Some(rest) => Passed::Rest(rest.to_vec()),
        }
    })
}

async fn write(to: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        to.writable().await?;
        match to.try_write(bytes) {
            Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
            Err(error) if is_for_now(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn is_for_now(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// When it is closed, its other end is told that it was broken off, and not that it came to its end.
pub(super) fn reset(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

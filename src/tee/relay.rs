//! One connection: what comes from either side goes to the other, as it is and as soon as it can.
//!
//! The ends are passed on too: a side that ends its stream ends that of the other, and a side that breaks the connection off
//! breaks the other. No byte is made here, none is held back, and none is kept beyond what the other side does not take.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWriteExt, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::time::{Instant, timeout};

use super::heard::{Ear, Tap, Way};

/// Bytes that are read at once. It is also the most that is kept of a connection whose other side does not take it.
const READ: usize = 32 << 10;
/// The legacy has ended its stream: how long the client may say nothing before the connection is closed (as tcp_fin_timeout).
const CLIENT_ENDS_WITHIN: Duration = Duration::from_secs(60);

/// One side has broken off: how long the other may take nothing of what had come before.
const TAKES_WITHIN: Duration = Duration::from_secs(5);
/// And how long it may take for what was written to it already.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);
/// Between two looks at a side that may have broken off.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

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
    /// The one that is read, while the other took nothing any more.
    Stuck,
}

/// What one look at a side came to.
enum Passed {
    /// What was there went on.
    On,
    /// This could not go on yet.
    Rest(Vec<u8>),
    /// The stream has ended.
    End,
    Broken(Broken),
}

/// Passes everything on until both sides have ended or one has broken off. Dropped before, the connection is broken off there.
pub(super) async fn relay<E: Ear>(client: &mut TcpStream, legacy: &mut TcpStream, tap: &Tap<'_, E>) {
    tap.begin();
    // Until a side has had the end of what the other sent it, whatever ends the connection breaks it off: an answer that is
    // cut must not look like one that has ended.
    breaks_off(client, true);
    breaks_off(legacy, true);
    if let Err(by) = both_ways(client, legacy, tap).await {
        if by == BrokenOff::Legacy {
            // What it had sent before is the client's, as it would be without a tee.
            taken(client).await;
        }
        breaks_off(client, true);
        breaks_off(legacy, true);
    }
}

/// A side has broken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BrokenOff {
    Client,
    Legacy,
}

async fn both_ways<E: Ear>(client: &mut TcpStream, legacy: &mut TcpStream, tap: &Tap<'_, E>) -> Result<(), BrokenOff> {
    let ((from_client, to_client), (from_legacy, to_legacy)) = (client.split(), legacy.split());
    let up = async {
        match carry(from_client, to_legacy, Way::Up, tap).await {
            // Nobody waits for an answer any more.
            Err(Broken::Reading | Broken::Stuck) => Err(BrokenOff::Client),
            // The legacy takes no more. Its answer, that the request is too large for one, may still be on its way.
            Err(Broken::Writing) | Ok(()) => Ok(()),
        }
    };
    let down = async {
        carry(from_legacy, to_client, Way::Down, tap).await.map_err(|broken| match broken {
            Broken::Reading => BrokenOff::Legacy,
            Broken::Writing | Broken::Stuck => BrokenOff::Client,
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
                    // Closed, and not broken off: a slow client may still be reading what the kernel holds for it.
                    Err(_) if tap.link.read(Way::Up) == before => return Ok(()),
                    Err(_) => {}
                }
            }
        }
    }
}

/// One way, until what is read has ended.
async fn carry<E: Ear>(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    way: Way,
    tap: &Tap<'_, E>,
) -> Result<(), Broken> {
    loop {
        match poll_fn(|context| pass(&mut from, &to, way, tap, context)).await {
            Passed::On => {}
            Passed::Rest(rest) => {
                let _held = tap.link.holds();
                let mut writing = pin!(to.write_all(&rest));
                let written = tokio::select! {
                    written = writing.as_mut() => written,
                    // What had come before is still to be read; it is the other side's as long as it takes any of it.
                    () = breaking(&from) => timeout(TAKES_WITHIN, writing).await.map_err(|_| Broken::Stuck)?,
                };
                written.map_err(|_| Broken::Writing)?;
            }
            Passed::End => {
                tap.end(way);
                // Where it cannot be told, the other side has broken off, which is found out where it is read.
                let _ = to.shutdown().await;
                breaks_off(to.as_ref(), false);
                return Ok(());
            }
            Passed::Broken(broken) => return Err(broken),
        }
    }
}

/// Waits until something is there, reads it, lets it be heard, and writes it on as far as that goes at once.
///
/// By `poll_read` and not by `try_read`: after a short read it knows that nothing more is there, without asking.
fn pass<E: Ear>(
    from: &mut ReadHalf<'_>,
    to: &WriteHalf<'_>,
    way: Way,
    tap: &Tap<'_, E>,
    context: &mut Context<'_>,
) -> Poll<Passed> {
    BUFFER.with_borrow_mut(|buffer| {
        let mut read = ReadBuf::new(buffer);
        if ready!(Pin::new(from).poll_read(context, &mut read)).is_err() {
            return Poll::Ready(Passed::Broken(Broken::Reading));
        }
        let bytes = read.filled();
        if bytes.is_empty() {
            return Poll::Ready(Passed::End);
        }
        tap.bytes(way, bytes);
        let written = match to.try_write(bytes) {
            Ok(n) => n,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => 0,
            Err(_) => return Poll::Ready(Passed::Broken(Broken::Writing)),
        };
        Poll::Ready(match bytes.get(written..) {
            None | Some([]) => Passed::On,
            Some(rest) => Passed::Rest(rest.to_vec()),
        })
    })
}

/// Waits until a side has broken the connection off, also while it is not read because the other takes nothing.
async fn breaking(from: &ReadHalf<'_>) {
    loop {
        match from.ready(Interest::ERROR).await {
            Ok(ready) if ready.is_error() => return,
            // Its end is at hand, which is told in the same way.
            Ok(_) => tokio::time::sleep(LOOK_AGAIN).await,
            Err(_) => return std::future::pending().await,
        }
    }
}

/// Waits until all that was written to a side is on its way to it, but not for long: breaking off discards what is not.
async fn taken(to: &TcpStream) {
    // From here on it counts as writable when less than this is unsent (tcp(7), TCP_NOTSENT_LOWAT).
    if SockRef::from(to).set_tcp_notsent_lowat(1).is_err() {
        return;
    }
    let until = Instant::now() + TAKEN_WITHIN;
    while !is_writable(to) && Instant::now() < until {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Asked of the kernel: the runtime knows of changes alone.
fn is_writable(stream: &TcpStream) -> bool {
    let mut asked = [PollFd::new(stream.as_fd(), PollFlags::POLLOUT)];
    let answered = poll(&mut asked, PollTimeout::ZERO).is_ok();
    let events = asked.iter().filter_map(PollFd::revents).fold(PollFlags::empty(), |all, of| all | of);
    !answered || !events.is_empty()
}

/// Whether its other end is told, when it is closed, that it was broken off, and not that it came to its end.
pub(super) fn breaks_off(stream: &TcpStream, so: bool) {
    let _ = SockRef::from(stream).set_linger(so.then_some(Duration::ZERO));
}

//! The socket of one connection as the HTTP client reads it, until somebody says that it has read enough.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What the one who asks and the task that reads know of one connection together.
#[derive(Debug, Default)]
pub(super) struct Signs {
    /// More came than any answer needs: nothing more is read.
    pub(super) enough: AtomicBool,
    /// The task ended because bytes came behind a whole answer, where the connection was to go on.
    pub(super) surplus: AtomicBool,
}

/// A socket. Interim answers never reach whoever waits for the final one, so a server that sends nothing else could keep
/// the task that reads busy for as long as it likes: this is where that ends.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) stream: TcpStream,
    pub(super) signs: Arc<Signs>,
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.signs.enough.load(Ordering::Relaxed) {
            // Of this kind are the errors of what is no HTTP, see `failure`.
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "too many interim answers")));
        }
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

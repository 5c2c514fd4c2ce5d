//! An answer on its way out of a shop.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use hyper::body::{Body, Frame, SizeHint};

/// Size of the pieces of an answer that is sent in chunks, in bytes.
const PIECE: usize = 700;

/// A finished answer, and how long the shop takes for it.
#[derive(Debug, Clone, Default)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// Names in lower case; the server's style decides how they are spelled on the wire.
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
    /// Whether it goes out in chunks instead of with a length.
    pub(super) chunked: bool,
    /// The service time.
    pub(super) takes: Duration,
}

impl Reply {
    /// Sets a header, in place of one of that name.
    pub(super) fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.remove(name);
        self.headers.push((name, value.into()));
    }

    /// Takes a header away.
    pub(super) fn remove(&mut self, name: &str) {
        self.headers.retain(|(n, _)| *n != name);
    }

    /// The value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str())
    }

    /// As hyper wants it.
    pub(super) fn into_response(self) -> Response<Pieces> {
        let size = if self.chunked { PIECE } else { self.body.len().max(1) };
        let pieces = (0..self.body.len()).step_by(size).map(|at| self.body.slice(at..self.body.len().min(at + size)));
        let mut response = Response::new(Pieces { left: pieces.collect(), chunked: self.chunked });
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().append(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

/// A body in pieces: hyper frames it with its length, or in chunks where the length is kept from it.
pub(super) struct Pieces {
    left: VecDeque<Bytes>,
    chunked: bool,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.get_mut().left.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        if self.chunked {
            return SizeHint::default();
        }
        SizeHint::with_exact(self.left.iter().map(|piece| piece.len() as u64).sum())
    }
}

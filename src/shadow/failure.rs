//! What an error of the HTTP client means for the books.

use std::error::Error;
use std::io;

use crate::exchange::Failure;

/// Which failure of the candidate an error is. Time-outs and the size limit are told by the caller.
pub(super) fn of(error: &hyper::Error) -> Failure {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(failure) = one(error) {
            return failure;
        }
        cause = error.source();
    }
    Failure::Closed
}

/// Whether a connection ended because of bytes that nobody had asked for. Hyper has no question for this kind, and it is
/// the only one that answers none of the others.
pub(super) fn is_surplus(error: &hyper::Error) -> bool {
    !(error.is_parse()
        || error.is_incomplete_message()
        || error.is_canceled()
        || error.is_closed()
        || error.is_user()
        || error.is_body_write_aborted()
        || error.is_shutdown()
        || error.is_timeout()
        || error.source().is_some())
}

/// What one link of the chain tells; None: look at what caused it.
fn one(error: &(dyn Error + 'static)) -> Option<Failure> {
    if let Some(error) = error.downcast_ref::<io::Error>() {
        // Hyper's decoders say so of chunk sizes, chunk ends and trailers; the network never does.
        let malformed = matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput);
        return Some(if malformed { Failure::Malformed } else { Failure::Closed });
    }
    let error = error.downcast_ref::<hyper::Error>()?;
    if error.is_parse() {
        Some(Failure::Malformed)
    } else if error.is_incomplete_message() {
        Some(Failure::Closed)
    } else if error.is_canceled() || error.is_closed() || error.source().is_some() {
        None
    } else {
        // Bytes that came before anything was asked: see `is_surplus`.
        Some(Failure::Malformed)
    }
}

//! HTTP/1: one direction's bytes to messages (RFC 9112).

mod body;
mod chunked;
mod framing;
mod head;
mod message;
mod preamble;
mod reader;
mod resync;
mod start_line;

pub(crate) use head::MethodKind;
pub(crate) use reader::{Piece, Reader, Role, Sight};
pub(crate) use resync::Candidate;
pub(crate) use start_line::Look;

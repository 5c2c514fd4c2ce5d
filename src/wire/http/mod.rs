//! HTTP/1: one direction's bytes to messages (RFC 9112).

mod body;
mod chunked;
mod framing;
mod head;
mod message;
mod preamble;
mod reader;
mod resync;
mod sight;
mod start_line;

pub(crate) use head::MethodKind;
pub(crate) use reader::{Piece, Reader, Role};
pub(crate) use resync::Candidate;
pub(crate) use sight::{Said, Sight};
pub(crate) use start_line::Look;

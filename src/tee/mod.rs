//! The inline source: a tee that stands between the clients and the legacy.
//!
//! It passes bytes on as they come and knows nothing of HTTP: what the clients get is what the legacy sent, byte for byte,
//! whatever protocol it is, and what the legacy gets is what the clients sent. What went by is *heard*: a copy of each piece
//! goes to an [`Ear`], which never waits. What the ear has no room for is shed and counted, and to the [`crate::wire`] code,
//! which makes exchanges of the pieces, it is a gap like any other.
//!
//! [`Tee`] listens and bounds, [`relay`] passes one connection on, [`Upstream`] knows where the legacy is.

mod counts;
mod descriptors;
mod heard;
mod listen;
mod preface;
mod relay;
mod upstream;

pub use counts::{Counts, Standing};
pub use heard::{Ear, Link, Piece, Way, What};
pub use listen::{CONNECTIONS, MAX_CONNECTIONS, Tee, TeeError, TeeOptions, refuse_itself};
pub use upstream::Upstream;

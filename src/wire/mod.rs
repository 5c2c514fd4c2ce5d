//! Frames to exchanges. No I/O and no clock: bytes and time come in as arguments.

mod decode;
mod fragments;
mod ip;
mod link;
mod segment;
mod tunnel;
mod view;
mod walk;
mod wlan;

pub use decode::{Decoded, Decoder, FrameBooks};
pub use segment::Segment;
pub use walk::MAX_TUNNELS;

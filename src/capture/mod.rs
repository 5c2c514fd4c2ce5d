//! Frames in: files, interfaces, and mirrored traffic that comes as VXLAN.

mod batch;
mod error;
mod filter;
mod input;
mod interfaces;
mod kernel_filter;
mod live;
mod losses;
mod merge;
mod pcap;
mod pcapng;
mod reader;
mod save;
mod source;
mod vxlan;
mod window;

pub use batch::{BATCH_BYTES, BATCH_FRAMES, Batch};
pub use error::CaptureError;
pub use filter::Filter;
pub use interfaces::{Interface, interfaces};
pub use live::{Live, LiveOptions, MAX_SNAP};
pub use losses::LiveLosses;
pub use merge::Files;
pub use save::{SaveError, Saver};
pub use source::LiveSource;
pub use vxlan::{VXLAN_PORT, VxlanListener, VxlanOptions};

use crate::exchange::Timestamp;

/// One captured frame, lent by its source until the next is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// When it was captured.
    pub time: Timestamp,
    /// The link type of its interface: a LINKTYPE_ value (<https://www.tcpdump.org/linktypes.html>).
    pub link: u16,
    /// The bytes that were kept.
    pub data: &'a [u8],
    /// How many bytes were on the wire.
    pub wire_length: u32,
}

//! Frames to exchanges. No I/O and no clock: bytes and time come in as arguments.
//!
//! A frame is unwrapped to its TCP segment ([`Decoder`]); the segment goes to its connection (`table`, `connection`),
//! whose two directions are put in order (`tcp`) and read as messages (`http`); requests and answers meet at the
//! connection's desk (`pair`), which alone gives exchanges out.

mod connection;
mod context;
mod decode;
mod fragments;
mod http;
mod ip;
mod limits;
mod link;
mod pair;
mod segment;
mod table;
mod tcp;
mod tunnel;
mod view;
mod walk;
mod wlan;

pub use decode::{Decoded, Decoder, FrameBooks};
pub use limits::WireLimits;
pub use segment::Segment;
pub use walk::MAX_TUNNELS;

use crate::capture::Frame;
use crate::exchange::{Exchange, Timestamp};
use crate::ledger::{Refusal, Waiting, WireBooks};

/// What is kept of bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// Bodies are counted and not kept.
    Nothing,
    /// Up to [`WireLimits::body`] bytes of each.
    #[default]
    Bodies,
}

/// How to work.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WireOptions {
    /// Bounds of memory.
    pub limits: WireLimits,
    /// What is kept of bodies.
    pub keep: Keep,
}

/// Turns frames into exchanges.
#[derive(Debug)]
pub struct Wire {
    decoder: Decoder,
    table: table::Table,
}

impl Wire {
    /// One that has seen nothing.
    pub fn new(options: WireOptions) -> Wire {
        Wire { decoder: Decoder::new(), table: table::Table::new(options) }
    }

    /// Takes the next frame; whatever exchanges it finishes go to `sink`.
    #[inline]
    pub fn frame(&mut self, frame: &Frame<'_>, sink: &mut dyn FnMut(Exchange)) {
        if let Decoded::Segment(segment) = self.decoder.decode(frame) {
            self.table.segment(&segment, sink);
        }
    }

    /// Counts a frame that is not to be looked at, as one that a filter refused.
    pub fn refuse(&mut self, refusal: Refusal) {
        self.decoder.refuse(refusal);
    }

    /// Takes a segment that was decoded elsewhere; the books of frames do not know of it.
    pub fn segment(&mut self, segment: &Segment<'_>, sink: &mut dyn FnMut(Exchange)) {
        self.table.segment(segment, sink);
    }

    /// Whether nothing is open on the connection that the segment is of: it speaks HTTP, every request of it has been
    /// answered, and neither side is within a message. False where that is not known.
    pub fn is_at_rest(&self, segment: &Segment<'_>) -> bool {
        self.table.is_at_rest(segment)
    }

    /// Nothing more will come: every exchange that waits goes to `sink`, whole or not.
    pub fn finish(&mut self, sink: &mut dyn FnMut(Exchange)) {
        self.decoder.finish();
        self.table.finish(sink);
    }

    /// It is `now`, by the clock that stamps the frames: connections and fragments that have been silent for too long
    /// are given up, and their exchanges go to `sink`. Frames say what time it is, too; a source that can be silent
    /// calls this about once a second.
    pub fn tick(&mut self, now: Timestamp, sink: &mut dyn FnMut(Exchange)) {
        self.decoder.tick(now);
        self.table.tick(now, sink);
    }

    /// The books at this moment. They close at any moment: what is not settled yet stands in
    /// [`WireBooks::waiting`], counted by looking at every connection (about once a second does not show, once a
    /// frame would). Nothing waits after [`Wire::finish`].
    pub fn books(&self) -> WireBooks {
        let frames = self.decoder.books();
        let mut books = self.table.books().clone();
        books.waiting = Waiting { frames: frames.waiting, ..self.table.waiting() };
        books.stream_bytes += books.waiting.stream_bytes;
        books.frames = frames.frames;
        books.frames_used = frames.used;
        books.frames_refused = frames.refused;
        for (limit, n) in frames.evicted {
            *books.evicted.entry(limit.into()).or_default() += n;
        }
        books
    }
}

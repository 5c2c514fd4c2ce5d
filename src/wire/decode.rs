//! From a frame to the TCP segment in it, through whatever was wrapped around it.

use std::collections::BTreeMap;

use super::fragments::{Fragments, Placed, Whole};
use super::ip::{Carried, Place};
use super::segment::Segment;
use super::view::View;
use super::walk::{Found, Next, Walk};
use crate::capture::Frame;
use crate::exchange::Timestamp;
use crate::ledger::{Counts, Refusal};

/// What a frame gave.
#[derive(Debug)]
pub enum Decoded<'a> {
    /// A TCP segment.
    Segment(Segment<'a>),
    /// A fragment, which waits for others of its datagram or was here before.
    Held,
    /// Nothing to assemble.
    Refused(Refusal),
}

/// The book of frames: frames = used + refused + waiting.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FrameBooks {
    /// Frames handed in.
    pub frames: u64,
    /// Frames of which a TCP segment, or a fragment of one, was used.
    pub used: u64,
    /// The other frames.
    pub refused: Counts<Refusal>,
    /// Frames whose datagrams are not whole yet; none after [`Decoder::finish`].
    pub waiting: u64,
    /// Datagrams in pieces that a limit evicted, by the limit's name.
    pub evicted: BTreeMap<&'static str, u64>,
}

/// Decodes frames one after another; keeps fragments until their datagrams are whole.
#[derive(Debug, Default)]
pub struct Decoder {
    fragments: Fragments,
    /// The datagram that was put together last; it lends its bytes to the segment.
    whole: Whole,
    books: FrameBooks,
}

impl Decoder {
    /// A decoder that has seen nothing.
    pub fn new() -> Decoder {
        Decoder::default()
    }

    /// The TCP segment in the frame, innermost where there are tunnels.
    ///
    /// Of a wireless aggregate (A-MSDU) only the first part that is IP is seen; what the others carried shows as a
    /// gap in its stream.
    #[inline]
    pub fn decode<'a>(&'a mut self, frame: &Frame<'a>) -> Decoded<'a> {
        self.books.frames += 1;
        let missing = (frame.wire_length as usize).saturating_sub(frame.data.len());
        let mut walk = Walk::default();
        match walk.from(frame.time, Next::Link(frame.link), View { data: frame.data, missing }) {
            Ok(Found::Segment(segment)) => {
                self.books.used += 1;
                Decoded::Segment(segment)
            }
            Ok(Found::Fragment(carried, place)) => self.reassemble(frame.time, walk, &carried, place),
            Err(refusal) => self.refused(refusal, 1),
        }
    }

    /// Counts a frame that is not to be decoded, as one that a filter refused.
    pub fn refuse(&mut self, refusal: Refusal) {
        self.books.frames += 1;
        self.books.refused.add(refusal);
    }

    /// It is `now`, or later: fragments that have waited too long are given up.
    pub fn tick(&mut self, now: Timestamp) {
        self.fragments.expire(now);
        self.count_lost();
    }

    /// Counts fragments that never became whole.
    pub fn finish(&mut self) {
        self.fragments.give_up();
        self.count_lost();
    }

    /// The book of frames so far.
    pub fn books(&self) -> FrameBooks {
        let fragments = &self.fragments;
        FrameBooks { waiting: fragments.waiting(), evicted: fragments.evicted().clone(), ..self.books.clone() }
    }

    /// Places a fragment; where that makes its datagram whole, walks on in it. What is found there may be a
    /// fragment again, of another datagram. Off the hot path.
    #[cold]
    fn reassemble(&mut self, time: Timestamp, mut walk: Walk, carried: &Carried<'_>, place: Place) -> Decoded<'_> {
        let mut frames = 1;
        let mut placed = self.fragments.place(time, carried, place, frames);
        loop {
            self.count_lost();
            match placed {
                Placed::Held => return Decoded::Held,
                Placed::Repeated => {
                    self.books.used += frames;
                    return Decoded::Held;
                }
                Placed::Refused(refusal) => return self.refused(refusal, frames),
                Placed::Whole(whole) => self.whole = whole,
            }
            frames = self.whole.frames;
            // The walk is made twice: here to learn where it ends, below to lend what it found.
            let before = walk.clone();
            match walk.whole(time, &self.whole) {
                Ok(Found::Segment(_)) => {
                    walk = before;
                    break;
                }
                Ok(Found::Fragment(inner, place)) => {
                    placed = self.fragments.place(time, &inner, place, frames);
                }
                Err(refusal) => return self.refused(refusal, frames),
            }
        }
        self.books.used += frames;
        match walk.whole(time, &self.whole) {
            Ok(Found::Segment(segment)) => Decoded::Segment(segment),
            _ => Decoded::Held,
        }
    }

    fn count_lost(&mut self) {
        self.books.refused.add_many(Refusal::Fragment, self.fragments.take_lost());
    }

    fn refused<'a>(&mut self, refusal: Refusal, frames: u64) -> Decoded<'a> {
        self.books.refused.add_many(refusal, frames);
        Decoded::Refused(refusal)
    }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;

//! One body: how far it is read, and what is kept of it.

use crate::exchange::Body;
use crate::wire::Keep;
use crate::wire::context::Ctx;
use crate::wire::limits::{evicted, name};

use super::chunked::{Chunked, Step};
use super::framing::Framing;
use super::head;

#[derive(Debug)]
enum Plan {
    Length(u64),
    Chunked(Chunked),
    UntilClose,
}

/// What came of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fed {
    /// All were of this body.
    More,
    /// The body ended after so many.
    Done(usize),
    /// They are not what the framing promised.
    Bad(usize),
}

/// A body that is being read.
#[derive(Debug)]
pub(crate) struct BodyReader {
    plan: Plan,
    kept: Vec<u8>,
    length: u64,
    trailer_bytes: Vec<u8>,
    /// Trailer fields, once the body is done.
    pub(crate) trailers: Vec<(String, Vec<u8>)>,
    /// A limit over all connections took what was kept.
    pub(crate) evicted: bool,
}

impl BodyReader {
    pub(crate) fn new(framing: Framing) -> BodyReader {
        let plan = match framing {
            Framing::None => Plan::Length(0),
            Framing::Length(n) => Plan::Length(n),
            Framing::Chunked => Plan::Chunked(Chunked::new()),
            Framing::UntilClose | Framing::Unknown => Plan::UntilClose,
        };
        BodyReader {
            plan,
            kept: Vec::new(),
            length: 0,
            trailer_bytes: Vec::new(),
            trailers: Vec::new(),
            evicted: false,
        }
    }

    /// Whether the framing is satisfied.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.plan, Plan::Length(0))
    }

    pub(crate) fn is_until_close(&self) -> bool {
        matches!(self.plan, Plan::UntilClose)
    }

    /// Reads on.
    pub(crate) fn feed(&mut self, bytes: &[u8], ctx: &mut Ctx<'_>) -> Fed {
        match &mut self.plan {
            Plan::Length(left) => {
                let n = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= n as u64;
                let done = *left == 0;
                self.keep(&bytes[..n], ctx);
                if done { Fed::Done(n) } else { Fed::More }
            }
            Plan::UntilClose => {
                self.keep(bytes, ctx);
                Fed::More
            }
            Plan::Chunked(_) => self.feed_chunks(bytes, ctx),
        }
    }

    fn feed_chunks(&mut self, bytes: &[u8], ctx: &mut Ctx<'_>) -> Fed {
        let mut at = 0;
        while let Plan::Chunked(chunked) = &mut self.plan {
            if at == bytes.len() {
                return Fed::More;
            }
            if chunked.in_trailers() {
                return self.feed_trailers(bytes, at, ctx);
            }
            match chunked.step(&bytes[at..]) {
                Step::Frame(n) => at += n,
                Step::Data(n) => {
                    self.keep(&bytes[at..at + n], ctx);
                    at += n;
                }
                Step::Bad => return Fed::Bad(at),
            }
        }
        Fed::Done(at)
    }

    /// The trailer section: an empty line, or fields and then an empty line.
    fn feed_trailers(&mut self, bytes: &[u8], at: usize, ctx: &mut Ctx<'_>) -> Fed {
        if self.trailer_bytes.is_empty() && bytes[at..].starts_with(b"\r\n") {
            self.plan = Plan::Length(0);
            return Fed::Done(at + 2);
        }
        let before = self.trailer_bytes.len();
        let room = ctx.limits.head.saturating_sub(before);
        let more = &bytes[at..at + room.min(bytes.len() - at)];
        if more.is_empty() || !ctx.unfinished.take(more.len()) {
            evicted(&mut ctx.books.evicted, name::HEAD);
            return Fed::Bad(at);
        }
        self.trailer_bytes.extend_from_slice(more);
        let section = &self.trailer_bytes;
        let end = match section.as_slice() {
            [b'\r', b'\n', ..] => Some(2),
            [b'\n', ..] => return Fed::Bad(at),
            _ => head::find_end(section, before),
        };
        let Some(end) = end else { return Fed::More };
        match head::trailers(&section[..end]) {
            Some(trailers) => self.trailers = trailers,
            None => return Fed::Bad(at),
        }
        self.plan = Plan::Length(0);
        Fed::Done(at + end - before)
    }

    fn keep(&mut self, bytes: &[u8], ctx: &mut Ctx<'_>) {
        self.length += bytes.len() as u64;
        if ctx.keep == Keep::Nothing || self.evicted {
            return;
        }
        let room = ctx.limits.body.saturating_sub(self.kept.len());
        let wanted = &bytes[..room.min(bytes.len())];
        if ctx.unfinished.take(wanted.len()) {
            self.kept.extend_from_slice(wanted);
        } else {
            ctx.unfinished.give_back(self.kept.len());
            self.kept = Vec::new();
            self.evicted = true;
            evicted(&mut ctx.books.evicted, name::UNFINISHED);
        }
    }

    /// Steps over missing bytes, where the framing says what they were.
    #[must_use]
    pub(crate) fn skip(&mut self, n: u64) -> bool {
        let skipped = match &mut self.plan {
            Plan::Length(left) if *left >= n => {
                *left -= n;
                true
            }
            Plan::Length(_) => false,
            Plan::Chunked(chunked) => chunked.skip(n),
            Plan::UntilClose => true,
        };
        if skipped {
            self.length += n;
        }
        skipped
    }

    /// The body, and how many bytes of the budget it holds.
    pub(crate) fn finish(self) -> (Body, usize) {
        let size = self.kept.len() + self.trailer_bytes.len();
        (Body { length: self.length, bytes: self.kept.into(), ..Body::default() }, size)
    }
}

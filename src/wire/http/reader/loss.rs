//! What a reader does when bytes are missing, when it has lost its position, and at the end.

use super::{Head, Piece, Reader, Role, State};
use crate::exchange::Incomplete;
use crate::wire::context::Ctx;
use crate::wire::http::resync::Candidate;
use crate::wire::http::start_line::{Look, look};
use crate::wire::limits::{evicted, name};
use crate::wire::pair::Desk;

impl Reader {
    pub(super) fn lost(&mut self, piece: &mut Piece<'_>, desk: &mut Desk, ctx: &mut Ctx<'_>) {
        let role = self.role.filter(|_| desk.knows_roles());
        let mut resync = self.resync.take().unwrap_or_default();
        let before = resync.size();
        let found = resync.look(piece, ctx.limits.head, |c, looks| desk.believes(c, looks, role));
        ctx.unfinished.give_back(before);
        ctx.books.stream_bytes_not_http += resync.take_dropped();
        match found {
            None => {
                piece.advance(piece.bytes.len());
                if !ctx.unfinished.take(resync.size()) {
                    evicted(&mut ctx.books.evicted, name::UNFINISHED);
                    ctx.books.stream_bytes_not_http += resync.clear();
                } else if resync.size() > 0 {
                    self.resync = Some(resync);
                }
            }
            Some((began, collected)) => {
                self.state = State::Start;
                self.searched = 0;
                self.recollect(&collected, Some(began), ctx);
            }
        }
    }

    /// Bytes are missing.
    pub(crate) fn gap(&mut self, length: u64, reason: Incomplete, desk: &mut Desk, ctx: &mut Ctx<'_>) {
        match self.state {
            State::Left => return,
            State::Start => self.lose(),
            State::Head => {
                self.half_head(reason, desk, ctx);
                self.lose();
            }
            State::Lost => self.forget_candidates(ctx),
            State::Body => {
                let Some(open) = &mut self.open else { return };
                let stepped = !open.unsure && open.body.skip(length);
                if stepped {
                    open.end += length;
                    open.mark(reason);
                    if open.body.is_done() {
                        self.finish(None, desk, ctx);
                    }
                } else {
                    self.finish(Some(reason), desk, ctx);
                    self.lose();
                }
            }
        }
        desk.loss = true;
    }

    /// A head that will never be whole: with a whole first line it is a message still, and shown as one.
    pub(super) fn half_head(&mut self, reason: Incomplete, desk: &mut Desk, ctx: &mut Ctx<'_>) {
        let bytes = std::mem::take(&mut self.head);
        let looks = look(&bytes, ctx.limits.head);
        let whole_line = memchr::memchr(b'\n', &bytes).is_some();
        let fits = match looks {
            Look::Request => self.role != Some(Role::Response),
            Look::Response => whole_line && self.role != Some(Role::Request),
            _ => false,
        };
        match self.began.take().filter(|_| fits) {
            Some(began) => {
                ctx.unfinished.give_back(bytes.len());
                let head = Head { looks, bytes: &bytes, began, end_time: began.time, broken: Some(reason) };
                self.message(head, desk, ctx);
                self.finish(Some(reason), desk, ctx);
            }
            None => {
                self.head = bytes;
                self.drop_head(ctx);
            }
        }
    }

    pub(super) fn forget_candidates(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(mut resync) = self.resync.take() {
            ctx.unfinished.give_back(resync.size());
            ctx.books.stream_bytes_not_http += resync.clear();
        }
    }

    /// Bytes that were read already came again, and were others.
    pub(crate) fn contradicted(&mut self, from: u64, to: u64, desk: &mut Desk) {
        if let Some(open) = self.open.as_mut().filter(|o| o.start < to) {
            open.mark(Incomplete::ConflictingBytes);
        }
        self.conflict |= self.began.is_some_and(|b| b.at < to);
        desk.contradicted(self.role, from, to);
    }

    /// The sender has closed its direction, and nothing is missing before.
    pub(crate) fn end(&mut self, desk: &mut Desk, ctx: &mut Ctx<'_>) {
        match &self.open {
            Some(open) if open.body.is_until_close() => self.finish(None, desk, ctx),
            Some(_) => self.finish(Some(Incomplete::Closed), desk, ctx),
            None => {}
        }
        self.half_head(Incomplete::Closed, desk, ctx);
        self.forget_candidates(ctx);
    }

    /// Nothing more will come.
    pub(crate) fn close(&mut self, reason: Incomplete, desk: &mut Desk, ctx: &mut Ctx<'_>) {
        self.finish(Some(reason), desk, ctx);
        self.half_head(reason, desk, ctx);
        self.forget_candidates(ctx);
    }

    /// The connection was handed to another protocol.
    pub(crate) fn leave(&mut self, desk: &mut Desk, ctx: &mut Ctx<'_>) {
        if self.state != State::Left {
            self.close(Incomplete::Malformed, desk, ctx);
            self.state = State::Left;
        }
    }
}

/// Whether an answer begins where, by an uncertain framing, a body goes on: it was an answer to HEAD.
pub(super) fn begins_next(piece: &Piece<'_>, desk: &Desk, limit: usize) -> bool {
    let candidate = Candidate { at: piece.at, time: piece.time, sight: piece.sight };
    look(piece.bytes, limit) == Look::Response && desk.believes(&candidate, Look::Response, Some(Role::Response))
}

//! One direction's bytes to messages: where the reader stands, and what each kind of news does to it.

mod loss;
mod standing;

use self::loss::begins_next;
use crate::exchange::{Incomplete, Timestamp};
use crate::wire::context::Ctx;
use crate::wire::limits::{evicted, name};
use crate::wire::pair::{Desk, Question};

use super::body::Fed;
use super::head;
use super::message::Open;
use super::preamble::{HANDSHAKE_STEPS, Preamble, preamble};
use super::resync::{Candidate, Resync};
use super::sight::Sight;
use super::start_line::{Look, look, look_strictly};

/// What a direction carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Request,
    Response,
}

/// Bytes whose turn has come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece<'a> {
    pub(crate) at: u64,
    pub(crate) bytes: &'a [u8],
    pub(crate) time: Timestamp,
    /// Whether a segment begins at the first byte.
    pub(crate) starts: bool,
    /// Other bytes were seen at the same place.
    pub(crate) conflict: bool,
    pub(crate) sight: Sight,
}

impl Piece<'_> {
    fn advance(&mut self, n: usize) {
        self.bytes = &self.bytes[n.min(self.bytes.len())..];
        self.at += n as u64;
        self.starts &= n == 0;
    }

    /// No message that can be read begins here: whoever looks for one must not find this place again, and again.
    fn give_up_start(&mut self) {
        self.starts = false;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Between messages.
    #[default]
    Start,
    /// Part of a head is collected.
    Head,
    Body,
    /// The position is lost; a message start at a segment's start is looked for.
    Lost,
    /// Another protocol has taken over for good.
    Left,
}

/// Reads one direction.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    pub(crate) role: Option<Role>,
    state: State,
    /// A message number in this direction is a message's place in the order: nothing is missing before it.
    pub(crate) uncertain: bool,
    /// The bytes of a head that is not whole yet, and where and when it began.
    head: Vec<u8>,
    began: Option<Candidate>,
    searched: usize,
    conflict: bool,
    preambles: u8,
    seen_message: bool,
    open: Option<Box<Open>>,
    /// Interim answers, and where the first of them began.
    interim: Vec<u16>,
    group: Option<u64>,
    resync: Option<Box<Resync>>,
}

/// A head that was found, and when and where.
struct Head<'a> {
    looks: Look,
    bytes: &'a [u8],
    began: Candidate,
    end_time: Timestamp,
    /// It is not whole, and never will be.
    broken: Option<Incomplete>,
}

/// What the bytes at a message's place are.
enum Found {
    /// Line ends or a handshake.
    Skip(usize, bool),
    /// A whole head, so long.
    Head(Look, usize),
    Unclear,
    Foreign,
    TooLong,
}

impl Reader {
    /// The stream begins where nobody knows: a message start must be found first.
    pub(crate) fn begin_anywhere(&mut self) {
        self.lose();
    }

    /// Reads on; afterwards `desk` knows what is new.
    pub(crate) fn feed(&mut self, mut piece: Piece<'_>, desk: &mut Desk, ctx: &mut Ctx<'_>) {
        while !piece.bytes.is_empty() {
            match self.state {
                State::Start => self.at_start(&mut piece, desk, ctx),
                State::Head => self.in_head(&mut piece, desk, ctx),
                State::Body => self.in_body(&mut piece, desk, ctx),
                State::Lost => self.lost(&mut piece, desk, ctx),
                State::Left => {
                    let n = piece.bytes.len() as u64;
                    ctx.books.stream_bytes_not_http += n;
                    ctx.books.stream_bytes_tunnelled += if desk.tunnelled { n } else { 0 };
                    return;
                }
            }
        }
    }

    /// `free`: it is not settled who is the client. `first`: no message of the connection was seen, and the peer has not spoken.
    fn find(&self, bytes: &[u8], free: bool, first: bool, ctx: &Ctx<'_>) -> Found {
        if !self.seen_message {
            let role = if first { Some(Role::Request) } else { self.role };
            match preamble(bytes, role, self.preambles) {
                Preamble::Skip(n) => return Found::Skip(n, true),
                Preamble::Unclear if bytes.len() < ctx.limits.head => return Found::Unclear,
                _ => {}
            }
        }
        let blank = bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        if blank > 0 {
            return Found::Skip(blank, false);
        }
        let limit = ctx.limits.head;
        let looks = if self.uncertain { look_strictly(bytes, limit) } else { look(bytes, limit) };
        let role = match looks {
            Look::Request => Role::Request,
            Look::Response => Role::Response,
            Look::Unclear if bytes.len() < ctx.limits.head => return Found::Unclear,
            Look::Unclear => return Found::TooLong,
            Look::Foreign => return Found::Foreign,
        };
        // The handshake tells who the client is, unless the very first bytes say that it is the other way round.
        if self.role.is_some_and(|known| known != role) && !free {
            return Found::Foreign;
        }
        match head::find_end(bytes, self.searched) {
            Some(end) => Found::Head(looks, end),
            None if bytes.len() < ctx.limits.head => Found::Unclear,
            None => Found::TooLong,
        }
    }

    fn at_start(&mut self, piece: &mut Piece<'_>, desk: &mut Desk, ctx: &mut Ctx<'_>) {
        self.searched = 0;
        let bytes = piece.bytes;
        let free = !desk.knows_roles();
        let first = desk.is_fresh() && piece.sight.peer_last.is_none();
        match self.find(bytes, free, first, ctx) {
            Found::Skip(n, handshake) => {
                self.skipped(n, handshake, first, ctx);
                piece.advance(n);
            }
            Found::Head(looks, end) => {
                let began = Candidate { at: piece.at, time: piece.time, sight: piece.sight };
                self.conflict |= piece.conflict;
                let end_time = piece.time;
                piece.advance(end);
                self.message(Head { looks, bytes: &bytes[..end], began, end_time, broken: None }, desk, ctx);
            }
            Found::Unclear => {
                self.began = Some(Candidate { at: piece.at, time: piece.time, sight: piece.sight });
                self.state = State::Head;
            }
            Found::Foreign => {
                piece.give_up_start();
                self.foreign(bytes, desk);
            }
            Found::TooLong => {
                evicted(&mut ctx.books.evicted, name::HEAD);
                piece.give_up_start();
                self.lose();
            }
        }
    }

    fn skipped(&mut self, n: usize, handshake: bool, first: bool, ctx: &mut Ctx<'_>) {
        if handshake {
            if first {
                // Who speaks first in a handshake is the client, whoever opened the connection.
                self.role = Some(Role::Request);
            }
            ctx.books.stream_bytes_not_http += n as u64;
            // What goes on like that is another protocol, whatever its bytes look like.
            ctx.books.stream_bytes_preamble += if self.preambles < HANDSHAKE_STEPS { n as u64 } else { 0 };
            self.preambles = self.preambles.saturating_add(1);
        }
    }

    fn in_head(&mut self, piece: &mut Piece<'_>, desk: &mut Desk, ctx: &mut Ctx<'_>) {
        let before = self.head.len();
        let room = (ctx.limits.head + 1).saturating_sub(before).min(piece.bytes.len());
        if !ctx.unfinished.take(room) {
            evicted(&mut ctx.books.evicted, name::UNFINISHED);
            if before == 0 {
                piece.give_up_start();
            }
            self.drop_head(ctx);
            self.lose();
            return;
        }
        self.head.extend_from_slice(&piece.bytes[..room]);
        self.conflict |= piece.conflict;
        let bytes = std::mem::take(&mut self.head);
        let free = !desk.knows_roles();
        let first = desk.is_fresh() && self.began.is_some_and(|b| b.sight.peer_last.is_none());
        let found = self.find(&bytes, free, first, ctx);
        let end = match &found {
            Found::Skip(n, _) | Found::Head(_, n) => *n,
            _ => bytes.len(),
        };
        if matches!(found, Found::Unclear) {
            self.searched = bytes.len();
            self.head = bytes;
            piece.advance(room);
            return;
        }
        ctx.unfinished.give_back(bytes.len());
        self.state = State::Start;
        self.searched = 0;
        let began = self.began.take();
        match found {
            Found::Skip(n, handshake) if n <= before => {
                // Line ends that were collected with the start of a head.
                self.skipped(n, handshake, first, ctx);
                self.recollect(&bytes[n..before], began.map(|b| b.later(n as u64)), ctx);
            }
            Found::Skip(n, handshake) => {
                self.skipped(n, handshake, first, ctx);
                piece.advance(n - before);
            }
            Found::Head(looks, _) => {
                let end_time = piece.time;
                let began = began.unwrap_or(Candidate { at: piece.at, time: piece.time, sight: piece.sight });
                piece.advance(end.saturating_sub(before));
                self.message(Head { looks, bytes: &bytes[..end], began, end_time, broken: None }, desk, ctx);
            }
            _ => {
                if matches!(found, Found::TooLong) {
                    evicted(&mut ctx.books.evicted, name::HEAD);
                }
                ctx.books.stream_bytes_not_http += before as u64;
                self.foreign(&bytes, desk);
            }
        }
    }

    /// Puts back what was collected after a part of it was skipped.
    fn recollect(&mut self, rest: &[u8], began: Option<Candidate>, ctx: &mut Ctx<'_>) {
        if rest.is_empty() {
            return;
        }
        if ctx.unfinished.take(rest.len()) {
            self.head = rest.to_vec();
            self.began = began;
            self.state = State::Head;
        } else {
            ctx.books.stream_bytes_not_http += rest.len() as u64;
            self.lose();
        }
    }

    /// What stands where a message should is none.
    fn foreign(&mut self, bytes: &[u8], desk: &mut Desk) {
        if bytes.starts_with(b"PRI * HTTP/2.0\r\n") {
            desk.left = true;
            self.state = State::Left;
        } else {
            self.lose();
        }
    }

    fn lose(&mut self) {
        self.state = State::Lost;
        self.uncertain = true;
        self.conflict = false;
        self.interim.clear();
        self.group = None;
    }

    fn drop_head(&mut self, ctx: &mut Ctx<'_>) {
        ctx.books.stream_bytes_not_http += self.head.len() as u64;
        ctx.unfinished.give_back(self.head.len());
        self.head = Vec::new();
        self.began = None;
        self.searched = 0;
    }

    /// A whole head was found.
    fn message(&mut self, head: Head<'_>, desk: &mut Desk, ctx: &mut Ctx<'_>) {
        let Head { looks, bytes, began, end_time, broken } = head;
        self.seen_message = true;
        let role = if looks == Look::Request { Role::Request } else { Role::Response };
        if self.role.is_some_and(|before| before != role) {
            desk.swap_roles(ctx);
        }
        let opened = if looks == Look::Request {
            self.role = Some(Role::Request);
            Some(Open::request(bytes, began, self.uncertain, desk, ctx))
        } else {
            self.role = Some(Role::Response);
            self.answer(bytes, began, desk, ctx)
        };
        let Some(mut open) = opened else {
            self.conflict = false;
            self.state = State::Start;
            return;
        };
        if broken.is_some() {
            open.incomplete = broken;
        }
        if !ctx.unfinished.take(bytes.len()) {
            evicted(&mut ctx.books.evicted, name::UNFINISHED);
            open.mark(Incomplete::Evicted);
        } else {
            open.size += bytes.len();
        }
        if std::mem::take(&mut self.conflict) {
            open.mark(Incomplete::ConflictingBytes);
        }
        open.end = began.at + bytes.len() as u64;
        open.end_time = end_time;
        self.state = State::Body;
        let done = open.body.is_done() || open.unframed;
        self.open = Some(Box::new(open));
        if done {
            self.finish(None, desk, ctx);
        }
    }

    fn answer(&mut self, bytes: &[u8], began: Candidate, desk: &mut Desk, ctx: &mut Ctx<'_>) -> Option<Open> {
        let head = head::response(bytes);
        let group = *self.group.get_or_insert(began.at);
        let question = Question { group, sight: began.sight, uncertain: self.uncertain };
        if (100..200).contains(&head.status) && head.status != 101 {
            ctx.books.interim += 1;
            if self.interim.len() < ctx.limits.unanswered {
                self.interim.push(head.status);
            }
            desk.interim(head.status, &question, ctx);
            return None;
        }
        self.group = None;
        let link = desk.begin_answer(question, ctx);
        self.uncertain |= link.uncertain;
        Some(Open::response(head, std::mem::take(&mut self.interim), began, link, ctx))
    }

    fn in_body(&mut self, piece: &mut Piece<'_>, desk: &mut Desk, ctx: &mut Ctx<'_>) {
        let Some(open) = &mut self.open else {
            self.state = State::Start;
            return;
        };
        if open.unsure && piece.starts && begins_next(piece, desk, ctx.limits.head) {
            self.finish(None, desk, ctx);
            return;
        }
        if piece.conflict {
            open.mark(Incomplete::ConflictingBytes);
        }
        let bytes = piece.bytes;
        let (used, bad) = match open.body.feed(bytes, ctx) {
            Fed::More => (bytes.len(), false),
            Fed::Done(n) => (n, false),
            Fed::Bad(n) => (n, true),
        };
        piece.advance(used);
        if used > 0 {
            open.end = piece.at;
            open.end_time = piece.time;
        }
        if bad {
            self.finish(Some(Incomplete::AmbiguousFraming), desk, ctx);
            self.lose();
        } else if open.body.is_done() {
            self.finish(None, desk, ctx);
        }
    }

    /// The message ends here, whole or not.
    fn finish(&mut self, incomplete: Option<Incomplete>, desk: &mut Desk, ctx: &mut Ctx<'_>) {
        let Some(mut open) = self.open.take() else { return };
        self.state = State::Start;
        if let Some(reason) = incomplete {
            open.mark(reason);
        }
        // After a message that two readers may end at different places, counting messages proves nothing.
        self.uncertain |= open.incomplete == Some(Incomplete::AmbiguousFraming) || open.unsure;
        // Nobody can tell where a message without a framing ends: what follows its head is looked at, and lost if it
        // is no message.
        if open.leaves() {
            self.state = State::Left;
        }
        open.hand_over(desk, ctx);
    }
}

//! Which answer belongs to which request, on one connection.
//!
//! While nothing is missing and nothing is ambiguous, the n-th answer belongs to the n-th request. After that, order
//! proves nothing, and a pair is believed only on sequence and acknowledgement numbers:
//!
//! - the answer begins exactly at the byte that the client had received up to when it sent the request, and the
//!   answer acknowledges exactly the request's end (so nothing was asked in between);
//! - when the request began, nothing was outstanding (its *anchor*): the byte before was answered, because the last
//!   segment of the answer before acknowledged exactly what preceded the request; or because the request before was
//!   so anchored, nothing is missing between the two, and the client had received more by now;
//! - what follows does not contradict: the next request begins where this one ended and acknowledges exactly the
//!   answer's end, or the connection ends there. Until then the exchange is held back.
//!
//! A client that was seen to pipeline is not believed after a gap at all.

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::exchange::{Exchange, Incomplete, Moments, Request, Response, Timestamp};

use super::context::Ctx;
use super::http::{Candidate, Look, MethodKind, Role, Sight};
use super::limits::{evicted, name};

/// A message that has ended.
#[derive(Debug)]
pub(crate) struct Done<T> {
    pub(crate) message: T,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) start_time: Timestamp,
    pub(crate) end_time: Timestamp,
    pub(crate) incomplete: Option<Incomplete>,
    /// Bytes of the budget that it holds.
    pub(crate) size: usize,
}

/// A request whose head was read.
#[derive(Debug)]
pub(crate) struct Asking {
    pub(crate) start: u64,
    pub(crate) sight: Sight,
    /// Requests may be missing before it.
    pub(crate) uncertain: bool,
    pub(crate) kind: MethodKind,
}

/// An answer whose head was read, asking for its request.
#[derive(Debug)]
pub(crate) struct Question {
    /// Where it began, interim answers included.
    pub(crate) group: u64,
    pub(crate) ack: Option<u64>,
    /// Answers may be missing before it.
    pub(crate) uncertain: bool,
}

/// What is known of an answer's request.
#[derive(Debug, Default)]
pub(crate) struct Link {
    pub(crate) id: Option<u64>,
    pub(crate) kind: Option<MethodKind>,
    /// From here on order proves nothing.
    pub(crate) uncertain: bool,
}

/// Whether nothing was outstanding when a request began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Anchor {
    Proven,
    /// The capture does not tell.
    Open,
    /// Something was.
    Refuted,
}

#[derive(Debug)]
struct Asked {
    id: u64,
    /// What the client had received when it asked.
    ack: Option<u64>,
    anchor: Anchor,
    uncertain: bool,
    /// Something was known to be missing when it began.
    after_loss: bool,
    kind: MethodKind,
    request: Option<Done<Request>>,
    /// An answer was linked to it, by proof and not by order.
    by_proof: bool,
    answering: bool,
    answer: Option<Done<Response>>,
}

/// The last request that began, for the anchor of the next.
#[derive(Debug, Clone, Copy)]
struct Last {
    end: Option<u64>,
    ack: Option<u64>,
    anchor: Anchor,
}

/// The desk of one connection: requests wait here for their answers.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) client: SocketAddr,
    pub(crate) server: SocketAddr,
    asked: VecDeque<Asked>,
    last: Option<Last>,
    next_id: u64,
    answers: u64,
    /// The client's furthest acknowledgement without data: up to where it had sent, and had received.
    heard: Option<(u64, u64)>,
    /// Where both streams stood when the last exchange was given out and nothing was outstanding.
    rest: Option<(u64, u64)>,
    /// The client was seen to ask before it had its answer.
    pipelined: bool,
    /// Where the client closed, and what it had received by then; where the server did.
    client_end: Option<(u64, u64)>,
    server_end: Option<u64>,
    /// An answer was given out without its request.
    pub(crate) orphans: bool,
    /// The handshake was seen.
    pub(crate) handshake: bool,
    /// An exchange came out complete.
    whole_exchange: bool,
    /// Something is missing from the capture.
    pub(crate) loss: bool,
    /// Another protocol has taken over.
    pub(crate) left: bool,
}

impl Desk {
    pub(crate) fn new(client: SocketAddr, server: SocketAddr) -> Desk {
        Desk {
            client,
            server,
            asked: VecDeque::new(),
            last: None,
            next_id: 0,
            answers: 0,
            pipelined: false,
            rest: None,
            handshake: false,
            orphans: false,
            whole_exchange: false,
            heard: None,
            client_end: None,
            server_end: None,
            loss: false,
            left: false,
        }
    }

    /// Whether no message was seen yet.
    pub(crate) fn is_fresh(&self) -> bool {
        self.next_id == 0 && self.answers == 0
    }

    /// Whether it is settled who is the client: by the handshake, unless the very first messages say otherwise while
    /// nothing is missing; without a handshake by an exchange that came out whole.
    pub(crate) fn knows_roles(&self) -> bool {
        if self.handshake { self.loss || !self.is_fresh() } else { self.whole_exchange }
    }

    /// What was taken for requests were none. What waits here is given up.
    pub(crate) fn swap_roles(&mut self, ctx: &mut Ctx<'_>) {
        while let Some(asked) = self.asked.pop_front() {
            emit(self.client, self.server, asked, Some(Incomplete::PairingLost), ctx);
        }
        (self.last, self.rest, self.heard, self.pipelined) = (None, None, None, false);
    }

    /// Whether an exchange waits for what follows it.
    pub(crate) fn holds_back(&self) -> bool {
        self.asked.front().is_some_and(|a| a.by_proof)
    }

    /// A request's head was read.
    pub(crate) fn begin_request(&mut self, asking: Asking, ctx: &mut Ctx<'_>) -> u64 {
        self.settle_at(asking.start, asking.sight.ack, ctx);
        let whole = !self.loss && asking.sight.peer_base.is_some() && asking.sight.own_base.is_some();
        let unanswered_in_order = whole && !self.asked.is_empty();
        // What was found after a gap, and is not proven to have begun at rest, may be text inside of a body.
        let nothing_heard_since = self.asked.back().is_some_and(|before| {
            before.ack == asking.sight.ack
                && before.answer.is_none()
                && (before.anchor == Anchor::Proven || !before.uncertain)
        });
        self.pipelined |= unanswered_in_order || nothing_heard_since;
        let anchor = self.anchor(&asking);
        if self.asked.len() >= ctx.limits.unanswered {
            evicted(&mut ctx.books.evicted, name::UNANSWERED);
            self.loss = true;
            if let Some(front) = self.asked.pop_front() {
                emit(self.client, self.server, front, Some(Incomplete::Evicted), ctx);
            }
            self.asked.iter_mut().for_each(|a| a.uncertain = true);
        }
        let id = self.next_id;
        self.next_id += 1;
        self.last = Some(Last { end: None, ack: asking.sight.ack, anchor });
        self.asked.push_back(Asked {
            id,
            ack: asking.sight.ack,
            anchor,
            uncertain: asking.uncertain,
            after_loss: self.loss,
            kind: asking.kind,
            request: None,
            by_proof: false,
            answering: false,
            answer: None,
        });
        id
    }

    fn anchor(&self, asking: &Asking) -> Anchor {
        let sight = &asking.sight;
        let Some(ack) = sight.ack else { return Anchor::Open };
        if !asking.uncertain && !self.loss && self.asked.is_empty() {
            return Anchor::Proven;
        }
        if let Some(last) = self.last
            && last.anchor == Anchor::Proven
            && last.end == Some(asking.start)
            && last.ack.is_some_and(|before| before < ack)
            && !self.pipelined
        {
            return Anchor::Proven;
        }
        if !sight.peer_seen {
            return Anchor::Open;
        }
        if self.asked.is_empty()
            && !self.pipelined
            && self.rest.is_some_and(|(asked, answered)| asked < asking.start && answered < ack)
            && sight.peer_next == ack
            && sight.peer_last.is_none_or(|(end, _)| end < ack)
        {
            // Something was asked and something was answered, beginning from rest, and none of it was seen.
            return Anchor::Proven;
        }
        if sight.peer_next != ack {
            return Anchor::Refuted;
        }
        let if_so = |proven: bool| if proven { Anchor::Proven } else { Anchor::Refuted };
        match sight.peer_last {
            Some((end, Some(acked))) if end == ack => if_so(acked == asking.start),
            None if sight.peer_base == Some(ack) => match sight.own_base {
                Some(base) => if_so(base == asking.start),
                None => Anchor::Open,
            },
            _ => Anchor::Open,
        }
    }

    /// A request has ended, whole or not.
    pub(crate) fn end_request(&mut self, id: u64, done: Done<Request>, ctx: &mut Ctx<'_>) {
        if id + 1 == self.next_id
            && let Some(last) = &mut self.last
        {
            last.end = done.incomplete.is_none().then_some(done.end);
        }
        match self.asked.iter_mut().find(|a| a.id == id) {
            Some(asked) => asked.request = Some(done),
            None => {
                // Evicted from the queue while its body was read.
                let reason = done.incomplete.unwrap_or(Incomplete::Evicted);
                emit_request(self.client, self.server, done, reason, ctx);
            }
        }
        self.hand_out(ctx);
    }

    /// An answer's head was read: to which request does it belong?
    pub(crate) fn begin_answer(&mut self, question: Question, ctx: &mut Ctx<'_>) -> Link {
        self.answers += 1;
        // More is answered, and nothing more was received: then the answer before was not to the last request.
        self.contradict_by_answer(question.group, question.ack, ctx);
        let front = self.asked.iter().position(|a| a.answer.is_none() && !a.answering);
        if !question.uncertain {
            match front.and_then(|i| self.asked.get_mut(i)).filter(|a| !a.uncertain) {
                Some(asked) => {
                    asked.answering = true;
                    let ended = asked.request.as_ref().filter(|r| r.incomplete.is_none()).map(|r| r.end);
                    self.pipelined |= ended.is_some_and(|end| question.ack.is_some_and(|ack| ack > end));
                    return Link { id: Some(asked.id), kind: Some(asked.kind), uncertain: false };
                }
                None if front.is_none() => return Link { uncertain: true, ..Link::default() },
                None => {}
            }
        }
        self.link_by_proof(&question, ctx)
    }

    fn link_by_proof(&mut self, question: &Question, ctx: &mut Ctx<'_>) -> Link {
        let nothing = Link { uncertain: true, ..Link::default() };
        if self.pipelined {
            return nothing;
        }
        let fits = |a: &Asked| {
            let end = a.request.as_ref().map(|r| r.end);
            !a.answering && a.answer.is_none() && a.ack == Some(question.group) && end.is_some() && end == question.ack
        };
        let mut fitting = self.asked.iter().enumerate().filter(|(_, a)| fits(a));
        let (Some((index, _)), None) = (fitting.next(), fitting.next()) else { return nothing };
        if self.asked[index].anchor == Anchor::Refuted {
            return nothing;
        }
        // What was asked before and has no answer yet will have none that can be told.
        for _ in 0..index {
            if let Some(before) = self.asked.pop_front() {
                emit(self.client, self.server, before, Some(Incomplete::Gap), ctx);
            }
        }
        match self.asked.front_mut() {
            Some(asked) => {
                asked.answering = true;
                asked.by_proof = true;
                Link { id: Some(asked.id), kind: Some(asked.kind), uncertain: true }
            }
            None => nothing,
        }
    }

    /// An answer has ended, whole or not.
    pub(crate) fn end_answer(&mut self, id: Option<u64>, done: Done<Response>, ctx: &mut Ctx<'_>) {
        match self.asked.iter_mut().find(|a| id == Some(a.id)) {
            Some(asked) => {
                asked.answering = false;
                asked.answer = Some(done);
            }
            None => {
                let known = if self.asked.is_empty() { Incomplete::NoRequest } else { Incomplete::PairingLost };
                let reason = done.incomplete.unwrap_or(known);
                self.orphans = true;
                emit_answer(self.client, self.server, done, reason, ctx);
            }
        }
        self.hand_out(ctx);
    }

    /// Gives out what is finished, in order.
    fn hand_out(&mut self, ctx: &mut Ctx<'_>) {
        while let Some(front) = self.asked.front() {
            let (Some(request), Some(answer)) = (&front.request, &front.answer) else { return };
            let whole = request.incomplete.is_none() && answer.incomplete.is_none();
            if front.by_proof && whole {
                // Held back until what follows has spoken.
                return;
            }
            self.pop(ctx);
        }
    }

    /// Gives out the first exchange: its two messages belong together.
    fn pop(&mut self, ctx: &mut Ctx<'_>) {
        let Some(asked) = self.asked.pop_front() else { return };
        let whole = match (&asked.request, &asked.answer) {
            (Some(r), Some(a)) if r.incomplete.is_none() && a.incomplete.is_none() => Some((r.end, a.end)),
            _ => None,
        };
        self.whole_exchange |= whole.is_some();
        self.rest = whole.filter(|_| self.asked.is_empty());
        emit(self.client, self.server, asked, None, ctx);
    }

    /// The exchange that is held back, if any: the ends of its request and of its answer.
    fn held_back(&self) -> Option<(u64, u64)> {
        let front = self.asked.front().filter(|a| a.by_proof)?;
        Some((front.request.as_ref()?.end, front.answer.as_ref()?.end))
    }

    /// A further request begins at `start`, having received up to `ack`.
    fn settle_at(&mut self, start: u64, ack: Option<u64>, ctx: &mut Ctx<'_>) {
        if self.asked.front().is_some_and(|a| a.by_proof && a.answer.is_none()) {
            // It asks again while its answer is still read.
            self.pipelined = true;
            return self.refute(ctx);
        }
        let Some((asked, answered)) = self.held_back() else { return };
        if start > asked {
            self.settle_unseen(ctx);
        } else if start == asked && ack == Some(answered) {
            self.confirm(ctx);
        } else {
            self.pipelined |= ack.is_some_and(|ack| ack < answered);
            self.refute(ctx);
        }
    }

    /// The server has sent up to `sent` (more than the answer, or its end) having received up to `ack`.
    fn contradict_by_answer(&mut self, sent: u64, ack: Option<u64>, ctx: &mut Ctx<'_>) {
        let Some((asked, answered)) = self.held_back() else { return };
        match ack {
            Some(ack) if ack > asked && sent == answered => self.confirm(ctx),
            _ => self.refute(ctx),
        }
    }

    /// The client, having sent up to `sent`, says that it has received up to `ack`.
    pub(crate) fn heard(&mut self, sent: u64, ack: u64) {
        self.heard = self.heard.max(Some((sent, ack)));
    }

    /// The server has sent up to `sent`, having received up to `ack`.
    pub(crate) fn said(&mut self, sent: u64, ack: Option<u64>, ctx: &mut Ctx<'_>) {
        if let Some((asked, answered)) = self.held_back()
            && sent > answered
            && ack.is_none_or(|ack| ack <= asked)
        {
            self.refute(ctx);
        }
    }

    /// Whether the client, having sent nothing after the request, had received more than the answer: that was an
    /// answer to something else. One more is the server's FIN.
    fn is_contradicted(&self) -> bool {
        let Some((asked, answered)) = self.held_back() else { return false };
        let more = |said: Option<(u64, u64)>| said.is_some_and(|(sent, ack)| sent == asked && ack > answered + 1);
        more(self.heard) || more(self.client_end)
    }

    /// The client closes at `end`, having received up to `ack`.
    pub(crate) fn client_closes(&mut self, end: u64, ack: Option<u64>, ctx: &mut Ctx<'_>) {
        self.client_end = ack.map(|ack| (end, ack));
        if self.is_closed_after() {
            self.confirm(ctx);
        }
    }

    /// The server closes at `end`.
    pub(crate) fn server_closes(&mut self, end: u64, ctx: &mut Ctx<'_>) {
        self.server_end = Some(end);
        if self.is_closed_after() {
            self.confirm(ctx);
        }
    }

    /// Whether one of the two closed where the exchange that is held back ended.
    fn is_closed_after(&self) -> bool {
        let Some((asked, answered)) = self.held_back() else { return false };
        // The client may have received a FIN that was not seen.
        let client_end = self.client_end.filter(|(_, ack)| *ack == answered || *ack == answered + 1);
        self.server_end == Some(answered) || client_end.is_some_and(|(end, _)| end == asked)
    }

    /// Nothing was seen that follows the exchange that is held back.
    fn settle_unseen(&mut self, ctx: &mut Ctx<'_>) {
        let Some(front) = self.asked.front() else { return };
        if self.is_contradicted() {
            self.refute(ctx);
        } else if self.is_closed_after()
            || front.anchor == Anchor::Proven
            || (front.anchor == Anchor::Open && !front.after_loss)
        {
            self.confirm(ctx);
        } else {
            self.refute(ctx);
        }
    }

    fn confirm(&mut self, ctx: &mut Ctx<'_>) {
        self.pop(ctx);
        self.hand_out(ctx);
    }

    /// The two do not belong together for certain: a row for each.
    fn refute(&mut self, ctx: &mut Ctx<'_>) {
        let Some(mut asked) = self.asked.pop_front() else { return };
        let answer = asked.answer.take();
        emit(self.client, self.server, asked, Some(Incomplete::PairingLost), ctx);
        if let Some(answer) = answer {
            emit_answer(self.client, self.server, answer, Incomplete::PairingLost, ctx);
        }
        self.hand_out(ctx);
    }

    /// Retransmitted bytes of a message that is finished, but not given out, were others.
    pub(crate) fn contradicted(&mut self, role: Option<Role>, from: u64, to: u64) {
        for asked in &mut self.asked {
            match role {
                Some(Role::Request) => mark(asked.request.as_mut(), from, to),
                Some(Role::Response) => mark(asked.answer.as_mut(), from, to),
                None => {}
            }
        }
    }

    /// Whether a message may begin at the candidate, by what the two directions say of each other.
    pub(crate) fn believes(&self, candidate: &Candidate, looks: Look, role: Option<Role>) -> bool {
        let sight = &candidate.sight;
        match (looks, role) {
            (Look::Request, None | Some(Role::Request)) => {
                if sight.own_base.is_some_and(|base| base != candidate.at) && sight.peer_base == sight.ack {
                    // The server has not said a word yet, and something was asked before: this is inside of it.
                    return false;
                }
                let Some((end, acked)) = sight.peer_last.filter(|_| sight.own_last_ack.is_some()) else { return true };
                match sight.ack {
                    Some(ack) if end == ack => acked.is_none_or(|acked| acked == candidate.at),
                    ack => ack > sight.own_last_ack,
                }
            }
            (Look::Response, None | Some(Role::Response)) => {
                let waiting = || self.asked.iter().filter(|a| a.answer.is_none());
                if waiting().any(|a| a.ack == Some(candidate.at)) {
                    return true;
                }
                let inside = waiting().any(|a| {
                    a.request.as_ref().is_some_and(|r| Some(r.end) == sight.ack)
                        && a.ack.is_some_and(|ack| ack < candidate.at)
                });
                let more_received = sight.own_last_ack.is_none_or(|before| sight.ack.is_some_and(|ack| ack > before));
                (self.pipelined || !inside) && more_received
            }
            _ => false,
        }
    }

    /// Nothing more will come: everything that waits is given out. `missing`: why an answer is missing.
    pub(crate) fn close(&mut self, missing: Incomplete, ctx: &mut Ctx<'_>) {
        if self.held_back().is_some() {
            self.settle_unseen(ctx);
        }
        while let Some(asked) = self.asked.pop_front() {
            emit(self.client, self.server, asked, Some(missing), ctx);
        }
    }
}

fn mark<T>(done: Option<&mut Done<T>>, from: u64, to: u64) {
    if let Some(done) = done.filter(|d| d.start < to && d.end > from) {
        done.incomplete.get_or_insert(Incomplete::ConflictingBytes);
    }
}

/// Gives out what is known of a request and its answer. `otherwise`: the reason, where the messages know none.
fn emit(client: SocketAddr, server: SocketAddr, asked: Asked, otherwise: Option<Incomplete>, ctx: &mut Ctx<'_>) {
    let Asked { request, answer, .. } = asked;
    match (request, answer) {
        (Some(request), Some(answer)) => {
            let incomplete = request.incomplete.or(answer.incomplete).or(otherwise);
            give(client, server, Some(request), Some(answer), incomplete, ctx);
        }
        (Some(request), None) => {
            let reason = request.incomplete.or(otherwise).unwrap_or(Incomplete::NoResponse);
            give(client, server, Some(request), None, Some(reason), ctx);
        }
        (None, Some(answer)) => {
            let reason = answer.incomplete.or(otherwise).unwrap_or(Incomplete::NoRequest);
            give(client, server, None, Some(answer), Some(reason), ctx);
        }
        // A request whose body is still read: it is given out when it ends, as one that is not in the queue.
        (None, None) => {}
    }
}

fn emit_request(client: SocketAddr, server: SocketAddr, done: Done<Request>, reason: Incomplete, ctx: &mut Ctx<'_>) {
    give(client, server, Some(done), None, Some(reason), ctx);
}

fn emit_answer(client: SocketAddr, server: SocketAddr, done: Done<Response>, reason: Incomplete, ctx: &mut Ctx<'_>) {
    give(client, server, None, Some(done), Some(reason), ctx);
}

/// The one place where exchanges leave, and are counted.
fn give(
    client: SocketAddr,
    server: SocketAddr,
    request: Option<Done<Request>>,
    answer: Option<Done<Response>>,
    incomplete: Option<Incomplete>,
    ctx: &mut Ctx<'_>,
) {
    ctx.unfinished.give_back(request.as_ref().map_or(0, |r| r.size) + answer.as_ref().map_or(0, |a| a.size));
    match (request.is_some(), incomplete) {
        (true, None) => ctx.books.requests_paired += 1,
        (true, Some(reason)) => ctx.books.requests_unpaired.add(reason),
        (false, _) => {}
    }
    match (answer.is_some(), incomplete) {
        (true, None) => ctx.books.answers_paired += 1,
        (true, Some(reason)) => ctx.books.answers_unpaired.add(reason),
        (false, _) => {}
    }
    let moments = Moments {
        request_start: request.as_ref().map(|r| r.start_time),
        request_end: request.as_ref().map(|r| r.end_time),
        response_start: answer.as_ref().map(|a| a.start_time),
        response_end: answer.as_ref().map(|a| a.end_time),
    };
    let (request, response) = (request.map(|r| r.message), answer.map(|a| a.message));
    (ctx.sink)(Exchange { client, server, request, response, incomplete, moments });
}

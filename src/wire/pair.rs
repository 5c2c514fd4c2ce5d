//! Which answer belongs to which request, on one connection.
//!
//! While nothing is missing and nothing is ambiguous, the n-th answer belongs to the n-th request. After that, order
//! proves nothing, and a pair is believed only on sequence and acknowledgement numbers:
//!
//! - the answer begins exactly at the byte that the client had received up to when it sent the request, and the
//!   answer acknowledges exactly the request's end (so nothing was asked in between);
//! - a request begins there at all, and nothing was outstanding (its *anchor*): bytes of a final answer end exactly at
//!   what the client had received, and acknowledge exactly what precedes the request; or it is the first byte after the
//!   handshake; or the request before was so anchored, nothing is missing between the two, and the client had received
//!   more since that request's last segment. Otherwise what looks like a request may be text in a body whose beginning
//!   is missing, or an interim answer may be what was received, and no number tells;
//! - what follows does not contradict: the next request begins where this one ended and acknowledges exactly the
//!   answer's end, or the connection ends there. Until then the exchange is held back.
//!
//! A client that was seen to pipeline is not believed after a gap at all. Two things are taken for granted, because no
//! number speaks of them: a client of which no trace of pipelining is left does not pipeline; and where a connection has
//! no handshake and nothing of it was seen before, the client's first bytes are what they look like.

mod give;
mod proof;

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::exchange::{Incomplete, Request, Response, Timestamp};
use crate::ledger::Waiting;

use self::give::{emit, emit_answer, emit_request};
use super::context::Ctx;
use super::http::{MethodKind, Role, Sight};
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
    pub(crate) sight: Sight,
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
    kind: MethodKind,
    request: Option<Done<Request>>,
    /// An answer was linked to it, by proof and not by order.
    by_proof: bool,
    answering: bool,
    answer: Option<Done<Response>>,
    /// Interim answers, for the case that no final one follows.
    interim: Vec<u16>,
}

/// The last request that began, for the anchor of the next.
#[derive(Debug, Clone, Copy)]
struct Last {
    end: Option<u64>,
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
    /// The client was seen to ask before it had its answer.
    pipelined: bool,
    /// What the last answer acknowledged, and where it ended, if it fits a request by its numbers and was not believed.
    unlinked: Option<(u64, Option<u64>)>,
    /// Where the client closed, and what it had received by then; where the server did.
    client_end: Option<(u64, u64)>,
    server_end: Option<u64>,
    /// The answer that is being read was sent to a request from before the first byte seen.
    asked_before: bool,
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
    /// And a request that was read asked for it, to carry something else than requests.
    pub(crate) tunnelled: bool,
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
            unlinked: None,
            handshake: false,
            asked_before: false,
            orphans: false,
            whole_exchange: false,
            heard: None,
            client_end: None,
            server_end: None,
            loss: false,
            left: false,
            tunnelled: false,
        }
    }

    /// Whether no message was seen yet.
    pub(crate) fn is_fresh(&self) -> bool {
        self.next_id == 0 && self.answers == 0
    }

    /// Whether nothing waits here.
    pub(crate) fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// Adds the messages that have ended and were not given out.
    pub(crate) fn count_waiting(&self, waiting: &mut Waiting) {
        for asked in &self.asked {
            waiting.requests += u64::from(asked.request.is_some());
            waiting.answers += u64::from(asked.answer.is_some());
        }
    }

    /// Whether it is settled who is the client: by the handshake, unless the very first messages say otherwise while
    /// nothing is missing; without a handshake by an exchange that came out whole.
    pub(crate) fn knows_roles(&self) -> bool {
        if self.handshake { self.loss || !self.is_fresh() } else { self.whole_exchange || self.held_back().is_some() }
    }

    /// What was taken for requests were none. What waits here is given up.
    pub(crate) fn swap_roles(&mut self, ctx: &mut Ctx<'_>) {
        while let Some(asked) = self.asked.pop_front() {
            emit(self.client, self.server, asked, Some(Incomplete::PairingLost), ctx);
        }
        (self.last, self.heard, self.pipelined) = (None, None, false);
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
        let nothing_heard_since =
            self.asked.back().is_some_and(|before| before.ack == asking.sight.ack && before.answer.is_none());
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
        self.last = Some(Last { end: None, anchor });
        self.asked.push_back(Asked {
            id,
            ack: asking.sight.ack,
            anchor,
            uncertain: asking.uncertain,
            kind: asking.kind,
            request: None,
            by_proof: false,
            answering: false,
            answer: None,
            interim: Vec::new(),
        });
        id
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

    /// An interim answer was read. It is noted with its request, where that can be told: no final answer may follow.
    pub(crate) fn interim(&mut self, status: u16, question: &Question, ctx: &Ctx<'_>) {
        let proven = |a: &Asked| {
            let all_received = a.request.as_ref().is_none_or(|r| question.sight.ack == Some(r.end));
            !self.loss && !self.pipelined && a.anchor == Anchor::Proven && a.ack == Some(question.group) && all_received
        };
        let mut waiting = self.asked.iter().enumerate().filter(|(_, a)| a.answer.is_none() && !a.answering);
        let index = match (waiting.next(), question.uncertain) {
            (Some((index, a)), false) if !a.uncertain => index,
            (Some((index, a)), _) if proven(a) && waiting.next().is_none() => index,
            _ => return,
        };
        if let Some(asked) = self.asked.get_mut(index).filter(|a| a.interim.len() < ctx.limits.unanswered) {
            asked.interim.push(status);
        }
    }

    /// An answer's head was read: to which request does it belong?
    pub(crate) fn begin_answer(&mut self, question: Question, ctx: &mut Ctx<'_>) -> Link {
        self.answers += 1;
        self.asked_before = self.is_to_before(&question.sight);
        // More is answered, and nothing more was received: then the answer before was not to the last request.
        self.contradict_by_answer(question.group, question.sight.ack, ctx);
        let again = self.unlinked.take();
        // Two answers to what was received by the first: two requests were waiting.
        self.pipelined |=
            again.is_some_and(|(ack, end)| question.sight.ack == Some(ack) && end == Some(question.group));
        let front = self.asked.iter().position(|a| a.answer.is_none() && !a.answering);
        if !question.uncertain {
            match front.and_then(|i| self.asked.get_mut(i)).filter(|a| !a.uncertain) {
                Some(asked) => {
                    asked.answering = true;
                    let ended = asked.request.as_ref().filter(|r| r.incomplete.is_none()).map(|r| r.end);
                    self.pipelined |= ended.is_some_and(|end| question.sight.ack.is_some_and(|ack| ack > end));
                    return Link { id: Some(asked.id), kind: Some(asked.kind), uncertain: false };
                }
                None if front.is_none() => return Link { uncertain: true, ..Link::default() },
                None => {}
            }
        }
        self.link_by_proof(&question, ctx)
    }

    /// Whether an answer's request was sent before anything of the connection was seen: no handshake, no byte of the
    /// client's and no gap, and the server has received nothing more since its first byte that was seen.
    fn is_to_before(&self, sight: &Sight) -> bool {
        let received_nothing_since = sight.own_last_ack.is_none_or(|before| Some(before) == sight.ack);
        let nothing_before = !self.handshake && !self.loss && self.next_id == 0 && sight.peer_last.is_none();
        nothing_before && received_nothing_since
    }

    /// An answer has ended, whole or not.
    pub(crate) fn end_answer(&mut self, id: Option<u64>, done: Done<Response>, ctx: &mut Ctx<'_>) {
        match self.asked.iter_mut().find(|a| id == Some(a.id)) {
            Some(asked) => {
                asked.answering = false;
                asked.answer = Some(done);
            }
            None => {
                let known = match (self.asked.is_empty(), self.asked_before) {
                    (true, true) => Incomplete::BeforeCapture,
                    (true, false) => Incomplete::NoRequest,
                    (false, _) => Incomplete::PairingLost,
                };
                let reason = done.incomplete.unwrap_or(known);
                self.orphans = true;
                if let Some((_, end)) = &mut self.unlinked {
                    *end = Some(done.end);
                }
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
        self.whole_exchange |= matches!(
            (&asked.request, &asked.answer),
            (Some(r), Some(a)) if r.incomplete.is_none() && a.incomplete.is_none()
        );
        emit(self.client, self.server, asked, None, ctx);
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

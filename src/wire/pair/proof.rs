//! What sequence and acknowledgement numbers prove about a pair, and what they refute.

use super::give::{emit, emit_answer};
use super::{Anchor, Asked, Asking, Desk, Link, Question};
use crate::exchange::Incomplete;
use crate::wire::context::Ctx;
use crate::wire::http::{Candidate, Look, Role, Said, Sight};

/// What a request's beginning stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ground {
    /// The numbers prove it.
    Firm,
    /// They do not speak of it.
    Unclear,
    /// They speak against it.
    None,
}

impl Desk {
    /// Whether a request begins at `start`, by what the two directions say of each other and not by what stands there.
    fn ground(sight: &Sight, start: u64) -> Ground {
        if sight.own_base == Some(start) {
            // The first byte that the client ever sent, before the server said anything.
            let nothing_said = sight.peer_last.is_none() && sight.peer_base.is_none_or(|base| Some(base) == sight.ack);
            return if nothing_said { Ground::Firm } else { Ground::None };
        }
        match sight.peer_last {
            Some((end, Some(acked))) if sight.ack == Some(end) && sight.peer_next == end => {
                // The server said its last words having received exactly what precedes.
                match sight.peer_said {
                    Said::Final if acked == start => Ground::Firm,
                    Said::Unclear if acked == start => Ground::Unclear,
                    _ => Ground::None,
                }
            }
            _ => Ground::Unclear,
        }
    }

    pub(super) fn anchor(&self, asking: &Asking) -> Anchor {
        let sight = &asking.sight;
        let Some(ack) = sight.ack else { return Anchor::Open };
        if !asking.uncertain && !self.loss && self.asked.is_empty() {
            return Anchor::Proven;
        }
        let ground = Desk::ground(sight, asking.start);
        if ground == Ground::Firm {
            return Anchor::Proven;
        }
        if let Some(last) = self.last
            && last.anchor != Anchor::Refuted
            && last.end == Some(asking.start)
            && sight.own_last_ack.is_some_and(|before| before < ack)
            && !self.pipelined
            && sight.peer_said != Said::Inside
        {
            return last.anchor;
        }
        let nothing_before = sight.own_last_ack.is_none()
            && sight.peer_last.is_none()
            && sight.own_base.is_none()
            && sight.peer_base.is_none()
            && !self.loss
            && self.is_fresh();
        match ground {
            Ground::Unclear if nothing_before => Anchor::Open,
            _ => Anchor::Refuted,
        }
    }

    pub(super) fn link_by_proof(&mut self, question: &Question, ctx: &mut Ctx<'_>) -> Link {
        let nothing = Link { uncertain: true, ..Link::default() };
        if self.pipelined {
            return nothing;
        }
        let fits = |a: &Asked| {
            let end = a.request.as_ref().map(|r| r.end);
            !a.answering
                && a.answer.is_none()
                && a.ack == Some(question.group)
                && end.is_some()
                && end == question.sight.ack
        };
        let mut fitting = self.asked.iter().enumerate().filter(|(_, a)| fits(a));
        let (Some((index, _)), None) = (fitting.next(), fitting.next()) else { return nothing };
        if self.asked[index].anchor == Anchor::Refuted {
            self.unlinked = question.sight.ack.map(|ack| (ack, None));
            return nothing;
        }
        // What was asked before and has no answer yet will have none that can be told.
        for _ in 0..index {
            if let Some(before) = self.asked.pop_front() {
                let lost = before.anchor == Anchor::Refuted;
                let reason = if lost { Incomplete::PairingLost } else { Incomplete::Gap };
                emit(self.client, self.server, before, Some(reason), ctx);
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

    /// The exchange that is held back, if any: the ends of its request and of its answer.
    pub(super) fn held_back(&self) -> Option<(u64, u64)> {
        let front = self.asked.front().filter(|a| a.by_proof)?;
        Some((front.request.as_ref()?.end, front.answer.as_ref()?.end))
    }

    /// A further request begins at `start`, having received up to `ack`.
    pub(super) fn settle_at(&mut self, start: u64, ack: Option<u64>, ctx: &mut Ctx<'_>) {
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
    pub(super) fn contradict_by_answer(&mut self, sent: u64, ack: Option<u64>, ctx: &mut Ctx<'_>) {
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
    pub(super) fn is_contradicted(&self) -> bool {
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
    pub(super) fn is_closed_after(&self) -> bool {
        let Some((asked, answered)) = self.held_back() else { return false };
        // The client may have received a FIN that was not seen.
        let client_end = self.client_end.filter(|(_, ack)| *ack == answered || *ack == answered + 1);
        self.server_end == Some(answered) || client_end.is_some_and(|(end, _)| end == asked)
    }

    /// Nothing was seen that follows the exchange that is held back.
    pub(super) fn settle_unseen(&mut self, ctx: &mut Ctx<'_>) {
        let Some(front) = self.asked.front() else { return };
        if self.is_contradicted() {
            self.refute(ctx);
        } else if self.is_closed_after()
            || front.anchor == Anchor::Proven
            || (front.anchor == Anchor::Open && !self.loss)
        {
            self.confirm(ctx);
        } else {
            self.refute(ctx);
        }
    }

    pub(super) fn confirm(&mut self, ctx: &mut Ctx<'_>) {
        self.pop(ctx);
        self.hand_out(ctx);
    }

    /// The two do not belong together for certain: a row for each.
    pub(super) fn refute(&mut self, ctx: &mut Ctx<'_>) {
        let Some(mut asked) = self.asked.pop_front() else { return };
        let answer = asked.answer.take();
        emit(self.client, self.server, asked, Some(Incomplete::PairingLost), ctx);
        if let Some(answer) = answer {
            emit_answer(self.client, self.server, answer, Incomplete::PairingLost, ctx);
        }
        self.hand_out(ctx);
    }

    /// A request begins where the server's last segment had received everything before it, or, where that was not
    /// seen, after the client has received something new. Otherwise it is text inside of what the client was saying.
    fn believes_request(&self, candidate: &Candidate) -> bool {
        let sight = &candidate.sight;
        match Desk::ground(sight, candidate.at) {
            Ground::Firm => return true,
            Ground::None => return false,
            Ground::Unclear => {}
        }
        let server_was_silent = sight.peer_last.is_none() && sight.peer_base.is_none_or(|base| Some(base) == sight.ack);
        if server_was_silent && sight.own_base.is_some_and(|base| base != candidate.at) && self.loss {
            return false;
        }
        let Some(before) = sight.own_last_ack else { return true };
        match sight.peer_last {
            None if self.handshake && !self.loss => true,
            _ => sight.ack > Some(before),
        }
    }

    /// Whether a message may begin at the candidate, by what the two directions say of each other.
    pub(crate) fn believes(&self, candidate: &Candidate, looks: Look, role: Option<Role>) -> bool {
        let sight = &candidate.sight;
        match (looks, role) {
            (Look::Request, None | Some(Role::Request)) => self.believes_request(candidate),
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
}

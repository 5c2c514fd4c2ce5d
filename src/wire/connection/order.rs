//! The order of cause and effect: what waits for what, and when waiting ends.

use super::{Connection, FAR, New};
use crate::exchange::Incomplete;
use crate::wire::context::Ctx;
use crate::wire::limits::{evicted, name};
use crate::wire::tcp::{Fragment, Phase};

impl Connection {
    /// Whether everything that is acknowledged has been read.
    pub(super) fn is_caused(&self, d: usize, ack: Option<u64>) -> bool {
        let Some(ack) = ack else { return true };
        let peer = &self.sides[1 - d].stream;
        match peer.phase {
            Phase::Running => ack <= peer.next || peer.ended || ack - peer.next > FAR,
            Phase::Unseen => peer.absent,
            Phase::Collecting => false,
        }
    }

    pub(super) fn hold(&mut self, d: usize, new: New<'_>, ctx: &mut Ctx<'_>) {
        let stream = &mut self.sides[d].stream;
        if stream.phase == Phase::Unseen {
            stream.phase = Phase::Collecting;
        }
        let New { at, bytes, time, ack, starts, cut, conflict } = new;
        let fragment = Fragment { bytes: bytes.to_vec(), time, ack, starts, cut, conflict };
        let before = stream.held.size();
        let kept = stream.held.insert(at, fragment);
        ctx.books.stream_bytes_repeated += kept.repeated;
        let over = !ctx.out_of_order.take(kept.size);
        if over {
            // No room anywhere: what is held here must go on now, with its holes.
            stream.unpaid += kept.size;
        }
        if (over || before + kept.size > ctx.limits.out_of_order) && stream.held.size() > 0 {
            evicted(&mut ctx.books.evicted, name::OUT_OF_ORDER);
            self.drain(d, ctx);
        }
    }

    /// Reads what is held in one direction, whatever is missing.
    pub(super) fn drain(&mut self, d: usize, ctx: &mut Ctx<'_>) {
        while let Some((at, _)) = self.sides[d].stream.held.first() {
            if self.sides[d].stream.phase != Phase::Running {
                self.start(d, at);
            }
            if at > self.sides[d].stream.next {
                self.lose(d, at, Incomplete::Evicted, ctx);
            }
            self.deliver_held(d, ctx);
        }
    }

    /// Reads on wherever something's turn has come. `flush`: nothing more will come.
    pub(crate) fn pump(&mut self, flush: bool, ctx: &mut Ctx<'_>) {
        loop {
            let mut moved = false;
            for d in 0..2 {
                let stream = &self.sides[d].stream;
                if flush && stream.phase == Phase::Collecting && stream.held.is_empty() {
                    // Of this direction only the end was seen.
                    self.start(d, stream.fin.unwrap_or_default());
                }
                while self.is_due(d) {
                    self.deliver_held(d, ctx);
                    moved = true;
                }
                moved |= self.end(d, ctx);
            }
            if !moved && !(0..2).any(|d| self.force(d, flush, ctx)) {
                return;
            }
        }
    }

    pub(super) fn is_due(&self, d: usize) -> bool {
        let stream = &self.sides[d].stream;
        stream.phase == Phase::Running
            && stream.held.first().is_some_and(|(at, f)| at <= stream.next && self.is_caused(d, f.ack))
    }

    pub(super) fn deliver_held(&mut self, d: usize, ctx: &mut Ctx<'_>) {
        let stream = &mut self.sides[d].stream;
        let Some((at, fragment, cost)) = stream.held.pop() else { return };
        let unpaid = cost.min(stream.unpaid);
        stream.unpaid -= unpaid;
        ctx.out_of_order.give_back(cost - unpaid);
        let Fragment { bytes, time, ack, starts, cut, conflict } = fragment;
        let old = stream.next.saturating_sub(at);
        let length = bytes.len() as u64;
        ctx.books.stream_bytes_repeated += old.min(length);
        if old >= length + u64::from(cut) {
            return;
        }
        let cut = u64::from(cut).min(length + u64::from(cut) - old) as u32;
        let bytes = &bytes[old.min(length) as usize..];
        self.deliver(d, New { at: at + old, bytes, time, ack, starts: starts && old == 0, cut, conflict }, ctx);
    }

    /// What waits too long does not wait for anything that will come: whatever is missing before it is missing.
    /// Whether that changed anything.
    pub(super) fn force(&mut self, d: usize, flush: bool, ctx: &mut Ctx<'_>) -> bool {
        let segments = self.segments;
        let stream = &mut self.sides[d].stream;
        let Some((at, ack)) = stream.held.first().map(|(at, f)| (at, f.ack)) else { return false };
        let waited = segments - *stream.stuck_since.get_or_insert(segments);
        let hole = stream.phase == Phase::Running && at > stream.next;
        let acknowledged = !hole || stream.hole_is_acknowledged();
        let patience = if acknowledged { ctx.limits.patience } else { ctx.limits.patience_unacknowledged };
        if !flush && waited < patience {
            return false;
        }
        if stream.phase != Phase::Running {
            self.start(d, at);
        } else if hole {
            self.lose(d, at, Incomplete::Gap, ctx);
        } else {
            self.force_cause(d, ack, ctx);
        }
        true
    }

    /// The next bytes of `d` are here, and acknowledge what was not read in the other direction.
    pub(super) fn force_cause(&mut self, d: usize, ack: Option<u64>, ctx: &mut Ctx<'_>) {
        let p = 1 - d;
        let peer = &mut self.sides[p].stream;
        let first = peer.held.first().map(|(at, _)| at);
        let acked = ack.unwrap_or(peer.next);
        let missing_until = first.unwrap_or(acked).min(acked).min(peer.fin.unwrap_or(acked));
        match (peer.phase, first) {
            (Phase::Unseen, _) => peer.absent = true,
            (Phase::Collecting, Some(at)) => self.start(p, at),
            (Phase::Running, _) if missing_until > peer.next => self.lose(p, missing_until, Incomplete::Gap, ctx),
            // Each waits for the other: retransmissions acknowledge more than the first copy did.
            _ => self.deliver_held(d, ctx),
        }
    }
}

//! The books of a run that goes on, as if it ended now: what is not settled yet is left out, and told beside.
//!
//! In the books of a run that was killed, what still waited is lost. While the run goes on it is not: it will be settled a
//! moment later, and a look that called it loss would never see a run whose books are good.

use super::{Ledger, Waiting};

/// What is left out of the settled books: it stands in no class yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unsettled {
    /// What the wire code still holds.
    pub wire: Waiting,
    /// Whole exchanges of which there is no outcome yet: queued, asked, or being compared.
    pub exchanges: u64,
    /// Frames that came and that nobody has looked at yet.
    pub frames: u64,
    /// Bytes that went through a tee and that nobody has looked at yet.
    pub bytes: u64,
}

impl Ledger {
    /// Takes out what is not settled. The books close before it, but for outcomes that are still to come; they close
    /// after it as well, and no count of it is ever smaller than at an earlier look.
    pub fn settled(mut self) -> (Ledger, Unsettled) {
        let wire = &mut self.wire;
        let waiting = std::mem::take(&mut wire.waiting);
        // Those of other epochs have their outcomes, too.
        let outcomes = self.shadow.as_ref().map_or(0, |shadow| shadow.exchanges).saturating_add(self.elsewhere);
        let exchanges = wire.requests_paired.saturating_sub(outcomes);
        wire.frames -= waiting.frames.min(wire.frames);
        wire.stream_bytes -= waiting.stream_bytes.min(wire.stream_bytes);
        for (all, paired, waiting) in [
            (&mut wire.requests, &mut wire.requests_paired, waiting.requests),
            (&mut wire.answers, &mut wire.answers_paired, waiting.answers),
        ] {
            *paired = paired.saturating_sub(exchanges);
            *all = all.saturating_sub(exchanges.saturating_add(waiting));
        }
        let mut frames = 0;
        if let Some(live) = &mut self.capture.live {
            frames = std::mem::take(&mut live.waiting);
            live.received = live.received.saturating_sub(frames.saturating_add(waiting.frames));
        }
        let mut bytes = 0;
        for way in self.capture.tee.iter_mut().flat_map(|tee| [&mut tee.from_clients, &mut tee.from_legacy]) {
            let waiting = std::mem::take(&mut way.waiting);
            way.relayed = way.relayed.saturating_sub(waiting);
            bytes += waiting;
        }
        (self, Unsettled { wire: waiting, exchanges, frames, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Incomplete;
    use crate::ledger::{CaptureBooks, LiveBooks, ShadowBooks, WireBooks};

    #[test]
    fn what_waits_is_left_out_and_the_books_close() {
        let mut wire = WireBooks {
            frames: 100,
            frames_used: 97,
            stream_bytes: 5_000,
            stream_bytes_in_order: 4_900,
            requests: 30,
            requests_paired: 20,
            answers: 27,
            answers_paired: 20,
            waiting: Waiting { frames: 3, stream_bytes: 100, requests: 8, answers: 5 },
            ..WireBooks::default()
        };
        wire.requests_unpaired.add_many(Incomplete::Gap, 2);
        wire.answers_unpaired.add_many(Incomplete::Gap, 2);
        let live = LiveBooks { received: 110, kernel_dropped: 4, waiting: 6, ..LiveBooks::default() };
        let capture = CaptureBooks { live: Some(live), ..CaptureBooks::default() };
        // Fifteen outcomes of twenty pairs: five are under way.
        let shadow = ShadowBooks { exchanges: 15, sent: 15, compared: 15, matched: 15, ..ShadowBooks::default() };
        let ledger = Ledger { capture, wire, shadow: Some(shadow), ..Ledger::default() };
        assert_eq!(ledger.open_accounts().len(), 1, "as it stands, outcomes are missing");
        assert_eq!(ledger.wire.loss(), (10, 30), "as it stands, what waits is lost");

        let (settled, unsettled) = ledger.settled();
        assert_eq!(settled.open_accounts(), []);
        assert_eq!(settled.wire.loss(), (2, 17));
        assert_eq!((unsettled.exchanges, unsettled.frames, unsettled.wire.requests), (5, 6, 8));
    }

    #[test]
    fn books_without_anything_waiting_stay_as_they_are() {
        let wire = WireBooks { requests: 3, requests_paired: 3, answers: 3, answers_paired: 3, ..WireBooks::default() };
        let shadow = ShadowBooks { exchanges: 3, sent: 3, compared: 3, matched: 3, ..ShadowBooks::default() };
        let ledger = Ledger { wire, shadow: Some(shadow), ..Ledger::default() };
        assert_eq!(ledger.clone().settled(), (ledger, Unsettled::default()));
    }
}

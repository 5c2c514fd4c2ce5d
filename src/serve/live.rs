//! A run that goes on in this process: from its counts to the board.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::board::{Board, Phase};
use super::view::{Line, Standing, View};
use crate::exchange::{RuleNote, RunFacts};
use crate::tally::Snapshot;
use crate::verdict::{MismatchShare, Verdict};

/// Judges counts as the command does at the end, and puts into them what that takes.
pub type Judge = dyn Fn(&mut Snapshot) -> (Verdict, Option<MismatchShare>) + Send + Sync;

/// What a run's counts are judged by, and the board that they go to.
pub struct Live {
    /// Where the views hang.
    pub board: Arc<Board>,
    /// Under the run's gates.
    pub judge: Box<Judge>,
    /// The rules in force.
    pub rules: Arc<[RuleNote]>,
    /// What is known of the run while it goes on.
    pub facts: RunFacts,
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("board", &self.board).field("facts", &self.facts).finish_non_exhaustive()
    }
}

fn phase(line: Line, any_frame: bool) -> Phase {
    match line {
        Line::Down => Phase::Down,
        Line::Ended => Phase::Ending,
        Line::Up if any_frame => Phase::Running,
        Line::Up => Phase::Waiting,
    }
}

impl Live {
    /// See [`Board::wanted`].
    pub fn wanted(&self) -> bool {
        self.board.wanted()
    }

    /// Says how the line is, and whether frames have come, also where nobody looks.
    pub fn goes_on(&self, line: Line, any_frame: bool) {
        match (self.board.phase(), line) {
            // Before the first view nothing is known to be open, and after the last nothing changes.
            (Phase::Starting | Phase::Ended, _) | (Phase::Running, Line::Up) => {}
            _ => self.board.is_in(phase(line, any_frame)),
        }
    }

    /// Shows counts of this moment, the books as they are, and what all builds have come to where there are several. `begun` is when the work for them began.
    pub fn show(&self, mut snapshot: Snapshot, together: Option<Snapshot>, mut standing: Standing, begun: Instant) {
        let any = snapshot.ledger.wire.frames > 0 || snapshot.ledger.capture.live.is_none();
        let phase = phase(standing.line, any);
        (snapshot.ledger, standing.unsettled) = std::mem::take(&mut snapshot.ledger).settled();
        let view = self.judged(snapshot, self.facts.clone(), Some(standing)).beside(together);
        self.board.hang(view, phase, begun.elapsed());
    }

    /// Shows what the run has come to, for as long as anybody still looks.
    pub fn ended(&self, snapshot: Snapshot, together: Option<Snapshot>, facts: RunFacts) {
        let view = self.judged(snapshot, facts, None).beside(together);
        self.board.hang(view, Phase::Ended, Duration::ZERO);
    }

    fn judged(&self, mut snapshot: Snapshot, facts: RunFacts, standing: Option<Standing>) -> View {
        let (verdict, share) = (self.judge)(&mut snapshot);
        View::new(snapshot, verdict, share, facts, Arc::clone(&self.rules), standing)
    }
}

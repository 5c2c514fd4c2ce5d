//! The agreement on sandboxed writes: each answer says that the effects were discarded, or there are no more writes.
//!
//! Until an answer has said so for the first time, one request of an endpoint is under way at most. A candidate that
//! has never heard of the agreement thus gets exactly one write of each endpoint that somebody opened as sandboxed.

use serde::Serialize;

use super::request::Opening;
use crate::config::{OpenEndpoint, Treatment};
use crate::exchange::{Answer, Failed, Failure, Response, Skip};

/// The header by which an answer says what became of the effects; read without regard to case, as its value.
pub const EFFECTS: &str = "shadow-effects";

/// The value that keeps the agreement.
pub const DISCARDED: &[u8] = b"discarded";

/// Whether an answer keeps the agreement. Two fields that disagree do not.
pub fn says_discarded(response: &Response) -> bool {
    let mut said = response.headers.get_all(EFFECTS).peekable();
    said.peek().is_some() && said.all(|value| value.trim_ascii().eq_ignore_ascii_case(DISCARDED))
}

/// What an answer, or its absence, says of the agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Agreement {
    /// The answer says it.
    Kept,
    /// There is an answer, and it does not.
    Broken,
    /// No byte of the request went out.
    NotSent,
    /// The request, or a part of it, went out, and what became of it is not known.
    Unknown,
}

pub(super) fn agreement(candidate: &Result<Answer, Failed>) -> Agreement {
    match candidate {
        Ok(answer) if says_discarded(&answer.response) => Agreement::Kept,
        Ok(_) => Agreement::Broken,
        Err(failed) => match failed.failure {
            Failure::EffectsNotDiscarded => Agreement::Broken,
            Failure::Connect => Agreement::NotSent,
            _ => Agreement::Unknown,
        },
    }
}

crate::exchange::reasons! {
    /// Why a sandboxed endpoint is closed.
    SandboxClosing {
        /// An answer did not say that effects were discarded.
        NotDiscarded = "not-discarded",
        /// The first request went out and no answer came: it may have had its effect.
        NeverProven = "never-proven",
    }
}

/// A sandboxed endpoint that is closed for the rest of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClosedSandbox {
    /// The endpoint as the policy names it.
    pub endpoint: String,
    /// Why.
    pub why: SandboxClosing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing was sent yet.
    Untried,
    /// The first request is under way.
    Trial,
    /// An answer has kept the agreement.
    Proven,
    /// For good.
    Closed(SandboxClosing),
}

/// Every sandboxed endpoint of a policy.
#[derive(Debug)]
pub(super) struct Sandboxes {
    /// By the place of the opening in the policy; None for those that only read.
    states: Vec<Option<(State, String)>>,
}

impl Sandboxes {
    pub(super) fn new(openings: &[OpenEndpoint]) -> Sandboxes {
        let sandbox = |open: &OpenEndpoint| {
            (open.treatment == Treatment::Sandboxed).then(|| (State::Untried, open.endpoint.to_string()))
        };
        Sandboxes { states: openings.iter().map(sandbox).collect() }
    }

    /// Whether a request of that opening may go out now; changes nothing.
    pub(super) fn may(&self, opening: Opening) -> Result<(), Skip> {
        let Some(index) = opening.sandbox() else { return Ok(()) };
        match self.states.get(index) {
            Some(Some((State::Untried | State::Proven, _))) => Ok(()),
            Some(Some((State::Trial, _))) => Err(Skip::SandboxTrial),
            // An opening that this policy does not have as sandboxed: nobody can have agreed to it.
            Some(Some((State::Closed(_), _)) | None) | None => Err(Skip::SandboxClosed),
        }
    }

    /// A request goes out.
    pub(super) fn sent(&mut self, opening: Opening) {
        self.change(opening.sandbox(), |state| if state == State::Untried { State::Trial } else { state });
    }

    /// It did not after all.
    pub(super) fn unsent(&mut self, opening: Opening) {
        self.change(opening.sandbox(), |state| if state == State::Trial { State::Untried } else { state });
    }

    /// Something was heard of it.
    pub(super) fn heard(&mut self, heard: Option<(usize, Agreement)>) {
        let Some((index, agreement)) = heard else { return };
        self.change(Some(index), |state| match (state, agreement) {
            (State::Closed(_), _) => state,
            (_, Agreement::Broken) => State::Closed(SandboxClosing::NotDiscarded),
            (State::Untried | State::Trial, Agreement::Unknown) => State::Closed(SandboxClosing::NeverProven),
            (State::Trial, Agreement::NotSent) => State::Untried,
            (State::Trial, Agreement::Kept) => State::Proven,
            (State::Untried | State::Proven, _) => state,
        });
    }

    fn change(&mut self, index: Option<usize>, next: impl FnOnce(State) -> State) {
        let Some(Some((state, endpoint))) = index.and_then(|index| self.states.get_mut(index)) else { return };
        let before = *state;
        *state = next(before);
        if let State::Closed(why) = *state
            && *state != before
        {
            tell(endpoint, why);
        }
    }

    pub(super) fn closed(&self) -> Vec<ClosedSandbox> {
        let closed = |(state, endpoint): &(State, String)| match state {
            State::Closed(why) => Some(ClosedSandbox { endpoint: endpoint.clone(), why: *why }),
            _ => None,
        };
        self.states.iter().flatten().filter_map(closed).collect()
    }
}

/// Once an endpoint: a state that is closed stays so.
fn tell(endpoint: &str, why: SandboxClosing) {
    match why {
        SandboxClosing::NotDiscarded => tracing::error!(
            "{endpoint} is closed for this run: an answer came without 'Shadow-Effects: discarded', so a sandboxed write \
             may have had its effect on the candidate; no further one goes out"
        ),
        SandboxClosing::NeverProven => tracing::error!(
            "{endpoint} is closed for this run: its first sandboxed write got no answer, so it may have had its effect on \
             the candidate; no further one goes out"
        ),
    }
}

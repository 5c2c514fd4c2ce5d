//! One look at a run: it never changes, and everything that is shown of it is made at most once.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::exchange::{RuleNote, RunFacts};
use crate::ledger::Unsettled;
use crate::report::Report;
use crate::tally::Snapshot;
use crate::verdict::{MismatchShare, Verdict};

/// What moves too fast for the books: how a run stands at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// Shadow requests without an answer yet.
    pub in_flight: u64,
    /// Exchanges that wait for the decision whether they are asked.
    pub queued: u64,
    /// `closed`, `half-open` or `open`.
    pub breaker: &'static str,
    /// What the books of this view leave out because it is not settled.
    pub unsettled: Unsettled,
}

/// The evidence at one moment, judged.
#[derive(Debug)]
pub struct View {
    /// The evidence.
    pub snapshot: Snapshot,
    /// What it says.
    pub verdict: Verdict,
    /// The mismatch rate with both bounds.
    pub share: Option<MismatchShare>,
    /// How it was gathered.
    pub facts: RunFacts,
    /// The rules in force.
    pub rules: Arc<[RuleNote]>,
    /// Where the run goes on in this process.
    pub standing: Option<Standing>,
    /// When it was made.
    pub taken: jiff::Timestamp,
    /// Differs from that of every other view of this process.
    pub(super) id: String,
    page: OnceLock<Bytes>,
    json: OnceLock<Bytes>,
}

impl View {
    /// A view of now.
    pub fn new(
        snapshot: Snapshot,
        verdict: Verdict,
        share: Option<MismatchShare>,
        facts: RunFacts,
        rules: Arc<[RuleNote]>,
        standing: Option<Standing>,
    ) -> View {
        let (page, json, id) = (OnceLock::new(), OnceLock::new(), String::new());
        View { snapshot, verdict, share, facts, rules, standing, taken: jiff::Timestamp::now(), id, page, json }
    }

    pub(super) fn report(&self) -> Report<'_> {
        Report { verdict: &self.verdict, snapshot: &self.snapshot, facts: &self.facts, rules: &self.rules }
    }

    /// The page. Whoever reads it slowly holds a share of the one text.
    pub(super) fn page(&self) -> Bytes {
        self.page.get_or_init(|| Bytes::from(self.report().live_html(&self.id))).clone()
    }

    /// The whole report; None where it cannot be written as JSON, which no report is.
    pub(super) fn json(&self) -> Option<Bytes> {
        if let Some(made) = self.json.get() {
            return Some(made.clone());
        }
        let made = Bytes::from(self.report().json().ok()? + "\n");
        Some(self.json.get_or_init(|| made).clone())
    }
}

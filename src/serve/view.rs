//! One look at a run: it never changes, and everything that is shown of it is made at most once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::api;
use super::board::Phase;
use super::metrics::{self, Exposition, Names};
use crate::exchange::{RuleNote, RunFacts, SpanNote};
use crate::ledger::Unsettled;
use crate::report::Report;
use crate::tally::Snapshot;
use crate::verdict::{MismatchShare, Verdict};

/// How a line that is listened to is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Line {
    /// Frames come, or may come. So it is where captures are read, too.
    #[default]
    Up,
    /// Its interface is down: nothing comes until it is up again.
    Down,
    /// Nothing is taken from it any more.
    Ended,
}

/// What moves too fast for the books: how a run stands at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Shadow requests without an answer yet.
    pub in_flight: u64,
    /// Exchanges that wait for the decision whether they are asked.
    pub queued: u64,
    /// `closed`, `half-open` or `open`.
    pub breaker: &'static str,
    /// How the line is.
    pub line: Line,
    /// Connections that are open through the tee, where there is one, and how many may be.
    pub connections: Option<[u64; 2]>,
    /// What the books of this view leave out because it is not settled.
    pub unsettled: Unsettled,
    /// What became of spans so far, where somebody wants them.
    pub spans: Option<SpanNote>,
}

/// What is made of a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    /// For browsers.
    Page,
    /// The whole report as JSON.
    Report,
    /// The verdict as JSON.
    Verdict,
    /// For Prometheus.
    Metrics(Exposition),
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
    /// What all builds of the candidate have come to together, where the evidence is of the latest of several: no counter
    /// goes down because a new one has begun.
    pub(super) together: Option<Snapshot>,
    /// Differs from that of every other view of this process.
    pub(super) id: String,
    /// What was made of it so far: as many texts as there are forms and phases. It is held while one is made, so that many
    /// who ask for the same at once have it made once.
    made: Mutex<BTreeMap<(Form, Phase), Bytes>>,
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
        let (taken, id, made) = (jiff::Timestamp::now(), String::new(), Mutex::default());
        View { snapshot, verdict, share, facts, rules, standing, taken, together: None, id, made }
    }

    /// With what all builds have come to, where there are several.
    pub(super) fn beside(self, together: Option<Snapshot>) -> View {
        View { together, ..self }
    }

    /// What only grows while this process lives: the counts of all builds.
    pub(super) fn counted(&self) -> &Snapshot {
        self.together.as_ref().unwrap_or(&self.snapshot)
    }

    fn report(&self) -> Report<'_> {
        Report { verdict: &self.verdict, snapshot: &self.snapshot, facts: &self.facts, rules: &self.rules }
    }

    /// The name of the page in a phase: one that warns is another page.
    pub(super) fn named(&self, phase: Phase) -> String {
        if phase == Phase::Unreadable { format!("{}-{}", self.id, phase.as_str()) } else { self.id.clone() }
    }

    /// The report as `judge` writes it: what goes with each group, and a rule for it, are the page's.
    fn plain_json(&self) -> Option<String> {
        let mut snapshot = self.snapshot.clone();
        for group in &mut snapshot.groups {
            (group.explained, group.advice) = (None, None);
        }
        Report { snapshot: &snapshot, ..self.report() }.json().ok()
    }

    fn page(&self, phase: Phase) -> String {
        let page = self.report().live_html(&self.named(phase));
        if phase != Phase::Unreadable {
            return page;
        }
        // Before all else, and in the title, where a verdict stands that holds no more.
        let warning = "<main><header class=\"nogo\" role=\"alert\"><h1>NO VERDICT</h1><p>The run file cannot be read: what \
                       follows is what it last held, and decides nothing.</p></header>";
        let page = page.replacen("<main>", warning, 1);
        match (page.split_once("<title>"), page.split_once("</title>")) {
            (Some((before, _)), Some((_, behind))) => {
                format!("{before}<title>NO VERDICT: the run file cannot be read</title>{behind}")
            }
            _ => page,
        }
    }

    /// A text of it, and how long making it took where it was not there yet. Whoever reads it slowly holds a share of the
    /// one text. None where it cannot be made, which is never so.
    pub(super) fn text(self: &Arc<View>, form: Form, phase: Phase, names: &Names) -> Option<(Bytes, Duration)> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = made.get(&(form, phase)) {
            return Some((text.clone(), Duration::ZERO));
        }
        let begun = Instant::now();
        let text = match form {
            Form::Page => Bytes::from(self.page(phase)),
            Form::Report | Form::Verdict if phase == Phase::Unreadable => api::problem(self, phase)?,
            Form::Report => Bytes::from(self.plain_json()? + "\n"),
            Form::Verdict => api::verdict(self, phase)?,
            Form::Metrics(exposition) => metrics::exposed(self, names.clone(), phase, exposition)?,
        };
        made.insert((form, phase), text.clone());
        Some((text, begun.elapsed()))
    }
}

//! The rules of a run put to the test on what the run has kept.

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use nix::time::{ClockId, clock_gettime};

use super::Trouble;
use super::asking::today;
use crate::compare::Comparer;
use crate::config::{Redaction, RulesGate};
use crate::exchange::RunFacts;
use crate::faults::{Terms, Trials};
use crate::redact::{Key, Redactor};
use crate::rules::RuleSet;
use crate::tally::Snapshot;

/// What is kept has no secrets. What is taken for one again gets a mark of a mark; so that it is the same in every trial of
/// the same evidence, its key is one that everybody knows.
const KEY: &str = "nothing secret is left in specimens";

/// While a run goes on, trials take at most one part in so many of the processor time that all else of it takes,
const PART: u32 = 100;
/// and so much before that, so that there is something to be seen from the beginning.
const HEAD_START: Duration = Duration::from_millis(20);

/// Puts the rules to the test; what comes of it is in the snapshot, and nothing where nothing is kept.
pub(super) fn try_rules(
    snapshot: &mut Snapshot,
    rules: Arc<RuleSet>,
    gate: &RulesGate,
    today: Date,
) -> Result<(), Trouble> {
    let terms = Terms { hidden_at_most: gate.hidden_at_most, today };
    let begun = spent(ClockId::CLOCK_THREAD_CPUTIME_ID);
    snapshot.try_rules(&mut Trials::new(&again(rules)?), &terms, &mut || true);
    told(snapshot, spent(ClockId::CLOCK_THREAD_CPUTIME_ID).saturating_sub(begun));
    Ok(())
}

/// Puts beside each group of mismatches what goes with it, and a rule that would answer for it.
pub(super) fn explain(snapshot: &mut Snapshot, rules: Arc<RuleSet>, today: Date) -> Result<(), Trouble> {
    let comparer = again(rules)?;
    snapshot.explain(&comparer);
    snapshot.advise(&comparer, today);
    Ok(())
}

/// The trials of a run that goes on, for whoever looks. Each specimen is looked at once, and where there is time: those that
/// have to wait are counted, and the verdict is open while an endpoint has none that was looked at. What the run comes to in
/// the end is a trial of its own, of everything at once, so that it does not depend on who looked when.
pub(super) struct LiveTrials {
    trials: Trials,
    terms: Terms,
    spent: Duration,
}

impl LiveTrials {
    pub(super) fn new(rules: Arc<RuleSet>, gate: &RulesGate, today: Date) -> Result<LiveTrials, Trouble> {
        let terms = Terms { hidden_at_most: gate.hidden_at_most, today };
        Ok(LiveTrials { trials: Trials::new(&again(rules)?), terms, spent: Duration::ZERO })
    }

    /// Puts the rules to the test on what is new, as far as there is time; not where that is done already.
    pub(super) fn try_rules(&mut self, snapshot: &mut Snapshot) {
        if snapshot.trial.is_some() {
            return;
        }
        let before = self.spent;
        let rest = spent(ClockId::CLOCK_PROCESS_CPUTIME_ID).saturating_sub(before);
        let most = HEAD_START + rest / PART;
        let begun = spent(ClockId::CLOCK_THREAD_CPUTIME_ID);
        let by_now = || before + spent(ClockId::CLOCK_THREAD_CPUTIME_ID).saturating_sub(begun);
        snapshot.try_rules(&mut self.trials, &self.terms, &mut || by_now() < most);
        self.spent = by_now();
        told(snapshot, self.spent);
    }
}

fn told(snapshot: &Snapshot, spent: Duration) {
    if let Some(trial) = &snapshot.trial {
        let (specimens, waiting) = (trial.specimens, trial.waiting);
        tracing::debug!(
            "rules tried on {specimens} specimens, {waiting} wait: {} us of processor time",
            spent.as_micros()
        );
    }
}

/// Processor time of this thread, or of the whole process. Where the system does not say, none was spent.
fn spent(clock: ClockId) -> Duration {
    clock_gettime(clock).map(Duration::from).unwrap_or_default()
}

/// Compares what is kept again.
pub(super) fn again(rules: Arc<RuleSet>) -> Result<Comparer, Trouble> {
    let redactor = Redactor::new(&Redaction::default(), Key::given(Some(KEY.as_ref()))?)?;
    Ok(Comparer::new(rules, Arc::new(redactor)))
}

/// The day by which a run's rules were in force or expired: that on which it began.
pub(super) fn day_of(facts: &RunFacts) -> Date {
    facts.started.get(..10).and_then(|day| day.parse().ok()).unwrap_or_else(today)
}

//! The rules of a run put to the test on what the run has kept.

use std::sync::Arc;

use jiff::civil::Date;

use super::Trouble;
use super::asking::today;
use crate::compare::Comparer;
use crate::config::{Redaction, RulesGate};
use crate::exchange::RunFacts;
use crate::faults::Terms;
use crate::redact::{Key, Redactor};
use crate::rules::RuleSet;
use crate::tally::Snapshot;

/// What is kept has no secrets. What is taken for one again gets a mark of a mark; so that it is the same in every trial of
/// the same evidence, its key is one that everybody knows.
const KEY: &str = "nothing secret is left in specimens";

/// Puts the rules to the test; what comes of it is in the snapshot, and nothing where nothing is kept.
pub(super) fn try_rules(
    snapshot: &mut Snapshot,
    rules: Arc<RuleSet>,
    gate: &RulesGate,
    today: Date,
) -> Result<(), Trouble> {
    let terms = Terms { hidden_at_most: gate.hidden_at_most, today };
    snapshot.try_rules(&again(rules)?, &terms);
    Ok(())
}

/// Puts beside each group of mismatches what goes with it, and a rule that would answer for it.
pub(super) fn explain(snapshot: &mut Snapshot, rules: Arc<RuleSet>, today: Date) -> Result<(), Trouble> {
    let comparer = again(rules)?;
    snapshot.explain(&comparer);
    snapshot.advise(&comparer, today);
    Ok(())
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

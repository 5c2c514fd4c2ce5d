//! The evidence of a run under other rules than were in force.

use std::path::PathBuf;
use std::sync::Arc;

use super::asking::today;
use super::{Trouble, trial};
use crate::config::Policy;
use crate::rescore::rescore;
use crate::rules::{self, RuleSet};
use crate::store::{RulesInForce, Run};
use crate::verdict;

/// Judges what is kept of it under these rule files, and notes what that has changed.
pub(super) fn rescored(mut run: Run, files: &[PathBuf], policy: &Policy) -> Result<Run, Trouble> {
    let texts = rules::texts_or_common(files)?;
    let new = Arc::new(RuleSet::from_texts(texts.iter().cloned(), today())?);
    let old = run.rules_before.iter().map(in_force).collect::<Result<Vec<_>, _>>()?;
    let verdict_before = before(&run, policy)?;
    let (snapshot, mut told) = rescore(&run.snapshot, &old, &trial::again(Arc::clone(&new))?);
    told.verdict_before = verdict_before;
    run.snapshot = snapshot;
    run.notes = new.notes();
    run.rules = texts;
    run.facts.rescored = Some(told);
    Ok(run)
}

/// The verdict under the rules that were in force, the latest where there were several.
fn before(run: &Run, policy: &Policy) -> Result<String, Trouble> {
    let day = trial::day_of(&run.facts);
    let rules = Arc::new(RuleSet::from_texts(run.rules.clone(), day)?);
    let mut snapshot = run.snapshot.clone();
    trial::try_rules(&mut snapshot, rules, &policy.gates.rules, day)?;
    Ok(verdict::judge(&snapshot, policy, &run.notes, today()).verdict.to_string())
}

/// The rules as they were: what had expired when the run began was not applied.
fn in_force(rules: &RulesInForce) -> Result<RuleSet, Trouble> {
    let began = rules.on.get(..10).and_then(|day| day.parse().ok()).unwrap_or_else(today);
    let set = RuleSet::from_texts(rules.texts.iter().cloned(), began);
    set.map_err(|error| format!("the rules that are kept in the run file: {error}").into())
}

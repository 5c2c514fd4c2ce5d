//! The evidence of a run under other rules than were in force.

use std::path::PathBuf;
use std::sync::Arc;

use super::Trouble;
use super::asking::today;
use crate::config::Policy;
use crate::rescore::rescore;
use crate::rules::{self, RuleSet};
use crate::store::{RulesInForce, Run};
use crate::verdict;

/// Judges what is kept of it under these rule files, and notes what that has changed.
pub(super) fn rescored(mut run: Run, files: &[PathBuf], policy: &Policy) -> Result<Run, Trouble> {
    let new = Arc::new(rules::load(files, today())?);
    let old = run.rules.iter().map(in_force).collect::<Result<Vec<_>, _>>()?;
    let before = verdict::judge(&run.snapshot, policy, &run.notes);
    let (snapshot, mut told) = rescore(&run.snapshot, &old, Arc::clone(&new))?;
    told.verdict_before = before.verdict.to_string();
    run.snapshot = snapshot;
    run.notes = new.notes();
    run.facts.rescored = Some(told);
    Ok(run)
}

/// The rules as they were: what had expired when the run began was not applied.
fn in_force(rules: &RulesInForce) -> Result<RuleSet, Trouble> {
    let began = rules.on.parse::<jiff::Timestamp>().map(|time| time.to_zoned(jiff::tz::TimeZone::UTC).date());
    let set = RuleSet::from_texts(rules.texts.iter().cloned(), began.unwrap_or_else(|_| today()));
    set.map_err(|error| format!("the rules that are kept in the run file: {error}").into())
}

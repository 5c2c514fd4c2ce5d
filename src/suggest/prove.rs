//! What a rule would do, found out by comparing again, and that it would do nothing else.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::Date;

use super::draft::Draft;
use super::evidence::{DifferenceName, Evidence, Group};
use super::fault::{self, Faults};
use crate::compare::Comparer;
use crate::exchange::{Comparison, Difference, Outcome, Specimen, path_of};
use crate::rules::{Rule, RuleSet};

/// What comparing again under one more rule showed.
#[derive(Debug, Clone, Default)]
pub(super) struct Proof {
    /// Differences that the rule answers for.
    pub(super) answered: usize,
    /// Mismatches that it makes matches.
    pub(super) matches: usize,
    /// Faults put at its place into answers, and those among them that are still mismatches.
    pub(super) faults: Faults,
}

/// Tries a rule, given as the text of a rule file.
///
/// # Errors
/// Why it is no rule to suggest.
pub(super) fn prove(
    evidence: &Evidence<'_>,
    groups: &[Group<'_>],
    draft: &Draft,
    text: &str,
    day: Date,
) -> Result<Proof, String> {
    let added =
        RuleSet::parse("suggested", text, day).map_err(|error| format!("no rule can name this place ({error})"))?;
    let Some(rule) = added.rules().first() else { return Err("there is no rule".to_owned()) };
    let comparer = evidence.comparer.under(Arc::new(evidence.comparer.rules().followed_by(&added)));
    let names: BTreeSet<&DifferenceName> =
        draft.groups.iter().filter_map(|at| groups.get(*at)).map(|group| &group.name).collect();
    let mut proof = Proof::default();
    for (specimen, before) in evidence.specimens.iter().zip(&evidence.comparisons) {
        if !speaks_of(rule, specimen) {
            continue;
        }
        let after = comparer.compare(&specimen.observation);
        let named = |difference: &Difference| names.contains(&evidence.name(&specimen.endpoint, difference));
        proof.answered += changed(before, &after, rule, &named)?;
        proof.matches += usize::from(turned(before, &after));
    }
    proof.faults = try_faults(evidence, groups, draft, &comparer);
    match proof.faults.worst() {
        _ if proof.faults.put() == 0 => Err("no fault could be put at its place to try a rule".to_owned()),
        Some(kind) => Err(format!("a rule would hide faults of {kind} too")),
        None => Ok(proof),
    }
}

/// Whether a mismatch is none any more.
pub(super) fn turned(before: &Comparison, after: &Comparison) -> bool {
    before.outcome == Outcome::Mismatched && matches!(after.outcome, Outcome::Matched | Outcome::Accepted)
}

fn speaks_of(rule: &Rule, specimen: &Specimen) -> bool {
    let Some(request) = &specimen.observation.exchange.request else { return false };
    rule.place.endpoint.as_ref().is_none_or(|endpoint| endpoint.matches(&request.method, path_of(&request.target)))
}

/// How many differences the rule answers for, where it changes nothing but those that it was made for, and leaves none
/// of them. Comparisons that list a part of their differences are taken at their word.
fn changed(
    before: &Comparison,
    after: &Comparison,
    rule: &Rule,
    named: &dyn Fn(&Difference) -> bool,
) -> Result<usize, String> {
    let ours = |difference: &&Difference| difference.rule.as_ref().is_some_and(|hit| hit.id == rule.id);
    let answered = after.differences.iter().filter(ours).count();
    if before.more_differences + after.more_differences > 0 {
        return Ok(answered);
    }
    let mut left: Vec<&Difference> = before.differences.iter().collect();
    for difference in after.differences.iter().filter(|difference| !ours(difference)) {
        match left.iter().position(|other| *other == difference) {
            Some(at) => drop(left.swap_remove(at)),
            None => return Err("a rule would change other differences too".to_owned()),
        }
    }
    if left.iter().any(|difference| difference.rule.is_some() || !named(difference)) {
        return Err("a rule would hide other differences too".to_owned());
    }
    let is_left = |difference: &Difference| difference.rule.is_none() && named(difference);
    match before.outcome == Outcome::Mismatched && after.differences.iter().any(is_left) {
        true => Err("no one rule answers for all of them".to_owned()),
        false => Ok(answered),
    }
}

fn try_faults(evidence: &Evidence<'_>, groups: &[Group<'_>], draft: &Draft, comparer: &Comparer) -> Faults {
    let mut faults = Faults::default();
    for group in draft.groups.iter().filter_map(|at| groups.get(*at)) {
        // Spread over the whole of the evidence, and not its beginning alone.
        let step = group.pairs.len().div_ceil(fault::MAX_TRIED).max(1);
        for pair in group.pairs.iter().step_by(step) {
            if let Some(specimen) = evidence.specimens.get(pair.specimen) {
                fault::put(
                    &draft.spot,
                    &draft.noise.says,
                    pair.difference,
                    &specimen.observation,
                    comparer,
                    &mut faults,
                );
            }
        }
    }
    faults
}

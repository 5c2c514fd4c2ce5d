//! What goes with each group of mismatches, and a rule that would answer for it, put beside it.

use jiff::ToSpan;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use crate::compare::Comparer;
use crate::exchange::{Difference, Specimen};
use crate::suggest::explain::Contrast;
use crate::suggest::{APPLIES_FOR_DAYS, Suggestions, accepted, suggest};

use super::group::{DifferenceClass, DifferenceGroup, general_place};
use super::signature::KeptState;
use super::snapshot::Snapshot;

/// Groups that are explained: the most frequent ones.
pub const MAX_EXPLAINED: usize = 100;

/// A rule for a group of differences. Nothing applies it but people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Advice {
    /// An entry of a `rules:` list, of printable ASCII and line ends alone.
    pub rule: String,
    /// What the differences look like (`id`, `rounding`), where the rule still holds their shape; None: they do not look
    /// like noise, and the rule accepts them as they are.
    pub looks_like: Option<String>,
    /// Why it is this rule. Hostile.
    pub why: String,
}

fn advice(group: &DifferenceGroup, found: &Suggestions, last: Date) -> Option<Advice> {
    let name = group.name();
    if let Some(rule) = found.rules.iter().find(|rule| rule.names.contains(&name)) {
        let looks_like = Some(rule.looks_like.to_owned());
        return Some(Advice { rule: rule.yaml.clone(), looks_like, why: rule.seen.clone() });
    }
    let same = |difference: &&Difference| {
        difference.rule.is_none() && difference.kind == group.kind && general_place(&difference.at) == group.place
    };
    let differences = group.examples.iter().flat_map(|example| &example.differences).filter(same);
    let rule = accepted(&group.endpoint, group.kind, differences, last)?;
    let why = found
        .not_noise
        .iter()
        .find(|not| not.name == name)
        .map_or_else(|| "too little of it is kept to say whether it is noise".to_owned(), |not| not.why.clone());
    Some(Advice { rule, looks_like: None, why })
}

impl Snapshot {
    /// Looks for what tells the mismatches of each group from the other exchanges of its endpoint, among those that are
    /// kept, under the comparer's rules; what is found stands in [`super::DifferenceGroup::explained`].
    pub fn explain(&mut self, comparer: &Comparer) {
        let (specimens, weights) = self.weighted();
        let contrast = Contrast::new(&specimens, &weights, comparer, general_place);
        let mismatched = self.groups.iter_mut().filter(|group| group.class == DifferenceClass::Mismatched);
        for group in mismatched.take(MAX_EXPLAINED) {
            group.explained = Some(contrast.explain(&group.name()));
        }
    }

    /// Puts a rule beside each group that people may copy: the one that covers it where it looks like noise, else one that
    /// accepts it; see [`Advice`]. `today` is the day from which rules are reckoned where no exchange says when it was.
    pub fn advise(&mut self, comparer: &Comparer, today: Date) {
        let specimens: Vec<Specimen> = self.specimens().collect();
        let found = suggest(&specimens, comparer, general_place, today);
        let last = found.expires.parse::<Date>().map_or(today, |day| day.saturating_sub(APPLIES_FOR_DAYS.days()));
        let mismatched = self.groups.iter_mut().filter(|group| group.class == DifferenceClass::Mismatched);
        for group in mismatched.take(MAX_EXPLAINED) {
            group.advice = advice(group, &found, last);
        }
    }

    /// The kept exchanges, and how many each stands for: as many are kept of what is rare as of what is frequent.
    fn weighted(&self) -> (Vec<Specimen>, Vec<f64>) {
        let (mut specimens, mut weights) = (Vec::new(), Vec::new());
        for signature in &self.signatures {
            let faithful = signature.kept.iter().filter(|kept| kept.state == KeptState::Faithful);
            let kept: Vec<Specimen> =
                faithful.filter_map(|kept| kept.specimen(&signature.endpoint).ok().flatten()).collect();
            weights.extend(kept.iter().map(|_| signature.exchanges as f64 / kept.len() as f64));
            specimens.extend(kept);
        }
        (specimens, weights)
    }
}

//! The comparer: what the workers of the pipeline call.

use std::sync::Arc;

use super::{example, outcome};
use crate::exchange::{Comparison, Example, Fate, NotComparable, Observation, Outcome};
use crate::rules::RuleSet;

/// Compares observations under one rule set. It holds nothing that changes, so any number of workers may share it.
#[derive(Debug, Clone)]
pub struct Comparer {
    rules: Arc<RuleSet>,
}

impl Comparer {
    /// Under these rules.
    pub fn new(rules: Arc<RuleSet>) -> Comparer {
        Comparer { rules }
    }

    /// The rules it compares under.
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// The differences of an observation, what the rules say of each, and the one class that it ends in.
    pub fn compare(&self, observation: &Observation) -> Comparison {
        let asked = match &observation.fate {
            Fate::Skipped(reason) => return outcome::without_differences(Outcome::Skipped(*reason)),
            Fate::Asked(asked) => asked,
        };
        match &observation.exchange.request {
            Some(request) => outcome::judge(&self.rules, request, observation.exchange.response.as_ref(), asked),
            // Nothing is asked again whose request is not known.
            None => outcome::without_differences(Outcome::NotComparable(NotComparable::ReferenceFailed)),
        }
    }

    /// The comparison of an observation laid out to be looked at, in bounded texts.
    pub fn example(&self, observation: &Observation, comparison: &Comparison) -> Example {
        example::example(observation, comparison)
    }
}

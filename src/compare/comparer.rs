//! The comparer: what the workers of the pipeline call.

use std::sync::Arc;

use super::findings::hidden_place;
use super::specimen::{self, TooLarge};
use super::{example, outcome};
use crate::exchange::{Comparison, Difference, Example, Fate, Location, NotComparable, Observation, Outcome};
use crate::redact::{Redactor, Veil};
use crate::rules::RuleSet;

/// Compares observations under one rule set. It holds nothing that changes, so any number of workers may share it.
#[derive(Debug, Clone)]
pub struct Comparer {
    rules: Arc<RuleSet>,
    redactor: Arc<Redactor>,
}

impl Comparer {
    /// Under these rules; what it lays out to be looked at goes through this redactor.
    pub fn new(rules: Arc<RuleSet>, redactor: Arc<Redactor>) -> Comparer {
        Comparer { rules, redactor }
    }

    /// One that compares under other rules and hides the same secrets.
    pub fn under(&self, rules: Arc<RuleSet>) -> Comparer {
        Comparer { rules, redactor: Arc::clone(&self.redactor) }
    }

    /// What hides secrets.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// The rules it compares under.
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// The differences of an observation, what the rules say of each, and the one class that it ends in. The texts of the
    /// differences are the real ones and must not leave memory: what is shown comes from [`Comparer::example`]. Their places
    /// have no secrets in them where they are what differences are grouped by.
    pub fn compare(&self, observation: &Observation) -> Comparison {
        self.judged(observation, Some(&|| example::veil(&self.redactor, observation)))
    }

    /// As [`Comparer::compare`], for what nobody is to be shown: the places keep their secrets too, and gathering these,
    /// which takes longer than comparing, is saved.
    pub fn compare_unshown(&self, observation: &Observation) -> Comparison {
        self.judged(observation, None)
    }

    /// A place of an observation's answers as it may be shown: without its secrets.
    pub fn shown_place(&self, observation: &Observation, at: Location) -> Location {
        hidden_place(at, &example::veil(&self.redactor, observation))
    }

    fn judged<'r>(&'r self, observation: &Observation, veil: Option<&dyn Fn() -> Veil<'r>>) -> Comparison {
        let asked = match &observation.fate {
            Fate::Skipped(reason) => return outcome::without_differences(Outcome::Skipped(*reason)),
            Fate::Asked(asked) => asked,
        };
        match &observation.exchange.request {
            Some(request) => outcome::judge(&self.rules, request, observation.exchange.response.as_ref(), asked, veil),
            // Nothing is asked again whose request is not known.
            None => outcome::without_differences(Outcome::NotComparable(NotComparable::ReferenceFailed)),
        }
    }

    /// The comparison of an observation laid out to be looked at, in bounded texts without secrets. Its differences are
    /// the comparison's, one by one.
    pub fn example(&self, observation: &Observation, comparison: &Comparison) -> Example {
        let veil = example::veil(&self.redactor, observation);
        let shown = match (&observation.exchange.request, &observation.fate) {
            (Some(request), Fate::Asked(asked)) if !comparison.differences.is_empty() => {
                outcome::shown(&self.rules, request, observation.exchange.response.as_ref(), asked, &veil)
            }
            _ => Vec::new(),
        };
        example::example(observation, beside(&comparison.differences, shown), &veil)
    }
}

impl Comparer {
    /// The value of a field of the observation's answers without its secrets.
    pub fn header_of(&self, observation: &Observation, name: &str, value: &str) -> String {
        example::veil(&self.redactor, observation).header(name, value)
    }

    /// The observation with marks where its secrets stood, to be kept and compared again. Whether that comparison comes
    /// out as the real one, who keeps it must see for himself: a rule may have looked at what is a mark now.
    ///
    /// # Errors
    /// [`TooLarge`]: it has more text than is kept of an exchange.
    pub fn specimen(&self, observation: &Observation) -> Result<Observation, TooLarge> {
        specimen::specimen(observation, &example::veil(&self.redactor, observation))
    }
}

/// What was found, with the texts and places of what is shown. Both come of the same comparison, so that they go together;
/// what did not would have no text.
fn beside(found: &[Difference], shown: Vec<Difference>) -> Vec<Difference> {
    let mut shown = shown.into_iter();
    let together = |found: &Difference| match shown.next() {
        Some(shown) => Difference { kind: found.kind, rule: found.rule.clone(), ..shown },
        None => Difference { legacy: None, candidate: None, at: Location::Body, ..found.clone() },
    };
    found.iter().map(together).collect()
}

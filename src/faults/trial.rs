//! The trial: specimens in, figures out.

use std::collections::BTreeMap;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use super::FaultKind;
use super::audit::{RuleAudit, Uses};
use super::depth::Depth;
use super::detect::Unnoticed;
use super::trials::{Held, Trials};
use crate::compare::Comparer;
use crate::exchange::{Endpoint, Specimen};

/// Specimens of one endpoint that are looked at: of more of them so many, evenly in the order of the source. So the cost of
/// a trial is bounded, however long a run was.
pub const MAX_SPECIMENS: usize = 32;
/// Endpoints that are looked at, in the order of their names.
pub const MAX_ENDPOINTS: usize = 256;

/// What findings are measured by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// The policy's `gates.rules.hidden_at_most`, as a share.
    pub hidden_at_most: f64,
    /// The day that rules expire by.
    pub today: Date,
}

/// What became of the faults of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct Counted {
    /// Put into answers.
    pub seeded: u64,
    /// Of these, noticed: the exchange mismatched or failed.
    pub noticed: u64,
}

impl Counted {
    /// The share that is noticed; None where there was no fault.
    pub fn share(&self) -> Option<f64> {
        (self.seeded > 0).then(|| self.noticed as f64 / self.seeded as f64)
    }

    pub(super) fn add(self, other: Counted) -> Counted {
        Counted { seeded: self.seeded + other.seeded, noticed: self.noticed + other.noticed }
    }
}

/// What specimens say of the rules that they were compared under.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct Trial {
    /// Specimens that were looked at.
    pub specimens: u64,
    /// Specimens that were not: past a bound, too large, or without two answers that could be read.
    pub left_out: u64,
    /// Specimens whose turn has not come yet, because a run that goes on spends only a share of its time on them.
    pub waiting: u64,
    /// Endpoints all of whose specimens wait.
    pub untried: u64,
    /// By endpoint, in the order of their names.
    pub endpoints: Vec<EndpointTrial>,
    /// Over all endpoints.
    pub depth: Depth,
    /// Every rule, in order.
    pub rules: Vec<RuleAudit>,
}

/// One endpoint's share.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct EndpointTrial {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Specimens that were looked at.
    pub specimens: u64,
    /// Of these, those whose answers agree under the rules: what faults were put into.
    pub sound: u64,
    /// Faults by their kind; kinds for which there was no place are not there.
    pub faults: BTreeMap<FaultKind, Counted>,
    /// Faults that nobody would have noticed, the most frequent first.
    pub unnoticed: Vec<Unnoticed>,
    /// How much of the answers is compared.
    pub depth: Depth,
}

impl EndpointTrial {
    /// All its faults.
    pub fn all(&self) -> Counted {
        self.faults.values().fold(Counted::default(), |sum, counted| sum.add(*counted))
    }
}

impl Trial {
    /// What it says of some endpoints. The rules are still those of all: each may have been tried anywhere.
    pub fn of(&self, which: impl Fn(&Endpoint) -> bool) -> Trial {
        let endpoints: Vec<EndpointTrial> = self.endpoints.iter().filter(|e| which(&e.endpoint)).cloned().collect();
        let mut depth = Depth::default();
        endpoints.iter().for_each(|endpoint| depth.merge(&endpoint.depth));
        let specimens = endpoints.iter().map(|endpoint| endpoint.specimens).sum();
        Trial { specimens, endpoints, depth, ..self.clone() }
    }

    /// All faults.
    pub fn all(&self) -> Counted {
        self.endpoints.iter().fold(Counted::default(), |sum, endpoint| sum.add(endpoint.all()))
    }

    /// Faults by their kind, over all endpoints.
    pub fn by_kind(&self) -> BTreeMap<FaultKind, Counted> {
        let mut kinds: BTreeMap<FaultKind, Counted> = BTreeMap::new();
        for (kind, counted) in self.endpoints.iter().flat_map(|endpoint| &endpoint.faults) {
            let sum = kinds.entry(*kind).or_default();
            *sum = sum.add(*counted);
        }
        kinds
    }
}

/// Puts the rules of a comparer to the test, on these specimens. `uses` is what the whole run says of each rule. None where
/// there are no specimens.
pub fn trial(specimens: &[Specimen], comparer: &Comparer, uses: &Uses, terms: &Terms) -> Option<Trial> {
    let held = |specimen| Held::here(specimen);
    Trials::new(comparer).trial(specimens.iter().map(held).collect(), uses, terms, &mut || true)
}

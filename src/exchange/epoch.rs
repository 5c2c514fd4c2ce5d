//! Epochs: stretches of evidence under one build of the candidate, one set of rules and one policy; and what became of
//! evidence under other rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Endpoint;

/// The epoch that is judged, among those that there are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EpochBooks {
    /// The build of the candidate, in its own words; None: no answer was heard, or builds are not told apart. Empty:
    /// answers that do not say it. Hostile.
    pub build: Option<String>,
    /// Its number, from 1 in the order in which the epochs began.
    pub number: u64,
    /// How many there are.
    pub of: u64,
    /// Answers of this build.
    pub answers: u64,
    /// Answers of other builds at its time: of older ones after its first, and of newer ones before its last.
    pub out_of_turn: u64,
    /// Answers of builds past the bound on builds.
    pub past_bound: u64,
}

/// An epoch that is told of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EpochNote {
    /// Its number, from 1.
    pub number: u64,
    /// The build; see [`EpochBooks::build`].
    pub build: Option<String>,
    /// When its first exchange began, RFC 3339, by the clock of the capture.
    pub first: Option<String>,
    /// When its last one began.
    pub last: Option<String>,
    /// Its exchanges.
    pub exchanges: u64,
    /// Of these, those whose two answers say whether they agree.
    pub compared: u64,
    /// Of the compared, mismatched.
    pub mismatched: u64,
    /// The beginning of the digest of its rules.
    pub rules: String,
    /// The policy file; None: the defaults.
    pub policy: Option<String>,
}

/// How well counts under other rules are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Rescoring {
    /// Exchanges of which it is known: no rule that has changed could concern them, or they were compared again.
    pub exact: u64,
    /// Exchanges that take what those say that were compared again of their signature: by place and kind alone, which are the
    /// same in all of them.
    pub inferred: u64,
    /// Exchanges that are not kept, and of which the new rules answer by values.
    pub unknown: u64,
}

impl Rescoring {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.exact + self.inferred + self.unknown
    }

    /// The share that is not known.
    pub fn unknown_share(&self) -> f64 {
        if self.total() == 0 { 0.0 } else { self.unknown as f64 / self.total() as f64 }
    }
}

/// What other rules made of the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Rescored {
    /// Rules that are in force now and were not, by id.
    pub added: Vec<Arc<str>>,
    /// Rules that were in force and are not.
    pub removed: Vec<Arc<str>>,
    /// Rules that say something else than they did.
    pub changed: Vec<Arc<str>>,
    /// Whether rules that stayed are asked in another order.
    pub reordered: bool,
    /// How well the new counts are known.
    pub known: Rescoring,
    /// Outcomes of all endpoints together, before.
    pub before: BTreeMap<String, u64>,
    /// And after.
    pub after: BTreeMap<String, u64>,
    /// The endpoints whose outcomes are others now.
    pub endpoints: Vec<EndpointChange>,
    /// What came out otherwise: the largest parts.
    pub moves: Vec<Move>,
    /// The verdict under the rules that were in force, and the same gates.
    pub verdict_before: String,
}

/// One endpoint's outcomes under the old rules and under the new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointChange {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Exchanges by outcome, before.
    pub before: BTreeMap<String, u64>,
    /// And after.
    pub after: BTreeMap<String, u64>,
}

/// Exchanges of one signature that came out otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Move {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// What they were.
    pub from: String,
    /// What they are.
    pub to: String,
    /// How many.
    pub exchanges: u64,
    /// How many of the signature's exchanges were compared again.
    pub asked_of: u64,
    /// Of how many.
    pub all: u64,
}

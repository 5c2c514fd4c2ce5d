//! Exchanges that are kept whole, to be compared again.

use super::{Endpoint, Observation};

/// An exchange with both answers, kept so that it can be compared again: under other rules, without one of them, or with
/// a fault put into the candidate's answer. What is kept on a disk has no secrets; the same secret has the same mark on
/// both sides, so that it compares as before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Specimen {
    /// What it is counted under.
    pub endpoint: Endpoint,
    /// The exchange and what was answered; always asked.
    pub observation: Observation,
}

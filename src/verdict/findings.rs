//! What stands out among the endpoints: no gate, but where to look first.

use serde::Serialize;

use super::clusters::widening;
use super::holm;
use super::interval::share_at_least;
use super::rates::Evidence;
use crate::config::MismatchGate;
use crate::exchange::Endpoint;

/// One endpoint that was asked, against the limit of the mismatch gate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Mismatches among the compared.
    pub mismatched: u64,
    /// Compared.
    pub compared: u64,
    /// The chance of so many mismatches or more if its share were exactly the limit, for one look at it alone; clients
    /// counted in as they cluster.
    pub p_value: f64,
    /// The same for one of all the endpoints that were compared (Holm).
    pub adjusted: f64,
    /// Whether it is above the limit for certain enough: adjusted at most 1 - confidence.
    pub above_limit: bool,
}

/// Every endpoint of which something was compared. Nothing where the limit is none (0, or 1 and more).
pub(super) fn findings(evidence: &Evidence<'_>, gate: &MismatchGate) -> Vec<Finding> {
    let (limit, confidence) = (gate.below, gate.confidence);
    if limit <= 0.0 || limit >= 1.0 {
        return Vec::new();
    }
    let compared: Vec<_> = evidence.endpoints.iter().filter(|e| e.compared > 0).collect();
    let p_values: Vec<f64> = compared
        .iter()
        .map(|e| {
            let widening = widening(&e.clients, limit, confidence);
            share_at_least(e.mismatched as f64 / widening, e.compared as f64 / widening, limit)
        })
        .collect();
    let each = compared.iter().zip(&p_values).zip(holm::adjusted(&p_values));
    each.map(|((e, p_value), adjusted)| Finding {
        endpoint: e.endpoint.clone(),
        mismatched: e.mismatched,
        compared: e.compared,
        p_value: *p_value,
        adjusted,
        above_limit: adjusted <= 1.0 - confidence,
    })
    .collect()
}

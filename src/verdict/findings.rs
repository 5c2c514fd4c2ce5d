//! What stands out among the endpoints: no gate, but where to look first.

use schemars::JsonSchema;
use serde::Serialize;

use super::bounds::Bounds;
use super::clusters::widening;
use super::holm;
use super::rates::{EndpointEvidence, Evidence};
use crate::config::{Looks, MismatchGate};
use crate::exchange::Endpoint;

/// One endpoint that was asked, against the limit of the mismatch gate.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Finding {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The limit: its own, or everybody's.
    pub limit: f64,
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

/// Every endpoint of which something was compared.
pub(super) fn findings(evidence: &Evidence<'_>, gate: &MismatchGate) -> Vec<Finding> {
    let confidence = gate.confidence;
    let limit_of = |e: &EndpointEvidence<'_>| {
        gate.endpoints.iter().find(|own| own.endpoint.means(e.endpoint)).map_or(gate.below, |own| own.limit)
    };
    let compared: Vec<_> = evidence.endpoints.iter().filter(|e| e.compared > 0).collect();
    let p_values: Vec<f64> = compared
        .iter()
        .map(|e| {
            let limit = limit_of(e);
            let widening = widening(&e.counted.clients, limit, confidence);
            Bounds { looks: Looks::Once, confidence, limit, widening }.p_above(e.mismatched, e.compared)
        })
        .collect();
    let each = compared.iter().zip(&p_values).zip(holm::adjusted(&p_values));
    each.map(|((e, p_value), adjusted)| Finding {
        endpoint: e.endpoint.clone(),
        limit: limit_of(e),
        mismatched: e.mismatched,
        compared: e.compared,
        p_value: *p_value,
        adjusted,
        above_limit: adjusted <= 1.0 - confidence,
    })
    .collect()
}

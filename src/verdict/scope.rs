//! What a limit is asked of: endpoints with one of their own, each by itself, and the others together or each.

use crate::config::{EndpointLimit, Scope};
use crate::exchange::Endpoint;
use crate::tally::Clustering;

use super::rates::{EndpointEvidence, Evidence};
use super::{Gate, GateResult, GateState};

/// Endpoints that are judged together, against one limit.
pub(super) struct Part<'a> {
    /// None: the traffic as a whole, or what is left of it.
    pub(super) endpoint: Option<&'a Endpoint>,
    pub(super) endpoints: Vec<&'a EndpointEvidence<'a>>,
    /// How their mismatches lie on clients.
    pub(super) clients: Clustering,
    pub(super) limit: f64,
}

pub(super) struct Parts<'a> {
    pub(super) parts: Vec<Part<'a>>,
    /// Limits of endpoints of which nothing was asked.
    unmet: Vec<&'a EndpointLimit>,
}

impl<'a> Part<'a> {
    /// One endpoint.
    pub(super) fn one(evidence: &'a EndpointEvidence<'a>, limit: f64) -> Part<'a> {
        let clients = evidence.counted.clients;
        Part { endpoint: Some(evidence.endpoint), endpoints: vec![evidence], clients, limit }
    }

    /// A reason that begins with the endpoint.
    pub(super) fn named(&self, reason: String) -> String {
        match self.endpoint {
            Some(endpoint) => format!("{endpoint}: {reason}"),
            None => reason,
        }
    }

    /// All that has no limit of its own.
    fn whole(evidence: &'a Evidence<'a>, endpoints: Vec<&'a EndpointEvidence<'a>>, limit: f64) -> Part<'a> {
        let snapshot = evidence.snapshot;
        let clients = match endpoints.len() == evidence.endpoints.len() {
            true => snapshot.clients,
            false => snapshot.client_groups.over(endpoints.iter().map(|e| e.endpoint)),
        };
        Part { endpoint: None, endpoints, clients, limit }
    }
}

impl<'a> Parts<'a> {
    /// The first limit that means an endpoint holds for it. What nothing was asked of is no part; where nothing was asked
    /// at all, there is one part, the empty whole, so that every gate says something.
    pub(super) fn of(evidence: &'a Evidence<'a>, each: Scope, limit: f64, limits: &'a [EndpointLimit]) -> Parts<'a> {
        let (mut parts, mut others, mut met) = (Vec::new(), Vec::new(), vec![false; limits.len()]);
        for endpoint in &evidence.endpoints {
            match limits.iter().position(|limit| limit.endpoint.means(endpoint.endpoint)) {
                Some(at) if endpoint.asked => {
                    met[at] = true;
                    parts.push(Part::one(endpoint, limits[at].limit));
                }
                Some(_) => {}
                None => others.push(endpoint),
            }
        }
        let asked = others.iter().filter(|e| e.asked);
        match each {
            Scope::Endpoint => parts.extend(asked.map(|e| Part::one(e, limit))),
            Scope::Whole if asked.count() > 0 => parts.push(Part::whole(evidence, others, limit)),
            Scope::Whole => {}
        }
        if parts.is_empty() {
            parts.push(Part::whole(evidence, Vec::new(), limit));
        }
        Parts { parts, unmet: limits.iter().zip(met).filter(|(_, met)| !met).map(|(limit, _)| limit).collect() }
    }

    /// What is said of limits that nothing was held against: somebody named an endpoint, and there is no evidence of it.
    pub(super) fn unmet(&self, gate: Gate) -> Vec<GateResult> {
        let result = |limit: &&EndpointLimit| GateResult {
            gate,
            endpoint: Some(limit.endpoint.endpoint()),
            state: GateState::NotEnough,
            figure: None,
            bound: None,
            limit: Some(limit.limit),
            sample: 0,
            method: "a limit of its own, by the endpoint's name".to_owned(),
            reason: format!("{}: it has a limit of its own, and no request of it was asked.", limit.endpoint),
            remedy: Some(
                "requests of this endpoint that may be sent, or the name under which its requests are counted"
                    .to_owned(),
            ),
        };
        self.unmet.iter().map(result).collect()
    }
}

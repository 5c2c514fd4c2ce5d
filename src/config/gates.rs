//! The gates: what the evidence must show for GO.

use std::time::Duration;

use super::AgeGate;
use crate::exchange::EndpointPattern;

/// What must hold for GO.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Gates {
    /// Share of compared exchanges that mismatch.
    pub mismatch_rate: MismatchGate,
    /// A quantile of the candidate's latency against the legacy's.
    pub latency: LatencyGate,
    /// Share of sent requests that the candidate failed.
    pub candidate_errors: ShareGate,
    /// Share of exchanges that the capture lost.
    pub loss: ShareGate,
    /// How much evidence there must be.
    pub coverage: CoverageGate,
    /// How much the rules may hide, and how much they must notice.
    pub rules: RulesGate,
    /// How old the evidence may be.
    pub age: AgeGate,
}

/// Another limit for the endpoints that a pattern names; the first that matches holds.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointLimit {
    /// Which endpoints, by their templates.
    pub endpoint: EndpointPattern,
    /// The limit: a share, or a multiple.
    pub limit: f64,
}

/// The upper bound of the mismatch rate must be below a limit.
#[derive(Debug, Clone, PartialEq)]
pub struct MismatchGate {
    /// The limit, as a share: 0.001 is 0.1 %.
    pub below: f64,
    /// One-sided confidence of the bound, as a share.
    pub confidence: f64,
    /// What the limit is asked of.
    pub each: Scope,
    /// How often the evidence is looked at; None: once where it was recorded, any number of times where it is live.
    pub looks: Option<Looks>,
    /// The window: only its latest so much is judged, and so much must be covered; None: all there is.
    pub over: Option<Duration>,
    /// Endpoints with a limit of their own: each is judged by itself, and left out of the others' whole.
    pub endpoints: Vec<EndpointLimit>,
}

impl Default for MismatchGate {
    fn default() -> Self {
        MismatchGate {
            below: 0.001,
            confidence: 0.95,
            each: Scope::Whole,
            looks: None,
            over: None,
            endpoints: Vec::new(),
        }
    }
}

/// How often a run is judged before it is decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looks {
    /// At one time that was settled beforehand.
    Once,
    /// At any time, and as often as anybody likes, stopping when it pleases.
    Any,
}

/// What a limit is asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All traffic together.
    Whole,
    /// Every endpoint by itself.
    Endpoint,
}

/// A quantile of the candidate's latency must be at most a multiple of the legacy's.
#[derive(Debug, Clone, PartialEq)]
pub struct LatencyGate {
    /// The quantile: 0.95 is p95.
    pub quantile: f64,
    /// The multiple.
    pub at_most: f64,
    /// What the limit is asked of.
    pub each: Scope,
    /// Endpoints with a multiple of their own, each judged by itself.
    pub endpoints: Vec<EndpointLimit>,
}

impl Default for LatencyGate {
    fn default() -> Self {
        LatencyGate { quantile: 0.95, at_most: 1.10, each: Scope::Whole, endpoints: Vec::new() }
    }
}

/// A share must be below a limit.
#[derive(Debug, Clone, PartialEq)]
pub struct ShareGate {
    /// The limit, as a share.
    pub below: f64,
}

impl Default for ShareGate {
    fn default() -> Self {
        ShareGate { below: 0.001 }
    }
}

/// How many compared exchanges each endpoint must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverageGate {
    /// The least number.
    pub requests_per_endpoint: u64,
    /// Days (UTC) on each of which something was compared; 0: not asked.
    pub days: u32,
    /// Hours of the day (UTC), of 24, in each of which something was compared, on whatever day; 0: not asked.
    pub hours: u32,
    /// The least number for each status class that an endpoint of the legacy answers with; 0: not asked.
    pub requests_per_status_class: u64,
    /// Endpoints that are not part of this cutover: whatever is known of them is in no gate's figures, and GO, which does not
    /// hold for them, names them.
    pub except: Vec<EndpointPattern>,
}

impl Default for CoverageGate {
    fn default() -> Self {
        CoverageGate {
            requests_per_endpoint: 3000,
            days: 0,
            hours: 0,
            requests_per_status_class: 0,
            except: Vec::new(),
        }
    }
}

/// How much the rules may hide, and how much they must notice.
#[derive(Debug, Clone, PartialEq)]
pub struct RulesGate {
    /// The largest share of the values that the legacy answered whose change no rule would let pass as a mismatch.
    pub hidden_at_most: f64,
    /// The least share of the seeded faults that must be noticed.
    pub faults_detected: f64,
}

impl Default for RulesGate {
    fn default() -> Self {
        RulesGate { hidden_at_most: 0.05, faults_detected: 0.95 }
    }
}

//! What the policy file means: everything that a run may do, and what it must show to be GO.
//!
//! The reader of `tapcompare.yaml` makes these from what was written; every field has a default, so that a run
//! without a policy file is a run under [`Policy::default`].

mod read;
mod redaction;
mod safety;
mod target;
mod units;
mod written;

pub use read::{ConfigError, MAX_POLICY, from_text, read};
pub use redaction::Redaction;
pub use safety::{
    Backoff, Breaker, Credentials, Limits, OpenEndpoint, Replacement, Safety, Sample, SampleBy, SlowLimit, Treatment,
    When,
};
pub use target::TargetError;
pub use units::{in_flight, timeout};

use std::path::PathBuf;

use crate::exchange::EndpointPattern;

/// The whole policy.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Policy {
    /// What is cut over; shown in the report.
    pub capability: Option<String>,
    /// Whose decision it is; shown in the report.
    pub owner: Option<String>,
    /// Who may be asked.
    pub targets: Targets,
    /// What may be asked.
    pub safety: Safety,
    /// How paths become endpoints.
    pub endpoints: Endpoints,
    /// Rule files, in order, relative paths already made relative to the policy file's folder.
    pub rules: Vec<PathBuf>,
    /// What must hold for GO.
    pub gates: Gates,
    /// Which values are secrets, beside those that are known to be.
    pub redaction: Redaction,
}

/// The only addresses that a run opens connections to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Targets {
    /// The new implementation.
    pub candidate: Option<Target>,
    /// The live legacy, where it is to be asked too.
    pub legacy: Option<Target>,
}

/// One address to ask: `http://host[:port][/base/path]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Host name or address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Put before each request's path: empty, or begins with `/` and does not end with it.
    pub base_path: String,
}

/// How paths become endpoints.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Endpoints {
    /// Variable segments are learnt from the paths.
    #[default]
    Learned,
    /// Given; a path that fits none of them is learnt.
    Templates(Vec<EndpointPattern>),
}

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
}

impl Default for MismatchGate {
    fn default() -> Self {
        MismatchGate { below: 0.001, confidence: 0.95, each: Scope::Whole, looks: None }
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
}

impl Default for LatencyGate {
    fn default() -> Self {
        LatencyGate { quantile: 0.95, at_most: 1.10 }
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
}

impl Default for CoverageGate {
    fn default() -> Self {
        CoverageGate { requests_per_endpoint: 3000 }
    }
}

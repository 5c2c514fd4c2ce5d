//! What the policy file means: everything that a run may do, and what it must show to be GO.
//!
//! The reader of `tapcompare.yaml` makes these from what was written; every field has a default, so that a run
//! without a policy file is a run under [`Policy::default`].

mod age;
mod block;
mod checklist;
mod gates;
mod limits;
mod openapi;
mod read;
mod redaction;
mod safety;
mod target;
mod units;
mod written;

pub use age::AgeGate;
pub use checklist::{ChecklistItem, Signature};
pub use gates::{CoverageGate, EndpointLimit, Gates, LatencyGate, Looks, MismatchGate, RulesGate, Scope, ShareGate};
pub use limits::lax;
pub use openapi::{DocumentedStatus, MAX_DOCUMENT, OpenApi, Operation};
pub use read::{ConfigError, MAX_POLICY, examine, from_text, read, read_to_keep};
pub use redaction::Redaction;
pub use safety::{
    Backoff, Breaker, Credentials, Limits, OpenEndpoint, Replacement, Safety, Sample, SampleBy, SlowLimit, Treatment,
    When,
};
pub use target::TargetError;
pub use units::{in_flight, timeout};
pub use written::MAX_TEMPLATES;

pub(crate) use block::without_block;
pub(crate) use read::too_much;

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
    /// Endpoints of which each must be shown to be ready by itself, whatever the gates ask of the whole.
    pub critical: Vec<EndpointPattern>,
    /// What people must have signed before GO.
    pub checklist: Vec<ChecklistItem>,
    /// What says which build of the candidate has answered.
    pub build: BuildMark,
    /// What makes requests one client's, where mismatches cluster.
    pub clients: ClientMark,
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

/// What says which build of the candidate has answered: a change begins a new epoch of the evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildMark {
    /// A header of its answers, by its lower-case name.
    Header(String),
    /// Nothing: all evidence is of one build.
    Off,
}

impl Default for BuildMark {
    fn default() -> Self {
        BuildMark::Header("server".to_owned())
    }
}

/// What makes requests one client's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ClientMark {
    /// The address they come from.
    #[default]
    Address,
    /// The value of a request header, by its lower-case name; the address where a request has none.
    Header(String),
}

/// How paths become endpoints.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Endpoints {
    /// Variable segments are learnt from the paths.
    #[default]
    Learned,
    /// Given; a path that fits none of them is learnt.
    Templates(Vec<EndpointPattern>),
    /// The operations of an OpenAPI document; a path that fits none of them is learnt.
    OpenApi(OpenApi),
}

impl Endpoints {
    /// The templates that are given, in the order in which they are asked: the first that matches a request is its
    /// endpoint's.
    pub fn given(&self) -> Vec<&EndpointPattern> {
        match self {
            Endpoints::Learned => Vec::new(),
            Endpoints::Templates(patterns) => patterns.iter().collect(),
            Endpoints::OpenApi(document) => document.operations.iter().map(|o| &o.endpoint).collect(),
        }
    }
}

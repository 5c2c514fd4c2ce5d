//! How a run was made: what stands beside the counts in every report and in the run file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How the run was made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RunFacts {
    /// The version of tapcompare.
    pub version: String,
    /// What is cut over.
    pub capability: Option<String>,
    /// Whose decision it is.
    pub owner: Option<String>,
    /// The captures, as they were named.
    pub sources: Vec<String>,
    /// The candidate's address.
    pub candidate: String,
    /// The live legacy's address, where it was asked.
    pub legacy: Option<String>,
    /// `original`, `2x`, `max`.
    pub pace: String,
    /// The policy file; None: the defaults.
    pub policy: Option<String>,
    /// When the run began, RFC 3339.
    pub started: String,
    /// When it ended.
    pub finished: String,
    /// Why it ended before the captures did.
    pub stopped_early: Option<String>,
    /// Limits that were in force, by name, with their units.
    pub limits: BTreeMap<String, String>,
    /// The stretches of evidence that were put together, in the order of their start; empty where there is one only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stretches: Vec<StretchNote>,
}

/// One stretch of evidence: a process that ran from here to there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StretchNote {
    /// The run file it is kept in.
    pub file: String,
    /// When it began, RFC 3339.
    pub started: String,
    /// When it was written for the last time.
    pub last_written: String,
    /// Whether it came to its end; else it was killed, or goes on.
    pub finished: bool,
    /// Its exchanges.
    pub exchanges: u64,
    /// Of these, those under way when it was killed.
    pub interrupted: u64,
}

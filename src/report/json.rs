//! The report as one JSON object.

use serde::Serialize;

use crate::exchange::RuleNote;
use crate::faults::Trial;
use crate::tally::Snapshot;
use crate::verdict::Verdict;

use super::overhead::Overhead;
use super::{Report, RunFacts, SCHEMA_VERSION};

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    #[serde(flatten)]
    verdict: &'a Verdict,
    facts: &'a RunFacts,
    #[serde(skip_serializing_if = "Option::is_none")]
    overhead: Option<Overhead>,
    rules: &'a [RuleNote],
    snapshot: &'a Snapshot,
}

pub(super) fn render(report: &Report<'_>) -> serde_json::Result<String> {
    serde_json::to_string(&Document {
        schema_version: SCHEMA_VERSION,
        verdict: report.verdict,
        facts: report.facts,
        overhead: Overhead::of(report),
        rules: report.rules,
        snapshot: report.snapshot,
    })
}

#[derive(Serialize)]
struct Audit<'a> {
    schema_version: u32,
    rules: &'a [RuleNote],
    trial: &'a Trial,
}

pub(super) fn audit(trial: &Trial, rules: &[RuleNote]) -> serde_json::Result<String> {
    serde_json::to_string(&Audit { schema_version: SCHEMA_VERSION, rules, trial })
}

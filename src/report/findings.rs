//! Endpoints that stand out, as the tables mark them.

use super::Report;
use crate::exchange::Endpoint;
use crate::verdict::words::{count, counted};

/// Whether an endpoint is above the limit for certain enough to be pointed at.
pub(super) fn stands_out(report: &Report<'_>, endpoint: &Endpoint) -> bool {
    report.verdict.findings.iter().any(|f| f.above_limit && f.endpoint == *endpoint)
}

/// What the mark of those says; None where there is none.
pub(super) fn standing_out(report: &Report<'_>) -> Option<String> {
    let findings = &report.verdict.findings;
    let above = findings.iter().filter(|f| f.above_limit).count() as u64;
    let verb = if above == 1 { "is" } else { "are" };
    let of = counted(findings.len() as u64, "endpoint");
    (above > 0).then(|| {
        format!(
            "{} of {of} {verb} above the limit of mismatches by more than chance among so many (Holm)",
            count(above)
        )
    })
}

//! What our own client adds to the candidate's latencies, beside the gate that judges these.

use schemars::JsonSchema;
use serde::Serialize;

use super::Report;
use crate::exchange::OverheadNote;
use crate::verdict::Gate;
use crate::verdict::words::{count, latency, percent, quantile};

/// From this share of what the margin allows on, it is told as large: half of the allowed excess would then be ours.
const LARGE: f64 = 0.5;

/// What was measured, against the legacy's latency.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(super) struct Overhead {
    /// What was measured.
    #[serde(flatten)]
    note: OverheadNote,
    /// Of the quantile at which, or below which, the gate judges: 0.5, 0.95 or 0.99.
    quantile: f64,
    /// That quantile in shares of the legacy's at the gate's; None where the legacy has none.
    of_legacy: Option<f64>,
    /// Whether it is so much of the margin that the ratio is unfair to the candidate.
    large: bool,
    /// It in one sentence.
    told: String,
}

impl Overhead {
    /// None where it was not measured.
    pub(super) fn of(report: &Report<'_>) -> Option<Overhead> {
        let note = report.facts.overhead.clone()?;
        let asked = report.verdict.latency_quantile;
        let (q, ours) = match asked {
            q if q <= 0.5 => (0.5, note.p50_us),
            q if q <= 0.95 => (0.95, note.p95_us),
            _ => (0.99, note.p99_us),
        };
        let legacy = report.snapshot.latency.legacy.quantile(asked);
        let of_legacy = legacy.map(|legacy| ours as f64 / legacy.max(1) as f64);
        let limit = report.verdict.gates.iter().find(|g| g.gate == Gate::Latency).and_then(|g| g.limit);
        // With a live legacy, both sides went through this client.
        let both = report.facts.legacy.is_some();
        let allowed = limit.map_or(0.0, |limit| (limit - 1.0).max(0.0));
        let large = of_legacy.is_some_and(|share| share > 0.0 && share >= LARGE * allowed);
        let mut told = format!(
            "our own client adds {} at {} ({} at p50, {} at p99), measured at the start with {} requests to a null server",
            latency(ours),
            quantile(q),
            latency(note.p50_us),
            latency(note.p99_us),
            count(note.requests)
        );
        if let Some(share) = of_legacy.filter(|_| large) {
            let whose = match both {
                true => "on both sides, so that the ratio is nearer to 1 than it would be without",
                false => {
                    "in the candidate's latencies alone, so that the ratio is unfair to the candidate by about as much"
                }
            };
            told.push_str(&format!(
                "; that is {} of the legacy's {}, {whose}; nothing was subtracted",
                percent(share),
                quantile(asked)
            ));
        }
        Some(Overhead { note, quantile: q, of_legacy, large, told })
    }

    /// In one sentence, without its full stop.
    pub(super) fn told(&self) -> &str {
        &self.told
    }

    /// Whether it is to be marked.
    pub(super) fn is_large(&self) -> bool {
        self.large
    }
}

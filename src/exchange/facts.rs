//! How a run was made: what stands beside the counts in every report and in the run file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::epoch::{EpochNote, Rescored};
use super::figures::{count, counted};

/// How the run was made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
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
    /// What safety did on its own, where requests were sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admission: Option<AdmissionNote>,
    /// What our own client adds to a latency, measured before the run; None where it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overhead: Option<OverheadNote>,
    /// What became of the spans of shadow requests, where a collector was to have them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spans: Option<SpanNote>,
    /// The stretches of evidence that were put together, in the order of their start; empty where there is one only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stretches: Vec<StretchNote>,
    /// The epochs of the evidence, in the order in which they began; empty where there is one only. The one that is judged
    /// is in the snapshot.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub epochs: Vec<EpochNote>,
    /// What has become of the evidence under other rules than were in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rescored: Option<Rescored>,
}

/// How long our own client and a null server on loopback take for a request.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OverheadNote {
    /// How many were measured.
    pub requests: u64,
    /// Their median in microseconds.
    pub p50_us: u64,
    /// Of 95 %.
    pub p95_us: u64,
    /// Of 99 %.
    pub p99_us: u64,
}

/// What became of the spans of shadow requests that were sampled: each in one class.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SpanNote {
    /// Where they went.
    pub collector: String,
    /// The collector took them.
    pub sent: u64,
    /// There was no place in the queue.
    pub dropped: u64,
    /// The collector could not be reached, or said no, or did not answer in time.
    pub failed: u64,
    /// The collector answered that it did not take them.
    pub rejected: u64,
    /// Not sent yet; 0 at a run's end.
    pub waiting: u64,
}

impl SpanNote {
    /// A sentence: how many were sent, and what became of the others.
    pub fn line(&self) -> String {
        let lost =
            [("dropped (the queue was full)", self.dropped), ("failed", self.failed), ("rejected", self.rejected)];
        let lost: Vec<String> =
            lost.iter().filter(|(_, n)| *n > 0).map(|(what, n)| format!("{} {what}", count(*n))).collect();
        let others = if lost.is_empty() { String::new() } else { format!("; not there: {}", lost.join(", ")) };
        format!("{} sent to {}{others}", counted(self.sent, "span"), self.collector)
    }
}

/// What the breaker, the backoff and the sandbox agreement did of themselves.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AdmissionNote {
    /// The breaker; None where the run had none.
    pub breaker: Option<BreakerNote>,
    /// Whether less was sent at the end than the policy allows, because the candidate had slowed down.
    pub backing_off: bool,
    /// Sandboxed endpoints that were closed, each with the reason.
    pub closed_sandboxes: Vec<String>,
}

/// What the breaker did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct BreakerNote {
    /// `closed`, `open` or `half-open`, at the end.
    pub state: String,
    /// How often it opened.
    pub opened: u64,
    /// How often it closed again.
    pub closed: u64,
    /// Milliseconds for which it was not closed.
    pub open_ms: u64,
    /// Why it opened last: `errors` or `latency`.
    pub cause: Option<String>,
}

impl AdmissionNote {
    /// What is worth telling, a sentence each; nothing where nothing happened.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(breaker) = self.breaker.as_ref().filter(|breaker| breaker.opened > 0) {
            let times = |n: u64| if n == 1 { "once".to_owned() } else { format!("{} times", count(n)) };
            let why = breaker.cause.as_deref().unwrap_or("errors");
            let seconds = count(breaker.open_ms.div_ceil(1000));
            let (opened, closed, state) = (times(breaker.opened), times(breaker.closed), &breaker.state);
            let closed =
                if breaker.closed == 0 { "never closed again".to_owned() } else { format!("closed again {closed}") };
            lines.push(format!(
                "the breaker opened {opened} (last because of {why}), {closed}, and was open for {seconds} s; it is {state}"
            ));
        }
        if self.backing_off {
            lines.push("at the end less was sent than the policy allows, because the candidate had slowed down".into());
        }
        lines.extend(self.closed_sandboxes.iter().map(|closed| format!("closed for the run: {closed}")));
        lines
    }
}

/// One stretch of evidence: a process that ran from here to there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_has_its_units_and_separators() {
        let spans = SpanNote { collector: "http://c".into(), sent: 12_345, dropped: 6_789, ..SpanNote::default() };
        assert_eq!(spans.line(), "12,345 spans sent to http://c; not there: 6,789 dropped (the queue was full)");
        let one = SpanNote { collector: "http://c".into(), sent: 1, ..SpanNote::default() };
        assert_eq!(one.line(), "1 span sent to http://c");
        let breaker = BreakerNote { state: "open".into(), opened: 1_200, closed: 1, open_ms: 4_000_000, cause: None };
        let note = AdmissionNote { breaker: Some(breaker), ..AdmissionNote::default() };
        let told = "the breaker opened 1,200 times (last because of errors), closed again once, and was open for 4,000 s; it is open";
        assert_eq!(note.lines(), [told]);
    }
}

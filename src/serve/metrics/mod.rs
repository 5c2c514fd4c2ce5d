//! `/metrics`: the books of one view as Prometheus reads them. Nothing is counted here: every figure is the ledger's.
//!
//! Names follow Prometheus' conventions: the prefix `tapcompare_`, base units, `_total` on what only grows. What is not
//! settled yet is in no counter ([`crate::ledger::Ledger::settled`]), and counters are of all builds of the candidate, so no
//! counter of a run is ever smaller than before. What is judged (the verdict, its gates, ratios) is of the latest build
//! alone, and `tapcompare_epoch` says which that is. Of a run file that is served, counters are of the epoch that is shown.
//! No label has a path or a value in it: endpoints are named by their templates, which have been through the redactor,
//! and only so many of them (`names`).

mod endpoints;
mod latency;
mod ledger;
mod names;
mod run;
mod write;

use std::sync::Arc;

use bytes::Bytes;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, prometheus_protobuf, prometheus_text, text};
use prometheus_client::registry::Registry;

pub(super) use names::Names;
pub use names::{MAX_NAMED_ENDPOINTS, OVERFLOW};

use super::board::Phase;
use super::view::View;
use write::Writer;

/// How the figures are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Exposition {
    /// Prometheus' text format, which everybody reads.
    Text,
    /// OpenMetrics 1.0 as text.
    OpenMetrics,
    /// Prometheus' protobuf messages, the only form in which latencies are native histograms too. A Prometheus asks for it
    /// where it was told to take native histograms.
    Protobuf,
}

impl Exposition {
    /// The richest of what the fields `Accept` name.
    pub(super) fn wanted<'a>(accept: impl Iterator<Item = &'a str>) -> Exposition {
        let accept: Vec<&str> = accept.flat_map(|line| line.split(',')).collect();
        let names = |words: &[&str]| accept.iter().any(|one| words.iter().all(|word| one.contains(word)));
        if names(&["application/vnd.google.protobuf", "io.prometheus.client.MetricFamily", "delimited"]) {
            Exposition::Protobuf
        } else if names(&["application/openmetrics-text"]) {
            Exposition::OpenMetrics
        } else {
            Exposition::Text
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Exposition::Text => "text/plain; version=0.0.4; charset=utf-8",
            Exposition::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Exposition::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }
}

/// All figures of a view.
#[derive(Debug)]
struct Figures {
    view: Arc<View>,
    names: Names,
    phase: Phase,
}

impl Collector for Figures {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut out = Writer::new(encoder);
        run::write(&mut out, &self.view, self.phase)?;
        ledger::write(&mut out, &self.view)?;
        let (judged, counted) = (&self.view.snapshot, self.view.counted());
        endpoints::write(&mut out, judged, counted, &self.names)?;
        latency::write(&mut out, counted, &self.names)
    }
}

/// The figures written; None where they cannot be, which no figure is.
pub(super) fn exposed(view: &Arc<View>, names: Names, phase: Phase, exposition: Exposition) -> Option<Bytes> {
    let mut registry = Registry::with_prefix("tapcompare");
    registry.register_collector(Box::new(Figures { view: Arc::clone(view), names, phase }));
    let mut text = String::new();
    match exposition {
        Exposition::Text => prometheus_text::encode(&mut text, &registry).ok()?,
        Exposition::OpenMetrics => text::encode(&mut text, &registry).ok()?,
        Exposition::Protobuf => return prometheus_protobuf::encode_to_vec(&registry).ok().map(Bytes::from),
    }
    Some(Bytes::from(text))
}

#[cfg(test)]
mod tests;

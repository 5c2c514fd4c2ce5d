//! Spans of shadow requests, for an OpenTelemetry collector: OTLP as protobuf over HTTP.
//!
//! A span is an addition to what somebody else traces and never evidence: whatever becomes of it is counted
//! ([`SpanNote`](crate::exchange::SpanNote)), and nothing waits for it. Its parent is the W3C trace context of the
//! captured request, which the shadow request keeps, so that legacy, candidate and span stand in one trace. Of the path it
//! has the endpoint's template, and of neither side any value.
//!
//! What goes out, where and how much of it is asked of [`Settings`]; without the cargo feature `otlp` there is nothing
//! behind them, and [`Traces::open`] says so.

mod settings;

#[cfg(feature = "otlp")]
mod collector;
#[cfg(feature = "otlp")]
mod exporter;
#[cfg(feature = "otlp")]
mod parent;
#[cfg(feature = "otlp")]
mod tracer;

#[cfg(not(feature = "otlp"))]
mod absent;

#[cfg(not(feature = "otlp"))]
pub use absent::{Exporter, Span, Tracer};
#[cfg(feature = "otlp")]
pub use exporter::Exporter;
pub use settings::{IS_BUILT_IN, MAX_TIMEOUT, Settings, TracesError};
#[cfg(feature = "otlp")]
pub use tracer::{Span, Tracer};

use crate::config::Target;

/// What makes spans, and what sends them.
#[derive(Debug)]
pub struct Traces {
    /// Decides which shadow requests have a span, and makes it.
    pub tracer: Tracer,
    /// Sends them.
    pub exporter: Exporter,
}

impl Traces {
    /// Whatever the settings ask for; nothing is connected to yet.
    ///
    /// # Errors
    /// [`TracesError`]: this build has no OTLP, or a variable of its environment makes no sense.
    pub fn open(settings: &Settings, candidate: &Target, legacy: Option<&Target>) -> Result<Traces, TracesError> {
        Ok(Traces { tracer: Tracer::new(settings), exporter: Exporter::open(settings, candidate, legacy)? })
    }
}

/// What became of the spans of one batch that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// The collector took them, but for so many that it rejected.
    Taken {
        /// Of the batch, not taken.
        rejected: u64,
    },
    /// It could not be reached, or said no. Why, in words.
    Failed(String),
}

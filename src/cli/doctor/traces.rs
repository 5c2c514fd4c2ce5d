//! The collector of spans that the environment names: whether `--otlp` would find it.

use super::Check;
use super::targets::{accepts, addresses};
use crate::traces::{IS_BUILT_IN, Settings, TracesError};

const NAME: &str = "traces";
/// What a machine has that sends traces somewhere.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// Nothing where the environment names no collector: then only a flag can. A connection is opened and closed again.
pub(super) fn collector(variable: impl Fn(&str) -> Option<String>) -> Option<Check> {
    ENDPOINTS.into_iter().find(|name| variable(name).is_some_and(|value| !value.trim().is_empty()))?;
    if !IS_BUILT_IN {
        let way_out = "cargo install tapcompare --features otlp, where spans are wanted";
        return Some(Check::warn(NAME, "a collector is named, and this build has no OTLP", way_out));
    }
    let collector = match Settings::read(None, None, variable) {
        Ok(Some(settings)) => settings.collector,
        Ok(None) => return Some(Check::warn(NAME, "OTEL_SDK_DISABLED is set: no span is sent", "unset it")),
        Err(error) => return Some(Check::fail(NAME, error.to_string(), way_out(&error))),
    };
    Some(match addresses(&collector).and_then(|found| accepts(&found)) {
        Ok(address) => {
            Check::ok(NAME, format!("--otlp sends spans to {collector}, which accepts connections at {address}"))
        }
        // A run goes on without its spans.
        Err(refused) => Check::warn(
            NAME,
            format!("--otlp sends spans to {collector}, which cannot be reached ({refused})"),
            "is the collector running, and is there a way to it from here?",
        ),
    })
}

fn way_out(error: &TracesError) -> &'static str {
    match error {
        TracesError::Endpoint { .. } => "name it as http://host:4318",
        _ => "correct the variable, or unset it",
    }
}

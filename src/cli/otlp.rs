//! `--otlp`: spans of shadow requests for an OpenTelemetry collector.

use std::env;

use super::Trouble;
use crate::traces::{IS_BUILT_IN, Settings, TracesError};

/// Where spans go, and how many.
#[derive(Debug, clap::Args)]
pub(super) struct OtlpFlag {
    /// Send a span of each shadow request to this OpenTelemetry collector (OTLP as protobuf over HTTP) [default: what
    /// OTEL_EXPORTER_OTLP_ENDPOINT says, else http://localhost:4318]
    #[arg(long, value_name = "URL", num_args = 0..=1, require_equals = true)]
    otlp: Option<Option<String>>,
    /// The share of requests without a trace of their own that have a span, 0 to 1; where one has a `traceparent`, its
    /// sampled flag decides [default: what OTEL_TRACES_SAMPLER says, else 1]
    #[arg(long, value_name = "SHARE", requires = "otlp", value_parser = share)]
    otlp_ratio: Option<f64>,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "a share from 0 to 1, such as 0.1".to_owned())
}

impl OtlpFlag {
    /// None where no span is wanted.
    pub(super) fn checked(&self, dry_run: bool) -> Result<Option<Settings>, Trouble> {
        let Some(address) = &self.otlp else { return Ok(None) };
        if !IS_BUILT_IN {
            return Err(TracesError::NotBuiltIn.into());
        }
        if dry_run {
            return Err(
                "--otlp sends spans of what was asked, and --dry-run asks nothing: leave one of them out".into()
            );
        }
        let settings = Settings::read(address.as_deref(), self.otlp_ratio, |name| env::var(name).ok())?;
        if settings.is_none() {
            tracing::warn!("OTEL_SDK_DISABLED is set: no span is sent");
        }
        Ok(settings)
    }
}

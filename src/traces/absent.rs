//! In the place of spans where the feature `otlp` is not built in: values that there cannot be.

use std::convert::Infallible;
use std::time::{Duration, SystemTime};

use super::Sent;
use super::settings::{Settings, TracesError};
use crate::config::Target;
use crate::exchange::{Endpoint, Observation, Outcome};

/// There is none in this build.
#[derive(Debug)]
pub struct Span(Infallible);

/// Makes nothing.
#[derive(Debug)]
pub struct Tracer(());

/// There is none in this build.
#[derive(Debug)]
pub struct Exporter(Infallible);

impl Span {
    /// The number of its endpoint.
    pub fn endpoint(&self) -> u32 {
        match self.0 {}
    }
}

impl Tracer {
    pub(super) fn new(_: &Settings) -> Tracer {
        Tracer(())
    }

    /// None.
    pub fn spans(&self, _: &Observation, _: Outcome, _: SystemTime) -> impl Iterator<Item = Span> {
        std::iter::empty()
    }
}

impl Exporter {
    pub(super) fn open(_: &Settings, _: &Target, _: Option<&Target>) -> Result<Exporter, TracesError> {
        Err(TracesError::NotBuiltIn)
    }

    /// Where spans would go.
    pub fn collector(&self) -> &str {
        match self.0 {}
    }

    /// Sends nothing.
    pub async fn send(&self, _: Vec<Span>, _: &[Endpoint], _: Duration) -> Sent {
        match self.0 {}
    }
}

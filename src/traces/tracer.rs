//! From an observation to its spans: which are sampled, and what they say.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{
    IdGenerator, RandomIdGenerator, Sampler, SamplingDecision, ShouldSample, SpanData, SpanEvents, SpanLinks,
};

use super::parent;
use super::settings::Settings;
use crate::config::Target;
use crate::exchange::{Answer, Endpoint, Failed, Fate, Observation, Outcome};

/// What stands for a method that no standard knows, in spans as the semantic conventions have it.
const OTHER_METHOD: &str = "_OTHER";
/// The methods of RFC 9110 and RFC 5789.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
/// Characters of a template in an attribute; a longer one is cut.
const MAX_TEMPLATE: usize = 200;

/// Who was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Candidate,
    Legacy,
}

/// A span before its endpoint's template is known. Small: many may wait.
#[derive(Debug)]
pub struct Span {
    /// The captured request's, or an empty one.
    parent: SpanContext,
    trace: TraceId,
    state: TraceState,
    endpoint: u32,
    asked: Asked,
    /// When it was due.
    started: SystemTime,
    took: Duration,
    /// The answer's status, or the failure.
    came: Result<u16, &'static str>,
    /// The legacy's, as captured.
    recorded: Option<u16>,
    /// The class, and its reason where it has one.
    outcome: (&'static str, &'static str),
}

impl Span {
    /// The number of its endpoint.
    pub fn endpoint(&self) -> u32 {
        self.endpoint
    }
}

/// Decides which shadow requests have a span, and makes it.
#[derive(Debug)]
pub struct Tracer {
    sampler: Sampler,
}

impl Tracer {
    pub(super) fn new(settings: &Settings) -> Tracer {
        let ratio = Sampler::TraceIdRatioBased(settings.ratio);
        Tracer { sampler: if settings.parent_based { Sampler::ParentBased(Box::new(ratio)) } else { ratio } }
    }

    /// The spans of one exchange: that of the candidate, and of the live legacy where it was asked too. `started` is when
    /// they were due. None where nothing was sent, or the trace is not sampled.
    pub fn spans(
        &self,
        observation: &Observation,
        outcome: Outcome,
        started: SystemTime,
    ) -> impl Iterator<Item = Span> {
        self.sampled(observation, outcome, started).into_iter().flatten().flatten()
    }

    fn sampled(&self, observation: &Observation, outcome: Outcome, started: SystemTime) -> Option<[Option<Span>; 2]> {
        let (Fate::Asked(asked), Some(request)) = (&observation.fate, &observation.exchange.request) else {
            return None;
        };
        let context = parent::of(&request.headers);
        let parent = context.span().span_context().clone();
        let trace = if parent.is_valid() { parent.trace_id() } else { RandomIdGenerator::default().new_trace_id() };
        let decided = self.sampler.should_sample(Some(&context), trace, "", &SpanKind::Client, &[], &[]);
        if decided.decision != SamplingDecision::RecordAndSample {
            return None;
        }
        let span = |who, came: &Result<Answer, Failed>| Span {
            parent: parent.clone(),
            trace,
            state: decided.trace_state.clone(),
            endpoint: observation.endpoint,
            asked: who,
            started,
            took: came.as_ref().map_or_else(|failed| failed.after, |answer| answer.latency),
            came: came.as_ref().map(|answer| answer.response.status).map_err(|failed| failed.failure.as_str()),
            recorded: observation.exchange.response.as_ref().map(|response| response.status),
            outcome: words(outcome),
        };
        let legacy = asked.legacy.as_ref().map(|came| span(Asked::Legacy, came));
        Some([Some(span(Asked::Candidate, &asked.candidate)), legacy])
    }
}

/// An outcome's class and reason.
fn words(outcome: Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Matched => ("matched", ""),
        Outcome::Accepted => ("accepted", ""),
        Outcome::Mismatched => ("mismatched", ""),
        Outcome::Noisy => ("noisy", ""),
        Outcome::Drifted => ("drifted", ""),
        Outcome::NotComparable(why) => ("not-comparable", why.as_str()),
        Outcome::Failed(why) => ("failed", why.as_str()),
        Outcome::Skipped(why) => ("skipped", why.as_str()),
    }
}

/// What is the same in all spans of a run.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) candidate: Target,
    pub(super) legacy: Option<Target>,
    pub(super) scope: InstrumentationScope,
}

impl Scene {
    /// The whole span. Attributes as the semantic conventions for HTTP client spans have them (version 1.40); the template
    /// stands under both of its names, that of clients and that of servers.
    pub(super) fn data(&self, span: Span, endpoint: Option<&Endpoint>) -> SpanData {
        let method = endpoint.map_or(OTHER_METHOD, |endpoint| {
            METHODS.into_iter().find(|known| *known == endpoint.method).unwrap_or(OTHER_METHOD)
        });
        let template: String = endpoint.map_or("", |endpoint| &endpoint.template).chars().take(MAX_TEMPLATE).collect();
        // For a method without a name the conventions want HTTP.
        let name = format!("{} {template}", if method == OTHER_METHOD { "HTTP" } else { method });
        let (role, server) = match span.asked {
            Asked::Candidate => ("candidate", Some(&self.candidate)),
            Asked::Legacy => ("legacy", self.legacy.as_ref()),
        };
        let mut attributes = vec![
            KeyValue::new("http.request.method", method),
            KeyValue::new("http.route", template.clone()),
            KeyValue::new("url.template", template),
            KeyValue::new("tapcompare.asked", role),
            KeyValue::new("tapcompare.outcome", span.outcome.0),
        ];
        if let Some(server) = server {
            attributes.push(KeyValue::new("server.address", server.host.clone()));
            attributes.push(KeyValue::new("server.port", i64::from(server.port)));
        }
        if !span.outcome.1.is_empty() {
            attributes.push(KeyValue::new("tapcompare.outcome.reason", span.outcome.1));
        }
        if let Some(recorded) = span.recorded {
            attributes.push(KeyValue::new("tapcompare.legacy.status_code", i64::from(recorded)));
        }
        if let Ok(status) = span.came {
            attributes.push(KeyValue::new("http.response.status_code", i64::from(status)));
        }
        let wrong: Option<Cow<'static, str>> = match span.came {
            Ok(status) if status >= 400 => Some(status.to_string().into()),
            Ok(_) => None,
            Err(failure) => Some(failure.into()),
        };
        let mut status = Status::Unset;
        if let Some(wrong) = wrong {
            // What a status code says needs no description.
            status = Status::error(if span.came.is_ok() { "" } else { wrong.as_ref() }.to_owned());
            attributes.push(KeyValue::new("error.type", wrong.into_owned()));
        }
        let id = RandomIdGenerator::default().new_span_id();
        SpanData {
            span_context: SpanContext::new(span.trace, id, TraceFlags::SAMPLED, false, span.state),
            parent_span_id: if span.parent.is_valid() { span.parent.span_id() } else { SpanId::INVALID },
            parent_span_is_remote: span.parent.is_valid(),
            span_kind: SpanKind::Client,
            name: name.trim_end().to_owned().into(),
            start_time: span.started,
            end_time: span.started + span.took,
            attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status,
            instrumentation_scope: self.scope.clone(),
        }
    }
}

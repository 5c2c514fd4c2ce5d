//! The two answers of a specimen as trees, for what their differences alone do not tell.

use serde_json::Value;

use crate::compare::body::{self, BodyKind};
use crate::compare::decode;
use crate::exchange::{Fate, Observation, Response, Segment};
use crate::rules::Decimal;

/// Bytes of a body that is looked into. Groups of larger ones have fewer facts, and no suggestion hangs on a body alone.
pub(super) const MAX_LOOKED_INTO: usize = 1 << 20;

/// Both answers, as far as they are JSON.
#[derive(Debug, Default)]
pub(super) struct Answers {
    pub(super) legacy: Option<Value>,
    pub(super) candidate: Option<Value>,
}

impl Answers {
    /// Of a specimen's reference and candidate.
    pub(super) fn of(observation: &Observation) -> Answers {
        let (legacy, candidate) = responses(observation);
        Answers { legacy: legacy.and_then(tree), candidate: candidate.and_then(tree) }
    }
}

/// The reference and the candidate's answer: the reference is the live legacy's answer where there is one.
pub(super) fn responses(observation: &Observation) -> (Option<&Response>, Option<&Response>) {
    let recorded = observation.exchange.response.as_ref();
    let Fate::Asked(asked) = &observation.fate else { return (recorded, None) };
    let live = asked.legacy.as_ref().and_then(|live| live.as_ref().ok()).map(|answer| &answer.response);
    (live.or(recorded), asked.candidate.as_ref().ok().map(|answer| &answer.response))
}

/// A JSON body as a tree; None for what is none, or too large.
pub(super) fn tree(response: &Response) -> Option<Value> {
    let text = decode::decode(response.headers.get_all("content-encoding"), &response.body.bytes).ok()?;
    if text.len() > MAX_LOOKED_INTO {
        return None;
    }
    match body::kind(response.headers.get("content-type"), &text) {
        BodyKind::Json => serde_json::from_slice(&text).ok(),
        BodyKind::JsonLines => serde_json::from_slice(&body::as_array(&text)?).ok(),
        BodyKind::Text | BodyKind::Bytes => None,
    }
}

/// The value at a path.
pub(super) fn at<'v>(document: &'v Value, path: &[Segment]) -> Option<&'v Value> {
    path.iter().try_fold(document, |value, segment| match segment {
        Segment::Key(name) => value.as_object()?.get(name),
        Segment::Index(index) => value.as_array()?.get(*index),
    })
}

/// The text of a scalar: of a string its contents, of a number how it is written.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A text that two values have in common just where they mean the same: members sorted, numbers by value.
pub(super) fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut parts: Vec<String> = members
                .iter()
                .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), canonical(value)))
                .collect();
            parts.sort();
            format!("{{{}}}", parts.join(","))
        }
        Value::Array(elements) => format!("[{}]", elements.iter().map(canonical).collect::<Vec<_>>().join(",")),
        Value::Number(number) => {
            let text = number.to_string();
            Decimal::parse(&text).map_or(text, |decimal| format!("{decimal:?}"))
        }
        other => other.to_string(),
    }
}

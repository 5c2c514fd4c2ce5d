//! The trace that a captured request belongs to (W3C Trace Context, Recommendation of 23 November 2021).

use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;

use crate::exchange::Headers;

const PARENT: &str = "traceparent";
const STATE: &str = "tracestate";
/// Bytes of a tracestate that must be passed on (section 3.3.1.5); a longer one is left out.
const MAX_STATE: usize = 512;
/// A traceparent of version 00 has 55; of a later one only the beginning is read.
const MAX_PARENT: usize = 128;

/// The two fields as a propagator wants them.
struct Fields {
    parent: String,
    state: Option<String>,
}

impl Extractor for Fields {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            PARENT => Some(&self.parent),
            STATE => self.state.as_deref(),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec![PARENT, STATE]
    }
}

/// The context of a captured request; an empty one where it has none, two, or one that makes no sense.
pub(super) fn of(headers: &Headers) -> Context {
    let none = Context::new();
    let mut parents = headers.get_all(PARENT);
    let (Some(parent), None) = (parents.next(), parents.next()) else { return none };
    let Some(parent) = text(parent, MAX_PARENT) else { return none };
    // Several fields are one list (section 3.3.1).
    let states: Vec<&str> = headers.get_all(STATE).filter_map(|value| text(value, MAX_STATE)).collect();
    let state = Some(states.join(",")).filter(|state| !state.is_empty() && state.len() <= MAX_STATE);
    TraceContextPropagator::new().extract_with_context(&none, &Fields { parent: parent.to_owned(), state })
}

fn text(value: &[u8], most: usize) -> Option<&str> {
    std::str::from_utf8(value)
        .ok()
        .filter(|text| text.len() <= most && text.bytes().all(|b| (b' '..=b'~').contains(&b)))
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TraceContextExt;

    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    /// Trace, span, whether it is sampled, and the state.
    fn read(fields: &[(&str, &str)]) -> Option<(String, String, bool, String)> {
        let headers: Headers = fields.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let context = of(&headers);
        let span = context.span().span_context().clone();
        let state = span.trace_state().header();
        span.is_valid().then(|| (span.trace_id().to_string(), span.span_id().to_string(), span.is_sampled(), state))
    }

    #[test]
    fn the_context_of_a_captured_request_is_read_as_the_recommendation_has_it() {
        let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736".to_owned(), "00f067aa0ba902b7".to_owned());
        let state = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";
        let found = read(&[
            ("Traceparent", GOOD),
            ("tracestate", "rojo=00f067aa0ba902b7"),
            ("tracestate", "congo=t61rcWkgMzE"),
        ]);
        assert_eq!(found, Some((trace.clone(), span.clone(), true, state.to_owned())));
        let not_sampled = GOOD.replace("-01", "-00");
        assert_eq!(read(&[("traceparent", &not_sampled)]), Some((trace, span, false, String::new())));
    }

    #[test]
    fn what_makes_no_sense_is_no_context() {
        let long = format!("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-{}", "x".repeat(200));
        for wrong in [
            "",
            "x",
            "00-0-0-01",
            &GOOD.to_uppercase(),
            &GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            &long,
        ] {
            assert_eq!(read(&[("traceparent", wrong)]), None, "{wrong:?}");
        }
        assert_eq!(read(&[("traceparent", GOOD), ("traceparent", GOOD)]), None, "two are none");
        assert_eq!(read(&[]), None);
        let much = format!("a={}", "x".repeat(600));
        assert_eq!(
            read(&[("traceparent", GOOD), ("tracestate", &much)]).unwrap().3,
            "",
            "too long a state is left out"
        );
        assert_eq!(read(&[("traceparent", GOOD), ("tracestate", "a=\u{1b}[2J")]).unwrap().3, "");
    }
}

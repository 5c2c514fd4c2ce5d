//! One comparison laid out to be looked at: only for the few that are kept.

use std::borrow::Cow;

use serde_json::Value;

use super::body::{self, BodyKind};
use super::{bodies, bytes, decode, patch, text};
use crate::exchange::{Comparison, Example, Fate, Observation, Request, Response};

/// Bytes of each side's body that an example shows.
pub const MAX_EXAMPLE_TEXT: usize = 4 << 10;
/// Bytes of a method and target.
const MAX_REQUEST: usize = 1 << 10;
/// Larger JSON is shown as it came, not laid out in lines.
const MAX_LAID_OUT: usize = 256 << 10;

/// The example of a comparison.
pub(super) fn example(observation: &Observation, comparison: &Comparison) -> Example {
    let exchange = &observation.exchange;
    let (reference, candidate) = answers(observation);
    let request = exchange.request.as_ref();
    let (ours, theirs) = (reference.and_then(|r| content(request, r)), candidate.and_then(|c| content(request, c)));
    let mut example = Example {
        sequence: observation.sequence,
        started: exchange.moments.started().map(|time| time.to_string()),
        request: request.map_or(String::new(), line),
        status: (reference.map_or(0, |r| r.status), candidate.map_or(0, |c| c.status)),
        differences: comparison.differences.clone(),
        patch: None,
        text_diff: None,
        legacy: ours.as_ref().map_or(String::new(), |content| content.beginning(None)),
        candidate: match (&theirs, &observation.fate) {
            (Some(content), _) => content.beginning(ours.as_ref()),
            (None, Fate::Asked(asked)) => {
                asked.candidate.as_ref().err().map_or(String::new(), |f| f.failure.to_string())
            }
            (None, Fate::Skipped(skip)) => skip.to_string(),
        },
    };
    if let (Some(ours), Some(theirs)) = (&ours, &theirs)
        && ours.decoded != theirs.decoded
    {
        if ours.is_json() {
            example.patch = patch::patch(&ours.decoded, &theirs.decoded);
        }
        if let (None, Some(a), Some(b)) = (&example.patch, ours.text(), theirs.text()) {
            example.text_diff = Some(text::unified(a, b));
        }
    }
    example
}

/// The reference and the candidate's answer, as far as there are such.
fn answers(observation: &Observation) -> (Option<&Response>, Option<&Response>) {
    let recorded = observation.exchange.response.as_ref();
    match &observation.fate {
        Fate::Skipped(_) => (recorded, None),
        Fate::Asked(asked) => {
            let live = asked.legacy.as_ref().and_then(|answer| answer.as_ref().ok()).map(|answer| &answer.response);
            (live.or(recorded), asked.candidate.as_ref().ok().map(|answer| &answer.response))
        }
    }
}

fn line(request: &Request) -> String {
    let mut line = format!("{} {}", request.method, request.target_text());
    if line.len() > MAX_REQUEST {
        line.truncate(text::boundary(&line, MAX_REQUEST));
        line.push('…');
    }
    line
}

/// A decoded body. Where it cannot be decoded, it is shown as it came.
struct Content<'a> {
    media: Option<&'a [u8]>,
    decoded: Cow<'a, [u8]>,
}

fn content<'a>(request: Option<&Request>, response: &'a Response) -> Option<Content<'a>> {
    if !bodies::has_content(request.map_or("GET", |r| &r.method), response.status) {
        return None;
    }
    let body: &[u8] = &response.body.bytes;
    let decoded = decode::decode(bodies::codings(response), body).unwrap_or(Cow::Borrowed(body));
    Some(Content { media: bodies::content_type(response), decoded })
}

impl Content<'_> {
    fn is_json(&self) -> bool {
        body::kind(self.media, &self.decoded) == BodyKind::Json
    }

    fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.decoded).ok()
    }

    /// What it says, where it is JSON that is small enough to be laid out: a tree of 16 MiB of text takes 300 MB.
    fn json(&self) -> Option<Value> {
        let small = self.decoded.len() <= MAX_LAID_OUT && self.is_json();
        if small { serde_json::from_slice(&self.decoded).ok() } else { None }
    }

    /// JSON laid out in lines, its members in the order of `beside`; other text as it is, bytes by digest.
    fn beginning(&self, beside: Option<&Content<'_>>) -> String {
        let laid_out = || {
            let mut value = self.json()?;
            if let Some(model) = beside.and_then(Content::json) {
                arrange(&mut value, &model);
            }
            serde_json::to_string_pretty(&value).ok()
        };
        let Some(text) = self.text() else { return bytes::digest(&self.decoded) };
        let text = laid_out().map_or(Cow::Borrowed(text), Cow::Owned);
        if text.len() <= MAX_EXAMPLE_TEXT {
            return text.into_owned();
        }
        format!("{}\n…", &text[..text::boundary(&text, MAX_EXAMPLE_TEXT)])
    }
}

/// Members in the model's order, and what the model lacks behind them: their order says nothing (RFC 8259, 4), and
/// two texts side by side show it as nothing else but differences. Elements of arrays stay where they are.
fn arrange(value: &mut Value, model: &Value) {
    match (value, model) {
        (Value::Object(members), Value::Object(model)) => {
            let mut rest = std::mem::take(members);
            for (name, model) in model {
                if let Some((name, mut value)) = rest.remove_entry(name) {
                    arrange(&mut value, model);
                    members.insert(name, value);
                }
            }
            members.append(&mut rest);
        }
        (Value::Array(elements), Value::Array(model)) => {
            for (at, element) in elements.iter_mut().enumerate() {
                if let Some(model) = model.get(at).or(model.last()) {
                    arrange(element, model);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::compare::Comparer;
    use crate::exchange::{
        Answer, Asked, Body, Carried, Exchange, Failed, Failure, Headers, Moments, Timestamp, Version,
    };
    use crate::rules::RuleSet;

    fn response(media: &str, body: &[u8]) -> Response {
        let headers = Headers::from_iter([("Content-Type", media.as_bytes())]);
        Response { version: Version::Http11, status: 200, headers, body: Body::whole(body.to_vec()), interim: vec![] }
    }

    fn of(target: &str, legacy: Response, candidate: Result<Response, Failure>) -> Example {
        let request = Request {
            method: "GET".into(),
            target: target.to_owned().into(),
            version: Version::Http11,
            headers: Headers::new(),
            body: Body::default(),
        };
        let candidate = match candidate {
            Ok(response) => Ok(Answer { response, latency: Duration::ZERO }),
            Err(failure) => Err(Failed { failure, after: Duration::ZERO }),
        };
        let observation = Observation {
            sequence: 7,
            endpoint: 0,
            exchange: Exchange {
                client: ([10, 0, 0, 1], 1).into(),
                server: ([10, 0, 0, 2], 80).into(),
                request: Some(request),
                response: Some(legacy),
                interim_only: Vec::new(),
                incomplete: None,
                moments: Moments { request_start: Some(Timestamp(0)), ..Moments::default() },
            },
            fate: Fate::Asked(Box::new(Asked { candidate, legacy: None, credentials: Carried::Nothing })),
        };
        let comparer = Comparer::new(Arc::new(RuleSet::default()));
        comparer.example(&observation, &comparer.compare(&observation))
    }

    #[test]
    fn json_is_laid_out_with_its_patch() {
        let (ours, theirs) = (br#"{"a":1.50,"b":"<script>"}"#, br#"{"a":2,"b":"<script>"}"#);
        let example = of("/a?b", response("application/json", ours), Ok(response("application/json", theirs)));
        assert_eq!((example.sequence, example.started.as_deref()), (7, Some("1970-01-01T00:00:00Z")));
        assert_eq!((&*example.request, example.status), ("GET /a?b", (200, 200)));
        assert_eq!(example.legacy, "{\n  \"a\": 1.50,\n  \"b\": \"<script>\"\n}");
        assert_eq!(example.patch.as_deref(), Some("[\n  {\"op\":\"replace\",\"path\":\"/a\",\"value\":2}\n]"));
        assert_eq!((example.text_diff, example.differences.len()), (None, 1));
    }

    #[test]
    fn members_stand_side_by_side_whatever_their_order() {
        let ours = br#"{"a":1,"b":[{"c":2,"d":3}],"e":4}"#;
        let theirs = br#"{"new":0,"e":5,"b":[{"d":3,"c":2},{"d":1,"c":0}],"a":1}"#;
        let example = of("/", response("application/json", ours), Ok(response("application/json", theirs)));
        let flat: String = example.candidate.split_whitespace().collect();
        assert_eq!(flat, r#"{"a":1,"b":[{"c":2,"d":3},{"c":0,"d":1}],"e":5,"new":0}"#);
    }

    #[test]
    fn text_has_a_unified_diff_and_bytes_a_digest() {
        let example = of("/", response("text/plain", b"a\nb\n"), Ok(response("text/plain", b"a\nc\n")));
        assert!(example.text_diff.is_some_and(|diff| diff.contains("-b\n+c\n")));
        assert_eq!((example.patch, &*example.candidate), (None, "a\nc\n"));
        let example = of("/", response("image/png", b"\xff\0"), Ok(response("image/png", b"\xfe")));
        assert!(example.legacy.starts_with("sha256:") && example.legacy.ends_with("… 2 bytes"));
    }

    #[test]
    fn a_failure_is_named() {
        let example = of("/", response("text/plain", b"a"), Err(Failure::Timeout));
        assert_eq!((&*example.candidate, example.status), ("timeout", (200, 0)));
    }

    #[test]
    fn every_text_is_bounded() {
        let long = "é".repeat(100_000);
        let json = format!("[\"{long}\"]");
        let lines = "x\n".repeat(50_000);
        for (media, ours) in [("application/json", &json), ("text/plain", &lines), ("text/plain", &long)] {
            let theirs = format!("{ours} ");
            let target = format!("/{long}");
            let example = of(&target, response(media, ours.as_bytes()), Ok(response(media, theirs.as_bytes())));
            for text in [&example.legacy, &example.candidate] {
                assert!(text.len() <= MAX_EXAMPLE_TEXT + 8 && text.ends_with('…'), "{}", text.len());
            }
            assert!(example.request.len() <= MAX_REQUEST + 8);
            let rest = example.patch.iter().chain(&example.text_diff).map(String::len).sum::<usize>();
            assert!(rest <= 2 * text::MAX_UNIFIED);
        }
    }
}

//! One comparison laid out to be looked at: only for the few that are kept.

use std::borrow::Cow;

use serde_json::Value;

use super::body::{self, BodyKind};
use super::{asked, bodies, decode, patch, text};
use crate::exchange::{Difference, Example, Fate, Observation, Request, Response};
use crate::redact::{MAX_REDACTED, Redactor, Text, Veil};

/// Bytes of each side's body that an example shows.
pub const MAX_EXAMPLE_TEXT: usize = 4 << 10;
/// Bytes of a body that is too large to be searched of which secrets are looked for, to show its beginning.
const MAX_BEGINNING: usize = 64 << 10;
/// Bytes of a method and target.
const MAX_REQUEST: usize = 1 << 10;
/// Larger JSON is shown as it came, not laid out in lines.
const MAX_LAID_OUT: usize = 256 << 10;

/// What hides the secrets of an observation: all that its request and its answers tell of them.
pub(super) fn veil<'r>(redactor: &'r Redactor, observation: &Observation) -> Veil<'r> {
    let mut gathering = redactor.gather();
    let mut recorded = observation.exchange.response.as_ref();
    if let Some(request) = &observation.exchange.request {
        let body = asked_with(request).unwrap_or_default();
        gathering.request(request, told_in(request.headers.get("content-type"), &body), &body);
    }
    let (reference, candidate) = answers(observation);
    if recorded == reference {
        recorded = None;
    }
    for response in [recorded, reference, candidate].into_iter().flatten() {
        gathering.headers(&response.headers);
        let body = bodies::undone(response).unwrap_or_default();
        gathering.body(told_in(bodies::content_type(response), &body), &body);
    }
    gathering.veil()
}

/// A request's body without its content codings.
pub(super) fn asked_with(request: &Request) -> Option<Cow<'_, [u8]>> {
    if request.body.decoded {
        return Some(Cow::Borrowed(&request.body.bytes));
    }
    decode::decode(request.headers.get_all("content-encoding"), &request.body.bytes).ok()
}

/// How a body tells its secrets; None where it is no text.
pub(super) fn told_in(media: Option<&[u8]>, body: &[u8]) -> Option<Text> {
    match body::kind(media, body) {
        BodyKind::Json | BodyKind::JsonLines => Some(Text::Json),
        BodyKind::Text => Some(bodies::text_kind(media)),
        BodyKind::Bytes => std::str::from_utf8(body).is_ok().then_some(Text::Plain),
    }
}

/// The example of a comparison whose differences, as they are shown, are these.
pub(super) fn example(observation: &Observation, differences: Vec<Difference>, veil: &Veil<'_>) -> Example {
    let exchange = &observation.exchange;
    let (reference, candidate) = answers(observation);
    let request = exchange.request.as_ref();
    let ours = reference.and_then(|answer| content(request, answer, veil));
    let theirs = candidate.and_then(|answer| content(request, answer, veil));
    let mut example = Example {
        sequence: observation.sequence,
        started: exchange.moments.started().map(|time| time.to_string()),
        request: request.map_or(String::new(), |request| line(request, veil)),
        asked: request.map(|request| asked::with(request, veil)).unwrap_or_default(),
        status: (reference.map_or(0, |r| r.status), candidate.map_or(0, |c| c.status)),
        differences,
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
        && !ours.begins
        && !theirs.begins
        && ours.open != theirs.open
    {
        if ours.is_json() {
            example.patch = patch::patch(&ours.open, &theirs.open);
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

fn line(request: &Request, veil: &Veil<'_>) -> String {
    let mut line = format!("{} {}", veil.name(&request.method), veil.target(&request.target));
    if line.len() > MAX_REQUEST {
        line.truncate(text::boundary(&line, MAX_REQUEST));
        line.push('…');
    }
    line
}

/// A decoded body without its secrets.
struct Content<'a> {
    media: Option<&'a [u8]>,
    /// What may be shown as text; where it may not, its digest.
    open: Vec<u8>,
    digest: Option<String>,
    /// It is the beginning of a body that is too large to be searched as a whole.
    begins: bool,
}

fn content<'a>(request: Option<&Request>, response: &'a Response, veil: &Veil<'_>) -> Option<Content<'a>> {
    if !bodies::has_content(request.map_or("GET", |r| &r.method), response.status) {
        return None;
    }
    let media = bodies::content_type(response);
    let body: &[u8] = &response.body.bytes;
    let decoded = bodies::undone(response);
    // What cannot be decoded cannot be searched either.
    let text = decoded.as_ref().ok().filter(|text| std::str::from_utf8(text).is_ok());
    let Some(text) = text else {
        let digest = veil.digest(decoded.as_deref().unwrap_or(body));
        return Some(Content { media, open: Vec::new(), digest: Some(digest), begins: true });
    };
    let begins = text.len() > MAX_REDACTED;
    let shown = if begins { text.get(..MAX_BEGINNING).unwrap_or(text) } else { text };
    let kind = if begins { told_in(media, &[]) } else { told_in(media, text) };
    let hidden = veil.hidden(kind.unwrap_or(Text::Plain), shown, response.body.is_whole() && !begins);
    Some(Content { media, open: hidden.shown().into_owned(), digest: None, begins })
}

impl Content<'_> {
    fn is_json(&self) -> bool {
        body::kind(self.media, &self.open) == BodyKind::Json
    }

    /// As UTF-8, but for a character that a cut went through.
    fn text(&self) -> Option<&str> {
        match (std::str::from_utf8(&self.open), &self.digest) {
            (Ok(text), None) => Some(text),
            (Err(error), None) => std::str::from_utf8(self.open.get(..error.valid_up_to())?).ok(),
            (_, Some(_)) => None,
        }
    }

    /// What it says, where it is JSON that is small enough to be laid out: a tree of 16 MiB of text takes 300 MB.
    fn json(&self) -> Option<Value> {
        let small = self.open.len() <= MAX_LAID_OUT && self.is_json();
        if small { serde_json::from_slice(&self.open).ok() } else { None }
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
        let Some(text) = self.text() else { return self.digest.clone().unwrap_or_default() };
        let text = laid_out().map_or(Cow::Borrowed(text), Cow::Owned);
        if text.len() <= MAX_EXAMPLE_TEXT && !self.begins {
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
    use crate::config::Redaction;
    use crate::exchange::{
        Answer, Asked, Body, Carried, Exchange, Failed, Failure, Headers, Moments, Timestamp, Version,
    };
    use crate::redact::Key;
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
        let redactor = Redactor::new(&Redaction::default(), Key::random().unwrap()).unwrap();
        let redactor = Arc::new(redactor);
        let comparer = Comparer::new(Arc::new(RuleSet::default()), redactor);
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
        assert!(example.legacy.starts_with("hmac:") && example.legacy.ends_with("… 2 bytes"));
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

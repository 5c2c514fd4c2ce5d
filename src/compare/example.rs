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
        legacy: ours.as_ref().map_or(String::new(), Content::beginning),
        candidate: match (&theirs, &observation.fate) {
            (Some(content), _) => content.beginning(),
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
        line.truncate(line.floor_char_boundary(MAX_REQUEST));
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

    /// JSON laid out in lines, other text as it is, bytes by digest.
    fn beginning(&self) -> String {
        let laid_out = || {
            let small = self.decoded.len() <= MAX_LAID_OUT && self.is_json();
            let value: Value = serde_json::from_slice(&self.decoded).ok().filter(|_| small)?;
            serde_json::to_string_pretty(&value).ok()
        };
        let Some(text) = self.text() else { return bytes::digest(&self.decoded) };
        let text = laid_out().map_or(Cow::Borrowed(text), Cow::Owned);
        if text.len() <= MAX_EXAMPLE_TEXT {
            return text.into_owned();
        }
        format!("{}\n…", &text[..text.floor_char_boundary(MAX_EXAMPLE_TEXT)])
    }
}

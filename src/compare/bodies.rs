//! Two bodies: equal bytes end at once; else both are decoded and compared by what they are.

use std::borrow::Cow;
use std::ops::Range;

use super::body::{self, BodyKind};
use super::decode::{self, DecodeError};
use super::findings::{Bench, MAX_JUDGED, MAX_VALUE, shortened};
use super::json::{self, JsonDifference, JsonError};
use super::{bytes, text};
use crate::exchange::{DifferenceKind, Location, NotComparable, Response};
use crate::redact::{Hidden, Text};
use crate::rules::{Documents, Spot};

/// Compares the bodies of two answers to one request.
pub(super) fn compare(method: &str, legacy: &Response, candidate: &Response, bench: &mut Bench<'_>) {
    if !has_content(method, legacy.status) && !has_content(method, candidate.status) {
        return;
    }
    if !legacy.body.is_whole() || !candidate.body.is_whole() {
        return bench.give_up(NotComparable::BodyNotKept);
    }
    if legacy.body.bytes == candidate.body.bytes && codings(legacy).eq(codings(candidate)) {
        return;
    }
    let ours = match undone(legacy) {
        Ok(body) => body,
        Err(DecodeError::TooLarge { .. }) => return bench.give_up(NotComparable::DecodedTooLarge),
        Err(_) => return bench.give_up(NotComparable::Undecodable),
    };
    let theirs = match undone(candidate) {
        Ok(body) => body,
        // The legacy's could be decoded, so this is the candidate's doing.
        Err(error) => {
            let sides = (described(content_type(legacy), &ours), error.to_string());
            return whole(bench, DifferenceKind::Encoding, sides);
        }
    };
    if ours != theirs {
        decoded((content_type(legacy), &ours), (content_type(candidate), &theirs), bench);
    }
}

/// Whether an answer may have content (RFC 9110, section 6.4.1).
pub fn has_content(method: &str, status: u16) -> bool {
    method != "HEAD" && !matches!(status, 100..=199 | 204 | 304)
}

/// The body without its content codings.
pub(super) fn undone(response: &Response) -> Result<Cow<'_, [u8]>, DecodeError> {
    if response.body.decoded {
        return Ok(Cow::Borrowed(&response.body.bytes));
    }
    decode::decode(codings(response), &response.body.bytes)
}

/// The values of the `Content-Encoding` fields.
fn codings(response: &Response) -> impl Iterator<Item = &[u8]> {
    response.headers.get_all("content-encoding")
}

/// The value of the `Content-Type` field.
pub(super) fn content_type(response: &Response) -> Option<&[u8]> {
    response.headers.get("content-type")
}

type Typed<'a> = (Option<&'a [u8]>, &'a [u8]);

/// Two decoded bodies that are not the same bytes. What the legacy's is decides how they are compared.
fn decoded(legacy: Typed<'_>, candidate: Typed<'_>, bench: &mut Bench<'_>) {
    let (ours, theirs) = (legacy.1, candidate.1);
    if ours.is_empty() || theirs.is_empty() {
        let kind = if theirs.is_empty() { DifferenceKind::Missing } else { DifferenceKind::Extra };
        let side = |(media, body): Typed<'_>| (!body.is_empty()).then(|| described(media, body));
        let (ours, theirs) = (side(legacy), side(candidate));
        return bench.note_texts(Location::Body, Spot::Body, kind, (ours.as_deref(), theirs.as_deref()));
    }
    match body::kind(legacy.0, ours) {
        BodyKind::Json => documents(legacy, candidate, ours, theirs, bench),
        BodyKind::JsonLines => match (body::as_array(ours), body::as_array(theirs)) {
            (Some(ours), Some(theirs)) => documents(legacy, candidate, &ours, &theirs, bench),
            (Some(_), None) => not_json(legacy, candidate, bench),
            (None, _) => lines_or_bytes(legacy, candidate, bench),
        },
        BodyKind::Text => lines_or_bytes(legacy, candidate, bench),
        BodyKind::Bytes => other(ours, theirs, bench),
    }
}

fn documents(legacy: Typed<'_>, candidate: Typed<'_>, ours: &[u8], theirs: &[u8], bench: &mut Bench<'_>) {
    let walk = bench.judge.walk();
    let found = match json::diff_up_to(ours, theirs, &walk, MAX_JUDGED) {
        Ok(found) => found,
        Err(JsonError::CandidateNotJson { .. }) => return not_json(legacy, candidate, bench),
        // It says JSON and is none: then it is what it looks like.
        Err(JsonError::LegacyNotJson { .. } | JsonError::BothNotJson) => {
            return lines_or_bytes(legacy, candidate, bench);
        }
        Err(JsonError::TooDeep | JsonError::TooLarge) => return bench.give_up(NotComparable::LimitReached),
    };
    let documents = Documents::new(ours, theirs);
    let hidden = bench.veil.map(|veil| (veil.hidden(Text::Json, ours, true), veil.hidden(Text::Json, theirs, true)));
    for difference in found.rearranged.into_iter().chain(found.differences) {
        let JsonDifference { path, candidate_path, kind, legacy, candidate, legacy_at, candidate_at } = difference;
        let spot = Spot::Json { legacy: &path, candidate: &candidate_path, documents: &documents };
        let sides = (legacy.as_deref(), candidate.as_deref());
        let shown = match &hidden {
            Some((ours, theirs)) => (pieces(ours, &legacy_at), pieces(theirs, &candidate_at)),
            None => (legacy.clone(), candidate.clone()),
        };
        bench.note(Location::Json(path.clone()), spot, kind, sides, shown);
    }
    if found.more > 0 {
        bench.give_up(NotComparable::LimitReached);
    }
}

/// A side of a JSON difference without its secrets; None where there is nothing.
fn pieces(document: &Hidden<'_>, at: &[Range<usize>]) -> Option<String> {
    let piece = |range: &Range<usize>| String::from_utf8_lossy(&document.part(range.clone(), MAX_VALUE)).into_owned();
    (!at.is_empty()).then(|| shortened(&at.iter().map(piece).collect::<Vec<_>>().join(",")))
}

/// The legacy's body is JSON and the candidate's is not.
fn not_json(legacy: Typed<'_>, candidate: Typed<'_>, bench: &mut Bench<'_>) {
    let claims =
        candidate.0.is_some() && matches!(body::kind(candidate.0, candidate.1), BodyKind::Json | BodyKind::JsonLines);
    let kind = if claims { DifferenceKind::Encoding } else { DifferenceKind::Type };
    let broken = match json::validate(candidate.1) {
        Err(at) => format!("{}, no JSON at byte {at}", described(candidate.0, candidate.1)),
        Ok(()) => described(candidate.0, candidate.1),
    };
    whole(bench, kind, (described(legacy.0, legacy.1), broken));
}

fn lines_or_bytes(legacy: Typed<'_>, candidate: Typed<'_>, bench: &mut Bench<'_>) {
    let (ours, theirs) = match (std::str::from_utf8(legacy.1), std::str::from_utf8(candidate.1)) {
        (Ok(ours), Ok(theirs)) => (ours, theirs),
        (Err(_), Err(_)) => return other(legacy.1, candidate.1, bench),
        _ => {
            let sides = (described(legacy.0, legacy.1), described(candidate.0, candidate.1));
            return whole(bench, DifferenceKind::Type, sides);
        }
    };
    let found = text::lines(ours, theirs, MAX_JUDGED);
    let hidden = bench.veil.map(|veil| {
        let (left, right) = (text_kind(legacy.0), text_kind(candidate.0));
        (veil.hidden(left, legacy.1, true), veil.hidden(right, candidate.1, true))
    });
    for line in &found.lines {
        let mut shown = line.shown();
        if let Some((left, right)) = &hidden {
            let (mine, other) = line.sides();
            shown.legacy = mine.map(|line| line_of(left, ours, line));
            shown.candidate = other.map(|line| line_of(right, theirs, line));
        }
        bench.note(shown.at, Spot::Line, shown.kind, line.sides(), (shown.legacy, shown.candidate));
    }
    if found.more > 0 {
        bench.give_up(NotComparable::LimitReached);
    }
}

/// A line without its secrets; `line` is a piece of `text`.
fn line_of(hidden: &Hidden<'_>, text: &str, line: &str) -> String {
    let start = (line.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    let part = hidden.part(start..start + line.len(), text::MAX_SHOWN);
    text::visible(&String::from_utf8_lossy(&part))
}

/// How secrets are told in a body of this media type.
pub(super) fn text_kind(media: Option<&[u8]>) -> Text {
    const FORM: &[u8] = b"application/x-www-form-urlencoded";
    let is_form = media.and_then(|m| m.get(..FORM.len())).is_some_and(|m| m.eq_ignore_ascii_case(FORM));
    if is_form { Text::Form } else { Text::Plain }
}

fn other(ours: &[u8], theirs: &[u8], bench: &mut Bench<'_>) {
    let sides = (bytes::digest(ours), bytes::digest(theirs));
    let Some(veil) = bench.veil else { return whole(bench, DifferenceKind::Value, sides) };
    let shown = (Some(veil.digest(ours)), Some(veil.digest(theirs)));
    bench.note(Location::Body, Spot::Body, DifferenceKind::Value, (Some(&sides.0), Some(&sides.1)), shown);
}

/// A difference of the bodies as wholes.
fn whole(bench: &mut Bench<'_>, kind: DifferenceKind, (legacy, candidate): (String, String)) {
    bench.note_texts(Location::Body, Spot::Body, kind, (Some(&legacy), Some(&candidate)));
}

/// `application/json, 17 bytes`
fn described(media: Option<&[u8]>, body: &[u8]) -> String {
    let media = media.map_or(Cow::Borrowed("no media type"), |media| String::from_utf8_lossy(media));
    format!("{media}, {} bytes", body.len())
}

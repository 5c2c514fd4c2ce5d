//! Faults put into copies of an answer.

use std::ops::Range;

use crate::exchange::{Body, Headers, Location, Response, Specimen};

use super::content::Content;
use super::dice::Dice;
use super::{FaultKind, Laid, seed_headers, seed_json, seed_text, value};

/// Faults of one kind that one specimen gets, each by itself and in another place.
pub const MAX_PLACES: usize = 4;
/// Places that are looked at for a kind: not every place takes every fault.
const MAX_TRIES: usize = 4 * MAX_PLACES;

/// One fault, and the answer that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub kind: FaultKind,
    /// Where it was put: in the candidate's answer.
    pub at: Location,
    /// The answer with the fault, byte for byte the candidate's elsewhere.
    pub response: Response,
}

/// What is to be done to an answer.
#[derive(Debug, Clone)]
pub(super) enum Edit {
    /// Pieces of the body, in their order, and what comes in their place.
    Body(Vec<(Range<usize>, Vec<u8>)>),
    /// The status code.
    Status(u16),
    /// The field at that position is gone.
    WithoutHeader(usize),
    /// It has another value.
    Header(usize, String),
}

/// A place and what is to be done there.
pub(super) type Made = (Location, Edit);

/// Every fault that a specimen gets: of each kind that its answer has a place for, up to [`MAX_PLACES`]. An answer that came
/// out as it was is none of them.
pub fn faults(specimen: &Specimen, laid: &Laid) -> Vec<Fault> {
    let (Some(request), Some(candidate), Some(reference)) = (laid.request(), laid.candidate(), laid.reference()) else {
        return Vec::new();
    };
    let content = Content::of(&request.method, candidate, reference);
    let mut all = Vec::new();
    for kind in FaultKind::ALL {
        let dice = &mut Dice::of(specimen, *kind);
        let made = match kind {
            FaultKind::StatusChanged => {
                vec![(Location::Status, Edit::Status(value::third_status(candidate.status, reference.status)))]
            }
            FaultKind::HeaderLost
            | FaultKind::HeaderChanged
            | FaultKind::CookieAttributeLost
            | FaultKind::CookieAttributeChanged => seed_headers::faults(*kind, candidate, reference, dice),
            _ => match &content {
                Content::Nothing => Vec::new(),
                Content::Json(json) => seed_json::faults(*kind, json, dice),
                Content::Text(text) => seed_text::in_text(*kind, text, dice),
                Content::Bytes(bytes) => seed_text::in_bytes(*kind, bytes, dice),
            },
        };
        let done = made.into_iter().filter_map(|(at, edit)| Some((at, apply(candidate, edit)?)));
        let new = done.filter(|(_, response)| response != candidate);
        all.extend(new.map(|(at, response)| Fault { kind: *kind, at, response }));
    }
    all
}

/// Places by their groups, spread, and what `make` makes of the first of them that take a fault.
pub(super) fn pick(
    groups: &[u64],
    dice: &mut Dice,
    mut make: impl FnMut(usize, &mut Dice) -> Option<Made>,
) -> Vec<Made> {
    let tries = dice.spread(groups, MAX_TRIES);
    tries.into_iter().filter_map(|at| make(at, dice)).take(MAX_PLACES).collect()
}

fn apply(response: &Response, edit: Edit) -> Option<Response> {
    let mut faulty = response.clone();
    match edit {
        Edit::Status(status) => faulty.status = status,
        Edit::WithoutHeader(lost) => {
            let kept = response.headers.iter().enumerate().filter(|(at, _)| *at != lost).map(|(_, field)| field);
            faulty.headers = kept.collect::<Headers>();
        }
        Edit::Header(changed, value) => {
            let fields = response.headers.iter().enumerate();
            let of = |(at, (name, old))| (name, if at == changed { value.as_bytes() } else { old });
            faulty.headers = fields.map(of).collect::<Headers>();
        }
        Edit::Body(pieces) => {
            let old: &[u8] = &response.body.bytes;
            let (mut body, mut behind) = (Vec::with_capacity(old.len() + 16), 0);
            for (range, new) in pieces {
                body.extend_from_slice(old.get(behind..range.start)?);
                body.extend_from_slice(&new);
                behind = range.end;
            }
            body.extend_from_slice(old.get(behind..)?);
            faulty.body = Body { decoded: response.body.decoded, ..Body::whole(body) };
        }
    }
    Some(faulty)
}

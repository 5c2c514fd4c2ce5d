//! What can be wrong with the candidate, by name, and where a comparison must find it.

mod choice;
mod table;

use std::time::Duration;

use super::ask::Ask;
use super::candidate::Draft;
use super::reply::Reply;
use crate::exchange::{DifferenceKind, Failure, Location, pointer};

pub use choice::{DefectError, Defects};

/// One known defect of the candidate.
#[derive(Debug)]
pub struct Defect {
    /// As `--defect` takes it.
    pub name: &'static str,
    /// What is wrong, in one line.
    pub description: &'static str,
    /// The one endpoint that it touches: `GET /orders/{id}`.
    pub endpoint: &'static str,
    /// The share of the endpoint's requests that it touches where none is given: 1 is all of them.
    pub rate: f64,
    /// What must be found, and nothing else.
    pub expected: Expected,
    touch: Touch,
}

/// What a run must find of a defect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Exchanges that mismatch, each in one or more of these places and in none besides.
    Differences(&'static [(Place, DifferenceKind)]),
    /// Exchanges that the candidate failed.
    Failure(Failure),
    /// No difference; each touched answer takes at least this much longer.
    Latency(Duration),
}

/// Where a difference must be: a pattern for [`Location`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The status code.
    Status,
    /// This header, by its lower-case name.
    Header(&'static str),
    /// A JSON Pointer (RFC 6901) in which `*` stands for any one segment.
    Json(&'static str),
    /// Any line of a text.
    Text,
    /// The body as a whole.
    Body,
}

impl Place {
    /// Whether a difference there is the expected one.
    pub fn covers(self, at: &Location) -> bool {
        match (self, at) {
            (Place::Status, Location::Status) | (Place::Text, Location::Text(_)) | (Place::Body, Location::Body) => {
                true
            }
            (Place::Header(name), Location::Header(found)) => name == found,
            (Place::Json(pattern), Location::Json(path)) => covers_pointer(pattern, &pointer(path)),
            _ => false,
        }
    }
}

fn covers_pointer(pattern: &str, found: &str) -> bool {
    let (wanted, found) = (pattern.split('/'), found.split('/'));
    wanted.clone().count() == found.clone().count() && wanted.zip(found).all(|(w, f)| w == "*" || w == f)
}

/// How a defect is done.
#[derive(Debug, Clone, Copy)]
enum Touch {
    /// To a document of status 200.
    Json(fn(&mut serde_json::Value)),
    /// To an answer before it is bytes.
    Draft(fn(&Ask, &mut Draft)),
    /// To the finished answer; also given the body without its content coding.
    Reply(fn(&bytes::Bytes, &mut Reply)),
}

impl Defect {
    /// Every defect there is.
    pub const ALL: &'static [Defect] = table::ALL;

    /// The defect of that name.
    pub fn named(name: &str) -> Option<&'static Defect> {
        Defect::ALL.iter().find(|defect| defect.name == name)
    }

    /// Does its harm to an answer that is not bytes yet.
    pub(super) fn spoil_draft(&self, ask: &Ask, draft: &mut Draft) {
        match self.touch {
            Touch::Json(spoil) => {
                if let super::candidate::Content::Json(value) = &mut draft.content
                    && draft.reply.status == 200
                {
                    spoil(value);
                }
            }
            Touch::Draft(spoil) => spoil(ask, draft),
            Touch::Reply(_) => {}
        }
    }

    /// Does its harm to an answer that is bytes already.
    pub(super) fn spoil_reply(&self, plain: &bytes::Bytes, reply: &mut Reply) {
        if let Touch::Reply(spoil) = self.touch {
            spoil(plain, reply);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{EndpointPattern, Segment};

    #[test]
    fn the_table_is_well_formed() {
        let mut names: Vec<_> = Defect::ALL.iter().map(|d| d.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Defect::ALL.len(), "a name is there twice");
        for defect in Defect::ALL {
            assert!(defect.endpoint.parse::<EndpointPattern>().is_ok(), "{}", defect.endpoint);
            assert!(defect.rate > 0.0 && defect.rate <= 1.0, "{}", defect.name);
            assert!(defect.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
        }
    }

    #[test]
    fn a_star_stands_for_one_segment() {
        let at = |path: &[&str]| {
            Location::Json(path.iter().map(|s| s.parse().map_or(Segment::Key((*s).into()), Segment::Index)).collect())
        };
        assert!(Place::Json("/lines/*/quantity").covers(&at(&["lines", "3", "quantity"])));
        assert!(!Place::Json("/lines/*/quantity").covers(&at(&["lines", "3"])));
        assert!(!Place::Json("/lines/*").covers(&at(&["line", "3"])));
        assert!(!Place::Json("").covers(&Location::Body));
    }
}

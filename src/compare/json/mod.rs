//! Two JSON texts compared by meaning (RFC 8259), without a tree.
//!
//! Equal bytes end at once. Else each text is read once into a flat list of places (`outline`), which also proves
//! it to be JSON; where the candidate's bytes run along with the legacy's, its list is copied instead of read
//! (`scan`). Then the two lists are walked together (`walk`): what is equal by bytes is skipped whole, and a path
//! is built only where a difference is found.
//!
//! What "by meaning" means here:
//!
//! - White space and the order of members do not matter; names and strings are compared decoded. A lone surrogate
//!   (`"\ud800"`) is a value like any other and equals only itself.
//! - Numbers are compared by their exact decimal value, at any length: `1.0`, `1` and `10e-1` are equal,
//!   `10000000000000000999` and `10000000000000001000` are not. `-0` equals `0`, for their decimal value is the same;
//!   a rule that asks for the lexeme tells them apart.
//! - A name that an object has more than once: the occurrences of both sides are compared one by one. Where they all
//!   agree there is no difference; else there is one of kind `duplicate-key`, and the last one's value is what is
//!   compared.
//! - Arrays are aligned, so that an inserted element is one difference and not one for each element behind it.
//!   The same elements in another order are one difference of kind `order`, at the array.
//!
//! JSON is exactly RFC 8259 in UTF-8. A byte order mark is refused, as section 8.1 lets a parser do: clients disagree
//! about it, so a candidate that sends one where the legacy does not is worth a line in the report.

mod align;
mod array;
mod equal;
mod gap;
mod lexeme;
mod meaning;
mod number;
mod object;
mod outline;
mod run;
mod scan;
mod string;
#[cfg(test)]
mod tests;
mod unordered;
mod values;
mod walk;

use std::cell::RefCell;
use std::ops::Range;

use crate::exchange::{DifferenceKind, Segment};

pub(super) use number::equal as number_equal;
use outline::{Node, Outline};
use scan::Fault;
pub use values::{JsonType, JsonValue, path_in, values};

/// How deep arrays and objects may lie in each other. Deeper texts are refused, so that no stack can overflow.
pub const MAX_DEPTH: usize = 512;
/// Bytes of one text, at most.
pub const MAX_TEXT: usize = 64 << 20;
/// Values and names in one text, at most; each costs 16 bytes while its text is compared.
pub const MAX_NODES: usize = 8 << 20;
/// Differences that are kept; the others are counted.
pub const MAX_DIFFERENCES: usize = 100;
/// Bytes of a value's text that are shown.
pub const MAX_SHOWN: usize = 256;
/// Cells that all alignments of one comparison may fill together, before arrays are aligned more coarsely.
pub const ALIGN_BUDGET: usize = 1 << 22;
/// Places whose buffers a thread keeps for its next comparison (1 MiB for each side).
const KEPT_NODES: usize = 1 << 16;

/// What the rules say before the walk: how arrays are to be aligned and numbers to be read at a place.
pub trait Guide {
    /// How the array at this place is to be aligned. For an array in the legacy's text the path is the legacy's,
    /// for one inside an element that only the candidate has the candidate's.
    fn array(&self, path: &[Segment]) -> ArrayMode;
    /// How the number at this place is to be read.
    fn number(&self, path: &[Segment]) -> NumberMode;
    /// True: no place has anything but the defaults, so that the engine need not ask.
    fn is_plain(&self) -> bool {
        false
    }
}

/// How the elements of two arrays find each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ArrayMode {
    /// Order matters.
    #[default]
    Ordered,
    /// A multiset: order does not matter.
    Unordered,
    /// Elements are objects that are identified by the value of the member of this name; order does not matter.
    /// Elements without it are compared as in [`ArrayMode::Unordered`].
    Keyed(String),
}

/// How two numbers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NumberMode {
    /// By exact decimal value.
    #[default]
    Value,
    /// The text counts too: `1.0` and `1` differ, in kind [`DifferenceKind::Lexeme`].
    Lexeme,
}

/// The guide that has nothing to say: ordered arrays, numbers by value.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plain;

impl Guide for Plain {
    fn array(&self, _: &[Segment]) -> ArrayMode {
        ArrayMode::Ordered
    }
    fn number(&self, _: &[Segment]) -> NumberMode {
        NumberMode::Value
    }
    fn is_plain(&self) -> bool {
        true
    }
}

/// One disagreement at one place of two JSON texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonDifference {
    /// The place in the legacy's document; in the candidate's for what only it has.
    pub path: Vec<Segment>,
    /// The place in the candidate's document; where it lacks the value, where that would stand.
    pub candidate_path: Vec<Segment>,
    /// In what way.
    pub kind: DifferenceKind,
    /// The legacy's JSON text there, cut at [`MAX_SHOWN`] bytes with an ellipsis. For a duplicate key all its members.
    pub legacy: Option<String>,
    /// The candidate's.
    pub candidate: Option<String>,
    /// Where the legacy's text stands in the document, whole; for a duplicate key each member.
    pub legacy_at: Vec<Range<usize>>,
    /// Where the candidate's stands in its own.
    pub candidate_at: Vec<Range<usize>>,
}

/// What comparing two texts found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JsonDiff {
    /// The differences in the legacy's order, [`MAX_DIFFERENCES`] at most.
    pub differences: Vec<JsonDifference>,
    /// How many more there were.
    pub more: u64,
    /// Arrays whose elements were brought together in another order because the guide says so: of kind `order`, and no
    /// differences. [`MAX_DIFFERENCES`] at most.
    pub rearranged: Vec<JsonDifference>,
    /// Whether [`ALIGN_BUDGET`] was used up, so that arrays may show more differences than a finer alignment would.
    pub coarse: bool,
}

impl JsonDiff {
    /// Whether the two mean the same.
    pub fn is_empty(&self) -> bool {
        self.differences.is_empty() && self.more == 0
    }
}

/// Why two texts could not be compared as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Only the candidate's text is JSON.
    #[error("the legacy's text is not JSON at byte {at} (RFC 8259)")]
    LegacyNotJson {
        /// Offset of the first byte that does not fit.
        at: usize,
    },
    /// Only the legacy's text is JSON.
    #[error("the candidate's text is not JSON at byte {at} (RFC 8259)")]
    CandidateNotJson {
        /// Offset of the first byte that does not fit.
        at: usize,
    },
    /// Neither text is JSON.
    #[error("neither text is JSON (RFC 8259)")]
    BothNotJson,
    /// A text has arrays and objects inside each other past [`MAX_DEPTH`].
    #[error("a text is deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// A text is longer than [`MAX_TEXT`] or has more than [`MAX_NODES`] values.
    #[error("a text is longer than {MAX_TEXT} bytes or has more than {MAX_NODES} values")]
    TooLarge,
}

thread_local! {
    /// Both sides' buffers, kept between comparisons so that large bodies do not ask the system for memory each time.
    static BUFFERS: RefCell<(Vec<Node>, Vec<Node>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

/// Compares two JSON texts by meaning. Equal bytes are equal, whatever they are: nothing is read then.
pub fn diff(legacy: &[u8], candidate: &[u8], guide: &dyn Guide) -> Result<JsonDiff, JsonError> {
    diff_up_to(legacy, candidate, guide, MAX_DIFFERENCES)
}

/// As [`diff`], keeping another number of differences: rules may answer for very many of one kind, and those behind
/// them must be seen too.
pub fn diff_up_to(legacy: &[u8], candidate: &[u8], guide: &dyn Guide, most: usize) -> Result<JsonDiff, JsonError> {
    if legacy == candidate {
        return Ok(JsonDiff::default());
    }
    let (left, right) = BUFFERS.take();
    let left = scan::outline(legacy, None, left);
    let right = scan::outline(candidate, left.as_ref().ok(), right);
    let (left, right) = both(left, right)?;
    let found = walk::Walk::new(&left, &right, guide, most).run();
    BUFFERS.set((kept(left), kept(right)));
    Ok(found)
}

/// Whether the text is JSON; else the offset of the first byte that does not fit (for a text past a limit: its length).
pub fn validate(text: &[u8]) -> Result<(), usize> {
    let (left, right) = BUFFERS.take();
    let read = scan::outline(text, None, left);
    let answer = read.as_ref().map(|_| ()).map_err(|fault| match fault {
        Fault::NotJson(at) => *at,
        Fault::TooDeep | Fault::TooLarge => text.len(),
    });
    BUFFERS.set((read.map(kept).unwrap_or_default(), right));
    answer
}

fn kept(outline: Outline) -> Vec<Node> {
    let mut nodes = outline.into_nodes();
    if nodes.capacity() > KEPT_NODES {
        return Vec::new();
    }
    nodes.clear();
    nodes
}

fn both<'t>(
    left: Result<Outline<'t>, Fault>,
    right: Result<Outline<'t>, Fault>,
) -> Result<(Outline<'t>, Outline<'t>), JsonError> {
    match (left, right) {
        (Ok(left), Ok(right)) => Ok((left, right)),
        (Err(Fault::TooLarge), _) | (_, Err(Fault::TooLarge)) => Err(JsonError::TooLarge),
        (Err(Fault::TooDeep), _) | (_, Err(Fault::TooDeep)) => Err(JsonError::TooDeep),
        (Err(Fault::NotJson(_)), Err(Fault::NotJson(_))) => Err(JsonError::BothNotJson),
        (Err(Fault::NotJson(at)), Ok(_)) => Err(JsonError::LegacyNotJson { at }),
        (Ok(_), Err(Fault::NotJson(at))) => Err(JsonError::CandidateNotJson { at }),
    }
}

//! What a comparison says: differences, what the rules said of them, and the one class an exchange ends in.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::reason::{Failure, NotComparable, Skip, reasons};

/// One step of a path into a JSON document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// A member of an object, by its decoded name.
    Key(String),
    /// An element of an array, from 0.
    Index(usize),
}

/// Where two answers disagree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Location {
    /// The status code.
    Status,
    /// A header field, by its lower-case name.
    Header(String),
    /// A place in a JSON body. The path is the legacy's document's, and the candidate's for what only it has.
    Json(Vec<Segment>),
    /// A line of a text body, from 1, of the legacy's text.
    Text(usize),
    /// The body as a whole: bytes that are neither JSON nor text, or two bodies of different kinds.
    Body,
}

impl fmt::Display for Location {
    /// `status`, `header content-type`, `body /items/0/price` (RFC 6901; the whole document is `body`), `body line 3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Status => f.write_str("status"),
            Location::Header(name) => write!(f, "header {name}"),
            Location::Json(path) if path.is_empty() => f.write_str("body"),
            Location::Json(path) => write!(f, "body {}", pointer(path)),
            Location::Text(line) => write!(f, "body line {line}"),
            Location::Body => f.write_str("body"),
        }
    }
}

impl Serialize for Location {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Location {
    fn schema_name() -> Cow<'static, str> {
        "Location".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let description = "status; header content-type; body; body /items/0/price (RFC 6901); body line 3. Hostile.";
        json_schema!({"type": "string", "description": description})
    }
}

impl<'de> Deserialize<'de> for Location {
    /// From the same text. What the text does not tell apart comes back as one of the two: a member named `0` as the
    /// first element, the whole document as the body.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        located(&text).ok_or_else(|| serde::de::Error::custom("no place in an answer"))
    }
}

fn located(text: &str) -> Option<Location> {
    match text {
        "status" => return Some(Location::Status),
        "body" => return Some(Location::Body),
        _ => {}
    }
    if let Some(name) = text.strip_prefix("header ") {
        return Some(Location::Header(name.to_owned()));
    }
    if let Some(line) = text.strip_prefix("body line ") {
        return line.parse().ok().map(Location::Text);
    }
    let steps = text.strip_prefix("body /")?.split('/').map(|step| {
        let index = step.parse::<usize>().ok().filter(|index| index.to_string() == step);
        index.map_or_else(|| Segment::Key(step.replace("~1", "/").replace("~0", "~")), Segment::Index)
    });
    Some(Location::Json(steps.collect()))
}

/// The path as a JSON Pointer (RFC 6901, section 3).
pub fn pointer(path: &[Segment]) -> String {
    let mut text = String::new();
    for segment in path {
        text.push('/');
        match segment {
            Segment::Key(key) => text.push_str(&key.replace('~', "~0").replace('/', "~1")),
            Segment::Index(index) => text.push_str(&index.to_string()),
        }
    }
    text
}

reasons! {
    /// In what way two answers disagree at one place.
    DifferenceKind {
        /// Same type, other value.
        Value = "value",
        /// Another JSON type, or another kind of body.
        Type = "type",
        /// The legacy has it, the candidate does not.
        Missing = "missing",
        /// The candidate has it, the legacy does not.
        Extra = "extra",
        /// The same elements in another order.
        Order = "order",
        /// The same value written otherwise, where a rule asks for the text of numbers.
        Lexeme = "lexeme",
        /// An object names a member more than once (RFC 8259, section 4: behaviour is unpredictable).
        DuplicateKey = "duplicate-key",
        /// A body that claims an encoding or format that it does not have.
        Encoding = "encoding",
    }
}

reasons! {
    /// What a rule says about a difference.
    RuleAnswer {
        /// Do not compare, but count and show.
        Ignore = "ignore",
        /// Normalise, then compare: after it the two agree.
        Match = "match",
        /// A known difference, wanted.
        Accept = "accept",
    }
}

/// The rule that answered for a difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct RuleHit {
    /// The rule's id.
    pub id: Arc<str>,
    /// What it says.
    pub answer: RuleAnswer,
}

/// One disagreement at one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// Where.
    pub at: Location,
    /// In what way.
    pub kind: DifferenceKind,
    /// The legacy's side as text (JSON text for JSON places), shortened to a bound; None where it has nothing there.
    pub legacy: Option<String>,
    /// The candidate's side.
    pub candidate: Option<String>,
    /// The rule that answers for it; None: it counts as a mismatch.
    pub rule: Option<RuleHit>,
}

/// The one class that an exchange ends in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The answers agree, or differ only where rules ignore or match.
    Matched,
    /// They differ only in ways that `accept` rules want.
    Accepted,
    /// They differ.
    Mismatched,
    /// They differ in the way in which the legacy differs from itself.
    Noisy,
    /// The live legacy no longer answers as recorded, in the places where the candidate differs from the record.
    Drifted,
    /// They could not be compared.
    NotComparable(NotComparable),
    /// The candidate gave no answer that could be compared.
    Failed(Failure),
    /// Nothing was sent.
    Skipped(Skip),
}

/// What comparing one exchange gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The class it ends in.
    pub outcome: Outcome,
    /// The differences found, those that rules answer for included, up to a bound.
    pub differences: Vec<Difference>,
    /// How many more there were past the bound.
    pub more_differences: u64,
    /// Why the comparison could not be carried to its end, also where what was found by then decides.
    pub hindrance: Option<NotComparable>,
    /// Where the live legacy was asked: whether it still answers as recorded (under the rules).
    pub legacy_drifted: Option<bool>,
}

/// One comparison kept to be looked at, with bounded texts. Everything in it came from the wire: hostile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Example {
    /// [`super::Observation::sequence`].
    pub sequence: u64,
    /// When the exchange began, RFC 3339.
    pub started: Option<String>,
    /// The method and the target.
    pub request: String,
    /// What else it was asked with.
    #[serde(default)]
    pub asked: AskedWith,
    /// Status codes: the reference's and the candidate's.
    pub status: (u16, u16),
    /// The differences.
    pub differences: Vec<Difference>,
    /// For JSON bodies: the RFC 6902 patch that makes the candidate's document of the legacy's.
    pub patch: Option<String>,
    /// For text bodies: a unified diff.
    pub text_diff: Option<String>,
    /// The beginning of the reference's decoded body, JSON laid out in lines.
    pub legacy: String,
    /// The beginning of the candidate's, JSON laid out with its members in the reference's order; where there is no
    /// answer, the name of the failure or of the reason to skip.
    pub candidate: String,
}

/// What a request was asked with beside its method and target, without secrets, what belongs to one connection, and the
/// addresses of who asked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct AskedWith {
    /// Names in lower case, and values. A `host` among them is the one that the shadow request names, and then
    /// Accept-Encoding is among them too where it was sent.
    pub headers: Vec<(String, String)>,
    /// Names of what went out too and is not shown: fields that say who asked, or on which way; what is too long; a body that
    /// is no text. Empty in files of a tapcompare that did not tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// Where it is a text that is short enough to be shown whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// What a report says of one rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RuleNote {
    /// Unique among the rules of a run.
    pub id: Arc<str>,
    /// Who answers for it.
    pub owner: String,
    /// Why it is there.
    pub reason: String,
    /// The last day on which it applies, `2027-01-31`.
    pub expires: String,
    /// Whether that day has passed: then it was not applied.
    pub expired: bool,
    /// What it says.
    pub answer: RuleAnswer,
    /// Where it applies, in the words of the rule file.
    pub at: String,
    /// `rules/common.yaml:12`
    pub source: String,
    /// For `accept`: the largest share of an endpoint's compared exchanges that it may answer for.
    pub max_rate: Option<f64>,
}

impl RuleNote {
    /// Whether nobody has put a name or a reason of their own to it: drafts begin both with `TODO`.
    pub fn is_draft(&self) -> bool {
        is_draft(&self.owner, &self.reason)
    }
}

/// Whether a rule with this owner and this reason is still a draft.
pub fn is_draft(owner: &str, reason: &str) -> bool {
    owner.starts_with(DRAFT) || reason.starts_with(DRAFT)
}

/// How the owner and the reason of a drafted rule begin, until somebody answers for it.
const DRAFT: &str = "TODO";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_is_written_and_read_again_is_written_the_same() {
        let key = |text: &str| Segment::Key(text.into());
        for at in [
            Location::Status,
            Location::Body,
            Location::Header("x-a b".into()),
            Location::Text(7),
            Location::Json(Vec::new()),
            Location::Json(vec![key("items"), Segment::Index(3), key("a/b~1~0")]),
            Location::Json(vec![key(""), key("007"), key("line 3")]),
            Location::Json(vec![key("0")]),
        ] {
            let text = serde_json::to_string(&at).unwrap();
            let read: Location = serde_json::from_str(&text).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), text);
        }
        for text in ["", "bodyline", "body line x", "headers", "body x"] {
            assert!(serde_json::from_value::<Location>(text.into()).is_err(), "{text}");
        }
    }
}

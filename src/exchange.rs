//! The vocabulary that every room shares: what was said on the wire, and what came of asking again.

mod credentials;
mod endpoint;
mod epoch;
mod facts;
mod figures;
mod headers;
mod outcome;
mod reason;
mod specimen;
mod status;
mod time;

pub use credentials::CREDENTIAL_HEADERS;
pub use endpoint::{Endpoint, EndpointPattern, PatternError, path_of};
pub use epoch::{EndpointChange, EpochBooks, EpochNote, Move, Rescored, Rescoring};
pub use facts::{AdmissionNote, BreakerNote, OverheadNote, RunFacts, SpanNote, StretchNote};
pub use figures::{count, counted};
pub use headers::Headers;
pub use outcome::{
    AskedWith, Comparison, Difference, DifferenceKind, Example, Location, Outcome, RuleAnswer, RuleHit, RuleNote,
    Segment, is_draft, pointer,
};
pub(crate) use reason::reasons;
pub use reason::{Failure, Incomplete, NotComparable, Skip};
pub use specimen::Specimen;
pub use status::StatusClass;
pub use time::{Day, Hours, TimeText, Timestamp};

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

/// HTTP version of a message's start line (RFC 9112, section 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
}

impl Version {
    /// As on the wire: `HTTP/1.0` or `HTTP/1.1`.
    pub fn as_str(self) -> &'static str {
        match self {
            Version::Http10 => "HTTP/1.0",
            Version::Http11 => "HTTP/1.1",
        }
    }
}

/// A message body after the transfer coding was taken off (RFC 9112, section 6) and before any content coding is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Body {
    /// What was kept of it: all of it, or a prefix when a limit or the mode of work (`inspect`) said so.
    pub bytes: Bytes,
    /// How many bytes the wire carried.
    pub length: u64,
    /// Whether the content coding is off already, whatever `Content-Encoding` says: so in specimens, whose bodies are
    /// kept as they are meant, and whose fields as they were.
    pub decoded: bool,
}

impl Body {
    /// A body of which everything is kept.
    pub fn whole(bytes: impl Into<Bytes>) -> Body {
        let bytes = bytes.into();
        Body { length: bytes.len() as u64, bytes, decoded: false }
    }

    /// Whether every byte that the wire carried is here.
    pub fn is_whole(&self) -> bool {
        self.bytes.len() as u64 == self.length
    }
}

/// A request as the client sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method, case kept (methods are case-sensitive: RFC 9110, section 9.1).
    pub method: String,
    /// The request target exactly as captured: origin, absolute, authority or asterisk form.
    pub target: Bytes,
    /// The version of the request line.
    pub version: Version,
    /// The header section, then trailers where there were any.
    pub headers: Headers,
    /// The body.
    pub body: Body,
}

impl Request {
    /// The target as text; bytes that are not UTF-8 are shown as U+FFFD.
    pub fn target_text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.target)
    }

    /// The value of the `Host` header, where there is one that is UTF-8.
    pub fn host(&self) -> Option<&str> {
        self.headers.get("host").and_then(|v| std::str::from_utf8(v).ok())
    }
}

/// An answer: the legacy's from the wire, or one that we were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The version of the status line.
    pub version: Version,
    /// The status code, 200 to 999 (interim answers are in [`Response::interim`]).
    pub status: u16,
    /// The header section, then trailers where there were any.
    pub headers: Headers,
    /// The body; empty for an answer to HEAD, 204 and 304.
    pub body: Body,
    /// Status codes of interim answers (1xx) that came before this one.
    pub interim: Vec<u16>,
}

/// The four moments of an exchange on the wire. None where the moment was not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moments {
    /// First byte of the request.
    pub request_start: Option<Timestamp>,
    /// Last byte of the request.
    pub request_end: Option<Timestamp>,
    /// First byte of the final answer's head.
    pub response_start: Option<Timestamp>,
    /// Last byte of the answer.
    pub response_end: Option<Timestamp>,
}

impl Moments {
    /// From the last byte of the request to the last byte of the answer, as tshark's `http.time`; zero where the
    /// answer was finished before the request was.
    pub fn latency(&self) -> Option<Duration> {
        Some(self.response_end?.since(self.request_end?))
    }

    /// When the exchange began: the first byte that was seen of it.
    pub fn started(&self) -> Option<Timestamp> {
        self.request_start.or(self.response_start)
    }
}

/// One request and the answer that the legacy gave it, or what was seen of the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Who asked.
    pub client: SocketAddr,
    /// Who was asked.
    pub server: SocketAddr,
    /// The request; None for an answer whose request was not seen or could not be told.
    pub request: Option<Request>,
    /// The answer; None where none was seen or could not be told.
    pub response: Option<Response>,
    /// Status codes of interim answers (1xx) to the request that no final answer was seen to follow; empty where there
    /// is an answer, whose own are in [`Response::interim`].
    pub interim_only: Vec<u16>,
    /// Why this is not whole, unambiguous evidence. None: both messages are complete and belong together.
    pub incomplete: Option<Incomplete>,
    /// When its parts were on the wire.
    pub moments: Moments,
}

impl Exchange {
    /// Whether both messages were seen whole, are unambiguous, and belong together.
    pub fn is_complete(&self) -> bool {
        self.incomplete.is_none() && self.request.is_some() && self.response.is_some()
    }

    /// Status codes of all interim answers (1xx), in their order, whether a final answer followed or not.
    pub fn interim(&self) -> &[u16] {
        self.response.as_ref().map_or(&self.interim_only, |r| &r.interim)
    }
}

/// An answer that we asked for ourselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What was answered.
    pub response: Response,
    /// From the intended send time to the last byte of the answer (open loop: waiting for a free place counts).
    pub latency: Duration,
}

/// Why there is no answer, and how long was waited for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed {
    /// What went wrong.
    pub failure: Failure,
    /// From the intended send time to the failure; for a time-out a lower bound of the true latency.
    pub after: Duration,
}

/// What was heard when an exchange was asked again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The candidate's answer, or its failure, which is a result and not an error.
    pub candidate: Result<Answer, Failed>,
    /// The live legacy's answer, where it was asked too; it is then the reference.
    pub legacy: Option<Result<Answer, Failed>>,
    /// In whose name both were asked.
    pub credentials: Carried,
}

/// What became of the credentials (Authorization, Cookie, API keys) that a captured request carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Carried {
    /// It carried none.
    #[default]
    Nothing,
    /// They were left out: whoever was asked did not know who asks.
    Stripped,
    /// They went out as captured, or others in their place.
    Sent,
}

/// What came of one exchange's shadow request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Nothing was sent.
    Skipped(Skip),
    /// The candidate was asked.
    Asked(Box<Asked>),
}

/// An exchange with everything that is known of it, ready to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Position in the order of the source, from 0. Ties are broken by it, so that a run judged twice is the same.
    pub sequence: u64,
    /// The learnt or given endpoint, a number that the endpoint table resolves.
    pub endpoint: u32,
    /// What was captured.
    pub exchange: Exchange,
    /// What came of asking again.
    pub fate: Fate,
}

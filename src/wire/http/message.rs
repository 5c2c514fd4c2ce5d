//! A message between its head and its end.

use crate::exchange::{Headers, Incomplete, Request, Response, Timestamp};
use crate::wire::context::Ctx;
use crate::wire::pair::{Asking, Desk, Done, Link};

use super::body::BodyReader;
use super::framing::{Framed, Framing};
use super::head::{self, MethodKind, RequestHead, ResponseHead};
use super::reader::Role;
use super::resync::Candidate;

#[derive(Debug)]
enum What {
    Request(u64, RequestHead),
    Response(Option<u64>, ResponseHead, Vec<u16>),
}

/// A message whose head is known.
#[derive(Debug)]
pub(crate) struct Open {
    what: What,
    pub(crate) start: u64,
    start_time: Timestamp,
    pub(crate) end: u64,
    pub(crate) end_time: Timestamp,
    pub(crate) body: BodyReader,
    pub(crate) incomplete: Option<Incomplete>,
    /// An answer whose request is not known: it may be to HEAD.
    pub(crate) unsure: bool,
    /// Nobody can tell where it ends.
    pub(crate) unframed: bool,
    tunnel: bool,
    /// Bytes of the budget that it holds, beside the body's.
    pub(crate) size: usize,
}

impl Open {
    /// A request: the desk learns of it at once, for its answer may come before its end.
    pub(crate) fn request(bytes: &[u8], began: Candidate, uncertain: bool, desk: &mut Desk, ctx: &mut Ctx<'_>) -> Open {
        let head = head::request(bytes);
        let framed = head.declared.framing(head.version, Framing::None);
        ctx.books.requests += 1;
        let asking = Asking { start: began.at, sight: began.sight, uncertain, kind: head.kind() };
        let id = desk.begin_request(asking, ctx);
        let ambiguous = head.ambiguous;
        Open::new(What::Request(id, head), began, framed, ambiguous)
    }

    /// A final answer, linked to its request as far as that is known.
    pub(crate) fn response(
        head: ResponseHead,
        interim: Vec<u16>,
        began: Candidate,
        link: Link,
        ctx: &mut Ctx<'_>,
    ) -> Open {
        ctx.books.answers += 1;
        let bodiless = matches!(head.status, 101 | 204 | 304) || link.kind == Some(MethodKind::Head);
        let connected = link.kind == Some(MethodKind::Connect) && (200..300).contains(&head.status);
        let framed = if bodiless || connected {
            Framed { framing: Framing::None, ambiguous: false }
        } else {
            head.declared.framing(head.version, Framing::UntilClose)
        };
        let tunnel = connected || head.status == 101;
        let ambiguous = head.ambiguous;
        let mut open = Open::new(What::Response(link.id, head, interim), began, framed, ambiguous);
        open.unsure = link.kind.is_none() && framed.framing != Framing::None;
        open.tunnel = tunnel;
        open
    }

    fn new(what: What, began: Candidate, framed: Framed, ambiguous: bool) -> Open {
        Open {
            what,
            start: began.at,
            start_time: began.time,
            end: began.at,
            end_time: began.time,
            body: BodyReader::new(framed.framing),
            incomplete: (ambiguous || framed.ambiguous).then_some(Incomplete::AmbiguousFraming),
            unsure: false,
            unframed: framed.framing == Framing::Unknown,
            tunnel: false,
            size: 0,
        }
    }

    pub(crate) fn role(&self) -> Role {
        match self.what {
            What::Request(..) => Role::Request,
            What::Response(..) => Role::Response,
        }
    }

    /// Not whole evidence any more; the first reason stands.
    pub(crate) fn mark(&mut self, reason: Incomplete) {
        self.incomplete.get_or_insert(reason);
    }

    /// Whether another protocol takes over after it.
    pub(crate) fn leaves(&self) -> bool {
        self.tunnel
    }

    /// Gives the message to the desk.
    pub(crate) fn hand_over(mut self, desk: &mut Desk, ctx: &mut Ctx<'_>) {
        if self.body.evicted {
            self.mark(Incomplete::Evicted);
        }
        let trailers = std::mem::take(&mut self.body.trailers);
        let (body, body_size) = self.body.finish();
        let with_trailers = |mut headers: Headers| {
            if !trailers.is_empty() {
                headers.extend(trailers.iter().map(|(n, v)| (n.as_str(), v.as_slice())));
            }
            headers
        };
        let (start, end, size) = (self.start, self.end, self.size + body_size);
        let (start_time, end_time, incomplete) = (self.start_time, self.end_time, self.incomplete);
        match self.what {
            What::Request(id, head) => {
                let RequestHead { method, target, version, headers, .. } = head;
                let message = Request { method, target, version, headers: with_trailers(headers), body };
                desk.end_request(id, Done { message, start, end, start_time, end_time, incomplete, size }, ctx);
            }
            What::Response(id, head, interim) => {
                let ResponseHead { status, version, headers, .. } = head;
                let message = Response { version, status, headers: with_trailers(headers), body, interim };
                desk.left |= self.tunnel;
                desk.tunnelled |= self.tunnel && id.is_some() && !hides_requests(&message.headers);
                ctx.books.tunnels += u64::from(self.tunnel);
                desk.end_answer(id, Done { message, start, end, start_time, end_time, incomplete, size }, ctx);
            }
        }
    }
}

/// Whether what a 101 switches to (RFC 9110, section 7.8) is HTTP again, of a version or under a cover that is not read here:
/// `h2c` (RFC 7540, section 3.2), `TLS/1.0, HTTP/1.1` (RFC 2817).
fn hides_requests(headers: &Headers) -> bool {
    let protocols = headers.get_all("upgrade").flat_map(|value| value.split(|b| *b == b','));
    let mut names = protocols.filter_map(|protocol| protocol.trim_ascii().split(|b| *b == b'/').next());
    names.any(|name| ["h2c", "h2", "http", "tls"].iter().any(|one| name.eq_ignore_ascii_case(one.as_bytes())))
}

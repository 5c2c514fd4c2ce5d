//! A whole exchange without its secrets, to be kept and compared again.
//!
//! Bodies are kept as they are meant: without content codings, JSON as JSON, bytes that are no text by a keyed digest. The
//! fields stay as they were, `Content-Encoding` too, so that they compare as before ([`Body::decoded`] says which holds).

use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;

use super::body::{self, BodyKind};
use super::{bodies, example};
use crate::exchange::{Answer, Asked, Body, Exchange, Fate, Headers, Observation, Request, Response};
use crate::redact::{Text, Veil};

/// Bytes of all texts of an exchange that is kept.
pub const MAX_SPECIMEN: usize = 256 << 10;

/// Fields that say who a client is: run files have no addresses of clients.
pub(super) const ADDRESSES: [&str; 7] = [
    "forwarded",
    "x-forwarded-for",
    "x-real-ip",
    "x-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "x-envoy-external-address",
];

/// An exchange has more than [`MAX_SPECIMEN`] bytes of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

/// The observation with marks where its secrets stood, and without the addresses of who asked whom.
pub(super) fn specimen(observation: &Observation, veil: &Veil<'_>) -> Result<Observation, TooLarge> {
    let mut hiding = Hiding { veil, left: MAX_SPECIMEN };
    let exchange = &observation.exchange;
    let nobody = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    Ok(Observation {
        sequence: observation.sequence,
        endpoint: observation.endpoint,
        exchange: Exchange {
            client: nobody,
            server: nobody,
            request: exchange.request.as_ref().map(|request| hiding.request(request)).transpose()?,
            response: exchange.response.as_ref().map(|response| hiding.response(response)).transpose()?,
            interim_only: Vec::new(),
            incomplete: exchange.incomplete,
            moments: exchange.moments,
        },
        fate: match &observation.fate {
            Fate::Skipped(skip) => Fate::Skipped(*skip),
            Fate::Asked(asked) => Fate::Asked(Box::new(Asked {
                candidate: asked.candidate.as_ref().map_err(|f| *f).map(|a| hiding.answer(a)).transposed()?,
                legacy: match &asked.legacy {
                    None => None,
                    Some(answer) => Some(answer.as_ref().map_err(|f| *f).map(|a| hiding.answer(a)).transposed()?),
                },
                credentials: asked.credentials,
            })),
        },
    })
}

/// A result inside of a result, the other way round.
trait Transposed<T, E> {
    fn transposed(self) -> Result<Result<T, E>, TooLarge>;
}

impl<T, E> Transposed<T, E> for Result<Result<T, TooLarge>, E> {
    fn transposed(self) -> Result<Result<T, E>, TooLarge> {
        match self {
            Ok(inner) => inner.map(Ok),
            Err(error) => Ok(Err(error)),
        }
    }
}

struct Hiding<'v> {
    veil: &'v Veil<'v>,
    /// Bytes that may still be taken.
    left: usize,
}

impl Hiding<'_> {
    fn take(&mut self, bytes: usize) -> Result<(), TooLarge> {
        self.left = self.left.checked_sub(bytes).ok_or(TooLarge)?;
        Ok(())
    }

    fn request(&mut self, request: &Request) -> Result<Request, TooLarge> {
        self.take(request.method.len() + request.target.len())?;
        let headers = self.headers(&request.headers)?;
        let media = request.headers.get("content-type");
        let body = match example::asked_with(request) {
            // The parts of a multipart body tell their secrets only where they are found again.
            Some(text) if request.body.is_whole() && !is_multipart(media) => self.told(media, &text)?,
            _ => self.closed(&request.body)?,
        };
        Ok(Request {
            method: self.veil.name(&request.method).into_owned(),
            target: self.veil.target(&request.target).into(),
            version: request.version,
            headers,
            body,
        })
    }

    fn answer(&mut self, answer: &Answer) -> Result<Answer, TooLarge> {
        Ok(Answer { response: self.response(&answer.response)?, latency: answer.latency })
    }

    fn response(&mut self, response: &Response) -> Result<Response, TooLarge> {
        let headers = self.headers(&response.headers)?;
        let body = match bodies::undone(response) {
            Ok(text) if response.body.is_whole() => self.told(bodies::content_type(response), &text)?,
            _ => self.closed(&response.body)?,
        };
        Ok(Response {
            version: response.version,
            status: response.status,
            headers,
            body,
            interim: response.interim.clone(),
        })
    }

    fn headers(&mut self, headers: &Headers) -> Result<Headers, TooLarge> {
        let mut fields: Vec<(String, Vec<u8>)> = Vec::with_capacity(headers.len());
        for (name, value) in headers.iter() {
            self.take(name.len() + value.len())?;
            let hidden = match std::str::from_utf8(value) {
                _ if ADDRESSES.iter().any(|other| name.eq_ignore_ascii_case(other)) => {
                    self.veil.cookie(&String::from_utf8_lossy(value)).into_bytes()
                }
                Ok(text) => self.veil.header(name, text).into_bytes(),
                Err(_) => self.no_text(value),
            };
            fields.push((self.veil.name(name).into_owned(), hidden));
        }
        Ok(fields.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect())
    }

    /// A decoded body as what it is: text with marks, other bytes by digest.
    fn told(&mut self, media: Option<&[u8]>, text: &[u8]) -> Result<Body, TooLarge> {
        let kind = body::kind(media, text);
        let as_bytes = kind == BodyKind::Bytes || std::str::from_utf8(text).is_err();
        let bytes = if text.is_empty() {
            Bytes::new()
        } else if as_bytes {
            self.no_text(text).into()
        } else {
            self.take(text.len())?;
            let kind = example::told_in(media, text).unwrap_or(Text::Plain);
            Bytes::from(self.veil.hidden(kind, text, true).shown().into_owned())
        };
        self.take(if as_bytes { bytes.len() } else { 0 })?;
        Ok(Body { length: bytes.len() as u64, bytes, decoded: true })
    }

    /// A body that is not there whole, or cannot be decoded: it stays so, and nothing of it is kept but a digest.
    fn closed(&mut self, body: &Body) -> Result<Body, TooLarge> {
        if !body.is_whole() {
            return Ok(Body { bytes: Bytes::new(), length: body.length.max(1), decoded: false });
        }
        let bytes = Bytes::from(if body.bytes.is_empty() { Vec::new() } else { self.no_text(&body.bytes) });
        self.take(bytes.len())?;
        Ok(Body { length: bytes.len() as u64, bytes, decoded: false })
    }

    /// Bytes that are no text stay none, and differ where they differed.
    fn no_text(&self, bytes: &[u8]) -> Vec<u8> {
        [b"\xff", self.veil.digest(bytes).as_bytes()].concat()
    }
}

fn is_multipart(media: Option<&[u8]>) -> bool {
    media.and_then(|media| media.get(..10)).is_some_and(|media| media.eq_ignore_ascii_case(b"multipart/"))
}

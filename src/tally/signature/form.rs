//! How a kept exchange is written down: JSON, compressed, so that a file can be looked into and takes little room.
//!
//! Read with distrust: what is decompressed is bounded, and what is no exchange of ours is an error.

use std::borrow::Cow;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::compare::MAX_SPECIMEN;
use crate::exchange::{
    Answer, Asked, Body, Carried, Exchange, Failed, Failure, Fate, Headers, Moments, Observation, Request, Response,
    Timestamp, Version,
};

/// Level of compression: its default, small texts are done in a fraction of a millisecond.
const LEVEL: i32 = 3;
/// Of what is read: escapes and base64 may make the texts longer.
const MAX_WRITTEN: u64 = 8 * MAX_SPECIMEN as u64;

/// A kept exchange that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SpecimenError {
    /// It is not compressed as we do, or larger than ours are.
    #[error("a kept exchange cannot be read: {0}")]
    Compression(#[from] std::io::Error),
    /// It is no exchange.
    #[error("a kept exchange is none of ours: {0}")]
    Form(#[from] serde_json::Error),
    /// It was not asked, or has no answer.
    #[error("a kept exchange is none of ours: {0}")]
    Meaning(&'static str),
}

/// None where it cannot be written, which no observation is known to be.
pub(super) fn written(observation: &Observation) -> Option<Vec<u8>> {
    let json = serde_json::to_vec(&Form::of(observation)?).ok()?;
    zstd::stream::encode_all(json.as_slice(), LEVEL).ok()
}

pub(super) fn read(bytes: &[u8], sequence: u64) -> Result<Observation, SpecimenError> {
    let mut json = Vec::new();
    zstd::stream::read::Decoder::new(bytes)?.take(MAX_WRITTEN + 1).read_to_end(&mut json)?;
    if json.len() as u64 > MAX_WRITTEN {
        return Err(SpecimenError::Meaning("it is larger than any that we keep"));
    }
    serde_json::from_slice::<Form<'_>>(&json)?.meant(sequence)
}

#[derive(Serialize, Deserialize)]
struct Form<'a> {
    #[serde(borrow)]
    request: Option<RequestForm<'a>>,
    legacy: Option<ResponseForm<'a>>,
    candidate: AnswerForm<'a>,
    live_legacy: Option<AnswerForm<'a>>,
    credentials: u8,
    moments: [Option<i64>; 4],
}

#[derive(Serialize, Deserialize)]
struct RequestForm<'a> {
    method: Cow<'a, str>,
    target: Written<'a>,
    version: u8,
    headers: Vec<(Cow<'a, str>, Written<'a>)>,
    body: BodyForm<'a>,
}

#[derive(Serialize, Deserialize)]
struct ResponseForm<'a> {
    status: u16,
    version: u8,
    headers: Vec<(Cow<'a, str>, Written<'a>)>,
    body: BodyForm<'a>,
    interim: Vec<u16>,
}

#[derive(Serialize, Deserialize)]
struct BodyForm<'a> {
    bytes: Written<'a>,
    length: u64,
    decoded: bool,
}

#[derive(Serialize, Deserialize)]
struct AnswerForm<'a> {
    response: Option<ResponseForm<'a>>,
    failure: Option<Failure>,
    micros: u64,
}

/// Bytes: as text where they are that.
#[derive(Serialize, Deserialize)]
enum Written<'a> {
    #[serde(rename = "t")]
    Text(Cow<'a, str>),
    #[serde(rename = "b")]
    Base64(String),
}

impl<'a> Written<'a> {
    fn of(bytes: &'a [u8]) -> Written<'a> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Written::Text(Cow::Borrowed(text)),
            Err(_) => Written::Base64(STANDARD.encode(bytes)),
        }
    }

    fn meant(self) -> Result<Bytes, SpecimenError> {
        match self {
            Written::Text(text) => Ok(text.into_owned().into_bytes().into()),
            Written::Base64(text) => {
                let bytes = STANDARD.decode(text).map_err(|_| SpecimenError::Meaning("its bytes are no base64"))?;
                Ok(bytes.into())
            }
        }
    }
}

fn fields(headers: &Headers) -> Vec<(Cow<'_, str>, Written<'_>)> {
    headers.iter().map(|(name, value)| (Cow::Borrowed(name), Written::of(value))).collect()
}

fn headers(fields: Vec<(Cow<'_, str>, Written<'_>)>) -> Result<Headers, SpecimenError> {
    let fields: Vec<_> =
        fields.into_iter().map(|(name, value)| Ok((name, value.meant()?))).collect::<Result<_, SpecimenError>>()?;
    Ok(fields.iter().map(|(name, value)| (&**name, &**value)).collect())
}

fn version(version: Version) -> u8 {
    match version {
        Version::Http10 => 10,
        Version::Http11 => 11,
    }
}

fn versioned(version: u8) -> Version {
    if version == 10 { Version::Http10 } else { Version::Http11 }
}

impl<'a> BodyForm<'a> {
    fn of(body: &'a Body) -> BodyForm<'a> {
        BodyForm { bytes: Written::of(&body.bytes), length: body.length, decoded: body.decoded }
    }

    fn meant(self) -> Result<Body, SpecimenError> {
        Ok(Body { bytes: self.bytes.meant()?, length: self.length, decoded: self.decoded })
    }
}

impl<'a> RequestForm<'a> {
    fn of(request: &'a Request) -> RequestForm<'a> {
        RequestForm {
            method: Cow::Borrowed(&request.method),
            target: Written::of(&request.target),
            version: version(request.version),
            headers: fields(&request.headers),
            body: BodyForm::of(&request.body),
        }
    }

    fn meant(self) -> Result<Request, SpecimenError> {
        Ok(Request {
            method: self.method.into_owned(),
            target: self.target.meant()?,
            version: versioned(self.version),
            headers: headers(self.headers)?,
            body: self.body.meant()?,
        })
    }
}

impl<'a> ResponseForm<'a> {
    fn of(response: &'a Response) -> ResponseForm<'a> {
        ResponseForm {
            status: response.status,
            version: version(response.version),
            headers: fields(&response.headers),
            body: BodyForm::of(&response.body),
            interim: response.interim.clone(),
        }
    }

    fn meant(self) -> Result<Response, SpecimenError> {
        Ok(Response {
            status: self.status,
            version: versioned(self.version),
            headers: headers(self.headers)?,
            body: self.body.meant()?,
            interim: self.interim,
        })
    }
}

impl<'a> AnswerForm<'a> {
    fn of(answer: &'a Result<Answer, Failed>) -> AnswerForm<'a> {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        match answer {
            Ok(answer) => AnswerForm {
                response: Some(ResponseForm::of(&answer.response)),
                failure: None,
                micros: micros(answer.latency),
            },
            Err(failed) => AnswerForm { response: None, failure: Some(failed.failure), micros: micros(failed.after) },
        }
    }

    fn meant(self) -> Result<Result<Answer, Failed>, SpecimenError> {
        let time = Duration::from_micros(self.micros);
        match (self.response, self.failure) {
            (Some(response), None) => Ok(Ok(Answer { response: response.meant()?, latency: time })),
            (None, Some(failure)) => Ok(Err(Failed { failure, after: time })),
            _ => Err(SpecimenError::Meaning("an answer is neither there nor failed")),
        }
    }
}

impl<'a> Form<'a> {
    fn of(observation: &'a Observation) -> Option<Form<'a>> {
        let Fate::Asked(asked) = &observation.fate else { return None };
        let exchange = &observation.exchange;
        let Moments { request_start, request_end, response_start, response_end } = exchange.moments;
        Some(Form {
            request: exchange.request.as_ref().map(RequestForm::of),
            legacy: exchange.response.as_ref().map(ResponseForm::of),
            candidate: AnswerForm::of(&asked.candidate),
            live_legacy: asked.legacy.as_ref().map(AnswerForm::of),
            credentials: match asked.credentials {
                Carried::Nothing => 0,
                Carried::Stripped => 1,
                Carried::Sent => 2,
            },
            moments: [request_start, request_end, response_start, response_end].map(|time| time.map(|time| time.0)),
        })
    }

    fn meant(self, sequence: u64) -> Result<Observation, SpecimenError> {
        let nobody = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let [request_start, request_end, response_start, response_end] = self.moments.map(|time| time.map(Timestamp));
        Ok(Observation {
            sequence,
            endpoint: 0,
            exchange: Exchange {
                client: nobody,
                server: nobody,
                request: self.request.map(RequestForm::meant).transpose()?,
                response: self.legacy.map(ResponseForm::meant).transpose()?,
                interim_only: Vec::new(),
                incomplete: None,
                moments: Moments { request_start, request_end, response_start, response_end },
            },
            fate: Fate::Asked(Box::new(Asked {
                candidate: self.candidate.meant()?,
                legacy: self.live_legacy.map(AnswerForm::meant).transpose()?,
                credentials: match self.credentials {
                    0 => Carried::Nothing,
                    1 => Carried::Stripped,
                    2 => Carried::Sent,
                    _ => return Err(SpecimenError::Meaning("it was asked in nobody's name that we know")),
                },
            })),
        })
    }
}

//! The way to a collector: one HTTP/1.1 request a batch over a connection of its own, bounded in time by whoever waits and
//! in memory here.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONNECTION, HOST};
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use tokio::net::TcpStream;

use crate::config::Target;

/// Bytes of an answer: it says how many spans were rejected, and perhaps why.
const MAX_ANSWER: usize = 64 << 10;
/// Marks our own traffic, as on shadow requests: a capture must not take it for a client's.
const OURS: (&str, &str) = ("shadow-request", "1");

/// What is known of the request that was sent last.
#[derive(Debug, Default)]
struct Last {
    /// Spans that the collector did not take.
    rejected: u64,
    /// Why there is no answer, or none that says yes.
    trouble: Option<String>,
}

/// A client of one collector.
#[derive(Debug)]
pub(super) struct Collector {
    target: Target,
    last: Mutex<Last>,
}

impl Collector {
    pub(super) fn new(target: &Target) -> Collector {
        Collector { target: target.clone(), last: Mutex::default() }
    }

    /// Spans of the last request that were not taken.
    pub(super) fn rejected(&self) -> u64 {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).rejected
    }

    /// What went wrong with the last request, in words.
    pub(super) fn trouble(&self) -> Option<String> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).trouble.take()
    }

    /// Its name is looked up each time: a collector may move while a run goes on for days.
    async fn ask(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let headers = request.headers_mut();
        headers.insert(HOST, self.target.authority().parse()?);
        headers.insert(CONNECTION, http::HeaderValue::from_static("close"));
        headers.insert(OURS.0, http::HeaderValue::from_static(OURS.1));
        // In the origin form (RFC 9112, section 3.2.1).
        *request.uri_mut() = request.uri().path().parse()?;
        let stream = TcpStream::connect((self.target.host.as_str(), self.target.port)).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let asking = async {
            let (head, body) = sender.send_request(request.map(Full::new)).await?.into_parts();
            let body = Limited::new(body, MAX_ANSWER).collect().await?.to_bytes();
            Ok::<_, HttpError>(Response::from_parts(head, body))
        };
        tokio::pin!(asking);
        // Both in this one task: nothing is left behind where the time is over.
        tokio::select! {
            answer = &mut asking => answer,
            ended = connection => {
                ended?;
                asking.await
            }
        }
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let came = self.ask(request).await;
        let mut last = Last::default();
        match &came {
            Ok(answer) if answer.status().is_success() => {
                // What cannot be read says nothing of rejected spans.
                let said = ExportTraceServiceResponse::decode(answer.body().clone()).unwrap_or_default();
                let rejected = said.partial_success.map_or(0, |partial| partial.rejected_spans);
                last.rejected = u64::try_from(rejected).unwrap_or(0);
            }
            Ok(answer) => last.trouble = Some(format!("it answers {}", answer.status().as_u16())),
            Err(error) => last.trouble = Some(error.to_string()),
        }
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = last;
        came
    }
}

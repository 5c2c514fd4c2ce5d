//! One target, asked over HTTP/1.1 with one attempt a request.
//!
//! Bytes go to the addresses that the target's name had when it was looked up, once, and nowhere else: there is no proxy, no
//! redirect is followed, and nothing that was captured is looked up.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{OnceLock, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Incoming};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

pub use super::connection::MAX_INTERIM;
use super::connection::{Connection, Interim, Pool, Surplus};
use super::failure;
use super::request::ShadowRequest;
use super::secrets::SecretError;
use crate::config::{Limits, Target};
use crate::exchange::{Answer, Body, Failed, Failure, Headers, Response, Version};

/// How long the name of a target may take to be looked up, once, at the start.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);

/// errno(3): too many open files, in the system and in the process. The same numbers on every Unix.
const ENFILE: i32 = 23;
/// See [`ENFILE`].
const EMFILE: i32 = 24;

/// Why a target cannot be asked at all.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The name has no address.
    #[error("cannot look up the host of {target}: {source}; check the name, or give the address itself")]
    Lookup {
        /// The target as it is written.
        target: Target,
        /// What the resolver said.
        source: io::Error,
    },
    /// The environment lacks a credential that goes out.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

/// What bounds the bytes of answers that are under way at once: one body may be as large as the policy says, and all of them
/// together are another matter.
pub trait Room: Sync {
    /// Whether so many bytes more may be kept. They are the caller's until it drops what came of the asking.
    fn take(&self, bytes: u64) -> bool;
}

/// As much as the policy's limits allow.
pub struct Unbounded;

impl Room for Unbounded {
    fn take(&self, _: u64) -> bool {
        true
    }
}

/// A client of one target with its own few connections.
#[derive(Debug)]
pub struct Client {
    target: Target,
    /// Set once.
    addresses: OnceLock<Vec<SocketAddr>>,
    /// Which of the addresses took a connection last.
    preferred: AtomicUsize,
    timeout: Duration,
    body_limit: usize,
    pool: Pool,
    /// Whether it was told that this machine, and not the target, refuses connections.
    warned: AtomicBool,
    /// Whether a connection was made, or it was told that the first could not be made.
    tried: AtomicBool,
}

impl Client {
    /// Looks the target's name up, this once. Needs a tokio runtime, as [`Client::ask`] does.
    ///
    /// # Errors
    ///
    /// [`TargetError::Lookup`] where the name has no address.
    pub async fn resolve(target: &Target, limits: &Limits) -> Result<Client, TargetError> {
        let client = Client::unresolved(target, limits);
        client.look_up().await?;
        Ok(client)
    }

    /// One that looks the target's name up when it first asks, and again at each question until it has an address.
    pub fn unresolved(target: &Target, limits: &Limits) -> Client {
        Client {
            target: target.clone(),
            addresses: OnceLock::new(),
            preferred: AtomicUsize::new(0),
            timeout: limits.timeout,
            body_limit: limits.body,
            pool: Pool::new(limits.in_flight),
            warned: AtomicBool::new(false),
            tried: AtomicBool::new(false),
        }
    }

    /// The addresses, looked up where they are not known yet.
    ///
    /// # Errors
    ///
    /// [`TargetError::Lookup`] where the name has no address.
    pub async fn look_up(&self) -> Result<&[SocketAddr], TargetError> {
        if let Some(known) = self.addresses.get() {
            return Ok(known);
        }
        let Target { host, port, .. } = &self.target;
        let fail = |source| TargetError::Lookup { target: self.target.clone(), source };
        let lookup = tokio::time::timeout(LOOKUP_TIMEOUT, tokio::net::lookup_host((host.as_str(), *port)));
        let found = lookup.await.map_err(|_| fail(io::ErrorKind::TimedOut.into()))?;
        let found: Vec<SocketAddr> = found.map_err(fail)?.collect();
        if found.is_empty() {
            return Err(fail(io::Error::new(io::ErrorKind::NotFound, "the name has no address")));
        }
        Ok(self.addresses.get_or_init(|| found))
    }

    /// Who is asked.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The only addresses to which this client opens connections; none as long as the name was not looked up.
    pub fn addresses(&self) -> &[SocketAddr] {
        self.addresses.get().map_or(&[], Vec::as_slice)
    }

    /// Whether this is one of them: its port, and its address in whatever form (an IPv4 address may be written as IPv6).
    pub fn is_at(&self, server: SocketAddr) -> bool {
        let plain = |address: &SocketAddr| (address.ip().to_canonical(), address.port());
        self.addresses().iter().any(|address| plain(address) == plain(&server))
    }

    /// Asks once and waits for the whole answer. The time-out covers connecting, head and body and counts from the
    /// call; the latency counts from `intended`, which may be earlier, and ends with the last byte of the body.
    ///
    /// # Errors
    ///
    /// What went wrong, as a result to be counted. A status of 5xx is an answer here.
    pub async fn ask(&self, request: &ShadowRequest, intended: Instant) -> Result<Answer, Failed> {
        self.ask_within(request, intended, &Unbounded).await
    }

    /// The same, and the body is kept as far as there is room for it; beyond, it is [`Failure::TooLarge`].
    ///
    /// # Errors
    ///
    /// See [`Client::ask`].
    pub async fn ask_within(
        &self,
        request: &ShadowRequest,
        intended: Instant,
        room: &dyn Room,
    ) -> Result<Answer, Failed> {
        let deadline = Instant::now() + self.timeout;
        let outcome = timeout_at(deadline, self.attempt(request, room)).await.unwrap_or(Err(Failure::Timeout));
        let latency = Instant::now().saturating_duration_since(intended);
        match outcome {
            Ok((response, connection)) => match self.pool.put(connection).await {
                Ok(()) => Ok(Answer { response, latency }),
                // The answer may be right; whoever asks next over this connection is answered wrongly.
                Err(Surplus) => Err(Failed { failure: Failure::UnexpectedBytes, after: latency }),
            },
            Err(failure) => Err(Failed { failure, after: latency }),
        }
    }

    async fn attempt(&self, request: &ShadowRequest, room: &dyn Room) -> Result<(Response, Connection), Failure> {
        let interim = Interim::default();
        let mut message = self.message(request).ok_or(Failure::Malformed)?;
        // A kept connection may turn out closed. As long as hyper gives the message back, nothing of it was sent, and
        // asking over a fresh connection is still the first attempt.
        while let Some(mut kept) = self.pool.take() {
            match kept.send(message, &interim).await {
                Ok(answer) => return self.whole(answer, interim, kept, room).await,
                Err(mut error) => message = error.take_message().ok_or_else(|| failure::of(error.error()))?,
            }
        }
        let mut fresh = self.connect().await?;
        match fresh.send(message, &interim).await {
            Ok(answer) => self.whole(answer, interim, fresh, room).await,
            Err(error) => Err(failure::of(error.error())),
        }
    }

    /// None where the path cannot stand in a request line, which the safety check has ruled out.
    fn message(&self, request: &ShadowRequest) -> Option<http::Request<Full<Bytes>>> {
        let mut message = http::Request::new(Full::new(request.body().clone()));
        *message.method_mut() = request.method().clone();
        *message.uri_mut() = request.uri(&self.target)?;
        *message.headers_mut() = request.headers_for(&self.target);
        Some(message)
    }

    /// Tries the addresses in turn, beginning with the one that worked last, each with its share of the time. Nothing is
    /// sent by it.
    async fn connect(&self) -> Result<Connection, Failure> {
        let first = self.preferred.load(Ordering::Relaxed);
        let mut reason = "it took too long".to_owned();
        let addresses = self.look_up().await.map_err(|error| {
            self.tell_if_first(&error.to_string());
            Failure::Connect
        })?;
        let share = self.timeout / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
        for index in (first..addresses.len()).chain(0..first) {
            let Some(address) = addresses.get(index) else { continue };
            let connecting = async { Connection::new(TcpStream::connect(address).await?).await };
            match tokio::time::timeout(share, connecting).await {
                Ok(Ok(connection)) => {
                    self.preferred.store(index, Ordering::Relaxed);
                    self.tried.store(true, Ordering::Relaxed);
                    return Ok(connection);
                }
                Ok(Err(error)) => {
                    self.tell_if_ours(&error);
                    reason = error.to_string();
                }
                Err(_) => {}
            }
        }
        self.tell_if_first(&reason);
        Err(Failure::Connect)
    }

    /// A run whose first connection fails has most likely a wrong address. A person who watches should not have to wait
    /// for the report to see it.
    fn tell_if_first(&self, reason: &str) {
        if !self.tried.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "no connection to {}: {reason}; is the address right, and does it listen? Such requests count as failed",
                self.target
            );
        }
    }

    /// A machine that has run out of descriptors or ports fails requests that the candidate never saw: say so, once.
    fn tell_if_ours(&self, error: &io::Error) {
        let out_of_descriptors = matches!(error.raw_os_error(), Some(ENFILE | EMFILE));
        if (out_of_descriptors || error.kind() == io::ErrorKind::AddrNotAvailable)
            && !self.warned.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                "this machine cannot open more connections to {}: {error}; lower safety.limits.in_flight or the rate, \
                 or raise 'ulimit -n' (two descriptors a connection); such requests count as failed",
                self.target
            );
        }
    }

    async fn whole(
        &self,
        answer: http::Response<Incoming>,
        interim: Interim,
        connection: Connection,
        room: &dyn Room,
    ) -> Result<(Response, Connection), Failure> {
        let (head, body) = answer.into_parts();
        let status = head.status.as_u16();
        let interim = std::mem::take(&mut *interim.lock().unwrap_or_else(PoisonError::into_inner));
        // We never ask for another protocol, so an answer that changes to one is none.
        if status < 200 || interim.len() > MAX_INTERIM {
            return Err(Failure::Malformed);
        }
        let (bytes, trailers) = read(body, self.body_limit, room).await?;
        let fields = head.headers.iter().chain(trailers.iter());
        let headers: Headers = fields.map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let version = if head.version == http::Version::HTTP_10 { Version::Http10 } else { Version::Http11 };
        Ok((Response { version, status, headers, body: Body::whole(bytes), interim }, connection))
    }
}

/// The whole body and the trailers, if it stays within `limit` bytes and there is room for it.
async fn read(mut body: Incoming, limit: usize, room: &dyn Room) -> Result<(Bytes, http::HeaderMap), Failure> {
    if body.size_hint().lower() > limit as u64 {
        return Err(Failure::TooLarge);
    }
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    let mut trailers = http::HeaderMap::new();
    while let Some(frame) = body.frame().await {
        match frame.map_err(|error| failure::of(&error))?.into_data() {
            Ok(data) if first.len() + joined.len() + data.len() > limit => return Err(Failure::TooLarge),
            Ok(data) if !room.take(data.len() as u64) => return Err(Failure::TooLarge),
            // Most bodies are one piece, which then is not copied.
            Ok(data) if first.is_empty() && joined.is_empty() => first = data,
            Ok(data) => {
                if joined.is_empty() {
                    joined.extend_from_slice(&std::mem::take(&mut first));
                }
                joined.extend_from_slice(&data);
            }
            Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
        }
    }
    Ok((if joined.is_empty() { first } else { joined.freeze() }, trailers))
}

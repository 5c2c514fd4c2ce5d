//! Exchanges to observations: what may be asked, when, and the asking itself.
//!
//! [`safety`] decides, [`request`] rebuilds what was captured, [`pace`] says when, [`client`] asks once. Nothing here
//! queues: whoever calls holds the permit, waits for the turn, and then awaits [`Shadow::observe`].

pub mod admission;
mod backoff;
pub mod breaker;
mod bucket;
pub mod client;
mod connection;
pub mod dry_run;
mod failure;
mod line;
mod overhead;
mod overrides;
pub mod pace;
pub mod request;
pub mod safety;
mod sample;
pub mod sandbox;
mod secrets;

pub use admission::{Admission, AdmissionStanding, Heard};
pub use breaker::{BreakerCause, BreakerStanding, BreakerState};
pub use client::{Client, Room, TargetError, Unbounded};
pub use dry_run::{DryRun, DryRunPlan};
pub use overhead::overhead;
pub use pace::{Pace, Pacer, Turn};
pub use request::{HOP_BY_HOP, Opening, ShadowRequest, host_of};
pub use sandbox::{ClosedSandbox, SandboxClosing};
pub use secrets::{SecretError, Secrets};

use std::net::SocketAddr;

use tokio::time::Instant;

use crate::config::{Limits, Safety, Target};
use crate::exchange::{Answer, Asked, Exchange, Failed, Failure, Skip};

/// Everything that asks: the candidate, the live legacy where it is asked too, and the policy that says what may be.
#[derive(Debug)]
pub struct Shadow {
    candidate: Client,
    legacy: Option<Client>,
    safety: Safety,
    secrets: Secrets,
    /// Whether what was captured on its way to the candidate's addresses is known for our own.
    knows_own: bool,
}

impl Shadow {
    /// Looks up the targets' addresses, and the environment's credentials, once for the run. No connection is opened
    /// before the first request.
    ///
    /// # Errors
    ///
    /// [`TargetError`] where a target's name has no address, or the environment lacks a credential that the policy names.
    pub async fn resolve(candidate: &Target, legacy: Option<&Target>, safety: &Safety) -> Result<Shadow, TargetError> {
        let limits: &Limits = &safety.limits;
        let secrets = Secrets::from_environment(&safety.credentials)?;
        let legacy = match legacy {
            Some(target) => Some(Client::resolve(target, limits).await?),
            None => None,
        };
        let candidate = Client::resolve(candidate, limits).await?;
        Ok(Shadow { candidate, legacy, safety: safety.clone(), secrets, knows_own: true })
    }

    /// For a tee: what goes through it are its clients' requests, wherever they go, and ours go past it. A candidate whose
    /// name has no address yet must not keep it from standing: that is told, and the name looked up again when it is asked.
    ///
    /// # Errors
    ///
    /// [`TargetError::Secret`] alone.
    pub async fn inline(candidate: &Target, safety: &Safety) -> Result<Shadow, TargetError> {
        let secrets = Secrets::from_environment(&safety.credentials)?;
        let candidate = Client::unresolved(candidate, &safety.limits);
        if let Err(error) = candidate.look_up().await {
            tracing::error!("{error}; requests are passed on all the same");
        }
        Ok(Shadow { candidate, legacy: None, safety: safety.clone(), secrets, knows_own: false })
    }

    /// For a recorded capture: the candidate may stand today where the legacy stood then, so an address tells nothing of
    /// whose traffic it was. (The mark of a shadow request still does.)
    #[must_use]
    pub fn recorded(self) -> Shadow {
        Shadow { knows_own: false, ..self }
    }

    /// The candidate's addresses, as far as they are known.
    pub fn candidate_at(&self) -> &[SocketAddr] {
        self.candidate.addresses()
    }

    /// Whether this exchange may be asked again, and what is then sent: see [`safety::decide`]. Under a target with a base
    /// path nothing is asked that could lead out of it: what lies beside it is somebody else's. What a live source saw on its
    /// way to the candidate itself is our own traffic, or that of its testers, and no user's of the legacy.
    ///
    /// # Errors
    ///
    /// Why nothing may go out.
    pub fn decide(&self, exchange: &Exchange) -> Result<ShadowRequest, Skip> {
        if self.knows_own && self.candidate.is_at(exchange.server) {
            return Err(Skip::OwnTraffic);
        }
        let request = safety::decide(exchange, &self.safety, &self.secrets)?;
        let bounded = |client: &Client| !client.target().base_path.is_empty();
        let bounded = bounded(&self.candidate) || self.legacy.as_ref().is_some_and(bounded);
        if bounded && request.goes_up() { Err(Skip::NotReplayable) } else { Ok(request) }
    }

    /// Asks the candidate, and the live legacy too where there is one and the request only reads by definition (what
    /// the policy opens by name is opened for the candidate alone). Each is asked once.
    ///
    /// Both are asked at the same moment, over connections of their own: one after the other, the second would find warm
    /// caches and later data, and its latency would hold the first one's. Both latencies count from `intended`.
    ///
    /// An answer to a sandboxed request that does not say that the effects were discarded is a failure, and none to be
    /// compared.
    pub async fn observe(&self, request: &ShadowRequest, intended: Instant) -> Asked {
        self.observe_within(request, intended, &Unbounded).await
    }

    /// The same, and bodies of both answers are kept as far as there is room for them.
    pub async fn observe_within(&self, request: &ShadowRequest, intended: Instant, room: &dyn Room) -> Asked {
        let candidate = async { agreed(request, self.candidate.ask_within(request, intended, room).await) };
        let credentials = request.credentials();
        match self.legacy.as_ref().filter(|_| request.only_reads()) {
            Some(legacy) => {
                let (candidate, legacy) = tokio::join!(candidate, legacy.ask_within(request, intended, room));
                Asked { candidate, legacy: Some(legacy), credentials }
            }
            None => Asked { candidate: candidate.await, legacy: None, credentials },
        }
    }
}

/// The answer, if the request was not sandboxed or the answer keeps the agreement.
fn agreed(request: &ShadowRequest, answer: Result<Answer, Failed>) -> Result<Answer, Failed> {
    let answer = answer?;
    if request.opening().sandbox().is_none() || sandbox::says_discarded(&answer.response) {
        return Ok(answer);
    }
    Err(Failed { failure: Failure::EffectsNotDiscarded, after: answer.latency })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Body, Headers, Moments, Request, Response, Version};

    fn exchange(target: &str) -> Exchange {
        let address = ([10, 0, 0, 1], 80).into();
        let (version, headers, body) = (Version::Http11, Headers::new(), Body::default());
        let request = Request {
            method: "GET".into(),
            target: target.to_owned().into(),
            version,
            headers: headers.clone(),
            body: body.clone(),
        };
        Exchange {
            client: address,
            server: address,
            request: Some(request),
            response: Some(Response { version, status: 200, headers, body, interim: Vec::new() }),
            interim_only: Vec::new(),
            incomplete: None,
            moments: Moments::default(),
        }
    }

    #[tokio::test]
    async fn nothing_is_asked_that_leads_out_of_a_base_path() {
        let safety = Safety::default();
        let shadow = async |target: &str| Shadow::resolve(&target.parse().unwrap(), None, &safety).await.unwrap();
        let (under, root) = (shadow("http://127.0.0.1:1/base").await, shadow("http://127.0.0.1:1").await);
        for target in ["/../admin", "/a/..", "/%2e%2E/admin", "/.%2e/x", "/a%2f..%2fadmin", "/..\\admin", "/..;/admin"]
        {
            assert_eq!(under.decide(&exchange(target)).map(drop), Err(Skip::NotReplayable), "{target}");
            assert!(root.decide(&exchange(target)).is_ok(), "{target}: there is nothing above the root");
        }
        for target in ["/a", "/a..b/..c", "/...", "/./a", "/a?next=/../b"] {
            assert!(under.decide(&exchange(target)).is_ok(), "{target}");
        }
    }
}

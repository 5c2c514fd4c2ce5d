//! Exchanges to observations: what may be asked, when, and the asking itself.
//!
//! [`safety`] decides, [`request`] rebuilds what was captured, [`pace`] says when, [`client`] asks once. Nothing here
//! queues: whoever calls holds the permit, waits for the turn, and then awaits [`Shadow::observe`].

pub mod client;
mod connection;
mod failure;
pub mod pace;
pub mod request;
pub mod safety;

pub use client::{Client, TargetError};
pub use pace::{Pace, Pacer, Turn};
pub use request::ShadowRequest;

use tokio::time::Instant;

use crate::config::{Limits, Safety, Target};
use crate::exchange::{Asked, Exchange, Skip};

/// Everything that asks: the candidate, the live legacy where it is asked too, and the policy that says what may be.
#[derive(Debug)]
pub struct Shadow {
    candidate: Client,
    legacy: Option<Client>,
    safety: Safety,
}

impl Shadow {
    /// Looks up the targets' addresses, once for the run. No connection is opened before the first request.
    ///
    /// # Errors
    ///
    /// [`TargetError`] where a target's name has no address.
    pub async fn resolve(candidate: &Target, legacy: Option<&Target>, safety: &Safety) -> Result<Shadow, TargetError> {
        let limits: &Limits = &safety.limits;
        let legacy = match legacy {
            Some(target) => Some(Client::resolve(target, limits).await?),
            None => None,
        };
        let candidate = Client::resolve(candidate, limits).await?;
        Ok(Shadow { candidate, legacy, safety: safety.clone() })
    }

    /// Whether this exchange may be asked again, and what is then sent: see [`safety::decide`].
    ///
    /// # Errors
    ///
    /// Why nothing may go out.
    pub fn decide(&self, exchange: &Exchange) -> Result<ShadowRequest, Skip> {
        safety::decide(exchange, &self.safety)
    }

    /// Asks the candidate, and the live legacy too where there is one and the request only reads by definition (what
    /// the policy opens by name is opened for the candidate alone). Each is asked once.
    ///
    /// Both are asked at the same moment, over connections of their own: one after the other, the second would find warm
    /// caches and later data, and its latency would hold the first one's. Both latencies count from `intended`.
    pub async fn observe(&self, request: &ShadowRequest, intended: Instant) -> Asked {
        let candidate = self.candidate.ask(request, intended);
        match self.legacy.as_ref().filter(|_| request.only_reads()) {
            Some(legacy) => {
                let (candidate, legacy) = tokio::join!(candidate, legacy.ask(request, intended));
                Asked { candidate, legacy: Some(legacy) }
            }
            None => Asked { candidate: candidate.await, legacy: None },
        }
    }
}

//! Whether a request that may go out goes out now: the sample, the sandbox agreement, the breaker and the rate.
//!
//! State machines without clock and lock. The one thread that sends owns them; it says what time it is, and hands in
//! what was heard of the requests that went out.

use std::time::Duration;

use serde::Serialize;

use super::backoff::Backoff;
use super::breaker::{Breaker, BreakerStanding};
use super::bucket::{self, Bucket};
use super::request::ShadowRequest;
use super::sample;
use super::sandbox::{self, Agreement, ClosedSandbox, Sandboxes};
use crate::config::{Limits, Safety, Sample};
use crate::exchange::{Asked, Exchange, Failure, Skip};

/// Statuses by which a service says that it is asked too much (RFC 6585, section 4; RFC 9110, section 15.6.4).
pub(super) const REFUSALS: [u16; 2] = [429, 503];

/// What one run lets out, and when.
#[derive(Debug)]
pub struct Admission {
    sample: Option<Sample>,
    sandboxes: Sandboxes,
    breaker: Option<Breaker>,
    backoff: Option<Backoff>,
    bucket: Bucket,
    /// None: recorded captures wait for their turn, and are not refused it.
    live_rate: Option<f64>,
    limits: Limits,
    /// The latest time that was told.
    latest: Duration,
}

impl Admission {
    /// For one run. `live`: the source cannot wait, so that what comes too fast is skipped.
    pub fn new(safety: &Safety, live: bool) -> Admission {
        let limits = &safety.limits;
        let patience = limits.timeout.saturating_mul(2);
        Admission {
            sample: safety.sample.clone(),
            sandboxes: Sandboxes::new(&safety.endpoints),
            breaker: safety.breaker.when.holds(live).then(|| Breaker::new(&safety.breaker, patience)),
            backoff: safety.backoff.when.holds(live).then(|| Backoff::new(&safety.backoff, limits.rate)),
            bucket: Bucket::default(),
            live_rate: limits.rate.filter(|_| live),
            limits: limits.clone(),
            latest: Duration::ZERO,
        }
    }

    /// Whether this request goes out now. To be asked once for each request that [`super::Shadow::decide`] gave, in the
    /// order of sending; a request that is then not sent after all must be handed to [`Admission::unsent`].
    /// `now`: since the start of the run.
    ///
    /// # Errors
    ///
    /// Why it does not.
    pub fn admit(&mut self, exchange: &Exchange, request: &ShadowRequest, now: Duration) -> Result<(), Skip> {
        self.latest = self.latest.max(now);
        if self.sample.as_ref().is_some_and(|sample| !sample::holds(sample, exchange)) {
            return Err(Skip::NotSampled);
        }
        self.sandboxes.may(request.opening())?;
        if self.breaker.as_mut().is_some_and(|breaker| !breaker.may(now)) {
            return Err(Skip::BreakerOpen);
        }
        self.in_rate(now)?;
        // From here on it goes out: nothing above has kept anything of it but the token.
        self.sandboxes.sent(request.opening());
        if let Some(breaker) = &mut self.breaker {
            breaker.sent(now);
        }
        if let Some(backoff) = &mut self.backoff {
            backoff.sent();
        }
        Ok(())
    }

    fn in_rate(&mut self, now: Duration) -> Result<(), Skip> {
        let backing_off = self.backoff.as_ref().and_then(Backoff::rate);
        let Some(rate) = backing_off.or(self.live_rate) else { return Ok(()) };
        let short = bucket::default_burst(rate);
        let burst = match self.limits.burst.map(f64::from) {
            // A burst at the full rate is no way to be gentle.
            Some(burst) if backing_off.is_none() => burst,
            Some(burst) => burst.min(short),
            None => short,
        };
        match (self.bucket.take(rate, burst, now), backing_off) {
            (true, _) => Ok(()),
            (false, Some(_)) => Err(Skip::BackingOff),
            (false, None) => Err(Skip::RateLimited),
        }
    }

    /// Takes in what was heard of a request that had been admitted.
    pub fn heard(&mut self, heard: &Heard, now: Duration) {
        self.latest = self.latest.max(now);
        self.sandboxes.heard(heard.sandbox);
        if let Some(breaker) = &mut self.breaker {
            breaker.heard(heard.error, heard.latency, heard.reference, now);
        }
        if let Some(backoff) = &mut self.backoff {
            backoff.heard(heard.latency, heard.overloaded, now);
        }
    }

    /// Takes an admitted request back of which not one byte went out (the run was stopped, there was no place).
    pub fn unsent(&mut self, request: &ShadowRequest) {
        self.sandboxes.unsent(request.opening());
        if let Some(breaker) = &mut self.breaker {
            breaker.unsent();
        }
    }

    /// How it stands, at the latest time that was told.
    pub fn standing(&self) -> AdmissionStanding {
        let backing_off = self.backoff.as_ref().and_then(Backoff::rate);
        AdmissionStanding {
            breaker: self.breaker.as_ref().map(|breaker| breaker.standing(self.latest)),
            rate: backing_off.or(self.limits.rate),
            backing_off: backing_off.is_some(),
            closed_sandboxes: self.sandboxes.closed(),
        }
    }
}

/// How the admission stands: for the status line and the report.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct AdmissionStanding {
    /// The breaker; None where the run has none.
    pub breaker: Option<BreakerStanding>,
    /// Requests a second, at most, at this moment; None: no limit.
    pub rate: Option<f64>,
    /// Whether that is less than the policy allows, because the candidate slowed down.
    pub backing_off: bool,
    /// Sandboxed endpoints that are closed for the rest of the run.
    pub closed_sandboxes: Vec<ClosedSandbox>,
}

/// What the admission must know of a request that was asked: small, for a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    sandbox: Option<(usize, Agreement)>,
    /// No answer, one that says that it is too much, or a failure of the server that the legacy did not have.
    error: bool,
    /// The candidate says itself that it is asked too much.
    overloaded: bool,
    /// How long the candidate took; a time-out is a lower bound. None where nothing is known of it.
    latency: Option<Duration>,
    /// How long the legacy took.
    reference: Option<Duration>,
}

impl Heard {
    /// Of a request, what was heard when it was asked, and the exchange that it repeats.
    pub fn of(request: &ShadowRequest, asked: &Asked, exchange: &Exchange) -> Heard {
        let sandbox = request.opening().sandbox().map(|index| (index, sandbox::agreement(&asked.candidate)));
        let live = asked.legacy.as_ref().and_then(|legacy| legacy.as_ref().ok());
        let reference = live.map(|answer| answer.latency).or_else(|| exchange.moments.latency());
        let legacy_status = live.map(|answer| &answer.response).or(exchange.response.as_ref()).map(|r| r.status);
        let (error, overloaded, latency) = match &asked.candidate {
            Ok(answer) => {
                let status = answer.response.status;
                let overloaded = REFUSALS.contains(&status);
                let worse = status >= 500 && legacy_status.is_none_or(|legacy| legacy < 500);
                (overloaded || worse, overloaded, Some(answer.latency))
            }
            // The candidate answered, and what was wrong with the answer has nothing to do with load.
            Err(failed) if failed.failure == Failure::EffectsNotDiscarded => (false, false, Some(failed.after)),
            Err(failed) => (true, false, (failed.failure == Failure::Timeout).then_some(failed.after)),
        };
        Heard { sandbox, error, overloaded, latency, reference }
    }
}

#[cfg(test)]
mod tests;

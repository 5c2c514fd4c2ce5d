//! Promise 3 in the policy: what may go out, in whose name, how much of it, and when sending pauses.

use std::time::Duration;

use crate::exchange::EndpointPattern;

/// Methods that are safe by definition (RFC 9110, section 9.2.1).
const SAFE_METHODS: [&str; 4] = ["GET", "HEAD", "OPTIONS", "TRACE"];

/// Promise 3: what may go out.
#[derive(Debug, Clone, PartialEq)]
pub struct Safety {
    /// Methods that are sent without being opened by an endpoint.
    pub methods: Vec<String>,
    /// Endpoints opened by name, whatever the method. The first that matches a request answers for it, and goes
    /// before the methods.
    pub endpoints: Vec<OpenEndpoint>,
    /// What becomes of credentials in captured requests.
    pub credentials: Credentials,
    /// Bounds of the sending.
    pub limits: Limits,
    /// Which clients or sessions are asked about. None: all.
    pub sample: Option<Sample>,
    /// When a failing candidate is left alone.
    pub breaker: Breaker,
    /// How the rate follows a candidate that slows down.
    pub backoff: Backoff,
}

impl Default for Safety {
    fn default() -> Self {
        Safety {
            methods: vec!["GET".into(), "HEAD".into()],
            endpoints: Vec::new(),
            credentials: Credentials::Strip,
            limits: Limits::default(),
            sample: None,
            breaker: Breaker::default(),
            backoff: Backoff::default(),
        }
    }
}

impl Safety {
    /// What somebody has opened that a run should tell loudly, once, before it sends anything: one line each.
    pub fn warnings(&self) -> Vec<String> {
        let unsafe_methods = self.methods.iter().filter(|method| !SAFE_METHODS.contains(&method.as_str()));
        unsafe_methods
            .map(|method| {
                format!(
                    "safety.methods lists {method}, which is not safe (RFC 9110, section 9.2.1): every captured {method} \
                     goes to the candidate and does there what it says; to open single endpoints, name them under \
                     safety.endpoints"
                )
            })
            .collect()
    }
}

/// An endpoint that the policy opens although its method is not safe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenEndpoint {
    /// Which requests.
    pub endpoint: EndpointPattern,
    /// Why that does no harm.
    pub treatment: Treatment,
}

/// Why sending a request of an opened endpoint does no harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// It only reads, whatever its method says (a search by POST).
    Read,
    /// It writes, and the candidate discards what a shadow request did: each answer must say so with
    /// `Shadow-Effects: discarded`. The first that does not closes the endpoint for the run.
    Sandboxed,
}

/// What becomes of the credentials in a captured request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Authorization, Cookie and API-key headers are dropped.
    Strip,
    /// They go out as captured.
    Pass,
    /// Those named here are replaced by values from the environment wherever a captured request has them; the others
    /// are dropped. The values are not part of the policy: see `shadow::Secrets`.
    Replace(Vec<Replacement>),
}

impl Credentials {
    /// The word in the policy file: `strip`, `pass` or `replace`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Credentials::Strip => "strip",
            Credentials::Pass => "pass",
            Credentials::Replace(_) => "replace",
        }
    }
}

/// A header whose captured value is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// The header's name in small letters.
    pub header: String,
    /// The environment variable that holds the value, without the `$`.
    pub variable: String,
}

/// Bounds of the sending.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Requests a second, at most. None: as the pace says, and from a live source all.
    pub rate: Option<f64>,
    /// Requests of a live source that may go out at once after a quiet moment. None: a tenth of a second's worth.
    pub burst: Option<u32>,
    /// Requests in flight at once, at most.
    pub in_flight: usize,
    /// For one whole answer.
    pub timeout: Duration,
    /// Bytes of one body that are kept, captured or answered.
    pub body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { rate: None, burst: None, in_flight: 64, timeout: Duration::from_secs(2), body: 16 << 20 }
    }
}

/// A share of the clients or sessions, each with all of its requests or with none.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// How many of them: 0.1 is 10 %.
    pub share: f64,
    /// What makes two requests belong together.
    pub by: SampleBy,
}

/// What makes two requests belong together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SampleBy {
    /// The client's address, without the port.
    #[default]
    Client,
    /// The value of this header; the client's address where a request has none.
    Header(String),
    /// The value of this cookie; the client's address where a request has none.
    Cookie(String),
}

/// In which runs something works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum When {
    /// Where the source is live: what the policy file leaves unsaid.
    #[default]
    Live,
    /// In every run: it stands in the policy file.
    Always,
    /// In none: the policy file says `off`.
    Never,
}

impl When {
    /// Whether it works in a run whose source is live, or is not.
    pub fn holds(self, live: bool) -> bool {
        match self {
            When::Live => live,
            When::Always => true,
            When::Never => false,
        }
    }
}

/// When a failing candidate is left alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Breaker {
    /// In which runs.
    pub when: When,
    /// The share of the latest answers that must be errors (no answer, 429, 5xx where the legacy's was none).
    pub errors: f64,
    /// How many of the latest answers are looked at.
    pub over: usize,
    /// What a slow answer is. More than half of the latest being slow opens the breaker too.
    pub latency: SlowLimit,
    /// How long nothing is sent before probes are.
    pub open_for: Duration,
}

impl Default for Breaker {
    fn default() -> Self {
        Breaker {
            when: When::Live,
            errors: 0.5,
            over: 20,
            latency: SlowLimit::Multiple(5.0),
            open_for: Duration::from_secs(30),
        }
    }
}

/// Above which latency an answer is slow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SlowLimit {
    /// So many times what the legacy took for the same request, and never less than a floor below which nobody is
    /// harmed (`shadow::breaker::NEVER_SLOW`).
    Multiple(f64),
    /// Whatever the legacy took.
    Absolute(Duration),
}

/// How the rate follows a candidate that slows down.
#[derive(Debug, Clone, PartialEq)]
pub struct Backoff {
    /// In which runs.
    pub when: When,
    /// The rate is halved when the median of a period is so many times the candidate's own best.
    pub latency: f64,
    /// Requests a second that are sent however slow it is.
    pub least: f64,
}

impl Default for Backoff {
    fn default() -> Self {
        Backoff { when: When::Live, latency: 2.0, least: 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_method_that_is_not_safe_is_told_and_the_safe_ones_are_not() {
        assert_eq!(Safety::default().warnings(), Vec::<String>::new());
        let methods = ["GET", "HEAD", "OPTIONS", "TRACE", "POST", "PROPFIND"].map(String::from).to_vec();
        let warnings = Safety { methods, ..Safety::default() }.warnings();
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(
            warnings[0].contains("lists POST") && warnings[0].contains("every captured POST goes to the candidate")
        );
        assert!(warnings[1].contains("lists PROPFIND"), "unknown to the RFC counts as unsafe");
    }

    #[test]
    fn what_is_not_said_works_in_live_runs_alone() {
        let works = |when: When| [when.holds(true), when.holds(false)];
        assert_eq!(works(When::Live), [true, false]);
        assert_eq!(works(When::Always), [true, true]);
        assert_eq!(works(When::Never), [false, false]);
    }
}

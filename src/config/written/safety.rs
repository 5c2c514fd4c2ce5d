//! The `safety:` part of the policy file, as it is written and as it is meant.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::switch::Switch;
use super::{Checked, MAX_LIST, Problem, Text, bounded, many, one, set};
use crate::config::{
    Backoff, Breaker, Credentials, Limits, OpenEndpoint, Replacement, Safety, Sample, SampleBy, SlowLimit, Treatment,
    When, units,
};
use crate::exchange::EndpointPattern;

/// Headers that are made anew for each message or say whose request it is: no credentials, and not ours to set.
const NOT_REPLACED: [&str; 7] =
    ["host", "content-length", "transfer-encoding", "connection", "te", "proxy-authorization", "shadow-request"];

/// Methods that one may list.
const MAX_METHODS: usize = 50;
/// Headers that may be replaced.
const MAX_REPLACED: usize = 50;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenSafety {
    methods: Option<Vec<Text>>,
    endpoints: Option<Vec<WrittenOpening>>,
    credentials: Option<WrittenCredentials>,
    limits: Option<WrittenLimits>,
    sample: Option<WrittenSample>,
    breaker: Option<Switch<WrittenBreaker>>,
    backoff: Option<Switch<WrittenBackoff>>,
}

impl WrittenSafety {
    pub(super) fn meaning(self) -> Checked<Safety> {
        let mut safety = Safety::default();
        if let Some(methods) = self.methods {
            safety.methods = many("safety.methods", methods, MAX_METHODS, units::method)?;
        }
        if let Some(openings) = self.endpoints {
            bounded("safety.endpoints", &openings, MAX_LIST, |opening| &opening.endpoint)?;
            safety.endpoints = openings.into_iter().map(WrittenOpening::meaning).collect::<Checked<_>>()?;
        }
        if let Some(credentials) = self.credentials {
            safety.credentials = credentials.meaning()?;
        }
        safety.limits = self.limits.unwrap_or_default().meaning()?;
        safety.sample = self.sample.map(WrittenSample::meaning).transpose()?;
        match self.breaker {
            None => {}
            Some(Switch::Off) => safety.breaker.when = When::Never,
            Some(Switch::On(written)) => safety.breaker = written.meaning()?,
        }
        match self.backoff {
            None => {}
            Some(Switch::Off) => safety.backoff.when = When::Never,
            Some(Switch::On(written)) => safety.backoff = written.meaning()?,
        }
        Ok(safety)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenOpening {
    endpoint: Text,
    r#as: Text,
}

impl WrittenOpening {
    fn meaning(self) -> Checked<OpenEndpoint> {
        let treatment = one("safety.endpoints: as", &self.r#as, units::treatment)?;
        let read = |text: &str| -> Result<EndpointPattern, String> {
            let pattern: EndpointPattern = text.parse().map_err(|error| format!("{error}"))?;
            match pattern.method() {
                // Opened by name means that nobody opens DELETE by accident.
                None => {
                    Err(format!("'{text}' opens every method; name the one, such as 'POST {}'", pattern.template()))
                }
                Some("CONNECT") => Err("a tunnel cannot be asked again; leave 'CONNECT' out".into()),
                // One answer would vouch for endpoints that have never given any.
                Some(_) if treatment == Treatment::Sandboxed && pattern.template().ends_with("**") => Err(format!(
                    "'{text}' is more than one endpoint, and each that writes must prove by itself that it discards; name \
                     them one by one, such as 'POST /orders/{{id}}'"
                )),
                Some(_) => Ok(pattern),
            }
        };
        Ok(OpenEndpoint { endpoint: one("safety.endpoints", &self.endpoint, read)?, treatment })
    }
}

/// `strip`, `pass`, or `replace:` with a mapping of headers to variables of the environment.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WrittenCredentials {
    Strip,
    Pass,
    Replace(BTreeMap<String, Text>),
}

impl WrittenCredentials {
    fn meaning(self) -> Checked<Credentials> {
        let written = match self {
            WrittenCredentials::Strip => return Ok(Credentials::Strip),
            WrittenCredentials::Pass => return Ok(Credentials::Pass),
            WrittenCredentials::Replace(written) => written,
        };
        let mut replaced: Vec<Replacement> = Vec::new();
        for (header, text) in written {
            let room = replaced.len() < MAX_REPLACED;
            let fits = if room { Ok(()) } else { Err(format!("more than {MAX_REPLACED} headers; leave some out")) };
            let header = fits.and_then(|()| header_of(&header, &replaced)).map_err(|message| Problem {
                line: text.referenced.line(),
                message: format!("safety.credentials.replace: {message}"),
            })?;
            let key = format!("safety.credentials.replace.{header}");
            let variable = one(&key, &text, units::variable)?;
            replaced.push(Replacement { header, variable });
        }
        Ok(Credentials::Replace(replaced))
    }
}

fn header_of(written: &str, known: &[Replacement]) -> Result<String, String> {
    let header = units::header_name(written)?;
    if NOT_REPLACED.contains(&header.as_str()) {
        return Err(format!("'{header}' is no credential that a request carries to the service; take it out"));
    }
    if known.iter().any(|other| other.header == header) {
        return Err(format!("'{header}' stands here twice; keep one"));
    }
    Ok(header)
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLimits {
    rate: Option<Text>,
    burst: Option<Text>,
    in_flight: Option<Text>,
    timeout: Option<Text>,
    body: Option<Text>,
}

impl WrittenLimits {
    fn meaning(self) -> Checked<Limits> {
        let mut limits = Limits::default();
        let burst = |text: &str| {
            let number = units::count(text, units::MAX_BURST, "50")?;
            u32::try_from(number).map(Some).map_err(|error| error.to_string())
        };
        let line = self.burst.as_ref().map(|burst| burst.referenced.line());
        set(&mut limits.rate, "safety.limits.rate", self.rate, |text| units::rate(text).map(Some))?;
        set(&mut limits.burst, "safety.limits.burst", self.burst, burst)?;
        set(&mut limits.in_flight, "safety.limits.in_flight", self.in_flight, units::in_flight)?;
        set(&mut limits.timeout, "safety.limits.timeout", self.timeout, units::timeout)?;
        set(&mut limits.body, "safety.limits.body", self.body, units::size)?;
        if let (Some(line), None) = (line, limits.rate) {
            let message =
                "safety.limits.burst: it does nothing without a rate; write both, such as 'rate: 500/s'".into();
            return Err(Problem { line, message });
        }
        Ok(limits)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSample {
    share: Text,
    by: Option<Text>,
}

impl WrittenSample {
    fn meaning(self) -> Checked<Sample> {
        let mut by = SampleBy::default();
        set(&mut by, "safety.sample.by", self.by, units::sample_by)?;
        Ok(Sample { share: one("safety.sample.share", &self.share, units::share)?, by })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenBreaker {
    errors: Option<Text>,
    over: Option<Text>,
    latency: Option<Text>,
    open_for: Option<Text>,
}

impl WrittenBreaker {
    fn meaning(self) -> Checked<Breaker> {
        let mut breaker = Breaker { when: When::Always, ..Breaker::default() };
        set(&mut breaker.errors, "safety.breaker.errors", self.errors, units::share)?;
        set(&mut breaker.over, "safety.breaker.over", self.over, units::requests)?;
        set::<SlowLimit, _>(&mut breaker.latency, "safety.breaker.latency", self.latency, units::slow_limit)?;
        set(&mut breaker.open_for, "safety.breaker.open_for", self.open_for, units::pause)?;
        Ok(breaker)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenBackoff {
    latency: Option<Text>,
    least: Option<Text>,
}

impl WrittenBackoff {
    fn meaning(self) -> Checked<Backoff> {
        let mut backoff = Backoff { when: When::Always, ..Backoff::default() };
        set(&mut backoff.latency, "safety.backoff.latency", self.latency, units::above_one)?;
        set(&mut backoff.least, "safety.backoff.least", self.least, units::rate)?;
        Ok(backoff)
    }
}

//! Invented observations for tests: the timings and answers of a run that never was.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{Snapshot, Tally};
use crate::exchange::{
    Answer, Asked, Body, Comparison, Difference, DifferenceKind, Endpoint, Example, Exchange, Failed, Failure, Fate,
    Headers, Location, Moments, Observation, Outcome, Request, Response, RuleAnswer, RuleHit, Segment, Skip, Timestamp,
    Version,
};
use crate::ledger::{CaptureBooks, WireBooks};

/// An observation under construction, with what comparing it would give.
#[derive(Debug, Clone)]
pub(crate) struct Invented {
    pub(crate) observation: Observation,
    pub(crate) comparison: Comparison,
}

pub(crate) fn response(status: u16) -> Response {
    Response { version: Version::Http11, status, headers: Headers::new(), body: Body::default(), interim: Vec::new() }
}

impl Invented {
    /// A match: the legacy took 10 ms, the candidate 9 ms.
    pub(crate) fn new(sequence: u64, endpoint: u32) -> Invented {
        let start = Timestamp(1_700_000_000_000_000_000 + sequence as i64 * 1_000_000);
        let exchange = Exchange {
            client: ([10, 0, 0, 1], 40_000).into(),
            server: ([10, 0, 0, 2], 80).into(),
            request: Some(Request {
                method: "GET".into(),
                target: Bytes::from(format!("/things/{sequence}")),
                version: Version::Http11,
                headers: Headers::new(),
                body: Body::default(),
            }),
            response: Some(response(200)),
            incomplete: None,
            moments: Moments {
                request_start: Some(start),
                request_end: Some(start),
                response_start: Some(start),
                response_end: Some(Timestamp(start.0 + 10_000_000)),
            },
        };
        let answer = Answer { response: response(200), latency: Duration::from_millis(9) };
        let fate = Fate::Asked(Box::new(Asked { candidate: Ok(answer), legacy: None }));
        Invented {
            observation: Observation { sequence, endpoint, exchange, fate },
            comparison: Comparison {
                outcome: Outcome::Matched,
                differences: Vec::new(),
                more_differences: 0,
                legacy_drifted: None,
            },
        }
    }

    pub(crate) fn outcome(mut self, outcome: Outcome) -> Invented {
        self.comparison.outcome = outcome;
        self
    }

    pub(crate) fn times(mut self, legacy: Duration, candidate: Duration) -> Invented {
        let end = self.observation.exchange.moments.request_end.unwrap();
        let legacy_end = Timestamp(end.0 + legacy.as_nanos() as i64);
        self.observation.exchange.moments.response_end = Some(legacy_end);
        let answer = Answer { response: response(200), latency: candidate };
        self.observation.fate = Fate::Asked(Box::new(Asked { candidate: Ok(answer), legacy: None }));
        self
    }

    pub(crate) fn skipped(mut self, skip: Skip) -> Invented {
        self.observation.fate = Fate::Skipped(skip);
        self.outcome(Outcome::Skipped(skip))
    }

    pub(crate) fn failed(mut self, failure: Failure, after: Duration) -> Invented {
        let failed = Failed { failure, after };
        self.observation.fate = Fate::Asked(Box::new(Asked { candidate: Err(failed), legacy: None }));
        self.outcome(Outcome::Failed(failure))
    }

    /// A difference at `/items/{n}/{key}`; with a rule, it is answered for.
    pub(crate) fn differing(mut self, n: usize, key: &str, rule: Option<(&str, RuleAnswer)>) -> Invented {
        let path = vec![Segment::Key("items".into()), Segment::Index(n), Segment::Key(key.into())];
        self.comparison.differences.push(Difference {
            at: Location::Json(path),
            kind: DifferenceKind::Value,
            legacy: Some("20.00".into()),
            candidate: Some("19.99".into()),
            rule: rule.map(|(id, answer)| RuleHit { id: Arc::from(id), answer }),
        });
        if rule.is_none() {
            self.comparison.outcome = Outcome::Mismatched;
        }
        self
    }

    pub(crate) fn example(&self) -> Example {
        Example {
            sequence: self.observation.sequence,
            started: None,
            request: self
                .observation
                .exchange
                .request
                .as_ref()
                .map_or(String::new(), |r| format!("{} {}", r.method, r.target_text())),
            status: (200, 200),
            differences: self.comparison.differences.clone(),
            patch: Some("[\n  {\"op\":\"replace\",\"path\":\"/items/2/price\",\"value\":19.99}\n]".into()),
            text_diff: None,
            legacy: body("20.00"),
            candidate: body("19.99"),
        }
    }

    pub(crate) fn absorbed_by(&self, tally: &mut Tally) {
        tally.absorb(&self.observation, &self.comparison, || self.example());
    }
}

/// A basket of twelve, the third at that price.
fn body(price: &str) -> String {
    let item = |n| {
        let price = if n == 2 { price } else { "4.50" };
        format!("    {{\n      \"sku\": \"SKU-{n:05}\",\n      \"price\": {price},\n      \"quantity\": {n}\n    }}")
    };
    let items: Vec<String> = (0..12).map(item).collect();
    format!("{{\n  \"customer\": \"Ada\",\n  \"items\": [\n{}\n  ]\n}}", items.join(",\n"))
}

pub(crate) fn tally_of<'a>(observations: impl IntoIterator<Item = &'a Invented>) -> Tally {
    let mut tally = Tally::new();
    observations.into_iter().for_each(|one| one.absorbed_by(&mut tally));
    tally
}

pub(crate) fn endpoint(text: &str) -> Endpoint {
    let (method, template) = text.split_once(' ').unwrap();
    Endpoint { method: method.into(), template: template.into() }
}

/// The snapshot of these observations, under wire books that agree with them.
pub(crate) fn snapshot_of(observations: &[Invented], endpoints: &[&str]) -> Snapshot {
    let n = observations.len() as u64;
    let wire = WireBooks {
        frames: n * 4,
        frames_used: n * 4,
        requests: n,
        requests_paired: n,
        answers: n,
        answers_paired: n,
        ..WireBooks::default()
    };
    let endpoints: Vec<Endpoint> = endpoints.iter().map(|text| endpoint(text)).collect();
    let capture = CaptureBooks { files: 1, bytes: n * 400, damage: Vec::new(), finished: true };
    tally_of(observations).snapshot(&endpoints, wire, capture)
}

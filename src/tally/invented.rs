//! Invented observations for tests: the timings and answers of a run that never was.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::{Snapshot, Tally};
use crate::config::ClientMark;
use crate::exchange::{
    Answer, Asked, AskedWith, Body, Carried, Comparison, Difference, DifferenceKind, Endpoint, Example, Exchange,
    Failed, Failure, Fate, Headers, Location, Moments, NotComparable, Observation, Outcome, Request, Response,
    RuleAnswer, RuleHit, Segment, Skip, Timestamp, Version,
};
use crate::faults::invented as faults;
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
            interim_only: Vec::new(),
            incomplete: None,
            moments: Moments {
                request_start: Some(start),
                request_end: Some(start),
                response_start: Some(start),
                response_end: Some(Timestamp(start.0 + 10_000_000)),
            },
        };
        let answer = Answer { response: response(200), latency: Duration::from_millis(9) };
        let fate = Fate::Asked(Box::new(Asked { candidate: Ok(answer), legacy: None, credentials: Carried::Nothing }));
        Invented {
            observation: Observation { sequence, endpoint, exchange, fate },
            comparison: Comparison {
                outcome: Outcome::Matched,
                differences: Vec::new(),
                more_differences: 0,
                hindrance: None,
                legacy_drifted: None,
            },
        }
    }

    pub(crate) fn exchange(&self) -> Exchange {
        self.observation.exchange.clone()
    }

    /// The whole of it as much later or earlier as makes it begin then.
    pub(crate) fn starting(mut self, start: Timestamp) -> Invented {
        let moments = &mut self.observation.exchange.moments;
        let by = start.0 - moments.request_start.map_or(0, |time| time.0);
        for time in [
            &mut moments.request_start,
            &mut moments.request_end,
            &mut moments.response_start,
            &mut moments.response_end,
        ] {
            *time = time.map(|time| Timestamp(time.0 + by));
        }
        self
    }

    /// The legacy answered with that status.
    pub(crate) fn status(mut self, status: u16) -> Invented {
        self.observation.exchange.response = Some(response(status));
        self
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
        self.observation.fate =
            Fate::Asked(Box::new(Asked { candidate: Ok(answer), legacy: None, credentials: Carried::Nothing }));
        self
    }

    /// The candidate answers with that status, in the name of whoever asked or not.
    pub(crate) fn answered(mut self, status: u16, credentials: Carried) -> Invented {
        let answer = Answer { response: response(status), latency: Duration::from_millis(9) };
        self.observation.fate = Fate::Asked(Box::new(Asked { candidate: Ok(answer), legacy: None, credentials }));
        self
    }

    pub(crate) fn skipped(mut self, skip: Skip) -> Invented {
        self.observation.fate = Fate::Skipped(skip);
        self.outcome(Outcome::Skipped(skip))
    }

    pub(crate) fn failed(mut self, failure: Failure, after: Duration) -> Invented {
        let failed = Failed { failure, after };
        self.observation.fate =
            Fate::Asked(Box::new(Asked { candidate: Err(failed), legacy: None, credentials: Carried::Nothing }));
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
            asked: AskedWith::default(),
            status: (200, self.status_of_candidate()),
            differences: self.comparison.differences.clone(),
            patch: Some("[\n  {\"op\":\"replace\",\"path\":\"/items/2/price\",\"value\":19.99}\n]".into()),
            text_diff: None,
            legacy: body("20.00"),
            candidate: body("19.99"),
        }
    }

    fn status_of_candidate(&self) -> u16 {
        match &self.observation.fate {
            Fate::Asked(asked) => asked.candidate.as_ref().map_or(0, |answer| answer.response.status),
            Fate::Skipped(_) => 0,
        }
    }

    pub(crate) fn absorbed_by(&self, tally: &mut Tally) {
        tally.absorb(&self.observation, &self.comparison, &ClientMark::Address, || self.example());
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

/// The snapshot of these observations, under wire books that agree with them, and under rules that noticed every fault.
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
    let capture = CaptureBooks { files: 1, bytes: n * 400, damage: Vec::new(), finished: true, live: None, tee: None };
    let mut snapshot = tally_of(observations).snapshot(&endpoints, wire, capture);
    let every_fault_noticed = |endpoint: &Endpoint| faults::endpoint(&endpoint.to_string(), 100, 100);
    snapshot.trial = Some(faults::trial(endpoints.iter().map(every_fault_noticed).collect()));
    snapshot
}

/// One invented observation, as numbers that proptest can shrink.
pub(crate) fn any_invented() -> impl Strategy<Value = Invented> {
    let differences = prop::collection::vec((0..3_usize, 0..3_usize, 0..5_usize), 0..4);
    (0..4_u32, 0..8_usize, differences, 1..5_000_u64, 1..5_000_u64, any::<Option<bool>>()).prop_map(
        |(number, outcome, differences, legacy, candidate, drifted)| {
            let mut one = Invented::new(0, number);
            one.observation.exchange.client = ([10, 0, 0, (legacy % 6) as u8], 40_000).into();
            one = one.times(Duration::from_micros(legacy), Duration::from_micros(candidate));
            one = one.status([200, 404, 302, 500, 200][(candidate % 5) as usize]);
            for (index, key, rule) in differences {
                let rule = match rule {
                    0 => Some(("volatile", RuleAnswer::Ignore)),
                    1 => Some(("wanted", RuleAnswer::Accept)),
                    _ => None,
                };
                one = one.differing(index, ["price", "name", "tax"][key], rule);
                one.comparison.differences.last_mut().unwrap().kind = DifferenceKind::ALL[index];
            }
            one.comparison.legacy_drifted = drifted;
            one.comparison.more_differences = candidate % 3;
            match outcome {
                0 => one.skipped(Skip::UnsafeMethod),
                1 => one.failed(Failure::Timeout, Duration::from_micros(candidate)),
                2 => one.failed(Failure::Closed, Duration::from_micros(candidate)),
                3 => one.outcome(Outcome::Accepted),
                4 => one.outcome(Outcome::Drifted),
                5 => one.outcome(Outcome::NotComparable(NotComparable::LimitReached)),
                _ => one,
            }
        },
    )
}

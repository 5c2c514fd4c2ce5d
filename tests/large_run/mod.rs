//! Runs as large as they are asked for, compared by the real comparer and kept in a real run file: what a page of a long
//! run is made of. For the test of the page's size and for the benchmark of a million exchanges.

#![allow(clippy::unwrap_used, reason = "a run that cannot be made is a failed test")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tapcompare::compare::Comparer;
use tapcompare::config::{Policy, Redaction, from_text};
use tapcompare::exchange::{
    Answer, Asked, Body, Carried, Endpoint, Exchange, Failed, Failure, Fate, Headers, Moments, Observation, Request,
    Response, RunFacts, Timestamp, Version,
};
use tapcompare::ledger::{CaptureBooks, Ledger, WireBooks};
use tapcompare::redact::{Key, Redactor};
use tapcompare::rules::RuleSet;
use tapcompare::store::{RunFile, StretchFacts};
use tapcompare::tally::Builds;

/// 2026-11-01T00:00:00Z.
const BEGIN: i64 = 1_793_491_200_000_000_000;
const NANOS_A_DAY: i64 = 86_400_000_000_000;
/// Exchanges between two writes to the run file.
const A_WRITE: u64 = 20_000;

/// How large a run is, and how much differs in it.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) exchanges: u64,
    pub(crate) endpoints: u64,
    /// Letters of each segment of a template.
    pub(crate) word: usize,
    pub(crate) days: u64,
    /// Members of an answer.
    pub(crate) members: u64,
    /// Letters of each value.
    pub(crate) value: usize,
    /// One exchange in so many differs in something.
    pub(crate) differs: u64,
    /// How many members differ in one that does.
    pub(crate) together: u64,
    /// The policy, and rule files with their names.
    pub(crate) policy: String,
    pub(crate) rules: Vec<(String, String)>,
    /// Text that is put into values: what is hard to show.
    pub(crate) spice: &'static str,
    /// Builds of the candidate, one after the other.
    pub(crate) builds: u64,
}

/// SplitMix64: the same run each time.
fn dice(n: u64) -> u64 {
    let mut z = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Shape {
    fn endpoint(&self, number: u64) -> Endpoint {
        let word = |salt: u64| -> String {
            (0..self.word)
                .map(|at| char::from(b'a' + (dice(number * 977 + salt * 31 + at as u64) % 26) as u8))
                .collect()
        };
        let method = if number.is_multiple_of(9) { "HEAD" } else { "GET" };
        Endpoint { method: method.into(), template: format!("/{}-{number}/{}/{{id}}", word(1), word(2)) }
    }

    /// An answer; `changed` members are other than the legacy's, each in one of five ways.
    fn body(&self, n: u64, changed: &[u64]) -> String {
        let members = (0..self.members).map(|member| {
            let value: String = "x".repeat(self.value);
            let plain = format!("\"m{member}\":\"{}{}{value}\"", self.spice, dice(n ^ member) % 1000);
            if !changed.contains(&member) {
                return plain;
            }
            match (member + n) % 5 {
                0 => format!("\"m{member}\":\"{}other{value}\"", self.spice),
                1 => format!("\"m{member}\":{n}"),
                2 => format!("\"m{member}\":null"),
                3 => format!("\"m{member}\":[\"{value}\"]"),
                _ => format!("\"more{member}\":\"{value}\""),
            }
        });
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    }

    fn response(&self, n: u64, status: u16, body: String) -> Response {
        let build = n * self.builds / self.exchanges.max(1);
        let fields = [("Content-Type", "application/json".to_owned()), ("X-Build", format!("build-{build}"))];
        Response {
            version: Version::Http11,
            status,
            headers: fields.iter().map(|(name, value)| (*name, value.as_bytes())).collect(),
            body: Body::whole(body),
            interim: Vec::new(),
        }
    }

    fn observation(&self, n: u64) -> Observation {
        let start =
            Timestamp(BEGIN + (n as i128 * (self.days as i64 * NANOS_A_DAY) as i128 / self.exchanges as i128) as i64);
        let took = 3_000_000 + (dice(n) % 40_000_000) as i64;
        let (endpoint, client) = (n % self.endpoints, dice(n * 3) % 5_000);
        let named = self.endpoint(endpoint);
        let target = named.template.replace("{id}", &n.to_string());
        let status = if dice(n * 7).is_multiple_of(50) { 404 } else { 200 };
        let differs = dice(n * 11).is_multiple_of(self.differs);
        let changed: Vec<u64> =
            if differs { (0..self.together).map(|k| dice(n * 13 + k) % self.members).collect() } else { Vec::new() };
        let head = named.method == "HEAD";
        let said = |changed: &[u64]| if head { String::new() } else { self.body(n, changed) };
        let exchange = Exchange {
            client: ([10, (client >> 8) as u8, client as u8, 1], 40_000).into(),
            server: ([10, 0, 0, 2], 80).into(),
            request: Some(Request {
                method: named.method,
                target: target.into_bytes().into(),
                version: Version::Http11,
                headers: [("Host", &b"shop.example"[..])].into_iter().collect::<Headers>(),
                body: Body::default(),
            }),
            response: Some(self.response(n, status, said(&[]))),
            interim_only: Vec::new(),
            incomplete: None,
            moments: Moments {
                request_start: Some(start),
                request_end: Some(start),
                response_start: Some(Timestamp(start.0 + took)),
                response_end: Some(Timestamp(start.0 + took)),
            },
        };
        let latency = Duration::from_nanos(took as u64 + dice(n * 17) % 2_000_000);
        let failure = Failure::ALL[(dice(n * 23) % Failure::ALL.len() as u64) as usize];
        let candidate = if dice(n * 19).is_multiple_of(self.differs * 4) {
            Err(Failed { failure, after: latency })
        } else {
            let status = if head && differs { 500 } else { status };
            Ok(Answer { response: self.response(n, status, said(&changed)), latency })
        };
        let fate = Fate::Asked(Box::new(Asked { candidate, legacy: None, credentials: Carried::Nothing }));
        Observation { sequence: n, endpoint: endpoint as u32, exchange, fate }
    }

    fn ledger(paired: u64) -> Ledger {
        let wire = WireBooks {
            frames: paired * 4,
            frames_used: paired * 4,
            requests: paired,
            requests_paired: paired,
            answers: paired,
            answers_paired: paired,
            ..WireBooks::default()
        };
        Ledger { wire, capture: CaptureBooks { finished: true, ..CaptureBooks::default() }, ..Ledger::default() }
    }

    /// Makes the run and keeps it.
    pub(crate) fn keep(&self, file: &Path) {
        let policy: Policy = from_text(&self.policy, Path::new("policy.yaml")).unwrap();
        let day = jiff::civil::date(2026, 11, 25);
        let rules = Arc::new(RuleSet::from_texts(self.rules.clone(), day).unwrap());
        let redactor = Redactor::new(&Redaction::default(), Key::random().unwrap()).unwrap();
        let comparer = Comparer::new(Arc::clone(&rules), Arc::new(redactor));
        let facts = RunFacts {
            version: "test".into(),
            candidate: "http://candidate.example".into(),
            started: "2026-11-01T00:00:00Z".into(),
            finished: "2026-11-25T00:00:00Z".into(),
            ..RunFacts::default()
        };
        let stretch = StretchFacts {
            facts: facts.clone(),
            policy: self.policy.clone(),
            rules: self.rules.clone(),
            notes: rules.notes(),
        };
        let endpoints: Vec<Endpoint> = (0..self.endpoints).map(|number| self.endpoint(number)).collect();
        let mut run = RunFile::open(file, &stretch).unwrap();
        let mut counted = Builds::new();
        for n in 0..self.exchanges {
            let observation = self.observation(n);
            counted.observe(&observation, &comparer.compare(&observation), &policy, &comparer);
            if (n + 1).is_multiple_of(A_WRITE) {
                run.write(&counted.hand_over(), &Shape::ledger(n + 1), &endpoints).unwrap();
            }
        }
        run.finish(&counted, &Shape::ledger(self.exchanges), &endpoints, &facts).unwrap();
    }
}

//! Runs that never were, for the run file's tests: exchanges in deltas whose sizes are known.

#![allow(dead_code, reason = "each test takes what it needs")]
#![allow(clippy::unwrap_used, reason = "what cannot be made is a failed test")]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tapcompare::compare::Comparer;
use tapcompare::config::{ClientMark, Redaction};
use tapcompare::exchange::{
    Answer, Asked, AskedWith, Body, Carried, Comparison, Difference, DifferenceKind, Endpoint, Example, Exchange, Fate,
    Headers, Location, Moments, Observation, Outcome, Request, Response, RuleAnswer, RuleHit, RunFacts, Segment,
    Timestamp, Version,
};
use tapcompare::ledger::{CaptureBooks, Ledger, WireBooks};
use tapcompare::redact::{Key, Redactor};
use tapcompare::store::StretchFacts;
use tapcompare::tally::Tally;

/// Exchanges under way when a delta is written: paired, and without an outcome.
pub(crate) const UNDER_WAY: u64 = 3;

/// How many exchanges the n-th delta has.
pub(crate) fn size(delta: u64) -> u64 {
    delta % 7 + 1
}

/// How many the first n have together.
pub(crate) fn sum(deltas: u64) -> u64 {
    (0..deltas).map(size).sum()
}

static COMPARER: LazyLock<Comparer> = LazyLock::new(|| {
    let redactor = Redactor::new(&Redaction::default(), Key::random().unwrap()).unwrap();
    Comparer::new(Arc::default(), Arc::new(redactor))
});

fn response(status: u16) -> Response {
    Response { version: Version::Http11, status, headers: Headers::new(), body: Body::default(), interim: Vec::new() }
}

/// The n-th exchange: one in 97 minutes, so that there is always something to put together; every third with a
/// difference.
pub(crate) fn absorb(tally: &mut Tally, n: u64) {
    let start = Timestamp(1_760_000_000_000_000_000 + n as i64 * 97 * 60_000_000_000);
    let request = Request {
        method: "GET".into(),
        target: format!("/things/{n}").into_bytes().into(),
        version: Version::Http11,
        headers: Headers::new(),
        body: Body::default(),
    };
    let moments = Moments {
        request_start: Some(start),
        request_end: Some(start),
        response_start: Some(start),
        response_end: Some(Timestamp(start.0 + 7_000_000 + n as i64 % 1000 * 1000)),
    };
    let exchange = Exchange {
        client: ([10, 0, 0, 1], 40_000).into(),
        server: ([10, 0, 0, 2], 80).into(),
        request: Some(request),
        response: Some(response(200)),
        interim_only: Vec::new(),
        incomplete: None,
        moments,
    };
    let answer = Answer { response: response(200), latency: Duration::from_micros(6_000 + n % 777) };
    let fate = Fate::Asked(Box::new(Asked { candidate: Ok(answer), legacy: None, credentials: Carried::Nothing }));
    let observation = Observation { sequence: n, endpoint: (n % 5) as u32, exchange, fate };
    let rule = (n.is_multiple_of(2)).then(|| RuleHit { id: Arc::from("prices"), answer: RuleAnswer::Accept });
    let outcome = match (n % 3, &rule) {
        (0, None) => Outcome::Mismatched,
        (0, Some(_)) => Outcome::Accepted,
        _ => Outcome::Matched,
    };
    let difference = Difference {
        at: Location::Json(vec![Segment::Key("items".into()), Segment::Index(0), Segment::Key("price".into())]),
        kind: DifferenceKind::Value,
        legacy: Some("20.00".into()),
        candidate: Some("19.99".into()),
        rule,
    };
    let differences = if n.is_multiple_of(3) { vec![difference] } else { Vec::new() };
    let comparison = Comparison { outcome, differences, more_differences: 0, hindrance: None, legacy_drifted: None };
    // Without this a verdict could not say whether the rules would have noticed a defect. Those that are said to differ do
    // not: they would be kept as what compares otherwise.
    if comparison.outcome == Outcome::Matched {
        tally.keep(&observation, &comparison, &ClientMark::Address, &COMPARER);
    }
    tally.absorb(&observation, &comparison, &ClientMark::Address, || Example {
        sequence: n,
        started: None,
        request: format!("GET /things/{n}"),
        asked: AskedWith::default(),
        status: (200, 200),
        differences: comparison.differences.clone(),
        patch: None,
        text_diff: None,
        legacy: "{\"items\":[{\"price\":20.00}]}".repeat(20),
        candidate: "{\"items\":[{\"price\":19.99}]}".repeat(20),
    });
}

/// The n-th delta.
pub(crate) fn delta(n: u64) -> Tally {
    let mut tally = Tally::new();
    (sum(n)..sum(n + 1)).for_each(|exchange| absorb(&mut tally, exchange));
    tally
}

/// Books in which so many exchanges are paired.
pub(crate) fn books(paired: u64) -> Ledger {
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

pub(crate) fn endpoints() -> Vec<Endpoint> {
    (0..5).map(|n| Endpoint { method: "GET".into(), template: format!("/things/{n}/{{id}}") }).collect()
}

pub(crate) fn facts() -> StretchFacts {
    StretchFacts {
        facts: RunFacts {
            candidate: "http://127.0.0.1:8081".into(),
            sources: vec!["eth0".into()],
            pace: "live".into(),
            ..RunFacts::default()
        },
        ..StretchFacts::default()
    }
}

/// This test binary again, to run one of its tests alone: a process of its own, which may be killed.
pub(crate) fn myself(test: &str) -> Vec<String> {
    let binary = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
    [binary.as_str(), "--exact", test, "--nocapture", "--test-threads=1"].map(str::to_owned).to_vec()
}

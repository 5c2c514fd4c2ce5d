//! What one exchange costs the comparer, headers and rules included: `cargo bench --bench exchange`.

#![allow(clippy::unwrap_used, reason = "what cannot be set up cannot be measured")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use tapcompare::compare::Comparer;
use tapcompare::config::{ClientMark, Redaction};
use tapcompare::exchange::{
    Answer, Asked, Body, Carried, Exchange, Fate, Headers, Moments, Observation, Request, Response, Version,
};
use tapcompare::redact::{Key, Redactor};
use tapcompare::rules::RuleSet;
use tapcompare::tally::Tally;

const TODAY: jiff::civil::Date = jiff::civil::date(2026, 11, 21);

/// Nine fields, of which three differ between any two answers.
fn response(n: u32, body: &str) -> Response {
    let fields = [
        ("Date", format!("Sun, 06 Nov 1994 08:49:{n:02} GMT")),
        ("Content-Type", "application/json; charset=utf-8".into()),
        ("Content-Length", body.len().to_string()),
        ("Connection", "keep-alive".into()),
        ("X-Request-Id", format!("7d1f6a52-{n:04}")),
        ("Cache-Control", "private, max-age=60".into()),
        ("Vary", "Accept-Encoding, Origin".into()),
        ("ETag", format!("\"{n}\"")),
        ("Strict-Transport-Security", "max-age=31536000".into()),
    ];
    let headers: Headers = fields.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    Response {
        version: Version::Http11,
        status: 200,
        headers,
        body: Body::whole(body.to_owned().into_bytes()),
        interim: vec![],
    }
}

fn observation(legacy: Response, candidate: Response) -> Observation {
    let request = Request {
        method: "GET".into(),
        target: "/orders/48213?expand=items".into(),
        version: Version::Http11,
        headers: Headers::new(),
        body: Body::default(),
    };
    let candidate = Answer { response: candidate, latency: Duration::from_millis(1) };
    Observation {
        sequence: 0,
        endpoint: 0,
        exchange: Exchange {
            client: ([10, 0, 0, 1], 40_000).into(),
            server: ([10, 0, 0, 2], 80).into(),
            request: Some(request),
            response: Some(legacy),
            interim_only: Vec::new(),
            incomplete: None,
            moments: Moments::default(),
        },
        fate: Fate::Asked(Box::new(Asked { candidate: Ok(candidate), legacy: None, credentials: Carried::Nothing })),
    }
}

fn body(request: &str) -> String {
    let line =
        |n: usize| format!("{{\"sku\":\"A-{n:05}\",\"title\":\"Thing of size {n}\",\"quantity\":2,\"price\":{n}.99}}");
    let lines: Vec<String> = (0..60).map(line).collect();
    format!("{{\"requestId\":\"{request}\",\"items\":[{}],\"at\":\"2026-11-20T10:00:00Z\"}}", lines.join(","))
}

fn exchange(c: &mut Criterion) {
    let more = "rules:\n- {id: a, owner: o, reason: r, expires: 2027-01-31, at: {endpoint: 'GET /orders/{id}', json: $.requestId}, ignore: true}\n";
    let common = ("rules/common.yaml".to_owned(), include_str!("../rules/common.yaml").to_owned());
    let Ok(rules) = RuleSet::from_texts([common, ("more".to_owned(), more.to_owned())], TODAY) else { return };
    let comparer = Comparer::new(Arc::new(rules), redactor());
    let (same, other) = (body("aaaa"), body("bbbb"));
    let mut group = c.benchmark_group("exchange");
    let mut run = |name: &str, observation: Observation| {
        group.bench_function(name, |bench| bench.iter(|| comparer.compare(black_box(&observation))));
    };
    run("all_equal_4kB", observation(response(1, &same), response(1, &same)));
    run("ruled_headers_4kB", observation(response(1, &same), response(2, &same)));
    run("ruled_headers_and_one_ruled_field_4kB", observation(response(1, &same), response(2, &other)));
    let mut count = |name: &str, mut observation: Observation, kept: bool| {
        let mut tally = Tally::new();
        group.bench_function(name, |bench| {
            bench.iter(|| {
                observation.sequence += 1;
                let comparison = comparer.compare(black_box(&observation));
                tally.absorb(&observation, &comparison, &ClientMark::Address, || {
                    comparer.example(&observation, &comparison)
                });
                if kept {
                    tally.keep(&observation, &comparison, &ClientMark::Address, &comparer);
                }
                // About once a second of a worker's time.
                if observation.sequence.is_multiple_of(50_000) {
                    tally.hand_over();
                }
            });
        });
    };
    for (answers, kept) in [("all_equal_4kB", false), ("all_equal_4kB", true)] {
        let name = format!("{answers}_counted{}", if kept { "_and_kept" } else { "" });
        count(&name, observation(response(1, &same), response(1, &same)), kept);
    }
    for (answers, kept) in [("ruled_headers_and_field_4kB", false), ("ruled_headers_and_field_4kB", true)] {
        let name = format!("{answers}_counted{}", if kept { "_and_kept" } else { "" });
        count(&name, observation(response(1, &same), response(2, &other)), kept);
    }
    group.finish();
}

criterion_group!(benches, exchange);
criterion_main!(benches);

fn redactor() -> Arc<Redactor> {
    Arc::new(Redactor::new(&Redaction::default(), Key::random().unwrap()).unwrap())
}

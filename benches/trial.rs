//! What putting rules to the test costs: `cargo bench --bench trial`.

#![allow(clippy::unwrap_used, reason = "what cannot be set up cannot be measured")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tapcompare::compare::Comparer;
use tapcompare::config::{ClientMark, Redaction};
use tapcompare::exchange::{
    Answer, Asked, Body, Carried, Endpoint, Exchange, Fate, Headers, Moments, Observation, Request, Response, Specimen,
    Version,
};
use tapcompare::faults::{Held, Laid, MAX_SPECIMENS, Terms, Trials, Uses, faults, trial};
use tapcompare::redact::{Key, Redactor};
use tapcompare::rules::RuleSet;
use tapcompare::tally::{MAX_KEPT, Tally};

const TODAY: jiff::civil::Date = jiff::civil::date(2026, 11, 21);

fn response(n: u64, lines: usize) -> Response {
    let line =
        |n: usize| format!("{{\"sku\":\"A-{n:05}\",\"title\":\"Thing of size {n}\",\"quantity\":2,\"price\":{n}.99}}");
    let lines: Vec<String> = (0..lines).map(line).collect();
    let body = format!("{{\"orderId\":{n},\"items\":[{}],\"at\":\"2026-11-20T10:00:00Z\"}}", lines.join(","));
    let fields = [
        ("Date", format!("Sun, 06 Nov 1994 08:49:{:02} GMT", n % 60)),
        ("Content-Type", "application/json; charset=utf-8".into()),
        ("Content-Length", body.len().to_string()),
        ("X-Request-Id", format!("7d1f6a52-{n:04}")),
        ("Cache-Control", "private, max-age=60".into()),
        ("ETag", format!("\"{n}\"")),
    ];
    Response {
        version: Version::Http11,
        status: 200,
        headers: fields.iter().map(|(name, value)| (*name, value.as_bytes())).collect::<Headers>(),
        body: Body::whole(body.into_bytes()),
        interim: vec![],
    }
}

fn specimen(n: u64, lines: usize) -> Specimen {
    let request = Request {
        method: "GET".into(),
        target: format!("/orders/{n}").into(),
        version: Version::Http11,
        headers: Headers::new(),
        body: Body::default(),
    };
    let candidate = Answer { response: response(n, lines), latency: Duration::from_millis(1) };
    Specimen {
        endpoint: Endpoint { method: "GET".into(), template: "/orders/{id}".into() },
        observation: Observation {
            sequence: n,
            endpoint: 0,
            exchange: Exchange {
                client: ([10, 0, 0, 1], 40_000).into(),
                server: ([10, 0, 0, 2], 80).into(),
                request: Some(request),
                response: Some(response(n, lines)),
                interim_only: Vec::new(),
                incomplete: None,
                moments: Moments::default(),
            },
            fate: Fate::Asked(Box::new(Asked {
                candidate: Ok(candidate),
                legacy: None,
                credentials: Carried::Nothing,
            })),
        },
    }
}

fn comparer(more: &str) -> Comparer {
    let common = ("rules/common.yaml".to_owned(), include_str!("../rules/common.yaml").to_owned());
    let rules = RuleSet::from_texts([common, ("more".to_owned(), more.to_owned())], TODAY).unwrap();
    let redactor = Redactor::new(&Redaction::default(), Key::random().unwrap()).unwrap();
    Comparer::new(Arc::new(rules), Arc::new(redactor))
}

/// The costliest rule there is: every fault goes unnoticed, and each is asked what hid it.
const ALL: &str = "rules:\n- {id: all, owner: o, reason: r, expires: 2027-01-31, at: {json: '$..*'}, ignore: {type: any, presence: any}}\n";

fn trials(c: &mut Criterion) {
    let mut group = c.benchmark_group("trial");
    let terms = Terms { hidden_at_most: 0.05, today: TODAY };
    for (size, lines) in [("1 KiB", 12), ("20 KiB", 290)] {
        let specimens: Vec<Specimen> = (0..MAX_SPECIMENS as u64).map(|n| specimen(n, lines)).collect();
        group.throughput(Throughput::Elements(specimens.len() as u64));
        for (name, more) in [("common rules", "rules: []"), ("everything ignored", ALL)] {
            let comparer = comparer(more);
            group.bench_function(format!("an endpoint of {MAX_SPECIMENS} specimens of {size}, {name}"), |b| {
                b.iter(|| black_box(trial(black_box(&specimens), &comparer, &Uses::default(), &terms)));
            });
        }
        let one = specimens.first().unwrap();
        let laid = Laid::out(one).unwrap();
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("the faults of one specimen of {size}"), |b| {
            b.iter(|| black_box(faults(black_box(one), &laid)));
        });
    }
    group.finish();
}

/// What a trial costs where most specimens were looked at before.
fn trials_again(c: &mut Criterion) {
    let terms = Terms { hidden_at_most: 0.05, today: TODAY };
    let specimens: Vec<Specimen> = (0..MAX_SPECIMENS as u64).map(|n| specimen(n, 12)).collect();
    let held = || specimens.iter().map(Held::here).collect::<Vec<_>>();
    let mut trials = Trials::new(&comparer("rules: []"));
    trials.trial(held(), &Uses::default(), &terms, &mut || true);
    c.bench_function("the same endpoint of 1 KiB again, nothing new", |b| {
        b.iter(|| black_box(trials.trial(held(), &Uses::default(), &terms, &mut || true)));
    });
}

/// What keeping exchanges costs, from the first to the last of so many of one endpoint.
fn keeping(c: &mut Criterion) {
    let mut group = c.benchmark_group("keep");
    let comparer = comparer("rules: []");
    for n in [MAX_KEPT as u64, 3_000] {
        let all: Vec<_> = (0..n)
            .map(|n| {
                let observation = specimen(n, 12).observation;
                let comparison = comparer.compare(&observation);
                (observation, comparison)
            })
            .collect();
        group.throughput(Throughput::Elements(n));
        group.bench_function(format!("{n} exchanges of 1 KiB, of which up to {MAX_KEPT} are kept"), |b| {
            b.iter(|| {
                let mut tally = Tally::new();
                for (observation, comparison) in &all {
                    tally.keep(black_box(observation), comparison, &ClientMark::Address, &comparer);
                }
                tally
            });
        });
    }
    group.finish();
}

criterion_group!(benches, trials, trials_again, keeping);
criterion_main!(benches);

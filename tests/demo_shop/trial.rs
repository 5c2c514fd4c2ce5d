//! The shop's answers as specimens: what the shipped rules notice of faults in them, and what a rule that hides everything
//! does to that.

use std::sync::Arc;
use std::time::Duration;

use tapcompare::compare::Comparer;
use tapcompare::config::{Redaction, RulesGate};
use tapcompare::demo::{self, Defects};
use tapcompare::exchange::{
    Answer, Asked as Heard, Body, Carried, Endpoint, Exchange, Fate, Headers, Moments, Observation, Request, Response,
    Specimen, Version,
};
use tapcompare::faults::{Terms, Trial, Uses, trial};
use tapcompare::redact::{Key, Redactor};
use tapcompare::rules::RuleSet;

use crate::client::{Answered, Asked, ask_all};
use crate::walk;

const TODAY: jiff::civil::Date = jiff::civil::date(2026, 11, 21);

/// The shop's own answers, and those of a candidate without defects.
async fn specimens() -> Vec<Specimen> {
    let (legacy, candidate) = (demo::legacy().await.unwrap(), demo::candidate(Defects::none()).await.unwrap());
    let asked = walk(3);
    let (l, c) = tokio::join!(ask_all(legacy.address, &asked), ask_all(candidate.address, &asked));
    let all = asked.iter().zip(l.iter().zip(&c)).enumerate();
    all.map(|(at, (asked, (l, c)))| specimen(at as u64, asked, l, c)).collect()
}

fn response(answered: &Answered) -> Response {
    Response {
        version: Version::Http11,
        status: answered.status.as_u16(),
        headers: answered.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect(),
        body: Body::whole(answered.body.clone()),
        interim: Vec::new(),
    }
}

fn specimen(sequence: u64, asked: &Asked, legacy: &Answered, candidate: &Answered) -> Specimen {
    let (method, template) = asked.endpoint.split_once(' ').unwrap();
    let request = Request {
        method: asked.method.into(),
        target: asked.target.clone().into(),
        version: Version::Http11,
        headers: Headers::new(),
        body: Body::whole(asked.body.clone()),
    };
    let answer = Answer { response: response(candidate), latency: Duration::ZERO };
    Specimen {
        endpoint: Endpoint { method: method.into(), template: template.into() },
        observation: Observation {
            sequence,
            endpoint: 0,
            exchange: Exchange {
                client: ([127, 0, 0, 1], 1).into(),
                server: ([127, 0, 0, 1], 80).into(),
                request: Some(request),
                response: Some(response(legacy)),
                interim_only: Vec::new(),
                incomplete: None,
                moments: Moments::default(),
            },
            fate: Fate::Asked(Box::new(Heard { candidate: Ok(answer), legacy: None, credentials: Carried::Nothing })),
        },
    }
}

fn tried(specimens: &[Specimen], more_rules: &str) -> Trial {
    let common = ("rules/common.yaml".to_owned(), include_str!("../../rules/common.yaml").to_owned());
    let rules = RuleSet::from_texts([common, ("more.yaml".to_owned(), more_rules.to_owned())], TODAY).unwrap();
    let redactor = Redactor::new(&Redaction::default(), Key::random().unwrap()).unwrap();
    let comparer = Comparer::new(Arc::new(rules), Arc::new(redactor));
    let terms = Terms { hidden_at_most: RulesGate::default().hidden_at_most, today: TODAY };
    trial(specimens, &comparer, &Uses::default(), &terms).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shipped_rules_notice_nearly_every_fault() {
    let trial = tried(&specimens().await, "rules: []");
    let gate = RulesGate::default();
    for one in &trial.endpoints {
        println!(
            "{} {}/{} {:?} hidden {:?} loose {:?}",
            one.endpoint,
            one.sound,
            one.specimens,
            one.all(),
            one.depth.hidden_share(),
            one.depth.loose_share()
        );
        for (kind, n) in &one.faults {
            println!("    {kind} {n:?}");
        }
        for u in &one.unnoticed {
            println!("    -- {u:?}");
        }
    }
    println!("{:?} {:?}", trial.all(), trial.depth);
    for rule in &trial.rules {
        println!("{rule:?}");
    }
    assert!(trial.all().share().unwrap() >= gate.faults_detected);
}

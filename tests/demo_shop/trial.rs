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
use tapcompare::faults::{FaultKind, Terms, Trial, Uses, trial};
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
async fn the_shipped_rules_notice_every_fault_in_the_shops_answers() {
    let specimens = specimens().await;
    let trial = tried(&specimens, "rules: []");
    let all = trial.all();
    assert!(all.seeded > 5_000 && all.noticed == all.seeded, "{all:?}: {:?}", trial.endpoints);
    assert!(FaultKind::ALL.iter().all(|kind| trial.by_kind().contains_key(kind)), "{:?}", trial.by_kind());
    assert_eq!(trial.depth.hidden, 0, "{:?}", trial.depth);
    // Entity tags of two implementations have nothing but their shape in common.
    assert_eq!(trial.depth.by_rule.keys().map(|id| &**id).collect::<Vec<_>>(), ["common-etag"]);
    assert!(trial.endpoints.iter().all(|endpoint| endpoint.sound == endpoint.specimens));
    // What the candidate writes in another way, and what each rule of it is needed for.
    let software = trial.rules.iter().find(|audit| &*audit.id == "common-software").unwrap();
    assert!(software.needed == trial.specimens && software.specimens == trial.specimens, "{software:?}");
    let coding = trial.rules.iter().find(|audit| &*audit.id == "common-content-coding").unwrap();
    assert!(coding.needed > 20, "{coding:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_hides_one_field_is_found_by_its_endpoint_and_place() {
    let rule = "rules:\n- {id: stock, owner: o, reason: r, expires: 2027-06-30, at: {endpoint: 'GET /orders/{id}', json: \
                '$.totals'}, ignore: true}";
    let trial = tried(&specimens().await, rule);
    let blind: Vec<_> = trial.endpoints.iter().filter(|endpoint| !endpoint.unnoticed.is_empty()).collect();
    assert_eq!(blind.len(), 1);
    assert_eq!(blind[0].endpoint.to_string(), "GET /orders/{id}");
    assert!(blind[0].unnoticed.iter().all(|one| one.place.starts_with("body /totals")), "{:?}", blind[0].unnoticed);
    let gate = RulesGate::default();
    assert!(blind[0].all().share().unwrap() < gate.faults_detected, "{:?}", blind[0].all());
    assert!(trial.depth.hidden_share().unwrap() < gate.hidden_at_most);
}

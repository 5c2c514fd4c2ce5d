//! The program's comparer under the shipped rules, beside the differ of a few lines: on real answers both must find the
//! same, in the same places and kinds.

use std::sync::Arc;

use tapcompare::compare::Comparer;
use tapcompare::config::Redaction;
use tapcompare::demo::{self, Defect, Defects};
use tapcompare::exchange::{
    Answer, Asked as Heard, Body, Carried, Exchange, Fate, Headers, Moments, Observation, Outcome, Request, Response,
    Version,
};
use tapcompare::redact::{Key, Redactor};
use tapcompare::rules::RuleSet;

use crate::client::{Answered, Asked, ask_all};
use crate::differ::{Differences, differences};
use crate::walk;

fn response(answered: &Answered) -> Response {
    Response {
        version: Version::Http11,
        status: answered.status.as_u16(),
        headers: answered.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect(),
        body: Body::whole(answered.body.clone()),
        interim: Vec::new(),
    }
}

pub(crate) fn observation(asked: &Asked, legacy: &Answered, candidate: &Answered) -> Observation {
    let request = Request {
        method: asked.method.to_owned(),
        target: asked.target.clone().into(),
        version: Version::Http11,
        headers: Headers::new(),
        body: Body::whole(asked.body.clone()),
    };
    let candidate = Answer { response: response(candidate), latency: candidate.took };
    Observation {
        sequence: 0,
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
        fate: Fate::Asked(Box::new(Heard { candidate: Ok(candidate), legacy: None, credentials: Carried::Nothing })),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_comparer_finds_what_the_plain_differ_finds() {
    let rules = RuleSet::common(jiff::civil::date(2026, 11, 21)).unwrap();
    let comparer = Comparer::new(Arc::new(rules), redactor());
    let asked = walk(3);
    let legacy = demo::legacy().await.unwrap();
    let of_legacy = ask_all(legacy.address, &asked).await;
    let (mut mismatched, mut failed) = (0, 0);
    // Turned lines that differ inside too can be brought together in more than one way; alone they are in other tests.
    let names = Defect::ALL.iter().map(|defect| defect.name).filter(|name| *name != "line-order");
    let nearly_all = names.collect::<Vec<_>>().join(",").parse().unwrap();
    for defects in [Defects::none(), "line-order".parse().unwrap(), nearly_all] {
        let candidate = demo::candidate(defects).await.unwrap();
        let of_candidate = ask_all(candidate.address, &asked).await;
        for ((asked, l), c) in asked.iter().zip(&of_legacy).zip(&of_candidate) {
            let comparison = comparer.compare(&observation(asked, l, c));
            let open = comparison.differences.iter().filter(|d| d.rule.is_none());
            let mut found: Differences = open.map(|d| (d.at.clone(), d.kind)).collect();
            let mut expected = differences(l, c);
            found.sort();
            expected.sort();
            assert_eq!(found, expected, "{asked:?}\n{l:?}\n{c:?}");
            match comparison.outcome {
                Outcome::Matched => assert!(expected.is_empty()),
                Outcome::Mismatched => mismatched += 1,
                Outcome::Failed(_) => failed += 1,
                other => panic!("{other:?} for {asked:?}"),
            }
        }
        candidate.stop().await;
    }
    assert!(mismatched > 100 && failed > 3, "{mismatched} mismatched and {failed} failed");
}

pub(crate) fn redactor() -> Arc<Redactor> {
    Arc::new(Redactor::new(&Redaction::default(), Key::random().unwrap()).unwrap())
}

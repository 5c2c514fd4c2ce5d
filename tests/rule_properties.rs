//! What holds for any two documents under any rules.

#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use tapcompare::compare::Comparer;
use tapcompare::config::Redaction;
use tapcompare::exchange::{
    Answer, Asked, Body, Carried, Comparison, Exchange, Fate, Headers, Location, Moments, Observation, Outcome,
    Request, Response, RuleAnswer, Version,
};
use tapcompare::redact::{Key, Redactor};
use tapcompare::rules::RuleSet;

fn response(body: String, header: &str) -> Response {
    let headers = Headers::from_iter([("Content-Type", &b"application/json"[..]), ("X-A", header.as_bytes())]);
    Response { version: Version::Http11, status: 200, headers, body: Body::whole(body.into_bytes()), interim: vec![] }
}

fn compare(legacy: &Value, candidate: &Value, rules: &str) -> Comparison {
    let rules = RuleSet::parse("rules", rules, jiff::civil::date(2026, 11, 21)).unwrap();
    let request = Request {
        method: "GET".into(),
        target: "/a".into(),
        version: Version::Http11,
        headers: Headers::new(),
        body: Body::default(),
    };
    let candidate =
        Answer { response: response(serde_json::to_string_pretty(candidate).unwrap(), "2"), latency: Duration::ZERO };
    let observation = Observation {
        sequence: 0,
        endpoint: 0,
        exchange: Exchange {
            client: "10.0.0.1:1000".parse().unwrap(),
            server: "10.0.0.2:80".parse().unwrap(),
            request: Some(request),
            response: Some(response(legacy.to_string(), "1")),
            interim_only: Vec::new(),
            incomplete: None,
            moments: Moments::default(),
        },
        fate: Fate::Asked(Box::new(Asked { candidate: Ok(candidate), legacy: None, credentials: Carried::Nothing })),
    };
    Comparer::new(Arc::new(rules), redactor()).compare(&observation)
}

fn file(rules: &[String]) -> String {
    let head = "owner: o, reason: r, expires: 2027-01-31";
    let lines = rules.iter().enumerate().map(|(i, rule)| format!("- {{id: r{i}, {head}, {rule}}}\n"));
    if rules.is_empty() { "rules: []".into() } else { format!("rules:\n{}", lines.collect::<String>()) }
}

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(1)),
        Just(json!(2.5)),
        Just(json!("x")),
        Just(json!("X ")),
        Just(Value::Null),
        Just(json!(true))
    ];
    leaf.prop_recursive(4, 30, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::hash_map("[abc]", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn paths() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("$".to_owned()),
        Just("$..*".to_owned()),
        "\\$\\.[abc]",
        "\\$\\.\\.[abc]",
        "\\$\\[[0-2]\\]",
        "\\$\\[\\*\\]\\.[abc]",
        "\\$\\.\\.\\[-1\\]",
        "\\$\\.\\.\\[\\?@\\.[abc]\\]",
    ]
}

fn answers() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("ignore: true"),
        Just("ignore: {type: any}"),
        Just("ignore: {presence: any}"),
        Just("match: {type: same}"),
        Just("match: {tolerance: 2}"),
        Just("match: {whitespace: trim, case: insensitive}"),
        Just("match: {shape: [number, string]}"),
        Just("match: {null_is_absent: true}"),
        Just("accept: {kind: [missing, extra]}"),
        Just("accept: true"),
    ]
}

fn rule() -> impl Strategy<Value = String> {
    (paths(), answers()).prop_map(|(path, answer)| format!("at: {{json: '{path}'}}, {answer}"))
}

fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Matched => 0,
        Outcome::Accepted => 1,
        _ => 2,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// One more rule, of whatever kind but those that steer the walk, in whatever position, only ever answers for more.
    #[test]
    fn a_rule_more_never_makes_a_mismatch(
        legacy in documents(), candidate in documents(), mut rules in prop::collection::vec(rule(), 0..4), more in rule(), at in 0usize..4,
    ) {
        rules.push("at: {header: X-A}, ignore: true".into());
        let before = compare(&legacy, &candidate, &file(&rules));
        rules.insert(at.min(rules.len()), more);
        let after = compare(&legacy, &candidate, &file(&rules));
        let open = |comparison: &Comparison| comparison.differences.iter().filter(|d| d.rule.is_none()).count();
        prop_assert!(open(&after) <= open(&before));
        if before.outcome == Outcome::Matched || before.outcome == Outcome::Accepted {
            prop_assert!(after.outcome != Outcome::Mismatched);
        }
    }

    /// An ignore rule never makes anything worse, not even accepted of matched.
    #[test]
    fn an_ignore_rule_never_makes_an_outcome_worse(
        legacy in documents(), candidate in documents(), mut rules in prop::collection::vec(rule(), 0..4), path in paths(), at in 0usize..4,
    ) {
        rules.push("at: {header: X-A}, ignore: true".into());
        let before = compare(&legacy, &candidate, &file(&rules)).outcome;
        rules.insert(at.min(rules.len()), format!("at: {{json: '{path}'}}, ignore: {{type: any, presence: any}}"));
        prop_assert!(rank(compare(&legacy, &candidate, &file(&rules)).outcome) <= rank(before));
    }

    /// Everything in a document ignored: the document is, and nothing else is.
    #[test]
    fn all_of_json_ignored_leaves_the_headers(legacy in documents(), candidate in documents()) {
        let rule = "at: {json: ['$', '$..*']}, ignore: {type: any, presence: any}".to_owned();
        let comparison = compare(&legacy, &candidate, &file(&[rule]));
        prop_assert_eq!(comparison.outcome, Outcome::Mismatched);
        for difference in comparison.differences {
            match &difference.at {
                Location::Json(_) => prop_assert_eq!(difference.rule.map(|hit| hit.answer), Some(RuleAnswer::Ignore)),
                at => prop_assert_eq!((at, difference.rule), (&Location::Header("x-a".into()), None)),
            }
        }
    }

    /// A document is no different from itself, whatever the rules.
    #[test]
    fn a_document_matches_itself(document in documents(), rules in prop::collection::vec(rule(), 0..4)) {
        let comparison = compare(&document, &document, &file(&rules));
        prop_assert!(comparison.differences.iter().all(|d| d.at == Location::Header("x-a".into())));
    }
}

fn redactor() -> Arc<Redactor> {
    Arc::new(Redactor::new(&Redaction::default(), Key::random().unwrap()).unwrap())
}

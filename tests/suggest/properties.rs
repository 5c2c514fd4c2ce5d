//! Whatever noise a rule is suggested for, it never hides a value of another type at its place, nor changes what is said
//! of anything else.

use proptest::prelude::*;
use serde_json::{Value, json};
use tapcompare::exchange::{Outcome, Specimen};
use tapcompare::suggest::suggest;
use tapcompare::tally::general_place;

use crate::invented::{Made, Side, TODAY, comparer, filled};

/// Noise at `$.at`: the legacy's and the candidate's value. `S` is a salt that the property chooses.
const NOISE: [(&str, &str); 11] = [
    ("<int aS 100000 999999>", "\"<ulid bS>\""),
    ("\"<uuid aS>\"", "\"<uuid bS>\""),
    ("\"<hex aS 24>\"", "\"<uuid bS>\""),
    ("\"<time 0>\"", "\"<time 0 jS -1700 1800>\""),
    ("<epoch 0 a 0 0>", "<epoch 0 jS -5000 5000>"),
    ("<amount aS 100000 999999 4>", "<rounded aS 100000 999999 2 2>"),
    ("\"<amount aS 100000 999999 4>\"", "\"<rounded aS 100000 999999 2 2>\""),
    ("\"<pick aS tea|green_tea> pot\"", "\"<pick aS Tea|Green_tea>  pot\""),
    ("[<shuffled aS 1|2|3|4|5>]", "[<shuffled bS 1|2|3|4|5>]"),
    (
        "[<shuffled aS {\"k\":1,\"n\":7}|{\"k\":2,\"n\":7}|{\"k\":3,\"n\":2}>]",
        "[<shuffled bS {\"k\":1,\"n\":7}|{\"k\":2,\"n\":7}|{\"k\":3,\"n\":2}>]",
    ),
    ("\"<mark aS>\"", "\"<mark bS>\""),
];

fn documents(noise: usize, salt: u16, n: u64) -> (Value, Value) {
    let (legacy, candidate) = NOISE[noise];
    let read = |template: &str| -> Value {
        let text = filled(&template.replace('S', &salt.to_string()), n);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
    };
    let beside = json!({ "kept": n, "list": [n, n + 1] });
    (json!({ "token": read(legacy), "beside": beside }), json!({ "token": read(candidate), "beside": beside }))
}

fn specimen((legacy, candidate): (Value, Value), n: u64) -> Specimen {
    let side = |document: Value| Side { json: Some(document.to_string()), ..Side::default() };
    let made = Made {
        endpoint: "GET /a/{id}".into(),
        target: format!("/a/x{n}"),
        legacy: side(legacy),
        candidate: side(candidate),
        client: 1,
        ..Made::default()
    };
    made.specimen(n)
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e6..1e6_f64).prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,3}", inner, 0..3)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

fn kind(value: &Value) -> std::mem::Discriminant<Value> {
    std::mem::discriminant(value)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_suggested_rule_hides_no_fault_of_another_type(
        noise in 0..NOISE.len(),
        salt in any::<u16>(),
        n in 0_u64..24,
        fault in any_value(),
        gone in any::<bool>(),
    ) {
        let specimens: Vec<Specimen> = (0..24).map(|n| specimen(documents(noise, salt, n), n)).collect();
        let found = suggest(&specimens, &comparer("rules: []"), general_place, TODAY);
        // What chance makes look like something else gets no rule, and hides nothing.
        prop_assume!(found.rules.len() == 1);
        let under = comparer(&format!("rules:\n{}", found.rules[0].yaml));
        for specimen in &specimens {
            prop_assert_eq!(under.compare(&specimen.observation).outcome, Outcome::Matched);
        }
        let (legacy, mut candidate) = documents(noise, salt, n);
        prop_assume!(kind(&fault) != kind(&candidate["token"]));
        if gone {
            candidate.as_object_mut().unwrap().remove("token");
        } else {
            candidate["token"] = fault;
        }
        let wrong = specimen((legacy, candidate), n);
        prop_assert_eq!(under.compare(&wrong.observation).outcome, Outcome::Mismatched);
    }

    #[test]
    fn a_suggested_rule_hides_nothing_beside_its_place(
        noise in 0..NOISE.len(),
        salt in any::<u16>(),
        n in 0_u64..24,
        other in any_value(),
    ) {
        let specimens: Vec<Specimen> = (0..24).map(|n| specimen(documents(noise, salt, n), n)).collect();
        let found = suggest(&specimens, &comparer("rules: []"), general_place, TODAY);
        prop_assume!(found.rules.len() == 1);
        let under = comparer(&format!("rules:\n{}", found.rules[0].yaml));
        let (legacy, mut candidate) = documents(noise, salt, n);
        prop_assume!(other != legacy["beside"]["list"] && other.as_f64() != Some(n as f64));
        candidate["beside"]["list"] = other.clone();
        let wrong = specimen((legacy.clone(), candidate.clone()), n);
        prop_assert_eq!(under.compare(&wrong.observation).outcome, Outcome::Mismatched);
        candidate["beside"] = legacy["beside"].clone();
        candidate["new"] = other;
        let wrong = specimen((legacy, candidate), n);
        prop_assert_eq!(under.compare(&wrong.observation).outcome, Outcome::Mismatched);
    }
}

#[test]
fn most_noise_of_the_properties_gets_a_rule() {
    for (noise, what) in NOISE.iter().enumerate() {
        let with_rule = (0..10_u16).filter(|salt| {
            let specimens: Vec<Specimen> = (0..24).map(|n| specimen(documents(noise, *salt, n), n)).collect();
            suggest(&specimens, &comparer("rules: []"), general_place, TODAY).rules.len() == 1
        });
        assert!(with_rule.count() >= 9, "{what:?}");
    }
}

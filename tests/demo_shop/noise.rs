//! No defect of the shop looks like noise, but for the one that is: identities of another kind.

use std::sync::Arc;

use tapcompare::compare::Comparer;
use tapcompare::demo::{self, Defect, Defects};
use tapcompare::exchange::{Endpoint, Specimen};
use tapcompare::rules::RuleSet;
use tapcompare::suggest::{Suggestions, suggest};
use tapcompare::tally::general_place;

use crate::client::{Answered, Asked, ask_all};
use crate::program::{observation, redactor};
use crate::walk;

const TODAY: jiff::civil::Date = jiff::civil::date(2026, 11, 21);

fn suggested(asked: &[Asked], legacy: &[Answered], candidate: &[Answered]) -> Suggestions {
    let comparer = Comparer::new(Arc::new(RuleSet::common(TODAY).unwrap()), redactor());
    let specimen = |((asked, legacy), candidate): ((&Asked, &Answered), &Answered)| {
        let (method, template) = asked.endpoint.split_once(' ').unwrap();
        let endpoint = Endpoint { method: method.to_owned(), template: template.to_owned() };
        Specimen { endpoint, observation: observation(asked, legacy, candidate) }
    };
    let specimens: Vec<Specimen> = asked.iter().zip(legacy).zip(candidate).map(specimen).collect();
    suggest(&specimens, &comparer, general_place, TODAY)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_defect_gets_no_rule_whether_it_touches_all_or_some() {
    let asked = walk(3);
    let legacy = demo::legacy().await.unwrap();
    let of_legacy = ask_all(legacy.address, &asked).await;
    let mut looked_at = 0;
    for defect in Defect::ALL {
        for rate in ["100%", "30%"] {
            let defects: Defects = format!("{}@{rate}", defect.name).parse().unwrap();
            let candidate = demo::candidate(defects).await.unwrap();
            let found = suggested(&asked, &of_legacy, &ask_all(candidate.address, &asked).await);
            let rules: Vec<_> =
                found.rules.iter().map(|rule| (&*rule.at, rule.yaml.lines().last().unwrap().trim())).collect();
            let expected: &[(&str, &str)] = match (defect.name, rate) {
                ("ulid-ids", "100%") => &[("$.ledgerEntry", "match: {shape: [integer, ulid]}")],
                _ => &[],
            };
            assert_eq!(rules, expected, "{} at {rate}: {found:#?}", defect.name);
            looked_at += found.not_noise.len();
            candidate.stop().await;
        }
    }
    assert!(looked_at >= 2 * Defect::ALL.len() - 10, "{looked_at}");
}

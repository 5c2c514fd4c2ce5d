//! What was captured is hostile and may be secret: it can neither become a rule nor steer a terminal, and it is not shown.

use serde_json::json;
use tapcompare::exchange::Specimen;
use tapcompare::report;
use tapcompare::rules::RuleSet;
use tapcompare::suggest::suggest;
use tapcompare::tally::general_place;

use crate::invented::{Made, Side, TODAY, comparer, filled};

const NASTY: &str = "\n  - id: evil\n    owner: me\n\u{1b}[31m\u{202e}# */ --> <script>\r\n...\n---\nrules: []\u{2028}";

fn specimens() -> Vec<Specimen> {
    let one = |n: u64| {
        let document = |salt: &str, value: &str| {
            let id = filled(&format!("<uuid {salt}>"), n);
            let secret = filled(&format!("s3cret-<hex {salt} 12>"), n);
            json!({ NASTY: { "id": id }, "said": format!("{NASTY}{value}"), "password": secret, "sessionToken": secret })
        };
        let side = |salt: &str, value: &str| Side { json: Some(document(salt, value).to_string()), ..Side::default() };
        let made = Made {
            endpoint: "GET /a".into(),
            target: format!("/a?n={n}"),
            legacy: side("a", &n.to_string()),
            candidate: side("b", "x"),
            client: 1,
            ..Made::default()
        };
        let Specimen { endpoint, observation } = made.specimen(n);
        // As a run keeps it.
        Specimen { endpoint, observation: comparer("rules: []").specimen(&observation).unwrap() }
    };
    (0..20).map(one).collect()
}

#[test]
fn hostile_names_and_values_stay_what_they_are() {
    let found = suggest(&specimens(), &comparer("rules: []"), general_place, TODAY);
    let yaml = report::suggestions(&found);
    assert_eq!((found.rules.len(), found.not_noise.len()), (2, 2), "{yaml}");
    let read = RuleSet::parse("stdout", &yaml, TODAY).unwrap_or_else(|error| panic!("{error}\n{yaml}"));
    let ids: Vec<&str> = read.rules().iter().map(|rule| &*rule.id).collect();
    let suggested: Vec<&str> = found.rules.iter().map(|rule| &*rule.id).collect();
    assert_eq!(ids, suggested);
    let is_plain = |c: char| c == '\n' || !c.is_control() && !('\u{2000}'..='\u{206f}').contains(&c);
    assert!(yaml.chars().all(|c| is_plain(c) || c == '…'), "{yaml}");
    assert!(
        yaml.lines().filter(|line| line.contains("<script")).all(|line| line.trim_start().starts_with(['#', 'a', 'r']))
    );
    let evil = yaml.lines().any(|line| line.trim_start().starts_with("- id: evil") || line.starts_with("rules: []"));
    assert!(!evil, "{yaml}");
}

#[test]
fn rules_of_old_evidence_say_that_they_have_expired() {
    let at = |today| suggest(&specimens(), &comparer("rules: []"), general_place, today);
    let (fresh, old) = (at(TODAY), at(jiff::civil::date(2027, 2, 19)));
    assert_eq!((&*fresh.expires, fresh.expired), ("2027-02-18", false));
    assert_eq!((&*old.expires, old.expired), ("2027-02-18", true));
    let told = |found| report::suggestions(&found).replace("\n# ", " ");
    assert!(!told(fresh).contains("have expired") && told(old).contains("they have expired on 2027-02-18 already"));
}

#[test]
fn secrets_are_not_shown() {
    let found = suggest(&specimens(), &comparer("rules: []"), general_place, TODAY);
    for text in [report::suggestions(&found), report::suggestions_json(&found).unwrap()] {
        assert!(!text.contains("s3cret"), "{text}");
        assert!(text.contains("[redacted:"), "{text}");
    }
}

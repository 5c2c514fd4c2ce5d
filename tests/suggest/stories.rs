//! The stories of `tests/suggest/stories/*.yaml`: exchanges, and what must be suggested of them, or why nothing is.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use tapcompare::exchange::{Outcome, Specimen};
use tapcompare::rules::RuleSet;
use tapcompare::suggest::{Suggestions, suggest};
use tapcompare::tally::general_place;

use crate::invented::{Made, Side, TODAY, comparer, filled};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Story {
    story: String,
    /// A rule file; none without it.
    #[serde(default = "no_rules")]
    rules: String,
    #[serde(default = "order")]
    endpoint: String,
    /// More endpoints, with the same answers.
    #[serde(default)]
    also: Vec<String>,
    #[serde(default = "target")]
    target: String,
    #[serde(default = "forty")]
    exchanges: u64,
    /// From which number on, and then every how many, the candidate answers like the legacy.
    #[serde(default)]
    same: Option<u64>,
    legacy: Answer,
    candidate: Answer,
    /// `place answer`, in order.
    #[serde(default)]
    suggests: Vec<String>,
    /// Places that get no rule, each with a part of the reason.
    #[serde(default)]
    not: BTreeMap<String, String>,
    /// A part of the one doubt that there must be.
    doubt: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Answer {
    json: Option<String>,
    text: Option<String>,
    headers: Vec<String>,
    status: Option<u16>,
}

fn no_rules() -> String {
    "rules: []".into()
}

fn order() -> String {
    "GET /orders/{id}".into()
}

fn target() -> String {
    "/orders/o<n>".into()
}

fn forty() -> u64 {
    40
}

fn side(answer: &Answer, n: u64) -> Side {
    let fill = |text: &Option<String>| text.as_deref().map(|text| filled(text, n));
    let headers = answer.headers.iter().map(|line| filled(line, n)).collect();
    Side { json: fill(&answer.json), text: fill(&answer.text), headers, status: answer.status }
}

fn specimens(story: &Story) -> Vec<Specimen> {
    let mut all = Vec::new();
    for endpoint in std::iter::once(&story.endpoint).chain(&story.also) {
        for n in 0..story.exchanges {
            let legacy = side(&story.legacy, n);
            let same = story.same.is_some_and(|every| !n.is_multiple_of(every));
            let candidate = if same { legacy.clone() } else { side(&story.candidate, n) };
            let target = match story.also.is_empty() {
                true => filled(&story.target, n),
                false => endpoint.split_once(' ').unwrap().1.replace("{id}", &format!("o{n}")),
            };
            let made = Made { endpoint: endpoint.clone(), target, client: 1, legacy, candidate, ..Made::default() };
            all.push(made.specimen(all.len() as u64));
        }
    }
    all
}

/// `$.id shape: uuid`, from the rule as it would be copied.
fn told(found: &Suggestions) -> Vec<String> {
    let answer = |yaml: &str| {
        let line = yaml.lines().last().unwrap();
        line.trim().trim_start_matches("match: {").trim_end_matches('}').to_owned()
    };
    found.rules.iter().map(|rule| format!("{} {}", rule.at, answer(&rule.yaml))).collect()
}

/// What is counted in a unit that is not named: `in 3 of 40 the two are`.
fn without_unit(text: &str) -> bool {
    const UNITS: [&str; 7] = ["pairs", "places", "arrays", "requests", "exchanges", "endpoints", "values"];
    let words: Vec<&str> = text.split(' ').collect();
    let unit = |word: &str| UNITS.iter().any(|unit| word.starts_with(unit));
    let count = |word: &str| word.trim_end_matches([';', ':', ',', ')']).parse::<u64>().is_ok();
    words.iter().enumerate().any(|(at, word)| {
        at > 0 && words[at - 1] == "of" && count(word) && !words.get(at + 1).is_some_and(|next| unit(next))
    })
}

/// In what the story comes out otherwise.
fn complaints(story: &Story) -> Vec<String> {
    let specimens = specimens(story);
    let found = suggest(&specimens, &comparer(&story.rules), general_place, TODAY);
    let mut wrong = Vec::new();
    if told(&found) != story.suggests {
        wrong.push(format!("suggests {:?}", told(&found)));
    }
    let mut left = story.not.clone();
    for refused in &found.not_noise {
        left.remove(&refused.name.place);
        match story.not.get(&refused.name.place) {
            Some(why) if refused.why.contains(why) => {}
            _ => wrong.push(format!("{}: {}", refused.name.place, refused.why)),
        }
        if without_unit(&refused.why) {
            wrong.push(format!("of what? {}", refused.why));
        }
        if refused.examples.is_empty() {
            wrong.push(format!("no example of {}", refused.name.place));
        }
    }
    wrong.extend(left.keys().map(|place| format!("nothing is said of {place}")));
    for text in found.rules.iter().flat_map(|rule| rule.doubts.iter().chain([&rule.seen])) {
        if without_unit(text) {
            wrong.push(format!("of what? {text}"));
        }
    }
    let doubts: Vec<&String> = found.rules.iter().flat_map(|rule| &rule.doubts).collect();
    let as_told = match &story.doubt {
        Some(doubt) => doubts.iter().any(|d| d.contains(doubt)),
        None => doubts.is_empty(),
    };
    if !as_told {
        wrong.push(format!("doubts {doubts:?}"));
    }
    holds(&story.story, &specimens, &story.rules, &found);
    wrong
}

/// What a suggestion says of itself is so: its text is a rule file, and what it counts comes of comparing with it.
fn holds(name: &str, specimens: &[Specimen], rules: &str, found: &Suggestions) {
    let matches = |rules: &str| {
        let comparer = comparer(rules);
        let outcomes = specimens.iter().map(|specimen| comparer.compare(&specimen.observation).outcome);
        outcomes.filter(|outcome| *outcome == Outcome::Matched).count()
    };
    let none = rules == "rules: []" || rules == "common";
    let with = |yaml: &str| if none { format!("rules:\n{yaml}") } else { format!("{}\n{yaml}", rules.trim_end()) };
    for rule in &found.rules {
        let read = RuleSet::parse("suggested", &format!("rules:\n{}", rule.yaml), TODAY);
        let read = read.unwrap_or_else(|error| panic!("{name}: {error}\n{}", rule.yaml));
        assert_eq!(read.rules().len(), 1);
        assert_eq!((&*read.rules()[0].id, &*read.rules()[0].owner), (&*rule.id, "TODO-who"));
        assert_eq!(read.rules()[0].expires.to_string(), found.expires);
        assert!(!rule.yaml.contains("$..*"));
        if rules != "common" {
            assert_eq!(matches(&with(&rule.yaml)) - matches(rules), rule.matches, "{name}: {}", rule.yaml);
        }
        assert!(!rule.faults.is_empty() && rule.faults.iter().all(|(_, put, noticed)| put == noticed), "{name}");
    }
    let all: String = found.rules.iter().map(|rule| rule.yaml.as_str()).collect();
    if !all.is_empty() && rules != "common" {
        assert_eq!(matches(&with(&all)) - matches(rules), found.matches_under_all, "{name}");
    }
}

#[test]
fn every_story_comes_out_as_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suggest/stories");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (mut told, mut wrong) = (0, Vec::new());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let stories: Vec<Story> = serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        for story in &stories {
            wrong.extend(complaints(story).into_iter().map(|what| format!("{}: {what}", story.story)));
            told += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(told >= 65, "{told}");
}

//! What becomes of an exchange, told as stories: two or three answers, some rules, and the outcome that must follow. The
//! stories are data (`tests/stories/*.yaml`); a new one needs no code.

#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tapcompare::compare::Comparer;
use tapcompare::config::Redaction;
use tapcompare::exchange::{
    Answer, Asked, Body, Carried, Comparison, Exchange, Failed, Failure, Fate, Headers, Moments, Observation, Outcome,
    Request, Response, Skip, Version,
};
use tapcompare::redact::{Key, Redactor};
use tapcompare::rules::RuleSet;

const TODAY: jiff::civil::Date = jiff::civil::date(2026, 11, 21);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Story {
    story: String,
    /// The `rules:` list of a rule file; `common` for the shipped ones; none without it.
    rules: Option<String>,
    #[serde(default = "get")]
    request: String,
    /// The recorded answer.
    legacy: Side,
    /// The live legacy's.
    live: Option<Side>,
    candidate: Option<Side>,
    /// The reason for which nothing was sent.
    skipped: Option<String>,
    /// What became of those that were captured: `stripped` or `sent`; none were captured without it.
    credentials: Option<String>,
    outcome: String,
    /// `place kind legacy candidate [rule answer]`, without the values where a story leaves them out.
    #[serde(default)]
    differences: Vec<String>,
    drifted: Option<bool>,
}

fn get() -> String {
    "GET /orders/7".into()
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Side {
    status: Option<u16>,
    headers: Vec<String>,
    json: Option<String>,
    text: Option<String>,
    /// As hexadecimal digits.
    bytes: Option<String>,
    /// Compress the body and say so.
    gzip: bool,
    /// Content-Encoding without compressing.
    damaged: bool,
    /// The wire carried more than was kept.
    cut: bool,
    /// It failed to answer.
    failed: Option<String>,
}

fn response(side: &Side) -> Response {
    let mut fields: Vec<(String, String)> = Vec::new();
    let mut body = Vec::new();
    if let Some(json) = &side.json {
        fields.push(("Content-Type".into(), "application/json".into()));
        body = json.clone().into_bytes();
    }
    if let Some(text) = &side.text {
        fields.push(("Content-Type".into(), "text/plain".into()));
        body = text.clone().into_bytes();
    }
    if let Some(hex) = &side.bytes {
        fields.push(("Content-Type".into(), "application/octet-stream".into()));
        body = (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect();
    }
    if side.gzip {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(&body).unwrap();
        body = encoder.finish().unwrap();
    }
    if side.gzip || side.damaged {
        fields.push(("Content-Encoding".into(), "gzip".into()));
    }
    for field in &side.headers {
        let (name, value) = field.split_once(": ").unwrap_or((field, ""));
        // A header that a story names stands in place of the one that the body brought.
        if name.eq_ignore_ascii_case("content-type") {
            fields.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        }
        fields.push((name.into(), value.into()));
    }
    let headers: Headers = fields.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let mut body = Body::whole(body);
    body.length += u64::from(side.cut);
    Response { version: Version::Http11, status: side.status.unwrap_or(200), headers, body, interim: vec![] }
}

fn answer(side: &Side) -> Result<Answer, Failed> {
    match &side.failed {
        None => Ok(Answer { response: response(side), latency: Duration::from_millis(3) }),
        Some(name) => {
            let failure = *Failure::ALL.iter().find(|f| f.as_str() == name).unwrap();
            Err(Failed { failure, after: Duration::from_secs(2) })
        }
    }
}

fn observation(story: &Story) -> Observation {
    let (method, target) = story.request.split_once(' ').unwrap();
    let request = Request {
        method: method.into(),
        target: target.to_owned().into(),
        version: Version::Http11,
        headers: Headers::new(),
        body: Body::default(),
    };
    let fate = match (&story.candidate, &story.skipped) {
        (Some(candidate), None) => {
            let credentials = match story.credentials.as_deref() {
                None => Carried::Nothing,
                Some("stripped") => Carried::Stripped,
                Some("sent") => Carried::Sent,
                Some(other) => panic!("{}: credentials {other}?", story.story),
            };
            let legacy = story.live.as_ref().map(answer);
            Fate::Asked(Box::new(Asked { candidate: answer(candidate), legacy, credentials }))
        }
        (None, Some(reason)) => Fate::Skipped(*Skip::ALL.iter().find(|s| s.as_str() == reason).unwrap()),
        _ => panic!("{}: a story has a candidate, or was skipped", story.story),
    };
    let exchange = Exchange {
        client: "10.0.0.1:1000".parse().unwrap(),
        server: "10.0.0.2:80".parse().unwrap(),
        request: Some(request),
        response: Some(response(&story.legacy)),
        interim_only: Vec::new(),
        incomplete: None,
        moments: Moments::default(),
    };
    Observation { sequence: 0, endpoint: 0, exchange, fate }
}

fn rules(story: &Story) -> RuleSet {
    match story.rules.as_deref() {
        None => RuleSet::default(),
        Some("common") => RuleSet::common(TODAY).unwrap(),
        Some(list) => {
            let head = "owner: o, reason: r, expires: 2027-01-31, ";
            let text: String =
                list.lines().enumerate().map(|(i, line)| format!("- {{id: r{}, {head}{line}}}\n", i + 1)).collect();
            RuleSet::parse("story", &format!("rules:\n{text}"), TODAY)
                .unwrap_or_else(|e| panic!("{}: {e}", story.story))
        }
    }
}

fn name(outcome: Outcome) -> String {
    match outcome {
        Outcome::NotComparable(reason) => format!("not comparable: {reason}"),
        Outcome::Failed(failure) => format!("failed: {failure}"),
        Outcome::Skipped(skip) => format!("skipped: {skip}"),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// The differences in words, with the values only if they are asked for.
fn told(comparison: &Comparison) -> Vec<[String; 2]> {
    let side = |text: &Option<String>| text.clone().unwrap_or("-".into());
    let tell = |d: &tapcompare::exchange::Difference| {
        let rule = d.rule.as_ref().map_or(String::new(), |hit| format!(" [{} {}]", hit.id, hit.answer));
        let short = format!("{} {}{rule}", d.at, d.kind);
        [format!("{} {} {} {}{rule}", d.at, d.kind, side(&d.legacy), side(&d.candidate)), short]
    };
    comparison.differences.iter().map(tell).collect()
}

fn stories() -> Vec<Story> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 4);
    let mut stories = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        stories
            .extend(serde_saphyr::from_str::<Vec<Story>>(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display())));
    }
    stories
}

#[test]
fn every_story_ends_as_it_is_told() {
    let mut wrong = Vec::new();
    let all = stories();
    for story in &all {
        let comparer = Comparer::new(Arc::new(rules(story)), redactor());
        let observation = observation(story);
        let comparison = comparer.compare(&observation);
        let found = told(&comparison);
        let same = found.len() == story.differences.len()
            && found.iter().zip(&story.differences).all(|(found, told)| found.contains(told));
        if name(comparison.outcome) != story.outcome || !same || comparison.legacy_drifted != story.drifted {
            wrong.push(format!(
                "{}\n  outcome {} for {}\n  drifted {:?}\n  found {:#?}",
                story.story,
                name(comparison.outcome),
                story.outcome,
                comparison.legacy_drifted,
                found.iter().map(|f| &f[0]).collect::<Vec<_>>()
            ));
        }
        // Whatever the story, its example can be laid out, and the same is said twice.
        comparer.example(&observation, &comparison);
        assert_eq!(comparison, comparer.compare(&observation));
    }
    assert!(wrong.is_empty(), "{} of {} stories:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}

/// One more rule that ignores can make an exchange better, never worse.
#[test]
fn an_ignore_rule_more_never_makes_an_outcome_worse() {
    let rank = |outcome| match outcome {
        Outcome::Matched => 0,
        Outcome::Accepted => 1,
        _ => 2,
    };
    let places = [
        "{json: '$..*'}",
        "{json: $}",
        "{status: true}",
        "{header: [etag, content-type, date]}",
        "{text: ''}",
        "{body: true}",
    ];
    for story in stories() {
        let before = Comparer::new(Arc::new(rules(&story)), redactor()).compare(&observation(&story)).outcome;
        for place in places {
            let line = format!("at: {place}, ignore: {{type: any, presence: any}}");
            let list = match story.rules.as_deref() {
                Some("common") => continue,
                Some(list) => [format!("{line}\n{list}"), format!("{}\n{line}\n", list.trim_end())],
                None => [line.clone(), line],
            };
            for list in list {
                let more = Story {
                    rules: Some(list),
                    story: story.story.clone(),
                    request: story.request.clone(),
                    ..clone(&story)
                };
                let after = Comparer::new(Arc::new(rules(&more)), redactor()).compare(&observation(&more)).outcome;
                assert!(rank(after) <= rank(before), "{}: {before:?} became {after:?} by {place}", story.story);
            }
        }
    }
}

/// The parts of a story that its comparison depends on.
fn clone(story: &Story) -> Story {
    let side = |side: &Side| Side {
        status: side.status,
        headers: side.headers.clone(),
        json: side.json.clone(),
        text: side.text.clone(),
        bytes: side.bytes.clone(),
        failed: side.failed.clone(),
        ..*side
    };
    Story {
        story: String::new(),
        rules: None,
        request: String::new(),
        legacy: side(&story.legacy),
        live: story.live.as_ref().map(side),
        candidate: story.candidate.as_ref().map(side),
        skipped: story.skipped.clone(),
        credentials: story.credentials.clone(),
        outcome: String::new(),
        differences: Vec::new(),
        drifted: None,
    }
}

fn redactor() -> Arc<Redactor> {
    Arc::new(Redactor::new(&Redaction::default(), Key::random().unwrap()).unwrap())
}

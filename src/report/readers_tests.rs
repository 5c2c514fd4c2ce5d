//! What each of the other readers is given: Markdown, JUnit, CSV, JSON, the decision record.

use std::time::Duration;

use super::hostile_tests::assert_valid_junit;
use super::tests::{facts, note, shop, with};
use super::*;
use crate::config::{ChecklistItem, Policy, Scope, Signature};
use crate::exchange::{
    Endpoint, EndpointChange, EpochBooks, EpochNote, Failure, Move, Rescored, RuleAnswer, RunFacts, Skip,
};
use crate::suggest::Feature;
use crate::suggest::explain::{Condition, Explained, Explanation, Is};
use crate::tally::DifferenceClass;
use crate::tally::invented::{Invented, snapshot_of};
use crate::verdict::judge;

fn shop_of<T>(render: impl FnOnce(Report<'_>) -> T) -> T {
    let (snapshot, rules) = shop();
    with(&snapshot, &rules, &facts(), render)
}

/// Thousands of endpoints, each judged by itself, with long names, all groups of differences that there can be, and
/// values as long as they come.
fn huge<T>(render: impl FnOnce(Report<'_>) -> T) -> T {
    let names: Vec<String> = (0..3_000).map(|n| format!("GET /{}/{n}", "segment-of-a-path/".repeat(12))).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let run: Vec<Invented> = (0..12_000)
        .map(|n| {
            let mut one = Invented::new(n, (n % 3_000) as u32);
            match n % 7 {
                0 => one = one.failed(Failure::Timeout, Duration::from_secs(2)),
                1 => one = one.skipped(Skip::UnsafeMethod),
                _ => {
                    one = one.differing((n % 3) as usize, &format!("key-{}", "long-".repeat((n % 40) as usize)), None);
                    for difference in &mut one.comparison.differences {
                        difference.legacy = Some("legacy ".repeat(500));
                        difference.candidate = Some("candidate ".repeat(500));
                    }
                }
            }
            one
        })
        .collect();
    let snapshot = snapshot_of(&run, &names);
    let mut policy = Policy::default();
    policy.gates.mismatch_rate.each = Scope::Endpoint;
    let rules: Vec<RuleNote> = (0..2_000).map(|n| note(&format!("rule-{n}"), &"a reason ".repeat(50))).collect();
    let verdict = judge(&snapshot, &policy, &rules, super::tests::TODAY);
    assert!(verdict.gates.len() > 2_500 && snapshot.groups.len() > 500, "it is huge");
    let facts = facts();
    render(Report { verdict: &verdict, snapshot: &snapshot, facts: &facts, rules: &rules })
}

#[test]
fn the_markdown_says_the_verdict_first_and_folds_the_differences() {
    let text = shop_of(|report| report.markdown());
    assert!(
        text.starts_with(
            "<!-- a report by tapcompare -->\n## NO-GO\n\nMay users be moved for `order-service`? **No.**"
        )
    );
    for expected in [
        "| mismatch rate | **fails** |",
        "| books | holds |",
        "| requests | 6,122 | paired 6,120 + unpaired 2 (gap 2) |",
        "| exchanges | 6,120 | sent 6,000 + skipped 120 (unsafe-method 120) |",
        "- `POST /orders` 120 exchanges (unsafe-method 120)",
        "| `GET /orders/{id}` | 1,999 | 5 | 0.525% | 1 |",
        "<summary><code>GET /products/{id}</code> <code>body /items/*/price</code> value in 4 exchanges</summary>\n\n- exchange",
        "- legacy `20.00`\n- candidate `19.99`\n",
        "```json\n[\n  {\"op\":\"replace\",\"path\":\"/items/2/price\",\"value\":19.99}\n]\n```\n\n</details>",
        "| `request-ids` | ignore |",
        "- candidate `http://127.0.0.1:8081`",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    assert!(!text.contains("more, in the page"), "all of it fits");
}

/// With two epochs of which the second is judged, under other rules, and an explanation.
fn changed<T>(render: impl FnOnce(Report<'_>) -> T) -> T {
    let (mut snapshot, rules) = shop();
    snapshot.epoch = EpochBooks { number: 2, of: 2, ..EpochBooks::default() };
    let condition = Condition { is: Is::Value("gzip".into()), feature: Feature::Header("accept-encoding".into()) };
    let explanation = Explanation { conditions: vec![condition], of_mismatches: 1.0, ..Explanation::default() };
    let group = snapshot.groups.iter_mut().find(|group| group.class == DifferenceClass::Mismatched).unwrap();
    group.explained = Some(Explained { explanations: vec![explanation], ..Explained::default() });
    let epoch = |number, build: &str| EpochNote {
        number,
        build: Some(build.into()),
        compared: 1_200,
        mismatched: 7,
        rules: "1f2e3d4c".into(),
        ..EpochNote::default()
    };
    let counts = |matched, mismatched| [("matched".to_owned(), matched), ("mismatched".to_owned(), mismatched)].into();
    let endpoint = Endpoint { method: "GET".into(), template: "/orders/{id}".into() };
    let rescored = Rescored {
        verdict_before: "NO-GO".into(),
        added: vec!["order-ids".into()],
        before: counts(400, 200),
        after: counts(600, 0),
        endpoints: vec![EndpointChange { endpoint: endpoint.clone(), before: counts(40, 20), after: counts(60, 0) }],
        moves: vec![Move {
            endpoint,
            from: "mismatched".into(),
            to: "matched".into(),
            exchanges: 20,
            asked_of: 8,
            all: 20,
        }],
        ..Rescored::default()
    };
    let facts = RunFacts { epochs: vec![epoch(1, "v1"), epoch(2, "v2")], rescored: Some(rescored), ..facts() };
    with(&snapshot, &rules, &facts, render)
}

#[test]
fn the_markdown_says_which_epoch_is_judged_what_other_rules_have_changed_and_what_goes_with_mismatches() {
    let text = changed(|report| report.markdown());
    for expected in [
        "### Epochs",
        "- **epoch 2**: v2: 1,200 compared requests, 7 mismatched; rules `1f2e3d4c`, policy the defaults; this one is judged",
        "- epoch 1: v1: ",
        "### Under other rules than were in force",
        "| verdict | NO-GO → NO-GO |",
        "| added | order-ids |",
        "| outcomes | matched 400 to 600, mismatched 200 to 0 |",
        "| `GET /orders/{id}` | matched 40 to 60, mismatched 20 to 0 |",
        "20 exchanges of mismatched to matched (by 8 compared again of",
        "header accept-encoding",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    assert!(text.find("**epoch 2**") < text.find("- epoch 1"), "the latest first");
    let plain = shop_of(|report| report.markdown());
    assert!(!plain.contains("### Epochs") && !plain.contains("### Under other rules"), "said only where it is so");
}

#[test]
fn junit_and_the_decision_record_say_what_other_rules_have_changed() {
    let xml = changed(|report| report.junit().unwrap());
    let report = quick_junit::Report::deserialize_from_str(&xml).unwrap();
    let of = |name: &str| {
        let named = report.test_suites[0].properties.iter().find(|p| p.name.as_str() == name);
        named.map(|p| p.value.as_str().to_owned())
    };
    for (name, value) in [
        ("rescored: verdict before", "NO-GO"),
        ("rescored: verdict after", "NO-GO"),
        ("rescored: added", "order-ids"),
        ("rescored: outcomes", "matched 400 → 600, mismatched 200 → 0"),
        ("rescored: evidence", "0 exchanges known, 0 inferred from what is kept of them, 0 not known"),
    ] {
        assert_eq!(of(name).as_deref(), Some(value), "{name}\n{xml}");
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rescored.xml"), xml).unwrap();
    assert_valid_junit(folder.path());
    let text = changed(|report| report.decision_record());
    for expected in [
        "- Under other rules than were in force, and nobody was asked again: `NO-GO` became **NO-GO**",
        "- Which rules are others: added: order-ids",
        "- Outcomes that are others: matched 400 to 600, mismatched 200 to 0",
        "- How well that is known: 0 exchanges known",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    let plain = shop_of(|report| [report.junit().unwrap(), report.decision_record()]);
    assert!(!plain.concat().contains("rescored") && !plain.concat().contains("Under other rules"));
}

/// What is signed, lapsed, yet to come and unsigned.
fn checklist() -> Vec<ChecklistItem> {
    let signed = |day: jiff::civil::Date| {
        Some(Signature { by: "sre @team".into(), evidence: "https://wiki.internal/a|b".into(), on: day })
    };
    let item = |id: &str, signed, expires| ChecklistItem {
        id: id.into(),
        what: Some(format!("what {id} *means*")),
        signed,
        expires,
    };
    let (day, last) = (jiff::civil::date(2026, 11, 20), jiff::civil::date(2026, 11, 21));
    vec![
        item("rollback-tested", signed(day), None),
        item("dba-agrees", None, Some(jiff::civil::date(2027, 1, 31))),
        item("load-tested", signed(day), Some(last)),
    ]
}

fn with_checklist<T>(checklist: Vec<ChecklistItem>, render: impl FnOnce(Report<'_>) -> T) -> T {
    let (snapshot, rules) = shop();
    let policy = Policy { checklist, ..Policy::default() };
    let (verdict, facts) = (judge(&snapshot, &policy, &rules, super::tests::TODAY), facts());
    render(Report { verdict: &verdict, snapshot: &snapshot, facts: &facts, rules: &rules })
}

#[test]
fn the_markdown_says_who_has_signed_what_until_when_and_what_is_open() {
    let text = with_checklist(checklist(), |report| report.markdown());
    let section = text.split("### Checklist\n").nth(1).unwrap().split("\n### ").next().unwrap();
    let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(
        rows,
        [
            "| `dba-agrees` | **unsigned** | nobody |  | `2027-01-31` |  | what dba-agrees `*means*` |",
            "| `load-tested` | **lapsed** | `sre @team` | `2026-11-20` | `2026-11-21` | `https://wiki.internal/a\\|b` | what load-tested `*means*` |",
            "| `rollback-tested` | signed | `sre @team` | `2026-11-20` | does not lapse | `https://wiki.internal/a\\|b` | what rollback-tested `*means*` |",
        ]
    );
    assert!(text.find("### Gates") < text.find("### Checklist"));
    let none = with_checklist(Vec::new(), |report| report.markdown());
    assert!(!none.contains("### Checklist"), "only where there is one");
    let many = (0..300).flat_map(|n| {
        checklist().into_iter().map(move |item| ChecklistItem { id: format!("{}-{n}", item.id), ..item })
    });
    let text = with_checklist(many.collect(), |report| report.markdown());
    assert!(text.len() <= MAX_MARKDOWN, "{}", text.len());
    let section = text.split("### Checklist\n").nth(1).unwrap().split("\n### ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `")).count();
    assert!(
        rows > 10 && section.contains(&format!("and {} more, in the page and in the JSON report", 900 - rows)),
        "{section}"
    );
    assert!(!section.contains("| signed |"), "what is open comes first");
}

#[test]
fn the_markdown_of_a_huge_run_fits_a_pull_request() {
    let text = huge(|report| report.markdown());
    assert!(text.len() <= MAX_MARKDOWN, "{}", text.len());
    assert!(text.len() > MAX_MARKDOWN / 2, "it uses the room that there is: {}", text.len());
    // Every list that was cut says so, and what is folded is whole.
    assert!(text.matches(" more, in the page and in the JSON report").count() >= 4, "{text}");
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    assert!(text.matches("<details>").count() >= 5);
    assert!(text.contains("### Run"), "what comes last is there too");
}

#[test]
fn junit_has_the_gates_and_the_endpoints() {
    let xml = shop_of(|report| report.junit().unwrap());
    assert!(xml.starts_with(JUNIT_BEGINS));
    let report = quick_junit::Report::deserialize_from_str(&xml).unwrap();
    let [gates, endpoints] = &report.test_suites[..] else { panic!("two suites: {xml}") };
    assert_eq!((gates.name.as_str(), endpoints.name.as_str()), ("gates", "endpoints"));
    let verdict = shop_of(|report| report.verdict.clone());
    let failing = verdict.gates.iter().filter(|g| g.state == crate::verdict::GateState::Fail).count();
    let open = verdict.gates.iter().filter(|g| g.state == crate::verdict::GateState::NotEnough).count();
    assert!(failing > 0 && open > 0);
    assert_eq!((gates.tests, gates.failures, gates.errors, gates.skipped), (verdict.gates.len(), failing, open, 0));
    assert!(gates.properties.iter().any(|p| p.name.as_str() == "verdict" && p.value.as_str() == "NO-GO"));
    // 6, 6 and 5 of about 2,000 differ, 3 of 6,000 time out: it takes 6 to show that these are too many.
    let case = |name: &str| endpoints.test_cases.iter().find(|case| case.name.as_str() == name).unwrap().status.clone();
    use quick_junit::{NonSuccessKind::Failure, TestCaseStatus as Status};
    let Status::NonSuccess { kind: Failure, message, description, .. } = case("GET /products/{id}") else {
        panic!("{xml}")
    };
    assert_eq!(message.unwrap().as_str(), "mismatches: 6 in 1,999 (0.3%); the limit is 0.1%");
    assert!(description.unwrap().as_str().contains("body /items/*/price: value in 4 exchanges (mismatched)"));
    assert!(matches!(case("GET /orders/{id}"), Status::Success { .. }));
    let Status::Skipped { message, .. } = case("POST /orders") else { panic!("{xml}") };
    assert_eq!(message.unwrap().as_str(), "unsafe-method 120");
    assert_eq!((endpoints.tests, endpoints.failures, endpoints.errors, endpoints.skipped), (4, 2, 0, 1));
}

#[test]
fn what_the_policy_excepts_does_not_fail_in_junit() {
    let (snapshot, rules) = shop();
    let mut policy = Policy::default();
    policy.gates.coverage.except = vec!["GET /products/{id}".parse().unwrap()];
    let (verdict, facts) = (judge(&snapshot, &policy, &rules, super::tests::TODAY), facts());
    let report = Report { verdict: &verdict, snapshot: &snapshot, facts: &facts, rules: &rules };
    let xml = report.junit().unwrap();
    let endpoints = &quick_junit::Report::deserialize_from_str(&xml).unwrap().test_suites[1];
    assert_eq!((endpoints.tests, endpoints.failures, endpoints.skipped), (4, 1, 2));
    assert!(xml.contains("<skipped message=\"the policy says that it is not part of this cutover\" type=\"excepted\""));
}

#[test]
fn junit_of_a_run_that_fails_is_an_error_and_every_run_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, xml: String| std::fs::write(folder.path().join(name), xml).unwrap();
    let run: Vec<Invented> = (0..4_000)
        .map(|n| match n % 2 {
            0 => Invented::new(n, 0).failed(Failure::Closed, Duration::from_millis(1)),
            _ => Invented::new(n, 1),
        })
        .collect();
    let snapshot = snapshot_of(&run, &["GET /a", "GET /b"]);
    let xml = with(&snapshot, &[], &facts(), |report| report.junit().unwrap());
    let endpoints = &quick_junit::Report::deserialize_from_str(&xml).unwrap().test_suites[1];
    assert_eq!((endpoints.tests, endpoints.failures, endpoints.errors), (2, 0, 1));
    assert!(xml.contains("failures: 2,000 in 2,000 (100%); the limit is 0.1%") && xml.contains("closed 2,000"));
    write("failing.xml", xml);
    write("shop.xml", shop_of(|report| report.junit().unwrap()));
    write("huge.xml", huge(|report| report.junit().unwrap()));
    write("empty.xml", with(&Snapshot::default(), &[], &RunFacts::default(), |report| report.junit().unwrap()));
    assert_valid_junit(folder.path());
}

#[test]
fn the_table_has_a_line_for_each_endpoint() {
    let text = shop_of(|report| report.csv().unwrap());
    assert!(text.starts_with(CSV_BEGINS) && text.ends_with("\r\n"));
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let heads = reader.headers().unwrap().clone();
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let cell = |endpoint: &str, column: &str| {
        let at = heads.iter().position(|head| head == column).unwrap();
        records.iter().find(|record| &record[0] == endpoint).unwrap()[at].to_owned()
    };
    let (snapshot, _) = shop();
    assert_eq!(records.len(), snapshot.endpoints.len());
    for endpoint in &snapshot.endpoints {
        let name = endpoint.endpoint.to_string();
        assert_eq!(cell(&name, "mismatched"), endpoint.books.mismatched.to_string());
        assert_eq!(cell(&name, "sent"), endpoint.books.sent.to_string());
        let p99 = endpoint.latency.candidate.quantile(0.99).map_or(String::new(), |micros| micros.to_string());
        assert_eq!(cell(&name, "candidate_p99_us"), p99);
    }
    assert_eq!(cell("GET /products/{id}", "mismatch_rate"), (6.0 / 1999.0).to_string());
    assert_eq!(cell("POST /orders", "mismatch_rate"), "", "of nothing there is no share");
    assert_eq!(cell("POST /orders", "skipped"), "120");
}

/// Every object of the schema that has keys names them all.
fn assert_closed(schema: &serde_json::Value, at: &str) {
    match schema {
        serde_json::Value::Object(object) => {
            if object.get("properties").is_some_and(serde_json::Value::is_object) && object.contains_key("type") {
                assert_eq!(object["additionalProperties"], false, "{at}");
            }
            object.iter().for_each(|(key, value)| assert_closed(value, &format!("{at}/{key}")));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| assert_closed(item, at)),
        _ => {}
    }
}

#[test]
fn every_json_report_is_as_its_schema_says_and_the_schema_lets_nothing_else_in() {
    let schema = schema();
    assert_closed(&schema, "");
    jsonschema::meta::validate(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let valid = |name: &str, text: String| {
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        if let Err(error) = validator.validate(&value) {
            panic!("{name}: {error} at {}", error.instance_path());
        }
        value
    };
    let shop = valid("shop", shop_of(|report| report.json().unwrap()));
    valid("huge", huge(|report| report.json().unwrap()));
    valid("empty", with(&Snapshot::default(), &[], &RunFacts::default(), |report| report.json().unwrap()));
    // Whatever is added, taken away or of another kind is refused, at every depth.
    for pointer in
        ["", "/facts", "/gates/0", "/snapshot", "/snapshot/ledger/wire", "/snapshot/endpoints/0/latency/legacy"]
    {
        let mut more = shop.clone();
        more.pointer_mut(pointer).unwrap().as_object_mut().unwrap().insert("unheard_of".into(), 1.into());
        assert!(!validator.is_valid(&more), "{pointer}");
    }
    for (pointer, key) in [("", "verdict"), ("/facts", "candidate"), ("/snapshot", "ledger"), ("/gates/0", "state")] {
        let mut less = shop.clone();
        less.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(key).unwrap();
        assert!(!validator.is_valid(&less), "{pointer}/{key}");
    }
    for (pointer, value) in [("/verdict", "PERHAPS"), ("/gates/0/gate", "weather"), ("/schema_version", "1")] {
        let mut other = shop.clone();
        *other.pointer_mut(pointer).unwrap() = value.into();
        assert!(!validator.is_valid(&other), "{pointer}");
    }
    let mut other = shop;
    other["snapshot"]["ledger"]["shadow"]["skipped"]["because"] = 1.into();
    assert!(!validator.is_valid(&other), "a reason that there is not");
    assert!(!schema.to_string().contains("crate::"), "descriptions are for people without the code");
}

#[test]
fn the_decision_record_is_filled_in_as_far_as_is_known() {
    let (snapshot, mut rules) = shop();
    rules[0].answer = RuleAnswer::Ignore;
    let day = jiff::civil::date(2026, 11, 20);
    let signed = Some(Signature { by: "sre".into(), evidence: "https://wiki.internal/rollback".into(), on: day });
    let item =
        |id: &str, what: &str, signed| ChecklistItem { id: id.into(), what: Some(what.into()), signed, expires: None };
    let policy = Policy {
        checklist: vec![
            item("rollback-route-tested", "the way back was walked", signed),
            item("support-told", "support knows the day", None),
        ],
        ..Policy::default()
    };
    let verdict = judge(&snapshot, &policy, &rules, super::tests::TODAY);
    let facts = facts();
    let report = Report { verdict: &verdict, snapshot: &snapshot, facts: &facts, rules: &rules };
    let text = report.decision_record();
    let headings: Vec<&str> = text.lines().filter(|line| line.starts_with("## ")).collect();
    assert_eq!(
        headings,
        ["## Context", "## Evidence", "## Gates", "## Checklist", "## Decision", "## Consequences", "## Rollback"]
    );
    for expected in [
        "# Decision record: moving users of `order-service` to the candidate",
        "- Verdict of the evidence: **NO-GO**",
        "- Who decides: `checkout-team`",
        "- Decided on: ________________",
        "- Source: `captures/shop.pcap`",
        "- Mismatched: 17 of 5,997 (0.283%)",
        "- Asked of the candidate: 6,000 of 6,120 (98%)",
        "| latency | ",
        "| `rollback-route-tested` | signed | the way back was walked | `sre` | `2026-11-20` | `https://wiki.internal/rollback` | does not lapse |",
        "| `support-told` | unsigned | support knows the day | ________________ | ________________ | ________________ | does not lapse |",
        "- [ ] users are moved\n- [ ] users are not moved\n",
        "- `POST /orders`, 120 exchanges (unsafe-method 120): ________________",
        "- `GET /products/{id}` `body /items/*/price`, value in 4 exchanges: ________________",
        "- Items of the checklist: `rollback-route-tested`\n- The way back: ________________",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    let long = huge(|report| report.decision_record());
    assert!(long.len() < 1 << 20 && long.contains("more, in the JSON report\n"), "{}", long.len());
    // Nothing is known: nothing is guessed.
    let text = with(&Snapshot::default(), &[], &RunFacts::default(), |report| report.decision_record());
    for expected in [
        "moving users of ________________ to",
        "- Who decides: ________________",
        "- Candidate: ________________",
        "The policy has no checklist.",
        "- Items of the checklist: ________________",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
}

#[test]
fn the_same_evidence_gives_the_same_bytes_in_every_form() {
    let all =
        || shop_of(|r| [r.markdown(), r.junit().unwrap(), r.csv().unwrap(), r.json().unwrap(), r.decision_record()]);
    assert_eq!(all(), all());
}

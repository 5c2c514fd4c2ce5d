use jiff::civil::date;

use super::check::{Checked, FindingKind, check};
use super::{COMMON, texts_or_common};
use crate::config::Endpoints;

const TODAY: jiff::civil::Date = date(2026, 11, 25);

fn of(files: &[(&str, &str)], endpoints: &Endpoints) -> Checked {
    let files: Vec<(String, String)> = files.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect();
    check(&files, endpoints, TODAY)
}

const RULE: &str = "owner: me, reason: because, expires: 2099-12-31";

/// A file with two rules, `a` in line 2 and `b` in line 3, of each the place and the answer.
fn two(rules: [(&str, &str); 2]) -> String {
    let place = |at: &str| at.replace("{E}", "endpoint: 'GET /a/{id}'").replace("{N}", "endpoint: GET /a/7");
    let [a, b] = rules.map(|(at, answer)| format!("{RULE}, at: {{{}}}, {answer}}}\n", place(at)));
    format!("rules:\n  - {{id: a, {a}  - {{id: b, {b}")
}

#[test]
fn rules_that_take_the_answer_from_each_other_are_found_and_others_are_not() {
    for (rules, expected) in [
        // The same place, or a wider one.
        ([("json: $.id", "ignore: true"), ("json: $.id", "match: {shape: uuid}")], "never-answers"),
        ([("json: $.id", "ignore: true"), ("json: $.id", "match: {shape: [integer, uuid]}")], "contradicts"),
        ([("json: $.id", "ignore: {type: any}"), ("json: $.id", "match: {shape: [integer, uuid]}")], "never-answers"),
        ([("json: $.meta", "ignore: true"), ("json: $.meta.id", "accept: true")], "never-answers"),
        ([("json: $..id", "ignore: true"), ("json: '$.items[*].id'", "match: {tolerance: 1}")], "never-answers"),
        ([("json: $.id", "accept: true"), ("json: $.id", "ignore: {presence: any}")], "never-answers"),
        ([("json: $.id", "accept: {max_rate: 1%}"), ("json: $.id", "ignore: {presence: any}")], "never-answers"),
        ([("json: $.id", "accept: {kind: extra}"), ("json: $.id", "ignore: {presence: any}")], "contradicts"),
        ([("json: $.id", "match: {tolerance: 1}"), ("json: $.id", "ignore: true")], "contradicts"),
        ([("json: $.rows", "match: {order: unordered}"), ("json: $.rows", "match: {keyed: id}")], "contradicts"),
        (
            [("header: [date, age]", "ignore: {presence: any, type: any}"), ("header: Age", "accept: true")],
            "never-answers",
        ),
        ([("header: set-cookie", "accept: true"), ("cookie: sid", "match: {case: insensitive}")], "never-answers"),
        ([("cookie: '*; Expires'", "accept: true"), ("cookie: 'sid; expires'", "accept: true")], "never-answers"),
        (
            [("{E}, status: [404, 410]", "ignore: true"), ("{E}, status: [404, 410]", "accept: {kind: value}")],
            "never-answers",
        ),
        ([("{E}, status: 404", "accept: true"), ("{E}, status: [404, 410]", "ignore: true")], "never-answers"),
        ([("{E}, body: true", "accept: true"), ("{E}, body: true", "accept: {kind: type}")], "never-answers"),
        ([("text: ^a", "accept: true"), ("text: ^a", "ignore: true")], "never-answers"),
        ([("{E}, json: $.id", "accept: true"), ("{N}, json: $.id", "ignore: true")], "never-answers"),
        ([("json: $.id", "match: {tolerance: 1}"), ("json: $.id", "match: {tolerance: 1}")], "never-answers"),
        // What the earlier one leaves for it.
        ([("json: $.id", "match: {tolerance: 1}"), ("json: $.id", "match: {tolerance: 2}")], ""),
        ([("json: $.id", "match: {tolerance: 1}"), ("json: $.id", "accept: {max_rate: 1%}")], ""),
        ([("json: $.id", "ignore: true"), ("json: $.id", "accept: {kind: [missing, extra]}")], ""),
        ([("json: $.id", "ignore: true"), ("json: $.id", "match: {null_is_absent: true}")], ""),
        ([("json: $.a.id", "ignore: true"), ("json: $..id", "ignore: true")], ""),
        ([("json: [$.a, $.b]", "accept: true"), ("json: [$.a, $.c]", "accept: true")], ""),
        ([("{N}, json: $.id", "accept: true"), ("{E}, json: $.id", "accept: true")], ""),
        ([("{E}, json: $.id", "accept: true"), ("json: $.id", "accept: true")], ""),
        ([("json: $.tags", "ignore: true"), ("json: $.tags", "match: {order: unordered}")], "contradicts"),
        ([("json: $.tags", "match: {order: unordered}"), ("json: '$.tags[*]'", "match: {case: insensitive}")], ""),
        ([("{E}, status: 404", "accept: true"), ("{E}, status: 410", "accept: true")], ""),
        ([("cookie: sid", "accept: true"), ("cookie: 'sid; Path'", "accept: true")], ""),
    ] {
        let checked = of(&[("r.yaml", &two(rules))], &Endpoints::Learned);
        assert_eq!(checked.rules, 2, "{rules:?}: {:?}", checked.findings);
        let found: Vec<&str> = checked.findings.iter().map(|finding| finding.kind.as_str()).collect();
        assert_eq!(found.join(" "), expected, "{rules:?}: {:?}", checked.findings);
        assert!(checked.findings.iter().all(|f| f.at.line == 3 && f.message.contains("'a' (r.yaml:2)")));
        assert!(checked.findings.iter().all(|f| f.rule.as_deref() == Some("b") && f.kind.is_mistake()));
    }
}

/// `r.yaml:3 expired`, one a finding.
fn places(checked: &Checked) -> Vec<String> {
    checked.findings.iter().map(|f| format!("{} {}", f.at, f.kind)).collect()
}

fn one(expires: &str, at: &str, answer: &str) -> String {
    format!("rules:\n  - {{id: a, owner: me, reason: because, expires: {expires}, at: {{{at}}}, {answer}}}\n")
}

#[test]
fn what_expires_is_told_before_it_has() {
    for (expires, expected) in
        [("2026-11-24", "expired"), ("2026-11-25", "expires-soon"), ("2026-12-09", "expires-soon"), ("2026-12-10", "")]
    {
        let checked = of(&[("r.yaml", &one(expires, "json: $.a", "ignore: true"))], &Endpoints::Learned);
        let found: Vec<&str> = checked.findings.iter().map(|finding| finding.kind.as_str()).collect();
        assert_eq!(found.join(" "), expected, "{expires}");
        let told =
            checked.findings.iter().all(|f| f.message.contains(expires) && f.message.contains("renew 'expires'"));
        assert!(told && checked.findings.iter().all(|f| f.kind.is_mistake() == (expected == "expired")));
    }
    // What has expired takes nothing from others.
    let expired = two([("json: $.a", "accept: true"), ("json: $.a", "ignore: true")]).replacen("2099", "2020", 1);
    assert_eq!(places(&of(&[("r.yaml", &expired)], &Endpoints::Learned)), ["r.yaml:2 expired"]);
}

#[test]
fn a_rule_that_hides_everything_is_told() {
    for (at, answer, broad) in [
        ("json: '$..*'", "ignore: true", true),
        ("json: $", "ignore: true", true),
        ("json: ['$.a', '$[*]']", "accept: true", true),
        ("endpoint: GET /a, json: '$..*'", "ignore: true", true),
        ("json: '$..*'", "match: {type: same}", true),
        ("json: '$..*'", "match: {null_is_absent: true}", false),
        ("json: '$..*'", "match: {tolerance: 1}", false),
        ("json: '$..*'", "accept: {max_rate: 1%}", false),
        ("json: $..id", "ignore: true", false),
        ("json: $.a.*", "ignore: true", false),
        ("text: '.*'", "ignore: true", true),
        ("text: '^Date'", "ignore: true", false),
        ("status: true", "accept: true", true),
        ("endpoint: '/**', status: true", "ignore: true", true),
        ("endpoint: '/a', status: true", "accept: true", false),
        ("status: 404", "accept: true", false),
        ("body: true", "ignore: true", true),
        ("endpoint: GET /a, body: true", "ignore: true", false),
        ("header: date", "ignore: true", false),
    ] {
        let checked = of(&[("r.yaml", &one("2099-12-31", at, answer))], &Endpoints::Learned);
        let expected: &[FindingKind] = if broad { &[FindingKind::OverBroad] } else { &[] };
        assert_eq!(checked.findings.iter().map(|f| f.kind).collect::<Vec<_>>(), expected, "{at} {answer}");
        assert!(checked.findings.iter().all(|f| !f.kind.is_mistake() && f.message.contains("name the places")));
    }
}

#[test]
fn an_endpoint_that_the_policy_does_not_have_is_told() {
    let templates = Endpoints::Templates(["GET /orders/{id}", "* /health"].map(|t| t.parse().unwrap()).to_vec());
    for (endpoint, known) in [
        ("GET /orders/{order}", true),
        ("GET /orders/7", true),
        ("/orders/**", true),
        ("POST /health", true),
        ("POST /orders/{id}", false),
        ("GET /order/{id}", false),
    ] {
        let text = one("2099-12-31", &format!("endpoint: '{endpoint}', json: $.a"), "ignore: true");
        let found = places(&of(&[("r.yaml", &text)], &templates));
        assert_eq!(found, if known { vec![] } else { vec!["r.yaml:2 no-such-endpoint"] }, "{endpoint}");
        assert!(of(&[("r.yaml", &text)], &Endpoints::Learned).findings.is_empty(), "nothing is known of them");
    }
}

#[test]
fn every_mistake_of_every_file_is_found_with_its_line() {
    let first = "\
rules:
  - id: a
    owner: me
    resaon: typo
    expires: 2099-12-31
    at: {json: $.a}
    ignore: true
  - {id: b, owner: me, reason: r, expires: 2099-02-30, at: {json: $.b}, ignore: true}
  - {id: c, owner: me, reason: r, expires: 2099-12-31, at: {json: b}, ignore: true}
  - {id: d, owner: me, reason: r, expires: 2099-12-31, at: {json: $.d}, ignore: true, accept: true}
  - {id: e, owner: me, reason: r, expires: 2099-12-31, at: {json: $.e}, ignore: always}
  - {id: f, owner: me, reason: r, expires: 2099-12-31, at: {json: $.f}, ignore: true}
";
    let second = "rules:\n  - {id: f, owner: me, reason: r, expires: 2099-12-31, at: {json: $.g}, ignore: true}\n";
    let third = "rules: [\n";
    let checked = of(&[("a.yaml", first), ("b.yaml", second), ("c.yaml", third)], &Endpoints::Learned);
    let lines = ["a.yaml:4", "a.yaml:8", "a.yaml:9", "a.yaml:10", "a.yaml:11", "b.yaml:2"];
    let found: Vec<String> = checked.findings.iter().map(|finding| finding.at.to_string()).collect();
    assert_eq!(found[..6], lines);
    assert!(found.len() == 7 && found[6].starts_with("c.yaml"), "{found:?}");
    assert_eq!(checked.rules, 1);
    for (finding, words) in
        checked.findings.iter().zip(["resaon", "not a day", "RFC 9535", "more than one", "mapping", "'f'"])
    {
        assert!(finding.message.contains(words) && !finding.message.contains('\n'), "{}", finding.message);
        assert!(!finding.message.contains("yaml:") || finding.message.contains("a.yaml:12"), "{}", finding.message);
    }
    let hopeless = "rules:\n  - {id: a, x: 1}\n  - {id: b, y: 1}\n";
    assert_eq!(places(&of(&[("a.yaml", hopeless)], &Endpoints::Learned)), ["a.yaml:2 wrong", "a.yaml:3 wrong"]);
}

#[test]
fn the_shipped_rules_have_no_mistake_and_may_be_overruled() {
    let mut files = texts_or_common(&[]).unwrap();
    assert_eq!(files[0].0, COMMON);
    let checked = check(&files, &Endpoints::Learned, TODAY);
    assert!(checked.rules > 10 && checked.findings.is_empty(), "{:?}", checked.findings);
    let own = one("2099-12-31", "header: etag", "ignore: {presence: any}");
    files.push(("own.yaml".into(), own.clone()));
    assert!(check(&files, &Endpoints::Learned, TODAY).findings.is_empty());
    files.rotate_right(1);
    assert!(check(&files, &Endpoints::Learned, TODAY).findings.is_empty());
}

//! Each kind of fault on each kind of body; what the comparison notices of them; the audit's findings, each with a story.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jiff::civil::{Date, date};
use proptest::prelude::*;

use super::*;
use crate::compare::Comparer;
use crate::config::Redaction;
use crate::exchange::{
    Answer, Asked, Body, Carried, Endpoint, Exchange, Fate, Headers, Location, Moments, Observation, Outcome, Request,
    Response, Specimen, Version,
};
use crate::redact::{Key, Redactor};
use crate::rules::RuleSet;

const TODAY: Date = date(2026, 11, 21);

fn response(status: u16, fields: &[(&str, &str)], body: &[u8]) -> Response {
    let headers: Headers = fields.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    Response { version: Version::Http11, status, headers, body: Body::whole(body.to_vec()), interim: Vec::new() }
}

fn specimen_of(sequence: u64, endpoint: &str, legacy: Response, candidate: Response) -> Specimen {
    let (method, template) = endpoint.split_once(' ').unwrap();
    let request = Request {
        method: method.into(),
        target: template.to_owned().into(),
        version: Version::Http11,
        headers: Headers::new(),
        body: Body::default(),
    };
    let candidate = Ok(Answer { response: candidate, latency: Duration::from_millis(1) });
    Specimen {
        endpoint: Endpoint { method: method.into(), template: template.into() },
        observation: Observation {
            sequence,
            endpoint: 0,
            exchange: Exchange {
                client: ([10, 0, 0, 1], 1).into(),
                server: ([10, 0, 0, 2], 80).into(),
                request: Some(request),
                response: Some(legacy),
                interim_only: Vec::new(),
                incomplete: None,
                moments: Moments::default(),
            },
            fate: Fate::Asked(Box::new(Asked { candidate, legacy: None, credentials: Carried::Nothing })),
        },
    }
}

/// Both answer the same.
fn agreeing(sequence: u64, media: &str, body: &[u8]) -> Specimen {
    let answer = response(200, &[("content-type", media)], body);
    specimen_of(sequence, "GET /things", answer.clone(), answer)
}

fn comparer(rules: &str) -> Comparer {
    let rules = RuleSet::parse("more.yaml", &format!("rules:\n{rules}"), TODAY).unwrap();
    // One for all: it takes longer to make than a trial.
    static REDACTOR: LazyLock<Arc<Redactor>> =
        LazyLock::new(|| Arc::new(Redactor::new(&Redaction::default(), Key::random().unwrap()).unwrap()));
    Comparer::new(Arc::new(rules), Arc::clone(&REDACTOR))
}

fn rule(id: &str, at: &str, answer: &str) -> String {
    format!("- {{id: {id}, owner: me, reason: why, expires: 2027-06-30, at: {{{at}}}, {answer}}}\n")
}

fn tried(specimens: &[Specimen], rules: &str) -> Trial {
    let rules = if rules.is_empty() { "  []" } else { rules };
    trial(specimens, &comparer(rules), &Uses::default(), &Terms { hidden_at_most: 0.05, today: TODAY }).unwrap()
}

/// What the faults of a kind make of a body, over many seeds.
fn made(kind: FaultKind, media: &str, body: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for sequence in 0..60 {
        let specimen = agreeing(sequence, media, body.as_bytes());
        let laid = Laid::out(&specimen).unwrap();
        let of_kind = faults(&specimen, &laid).into_iter().filter(|fault| fault.kind == kind);
        all.extend(of_kind.map(|fault| String::from_utf8_lossy(&fault.response.body.bytes).into_owned()));
    }
    all
}

#[test]
fn each_kind_does_to_each_kind_of_body_what_it_says() {
    use FaultKind::*;
    const JSON: &str = "application/json";
    for (kind, media, body, expected) in [
        (FieldDropped, JSON, r#"{"a":1,"b":{"c":2}}"#, &[r#"{"a":1}"#, r#"{"a":1,"b":{}}"#, r#"{"b":{"c":2}}"#][..]),
        (FieldDropped, JSON, "[1,2]", &[]),
        (
            ValueOffByOne,
            JSON,
            r#"{"a":12.50,"b":"x9","c":true,"d":null}"#,
            &[
                r#"{"a":12.50,"b":"x8","c":true,"d":null}"#,
                r#"{"a":12.50,"b":"x9","c":false,"d":null}"#,
                r#"{"a":12.51,"b":"x9","c":true,"d":null}"#,
            ],
        ),
        (
            TypeChanged,
            JSON,
            r#"[1,"2","x",null]"#,
            &[r#"["1","2","x",null]"#, r#"[1,"2","x",""]"#, r#"[1,"2",null,null]"#, r#"[1,2,"x",null]"#],
        ),
        (
            FieldAdded,
            JSON,
            r#"{"a":{},"b":[{"c":1}]}"#,
            &[
                r#"{"a":{"internalNote":"not for clients"},"b":[{"c":1}]}"#,
                r#"{"a":{},"b":[{"internalNote":"not for clients","c":1}]}"#,
                r#"{"internalNote":"not for clients","a":{},"b":[{"c":1}]}"#,
            ],
        ),
        (FieldAdded, JSON, "[1,[2]]", &[]),
        (ElementLost, JSON, r#"{"a":[1,2],"b":[]}"#, &[r#"{"a":[1],"b":[]}"#, r#"{"a":[2],"b":[]}"#]),
        (ElementLost, "application/x-ndjson", "{\"a\":1}\n{\"a\":2}\n", &["\n{\"a\":2}\n", "{\"a\":1}\n\n"]),
        (OrderChanged, JSON, "[1,1.0,2]", &["[1,2,1.0]"]),
        (OrderChanged, JSON, "[[3,4],[5]]", &["[[4,3],[5]]", "[[5],[3,4]]"]),
        (OrderChanged, JSON, "[7,7,7]", &[]),
        (IdsSwapped, JSON, r#"{"id":1,"orderId":2,"sku":"2"}"#, &[r#"{"id":2,"orderId":1,"sku":"2"}"#]),
        (IdsSwapped, JSON, r#"[{"id":"a","x":1},{"id":"b","x":1}]"#, &[r#"[{"id":"b","x":1},{"id":"a","x":1}]"#]),
        (IdsSwapped, JSON, r#"{"id":1,"itemId":1.0,"paid":3}"#, &[]),
        (
            TimeShifted,
            JSON,
            r#"{"at":"2026-11-20T23:30:00Z"}"#,
            &[r#"{"at":"2026-11-21T00:30:00Z"}"#, r#"{"at":"2026-11-21T23:30:00Z"}"#],
        ),
        (TimeShifted, JSON, r#"{"on":"2026-12-31","n":5}"#, &[r#"{"on":"2027-01-01","n":5}"#]),
        (TimeShifted, JSON, "[1700000000000]", &["[1700003600000]", "[1700086400000]"]),
        (LineLost, "text/plain", "a\nb\n", &["a\n", "b\n"]),
        (LineLost, JSON, "[1]", &[]),
        (
            WordChanged,
            "text/html",
            "<p>one 2</p>\n",
            &["<p>one 3</p>\n", "<p>onf 2</p>\n", "<p>one 2</q>\n", "<q>one 2</p>\n"],
        ),
        (BodyTruncated, "text/plain", "abc\n", &["", "a", "ab"]),
        (BodyTruncated, JSON, "{} \n", &["", "{"]),
        (BodyTruncated, JSON, "1.00", &[]),
        (ValueOffByOne, "image/png", "\u{1}", &["\0"]),
        (BodyTruncated, "image/png", "ab", &["", "a"]),
        (TypeChanged, "text/plain", "1", &[]),
    ] {
        let expected: BTreeSet<String> = expected.iter().map(|text| (*text).to_owned()).collect();
        assert_eq!(made(kind, media, body), expected, "{kind} {body}");
    }
}

#[test]
fn status_and_headers_have_their_faults_whatever_the_body() {
    let fields =
        [("date", "x"), ("Location", "/a"), ("X-Only", "candidate"), ("set-cookie", "a=1"), ("set-cookie", "b=2")];
    let legacy = response(204, &fields[..2], b"");
    let legacy = Response {
        headers: fields.iter().filter(|(n, _)| *n != "X-Only").map(|(n, v)| (*n, v.as_bytes())).collect(),
        ..legacy
    };
    let specimen = specimen_of(3, "PUT /a", legacy, response(204, &fields, b""));
    let all = faults(&specimen, &Laid::out(&specimen).unwrap());
    let shown = |fault: &Fault| {
        format!("{} {} {} {}", fault.kind, fault.at, fault.response.status, fault.response.headers.len())
    };
    let found: BTreeSet<String> = all.iter().map(shown).collect();
    // Neither the date, which is not of the answer, nor what only the candidate has.
    let expected = [
        "header-changed header location 204 5",
        "header-changed header set-cookie 204 5",
        "header-lost header location 204 4",
        "header-lost header set-cookie 204 4",
        "status-changed status 200 5",
    ];
    assert_eq!(found, expected.map(str::to_owned).into());
    assert_eq!(all.len(), 7);
}

#[test]
fn content_codings_are_undone_on_both_sides_and_everything_is_noticed() {
    use std::io::Write;
    let text = br#"{"id":17,"name":"tea","prices":[1,2,3]}"#;
    let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    coder.write_all(text).unwrap();
    let coded = coder.finish().unwrap();
    let json = ("content-type", "application/json");
    let legacy = response(200, &[json, ("content-encoding", "gzip")], &coded);
    for candidate in [legacy.clone(), response(200, &[json], text)] {
        let specimen = specimen_of(1, "GET /tea", legacy.clone(), candidate);
        let rules = rule("coding", "header: content-encoding", "ignore: {presence: any}");
        let trial = tried(&[specimen], &rules);
        let all = trial.all();
        assert!(all.seeded > 15 && all.noticed == all.seeded, "{all:?}");
        assert!(trial.endpoints[0].faults.contains_key(&FaultKind::ElementLost));
    }
    // A lost coding is asked about where it is: without the rule the second would not agree.
    let specimen = specimen_of(1, "GET /tea", legacy, response(200, &[json], text));
    let rule = &tried(&[specimen], &rule("coding", "header: content-encoding", "ignore: {presence: any}")).rules[0];
    assert_eq!((rule.specimens, rule.needed), (1, 1));
}

#[test]
fn what_cannot_be_looked_at_is_counted_as_left_out() {
    let large = vec![b' '; MAX_BODY + 1];
    let mut cut = agreeing(3, "text/plain", b"abc");
    cut.observation.exchange.response.as_mut().unwrap().body.length = 9;
    let mut coded = agreeing(4, "text/plain", b"abc");
    coded.observation.exchange.response.as_mut().unwrap().headers.push("content-encoding", b"gzip");
    let trial = tried(&[agreeing(1, "text/plain", &large), agreeing(2, "text/plain", b"abc"), cut, coded], "");
    assert_eq!((trial.specimens, trial.left_out), (1, 3));
    let many: Vec<Specimen> = (0..100).map(|n| agreeing(n, "text/plain", b"abc")).collect();
    let trial = tried(&many, "");
    assert_eq!((trial.specimens as usize, trial.left_out as usize), (MAX_SPECIMENS, 100 - MAX_SPECIMENS));
    assert_eq!(
        super::trial(&[], &comparer("  []"), &Uses::default(), &Terms { hidden_at_most: 0.05, today: TODAY }),
        None
    );
}

const ORDER: &[u8] = br#"{"id":17,"placed":"2026-11-20T10:00:00Z","total":"61.50","paid":true,"note":null,
 "lines":[{"sku":"TEE-1","quantity":2,"price":12.5},{"sku":"KAF-2","quantity":1,"price":36.5}]}"#;

fn orders(n: u64) -> Vec<Specimen> {
    (0..n).map(|at| agreeing(at, "application/json", ORDER)).collect()
}

#[test]
fn a_rule_that_ignores_everything_is_caught_by_depth_and_by_the_faults() {
    let rules = rule("all", "json: '$..*'", "ignore: true");
    let trial = tried(&orders(8), &rules);
    // Eleven JSON values of which one is null, which is not another null; the status; the content type.
    assert_eq!((trial.depth.values, trial.depth.hidden), (8 * 13, 8 * 10));
    let all = trial.all();
    assert!(all.share().unwrap() < 0.8, "{all:?}");
    let offbyone = trial.by_kind()[&FaultKind::ValueOffByOne];
    assert_eq!(offbyone.noticed, 0);
    let hidden: u64 = trial.endpoints[0].unnoticed.iter().map(|unnoticed| unnoticed.faults).sum();
    assert_eq!(hidden, all.seeded - all.noticed);
    assert!(trial.endpoints[0].unnoticed.iter().all(|unnoticed| unnoticed.hidden_by == Hider::Rule("all".into())));
    assert_eq!(trial.rules[0].faults_hidden, hidden);
    let flaws: Vec<Flaw> = trial.rules[0].findings.iter().map(|finding| finding.flaw).collect();
    assert_eq!(flaws, [Flaw::OverBroad, Flaw::OverBroad]);
}

#[test]
fn a_place_that_is_hidden_is_told_with_its_rule_and_without_positions() {
    let trial = tried(&orders(8), &rule("prices", "json: '$.lines[*].price'", "match: {shape: number}"));
    let unnoticed = &trial.endpoints[0].unnoticed;
    let places: BTreeSet<(FaultKind, &str, String)> =
        unnoticed.iter().map(|one| (one.fault, one.place.as_str(), one.hidden_by.to_string())).collect();
    assert_eq!(places, [(FaultKind::ValueOffByOne, "body /lines/*/price", "prices".to_owned())].into());
    assert_eq!((trial.depth.hidden, trial.depth.loose), (0, 8 * 2));
    assert_eq!(trial.depth.by_rule[&Arc::from("prices")], Hides { hidden: 0, loose: 16 });
}

#[test]
fn depth_asks_every_kind_of_place() {
    let fields =
        [("content-type", "text/plain"), ("etag", "\"a1\""), ("set-cookie", "sid=4f; Path=/"), ("date", "now")];
    let answer = response(200, &fields, b"one\ntwo 2\n");
    let specimen = specimen_of(0, "GET /text", answer.clone(), answer);
    for (at, answer, hidden, loose) in [
        ("status: true", "ignore: true", 1, 0),
        ("status: [200, 202]", "accept: true", 1, 0),
        ("status: [200, 404]", "accept: true", 0, 0),
        ("header: etag", "ignore: true", 1, 0),
        ("header: etag", "match: {regex: '^\".*\"$'}", 0, 1),
        ("header: etag", "match: {case: insensitive}", 0, 0),
        ("header: date", "ignore: true", 0, 0),
        ("cookie: sid", "ignore: true", 1, 0),
        ("cookie: sid", "match: {shape: hex}", 0, 1),
        ("text: two", "ignore: true", 1, 0),
        ("text: '.'", "accept: {kind: missing}", 0, 0),
    ] {
        let depth = tried(std::slice::from_ref(&specimen), &rule("r", at, answer)).depth;
        assert_eq!((depth.values, depth.hidden, depth.loose), (7, hidden, loose), "{at} {answer}");
    }
    let bytes = tried(&[agreeing(0, "image/png", b"\xff\xfe")], &rule("r", "body: true", "ignore: true")).depth;
    assert_eq!((bytes.values, bytes.hidden), (3, 1));
}

#[test]
fn a_large_answer_is_asked_about_evenly() {
    let body = format!("[{}]", vec!["1"; 5_001].join(","));
    let depth =
        tried(&[agreeing(0, "application/json", body.as_bytes())], &rule("r", "json: '$[1000:]'", "ignore: true"))
            .depth;
    assert_eq!(depth.values, 1_667 + 2);
    assert!((depth.hidden as f64 / 1_667.0 - 0.8).abs() < 0.001, "{depth:?}");
}

/// The candidate's answer differs from the legacy's in ways that rules answer for.
fn tolerated(sequence: u64) -> Specimen {
    let json = [("content-type", "application/json")];
    let legacy = response(200, &json, br#"{"a":1.00,"b":"x","c":[1,2]}"#);
    let candidate = response(200, &json, br#"{"a":1.01,"b":"x","c":[2,1],"new":7}"#);
    specimen_of(sequence, "GET /tolerated", legacy, candidate)
}

#[test]
fn what_brings_an_answer_nearer_is_no_fault() {
    let rules = [
        rule("near", "json: $.a", "match: {tolerance: 0.01}"),
        rule("set", "json: $.c", "match: {order: unordered}"),
        rule("new", "json: $.new", "ignore: {presence: any}"),
    ];
    let specimens: Vec<Specimen> = (0..20).map(tolerated).collect();
    let trial = tried(&specimens, &rules.concat());
    assert_eq!(trial.endpoints[0].sound, 20);
    let of = |kind| trial.by_kind().get(&kind).copied().unwrap_or_default();
    // The array back in the legacy's order is none. A dropped `new` is none, either.
    assert_eq!(of(FaultKind::OrderChanged).seeded, 0);
    let dropped = of(FaultKind::FieldDropped);
    assert_eq!((dropped.seeded, dropped.noticed), (60, 60));
    // 1.01 becomes 1.02, which is too far; `new` becomes 8, which its rule hides; nothing else hides anything.
    let hidden: BTreeSet<String> =
        trial.endpoints[0].unnoticed.iter().map(|one| format!("{} {}", one.place, one.hidden_by)).collect();
    assert_eq!(hidden, ["body /new new".to_owned()].into());
    let audits: BTreeMap<&str, (u64, u64)> =
        trial.rules.iter().map(|audit| (&*audit.id, (audit.specimens, audit.needed))).collect();
    assert_eq!(audits, [("near", (20, 20)), ("set", (20, 20)), ("new", (20, 20))].into());
}

#[test]
fn a_fault_where_the_live_legacy_has_moved_is_hidden_by_drift() {
    let json = [("content-type", "application/json")];
    let mut specimen =
        specimen_of(0, "GET /drift", response(200, &json, br#"{"stock":5}"#), response(200, &json, br#"{"stock":4}"#));
    let Fate::Asked(asked) = &mut specimen.observation.fate else { unreachable!() };
    let live = Answer { response: response(200, &json, br#"{"stock":4}"#), latency: Duration::ZERO };
    asked.legacy = Some(Ok(live));
    let trial = tried(&[specimen], "");
    let unnoticed: BTreeSet<(String, &str)> =
        trial.endpoints[0].unnoticed.iter().map(|one| (one.hidden_by.to_string(), &*one.place)).collect();
    assert!(unnoticed.contains(&("(drift of the legacy)".to_owned(), "body /stock")), "{unnoticed:?}");
    assert_eq!(trial.by_kind()[&FaultKind::StatusChanged], Counted { seeded: 1, noticed: 1 });
}

#[test]
fn places_in_a_trial_have_no_secrets() {
    let secret = "4012888888881881";
    let body = format!(r#"{{"password":"{secret}xyz","cards":{{"{secret}xyz":1}}}}"#);
    let trial =
        tried(&[agreeing(0, "application/json", body.as_bytes())], &rule("all", "json: '$..*'", "ignore: true"));
    let shown = serde_json::to_string(&trial).unwrap();
    assert!(shown.contains("/cards/") && !shown.contains(secret), "{shown}");
}

fn findings(trial: &Trial, id: &str) -> Vec<(Flaw, String)> {
    let audit = trial.rules.iter().find(|audit| &*audit.id == id).unwrap();
    audit.findings.iter().map(|finding| (finding.flaw, finding.why.clone())).collect()
}

#[test]
fn dead_rules_are_those_that_mean_no_place_that_was_seen() {
    let rules = [
        rule("gone", "json: $.legacyId", "ignore: true"),
        rule("elsewhere", "endpoint: GET /other, json: $.id", "ignore: true"),
        rule("no-such-header", "header: x-shard", "ignore: true"),
        rule("no-such-status", "status: [404, 410]", "accept: true"),
        rule("idle", "json: $.total", "match: {tolerance: 0.01}"),
        rule("idle-inside", "json: '$.lines[?@.quantity > 1].price'", "ignore: true"),
        rule("idle-presence", "json: $.links", "accept: {kind: extra}"),
        rule("used", "json: $.deletedLongAgo", "ignore: true"),
    ];
    let uses: Uses = [(Arc::from("used"), (3, 2))].into();
    let mut specimens = orders(4);
    let with_links = ORDER.strip_prefix(b"{").map(|rest| [b"{\"links\":[1],", rest].concat()).unwrap();
    let json = [("content-type", "application/json")];
    specimens.push(specimen_of(9, "GET /things", response(200, &json, ORDER), response(200, &json, &with_links)));
    let terms = Terms { hidden_at_most: 0.05, today: TODAY };
    let trial = trial(&specimens, &comparer(&rules.concat()), &uses, &terms).unwrap();
    let dead: Vec<&str> =
        trial.rules.iter().filter(|a| a.findings.iter().any(|f| f.flaw == Flaw::Dead)).map(|a| &*a.id).collect();
    assert_eq!(dead, ["gone", "elsewhere", "no-such-header", "no-such-status"]);
    let used = &trial.rules[7];
    assert_eq!((used.differences, used.exchanges), (3, 2));
}

#[test]
fn over_broad_rules_cover_more_than_ever_differs() {
    let json = [("content-type", "application/json")];
    let one = |at| {
        let legacy = response(200, &json, br#"{"at":1,"a":{"x":1,"y":2,"z":3}}"#);
        let candidate = response(200, &json, br#"{"at":2,"a":{"x":1,"y":2,"z":3}}"#);
        specimen_of(at, "GET /wide", legacy, candidate)
    };
    let specimens: Vec<Specimen> = (0..4).map(one).collect();
    let wide = tried(&specimens, &rule("wide", "json: '$..*'", "ignore: true"));
    let found = findings(&wide, "wide");
    assert_eq!(found[0].0, Flaw::OverBroad);
    assert_eq!(
        found[0].1,
        "of the 4 places that it covers 3 never differed: GET /wide body /a/x, GET /wide body /a/y, GET /wide body /a/z"
    );
    assert!(found[1].1.starts_with("it hides 66.7% of all values by itself"), "{}", found[1].1);
    let narrow = tried(&specimens, &rule("narrow", "json: $.at", "match: {shape: integer}"));
    assert_eq!(findings(&narrow, "narrow"), []);
}

#[test]
fn days_of_rules() {
    let dated = |id: &str, day: &str| rule(id, "json: $.id", "match: {shape: integer}").replace("2027-06-30", day);
    let rules = [
        dated("past", "2026-11-20"),
        dated("last", "2026-11-21"),
        dated("soon", "2026-12-21"),
        dated("later", "2026-12-22"),
    ];
    let trial = tried(&orders(1), &rules.concat());
    let flaws = |id| findings(&trial, id).into_iter().map(|(flaw, _)| flaw).collect::<Vec<_>>();
    assert_eq!(flaws("past"), [Flaw::Expired]);
    assert_eq!((flaws("last"), flaws("soon")), (vec![Flaw::ExpiresSoon], vec![Flaw::ExpiresSoon]));
    assert_eq!(flaws("later"), []);
    assert_eq!(findings(&trial, "soon")[0].1, "its last day is 2026-12-21");
}

#[test]
fn the_same_specimens_give_the_same_trial_in_whatever_order_they_come() {
    let mut specimens: Vec<Specimen> = orders(20).into_iter().chain((20..40).map(tolerated)).collect();
    let rules =
        [rule("r", "json: '$..a'", "match: {tolerance: 5}"), rule("s", "json: '$..*'", "ignore: {presence: any}")];
    let shown = |specimens: &[Specimen]| serde_json::to_string(&tried(specimens, &rules.concat())).unwrap();
    let first = shown(&specimens);
    specimens.reverse();
    assert_eq!(shown(&specimens), first);
    specimens.rotate_left(7);
    assert_eq!(shown(&specimens), first);
}

/// JSON in which everything occurs that could be taken for something else.
fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("0e5".to_owned()),
        Just("-0".to_owned()),
        Just("1.00".to_owned()),
        Just("\"\\ud800\"".to_owned()),
        Just("\"2026-02-28\"".to_owned()),
        Just("1700000000".to_owned()),
        (0..30_u32).prop_map(|n| n.to_string()),
        "[a-c9\\\\é\"]{0,3}".prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        let names = prop::sample::select(vec!["id", "itemId", "a", "b", "\\u0061", ""]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|all| format!("[{}]", all.join(", "))),
            prop::collection::vec((names, inner), 0..5).prop_map(|all| {
                let all: Vec<String> = all.into_iter().map(|(name, value)| format!("\"{name}\" :{value}")).collect();
                format!("{{{}}}", all.join(","))
            }),
        ]
    })
}

fn any_answer() -> impl Strategy<Value = Response> {
    let body = prop_oneof![
        6 => any_json().prop_map(|text| ("application/json", text.into_bytes())),
        2 => prop::collection::vec(any_json(), 0..4).prop_map(|all| ("application/x-ndjson", all.join("\n").into_bytes())),
        2 => "([a-b1 ]{0,4}\r?\n){0,5}[a-b]{0,2}".prop_map(|text| ("text/plain", text.into_bytes())),
        1 => prop::collection::vec(any::<u8>(), 0..12).prop_map(|bytes| ("application/octet-stream", bytes)),
        1 => prop::collection::vec(any::<u8>(), 0..12).prop_map(|bytes| ("text/html", bytes)),
        1 => any_json().prop_map(|text| ("", text.into_bytes())),
    ];
    let fields =
        prop::collection::vec((prop::sample::select(vec!["vary", "X-A", "set-cookie", "etag"]), "[a-b=; ]{0,4}"), 0..4);
    let status = prop::sample::select(vec![200, 201, 204, 301, 304, 404, 401, 418, 500, 503]);
    (status, body, fields).prop_map(|(status, (media, body), fields)| {
        let mut all: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        if !media.is_empty() {
            all.push(("content-type", media));
        }
        response(status, &all, &body)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// The strong promise of the comparison itself: what no rule answers for is noticed, every time.
    #[test]
    fn without_rules_no_fault_is_ever_unnoticed(answer in any_answer(), sequence in 0..1_000_u64, head in prop::bool::weighted(0.1)) {
        let endpoint = if head { "HEAD /any" } else { "GET /any" };
        let specimen = specimen_of(sequence, endpoint, answer.clone(), answer);
        let comparer = comparer("  []");
        let laid = Laid::out(&specimen).unwrap();
        prop_assert_eq!(comparer.compare(laid.observation()).outcome, Outcome::Matched);
        for fault in faults(&specimen, &laid) {
            let found = comparer.compare(&laid.answered(fault.response.clone()));
            prop_assert!(
                matches!(found.outcome, Outcome::Mismatched | Outcome::Failed(_)),
                "{} at {} is {:?}: {:?}", fault.kind, fault.at, found.outcome, fault.response
            );
        }
    }

    /// What is in the trial adds up, whatever the rules hide.
    #[test]
    fn faults_are_noticed_or_told_with_what_hid_them(answer in any_answer(), sequence in 0..1_000_u64, at in 0..5_usize) {
        let (place, says) = [
            ("json: '$..*'", "ignore: {type: any, presence: any}"),
            ("json: $", "ignore: {type: any, presence: any}"),
            ("json: '$..id'", "accept: true"),
            ("body: true", "accept: true"),
            ("text: '.'", "ignore: {presence: any}"),
        ][at];
        let trial = tried(&[specimen_of(sequence, "GET /any", answer.clone(), answer)], &rule("r", place, says));
        let all = trial.all();
        let told: u64 = trial.endpoints.iter().flat_map(|one| &one.unnoticed).map(|one| one.faults).sum();
        prop_assert_eq!(all.seeded, all.noticed + told);
        prop_assert!(trial.endpoints.iter().flat_map(|e| &e.unnoticed).all(|one| one.hidden_by == Hider::Rule("r".into())), "{trial:?}");
        prop_assert!(trial.depth.hidden + trial.depth.loose <= trial.depth.values);
    }
}

#[test]
fn faults_lie_where_they_say() {
    let specimen = agreeing(5, "application/json", ORDER);
    let laid = Laid::out(&specimen).unwrap();
    let comparer = comparer("  []");
    for fault in faults(&specimen, &laid) {
        let found = comparer.compare(&laid.answered(fault.response.clone()));
        let at = match fault.kind {
            // A lost element and two that changed places are found by aligning, which knows no names.
            FaultKind::ElementLost | FaultKind::OrderChanged => continue,
            FaultKind::BodyTruncated => Location::Body,
            _ => fault.at.clone(),
        };
        assert!(
            found.differences.iter().any(|difference| difference.at == at),
            "{} {}: {found:?}",
            fault.kind,
            fault.at
        );
    }
}

/// The trial of `specimens`, of which those are opened that `trials` does not know; how many that are.
fn again(trials: &mut Trials, specimens: &[Specimen], uses: &Uses, may: &mut dyn FnMut() -> bool) -> (Trial, usize) {
    let opened = std::cell::Cell::new(0);
    let held = |one: &'_ Specimen| {
        let (one, opened) = (one.clone(), &opened);
        move || {
            opened.set(opened.get() + 1);
            Some(one.clone())
        }
    };
    let held = specimens.iter().map(|one| Held::new(&one.endpoint, one.observation.sequence, held(one))).collect();
    let trial = trials.trial(held, uses, &Terms { hidden_at_most: 0.05, today: TODAY }, may).unwrap();
    (trial, opened.get())
}

#[test]
fn a_specimen_is_looked_at_once_and_what_is_put_together_is_what_one_look_at_all_of_them_says() {
    // Wide, loose, needed and dead rules, answers that differ, and one that cannot be laid out.
    let rules = rule("wide", "json: '$.lines[*].*'", "ignore: true")
        + &rule("when", "json: $.placed", "match: {shape: date-time}")
        + &rule("nowhere", "header: x-none", "ignore: true");
    let mut all = orders(40);
    let dearer = String::from_utf8_lossy(ORDER).replace("36.5", "36.6");
    for n in 40..48 {
        let answer = |body: &[u8]| response(200, &[("content-type", "application/json")], body);
        all.push(specimen_of(n, "GET /dear", answer(ORDER), answer(dearer.as_bytes())));
    }
    all.push(agreeing(90, "text/plain", &vec![b' '; MAX_BODY + 1]));
    let (comparer, uses) = (comparer(&rules), Uses::from([("wide".into(), (8, 8))]));
    let mut trials = Trials::new(&comparer);
    let mut opened = 0;
    for until in [1, 9, 20, 33, 44, all.len(), all.len()] {
        let (trial, new) = again(&mut trials, &all[..until], &uses, &mut || true);
        let terms = Terms { hidden_at_most: 0.05, today: TODAY };
        assert_eq!(Some(trial), super::trial(&all[..until], &comparer, &uses, &terms), "of {until}");
        opened += new;
    }
    // Which 32 of 40 are looked at changes with those that come, so more of them were; but each once.
    assert!((41..=all.len()).contains(&opened), "{opened} opened");
    let (last, new) = again(&mut trials, &all, &uses, &mut || true);
    assert_eq!((new, last.waiting, last.untried, last.specimens, last.left_out), (0, 0, 0, 40, 9));
    assert_eq!(last.rules[0].needed, 8);
    assert!(last.rules[2].findings.iter().any(|finding| finding.flaw == Flaw::Dead));
}

#[test]
fn where_time_is_short_specimens_wait_and_no_endpoint_gets_a_second_before_all_have_their_first() {
    let many = |name: &str| {
        let answer = response(200, &[("content-type", "application/json")], ORDER);
        let of = |n| specimen_of(n, name, answer.clone(), answer.clone());
        (0..10).map(of).collect::<Vec<_>>()
    };
    let all = ["GET /a", "GET /b", "GET /c"].map(many).concat();
    let (mut trials, uses) = (Trials::new(&comparer("  []")), Uses::default());
    let mut told = Vec::new();
    for most in [0, 2, 2, 3, 100, 0] {
        let mut left = most;
        let mut may = || {
            let any = left > 0;
            left -= usize::from(any);
            any
        };
        let (trial, opened) = again(&mut trials, &all, &uses, &mut may);
        assert_eq!(trial.specimens + trial.waiting + trial.left_out, 30);
        let of_each: Vec<u64> = trial.endpoints.iter().map(|endpoint| endpoint.specimens).collect();
        told.push((opened, trial.waiting, trial.untried, of_each));
    }
    let expected = [
        (0, 30, 3, vec![]),
        (2, 28, 1, vec![1, 1]),
        (2, 26, 0, vec![2, 1, 1]),
        (3, 23, 0, vec![3, 2, 2]),
        (23, 0, 0, vec![10, 10, 10]),
        (0, 0, 0, vec![10, 10, 10]),
    ];
    assert_eq!(told, expected);
}

/// What the faults of a kind make of header fields, over many seeds.
fn made_of_fields(kind: FaultKind, fields: &[(&str, &str)]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let answer = response(204, fields, b"");
    for sequence in 0..40 {
        let specimen = specimen_of(sequence, "GET /fields", answer.clone(), answer.clone());
        let laid = Laid::out(&specimen).unwrap();
        for fault in faults(&specimen, &laid).into_iter().filter(|fault| fault.kind == kind) {
            assert!(matches!(fault.at, Location::Header(_)), "{}", fault.at);
            let new =
                fault.response.headers.iter().filter(|(name, value)| {
                    !fields.iter().any(|(other, old)| other == name && old.as_bytes() == *value)
                });
            all.extend(new.map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value))));
        }
    }
    all
}

#[test]
fn fields_and_cookies_get_other_values_but_for_those_that_each_answer_makes_anew() {
    use FaultKind::*;
    for (kind, field, expected) in [
        (HeaderChanged, ("Location", "/login/41"), &["Location: /login/42"][..]),
        (HeaderChanged, ("location", "https://shop.example/p"), &["location: https://shop.example/q"]),
        (HeaderChanged, ("Content-Type", "text/html; charset=utf-8"), &["Content-Type: text/htmm; charset=utf-8"]),
        (HeaderChanged, ("cache-control", "max-age=60"), &["cache-control: max-age=61"]),
        (
            HeaderChanged,
            ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
            &["last-modified: Sun, 06 Nov 1994 09:49:37 GMT"],
        ),
        (HeaderChanged, ("X-Total-Count", "7"), &["X-Total-Count: 8"]),
        (HeaderChanged, ("vary", "*"), &["vary: *x"]),
        (HeaderChanged, ("etag", "\"a1\""), &[]),
        (HeaderChanged, ("expires", "Sun, 06 Nov 1994 08:49:37 GMT"), &[]),
        (HeaderChanged, ("date", "Sun, 06 Nov 1994 08:49:37 GMT"), &[]),
        (HeaderChanged, ("x-request-id", "17"), &[]),
        (HeaderChanged, ("set-cookie", "theme1=dark; Path=/1"), &["set-cookie: theme1=darj; Path=/1"]),
        (HeaderChanged, ("set-cookie", "sid=abc; Path=/"), &[]),
        (
            CookieAttributeLost,
            ("Set-Cookie", "sid=abc; Path=/; Secure;HttpOnly"),
            &[
                "Set-Cookie: sid=abc; Path=/; Secure",
                "Set-Cookie: sid=abc; Path=/;HttpOnly",
                "Set-Cookie: sid=abc; Secure;HttpOnly",
            ],
        ),
        (CookieAttributeLost, ("set-cookie", "a=1; Path=/; path=/x"), &[]),
        (CookieAttributeLost, ("x-cookie", "a=1; Path=/"), &[]),
        (
            CookieAttributeChanged,
            ("set-cookie", "a=1; SameSite=Strict; Secure; Max-Age=60; Expires=Sun, 06 Nov 1994 08:49:37 GMT"),
            &[
                "set-cookie: a=1; SameSite=None; Secure; Max-Age=60; Expires=Sun, 06 Nov 1994 08:49:37 GMT",
                "set-cookie: a=1; SameSite=Strict; Secure; Max-Age=61; Expires=Sun, 06 Nov 1994 08:49:37 GMT",
            ],
        ),
        (CookieAttributeChanged, ("set-cookie", "a=1; samesite=none"), &["set-cookie: a=1; samesite=Lax"]),
    ] {
        let expected: BTreeSet<String> = expected.iter().map(|field| (*field).to_owned()).collect();
        assert_eq!(made_of_fields(kind, &[field]), expected, "{kind} {field:?}");
    }
}

const REDIRECT: &[(&str, &str)] = &[
    ("location", "/login/41"),
    ("set-cookie", "sid=abc; Path=/; Secure; HttpOnly; SameSite=Strict"),
    ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
];

#[test]
fn a_rule_that_lets_any_location_or_any_attribute_pass_is_seen_in_the_faults() {
    let answer = response(302, REDIRECT, b"");
    let specimens = [specimen_of(0, "GET /go", answer.clone(), answer)];
    let of = |rules: &str, kind| tried(&specimens, rules).by_kind()[&kind];
    for (at, says) in [
        ("header: Location", "ignore: true"),
        ("header: Location", "match: {type: same}"),
        ("header: Location", "match: {regex: '^/'}"),
        ("header: Location", "accept: {kind: value}"),
    ] {
        let changed = of(&rule("loc", at, says), FaultKind::HeaderChanged);
        assert_eq!(changed, Counted { seeded: 1, noticed: 0 }, "{at} {says}");
    }
    assert_eq!(of("", FaultKind::HeaderChanged), Counted { seeded: 1, noticed: 1 });
    let safe = rule("loc", "header: Location", "match: {regex: '^(?:https?://[^/]*)?(/.*)$'}");
    assert_eq!(of(&safe, FaultKind::HeaderChanged), Counted { seeded: 1, noticed: 1 }, "another host is no other page");
    for (at, noticed) in
        [("cookie: ['*; Secure', '*; HttpOnly', '*; SameSite', '*; Path']", 0), ("cookie: '*; Path'", 3)]
    {
        let lost = of(&rule("attributes", at, "ignore: {presence: any}"), FaultKind::CookieAttributeLost);
        assert_eq!(lost, Counted { seeded: 4, noticed }, "{at}");
    }
}

#[test]
fn attributes_of_cookies_are_values_that_may_be_hidden() {
    let answer = response(302, REDIRECT, b"");
    let specimens = [specimen_of(0, "GET /go", answer.clone(), answer)];
    let hidden = |at: &str, says: &str| {
        let depth = tried(&specimens, &rule("attributes", at, says)).depth;
        (depth.values, depth.hidden, depth.loose)
    };
    // The status, Location, the cookie's value and four attributes; `Date` is none.
    assert_eq!(hidden("header: x-none", "ignore: true"), (7, 0, 0));
    assert_eq!(hidden("cookie: ['*; Secure', '*; SameSite']", "ignore: {presence: any}"), (7, 2, 0));
    // A flag cannot be another, it can only be lost.
    assert_eq!(hidden("cookie: ['*; Secure', '*; SameSite']", "ignore: true"), (7, 1, 0));
    assert_eq!(hidden("cookie: '*; SameSite'", "match: {type: same}"), (7, 0, 1));
    assert_eq!(hidden("header: set-cookie", "ignore: {presence: any}"), (7, 5, 0));
}

#[test]
fn a_rule_that_takes_every_member_more_is_seen_in_the_faults() {
    let of = |rules: &str| tried(&orders(4), rules).by_kind()[&FaultKind::FieldAdded];
    let any = of(&rule("extras", "json: '$..*'", "accept: {kind: extra}"));
    assert_eq!(any, Counted { seeded: any.seeded, noticed: 0 });
    assert!(any.seeded >= 4);
    let named = of(&rule("links", "json: $.links", "accept: {kind: extra}"));
    assert_eq!(named, Counted { seeded: any.seeded, noticed: any.seeded });
}

#[test]
fn where_the_candidate_has_another_status_a_third_one_is_the_fault() {
    for (legacy, candidate) in [(200, 203), (302, 301), (301, 302), (204, 200), (404, 410), (200, 202)] {
        let specimen = specimen_of(0, "GET /s", response(legacy, &[], b""), response(candidate, &[], b""));
        let laid = Laid::out(&specimen).unwrap();
        let all = faults(&specimen, &laid);
        let found: Vec<u16> =
            all.iter().filter(|f| f.kind == FaultKind::StatusChanged).map(|f| f.response.status).collect();
        assert!(found.len() == 1 && ![legacy, candidate].contains(&found[0]), "{legacy} {candidate} {found:?}");
        let hidden = tried(&[specimen], &rule("any", "status: true", "ignore: true")).by_kind();
        assert_eq!(hidden[&FaultKind::StatusChanged], Counted { seeded: 1, noticed: 0 });
    }
}

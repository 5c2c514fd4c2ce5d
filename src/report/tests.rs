use std::sync::Arc;
use std::time::Duration;

use super::escape::columns;
use super::*;
use crate::config::Policy;
use crate::exchange::{
    AdmissionNote, BreakerNote, Difference, DifferenceKind, Endpoint, Failure, Incomplete, Location, RuleAnswer,
    Segment, Skip,
};
use crate::faults::{Finding, Flaw, Hides, RuleAudit, Trial, invented as faults};
use crate::ledger::{Counts, LiveBooks, LossRow, Refusal, SizeClass};
use crate::suggest::Feature;
use crate::suggest::explain::{Condition, Explained, Explanation, Is};
use crate::tally::invented::{Invented, endpoint, snapshot_of, tally_of};
use crate::verdict::judge;

const SCRIPT: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
const STEER: &str = "\x1b[2J\x1b]0;owned\x07\u{202e}gnp.\u{2066}\u{200b}\u{9b}31m\r\n";

/// A shop's run: matches, a rounding error, a missing field, failures, rules, and orders that were never asked.
const TODAY: jiff::civil::Date = jiff::civil::date(2026, 11, 25);

fn shop() -> (Snapshot, Vec<RuleNote>) {
    let ms = |n: f64| Duration::from_secs_f64(n / 1e3);
    let noise = |i: u64| (i * 7919 % 1000) as f64 / 1000.0;
    let tail = |x: f64| 4.0 + 3.0 * x + 0.4 / (1.002 - x);
    let run: Vec<Invented> = (0..6000)
        .map(|i| {
            let one = Invented::new(i, (i % 3) as u32).times(ms(tail(noise(i))), ms(tail(noise(i * 31 + 7)) * 1.06));
            let request = || Some(("request-ids", RuleAnswer::Ignore));
            match i {
                i if i % 601 == 0 => one.differing(2, "price", None).differing(5, "price", None),
                i if i % 997 == 5 => one.differing(0, "vat", None).differing(0, "requestId", request()),
                i if i % 4 == 0 => one.differing(0, "requestId", request()),
                i if i % 2500 == 9 => one.failed(Failure::Timeout, Duration::from_secs(2)),
                _ => one,
            }
        })
        .chain((6000..6120).map(|i| Invented::new(i, 3).skipped(Skip::UnsafeMethod)))
        .collect();
    let endpoints = ["GET /products/{id}", "GET /orders/{id}", "GET /search", "POST /orders"];
    let mut snapshot = snapshot_of(&run, &endpoints);
    let wire = &mut snapshot.ledger.wire;
    wire.frames += 57;
    wire.frames_refused.add_many(Refusal::NotIp, 40);
    wire.frames_refused.add_many(Refusal::NotTcp, 17);
    wire.stream_bytes = 9_812_345;
    wire.stream_bytes_in_order = 9_810_897;
    wire.stream_bytes_gap = 1_448;
    wire.requests += 2;
    wire.requests_unpaired.add_many(Incomplete::Gap, 2);
    (snapshot, vec![note("request-ids", "each answer carries an id of its own"), note("etags", "not promised")])
}

fn note(id: &str, reason: &str) -> RuleNote {
    RuleNote {
        id: Arc::from(id),
        owner: "checkout-team".into(),
        reason: reason.into(),
        expires: "2027-01-31".into(),
        expired: false,
        answer: RuleAnswer::Ignore,
        at: "* /**, json $..requestId".into(),
        source: "rules/common.yaml:12".into(),
        max_rate: None,
    }
}

fn facts() -> RunFacts {
    RunFacts {
        version: "0.1.0".into(),
        capability: Some("order-service".into()),
        owner: Some("checkout-team".into()),
        sources: vec!["captures/shop.pcap".into()],
        candidate: "http://127.0.0.1:8081".into(),
        pace: "max".into(),
        policy: Some("tapcompare.yaml".into()),
        started: "2026-11-20T09:00:00Z".into(),
        finished: "2026-11-20T09:01:12Z".into(),
        limits: [("in flight".to_owned(), "64".to_owned()), ("time-out".to_owned(), "2s".to_owned())].into(),
        ..RunFacts::default()
    }
}

/// The same with everything that a client or a server chooses set to `payload`.
fn hostile(payload: &str) -> (Snapshot, Vec<RuleNote>, RunFacts) {
    let mut one = Invented::new(0, 0);
    one.comparison.outcome = crate::exchange::Outcome::Mismatched;
    let difference = |at| Difference {
        at,
        kind: DifferenceKind::Value,
        legacy: Some(payload.into()),
        candidate: Some(payload.into()),
        rule: None,
    };
    let places = [Location::Json(vec![Segment::Key(payload.into())]), Location::Header(payload.into())];
    one.comparison.differences = places.map(difference).to_vec();
    let mut example = one.example();
    example.request = format!("GET /{payload}");
    example.legacy = format!("{payload}\n{payload}");
    example.candidate = format!("other\n{payload}");
    example.patch = Some(payload.into());
    example.text_diff = Some(payload.into());
    example.started = Some(payload.into());
    let mut tally = tally_of(&[]);
    tally.absorb(&one.observation, &one.comparison, &Default::default(), || example);
    let mut failed = Invented::new(1, 1).failed(Failure::Closed, Duration::from_secs(1));
    failed.observation.exchange.request.as_mut().unwrap().target = payload.to_owned().into();
    failed.absorbed_by(&mut tally);
    Invented::new(2, 2).skipped(Skip::UnsafeMethod).absorbed_by(&mut tally);
    Invented::new(3, 1).differing(0, "x", Some(("rule", RuleAnswer::Ignore))).absorbed_by(&mut tally);
    let endpoints = ["GET /a", "GET /b", "POST /c"].map(|text| {
        let mut endpoint = endpoint(text);
        endpoint.template.push_str(payload);
        endpoint
    });
    let mut snapshot = tally.snapshot(&endpoints, Default::default(), Default::default());
    snapshot.ledger.capture.damage.push(payload.into());
    let conditions = [
        Condition { is: Is::Value(payload.into()), feature: Feature::Query(payload.into()) },
        Condition { is: Is::Absent, feature: Feature::Header(payload.into()) },
    ];
    let explanation = Explanation {
        conditions: conditions.to_vec(),
        alike: conditions.to_vec(),
        of_mismatches: 1.0,
        ..Explanation::default()
    };
    snapshot.groups[0].explained = Some(Explained { explanations: vec![explanation], ..Explained::default() });
    let used = &mut snapshot.rules[0];
    (used.sample_legacy, used.sample_candidate) = (Some(payload.into()), Some(payload.into()));
    snapshot.trial = Some(blind(&format!("/a{payload}"), payload));
    let mut rule = note("rule", payload);
    (rule.owner, rule.at, rule.source) = (payload.into(), payload.into(), payload.into());
    let facts = RunFacts {
        capability: Some(payload.into()),
        owner: Some(payload.into()),
        sources: vec![payload.into()],
        candidate: payload.into(),
        legacy: Some(payload.into()),
        stopped_early: Some(payload.into()),
        ..facts()
    };
    (snapshot, vec![rule], facts)
}

/// A trial in which one rule has hidden half of what was wrong with one endpoint.
fn blind(template: &str, place: &str) -> Trial {
    let mut one = faults::endpoint("GET /", 4_000, 2_000);
    one.endpoint.template = template.into();
    one.unnoticed[0].place = place.into();
    let mut trial = faults::trial(vec![one, faults::endpoint("GET /fine", 150, 150)]);
    trial.depth = faults::depth(1_000, 80);
    trial.left_out = 3;
    trial.rules.push(RuleAudit {
        id: "wide".into(),
        differences: 12,
        exchanges: 11,
        specimens: 9,
        needed: 7,
        values: Hides { hidden: 80, loose: 0 },
        share: Some(0.08),
        faults_hidden: 2_000,
        findings: vec![Finding { flaw: Flaw::OverBroad, why: format!("it hides {place}") }],
    });
    trial
}

#[test]
fn the_rules_under_test_are_shown_in_every_rendering() {
    let (mut snapshot, rules) = shop();
    snapshot.trial = Some(blind("/orders", "body /items/*/price"));
    let text = with(&snapshot, &rules, &facts(), |report| report.terminal(false));
    for line in [
        "  faults        2,150 of 4,150 faults noticed (51.8%), seeded into 16 specimens",
        "  depth         80 of 1,000 values hidden by rules (8%), 0 compared loosely (0%)",
        "  GET /orders                   4,000    2,000       50%        0%        0%",
        "  GET /fine                       150      150      100%        0%        0%",
        "  unnoticed     GET /orders · field-dropped at body /items/*/price",
        "  rule          wide is over-broad: it hides body /items/*/price",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let page = with(&snapshot, &rules, &facts(), |report| report.html());
    for piece in
        ["The rules under test", "2,000/4,000", "150/150", "field-dropped", "it hides body /items/*/price", "7/9"]
    {
        assert!(page.contains(piece), "{piece}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&with(&snapshot, &rules, &facts(), |report| report.json().unwrap())).unwrap();
    let trial = &json["snapshot"]["trial"];
    assert_eq!(trial["endpoints"][0]["faults"]["field-dropped"], serde_json::json!({"seeded": 4000, "noticed": 2000}));
    assert_eq!(trial["endpoints"][0]["unnoticed"][0]["hidden_by"], "wide");
    assert_eq!(trial["rules"][0]["findings"][0]["flaw"], "over-broad");
}

#[test]
fn an_audit_tells_every_rule() {
    let trial = blind("/orders", "body /items/*/price");
    let text = super::audit(&trial, &[note("wide", "why")], false);
    assert!(text.lines().all(|line| super::escape::columns(line) <= 80), "{text}");
    for piece in [
        "  wide  ignore  * /**, json $..requestId",
        "answered for 12 differences in 11 exchanges; without it 7 of 9 specimens",
        "hides 80 values (8% of all); hid 2,000 faults",
        "over-broad: it hides body /items/*/price",
        "  field-dropped                 4,150    2,150     51.8%",
    ] {
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let wanted = piece.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(&wanted), "{piece}\n{text}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&super::audit_json(&trial, &[note("wide", "why")]).unwrap()).unwrap();
    assert_eq!((&json["schema_version"], &json["rules"][0]["id"]), (&1.into(), &"wide".into()));
    assert_eq!(json["trial"]["rules"][0]["needed"], 7);
}

fn with<T>(snapshot: &Snapshot, rules: &[RuleNote], facts: &RunFacts, render: impl FnOnce(Report<'_>) -> T) -> T {
    let verdict = judge(snapshot, &Policy::default(), rules, TODAY);
    render(Report { verdict: &verdict, snapshot, facts, rules })
}

fn without_colours(text: &str) -> String {
    regex::Regex::new("\x1b\\[[0-9;]*m").unwrap().replace_all(text, "").into_owned()
}

#[test]
fn the_terminal_says_the_verdict_first_in_80_columns() {
    let (snapshot, rules) = shop();
    let plain = with(&snapshot, &rules, &facts(), |report| report.terminal(false));
    println!("{plain}");
    assert!(plain.starts_with("NO-GO  "), "{plain}");
    assert!(!plain.contains('\x1b'));
    for expected in [
        "requests      6,122 = paired 6,120 + unpaired 2 (gap 2)",
        "exchanges     6,120 = sent 6,000 + skipped 120 (unsafe-method 120)",
        "GET /products/{id} · body /items/*/price · value in 4 exchanges",
        "at         body /items/2/price",
        "never compared; unsafe-method 120",
        "  POST /orders                     0/120",
        "  2023-11-14        1       5,997",
        "each answer carries an id of its own",
        "what would change it: ",
    ] {
        assert!(plain.contains(expected), "{expected}");
    }
    assert_eq!(plain.lines().filter(|line| columns(line) > terminal::WIDTH).collect::<Vec<_>>(), [""; 0]);
    let coloured = with(&snapshot, &rules, &facts(), |report| report.terminal(true));
    assert!(coloured.contains("\x1b[1;31mNO-GO"));
    // A trailing blank may hide inside of a colour.
    let lines = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    assert_eq!(lines(&without_colours(&coloured)), lines(&plain));
}

/// Controls, and what has no width or changes the direction of writing.
fn unseen(c: &char) -> bool {
    (c.is_control() && *c != '\n')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
}

#[test]
fn nothing_captured_steers_the_terminal() {
    for payload in [STEER.to_owned(), STEER.repeat(50), "日本語".repeat(100), "word ".repeat(100)] {
        let (snapshot, rules, facts) = hostile(&payload);
        let text = with(&snapshot, &rules, &facts, |report| report.terminal(false));
        let odd = text.chars().find(unseen);
        assert_eq!(odd, None);
        assert_eq!(text.lines().filter(|line| columns(line) > terminal::WIDTH).collect::<Vec<_>>(), [""; 0]);
    }
    let (snapshot, rules, facts) = hostile(STEER);
    let coloured = with(&snapshot, &rules, &facts, |report| report.terminal(true));
    assert!(!without_colours(&coloured).contains('\x1b'));
    assert!(coloured.contains("\\x1b[2J"));
}

#[test]
fn nothing_captured_becomes_markup() {
    for payload in [SCRIPT, STEER, "</style><script>x</script>", "\" onload=\"x", "--><b>"] {
        let (snapshot, rules, facts) = hostile(payload);
        let page = with(&snapshot, &rules, &facts, |report| report.html());
        for forbidden in ["<script", "<img", "onerror=alert(1)>", "\" onload=\"", "<b>\"", "--><b>"] {
            assert!(!page.contains(forbidden), "{forbidden} of {payload:?}");
        }
        let odd = page.chars().find(unseen);
        assert_eq!(odd, None, "{payload:?}");
        assert_eq!((page.matches("<style").count(), page.matches("</style").count()), (1, 1));
    }
    let (snapshot, rules, facts) = hostile(SCRIPT);
    let page = with(&snapshot, &rules, &facts, |report| report.html());
    assert!(page.matches("&lt;script&gt;alert(1)&lt;/script&gt;").count() > 10, "it is shown, not dropped");
}

#[test]
fn the_page_is_complete_in_itself_and_forbids_the_rest() {
    use base64::Engine;
    use sha2::Digest;
    let (snapshot, rules) = shop();
    let page = with(&snapshot, &rules, &facts(), |report| report.html());
    // To look at it: TAPCOMPARE_WRITE_PAGE=/tmp/page.html cargo test --lib the_page_is_complete
    if let Ok(path) = std::env::var("TAPCOMPARE_WRITE_PAGE") {
        std::fs::write(path, &page).unwrap();
    }
    let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    let digest = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(style));
    assert!(
        page.contains(&format!("style-src &#39;sha256-{digest}&#39;"))
            || page.contains(&format!("style-src 'sha256-{digest}'"))
    );
    assert!(page.contains("default-src 'none'"));
    assert!(!page.contains("style=") && !page.contains("<link") && !page.contains("<script"));
    let loads = regex::Regex::new(r#"(src|href)="|url\(|@import"#).unwrap();
    assert!(!loads.is_match(&page));
    for expected in
        ["NO-GO", "May users be moved", "never asked", "/items/*/price", "#0072B2", "POST /orders", "request-ids"]
    {
        assert!(page.contains(expected), "{expected}");
    }
    // The figures of the header, and where the failing gate fails most.
    for expected in ["<dt>Mismatched</dt>", "Latency, p95", "of 6,122 captured", "Most of all: <code>"] {
        assert!(page.contains(expected), "{expected}");
    }
    assert!(page.len() < 400_000, "{}", page.len());
}

#[test]
fn a_served_page_runs_the_servers_script_and_nothing_else() {
    for payload in [SCRIPT, STEER, "</style><script>x</script>", "\" onload=\"x"] {
        let (snapshot, rules, facts) = hostile(payload);
        let page = with(&snapshot, &rules, &facts, |report| report.live_html("view-7"));
        assert_eq!(page.matches("<script").count(), 1);
        assert!(page.contains("<script src=\"/app.js\" defer></script>"));
        assert!(page.contains("name=\"tapcompare-view\" content=\"view-7\""));
        assert!(page.contains(&format!("content=\"{}\"", page_policy(true))), "the page says what is sent with it");
        assert!(!page.contains("onerror=alert(1)>") && !page.contains("\" onload=\""), "{payload:?}");
        let file = with(&snapshot, &rules, &facts, |report| report.html());
        assert!(!file.contains("app.js") && !file.contains("tapcompare-view"), "a file follows nobody");
    }
    let policy = page_policy(true);
    assert!(policy.contains("script-src 'self'; connect-src 'self'") && !policy.contains("unsafe"), "{policy}");
    assert!(!page_policy(false).contains("'self'"));
}

#[test]
fn the_json_is_one_object_and_the_same_for_the_same_evidence() {
    let (snapshot, rules) = shop();
    let render = || with(&snapshot, &rules, &facts(), |report| report.json().unwrap());
    let text = render();
    assert_eq!(text, render());
    assert!(!text.contains('\n'));
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["schema_version"], 1);
    assert_eq!(value["verdict"], "NO-GO");
    assert_eq!(value["gates"][0]["state"], "fail");
    assert_eq!(value["snapshot"]["ledger"]["shadow"]["exchanges"], 6120);
    assert_eq!(value["snapshot"]["endpoints"][2]["endpoint"], "GET /search");
    assert_eq!(value["never_asked"][0]["endpoint"], "POST /orders");
    let latency = &value["snapshot"]["latency"]["candidate"];
    assert!(latency["p95_us"].as_u64().unwrap() > latency["p50_us"].as_u64().unwrap());
    assert_eq!(latency["buckets_us"][0].as_array().unwrap().len(), 3);
    assert_eq!(value["rules"][0]["id"], "request-ids");
    assert_eq!(value["facts"]["capability"], "order-service");
}

#[test]
fn an_empty_run_is_rendered_too() {
    let snapshot = Snapshot::default();
    with(&snapshot, &[], &RunFacts::default(), |report| {
        assert!(report.terminal(false).starts_with("INCONCLUSIVE  "));
        assert!(report.html().contains("INCONCLUSIVE"));
        assert!(report.json().is_ok());
    });
}

#[test]
fn the_books_of_a_live_source_say_what_the_kernel_dropped() {
    let (mut snapshot, _) = shop();
    let frames = snapshot.ledger.wire.frames;
    let live = LiveBooks {
        received: frames + 2_000,
        kernel_dropped: 1_900,
        shed_frames: 100,
        interface_dropped: 7,
        ..LiveBooks::default()
    };
    snapshot.ledger.capture.live = Some(live);
    let text = ledger(&snapshot.ledger, false);
    let first = text.lines().next().unwrap();
    assert!(first.starts_with("  received") && first.contains("looked at"), "{text}");
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("dropped by the kernel 1,900 + shed 100"), "{text}");
    assert!(text.contains("beside these  7 frames, dropped by the interface"), "{text}");
    assert!(!text.contains("DOES NOT CLOSE"), "{text}");

    let verdict = judge(&snapshot, &Policy::default(), &[], TODAY);
    let facts = facts();
    let page = Report { verdict: &verdict, snapshot: &snapshot, facts: &facts, rules: &[] }.html();
    assert!(page.contains("dropped by the kernel") && page.contains("7 frames"), "the page has them too");
}

#[test]
fn what_is_missing_and_what_safety_did_are_told_without_a_way_for_captured_text_to_act() {
    let (mut snapshot, rules) = shop();
    let hostile = "/\u{1b}[2J<script>alert(1)</script>";
    let endpoint = Endpoint { method: "GET".into(), template: hostile.into() };
    let mut incomplete = Counts::default();
    incomplete.add_many(Incomplete::Gap, 12);
    let row = LossRow { endpoint: Some(endpoint), size: SizeClass::Larger, complete: 88, incomplete, shed: 3 };
    snapshot.ledger.losses = vec![row];
    let breaker = BreakerNote { state: "closed".into(), opened: 2, closed: 1, open_ms: 61_200, cause: None };
    let admission =
        AdmissionNote { breaker: Some(breaker), closed_sandboxes: vec![hostile.into()], ..Default::default() };
    let facts = RunFacts { admission: Some(admission), ..facts() };
    with(&snapshot, &rules, &facts, |report| {
        let text = report.terminal(false);
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("15% of all exchanges are missing"), "{text}");
        assert!(words.contains("over 1 MiB: 12 of 100 lost, 3 shed (15%)"), "{text}");
        assert!(words.contains("the breaker opened 2 times") && words.contains("closed again once"), "{text}");
        assert!(words.contains("was open for 62 s"), "{text}");
        assert!(text.lines().all(|line| columns(line) <= 80) && !text.contains('\u{1b}'), "{text}");
        let page = report.html();
        assert!(page.contains("Missing exchanges") && page.contains("over 1 MiB") && page.contains("breaker opened"));
        assert!(!page.contains("<script>alert") && !page.contains('\u{1b}'));
    });
}

#[test]
fn our_own_overhead_stands_beside_the_latency_gate_and_is_marked_where_it_is_large() {
    use crate::exchange::OverheadNote;
    let run: Vec<Invented> = (0..400).map(|i| Invented::new(i, 0)).collect();
    let snapshot = crate::tally::invented::snapshot_of(&run, &["GET /a"]);
    let verdict = judge(&snapshot, &Policy::default(), &[], jiff::civil::Date::MAX);
    let shown = |p95_us, legacy: Option<&str>| {
        let overhead = OverheadNote { requests: 300, p50_us: 40, p95_us, p99_us: 900 };
        let facts = RunFacts { overhead: Some(overhead), legacy: legacy.map(str::to_owned), ..facts() };
        let report = Report { verdict: &verdict, snapshot: &snapshot, facts: &facts, rules: &[] };
        let json: serde_json::Value = serde_json::from_str(&report.json().unwrap()).unwrap();
        let words = report.terminal(false).split_whitespace().collect::<Vec<_>>().join(" ");
        (json["overhead"].clone(), words, report.html())
    };
    // The legacy takes 10 ms: 60 us are 0.6 % of it, where the margin is 10 %.
    let (json, terminal, page) = shown(60, None);
    let told = "our own client adds 60 µs at p95 (40 µs at p50, 900 µs at p99), measured at the start with 300 requests to a null server";
    assert_eq!((&json["large"], &json["told"], &json["quantile"]), (&false.into(), &told.into(), &0.95.into()));
    assert!((json["of_legacy"].as_f64().unwrap() - 0.006).abs() < 1e-5, "{json}");
    assert!(terminal.contains(told) && page.contains(&told["our own".len()..]), "{terminal}");
    // Half of the margin and more is said to be unfair to the candidate, or to both.
    let (json, terminal, page) = shown(520, None);
    let large = "; that is 5.2% of the legacy's p95, in the candidate's latencies alone, so that the ratio is unfair to the candidate by about as much; nothing was subtracted";
    assert_eq!(json["large"], true);
    assert!(terminal.contains(large) && page.contains("unfair to the candidate"), "{terminal}");
    let (json, terminal, _) = shown(520, Some("http://127.0.0.1:8080"));
    assert!(
        json["large"] == true && terminal.contains("on both sides, so that the ratio is nearer to 1"),
        "{terminal}"
    );
    // Where it was not measured, nothing is said.
    let report = Report { verdict: &verdict, snapshot: &snapshot, facts: &facts(), rules: &[] };
    assert!(!report.json().unwrap().contains("overhead") && !report.terminal(false).contains("null server"));
}

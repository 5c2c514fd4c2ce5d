use std::sync::Arc;
use std::time::Duration;

use super::escape::columns;
use super::*;
use crate::config::Policy;
use crate::exchange::{AdmissionNote, BreakerNote, Endpoint, Failure, Incomplete, RuleAnswer, Skip};
use crate::faults::{Finding, Flaw, Hides, RuleAudit, Trial, invented as faults};
use crate::ledger::{Counts, LiveBooks, LossRow, Refusal, SizeClass};
use crate::tally::invented::{Invented, snapshot_of};
use crate::verdict::judge;

pub(super) const TODAY: jiff::civil::Date = jiff::civil::date(2026, 11, 25);

/// A shop's run: matches, a rounding error, a missing field, failures, rules, and orders that were never asked.
pub(super) fn shop() -> (Snapshot, Vec<RuleNote>) {
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

pub(super) fn note(id: &str, reason: &str) -> RuleNote {
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

pub(super) fn facts() -> RunFacts {
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

pub(super) fn with<T>(
    snapshot: &Snapshot,
    rules: &[RuleNote],
    facts: &RunFacts,
    render: impl FnOnce(Report<'_>) -> T,
) -> T {
    let policy = Policy::default();
    let verdict = judge(snapshot, &policy, rules, TODAY);
    render(Report { verdict: &verdict, snapshot, facts, rules })
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

/// The one script of a page that is a file.
pub(super) fn own_script(page: &str) -> &str {
    assert_eq!(page.matches("<script").count(), 1);
    page.split_once("<script>").unwrap().1.split_once("</script>").unwrap().0
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
    assert!(!page.contains("style=") && !page.contains("<link"));
    let script = own_script(&page);
    let digest = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(script));
    assert!(page.contains(&format!("script-src 'sha256-{digest}';")), "its own script and no other");
    let sinks =
        regex::Regex::new(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Function\(|fetch\(|import")
            .unwrap();
    assert_eq!(
        sinks.find(script).map(|found| found.as_str()),
        None,
        "no text becomes markup or code, nothing is asked"
    );
    let loads = regex::Regex::new(r#"src="|href="[^#]|url\(|@import"#).unwrap();
    assert_eq!(loads.find(&page).map(|found| found.as_str()), None);
    for expected in
        ["NO-GO", "May users be moved", "never compared", "/items/*/price", "#0072B2", "POST /orders", "request-ids"]
    {
        assert!(page.contains(expected), "{expected}");
    }
    // The figures of the header, and where the failing gate fails most.
    for expected in ["<dt>Mismatched</dt>", "Latency, p95", "of 6,122 seen", "Most of all: <code>"] {
        assert!(page.contains(expected), "{expected}");
    }
    assert!(page.len() < 400_000, "{}", page.len());
}

#[test]
fn a_served_page_runs_the_servers_script_and_nothing_else() {
    for (_, payload) in hostile::payloads() {
        let hostile::Run { snapshot, facts, rules, .. } = hostile::run(&payload);
        let page = with(&snapshot, &rules, &facts, |report| report.live_html("view-7"));
        assert_eq!(page.matches("<script").count(), 2);
        assert!(page.contains("<script src=\"/app.js\" defer></script>"));
        assert!(page.contains("name=\"tapcompare-view\" content=\"view-7\""));
        assert!(page.contains(&format!("content=\"{}\"", page_policy(true))), "the page says what is sent with it");
        assert!(!page.contains("onerror=alert(1)>") && !page.contains("\" onload=\""), "{payload:?}");
        let file = with(&snapshot, &rules, &facts, |report| report.html());
        assert!(!file.contains("app.js") && !file.contains("tapcompare-view"), "a file follows nobody");
    }
    let policy = page_policy(true);
    assert!(policy.contains("' 'self'; connect-src 'self'; style") && !policy.contains("unsafe"), "{policy}");
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

    let page = with(&snapshot, &[], &facts(), |report| report.html());
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

//! What a collector hears of a replay, and what a run does where it hears nothing.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use serde_json::Value;

use crate::capture::Capture;
use crate::collector::{Exported, Listener, candidate, hangs, is_unavailable, rejects_one, takes_all, text};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// A capture of these GETs, each with the fields; the legacy answered 200 to all.
fn capture(folder: &Path, requests: &[(&str, &str)]) -> PathBuf {
    let mut capture = Capture::new();
    for (target, fields) in requests {
        let request = format!("GET {target} HTTP/1.1\r\nHost: shop.example\r\n{fields}\r\n");
        let answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{\"id\":7}";
        capture.exchange(request.as_bytes(), answer);
    }
    let path = folder.join("made.pcap");
    capture.write(&path);
    path
}

/// A replay of it, with the report as JSON.
fn replay(capture: &Path, asked: &Listener, more: &[&str], variables: &[(&str, &str)]) -> (Output, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tapcompare"));
    command.args(["replay", "--pace", "max", "--output", "json", "--candidate", &asked.url()]).args(more).arg(capture);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OTEL_")) {
        command.env_remove(name);
    }
    let done = command.envs(variables.iter().copied()).current_dir(capture.parent().unwrap()).output().unwrap();
    let report = serde_json::from_slice(&done.stdout).unwrap_or_else(|error| panic!("{error}: {done:?}"));
    (done, report)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn said(done: &Output) -> String {
    String::from_utf8_lossy(&done.stderr).into_owned()
}

fn of<'a>(spans: &[&'a Span], name: &str) -> Vec<&'a Span> {
    spans.iter().copied().filter(|span| span.name == name).collect()
}

/// Each request is what a collector takes, and has no value in it that was captured.
fn nothing_raw(exported: &Exported) {
    for came in &exported.came {
        assert_eq!((came.head.lines().next(), came.target()), (Some("POST /v1/traces HTTP/1.1"), "/v1/traces"));
        assert_eq!(came.field("content-type"), Some("application/x-protobuf"));
        assert_eq!(came.field("x-tenant"), Some("blue team"));
        assert_eq!(came.field("shadow-request"), Some("1"), "a capture must know it for our own");
        let raw = String::from_utf8_lossy(&came.body).into_owned();
        for word in ["7391", "Ada", "customer", "sid", "hush", "shop.example"] {
            assert!(!raw.contains(word), "{word} is a value");
        }
    }
}

#[test]
fn a_span_of_each_shadow_request_stands_in_the_trace_of_the_captured_one() {
    let folder = tempfile::tempdir().unwrap();
    let sampled = format!("traceparent: 00-{TRACE}-{PARENT}-01\r\ntracestate: rojo=1\r\ntracestate: congo=2\r\n");
    let unsampled = format!("traceparent: 00-{}-{PARENT}-00\r\n", TRACE.replace('4', "5"));
    let requests = [
        ("/orders/73911?customer=Ada-Lovelace", sampled.as_str()),
        ("/orders/73912", &unsampled),
        ("/missing/73913", "Cookie: sid=hush-hush-hush\r\n"),
        ("/breaks/73914", ""),
    ];
    let made = capture(folder.path(), &requests);
    let (asked, collector) = (Listener::start(candidate), Listener::start(takes_all));
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=blue%20team"),
        ("OTEL_SERVICE_NAME", "orders-shadow"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging,service.name=not-this"),
    ];
    let (done, report) = replay(&made, &asked, &[&format!("--otlp={}", collector.url())], &variables);
    let (exported, port) = (collector.exported(), asked.address.port().to_string());
    assert_eq!(
        report["facts"]["spans"],
        serde_json::json!({"collector": format!("{}/v1/traces", collector.url()),
        "sent": 3, "dropped": 0, "failed": 0, "rejected": 0, "waiting": 0}),
        "{}",
        said(&done)
    );

    nothing_raw(&exported);
    assert_eq!(exported.resource("service.name").as_deref(), Some("orders-shadow"));
    assert_eq!(exported.resource("deployment.environment.name").as_deref(), Some("staging"));
    assert_eq!(exported.resource("service.version").as_deref(), Some(env!("CARGO_PKG_VERSION")));
    let spans = exported.spans();
    assert_eq!(spans.len(), 3, "the one whose parent is not sampled has none");
    assert!(spans.iter().all(|span| span.kind == SpanKind::Client as i32 && span.span_id.len() == 8));

    let [order] = of(&spans, "GET /orders/{id}")[..] else { panic!("{spans:?}") };
    assert_eq!((hex(&order.trace_id), hex(&order.parent_span_id)), (TRACE.to_owned(), PARENT.to_owned()));
    assert_ne!(hex(&order.span_id), PARENT);
    assert_eq!(order.trace_state, "rojo=1,congo=2");
    assert!(order.end_time_unix_nano > order.start_time_unix_nano);
    for (key, wanted) in [
        ("http.request.method", "GET"),
        ("http.route", "/orders/{id}"),
        ("url.template", "/orders/{id}"),
        ("http.response.status_code", "200"),
        ("server.address", "127.0.0.1"),
        ("server.port", &port),
        ("tapcompare.asked", "candidate"),
        ("tapcompare.outcome", "matched"),
        ("tapcompare.legacy.status_code", "200"),
    ] {
        assert_eq!(text(&order.attributes, key).as_deref(), Some(wanted), "{key}");
    }
    assert_eq!(text(&order.attributes, "error.type"), None);
    assert_eq!(order.status.as_ref().map_or(0, |status| status.code), StatusCode::Unset as i32);

    let [missing] = of(&spans, "GET /missing/{id}")[..] else { panic!("{spans:?}") };
    assert!(missing.parent_span_id.is_empty() && missing.trace_id.len() == 16, "it is the root of a trace");
    assert_eq!(text(&missing.attributes, "tapcompare.outcome").as_deref(), Some("mismatched"));
    assert_eq!(text(&missing.attributes, "error.type").as_deref(), Some("404"));
    let [broken] = of(&spans, "GET /breaks/{id}")[..] else { panic!("{spans:?}") };
    assert_eq!(text(&broken.attributes, "tapcompare.outcome").as_deref(), Some("failed"));
    assert_eq!(text(&broken.attributes, "tapcompare.outcome.reason"), text(&broken.attributes, "error.type"));
    assert_eq!(text(&broken.attributes, "http.response.status_code"), None);
    assert_eq!(broken.status.as_ref().unwrap().code, StatusCode::Error as i32);

    // The candidate was asked in the captured request's own context.
    let came = asked.came();
    let order = came.iter().find(|one| one.target().starts_with("/orders/73911")).unwrap();
    assert_eq!(order.field("traceparent"), Some(format!("00-{TRACE}-{PARENT}-01").as_str()));
}

#[test]
fn the_live_legacy_is_asked_under_a_span_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let made = capture(folder.path(), &[("/orders/1", &format!("traceparent: 00-{TRACE}-{PARENT}-01\r\n"))]);
    let (asked, legacy, collector) =
        (Listener::start(candidate), Listener::start(candidate), Listener::start(takes_all));
    replay(&made, &asked, &[&format!("--otlp={}", collector.url()), "--legacy", &legacy.url()], &[]);
    let exported = collector.exported();
    let spans = exported.spans();
    let mut roles: Vec<_> = spans
        .iter()
        .map(|span| {
            assert_eq!(hex(&span.trace_id), TRACE);
            (text(&span.attributes, "tapcompare.asked").unwrap(), text(&span.attributes, "server.port").unwrap())
        })
        .collect();
    roles.sort();
    let port = |listener: &Listener| listener.address.port().to_string();
    assert_eq!(roles, [("candidate".to_owned(), port(&asked)), ("legacy".to_owned(), port(&legacy))]);
}

#[test]
fn a_share_is_of_requests_without_a_trace_and_the_parents_flag_decides_for_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let sampled = format!("traceparent: 00-{TRACE}-{PARENT}-01\r\n");
    let mut requests: Vec<(String, &str)> = (0..400).map(|n| (format!("/orders/{n}"), "")).collect();
    requests.extend((0..9).map(|n| (format!("/traced/{n}"), sampled.as_str())));
    let requests: Vec<(&str, &str)> = requests.iter().map(|(target, fields)| (target.as_str(), *fields)).collect();
    let made = capture(folder.path(), &requests);
    for (more, variables, least, most) in [
        (&["--otlp-ratio", "0"][..], &[][..], 0, 0),
        (&[], &[("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.25")], 50, 150),
    ] {
        let (asked, collector) = (Listener::start(candidate), Listener::start(takes_all));
        let otlp = format!("--otlp={}", collector.url());
        let more: Vec<&str> = std::iter::once(otlp.as_str()).chain(more.iter().copied()).collect();
        replay(&made, &asked, &more, variables);
        let exported = collector.exported();
        let spans = exported.spans();
        assert_eq!(of(&spans, "GET /traced/{id}").len(), 9, "{variables:?}");
        // At a quarter of 400 it is between 50 and 150 but for one run in ten million.
        let roots = of(&spans, "GET /orders/{id}").len();
        assert!((least..=most).contains(&roots), "{roots}");
    }
}

#[test]
fn a_collector_that_is_not_there_or_says_no_costs_one_warning_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let requests: Vec<String> = (0..1200).map(|n| format!("/orders/{n}")).collect();
    let requests: Vec<(&str, &str)> = requests.iter().map(|target| (target.as_str(), "")).collect();
    let made = capture(folder.path(), &requests);
    let asked = Listener::start(candidate);
    let (plain, wanted) = replay(&made, &asked, &[], &[]);
    assert_eq!(wanted["facts"]["spans"], Value::Null);
    let closed = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", free.local_addr().unwrap())
    };
    let (unavailable, hanging) = (Listener::start(is_unavailable), Listener::start(hangs));
    let timeout = [("OTEL_EXPORTER_OTLP_TIMEOUT", "200")];
    for (url, why) in [(closed, "refused"), (unavailable.url(), "503"), (hanging.url(), "it took too long")] {
        let (done, report) = replay(&made, &asked, &[&format!("--otlp={url}")], &timeout);
        let said = said(&done);
        let warnings: Vec<&str> = said.lines().filter(|line| line.contains("no spans to")).collect();
        assert!(warnings.len() == 1 && warnings[0].contains(why), "{said}");
        assert_eq!(done.status, plain.status);
        assert_eq!(report["verdict"], wanted["verdict"]);
        assert_eq!(report["snapshot"]["ledger"]["shadow"], wanted["snapshot"]["ledger"]["shadow"]);
        let spans = &report["facts"]["spans"];
        assert_eq!(
            (&spans["failed"], &spans["sent"], &spans["waiting"]),
            (&1200.into(), &0.into(), &0.into()),
            "{url}"
        );
    }
}

#[test]
fn what_a_collector_rejects_is_counted_by_its_own_word() {
    let folder = tempfile::tempdir().unwrap();
    let made = capture(folder.path(), &[("/orders/1", ""), ("/orders/2", ""), ("/orders/3", "")]);
    let (asked, collector) = (Listener::start(candidate), Listener::start(rejects_one));
    let (_, report) = replay(&made, &asked, &[&format!("--otlp={}", collector.url())], &[]);
    let batches = collector.came().len() as u64;
    let spans = &report["facts"]["spans"];
    assert!((1..=3).contains(&batches));
    assert_eq!((&spans["rejected"], &spans["sent"]), (&batches.into(), &(3 - batches).into()));
}

#[test]
fn a_full_queue_drops_and_counts_and_the_run_does_not_wait() {
    let folder = tempfile::tempdir().unwrap();
    let requests: Vec<String> = (0..12_000).map(|n| format!("/orders/{n}")).collect();
    let requests: Vec<(&str, &str)> = requests.iter().map(|target| (target.as_str(), "")).collect();
    let made = capture(folder.path(), &requests);
    let (asked, hanging) = (Listener::start(candidate), Listener::start(hangs));
    let begun = Instant::now();
    // One batch takes longer than the whole run: nothing gets out of the queue.
    let timeout = [("OTEL_EXPORTER_OTLP_TIMEOUT", "10000")];
    let (done, report) = replay(&made, &asked, &[&format!("--otlp={}", hanging.url())], &timeout);
    let shadow = &report["snapshot"]["ledger"]["shadow"];
    let spans = &report["facts"]["spans"];
    let count = |name: &str| spans[name].as_u64().unwrap();
    assert_eq!(shadow["sent"], 12_000, "{}", said(&done));
    assert_eq!(count("dropped") + count("failed"), 12_000, "each has its class: {spans}");
    assert!(count("dropped") >= 2_000, "{spans}");
    // The batch under way, and what the end allows; a queue that were emptied a time-out a batch would take minutes.
    assert!(begun.elapsed() < Duration::from_secs(100), "{:?}", begun.elapsed());
}

#[test]
fn doctor_says_whether_the_collector_of_the_environment_is_there() {
    let collector = Listener::start(takes_all);
    for (endpoint, wanted) in [
        (collector.url(), format!("--otlp sends spans to {}/v1/traces, which accepts", collector.url())),
        ("http://127.0.0.1:9".to_owned(), "which cannot be reached".to_owned()),
        ("https://collector".to_owned(), "OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector' is no target".to_owned()),
    ] {
        let mut doctor = Command::new(env!("CARGO_BIN_EXE_tapcompare"));
        doctor.args(["doctor", "--candidate", &collector.url()]).env("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint);
        let done = doctor.output().unwrap();
        let told = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(told.contains(&wanted), "{told}");
        assert_eq!(done.status.code(), Some(if endpoint.starts_with("https") { 2 } else { 0 }), "{told}");
    }
    assert!(collector.came().is_empty(), "nothing was sent");
}

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::config::Policy;
use crate::exchange::{Endpoint, Failure, RunFacts, Skip, SpanNote};
use crate::ledger::{Ledger, LossRow, RelayedBytes, ShadowBooks, SizeClass, TeeBooks};
use crate::serve::Standing;
use crate::tally::invented::{Invented, snapshot_of};
use crate::tally::{EndpointSnapshot, Latency, Snapshot};
use crate::verdict::{judge, mismatch_share};

/// Markup, terminal escapes, formulae, another line of metrics, and what looks like the end of a label.
const PAYLOADS: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"} 1\ntapcompare_verdict{verdict=\"GO\"} 1\n#",
    "\\",
    "\\\"",
    "\u{1b}[2J\u{1b}]0;x\u{7}",
    "=HYPERLINK(\"http://evil.example\")",
    "a\u{202e}b\r\nc\0d",
    "{other}\"",
];

fn endpoint(method: &str, template: &str, matched: u64, mismatched: u64) -> EndpointSnapshot {
    let compared = matched + mismatched;
    let latency = |micros| Latency::from_values((0..compared).map(|_| Duration::from_micros(micros)));
    let books =
        ShadowBooks { exchanges: compared, sent: compared, compared, matched, mismatched, ..ShadowBooks::default() };
    let mut one = snapshot_of(&[Invented::new(0, 0)], &["GET /a"]).endpoints.remove(0);
    one.endpoint = Endpoint { method: method.into(), template: template.into() };
    (one.latency.legacy, one.latency.candidate) = (latency(900), latency(1_100));
    one.books = books;
    one
}

fn snapshot(endpoints: Vec<EndpointSnapshot>) -> Snapshot {
    let mut shadow = ShadowBooks::default();
    let mut losses = Vec::new();
    for one in &endpoints {
        shadow.merge(&one.books);
        losses.push(LossRow {
            endpoint: Some(one.endpoint.clone()),
            size: SizeClass::UpTo1K,
            complete: one.books.exchanges,
            incomplete: Default::default(),
            shed: 0,
        });
    }
    Snapshot { ledger: Ledger { shadow: Some(shadow), losses, ..Ledger::default() }, endpoints, ..Snapshot::default() }
}

fn view(snapshot: Snapshot) -> Arc<View> {
    let policy = Policy::default();
    let (verdict, share) =
        (judge(&snapshot, &policy, &[], jiff::civil::date(2026, 11, 25)), mismatch_share(&snapshot, &policy, &[]));
    let standing = Standing { breaker: "closed", ..Standing::default() };
    Arc::new(View::new(snapshot, verdict, share, RunFacts::default(), [].into(), Some(standing)))
}

/// A name with its labels.
type Key = (String, BTreeMap<String, String>);
type Series = BTreeMap<Key, f64>;

/// The text format read strictly: `name{label="value",...} figure` a line, and no series twice.
fn parsed(text: &str) -> Series {
    let mut series = Series::new();
    for written in text.lines().filter(|line| !line.starts_with('#')) {
        let (key, figure) = one_line(written).unwrap_or_else(|| panic!("no figure: {written:?}"));
        assert_eq!(series.insert(key, figure), None, "there twice: {written}");
    }
    series
}

fn one_line(line: &str) -> Option<(Key, f64)> {
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = (line[..end].to_owned(), &line[end..]);
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (key, after) = rest.split_once("=\"")?;
            let mut value = String::new();
            let mut chars = after.char_indices();
            let end = loop {
                match chars.next()? {
                    (at, '"') => break at,
                    (_, '\\') => value.push(match chars.next()?.1 {
                        'n' => '\n',
                        c @ ('"' | '\\') => c,
                        _ => return None,
                    }),
                    (_, c) => value.push(c),
                }
            };
            rest = &after[end + 1..];
            rest = rest.strip_prefix(',').unwrap_or(rest);
            if !is_name(key) || labels.insert(key.to_owned(), value).is_some() {
                return None;
            }
        }
        rest = &rest[1..];
    }
    let figure = rest.strip_prefix(' ')?.parse().ok()?;
    is_name(&name).then_some(((name, labels), figure))
}

fn shown(names: &mut Names, snapshot: Snapshot) -> Series {
    names.learn(&snapshot);
    let text = exposed(&view(snapshot), names.clone(), Phase::Running, Exposition::Text).unwrap();
    parsed(std::str::from_utf8(&text).unwrap())
}

#[test]
fn hostile_names_are_one_label_each_and_nothing_else() {
    for payload in PAYLOADS {
        let snapshot = snapshot(vec![endpoint(payload, payload, 3, 1), endpoint("GET", payload, 5, 0)]);
        let mut names = Names::default();
        names.learn(&snapshot);
        let view = view(snapshot);
        for exposition in [Exposition::Text, Exposition::OpenMetrics] {
            let text = exposed(&view, names.clone(), Phase::Running, exposition).unwrap();
            let text = std::str::from_utf8(&text).unwrap();
            assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{payload:?} steers");
            assert!(!text.contains('\u{202e}'));
            let series = parsed(text);
            let verdicts: Vec<_> = series.keys().filter(|(name, _)| name == "tapcompare_verdict").collect();
            assert_eq!(verdicts.len(), 3, "{payload:?} adds a line");
            let named = |labels: &BTreeMap<String, String>, method: &str| {
                labels.get("endpoint") == Some(&crate::report::visible(payload)) && labels["method"] == method
            };
            for (method, count) in [(OVERFLOW, 1.0), ("GET", 0.0)] {
                let found = series.iter().find(|((name, labels), _)| {
                    name == "tapcompare_endpoint_exchanges_total"
                        && named(labels, method)
                        && labels["outcome"] == "mismatched"
                });
                assert_eq!(found.map(|(_, n)| *n), Some(count), "{payload:?}\n{text}");
            }
        }
        let binary = exposed(&view, names.clone(), Phase::Running, Exposition::Protobuf).unwrap();
        assert!(!binary.is_empty());
    }
}

#[test]
fn so_many_endpoints_have_a_name_and_the_others_are_counted_together() {
    let many = (0..MAX_NAMED_ENDPOINTS as u64 + 30).map(|n| endpoint("GET", &format!("/e{n:03}/{{id}}"), n + 1, 1));
    let snapshot = snapshot(many.collect());
    let total = snapshot.ledger.shadow.clone().unwrap();
    let series = shown(&mut Names::default(), snapshot);
    let of = |family: &str, outcome: &str| -> Vec<(String, f64)> {
        let wanted = series.iter().filter(|((name, labels), _)| name == family && labels["outcome"] == outcome);
        wanted.map(|((_, labels), n)| (labels["endpoint"].clone(), *n)).collect()
    };
    let matched = of("tapcompare_endpoint_exchanges_total", "matched");
    assert_eq!(matched.len(), MAX_NAMED_ENDPOINTS + 1);
    assert_eq!(matched.iter().map(|(_, n)| *n).sum::<f64>(), total.matched as f64, "nothing is lost by having no name");
    // The thirty with the fewest exchanges: 1 + 2 + ... + 30.
    assert_eq!(matched.iter().find(|(name, _)| name == OVERFLOW).unwrap().1, 465.0);
    let histograms = series.keys().filter(|(name, _)| name == "tapcompare_endpoint_latency_seconds_count").count();
    assert_eq!(histograms, 2 * MAX_NAMED_ENDPOINTS);
    assert!(series.len() < 10_000, "{}", series.len());
}

#[test]
fn the_figures_are_the_ledgers() {
    let mut snapshot = snapshot(vec![endpoint("GET", "/a", 70, 2), endpoint("HEAD", "/a", 8, 0)]);
    let shadow = snapshot.ledger.shadow.as_mut().unwrap();
    shadow.failed.add_many(Failure::Timeout, 4);
    shadow.skipped.add_many(Skip::UnsafeMethod, 9);
    let series = shown(&mut Names::default(), snapshot);
    let one = |name: &str, labels: &[(&str, &str)]| {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        series.get(&(name.to_owned(), labels)).copied()
    };
    let exchanges = "tapcompare_exchanges_total";
    assert_eq!(one(exchanges, &[("outcome", "matched"), ("reason", "")]), Some(78.0));
    assert_eq!(one(exchanges, &[("outcome", "failed"), ("reason", "timeout")]), Some(4.0));
    assert_eq!(one(exchanges, &[("outcome", "failed"), ("reason", "connect")]), Some(0.0), "rates need a beginning");
    assert_eq!(one(exchanges, &[("outcome", "skipped"), ("reason", "unsafe-method")]), Some(9.0));
    assert_eq!(one("tapcompare_mismatch_ratio", &[]), Some(2.0 / 80.0));
    let (upper, lower) =
        (one("tapcompare_mismatch_ratio_upper_bound", &[]), one("tapcompare_mismatch_ratio_lower_bound", &[]));
    assert!(lower < Some(2.0 / 80.0) && Some(2.0 / 80.0) < upper, "{lower:?} {upper:?}");
    assert_eq!(one("tapcompare_mismatch_ratio_limit", &[]), Some(0.001));
    let a = [("endpoint", "/a"), ("method", "GET")];
    assert_eq!(one("tapcompare_shadow_mismatch_ratio", &a), Some(2.0 / 72.0));
    assert_eq!(one("tapcompare_old_path_requests_total", &a), Some(72.0));
    assert_eq!(one("tapcompare_route_share", &a), Some(0.0));
    let states = ["GO", "NO-GO", "INCONCLUSIVE"].map(|state| one("tapcompare_verdict", &[("verdict", state)]).unwrap());
    assert_eq!(states, [0.0, 1.0, 0.0]);
    let side = |side, le| one("tapcompare_endpoint_latency_seconds_bucket", &[a[0], ("le", le), a[1], ("side", side)]);
    assert_eq!((side("legacy", "0.001"), side("candidate", "0.001")), (Some(72.0), Some(0.0)));
    assert_eq!(side("candidate", "+Inf"), Some(72.0));
}

#[test]
fn spans_are_told_by_what_became_of_them_where_a_collector_is_to_have_them() {
    let none = shown(&mut Names::default(), snapshot(vec![endpoint("GET", "/a", 3, 0)]));
    assert!(!none.keys().any(|(name, _)| name.contains("span")), "nobody wants any");
    let spans = SpanNote { collector: "http://c".into(), sent: 5, dropped: 4, failed: 3, rejected: 2, waiting: 1 };
    let mut view = Arc::into_inner(view(Snapshot::default())).unwrap();
    view.standing = Some(Standing { breaker: "closed", spans: Some(spans), ..Standing::default() });
    let text = exposed(&Arc::new(view), Names::default(), Phase::Running, Exposition::Text).unwrap();
    let series = parsed(std::str::from_utf8(&text).unwrap());
    for (fate, wanted) in [("sent", 5.0), ("dropped", 4.0), ("failed", 3.0), ("rejected", 2.0)] {
        let labels = BTreeMap::from([("fate".to_owned(), fate.to_owned())]);
        assert_eq!(series.get(&("tapcompare_spans_total".to_owned(), labels)), Some(&wanted), "{fate}");
    }
    assert_eq!(series[&("tapcompare_capture_up".to_owned(), BTreeMap::new())], 1.0);
}

#[test]
fn a_tee_has_its_figures_and_nothing_else_has_them() {
    let none = shown(&mut Names::default(), snapshot(vec![endpoint("GET", "/a", 3, 0)]));
    assert!(!none.keys().any(|(name, _)| name.contains("_tee_")), "there is none");
    let way = |relayed, shed| RelayedBytes { relayed, looked_at: relayed - shed, shed, waiting: 0 };
    let books =
        TeeBooks { connections: 90, unreachable: 7, cut: 2, from_clients: way(1_000, 10), from_legacy: way(50_000, 0) };
    let mut snapshot = Snapshot::default();
    snapshot.ledger.capture.tee = Some(books);
    let wire = &mut snapshot.ledger.wire;
    (wire.stream_bytes_not_http, wire.stream_bytes_tunnelled, wire.stream_bytes_preamble) = (600, 70, 9);
    let mut view = Arc::into_inner(view(snapshot)).unwrap();
    let shown = |view: &Arc<View>| {
        let text = exposed(view, Names::default(), Phase::Running, Exposition::Text).unwrap();
        parsed(std::str::from_utf8(&text).unwrap())
    };
    view.standing = Some(Standing { breaker: "closed", connections: Some([12, 100]), ..Standing::default() });
    let view = Arc::new(view);
    let series = shown(&view);
    for (name, labels, wanted) in [
        ("connections_total", None, 90.0),
        ("failed_connections_total", Some(("reason", "legacy-unreachable")), 7.0),
        ("failed_connections_total", Some(("reason", "cut-off")), 2.0),
        ("relayed_bytes_total", Some(("from", "clients")), 1_000.0),
        ("relayed_bytes_total", Some(("from", "legacy")), 50_000.0),
        ("shed_bytes_total", Some(("from", "clients")), 10.0),
        ("shed_bytes_total", Some(("from", "legacy")), 0.0),
        ("open_connections", None, 12.0),
        ("connections_limit", None, 100.0),
    ] {
        let key = labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        assert_eq!(series.get(&(format!("tapcompare_tee_{name}"), key)), Some(&wanted), "{name} {labels:?}");
    }
    for (class, wanted) in [("unread", 521.0), ("tunnel", 70.0), ("preamble", 9.0)] {
        let labels = BTreeMap::from([("class".to_owned(), class.to_owned())]);
        assert_eq!(series.get(&("tapcompare_not_http_bytes_total".to_owned(), labels)), Some(&wanted), "{class}");
    }
    // What a run has come to has no open connections any more.
    let mut over = Arc::into_inner(view).unwrap();
    over.standing = None;
    let over = shown(&Arc::new(over));
    assert!(!over.keys().any(|(name, _)| name == "tapcompare_tee_open_connections"));
    assert_eq!(over[&("tapcompare_tee_connections_total".to_owned(), BTreeMap::new())], 90.0);
}

#[test]
fn the_richest_format_that_is_wanted_is_given() {
    let protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
    for (accept, exposition) in [
        (vec![], Exposition::Text),
        (vec!["*/*"], Exposition::Text),
        (vec!["text/plain;version=0.0.4"], Exposition::Text),
        (vec!["application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"], Exposition::OpenMetrics),
        (vec!["application/vnd.google.protobuf;proto=other;encoding=delimited"], Exposition::Text),
        (vec![protobuf, "text/plain"], Exposition::Protobuf),
    ] {
        assert_eq!(Exposition::wanted(accept.iter().copied()), exposition, "{accept:?}");
    }
}

/// A path's words and what they become once there are too many of them.
fn template(word: u64, joined: bool) -> String {
    if joined { "/p/{name}".to_owned() } else { format!("/p/w{word:03}") }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever comes in which order, however many endpoints there are, and whenever their paths turn out to be one
    /// template: no series goes down, and as long as nothing was joined nothing is missing in the sum.
    #[test]
    fn no_counter_goes_down(
        steps in prop::collection::vec((prop::collection::vec((0..160u64, 1..50u64), 1..60), prop::bool::weighted(0.1)), 1..12),
    ) {
        let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
        let (mut names, mut joined) = (Names::default(), false);
        let mut before = Series::new();
        for (more, joins) in steps {
            joined |= joins;
            for (word, n) in more {
                *counts.entry(word).or_default() += n;
            }
            let mut endpoints: BTreeMap<String, u64> = BTreeMap::new();
            for (word, n) in &counts {
                // One in four is asked so often that it stays a word.
                *endpoints.entry(template(*word, joined && word % 4 != 0)).or_default() += n;
            }
            let endpoints = endpoints.into_iter().map(|(template, n)| endpoint("GET", &template, n, 0)).collect();
            let now = shown(&mut names, snapshot(endpoints));
            for (series, figure) in now.iter().filter(|((name, _), _)| name.ends_with("_total") || name.contains("_bucket")) {
                if let Some(before) = before.get(series) {
                    prop_assert!(figure >= before, "{series:?}: {before} and then {figure}");
                }
            }
            let named: BTreeMap<_, _> = now
                .keys()
                .filter(|(name, _)| name == "tapcompare_route_share")
                .map(|(_, labels)| (labels["endpoint"].clone(), ()))
                .collect();
            prop_assert!(named.len() <= MAX_NAMED_ENDPOINTS + 1);
            if !joined {
                let matched = now.iter().filter(|((name, labels), _)| {
                    name == "tapcompare_endpoint_exchanges_total" && labels["outcome"] == "matched"
                });
                prop_assert_eq!(matched.map(|(_, n)| *n).sum::<f64>(), counts.values().sum::<u64>() as f64);
            }
            before = now;
        }
    }
}

//! Coverage, days and paired differences, as the renderers show them.

use std::time::Duration;

use super::escape::columns;
use super::*;
use crate::config::Policy;
use crate::exchange::{Skip, Timestamp};
use crate::tally::invented::{Invented, snapshot_of};
use crate::verdict::judge;

const DAY: i64 = 86_400_000_000_000;

/// Sixteen days; on one of them prices are wrong. One endpoint is never asked, one is excepted, and one answers 404 too.
fn fortnight() -> (Snapshot, Policy) {
    let mut run: Vec<Invented> = Vec::new();
    for day in 0..16_i64 {
        for n in 0..600_i64 {
            let at = Timestamp((20_400 + day) * DAY + (n % 9 + 8) * DAY / 24 + n * 1_000_000);
            let us = |n: i64| Duration::from_micros(n as u64);
            let one = Invented::new(run.len() as u64, (n % 2) as u32)
                .starting(at)
                .times(us(9_000 + n * 7 % 900), us(8_000 + n * 13 % 2_100));
            run.push(match n {
                n if day == 9 && n % 30 == 0 => one.differing(0, "price", None),
                n if n % 50 == 1 => one.status(404),
                n if n % 150 == 2 => Invented { observation: one.observation, ..one }.skipped(Skip::NotSampled),
                _ => one,
            });
        }
    }
    let n = run.len() as u64;
    let late = Timestamp(20_415 * DAY);
    run.extend((n..n + 12).map(|n| Invented::new(n, 2).skipped(Skip::UnsafeMethod).starting(late)));
    run.extend((n + 12..n + 30).map(|n| Invented::new(n, 3).skipped(Skip::UnsafeMethod).starting(late)));
    let endpoints = ["GET /orders/{id}", "GET /products", "POST /orders", "DELETE /carts/{id}"];
    let mut policy = Policy::default();
    policy.gates.mismatch_rate.over = Some(Duration::from_secs(14 * 86_400));
    policy.gates.mismatch_rate.below = 0.01;
    policy.gates.coverage.except = vec!["DELETE /carts/{id}".parse().unwrap()];
    (snapshot_of(&run, &endpoints), policy)
}

fn with<T>(render: impl FnOnce(Report<'_>) -> T) -> T {
    let (snapshot, policy) = fortnight();
    let verdict = judge(&snapshot, &policy, &[], jiff::civil::date(2026, 11, 25));
    render(Report { verdict: &verdict, snapshot: &snapshot, facts: &RunFacts::default(), rules: &[] })
}

#[test]
fn the_terminal_shows_days_coverage_and_single_requests() {
    let text = with(|report| report.terminal(false));
    println!("{text}");
    assert!(text.starts_with("NO-GO  "), "{text}");
    assert_eq!(text.lines().filter(|line| columns(line) > terminal::WIDTH).collect::<Vec<_>>(), [""; 0]);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for expected in [
        "2025-11-17 with 20 mismatches in 596 compared requests (3.36%, at least",
        "Something was compared on 16 days and at 9 of 24 hours of the day (8-16), in UTC.",
        "never compared; unsafe-method 12",
        "never compared; unsafe-method 18; excepted by the policy: GO does not hold for it",
        "above the limit of 1%",
        "requests got slower (at most",
        "candidate less legacy: p50 -",
    ] {
        assert!(words.contains(expected), "{expected}: {text}");
    }
    for expected in ["  POST /orders                      0/12", "  2025-11-17        9         596       20     3.36%"]
    {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    // What lacks stands first, what is excepted last.
    let at = |name: &str| text.find(&format!("\n  {name}")).unwrap();
    assert!(at("POST /orders") < at("GET /orders/{id}") && at("GET /products") < at("DELETE /carts/{id}"));
}

#[test]
fn the_page_shows_them_too() {
    let page = with(|report| report.html());
    // To look at it: TAPCOMPARE_WRITE_PAGE=/tmp/page.html cargo test --lib time_tests
    if let Ok(path) = std::env::var("TAPCOMPARE_WRITE_PAGE") {
        std::fs::write(path, &page).unwrap();
    }
    for expected in [
        "<h2>Coverage: what was never seen, and what was</h2>",
        "<h2>Days</h2>",
        "above the limit",
        "aria-label=\"hours: 8-16\"",
        "<span class=\"nogo\">0 of 12</span>",
        "Each request by itself: ",
        "excepted by the policy",
    ] {
        assert!(page.contains(expected), "{expected}");
    }
    assert_eq!(page.matches("<svg class=\"hours\"").count(), 14, "the days of the window");
}

#[test]
fn the_json_has_every_figure_with_its_bound_sample_and_method() {
    let text = with(|report| report.json().unwrap());
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let day = &value["days"]["days"][7];
    assert_eq!(
        (day["day"].as_str(), day["compared"].as_u64(), day["above_limit"].as_bool()),
        (Some("2025-11-17"), Some(596), Some(true))
    );
    assert!(day["at_least"].as_f64() > Some(0.01) && day["at_most"].as_f64() > day["share"].as_f64());
    assert!(value["days"]["method"].as_str().unwrap().contains("14 days together (Holm)"));
    assert_eq!(value["coverage"]["hours"].as_array().unwrap().len(), 9);
    assert_eq!(value["coverage"]["days"].as_array().unwrap().len(), 16);
    let orders = &value["coverage"]["endpoints"][3];
    assert_eq!((orders["endpoint"].as_str(), orders["known"].as_str()), (Some("POST /orders"), Some("never-compared")));
    assert_eq!(orders["statuses"]["2xx"]["seen"], 12);
    let paired = &value["paired_latency"];
    assert!(paired["slower_at_most"].as_f64() > paired["slower"].as_f64() && paired["sample"].as_u64() > Some(9_000));
    assert!(paired["p50_us"].as_i64() < Some(0) && paired["p50_at_most_us"].as_i64() >= paired["p50_us"].as_i64());
    let endpoint = &value["snapshot"]["endpoints"][2];
    assert_eq!(endpoint["statuses"]["4xx"]["seen"], 16 * 12);
    assert_eq!(endpoint["days"].as_array().unwrap().len(), 16);
    assert_eq!(value["snapshot"]["latency"]["difference"]["count"], paired["sample"]);
}

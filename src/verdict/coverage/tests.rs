use super::*;
use crate::config::OpenApi;
use crate::exchange::{Failure, Outcome, Timestamp};
use crate::tally::invented::{Invented, snapshot_of};
use crate::verdict::tests::{ENDPOINTS, judged, matches, policy};
use crate::verdict::{Decision, Verdict};

fn coverage_gate(verdict: &Verdict) -> &GateResult {
    verdict.gates.iter().find(|gate| gate.gate == Gate::Coverage).unwrap()
}

fn patterns(texts: &[&str]) -> Vec<EndpointPattern> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn document(operations: &[(&str, &[&str])]) -> Endpoints {
    let operation = |(endpoint, statuses): &(&str, &[&str])| Operation {
        endpoint: endpoint.parse().unwrap(),
        statuses: statuses.iter().map(|status| status.parse().unwrap()).collect(),
    };
    Endpoints::OpenApi(OpenApi { file: "orders.yaml".into(), operations: operations.iter().map(operation).collect() })
}

/// Exchanges `from` to `to` of one endpoint, changed.
fn more(from: u64, to: u64, endpoint: u32, change: impl Fn(Invented) -> Invented) -> Vec<Invented> {
    (from..to).map(|n| change(Invented::new(n, endpoint))).collect()
}

#[test]
fn the_matrix_says_what_is_known_of_each_endpoint_and_status_class() {
    let mut run = matches(400);
    run.extend(more(400, 403, 0, |one| one.status(404)));
    run.extend(more(403, 405, 0, |one| one.status(503).skipped(Skip::RefusedByLegacy)));
    run.extend(more(405, 415, 2, |one| one.failed(Failure::Timeout, std::time::Duration::from_secs(2))));
    run.extend(more(415, 417, 2, |one| one.outcome(Outcome::Noisy)));
    let verdict = judged(&run, &policy());
    let shown: Vec<_> = verdict
        .coverage
        .endpoints
        .iter()
        .map(|e| {
            let statuses = e.statuses.iter().map(|(class, s)| format!("{class} {} {}/{}", s.known, s.compared, s.seen));
            (e.endpoint.to_string(), e.known.as_str(), e.seen, e.compared, statuses.collect::<Vec<_>>().join(", "))
        })
        .collect();
    assert_eq!(
        shown,
        [
            (
                "GET /orders/{id}".to_owned(),
                "covered",
                205,
                203,
                "2xx covered 200/200, 4xx covered 3/3, 5xx never-compared 0/2".to_owned()
            ),
            ("GET /products".to_owned(), "covered", 200, 200, "2xx covered 200/200".to_owned()),
            ("POST /orders".to_owned(), "never-compared", 12, 0, "2xx never-compared 0/12".to_owned()),
        ]
    );
    assert_eq!(verdict.coverage.endpoints[2].why, "failed by timeout 10, noisy 2");
    assert_eq!(
        coverage_gate(&verdict).reason,
        "1 of 3 endpoints never compared: POST /orders (12: failed by timeout 10, noisy 2)."
    );
}

#[test]
fn each_status_class_that_the_legacy_answers_with_may_be_asked_for() {
    let mut run = matches(800);
    run.extend(more(800, 819, 0, |one| one.status(404)));
    let mut asking = policy();
    for (least, expected) in [(0, GateState::Pass), (19, GateState::Pass), (20, GateState::NotEnough)] {
        asking.gates.coverage.requests_per_status_class = least;
        assert_eq!(coverage_gate(&judged(&run, &asking)).state, expected, "{least}");
    }
    let verdict = judged(&run, &asking);
    assert_eq!(verdict.verdict, Decision::Inconclusive);
    assert_eq!(verdict.reasons, ["1 status class with fewer than 20 compared: GET /orders/{id} 4xx (19)."]);
    asking.gates.coverage.except = patterns(&["GET /orders/*"]);
    assert_eq!(judged(&run, &asking).verdict, Decision::Go);
}

#[test]
fn days_and_hours_may_be_asked_for() {
    let hour = 3_600_000_000_000;
    // Two days, at five hours of the day, and an hour in which nothing was compared.
    let mut run: Vec<Invented> = matches(400)
        .into_iter()
        .enumerate()
        .map(|(n, one)| one.starting(Timestamp((n as i64 % 5 + n as i64 / 200 * 24) * hour)))
        .collect();
    run.extend(more(400, 401, 0, |one| one.skipped(Skip::NotSampled).starting(Timestamp(99 * hour))));
    let mut asking = policy();
    let verdict = judged(&run, &asking);
    assert_eq!(verdict.verdict, Decision::Go, "not asked for");
    assert_eq!((verdict.coverage.days.len(), verdict.coverage.hours.count()), (2, 5));
    assert_eq!((verdict.coverage.endpoints[0].days, verdict.coverage.endpoints[0].hours.count()), (2, 5));
    for (days, hours, reason) in [
        (2, 5, None),
        (3, 5, Some("2 of 3 days covered.")),
        (2, 6, Some("5 of 6 hours of the day covered.")),
        (14, 24, Some("2 of 14 days covered; 5 of 24 hours of the day covered.")),
    ] {
        (asking.gates.coverage.days, asking.gates.coverage.hours) = (days, hours);
        let verdict = judged(&run, &asking);
        assert_eq!(verdict.verdict == Decision::Go, reason.is_none(), "{days} {hours}");
        assert!(reason.is_none_or(|reason| verdict.reasons == [reason]), "{:?}", verdict.reasons);
    }
}

#[test]
fn what_a_document_names_and_nobody_saw_blocks_go_too() {
    let mut documented = policy();
    documented.endpoints = document(&[
        ("GET /orders/recent", &["200"]),
        ("GET /orders/{id}", &["200", "404"]),
        ("GET /products", &["2XX", "default"]),
        ("DELETE /orders/{id}", &["204", "409"]),
    ]);
    let mut run = matches(400);
    run.push(Invented::new(400, 0).status(302));
    let verdict = judged(&run, &documented);
    assert_eq!(verdict.verdict, Decision::Inconclusive);
    assert_eq!(
        verdict.reasons,
        ["2 of 4 endpoints documented and never seen: DELETE /orders/{id}, GET /orders/recent."],
        "a request for another order is none for the recent ones"
    );
    let of = |name: &str| verdict.coverage.endpoints.iter().find(|e| e.endpoint.to_string() == name).unwrap();
    let statuses = |name: &str| {
        let shown = of(name).statuses.iter().map(|(class, s)| (class.as_str(), s.known.as_str(), s.documented));
        shown.collect::<Vec<_>>()
    };
    assert_eq!(
        statuses("GET /orders/{id}"),
        [("2xx", "covered", Some(true)), ("3xx", "covered", Some(false)), ("4xx", "never-seen", Some(true))]
    );
    assert_eq!(statuses("GET /products"), [("2xx", "covered", Some(true))]);
    assert_eq!(statuses("DELETE /orders/{id}"), [("2xx", "never-seen", Some(true)), ("4xx", "never-seen", Some(true))]);
    documented.gates.coverage.except = patterns(&["DELETE /**", "/orders/recent"]);
    let verdict = judged(&run, &documented);
    assert_eq!(verdict.verdict, Decision::Go);
    assert!(
        verdict.headline.ends_with("2 endpoints that the policy excepts: DELETE /orders/{id}, GET /orders/recent."),
        "{}",
        verdict.headline
    );
}

#[test]
fn what_is_excepted_does_not_make_a_go_of_nothing() {
    let mut lax = policy();
    lax.gates.coverage.except = patterns(&["/**"]);
    let verdict = judged(&matches(400), &lax);
    assert_eq!(verdict.verdict, Decision::Inconclusive);
    assert_eq!(
        verdict.gates.iter().filter(|gate| gate.state == GateState::NotEnough).count(),
        4,
        "{:?}",
        verdict.reasons
    );
    let expected = "every endpoint is excepted by the policy, so there is nothing to judge.";
    assert_eq!(coverage_gate(&verdict).reason, expected);
    // What is excepted is not part of it, and is told.
    let mut excepting = policy();
    excepting.gates.coverage.except = patterns(&["GET /products"]);
    let run: Vec<_> = matches(400)
        .into_iter()
        .map(|one| if one.observation.endpoint == 1 { one.differing(0, "price", None) } else { one })
        .collect();
    assert_eq!(judged(&run, &policy()).verdict, Decision::NoGo);
    let verdict = judged(&run, &excepting);
    assert_eq!(verdict.verdict, Decision::Inconclusive, "200 are too few");
    assert!(
        verdict.remarks[0].contains("GET /products (200 mismatches in 200 compared, 100%)"),
        "{:?}",
        verdict.remarks
    );
}

#[test]
fn what_has_no_path_can_be_excepted() {
    let mut run = matches(400);
    run.extend(more(400, 410, 2, |one| one.skipped(Skip::Tunnel)));
    let snapshot = snapshot_of(&run, &[ENDPOINTS[0], ENDPOINTS[1], "CONNECT {other}"]);
    let mut policy = policy();
    assert_eq!(crate::verdict::tests::judge(&snapshot, &policy, &[]).verdict, Decision::Inconclusive);
    policy.gates.coverage.except = patterns(&["CONNECT /**"]);
    assert_eq!(crate::verdict::tests::judge(&snapshot, &policy, &[]).verdict, Decision::Go);
}

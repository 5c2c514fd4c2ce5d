//! The report as JUnit XML, for CI systems: a suite of the gates, which decide, and one of the endpoints.
//!
//! | case | comes out as |
//! |---|---|
//! | gate that fails | failure |
//! | gate that is open | error: it came to no result, and green would say GO |
//! | endpoint shown to mismatch more than the policy allows | failure |
//! | endpoint whose requests the candidate is shown to fail more than the policy allows | error |
//! | endpoint of which nothing was sent, or that the policy excepts | skipped |
//!
//! Endpoints are judged one by one, and gates as the policy says: where it asks of the whole only, a rare endpoint may fail
//! here in a run that is GO.

use std::collections::BTreeMap;

use quick_junit::{NonSuccessKind, Property, Report as Junit, TestCase, TestCaseStatus, TestSuite};

use crate::exchange::{Endpoint, Rescored};
use crate::tally::EndpointSnapshot;
use crate::verdict::words::{count, counted, percent, percent_against};
use crate::verdict::{Failing, Finding, GateResult, GateState};

use super::escape::{cut, visible};
use super::{Report, changes};

/// How it begins; who finds it at the beginning of a file knows that the file is ours.
pub const BEGINS: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"tapcompare\" ";

/// Columns of a name, of a message, and of a text.
const NAME: usize = 300;
const MESSAGE: usize = 1000;
/// So many groups of differences are named for one endpoint.
const NAMED: usize = 10;

/// Why an endpoint is skipped that may have been asked.
const EXCEPTED: &str = "the policy says that it is not part of this cutover";

/// Why there is no XML.
#[derive(Debug, thiserror::Error)]
#[error("the JUnit XML cannot be written: {0}")]
pub struct JunitError(#[from] quick_junit::SerializeError);

pub(super) fn render(report: &Report<'_>) -> Result<String, JunitError> {
    let mut junit = Junit::new("tapcompare");
    junit.add_test_suite(gates(report));
    junit.add_test_suite(endpoints(report));
    let xml = junit.to_string()?;
    // Jenkins' schema knows the count of the skipped for a suite only. It comes after a name of ours and is the first.
    Ok(xml.replacen(&format!(" skipped=\"{}\"", junit.skipped), "", 1))
}

/// Text from anywhere, for an attribute or an element: what XML cannot hold (XML 1.0, section 2.2) is shown as an escape.
fn text(text: &str, most: usize) -> String {
    cut(&visible(text), most)
}

fn gates(report: &Report<'_>) -> TestSuite {
    let mut suite = TestSuite::new("gates");
    let facts = report.facts;
    for (name, value) in [
        ("verdict", report.verdict.verdict.as_str()),
        ("headline", &report.verdict.headline),
        ("capability", facts.capability.as_deref().unwrap_or("")),
        ("candidate", &facts.candidate),
        ("finished", &facts.finished),
    ] {
        suite.add_property(Property::new(name, text(value, MESSAGE)));
    }
    if let Some(rescored) = &facts.rescored {
        for (name, value) in rescored_as(rescored, report.verdict.verdict.as_str()) {
            suite.add_property(Property::new(name, text(&value, MESSAGE)));
        }
    }
    for remark in &report.verdict.remarks {
        suite.add_property(Property::new("remark", text(remark, MESSAGE)));
    }
    for gate in &report.verdict.gates {
        let name = match &gate.endpoint {
            Some(endpoint) => format!("{} of {endpoint}", gate.gate),
            None => gate.gate.to_string(),
        };
        let mut case = TestCase::new(text(&name, NAME), gate_status(gate));
        case.set_classname("tapcompare.gates");
        suite.add_test_case(case);
    }
    suite
}

/// What other rules than were in force have changed.
fn rescored_as(rescored: &Rescored, after: &str) -> Vec<(String, String)> {
    let mut lines = vec![
        ("rescored: verdict before".to_owned(), rescored.verdict_before.clone()),
        ("rescored: verdict after".to_owned(), after.to_owned()),
    ];
    lines.extend(changes::rules(rescored).into_iter().map(|(what, ids)| (format!("rescored: {what}"), ids)));
    lines.push(("rescored: outcomes".to_owned(), changes::outcomes(&rescored.before, &rescored.after)));
    lines.push(("rescored: evidence".to_owned(), changes::known(rescored)));
    lines
}

fn gate_status(gate: &GateResult) -> TestCaseStatus {
    let (kind, ty) = match gate.state {
        GateState::Pass => return TestCaseStatus::success(),
        GateState::Fail => (NonSuccessKind::Failure, "fails"),
        GateState::NotEnough => (NonSuccessKind::Error, "open"),
    };
    let remedy = gate.remedy.as_ref().map_or(String::new(), |remedy| format!("\nwhat would change it: {remedy}"));
    status(kind, ty, &gate.reason, &format!("{}{remedy}\nhow it is judged: {}", gate.reason, gate.method))
}

fn status(kind: NonSuccessKind, ty: &str, message: &str, description: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    let lines: Vec<String> = description.lines().map(|line| text(line, MESSAGE)).collect();
    status.set_type(ty).set_message(text(message, MESSAGE)).set_description(lines.join("\n"));
    status
}

fn endpoints(report: &Report<'_>) -> TestSuite {
    let mut suite = TestSuite::new("endpoints");
    let findings: BTreeMap<&Endpoint, &Finding> = report.verdict.findings.iter().map(|f| (&f.endpoint, f)).collect();
    let failing: BTreeMap<&Endpoint, &Failing> = report.verdict.failing.iter().map(|f| (&f.endpoint, f)).collect();
    let mut why: BTreeMap<&Endpoint, &str> =
        report.verdict.never_asked.iter().map(|never| (&never.endpoint, never.why.as_str())).collect();
    why.extend(report.verdict.coverage.excepted().map(|excepted| (&excepted.endpoint, EXCEPTED)));
    for endpoint in &report.snapshot.endpoints {
        let (name, sent) = (&endpoint.endpoint, endpoint.books.sent);
        let status = match why.get(name) {
            Some(why) if sent == 0 || *why == EXCEPTED => skipped(why),
            None if sent == 0 => skipped("nothing was sent"),
            _ => endpoint_status(report, endpoint, findings.get(name).copied(), failing.get(name).copied()),
        };
        let mut case = TestCase::new(text(&endpoint.endpoint.to_string(), NAME), status);
        case.set_classname("tapcompare.endpoints");
        // In seconds, as every reader of JUnit has it: what the candidate took at the gate's quantile.
        if let Some(micros) = endpoint.latency.candidate.quantile(report.verdict.latency_quantile) {
            case.set_time(std::time::Duration::from_micros(micros));
        }
        suite.add_test_case(case);
    }
    suite
}

fn skipped(why: &str) -> TestCaseStatus {
    let mut skipped = TestCaseStatus::skipped();
    skipped.set_type(if why == EXCEPTED { "excepted" } else { "never-asked" }).set_message(text(why, MESSAGE));
    skipped
}

fn endpoint_status(
    report: &Report<'_>,
    endpoint: &EndpointSnapshot,
    finding: Option<&Finding>,
    failing: Option<&Failing>,
) -> TestCaseStatus {
    let share = |bad: u64, of: u64, limit: f64| {
        let share = bad as f64 / of.max(1) as f64;
        format!("{} in {} ({}); the limit is {}", count(bad), count(of), percent_against(share, limit), percent(limit))
    };
    if let Some(finding) = finding.filter(|finding| finding.above_limit) {
        let message = format!("mismatches: {}", share(finding.mismatched, finding.compared, finding.limit));
        return status(NonSuccessKind::Failure, "mismatches", &message, &places(report, endpoint));
    }
    if let Some(failing) = failing.filter(|failing| failing.above_limit) {
        let message = format!("failures: {}", share(failing.failed, failing.sent, failing.limit));
        let kinds: Vec<String> = endpoint.books.failed.iter().map(|(why, n)| format!("{why} {}", count(n))).collect();
        return status(NonSuccessKind::Error, "failures", &message, &kinds.join("\n"));
    }
    TestCaseStatus::success()
}

/// Where the endpoint's answers differ, a line each.
fn places(report: &Report<'_>, endpoint: &EndpointSnapshot) -> String {
    let groups = report.snapshot.groups.iter().filter(|group| group.endpoint == endpoint.endpoint);
    let lines: Vec<String> = groups
        .take(NAMED)
        .map(|g| format!("{}: {} in {} ({})", text(&g.place, NAME), g.kind, counted(g.exchanges, "exchange"), g.class))
        .collect();
    lines.join("\n")
}

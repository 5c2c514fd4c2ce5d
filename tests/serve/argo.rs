//! What Argo Rollouts makes of a real answer: the template's own JSONPath and conditions, asked of `/api/v1/verdict` of the
//! same run under gates that pass, that fail, and that lack evidence.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use jsonpath_rust::JsonPath;
use serde_json::Value;
use tapcompare::store::RunFile;
use tapcompare::tally::Tally;

use crate::store_support::{absorb, books, endpoints, facts};
use crate::support::{ANY_PORT, serving, wait_for};

const TEMPLATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/argo-rollouts/analysis-template.yaml");
const EXCHANGES: u64 = 2_000;

/// A third of its exchanges is mismatched or accepted.
fn invented(run: &Path) {
    let mut all = Tally::new();
    (0..EXCHANGES).for_each(|n| absorb(&mut all, n));
    let facts = facts();
    let mut file = RunFile::open(run, &facts).unwrap();
    file.write(&all.into(), &books(EXCHANGES), &endpoints()).unwrap();
    file.finish(&Tally::new().into(), &books(EXCHANGES), &endpoints(), &facts.facts).unwrap();
}

/// The value that Argo's JSONPath, which stands in braces, finds in an answer: there must be one.
fn result(path: &str, answer: &Value) -> Value {
    let inside = path.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap();
    let found = answer.query(inside).unwrap();
    assert_eq!(found.len(), 1, "{path} in {answer}");
    found[0].clone()
}

/// A condition on `result`, of the one form that the template uses.
fn holds(condition: &str, result: &Value) -> bool {
    let wanted = condition.strip_prefix("result == ").unwrap_or_else(|| panic!("another form: {condition}"));
    serde_json::from_str::<Value>(wanted).unwrap() == *result
}

#[test]
fn the_analysis_reads_a_real_answer_as_go_no_go_and_neither() {
    let template: Value = serde_saphyr::from_str(&fs::read_to_string(TEMPLATE).unwrap()).unwrap();
    let metric = &template["spec"]["metrics"][0];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (success, failure) = (text(&metric["successCondition"]), text(&metric["failureCondition"]));
    let web = &metric["provider"]["web"];
    let (path, url) = (text(&web["jsonPath"]), text(&web["url"]));
    let asked = url.split_once("7070").unwrap().1;

    let folder = tempfile::tempdir().unwrap();
    let (run, policy) = (folder.path().join("run"), folder.path().join("policy.yaml"));
    invented(&run);
    let gates = |below: &str, least: u64| {
        format!(
            "gates:\n  mismatch_rate: {{below: {below}}}\n  coverage: {{requests_per_endpoint: {least}}}\n  \
             latency: {{at_most: 2x}}\n  loss: {{below: 1%}}\n  candidate_errors: {{below: 1%}}\n"
        )
    };
    for (verdict, gates, succeeds, fails) in [
        ("GO", gates("30%", 100), true, false),
        ("NO-GO", gates("1%", 100), false, true),
        ("INCONCLUSIVE", gates("30%", 100_000), false, false),
    ] {
        fs::write(&policy, gates).unwrap();
        let arguments: [&dyn AsRef<OsStr>; 4] = [&"serve", &run, &"--policy", &policy];
        let arguments: Vec<&dyn AsRef<OsStr>> = arguments.into_iter().chain(ANY_PORT).collect();
        let serving = serving(&arguments, &[]);
        let found = result(&path, &serving.json(asked));
        assert_eq!(found, verdict);
        assert_eq!((holds(&success, &found), holds(&failure, &found)), (succeeds, fails), "{verdict}");
        if verdict != "GO" {
            continue;
        }
        // What is not there promotes nobody, also where only the answer's body is looked at.
        let whole = fs::read(&run).unwrap();
        fs::write(&run, vec![0; whole.len()]).unwrap();
        let unread = wait_for("that it is destroyed", || Some(serving.get(asked)).filter(|reply| reply.status != 200));
        let found = result(&path, &serde_json::from_slice(&unread.body).unwrap());
        assert_eq!((unread.status, holds(&success, &found), holds(&failure, &found)), (503, false, false), "{found}");
        fs::write(&run, whole).unwrap();
    }
}

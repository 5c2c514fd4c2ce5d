//! `rules check`, `doctor --policy`, `completions` and OpenAPI documents as a person meets them.

#![allow(clippy::unwrap_used, reason = "a command that cannot be run is a failed test")]

mod store_support;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use store_support::{absorb, books, endpoints, facts};
use tapcompare::config;
use tapcompare::store::{RunFile, StretchFacts};
use tapcompare::tally::Tally;

fn tapcompare(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tapcompare")).args(args).current_dir(folder).output().unwrap()
}

/// Status, standard output, standard error.
fn told(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let done = tapcompare(folder, args);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (done.status.code().unwrap(), text(&done.stdout), text(&done.stderr))
}

fn rule(id: &str, rest: &str) -> String {
    format!("  - {{id: {id}, owner: me, reason: because, {rest}}}\n")
}

const OPENAPI: &str = "openapi: 3.0.3\nservers: [{url: /v1}]\npaths:\n  /orders/{id}: {get: {responses: {200: {}}}}\n";

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[test]
fn mistakes_are_told_line_by_line_and_end_in_status_2() {
    let rules = [
        "rules:\n".to_owned(),
        rule("old", "expires: 2020-01-31, at: {json: $.a}, ignore: true"),
        rule("wide", "expires: 2099-12-31, at: {json: $.meta}, ignore: true"),
        rule("dead", "expires: 2099-12-31, at: {json: $.meta.id}, match: {shape: uuid}"),
        rule("odd", "expires: 2099-12-31, at: {json: $.b, header: c}, ignore: true"),
        rule("lost", "expires: 2099-12-31, at: {endpoint: GET /orders/{id}, json: $.d}, ignore: true")
            .replace("GET /orders/{id}", "'GET /orders/{id}'"),
        rule("all", "expires: 2099-12-31, at: {json: '$..*'}, ignore: true"),
    ]
    .concat();
    let policy = "ownr: me\nendpoints: {openapi: orders.yaml}\nrules: [rules.yaml]\ngates: {loss: {below: 1}}\n";
    let folder = folder(&[("tapcompare.yaml", policy), ("rules.yaml", &rules), ("orders.yaml", OPENAPI)]);
    let (status, out, err) = told(folder.path(), &["rules", "check"]);
    assert_eq!((status, err.as_str()), (2, ""), "{out}");
    let lines: Vec<&str> = out.lines().collect();
    for (line, begins) in lines.iter().zip([
        "mistake  tapcompare.yaml:1: unknown key 'ownr'; expected one of: capability",
        "mistake  tapcompare.yaml:4: gates.loss.below: '1' has no unit; write a percentage",
        "mistake  rules.yaml:2: rule 'old' has expired on 2020-01-31",
        "mistake  rules.yaml:4: rule 'dead' never answers, because 'wide' (rules.yaml:3) always answers before it",
        "mistake  rules.yaml:5: at: it names more than one place",
        "warning  rules.yaml:6: rule 'lost' is about 'GET /orders/{id}', which the policy's 'endpoints' do not have",
        "warning  rules.yaml:7: rule 'all' hides too much",
        "5 rules in 1 file: 5 mistakes, 2 warnings",
    ]) {
        assert!(line.starts_with(begins), "{line}\nis not\n{begins}");
    }
    assert_eq!(lines.len(), 8, "{out}");

    let (status, out, _) = told(folder.path(), &["rules", "check", "--output", "json"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((status, &json["schema_version"], &json["healthy"]), (2, &1.into(), &false.into()));
    assert_eq!((json["rules"].as_u64(), json["findings"].as_array().map(Vec::len)), (Some(5), Some(7)));
    let dead = &json["findings"][3];
    let shown = [&dead["file"], &dead["line"], &dead["severity"], &dead["kind"], &dead["rule"]];
    assert_eq!(
        shown,
        [&Value::from("rules.yaml"), &4.into(), &"mistake".into(), &"never-answers".into(), &"dead".into()]
    );
    assert!(json["findings"][0].get("rule").is_none());

    // The doctor says the same, without an interface to look at.
    let (status, out, err) = told(folder.path(), &["doctor", "--policy", "tapcompare.yaml"]);
    assert_eq!((status, err.as_str()), (2, ""), "{out}");
    let words = out.split_whitespace().collect::<Vec<_>>().join(" ");
    for expected in [
        "FAIL policy tapcompare.yaml:1: unknown key 'ownr'",
        "FAIL rules rules.yaml:2: rule 'old' has expired",
        "warn rules rules.yaml:7",
    ] {
        assert!(words.contains(expected), "{expected}: {out}");
    }
}

#[test]
fn warnings_are_told_and_end_in_status_0() {
    let rules = format!("rules:\n{}", rule("all", "expires: 2099-12-31, at: {json: '$..*'}, ignore: true"));
    let policy = "checklist: [{id: rollback-tested}]\n";
    let folder = folder(&[("p.yaml", policy), ("r.yaml", &rules)]);
    let (status, out, err) = told(folder.path(), &["rules", "check", "r.yaml"]);
    assert_eq!((status, err.as_str()), (0, ""));
    assert!(out.starts_with("warning  r.yaml:2: rule 'all' hides too much") && out.lines().count() == 2, "{out}");
    assert!(out.ends_with("1 rule in 1 file: no mistake, 1 warning\n"), "{out}");

    let (status, out, _) = told(folder.path(), &["rules", "check", "--policy", "p.yaml"]);
    assert_eq!(status, 0);
    assert!(out.lines().count() == 1 && out.ends_with(" rules in 1 file: no mistake, no warning\n"), "{out}");

    let (status, out, err) = told(folder.path(), &["doctor", "--policy", "p.yaml"]);
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
    let words = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("ok policy p.yaml is understood") && words.contains("none expired"), "{out}");
    assert!(words.contains("warn checklist 1 of 1 item not signed: rollback-tested"), "{out}");
    let (_, out, _) = told(folder.path(), &["doctor", "--policy", "p.yaml", "--output", "json"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&json["interface"], &json["healthy"]), (&Value::Null, &true.into()));
}

#[test]
fn gates_that_ask_little_are_told_and_those_that_ask_nothing_are_mistakes() {
    let lax = "gates:\n  mismatch_rate: {below: 10%}\n  loss: {below: 4%}\n  candidate_errors: {below: 5%}\n";
    let void =
        "gates:\n  mismatch_rate: {below: 100%}\n  rules: {hidden_at_most: 100%}\ncritical:\n  # - GET /orders/{id}\n";
    let folder = folder(&[("lax.yaml", lax), ("void.yaml", void), ("empty.yaml", "# owner: me\n")]);
    let (status, out, err) = told(folder.path(), &["rules", "check", "--policy", "lax.yaml"]);
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].starts_with("warning  lax.yaml: gates.mismatch_rate.below: below 10% is asked"), "{out}");
    assert!(lines[1].starts_with("warning  lax.yaml: gates.candidate_errors.below: below 5% is asked"), "{out}");
    assert!(lines.len() == 3 && lines[2].ends_with("no mistake, 2 warnings"), "{out}");
    let (status, out, _) = told(folder.path(), &["rules", "check", "--policy", "void.yaml"]);
    assert_eq!(status, 2);
    for line in [
        "void.yaml:2: gates.mismatch_rate.below: '100%' is missed by hardly any candidate",
        "void.yaml:3: gates.rules.hidden_at_most: '100%' lets the rules hide most",
        "void.yaml:4: critical: nothing stands behind this key; remove the key or give it entries",
        "3 mistakes",
    ] {
        assert!(out.contains(line), "{line}: {out}");
    }
    let (status, out, _) = told(folder.path(), &["rules", "check", "--policy", "empty.yaml"]);
    assert!(status == 2 && out.contains("empty.yaml:1: an empty policy; leave --policy out for the defaults"), "{out}");
}

#[test]
fn completions_are_scripts_that_know_the_commands() {
    let folder = folder(&[]);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let (status, out, err) = told(folder.path(), &["completions", shell]);
        assert_eq!((status, err.as_str()), (0, ""), "{shell}");
        for word in ["replay", "schema", "rules", "check", "in-flight"] {
            assert!(out.contains(word), "{shell}: {word}");
        }
    }
    // What bash is given, bash understands, and it completes by it.
    let (_, script, _) = told(folder.path(), &["completions", "bash"]);
    let asked = "\nCOMP_WORDS=(tapcompare sch); COMP_CWORD=1; _tapcompare tapcompare sch tapcompare; echo \"${COMPREPLY[@]}\"\n";
    let mut bash = Command::new("bash").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    bash.stdin.take().unwrap().write_all((script + asked).as_bytes()).unwrap();
    let done = bash.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&done.stdout).trim(), "schema");
}

#[test]
fn a_run_under_an_openapi_document_is_judged_without_the_document() {
    let policy = "gates:\n  mismatch_rate: {below: 30%}\n  coverage: {requests_per_endpoint: 100}\n  latency: {at_most: 2x}\n  \
                  loss: {below: 1%}\n  candidate_errors: {below: 1%}\nendpoints: {openapi: orders.yaml}\n\
                  checklist: [{id: rollback-tested, by: sre, evidence: https://wiki/1, on: 2026-01-05}]\n";
    let folder = folder(&[("tapcompare.yaml", policy), ("orders.yaml", OPENAPI)]);
    let (_, kept) = config::read_to_keep(&folder.path().join("tapcompare.yaml")).unwrap();
    fs::remove_file(folder.path().join("orders.yaml")).unwrap();
    fs::remove_file(folder.path().join("tapcompare.yaml")).unwrap();
    let mut facts = StretchFacts { policy: kept.clone(), ..facts() };
    facts.facts.policy = Some("tapcompare.yaml".into());
    let file = folder.path().join("orders.run");
    let mut run = RunFile::open(&file, &facts).unwrap();
    let mut delta = Tally::new();
    (0..2000).for_each(|n| absorb(&mut delta, n));
    run.finish(&delta.clone().into(), &books(2000), &endpoints(), &facts.facts).unwrap();
    drop(run);
    let (_, out, err) = told(folder.path(), &["judge", "orders.run", "--output", "json"]);
    assert_eq!(err, "");
    let json: Value = serde_json::from_str(&out).unwrap();
    let gates = json["gates"].as_array().unwrap();
    let reason = |gate: &str| gates.iter().find(|g| g["gate"] == gate).unwrap()["reason"].as_str().unwrap();
    assert_eq!(reason("coverage"), "1 of 6 endpoints documented and never seen: GET /v1/orders/{id}.");
    assert_eq!((reason("checklist"), &json["checklist"][0]["by"]), ("1 item signed.", &"sre".into()));

    // A signature that is taken back is missed, and the policy of the day may say so.
    fs::write(folder.path().join("today.yaml"), "critical: [GET /nowhere]\nchecklist: [{id: rollback-tested}]\n")
        .unwrap();
    let (status, out, _) = told(folder.path(), &["judge", "orders.run", "--policy", "today.yaml"]);
    let words = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_ne!(status, 0);
    assert!(words.contains("1 of 1 item open: rollback-tested is not signed."), "{out}");
    assert!(words.contains("GET /nowhere (critical): it was never seen."), "{out}");
}

#[test]
fn signing_while_a_run_goes_on_needs_no_new_run_and_another_gate_does() {
    let gates = "gates:\n  mismatch_rate: {below: 30%}\n  coverage: {requests_per_endpoint: 100}\n  latency: {at_most: 2x}\n  \
                 loss: {below: 1%}\n  candidate_errors: {below: 1%}\n";
    let folder = folder(&[]);
    let stretch = |policy: String, n: u64| {
        let mut facts = StretchFacts { policy, ..facts() };
        facts.facts.started = format!("2026-11-21T0{n}:00:00Z");
        let mut run = RunFile::open(&folder.path().join("orders.run"), &facts).unwrap();
        let mut delta = Tally::new();
        (0..1000).for_each(|n| absorb(&mut delta, n));
        run.finish(&delta.clone().into(), &books(1000), &endpoints(), &facts.facts).unwrap();
    };
    stretch(format!("{gates}checklist: [{{id: a}}]\n"), 1);
    let (status, out, _) = told(folder.path(), &["judge", "orders.run"]);
    assert!(status == 3 && out.contains("a is not signed"), "{out}");
    stretch(format!("{gates}checklist: [{{id: a, by: sre, evidence: here, on: 2026-11-20}}]\n"), 2);
    let (_, out, err) = told(folder.path(), &["judge", "orders.run"]);
    assert!(
        err.is_empty() && out.contains("signed by sre on 2026-11-20") && !out.contains("is not signed"),
        "{out}{err}"
    );
    stretch(format!("{gates}critical: [GET /nowhere]\n"), 3);
    // What the evidence is asked is another: a new epoch, which is judged by itself.
    let (_, out, err) = told(folder.path(), &["judge", "orders.run"]);
    let words = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("GET /nowhere (critical): it was never seen.") && !words.contains("signed by"),
        "{out}{err}"
    );
    let (_, out, err) = told(folder.path(), &["judge", "orders.run", "--epoch", "1"]);
    assert!(out.contains("signed by sre on 2026-11-20") && !out.contains("nowhere"), "{out}{err}");
}

//! Run files as a person meets them: judged, rendered, put together, refused.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a command that cannot be run is a failed test")]

mod store_support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use store_support::{UNDER_WAY, absorb, books, endpoints, facts};
use tapcompare::store::{RunFile, StretchFacts};
use tapcompare::tally::Tally;

/// Gates that the invented run meets: a third of it is mismatched or accepted.
const EASY: &str = "gates:\n  mismatch_rate: {below: 30%}\n  coverage: {requests_per_endpoint: 100}\n  \
                    latency: {at_most: 2x}\n  loss: {below: 1%}\n  candidate_errors: {below: 1%}\n";
const HARD: &str = "gates:\n  mismatch_rate: {below: 1%}\n  coverage: {requests_per_endpoint: 100}\n";

fn tapcompare(args: &[&str], files: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tapcompare")).args(args).args(files).output().unwrap()
}

fn told(output: &Output) -> (i32, String) {
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).trim_end().to_owned())
}

fn under(policy: &str) -> StretchFacts {
    let mut facts = StretchFacts { policy: policy.to_owned(), ..facts() };
    facts.facts.policy = Some("kept.yaml".into());
    facts.facts.started = "2026-11-21T09:00:00Z".into();
    facts
}

/// A stretch of so many exchanges; where it is not finished, some are under way at its end.
fn stretch(file: &Path, facts: &StretchFacts, exchanges: u64, finished: bool) {
    let mut run = RunFile::open(file, facts).unwrap();
    for part in 0..4 {
        let mut delta = Tally::new();
        (part * exchanges / 4..(part + 1) * exchanges / 4).for_each(|n| absorb(&mut delta, n));
        let paired = (part + 1) * exchanges / 4 + if finished { 0 } else { UNDER_WAY };
        run.write(&delta.into(), &books(paired), &endpoints()).unwrap();
    }
    if finished {
        run.finish(&Tally::new().into(), &books(exchanges), &endpoints(), &facts.facts).unwrap();
    }
}

#[test]
fn a_run_is_judged_under_the_kept_policy_or_another() {
    let folder = tempfile::tempdir().unwrap();
    let (run, hard) = (folder.path().join("run"), folder.path().join("hard.yaml"));
    fs::write(&hard, HARD).unwrap();
    stretch(&run, &under(EASY), 2000, true);

    let first = tapcompare(&["judge", "--output", "json"], &[&run]);
    assert_eq!(told(&first), (0, String::new()), "{}", String::from_utf8_lossy(&first.stdout));
    assert_eq!(
        tapcompare(&["judge", "--output", "json"], &[&run]).stdout,
        first.stdout,
        "judged twice, the same bytes"
    );
    let json: Value = serde_json::from_slice(&first.stdout).unwrap();
    assert_eq!(json["verdict"], "GO");
    assert_eq!(json["facts"]["policy"], "kept.yaml");
    assert_eq!(json["snapshot"]["ledger"]["store"]["writes"], 5);
    assert!(json["facts"].get("stretches").is_none());

    let under_hard = tapcompare(&["judge", "--policy", hard.to_str().unwrap()], &[&run]);
    assert_eq!(told(&under_hard).0, 1);
    assert!(String::from_utf8_lossy(&under_hard.stdout).starts_with("NO-GO"));
    let rendered = tapcompare(&["report", "--policy", hard.to_str().unwrap()], &[&run]);
    assert_eq!(told(&rendered), (0, String::new()));
    assert_eq!(rendered.stdout, under_hard.stdout);
}

#[test]
fn stretches_are_put_together_and_what_was_killed_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let [run, other, page] = ["run", "other", "page.html"].map(|name| folder.path().join(name));
    stretch(&run, &under(EASY), 1000, false);
    stretch(&run, &under(EASY), 1000, true);
    stretch(&other, &under(EASY), 1000, true);
    let together = tapcompare(&["judge", "--html", page.to_str().unwrap()], &[&other, &run]);
    assert_eq!(told(&together), (0, String::new()));
    let text = String::from_utf8_lossy(&together.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    for expected in [
        "exchanges 3,003 = sent 3,000 + interrupted 3",
        "stretch 1",
        "killed or still running: 1,003 exchanges, 3 interrupted",
        "kept 14 writes to the run file",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let page = fs::read_to_string(page).unwrap();
    for expected in ["Its stretches", "killed, or still running", "other</code>", "interrupted <b>3</b>"] {
        assert!(page.contains(expected), "{expected}");
    }
    // Each stretch by itself.
    for (number, exchanges, interrupted) in [("1", 1003, 3), ("2", 1000, 0), ("3", 1000, 0)] {
        let one = tapcompare(&["judge", "--output", "json", "--stretch", number], &[&run, &other]);
        let json: Value = serde_json::from_slice(&one.stdout).unwrap();
        let shadow = &json["snapshot"]["ledger"]["shadow"];
        assert_eq!(
            (shadow["exchanges"].as_u64(), shadow["interrupted"].as_u64()),
            (Some(exchanges), Some(interrupted))
        );
        let stopped = json["facts"]["stopped_early"].as_str().unwrap_or_default();
        assert_eq!(stopped.starts_with("killed, or still running; last written at 20"), interrupted > 0);
    }
}

#[test]
fn recorded_traffic_that_was_asked_twice_is_no_more_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut recorded = under(EASY);
    recorded.facts.pace = "max".into();
    stretch(&run, &recorded, 1000, true);
    assert_eq!(told(&tapcompare(&["judge"], &[&run])), (0, String::new()));
    stretch(&run, &recorded, 1000, true);
    let together = tapcompare(&["judge", "--output", "json"], &[&run]);
    assert_eq!(told(&together), (3, String::new()));
    let json: Value = serde_json::from_slice(&together.stdout).unwrap();
    assert_eq!(json["snapshot"]["ledger"]["store"]["repeated"], 1000);
    let text = String::from_utf8_lossy(&together.stdout);
    assert!(text.contains("1,000 there twice") && text.contains("with --stretch"), "{text}");
    assert_eq!(told(&tapcompare(&["judge", "--stretch", "2"], &[&run])), (0, String::new()));
}

#[test]
fn what_cannot_be_judged_is_said_in_one_line_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let [run, gates, candidate, text] = ["run", "gates", "candidate", "text"].map(|name| folder.path().join(name));
    stretch(&run, &under(EASY), 40, true);
    stretch(&gates, &under(HARD), 40, true);
    let mut other = under(EASY);
    other.facts.candidate = "http://10.0.0.9".into();
    stretch(&candidate, &other, 40, true);
    fs::write(&text, "no run").unwrap();
    let absent = folder.path().join("absent");
    let device = Path::new("/dev/null").to_owned();
    for (args, files, expected) in [
        (&["--epoch", "3"][..], &[&run, &gates][..], "there is no epoch 3: 2 are there"),
        (&[], &[&run, &candidate], "--stretch 2"),
        (&[], &[&text], "is no run file"),
        (&[], &[&absent], "No such file"),
        (&[], &[&device], "it is a device or a pipe; name a file"),
        (&[], &[&run, &run], "name one of the two"),
        (&["--stretch", "2"], &[&run], "there is no stretch 2: 1 is there"),
        (&["--stretch", "0"], &[&run], "there is no stretch 0"),
    ] {
        let files: Vec<&Path> = files.iter().map(|file| file.as_path()).collect();
        for command in ["judge", "report"] {
            let (status, line) = told(&tapcompare(&[&[command], args].concat(), &files));
            assert_eq!(status, 2, "{line}");
            assert!(line.contains(expected) && line.lines().count() == 1, "{line}");
        }
    }
    // A policy of before, whose gate no candidate could miss.
    let lax = folder.path().join("lax");
    stretch(&lax, &under("gates: {mismatch_rate: {below: 100%}}\n"), 40, true);
    let (status, line) = told(&tapcompare(&["judge"], &[&lax]));
    assert!(status == 2 && line.contains("kept.yaml:1: gates.mismatch_rate.below: '100%'"), "{line}");
    assert!(line.ends_with("judge it under another with --policy FILE") && line.lines().count() == 1, "{line}");
    let policy = folder.path().join("hard.yaml");
    fs::write(&policy, HARD).unwrap();
    assert_ne!(told(&tapcompare(&["judge", "--policy", policy.to_str().unwrap()], &[&lax])).0, 2);
    // Under gates that differ the same build is another epoch: the latest is judged, and each is to be had.
    for (args, verdict, judged) in [
        (&[][..], "NO-GO", "epoch 2 of 2"),
        (&["--epoch", "2"], "NO-GO", "epoch 2 of 2"),
        (&["--epoch", "1"], "INCONCLUSIVE", "epoch 1 of 2"),
    ] {
        let one = tapcompare(&[&["judge"], args].concat(), &[&run, &gates]);
        let text = String::from_utf8_lossy(&one.stdout).into_owned();
        assert!(
            text.starts_with(verdict) && text.contains(judged) && text.contains("Epochs: each is judged"),
            "{text}"
        );
        assert!(!text.contains("DOES NOT CLOSE"), "{text}");
    }
    // With one policy said they are one.
    let policy = folder.path().join("easy.yaml");
    fs::write(&policy, EASY).unwrap();
    let both = tapcompare(&["judge", "--policy", policy.to_str().unwrap()], &[&run, &gates]);
    assert_eq!(told(&both), (3, String::new()), "too few requests");
}

#[test]
fn what_a_policy_says_of_a_run_that_is_over_is_said_not_to_apply() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let run = at("run");
    stretch(&run, &under(&format!("{EASY}clients: {{by: header x-user}}\n")), 2000, true);
    let rules =
        "rules:\n  - {id: mine, owner: me, reason: r, expires: 2099-12-31, at: {json: $.never}, ignore: true}\n";
    fs::write(at("mine.yaml"), rules).unwrap();
    let judged = |more: &str, args: &[&str]| {
        fs::write(at("p.yaml"), format!("{EASY}{more}")).unwrap();
        let policy = at("p.yaml");
        told(&tapcompare(&[&["judge", "--policy", policy.to_str().unwrap()], args].concat(), &[&run]))
    };
    // What is the same as in the run, and what nobody wrote, needs no word.
    for more in ["", "clients: {by: header X-User}\n", "critical: [GET /products]\nchecklist: [{id: a}]\nowner: me\n"] {
        let (_, said) = judged(more, &[]);
        assert_eq!(said, "", "{more}");
    }
    let mine = at("mine.yaml");
    for (more, args, parts) in [
        ("rules: [mine.yaml]\n", &[][..], Some("rules")),
        ("rules: [mine.yaml]\n", &["--rules", mine.to_str().unwrap()], None),
        ("clients: {by: header x-other}\n", &[], Some("clients")),
        ("endpoints: {templates: ['GET /{all}']}\n", &[], Some("endpoints")),
        ("targets: {candidate: http://10.9.9.9}\nsafety: {methods: [GET]}\n", &[], Some("targets, safety")),
        ("rules: [mine.yaml]\nbuild: off\nredaction: {names: [pin]}\n", &[], Some("rules, build, redaction")),
    ] {
        let (status, said) = judged(more, args);
        assert_ne!(status, 2, "{more}: {said}");
        match parts {
            None => assert_eq!(said, "", "{more}"),
            Some(parts) => {
                let expected =
                    format!("p.yaml: the run is over, so what it says of {parts} does not apply; its gates do");
                assert!(said.contains(&expected) && said.lines().count() == 1, "{more}: {said}");
                assert_eq!(said.contains("give --rules FILE"), parts.contains("rules"), "{said}");
            }
        }
    }
    // Whoever names rules expects them in force: they must be there and mean something.
    fs::write(at("bad.yaml"), "rules: [{id: a}]\n").unwrap();
    for (more, expected) in [("rules: [none.yaml]\n", "none.yaml"), ("rules: [bad.yaml]\n", "bad.yaml:1")] {
        let (status, said) = judged(more, &[]);
        assert!(status == 2 && said.contains(expected) && said.lines().count() == 1, "{status} {said}");
    }
}

#[test]
fn what_is_excepted_is_in_no_figure_and_is_told_in_every_rendering() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let run = at("run");
    stretch(&run, &under(EASY), 2000, true);
    let whole = tapcompare(&["judge", "--output", "json"], &[&run]);
    let whole: Value = serde_json::from_slice(&whole.stdout).unwrap();
    let endpoints = whole["snapshot"]["endpoints"].as_array().unwrap();
    let count = |endpoint: &Value, key: &str| endpoint["books"][key].as_u64().unwrap();
    let compared = |e: &Value| count(e, "matched") + count(e, "accepted") + count(e, "mismatched");
    let wrong = endpoints.iter().max_by_key(|e| count(e, "mismatched")).unwrap();
    let name = wrong["endpoint"].as_str().unwrap();
    assert!(count(wrong, "mismatched") > 0);
    let policy = EASY.replace("requests_per_endpoint: 100", &format!("requests_per_endpoint: 100, except: ['{name}']"));
    fs::write(at("p.yaml"), policy).unwrap();
    let others: u64 = endpoints.iter().filter(|e| e["endpoint"] != name).map(compared).sum();
    let files: Vec<String> =
        ["m.md", "j.xml", "c.csv", "r.json", "d.md", "p.html"].map(|f| at(f).display().to_string()).into();
    let flags = ["--markdown", "--junit", "--csv", "--json", "--decision-record", "--html"];
    let mut args = vec!["judge", "--policy"];
    let policy = at("p.yaml").display().to_string();
    args.push(&policy);
    args.extend(flags.iter().zip(&files).flat_map(|(flag, file)| [*flag, file.as_str()]));
    let done = tapcompare(&args, &[&run]);
    let report: Value = serde_json::from_slice(&fs::read(at("r.json")).unwrap()).unwrap();
    let gate = |name: &str| report["gates"].as_array().unwrap().iter().find(|g| g["gate"] == name).unwrap().clone();
    assert_eq!(gate("mismatch-rate")["sample"], others);
    assert_eq!(gate("coverage")["sample"], others);
    let headline = report["headline"].as_str().unwrap();
    assert!(
        done.status.code() != Some(0)
            || headline.contains(&format!("by {} compared", tapcompare::verdict::words::count(others))),
        "{headline}"
    );
    let remark = format!("{name} ({} mismatches in ", count(wrong, "mismatched"));
    assert!(report["remarks"][0].as_str().unwrap().contains(&remark), "{}", report["remarks"]);
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let terminal = words(&String::from_utf8_lossy(&done.stdout));
    assert!(terminal.contains("not part of the verdict, by gates.coverage.except") && terminal.contains("~ excepted"));
    for (file, expected) in files.iter().zip([
        "Remark: not part of the verdict",
        "\"remark\"",
        ",\"excepted\"",
        "not part of the verdict",
        "Remark",
        "not part of the verdict",
    ]) {
        let text = fs::read_to_string(file).unwrap();
        assert!(text.contains(expected), "{file}: {expected}");
    }
    assert!(
        fs::read_to_string(&files[2]).unwrap().contains("\"true\"")
            || fs::read_to_string(&files[2]).unwrap().contains(",true")
    );
}

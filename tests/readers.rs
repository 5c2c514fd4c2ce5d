//! The report in every form, as the commands write it: into files that are ours, and into no others.

// Helpers of a test may fail as the test itself may; clippy knows that only of functions marked as tests.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::mpsc;
use std::thread;

use serde_json::Value;

const FLAGS: [&str; 6] = ["--html", "--markdown", "--junit", "--csv", "--json", "--decision-record"];

fn tapcompare(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tapcompare")).args(args).current_dir(folder).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder with the evidence of a demo in `run`.
fn evidence() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let args = ["demo", "--defect", "price-rounding", "--pace", "max", "--run", "run", "--html", "demo.html"];
    let output = tapcompare(folder.path(), &args);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    folder
}

fn valid_json(folder: &Path, text: &str) -> Value {
    let schema: Value = serde_json::from_slice(&tapcompare(folder, &["schema", "report"]).stdout).unwrap();
    let report: Value = serde_json::from_str(text).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    if let Err(error) = validator.validate(&report) {
        panic!("{error} at {}", error.instance_path());
    }
    report
}

#[test]
fn every_form_is_written_and_written_again_but_for_what_people_fill_in() {
    let folder = evidence();
    let at = |name: &str| folder.path().join(name);
    let read = |name: &str| fs::read_to_string(at(name)).unwrap();
    let all = [
        "judge",
        "run",
        "--html",
        "a.html",
        "--markdown",
        "a.md",
        "--junit",
        "a.xml",
        "--csv",
        "a.csv",
        "--json",
        "a.json",
    ];
    let output = tapcompare(folder.path(), &[&all[..], &["--decision-record", "adr.md"]].concat());
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(1), ""));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("NO-GO"), "the text is printed beside them");
    assert!(read("a.html").starts_with("<!DOCTYPE html>"));
    assert!(read("a.md").contains("## NO-GO") && read("a.md").contains("GET /orders/{id}"));
    assert!(read("a.csv").lines().count() >= 14, "{}", read("a.csv"));
    assert!(read("adr.md").contains("- Verdict of the evidence: **NO-GO**"));
    let json = valid_json(folder.path(), &read("a.json"));
    assert_eq!((&json["verdict"], &json["facts"]["capability"]), (&"NO-GO".into(), &"orders-and-catalogue".into()));
    assert_eq!(tapcompare(folder.path(), &["judge", "run", "--output", "json"]).stdout, read("a.json").as_bytes());
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas/junit-10.xsd");
    let lint = Command::new("xmllint").args(["--noout", "--nonet", "--schema"]).args([&schema, &at("a.xml")]).output();
    let lint = lint.expect("xmllint is there: scripts/setup.sh test installs it");
    assert!(lint.status.success(), "{}", stderr(&lint));

    // What is ours is replaced, by the same bytes.
    let before = ["a.html", "a.md", "a.xml", "a.csv", "a.json"].map(read);
    assert_eq!(tapcompare(folder.path(), &all).status.code(), Some(1));
    assert_eq!(before, ["a.html", "a.md", "a.xml", "a.csv", "a.json"].map(read));
    // A record may have been filled in.
    fs::write(at("adr.md"), read("adr.md").replacen("________________", "on Monday", 1)).unwrap();
    let filled_in = read("adr.md");
    let output = tapcompare(folder.path(), &["report", "run", "--decision-record", "adr.md"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "tapcompare: --decision-record adr.md: this file is there and may have been filled in; name another\n"
    );
    assert_eq!(read("adr.md"), filled_in);
    let parts = fs::read_dir(folder.path())
        .unwrap()
        .filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().ends_with(".part"));
    assert_eq!(parts.count(), 0);
}

#[test]
fn what_is_not_ours_stays_as_it_is() {
    let folder = evidence();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("notes.txt"), "my own notes\n").unwrap();
    fs::create_dir(at("folder")).unwrap();
    for flag in FLAGS {
        let output = tapcompare(folder.path(), &["report", "run", flag, "notes.txt"]);
        let said = stderr(&output);
        assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{flag}: {said}");
        assert!(
            said.starts_with(&format!("tapcompare: {flag} notes.txt: this file is "))
                && said.ends_with("name another\n")
        );
        assert!(output.stdout.is_empty(), "{flag}: it is found out before anything is done");
        assert_eq!(fs::read_to_string(at("notes.txt")).unwrap(), "my own notes\n");
        // The evidence itself is not ours to write a report into, either.
        let evidence = fs::read(at("run")).unwrap();
        assert_eq!(tapcompare(folder.path(), &["report", "run", flag, "run"]).status.code(), Some(2), "{flag}");
        assert_eq!(fs::read(at("run")).unwrap(), evidence);
        for (file, why) in [("folder", "directory"), ("no/such/folder", "No such file")] {
            let output = tapcompare(folder.path(), &["report", "run", flag, file]);
            assert!(
                output.status.code() == Some(2) && stderr(&output).contains(why),
                "{flag} {file}: {}",
                stderr(&output)
            );
        }
    }
    // One form is not another.
    assert_eq!(tapcompare(folder.path(), &["report", "run", "--csv", "table.csv"]).status.code(), Some(0));
    let output = tapcompare(folder.path(), &["report", "run", "--markdown", "table.csv"]);
    assert!(stderr(&output).contains("--markdown table.csv: this file is no Markdown report"), "{}", stderr(&output));
    // What is empty is nobody's.
    fs::write(at("empty"), "").unwrap();
    assert_eq!(tapcompare(folder.path(), &["report", "run", "--junit", "empty"]).status.code(), Some(0));
    assert!(fs::read_to_string(at("empty")).unwrap().contains("<testsuites"));
}

#[test]
fn standard_output_is_given_to_one() {
    let folder = evidence();
    for flag in FLAGS {
        let output = tapcompare(folder.path(), &["report", "run", flag, "-"]);
        assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""), "{flag}");
        let text = String::from_utf8(output.stdout).unwrap();
        let begins = ["<!DOCTYPE", "<!-- a report", "<?xml", "\"endpoint\"", "{\"schema_version\":", "<!-- a decision"];
        let begins = begins[FLAGS.iter().position(|known| *known == flag).unwrap()];
        assert!(text.starts_with(begins) && text.ends_with(['\n', '>']), "{flag}: {text:.100}");
        assert!(!text.contains("\nNO-GO  "), "{flag}: the text is not printed too");
    }
    assert!(!folder.path().join("-").exists());
    for (args, said) in [
        (["--markdown", "-", "--csv", "-"], "--csv: --markdown writes to standard output too"),
        (["--markdown", "-", "--output", "json"], "--output json: --markdown writes to standard output too"),
        (["--json", "one", "--csv", "./one"], "--json one: --csv writes to this file too; name another"),
        (
            ["--html", "run.html", "--decision-record", "run.html"],
            "--decision-record run.html: --html writes to this file too",
        ),
    ] {
        let output = tapcompare(folder.path(), &[&["report", "run"][..], &args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(said), "{args:?}: {}", stderr(&output));
    }
    assert!(!folder.path().join("one").exists());
}

/// A request's head as it says the same: the request line, then its fields by name.
fn head(text: &str) -> String {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    let field = |line: &str| {
        let (name, value) = line.split_once(':').unwrap();
        format!("{}:{}", name.to_ascii_lowercase(), value.trim())
    };
    let mut fields: Vec<String> = lines.map(field).collect();
    fields.sort();
    format!("{first}\n{}", fields.join("\n"))
}

/// A candidate that answers whatever it is asked with a 503; what it was asked is told.
fn broken_candidate() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, tell) = (stream.unwrap(), tell.clone());
            thread::spawn(move || {
                let mut asked = Vec::new();
                let mut byte = [0];
                while !asked.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
                    asked.push(byte[0]);
                }
                let body = "it broke";
                let head = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Type: text/plain\r\n";
                // Told first: a run that has all its answers has told of all.
                let _ = tell.send(head_of(&asked));
                let _ = write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len());
            });
        }
    });
    (address, told)
}

fn head_of(asked: &[u8]) -> String {
    head(String::from_utf8_lossy(asked).trim_end())
}

#[test]
fn a_failure_on_the_page_is_asked_again_by_the_command_beside_it_as_it_was_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (candidate, told) = broken_candidate();
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/shop.pcap");
    let output = tapcompare(
        folder.path(),
        &[
            "replay",
            capture.to_str().unwrap(),
            "--candidate",
            &candidate,
            "--pace",
            "max",
            "--no-overhead",
            "--run",
            "run",
        ],
    );
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let asked: BTreeSet<String> = told.try_iter().collect();
    assert!(asked.len() > 100, "{}", asked.len());
    // From the evidence in the file, too.
    let output = tapcompare(folder.path(), &["report", "run", "--html", "-"]);
    let page = String::from_utf8(output.stdout).unwrap();
    let section = page.split("<section id=\"failures\">").nth(1).unwrap().split("</section>").next().unwrap();
    // The limits under which it was asked stand there with their units.
    for limit in ["<dt>body</dt><dd>16,777,216 bytes</dd>", "<dt>in flight</dt><dd>64 requests</dd>"] {
        assert!(page.contains(limit), "{limit}: {}", page.split("<section id=\"run\">").nth(1).unwrap());
    }
    let articles: Vec<&str> = section.split("<article").skip(1).collect();
    assert!(articles.len() >= 13, "{}", articles.len());
    for article in articles {
        assert!(article.contains(">server-error</span>") && article.contains("candidate 503"), "{article}");
        assert!(article.contains("first seen 20"), "{article}");
        let has_a_body = !article.contains("<code>HEAD ");
        assert_eq!((article.contains("it broke"), article.contains("answered")), (has_a_body, has_a_body), "{article}");
        let command = article.split("<pre>curl ").nth(1).unwrap().split("</pre>").next().unwrap();
        let command =
            ["quot;\"", "apos;'", "#39;'", "lt;<", "gt;>", "amp;&"].iter().fold(command.to_owned(), |text, one| {
                let (name, plain) = one.split_at(one.len() - 1);
                text.replace(&format!("&{name}"), plain)
            });
        let done = Command::new("sh").args(["-c", &format!("curl {command}")]).env("no_proxy", "*").output().unwrap();
        assert!(String::from_utf8_lossy(&done.stdout).contains("503"), "{command}: {}", stderr(&done));
        let again = told.recv().unwrap();
        assert!(asked.contains(&again), "{command}\nasks\n{again}\nand was asked with none of {asked:?}");
    }
}

//! Defects that a rule hides: a candidate that is wrong at one endpoint, under a rule that lets just that pass. The answers
//! agree, and the verdict is not GO all the same, for the rules themselves are tested.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a run that cannot be made is a failed test")]

#[allow(unreachable_pub, reason = "another test's helper")]
#[path = "redaction/capture.rs"]
mod capture;

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;

use serde_json::{Value, json};

use capture::Capture;

const POLICY: &str = "\
endpoints: {templates: ['GET /acc/{id}', 'GET /go/{id}', GET /ping, GET /big]}
rules: [common, rules.yaml]
gates:
  latency: {quantile: p50, at_most: 100x}
  coverage: {requests_per_endpoint: 50}
";

/// More text than is kept of an exchange.
const LARGE: usize = 300 << 10;

fn answer(status: &str, server: &str, fields: &str, body: &str) -> String {
    let length = if status.starts_with("204") { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    format!("HTTP/1.1 {status}\r\nServer: {server}\r\n{fields}{length}\r\n{body}")
}

/// What a service answers that is right everywhere.
fn right(path: &str, server: &str) -> String {
    let id = path.rsplit('/').next().unwrap();
    let media = "Content-Type: application/json\r\n";
    match path.split('/').nth(1).unwrap() {
        "acc" => {
            let lines: Vec<String> = (0..30).map(|n| format!("{n}v{id}")).collect();
            let body = json!({"id": id, "name": format!("a{id}"), "price": 12.5, "when": "2026-11-20T10:00:00Z",
                "tags": ["a", "b"], "owner": {"x": id, "y": "z"}, "lines": lines});
            let cookie = format!("Set-Cookie: auth=u{id}; Path=/; Secure; HttpOnly; SameSite=Strict\r\n");
            answer("200 OK", server, &format!("{media}{cookie}Cache-Control: no-store\r\n"), &body.to_string())
        }
        "go" => answer("302 Found", server, &format!("Content-Type: text/plain\r\nLocation: /login/{id}\r\n"), ""),
        "ping" => answer("204 No Content", server, "", ""),
        _ => answer("200 OK", server, media, &json!({"text": "x".repeat(LARGE), "n": [1, 2, 3]}).to_string()),
    }
}

fn legacy(folder: &Path) {
    let mut capture = Capture::new();
    for n in 0..3_000 {
        let path = format!("/acc/{n}");
        ask(&mut capture, &path);
    }
    for n in 0..200 {
        ask(&mut capture, &format!("/go/{n}"));
        ask(&mut capture, "/ping");
    }
    (0..50).for_each(|_| ask(&mut capture, "/big"));
    capture.write(&folder.join("legacy.pcap"));
}

fn ask(capture: &mut Capture, path: &str) {
    capture.exchange(format!("GET {path} HTTP/1.1\r\nHost: shop\r\n\r\n").as_bytes(), right(path, "legacy").as_bytes());
}

type Wrong = fn(&str, String) -> String;

/// A candidate that makes of the right answer what `wrong` says.
fn candidate(wrong: Wrong) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            thread::spawn(move || serve(stream, wrong));
        }
    });
    address
}

fn serve(stream: TcpStream, wrong: Wrong) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let mut first = String::new();
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if first.is_empty() {
                first.clone_from(&line);
            }
        }
        let path = first.split(' ').nth(1).unwrap();
        if stream.write_all(wrong(path, right(path, "new")).as_bytes()).is_err() {
            return;
        }
    }
}

/// The verdict and what keeps it from GO.
fn judged(folder: &Path, wrong: Wrong, rules: &str) -> (Value, String) {
    std::fs::write(folder.join("policy.yaml"), POLICY).unwrap();
    std::fs::write(folder.join("rules.yaml"), format!("rules:\n{rules}")).unwrap();
    let url = format!("http://{}", candidate(wrong));
    let output = Command::new(env!("CARGO_BIN_EXE_tapcompare"))
        .args(["replay", "legacy.pcap", "--candidate", &url, "--policy", "policy.yaml", "--pace", "max"])
        .args(["--in-flight", "4", "--output", "json"])
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {said}"));
    let open = report["gates"].as_array().unwrap().iter().filter(|gate| gate["state"] != "pass");
    let open = open.map(|g| format!("{} {}: {}\n", g["gate"].as_str().unwrap(), g["state"], g["reason"])).collect();
    (report, open)
}

fn rule(id: &str, at: &str, says: &str) -> String {
    format!("  - {{id: {id}, owner: me, reason: why, expires: 2099-12-31, at: {{{at}}}, {says}}}\n")
}

/// What it is, the rule that hides it, the candidate, and what the verdict says.
struct Case(&'static str, String, Wrong, &'static str);

fn answers_too_large_or_small() -> Vec<Case> {
    vec![
        Case(
            "answers too large to be kept, all of which is ignored",
            rule("large", "endpoint: GET /big, json: '$..*'", "ignore: {presence: any, type: any}"),
            |path, right| match path {
                "/big" => answer("200 OK", "new", "Content-Type: application/json\r\n", "{\"oops\":1}"),
                _ => right,
            },
            "GET /big: rules answered in 50 exchanges that agree, and none of them could be kept",
        ),
        Case(
            "a small answer of which nothing is compared",
            rule("any-status", "endpoint: GET /ping, status: true", "ignore: true"),
            |path, right| if path == "/ping" { answer("404 Gone", "new", "", "") } else { right },
            "GET /ping: only 0 of",
        ),
        Case(
            "another place to go to",
            rule("anywhere", "endpoint: 'GET /go/{id}', header: [Location, Content-Type]", "ignore: true"),
            |path, right| match path.strip_prefix("/go/") {
                Some(id) => right.replace(&format!("/login/{id}"), "http://evil.example/"),
                None => right,
            },
            "most often unnoticed: header-changed",
        ),
        Case(
            "another place to go to, of the same type",
            rule("anywhere", "endpoint: 'GET /go/{id}', header: Location", "match: {type: same}"),
            |path, right| match path.strip_prefix("/go/") {
                Some(id) => right.replace(&format!("/login/{id}"), "http://evil.example/"),
                None => right,
            },
            "GET /go/{id}: only ",
        ),
    ]
}

fn parts_of_answers() -> Vec<Case> {
    vec![
        Case(
            "cookies without what protects them",
            rule(
                "attributes",
                "cookie: ['*; Secure', '*; HttpOnly', '*; SameSite', '*; Domain']",
                "ignore: {presence: any}",
            ),
            |_, right| right.replace("; Secure; HttpOnly; SameSite=Strict", "; SameSite=None; Domain=example"),
            "cookie-attribute-lost",
        ),
        Case(
            "an internal field that everybody sees",
            rule("extras", "json: '$..*'", "accept: {kind: extra}"),
            |path, right| match path.strip_prefix("/acc/") {
                Some(_) => {
                    let (head, body) = right.split_once("\r\n\r\n").unwrap();
                    let body = body.replacen('{', "{\"passwordHash\":\"5f4dcc3b\",", 1);
                    let old = head.split("Content-Length: ").nth(1).unwrap();
                    format!(
                        "{}\r\n\r\n{body}",
                        head.replace(&format!("Length: {old}"), &format!("Length: {}", body.len()))
                    )
                }
                None => right,
            },
            "unnoticed: field-added",
        ),
        Case(
            "any status, of an answer with much else to see",
            rule("any-status", "endpoint: 'GET /acc/{id}', status: true", "ignore: true"),
            |path, right| if path.starts_with("/acc/") { right.replacen("200 OK", "203 Fine", 1) } else { right },
            "unnoticed: status-changed",
        ),
    ]
}

#[test]
fn what_a_rule_lets_pass_at_one_endpoint_is_never_go() {
    let folder = tempfile::tempdir().unwrap();
    legacy(folder.path());
    let (report, open) = judged(folder.path(), |_, right| right, "  []");
    assert_eq!(report["verdict"], "GO", "a candidate that is right: {open}");

    for Case(name, rules, wrong, said) in answers_too_large_or_small().into_iter().chain(parts_of_answers()) {
        let (report, open) = judged(folder.path(), wrong, &rules);
        let books = &report["snapshot"]["ledger"]["shadow"];
        assert_eq!((&books["mismatched"], &books["compared"]), (&0.into(), &3450.into()), "{name}: the rule hides it");
        assert_eq!(report["verdict"], "INCONCLUSIVE", "{name}: {open}");
        assert!(open.contains(said) && open.lines().all(|line| line.starts_with("rules ")), "{name}: {open}");
    }
}

#[test]
fn narrow_rules_at_the_same_places_are_go() {
    let folder = tempfile::tempdir().unwrap();
    legacy(folder.path());
    // Another host, and the same page; a cookie for all paths; a member more that is known.
    let rules = rule("host", "header: Location", "match: {regex: '^(?:https?://[^/]*)?(/.*)$'}")
        + &rule("path", "cookie: 'auth; Path'", "ignore: true")
        + &rule("links", "endpoint: 'GET /acc/{id}', json: $.owner.links", "accept: {kind: extra}");
    let wrong: Wrong = |path, right| {
        let right = right.replace("Location: /", "Location: https://new.example/").replace("Path=/;", "Path=/acc;");
        match right.split_once("\r\n\r\n") {
            Some((head, body)) if path.starts_with("/acc/") => {
                let body = body.replacen("\"owner\":{", "\"owner\":{\"links\":[],", 1);
                let old = head.split("Content-Length: ").nth(1).unwrap();
                format!("{}\r\n\r\n{body}", head.replace(&format!("Length: {old}"), &format!("Length: {}", body.len())))
            }
            _ => right,
        }
    };
    let (report, open) = judged(folder.path(), wrong, &rules);
    assert_eq!(report["snapshot"]["ledger"]["shadow"]["accepted"], 3000, "{open}");
    assert_eq!(report["verdict"], "GO", "{open}");
}

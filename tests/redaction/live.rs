//! The same canaries at the mirror port: the capture comes live, as a cloud's mirror sends it, and the evidence is kept in
//! a run file, which is searched with its log while the run goes on and at its end.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tapcompare::capture::Files;

use super::{KEY, assert_silent, candidate, candidate_answers, capture, policy};

/// Long enough for two writes.
const LASTS: &str = "5s";

/// Starts `watch`, and gives the port on which it waits for the mirror's datagrams.
fn watch(folder: &Path, candidate: &candidate::Candidate, output: &str) -> (Child, BufReader<impl Read>, String, u16) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tapcompare"));
    command
        .args(["watch", "-vv", "--vxlan", "127.0.0.1:0", "--for", LASTS, "--output", output, "--candidate"])
        .arg(format!("http://{}", candidate.address))
        .arg("--policy")
        .arg(policy(folder))
        .arg("--html")
        .arg(folder.join("report.html"))
        .arg("--run")
        .arg(folder.join("run"))
        .env("TAPCOMPARE_REDACTION_KEY", KEY)
        // No pipe: it would have to be read while standard error is.
        .stdout(fs::File::create(folder.join("out")).unwrap())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    let port = loop {
        assert!(errors.read_line(&mut said).unwrap() > 0, "it never listened: {said}");
        let line = said.lines().last().unwrap();
        let address = line.contains("listening on").then(|| line.split("127.0.0.1:").nth(1)).flatten();
        if let Some(digits) = address.map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap()) {
            break digits.parse().unwrap();
        }
    };
    (child, errors, said, port)
}

/// Every frame in a VXLAN datagram (RFC 7348, section 5).
fn send(file: &Path, port: u16) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut files = Files::open(&[file.to_owned()]).unwrap();
    while let Some(frame) = files.next() {
        socket.send_to(&[&[8, 0, 0, 0, 0, 0, 1, 0], frame.data].concat(), ("127.0.0.1", port)).unwrap();
    }
}

fn read(file: &Path) -> String {
    String::from_utf8_lossy(&fs::read(file).unwrap_or_default()).into_owned()
}

#[test]
fn no_canary_is_in_the_run_file_nor_in_its_log_nor_in_what_is_made_of_it() {
    let folder = tempfile::tempdir().unwrap();
    // Where root starts it, somebody else writes.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let at = |name: &str| folder.path().join(name);
    capture(&at("canaries.pcap"));
    let candidate = candidate::start(candidate_answers);
    let (mut child, mut errors, mut said, port) = watch(folder.path(), &candidate, "json");
    send(&at("canaries.pcap"), port);

    let begun = Instant::now();
    let log = loop {
        let log = read(&at("run-wal"));
        if log.contains("refreshToken") {
            break log;
        }
        assert!(begun.elapsed() < Duration::from_secs(4), "the mismatches are not written while it runs");
        thread::sleep(Duration::from_millis(20));
    };
    let so_far = read(&at("run"));
    errors.read_to_string(&mut said).unwrap();
    child.wait().unwrap();
    let out = read(&at("out"));
    let report: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {said}"));
    let shadow = &report["snapshot"]["ledger"]["shadow"];
    assert_eq!((&shadow["mismatched"], &shadow["sent"]), (&Value::from(7), &Value::from(8)), "{shadow}");
    let of_the_file = |output: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tapcompare"));
        let page = at("again.html");
        let made = command.args(["report", "-vv", "--output", output, "--html"]).arg(&page).arg(at("run")).output();
        let made = made.unwrap();
        assert!(made.status.success(), "{made:?}");
        String::from_utf8([made.stdout, made.stderr].concat()).unwrap()
    };

    let file = read(&at("run"));
    assert!(file.contains("refreshToken") && file.contains("[redacted:"), "the file holds the examples in clear text");
    for (name, text) in [
        ("the run file's log while it runs", &log),
        ("the run file while it runs", &so_far),
        ("the run file", &file),
        ("standard error", &said),
        ("the report as JSON", &out),
        ("the page", &read(&at("report.html"))),
        ("the report of the run file as text", &of_the_file("text")),
        ("the report of the run file as JSON", &of_the_file("json")),
        ("the page of the run file", &read(&at("again.html"))),
    ] {
        assert!(!text.is_empty(), "{name}");
        assert_silent(name, text);
        assert!(!text.contains(KEY), "{name} tells the key");
    }
}

//! Bad input gets one clear line on standard error that names the file, line or flag and the way out, and status 2.

#![allow(clippy::unwrap_used, reason = "a command that cannot be run is a failed test")]

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

fn tapcompare(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tapcompare")).args(args).current_dir(folder).output().unwrap()
}

const TO_ONE: &str = "--candidate=http://127.0.0.1:1";
const TO_TWO: &str = "--legacy=http://127.0.0.1:2";

/// What is typed, and what the one line must say.
const STORIES: &[(&[&str], &[&str])] = &[
    (&["inspect"], &["<FILE>", "usage: tapcompare inspect"]),
    (&["inspect", "missing.pcap"], &["missing.pcap", "No such file"]),
    (&["inspect", "."], &["'.'", "folder", "*.pcap"]),
    (&["inspect", "text.txt"], &["text.txt", "pcap", "pcapng"]),
    (&["inspect", "good.pcap", "--filter", "tcp prot 80"], &["tcp prot 80", "pcap-filter"]),
    (&["inspect", "good.pcap", "--output", "xml"], &["xml", "--output", "text", "json"]),
    (&["replay", "good.pcap"], &["--candidate", "targets.candidate"]),
    (&["replay", "good.pcap", "--candidate", "localhost:80"], &["--candidate", "localhost:80", "http://"]),
    (&["replay", "good.pcap", "--candidate", "https://localhost"], &["--candidate", "https"]),
    (
        &["replay", "good.pcap", "--candidate", "http://127.0.0.1:1", "--pace", "fast"],
        &["fast", "--pace", "original", "2x", "max"],
    ),
    (&["replay", "good.pcap", "--candidate", "http://127.0.0.1:1", "--timeout", "2"], &["--timeout", "2"]),
    (&["replay", "good.pcap", "--candidate", "http://127.0.0.1:1", "--in-flight", "0"], &["--in-flight", "0"]),
    (&["replay", "good.pcap", "--candidate", "http://127.0.0.1:1", "--timeout", "0s"], &["--timeout", "0s", "10m"]),
    (
        &["replay", "good.pcap", "--candidate", "http://127.0.0.1:1", "--timeout", "500000000000years"],
        &["--timeout", "10m", "'2s'"],
    ),
    (
        &["replay", "good.pcap", "--candidate", "http://127.0.0.1:1", "--in-flight", "65535"],
        &["--in-flight", "1 to 4096"],
    ),
    (
        &["replay", "good.pcap", "--candidate", "http://127.0.0.1:1", "--legacy", "http://127.0.0.1:1/"],
        &["--legacy", "http://127.0.0.1:1", "itself"],
    ),
    (&["replay", "good.pcap", "--candidate", "http://127.0.0.1:1", "--html", "good.pcap"], &["--html", "good.pcap"]),
    (
        &["replay", "good.pcap", "--candidate", "http://127.0.0.1:1", "--run", "-"],
        &["--run", "cannot go to standard output; name a file"],
    ),
    (&["demo", "--run", "-"], &["--run", "name a file"]),
    (&["demo", "--defect", ""], &["--defect", "no defect is named; write 'none'"]),
    (&["inspect", "missing\n\u{1b}[31m.pcap"], &["missing\\n\\x1b[31m.pcap", "No such file"]),
    (
        &["replay", "good.pcap", "--candidate", "http://127.0.0.1:1", "--policy", "missing.yaml"],
        &["missing.yaml", "No such file"],
    ),
    (
        &["replay", "good.pcap", "--candidate", "http://127.0.0.1:1", "--policy", "typo.yaml"],
        &["typo.yaml:3", "methds", "methods"],
    ),
    (
        &["replay", "good.pcap", "--candidate", "http://127.0.0.1:1", "--rules", "rule.yaml"],
        &["rule.yaml:4", "resaon", "reason"],
    ),
    (
        &["replay", "good.pcap", "--candidate", "http://127.0.0.1:1", "--html", "no/such/folder.html"],
        &["--html", "no/such/folder.html"],
    ),
    (
        &["replay", "good.pcap", "--candidate", "http://127.0.0.1:1", "--run", "new.run", "--html", "./new.run"],
        &["--html ./new.run", "--run", "name another"],
    ),
    (
        &["watch", "-i", "lo", "--candidate", "http://127.0.0.1:1", "--run", "new.run", "-w", "new.run"],
        &["-w new.run", "--run", "name another"],
    ),
    (
        &["watch", "-i", "lo", "tcp", "port", "80", "--candidate=http://127.0.0.1:1"],
        &["--candidate stands after the filter", "before 'tcp'"],
    ),
    (
        &["watch", "-i", "lo", "--candidate", "http://127.0.0.1:1", "-w", "new.pcap", "--html", "new.pcap"],
        &["--html new.pcap", "-w", "name another"],
    ),
    (
        &["replay", "good.pcap", "--candidate", "http://127.0.0.1:1", "--dry-run", "--run", "new.run"],
        &["--dry-run", "--run"],
    ),
    (
        &["replay", "good.pcap", "--candidate", "http://127.0.0.1:1", "--policy", "path.yaml", "--run", "new.run"],
        &["redaction.json", "'$[", "RFC 9535"],
    ),
    (&["replay", "missing.pcap", "--candidate", "http://127.0.0.1:1"], &["missing.pcap", "No such file"]),
    (&["replay", "good.pcap", "--candidate", "http://no-such-host.invalid"], &["no-such-host.invalid"]),
    (&["demo", "--defect", "price-runding"], &["price-runding", "price-rounding"]),
    (&["demo", "--defect", "price-rounding@3"], &["price-rounding@3", "%"]),
    (&["rules", "check", "missing.yaml"], &["missing.yaml", "No such file"]),
    (&["rules", "check", "--policy", "missing.yaml"], &["missing.yaml", "No such file", "check the path"]),
    (&["rules"], &["usage: tapcompare rules"]),
    (&["schema", "openapi"], &["openapi", "policy", "rules"]),
    (&["completions"], &["<SHELL>", "usage: tapcompare completions"]),
    (&["completions", "csh"], &["csh", "bash", "zsh", "fish"]),
    (&["doctor"], &["nothing to look at", "-i IFACE", "--policy FILE"]),
    (&["doctor", "--policy", "typo.yaml", "tcp"], &["a filter needs -i"]),
    (
        &["replay", "good.pcap", "--candidate", "http://127.0.0.1:1", "--policy", "openapi.yaml"],
        &["openapi.yaml:1: endpoints.openapi", "nowhere.yaml", "No such file", "check the path"],
    ),
    (
        &["replay", "good.pcap", "--candidate", "http://127.0.0.1:1", "--policy", "swagger.yaml"],
        &["old.yaml:1: this is Swagger 2.0", "convert it to OpenAPI 3"],
    ),
    (
        &["replay", "good.pcap", "--candidate", "http://127.0.0.1:1", "--policy", "unsigned.yaml"],
        &["unsigned.yaml:2: checklist: 'a' is signed in part: evidence and on are missing", "none of them"],
    ),
    (&["tee"], &["--listen <ADDR:PORT>", "usage: tapcompare tee"]),
    (&["tee", "--listen", "8080"], &["--listen", "'8080'", "such as 0.0.0.0:8080"]),
    (&["tee", "--listen", "localhost:8080"], &["--listen", "'localhost:8080'", "127.0.0.1:8080"]),
    (&["tee", "--listen", "127.0.0.1:0"], &["no candidate", "--candidate", "targets.candidate"]),
    (&["tee", "--listen", "127.0.0.1:0", TO_ONE], &["no legacy", "--legacy http://host:port", "targets.legacy"]),
    (&["tee", "--listen", "127.0.0.1:0", TO_ONE, "--legacy", "127.0.0.1:2"], &["--legacy", "'http://127.0.0.1:2'"]),
    (
        &["tee", "--listen", "127.0.0.1:0", TO_ONE, "--legacy", "https://127.0.0.1:2"],
        &["--legacy", "https is not supported yet", "http://"],
    ),
    (
        &["tee", "--listen", "127.0.0.1:0", TO_ONE, "--legacy", "http://127.0.0.1:2/api"],
        &["http://127.0.0.1:2/api has a path", "http://host:port alone"],
    ),
    (
        &["tee", "--listen", "127.0.0.1:0", TO_ONE, "--legacy", "http://no-such-host.invalid"],
        &["the legacy http://no-such-host.invalid", "check the name"],
    ),
    (
        &["tee", "--listen", "127.0.0.1:0", TO_ONE, "--legacy", "http://127.0.0.1:1/"],
        &["both http://127.0.0.1:1", "compared with itself", "--legacy and --candidate"],
    ),
    (&["tee", "--listen", "127.0.0.1:0", TO_ONE, TO_TWO, "--connections", "0"], &["--connections", "1 to 16384"]),
    (&["tee", "--listen", "127.0.0.1:0", TO_ONE, TO_TWO, "--connections", "16385"], &["--connections", "1 to 16384"]),
    (&["tee", "--listen", "127.0.0.1:0", TO_ONE, TO_TWO, "--drain", "soon"], &["--drain", "'soon'", "25s"]),
    (&["tee", "--listen", "127.0.0.1:0", TO_ONE, TO_TWO, "--drain", "25"], &["--drain", "'25'", "25s"]),
    (
        &["tee", "--listen", "127.0.0.1:0", TO_ONE, TO_TWO, "--drain", "584000000000years"],
        &["--drain", "no more than 24h"],
    ),
    (&["tee", "--listen", "127.0.0.1:0", TO_ONE, TO_TWO, "--for", "0s"], &["--for", "'0s'", "2h"]),
    (
        &["tee", "--listen", "127.0.0.1:0", TO_ONE, TO_TWO, "--dry-run", "--serve", "127.0.0.1:0"],
        &["--serve", "--dry-run", "leave one of them out"],
    ),
    (&["tee", "--listen", "127.0.0.1:0", TO_ONE, TO_TWO, "--run", "-"], &["--run", "name a file"]),
    (&["tee", "--listen", "127.0.0.1:0", TO_ONE, TO_TWO, "tcp"], &["'tcp'", "usage: tapcompare tee"]),
    // An address that is for documentation, so nobody's.
    (&["tee", "--listen", "192.0.2.1:80", TO_ONE, TO_TWO], &["--listen 192.0.2.1:80", "name another address"]),
    (&["frobnicate"], &["frobnicate", "usage: tapcompare"]),
];

fn folder_with_inputs() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    let mut header = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
    header.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0]);
    file("good.pcap", &header);
    file("text.txt", b"this is a letter, not a capture of packets\n");
    file("typo.yaml", b"capability: x\nsafety:\n  methds: [GET]\n");
    file("openapi.yaml", b"endpoints: {openapi: nowhere.yaml}\n");
    file("swagger.yaml", b"endpoints: {openapi: old.yaml}\n");
    file("old.yaml", b"swagger: '2.0'\npaths: {}\n");
    file("unsigned.yaml", b"checklist:\n  - {id: a, by: me}\n");
    file("path.yaml", b"redaction: {json: ['$[']}\n");
    file("rule.yaml", b"rules:\n  - id: a\n    owner: b\n    resaon: c\n    expires: 2099-01-01\n    at: {status: true}\n    ignore: true\n");
    folder
}

#[test]
fn bad_input_gets_one_line_that_names_it_and_the_way_out() {
    let folder = folder_with_inputs();
    let mut wrong = Vec::new();
    for (args, words) in STORIES {
        let output = tapcompare(folder.path(), args);
        let said = String::from_utf8_lossy(&output.stderr);
        let one_line = said.lines().count() == 1 && said.starts_with("tapcompare: ");
        let names_it = words.iter().all(|word| said.contains(word));
        if output.status.code() != Some(2) || !one_line || !names_it || !output.stdout.is_empty() {
            wrong.push(format!("{args:?} -> {:?}, expected {words:?} in:\n{said}", output.status.code()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(fs::read(folder.path().join("good.pcap")).unwrap().len(), 24, "named for the page, and still whole");
    assert!(!folder.path().join("new.run").exists(), "nothing is begun in a run file where the run cannot begin");
}

#[test]
fn the_status_is_told_where_standard_error_is_full() {
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for args in [&["inspect", "missing.pcap"][..], &["frobnicate"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tapcompare"));
        let status = command.args(args).stderr(full()).status().unwrap();
        assert_eq!(status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn help_and_version_are_data_and_fine() {
    let folder = tempfile::tempdir().unwrap();
    for args in [
        &["--help"][..],
        &["replay", "--help"],
        &["tee", "--help"],
        &["inspect", "--help"],
        &["demo", "--help"],
        &["--version"],
    ] {
        let output = tapcompare(folder.path(), args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(!output.stdout.is_empty() && output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn a_damaged_file_with_a_hostile_name_is_told_in_one_visible_line() {
    let folder = tempfile::tempdir().unwrap();
    let header = [&0xa1b2_c3d4_u32.to_le_bytes()[..], &[2, 0, 4, 0]].concat();
    fs::write(folder.path().join("a\nb\u{1b}[31m.pcap"), header).unwrap();
    let output = tapcompare(folder.path(), &["inspect", "a\nb\u{1b}[31m.pcap"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.lines().count() == 1 && said.contains("a\\nb\\x1b[31m.pcap"), "{said}");
}

/// The one line of a tee that listens at `listen` and is not to begin; it was told the port in the place of `P`.
fn refused_tee(listen: &str, port: u16, more: [&str; 2]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let fill = |text: &str| text.replace('P', &port.to_string());
    let listen = format!("--listen={}", fill(listen));
    let output = tapcompare(folder.path(), &["tee", &listen, &fill(more[0]), &fill(more[1])]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{listen} {more:?}: {said}");
    said
}

/// A port of loopback that is free now, as far as can be known.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_tee_refuses_to_ask_itself_however_it_is_called() {
    for (listen, legacy, candidate, who) in [
        ("127.0.0.1:P", "http://127.0.0.1:P", "http://127.0.0.1:1", "legacy http://127.0.0.1:P"),
        ("127.0.0.1:P", "http://localhost:P", "http://127.0.0.1:1", "legacy http://localhost:P"),
        ("127.0.0.1:P", "http://0.0.0.0:P", "http://127.0.0.1:1", "legacy http://0.0.0.0:P"),
        ("0.0.0.0:P", "http://127.0.0.1:P", "http://127.0.0.1:1", "legacy http://127.0.0.1:P"),
        ("0.0.0.0:P", "http://127.0.0.9:P", "http://127.0.0.1:1", "legacy http://127.0.0.9:P"),
        ("[::]:P", "http://127.0.0.1:P", "http://127.0.0.1:1", "legacy http://127.0.0.1:P"),
        ("[::]:P", "http://[::1]:P", "http://127.0.0.1:1", "legacy http://[::1]:P"),
        ("0.0.0.0:P", "http://127.0.0.1:1", "http://localhost:P/v2", "candidate http://localhost:P/v2"),
        ("[::]:P", "http://127.0.0.1:1", "http://localhost:P", "candidate http://localhost:P"),
    ] {
        if listen.contains('[') && TcpListener::bind("[::1]:0").is_err() {
            eprintln!("skipped: {listen}: there is no IPv6 here");
            continue;
        }
        let port = free_port();
        let said = refused_tee(listen, port, [&format!("--legacy={legacy}"), &format!("--candidate={candidate}")]);
        let named = format!("the {} is this tee itself", who.replace('P', &port.to_string()));
        assert!(said.contains(&named) && said.contains("--listen"), "{listen} {legacy} {candidate}: {said}");
    }
}

#[test]
fn a_tee_whose_port_is_taken_says_which() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    for listen in ["127.0.0.1:P", "0.0.0.0:P"] {
        let said = refused_tee(listen, port, [TO_ONE, TO_TWO]);
        let named = format!("--listen {}: Address already in use", listen.replace('P', &port.to_string()));
        assert!(said.contains(&named) && said.contains("stop who listens there"), "{said}");
    }
}

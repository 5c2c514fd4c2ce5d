//! The house holds itself: the direction of the flow, the confined crates, and the size of the rooms.

#![allow(clippy::unwrap_used, reason = "sources that cannot be read are a failed test")]

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms in the order of the walk. A room imports only rooms before it.
const WALK: [&str; 22] = [
    "privilege",
    "exchange",
    "ledger",
    "config",
    "capture",
    "wire",
    "tee",
    "shadow",
    "rules",
    "redact",
    "compare",
    "faults",
    "suggest",
    "tally",
    "verdict",
    "store",
    "rescore",
    "report",
    "serve",
    "traces",
    "pipeline",
    "demo",
];

/// A crate, and the only rooms that may name it. `cli` and `main` stand outside of the walk and see everything but
/// what is confined.
const CONFINED: [(&str, &[&str]); 37] = [
    ("pcap", &["capture"]),
    ("nix", &["capture", "tee", "privilege", "cli"]),
    ("caps", &["privilege"]),
    ("socket2", &["capture", "tee"]),
    ("pcap_parser", &["capture"]),
    ("pnet", &["wire", "capture"]),
    ("httparse", &["wire"]),
    ("hyper", &["shadow", "serve", "traces", "demo"]),
    ("hyper_util", &["shadow", "serve", "traces", "demo"]),
    ("tokio", &["tee", "shadow", "serve", "traces", "demo", "pipeline", "cli"]),
    ("crossbeam_channel", &["pipeline"]),
    ("hdrhistogram", &["tally"]),
    ("statrs", &["verdict", "suggest"]),
    ("form_urlencoded", &["suggest"]),
    ("rusqlite", &["store"]),
    ("json_patch", &["compare", "rules", "report"]),
    ("similar", &["compare", "rules", "report"]),
    ("jsonpath_rust", &["rules"]),
    ("hmac", &["redact"]),
    ("getrandom", &["redact", "serve"]),
    ("aho_corasick", &["redact"]),
    ("prometheus_client", &["serve"]),
    ("opentelemetry", &["traces"]),
    ("opentelemetry_http", &["traces"]),
    ("opentelemetry_otlp", &["traces"]),
    ("opentelemetry_proto", &["traces"]),
    ("opentelemetry_sdk", &["traces"]),
    ("prost", &["traces"]),
    ("subtle", &["serve"]),
    ("maud", &["report"]),
    ("plotters", &["report"]),
    ("quick_junit", &["report"]),
    ("csv", &["report"]),
    ("shlex", &["report"]),
    ("schemars", &["exchange", "ledger", "faults", "suggest", "tally", "verdict", "report"]),
    ("clap", &["cli", "main"]),
    ("clap_complete", &["cli"]),
];

/// hyper's connections must be driven by a task each, which lives and dies with its connection.
const SPAWNS_BY_NEED: &str = "shadow/connection.rs";

/// Only commands may change what the process is allowed to do.
const PRIVILEGE: &str = "privilege";

/// Most files are far shorter; one that passes this is two ideas.
const LONGEST_FILE: usize = 400;

struct Source {
    path: PathBuf,
    room: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") && !is_test(&path) {
                let inside = path.strip_prefix(&root).unwrap();
                let room = inside.components().next().unwrap().as_os_str().to_str().unwrap();
                found.push(Source {
                    room: room.trim_end_matches(".rs").to_owned(),
                    text: fs::read_to_string(&path).unwrap(),
                    path,
                });
            }
        }
    }
    assert!(found.len() > 30, "the sources were not found");
    found
}

/// A test module in a file of its own.
fn is_test(path: &Path) -> bool {
    path.file_stem().and_then(|s| s.to_str()).is_some_and(|s| s == "tests" || s.ends_with("_tests"))
}

/// The lines that are code: neither comments nor the test module at the end of a file.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(n, line)| (n + 1, line))
        .take_while(|(_, line)| !line.starts_with("mod tests"))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Whether `line` names the path `head::`.
fn names(line: &str, head: &str) -> bool {
    let needle = format!("{head}::");
    line.match_indices(&needle)
        .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':'))
}

#[test]
fn a_room_imports_only_rooms_before_it() {
    let mut wrong = Vec::new();
    for source in sources() {
        let Some(place) = WALK.iter().position(|room| *room == source.room) else { continue };
        for (number, line) in code(&source.text) {
            for later in &WALK[place + 1..] {
                if names(line, &format!("crate::{later}")) || line.contains(&format!("use crate::{later};")) {
                    wrong.push(format!("{}:{number} looks forward to {later}", source.path.display()));
                }
            }
            if names(line, "crate::cli") {
                wrong.push(format!("{}:{number} looks at cli", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_commands_drop_privileges() {
    let lines = |s: &Source| code(&s.text).any(|(_, line)| names(line, &format!("crate::{PRIVILEGE}")));
    let wrong: Vec<_> =
        sources().iter().filter(|s| s.room != "cli" && lines(s)).map(|s| s.path.display().to_string()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_confined_crate_stays_in_its_rooms() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (name, rooms) in CONFINED {
            if rooms.contains(&source.room.as_str()) {
                continue;
            }
            for (number, line) in code(&source.text).filter(|(_, line)| names(line, name)) {
                wrong.push(format!("{}:{number} names {name}: {line}", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_pipeline_makes_threads_and_channels() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|s| !["pipeline", "demo"].contains(&s.room.as_str())) {
        if source.path.ends_with(SPAWNS_BY_NEED) {
            continue;
        }
        for (number, line) in code(&source.text) {
            if ["thread::spawn", "thread::Builder", "thread::scope", "mpsc", "tokio::spawn"]
                .iter()
                .any(|word| line.contains(word))
            {
                wrong.push(format!("{}:{number}: {line}", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_wire_code_has_no_clock_and_no_files() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|s| {
        let pure = ["wire", "verdict", "redact", "compare", "faults", "suggest", "tally", "rescore"];
        pure.contains(&s.room.as_str())
    }) {
        for (number, line) in code(&source.text) {
            if ["Instant::now", "SystemTime", "std::fs", "File::", "std::net::Tcp", "Timestamp::now"]
                .iter()
                .any(|word| line.contains(word))
            {
                wrong.push(format!("{}:{number}: {line}", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_file_is_one_idea() {
    let long: Vec<String> = sources()
        .iter()
        .map(|s| (s.path.display().to_string(), code(&s.text).count()))
        .filter(|(_, lines)| *lines > LONGEST_FILE)
        .map(|(path, lines)| format!("{path}: {lines} lines of code"))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

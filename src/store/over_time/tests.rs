use std::fs;
use std::io::Read;
use std::path::Path;

use rusqlite::Connection;

use crate::exchange::{Outcome, Timestamp};
use crate::ledger::{Ledger, WireBooks};
use crate::store::schema::OLDEST_FORMAT;
use crate::store::{FORMAT, RunFile, StretchFacts, load};
use crate::tally::invented::{Invented, endpoint, tally_of};
use crate::tally::{Snapshot, Tally, TimeCounts};

const ENDPOINTS: [&str; 2] = ["GET /a", "GET /b"];
const SECOND: i64 = 1_000_000_000;

/// One exchange a second, each third of them a mismatch, over two endpoints.
fn run(from: u64, to: u64) -> Vec<Invented> {
    let one = |n: u64| {
        let one = Invented::new(n, (n % 2) as u32).starting(Timestamp(1_700_000_000 * SECOND + n as i64 * SECOND));
        if n.is_multiple_of(3) { one.outcome(Outcome::Mismatched) } else { one }
    };
    (from..to).map(one).collect()
}

fn books(paired: u64) -> Ledger {
    let wire = WireBooks { requests: paired, requests_paired: paired, ..WireBooks::default() };
    Ledger { wire, ..Ledger::default() }
}

fn written(file: &Path, parts: &[Vec<Invented>]) {
    let endpoints = ENDPOINTS.map(endpoint);
    let mut run = RunFile::open(file, &StretchFacts::default()).unwrap();
    let mut paired = 0;
    for part in parts {
        paired += part.len() as u64;
        run.write(&tally_of(part).into(), &books(paired), &endpoints).unwrap();
    }
    run.finish(&Tally::new().into(), &books(paired), &endpoints, &StretchFacts::default().facts).unwrap();
}

/// As it was before there were the tables.
fn made_old(file: &Path) {
    let connection = Connection::open(file).unwrap();
    connection
        .execute_batch(&format!(
            "DROP TABLE failing; DROP TABLE over_time; DROP TABLE affected; PRAGMA user_version = {OLDEST_FORMAT}"
        ))
        .unwrap();
}

fn format(file: &Path) -> i64 {
    Connection::open(file).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

fn sums(snapshot: &Snapshot) -> Vec<(u64, TimeCounts)> {
    let all = snapshot.endpoints.iter().map(|endpoint| &endpoint.over_time).chain([&snapshot.over_time]);
    all.map(|series| (series.step_ms, series.total())).collect()
}

fn counts(exchanges: u64, mismatched: u64) -> TimeCounts {
    TimeCounts { exchanges, compared: exchanges, mismatched, failed: 0 }
}

#[test]
fn a_file_of_the_format_before_tells_its_minutes_and_goes_on_in_ours() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run");
    written(&file, &[run(0, 70), run(70, 150)]);
    assert_eq!(sums(&load(std::slice::from_ref(&file)).unwrap().snapshot)[2], (5_000, counts(150, 50)));
    let new = load(std::slice::from_ref(&file)).unwrap();
    made_old(&file);
    let old = load(std::slice::from_ref(&file)).unwrap();
    let minutes = [(60_000, counts(75, 25)), (60_000, counts(75, 25)), (60_000, counts(150, 50))];
    assert_eq!(sums(&old.snapshot), minutes);
    assert_eq!(old.snapshot.over_time.buckets.len(), 3, "13:20, 13:21, 13:22");
    assert!(new.snapshot.groups.iter().all(|group| group.clients.is_some()));
    let but_for_time = |mut snapshot: Snapshot| {
        snapshot.groups.iter_mut().for_each(|group| group.clients = None);
        snapshot.over_time = Default::default();
        snapshot.endpoints.iter_mut().for_each(|endpoint| endpoint.over_time = Default::default());
        serde_json::to_string(&snapshot).unwrap()
    };
    assert_eq!(but_for_time(old.snapshot), but_for_time(new.snapshot));
    assert_eq!(format(&file), OLDEST_FORMAT, "reading changes nothing");
    written(&file, &[run(150, 160)]);
    assert_eq!(format(&file), FORMAT);
    let both = load(&[file]).unwrap();
    assert_eq!(sums(&both.snapshot)[2], (60_000, counts(160, 54)));
    assert_eq!(both.facts.stretches.len(), 2);
}

#[test]
fn what_does_not_agree_with_the_outcomes_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    for (name, change, said) in [
        ("lost", "DELETE FROM over_time WHERE series = 1", "not those of its outcomes"),
        (
            "more",
            "UPDATE over_time SET counts = '[4,[[1,[9,0,0,0]]],[0,0,0,0]]' WHERE series = -1",
            "not those of its outcomes",
        ),
        ("step", "UPDATE over_time SET counts = '[99,[],[0,0,0,0]]'", "none of ours"),
        ("part", "UPDATE over_time SET counts = '[4,[[1,[9,10,0,0]]],[0,0,0,0]]'", "none of ours"),
        ("huge", "UPDATE over_time SET counts = '[4,[[1,[18446744073709551615,0,0,0]]],[0,0,0,0]]'", "larger than any"),
        ("text", "UPDATE over_time SET counts = '<script>'", "expected"),
        ("number", "UPDATE over_time SET series = 99999999 WHERE series = 1", "a number that we do not give"),
    ] {
        written(&file(name), &[run(0, 9)]);
        Connection::open(file(name)).unwrap().execute_batch(change).unwrap();
        let refused = load(&[file(name)]).unwrap_err().to_string();
        assert!(refused.contains(said) && !refused.contains('\n'), "{name}: {refused}");
    }
}

/// `format-2.gz` was written by the tapcompare before: a replay of 49 exchanges of the shop's capture; its examples were taken
/// out, to keep it small.
#[test]
fn a_real_file_of_the_format_before_is_read_and_continued() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(&include_bytes!("format-2.gz")[..]).read_to_end(&mut bytes).unwrap();
    fs::write(&file, bytes).unwrap();
    assert_eq!(format(&file), OLDEST_FORMAT);
    let read = load(std::slice::from_ref(&file)).unwrap().snapshot;
    let books = read.ledger.shadow.clone().unwrap();
    let total = read.over_time.total();
    assert!(books.exchanges == 49 && books.mismatched > 0, "{books:?}");
    assert_eq!((total.exchanges, total.mismatched), (books.exchanges, books.mismatched));
    assert_eq!((total.failed, read.over_time.undated.exchanges), (books.failed.total(), 0));
    let before = serde_json::to_string(&read).unwrap();
    let facts = load(std::slice::from_ref(&file)).unwrap().facts;
    let upgraded = RunFile::open(&file, &StretchFacts { facts, ..StretchFacts::default() }).unwrap();
    drop(upgraded);
    let connection = Connection::open(&file).unwrap();
    connection.execute_batch("DELETE FROM stretches WHERE id > 1").unwrap();
    assert_eq!(format(&file), FORMAT);
    assert_eq!(serde_json::to_string(&load(&[file]).unwrap().snapshot).unwrap(), before);
}

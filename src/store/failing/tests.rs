use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use crate::exchange::Failure;
use crate::ledger::{Ledger, WireBooks};
use crate::store::schema::WITH_OVER_TIME;
use crate::store::{FORMAT, RunFile, StretchFacts, load};
use crate::tally::invented::{Invented, endpoint, tally_of};
use crate::tally::{FailureGroup, MAX_FAILURE_GROUPS, Snapshot, Tally};

fn failed(sequence: u64, endpoint: u32, failure: Failure) -> Invented {
    Invented::new(sequence, endpoint).failed(failure, Duration::from_millis(7))
}

fn books(paired: u64) -> Ledger {
    let wire = WireBooks { requests: paired, requests_paired: paired, ..WireBooks::default() };
    Ledger { wire, ..Ledger::default() }
}

fn written(file: &Path, names: u64, deltas: &[Vec<Invented>]) {
    let endpoints: Vec<_> = (0..names).map(|n| endpoint(&format!("GET /{n}"))).collect();
    let mut run = RunFile::open(file, &StretchFacts::default()).unwrap();
    let mut paired = 0;
    for delta in deltas {
        paired += delta.len() as u64;
        run.write(&tally_of(delta).into(), &books(paired), &endpoints).unwrap();
    }
    run.finish(&Tally::new().into(), &books(paired), &endpoints, &StretchFacts::default().facts).unwrap();
}

fn read(file: &Path) -> Snapshot {
    load(&[file.to_owned()]).unwrap().snapshot
}

fn whole(names: u64, deltas: &[Vec<Invented>]) -> Vec<FailureGroup> {
    let endpoints: Vec<_> = (0..names).map(|n| endpoint(&format!("GET /{n}"))).collect();
    tally_of(deltas.iter().flatten()).snapshot(&endpoints, WireBooks::default(), Default::default()).failures
}

#[test]
fn what_is_written_bit_by_bit_is_what_was_counted_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run");
    let deltas = [
        vec![failed(7, 0, Failure::Timeout), failed(8, 1, Failure::Closed)],
        vec![failed(2, 0, Failure::Timeout), Invented::new(3, 0), failed(12, 1, Failure::Closed)],
    ];
    written(&file, 2, &deltas);
    let read = read(&file).failures;
    assert_eq!(read, whole(2, &deltas));
    assert_eq!((read.len(), read[0].example.sequence, read[1].example.sequence), (2, 2, 8));
}

#[test]
fn the_file_keeps_no_more_than_a_tally() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run");
    let many = MAX_FAILURE_GROUPS as u64 + 30;
    let all: Vec<Invented> = (0..many).map(|n| failed(n, n as u32, Failure::Closed)).collect();
    let deltas = [all[..200].to_vec(), all[200..].to_vec()];
    written(&file, many, &deltas);
    let rows: i64 =
        Connection::open(&file).unwrap().query_row("SELECT count(*) FROM failing", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, MAX_FAILURE_GROUPS as i64);
    assert_eq!(read(&file).failures, whole(many, &deltas));
}

#[test]
fn a_file_of_format_3_is_read_and_goes_on_in_ours() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run");
    written(&file, 1, &[vec![failed(0, 0, Failure::Timeout), Invented::new(1, 0)]]);
    let with = read(&file);
    let open = || Connection::open(&file).unwrap();
    let format = || open().pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0)).unwrap();
    open().execute_batch(&format!("DROP TABLE failing; PRAGMA user_version = {WITH_OVER_TIME}")).unwrap();
    let without = read(&file);
    assert_eq!((with.failures.len(), without.failures.len(), format()), (1, 0, WITH_OVER_TIME));
    assert_eq!(without.endpoints, with.endpoints, "the first request is named all the same");
    written(&file, 1, &[vec![failed(5, 0, Failure::Timeout)]]);
    assert_eq!((format(), read(&file).failures.len()), (FORMAT, 1));
    // A table too many for what it says to be is refused.
    open().execute_batch(&format!("PRAGMA user_version = {WITH_OVER_TIME}")).unwrap();
    assert!(load(&[file]).unwrap_err().to_string().contains("its tables are not as we make them"));
}

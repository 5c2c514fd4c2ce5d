//! A process that writes a run file is killed at any instant: the file opens, its books close, nothing is counted twice.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a file that does not open is a failed test")]

mod store_support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use store_support::{UNDER_WAY, books, delta, endpoints, facts, myself, sum};
use tapcompare::store::{self, RunFile, StoreError};

const FILE: &str = "TAPCOMPARE_TEST_RUN_FILE";
const KILLS: u64 = 100;
/// Stretches are begun in one file until it has so many; the next kill begins another file.
const STRETCHES_A_FILE: u64 = 20;

/// Not a test: what the killed process does. Each delta is announced once it is written.
#[test]
fn writes_until_it_is_killed() {
    let Ok(file) = std::env::var(FILE) else { return };
    let mut run = RunFile::open(Path::new(&file), &facts()).unwrap();
    let mut out = std::io::stdout();
    writeln!(out, "\nopen").unwrap();
    for n in 0.. {
        run.write(&delta(n).into(), &books(sum(n + 1) + UNDER_WAY), &endpoints()).unwrap();
        writeln!(out, "written {n}").unwrap();
        out.flush().unwrap();
    }
}

/// How many deltas the child announced before it was killed, and whether it had opened the file.
fn run_and_kill(file: &Path, after: Duration) -> (u64, bool) {
    let command = myself("writes_until_it_is_killed");
    let mut child = Command::new(&command[0])
        .args(&command[1..])
        .env(FILE, file)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let out = child.stdout.take().unwrap();
    let reader = thread::spawn(move || {
        let (mut announced, mut open) = (0, false);
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            open |= line.trim() == "open";
            announced += u64::from(line.starts_with("written "));
        }
        (announced, open)
    });
    thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

#[test]
fn killed_at_a_hundred_instants_the_file_opens_and_its_books_close() {
    let folder = tempfile::tempdir().unwrap();
    let mut seed = u64::from(std::process::id());
    let mut announced: Vec<(PathBuf, u64)> = Vec::new();
    let mut ahead = BTreeSet::new();
    for kill in 0..KILLS {
        let file = folder.path().join(format!("run-{}", kill / STRETCHES_A_FILE));
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Most while it writes, some while it starts, makes the file or begins its stretch.
        let after = Duration::from_micros((seed >> 33) % 60_000);
        let (written, open) = run_and_kill(&file, after);
        let of_this_file: u64 = announced.iter().filter(|(known, _)| *known == file).count() as u64;
        let read = match store::read(std::slice::from_ref(&file)) {
            Ok(read) => read,
            Err(StoreError::Empty { .. } | StoreError::System { .. }) if !open => continue,
            Err(error) => unreachable!("kill {kill}: {error}"),
        };
        let sound: String = rusqlite::Connection::open(&file)
            .unwrap()
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(sound, "ok", "kill {kill}");
        // A stretch that was begun and not announced as open is there too.
        let begun = read.len() as u64 - of_this_file;
        assert!(begun == u64::from(open) || begun == 1, "kill {kill}: {begun} begun, open: {open}");
        if begun == 1 {
            let stretch = store::only(read, of_this_file as usize + 1).unwrap();
            let shadow = stretch.snapshot.ledger.shadow.unwrap();
            let sent = shadow.sent;
            // What was announced is in it, and at most the one that was being announced.
            let deltas = (written..=written + 1).find(|deltas| sum(*deltas) == sent);
            let deltas = deltas.unwrap_or_else(|| unreachable!("kill {kill}: {sent} of {written} announced"));
            ahead.insert(deltas - written);
            let under_way = if deltas > 0 { UNDER_WAY } else { 0 };
            assert_eq!(shadow.interrupted, under_way, "kill {kill}");
            announced.push((file, deltas));
        }
    }
    assert!(announced.iter().filter(|(_, deltas)| *deltas > 0).count() > 30, "{announced:?}");

    // All of it together: no delta lost that was announced, none counted twice.
    let files: BTreeSet<&PathBuf> = announced.iter().map(|(file, _)| file).collect();
    for file in &files {
        let run = store::load(&[(*file).clone()]).unwrap();
        let of_it: Vec<u64> = announced.iter().filter(|(known, _)| known == *file).map(|(_, deltas)| *deltas).collect();
        let books = run.snapshot.ledger.shadow.clone().unwrap();
        assert_eq!(books.sent, of_it.iter().map(|deltas| sum(*deltas)).sum::<u64>());
        assert_eq!(run.snapshot.ledger.open_accounts(), []);
        assert_eq!(run.snapshot.latency.candidate.count, books.sent);
        assert_eq!(run.snapshot.groups.iter().map(|g| g.exchanges).sum::<u64>(), books.mismatched);
    }
    let (deltas, stretches) = (announced.iter().map(|(_, deltas)| deltas).sum::<u64>(), announced.len());
    println!("{stretches} stretches in {} files, {deltas} deltas, ahead of what was announced: {ahead:?}", files.len());
}

//! A disk that is full stops the writing, not the process; with room again everything goes in, once.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a file that does not open is a failed test")]

mod store_support;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::Command;

use store_support::{absorb, books, endpoints, facts, myself};
use tapcompare::store::{self, RunFile, StoreError};
use tapcompare::tally::Tally;

const FOLDER: &str = "TAPCOMPARE_TEST_SMALL_DISK";

/// Runs one of the tests below again with a disk of that size, in a mount namespace of its own.
fn on_a_disk_of(size: &str, test: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mount = format!("mount -t tmpfs -o size={size} small \"${FOLDER}\" && exec \"$@\"");
    let as_root = fs::metadata("/proc/self").map(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0).unwrap();
    let mut command = Command::new("unshare");
    command.args(if as_root { &["--mount"][..] } else { &["--mount", "--map-root-user"] });
    command.args(["sh", "-c", &mount, "sh"]).args(myself(test)).env(FOLDER, folder.path());
    let Ok(out) = command.output() else {
        eprintln!("SKIPPED: there is no unshare(1) here, and so no small disk");
        return;
    };
    let (said, complained) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    if complained.contains("unshare") || complained.contains("mount:") {
        eprintln!("SKIPPED: no small disk here: {complained}");
        return;
    }
    assert!(out.status.success() && said.contains("1 passed"), "{said}\n{complained}");
}

/// Takes all room that is left.
fn fill(folder: &Path) {
    let mut file = OpenOptions::new().create(true).append(true).open(folder.join("filler")).unwrap();
    for size in [4096, 512, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

#[test]
fn a_full_disk_stops_the_writing_and_room_lets_it_go_on() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return on_a_disk_of("4096k", "a_full_disk_stops_the_writing_and_room_lets_it_go_on");
    };
    let (folder, mut pending) = (Path::new(&folder), Tally::new());
    let path = folder.join("run");
    let mut run = RunFile::open(&path, &facts()).unwrap();
    let (mut n, mut whole) = (0_u64, Tally::new());
    let (mut failed, mut written) = (0, 0);
    for round in 0..12 {
        if round % 3 == 1 {
            fill(folder);
        }
        if round % 3 == 2 {
            fs::remove_file(folder.join("filler")).unwrap();
        }
        for _ in 0..6 {
            // Each at another minute, so that the file must grow.
            for _ in 0..5 {
                absorb(&mut pending, n * 120);
                absorb(&mut whole, n * 120);
                n += 1;
            }
            match run.write(&pending.clone().into(), &books(n), &endpoints()) {
                Ok(()) => {
                    pending = Tally::new();
                    written += 1;
                }
                Err(StoreError::Full { .. }) => failed += 1,
                Err(other) => unreachable!("{other}"),
            }
            // Reading goes on meanwhile, and finds only whole deltas.
            let read = store::load(std::slice::from_ref(&path)).unwrap();
            let sent = read.snapshot.ledger.shadow.unwrap().sent;
            assert_eq!(sent, n - pending.exchanges());
        }
    }
    assert!(failed >= 6 && written >= 20, "{failed} failed, {written} written");
    run.finish(&pending.into(), &books(n), &endpoints(), &facts().facts).unwrap();
    assert_eq!(run.attempts(), (written + 1, failed));
    drop(run);
    let read = store::load(&[path]).unwrap();
    let kept = read.snapshot.ledger.store.unwrap();
    assert_eq!((kept.writes, kept.failed_writes), (written + 1, failed));
    let mut found = read.snapshot;
    found.ledger.store = None;
    // Which epoch is judged is said by who reads the file.
    found.epoch = Default::default();
    let books = books(n);
    let expected = whole.snapshot(&endpoints(), books.wire, books.capture);
    assert_eq!(serde_json::to_string(&found).unwrap(), serde_json::to_string(&expected).unwrap());
}

#[test]
fn a_run_begins_on_a_full_disk_too() {
    let Ok(folder) = std::env::var(FOLDER) else { return on_a_disk_of("256k", "a_run_begins_on_a_full_disk_too") };
    let folder = Path::new(&folder);
    let path = folder.join("run");
    // From no room at all to room for the tables and not for the stretch, page by page.
    for pages in 0..60 {
        fill(folder);
        let filler = OpenOptions::new().write(true).open(folder.join("filler")).unwrap();
        let length = filler.metadata().unwrap().len();
        filler.set_len(length.saturating_sub(pages * 4096)).unwrap();
        drop(filler);
        let mut run = RunFile::open(&path, &facts()).unwrap();
        let mut delta = Tally::new();
        absorb(&mut delta, 0);
        let first = run.write(&delta.clone().into(), &books(1), &endpoints());
        assert!(matches!(first, Ok(()) | Err(StoreError::Full { .. })), "{first:?}");
        fs::remove_file(folder.join("filler")).unwrap();
        if first.is_err() {
            run.write(&delta.clone().into(), &books(1), &endpoints()).unwrap();
        }
        let read = store::load(std::slice::from_ref(&path)).unwrap();
        assert_eq!(read.snapshot.ledger.shadow.unwrap().exchanges, 1, "{pages} pages");
        run.finish(&Tally::new().into(), &books(1), &endpoints(), &facts().facts).unwrap();
        drop(run);
        fs::remove_file(&path).unwrap();
    }
}

/// What a run on a disk of that size comes to: standard output, standard error and the exit status.
fn replayed(folder: &Path, more: &[&str]) -> (String, String, Option<i32>) {
    let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/shop.pcap");
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                use std::io::Read;
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(answer.as_bytes());
            });
        }
    });
    let out = Command::new(env!("CARGO_BIN_EXE_tapcompare"))
        .args([
            "replay",
            capture,
            "--candidate",
            &url,
            "--pace",
            "max",
            "--filter",
            "tcp[0:2] & 63 = 8 or tcp[2:2] & 63 = 8",
        ])
        .args(more)
        .current_dir(folder)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(out.stdout), text(out.stderr), out.status.code())
}

#[test]
fn a_run_whose_file_lacks_evidence_at_its_end_is_reported_and_exits_2() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return on_a_disk_of("40k", "a_run_whose_file_lacks_evidence_at_its_end_is_reported_and_exits_2");
    };
    let folder = Path::new(&folder);
    let (report, said, status) = replayed(folder, &["--run", "a.run"]);
    assert_eq!(status, Some(2), "{said}");
    assert!(report.starts_with("NO-GO") && report.contains("candidate-errors"), "the report is printed: {report}");
    let lines: Vec<&str> = said.lines().filter(|line| line.contains("exit status is 2")).collect();
    assert_eq!(lines.len(), 1, "{said}");
    assert!(lines[0].contains("a.run") && lines[0].contains("it holds nothing"), "{said}");

    // The same run without a file has the status of its verdict.
    let (_, said, status) = replayed(folder, &[]);
    assert_eq!(status, Some(1), "{said}");
}

use std::fs;
use std::process::Command;

use super::*;
use crate::capture::Files;
use crate::exchange::Timestamp;

/// Frames whose bytes tell their number.
fn frames(range: std::ops::Range<u32>) -> Batch {
    let mut batch = Batch::new();
    for n in range {
        let data: Vec<u8> = n.to_be_bytes().into_iter().cycle().take(60 + n as usize % 100).collect();
        let time = Timestamp(1_795_000_000_123_456_789 + i64::from(n) * 1_000_001);
        assert!(batch.push(time, 1, data.len() as u32 + n % 2, &data));
    }
    batch
}

/// What our own reader finds in files.
fn read_back(files: &[PathBuf]) -> Batch {
    let mut batch = Batch::new();
    let mut found = Files::open(files).unwrap();
    while let Some(frame) = found.next() {
        assert!(batch.push(frame.time, frame.link, frame.wire_length, frame.data));
    }
    assert_eq!(found.books().damage, [] as [String; 0]);
    batch
}

fn same(left: &Batch, right: &Batch) -> bool {
    let text = |batch: &Batch| batch.frames().map(|frame| format!("{frame:?}")).collect::<Vec<_>>();
    text(left) == text(right)
}

#[test]
fn what_is_saved_is_read_back_by_us_and_by_tcpdump() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kept.pcap");
    let sent = frames(0..500);
    let mut saver = Saver::create(&file, 1, 262_144, None).unwrap();
    saver.batch(&sent).unwrap();
    saver.flush().unwrap();
    assert_eq!((saver.saved(), saver.unsaved()), (500, 0));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(same(&read_back(std::slice::from_ref(&file)), &sent));

    match Command::new("tcpdump").args(["-r", file.to_str().unwrap(), "-w", "-"]).output() {
        Ok(done) => {
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            let copy = folder.path().join("copy.pcap");
            fs::write(&copy, done.stdout).unwrap();
            let copy = read_back(&[copy]);
            assert_eq!(copy.len(), 500);
            assert!(copy.frames().zip(sent.frames()).all(|(a, b)| (a.data, a.wire_length) == (b.data, b.wire_length)));
        }
        Err(error) => eprintln!("skipped: reading back by tcpdump: {error}"),
    }
}

#[test]
fn files_follow_each_other_by_size() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("kept.pcap");
    let sent = frames(0..500);
    let mut saver = Saver::create(&base, 1, 262_144, Some(10_000)).unwrap();
    saver.batch(&sent).unwrap();
    drop(saver);
    let mut names: Vec<PathBuf> = vec![base.clone()];
    names.extend((1..).map(|n| folder.path().join(format!("kept.pcap{n}"))).take_while(|name| name.exists()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), names.len());
    assert!(names.len() >= 5, "{}", names.len());
    for name in &names {
        let meta = fs::metadata(name).unwrap();
        assert!(meta.len() <= 10_000 + 16 + 160, "a frame past the size, no more: {}", meta.len());
        assert_eq!(meta.permissions().mode() & 0o777, 0o600);
    }
    assert!(same(&read_back(&names), &sent), "nothing is lost between two files");
}

#[test]
fn a_full_disk_stops_the_saving_and_tells_it_once() {
    let mut saver = Saver::create(Path::new("/dev/full"), 1, 262_144, None).unwrap();
    let mut errors = Vec::new();
    for _ in 0..10 {
        errors.extend(saver.batch(&frames(0..1000)).err().map(|e| e.to_string()));
    }
    errors.extend(saver.flush().err().map(|e| e.to_string()));
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].starts_with("-w /dev/full: No space left on device"), "{}", errors[0]);
    assert_eq!((saver.saved(), saver.unsaved()), (0, 10_000));
}

#[test]
fn a_next_file_that_cannot_be_opened_stops_the_saving_too() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("kept.pcap");
    fs::create_dir(folder.path().join("kept.pcap2")).unwrap();
    let mut saver = Saver::create(&base, 1, 262_144, Some(10_000)).unwrap();
    let error = saver.batch(&frames(0..500)).unwrap_err().to_string();
    assert!(error.contains("kept.pcap2: cannot be opened"), "{error}");
    assert!(saver.batch(&frames(0..500)).is_ok(), "told once");
    assert_eq!(saver.saved() + saver.unsaved(), 1000);
    let kept = read_back(&[base, folder.path().join("kept.pcap1")]);
    assert_eq!(kept.len() as u64, saver.saved());
}

#[test]
fn a_capture_is_overwritten_and_nothing_else_is() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("old.pcap");
    let mut first = Saver::create(&capture, 1, 262_144, None).unwrap();
    first.batch(&frames(0..500)).unwrap();
    drop(first);
    fs::set_permissions(&capture, Permissions::from_mode(0o644)).unwrap();
    let mut second = Saver::create(&capture, 1, 262_144, None).unwrap();
    second.batch(&frames(7..9)).unwrap();
    drop(second);
    assert!(same(&read_back(std::slice::from_ref(&capture)), &frames(7..9)));
    assert_eq!(fs::metadata(&capture).unwrap().permissions().mode() & 0o777, 0o600);

    let letter = folder.path().join("letter.txt");
    fs::write(&letter, "dear all").unwrap();
    let error = Saver::create(&letter, 1, 262_144, None).map(|_| ()).unwrap_err();
    assert!(matches!(error, SaveError::NoCapture { .. }), "{error}");
    assert_eq!(fs::read(&letter).unwrap(), b"dear all");
    assert!(Saver::create(Path::new("-"), 1, 262_144, None).is_err());
}

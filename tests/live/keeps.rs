//! What a run keeps: the frames (`-w`), and who may write them once root was given up.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::child::{PATIENCE, Running, run};
use super::net::{CANDIDATE, LEGACY, Net, Place, skip};
use super::servers::{Candidate, Nginx, PACED, shop_legacy, shoppers};
use super::watch::Watch;
use super::wrk::wrk;

/// The number of `nobody` on every Linux.
const NOBODY: u32 = 65_534;

fn frames_in(file: &Path) -> u64 {
    let mut command = Command::new("tcpdump");
    command.args(["--count", "-r"]).arg(file);
    let said = run(command);
    said.split_ascii_whitespace().next().unwrap().parse().unwrap_or_else(|_| panic!("{said}"))
}

/// `FILE`, `FILE1`, `FILE2`: as many as there are.
fn rotated(base: &Path) -> Vec<PathBuf> {
    let name = |n: usize| if n == 0 { base.to_owned() } else { PathBuf::from(format!("{}{n}", base.display())) };
    (0..).map(name).take_while(|file| file.exists()).collect()
}

#[test]
fn every_frame_is_kept_over_files_that_rotate_while_it_runs() {
    let Some(net) = Net::new() else { return };
    let _nginx = Nginx::start(&net, Place::Legacy, 80);
    let candidate = Candidate::start(&net, "shop:none");
    let base = net.folder_for_all().join("kept.pcap");
    let flags = ["-w", base.to_str().unwrap(), "-C", "1"];
    let watch = Watch::start(&net, (Place::Tap, "eth0"), &candidate.url(), "safety: {}", &flags);
    let load = || wrk(&net, Place::Client, 8, Duration::from_secs(1), &format!("http://{LEGACY}{PACED}/4k"));
    load();
    let so_far = rotated(&base);
    assert!(so_far.len() > 2, "{so_far:?}");
    // All but the last are whole while the run goes on.
    let whole: u64 = so_far[..so_far.len() - 1].iter().map(|file| frames_in(file)).sum();
    assert!(whole > 1_000, "{whole}");
    load();
    let report = watch.interrupt();

    let files = rotated(&base);
    assert!(files.len() > so_far.len());
    let kept: u64 = files.iter().map(|file| frames_in(file)).sum();
    assert_eq!(kept, report.count("wire/frames"), "{}", report.ledger("capture"));
    assert_eq!(report.count("capture/live/unsaved_frames") + report.count("capture/live/kernel_dropped"), 0);
    for file in &files {
        let there = file.metadata().unwrap();
        assert!(there.len() < 1_400_000 && there.permissions().mode() & 0o777 == 0o600, "{there:?}");
    }

    // What was kept is what was seen.
    let mut command = Command::new(env!("CARGO_BIN_EXE_tapcompare"));
    command.args(["inspect", "--output", "json"]).args(&files);
    let exchanges = run(command).lines().filter(|line| line.contains("\"complete\":true")).count() as u64;
    assert_eq!(exchanges, report.count("wire/requests_paired"));
}

#[test]
fn root_becomes_nobody_and_its_evidence_is_nobodys() {
    let Some(net) = Net::new() else { return };
    if !net.of_root() {
        return skip("in a user namespace nobody can become another user").unwrap_or_default();
    }
    let _shop = shop_legacy(&net, &format!("{LEGACY}:80"));
    let candidate = Candidate::start(&net, "shop:none");
    let folder = net.folder_for_all().join("nobodys");
    std::fs::create_dir(&folder).unwrap();
    std::os::unix::fs::chown(&folder, Some(NOBODY), Some(NOBODY)).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (file, page, kept) = (at("run"), at("page.html"), at("kept.pcap"));
    let flags = ["--user", "nobody", "--run", &file, "--html", &page, "-w", &kept];
    let watch = Watch::start(&net, (Place::Tap, "eth0"), &candidate.url(), "safety: {}", &flags);
    shoppers(&net, &format!("{LEGACY}:80"), 100);
    assert_unprivileged(watch.pid());
    let report = watch.interrupt();

    assert_eq!(report.count("wire/requests_paired"), 100);
    for file in [&file, &page, &kept] {
        let there = std::fs::metadata(file).unwrap_or_else(|e| panic!("{file}: {e}"));
        assert_eq!((there.uid(), there.len() > 500), (NOBODY, true), "{file}");
        let others = if file == &page { 0o022 } else { 0o077 };
        assert_eq!(there.permissions().mode() & others, 0, "{file}");
    }
    let run = tapcompare::store::load(&[PathBuf::from(&file)]).unwrap();
    assert_eq!(run.snapshot.ledger.wire.requests_paired, 100);
    assert_eq!(run.snapshot.ledger.open_accounts(), []);
}

/// Every thread: capabilities belong to threads.
fn assert_unprivileged(pid: u32) {
    let tasks: Vec<_> = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten().collect();
    assert!(tasks.len() > 4, "its threads: {}", tasks.len());
    for task in tasks {
        let status = std::fs::read_to_string(task.path().join("status")).unwrap();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
            line.unwrap_or_else(|| panic!("{name}: {status}")).trim().to_owned()
        };
        for user in field("Uid").split('\t').chain(field("Gid").split('\t')) {
            assert_eq!(user, "65534", "{status}");
        }
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert_eq!(field(set), "0000000000000000", "{set}: {status}");
        }
        assert_eq!((field("NoNewPrivs"), field("Groups")), ("1".to_owned(), String::new()), "{status}");
    }
}

#[test]
fn what_cannot_be_written_is_told_in_one_line_before_anything_is_sent() {
    let Some(net) = Net::new() else { return };
    if !net.of_root() {
        return skip("in a user namespace nobody can become another user").unwrap_or_default();
    }
    net.folder_for_all();
    let roots = net.folder().join("of-root");
    std::fs::create_dir(&roots).unwrap();
    for (flag, way_out) in [("--run", "--user"), ("-w", "--user"), ("--html", "--user")] {
        let file = roots.join("x");
        let binary = env!("CARGO_BIN_EXE_tapcompare");
        let mut command = net.command(Place::Tap, binary);
        command.args(["watch", "-i", "eth0", "--candidate", &format!("http://{CANDIDATE}:8080"), "--user", "nobody"]);
        command.arg(flag).arg(&file);
        let ended = Running::start("tapcompare watch", command).wait(PATIENCE);
        eprintln!("{flag}: {}", ended.err.trim_end());
        assert_eq!((ended.status.code(), ended.out.as_str()), (Some(2), ""), "{ended:?}");
        assert_eq!(ended.err.lines().count(), 1, "{ended:?}");
        assert!(ended.err.contains("of-root/x") && ended.err.contains(way_out), "{}", ended.err);
        assert!(!file.exists());
    }
}

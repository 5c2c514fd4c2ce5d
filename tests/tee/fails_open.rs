//! What keeps tapcompare from its own work keeps nobody from the legacy.

use super::support::{Tee, answering, ask, connect, ok, wait_until};

#[test]
fn without_its_run_file_it_stands_all_the_same_and_says_so() {
    let candidate = format!("http://{}", answering(|_| ok("{}")));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("no/such/folder/tee.run");
    let tee = Tee::before(answering(|_| ok("{}")), &candidate, &["--run", file.to_str().unwrap()]);
    assert_eq!(ask(&mut tee.connect(), "/").1, b"{}");
    let report = tee.report();
    report.closes();
    assert_eq!(report.ledger("shadow/matched"), 1);
    let said = &report.ended.err;
    assert!(said.contains("no/such/folder") && said.contains("requests are passed on all the same"), "{said}");
    assert_eq!(report.ended.status.code(), Some(2), "whoever asked for the file is told");
    assert_eq!(report.at("/snapshot/ledger/store/unwritten"), true);
}

#[test]
fn a_candidate_whose_name_has_no_address_is_a_failing_candidate() {
    let tee = Tee::before(answering(|_| ok("{}")), "http://no-such-host.invalid:1", &[]);
    let mut client = tee.connect();
    for _ in 0..3 {
        assert_eq!(ask(&mut client, "/").1, b"{}");
    }
    drop(client);
    let report = tee.report();
    report.closes();
    assert!(report.ended.err.contains("no-such-host.invalid"), "{}", report.ended.err);
    assert_eq!(report.at("/snapshot/ledger/shadow/failed"), &serde_json::json!({"connect": 3}));
}

#[test]
fn a_run_file_that_another_holds_is_left_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tee.run");
    let candidate = format!("http://{}", answering(|_| ok("{}")));
    let legacy = answering(|_| ok("{}"));
    let start = || Tee::before(legacy, &candidate, &["--run", file.to_str().unwrap()]);
    let (first, second) = (start(), start());
    for tee in [&first, &second] {
        assert_eq!(ask(&mut tee.connect(), "/").1, b"{}");
    }
    assert_eq!(second.report().ended.status.code(), Some(2));
    let first = first.report();
    assert_ne!(first.ended.status.code(), Some(2), "{}", first.ended.err);
    assert_eq!(first.ledger("shadow/matched"), 1);
}

/// Where processor time is short, those that users wait for have it first.
#[test]
fn what_looks_at_the_traffic_stands_behind_what_passes_it_on() {
    let tee = Tee::before(answering(|_| ok("{}")), "http://127.0.0.1:9", &[]);
    assert_eq!(ask(&mut tee.connect(), "/").1, b"{}");
    let nice = |stat: String| {
        let (name, rest) = stat.split_once('(').unwrap().1.rsplit_once(") ").unwrap();
        // proc(5): the nineteenth field of all, the seventeenth behind the name.
        (name.to_owned(), rest.split(' ').nth(16).unwrap().parse::<i32>().unwrap())
    };
    let mut threads = Vec::new();
    wait_until("all threads run", || {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", tee.running.pid())).unwrap();
        let stats = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("stat")).ok());
        threads = stats.map(nice).collect();
        ["assemble", "dispatch", "compare-0"].iter().all(|name| threads.contains(&((*name).to_owned(), 5)))
    });
    let of = |name: &str| threads.iter().find(|(thread, _)| thread == name).unwrap_or_else(|| panic!("{threads:?}")).1;
    let relay = of("relay");
    assert_eq!([of("tee"), of("sockets")], [relay, relay], "{threads:?}");
    assert_eq!([of("assemble"), of("dispatch"), of("compare-0")], [5; 3], "{threads:?}");
    tee.report().closes();
}

#[test]
fn a_page_whose_port_is_taken_keeps_nobody_from_the_legacy() {
    let candidate = format!("http://{}", answering(|_| ok("{}")));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let serve = taken.local_addr().unwrap().to_string();
    let tee = Tee::before(answering(|_| ok("{}")), &candidate, &["--serve", &serve]);
    assert_eq!(ask(&mut tee.connect(), "/").1, b"{}");
    let report = tee.report();
    report.closes();
    let said = &report.ended.err;
    assert!(said.contains(&serve) && said.contains("and nothing is served"), "{said}");
}

#[test]
fn with_few_files_clients_wait_and_are_not_turned_away() {
    let candidate = format!("http://{}", answering(|_| ok("{}")));
    let legacy = format!("http://{}", answering(|_| ok("{}")));
    let mut few = std::process::Command::new("sh");
    few.args(["-c", "ulimit -n 64; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_tapcompare"), "tee"]);
    few.args(["--listen", "127.0.0.1:0", "--legacy", &legacy, "--candidate", &candidate]);
    few.current_dir(std::env::temp_dir());
    let tee = Tee::of(few, &[]);
    let address = tee.address;
    std::thread::scope(|scope| {
        for _ in 0..60 {
            scope.spawn(move || {
                let mut client = connect(address);
                for _ in 0..3 {
                    assert_eq!(ask(&mut client, "/").1, b"{}");
                }
            });
        }
    });
    let report = tee.report();
    report.closes();
    assert!(report.ended.err.contains("connections at once, and not 8192"), "{}", report.ended.err);
    assert_eq!((report.ledger("capture/tee/unreachable"), report.ledger("wire/requests_paired")), (0, 180));
}

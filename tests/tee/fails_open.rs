//! What keeps tapcompare from its own work keeps nobody from the legacy.

use super::support::{Tee, answering, ask, ok};

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

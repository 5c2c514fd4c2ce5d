//! A new build of the candidate while a run is served: what is judged begins anew, and no counter goes down.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::support::{live_before, wait_for};

/// A candidate that answers always the same, and says which build it is.
fn candidate(build: &Arc<AtomicU64>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let build = Arc::clone(build);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, build) = (stream.unwrap(), Arc::clone(&build));
            thread::spawn(move || answer(stream, &build));
        }
    });
    url
}

fn answer(mut stream: TcpStream, build: &AtomicU64) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|n| n > 0) {
        if std::mem::take(&mut line) == "\r\n" {
            let build = build.load(Ordering::SeqCst);
            let said = format!("HTTP/1.1 200 OK\r\nX-Build: build-{build}\r\nContent-Length: 2\r\n\r\n{{}}");
            if stream.write_all(said.as_bytes()).is_err() {
                return;
            }
        }
    }
}

/// Series that only grow.
fn counters(figures: &BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    let grows = |name: &str| ["_total", "_bucket", "_count", "_sum"].iter().any(|end| name.ends_with(end));
    let name = |key: &str| key.split('{').next().unwrap_or_default().to_owned();
    figures.iter().filter(|(key, _)| grows(&name(key))).map(|(key, n)| (key.clone(), *n)).collect()
}

fn sum(figures: &BTreeMap<String, f64>, prefix: &str) -> f64 {
    figures.iter().filter(|(key, _)| key.starts_with(prefix)).map(|(_, n)| n).sum()
}

#[test]
fn no_counter_goes_down_when_a_new_build_begins_and_what_is_judged_is_of_the_new_one() {
    let build = Arc::new(AtomicU64::new(1));
    let mut live = live_before(&candidate(&build), "build: {header: X-Build}\n");
    let all = live.all_frames();
    let mut before = BTreeMap::new();
    let mut looked = 0;
    let mut look = |figures: &BTreeMap<String, f64>| {
        let now = counters(figures);
        for (series, figure) in &before {
            // What is once there stays there.
            let then = now.get(series).unwrap_or_else(|| panic!("{series} is gone"));
            assert!(then >= figure, "{series}: {figure}, and then {then}");
        }
        before = now;
        looked += 1;
    };
    for number in 1..=3 {
        build.store(number, Ordering::SeqCst);
        for _ in 0..3 {
            live.mirror(all / 9);
            look(&live.serving.figures());
        }
        let settled = live.settled(0);
        look(&settled);
        // The latest build is judged; all that came to an outcome is counted.
        let figures = wait_for("the build", || {
            let figures = live.serving.figures();
            look(&figures);
            (figures["tapcompare_epoch"] == number as f64).then_some(figures)
        });
        assert_eq!(figures[&format!("tapcompare_candidate_info{{build=\"build-{number}\"}}")], 1.0);
        assert_eq!(figures["tapcompare_open_accounts"], 0.0);
        let report = live.serving.json("/api/v1/report");
        let judged = report["snapshot"]["ledger"]["shadow"]["exchanges"].as_f64().unwrap();
        let figures = live.settled(0);
        look(&figures);
        let counted = sum(&figures, "tapcompare_exchanges_total");
        assert_eq!(counted, figures["tapcompare_requests_total{fate=\"paired\"}"], "each has its outcome");
        assert_eq!(counted, judged + figures["tapcompare_other_epochs_exchanges"]);
        assert_eq!(counted, sum(&figures, "tapcompare_endpoint_exchanges_total"));
        assert_eq!(judged < counted, number > 1, "{judged} of {counted}");
        assert_eq!(figures["tapcompare_unsettled_exchanges"], 0.0, "those of other builds are settled");
        let matched = "tapcompare_latency_seconds_count{side=\"candidate\"}";
        assert!(figures[matched] > 0.0);
    }
    assert!(looked > 15);
}

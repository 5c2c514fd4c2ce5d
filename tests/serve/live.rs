//! A live run that is served: its figures are its ledger's, at any moment and at its end.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use crate::support::{Live, PATIENCE, SHOP, candidate, live, serving, wait_for};

/// The next event of a stream: its name and what it says.
fn event(stream: &mut impl BufRead) -> Option<(String, String)> {
    let (mut name, mut data) = (String::new(), String::new());
    let mut line = String::new();
    while stream.read_line(&mut line).unwrap() > 0 {
        let said = line.trim_end();
        if let Some(said) = said.strip_prefix("event: ") {
            name = said.to_owned();
        } else if let Some(said) = said.strip_prefix("data: ") {
            data = said.to_owned();
        } else if said.is_empty() && !name.is_empty() {
            return Some((name, data));
        }
        line.clear();
    }
    None
}

fn follow(address: SocketAddr) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    BufReader::new(stream)
}

fn exchanges(live: &Live) -> f64 {
    let figures = live.serving.figures();
    figures.iter().filter(|(key, _)| key.starts_with("tapcompare_exchanges_total")).map(|(_, n)| n).sum()
}

#[test]
fn the_figures_of_a_live_run_only_grow_and_are_its_ledgers() {
    let mut live = live();
    wait_for("the first view", || (live.serving.get("/readyz").status == 200).then_some(()));
    assert!(live.serving.get("/readyz").text().contains("nothing has come yet"));
    let waiting = live.serving.json("/api/v1/verdict");
    assert_eq!((&waiting["phase"], &waiting["verdict"]), (&"waiting".into(), &"INCONCLUSIVE".into()));
    assert_eq!(waiting["times"]["finished"], Value::Null);

    let all = live.all_frames();
    let mut before = live.serving.figures();
    for _ in 0..4 {
        live.mirror(all / 4);
        let (now, so_far) = (
            wait_for("more", || {
                let now = live.serving.figures();
                let key = "tapcompare_requests_total{fate=\"paired\"}";
                (now[key] > before[key]).then_some(now)
            }),
            &before,
        );
        for (series, figure) in now.iter().filter(|(key, _)| key.contains("_total") || key.contains("_bucket")) {
            assert!(so_far.get(series).is_none_or(|before| figure >= before), "{series}: {so_far:?} {figure}");
        }
        assert_eq!(now["tapcompare_open_accounts"], 0.0, "the books close at any moment");
        before = now;
    }
    live.mirror(usize::MAX);
    let figures = live.settled(all);
    assert_eq!(live.serving.get("/readyz").text(), "ready\n");
    let report = live.serving.json("/api/v1/report");
    let shadow = &report["snapshot"]["ledger"]["shadow"];
    let one = |outcome: &str, reason: &str| {
        figures[&format!("tapcompare_exchanges_total{{outcome=\"{outcome}\",reason=\"{reason}\"}}")]
    };
    assert!(shadow["mismatched"].as_f64().unwrap() > 0.0, "{shadow}");
    for outcome in ["matched", "accepted", "mismatched", "noisy", "drifted"] {
        assert_eq!(Some(one(outcome, "")), shadow[outcome].as_f64(), "{outcome}");
    }
    for (outcome, key) in [("skipped", "skipped"), ("failed", "failed"), ("not-comparable", "not_comparable")] {
        for (reason, count) in shadow[key].as_object().unwrap() {
            assert_eq!(Some(one(outcome, reason)), count.as_f64(), "{outcome} {reason}");
        }
    }
    let wire = &report["snapshot"]["ledger"]["wire"];
    assert_eq!(Some(figures["tapcompare_requests_total{fate=\"paired\"}"]), wire["requests_paired"].as_f64());
    assert_eq!(Some(figures["tapcompare_frames_total{fate=\"used\"}"]), wire["frames_used"].as_f64());
    assert!(figures["tapcompare_run_file_writes_total"] > 0.0);
    assert_eq!(figures["tapcompare_breaker_state{state=\"closed\"}"], 1.0);
    assert_eq!(figures["tapcompare_run_info{capability=\"shop\",owner=\"checkout\"}"], 1.0);
    for endpoint in report["snapshot"]["endpoints"].as_array().unwrap() {
        let (method, template) = endpoint["endpoint"].as_str().unwrap().split_once(' ').unwrap();
        let key = format!(
            "tapcompare_endpoint_exchanges_total{{method=\"{method}\",endpoint=\"{template}\",outcome=\"mismatched\"}}"
        );
        assert_eq!(Some(figures[&key]), endpoint["books"]["mismatched"].as_f64(), "{key}");
    }
    let template = regex::Regex::new(r#"endpoint="([^"]*)""#).unwrap();
    let mut numbers = figures.keys().filter_map(|key| template.captures(key)).filter(|found| {
        found[1].split('/').any(|segment| !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_digit()))
    });
    assert!(numbers.next().is_none(), "a label has a value of a path");

    let run = live.folder.path().join("run");
    let (_, said) = live.serving.interrupt();
    let mut judge = std::process::Command::new(env!("CARGO_BIN_EXE_tapcompare"));
    let judged = judge.arg("judge").arg(&run).args(["--output", "json"]).output().unwrap();
    let judged: Value = serde_json::from_slice(&judged.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert_eq!(&judged["snapshot"]["ledger"]["shadow"], shadow, "what was shown last is what is kept");
}

#[test]
fn whoever_follows_is_told_of_each_view_and_of_the_end() {
    let mut live = live();
    let address = live.serving.address;
    let mut events = follow(address);
    let mut seen = Vec::new();
    // The phase alone may change, so a name may come twice.
    while seen.len() < 3 {
        live.mirror(600);
        let (name, data) = event(&mut events).expect("it does not end before the run");
        let (view, phase) = data.split_once(' ').unwrap();
        assert_eq!(name, "view");
        assert!(["starting", "waiting", "running"].contains(&phase), "{data}");
        if !view.is_empty() && seen.last().is_none_or(|last| last != view) {
            seen.push(view.to_owned());
        }
    }
    assert!(exchanges(&live) > 0.0);
    let page = live.serving.get("/").text();
    assert!(page.contains("<script src=\"/app.js\" defer></script>"));
    let ending = std::thread::spawn(move || {
        loop {
            match event(&mut events) {
                Some((name, data)) if name == "end" => return data,
                Some(_) => {}
                None => panic!("it ended without a word"),
            }
        }
    });
    let serving = live.serving;
    let pid = serving.child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let last = ending.join().unwrap();
    assert!(last.ends_with(" ended") && !seen.iter().any(|view| last.starts_with(view)), "{last}");
    // Those that follow have a moment to fetch what the run came to.
    let verdict = serving.json("/api/v1/verdict");
    assert_eq!(verdict["phase"], "ended");
    assert!(verdict["times"]["finished"].is_string());
    assert_eq!(serving.get("/readyz").status, 503);
}

#[test]
fn a_replay_that_takes_its_time_is_served_too() {
    let candidate = candidate("price-rounding");
    // Slower than the capture, so that it is still going on when it is asked.
    let paced = ["replay", SHOP, "--pace", "0.2x", "--serve", "127.0.0.1:0", "--candidate", &candidate.url];
    let paced: Vec<&dyn AsRef<std::ffi::OsStr>> =
        paced.iter().map(|word| word as &dyn AsRef<std::ffi::OsStr>).collect();
    let serving = serving(&paced, &[]);
    let compared = || serving.json("/api/v1/verdict")["sample"]["compared"].as_u64().unwrap();
    wait_for("the first view", || (serving.get("/readyz").status == 200).then_some(()));
    let first = wait_for("a comparison", || Some(compared()).filter(|n| *n > 0));
    wait_for("more of them", || (compared() > first).then_some(()));
    let verdict = serving.json("/api/v1/verdict");
    assert_eq!((&verdict["phase"], &verdict["times"]["finished"]), (&"running".into(), &Value::Null));
    assert_ne!(verdict["verdict"], "GO", "it has not come to its end");
    assert_eq!(serving.figures()["tapcompare_open_accounts"], 0.0);
    let (status, said) = serving.interrupt();
    assert!(matches!(status.code(), Some(1 | 3)), "{said}");
}

use std::time::Duration;

use proptest::prelude::*;

use super::super::invented::{Invented, endpoint};
use super::super::specimens::comparer;
use super::*;
use crate::exchange::{Failure, NotComparable, Timestamp};
use crate::ledger::{CaptureBooks, WireBooks};
use crate::tally::Snapshot;

/// An exchange so many minutes after the first, and who answered it.
fn one(sequence: u64, minute: i64, build: Option<&str>) -> Invented {
    let mut one = Invented::new(sequence, (sequence % 2) as u32);
    let moments = &mut one.observation.exchange.moments;
    for time in
        [&mut moments.request_start, &mut moments.request_end, &mut moments.response_start, &mut moments.response_end]
    {
        *time = time.map(|t| Timestamp(t.0 + minute * 60_000_000_000));
    }
    if let (Some(build), Fate::Asked(asked)) = (build, &mut one.observation.fate) {
        asked.candidate.as_mut().unwrap().response.headers.push("Server", build.as_bytes());
    }
    one
}

fn failing(sequence: u64, minute: i64) -> Invented {
    one(sequence, minute, None).failed(Failure::Timeout, Duration::from_millis(5))
}

fn observed(builds: &mut Builds, one: &Invented) {
    builds.observe(&one.observation, &one.comparison, &Policy::default(), &comparer("rules: []\n"));
}

fn of(run: &[Invented]) -> Builds {
    let mut builds = Builds::new();
    run.iter().for_each(|one| observed(&mut builds, one));
    builds
}

fn snapshot(tally: Tally) -> Snapshot {
    tally.snapshot(&["GET /a", "GET /b"].map(endpoint), WireBooks::default(), CaptureBooks::default())
}

fn shown(builds: Builds) -> Vec<(String, u64, u64, u64)> {
    let epochs = builds.epochs().into_iter();
    epochs
        .map(|epoch| {
            let build = epoch.build.as_deref().unwrap_or("-").to_owned();
            let answers = epoch.answers;
            let out_of_turn = epoch.out_of_turn;
            (build, snapshot(epoch.tally).ledger.shadow.unwrap_or_default().exchanges, answers, out_of_turn)
        })
        .collect()
}

fn row(build: &str, exchanges: u64, answers: u64, out_of_turn: u64) -> (String, u64, u64, u64) {
    (build.to_owned(), exchanges, answers, out_of_turn)
}

#[test]
fn what_was_not_answered_belongs_to_the_build_in_force_at_its_minute() {
    let mut run: Vec<Invented> = (0..10).map(|n| one(n, n as i64, Some("app/1"))).collect();
    run.extend((10..30).map(|n| one(n, n as i64, Some("app/2"))));
    run.extend([failing(30, 3), failing(31, 3), failing(32, 9), failing(33, 10), failing(34, 25), failing(35, -7)]);
    run.push(one(36, 12, None).skipped(Skip::UnsafeMethod));
    // A 5xx of whoever stands before the candidate.
    run.push(one(37, 5, Some("proxy")).outcome(Outcome::Failed(Failure::ServerError)));
    let builds = of(&run);
    assert_eq!(builds.exchanges(), 38);
    assert_eq!(shown(builds.clone()), [row("app/1", 15, 10, 0), row("app/2", 23, 20, 0)]);
    let epochs = builds.epochs();
    let failed = |at: usize| snapshot(epochs[at].tally.clone()).ledger.shadow.unwrap().failed;
    assert_eq!((failed(0).get(Failure::Timeout), failed(0).get(Failure::ServerError)), (4, 1));
    assert_eq!((failed(1).get(Failure::Timeout), failed(1).get(Failure::ServerError)), (2, 0));
    let days: u64 = epochs.iter().flat_map(|e| snapshot(e.tally.clone()).days).map(|day| day.exchanges).sum();
    assert_eq!(days, 38, "nothing is lost of the days");
    // The first that failed so is told with the latest build that did; what began under an earlier one has no beginning there.
    let kept = |at: usize| {
        let failures = snapshot(epochs[at].tally.clone()).failures.into_iter();
        let shown = failures.map(|f| (f.failure, f.example.sequence, f.first_seen.is_some(), f.last_seen.is_some()));
        shown.collect::<Vec<_>>()
    };
    assert_eq!(kept(0), [(Failure::ServerError, 37, true, true)]);
    assert_eq!(kept(1), [(Failure::Timeout, 30, false, true), (Failure::Timeout, 31, false, true)]);
}

#[test]
fn of_minutes_that_were_put_together_the_end_counts() {
    let run = [one(0, 0, Some("app/1")), one(1, 65, Some("app/2")), failing(2, 3), failing(3, 61), failing(4, 200)];
    let exchanges = |steps: usize| {
        let mut builds = of(&run);
        let tally = &mut builds.parts.get_mut(&None).unwrap().tally;
        (0..steps).for_each(|_| assert!(tally.coarsen()));
        shown(builds).into_iter().map(|(_, exchanges, ..)| exchanges).collect::<Vec<_>>()
    };
    // By the minute, by the hour (the first begins at 22:13), by the day, all.
    assert_eq!([exchanges(0), exchanges(1), exchanges(2), exchanges(3)], [[3, 2], [2, 3], [1, 4], [1, 4]]);
}

#[test]
fn without_an_answer_or_with_one_build_all_is_one_epoch() {
    assert_eq!(shown(Builds::new()), [row("-", 0, 0, 0)]);
    assert_eq!(shown(of(&[failing(0, 0), failing(1, 90)])), [row("-", 2, 0, 0)]);
    let run = [failing(0, 0), one(1, 5, Some("app/1")), failing(2, 90)];
    assert_eq!(shown(of(&run)), [row("app/1", 3, 1, 0)]);
    let unnamed = [one(0, 0, None), one(1, 1, None)];
    assert_eq!(shown(of(&unnamed)), [row("", 2, 2, 0)]);
    let mut off = Builds::new();
    let policy = Policy { build: BuildMark::Off, ..Policy::default() };
    for n in 0..3 {
        let one = one(n, n as i64, Some(["a", "b", "c"][n as usize]));
        off.observe(&one.observation, &one.comparison, &policy, &comparer("rules: []\n"));
    }
    assert_eq!(shown(off), [row("-", 3, 0, 0)]);
}

#[test]
fn builds_that_answer_in_turn_are_seen_to() {
    let in_turn: Vec<_> = (0..100).map(|n| one(n, n as i64, Some(["app/1", "app/2"][n as usize % 2]))).collect();
    // The older one answers 49 times after the first of the newer, the newer 49 times before the last of the older.
    let shown_in_turn = shown(of(&in_turn));
    assert_eq!(shown_in_turn, [row("app/1", 50, 50, 49), row("app/2", 50, 50, 49)]);
    // Back again: the newest by its first answer is not the one that answers at the end.
    let back: Vec<_> = (0..90).map(|n| one(n, n as i64, Some(if n / 30 == 1 { "b" } else { "a" }))).collect();
    assert_eq!(shown(of(&back)), [row("a", 60, 60, 30), row("b", 30, 30, 30)]);
}

#[test]
fn a_name_is_bounded_and_builds_are_too() {
    let long = "x".repeat(500);
    let run: Vec<_> = (0..200).map(|n| one(n, n as i64, Some(&format!("b{n}-{long}")))).collect();
    let (mut together, mut backwards) = (of(&run), Builds::new());
    run.iter().rev().for_each(|one| observed(&mut backwards, one));
    assert_eq!(shown(together.clone()), shown(backwards));
    let epochs = together.clone().epochs();
    assert_eq!(epochs.len(), MAX_BUILDS + 1);
    assert!(epochs.iter().all(|epoch| epoch.past_bound == 200 - MAX_BUILDS as u64));
    assert!(epochs.iter().all(|epoch| epoch.build.as_deref().is_some_and(|build| build.len() <= MAX_BUILD_NAME)));
    let handed = together.hand_over();
    assert_eq!((handed.exchanges(), together.exchanges()), (200, 0));
}

#[test]
fn a_name_has_no_secrets() {
    let mut one = one(0, 0, Some("app/1 hunter2hunter3"));
    one.observation.exchange.request.as_mut().unwrap().headers.push("Cookie", b"s=hunter2hunter3");
    let epochs = of(&[one]).epochs();
    let build = epochs[0].build.clone().unwrap();
    assert!(build.starts_with("app/1 [redacted:") && !build.contains("hunter"), "{build}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn however_the_work_is_spread_the_epochs_are_the_same(
        run in prop::collection::vec((0..4_usize, 0..300_i64, 0..3_usize, any::<bool>()), 1..60),
    ) {
        let run: Vec<_> = run
            .into_iter()
            .enumerate()
            .map(|(n, (build, minute, worker, handed))| {
                let n = n as u64;
                let one = match build {
                    0 => failing(n, minute),
                    1 => one(n, minute, Some("a")).outcome(Outcome::NotComparable(NotComparable::LimitReached)),
                    2 => one(n, minute, Some("b")).differing(1, "price", None),
                    _ => one(n, minute, Some("c")),
                };
                (one, worker, handed)
            })
            .collect();
        let alone = of(&run.iter().map(|(one, ..)| one.clone()).collect::<Vec<_>>());
        let mut merged = Builds::new();
        let mut workers = [Builds::new(), Builds::new(), Builds::new()];
        for (one, worker, handed) in run.iter().rev() {
            observed(&mut workers[*worker], one);
            if *handed {
                merged.merge(workers[*worker].hand_over());
                merged.forget_minutes();
            }
        }
        workers.into_iter().for_each(|rest| merged.merge(rest));
        let json = |builds: Builds| {
            let epochs = builds.epochs().into_iter();
            epochs.map(|e| (e.build.clone(), e.out_of_turn, snapshot(e.tally))).collect::<Vec<_>>()
        };
        prop_assert_eq!(json(merged), json(alone));
    }
}

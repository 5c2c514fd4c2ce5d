use std::time::Duration;

use proptest::prelude::*;

use super::invented::{Invented, any_invented, endpoint, response, snapshot_of, tally_of};
use super::*;
use crate::config::ClientMark;
use crate::exchange::{
    Answer, Endpoint, Failed, Failure, Fate, Location, NotComparable, Outcome, RuleAnswer, Segment, Skip, Timestamp,
};
use crate::ledger::{CaptureBooks, WireBooks};

fn json(tally: Tally, endpoints: &[Endpoint]) -> String {
    let snapshot = tally.snapshot(endpoints, WireBooks::default(), CaptureBooks::default());
    serde_json::to_string_pretty(&snapshot).unwrap()
}

#[test]
fn every_outcome_is_counted_once_and_the_books_close() {
    let ms = Duration::from_millis;
    let one = |n| Invented::new(n, 0);
    let run = [
        one(0),
        one(1).outcome(Outcome::Accepted),
        one(2).differing(0, "price", None),
        one(3).outcome(Outcome::Noisy),
        one(4).outcome(Outcome::Drifted),
        one(5).outcome(Outcome::NotComparable(NotComparable::Undecodable)),
        one(6).failed(Failure::Connect, ms(1)),
        one(7).failed(Failure::Timeout, ms(2000)),
        one(8).skipped(Skip::UnsafeMethod),
    ];
    let snapshot = snapshot_of(&run, &["GET /things/{id}"]);
    assert_eq!(snapshot.ledger.open_accounts(), []);
    let books = snapshot.ledger.shadow.clone().unwrap();
    assert_eq!((books.exchanges, books.sent, books.compared), (9, 8, 6));
    assert_eq!(books, snapshot.endpoints[0].books);
    assert_eq!(snapshot.first.as_deref(), Some("2023-11-14T22:13:20Z"));
    assert_eq!(snapshot.last.as_deref(), Some("2023-11-14T22:13:20.008Z"));
}

#[test]
fn only_pairs_are_compared_and_a_time_out_counts_at_least_as_long_as_was_waited() {
    let ms = Duration::from_millis;
    let mut server_error = Invented::new(4, 0).times(ms(10), ms(1)).outcome(Outcome::Failed(Failure::ServerError));
    let Fate::Asked(asked) = &mut server_error.observation.fate else { unreachable!() };
    asked.candidate.as_mut().unwrap().response.status = 500;
    let mut headless = Invented::new(5, 0);
    headless.observation.exchange.moments.request_end = None;
    let run = [
        Invented::new(0, 0).times(ms(10), ms(20)),
        Invented::new(1, 0).failed(Failure::Timeout, ms(2000)),
        Invented::new(2, 0).failed(Failure::Connect, ms(1)),
        Invented::new(3, 0).skipped(Skip::UnsafeMethod),
        server_error,
        headless,
    ];
    let snapshot = snapshot_of(&run, &["GET /x"]);
    let latency = &snapshot.latency;
    assert_eq!((latency.legacy.count, latency.candidate.count, latency.captured.count), (2, 2, 4));
    assert_eq!(latency.candidate.censored, 1);
    let longest = latency.candidate.buckets.last().unwrap();
    assert!(longest.low <= 2_000_000 && 2_000_000 <= longest.high);
    assert_eq!((snapshot.endpoints[0].candidate_5xx, snapshot.endpoints[0].legacy_5xx), (1, 0));
    assert_eq!(snapshot.endpoints[0].failure_samples[&Failure::Timeout].request, "GET /things/1");
}

#[test]
fn a_live_legacy_is_the_reference_and_the_record_a_third_curve() {
    let ms = Duration::from_millis;
    let with_legacy = |n, legacy| {
        let mut one = Invented::new(n, 0).times(ms(10), ms(20));
        let Fate::Asked(asked) = &mut one.observation.fate else { unreachable!() };
        asked.legacy = Some(legacy);
        one.comparison.legacy_drifted = Some(n == 0);
        one
    };
    let run = [
        with_legacy(0, Ok(Answer { response: response(503), latency: ms(15) })),
        with_legacy(1, Err(Failed { failure: Failure::Connect, after: ms(1) })),
    ];
    let snapshot = snapshot_of(&run, &["GET /x"]);
    assert_eq!((snapshot.latency.legacy.count, snapshot.latency.captured.count), (1, 2));
    assert!(snapshot.latency.legacy.quantile(0.5).unwrap() >= 15_000);
    assert_eq!(snapshot.endpoints[0].legacy_5xx, 1);
    assert_eq!(snapshot.drift, Drift { asked: 2, drifted: 1 });
}

#[test]
fn differences_are_grouped_without_what_varies() {
    let run = [
        Invented::new(3, 0).differing(0, "price", None).differing(7, "price", None),
        Invented::new(1, 1).differing(2, "price", None),
        Invented::new(2, 0).differing(0, "17", None),
        Invented::new(4, 0).differing(0, "etag", Some(("etags", RuleAnswer::Ignore))),
    ];
    let endpoints = ["GET /a/{name}", "GET /a/{name}"];
    let snapshot = snapshot_of(&run, &endpoints);
    let shown: Vec<_> = snapshot
        .groups
        .iter()
        .map(|g| {
            (g.place.as_str(), g.differences, g.exchanges, g.examples.iter().map(|e| e.sequence).collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(shown, [("body /items/*/price", 3, 2, vec![1, 3]), ("body /items/*/*", 1, 1, vec![2])]);
    assert_eq!(snapshot.endpoints.len(), 1, "two numbers, one endpoint");
    assert_eq!((snapshot.rules[0].differences, snapshot.rules[0].exchanges), (1, 1));
    assert_eq!(snapshot.rules[0].sample_place, "body /items/*/etag");
}

#[test]
fn an_example_is_made_only_where_it_is_kept() {
    let mut tally = Tally::new();
    let mut made = 0;
    for sequence in 0..100 {
        let one = Invented::new(sequence, 0).differing(0, "price", None);
        tally.absorb(&one.observation, &one.comparison, &ClientMark::Address, || {
            made += 1;
            one.example()
        });
    }
    assert_eq!(made, MAX_EXAMPLES_PER_GROUP);
}

#[test]
fn groups_past_the_bound_are_counted_whatever_the_order() {
    let run: Vec<Invented> = (0..3 * MAX_GROUPS as u64)
        .map(|n| {
            let mut key = vec![b'k'; 1 + (n / 20) as usize % 60];
            key.extend([b'a' + (n % 20) as u8, b'a' + (n / 1200) as u8]);
            Invented::new(n, (n % 3) as u32).differing(0, &String::from_utf8(key).unwrap(), None)
        })
        .collect();
    let endpoints = ["GET /a", "GET /b", "GET /a"].map(endpoint);
    let together = json(tally_of(&run), &endpoints);
    let mut backwards = tally_of(run[700..].iter().rev());
    backwards.merge(tally_of(run[..700].iter().rev()));
    assert_eq!(json(backwards, &endpoints), together);
    let snapshot = tally_of(&run).snapshot(&endpoints, WireBooks::default(), CaptureBooks::default());
    assert_eq!(snapshot.groups.len(), MAX_GROUPS);
    let grouped: u64 = snapshot.groups.iter().map(|g| g.differences).sum();
    assert_eq!(grouped + snapshot.ungrouped_differences, run.len() as u64);
}

#[test]
fn long_and_odd_places_stay_bounded() {
    let place = super::group::general_place(&Location::Json(vec![Segment::Key("é/~".repeat(1000))]));
    assert!(place.starts_with("body /") && place.len() < 300, "{}", place.len());
    assert_eq!(super::group::general_place(&Location::Text(7)), "body line *");
    assert_eq!(super::group::general_place(&Location::Json(Vec::new())), "body");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn however_the_work_is_spread_the_snapshot_is_the_same(
        run in prop::collection::vec((any_invented(), 0..4_usize, -40..40_i64), 0..60),
        order in Just([0_usize, 1, 2, 3]).prop_shuffle(),
        backwards in any::<bool>(),
    ) {
        let numbered: Vec<(Invented, usize)> = run
            .into_iter()
            .enumerate()
            .map(|(n, (mut one, worker, hours))| {
                one.observation.sequence = n as u64;
                (one.starting(Timestamp(1_700_000_000_000_000_000 + hours * 3_600_000_000_000)), worker)
            })
            .collect();
        let endpoints = ["GET /a", "GET /b/{id}", "GET /a", "POST /c"].map(endpoint);
        let alone = json(tally_of(numbered.iter().map(|(one, _)| one)), &endpoints);
        let mut merged = Tally::new();
        for worker in order {
            let mut share: Vec<_> = numbered.iter().filter(|(_, w)| *w == worker).map(|(one, _)| one).collect();
            if backwards {
                share.reverse();
            }
            merged.merge(tally_of(share));
        }
        prop_assert_eq!(json(merged, &endpoints), alone);
    }
}

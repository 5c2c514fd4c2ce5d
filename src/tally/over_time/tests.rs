use proptest::prelude::*;

use super::*;
use crate::ledger::{CaptureBooks, WireBooks};
use crate::tally::invented::{Invented, any_invented, endpoint, snapshot_of, tally_of};
use crate::tally::{Builds, Snapshot, Tally};

const ENDPOINTS: [&str; 4] = ["GET /a", "GET /b/{id}", "GET /a", "POST /c"];

#[test]
fn each_width_is_a_whole_multiple_of_the_one_before_and_the_widest_hold_all_time() {
    assert!(STEPS.windows(2).all(|pair| pair[1] > pair[0] && pair[1] % pair[0] == 0));
    let widest = STEPS[STEPS.len() - 1];
    let all = i64::MAX.div_euclid(widest) - i64::MIN.div_euclid(widest) + 1;
    assert!(all <= MAX_TREND_BUCKETS as i64, "{all}");
}

/// Exchanges within seconds, days or ages of each other, some of them without a time.
fn run() -> impl Strategy<Value = Vec<Invented>> {
    let offset = prop_oneof![
        0..3_000_000_000_i64,
        0..400 * MINUTE,
        -900 * DAY..900 * DAY,
        Just(i64::MAX - 1_800_000_000_000_000_000),
        Just(i64::MIN + 1),
    ];
    prop::collection::vec((any_invented(), offset, 0..20_u8), 0..120).prop_map(|all| {
        let numbered = all.into_iter().enumerate();
        numbered
            .map(|(n, (mut one, offset, untimed))| {
                one.observation.sequence = n as u64;
                let start = one.observation.exchange.moments.request_start.map_or(0, |start| start.0);
                one = one.starting(Timestamp(start.saturating_add(offset)));
                if untimed == 0 {
                    one.observation.exchange.moments = Default::default();
                }
                one
            })
            .collect()
    })
}

fn snapshot(tally: Tally) -> Snapshot {
    tally.snapshot(&ENDPOINTS.map(endpoint), WireBooks::default(), CaptureBooks::default())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// In whatever order they were counted and merged, by however many workers, handed over however often.
    #[test]
    fn neither_order_nor_merging_shows_and_every_exchange_is_in_one_bucket(
        run in run(),
        workers in prop::collection::vec(0..5_usize, 120),
        turned in any::<bool>(),
    ) {
        let whole = snapshot(tally_of(&run));
        let mut parts: Vec<Tally> = (0..5).map(|_| Tally::new()).collect();
        let mut merged = Tally::new();
        let order: Vec<usize> = if turned { (0..run.len()).rev().collect() } else { (0..run.len()).collect() };
        for at in order {
            run[at].absorbed_by(&mut parts[workers[at]]);
            if at % 7 == 0 {
                merged.merge(parts[workers[at]].hand_over());
            }
        }
        parts.into_iter().rev().for_each(|part| merged.merge(part));
        let merged = snapshot(merged);
        prop_assert_eq!(&merged.over_time, &whole.over_time);
        let series = |snapshot: &Snapshot| snapshot.endpoints.iter().map(|e| e.over_time.clone()).collect::<Vec<_>>();
        prop_assert_eq!(series(&merged), series(&whole));
        let books = whole.endpoints.iter().map(|e| (&e.over_time, &e.books, MAX_TREND_BUCKETS));
        let books = books.chain([(&whole.over_time, whole.ledger.shadow.as_ref().unwrap(), MAX_TIME_BUCKETS)]);
        for (series, books, most) in books {
            prop_assert_eq!(series.total(), TimeCounts::of_books(books));
            prop_assert!(series.buckets.len() <= most);
            let span = series.span().map_or(0, |(first, last)| (i128::from(last.0) - i128::from(first.0)) / i128::from(series.width()));
            prop_assert!(span <= most as i128, "{}", span);
            prop_assert!(series.buckets.windows(2).all(|pair| pair[0].from < pair[1].from));
        }
    }

    /// What is drawn in fewer buckets is the same evidence.
    #[test]
    fn spread_over_fewer_buckets_nothing_is_lost(run in run(), most in 1..300_i64) {
        let series = snapshot(tally_of(&run)).over_time;
        let fewer = series.spread_over_at_most(most);
        prop_assert_eq!(fewer.total(), series.total());
        if let Some((first, last)) = fewer.span() {
            let places = (i128::from(last.0) - i128::from(first.0)) / i128::from(fewer.width());
            prop_assert!(places <= i128::from(most.max(29)), "{} of {}", places, most);
        }
    }

    #[test]
    fn rows_come_back_as_they_were(run in run()) {
        let OverTime { whole, .. } = tally_of(&run).over_time;
        let text = serde_json::to_string(&whole.to_rows()).unwrap();
        prop_assert_eq!(Series::from_rows(serde_json::from_str(&text).unwrap()), Some(whole));
    }
}

#[test]
fn a_bucket_is_as_wide_as_the_run_is_long() {
    let every = |nanos: i64, n: u64| {
        let at = |n: u64| Timestamp(1_700_000_000_000_000_000 + n as i64 * nanos);
        let run: Vec<Invented> = (0..n).map(|n| Invented::new(n, 0).starting(at(n))).collect();
        let series = snapshot_of(&run, &["GET /a"]);
        (series.over_time.step_ms, series.over_time.buckets.len(), series.endpoints[0].over_time.step_ms)
    };
    assert_eq!(every(MS, 1_000), (10, 100, 50));
    assert_eq!(every(SECOND, 100), (1_000, 100, 5_000));
    assert_eq!(every(SECOND, 300), (5_000, 60, 15_000));
    assert_eq!(every(HOUR, 24 * 14), (4 * 3_600_000, 85, 12 * 3_600_000));
    assert_eq!(every(DAY, 365).0, 4 * 86_400_000);
}

#[test]
fn of_a_run_with_several_builds_the_whole_is_told() {
    let mut builds = Builds::from(tally_of(&[Invented::new(0, 0)]));
    let other: Vec<Invented> = (1..4).map(|n| Invented::new(n, 1).differing(0, "price", None)).collect();
    builds.add(Some("app/2".into()), crate::tally::Part { tally: tally_of(&other), ..Default::default() });
    let mut judged = snapshot_of(&other, &ENDPOINTS);
    judged.show_over_time(&builds.over_time(&ENDPOINTS.map(endpoint)));
    let TimeCounts { exchanges, compared, mismatched, failed } = judged.over_time.total();
    assert_eq!((exchanges, compared, mismatched, failed), (4, 4, 3, 0));
    assert_eq!(judged.endpoints.len(), 1, "what the judged epoch has");
    assert_eq!(judged.endpoints[0].over_time.total().exchanges, 3);
}

#[test]
fn rows_that_nobody_wrote_are_refused() {
    let sound: SeriesRows = (4, vec![(7, (3, 2, 1, 1))], (0, 0, 0, 0));
    assert!(Series::<48>::from_rows(sound.clone()).is_some());
    let refused = |rows: SeriesRows| Series::<48>::from_rows(rows).is_none();
    assert!(refused((30, sound.1.clone(), sound.2)), "a width that there is not");
    assert!(refused((4, vec![(i64::MAX, (1, 0, 0, 0))], sound.2)), "past all time");
    assert!(refused((4, vec![(7, (3, 2, 3, 1))], sound.2)), "more mismatched than compared");
    assert!(refused((4, sound.1.clone(), (1, 1, 0, 1))), "more parts than the whole");
    assert!(refused((4, (0..49).map(|at| (at, (1, 1, 0, 0))).collect(), sound.2)), "more than the bound");
}

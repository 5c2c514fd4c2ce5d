use super::*;
use crate::exchange::Skip;
use crate::tally::invented::{Invented, snapshot_of, tally_of};

const DAY: i64 = 86_400_000_000_000;

fn at(day: i64, hour: i64) -> Option<Timestamp> {
    Some(Timestamp(day * DAY + hour * DAY / 24))
}

fn one(share: &mut DayShare) {
    share.seen += 1;
}

fn shown(days: &Days) -> Vec<(Option<i32>, u32, u64)> {
    days.iter().map(|((day, number, _), share)| (day.map(|day| day.0), number, share.seen)).collect()
}

#[test]
fn a_day_has_its_outcomes_and_its_hours() {
    let at = |n: u64, day: i64, hour: i64| Invented::new(n, 0).starting(Timestamp(day * DAY + hour * DAY / 24));
    let run = [
        at(0, 20_000, 3),
        at(1, 20_000, 3).differing(0, "price", None),
        at(2, 20_000, 9).skipped(Skip::UnsafeMethod),
        at(3, 20_001, 0).outcome(Outcome::Accepted),
        at(4, 20_001, 23).failed(crate::exchange::Failure::Closed, std::time::Duration::ZERO),
        at(5, 20_003, 5).outcome(Outcome::Noisy).status(404),
    ];
    let snapshot = snapshot_of(&run, &["GET /a"]);
    let shown = |day: &DaySnapshot| {
        let hours = |hours: Hours| (0..24).filter(|hour| hours.contains(*hour)).collect::<Vec<u8>>();
        let counts = (day.exchanges, day.compared, day.accepted, day.mismatched, day.failed);
        (day.day.to_string(), counts, hours(day.hours), hours(day.compared_hours))
    };
    let days: Vec<_> = snapshot.days.iter().map(shown).collect();
    assert_eq!(
        days,
        [
            ("2024-10-04".to_owned(), (3, 2, 0, 1, 0), vec![3, 9], vec![3]),
            ("2024-10-05".to_owned(), (2, 1, 1, 0, 1), vec![0, 23], vec![0]),
            ("2024-10-07".to_owned(), (1, 0, 0, 0, 0), vec![5], vec![]),
        ]
    );
    assert_eq!(snapshot.endpoints[0].days, snapshot.days, "it is the only one");
    let statuses: Vec<_> = snapshot.endpoints[0].statuses.iter().map(|(class, n)| (class.as_str(), *n)).collect();
    let counts = |seen, compared, mismatched| StatusCounts { seen, compared, mismatched };
    assert_eq!(statuses, [("2xx", counts(5, 3, 1)), ("4xx", counts(1, 0, 0))]);
    let of = |first, last| snapshot.day_clients.between(Day(first), Day(last));
    assert_eq!((of(20_000, 20_000).compared, of(20_000, 20_000).mismatched), (2, 1));
    assert_eq!((of(20_001, 20_003).compared, of(20_000, 20_003).compared, of(5, 4).compared), (1, 3, 0));
    assert_eq!(snapshot.undated, 0);
}

#[test]
fn clients_add_up_over_days_and_not_day_by_day() {
    let run = (0..40).map(|n| {
        let mut one = Invented::new(n, 0).starting(Timestamp((20_000 + n as i64 / 20) * DAY));
        one.observation.exchange.client = ([10, 0, 0, (n % 4) as u8], 40_000).into();
        if n % 4 == 0 { one.differing(0, "price", None) } else { one }
    });
    let snapshot = snapshot_of(&run.collect::<Vec<_>>(), &["GET /a"]);
    let both = snapshot.day_clients.between(Day(20_000), Day(20_001));
    assert_eq!(both, snapshot.clients);
    assert_eq!((both.clients, both.most_mismatched), (4, 10));
}

#[test]
fn past_the_bound_the_earliest_days_lose_their_dates_and_the_order_does_not_show() {
    let all: Vec<(i64, u32)> = (0..200_000_i64).map(|n| (n / 97 % 2_900, (n * 31 % 97) as u32)).collect();
    let counted = |some: &[(i64, u32)]| {
        let mut days = Days::default();
        for (day, number) in some {
            days.count(at(*day, 0), *number, StatusClass::Successful, one);
            assert!(days.counts.len() <= MAX_DAY_COUNTS);
        }
        days
    };
    let together = counted(&all);
    assert!(together.from > Some(Day(500)), "{:?}", together.from);
    let mut merged = counted(&all[150_000..]);
    merged.merge(counted(&all[..60_000]));
    merged.merge(counted(&all[60_000..150_000]));
    assert_eq!(shown(&merged), shown(&together));
    let last = together.iter().map(|((day, ..), _)| day).max().unwrap();
    assert_eq!(last, Some(Day(2_061)), "the latest are told apart");
    assert_eq!(together.iter().map(|(_, share)| share.seen).sum::<u64>(), 200_000);
    let endpoints: Vec<Endpoint> =
        (0..97).map(|n| Endpoint { method: "GET".into(), template: format!("/{n}") }).collect();
    let resolved = together.resolve(&endpoints);
    let dated: u64 = resolved.whole.values().map(|day| day.exchanges).sum();
    assert_eq!((dated + resolved.undated, resolved.undated > 0), (200_000, true));
    assert_eq!(resolved.of_each.values().flat_map(|e| e.statuses.values()).map(|s| s.seen).sum::<u64>(), 200_000);
}

#[test]
fn what_has_no_time_has_no_day() {
    let mut one = Invented::new(0, 0);
    one.observation.exchange.moments = Default::default();
    let snapshot = snapshot_of(&[one], &["GET /a"]);
    assert_eq!((snapshot.days.len(), snapshot.undated), (0, 1));
    assert_eq!(snapshot.endpoints[0].statuses[&StatusClass::Successful].compared, 1);
}

#[test]
fn numbers_that_become_one_endpoint_are_one() {
    let run: Vec<Invented> = (0..6).map(|n| Invented::new(n, (n % 3) as u32)).collect();
    let snapshot = snapshot_of(&run, &["GET /a", "GET /b", "GET /a"]);
    let counts: Vec<_> = snapshot.endpoints.iter().map(|e| (e.days[0].exchanges, e.days.len())).collect();
    assert_eq!(counts, [(4, 1), (2, 1)]);
    let renumbered = tally_of(&run).renumbered(|number| number % 2, 0);
    assert_eq!(
        shown(&renumbered.days).iter().map(|(_, number, n)| (*number, *n)).collect::<Vec<_>>(),
        [(0, 4), (1, 2)]
    );
}

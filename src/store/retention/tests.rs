use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use rusqlite::Connection;

use super::*;
use crate::exchange::{Endpoint, Timestamp};
use crate::ledger::{CaptureBooks, Ledger, WireBooks};
use crate::store::{RunFile, StretchFacts, load};
use crate::tally::invented::{Invented, endpoint, tally_of};
use crate::tally::{Snapshot, Tally};

/// 2023-11-14 22:13 in minutes, which is neither a whole hour nor a whole day.
const START: i64 = 28_333_333;

fn one(n: u64, minute: i64) -> Invented {
    let one = Invented::new(n, (n % 3) as u32).starting(Timestamp(minute * 60_000_000_000));
    match n % 11 {
        0 => one.differing(0, "price", None),
        1 => one.failed(crate::exchange::Failure::Timeout, std::time::Duration::from_secs(2)),
        _ => one
            .times(std::time::Duration::from_micros(900 + n % 700), std::time::Duration::from_micros(1_000 + n % 300)),
    }
}

fn books(paired: u64) -> Ledger {
    let wire = WireBooks {
        requests: paired,
        requests_paired: paired,
        answers: paired,
        answers_paired: paired,
        ..WireBooks::default()
    };
    Ledger { wire, capture: CaptureBooks { finished: true, ..CaptureBooks::default() }, ..Ledger::default() }
}

fn endpoints() -> Vec<Endpoint> {
    ["GET /a", "GET /b", "GET /c"].map(endpoint).to_vec()
}

fn shown(snapshot: &Snapshot) -> String {
    let mut snapshot = snapshot.clone();
    snapshot.ledger.store = None;
    snapshot.epoch = Default::default();
    format!("{snapshot:#?}")
}

fn write_all(file: &Path, deltas: &[&[Invented]]) {
    let mut run = RunFile::open(file, &StretchFacts::default()).unwrap();
    let mut paired = 0;
    for delta in deltas {
        paired += delta.len() as u64;
        run.write(&tally_of(*delta).into(), &books(paired), &endpoints()).unwrap();
    }
    run.finish(&Tally::new().into(), &books(paired), &endpoints(), &StretchFacts::default().facts).unwrap();
}

/// Minute and exchanges of each row of all stretches.
fn rows(file: &Path) -> Vec<(i64, i64)> {
    let db = Connection::open(file).unwrap();
    let mut statement = db.prepare("SELECT minute, exchanges FROM outcomes ORDER BY minute").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.collect::<Result<_>>().unwrap()
}

#[test]
fn weeks_of_minutes_are_a_day_of_minutes_a_month_of_hours_and_days() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run");
    // Each tenth minute of forty-five days, and six hours a write.
    let run: Vec<Invented> =
        (0..45 * 144).flat_map(|n| (0..3).map(move |e| one(3 * n + e, START + 10 * n as i64))).collect();
    write_all(&file, &run.chunks(108).collect::<Vec<_>>());
    let latest = START + 10 * (45 * 144 - 1);
    let rows = rows(&file);
    for (minute, exchanges) in &rows {
        let age = latest - minute;
        let width = match () {
            () if *minute >= floor(latest - MINUTES_FOR, HOUR) => 1,
            () if *minute >= floor(latest - HOURS_FOR, DAY) => HOUR,
            () => DAY,
        };
        assert_eq!(minute % width, 0, "{minute} is {age} minutes old");
        assert!(*exchanges <= (width + 9) / 10, "{minute}: {exchanges}");
    }
    assert!(rows.len() < 3 * (24 * 6 + 6 + 32 * 24 + 15), "{} of {}", rows.len(), run.len());
    assert_eq!(rows.iter().map(|(_, exchanges)| *exchanges).sum::<i64>(), run.len() as i64);
    // Nothing is lost but when it was: what is read is what one tally says.
    let Ledger { wire, capture, .. } = books(run.len() as u64);
    let read = load(&[file]).unwrap();
    assert_eq!(read.snapshot.ledger.open_accounts(), []);
    assert_eq!(shown(&read.snapshot), shown(&tally_of(&run).snapshot(&endpoints(), wire, capture)));
    assert_eq!(read.snapshot.days.len(), 46);
}

#[test]
fn stretches_that_have_ended_grow_old_with_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run");
    let day = |day: i64, from: u64| -> Vec<Invented> {
        (0..144).map(|n| one(from + n, START + day * DAY + 10 * n as i64)).collect()
    };
    // A stretch a day, each written at once.
    for n in 0..40 {
        write_all(&file, &[&day(n, 0)]);
    }
    let rows = rows(&file);
    // A day from 22:13 on has parts of 25 hours, and of 2 days.
    let most = 144 + 36 + 33 * 25 * 3 + 9 * 2 * 3;
    assert!(rows.len() <= most, "{}", rows.len());
    let minutes = rows.iter().filter(|(minute, _)| minute % HOUR != 0).count();
    assert!(minutes <= 144 + 36, "{minutes} minutes are left");
    assert_eq!(rows.iter().map(|(_, n)| *n).sum::<i64>(), 40 * 144);
    assert_eq!(load(&[file]).unwrap().snapshot.ledger.shadow.unwrap().exchanges, 40 * 144);
}

#[test]
fn one_write_puts_a_bounded_number_of_rows_together() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run");
    let run: Vec<Invented> = (0..2_000).map(|n| one(n, START + n as i64)).collect();
    write_all(&file, &[&run]);
    let before = rows(&file).len();
    let mut run = RunFile::open(&file, &StretchFacts::default()).unwrap();
    let mut last = before;
    for n in 0..60 {
        run.write(&tally_of(&[one(n, START + 9 * DAY)]).into(), &books(n + 1), &endpoints()).unwrap();
        let now = rows(&file).len();
        assert!(last - now <= ROWS_A_WRITE + 2, "{last} to {now}");
        last = now;
    }
    assert!(last <= 3 * 36 + 3, "{last}: all of it in the end");
}

#[test]
fn what_comes_late_goes_to_the_hour_or_the_day_that_its_minute_has_become() {
    let kept = Kept { hours_to: 7_200, days_to: 2_880 };
    assert_eq!([0, 1, 1_439, 2_879].map(|minute| kept.minute(minute)), [0, 0, 0, 1_440]);
    assert_eq!(
        [2_880, 2_941, 7_199, 7_200, 7_261].map(|minute| kept.minute(minute)),
        [2_880, 2_940, 7_140, 7_200, 7_261]
    );
    assert_eq!(kept.minute(-1), -1_440);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run");
    let late: Vec<Invented> = (0..50).map(|n| one(n, START + n as i64)).collect();
    write_all(&file, &[&[one(0, START + 100 * DAY)], &[one(0, START + 100 * DAY)], &late]);
    let found = rows(&file);
    assert_eq!(found.iter().map(|(_, n)| *n).sum::<i64>(), 52);
    assert!(found.iter().take(3).all(|(minute, _)| *minute == floor(START, DAY)), "{found:?}");
    assert_eq!(found.len(), 3 + 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Whatever minutes come in whatever order and parts, the rows add up to what was counted.
    #[test]
    fn rows_add_up_to_what_was_counted(
        minutes in prop::collection::vec(prop_oneof![0..200_i64, 0..5_000_i64, 0..120_000_i64], 1..120),
        cut in 1..40_usize,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run");
        let run: Vec<Invented> = minutes.iter().enumerate().map(|(n, minute)| one(n as u64, START + minute)).collect();
        write_all(&file, &run.chunks(cut).collect::<Vec<_>>());
        let mut by_day: BTreeMap<i64, i64> = BTreeMap::new();
        for (minute, exchanges) in rows(&file) {
            *by_day.entry(floor(minute, DAY)).or_default() += exchanges;
        }
        let mut expected: BTreeMap<i64, i64> = BTreeMap::new();
        for minute in &minutes {
            *expected.entry(floor(START + minute, DAY)).or_default() += 1;
        }
        prop_assert_eq!(by_day, expected);
        let Ledger { wire, capture, .. } = books(run.len() as u64);
        let read = load(&[file]).unwrap().snapshot;
        prop_assert_eq!(shown(&read), shown(&tally_of(&run).snapshot(&endpoints(), wire, capture)));
    }
}

/// Not asserted: what a run of days costs. `cargo test --lib -- --ignored --nocapture days_measured`
#[test]
#[ignore = "a measurement"]
fn days_measured() {
    const ENDPOINTS: u64 = 10;
    const A_MINUTE: u64 = 20;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run");
    let mut run = RunFile::open(&file, &StretchFacts::default()).unwrap();
    let table: Vec<Endpoint> = (0..ENDPOINTS).map(|n| endpoint(&format!("GET /e{n}/{{id}}"))).collect();
    let (mut n, mut spent) = (0_u64, std::time::Duration::ZERO);
    for minute in 0..4 * DAY {
        let mut delta = Tally::new();
        for _ in 0..ENDPOINTS * A_MINUTE {
            let hash = |salt: u64| ((n + salt).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) % 20_000;
            let time = |salt| std::time::Duration::from_micros(2_000 + hash(salt) + hash(salt + 7));
            let mut one = Invented::new(n, (n % ENDPOINTS) as u32).times(time(1), time(2));
            one = one.starting(Timestamp((START + minute) * 60_000_000_000));
            one.absorbed_by(&mut delta);
            n += 1;
        }
        let began = std::time::Instant::now();
        run.write(&delta.clone().into(), &books(n), &table).unwrap();
        spent += began.elapsed();
        if minute % DAY == DAY - 1 {
            let db = Connection::open(&file).unwrap();
            let sql = "SELECT count(*), sum(length(legacy) + length(candidate) + length(slower) + length(faster)) \
                       FROM outcomes WHERE minute % 60 = ?1";
            let rows = |aligned: bool| -> (i64, i64) {
                let sql = if aligned {
                    sql.replace("= ?1", "= 0 AND 1 = ?1")
                } else {
                    sql.replace("= ?1", "<> 0 AND 1 = ?1")
                };
                db.query_row(&sql, [1], |row| Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?.unwrap_or(0)))).unwrap()
            };
            let pages: i64 =
                db.query_row("SELECT (SELECT * FROM pragma_page_count) * 4096", [], |row| row.get(0)).unwrap();
            println!(
                "day {}: {pages} bytes; minutes {:?}, hours {:?} (rows, bytes of histograms); {:?} a write",
                minute / DAY + 1,
                rows(false),
                rows(true),
                spent / (minute as u32 + 1)
            );
        }
    }
}

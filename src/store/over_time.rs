//! A run over time, in and out of a run file: a row a series, of as many buckets as the tally keeps.
//!
//! Files from before they were kept have minutes, hours and days ([`super::retention`]), which are told instead.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::read::number;
use super::retention::Kept;
use super::rows::{self, Trust, refused};
use crate::exchange::{Failure, Timestamp};
use crate::ledger::Counts;
use crate::tally::{Series, SeriesRows, Tally, TimeCounts};

type Result<T> = rusqlite::Result<T>;

/// Stands for all endpoints together, where others have their number.
const WHOLE: i64 = -1;
/// Longest series as JSON.
const MAX_SERIES: usize = 64 << 10;
const NANOS_A_MINUTE: i64 = 60_000_000_000;

/// Adds what was counted since the last write of one part.
pub(super) fn write(db: &Connection, part: i64, delta: &Tally) -> Result<()> {
    add(db, part, WHOLE, &delta.over_time.whole)?;
    delta.over_time.endpoints.iter().try_for_each(|(endpoint, series)| add(db, part, i64::from(*endpoint), series))
}

fn add<const MOST: usize>(db: &Connection, part: i64, key: i64, delta: &Series<MOST>) -> Result<()> {
    if delta.total() == TimeCounts::default() {
        return Ok(());
    }
    let there: Option<String> = db
        .prepare_cached("SELECT counts FROM over_time WHERE part = ?1 AND series = ?2")?
        .query_row(params![part, key], |row| row.get(0))
        .optional()?;
    let mut series = match there {
        Some(text) => read_series(&text, &mut Trust::default())?,
        None => Series::default(),
    };
    series.merge(delta);
    db.prepare_cached("INSERT OR REPLACE INTO over_time VALUES (?1, ?2, ?3)")?.execute(params![
        part,
        key,
        rows::json(&series.to_rows())?
    ])?;
    Ok(())
}

/// Takes the series of a part in, after its outcomes: there are as many exchanges in both.
pub(super) fn read(db: &Connection, part: i64, tally: &mut Tally, trust: &mut Trust) -> Result<()> {
    let mut statement = db.prepare("SELECT series, counts FROM over_time WHERE part = ?1 ORDER BY series")?;
    let mut rows = statement.query([part])?;
    while let Some(row) = rows.next()? {
        match row.get(0)? {
            WHOLE => tally.over_time.whole = read_series(rows::text(row, 1)?, trust)?,
            key => {
                let series = read_series(rows::text(row, 1)?, trust)?;
                tally.over_time.endpoints.insert(number(key)?, series);
            }
        }
    }
    let (mut counted, mut of_each) = (TimeCounts::default(), TimeCounts::default());
    tally.cells.iter().for_each(|(_, cell)| counted.add(&TimeCounts::of_books(&cell.books)));
    tally.over_time.endpoints.values().for_each(|series| of_each.add(&series.total()));
    if tally.over_time.whole.total() != counted || of_each != counted {
        return Err(refused("its counts over time are not those of its outcomes"));
    }
    Ok(())
}

fn read_series<const MOST: usize>(text: &str, trust: &mut Trust) -> Result<Series<MOST>> {
    if text.len() > MAX_SERIES {
        return Err(refused("a text is longer than any that we write"));
    }
    let rows: SeriesRows = rows::parsed(text)?;
    for (exchanges, ..) in rows.1.iter().map(|(_, row)| row).chain([&rows.2]) {
        trust.count(i64::try_from(*exchanges).unwrap_or(i64::MAX))?;
    }
    Series::from_rows(rows).ok_or_else(|| refused("counts over time are none of ours"))
}

/// The same of a part in a file from before: each row of its outcomes within the minutes that it counts.
pub(super) fn from_outcomes(db: &Connection, part: i64, tally: &mut Tally, trust: &mut Trust) -> Result<()> {
    let kept = Kept::of(db, part)?;
    let mut statement = db.prepare(
        "SELECT minute, endpoint, exchanges, matched, accepted, mismatched, failed FROM outcomes WHERE stretch = ?1 \
         ORDER BY minute, endpoint",
    )?;
    let mut rows = statement.query([part])?;
    while let Some(row) = rows.next()? {
        let (minute, endpoint) = (row.get(0)?, number(row.get(1)?)?);
        let counts = counts(row, trust)?;
        let of_one = tally.over_time.endpoints.entry(endpoint).or_default();
        within(&kept, minute, counts, of_one);
        within(&kept, minute, counts, &mut tally.over_time.whole);
    }
    Ok(())
}

fn counts(row: &Row<'_>, trust: &mut Trust) -> Result<TimeCounts> {
    let mut count = |at: usize| -> Result<u64> { trust.count(row.get(at)?) };
    let (exchanges, matched, accepted, mismatched) = (count(2)?, count(3)?, count(4)?, count(5)?);
    let failed: Counts<Failure> = trust.counts(rows::text(row, 6)?)?;
    let counts =
        TimeCounts { exchanges, compared: matched + accepted + mismatched, mismatched, failed: failed.total() };
    if counts.is_sound() { Ok(counts) } else { Err(refused("a minute has more of a part than of the whole")) }
}

/// The first minute of all stands for what has no time.
fn within<const MOST: usize>(kept: &Kept, minute: i64, counts: TimeCounts, series: &mut Series<MOST>) {
    if minute == 0 {
        return series.undated.add(&counts);
    }
    let minutes = kept.last(minute).saturating_sub(minute).saturating_add(1);
    let from = Timestamp(minute.saturating_mul(NANOS_A_MINUTE));
    series.add_within(from, minutes.saturating_mul(NANOS_A_MINUTE), counts);
}

/// What a file from before has of each part, as it is kept now.
pub(super) fn upgrade(db: &Connection) -> Result<()> {
    let mut statement = db.prepare("SELECT id FROM parts ORDER BY id")?;
    let parts: Vec<i64> = statement.query_map([], |row| row.get(0))?.collect::<Result<_>>()?;
    for part in parts {
        let mut tally = Tally::new();
        from_outcomes(db, part, &mut tally, &mut Trust::default())?;
        write(db, part, &tally)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;

//! How a run file stays small: minutes older than a day become hours, hours older than 31 days become days.
//!
//! Old is by the latest minute in the file, whatever the stretch, and never by a clock of ours: a capture of last year
//! is kept as one of today. Each write puts a bounded number of rows together, in its own transaction, so that a kill at
//! any instant leaves what there was or what there is to be. Counts and histograms add up exactly; what is lost is when
//! in its hour, and later in its day, something was. A row below `hours_to` is an hour's, one below `days_to` a day's; what
//! comes late goes to the hour or the day that its minute has become.

use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{self, Trust};
use super::write;

type Result<T> = rusqlite::Result<T>;

/// Minutes that are kept as minutes.
pub(super) const MINUTES_FOR: i64 = DAY;
/// Minutes for which hours are kept as hours.
pub(super) const HOURS_FOR: i64 = 31 * DAY;
/// Rows that one write puts together at most, beside two for each that it has brought: each becomes part of an hour once,
/// and of a day once, so that what is put together keeps up with what is written.
pub(super) const ROWS_A_WRITE: usize = 64;
/// Stretches that one write looks at.
const STRETCHES_A_WRITE: usize = 8;

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;

fn floor(minute: i64, width: i64) -> i64 {
    minute.saturating_sub(minute.rem_euclid(width))
}

/// How far the minutes of a stretch have been put together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    hours_to: i64,
    days_to: i64,
}

impl Kept {
    /// As it is in the file.
    pub(super) fn of(db: &Connection, stretch: i64) -> Result<Kept> {
        let there = db
            .prepare_cached("SELECT hours_to, days_to FROM retention WHERE stretch = ?1")?
            .query_row([stretch], |row| Ok(Kept { hours_to: row.get(0)?, days_to: row.get(1)? }))
            .optional()?;
        Ok(there.unwrap_or(Kept { hours_to: i64::MIN, days_to: i64::MIN }))
    }

    /// The last minute that a row counts.
    pub(super) fn last(&self, minute: i64) -> i64 {
        match () {
            () if minute < self.days_to => floor(minute, DAY).saturating_add(DAY - 1),
            () if minute < self.hours_to => floor(minute, HOUR).saturating_add(HOUR - 1),
            () => minute,
        }
    }

    /// The minute whose row counts that minute.
    pub(super) fn minute(&self, minute: i64) -> i64 {
        match () {
            () if minute < self.days_to => floor(minute, DAY),
            () if minute < self.hours_to => floor(minute, HOUR),
            () => minute,
        }
    }
}

/// One write's share of putting together, after the counts of these minutes were written for that stretch.
pub(super) fn step(db: &Connection, stretch: i64, written: impl Iterator<Item = i64>) -> Result<()> {
    let (mut latest, mut left) = (None, ROWS_A_WRITE);
    for minute in written {
        latest = latest.max(Some(minute));
        left += 2;
    }
    if let Some(latest) = latest {
        db.prepare_cached(
            "INSERT INTO retention VALUES (?1, ?2, ?3, ?3) ON CONFLICT DO UPDATE SET \
             latest = max(latest, excluded.latest)",
        )?
        .execute(params![stretch, latest, i64::MIN])?;
    }
    let newest: Option<i64> =
        db.prepare_cached("SELECT max(latest) FROM retention")?.query_row([], |row| row.get(0))?;
    let Some(newest) = newest else { return Ok(()) };
    // Days first: what has just become an hour is not old enough for one.
    for (column, width, age) in [("days_to", DAY, HOURS_FOR), ("hours_to", HOUR, MINUTES_FOR)] {
        let to = floor(newest.saturating_sub(age), width);
        let sql =
            format!("SELECT stretch, {column} FROM retention WHERE {column} < ?1 AND {column} <= latest LIMIT ?2");
        let mut statement = db.prepare_cached(&sql)?;
        let behind: Vec<(i64, i64)> = statement
            .query_map(params![to, STRETCHES_A_WRITE as i64], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_>>()?;
        for (stretch, from) in behind {
            let reached = put_together(db, stretch, from, to, width, &mut left)?;
            db.prepare_cached(&format!("UPDATE retention SET {column} = ?2 WHERE stretch = ?1"))?
                .execute(params![stretch, reached])?;
            if left == 0 {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Puts rows of the minutes `from` to `to` together to rows of that width, `left` at most. How far it came: all rows
/// before are of that width.
fn put_together(db: &Connection, stretch: i64, from: i64, to: i64, width: i64, left: &mut usize) -> Result<i64> {
    let mut statement = db.prepare_cached(
        "SELECT minute, endpoint FROM outcomes WHERE stretch = ?1 AND minute >= ?2 AND minute < ?3 AND minute % ?4 <> 0 \
         ORDER BY minute, endpoint LIMIT ?5",
    )?;
    let found: Vec<(i64, u32)> = statement
        .query_map(params![stretch, from, to, width, *left as i64], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_>>()?;
    for (minute, endpoint) in &found {
        let key = params![stretch, minute, endpoint];
        let cell =
            db.prepare_cached(rows::SELECT_CELL)?.query_row(key, |row| rows::cell(row, &mut Trust::default()))?;
        write::cell(db, stretch, floor(*minute, width), *endpoint, &cell)?;
        db.prepare_cached("DELETE FROM outcomes WHERE stretch = ?1 AND minute = ?2 AND endpoint = ?3")?.execute(key)?;
    }
    *left -= found.len();
    Ok(match found.last() {
        // There may be more in the last one's hour.
        Some((minute, _)) if *left == 0 => floor(*minute, width),
        _ => to,
    })
}

#[cfg(test)]
mod tests;

//! The days of a stretch: written as they come, never put together in the file, read back as they were.

use rusqlite::{Connection, params};

use crate::exchange::{Day, Hours};
use crate::tally::{CLIENT_GROUPS, DayShare, GRAINS, Share, Tally};

use super::read::{bounded, number};
use super::rows::{self, Trust, refused};
use super::write::int;

type Result<T> = rusqlite::Result<T>;

/// Stands for what has no day; no time stamp has this one.
const NO_DAY: i32 = i32::MIN;

/// Adds what was counted since the last write.
pub(super) fn write(db: &Connection, stretch: i64, delta: &Tally) -> Result<()> {
    for ((day, endpoint, class), share) in delta.days.iter() {
        let day = day.map_or(NO_DAY, |day| day.0);
        db.prepare_cached(
            "INSERT INTO days VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT DO UPDATE SET \
             seen = seen + excluded.seen, compared = compared + excluded.compared, \
             accepted = accepted + excluded.accepted, mismatched = mismatched + excluded.mismatched, \
             failed = failed + excluded.failed, refused_alone = refused_alone + excluded.refused_alone, \
             seen_hours = seen_hours | excluded.seen_hours, compared_hours = compared_hours | excluded.compared_hours",
        )?
        .execute(params![
            stretch,
            day,
            endpoint,
            class.as_str(),
            int(share.seen),
            int(share.compared),
            int(share.accepted),
            int(share.mismatched),
            int(share.failed),
            int(share.refused_alone),
            share.seen_hours.bits(),
            share.compared_hours.bits(),
        ])?;
        for (rule, exchanges) in &share.accepted_by {
            db.prepare_cached(
                "INSERT INTO day_accepted VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET \
                 exchanges = exchanges + excluded.exchanges",
            )?
            .execute(params![stretch, day, endpoint, class.as_str(), rule, int(*exchanges)])?;
        }
    }
    for (day, group, share) in delta.day_clients.iter() {
        db.prepare_cached(
            "INSERT INTO day_clients VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET \
             compared = compared + excluded.compared, mismatched = mismatched + excluded.mismatched",
        )?
        .execute(params![
            stretch,
            day.0,
            group,
            delta.day_clients.grain(),
            int(share.compared),
            int(share.mismatched)
        ])?;
    }
    Ok(())
}

/// Takes the days of a stretch in; the tally keeps its own bounds.
pub(super) fn read(db: &Connection, stretch: i64, tally: &mut Tally, trust: &mut Trust) -> Result<()> {
    let mut statement = db.prepare(
        "SELECT day, endpoint, class, seen, compared, accepted, mismatched, failed, refused_alone, seen_hours, \
         compared_hours FROM days WHERE stretch = ?1 ORDER BY day, endpoint, class",
    )?;
    let mut rows = statement.query([stretch])?;
    while let Some(row) = rows.next()? {
        let hours = |at: usize| {
            let bits = u32::try_from(row.get::<_, i64>(at)?).ok();
            bits.and_then(Hours::from_bits).ok_or_else(|| refused("a day has hours that there are not"))
        };
        let share = DayShare {
            seen: trust.count(row.get(3)?)?,
            compared: trust.count(row.get(4)?)?,
            accepted: trust.count(row.get(5)?)?,
            mismatched: trust.count(row.get(6)?)?,
            failed: trust.count(row.get(7)?)?,
            refused_alone: trust.count(row.get(8)?)?,
            seen_hours: hours(9)?,
            compared_hours: hours(10)?,
            ..DayShare::default()
        };
        let parts = share.accepted.saturating_add(share.mismatched);
        if share.compared.saturating_add(share.failed) > share.seen || parts > share.compared {
            return Err(refused("a day has more of a part than of the whole"));
        }
        tally.days.add((day(row.get(0)?)?, number(row.get(1)?)?, rows::named(rows::text(row, 2)?)?), share);
    }
    accepted(db, stretch, tally, trust)?;
    clients(db, stretch, tally, trust)
}

fn accepted(db: &Connection, stretch: i64, tally: &mut Tally, trust: &mut Trust) -> Result<()> {
    let mut statement =
        db.prepare("SELECT day, endpoint, class, rule, exchanges FROM day_accepted WHERE stretch = ?1")?;
    let mut rows = statement.query([stretch])?;
    while let Some(row) = rows.next()? {
        let mut share = DayShare::default();
        share.accepted_by.insert(bounded(rows::text(row, 3)?)?.into(), trust.count(row.get(4)?)?);
        tally.days.add((day(row.get(0)?)?, number(row.get(1)?)?, rows::named(rows::text(row, 2)?)?), share);
    }
    Ok(())
}

fn clients(db: &Connection, stretch: i64, tally: &mut Tally, trust: &mut Trust) -> Result<()> {
    let mut statement =
        db.prepare("SELECT day, client_group, grain, compared, mismatched FROM day_clients WHERE stretch = ?1")?;
    let mut rows = statement.query([stretch])?;
    while let Some(row) = rows.next()? {
        let day = day(row.get(0)?)?.ok_or_else(|| refused("a day is none"))?;
        let (group, grain) = (row.get::<_, u16>(1)?, row.get::<_, u8>(2)?);
        let share = Share { compared: trust.count(row.get(3)?)?, mismatched: trust.count(row.get(4)?)? };
        if group >= CLIENT_GROUPS || grain > GRAINS || share.mismatched > share.compared {
            return Err(refused("a group of clients is none of ours"));
        }
        tally.day_clients.add(day, group, grain, share);
    }
    Ok(())
}

/// A day that a time stamp may have.
fn day(n: i64) -> Result<Option<Day>> {
    /// 2^63 nanoseconds, in days.
    const FARTHEST: i64 = 106_752;
    match i32::try_from(n) {
        Ok(NO_DAY) => Ok(None),
        Ok(day) if n.abs() <= FARTHEST => Ok(Some(Day(day))),
        _ => Err(refused("a day is none")),
    }
}

//! What the candidate failed, in and out of a run file: a row an endpoint and way of failing, with its first request.

use std::sync::Arc;

use rusqlite::{Connection, params};

use super::read::{MAX_EXAMPLE, number, sequence, within};
use super::rows;
use super::write::int;
use crate::exchange::{Example, Timestamp};
use crate::tally::{Failing, FailureKey, MAX_FAILURE_GROUPS, Tally};

type Result<T> = rusqlite::Result<T>;

/// Adds what was counted since the last write of one part, and keeps those with the smallest digests, as a tally does.
pub(super) fn write(db: &Connection, part: i64, delta: &Tally) -> Result<()> {
    for (key, failing) in &delta.failures.groups {
        db.prepare_cached(
            "INSERT INTO failing VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO UPDATE SET \
             first = min(coalesce(first, excluded.first), coalesce(excluded.first, first)), \
             last = max(coalesce(last, excluded.last), coalesce(excluded.last, last)), \
             example = iif(excluded.sequence < sequence, excluded.example, example), \
             sequence = min(sequence, excluded.sequence)",
        )?
        .execute(params![
            part,
            key.endpoint,
            key.failure.as_str(),
            key.digest.to_be_bytes(),
            failing.first.map(|time| time.0),
            failing.last.map(|time| time.0),
            int(failing.example.sequence),
            rows::json(&failing.example)?,
        ])?;
    }
    if !delta.failures.groups.is_empty() {
        db.prepare_cached(
            "DELETE FROM failing WHERE part = ?1 AND rowid IN (SELECT rowid FROM failing WHERE part = ?1 \
             ORDER BY digest, endpoint, failure LIMIT -1 OFFSET ?2)",
        )?
        .execute(params![part, MAX_FAILURE_GROUPS as i64])?;
    }
    Ok(())
}

/// Takes those of a part in.
pub(super) fn read(db: &Connection, part: i64, tally: &mut Tally) -> Result<()> {
    let mut statement = db.prepare(
        "SELECT endpoint, failure, first, last, sequence, example FROM failing WHERE part = ?1 \
         ORDER BY digest, endpoint, failure LIMIT ?2",
    )?;
    let mut rows = statement.query(params![part, MAX_FAILURE_GROUPS as i64])?;
    while let Some(row) = rows.next()? {
        let key = FailureKey::new(number(row.get(0)?)?, rows::named(rows::text(row, 1)?)?);
        let example: Example = rows::parsed(within(rows::text(row, 5)?, MAX_EXAMPLE)?)?;
        let failing = Failing {
            first: row.get::<_, Option<i64>>(2)?.map(Timestamp),
            last: row.get::<_, Option<i64>>(3)?.map(Timestamp),
            example: Arc::new(Example { sequence: sequence(row.get(4)?)?, ..example }),
        };
        tally.failures.add(key, failing);
    }
    Ok(())
}

#[cfg(test)]
mod tests;

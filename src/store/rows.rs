//! What stands in the columns, read with distrust: a run file may come from anybody.

use rusqlite::Row;
use rusqlite::types::Type;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ledger::ShadowBooks;
use crate::tally::{EndpointTally, PairedRecorder, Recorder};

pub(super) type Cell = EndpointTally;

type Result<T> = rusqlite::Result<T>;

/// By stretch, minute and endpoint number; the columns as [`cell`] reads them.
pub(super) const SELECT_CELL: &str = "SELECT exchanges, sent, compared, matched, accepted, mismatched, noisy, drifted, \
                                      legacy_5xx, candidate_5xx, refused_alone, skipped, failed, not_comparable, accepted_by, \
                                      legacy, candidate, captured, slower, faster, equal, cut_off, unknown FROM outcomes \
                                      WHERE stretch = ?1 AND minute = ?2 AND endpoint = ?3";

/// The same for a whole stretch, with the endpoint number behind it.
pub(super) const SELECT_CELLS: &str = "SELECT exchanges, sent, compared, matched, accepted, mismatched, noisy, drifted, \
                                       legacy_5xx, candidate_5xx, refused_alone, skipped, failed, not_comparable, accepted_by, \
                                       legacy, candidate, captured, slower, faster, equal, cut_off, unknown, endpoint, minute FROM outcomes \
                                       WHERE stretch = ?1 ORDER BY minute, endpoint";

/// All counts that are read from a file, together: past this, adding them could overflow.
const MOST: u64 = 1 << 58;

/// What was taken from a file so far. A sum past the bound means that somebody has written what we do not count.
#[derive(Debug, Default)]
pub(super) struct Trust {
    sum: u64,
}

impl Trust {
    /// A count from a file.
    pub(super) fn count(&mut self, n: i64) -> Result<u64> {
        let n = u64::try_from(n).map_err(|_| refused("a count is negative"))?;
        self.add(n)
    }

    fn add(&mut self, n: u64) -> Result<u64> {
        self.sum = self.sum.saturating_add(n);
        if self.sum > MOST { Err(refused("the counts are larger than any that we write")) } else { Ok(n) }
    }

    /// Every number in a JSON text.
    fn numbers(&mut self, value: &serde_json::Value) -> Result<()> {
        match value {
            serde_json::Value::Number(n) => {
                self.add(n.as_u64().ok_or_else(|| refused("a count is no count"))?).map(drop)
            }
            serde_json::Value::Array(all) => all.iter().try_for_each(|one| self.numbers(one)),
            serde_json::Value::Object(all) => all.values().try_for_each(|one| self.numbers(one)),
            _ => Ok(()),
        }
    }

    /// A JSON text of counts.
    pub(super) fn counts<T: DeserializeOwned>(&mut self, text: &str) -> Result<T> {
        let value: serde_json::Value = serde_json::from_str(text).map_err(unreadable)?;
        self.numbers(&value)?;
        serde_json::from_value(value).map_err(unreadable)
    }
}

/// One endpoint's counts of one minute.
pub(super) fn cell(row: &Row<'_>, trust: &mut Trust) -> Result<Cell> {
    let mut count = |at: usize| -> Result<u64> { trust.count(row.get(at)?) };
    let mut cell = Cell {
        books: ShadowBooks {
            exchanges: count(0)?,
            sent: count(1)?,
            compared: count(2)?,
            matched: count(3)?,
            accepted: count(4)?,
            mismatched: count(5)?,
            noisy: count(6)?,
            drifted: count(7)?,
            ..ShadowBooks::default()
        },
        legacy_5xx: count(8)?,
        candidate_5xx: count(9)?,
        refused_alone: count(10)?,
        difference: PairedRecorder {
            equal: count(20)?,
            cut_off: count(21)?,
            unknown: count(22)?,
            ..Default::default()
        },
        ..Cell::default()
    };
    cell.books.skipped = trust.counts(text(row, 11)?)?;
    cell.books.failed = trust.counts(text(row, 12)?)?;
    cell.books.not_comparable = trust.counts(text(row, 13)?)?;
    cell.accepted_by = trust.counts(text(row, 14)?)?;
    let recorder = |at: usize| match row.get_ref(at)?.as_blob_or_null()? {
        Some(bytes) => Recorder::from_bytes(bytes).map(Some).ok_or_else(|| refused("a histogram is none of ours")),
        None => Ok(None),
    };
    cell.legacy = recorder(15)?.unwrap_or_default();
    cell.candidate = recorder(16)?.unwrap_or_default();
    cell.captured = recorder(17)?.unwrap_or_else(|| cell.legacy.clone());
    cell.difference.slower = recorder(18)?.unwrap_or_default();
    cell.difference.faster = recorder(19)?.unwrap_or_default();
    Ok(cell)
}

/// A column's text, not copied.
pub(super) fn text<'a>(row: &'a Row<'_>, at: usize) -> Result<&'a str> {
    Ok(row.get_ref(at)?.as_str()?)
}

/// A text of ours as what it stands for.
pub(super) fn parsed<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(unreadable)
}

/// A name of a closed list.
pub(super) fn named<T: DeserializeOwned>(name: &str) -> Result<T> {
    serde_json::from_value(name.into()).map_err(unreadable)
}

pub(super) fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// What is read is not what we write.
pub(super) fn refused(what: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Null, what.into())
}

fn unreadable(error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, error.into())
}

//! One delta into the rows: read what is there, merge, write it back. All of it in one transaction of the caller's.

use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use crate::tally::{Affected, Group, Key, MAX_EXAMPLES_PER_GROUP, MAX_GROUPS, RuleTally, Tally};

use super::rows::{self, Cell};
use super::{days, failing, over_time, retention, signatures};

type Result<T> = rusqlite::Result<T>;

/// Counts that pass what a column holds stop there.
pub(super) fn int(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Adds what was counted since the last write of one part.
pub(super) fn delta(db: &Connection, stretch: i64, delta: &Tally) -> Result<()> {
    let kept = retention::Kept::of(db, stretch)?;
    for ((minute, number), tally) in delta.cells.iter() {
        let minute = kept.minute(minute);
        cell(db, stretch, minute, number, tally)?;
        for (failure, sample) in &tally.failure_samples {
            db.prepare_cached(
                "INSERT INTO failures VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE \
                 SET sequence = excluded.sequence, request = excluded.request WHERE excluded.sequence < sequence",
            )?
            .execute(params![stretch, number, failure.as_str(), int(sample.sequence), sample.request])?;
        }
    }
    for (endpoint, group, share) in delta.clients.iter() {
        db.prepare_cached(
            "INSERT INTO clients VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET \
             compared = compared + excluded.compared, mismatched = mismatched + excluded.mismatched",
        )?
        .execute(params![
            stretch,
            endpoint,
            group,
            delta.clients.grain(),
            int(share.compared),
            int(share.mismatched)
        ])?;
    }
    days::write(db, stretch, delta)?;
    over_time::write(db, stretch, delta)?;
    retention::step(db, stretch, delta.cells.iter().map(|((minute, _), _)| minute))?;
    for (key, group) in &delta.groups.groups {
        difference(db, stretch, key, group)?;
    }
    if !delta.groups.groups.is_empty() {
        trim(db, stretch)?;
    }
    failing::write(db, stretch, delta)?;
    signatures::write(db, stretch, &delta.signatures)?;
    for (id, tally) in &delta.rules {
        rule(db, stretch, id, tally)?;
    }
    Ok(())
}

/// Adds to one row, that of this minute and number.
pub(super) fn cell(db: &Connection, stretch: i64, minute: i64, number: u32, tally: &Cell) -> Result<()> {
    let there = db
        .prepare_cached(rows::SELECT_CELL)?
        .query_row(params![stretch, minute, number], |row| rows::cell(row, &mut rows::Trust::default()))
        .optional()?;
    let merged;
    let tally = match there {
        Some(mut there) => {
            there.merge(tally.clone());
            merged = there;
            &merged
        }
        None => tally,
    };
    let books = &tally.books;
    let (legacy, captured) = (tally.legacy.to_bytes(), tally.captured.to_bytes());
    // Without a live legacy, and without failures, it is the same once more.
    let captured = (captured != legacy).then_some(captured);
    db.prepare_cached(
        "INSERT OR REPLACE INTO outcomes VALUES \
         (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, \
         ?22, ?23, ?24, ?25, ?26)",
    )?
    .execute(params![
        stretch,
        minute,
        number,
        int(books.exchanges),
        int(books.sent),
        int(books.compared),
        int(books.matched),
        int(books.accepted),
        int(books.mismatched),
        int(books.noisy),
        int(books.drifted),
        int(tally.legacy_5xx),
        int(tally.candidate_5xx),
        int(tally.refused_alone),
        rows::json(&books.skipped)?,
        rows::json(&books.failed)?,
        rows::json(&books.not_comparable)?,
        rows::json(&tally.accepted_by)?,
        legacy,
        tally.candidate.to_bytes(),
        captured,
        tally.difference.slower.to_bytes(),
        tally.difference.faster.to_bytes(),
        int(tally.difference.equal),
        int(tally.difference.cut_off),
        int(tally.difference.unknown),
    ])?;
    Ok(())
}

fn difference(db: &Connection, stretch: i64, key: &Key, group: &Group) -> Result<()> {
    let id: i64 = db
        .prepare_cached(
            "INSERT INTO differences (stretch, digest, endpoint, place, kind, class, differences, exchanges, first, \
             last) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO UPDATE SET \
             differences = differences + excluded.differences, exchanges = exchanges + excluded.exchanges, \
             first = min(coalesce(first, excluded.first), coalesce(excluded.first, first)), \
             last = max(coalesce(last, excluded.last), coalesce(excluded.last, last)) RETURNING id",
        )?
        .query_row(
            params![
                stretch,
                key.digest.to_be_bytes(),
                key.endpoint,
                key.place,
                key.kind.as_str(),
                key.class.as_str(),
                int(group.differences),
                int(group.exchanges),
                group.first.map(|t| t.0),
                group.last.map(|t| t.0),
            ],
            |row| row.get(0),
        )?;
    affected(db, id, &group.affected)?;
    for (sequence, example) in &group.examples {
        let (kept, latest): (i64, Option<i64>) = db
            .prepare_cached("SELECT count(*), max(sequence) FROM examples WHERE difference = ?1")?
            .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if kept >= MAX_EXAMPLES_PER_GROUP as i64 && latest.is_some_and(|latest| int(*sequence) >= latest) {
            break;
        }
        db.prepare_cached("INSERT OR REPLACE INTO examples VALUES (?1, ?2, ?3)")?.execute(params![
            id,
            int(*sequence),
            rows::json(example)?
        ])?;
        db.prepare_cached(
            "DELETE FROM examples WHERE difference = ?1 AND sequence NOT IN \
             (SELECT sequence FROM examples WHERE difference = ?1 ORDER BY sequence LIMIT ?2)",
        )?
        .execute(params![id, MAX_EXAMPLES_PER_GROUP as i64])?;
    }
    Ok(())
}

/// Adds the clients that saw a group.
fn affected(db: &Connection, difference: i64, clients: &Affected) -> Result<()> {
    let there = db
        .prepare_cached("SELECT clients FROM affected WHERE difference = ?1")?
        .query_row([difference], |row| Ok(Affected::from_bytes(row.get_ref(0)?.as_blob()?)))
        .optional()?;
    let mut all = clients.clone();
    there.flatten().iter().for_each(|there| all.merge(there));
    db.prepare_cached("INSERT OR REPLACE INTO affected VALUES (?1, ?2)")?.execute(params![difference, all.bytes()])?;
    Ok(())
}

/// Keeps the groups with the smallest digests, as a tally does.
fn trim(db: &Connection, stretch: i64) -> Result<()> {
    const PAST: &str = "SELECT id FROM differences WHERE stretch = ?1 \
                        ORDER BY digest, endpoint, place, kind, class LIMIT -1 OFFSET ?2";
    let bound = params![stretch, MAX_GROUPS as i64];
    db.prepare_cached(&format!("DELETE FROM examples WHERE difference IN ({PAST})"))?.execute(bound)?;
    db.prepare_cached(&format!("DELETE FROM affected WHERE difference IN ({PAST})"))?.execute(bound)?;
    db.prepare_cached(&format!("DELETE FROM differences WHERE id IN ({PAST})"))?.execute(bound)?;
    Ok(())
}

fn rule(db: &Connection, stretch: i64, id: &str, tally: &RuleTally) -> Result<()> {
    let sample = &tally.sample;
    db.prepare_cached(
        "INSERT INTO rules VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO UPDATE SET \
         differences = differences + excluded.differences, exchanges = exchanges + excluded.exchanges",
    )?
    .execute(params![
        stretch,
        id,
        tally.answer.as_str(),
        int(tally.differences),
        int(tally.exchanges),
        int(sample.sequence),
        sample.endpoint,
        sample.place,
        sample.legacy,
        sample.candidate,
    ])?;
    db.prepare_cached(
        "UPDATE rules SET sequence = ?3, endpoint = ?4, place = ?5, legacy = ?6, candidate = ?7 \
         WHERE stretch = ?1 AND id = ?2 AND sequence > ?3",
    )?
    .execute(params![
        stretch,
        id,
        int(sample.sequence),
        sample.endpoint,
        sample.place,
        sample.legacy,
        sample.candidate,
    ])?;
    Ok(())
}

/// In hexadecimal digits.
pub(super) fn digest(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Keeps a text once; its SHA-256 stands for it.
pub(super) fn content(db: &Connection, text: &str) -> Result<String> {
    let digest = digest(text);
    db.execute("INSERT OR IGNORE INTO contents VALUES (?1, ?2)", params![digest, text])?;
    Ok(digest)
}

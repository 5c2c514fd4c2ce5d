//! Signatures and the exchanges that are kept of them, in and out of a run file.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::rows::{self, Trust, refused};
use super::write::int;
use crate::exchange::Endpoint;
use crate::tally::{
    Element, Entry, Examples, Kept, MAX_ELEMENTS, MAX_KEPT, MAX_KEPT_BYTES, MAX_SIGNATURES, MAX_WRITTEN_PLACE, Rank,
    SPREAD_GROUPS, SignatureKey, Signatures, Spread, outcome_name, outcome_named,
};

type Result<T> = rusqlite::Result<T>;

/// Longest id of a rule.
const MAX_ID: usize = crate::rules::MAX_ID;
/// Longest list of elements as JSON: places may be escaped.
const MAX_WRITTEN: usize = MAX_ELEMENTS * (6 * MAX_WRITTEN_PLACE + 6 * MAX_ID + 200);

/// Adds what was counted since the last write.
pub(super) fn write(db: &Connection, stretch: i64, delta: &Signatures) -> Result<()> {
    for (key, entry) in &delta.entries {
        one(db, stretch, key, entry)?;
    }
    if !delta.entries.is_empty() {
        trim(db, stretch)?;
    }
    Ok(())
}

fn one(db: &Connection, stretch: i64, key: &SignatureKey, entry: &Entry) -> Result<()> {
    let outcome = outcome_name(key.outcome);
    let elements = rows::json(&key.elements)?;
    // What names it may be long; the index has its digest.
    let class = key.class.as_str();
    let name =
        Sha256::new_with_prefix(class).chain_update(&outcome).chain_update([0]).chain_update(&elements).finalize();
    let there = db
        .prepare_cached(
            "SELECT id, exchanges, differences, cut, cut_sequence FROM signatures \
             WHERE stretch = ?1 AND endpoint = ?2 AND name = ?3",
        )?
        .query_row(params![stretch, key.endpoint, name.as_slice()], |row| {
            let counted = counted((row.get(1)?, rows::text(row, 2)?), &mut Trust::default())?;
            Ok((row.get::<_, i64>(0)?, counted, Rank::read(digest(row.get(3)?), row.get::<_, i64>(4)? as u64)))
        })
        .optional()?;
    let mut all = Entry { exchanges: entry.exchanges, differences: entry.differences.clone(), ..Entry::default() };
    let id = match there {
        Some((id, mut before, cut)) => {
            before.merge(all);
            all = before;
            if entry.examples.iter().next().is_some() {
                all.examples = kept(db, id)?;
            }
            all.examples.cut_at(cut);
            id
        }
        None => {
            db.prepare_cached(
                "INSERT INTO signatures (stretch, digest, endpoint, name, class, outcome, elements, exchanges, differences, cut, \
                 cut_sequence) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, '[]', x'', 0)",
            )?
            .execute(params![
                stretch,
                key.digest().to_be_bytes(),
                key.endpoint,
                name.as_slice(),
                class,
                outcome,
                elements
            ])?;
            db.last_insert_rowid()
        }
    };
    examples(db, id, all, entry)
}

/// What is counted and kept of a signature, `all` of it before, with what was since.
fn examples(db: &Connection, id: i64, mut all: Entry, entry: &Entry) -> Result<()> {
    let before: Vec<Rank> = all.examples.iter().map(|(rank, _)| rank).collect();
    all.examples.merge(entry.examples.clone());
    let cut = all.examples.cut();
    db.prepare_cached(
        "UPDATE signatures SET exchanges = ?2, differences = ?3, cut = ?4, cut_sequence = ?5 WHERE id = ?1",
    )?
    .execute(params![
        id,
        int(all.exchanges),
        rows::json(&all.differences)?,
        cut.digest.to_be_bytes(),
        cut.sequence as i64
    ])?;
    for (day, group, exchanges) in entry.spread.iter() {
        db.prepare_cached(
            "INSERT INTO spread VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET exchanges = exchanges + excluded.exchanges",
        )?
        .execute(params![id, day, group, int(exchanges)])?;
    }
    for gone in before.iter().filter(|rank| **rank >= cut) {
        db.prepare_cached("DELETE FROM specimens WHERE signature = ?1 AND rank = ?2")?
            .execute(params![id, gone.digest.to_be_bytes()])?;
    }
    for (rank, kept) in all.examples.iter().filter(|(rank, _)| !before.contains(rank)) {
        db.prepare_cached("INSERT OR REPLACE INTO specimens VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(params![
            id,
            rank.digest.to_be_bytes(),
            int(kept.sequence),
            kept.state.as_str(),
            &*kept.bytes
        ])?;
    }
    Ok(())
}

/// Keeps the signatures with the smallest digests, as a tally does.
fn trim(db: &Connection, stretch: i64) -> Result<()> {
    const PAST: &str = "SELECT id FROM signatures WHERE stretch = ?1 ORDER BY digest, endpoint, id LIMIT -1 OFFSET ?2";
    let bound = params![stretch, MAX_SIGNATURES as i64];
    db.prepare_cached(&format!("DELETE FROM specimens WHERE signature IN ({PAST})"))?.execute(bound)?;
    db.prepare_cached(&format!("DELETE FROM spread WHERE signature IN ({PAST})"))?.execute(bound)?;
    db.prepare_cached(&format!("DELETE FROM signatures WHERE id IN ({PAST})"))?.execute(bound)?;
    Ok(())
}

/// The signatures of a stretch.
pub(super) fn read(
    db: &Connection,
    stretch: i64,
    number: impl Fn(i64) -> Result<u32>,
    signatures: &mut Signatures,
    trust: &mut Trust,
) -> Result<()> {
    let mut statement = db.prepare(
        "SELECT id, endpoint, outcome, elements, exchanges, differences, cut, cut_sequence, class FROM signatures \
         WHERE stretch = ?1 ORDER BY digest, endpoint, id LIMIT ?2",
    )?;
    let mut rows = statement.query(params![stretch, MAX_SIGNATURES as i64])?;
    while let Some(row) = rows.next()? {
        let outcome = outcome_named(rows::text(row, 2)?).ok_or_else(|| refused("an outcome is none of ours"))?;
        let elements = rows::text(row, 3)?;
        if elements.len() > MAX_WRITTEN {
            return Err(refused("a text is longer than any that we write"));
        }
        let elements: Vec<Element> = rows::parsed(elements)?;
        let long = |e: &Element| {
            e.place.len() > MAX_WRITTEN_PLACE || e.rule.as_ref().is_some_and(|rule| rule.id.len() > MAX_ID)
        };
        if elements.len() > MAX_ELEMENTS || elements.iter().any(long) {
            return Err(refused("a signature has more, or longer, parts than any that we write"));
        }
        let mut entry = counted((row.get(4)?, rows::text(row, 5)?), trust)?;
        if entry.differences.len() > elements.len() {
            return Err(refused("a signature counts what it has not"));
        }
        entry.spread = spread(db, row.get(0)?, trust)?;
        entry.examples = kept(db, row.get(0)?)?;
        entry.examples.cut_at(Rank::read(digest(row.get(6)?), row.get::<_, i64>(7)? as u64));
        let class = rows::named(rows::text(row, 8)?)?;
        let key = SignatureKey::new(number(row.get(1)?)?, class, outcome, elements);
        signatures.add(Arc::new(key), entry);
    }
    Ok(())
}

fn counted((exchanges, differences): (i64, &str), trust: &mut Trust) -> Result<Entry> {
    Ok(Entry { exchanges: trust.count(exchanges)?, differences: trust.counts(differences)?, ..Entry::default() })
}

/// Each day is a row for as long as a run lasts; what is told apart of them is bounded here.
fn spread(db: &Connection, signature: i64, trust: &mut Trust) -> Result<Spread> {
    let mut statement = db.prepare_cached("SELECT day, client_group, exchanges FROM spread WHERE signature = ?1")?;
    let mut rows = statement.query([signature])?;
    let mut spread = Spread::default();
    while let Some(row) = rows.next()? {
        let group = row.get::<_, u16>(1)?;
        if group >= SPREAD_GROUPS {
            return Err(refused("a group of clients is none of ours"));
        }
        spread.add(row.get(0)?, group, trust.count(row.get(2)?)?);
    }
    Ok(spread)
}

fn kept(db: &Connection, signature: i64) -> Result<Examples> {
    let mut statement = db.prepare_cached(
        "SELECT rank, sequence, state, bytes FROM specimens WHERE signature = ?1 ORDER BY rank, sequence LIMIT ?2",
    )?;
    let mut rows = statement.query(params![signature, MAX_KEPT as i64])?;
    let mut examples = Examples::default();
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref(3)?.as_blob()?;
        if bytes.len() > MAX_KEPT_BYTES {
            return Err(refused("a kept exchange is larger than any that we write"));
        }
        let sequence = u64::try_from(row.get::<_, i64>(1)?).map_err(|_| refused("a position is negative"))?;
        let kept = Kept { sequence, state: rows::named(rows::text(row, 2)?)?, bytes: bytes.into() };
        examples.insert(Rank::read(digest(row.get(0)?), sequence), Arc::new(kept));
    }
    Ok(examples)
}

/// Looks into every kept exchange: whoever uses one later need not expect another program's.
pub(super) fn check(signatures: &Signatures) -> Result<()> {
    let nowhere = Endpoint { method: String::new(), template: String::new() };
    for entry in signatures.entries.values() {
        for (_, kept) in entry.examples.iter() {
            kept.specimen(&nowhere).map_err(|error| refused(&error.to_string()))?;
        }
    }
    Ok(())
}

/// Eight bytes; anything else comes out as a rank that is never kept.
fn digest(bytes: Vec<u8>) -> u64 {
    bytes.try_into().map_or(u64::MAX, u64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::super::{RunFile, StretchFacts, load, read as read_file, unite};
    use super::*;
    use crate::ledger::Ledger;
    use crate::tally::specimens::{RULES, comparer, kept_of, snapshot, varied};
    use crate::tally::{Snapshot, Tally};

    fn endpoints() -> Vec<Endpoint> {
        ["GET /a", "GET /b/{id}", "GET /a"].map(crate::tally::invented::endpoint).to_vec()
    }

    fn facts() -> StretchFacts {
        StretchFacts { rules: vec![("rules.yaml".into(), RULES.into())], ..StretchFacts::default() }
    }

    fn write_all(file: &Path, deltas: Vec<Tally>) {
        let mut run = RunFile::open(file, &facts()).unwrap();
        for delta in deltas {
            run.write(&delta.into(), &Ledger::default(), &endpoints()).unwrap();
        }
        run.finish(&Tally::new().into(), &Ledger::default(), &endpoints(), &facts().facts).unwrap();
    }

    fn same(a: &Snapshot, b: &Snapshot) -> bool {
        (&a.signatures, a.kept) == (&b.signatures, b.kept)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn what_is_written_in_parts_is_what_was_kept(
            run in prop::collection::vec((0..8_u8, 0..3_u32, any::<bool>()), 1..80),
        ) {
            let comparer = comparer(RULES);
            let (mut whole, mut part, mut parts) = (Tally::new(), Tally::new(), Vec::new());
            for (n, (way, number, handed_over)) in run.iter().enumerate() {
                let one = varied(n as u64, *number, *way);
                kept_of(&mut whole, &one, &comparer);
                kept_of(&mut part, &one, &comparer);
                if *handed_over {
                    parts.push(part.hand_over());
                }
            }
            parts.push(part);
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("a.run");
            write_all(&file, parts);
            let read = load(std::slice::from_ref(&file)).unwrap().snapshot;
            let whole = snapshot(whole);
            prop_assert!(same(&read, &whole), "{:?} {:?}", read.kept, whole.kept);
            prop_assert_eq!(read.specimens().count() as u64, whole.kept.specimens);
        }
    }

    #[test]
    fn two_stretches_keep_as_many_as_one() {
        let comparer = comparer(RULES);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.run");
        for from in [0, 1000] {
            let mut tally = Tally::new();
            for n in from..from + 100 {
                kept_of(&mut tally, &varied(n, 0, 2), &comparer);
            }
            write_all(&file, vec![tally]);
        }
        let run = unite(read_file(&[file]).unwrap()).unwrap();
        let books = run.snapshot.kept;
        assert_eq!((books.exchanges, books.signatures, books.specimens), (200, 1, MAX_KEPT as u64));
        let first = run.snapshot.specimens().filter(|s| s.observation.sequence < 100).count();
        assert!((1..MAX_KEPT).contains(&first), "{first} of the first stretch");
    }

    #[test]
    fn tampered_rows_are_refused() {
        let comparer = comparer(RULES);
        let folder = tempfile::tempdir().unwrap();
        for (name, change) in [
            ("outcome", "UPDATE signatures SET outcome = 'splendid'"),
            ("elements", "UPDATE signatures SET elements = '[1]'"),
            ("many", "UPDATE signatures SET differences = '[1,2,3,4,5]'"),
            ("place", "UPDATE signatures SET elements = replace(elements, 'body /price', printf('%.*c', 999, 'x'))"),
            ("bytes", "UPDATE specimens SET bytes = x'00'"),
            ("large", "UPDATE specimens SET bytes = zeroblob(30000)"),
            ("state", "UPDATE specimens SET state = 'fine'"),
            ("count", "UPDATE signatures SET exchanges = -1"),
        ] {
            let file = folder.path().join(name);
            let mut tally = Tally::new();
            kept_of(&mut tally, &varied(1, 0, 2), &comparer);
            write_all(&file, vec![tally]);
            assert!(load(std::slice::from_ref(&file)).is_ok());
            Connection::open(&file).unwrap().execute_batch(change).unwrap();
            let refused = load(&[file]).unwrap_err().to_string();
            assert!(refused.contains("is damaged") && !refused.contains('\n'), "{name}: {refused}");
        }
    }
}

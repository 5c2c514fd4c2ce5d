//! What is in a run file, read with distrust and in one consistent view, also while somebody writes it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row};

use crate::exchange::{Endpoint, Example, Failure, RuleNote, RunFacts, StretchNote, Timestamp};
use crate::ledger::{Ledger, StoreBooks};
use crate::tally::{
    Affected, Builds, CLIENT_GROUPS, FailureSample, GRAINS, Group, Key, MAX_EXAMPLES_PER_GROUP, MAX_GROUPS,
    MAX_NUMBERS, MAX_PLACE_BYTES, RuleSample, RuleTally, Share, Tally,
};

use super::file::{MAX_STRETCHES, refuse_no_file};
use super::rows::{self, Trust, refused};
use super::schema::{self, Found};
use super::{StoreError, days, failing, over_time, parts, retention, signatures, unite};

type Result<T> = rusqlite::Result<T>;

/// Largest example, as JSON: a hundred differences and two bodies, all of it escaped.
pub(super) const MAX_EXAMPLE: usize = 4 << 20;
/// Largest facts and books: the captures' names, a line a damaged one.
const MAX_FACTS: usize = 4 << 20;
/// Largest text beside: a request line, one side of a difference, a name.
const MAX_TEXT: usize = 4 << 10;
/// Rules that a run may have.
const MAX_RULES: usize = crate::rules::MAX_RULES;

/// What one process saw from its start to its end, as it is in a file.
#[derive(Debug)]
pub struct Stretch {
    /// Where it is, and how it ended.
    pub note: StretchNote,
    /// How it was made.
    pub facts: RunFacts,
    /// The policy file's text; empty for the defaults.
    pub policy: String,
    /// What the rules in force say of themselves.
    pub notes: Vec<RuleNote>,
    /// The digests of the rule files in force, in order: by content, whatever they were called.
    pub(super) rules: Vec<String>,
    /// The rule files themselves: name and text.
    pub(super) rule_texts: Vec<(String, String)>,
    /// When it began, and whose it was: the same twice is a copy.
    pub(super) identity: (i64, i64),
    pub(super) file: PathBuf,
    pub(super) ledger: Ledger,
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) builds: Builds,
}

/// Every stretch of these files, in the order of their start.
///
/// # Errors
/// A file that cannot be read, is no run file or is damaged; the same stretch twice.
pub fn read(paths: &[PathBuf]) -> std::result::Result<Vec<Stretch>, StoreError> {
    let mut stretches = Vec::new();
    let mut trust = Trust::default();
    for path in paths {
        stretches.extend(one_file(path, &mut trust)?);
        if stretches.len() > MAX_STRETCHES {
            let (path, found) = (path.clone(), stretches.len());
            return Err(StoreError::TooMany { path, found, limit: MAX_STRETCHES });
        }
    }
    unite::in_order(&mut stretches)?;
    Ok(stretches)
}

fn one_file(path: &Path, trust: &mut Trust) -> std::result::Result<Vec<Stretch>, StoreError> {
    let system = |source, way_out| StoreError::System { path: path.to_owned(), source, way_out };
    refuse_no_file(path)?;
    // Asked by name: opening the file here and closing it again would drop SQLite's locks if this process writes it.
    let there = fs::metadata(path).map_err(|source| system(source, "name a file that a run wrote"))?;
    if there.is_dir() {
        return Err(system(std::io::ErrorKind::IsADirectory.into(), "name a file in it"));
    }
    let fail = |error| StoreError::of(path, &error);
    let mut connection = schema::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(fail)?;
    if schema::look(&connection, path)? == Found::Nothing {
        return Err(StoreError::Empty { path: path.to_owned() });
    }
    // One view of all tables, whatever is written meanwhile.
    let view = connection.transaction().map_err(fail)?;
    let sound: String = view.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(fail)?;
    if sound != "ok" {
        let what = sound.split_whitespace().take(20).collect::<Vec<_>>().join(" ");
        return Err(StoreError::Damaged { path: path.to_owned(), what });
    }
    let stretches = stretches(&view, path, trust).map_err(fail)?;
    if stretches.is_empty() { Err(StoreError::Empty { path: path.to_owned() }) } else { Ok(stretches) }
}

fn stretches(db: &Connection, path: &Path, trust: &mut Trust) -> Result<Vec<Stretch>> {
    let mut statement = db.prepare(
        "SELECT id, began, pid, written, finished, facts, policy, rules, notes, ledger, endpoints, writes, \
         failed_writes FROM stretches ORDER BY id LIMIT ?1",
    )?;
    let mut rows = statement.query([MAX_STRETCHES as i64 + 1])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(stretch(db, row, path, trust)?);
    }
    Ok(all)
}

fn stretch(db: &Connection, row: &Row<'_>, path: &Path, trust: &mut Trust) -> Result<Stretch> {
    let id: i64 = row.get(0)?;
    let facts: RunFacts = rows::parsed(within(rows::text(row, 5)?, MAX_FACTS)?)?;
    let mut ledger: Ledger = trust.counts(within(rows::text(row, 9)?, MAX_FACTS)?)?;
    let endpoints: Vec<Endpoint> = rows::parsed(rows::text(row, 10)?)?;
    if endpoints.len() > MAX_NUMBERS || endpoints.iter().any(|e| e.method.len() + e.template.len() > MAX_TEXT) {
        return Err(refused("its endpoints are more, or longer, than any that we write"));
    }
    let builds = parts::read(db, id, trust)?;
    let store = StoreBooks {
        writes: trust.count(row.get(11)?)?,
        unwritten: false,
        repeated: 0,
        failed_writes: trust.count(row.get(12)?)?,
        coarsened: builds.parts().fold(0, |sum, (_, part)| sum + part.tally.cells.coarsened),
    };
    let exchanges = builds.exchanges();
    let finished = row.get::<_, i64>(4)? != 0;
    // What the books call paired, and of which there is no outcome, was under way when the process was killed. More
    // outcomes than pairs cannot be; that stays an account that does not close.
    let paired = ledger.wire.requests_paired;
    let interrupted = if finished { 0 } else { paired.saturating_sub(exchanges) };
    ledger.store = Some(store);
    let rules: Vec<(String, String)> = rows::parsed(&content(db, rows::text(row, 7)?)?)?;
    Ok(Stretch {
        note: StretchNote {
            file: path.display().to_string(),
            started: facts.started.clone(),
            last_written: bounded(rows::text(row, 3)?)?,
            finished,
            exchanges: exchanges.saturating_add(interrupted),
            interrupted,
        },
        policy: content(db, rows::text(row, 6)?)?,
        notes: rows::parsed(&content(db, rows::text(row, 8)?)?)?,
        facts,
        rules: rules.iter().map(|(_, text)| super::write::digest(text)).collect(),
        rule_texts: rules,
        identity: (row.get(1)?, row.get(2)?),
        file: path.to_owned(),
        ledger,
        endpoints,
        builds,
    })
}

fn content(db: &Connection, digest: &str) -> Result<String> {
    let text = db
        .query_row("SELECT text FROM contents WHERE digest = ?1", [digest], |row| row.get::<_, String>(0))
        .optional()?;
    let text = text.ok_or_else(|| refused("the policy or the rules of a stretch are not in it"))?;
    if super::write::digest(&text) == digest { Ok(text) } else { Err(refused("a policy or rules have been changed")) }
}

/// The counts of one part. Minutes are folded as they come, a year of them takes no more memory than one, unless they are
/// `dated`.
pub(super) fn counts(db: &Connection, part: i64, dated: bool, tally: &mut Tally, trust: &mut Trust) -> Result<()> {
    outcomes(db, part, dated, tally, trust)?;
    clients(db, part, tally, trust)?;
    days::read(db, part, tally, trust)?;
    let format = schema::format(db)?;
    if format >= schema::WITH_OVER_TIME {
        over_time::read(db, part, tally, trust)?;
    } else {
        over_time::from_outcomes(db, part, tally, trust)?;
    }
    failures(db, part, tally)?;
    if format >= schema::WITH_FAILING {
        failing::read(db, part, tally)?;
    }
    differences(db, part, tally, trust)?;
    rules_used(db, part, tally, trust)?;
    signatures::read(db, part, number, &mut tally.signatures, trust)?;
    signatures::check(&tally.signatures)
}

fn outcomes(db: &Connection, stretch: i64, dated: bool, tally: &mut Tally, trust: &mut Trust) -> Result<()> {
    let kept = retention::Kept::of(db, stretch)?;
    let mut statement = db.prepare(rows::SELECT_CELLS)?;
    let mut rows = statement.query([stretch])?;
    while let Some(row) = rows.next()? {
        let cell = rows::cell(row, trust)?;
        let minute = if dated { kept.last(row.get(24)?) } else { 0 };
        tally.cells.add((minute, number(row.get(23)?)?), cell);
    }
    Ok(())
}

fn clients(db: &Connection, stretch: i64, tally: &mut Tally, trust: &mut Trust) -> Result<()> {
    let mut statement =
        db.prepare("SELECT endpoint, client_group, grain, compared, mismatched FROM clients WHERE stretch = ?1")?;
    let mut rows = statement.query([stretch])?;
    while let Some(row) = rows.next()? {
        let group = row.get::<_, u16>(1)?;
        let grain = row.get::<_, u8>(2)?;
        let share = Share { compared: trust.count(row.get(3)?)?, mismatched: trust.count(row.get(4)?)? };
        if group >= CLIENT_GROUPS || grain > GRAINS || share.mismatched > share.compared {
            return Err(refused("a group of clients is none of ours"));
        }
        tally.clients.add(number(row.get(0)?)?, group, grain, share);
    }
    Ok(())
}

fn failures(db: &Connection, stretch: i64, tally: &mut Tally) -> Result<()> {
    let mut statement =
        db.prepare("SELECT endpoint, failure, sequence, request FROM failures WHERE stretch = ?1 LIMIT ?2")?;
    let most = MAX_NUMBERS * Failure::ALL.len();
    let mut rows = statement.query([stretch, most as i64])?;
    while let Some(row) = rows.next()? {
        let sample = FailureSample { sequence: sequence(row.get(2)?)?, request: bounded(rows::text(row, 3)?)? };
        let mut cell = rows::Cell::default();
        cell.failure_samples.insert(rows::named(rows::text(row, 1)?)?, sample);
        tally.cells.add((0, number(row.get(0)?)?), cell);
    }
    Ok(())
}

fn differences(db: &Connection, stretch: i64, tally: &mut Tally, trust: &mut Trust) -> Result<()> {
    let mut statement = db.prepare(
        "SELECT id, endpoint, place, kind, class, differences, exchanges, first, last FROM differences \
         WHERE stretch = ?1 ORDER BY digest, endpoint, place, kind, class LIMIT ?2",
    )?;
    let mut rows = statement.query([stretch, MAX_GROUPS as i64])?;
    while let Some(row) = rows.next()? {
        let place = within(rows::text(row, 2)?, MAX_PLACE_BYTES + '…'.len_utf8())?;
        let key = Key::new(
            number(row.get(1)?)?,
            place.to_owned(),
            rows::named(rows::text(row, 3)?)?,
            rows::named(rows::text(row, 4)?)?,
        );
        let group = Group {
            differences: trust.count(row.get(5)?)?,
            exchanges: trust.count(row.get(6)?)?,
            first: row.get::<_, Option<i64>>(7)?.map(Timestamp),
            last: row.get::<_, Option<i64>>(8)?.map(Timestamp),
            affected: affected(db, row.get(0)?)?,
            examples: examples(db, row.get(0)?)?,
        };
        tally.groups.groups.insert(key, group);
    }
    Ok(())
}

/// Nobody, in a file of the oldest format.
fn affected(db: &Connection, difference: i64) -> Result<Affected> {
    if schema::format(db)? < schema::WITH_OVER_TIME {
        return Ok(Affected::default());
    }
    let there = db
        .prepare_cached("SELECT clients FROM affected WHERE difference = ?1")?
        .query_row([difference], |row| Ok(Affected::from_bytes(row.get_ref(0)?.as_blob()?)))
        .optional()?;
    Ok(there.flatten().unwrap_or_default())
}

fn examples(db: &Connection, difference: i64) -> Result<BTreeMap<u64, Arc<Example>>> {
    let mut statement =
        db.prepare_cached("SELECT sequence, example FROM examples WHERE difference = ?1 ORDER BY sequence LIMIT ?2")?;
    let mut rows = statement.query([difference, MAX_EXAMPLES_PER_GROUP as i64])?;
    let mut examples = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let example: Example = rows::parsed(within(rows::text(row, 1)?, MAX_EXAMPLE)?)?;
        let sequence = sequence(row.get(0)?)?;
        examples.insert(sequence, Arc::new(Example { sequence, ..example }));
    }
    Ok(examples)
}

fn rules_used(db: &Connection, stretch: i64, tally: &mut Tally, trust: &mut Trust) -> Result<()> {
    let mut statement = db.prepare(
        "SELECT id, answer, differences, exchanges, sequence, endpoint, place, legacy, candidate FROM rules \
         WHERE stretch = ?1 ORDER BY id LIMIT ?2",
    )?;
    let mut rows = statement.query([stretch, MAX_RULES as i64])?;
    while let Some(row) = rows.next()? {
        let side = |at: usize| row.get::<_, Option<String>>(at)?.as_deref().map(bounded).transpose();
        let used = RuleTally {
            answer: rows::named(rows::text(row, 1)?)?,
            differences: trust.count(row.get(2)?)?,
            exchanges: trust.count(row.get(3)?)?,
            sample: RuleSample {
                sequence: sequence(row.get(4)?)?,
                endpoint: number(row.get(5)?)?,
                place: bounded(rows::text(row, 6)?)?,
                legacy: side(7)?,
                candidate: side(8)?,
            },
        };
        tally.rules.insert(bounded(rows::text(row, 0)?)?.into(), used);
    }
    Ok(())
}

pub(super) fn number(n: i64) -> Result<u32> {
    let known = u32::try_from(n).ok().filter(|n| (*n as usize) < MAX_NUMBERS);
    known.ok_or_else(|| refused("an endpoint has a number that we do not give"))
}

pub(super) fn sequence(n: i64) -> Result<u64> {
    u64::try_from(n).map_err(|_| refused("a position is negative"))
}

pub(super) fn bounded(text: &str) -> Result<String> {
    within(text, MAX_TEXT).map(str::to_owned)
}

pub(super) fn within(text: &str, most: usize) -> Result<&str> {
    if text.len() > most { Err(refused("a text is longer than any that we write")) } else { Ok(text) }
}

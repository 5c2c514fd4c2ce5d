//! The parts of a stretch, one for each build of the candidate, in and out of a run file.

use rusqlite::{Connection, OptionalExtension, params};

use super::read::counts;
use super::rows::{self, Trust, refused};
use super::write::{self, int};
use crate::exchange::Timestamp;
use crate::tally::{Builds, MAX_BUILD_NAME, MAX_BUILDS, Part, Timeline};

type Result<T> = rusqlite::Result<T>;

/// Longest timeline as JSON.
const MAX_ANSWERS: usize = 64 << 10;

/// Adds what was counted since the last write, build by build.
pub(super) fn write(db: &Connection, stretch: i64, delta: &Builds) -> Result<()> {
    for (build, part) in delta.parts() {
        let build = build.as_deref();
        let there: Option<(i64, String)> = db
            .prepare_cached("SELECT id, answers FROM parts WHERE stretch = ?1 AND build IS ?2")?
            .query_row(params![stretch, build], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let (id, mut answers) = match there {
            Some((id, answers)) => (id, rows::parsed(&answers)?),
            None => {
                db.prepare_cached("INSERT INTO parts VALUES (NULL, ?1, ?2, '[0,[]]', NULL, NULL, 0, 0, 0, 0, 0, 0)")?
                    .execute(params![stretch, build])?;
                (db.last_insert_rowid(), Timeline::default())
            }
        };
        write::delta(db, id, &part.tally)?;
        answers.merge(part.answers.clone());
        sums(db, id, part, &answers)?;
    }
    Ok(())
}

fn sums(db: &Connection, id: i64, Part { tally, .. }: &Part, answers: &Timeline) -> Result<()> {
    db.prepare_cached(
        "UPDATE parts SET differences = differences + ?2, more_differences = more_differences + ?3, \
         drift_asked = drift_asked + ?4, drift_drifted = drift_drifted + ?5, coarsened = coarsened + ?6, \
         first = min(coalesce(first, ?7), coalesce(?7, first)), last = max(coalesce(last, ?8), coalesce(?8, last)), \
         compared = compared + ?9, answers = ?10 WHERE id = ?1",
    )?
    .execute(params![
        id,
        int(tally.differences),
        int(tally.more_differences),
        int(tally.drift.asked),
        int(tally.drift.drifted),
        int(tally.cells.coarsened),
        tally.first.map(|t| t.0),
        tally.last.map(|t| t.0),
        int(tally.signatures.exchanges),
        rows::json(answers)?,
    ])?;
    Ok(())
}

/// The parts of a stretch.
pub(super) fn read(db: &Connection, stretch: i64, trust: &mut Trust) -> Result<Builds> {
    let mut statement = db.prepare(
        "SELECT id, build, answers, first, last, differences, more_differences, drift_asked, drift_drifted, coarsened, \
         compared FROM parts WHERE stretch = ?1 ORDER BY id LIMIT ?2",
    )?;
    // One of no build, one of those past the bound, and one more, which is refused.
    let most = MAX_BUILDS + 3;
    let mut rows = statement.query(params![stretch, most as i64])?;
    let (mut builds, mut found) = (Builds::new(), 0);
    while let Some(row) = rows.next()? {
        found += 1;
        let build: Option<String> = row.get(1)?;
        if found == most || build.as_ref().is_some_and(|build| build.len() > MAX_BUILD_NAME) {
            return Err(refused("it has more builds, or longer names of builds, than we write"));
        }
        let answers = rows::text(row, 2)?;
        if answers.len() > MAX_ANSWERS {
            return Err(refused("a text is longer than any that we write"));
        }
        let mut part = Part { answers: rows::parsed(answers)?, ..Part::default() };
        let tally = &mut part.tally;
        tally.first = row.get::<_, Option<i64>>(3)?.map(Timestamp);
        tally.last = row.get::<_, Option<i64>>(4)?.map(Timestamp);
        tally.differences = trust.count(row.get(5)?)?;
        tally.more_differences = trust.count(row.get(6)?)?;
        tally.drift.asked = trust.count(row.get(7)?)?;
        tally.drift.drifted = trust.count(row.get(8)?)?;
        tally.cells.coarsened = trust.count(row.get(9)?)?;
        tally.signatures.exchanges = trust.count(row.get(10)?)?;
        counts(db, row.get(0)?, build.is_none(), tally, trust)?;
        builds.add(build.map(Into::into), part);
    }
    Ok(builds)
}

//! The shape of a run file.
//!
//! A stretch is what one process saw from its start to its end. Every other row belongs to one, or to a part of one: what one
//! build of the candidate has answered in it. Texts that many
//! stretches share (the policy, the rules) are kept once, by their SHA-256.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{StoreError, over_time};

/// `tapc` in the file's header (<https://www.sqlite.org/fileformat2.html#application_id>).
pub const APPLICATION_ID: i64 = 0x7461_7063;
/// The version of the tables below.
pub const FORMAT: i64 = 4;
/// The oldest that is read, and brought to ours where it is written: the same without the last tables.
pub const OLDEST_FORMAT: i64 = 2;
/// The first with counts over time and with the clients that saw a difference.
pub(super) const WITH_OVER_TIME: i64 = 3;
/// The first with requests that failed.
pub(super) const WITH_FAILING: i64 = 4;
/// Largest single value that is written or read, in bytes.
const MAX_VALUE: i32 = 64 << 20;
/// How long a reader that is in the way is waited for.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

/// Name and definition of each table. A file with anything else in it (a view, a trigger) is not read: that would be
/// letting somebody else's statements run.
const TABLES: [(&str, &str); 19] = [
    ("contents", "CREATE TABLE contents (digest TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT"),
    (
        "stretches",
        "CREATE TABLE stretches (id INTEGER PRIMARY KEY, began INTEGER NOT NULL, pid INTEGER NOT NULL, \
         written TEXT NOT NULL, finished INTEGER NOT NULL, facts TEXT NOT NULL, policy TEXT NOT NULL, \
         rules TEXT NOT NULL, notes TEXT NOT NULL, ledger TEXT NOT NULL, endpoints TEXT NOT NULL, \
         writes INTEGER NOT NULL, failed_writes INTEGER NOT NULL) STRICT",
    ),
    // What one build of the candidate has answered in a stretch; the build is NULL for what belongs to none. In the tables
    // below `stretch` is the id of such a part.
    (
        "parts",
        "CREATE TABLE parts (id INTEGER PRIMARY KEY, stretch INTEGER NOT NULL, build TEXT, answers TEXT NOT NULL, \
         first INTEGER, last INTEGER, differences INTEGER NOT NULL, more_differences INTEGER NOT NULL, \
         drift_asked INTEGER NOT NULL, drift_drifted INTEGER NOT NULL, coarsened INTEGER NOT NULL, \
         compared INTEGER NOT NULL) STRICT",
    ),
    (
        "outcomes",
        "CREATE TABLE outcomes (stretch INTEGER NOT NULL, minute INTEGER NOT NULL, endpoint INTEGER NOT NULL, \
         exchanges INTEGER NOT NULL, sent INTEGER NOT NULL, compared INTEGER NOT NULL, matched INTEGER NOT NULL, \
         accepted INTEGER NOT NULL, mismatched INTEGER NOT NULL, noisy INTEGER NOT NULL, drifted INTEGER NOT NULL, \
         legacy_5xx INTEGER NOT NULL, candidate_5xx INTEGER NOT NULL, refused_alone INTEGER NOT NULL, skipped TEXT NOT NULL, failed TEXT NOT NULL, \
         not_comparable TEXT NOT NULL, accepted_by TEXT NOT NULL, legacy BLOB NOT NULL, candidate BLOB NOT NULL, \
         captured BLOB, slower BLOB NOT NULL, faster BLOB NOT NULL, equal INTEGER NOT NULL, cut_off INTEGER NOT NULL, \
         unknown INTEGER NOT NULL, PRIMARY KEY (stretch, minute, endpoint)) STRICT",
    ),
    (
        "clients",
        "CREATE TABLE clients (stretch INTEGER NOT NULL, endpoint INTEGER NOT NULL, client_group INTEGER NOT NULL, \
         grain INTEGER NOT NULL, compared INTEGER NOT NULL, mismatched INTEGER NOT NULL, \
         PRIMARY KEY (stretch, endpoint, client_group, grain)) STRICT, WITHOUT ROWID",
    ),
    // A day is days since 1970-01-01; the least number is for what has none.
    (
        "days",
        "CREATE TABLE days (stretch INTEGER NOT NULL, day INTEGER NOT NULL, endpoint INTEGER NOT NULL, \
         class TEXT NOT NULL, seen INTEGER NOT NULL, compared INTEGER NOT NULL, accepted INTEGER NOT NULL, \
         mismatched INTEGER NOT NULL, failed INTEGER NOT NULL, refused_alone INTEGER NOT NULL, \
         seen_hours INTEGER NOT NULL, compared_hours INTEGER NOT NULL, \
         PRIMARY KEY (stretch, day, endpoint, class)) STRICT, WITHOUT ROWID",
    ),
    (
        "day_accepted",
        "CREATE TABLE day_accepted (stretch INTEGER NOT NULL, day INTEGER NOT NULL, endpoint INTEGER NOT NULL, \
         class TEXT NOT NULL, rule TEXT NOT NULL, exchanges INTEGER NOT NULL, \
         PRIMARY KEY (stretch, day, endpoint, class, rule)) STRICT, WITHOUT ROWID",
    ),
    (
        "day_clients",
        "CREATE TABLE day_clients (stretch INTEGER NOT NULL, day INTEGER NOT NULL, client_group INTEGER NOT NULL, \
         grain INTEGER NOT NULL, compared INTEGER NOT NULL, mismatched INTEGER NOT NULL, \
         PRIMARY KEY (stretch, day, client_group, grain)) STRICT, WITHOUT ROWID",
    ),
    // How far the minutes of a stretch have been put together (`retention.rs`); all in minutes since 1970.
    (
        "retention",
        "CREATE TABLE retention (stretch INTEGER PRIMARY KEY, latest INTEGER NOT NULL, hours_to INTEGER NOT NULL, \
         days_to INTEGER NOT NULL) STRICT",
    ),
    (
        "failures",
        "CREATE TABLE failures (stretch INTEGER NOT NULL, endpoint INTEGER NOT NULL, failure TEXT NOT NULL, \
         sequence INTEGER NOT NULL, request TEXT NOT NULL, PRIMARY KEY (stretch, endpoint, failure)) STRICT",
    ),
    (
        "differences",
        "CREATE TABLE differences (id INTEGER PRIMARY KEY, stretch INTEGER NOT NULL, digest BLOB NOT NULL, \
         endpoint INTEGER NOT NULL, place TEXT NOT NULL, kind TEXT NOT NULL, class TEXT NOT NULL, \
         differences INTEGER NOT NULL, exchanges INTEGER NOT NULL, first INTEGER, last INTEGER, \
         UNIQUE (stretch, digest, endpoint, place, kind, class)) STRICT",
    ),
    (
        "examples",
        "CREATE TABLE examples (difference INTEGER NOT NULL, sequence INTEGER NOT NULL, example TEXT NOT NULL, \
         PRIMARY KEY (difference, sequence)) STRICT",
    ),
    (
        "rules",
        "CREATE TABLE rules (stretch INTEGER NOT NULL, id TEXT NOT NULL, answer TEXT NOT NULL, \
         differences INTEGER NOT NULL, exchanges INTEGER NOT NULL, sequence INTEGER NOT NULL, \
         endpoint INTEGER NOT NULL, place TEXT NOT NULL, legacy TEXT, candidate TEXT, \
         PRIMARY KEY (stretch, id)) STRICT",
    ),
    (
        "signatures",
        "CREATE TABLE signatures (id INTEGER PRIMARY KEY, stretch INTEGER NOT NULL, digest BLOB NOT NULL, \
         endpoint INTEGER NOT NULL, name BLOB NOT NULL, class TEXT NOT NULL, outcome TEXT NOT NULL, elements TEXT NOT NULL, \
         exchanges INTEGER NOT NULL, differences TEXT NOT NULL, cut BLOB NOT NULL, cut_sequence INTEGER NOT NULL, \
         UNIQUE (stretch, endpoint, name)) STRICT",
    ),
    (
        "specimens",
        "CREATE TABLE specimens (signature INTEGER NOT NULL, rank BLOB NOT NULL, sequence INTEGER NOT NULL, \
         state TEXT NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (signature, rank, sequence)) STRICT",
    ),
    (
        "spread",
        "CREATE TABLE spread (signature INTEGER NOT NULL, day INTEGER NOT NULL, client_group INTEGER NOT NULL, \
         exchanges INTEGER NOT NULL, PRIMARY KEY (signature, day, client_group)) STRICT, WITHOUT ROWID",
    ),
    // Since format 3: the clients that saw a difference, as bits (`tally/affected.rs`).
    ("affected", "CREATE TABLE affected (difference INTEGER PRIMARY KEY, clients BLOB NOT NULL) STRICT"),
    // And of each endpoint number, and of all together (`over_time.rs`).
    (
        "over_time",
        "CREATE TABLE over_time (part INTEGER NOT NULL, series INTEGER NOT NULL, counts TEXT NOT NULL, \
         PRIMARY KEY (part, series)) STRICT, WITHOUT ROWID",
    ),
    // Since format 4: the first request of each way in which an endpoint failed, to be asked again (`failing.rs`).
    (
        "failing",
        "CREATE TABLE failing (part INTEGER NOT NULL, endpoint INTEGER NOT NULL, failure TEXT NOT NULL, \
         digest BLOB NOT NULL, first INTEGER, last INTEGER, sequence INTEGER NOT NULL, example TEXT NOT NULL, \
         PRIMARY KEY (part, endpoint, failure)) STRICT",
    ),
];

/// Those that are in a file of a format that is read.
fn tables(format: i64) -> &'static [(&'static str, &'static str)] {
    let later = match format {
        WITH_FAILING.. => 0,
        WITH_OVER_TIME => 1,
        _ => 3,
    };
    TABLES.get(..TABLES.len() - later).unwrap_or_default()
}

/// What a file turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing in it yet.
    Nothing,
    /// A run file of ours.
    Run,
}

/// Opens a database with what holds for reading and for writing: bounded values, and nothing in the file runs.
pub(super) fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    // A relative name could be one that SQLite takes for something else, such as `:memory:`.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.busy_timeout(PATIENCE)?;
    connection.execute_batch("PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;")?;
    Ok(connection)
}

/// What the file is. Refuses what is not ours, is newer, or holds more than our tables.
pub(super) fn look(connection: &Connection, path: &Path) -> Result<Found, StoreError> {
    let fail = |error| StoreError::of(path, &error);
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).map_err(fail);
    let path = path.to_owned();
    let tables = match (number("application_id")?, number("user_version")?) {
        (APPLICATION_ID, found @ OLDEST_FORMAT..=FORMAT) => tables(found),
        (APPLICATION_ID, found) if found > FORMAT => return Err(StoreError::Newer { path, found, known: FORMAT }),
        (APPLICATION_ID, found) => return Err(StoreError::Older { path, found, known: FORMAT, oldest: OLDEST_FORMAT }),
        (0, 0) if number("page_count")? == 0 => return Ok(Found::Nothing),
        _ => return Err(StoreError::Foreign { path }),
    };
    let mut statement =
        connection.prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid").map_err(fail)?;
    let rows = statement
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))
        .and_then(|rows| rows.take(TABLES.len() + 1).collect::<Result<Vec<_>, _>>())
        .map_err(fail)?;
    let ours = rows.iter().map(|(name, sql)| (name.as_str(), sql.as_str())).eq(tables.iter().copied());
    if ours {
        Ok(Found::Run)
    } else {
        Err(StoreError::Damaged { path, what: "its tables are not as we make them".into() })
    }
}

/// Makes the tables, all or none, and then lets readers read beside a writer (WAL).
pub(super) fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    for (_, sql) in TABLES {
        transaction.execute_batch(sql)?;
    }
    transaction.commit()
}

/// The format of a file of ours.
pub(super) fn format(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings a file of a format before to ours, all or nothing: what its minutes tell of the run over time is put down.
pub(super) fn upgrade(connection: &mut Connection) -> rusqlite::Result<()> {
    let found = format(connection)?;
    if found == FORMAT {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (_, sql) in TABLES.iter().skip(tables(found).len()) {
        transaction.execute_batch(sql)?;
    }
    if found < WITH_OVER_TIME {
        over_time::upgrade(&transaction)?;
    }
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

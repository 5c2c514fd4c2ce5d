//! The file of a run that goes on: one writer, one transaction a write.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, params};

use crate::exchange::{Endpoint, RuleNote, RunFacts, Timestamp};
use crate::ledger::Ledger;
use crate::tally::Builds;

use super::schema::{self, Found};
use super::{StoreError, parts, rows, write};

/// Stretches that one file may have.
pub const MAX_STRETCHES: usize = 1024;

/// What is known of a stretch when it begins.
#[derive(Debug, Clone, Default)]
pub struct StretchFacts {
    /// What the report says of the run; what is known at its end only comes with [`RunFile::finish`].
    pub facts: RunFacts,
    /// The policy file's text; empty for the defaults.
    pub policy: String,
    /// Name and text of each rule file in force, in order ([`crate::rules::texts_or_common`]).
    pub rules: Vec<(String, String)>,
    /// What these rules say of themselves ([`crate::rules::RuleSet::notes`]).
    pub notes: Vec<RuleNote>,
}

/// A run file that this process writes. Others may read it at any time; a second writer is refused.
///
/// What [`RunFile::write`] was given is in the file when it returns: a process that is killed loses what was not
/// written yet, and nothing is in the file twice or in part. Against a loss of power the file stays whole, but its last
/// writes may be missing.
#[derive(Debug)]
pub struct RunFile {
    path: PathBuf,
    // Before the lock, and so dropped before it: see `File` below.
    connection: Connection,
    stretch: Option<i64>,
    facts: StretchFacts,
    began: Timestamp,
    writes: u64,
    failed_writes: u64,
    /// As they are in the file, so that they are written only where they have changed.
    endpoints: Option<Vec<Endpoint>>,
    /// Held as long as the run lasts. Closing any handle of the file would drop the locks that SQLite holds on it in
    /// this process (POSIX: fcntl(2), "all locks on the file are released"), so it is closed last.
    _lock: File,
}

impl RunFile {
    /// Begins a stretch in the file, which is made (mode 0600) where there is none. Where the disk is full the file is
    /// opened all the same, and what could not be made is made by a later [`RunFile::write`].
    ///
    /// # Errors
    /// A folder that is not there or not ours to write in; a file that is no run file, is damaged, was made by a later
    /// version, has [`MAX_STRETCHES`], or is being written by another process.
    pub fn open(path: &Path, facts: &StretchFacts) -> Result<RunFile, StoreError> {
        let lock = locked(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        let connection = schema::connect(path, flags).map_err(|error| StoreError::of(path, &error))?;
        let mut file = RunFile {
            path: path.to_owned(),
            connection,
            stretch: None,
            facts: facts.clone(),
            began: Timestamp(i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)),
            writes: 0,
            failed_writes: 0,
            endpoints: None,
            _lock: lock,
        };
        if schema::look(&file.connection, path)? == Found::Run {
            file.check_room()?;
        }
        match file.begin() {
            Ok(()) => {}
            Err(error) if StoreError::may_pass(&error) => file.failed_writes += 1,
            Err(error) => return Err(StoreError::of(path, &error)),
        }
        Ok(file)
    }

    /// Adds what was counted since the last write, and puts the books and the endpoints in place of those that were
    /// there. `ledger` must have been taken after `delta`: then no outcome is in the file before its exchange is in the
    /// books. All of it is one transaction.
    ///
    /// # Errors
    /// Nothing of it is in the file. The caller keeps the delta, merges it with the next and tries again.
    pub fn write(&mut self, delta: &Builds, ledger: &Ledger, endpoints: &[Endpoint]) -> Result<(), StoreError> {
        self.put(delta, ledger, endpoints, None)
    }

    /// The last write of a stretch: it came to its end. `facts` replaces what was known at its beginning. The file is
    /// then one file, without others beside it, if nobody is reading it.
    ///
    /// # Errors
    /// As for [`RunFile::write`]; the stretch then counts as one that was killed.
    pub fn finish(
        &mut self,
        delta: &Builds,
        ledger: &Ledger,
        endpoints: &[Endpoint],
        facts: &RunFacts,
    ) -> Result<(), StoreError> {
        self.put(delta, ledger, endpoints, Some(facts))?;
        // Only tidying: where a reader is in the way, or the disk is full, everything is in the file and its log.
        let _ = self.connection.pragma_update(None, "journal_mode", "DELETE");
        Ok(())
    }

    /// Transactions in the file of this stretch, and attempts that failed.
    pub fn attempts(&self) -> (u64, u64) {
        (self.writes, self.failed_writes)
    }

    /// The candidate that the stretch before this one is evidence about, where that was another: the two cannot be
    /// judged together. Hostile.
    pub fn other_candidate(&self) -> Option<String> {
        let sql = "SELECT facts FROM stretches WHERE began <> ?1 OR pid <> ?2 ORDER BY id DESC LIMIT 1";
        let own = params![self.began.0, std::process::id()];
        let text: String = self.connection.query_row(sql, own, |row| row.get(0)).ok()?;
        let before: RunFacts = rows::parsed(&text).ok()?;
        (before.candidate != self.facts.facts.candidate).then_some(before.candidate)
    }

    fn put(
        &mut self,
        delta: &Builds,
        ledger: &Ledger,
        endpoints: &[Endpoint],
        end: Option<&RunFacts>,
    ) -> Result<(), StoreError> {
        let Err(error) = self.try_put(delta, ledger, endpoints, end) else {
            return Ok(());
        };
        // An error at the very end of a commit does not say whether it took place; counting twice would be a lie.
        if self.stretch.is_some() && self.writes_in_file().is_ok_and(|there| there == self.writes + 1) {
            self.written(endpoints);
            return Ok(());
        }
        self.failed_writes += 1;
        Err(StoreError::of(&self.path, &error))
    }

    fn try_put(
        &mut self,
        delta: &Builds,
        ledger: &Ledger,
        endpoints: &[Endpoint],
        end: Option<&RunFacts>,
    ) -> rusqlite::Result<()> {
        self.begin()?;
        let Some(stretch) = self.stretch else { return Err(rusqlite::Error::InvalidQuery) };
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        parts::write(&transaction, stretch, delta)?;
        if self.endpoints.as_deref() != Some(endpoints) {
            let text = rows::json(&endpoints)?;
            transaction.execute("UPDATE stretches SET endpoints = ?2 WHERE id = ?1", params![stretch, text])?;
        }
        if let Some(facts) = end {
            let text = rows::json(facts)?;
            transaction
                .execute("UPDATE stretches SET facts = ?2, finished = 1 WHERE id = ?1", params![stretch, text])?;
        }
        let ledger = Ledger { shadow: None, store: None, ..ledger.clone() };
        transaction
            .prepare_cached(
                "UPDATE stretches SET ledger = ?2, written = ?3, writes = ?4, failed_writes = ?5 WHERE id = ?1",
            )?
            .execute(params![
                stretch,
                rows::json(&ledger)?,
                now(),
                write::int(self.writes + 1),
                write::int(self.failed_writes)
            ])?;
        transaction.commit()?;
        self.written(endpoints);
        Ok(())
    }

    fn written(&mut self, endpoints: &[Endpoint]) {
        self.writes += 1;
        if self.endpoints.as_deref() != Some(endpoints) {
            self.endpoints = Some(endpoints.to_owned());
        }
    }

    fn writes_in_file(&self) -> rusqlite::Result<u64> {
        let there: i64 =
            self.connection
                .query_row("SELECT writes FROM stretches WHERE id = ?1", [self.stretch], |row| row.get(0))?;
        Ok(u64::try_from(there).unwrap_or(0))
    }

    /// Makes what a stretch needs before its first write: the tables, the log, its row. Each step is taken once.
    fn begin(&mut self) -> rusqlite::Result<()> {
        if self.stretch.is_some() {
            return Ok(());
        }
        let pages: i64 = self.connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
        if pages == 0 {
            schema::create(&mut self.connection)?;
        }
        schema::upgrade(&mut self.connection)?;
        self.connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        // In WAL mode a commit is safe from a crash of the process without waiting for the disk.
        self.connection.pragma_update(None, "synchronous", "NORMAL")?;
        // A commit may be in the file whose end was an error.
        if let Some(there) = self.row_of_this_stretch()? {
            self.stretch = Some(there);
            return Ok(());
        }
        let facts = &self.facts;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let policy = write::content(&transaction, &facts.policy)?;
        let rules = write::content(&transaction, &rows::json(&facts.rules)?)?;
        let notes = write::content(&transaction, &rows::json(&facts.notes)?)?;
        transaction.execute(
            "INSERT INTO stretches (began, pid, written, finished, facts, policy, rules, notes, ledger, endpoints, \
             writes, failed_writes) \
             VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6, ?7, ?8, '[]', 0, 0)",
            params![
                self.began.0,
                std::process::id(),
                now(),
                rows::json(&facts.facts)?,
                policy,
                rules,
                notes,
                rows::json(&Ledger::default())?
            ],
        )?;
        let stretch = transaction.last_insert_rowid();
        transaction.commit()?;
        self.stretch = Some(stretch);
        Ok(())
    }

    fn row_of_this_stretch(&self) -> rusqlite::Result<Option<i64>> {
        let sql = "SELECT id FROM stretches WHERE began = ?1 AND pid = ?2";
        self.connection.query_row(sql, params![self.began.0, std::process::id()], |row| row.get(0)).optional()
    }

    fn check_room(&self) -> Result<(), StoreError> {
        let found: i64 = self
            .connection
            .query_row("SELECT count(*) FROM stretches", [], |row| row.get(0))
            .map_err(|error| StoreError::of(&self.path, &error))?;
        let found = usize::try_from(found).unwrap_or(usize::MAX);
        if found < MAX_STRETCHES {
            return Ok(());
        }
        Err(StoreError::TooMany { path: self.path.clone(), found, limit: MAX_STRETCHES })
    }
}

fn now() -> String {
    format!("{:.0}", jiff::Timestamp::now())
}

/// A pipe would be waited for, and a device keeps nothing. What is not there, or is a folder, is told by who opens it.
pub(super) fn refuse_no_file(path: &Path) -> Result<(), StoreError> {
    match fs::metadata(path) {
        Ok(there) if !there.is_file() && !there.is_dir() => Err(StoreError::System {
            path: path.to_owned(),
            source: io::Error::other("it is a device or a pipe"),
            way_out: "name a file",
        }),
        _ => Ok(()),
    }
}

/// The file, made where it is not there, and locked against a second writer.
fn locked(path: &Path) -> Result<File, StoreError> {
    let system = |source, way_out| StoreError::System { path: path.to_owned(), source, way_out };
    refuse_no_file(path)?;
    let lock = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path).map_err(
        |source| match source.kind() {
            io::ErrorKind::NotFound => system(source, "make its folder first"),
            io::ErrorKind::IsADirectory => system(source, "name a file in it"),
            _ => system(source, "name a file that can be written"),
        },
    )?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::Error(source)) => Err(system(source, "name a file on a disk that knows locks")),
        Err(TryLockError::WouldBlock) => {
            // Left open: closing it would take with it the locks of a connection that this process may have on the
            // file. It happens once, on the way out.
            std::mem::forget(lock);
            Err(StoreError::Busy { path: path.to_owned(), writer: writer(path) })
        }
    }
}

/// Who writes it, as far as the file says.
fn writer(path: &Path) -> String {
    let pid = schema::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY).and_then(|connection| {
        connection.query_row("SELECT pid FROM stretches ORDER BY id DESC LIMIT 1", [], |row| row.get::<_, i64>(0))
    });
    pid.map_or_else(|_| "another process".to_owned(), |pid| format!("process {pid}"))
}

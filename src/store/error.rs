//! Why a run file cannot be written or read: one line each, with the way out.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{ErrorCode, ffi};

/// What went wrong with a run file.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system does not let us at it.
    #[error("the run file {}: {source}; {way_out}", path.display())]
    System {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
        /// What to do.
        way_out: &'static str,
    },
    /// Another program's file, or none of a program.
    #[error("{} is no run file of tapcompare; name another (it stays as it is)", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A later tapcompare wrote it.
    #[error("the run file {}: its format is {found}, and this tapcompare knows {known}; use the version that wrote it", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// A tapcompare from before the first release wrote it.
    #[error("the run file {}: its format is {found}, and this tapcompare reads {oldest} to {known}; make the run anew, into another file", path.display())]
    Older {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// Ours.
        known: i64,
        /// The oldest that is read.
        oldest: i64,
    },
    /// A second process.
    #[error("the run file {} is being written by {writer}; end that, or name another file", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
        /// `process 1234`, where it is known.
        writer: String,
    },
    /// It holds what we did not write.
    #[error("the run file {} is damaged: {what}; nothing in it can be relied on", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// No room.
    #[error("the run file {} cannot grow: the disk is full; make room", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// Anything else that the database says.
    #[error("the run file {}: {message}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What it said.
        message: String,
    },
    /// A killed run in a folder where nothing can be made.
    #[error("the run file {}: {message}; beside a run that was killed lies its log, {}-wal, and to read it its folder must be writable: copy both", path.display(), path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// What the database said.
        message: String,
    },
    /// Opened and never written.
    #[error("the run file {} holds no evidence: nothing was written to it", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// More stretches than a file may have, or than are put together.
    #[error("the run file {} has {found} stretches already, and {limit} are the most; name another", path.display())]
    TooMany {
        /// The file.
        path: PathBuf,
        /// How many.
        found: usize,
        /// The bound.
        limit: usize,
    },
    /// Named twice, or a copy.
    #[error("the stretch of {began} is both in {} and in {}; name one of the two", first.display(), second.display())]
    Twice {
        /// When it began.
        began: String,
        /// A file that has it.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// Evidence of different things.
    #[error(
        "{first} and {second} differ in {what} and make no common verdict; judge them one by one, with --stretch {first_number} and --stretch {second_number}"
    )]
    Mixed {
        /// One, in words.
        first: String,
        /// The other.
        second: String,
        /// What differs.
        what: String,
        /// Its place in the order of their start, from 1.
        first_number: usize,
        /// The other's.
        second_number: usize,
    },
    /// `--epoch` names none.
    #[error("there is no epoch {wanted}: {found} there, counted from 1 in the order of their start")]
    NoEpoch {
        /// What was asked for.
        wanted: usize,
        /// `2 are`, `1 is`.
        found: String,
    },
    /// `--stretch` names none.
    #[error("there is no stretch {wanted}: {found} there, counted from 1 in the order of their start")]
    NoStretch {
        /// What was asked for.
        wanted: usize,
        /// `2 are`, `1 is`.
        found: String,
    },
}

impl StoreError {
    /// An error of the database about that file.
    pub(super) fn of(path: &Path, error: &rusqlite::Error) -> StoreError {
        let path = path.to_owned();
        let code = error.sqlite_error().map_or(0, |error| error.extended_code);
        match error.sqlite_error_code() {
            // The index of the log, which is a file beside, could not grow.
            _ if code == ffi::SQLITE_IOERR_SHMSIZE => StoreError::Full { path },
            // Making the file was cut short, and undoing that is left to who writes it.
            _ if code == ffi::SQLITE_READONLY_ROLLBACK => StoreError::Empty { path },
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly) => {
                StoreError::Log { path, message: one_line(&error.to_string()) }
            }
            Some(ErrorCode::NotADatabase) => StoreError::Foreign { path },
            Some(ErrorCode::DiskFull) => StoreError::Full { path },
            Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged { path, what: one_line(&error.to_string()) },
            Some(ErrorCode::TooBig) => StoreError::Damaged { path, what: "a value is larger than any of ours".into() },
            // A column that is missing or of another type than we write.
            None => StoreError::Damaged { path, what: one_line(&error.to_string()) },
            Some(_) => StoreError::Database { path, message: one_line(&format!("{error} ({code})")) },
        }
    }

    /// Whether what failed may succeed later with the same file: a full disk, an error of the device, a reader that is
    /// in the way.
    pub(super) fn may_pass(error: &rusqlite::Error) -> bool {
        matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::DatabaseBusy)
        )
    }
}

/// The database quotes what it was asked and what it found; neither may break the line.
fn one_line(text: &str) -> String {
    const LONGEST: usize = 200;
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(LONGEST).collect()
}

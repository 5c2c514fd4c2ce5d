//! The run file: the evidence of one or more processes in one SQLite file, to be judged later and again.
//!
//! A process writes one *stretch*: it opens the file ([`RunFile::open`]), adds what was counted about once a second
//! ([`RunFile::write`]), and ends it ([`RunFile::finish`]). Restarted with the same file it begins another stretch.
//! Killed at any instant, what was written is there, once; exchanges that the books call paired and of which no outcome
//! was written come out as interrupted. [`load`] puts stretches together, of one file or of several.

mod days;
mod epochs;
mod error;
mod failing;
mod file;
mod over_time;
mod parts;
mod read;
mod retention;
mod rows;
mod schema;
mod signatures;
mod unite;
mod write;

pub use epochs::{Choice, latest, rules_mark, together};
pub use error::StoreError;
pub use file::{MAX_STRETCHES, RunFile, StretchFacts};
pub use read::{Stretch, read};
pub use schema::{APPLICATION_ID, FORMAT, OLDEST_FORMAT};
pub use unite::{RulesInForce, Run, chosen, like_the_latest, load, one_of, only, unite};

/// A policy that was in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The file it was read from; None: the defaults.
    pub file: Option<String>,
    /// Its text.
    pub text: String,
}

#[cfg(test)]
mod tests;

//! The run file: the evidence of one or more processes in one SQLite file, to be judged later and again.
//!
//! A process writes one *stretch*: it opens the file ([`RunFile::open`]), adds what was counted about once a second
//! ([`RunFile::write`]), and ends it ([`RunFile::finish`]). Restarted with the same file it begins another stretch.
//! Killed at any instant, what was written is there, once; exchanges that the books call paired and of which no outcome
//! was written come out as interrupted. [`load`] puts stretches together, of one file or of several.

mod error;
mod file;
mod rows;
mod schema;
mod write;

pub use error::StoreError;
pub use file::{MAX_STRETCHES, RunFile, StretchFacts};
pub use schema::{APPLICATION_ID, FORMAT};

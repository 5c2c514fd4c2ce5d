//! Why rule files were refused: one line each, with the place and the way out.

use std::fmt;
use std::path::PathBuf;

/// A line of a rule file, shown as `rules/orders.yaml:12`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceLine {
    /// The file as it was named.
    pub file: String,
    /// From 1; 0 where it is not known.
    pub line: u64,
}

impl fmt::Display for SourceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}", self.file),
        }
    }
}

/// Why there is no rule set.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// The file could not be read.
    #[error("{}: cannot read the rule file: {source}; check the policy's 'rules:' or --rules", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is longer than [`super::MAX_FILE_BYTES`], or there are more rules than [`super::MAX_RULES`].
    #[error("{file}: {what}; split or shorten the rule files")]
    TooMuch {
        /// Which file.
        file: String,
        /// Which limit, and by how much.
        what: String,
    },
    /// Not YAML, or not the types that a rule has.
    #[error("{at}: {message}; rules/README.md has the grammar")]
    Yaml {
        /// Where.
        at: SourceLine,
        /// What is wrong, in one line.
        message: String,
    },
    /// A key that no rule has there.
    #[error("{at}: unknown key '{key}'; expected {expected}")]
    UnknownKey {
        /// Where.
        at: SourceLine,
        /// The key as it was written.
        key: String,
        /// The keys that may stand there.
        expected: String,
    },
    /// A key that must be there and is not.
    #[error("{at}: the key '{key}' is missing; every rule has id, owner, reason, expires, at, and an answer")]
    MissingKey {
        /// Where: the line on which the rule begins.
        at: SourceLine,
        /// The key.
        key: &'static str,
    },
    /// Two rules of one name.
    #[error("{second}: the id '{id}' is already the name of the rule at {first}; give one of them another id")]
    DuplicateId {
        /// The name.
        id: String,
        /// Where it was first.
        first: SourceLine,
        /// Where it came again.
        second: SourceLine,
    },
    /// A value that means nothing.
    #[error("{at}: {what}: {why}; {way_out}")]
    Value {
        /// Where.
        at: SourceLine,
        /// The key and what was written.
        what: String,
        /// What is wrong with it.
        why: String,
        /// What to write.
        way_out: String,
    },
}

impl RuleError {
    /// Where the mistake is; without a line where it is in the file as a whole.
    pub fn at(&self) -> SourceLine {
        match self {
            RuleError::Read { path, .. } => SourceLine { file: path.display().to_string(), line: 0 },
            RuleError::TooMuch { file, .. } => SourceLine { file: file.clone(), line: 0 },
            RuleError::Yaml { at, .. }
            | RuleError::UnknownKey { at, .. }
            | RuleError::MissingKey { at, .. }
            | RuleError::Value { at, .. } => at.clone(),
            RuleError::DuplicateId { second, .. } => second.clone(),
        }
    }
}

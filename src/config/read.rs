//! From the policy file to its meaning. What is wrong is one line that names the file, the line and the way out.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_saphyr::Error as Yaml;

use super::Policy;
use super::written::{Problem, Written};

/// Largest policy file.
pub const MAX_POLICY: u64 = 1 << 20;

/// Why there is no policy.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the policy file {}: {source}; check the path, or run without it under the defaults", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file says what it may not.
    #[error("{}:{line}: {message}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong, and the way out.
        message: String,
    },
}

/// Keys that are known and come with later versions: (key, a key that stands beside it, what to do).
const LATER: &[(&str, &str, &str)] = &[
    ("over", "confidence", "a run is judged as a whole; leave it out"),
    ("rules", "mismatch_rate", "leave this gate out; what rules hid is shown in the report"),
    ("checklist", "gates", "leave it out, and keep the checklist beside the report"),
    ("openapi", "templates", "write 'learned', or 'templates: [GET /orders/{id}, ...]'"),
];

/// Reads a policy file. Relative paths in it begin at its own folder.
///
/// # Errors
///
/// [`ConfigError`]: one line, ready to be shown.
pub fn read(path: &Path) -> Result<Policy, ConfigError> {
    let fail = |source| ConfigError::Read { path: path.to_owned(), source };
    let mut text = String::new();
    let mut file = File::open(path).map_err(fail)?.take(MAX_POLICY + 1);
    file.read_to_string(&mut text).map_err(fail)?;
    if text.len() as u64 > MAX_POLICY {
        return Err(fail(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {MAX_POLICY} bytes"))));
    }
    from_text(&text, path)
}

/// Reads a policy from the text of a file; `path` is for messages and for relative paths.
///
/// # Errors
///
/// [`ConfigError::Content`].
pub fn from_text(text: &str, path: &Path) -> Result<Policy, ConfigError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    serde_saphyr::from_str::<Option<Written>>(text)
        .map_err(|error| problem(&error))
        .and_then(|written| written.unwrap_or_default().meaning(folder))
        .map_err(|Problem { line, message }| ConfigError::Content { path: path.to_owned(), line, message })
}

/// An error of the YAML reader in our words.
fn problem(error: &Yaml) -> Problem {
    let error = error.without_snippet();
    let line = error.location().map_or(1, |at| at.line().max(1));
    let message = match error {
        Yaml::SerdeUnknownField { field, expected, .. }
        | Yaml::SerdeUnknownVariant { variant: field, expected, .. } => {
            match LATER.iter().find(|(key, beside, _)| field == key && expected.contains(beside)) {
                Some((key, _, out)) => format!("'{key}' is not supported yet; {out}"),
                None => format!("unknown key '{field}'; expected one of: {}", expected.join(", ")),
            }
        }
        Yaml::SerdeMissingField { field, .. } => format!("the key '{field}' is missing here; add it"),
        Yaml::DuplicateMappingKey { key: Some(key), .. } => format!("the key '{key}' stands here twice; keep one"),
        Yaml::MultipleDocuments { .. } => "a policy is one document; remove what follows '---'".into(),
        Yaml::Unexpected { expected, .. } => format!("here must be {}", shape(expected)),
        other => format!("{}; correct the YAML here, or just before", one_line(&other.to_string())),
    };
    Problem { line, message }
}

/// What the YAML reader expected, in words.
fn shape(expected: &str) -> &str {
    match expected {
        "string scalar" => "one value, such as 'key: value'",
        "mapping start" => "keys with their values: 'key: value' lines, or '{key: value}'",
        "sequence start" => "a list: '[a, b]', or lines that begin with '- '",
        other => other,
    }
}

/// A message without line breaks and without the place, which is said before it.
fn one_line(message: &str) -> String {
    let words: Vec<&str> = message.split_whitespace().collect();
    let line = words.join(" ");
    line.split(" at line ").next().unwrap_or(&line).to_owned()
}

#[cfg(test)]
mod tests;

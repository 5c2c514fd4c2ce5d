//! From the policy file to its meaning. What is wrong is one line that names the file, the line and the way out.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_saphyr::Error as Yaml;
use serde_saphyr::budget::BudgetBreach;

use super::openapi::{self, Named};
use super::written::{Node, Problem, Written};
use super::{Endpoints, Policy, without_block};

/// Largest policy file.
pub const MAX_POLICY: u64 = 1 << 20;

/// Why there is no policy.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the policy file {}: {source}; check the path", path.display())]
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

impl ConfigError {
    /// The file with the mistake.
    pub fn path(&self) -> &Path {
        match self {
            ConfigError::Read { path, .. } | ConfigError::Content { path, .. } => path,
        }
    }

    /// The line with the mistake, from 1; 0 where it is the whole file.
    pub fn line(&self) -> u64 {
        match self {
            ConfigError::Read { .. } => 0,
            ConfigError::Content { line, .. } => *line,
        }
    }

    /// What is wrong and the way out, without the place.
    pub fn message(&self) -> String {
        match self {
            ConfigError::Read { .. } => self.to_string(),
            ConfigError::Content { message, .. } => message.clone(),
        }
    }
}

/// Mistakes that are looked for in one file; more help nobody.
const MAX_MISTAKES: usize = 100;

/// Reads a policy file, and the OpenAPI document that it names. Relative paths in it begin at its own folder.
///
/// # Errors
///
/// [`ConfigError`]: one line, ready to be shown.
pub fn read(path: &Path) -> Result<Policy, ConfigError> {
    read_to_keep(path).map(|(policy, _)| policy)
}

/// Reads a policy file as [`read`] does. The text is what a run file keeps of it: what somebody wrote, and behind it
/// what the OpenAPI document said. [`from_text`] makes the same policy of it, without any other file.
///
/// # Errors
///
/// [`ConfigError`]: one line, ready to be shown.
pub fn read_to_keep(path: &Path) -> Result<(Policy, String), ConfigError> {
    let text = text_of(path)?;
    let (mut policy, named) = strict_meaning(&text, path)?;
    let Some(named) = named else { return Ok((policy, text)) };
    let document = named.read(path)?;
    let kept = openapi::behind(&text, &document);
    policy.endpoints = Endpoints::OpenApi(document);
    Ok((policy, kept))
}

/// Every mistake of a policy file that can be found, in the order of its lines: what is wrong in one section does not
/// hide what is wrong in another. Beside them what the rest of the file means; None where there is no rest. Without a
/// mistake it is the policy of [`read`].
pub fn examine(path: &Path) -> (Option<Policy>, Vec<ConfigError>) {
    let mut text = match text_of(path) {
        Ok(text) => text,
        Err(error) => return (None, vec![error]),
    };
    // Of the whole text: what is taken out below leaves keys behind.
    let mut found: Vec<ConfigError> = with_nothing(&text, path).take(MAX_MISTAKES).collect();
    let policy = loop {
        let error = match meaning(&text, path) {
            Ok((policy, None)) => break Some(policy),
            Ok((mut policy, Some(named))) => {
                match named.read(path) {
                    Ok(document) => policy.endpoints = Endpoints::OpenApi(document),
                    Err(error) => found.push(error),
                }
                break Some(policy);
            }
            Err(error) => error,
        };
        let rest = without_block(&text, error.line()).filter(|_| found.len() < MAX_MISTAKES);
        found.push(error);
        match rest {
            Some(rest) => text = rest,
            None => break None,
        }
    };
    found.sort_by_key(|error| (error.path() != path, error.line()));
    (policy, found)
}

fn text_of(path: &Path) -> Result<String, ConfigError> {
    let fail = |source| ConfigError::Read { path: path.to_owned(), source };
    let mut text = String::new();
    let mut file = File::open(path).map_err(fail)?.take(MAX_POLICY + 1);
    file.read_to_string(&mut text).map_err(fail)?;
    if text.len() as u64 > MAX_POLICY {
        return Err(fail(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {MAX_POLICY} bytes"))));
    }
    if says_nothing(&text) {
        let message = "an empty policy; leave --policy out for the defaults";
        return Err(ConfigError::Content { path: path.to_owned(), line: 1, message: message.to_owned() });
    }
    Ok(text)
}

/// Whether there is nothing but comments: somebody meant to write something, or emptied it by mistake.
fn says_nothing(text: &str) -> bool {
    matches!(serde_saphyr::from_str::<Option<Node>>(text), Ok(None | Some(Node::Nothing)))
}

/// Reads a policy from a text that was kept, or from that of a file that names no other; `path` is for messages and for
/// relative paths. No file is opened.
///
/// # Errors
///
/// [`ConfigError::Content`].
pub fn from_text(text: &str, path: &Path) -> Result<Policy, ConfigError> {
    let (written, kept) = openapi::take(text);
    let (mut policy, named) = strict_meaning(written, path)?;
    let content = |line, message| ConfigError::Content { path: path.to_owned(), line, message };
    match (named, kept) {
        (None, _) => {}
        (Some(_), Some(Ok(document))) => policy.endpoints = Endpoints::OpenApi(document),
        (Some(_), Some(Err(Problem { line, message }))) => return Err(content(line, message)),
        (Some(named), None) => {
            let message =
                format!("endpoints.openapi: {} was not kept with the policy; give the policy's file", named.file);
            return Err(content(named.line, message));
        }
    }
    Ok(policy)
}

/// What the text means, and the OpenAPI document that it names.
fn meaning(text: &str, path: &Path) -> Result<(Policy, Option<Named>), ConfigError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    serde_saphyr::from_str::<Option<Written>>(text)
        .map_err(|error| problem(&error))
        .and_then(|written| written.unwrap_or_default().meaning(folder))
        .map_err(|Problem { line, message }| ConfigError::Content { path: path.to_owned(), line, message })
}

/// Keys with nothing behind them. Where the text is no YAML, that is said of it already.
fn with_nothing(text: &str, path: &Path) -> impl Iterator<Item = ConfigError> {
    let node = serde_saphyr::from_str::<Option<Node>>(text).ok().flatten();
    let problems = node.map_or(Vec::new(), |node| node.without_anything());
    let path = path.to_owned();
    problems.into_iter().map(move |Problem { line, message }| ConfigError::Content {
        path: path.clone(),
        line,
        message,
    })
}

/// What the text means, where something stands behind every key.
fn strict_meaning(text: &str, path: &Path) -> Result<(Policy, Option<Named>), ConfigError> {
    let meaning = meaning(text, path)?;
    with_nothing(text, path).next().map_or(Ok(meaning), Err)
}

/// An error of the YAML reader in our words.
pub(super) fn problem(error: &Yaml) -> Problem {
    let error = error.without_snippet();
    let line = error.location().map_or(1, |at| at.line().max(1));
    let message = match error {
        Yaml::SerdeUnknownField { field, expected, .. }
        | Yaml::SerdeUnknownVariant { variant: field, expected, .. } => {
            format!("unknown key '{field}'; expected one of: {}", expected.join(", "))
        }
        Yaml::SerdeMissingField { field, .. } => format!("the key '{field}' is missing here; add it"),
        Yaml::DuplicateMappingKey { key: Some(key), .. } => format!("the key '{key}' stands here twice; keep one"),
        Yaml::MultipleDocuments { .. } => "a policy is one document; remove what follows '---'".into(),
        Yaml::Unexpected { expected, .. } => format!("here must be {}", shape(expected)),
        Yaml::Budget { breach, .. } => format!("{}; shorten it", too_much(breach)),
        Yaml::NullIntoString { .. } => "a value is empty here; remove it or write something".into(),
        other => format!("{}; correct the YAML here, or just before", one_line(&other.to_string())),
    };
    Problem { line, message }
}

/// Which bound of the YAML reader a file is past: they keep a small file from becoming a large document.
pub(crate) fn too_much(breach: &BudgetBreach) -> &'static str {
    match breach {
        BudgetBreach::Depth { .. } => "it is nested too deep",
        BudgetBreach::Documents { .. } => "it has more than one document",
        BudgetBreach::Aliases { .. }
        | BudgetBreach::Anchors { .. }
        | BudgetBreach::AliasAnchorRatio { .. }
        | BudgetBreach::MergeKeys { .. }
        | BudgetBreach::RecordedAnchorEvents { .. }
        | BudgetBreach::RecordedAnchorBytes { .. } => "it has too many anchors and aliases",
        _ => "it has more values than such a file may have",
    }
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

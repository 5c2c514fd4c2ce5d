//! What people say about differences: rule files, read and checked, and the answer to each difference.
//!
//! A rule names a place ([`Place`]) and gives one of three answers ([`Answer`]): ignore, match, accept. Rules are asked
//! in the order of the files and, in a file, from top to bottom; the first that answers for a difference wins. The
//! grammar, with an example for each form, is in `rules/README.md`.
//!
//! What is absent on purpose: rules never change what is asked of the candidate, and no header or field is left out
//! of a comparison by code. What is not compared by default is written in `rules/common.yaml`.

mod check;
mod compile;
mod compile_match;
mod decimal;
mod documents;
mod error;
mod file;
mod judge;
mod matching;
mod moment;
mod path;
mod place;
mod reach;
mod rule;
mod shape;
mod value;

pub use check::{Checked, Finding, FindingKind, SOON_DAYS, check};
pub use compile::{MAX_ID, MAX_LIST};
pub use decimal::{Decimal, Tolerance};
pub use documents::{Documents, MAX_DESCENDED, MAX_TREE, Side};
pub use error::{RuleError, SourceLine};
pub use file::MAX_FILE_BYTES;
pub use judge::{Judge, Walk};
pub use matching::{Arrays, Closeness, Match, Whitespace};
pub use moment::Moment;
pub use path::{JsonPath, MAX_EVALUATED_DESCENTS, MAX_PATH_BYTES, MAX_STEPS, PathError, Selected};
pub use place::{CookieName, Part, Place, Spot};
pub use rule::{Answer, Found, Rule};
pub use shape::Shape;
pub use value::Value;

use std::io::Read;
use std::path::PathBuf;

use jiff::civil::Date;
use rustc_hash::FxHashMap;

use crate::exchange::RuleNote;

/// Rules that one set may have.
pub const MAX_RULES: usize = 2000;

/// The name under which the shipped rules are shown.
pub const COMMON: &str = "rules/common.yaml";
const COMMON_TEXT: &str = include_str!("../../rules/common.yaml");

/// The rules of a run, in order, with what is needed to find those that may speak of a difference.
#[derive(Debug, Default)]
pub struct RuleSet {
    rules: Vec<Rule>,
    /// Positions in `rules` of those that are not expired, by what they speak of; each list is in order.
    headers: FxHashMap<String, Vec<usize>>,
    cookies: Vec<usize>,
    statuses: Vec<usize>,
    documents: Vec<usize>,
    lines: Vec<usize>,
    bodies: Vec<usize>,
}

impl RuleSet {
    /// The rules that ship with the program and apply where the policy names no others: what is not compared by
    /// default, each with its reason.
    ///
    /// # Errors
    ///
    /// None in a program whose tests have passed.
    pub fn common(today: Date) -> Result<RuleSet, RuleError> {
        RuleSet::parse(COMMON, COMMON_TEXT, today)
    }

    /// Reads one file's text; `name` is what errors and notes call it.
    ///
    /// # Errors
    ///
    /// [`RuleError`] with the line and the way out.
    pub fn parse(name: &str, text: &str, today: Date) -> Result<RuleSet, RuleError> {
        RuleSet::from_texts([(name.to_owned(), text.to_owned())], today)
    }

    /// Reads several files' texts, in order, given as (name, text).
    ///
    /// # Errors
    ///
    /// As for [`RuleSet::parse`]; ids must be unique over all of them.
    pub fn from_texts(files: impl IntoIterator<Item = (String, String)>, today: Date) -> Result<RuleSet, RuleError> {
        let mut rules: Vec<Rule> = Vec::new();
        let mut ids: FxHashMap<std::sync::Arc<str>, usize> = FxHashMap::default();
        for (name, text) in files {
            let source = compile::Source { file: &name, today };
            for raw in file::read(&name, &text)?.rules {
                let rule = source.rule(raw)?;
                if let Some(first) = ids.insert(rule.id.clone(), rules.len()).and_then(|at| rules.get(at)) {
                    return Err(RuleError::DuplicateId {
                        id: rule.id.to_string(),
                        first: first.source.clone(),
                        second: rule.source,
                    });
                }
                if rules.len() == MAX_RULES {
                    let what = format!("a run may have {MAX_RULES} rules, and here is one more");
                    return Err(RuleError::TooMuch { file: rule.source.to_string(), what });
                }
                rules.push(rule);
            }
        }
        Ok(RuleSet::indexed(rules))
    }

    fn indexed(rules: Vec<Rule>) -> RuleSet {
        let mut set = RuleSet { rules, ..RuleSet::default() };
        for (at, rule) in set.rules.iter().enumerate().filter(|(_, rule)| !rule.expired) {
            match &rule.place.part {
                Part::Header(names) => {
                    for name in names {
                        set.headers.entry(name.clone()).or_default().push(at);
                    }
                    if names.iter().any(|name| name == "set-cookie") {
                        set.cookies.push(at);
                    }
                }
                Part::Cookie(_) => set.cookies.push(at),
                Part::Status(_) => set.statuses.push(at),
                Part::Json(_) => set.documents.push(at),
                Part::Text(_) => set.lines.push(at),
                Part::Body => set.bodies.push(at),
            }
        }
        set
    }

    /// These rules with others behind them, to see what the others would do. Ids are not checked again.
    pub fn followed_by(&self, others: &RuleSet) -> RuleSet {
        RuleSet::indexed(self.rules.iter().chain(&others.rules).cloned().collect())
    }

    /// Every rule, expired ones included, in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The same rules but for one.
    pub fn without(&self, id: &str) -> RuleSet {
        RuleSet::indexed(self.rules.iter().filter(|rule| *rule.id != *id).cloned().collect())
    }

    /// What a report says of each rule, in order.
    pub fn notes(&self) -> Vec<RuleNote> {
        self.rules.iter().map(Rule::note).collect()
    }

    /// The rules as they apply to one request: its method, and its path as [`crate::exchange::path_of`] gives it.
    pub fn judge<'a>(&'a self, method: &'a str, path: &'a [u8]) -> Judge<'a> {
        Judge::new(self, method, path)
    }
}

/// The name that stands for the shipped rules in a list of rule files.
pub const COMMON_NAME: &str = "common";

/// The rules of a policy: its files, or the shipped rules where it names none.
///
/// # Errors
///
/// As for [`load`].
pub fn load_or_common(paths: &[PathBuf], today: Date) -> Result<RuleSet, RuleError> {
    if paths.is_empty() { RuleSet::common(today) } else { load(paths, today) }
}

/// The rule files of a policy, or the shipped one where it names none: name and text of each, in order, for
/// [`RuleSet::from_texts`] and for a run file that keeps the rules by content.
///
/// # Errors
///
/// [`RuleError::Read`].
pub fn texts_or_common(paths: &[PathBuf]) -> Result<Vec<(String, String)>, RuleError> {
    if paths.is_empty() { Ok(vec![(COMMON.to_owned(), COMMON_TEXT.to_owned())]) } else { texts(paths) }
}

/// Reads rule files, in order; `today` decides which rules have expired. A path that ends in [`COMMON_NAME`], and where
/// there is no file, stands for the shipped rules, so that they can be had beside others wherever the program is installed.
///
/// # Errors
///
/// [`RuleError`]: a file that cannot be read, or a rule that means nothing, with its line and the way out.
pub fn load(paths: &[PathBuf], today: Date) -> Result<RuleSet, RuleError> {
    RuleSet::from_texts(texts(paths)?, today)
}

/// Name and text of each rule file, in order, as [`load`] reads them.
///
/// # Errors
///
/// [`RuleError::Read`].
pub fn texts(paths: &[PathBuf]) -> Result<Vec<(String, String)>, RuleError> {
    let mut files = Vec::new();
    for path in paths {
        if path.ends_with(COMMON_NAME) && !path.exists() {
            files.push((COMMON.to_owned(), COMMON_TEXT.to_owned()));
            continue;
        }
        let failed = |source| RuleError::Read { path: path.clone(), source };
        let mut text = String::new();
        // One byte past the limit is enough to be refused; a device or a pipe has no length to ask for.
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(MAX_FILE_BYTES as u64 + 1).read_to_string(&mut text).map_err(failed)?;
        files.push((path.display().to_string(), text));
    }
    Ok(files)
}

#[cfg(test)]
mod check_tests;
#[cfg(test)]
mod tests;

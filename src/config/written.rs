//! The policy file as it is written: keys and texts with their lines, and what each of them means.

mod checklist;
mod endpoints;
mod entries;
mod gates;
mod nothing;
mod safety;
mod switch;

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::openapi::Named;
use super::redaction::WrittenRedaction;
use super::{BuildMark, ClientMark, Policy, Target, Targets, units};
use crate::exchange::EndpointPattern;
use checklist::WrittenItem;
use endpoints::WrittenEndpoints;
use gates::WrittenGates;
use safety::WrittenSafety;
use switch::Switch;

pub(super) use entries::Entries;
pub(super) use nothing::Node;

/// Endpoints that are given, by templates or by an OpenAPI document. Each request is held against them one by one.
pub const MAX_TEMPLATES: usize = 2000;
/// Entries of a list, where there is no bound of its own.
pub(super) const MAX_LIST: usize = 500;
/// Rule files.
const MAX_RULE_FILES: usize = 100;
/// Bytes of one text.
const MAX_TEXT: usize = 4096;

/// A value with the line it stands in. Everything is read as text, so that what is wrong with it is ours to say.
pub(super) type Text = Spanned<String>;

/// What is wrong in which line (from 1).
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) line: u64,
    pub(super) message: String,
}

pub(super) type Checked<T> = Result<T, Problem>;

/// Reads one value where it is given, and leaves the default where it is not.
fn set<T, E: ToString>(
    meaning: &mut T,
    key: &str,
    written: Option<Text>,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Checked<()> {
    if let Some(text) = written {
        *meaning = one(key, &text, read)?;
    }
    Ok(())
}

/// Reads one value.
pub(super) fn one<T, E: ToString>(key: &str, text: &Text, read: impl FnOnce(&str) -> Result<T, E>) -> Checked<T> {
    let wrong = |message: String| Problem { line: text.referenced.line(), message: format!("{key}: {message}") };
    if text.value.len() > MAX_TEXT {
        return Err(wrong(format!(
            "a text has at most {MAX_TEXT} bytes, and this one {}; shorten it",
            text.value.len()
        )));
    }
    read(&text.value).map_err(|why| wrong(why.to_string()))
}

/// Reads a list of at most so many.
pub(super) fn many<T, E: ToString>(
    key: &str,
    texts: Vec<Text>,
    most: usize,
    read: impl Fn(&str) -> Result<T, E>,
) -> Checked<Vec<T>> {
    bounded(key, &texts, most, |text| text)?;
    texts.iter().map(|text| one(key, text, &read)).collect()
}

/// Refuses a list that is longer, at the first entry that is too many; `text` is a text of an entry.
fn bounded<T>(key: &str, list: &[T], most: usize, text: impl Fn(&T) -> &Text) -> Checked<()> {
    let Some(more) = list.get(most) else { return Ok(()) };
    let message = format!("{key}: a list has at most {most} entries, and this one {}; shorten it", list.len());
    Err(Problem { line: text(more).referenced.line(), message })
}

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    capability: Option<Text>,
    owner: Option<Text>,
    targets: Option<WrittenTargets>,
    safety: Option<WrittenSafety>,
    endpoints: Option<Spanned<WrittenEndpoints>>,
    rules: Option<Vec<Text>>,
    gates: Option<WrittenGates>,
    critical: Option<Vec<Text>>,
    checklist: Option<Vec<WrittenItem>>,
    build: Option<Switch<WrittenBuild>>,
    clients: Option<WrittenClients>,
    redaction: Option<WrittenRedaction>,
}

impl Written {
    /// What it means, and the OpenAPI document that is still to be read. `folder`: where relative paths in it begin.
    pub(super) fn meaning(self, folder: &Path) -> Checked<(Policy, Option<Named>)> {
        let file = |path: &str| -> Result<PathBuf, &str> {
            if path.is_empty() { Err("a rule file has no name") } else { Ok(folder.join(path)) }
        };
        let said = |key: &str, text: Option<Text>| text.map(|text| one(key, &text, units::prose)).transpose();
        let endpoints = self.endpoints.map(|written| WrittenEndpoints::meaning(written, folder)).transpose()?;
        let (endpoints, document) = endpoints.unwrap_or_default();
        let gates = self.gates.unwrap_or_default().meaning()?;
        let critical = self.critical.unwrap_or_default();
        let critical = critical_endpoints(critical, &gates.coverage.except)?;
        let policy = Policy {
            capability: said("capability", self.capability)?,
            owner: said("owner", self.owner)?,
            targets: self.targets.unwrap_or_default().meaning()?,
            safety: self.safety.unwrap_or_default().meaning()?,
            endpoints,
            rules: many("rules", self.rules.unwrap_or_default(), MAX_RULE_FILES, file)?,
            gates,
            critical,
            checklist: checklist::meaning(self.checklist.unwrap_or_default())?,
            build: match self.build {
                None => BuildMark::default(),
                Some(Switch::Off) => BuildMark::Off,
                Some(Switch::On(WrittenBuild { header })) => {
                    BuildMark::Header(one("build.header", &header, units::header_name)?)
                }
            },
            clients: match self.clients {
                None => ClientMark::default(),
                Some(WrittenClients { by }) => one("clients.by", &by, units::client_mark)?,
            },
            redaction: self.redaction.unwrap_or_default().meaning()?,
        };
        Ok((policy, document))
    }
}

/// Endpoints that must be shown to be ready cannot be left out of the cutover.
fn critical_endpoints(written: Vec<Text>, except: &[EndpointPattern]) -> Checked<Vec<EndpointPattern>> {
    bounded("critical", &written, MAX_LIST, |text| text)?;
    let mut critical: Vec<EndpointPattern> = Vec::new();
    for text in &written {
        let read = |text: &str| -> Result<EndpointPattern, String> {
            let endpoint: EndpointPattern = text.parse().map_err(|error| format!("{error}"))?;
            if critical.contains(&endpoint) {
                return Err(format!("'{endpoint}' is there twice; keep one"));
            }
            match except.iter().find(|except| except.overlaps(&endpoint)) {
                Some(except) => Err(format!(
                    "'{endpoint}' is critical, and '{except}' of gates.coverage.except leaves it out; keep one"
                )),
                None => Ok(endpoint),
            }
        };
        let endpoint = one("critical", text, read)?;
        critical.push(endpoint);
    }
    Ok(critical)
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTargets {
    candidate: Option<Text>,
    legacy: Option<Text>,
}

impl WrittenTargets {
    fn meaning(self) -> Checked<Targets> {
        let mut targets = Targets::default();
        set(&mut targets.candidate, "targets.candidate", self.candidate, |text| text.parse::<Target>().map(Some))?;
        set(&mut targets.legacy, "targets.legacy", self.legacy, |text| text.parse::<Target>().map(Some))?;
        Ok(targets)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenBuild {
    header: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenClients {
    by: Text,
}

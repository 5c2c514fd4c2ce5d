//! The report as one JSON object. Whoever prints it prints captured text: what does not show itself is written as an
//! escape of JSON's own, which every reader takes for the same text.

use std::io;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use crate::exchange::RuleNote;
use crate::faults::Trial;
use crate::tally::Snapshot;
use crate::verdict::Verdict;

use super::escape::is_deceptive;
use super::overhead::Overhead;
use super::{Report, RunFacts, SCHEMA_VERSION};

/// The whole report.
#[derive(Serialize, JsonSchema)]
pub(super) struct Document<'a> {
    /// The version of this shape.
    schema_version: u32,
    #[serde(flatten)]
    verdict: &'a Verdict,
    /// How it was gathered.
    facts: &'a RunFacts,
    /// What the candidate costs its clients by the work it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    overhead: Option<Overhead>,
    /// The rules in force, and those that have expired.
    rules: &'a [RuleNote],
    /// What the verdict rests on.
    snapshot: &'a Snapshot,
}

pub(super) fn render(report: &Report<'_>) -> serde_json::Result<String> {
    let document = Document {
        schema_version: SCHEMA_VERSION,
        verdict: report.verdict,
        facts: report.facts,
        overhead: Overhead::of(report),
        rules: report.rules,
        snapshot: report.snapshot,
    };
    written(&document)
}

fn written(document: &impl Serialize) -> serde_json::Result<String> {
    let mut bytes = Vec::new();
    document.serialize(&mut Serializer::with_formatter(&mut bytes, Visible))?;
    String::from_utf8(bytes).map_err(serde::ser::Error::custom)
}

/// On one line, with what [`is_deceptive`] in strings as `\u` escapes (RFC 8259, section 7), and with nothing in it that an
/// agent of a CI job would take for a command ([`super::visible`]).
struct Visible;

impl Formatter for Visible {
    fn write_string_fragment<W: io::Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut plain = 0;
        let mut before = None;
        for (at, c) in fragment.char_indices() {
            if is_deceptive(c) || (c == '#' && before == Some('#')) {
                writer.write_all(&fragment.as_bytes()[plain..at])?;
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
                plain = at + c.len_utf8();
            }
            before = Some(c);
        }
        writer.write_all(&fragment.as_bytes()[plain..])
    }
}

#[derive(Serialize)]
struct Audit<'a> {
    schema_version: u32,
    rules: &'a [RuleNote],
    trial: &'a Trial,
}

pub(super) fn audit(trial: &Trial, rules: &[RuleNote]) -> serde_json::Result<String> {
    written(&Audit { schema_version: SCHEMA_VERSION, rules, trial })
}

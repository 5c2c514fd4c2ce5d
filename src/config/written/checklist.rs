//! The `checklist:` part of the policy file, as it is written and as it is meant.

use jiff::civil::Date;
use serde::Deserialize;

use super::{Checked, Problem, Text, bounded, one};
use crate::config::{ChecklistItem, Signature, units};

/// Items that one policy may have.
const MAX_ITEMS: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenItem {
    id: Text,
    what: Option<Text>,
    by: Option<Text>,
    evidence: Option<Text>,
    on: Option<Text>,
    expires: Option<Text>,
}

/// The whole list.
pub(super) fn meaning(written: Vec<WrittenItem>) -> Checked<Vec<ChecklistItem>> {
    bounded("checklist", &written, MAX_ITEMS, |item| &item.id)?;
    let mut items: Vec<ChecklistItem> = Vec::new();
    for item in written {
        let line = item.id.referenced.line();
        let item = item.meaning()?;
        if items.iter().any(|other| other.id == item.id) {
            let message = format!("checklist: the id '{}' is there twice; give one of them another", item.id);
            return Err(Problem { line, message });
        }
        items.push(item);
    }
    Ok(items)
}

impl WrittenItem {
    fn meaning(self) -> Checked<ChecklistItem> {
        let line = self.id.referenced.line();
        let id = one("checklist: id", &self.id, units::name)?;
        let said = |key: &str, text: &Option<Text>| -> Checked<Option<String>> {
            text.as_ref().map(|text| one(&format!("checklist: {key}"), text, units::prose)).transpose()
        };
        let day = |key: &str, text: &Option<Text>| -> Checked<Option<Date>> {
            text.as_ref().map(|text| one(&format!("checklist: {key}"), text, units::day)).transpose()
        };
        let (what, expires) = (said("what", &self.what)?, day("expires", &self.expires)?);
        let signed = match (said("by", &self.by)?, said("evidence", &self.evidence)?, day("on", &self.on)?) {
            (Some(by), Some(evidence), Some(on)) => Some(Signature { by, evidence, on }),
            (None, None, None) => None,
            (by, evidence, on) => {
                let parts = [("by", by.is_some()), ("evidence", evidence.is_some()), ("on", on.is_some())];
                let absent: Vec<&str> = parts.iter().filter(|(_, there)| !there).map(|(key, _)| *key).collect();
                let (absent, verb) = (absent.join(" and "), if absent.len() == 1 { "is" } else { "are" });
                let message = format!(
                    "checklist: '{id}' is signed in part: {absent} {verb} missing; write by, evidence and on, or none of them \
                     where nobody has signed"
                );
                return Err(Problem { line, message });
            }
        };
        if let (Some(signature), Some(expires)) = (&signed, expires)
            && expires < signature.on
        {
            let message = format!(
                "checklist: '{id}' expires on {expires}, before it was signed on {}; correct one",
                signature.on
            );
            return Err(Problem { line, message });
        }
        Ok(ChecklistItem { id, what, signed, expires })
    }
}

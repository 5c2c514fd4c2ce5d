//! Which parts of a policy file apply to a run that is over: what it asks of the evidence, and not what was done to get it.

use std::path::Path;

use super::Trouble;
use super::asking::today;
use crate::config::{self, Policy};
use crate::rules::{self, RuleSet};
use crate::store::Run;

/// The parts that somebody wrote into this policy and that do not apply, because the run was made under others: a line, or
/// None where there are none. `rules_given`: which rules apply was said by `--rules`.
///
/// # Errors
/// Rule files of the policy that cannot be read or mean nothing: whoever named them expects them to be in force.
pub(super) fn ignored(file: &Path, policy: &Policy, run: &Run, rules_given: bool) -> Result<Option<String>, Trouble> {
    let mut parts = Vec::new();
    if !policy.rules.is_empty() {
        let texts = rules::texts_or_common(&policy.rules)?;
        RuleSet::from_texts(texts.iter().cloned(), today())?;
        let same = texts.iter().map(|(_, text)| text).eq(run.rules.iter().map(|(_, text)| text));
        parts.extend((!same && !rules_given).then_some("rules"));
    }
    // A kept policy that cannot be read any more is no reason not to judge under another.
    let kept = run.policies.last();
    let kept = kept.and_then(|kept| config::from_text(&kept.text, file).ok()).unwrap_or_default();
    let written = Policy::default();
    let others = [
        ("endpoints", policy.endpoints != written.endpoints && policy.endpoints != kept.endpoints),
        ("clients", policy.clients != written.clients && policy.clients != kept.clients),
        ("targets", asks_another(policy, run)),
        ("safety", policy.safety != written.safety && policy.safety != kept.safety),
        ("build", policy.build != written.build && policy.build != kept.build),
        ("redaction", policy.redaction != written.redaction && policy.redaction != kept.redaction),
    ];
    parts.extend(others.into_iter().filter(|(_, differs)| *differs).map(|(part, _)| part));
    if parts.is_empty() {
        return Ok(None);
    }
    let way = if parts.contains(&"rules") { " (give --rules FILE to judge it under other rules)" } else { "" };
    let (parts, file) = (parts.join(", "), file.display());
    Ok(Some(format!("{file}: the run is over, so what it says of {parts} does not apply; its gates do{way}")))
}

fn asks_another(policy: &Policy, run: &Run) -> bool {
    let [candidate, legacy] =
        [&policy.targets.candidate, &policy.targets.legacy].map(|t| t.as_ref().map(|t| t.to_string()));
    candidate.is_some_and(|asked| asked != run.facts.candidate)
        || legacy.is_some_and(|asked| Some(&asked) != run.facts.legacy.as_ref())
}

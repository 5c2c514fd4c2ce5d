//! Looking for mistakes in rule files: all of them, and also those that no reader stumbles over.

use std::sync::Arc;

use jiff::ToSpan;
use jiff::civil::Date;

use super::compile::Source;
use super::error::{RuleError, SourceLine};
use super::rule::Rule;
use super::{COMMON, MAX_RULES, file};
use crate::config::{Endpoints, without_block};
use crate::exchange::is_draft;

/// Days before its last that a rule is told to expire.
pub const SOON_DAYS: i32 = 14;
/// Findings that are told; more help nobody.
const MAX_FINDINGS: usize = 1000;

crate::exchange::reasons! {
    /// What is wrong with a rule.
    FindingKind {
        /// It means nothing: not read.
        Wrong = "wrong",
        /// Its last day has passed.
        Expired = "expired",
        /// An earlier one always answers first.
        NeverAnswers = "never-answers",
        /// It and an earlier one, at the same place, cannot both be meant.
        Contradicts = "contradicts",
        /// Its last day is near.
        ExpiresSoon = "expires-soon",
        /// The policy's templates, or its OpenAPI document, have no such endpoint.
        NoSuchEndpoint = "no-such-endpoint",
        /// It hides more than anybody can have looked at.
        OverBroad = "over-broad",
        /// Its owner or its reason is still that of a draft.
        Draft = "draft",
    }
}

impl FindingKind {
    /// Whether the rules do not say what somebody meant. The others may be meant.
    pub fn is_mistake(self) -> bool {
        match self {
            FindingKind::Wrong | FindingKind::Expired | FindingKind::NeverAnswers | FindingKind::Contradicts => true,
            FindingKind::ExpiresSoon | FindingKind::NoSuchEndpoint | FindingKind::OverBroad | FindingKind::Draft => {
                false
            }
        }
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where.
    pub at: SourceLine,
    /// What.
    pub kind: FindingKind,
    /// The rule's id, where it was read.
    pub rule: Option<Arc<str>>,
    /// What is wrong and the way out, in one line, without the place.
    pub message: String,
}

/// What looking found.
#[derive(Debug, Default)]
pub struct Checked {
    /// Rules that were read.
    pub rules: usize,
    /// What was found, in the order of the files and of their lines.
    pub findings: Vec<Finding>,
}

/// Looks for everything that is wrong with some rule files' texts, given as (name, text) in their order. Never a
/// finding are rules that ship with the program where other files overrule them.
pub fn check(files: &[(String, String)], endpoints: &Endpoints, today: Date) -> Checked {
    let mut findings = Vec::new();
    let mut rules: Vec<Rule> = Vec::new();
    for (name, text) in files {
        read(name, text, today, &mut rules, &mut findings);
    }
    for (at, rule) in rules.iter().enumerate() {
        by_itself(rule, endpoints, today, &mut findings);
        beside_others(rule, &rules[..at], &mut findings);
    }
    let place = |at: &SourceLine| (files.iter().position(|(name, _)| *name == at.file), at.line);
    findings.sort_by_key(|finding: &Finding| place(&finding.at));
    findings.truncate(MAX_FINDINGS);
    Checked { rules: rules.len(), findings }
}

/// Reads one file. Where the YAML of a rule is refused, that rule is taken out and the rest read again.
fn read(name: &str, text: &str, today: Date, rules: &mut Vec<Rule>, findings: &mut Vec<Finding>) {
    let source = Source { file: name, today };
    let mut left = text.to_owned();
    let raw = loop {
        let error = match file::read(name, &left) {
            Ok(raw) => break raw.rules,
            Err(error) => error,
        };
        let line = error.at().line;
        findings.push(wrong(&error));
        let Some(rest) = without_block(&left, line) else { return };
        // A file whose every rule was taken out is no file without rules.
        if findings.len() > MAX_FINDINGS || !rest.lines().any(|line| line.trim_start().starts_with("- ")) {
            return;
        }
        left = rest;
    };
    for raw in raw {
        let rule = match source.rule(raw) {
            Ok(rule) => rule,
            Err(error) => {
                findings.push(wrong(&error));
                continue;
            }
        };
        if let Some(first) = rules.iter().find(|other| other.id == rule.id) {
            let (id, first) = (rule.id.to_string(), first.source.clone());
            findings.push(wrong(&RuleError::DuplicateId { id, first, second: rule.source.clone() }));
            continue;
        }
        if rules.len() == MAX_RULES {
            let what = format!("a run may have {MAX_RULES} rules, and here is one more");
            findings.push(wrong(&RuleError::TooMuch { file: name.to_owned(), what }));
            return;
        }
        rules.push(rule);
    }
}

fn wrong(error: &RuleError) -> Finding {
    let at = error.at();
    let message = error.to_string();
    let message = message.strip_prefix(&format!("{at}: ")).unwrap_or(&message).to_owned();
    Finding { at, kind: FindingKind::Wrong, rule: None, message }
}

fn of(rule: &Rule, kind: FindingKind, message: String) -> Finding {
    Finding { at: rule.source.clone(), kind, rule: Some(Arc::clone(&rule.id)), message }
}

fn by_itself(rule: &Rule, endpoints: &Endpoints, today: Date, findings: &mut Vec<Finding>) {
    let (id, expires) = (&rule.id, rule.expires);
    if rule.expired {
        let message = format!(
            "rule '{id}' has expired on {expires}: it no longer applies, and nothing is GO with it; renew 'expires' if its \
             reason still holds, or take it out"
        );
        findings.push(of(rule, FindingKind::Expired, message));
    } else if today.checked_add(SOON_DAYS.days()).is_ok_and(|soon| expires <= soon) {
        let message = format!(
            "rule '{id}' expires soon, on {expires}; renew 'expires' if its reason will still hold, or take it out then"
        );
        findings.push(of(rule, FindingKind::ExpiresSoon, message));
    }
    if is_draft(&rule.owner, &rule.reason) {
        let message = format!(
            "rule '{id}' is a draft that nobody answers for, and nothing is GO with it; put an owner and a reason of your own"
        );
        findings.push(of(rule, FindingKind::Draft, message));
    }
    let given = endpoints.given();
    if let Some(endpoint) = &rule.place.endpoint
        && !given.is_empty()
        && !given.iter().any(|known| known.overlaps(endpoint))
    {
        let message = format!(
            "rule '{id}' is about '{endpoint}', which the policy's 'endpoints' do not have; correct the endpoint, or add it \
             there"
        );
        findings.push(of(rule, FindingKind::NoSuchEndpoint, message));
    }
    if let Some(why) = rule.is_too_broad() {
        let message = format!("rule '{id}' hides too much: {why}; name the places that differ, and their endpoint");
        findings.push(of(rule, FindingKind::OverBroad, message));
    }
}

fn beside_others(rule: &Rule, earlier: &[Rule], findings: &mut Vec<Finding>) {
    if rule.expired || rule.source.file == COMMON {
        return;
    }
    let in_force = || earlier.iter().filter(|other| !other.expired);
    let id = &rule.id;
    if let Some(first) = in_force().find(|other| rule.is_taken_by(other)) {
        let message = format!(
            "rule '{id}' never answers, because '{}' ({}) always answers before it; take one of them out, or put this one \
             first",
            first.id, first.source
        );
        findings.push(of(rule, FindingKind::NeverAnswers, message));
    } else if let Some(other) = in_force().find(|other| other.source.file != COMMON && rule.contradicts(other)) {
        let message = format!(
            "rule '{id}' says '{}', and '{}' ({}) says '{}' of the same place; keep the one that is meant",
            rule.kind(),
            other.id,
            other.source,
            other.kind()
        );
        findings.push(of(rule, FindingKind::Contradicts, message));
    }
}

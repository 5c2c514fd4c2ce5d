//! How much of what the legacy answered is really compared.
//!
//! Of every value of an answer the rules are asked what they would say if the candidate's were another of the same type: one
//! off. A value whose change is ignored or accepted is *hidden*. One whose change a `match` rule lets pass is *loose*: its
//! type, its shape or its neighbourhood is compared, and that is counted by itself. Nothing else is.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::content::{Content, Json};
use super::{Laid, fair, value};
use crate::compare::{Cookie, bytes};
use crate::exchange::{DifferenceKind, Headers, Location, Request, Response, RuleAnswer, Segment, path_of};
use crate::rules::{Documents, Found, RuleSet, Spot};

/// Values of one answer that the rules are asked about. Of a larger body it is every n-th.
pub const MAX_VALUES: usize = 2_000;

/// How many values there were, and what became of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct Depth {
    /// JSON values that are no containers, header fields, cookies and each of their attributes, status codes, lines of text; a body that is neither JSON
    /// nor text is one.
    pub values: u64,
    /// Of these, those whose change a rule would ignore or accept.
    pub hidden: u64,
    /// And those whose change a `match` rule would let pass.
    pub loose: u64,
    /// By the rule that would answer.
    pub by_rule: BTreeMap<Arc<str>, Hides>,
}

/// What one rule would answer for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct Hides {
    /// Values that it hides.
    pub hidden: u64,
    /// Values that it compares loosely.
    pub loose: u64,
}

impl Depth {
    /// The share of the values that is hidden; None where there are none.
    pub fn hidden_share(&self) -> Option<f64> {
        (self.values > 0).then(|| self.hidden as f64 / self.values as f64)
    }

    /// The share that is compared loosely.
    pub fn loose_share(&self) -> Option<f64> {
        (self.values > 0).then(|| self.loose as f64 / self.values as f64)
    }

    /// The rule that hides most.
    pub fn worst(&self) -> Option<(&Arc<str>, Hides)> {
        let hiding = self.by_rule.iter().filter(|(_, hides)| hides.hidden > 0);
        // The first of equals, in the order of their ids.
        hiding.rev().max_by_key(|(_, hides)| hides.hidden).map(|(id, hides)| (id, *hides))
    }

    /// Adds another's counts.
    pub(super) fn merge(&mut self, other: &Depth) {
        self.values += other.values;
        self.hidden += other.hidden;
        self.loose += other.loose;
        for (id, hides) in &other.by_rule {
            let here = self.by_rule.entry(Arc::clone(id)).or_default();
            here.hidden += hides.hidden;
            here.loose += hides.loose;
        }
    }

    /// Asks about every value of the legacy's answer. `told` hears of each that a rule would answer for.
    pub(super) fn ask(&mut self, laid: &Laid, rules: &RuleSet, told: &mut dyn FnMut(&Arc<str>, &Location)) {
        let (Some(request), Some(reference)) = (laid.request(), laid.reference()) else { return };
        let judge = rules.judge(&request.method, path_of(&request.target));
        each_value(request, reference, reference, DifferenceKind::Value, &mut |at, fair, found| {
            if !fair {
                return;
            }
            self.values += 1;
            let Some(hit) = judge.answer(found) else { return };
            told(&hit.id, at);
            let hides = self.by_rule.entry(hit.id).or_default();
            if hit.answer == RuleAnswer::Match {
                hides.loose += 1;
                self.loose += 1;
            } else {
                hides.hidden += 1;
                self.hidden += 1;
            }
        });
    }
}

/// Hears of a value: where it is, whether it is of the answer (see [`fair`]), and the difference to ask about.
pub(super) type Heard<'h> = dyn FnMut(&Location, bool, &Found<'_>) + 'h;

/// Goes through the values of an answer. Of kind `value` each is another on the candidate's side; of kind `extra` the
/// legacy has none of them.
pub(super) fn each_value(
    request: &Request,
    response: &Response,
    reference: &Response,
    kind: DifferenceKind,
    heard: &mut Heard<'_>,
) {
    let is_new = kind == DifferenceKind::Extra;
    let mut ask = |at: &Location, fair: bool, spot: Spot<'_>, kind: DifferenceKind, now: &str, other: &str| {
        let sides = match kind {
            DifferenceKind::Extra => (None, Some(now)),
            DifferenceKind::Missing => (Some(now), None),
            _ => (Some(now), Some(other)),
        };
        heard(at, fair, &Found { spot, kind, legacy: sides.0, candidate: sides.1, legacy_twice: false });
    };
    if !is_new {
        let (status, other) = (response.status.to_string(), value::other_status(response.status).to_string());
        ask(&Location::Status, true, Spot::Status, kind, &status, &other);
    }
    for (name, now) in fields(&response.headers) {
        let at = Location::Header(name.clone());
        if name == "set-cookie" {
            each_of_cookie(&Cookie::read(&now), |fair, spot, lost, now, other| {
                let kind = if lost && !is_new { DifferenceKind::Missing } else { kind };
                ask(&at, fair, spot, kind, now, other);
            });
        } else {
            let fair = fair::is_of_the_answer(&name);
            ask(&at, fair, Spot::Header(&name), kind, &now, &value::off_by_one(&now));
        }
    }
    match Content::of(&request.method, response, reference) {
        Content::Nothing => {}
        Content::Json(json) => {
            let documents = Documents::new(&reference.body.bytes, &response.body.bytes);
            each_leaf(&json, |path, now, other, leaf_kind| {
                let spot = Spot::Json { legacy: &path, candidate: &path, documents: &documents };
                let kind = if is_new { kind } else { leaf_kind };
                ask(&Location::Json(path.clone()), true, spot, kind, now, other);
            });
        }
        Content::Text(text) => {
            let lines: Vec<&str> = text.lines().collect();
            for at in every(lines.len()) {
                let Some(line) = lines.get(at) else { continue };
                ask(&Location::Text(at + 1), true, Spot::Line, kind, line, &value::off_by_one(line));
            }
        }
        Content::Bytes(body) => {
            let now = bytes::digest(body);
            ask(&Location::Body, true, Spot::Body, kind, &now, &value::off_by_one(&now));
        }
    }
}

/// The value and each attribute; of one that is there or not (`Secure`) the change is that it is lost.
fn each_of_cookie(cookie: &Cookie<'_>, mut ask: impl FnMut(bool, Spot<'_>, bool, &str, &str)) {
    let name = cookie.name;
    ask(true, Spot::Cookie { name, attribute: None }, false, cookie.value, &value::off_by_one(cookie.value));
    for (attribute, now) in &cookie.attributes {
        let spot = Spot::Cookie { name, attribute: Some(attribute) };
        let fair = fair::attribute_is_of_the_answer(attribute);
        ask(fair, spot, now.is_empty(), now, &value::other_attribute(attribute, now));
    }
}

fn each_leaf(json: &Json<'_>, mut ask: impl FnMut(Vec<Segment>, &str, &str, DifferenceKind)) {
    let leaves: Vec<usize> = json.leaves().collect();
    for at in every(leaves.len()) {
        let Some((at, leaf)) = leaves.get(at).and_then(|at| Some((*at, json.values.get(*at)?))) else { continue };
        let now = json.text_of(leaf);
        // There is no other null: it can only become something else.
        let (other, kind) = match value::json_off_by_one(now, leaf.json_type) {
            Some(other) => (other, DifferenceKind::Value),
            None => (value::json_other_type(now, leaf.json_type).unwrap_or_default(), DifferenceKind::Type),
        };
        ask(json.path(at), now, &other, kind);
    }
}

/// At most [`MAX_VALUES`] of so many positions, evenly.
fn every(all: usize) -> impl Iterator<Item = usize> {
    (0..all).step_by(all.div_ceil(MAX_VALUES).max(1))
}

/// The fields by lower-case name, those of one name joined as a recipient may (RFC 9110, section 5.3); but each cookie by
/// itself, which must not be joined.
fn fields(headers: &Headers) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for (name, now) in headers.iter() {
        let (name, now) = (name.to_ascii_lowercase(), String::from_utf8_lossy(now));
        match fields.iter_mut().find(|(other, _)| *other == name && name != "set-cookie") {
            Some((_, before)) => *before = format!("{before}, {now}"),
            None => fields.push((name, now.into_owned())),
        }
    }
    fields
}

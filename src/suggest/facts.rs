//! What the answers and requests around a group's differences say of them.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::Value;

use super::answers::{Answers, at, responses, scalar, tree};
use super::arrays::Arrangement;
use super::evidence::{Evidence, Group, Pair};
use super::place::{Spot, Step, visit};
use super::request;
use crate::exchange::{DifferenceKind, Location, Segment, Specimen, Timestamp};
use crate::rules::Value as Typed;

/// Values of the legacy that are kept of one place.
const MAX_KNOWN: usize = 50_000;
/// Scalars of one answer among which a candidate's value is looked for.
const MAX_SCALARS: usize = 2_000;
/// Identities of the legacy that are kept.
const MAX_IDENTITIES: usize = 200_000;
/// Bytes of a text that is no word, and digits of a number that is no count.
const LONG_TEXT: usize = 8;
const LONG_NUMBER: usize = 7;
/// Bytes of one side that are kept.
const MAX_SIDE: usize = 4 << 10;
/// Places at which candidates' values are counted.
const MAX_ECHOES: usize = 256;

/// One difference's two sides as rules see them, whole or not at all.
#[derive(Debug, Clone, Default)]
pub(super) struct Sides {
    pub(super) legacy: Option<String>,
    pub(super) candidate: Option<String>,
    /// When the exchange was answered.
    pub(super) answered: Option<Timestamp>,
}

/// All that is known of a group beside its differences.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Specimens in whose legacy's answer there is something at the group's place.
    pub(super) covering: Vec<usize>,
    /// In the order of the group's pairs.
    pub(super) sides: Vec<Sides>,
    /// Places in the legacy's answers of the endpoint that the group's place means, the equal ones included.
    pub(super) covered: usize,
    /// The legacy's values at these.
    known: BTreeSet<String>,
    /// Where else in the legacy's own answer the candidate's value stands most often, and in how many pairs.
    pub(super) echo: Option<(String, usize)>,
    /// Pairs in which the legacy's value is one that was asked with.
    pub(super) asked: usize,
    /// Pairs whose request asks for an order.
    pub(super) order_asked: usize,
    /// Of differences in order: how each array was arranged.
    pub(super) arrays: Vec<Arrangement>,
    echoes: BTreeMap<String, usize>,
    identities: Rc<BTreeSet<String>>,
}

impl Sides {
    /// Both values, where there are two that can be read.
    pub(super) fn both(&self, is_json: bool) -> Option<(Typed<'_>, Typed<'_>)> {
        Some((typed(self.legacy.as_deref()?, is_json)?, typed(self.candidate.as_deref()?, is_json)?))
    }
}

fn typed(text: &str, is_json: bool) -> Option<Typed<'_>> {
    if is_json { Typed::json(text) } else { Some(Typed::Text(text.into())) }
}

/// The text of a side's value: of a JSON string its contents.
pub(super) fn plain(text: &str, is_json: bool) -> Option<String> {
    typed(text, is_json)?.text().map(str::to_owned)
}

/// What identities the legacy has given out, or was asked for, anywhere in the evidence: texts and numbers too long to be
/// there by chance, up to a bound.
pub(super) fn identities(evidence: &Evidence<'_>) -> Rc<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for specimen in evidence.specimens {
        let mut add = |text: &str| {
            let is_long = text.len() >= if text.bytes().all(|b| b.is_ascii_digit()) { LONG_NUMBER } else { LONG_TEXT };
            if is_long && text.bytes().any(|b| b.is_ascii_digit()) && found.len() < MAX_IDENTITIES {
                found.insert(text.to_owned());
            }
        };
        if let Some(document) = responses(&specimen.observation).0.and_then(tree) {
            let mut left = MAX_SCALARS;
            scalars(&document, &mut Vec::new(), &mut left, &mut |_, text| add(text));
        }
        let asked = specimen.observation.exchange.request.as_ref().map(request::features).unwrap_or_default();
        asked.values().flatten().for_each(|text| add(text));
    }
    Rc::new(found)
}

/// The facts of all groups of one endpoint: its specimens are read once.
pub(super) fn gather(evidence: &Evidence<'_>, groups: &[Group<'_>], identities: &Rc<BTreeSet<String>>) -> Vec<Facts> {
    let fresh = || Facts { identities: Rc::clone(identities), ..Facts::default() };
    let mut facts: Vec<Facts> = groups.iter().map(|_| fresh()).collect();
    let Some(endpoint) = groups.first().map(|group| &group.name.endpoint) else { return facts };
    let mut next: Vec<usize> = vec![0; groups.len()];
    for position in evidence.of(endpoint) {
        let Some(specimen) = evidence.specimens.get(position) else { continue };
        let answers = Answers::of(&specimen.observation);
        let asked = specimen.observation.exchange.request.as_ref().map(request::features).unwrap_or_default();
        for ((group, facts), next) in groups.iter().zip(&mut facts).zip(&mut next) {
            let before = facts.covered;
            facts.see(&group.spot, specimen, &answers);
            if facts.covered > before {
                facts.covering.push(position);
            }
            while let Some(pair) = group.pairs.get(*next).filter(|pair| pair.specimen == position) {
                *next += 1;
                facts.add(group, pair, specimen, &answers);
                let legacy = facts.sides.last().and_then(|sides| plain(sides.legacy.as_deref()?, group.spot.is_json()));
                facts.asked += usize::from(legacy.is_some_and(|text| request::asks_with(&asked, &text)));
                facts.order_asked += usize::from(request::asks_for_order(&asked));
            }
        }
    }
    for facts in &mut facts {
        // The first of the most frequent: the map is in order.
        let most = facts.echoes.values().copied().max();
        facts.echo =
            most.and_then(|most| facts.echoes.iter().find(|(_, n)| **n == most)).map(|(at, n)| (at.clone(), *n));
    }
    facts
}

impl Facts {
    /// Whether the legacy has this value, here in another exchange or anywhere as an identity.
    pub(super) fn has(&self, value: &str) -> bool {
        self.known.contains(value) || self.identities.contains(value)
    }

    /// Counts the places of one answer that the group's place means.
    fn see(&mut self, spot: &Spot, specimen: &Specimen, answers: &Answers) {
        let mut add = |value: Option<String>| {
            self.covered += 1;
            if let Some(value) = value
                && self.known.len() < MAX_KNOWN
            {
                self.known.insert(value);
            }
        };
        match spot {
            Spot::Json(steps) => {
                if let Some(document) = &answers.legacy {
                    visit(document, steps, &mut |_, value| add(scalar(value)));
                }
            }
            Spot::Header(name) => {
                let (legacy, _) = responses(&specimen.observation);
                if let Some(value) = legacy.and_then(|legacy| legacy.headers.get(name)) {
                    add(Some(String::from_utf8_lossy(value).into_owned()));
                }
            }
            Spot::Cookie(name, None) => {
                let (legacy, _) = responses(&specimen.observation);
                for field in legacy.iter().flat_map(|legacy| legacy.headers.get_all("set-cookie")) {
                    let field = String::from_utf8_lossy(field).into_owned();
                    let pair = field.split(';').next().and_then(|pair| pair.split_once('='));
                    if let Some((_, value)) = pair.filter(|(found, _)| found.trim() == name) {
                        add(Some(value.trim().to_owned()));
                    }
                }
            }
            Spot::Cookie(_, Some(_)) | Spot::Untyped => {}
        }
    }

    fn add(&mut self, group: &Group<'_>, pair: &Pair<'_>, specimen: &Specimen, answers: &Answers) {
        let moments = specimen.observation.exchange.moments;
        let (legacy, candidate) = (pair.difference.legacy.as_deref(), pair.difference.candidate.as_deref());
        let path: Option<&[Segment]> = match &pair.difference.at {
            Location::Json(path) => Some(path),
            _ => None,
        };
        let side = |text: Option<&str>, document: &Option<Value>| whole(&group.spot, text?, path, document.as_ref());
        let sides = Sides {
            legacy: side(legacy, &answers.legacy),
            candidate: side(candidate, &answers.candidate),
            answered: moments.response_end.or(moments.started()),
        };
        if let (DifferenceKind::Order, Some(path)) = (group.name.kind, path) {
            self.arrays.extend(Arrangement::of(answers, path));
        }
        if let (Some(candidate), Some(document)) =
            (sides.candidate.as_deref().and_then(|text| plain(text, group.spot.is_json())), &answers.legacy)
        {
            self.look_for(&candidate, document, &group.spot);
        }
        self.sides.push(sides);
    }

    /// Counts where else in the legacy's answer a value stands.
    fn look_for(&mut self, value: &str, document: &Value, spot: &Spot) {
        let own = match spot {
            Spot::Json(steps) => general(steps),
            _ => String::new(),
        };
        let mut places = BTreeSet::new();
        let mut left = MAX_SCALARS;
        scalars(document, &mut Vec::new(), &mut left, &mut |steps, text| {
            if text == value {
                places.insert(Spot::json_path(steps));
            }
        });
        places.remove(&own);
        for place in places {
            if self.echoes.len() < MAX_ECHOES || self.echoes.contains_key(&place) {
                *self.echoes.entry(place).or_default() += 1;
            }
        }
    }
}

/// A side as rules see it; None where it was cut and cannot be had whole.
fn whole(spot: &Spot, text: &str, path: Option<&[Segment]>, document: Option<&Value>) -> Option<String> {
    let text = match spot {
        Spot::Cookie(_, None) => text.split_once('=')?.1,
        Spot::Cookie(_, Some(_)) => text.split_once("; ")?.1.split_once('=').map_or("", |(_, value)| value),
        _ => text,
    };
    let Some(beginning) = text.strip_suffix('…') else { return Some(text.to_owned()) };
    let found = at(document?, path?)?.to_string();
    // Behind an element that one side lacks the same path means another value.
    let is_it = found.as_bytes().get(..8) == beginning.as_bytes().get(..8);
    (is_it && found.len() <= MAX_SIDE).then_some(found)
}

fn general(steps: &[Step]) -> String {
    let general = |step: &Step| if matches!(step, Step::Index(_)) { Step::Any } else { step.clone() };
    Spot::json_path(&steps.iter().map(general).collect::<Vec<_>>())
}

/// Every scalar of a document with its general place, up to a bound.
fn scalars(value: &Value, steps: &mut Vec<Step>, left: &mut usize, found: &mut dyn FnMut(&[Step], &str)) {
    if *left == 0 {
        return;
    }
    let mut into = |step: Step, inner: &Value, steps: &mut Vec<Step>| {
        steps.push(step);
        scalars(inner, steps, left, found);
        steps.pop();
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, inner)| into(Step::Name(name.clone()), inner, steps)),
        Value::Array(elements) => elements.iter().for_each(|inner| into(Step::Any, inner, steps)),
        _ => {
            *left -= 1;
            if let Some(text) = scalar(value) {
                found(steps, &text);
            }
        }
    }
}

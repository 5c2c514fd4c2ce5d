//! Every rule, asked what it is good for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::ToSpan;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use super::content::general;
use super::depth::{Depth, Hides, each_value};
use super::detect::{Hider, Unnoticed};
use super::look::{Eyes, Looked};
use super::trial::Terms;
use super::{Laid, fair, keys};
use crate::exchange::{DifferenceKind, Endpoint, Location, Outcome, Specimen, path_of};
use crate::rules::{Found, Part, Rule, RuleSet};

/// Days before its last one from which on a rule is said to expire soon.
pub const SOON: i64 = 30;
/// Places of one wide rule that are kept.
const MAX_WIDE_PLACES: usize = 256;
/// Names of places that a finding bears.
const NAMED: usize = 3;
/// Questions whether a rule means a place, of the rules that have answered for nothing. Past it none is called dead that
/// was not found to mean one.
const MAX_QUESTIONS: usize = 2_000_000;

crate::exchange::reasons! {
    /// What is wrong with a rule.
    Flaw {
        /// It has answered for nothing, and means no place that was seen.
        Dead = "dead",
        /// It hides more than the policy lets all rules together, or far more places than ever differed.
        OverBroad = "over-broad",
        /// Its last day has passed, and it was not applied.
        Expired = "expired",
        /// Its last day is near.
        ExpiresSoon = "expires-soon",
    }
}

/// What is wrong with a rule, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// What.
    pub flaw: Flaw,
    /// Why it is said, with figures; places in it are hostile.
    pub why: String,
}

/// What a whole run says of each rule that answered for something: differences and exchanges, by the rule's id.
pub type Uses = BTreeMap<Arc<str>, (u64, u64)>;

/// One rule, audited.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RuleAudit {
    /// The rule.
    pub id: Arc<str>,
    /// Differences of the run that it answered for.
    pub differences: u64,
    /// Exchanges of the run in which it did.
    pub exchanges: u64,
    /// Specimens in which it answered for something.
    pub specimens: u64,
    /// Of these, those that would no longer agree without it.
    pub needed: u64,
    /// Values of the legacy's answers whose change it would answer for, see [`Depth`].
    pub values: Hides,
    /// Their share of all values; None where there are none.
    pub share: Option<f64>,
    /// Seeded faults that it hid.
    pub faults_hidden: u64,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
}

/// The rules that were found to mean a place that was seen, and how often it was asked.
#[derive(Debug, Default)]
pub(super) struct Meant {
    rules: BTreeSet<Arc<str>>,
    questions: usize,
}

/// What is gathered while specimens are looked at.
pub(super) struct Auditor<'a> {
    rules: &'a RuleSet,
    /// Those that have answered for nothing and were not found to mean a place.
    undecided: Vec<&'a Rule>,
    meant: Meant,
    wide: BTreeMap<Arc<str>, Wide>,
    answered: BTreeMap<Arc<str>, Counts>,
}

/// Where a rule with a wide place hides something, and where it was needed.
#[derive(Debug, Default)]
struct Wide {
    /// With the name to show; endpoint and general place by their real names.
    hides: BTreeMap<String, String>,
    differed: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    specimens: u64,
    needed: u64,
}

/// The rules that answered for something in one specimen.
#[derive(Debug, Default)]
pub(super) struct Answered {
    /// And whether it would no longer agree without it.
    rules: BTreeMap<Arc<str>, bool>,
    /// Where rules with wide places answered: endpoint and general place by their real names.
    wide: BTreeSet<(Arc<str>, String)>,
}

impl<'a> Auditor<'a> {
    /// `meant` is what earlier looks at specimens of the same run have found.
    pub(super) fn new(rules: &'a RuleSet, uses: &Uses, meant: Meant) -> Auditor<'a> {
        let unused = |rule: &&Rule| !rule.expired && !uses.contains_key(&rule.id) && !meant.rules.contains(&rule.id);
        let wide = rules.rules().iter().filter(|rule| is_wide(rule));
        Auditor {
            rules,
            undecided: rules.rules().iter().filter(unused).collect(),
            meant,
            wide: wide.map(|rule| (Arc::clone(&rule.id), Wide::default())).collect(),
            answered: BTreeMap::new(),
        }
    }

    /// Whether a rule means places that it does not name one by one.
    pub(super) fn is_wide(&self, id: &Arc<str>) -> bool {
        self.wide.contains_key(id)
    }

    /// Looks at one specimen, as it is and with its codings on: which rules answer, and which are needed.
    pub(super) fn look(&mut self, eyes: &mut Eyes, specimen: &Specimen, laid: &Laid) -> Answered {
        let comparison = eyes.comparer.compare_unshown(&specimen.observation);
        let agree = |outcome| matches!(outcome, Outcome::Matched | Outcome::Accepted);
        let mut answered = Answered::default();
        for difference in &comparison.differences {
            let Some(hit) = &difference.rule else { continue };
            if self.is_wide(&hit.id) {
                let place = format!("{} {}", laid.endpoint, general(&difference.at));
                answered.wide.insert((Arc::clone(&hit.id), place));
            }
            answered.rules.entry(Arc::clone(&hit.id)).or_insert(false);
        }
        for (id, needed) in &mut answered.rules {
            *needed =
                agree(comparison.outcome) && !agree(eyes.without(id).compare_unshown(&specimen.observation).outcome);
        }
        self.ask_of_unused(laid);
        answered
    }

    /// Takes in what was found in one specimen.
    pub(super) fn take(&mut self, endpoint: &Endpoint, looked: &Looked) {
        for (id, place) in &looked.hides {
            let Some(wide) = self.wide.get_mut(id) else { continue };
            let real = format!("{endpoint} {}", place.real);
            if wide.hides.len() < MAX_WIDE_PLACES && !wide.hides.contains_key(&real) {
                wide.hides.insert(real, format!("{endpoint} {}", place.shown));
            }
        }
        for (id, place) in &looked.answered.wide {
            if let Some(wide) = self.wide.get_mut(id) {
                wide.differed.insert(place.clone());
            }
        }
        for (id, needed) in &looked.answered.rules {
            self.undecided.retain(|rule| rule.id != *id);
            let counts = self.answered.entry(Arc::clone(id)).or_default();
            counts.specimens += 1;
            counts.needed += u64::from(*needed);
        }
    }

    /// Whether rules that have answered for nothing mean any place of these answers.
    fn ask_of_unused(&mut self, laid: &Laid) {
        if self.undecided.is_empty() || self.meant.questions >= MAX_QUESTIONS {
            return;
        }
        let (Some(request), Some(reference), Some(candidate)) = (laid.request(), laid.reference(), laid.candidate())
        else {
            return;
        };
        let path = path_of(&request.target);
        let (undecided, meant) = (&mut self.undecided, &mut self.meant);
        let mut ask = |_: &Location, _: bool, found: &Found<'_>| {
            if meant.questions < MAX_QUESTIONS {
                meant.questions += undecided.len();
                undecided.retain(|rule| {
                    let means = means(rule, &request.method, path, found);
                    if means {
                        meant.rules.insert(Arc::clone(&rule.id));
                    }
                    !means
                });
            }
        };
        each_value(request, reference, reference, DifferenceKind::Value, &mut ask);
        each_value(request, candidate, reference, DifferenceKind::Extra, &mut ask);
    }

    /// The audit of every rule, in order; and what is known of rules that have answered for nothing.
    pub(super) fn finish(
        self,
        uses: &Uses,
        depth: &Depth,
        unnoticed: &[&Unnoticed],
        terms: &Terms,
    ) -> (Vec<RuleAudit>, Meant) {
        let asked_of_all = self.meant.questions < MAX_QUESTIONS;
        let one = |rule: &Rule| {
            let (differences, exchanges) = uses.get(&rule.id).copied().unwrap_or_default();
            let answered = self.answered.get(&rule.id).copied().unwrap_or_default();
            let values = depth.by_rule.get(&rule.id).copied().unwrap_or_default();
            let hid = |unnoticed: &&&Unnoticed| unnoticed.hidden_by == Hider::Rule(Arc::clone(&rule.id));
            let of_all = |n: u64| (depth.values > 0).then(|| n as f64 / depth.values as f64);
            let mut findings = day_of(rule, terms.today);
            findings.extend(self.wide.get(&rule.id).and_then(Wide::finding));
            if let Some(share) = of_all(values.hidden).filter(|share| *share > terms.hidden_at_most) {
                let (hidden, most) = (share * 100.0, terms.hidden_at_most * 100.0);
                let why = format!("it hides {hidden:.1}% of all values by itself; all rules together may hide {most}%");
                findings.push(Finding { flaw: Flaw::OverBroad, why });
            }
            let dead = self.undecided.iter().any(|undecided| undecided.id == rule.id);
            if dead && asked_of_all && !is_shipped(rule) {
                let why = match keys::key_of(rule) {
                    None => "it has answered for nothing, and no answer that was looked at has such a place".to_owned(),
                    Some(key) => format!(
                        "it has answered for nothing: in the answers that were looked at no element has this key, '{key}', \
                         at its place, so they are compared in order"
                    ),
                };
                findings.push(Finding { flaw: Flaw::Dead, why });
            }
            RuleAudit {
                id: Arc::clone(&rule.id),
                differences,
                exchanges,
                specimens: answered.specimens,
                needed: answered.needed,
                values,
                share: of_all(values.hidden + values.loose),
                faults_hidden: unnoticed.iter().filter(hid).map(|unnoticed| unnoticed.faults).sum(),
                findings,
            }
        };
        let audits = self.rules.rules().iter().map(one).collect();
        (audits, self.meant)
    }
}

impl Wide {
    /// A rule that says "everywhere" where differences are in few places hides what nobody has looked at.
    fn finding(&self) -> Option<Finding> {
        let never: Vec<&String> =
            self.hides.iter().filter(|(place, _)| !self.differed.contains(*place)).map(|(_, shown)| shown).collect();
        if self.hides.len() < 2 || never.len() * 2 <= self.hides.len() {
            return None;
        }
        let named: Vec<&str> = never.iter().take(NAMED).map(|name| name.as_str()).collect();
        let more = if never.len() > NAMED { " and others" } else { "" };
        let why = format!(
            "of the {} places that it covers {} never differed: {}{more}",
            self.hides.len(),
            never.len(),
            named.join(", ")
        );
        Some(Finding { flaw: Flaw::OverBroad, why })
    }
}

fn day_of(rule: &Rule, today: Date) -> Vec<Finding> {
    let soon = today.checked_add(SOON.days()).is_ok_and(|soon| rule.expires <= soon);
    let (flaw, why) = match (rule.expires < today, soon) {
        (true, _) => (Flaw::Expired, format!("its last day was {}", rule.expires)),
        (false, true) => (Flaw::ExpiresSoon, format!("its last day is {}", rule.expires)),
        (false, false) => return Vec::new(),
    };
    vec![Finding { flaw, why }]
}

/// Whether a rule speaks of a difference's place, whatever it would say of it.
fn means(rule: &Rule, method: &str, path: &[u8], found: &Found<'_>) -> bool {
    if rule.place.endpoint.as_ref().is_some_and(|endpoint| !endpoint.matches(method, path)) {
        return false;
    }
    if let (Some(key), crate::rules::Spot::Json { legacy, .. }) = (keys::key_of(rule), &found.spot) {
        return keys::is_of_a_key(rule, key, legacy);
    }
    match &rule.place.part {
        // What the candidate's status will be nobody knows.
        Part::Status(Some((from, _))) => {
            matches!(found.spot, crate::rules::Spot::Status) && found.legacy == Some(from.to_string().as_str())
        }
        // A cookie's attribute is of its cookie.
        Part::Cookie(names) => {
            let crate::rules::Spot::Cookie { name, .. } = found.spot else { return false };
            names.iter().any(|cookie| cookie.name.as_deref().is_none_or(|other| other == name))
        }
        // It speaks of a place where something else stands in a candidate's answer: nobody knows where that will be.
        Part::Body => true,
        // A changed line need not be one that the rule finds.
        Part::Text(regex) => {
            matches!(found.spot, crate::rules::Spot::Line)
                && found.legacy.or(found.candidate).is_some_and(|line| regex.is_match(line))
        }
        part => part.means(&found.spot, found.kind, found.legacy, found.candidate).any(),
    }
}

/// Rules that mean places which they do not name one by one.
fn is_wide(rule: &Rule) -> bool {
    match &rule.place.part {
        Part::Json(paths) => paths.iter().any(|path| path.as_str().contains("..") || path.as_str().contains('*')),
        Part::Header(names) => names.iter().filter(|name| fair::is_of_the_answer(name)).count() > NAMED,
        Part::Text(_) | Part::Body => rule.place.endpoint.as_ref().is_none_or(|e| e.to_string().contains("**")),
        Part::Cookie(_) | Part::Status(_) => false,
    }
}

/// The shipped rules are for every service; that one has nothing for some of them is no finding. Who copies the file into a
/// folder of his own has them still.
fn is_shipped(rule: &Rule) -> bool {
    rule.owner == env!("CARGO_PKG_NAME") && rule.id.starts_with("common-")
}

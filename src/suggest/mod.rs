//! Rules for what looks like noise, suggested from kept exchanges and never applied by themselves.
//!
//! [`suggest`] groups the unanswered differences of the mismatches (`evidence`), gathers what the answers around them say
//! (`facts`), and reads each group (`noise`): an identity, a clock, a rounding, a spelling, an order, a null; or no noise,
//! and why. What may be a defect gets no rule: a constant shift, one direction, a time zone, fields that are swapped, another
//! entity's id, an order that goes by something. A reading becomes a draft (`draft`), and a draft a suggestion only where
//! comparing again proves it (`prove`): it answers for all of its differences and for no others, and faults of another
//! type, shape or value put at its place (`fault`) are still mismatches.
//!
//! [`explain`] tells by contrast which feature of the requests goes with a group.

mod answers;
mod arrays;
mod draft;
mod evidence;
pub mod explain;
mod facts;
mod fault;
mod identity;
mod noise;
mod numbers;
mod place;
mod prove;
mod request;
mod stub;
mod texts;
mod times;
mod write;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::ToSpan;
use jiff::civil::Date;
use serde::Serialize;

use draft::Draft;
use evidence::{Evidence, Group};
use facts::Facts;
use noise::{Finding, MOST, Noise};
use prove::Proof;

pub use evidence::{DifferenceName, GeneralPlace, MAX_GROUPS, MAX_PAIRS};
pub use fault::{FaultKind, Faults};
pub use noise::MIN_EXCHANGES;
pub use request::{Feature, MAX_FEATURE_VALUE, MAX_FEATURES};
pub use stub::accepted;

use crate::compare::Comparer;
use crate::exchange::{DifferenceKind, Endpoint, Specimen, count};
use crate::rules::RuleSet;

/// Days after the last evidence on which a suggested rule still applies.
pub const APPLIES_FOR_DAYS: i64 = 90;
/// Examples of a group.
pub const MAX_EXAMPLES: usize = 3;

/// What came of looking at the evidence. Texts of answers are without secrets and not escaped: that is the renderer's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suggestions {
    /// Exchanges of which two answers were compared.
    pub compared: usize,
    /// Those of them that mismatch.
    pub mismatched: usize,
    /// Mismatches that would be matches under all suggested rules together.
    pub matches_under_all: usize,
    /// The last day on which the suggested rules apply.
    pub expires: String,
    /// Whether that day has passed already: the evidence is old, and the rules are not applied as they are.
    pub expired: bool,
    /// Rules, in the order of their endpoints and places.
    pub rules: Vec<Suggestion>,
    /// Groups without a rule, and why.
    pub not_noise: Vec<NotNoise>,
    /// Groups past [`MAX_GROUPS`], which were not looked at.
    pub more_groups: usize,
}

/// A rule that may be copied.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suggestion {
    /// Unique among the suggested rules and those in force.
    pub id: String,
    /// The entry of a `rules:` list, printable ASCII.
    pub yaml: String,
    /// The groups that it is made for.
    #[serde(skip)]
    pub names: BTreeSet<DifferenceName>,
    /// Where it applies.
    pub at: String,
    /// The endpoints in which the noise was seen.
    pub endpoints: Vec<Endpoint>,
    /// What it looks like: `id`, `time`, `rounding`, `order`...
    pub looks_like: &'static str,
    /// In which ways the sides disagree.
    pub kinds: BTreeSet<DifferenceKind>,
    /// What was seen.
    pub seen: String,
    /// What the evidence cannot show.
    pub doubts: Vec<String>,
    /// Differences that it answers for.
    pub differences: usize,
    /// Exchanges with these differences.
    pub exchanges: usize,
    /// Exchanges of these endpoints that were compared.
    pub compared: usize,
    /// Mismatches that become matches by this rule alone.
    pub matches: usize,
    /// Faults put at its place, by kind: how many, and how many of them are still mismatches.
    pub faults: Vec<(FaultKind, usize, usize)>,
    /// The first exchanges with such a difference.
    pub examples: Vec<Shown>,
    /// How often it was seen in the whole run, of which the evidence is a part; None where nobody counted.
    pub in_run: Option<InRun>,
}

/// How often a group's differences were seen in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct InRun {
    /// Differences.
    pub differences: u64,
    /// Exchanges with one.
    pub exchanges: u64,
}

/// Differences that get no rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NotNoise {
    /// Which.
    pub name: DifferenceName,
    /// How many.
    pub differences: usize,
    /// In how many exchanges.
    pub exchanges: usize,
    /// Why there is no rule.
    pub why: String,
    /// The first exchanges with such a difference.
    pub examples: Vec<Shown>,
}

/// One difference as it may be shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shown {
    /// [`crate::exchange::Observation::sequence`].
    pub sequence: u64,
    /// The legacy's side.
    pub legacy: Option<String>,
    /// The candidate's.
    pub candidate: Option<String>,
}

impl Suggestions {
    /// Notes how often each rule's differences were seen in the run that the exchanges were kept of.
    pub fn count_in(&mut self, run: impl Fn(&DifferenceName) -> Option<InRun>) {
        for rule in &mut self.rules {
            let counts: Vec<InRun> = rule.names.iter().filter_map(&run).collect();
            let sum = |sum: InRun, more: &InRun| InRun {
                differences: sum.differences + more.differences,
                exchanges: sum.exchanges + more.exchanges,
            };
            rule.in_run = (!counts.is_empty()).then(|| counts.iter().fold(InRun::default(), sum));
            if let Some(doubt) = rule.in_run.and_then(|in_run| unseen(rule.exchanges as u64, in_run.exchanges)) {
                rule.doubts.push(doubt);
            }
        }
    }
}

/// What the kept exchanges cannot say of the others: a suggested rule answers by values. None where all are kept.
fn unseen(looked_at: u64, all: u64) -> Option<String> {
    (all > looked_at).then(|| {
        format!(
            "{} of {} exchanges with this difference were looked at, for no more are kept; what the others say \
             nobody knows, and 'judge --rules' cannot decide it: replay the capture, or watch on, under the rule",
            count(looked_at),
            count(all)
        )
    })
}

/// Reads the evidence under the comparer's rules. `today` is the day from which suggested rules are reckoned where no
/// exchange says when it was; `general` names places as the reports do.
pub fn suggest(specimens: &[Specimen], comparer: &Comparer, general: GeneralPlace, today: Date) -> Suggestions {
    let evidence = Evidence::new(specimens, comparer, general);
    let (groups, more_groups) = evidence.groups();
    let last = last_day(specimens).unwrap_or(today);
    let mut desk = Desk {
        evidence: &evidence,
        groups: &groups,
        last,
        expires: last.checked_add(APPLIES_FOR_DAYS.days()).unwrap_or(last),
        taken: comparer.rules().rules().iter().map(|rule| rule.id.to_string()).collect(),
        rules: Vec::new(),
        refused: vec![None; groups.len()],
    };
    let mut found = Vec::new();
    for (at, finding) in read(&evidence, &groups).into_iter().enumerate() {
        let Some(group) = groups.get(at) else { continue };
        match finding {
            Finding::Noise(noise) => found.push((at, group.name.endpoint.clone(), group.spot.clone(), noise)),
            Finding::Not(why) => desk.refuse(&[at], &why),
        }
    }
    desk.settle(draft::of_endpoints(found));
    Suggestions {
        compared: evidence.compared(),
        mismatched: evidence.mismatched(),
        matches_under_all: desk.matches_under_all(),
        expires: desk.expires.to_string(),
        expired: desk.expires < today,
        not_noise: desk.not_noise(),
        rules: desk.rules,
        more_groups,
    }
}

/// What each group looks like, endpoint by endpoint: groups are in order of their names.
fn read(evidence: &Evidence<'_>, groups: &[Group<'_>]) -> Vec<Finding> {
    let mut findings = Vec::with_capacity(groups.len());
    let identities = facts::identities(evidence);
    for of_endpoint in groups.chunk_by(|a, b| a.name.endpoint == b.name.endpoint) {
        let facts = facts::gather(evidence, of_endpoint, &identities);
        for (group, facts) in of_endpoint.iter().zip(&facts) {
            findings.push(match noise::read(group, facts) {
                Finding::Noise(noise) => {
                    with_request(evidence, group, facts).map_or(Finding::Noise(noise), Finding::Not)
                }
                not => not,
            });
        }
    }
    findings
}

/// Why a group that looks like noise is none: it goes with what was asked. Among the exchanges that have the place those
/// with the difference are told from the others by a feature of the request.
fn with_request(evidence: &Evidence<'_>, group: &Group<'_>, facts: &Facts) -> Option<String> {
    let cases: BTreeSet<usize> = group.pairs.iter().map(|pair| pair.specimen).collect();
    let features = |at: &usize| evidence.specimens.get(*at).map(explain::features);
    let ours: Vec<_> = cases.iter().filter_map(features).collect();
    let others: Vec<_> = facts.covering.iter().filter(|at| !cases.contains(at)).filter_map(features).collect();
    let found = explain::between(&ours.iter().collect::<Vec<_>>(), &others.iter().collect::<Vec<_>>(), Vec::new());
    let first =
        found.explanations.first().filter(|first| first.of_mismatches >= MOST && first.of_others <= 1.0 - MOST)?;
    Some(format!("it goes with what was asked, as noise does not: {first}"))
}

/// The day of the last exchange, in UTC.
fn last_day(specimens: &[Specimen]) -> Option<Date> {
    let started = |specimen: &Specimen| specimen.observation.exchange.moments.started();
    let last = specimens.iter().filter_map(started).max()?;
    let last = jiff::Timestamp::from_nanosecond(i128::from(last.0)).ok()?;
    Some(last.to_zoned(jiff::tz::TimeZone::UTC).date())
}

/// Where drafts become suggestions.
struct Desk<'a> {
    evidence: &'a Evidence<'a>,
    groups: &'a [Group<'a>],
    last: Date,
    expires: Date,
    taken: BTreeSet<String>,
    rules: Vec<Suggestion>,
    /// Why a group has no rule.
    refused: Vec<Option<String>>,
}

impl Desk<'_> {
    /// Proves the drafts: those for several endpoints first, and one by one what these do not stand for.
    fn settle(&mut self, drafts: Vec<Draft>) {
        let mut done = BTreeSet::new();
        for (draft, parts) in draft::across_endpoints(&drafts, self.evidence) {
            if self.propose(&draft).is_ok() {
                done.extend(parts);
            }
        }
        for (_, draft) in drafts.iter().enumerate().filter(|(at, _)| !done.contains(at)) {
            let plain = matches!(draft.noise.says, noise::Says::Keyed(_)).then(|| Draft {
                noise: Noise { says: noise::Says::Unordered, ..draft.noise.clone() },
                ..draft.clone()
            });
            // Elements may have a key and still not be told apart by it.
            let proposed = self.propose(draft).or_else(|why| plain.map_or(Err(why), |plain| self.propose(&plain)));
            if let Err(why) = proposed {
                self.refuse(
                    &draft.groups,
                    &format!("looks like noise ({}: {}), but {why}", draft.noise.what, draft.noise.seen),
                );
            }
        }
    }

    fn propose(&mut self, draft: &Draft) -> Result<(), String> {
        let id = write::id(draft.endpoint.as_ref(), &draft.spot, draft.noise.what, &self.taken);
        let reason = format!("to be confirmed: looks like noise ({}), {}", draft.noise.what, draft.noise.seen);
        let yaml = write::rule(&id, draft.endpoint.as_ref(), &draft.spot, &draft.noise.says, &reason, self.expires);
        let proof = prove::prove(self.evidence, self.groups, draft, &format!("rules:\n{yaml}"), self.last)?;
        self.taken.insert(id.clone());
        self.rules.push(self.suggestion(id, yaml, draft, &proof));
        Ok(())
    }

    fn suggestion(&self, id: String, yaml: String, draft: &Draft, proof: &Proof) -> Suggestion {
        let groups: Vec<&Group<'_>> = draft.groups.iter().filter_map(|at| self.groups.get(*at)).collect();
        let endpoints: BTreeSet<&Endpoint> = groups.iter().map(|group| &group.name.endpoint).collect();
        let compared = endpoints.iter().map(|endpoint| self.evidence.of(endpoint).count()).sum();
        Suggestion {
            id,
            yaml,
            at: draft.spot.shown(),
            looks_like: draft.noise.what,
            kinds: groups.iter().map(|group| group.name.kind).collect(),
            seen: draft.noise.seen.clone(),
            doubts: draft.noise.doubts.clone(),
            differences: proof.answered,
            exchanges: groups.iter().map(|group| group.exchanges).sum(),
            compared,
            matches: proof.matches,
            faults: proof.faults.kinds().collect(),
            examples: groups.iter().flat_map(|group| self.examples(group)).take(MAX_EXAMPLES).collect(),
            names: groups.iter().map(|group| group.name.clone()).collect(),
            in_run: None,
            endpoints: endpoints.into_iter().cloned().collect(),
        }
    }

    fn refuse(&mut self, groups: &[usize], why: &str) {
        for at in groups {
            if let Some(refused) = self.refused.get_mut(*at) {
                *refused = Some(why.to_owned());
            }
        }
    }

    fn not_noise(&self) -> Vec<NotNoise> {
        let refused = self.groups.iter().zip(&self.refused).filter_map(|(group, why)| Some((group, why.as_ref()?)));
        refused
            .map(|(group, why)| NotNoise {
                name: group.name.clone(),
                differences: group.differences,
                exchanges: group.exchanges,
                why: why.clone(),
                examples: self.examples(group),
            })
            .collect()
    }

    /// The first differences of a group, without their secrets.
    fn examples(&self, group: &Group<'_>) -> Vec<Shown> {
        let mut seen = BTreeSet::new();
        let first = group.pairs.iter().filter(|pair| seen.insert(pair.specimen)).take(MAX_EXAMPLES);
        let shown = first.filter_map(|pair| {
            let observation = &self.evidence.specimens.get(pair.specimen)?.observation;
            let example = self.evidence.comparer.example(observation, self.evidence.comparisons.get(pair.specimen)?);
            let difference = example.differences.get(pair.nth)?.clone();
            Some(Shown { sequence: example.sequence, legacy: difference.legacy, candidate: difference.candidate })
        });
        shown.collect()
    }

    fn matches_under_all(&self) -> usize {
        let text: String = self.rules.iter().map(|rule| rule.yaml.as_str()).collect();
        if text.is_empty() {
            return 0;
        }
        // Each of them was read alone; together they are read by whoever copies them.
        let Ok(added) = RuleSet::parse("suggested", &format!("rules:\n{text}"), self.last) else { return 0 };
        let comparer = self.evidence.comparer;
        let comparer = comparer.under(Arc::new(comparer.rules().followed_by(&added)));
        let both = self.evidence.specimens.iter().zip(&self.evidence.comparisons);
        both.filter(|(specimen, before)| prove::turned(before, &comparer.compare(&specimen.observation))).count()
    }
}

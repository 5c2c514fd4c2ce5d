//! The gate on the rules: none past its last day, little hidden by them, and real faults noticed under them.
//!
//! Both shares are judged by what was seen, not by a bound of confidence. The specimens are a sample, but what is asked of
//! them is not: the faults are a designed set, and all faults at one place share its fate, because a rule hides a place or
//! does not. A binomial bound would take them for independent draws from the defects to come, and claim a precision that is
//! not there. What a small set cannot show is kept out by [`MIN_FAULTS`], and each endpoint is judged by itself, so that a
//! rule that blinds one is not made up for by the others.
//!
//! A rule that hides too much says nothing against the candidate: the evidence is not good enough, which is INCONCLUSIVE.

use crate::config::RulesGate;
use crate::exchange::RuleNote;
use crate::faults::{Counted, Depth, EndpointTrial, FaultKind, Flaw, Hider, RuleAudit, Trial, Unnoticed};

use super::words::{count, counted, names, percent, percent_against};
use super::{Gate, GateResult, GateState, NAMES};

/// Faults from which on a share of them is judged: with as many, one that goes unnoticed misses a limit of 95 % no more.
pub(super) const MIN_FAULTS: u64 = 20;
/// The least share of the faults of an endpoint with fewer of them that must be noticed there, whatever the policy says: one
/// place that is ignored may be a third of what a small answer has. Where most go unnoticed it is not compared, however few
/// they are.
const FEW_NOTICED: f64 = 0.5;
/// Kinds of which some must be noticed at each endpoint that has a place for them. They are few in an answer of many values,
/// and a rule that lets all of them pass (any status, any member more, any attribute of a cookie) would be lost in the share.
const NEVER_ALL: [FaultKind; 3] = [FaultKind::StatusChanged, FaultKind::FieldAdded, FaultKind::CookieAttributeLost];
/// The least share of an endpoint's values that may be hidden there, whatever the policy says of the whole: with one session
/// cookie ignored, an answer of four values hides a quarter, and is compared all the same. Where more is hidden than compared,
/// it is not.
const MOSTLY: f64 = 0.5;
/// Endpoints that have a line of their own; the others are counted.
pub(super) const MAX_LINES: usize = 20;

pub(super) const FAULTS: &str =
    "share of the faults seeded into specimens that is noticed, by itself: a designed set is no random sample";
const DEPTH: &str = "share of the values in the specimens' legacy answers whose change a rule would ignore or accept";
const PLACES: &str = "each rule's place against the places of the answers that were looked at";

pub(super) fn open(method: &str, sample: u64, reason: String, remedy: String) -> GateResult {
    GateResult {
        gate: Gate::Rules,
        endpoint: None,
        state: GateState::NotEnough,
        figure: None,
        bound: None,
        limit: None,
        sample,
        method: method.to_owned(),
        reason,
        remedy: Some(remedy),
    }
}

/// What the gate says: one line where it holds, else one for each thing that keeps it open. `compared` is how many exchanges
/// the verdict rests on: where there are none, there is nothing that rules could have hidden.
pub(super) fn rules_gate(
    rules: &[RuleNote],
    trial: Option<&Trial>,
    compared: u64,
    gate: &RulesGate,
) -> Vec<GateResult> {
    let mut results = Vec::new();
    results.extend(expired(rules));
    results.extend(unanswered(rules));
    if compared > 0 {
        match trial {
            Some(trial) => {
                results.extend(dead(trial));
                results.extend(depths(trial, gate));
                results.extend(faults(trial, gate));
                results.extend(untried(trial));
            }
            None => {
                let reason = "no exchange was kept to put the rules to the test.".to_owned();
                results.push(open(FAULTS, 0, reason, "a run that keeps specimens".to_owned()));
            }
        }
    }
    if results.is_empty() && (compared > 0 || !rules.is_empty()) {
        results.push(holds(rules, trial.filter(|_| compared > 0), gate));
    }
    results
}

/// Rules that were drafted, and for which nobody answers yet.
fn unanswered(rules: &[RuleNote]) -> Option<GateResult> {
    let drafts: Vec<&str> =
        rules.iter().filter(|rule| !rule.expired && rule.is_draft()).map(|rule| &*rule.id).collect();
    let reason = format!(
        "{} nobody answers for: owner or reason still begins with TODO ({}).",
        counted(drafts.len() as u64, "rule"),
        names(&drafts, NAMES)
    );
    let remedy = "an owner and a reason in the rule file, by whoever answers for what it hides".to_owned();
    (!drafts.is_empty()).then(|| open("each rule's owner and reason", rules.len() as u64, reason, remedy))
}

fn holds(rules: &[RuleNote], trial: Option<&Trial>, gate: &RulesGate) -> GateResult {
    let mut reason = match rules.len() as u64 {
        0 => "no rules".to_owned(),
        n => format!("{} in force, none expired", counted(n, "rule")),
    };
    let (mut figure, mut sample) = (None, rules.len() as u64);
    if let Some(trial) = trial {
        let (all, hidden) = (trial.all(), trial.depth.hidden_share().unwrap_or_default());
        (figure, sample) = (all.share(), all.seeded);
        reason.push_str(&format!(
            "; {} of {} noticed ({}, at least {} is asked), and {} of {} hidden",
            count(all.noticed),
            counted(all.seeded, "seeded fault"),
            percent_against(all.share().unwrap_or_default(), gate.faults_detected),
            percent(gate.faults_detected),
            percent(hidden),
            counted(trial.depth.values, "value"),
        ));
    }
    GateResult {
        state: GateState::Pass,
        figure,
        limit: figure.map(|_| gate.faults_detected),
        remedy: None,
        ..open(if figure.is_some() { FAULTS } else { "each rule's last day" }, sample, reason + ".", String::new())
    }
}

/// In a run that goes on, endpoints whose turn has not come yet: nothing is known of what rules hide there.
fn untried(trial: &Trial) -> Option<GateResult> {
    if trial.untried == 0 {
        return None;
    }
    let reason = format!("rules were not put to the test yet at {}.", counted(trial.untried, "endpoint"));
    let remedy = "a look a little later, or the end of the run, where all are".to_owned();
    Some(open(FAULTS, trial.specimens, reason, remedy))
}

fn expired(rules: &[RuleNote]) -> Option<GateResult> {
    let expired: Vec<String> =
        rules.iter().filter(|r| r.expired).map(|r| format!("{} ({})", r.id, r.expires)).collect();
    let reason = match expired.len() as u64 {
        0 => return None,
        1 => format!("1 rule has expired and was not applied: {}.", names(&expired, NAMES)),
        n => format!("{} rules have expired and were not applied: {}.", count(n), names(&expired, NAMES)),
    };
    let remedy = "renew or remove what has expired, and judge again".to_owned();
    Some(open("each rule's last day", rules.len() as u64, reason, remedy))
}

/// Rules that mean no place that was seen. Whoever wrote one meant some: it is a slip of the pen, or of another service, and
/// what it was written for is judged otherwise than its owner believes.
fn dead(trial: &Trial) -> Option<GateResult> {
    let is_dead = |rule: &&RuleAudit| rule.findings.iter().any(|finding| finding.flaw == Flaw::Dead);
    let dead: Vec<String> = trial.rules.iter().filter(is_dead).map(|rule| rule.id.to_string()).collect();
    let what = match dead.len() as u64 {
        0 => return None,
        1 => "1 rule never matched".to_owned(),
        n => format!("{} rules never matched", count(n)),
    };
    let names = names(&dead, NAMES);
    let reason = format!("{what}, and no answer that was looked at has such a place: {names}.");
    let remedy = "correct their places or remove them, and judge again".to_owned();
    Some(open(PLACES, trial.specimens, reason, remedy))
}

/// The whole, and endpoints most of which is hidden: they are not made up for by the others.
fn depths(trial: &Trial, gate: &RulesGate) -> Vec<GateResult> {
    let hides = |depth: &Depth, limit| depth.hidden_share().is_some_and(|share| share > limit);
    let mut results = Vec::new();
    if hides(&trial.depth, gate.hidden_at_most) {
        results.push(hidden(&trial.depth, gate.hidden_at_most, None));
    }
    let limit = gate.hidden_at_most.max(MOSTLY);
    let blind: Vec<&EndpointTrial> = trial.endpoints.iter().filter(|e| hides(&e.depth, limit)).collect();
    results.extend(blind.iter().take(MAX_LINES).map(|endpoint| hidden(&endpoint.depth, limit, Some(endpoint))));
    results.extend(further(DEPTH, blind.len()));
    results
}

fn hidden(depth: &Depth, limit: f64, of: Option<&EndpointTrial>) -> GateResult {
    let share = depth.hidden_share().unwrap_or_default();
    let at = of.map_or(String::new(), |of| format!("{}: ", of.endpoint));
    let most = depth.worst().map_or(String::new(), |(id, hides)| {
        format!("; most of them by {id} ({})", percent(hides.hidden as f64 / depth.values as f64))
    });
    let reason = format!(
        "{at}{} of {} that the legacy answered would be hidden if they changed ({}, at most {}){most}.",
        count(depth.hidden),
        counted(depth.values, "value"),
        percent_against(share, limit),
        percent(limit)
    );
    let remedy = "rules at narrower places, or ones that match (a shape, a tolerance) instead of ignoring".to_owned();
    let (endpoint, figure, limit) = (of.map(|of| of.endpoint.clone()), Some(share), Some(limit));
    GateResult { endpoint, figure, limit, ..open(DEPTH, depth.values, reason, remedy) }
}

/// One line for the endpoints that have none of their own.
pub(super) fn further(method: &str, all: usize) -> Option<GateResult> {
    let more = all.checked_sub(MAX_LINES).filter(|more| *more > 0)?;
    let reason = format!("and so it is at {}.", counted(more as u64, "further endpoint"));
    Some(open(method, 0, reason, "what the lines above say".to_owned()))
}

fn faults(trial: &Trial, gate: &RulesGate) -> Vec<GateResult> {
    let (all, limit) = (trial.all(), gate.faults_detected);
    if all.seeded < MIN_FAULTS {
        let reason = format!(
            "{} could be put into {} with answers that agree, too few to say whether the rules would notice a defect.",
            counted(all.seeded, "fault"),
            counted(trial.endpoints.iter().map(|endpoint| endpoint.sound).sum(), "specimen")
        );
        return vec![open(FAULTS, all.seeded, reason, "more exchanges whose answers agree".to_owned())];
    }
    let misses = |counted: Counted| counted.share().is_some_and(|share| share < limit);
    let mut results = Vec::new();
    if misses(all) {
        let unnoticed = trial.endpoints.iter().flat_map(|endpoint| &endpoint.unnoticed);
        results.push(missed(all, limit, unnoticed, None));
    }
    let least = |all: Counted| if all.seeded >= MIN_FAULTS { limit } else { limit.min(FEW_NOTICED) };
    let is_blind = |e: &&EndpointTrial| e.all().share().is_some_and(|share| share < least(e.all()));
    let blind: Vec<&EndpointTrial> = trial.endpoints.iter().filter(is_blind).collect();
    for endpoint in blind.iter().take(MAX_LINES) {
        let all = endpoint.all();
        results.push(missed(all, least(all), endpoint.unnoticed.iter(), Some(endpoint)));
    }
    results.extend(further(FAULTS, blind.len()));
    let seeing = trial.endpoints.iter().filter(|endpoint| !is_blind(endpoint));
    let swallowed: Vec<(&EndpointTrial, FaultKind)> =
        seeing.flat_map(|endpoint| all_unnoticed(endpoint, limit).map(move |kind| (endpoint, kind))).collect();
    results.extend(swallowed.iter().take(MAX_LINES).map(|(endpoint, kind)| kind_missed(endpoint, *kind, limit)));
    results.extend(further(FAULTS, swallowed.len()));
    results
}

/// The kinds of [`NEVER_ALL`] that nobody would notice at an endpoint.
fn all_unnoticed(endpoint: &EndpointTrial, limit: f64) -> impl Iterator<Item = FaultKind> {
    let none = move |kind: &FaultKind| {
        endpoint.faults.get(kind).is_some_and(|all| limit > 0.0 && all.seeded > 0 && all.noticed == 0)
    };
    NEVER_ALL.into_iter().filter(none)
}

/// All faults of one kind went unnoticed at an endpoint.
fn kind_missed(endpoint: &EndpointTrial, kind: FaultKind, limit: f64) -> GateResult {
    let all = endpoint.faults.get(&kind).copied().unwrap_or_default();
    let of_kind = endpoint.unnoticed.iter().filter(move |one| one.fault == kind);
    let told = missed(all, limit, of_kind, Some(endpoint));
    GateResult { reason: format!("{} No fault of that kind would be.", told.reason), ..told }
}

/// Too many faults went unnoticed: of which kind most, and what hid them.
fn missed<'u>(
    all: Counted,
    limit: f64,
    unnoticed: impl Iterator<Item = &'u Unnoticed> + Clone,
    of: Option<&EndpointTrial>,
) -> GateResult {
    let at = of.map_or(String::new(), |of| format!("{}: ", of.endpoint));
    let mut reason = format!(
        "{at}only {} of {} noticed ({}, at least {})",
        count(all.noticed),
        counted(all.seeded, "seeded fault"),
        percent_against(all.share().unwrap_or_default(), limit),
        percent(limit)
    );
    if let Some((kind, faults)) = most(unnoticed.clone().map(|one| (one.fault, one.faults))) {
        reason.push_str(&format!("; most often unnoticed: {kind} ({})", count(faults)));
    }
    let hider = most(unnoticed.map(|one| (&one.hidden_by, one.faults)));
    if let Some((hider, faults)) = hider {
        reason.push_str(&format!("; hidden most by {hider} ({})", count(faults)));
    }
    let remedy = match hider {
        Some((Hider::Rule(id), _)) => format!("a narrower place for {id}, or a match instead of what it says now"),
        Some((Hider::Drift, _)) => "a legacy that still answers as recorded, or newer traffic".to_owned(),
        Some((Hider::GivenUp, _)) => "answers within the limits of a comparison".to_owned(),
        Some((Hider::Nothing, _)) | None => "a defect of tapcompare: please report it".to_owned(),
    };
    let (figure, limit) = (all.share(), Some(limit));
    let endpoint = of.map(|of| of.endpoint.clone());
    GateResult { endpoint, figure, limit, ..open(FAULTS, all.seeded, reason + ".", remedy) }
}

/// Of what the figures add up to most; of equals the first by its order.
fn most<K: Ord + Copy>(figures: impl Iterator<Item = (K, u64)>) -> Option<(K, u64)> {
    let mut sums: std::collections::BTreeMap<K, u64> = std::collections::BTreeMap::new();
    for (key, n) in figures {
        *sums.entry(key).or_default() += n;
    }
    sums.into_iter().rev().max_by_key(|(_, n)| *n)
}

//! What was counted, as plain data in a stable order: what `verdict` judges and `report` shows.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::exchange::{DifferenceKind, Endpoint, EpochBooks, Failure, Rescoring, RuleAnswer, Specimen, StatusClass};
use crate::faults::{Held, Terms, Trial, Trials, Uses};
use crate::ledger::{CaptureBooks, Ledger, ShadowBooks, WireBooks};

use super::OTHER;
use super::clients::{ClientGroups, Clustering};
use super::count::{EndpointTally, RuleTally, Tally};
use super::days::{DayClients, DaySnapshot, EndpointDays, ResolvedDays, StatusCounts};
use super::failing::FailureGroup;
use super::group::{DifferenceClass, DifferenceGroup, Group, Groups};
use super::latency::LatencyPair;
use super::over_time::TimeSeries;
use super::signature::{Kept, KeptBooks, KeptState, Signature};

/// Everything that a run has shown so far.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct Snapshot {
    /// The books.
    pub ledger: Ledger,
    /// When the first exchange began, RFC 3339, by the clock of the capture.
    pub first: Option<String>,
    /// When the last exchange began.
    pub last: Option<String>,
    /// By method and template.
    pub endpoints: Vec<EndpointSnapshot>,
    /// By UTC day, the days on which exchanges began.
    pub days: Vec<DaySnapshot>,
    /// Exchanges that are in none of them: of days that were put together ([`super::MAX_DAY_COUNTS`]), or of an unknown
    /// time.
    pub undated: u64,
    /// The whole run over time, the epochs that are not judged among it, in at most [`super::MAX_TIME_BUCKETS`]. Under other
    /// rules than were in force: the epoch that is judged, by day.
    pub over_time: TimeSeries,
    /// How mismatches lie on clients, day by day.
    #[serde(skip)]
    pub day_clients: DayClients,
    /// How mismatches lie on clients, over all endpoints.
    pub clients: Clustering,
    /// What that is made of, for some endpoints and not all.
    #[serde(skip)]
    pub client_groups: ClientGroups,
    /// Latencies over all endpoints.
    pub latency: LatencyPair,
    /// Differences that no rule answers for: mismatches first, the most frequent first.
    pub groups: Vec<DifferenceGroup>,
    /// Differences that were found, are not answered for, and are in no group because of the bound on groups.
    pub ungrouped_differences: u64,
    /// What the candidate failed, by endpoint and way of failing, each with an example: at most
    /// [`super::MAX_FAILURE_GROUPS`].
    pub failures: Vec<FailureGroup>,
    /// Differences past the bound of one comparison; they were counted and no more.
    pub more_differences: u64,
    /// The rules that answered for something, by id.
    pub rules: Vec<RuleUse>,
    /// How far the legacy itself has moved on.
    pub drift: Drift,
    /// What the specimens say of the rules; None where none were kept.
    pub trial: Option<Trial>,
    /// The epoch that these are the counts of.
    pub epoch: EpochBooks,
    /// How well they are known, where they were made anew under other rules than were in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rescoring: Option<Rescoring>,
    /// What is kept to be compared again.
    pub kept: KeptBooks,
    /// The exchanges by what comparing them gave, with those that are kept.
    #[serde(skip)]
    pub signatures: Vec<Signature>,
}

/// One endpoint's share.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct EndpointSnapshot {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// What came of its exchanges.
    pub books: ShadowBooks,
    /// Reference answers with a status of 500 or more, of the exchanges sent.
    pub legacy_5xx: u64,
    /// Candidate's answers with a status of 500 or more.
    pub candidate_5xx: u64,
    /// Mismatches in which the candidate alone answers 401 or 403 to a request that went out with credentials.
    pub refused_alone: u64,
    /// How mismatches lie on clients.
    pub clients: Clustering,
    /// Latencies of both sides.
    pub latency: LatencyPair,
    /// By the class of the status code that the legacy answered.
    pub statuses: BTreeMap<StatusClass, StatusCounts>,
    /// By UTC day.
    pub days: Vec<DaySnapshot>,
    /// As [`Snapshot::over_time`], in at most [`super::MAX_TREND_BUCKETS`].
    pub over_time: TimeSeries,
    /// Accepted exchanges by the id of the accept rules that answered.
    pub accepted_by: BTreeMap<Arc<str>, u64>,
    /// For each way of failing, the first request that failed so.
    pub failure_samples: BTreeMap<Failure, FailureSample>,
}

/// One request that the candidate failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FailureSample {
    /// Its position in the source.
    pub sequence: u64,
    /// Method and target, cut to a bound; hostile.
    pub request: String,
}

/// The live legacy against its own record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct Drift {
    /// Comparisons in which the live legacy answered too.
    pub asked: u64,
    /// Of these, those in which it no longer answers as recorded.
    pub drifted: u64,
}

/// The first difference that a rule answered for; its endpoint still a number.
#[derive(Debug, Clone)]
pub(crate) struct RuleSample {
    pub(crate) sequence: u64,
    pub(crate) endpoint: u32,
    pub(crate) place: String,
    pub(crate) legacy: Option<String>,
    pub(crate) candidate: Option<String>,
}

/// What one rule did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RuleUse {
    /// The rule.
    pub id: Arc<str>,
    /// What it says.
    pub answer: RuleAnswer,
    /// Differences that it answered for.
    pub differences: u64,
    /// Exchanges in which it did.
    pub exchanges: u64,
    /// The first difference it answered for: in which endpoint.
    pub sample_endpoint: Endpoint,
    /// At which place.
    pub sample_place: String,
    /// The legacy's side; hostile.
    pub sample_legacy: Option<String>,
    /// The candidate's side; hostile.
    pub sample_candidate: Option<String>,
}

impl Tally {
    /// The counts under the endpoints that the numbers have become in the end ([`super::EndpointTable::resolve`]).
    pub fn snapshot(self, endpoints: &[Endpoint], wire: WireBooks, capture: CaptureBooks) -> Snapshot {
        let mut books = ShadowBooks::default();
        let mut total = EndpointTally::default();
        let mut by_endpoint: BTreeMap<Endpoint, EndpointTally> = BTreeMap::new();
        for (number, tally) in self.cells.into_endpoints() {
            books.merge(&tally.books);
            total.merge(EndpointTally {
                legacy: tally.legacy.clone(),
                candidate: tally.candidate.clone(),
                captured: tally.captured.clone(),
                difference: tally.difference.clone(),
                ..EndpointTally::default()
            });
            by_endpoint.entry(endpoint_of(endpoints, number)).or_default().merge(tally);
        }
        let exchanges = self.signatures.exchanges;
        let signatures = self.signatures.resolve(|number| endpoint_of(endpoints, number));
        let groups = resolve_groups(self.groups, endpoints);
        let client_groups = ClientGroups::of(&self.clients, |number| endpoint_of(endpoints, number));
        let grouped: u64 = groups.iter().map(|g| g.differences).sum();
        let ResolvedDays { whole: days, of_each: mut days_of, undated } = self.days.resolve(endpoints);
        let run = self.over_time.resolve(endpoints);
        let mut snapshot = Snapshot {
            ledger: Ledger { capture, wire, shadow: Some(books), ..Ledger::default() },
            first: self.first.map(|t| t.to_string()),
            last: self.last.map(|t| t.to_string()),
            clients: client_groups.all(),
            endpoints: by_endpoint
                .into_iter()
                .map(|(endpoint, tally)| {
                    let clients = client_groups.over([&endpoint]);
                    let days = days_of.remove(&endpoint).unwrap_or_default();
                    tally.snapshot(endpoint, clients, days)
                })
                .collect(),
            days: days.into_values().collect(),
            undated,
            over_time: TimeSeries::default(),
            day_clients: DayClients::of(&self.day_clients),
            client_groups,
            latency: latencies(&total),
            ungrouped_differences: self.differences.saturating_sub(grouped),
            more_differences: self.more_differences,
            groups,
            failures: self.failures.resolve(endpoints),
            rules: self.rules.into_iter().map(|(id, rule)| rule.resolve(id, endpoints)).collect(),
            drift: self.drift,
            trial: None,
            epoch: EpochBooks::default(),
            rescoring: None,
            kept: KeptBooks::of(exchanges, &signatures),
            signatures,
        };
        snapshot.show_over_time(&run);
        snapshot
    }
}

impl Snapshot {
    /// Puts the rules to the test on the specimens of this evidence; what comes of it goes into [`Snapshot::trial`]. `trials`
    /// knows what earlier snapshots of the same run have said; `may` is asked before each specimen that is new whether there
    /// is time for it.
    pub fn try_rules(&mut self, trials: &mut Trials, terms: &Terms, may: &mut dyn FnMut() -> bool) {
        let used = |used: &RuleUse| (Arc::clone(&used.id), (used.differences, used.exchanges));
        let uses: Uses = self.rules.iter().map(used).collect();
        let held = |endpoint, kept: &Arc<Kept>| {
            let (sequence, kept) = (kept.sequence, Arc::clone(kept));
            Held::new(endpoint, sequence, move || kept.specimen(endpoint).ok().flatten())
        };
        let held = self.faithful().map(|(endpoint, kept)| held(endpoint, kept)).collect();
        self.trial = trials.trial(held, &uses, terms, may);
    }

    fn faithful(&self) -> impl Iterator<Item = (&Endpoint, &Arc<Kept>)> {
        self.signatures.iter().flat_map(|signature| {
            let faithful = signature.kept.iter().filter(|kept| kept.state == KeptState::Faithful);
            faithful.map(|kept| (&signature.endpoint, kept))
        })
    }

    /// The exchanges that are kept whole and compare as they did with their secrets, by endpoint and signature. One that was
    /// read from a file and cannot be understood is left out.
    pub fn specimens(&self) -> impl Iterator<Item = Specimen> {
        self.faithful().filter_map(|(endpoint, kept)| kept.specimen(endpoint).ok().flatten())
    }
}

impl EndpointTally {
    fn snapshot(self, endpoint: Endpoint, clients: Clustering, days: EndpointDays) -> EndpointSnapshot {
        EndpointSnapshot {
            endpoint,
            clients,
            latency: latencies(&self),
            statuses: days.statuses,
            days: days.days.into_values().collect(),
            over_time: TimeSeries::default(),
            books: self.books,
            legacy_5xx: self.legacy_5xx,
            candidate_5xx: self.candidate_5xx,
            refused_alone: self.refused_alone,
            accepted_by: self.accepted_by,
            failure_samples: self.failure_samples,
        }
    }
}

impl RuleTally {
    fn resolve(self, id: Arc<str>, endpoints: &[Endpoint]) -> RuleUse {
        RuleUse {
            id,
            answer: self.answer,
            differences: self.differences,
            exchanges: self.exchanges,
            sample_endpoint: endpoint_of(endpoints, self.sample.endpoint),
            sample_place: self.sample.place,
            sample_legacy: self.sample.legacy,
            sample_candidate: self.sample.candidate,
        }
    }
}

fn latencies(tally: &EndpointTally) -> LatencyPair {
    LatencyPair {
        legacy: tally.legacy.snapshot(),
        candidate: tally.candidate.snapshot(),
        captured: tally.captured.snapshot(),
        difference: tally.difference.snapshot(),
    }
}

pub(super) fn endpoint_of(endpoints: &[Endpoint], number: u32) -> Endpoint {
    let unknown = || Endpoint { method: OTHER.into(), template: OTHER.into() };
    endpoints.get(number as usize).cloned().unwrap_or_else(unknown)
}

fn resolve_groups(groups: Groups, endpoints: &[Endpoint]) -> Vec<DifferenceGroup> {
    type Name = (Endpoint, String, DifferenceKind, DifferenceClass);
    let mut joined: BTreeMap<Name, Group> = BTreeMap::new();
    for (key, group) in groups.groups {
        let name = (endpoint_of(endpoints, key.endpoint), key.place, key.kind, key.class);
        joined.entry(name).or_default().merge(group);
    }
    let mut groups: Vec<DifferenceGroup> = joined
        .into_iter()
        .map(|((endpoint, place, kind, class), group)| DifferenceGroup {
            endpoint,
            place,
            kind,
            class,
            differences: group.differences,
            exchanges: group.exchanges,
            first_seen: group.first.map(|t| t.to_string()),
            last_seen: group.last.map(|t| t.to_string()),
            clients: group.affected.estimate(),
            examples: group.examples.into_values().collect(),
            explained: None,
            advice: None,
        })
        .collect();
    // Stable: equals stay in the order of their names.
    groups.sort_by_key(|g| (g.class, std::cmp::Reverse(g.exchanges), std::cmp::Reverse(g.differences)));
    groups
}

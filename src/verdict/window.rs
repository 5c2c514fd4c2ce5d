//! The window: of the mismatches only those of the latest so many days are judged, and something must have been compared
//! on each of these days.
//!
//! Days are whole ones, in UTC by the clock of the capture, and the last is that of the last exchange: what is judged
//! does not hang on when it is judged.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::exchange::Day;
use crate::ledger::ShadowBooks;
use crate::tally::{DaySnapshot, EndpointSnapshot, LatencyPair, Snapshot, TimeSeries};

use super::words::counted;
use super::{GateResult, GateState};

/// Seconds of a day.
const DAY: u64 = 86_400;

/// The days that are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) first: Day,
    pub(super) last: Day,
    /// How many.
    pub(super) days: u32,
    /// On how many of them something was compared.
    covered: u32,
}

impl Window {
    /// The latest days; a part of a day counts as one. None where all there is is judged.
    pub(super) fn of(snapshot: &Snapshot, over: Option<Duration>) -> Option<Window> {
        let days = u32::try_from(over?.as_secs().div_ceil(DAY).max(1)).unwrap_or(u32::MAX);
        let last = snapshot.days.last().map_or(Day::default(), |day| day.day);
        let back = i32::try_from(days - 1).unwrap_or(i32::MAX);
        let mut window = Window { first: Day(last.0.saturating_sub(back)), last, days, covered: 0 };
        window.covered = snapshot.days.iter().filter(|day| window.has(day) && day.compared > 0).count() as u32;
        Some(window)
    }

    pub(super) fn has(&self, day: &DaySnapshot) -> bool {
        (self.first..=self.last).contains(&day.day)
    }

    /// The evidence on mismatches of these days alone. Nothing else of it is of the window.
    pub(super) fn evidence<'a>(&self, snapshot: &'a Snapshot) -> Cow<'a, Snapshot> {
        if snapshot.undated == 0 && snapshot.days.iter().all(|day| self.has(day)) {
            return Cow::Borrowed(snapshot);
        }
        Cow::Owned(Snapshot {
            endpoints: snapshot.endpoints.iter().map(|endpoint| self.of_endpoint(endpoint)).collect(),
            // Where nothing is known by client and day, the clusters are those of all days.
            clients: match snapshot.day_clients.is_empty() {
                true => snapshot.clients,
                false => snapshot.day_clients.between(self.first, self.last),
            },
            client_groups: snapshot.client_groups.clone(),
            ..Snapshot::default()
        })
    }

    fn of_endpoint(&self, all: &EndpointSnapshot) -> EndpointSnapshot {
        let days: Vec<DaySnapshot> = all.days.iter().filter(|day| self.has(day)).cloned().collect();
        let sum = |count: fn(&DaySnapshot) -> u64| days.iter().map(count).sum::<u64>();
        let (compared, accepted, mismatched) =
            (sum(|day| day.compared), sum(|day| day.accepted), sum(|day| day.mismatched));
        let mut accepted_by = BTreeMap::new();
        for (id, n) in days.iter().flat_map(|day| &day.accepted_by) {
            *accepted_by.entry(id.clone()).or_default() += n;
        }
        EndpointSnapshot {
            endpoint: all.endpoint.clone(),
            books: ShadowBooks {
                matched: compared.saturating_sub(accepted + mismatched),
                accepted,
                mismatched,
                ..all.books.clone()
            },
            refused_alone: sum(|day| day.refused_alone),
            // By client and day only all endpoints together are known; how an endpoint's cluster is told by all its days.
            clients: all.clients,
            latency: LatencyPair::default(),
            statuses: BTreeMap::new(),
            failure_samples: BTreeMap::new(),
            legacy_5xx: 0,
            candidate_5xx: 0,
            days,
            over_time: TimeSeries::default(),
            accepted_by,
        }
    }

    /// A result of that evidence: it says of which days it is, and passes only where all of them are covered.
    pub(super) fn require(&self, result: GateResult) -> GateResult {
        let method = format!("{}, of the {} to {} (UTC)", result.method, counted(self.days.into(), "day"), self.last);
        if self.covered >= self.days {
            return GateResult { method, ..result };
        }
        let (covered, missing) = (self.covered, self.days - self.covered);
        let reason = result.reason.trim_end_matches('.');
        let more = format!("{} on which something is compared", counted_more(missing));
        GateResult {
            state: result.state.min(GateState::NotEnough),
            reason: format!("{reason}; {covered} of {} are covered.", counted(self.days.into(), "day")),
            remedy: Some(match (result.state, result.remedy) {
                (GateState::Fail, Some(remedy)) => remedy,
                (_, Some(remedy)) => format!("{remedy}; and {more}"),
                (_, None) => more,
            }),
            method,
            ..result
        }
    }
}

fn counted_more(n: u32) -> String {
    if n == 1 { "1 more day".to_owned() } else { format!("{n} more days") }
}

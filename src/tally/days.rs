//! Counts by UTC day, endpoint number and the legacy's status class: what is kept for as long as a run lasts.
//!
//! Minutes are for the run file, and are put together where there are too many of them. Days are few: a verdict asks on
//! which of them, and in which hours, something was compared, and whether one of them was bad. The bound holds all the
//! same; past it the earliest days lose their dates, and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::exchange::{Day, Endpoint, Hours, Outcome, StatusClass, Timestamp};

use super::clients::{Clients, Clustering, Share};
use super::snapshot::endpoint_of;

/// Past so many counts the earliest days are put together. A year of 180 endpoints with two classes each fits.
pub const MAX_DAY_COUNTS: usize = 1 << 17;

/// What came of the exchanges of one day, endpoint and status class.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct DayShare {
    pub(crate) seen: u64,
    /// Matched, accepted and mismatched.
    pub(crate) compared: u64,
    pub(crate) accepted: u64,
    pub(crate) mismatched: u64,
    pub(crate) failed: u64,
    pub(crate) refused_alone: u64,
    pub(crate) seen_hours: Hours,
    pub(crate) compared_hours: Hours,
    /// Exchanges that are accepted, by the accept rules that answered.
    pub(crate) accepted_by: BTreeMap<Arc<str>, u64>,
}

impl DayShare {
    pub(super) fn count(&mut self, at: Option<Timestamp>, outcome: Outcome) {
        let hour = at.map(Timestamp::hour);
        self.seen += 1;
        hour.into_iter().for_each(|hour| self.seen_hours.insert(hour));
        match outcome {
            Outcome::Matched | Outcome::Accepted | Outcome::Mismatched => {
                self.compared += 1;
                hour.into_iter().for_each(|hour| self.compared_hours.insert(hour));
            }
            Outcome::Failed(_) => self.failed += 1,
            _ => {}
        }
        self.accepted += u64::from(outcome == Outcome::Accepted);
        self.mismatched += u64::from(outcome == Outcome::Mismatched);
    }

    pub(crate) fn merge(&mut self, other: DayShare) {
        self.seen += other.seen;
        self.compared += other.compared;
        self.accepted += other.accepted;
        self.mismatched += other.mismatched;
        self.failed += other.failed;
        self.refused_alone += other.refused_alone;
        self.seen_hours = self.seen_hours.and(other.seen_hours);
        self.compared_hours = self.compared_hours.and(other.compared_hours);
        for (id, exchanges) in other.accepted_by {
            *self.accepted_by.entry(id).or_default() += exchanges;
        }
    }
}

/// A day (None: before those that are told apart, or of a time that is not known), an endpoint number, a class.
pub(crate) type DayKey = (Option<Day>, u32, StatusClass);

#[derive(Debug, Clone, Default)]
pub(crate) struct Days {
    counts: BTreeMap<DayKey, DayShare>,
    /// Days before this one are not told apart.
    from: Option<Day>,
}

impl Days {
    /// Lets `count` at the share of that time, number and class.
    pub(super) fn count(
        &mut self,
        at: Option<Timestamp>,
        number: u32,
        class: StatusClass,
        count: impl FnOnce(&mut DayShare),
    ) {
        count(self.share((at.map(Timestamp::day), number, class)));
        self.bound();
    }

    /// Puts one in beside what is there.
    pub(crate) fn add(&mut self, key: DayKey, share: DayShare) {
        self.share(key).merge(share);
        self.bound();
    }

    pub(super) fn merge(&mut self, other: Days) {
        self.put_together_before(other.from);
        for (key, share) in other.counts {
            self.add(key, share);
        }
    }

    /// By day, number and class; what has no day comes first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (DayKey, &DayShare)> {
        self.counts.iter().map(|(key, share)| (*key, share))
    }

    /// By day, number and class.
    pub(super) fn into_iter(self) -> impl Iterator<Item = (DayKey, DayShare)> {
        self.counts.into_iter()
    }

    /// The same counts under other endpoint numbers.
    pub(super) fn renumbered(self, number: impl Fn(u32) -> u32) -> Days {
        let mut days = Days { from: self.from, ..Days::default() };
        for ((day, was, class), share) in self.counts {
            days.add((day, number(was), class), share);
        }
        days
    }

    fn share(&mut self, (day, number, class): DayKey) -> &mut DayShare {
        let day = day.filter(|day| self.from.is_none_or(|from| *day >= from));
        self.counts.entry((day, number, class)).or_default()
    }

    /// The first day that is told apart only ever rises, and no further than all that was counted makes it: so the order
    /// of counting and merging does not show.
    fn bound(&mut self) {
        while self.counts.len() > MAX_DAY_COUNTS {
            let Some(Day(first)) = self.counts.keys().find_map(|(day, ..)| *day) else { return };
            self.put_together_before(Some(Day(first + 1)));
        }
    }

    fn put_together_before(&mut self, from: Option<Day>) {
        if from <= self.from {
            return;
        }
        self.from = from;
        let early: Vec<DayKey> =
            self.counts.keys().filter(|(day, ..)| day.is_some()).take_while(|(day, ..)| *day < from).copied().collect();
        for (day, number, class) in early {
            if let Some(share) = self.counts.remove(&(day, number, class)) {
                self.counts.entry((None, number, class)).or_default().merge(share);
            }
        }
    }

    /// Of all endpoints together and of each, under their names.
    pub(super) fn resolve(&self, endpoints: &[Endpoint]) -> ResolvedDays {
        let mut resolved = ResolvedDays::default();
        for ((day, number, class), share) in self.iter() {
            let of_one = resolved.of_each.entry(endpoint_of(endpoints, number)).or_default();
            let status = of_one.statuses.entry(class).or_default();
            status.seen += share.seen;
            status.compared += share.compared;
            status.mismatched += share.mismatched;
            let Some(day) = day else {
                resolved.undated += share.seen;
                continue;
            };
            for days in [&mut resolved.whole, &mut of_one.days] {
                days.entry(day).or_insert_with(|| DaySnapshot::of(day)).add_share(share);
            }
        }
        resolved
    }
}

/// The days under the names of the endpoints.
#[derive(Debug, Default)]
pub(super) struct ResolvedDays {
    pub(super) whole: BTreeMap<Day, DaySnapshot>,
    pub(super) of_each: BTreeMap<Endpoint, EndpointDays>,
    pub(super) undated: u64,
}

#[derive(Debug, Default)]
pub(super) struct EndpointDays {
    pub(super) days: BTreeMap<Day, DaySnapshot>,
    pub(super) statuses: BTreeMap<StatusClass, StatusCounts>,
}

/// What was seen of one day, in UTC by the clock of the capture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DaySnapshot {
    /// The day.
    pub day: Day,
    /// Complete exchanges that began on it.
    pub exchanges: u64,
    /// Of these, those whose two answers say whether they agree: matched, accepted or mismatched.
    pub compared: u64,
    /// Of the compared, accepted.
    pub accepted: u64,
    /// Of the compared, mismatched.
    pub mismatched: u64,
    /// Of the exchanges, those that the candidate failed.
    pub failed: u64,
    /// Mismatches in which the candidate alone answers 401 or 403 to a request that went out with credentials.
    pub refused_alone: u64,
    /// Hours in which exchanges began.
    pub hours: Hours,
    /// Hours in which something was compared.
    pub compared_hours: Hours,
    /// Accepted exchanges by the id of the accept rules that answered.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub accepted_by: BTreeMap<Arc<str>, u64>,
}

impl DaySnapshot {
    /// One of which nothing is known.
    pub fn of(day: Day) -> DaySnapshot {
        DaySnapshot {
            day,
            exchanges: 0,
            compared: 0,
            accepted: 0,
            mismatched: 0,
            failed: 0,
            refused_alone: 0,
            hours: Hours::NONE,
            compared_hours: Hours::NONE,
            accepted_by: BTreeMap::new(),
        }
    }

    /// Adds what another has of the same day.
    pub fn add(&mut self, other: &DaySnapshot) {
        self.exchanges += other.exchanges;
        self.compared += other.compared;
        self.accepted += other.accepted;
        self.mismatched += other.mismatched;
        self.failed += other.failed;
        self.refused_alone += other.refused_alone;
        self.hours = self.hours.and(other.hours);
        self.compared_hours = self.compared_hours.and(other.compared_hours);
        for (id, exchanges) in &other.accepted_by {
            *self.accepted_by.entry(Arc::clone(id)).or_default() += exchanges;
        }
    }

    fn add_share(&mut self, share: &DayShare) {
        self.exchanges += share.seen;
        self.compared += share.compared;
        self.accepted += share.accepted;
        self.mismatched += share.mismatched;
        self.failed += share.failed;
        self.refused_alone += share.refused_alone;
        self.hours = self.hours.and(share.seen_hours);
        self.compared_hours = self.compared_hours.and(share.compared_hours);
        for (id, exchanges) in &share.accepted_by {
            *self.accepted_by.entry(Arc::clone(id)).or_default() += exchanges;
        }
    }
}

/// What became of the exchanges that the legacy answered with one class of status codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct StatusCounts {
    /// Complete exchanges.
    pub seen: u64,
    /// Of these, those whose two answers say whether they agree.
    pub compared: u64,
    /// Of the compared, mismatched.
    pub mismatched: u64,
}

/// How mismatches lie on clients, day by day, over all endpoints. Not part of the JSON report: what is made of it is in
/// the verdict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DayClients {
    by_day: BTreeMap<Day, Vec<(u16, Share)>>,
}

impl DayClients {
    pub(super) fn of(clients: &Clients<Day>) -> DayClients {
        let mut by_day: BTreeMap<Day, Vec<(u16, Share)>> = BTreeMap::new();
        for (day, group, share) in clients.iter() {
            by_day.entry(day).or_default().push((group, share));
        }
        DayClients { by_day }
    }

    /// Of what was compared, and mismatched, of each day and group.
    pub(crate) fn from_counts(counts: impl IntoIterator<Item = ((Day, u16), (u64, u64))>) -> DayClients {
        let mut by_day: BTreeMap<Day, Vec<(u16, Share)>> = BTreeMap::new();
        for ((day, group), (compared, mismatched)) in counts {
            by_day.entry(day).or_default().push((group, Share { compared, mismatched }));
        }
        DayClients { by_day }
    }

    /// Whether nothing is known by client and day.
    pub fn is_empty(&self) -> bool {
        self.by_day.is_empty()
    }

    /// Of the days from the first to the last, both included; nothing where the first is later.
    pub fn between(&self, first: Day, last: Day) -> Clustering {
        let mut groups: BTreeMap<u16, Share> = BTreeMap::new();
        if first <= last {
            for (group, share) in self.by_day.range(first..=last).flat_map(|(_, shares)| shares) {
                groups.entry(*group).or_default().add(*share);
            }
        }
        Clustering::of(groups.into_values())
    }
}

#[cfg(test)]
mod tests;

//! Which endpoints have a name in the metrics: at most so many, the same from scrape to scrape.
//!
//! A label is memory in somebody's Prometheus for as long as that remembers. The first endpoints that are seen are
//! named; from the moment at which there are too many, every further one is `{other}`, and stays that. A template may
//! still change its name while few paths were seen (`/orders/new` becomes `/orders/{name}` among many): then the old
//! series ends and another begins, and none of them goes down. `{other}` alone could, where something that was counted there
//! becomes part of a named template: it is held at its highest.

use std::collections::{BTreeMap, BTreeSet};

use crate::exchange::Endpoint;
use crate::ledger::ShadowBooks;
use crate::report::visible;
use crate::tally::{LatencyPair, OTHER, Snapshot};

/// Endpoints with a name of their own.
pub const MAX_NAMED_ENDPOINTS: usize = 100;
/// The name of all others, and of methods that no standard knows.
pub const OVERFLOW: &str = OTHER;
/// Characters of a template in a label; a longer one is cut.
const MAX_TEMPLATE: usize = 200;
/// The methods of RFC 9110 and RFC 5789.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// Method and template as labels show them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) method: &'static str,
    pub(super) endpoint: String,
}

impl Name {
    fn other() -> Name {
        Name { method: OVERFLOW, endpoint: OVERFLOW.to_owned() }
    }

    fn of(endpoint: &Endpoint) -> Name {
        if endpoint.template == OTHER {
            return Name::other();
        }
        let method = METHODS.into_iter().find(|known| *known == endpoint.method).unwrap_or(OVERFLOW);
        let shown = visible(&endpoint.template);
        let mut template: String = shown.chars().take(MAX_TEMPLATE).collect();
        if template.len() < shown.len() {
            template.push('…');
        }
        Name { method, endpoint: template }
    }

    pub(super) fn is_other(&self) -> bool {
        self.endpoint == OVERFLOW && self.method == OVERFLOW
    }
}

/// The names given so far.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Names {
    named: BTreeSet<Name>,
    /// There were once more than could be named: nobody is named any more.
    closed: bool,
    /// The highest counts of `{other}`.
    other: Counts,
}

/// The counters of one name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) outcomes: BTreeMap<&'static str, u64>,
    /// Requests that the legacy was asked.
    pub(super) asked_of_legacy: u64,
}

/// Everything of one name.
#[derive(Debug, Default)]
pub(super) struct Row<'a> {
    pub(super) counts: Counts,
    /// Exchanges that say whether the sides agree, and of these the mismatches.
    pub(super) compared: u64,
    pub(super) mismatched: u64,
    pub(super) latency: Vec<&'a LatencyPair>,
}

/// Every class that an exchange ends in, with its count.
pub(super) fn outcomes(books: &ShadowBooks) -> [(&'static str, u64); 8] {
    [
        ("matched", books.matched),
        ("accepted", books.accepted),
        ("mismatched", books.mismatched),
        ("noisy", books.noisy),
        ("drifted", books.drifted),
        ("not-comparable", books.not_comparable.total()),
        ("failed", books.failed.total()),
        ("skipped", books.skipped.total()),
    ]
}

impl Names {
    /// Takes notice of a new view. To be called for each, in their order.
    pub(in super::super) fn learn(&mut self, snapshot: &Snapshot) {
        if !self.closed {
            let mut sizes: BTreeMap<Name, u64> = BTreeMap::new();
            for endpoint in &snapshot.endpoints {
                *sizes.entry(Name::of(&endpoint.endpoint)).or_default() += endpoint.books.exchanges;
            }
            for endpoint in snapshot.ledger.losses.iter().filter_map(|row| row.endpoint.as_ref()) {
                sizes.entry(Name::of(endpoint)).or_default();
            }
            sizes.remove(&Name::other());
            // Names that are no more give their place free.
            self.named.retain(|name| sizes.contains_key(name));
            let mut new: Vec<(Name, u64)> = sizes.into_iter().filter(|(name, _)| !self.named.contains(name)).collect();
            // Stable: of equals the first by name.
            new.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
            let room = MAX_NAMED_ENDPOINTS - self.named.len();
            self.closed = new.len() > room;
            self.named.extend(new.into_iter().take(room).map(|(name, _)| name));
        }
        if let Some(other) = self.rows(snapshot).remove(&Name::other()) {
            self.other = other.counts;
        }
    }

    /// The label of an endpoint.
    fn name(&self, endpoint: &Endpoint) -> Name {
        let name = Name::of(endpoint);
        if self.named.contains(&name) { name } else { Name::other() }
    }

    /// The figures of each name.
    pub(super) fn rows<'a>(&self, snapshot: &'a Snapshot) -> BTreeMap<Name, Row<'a>> {
        let mut rows: BTreeMap<Name, Row<'a>> = BTreeMap::new();
        for endpoint in &snapshot.endpoints {
            let row = rows.entry(self.name(&endpoint.endpoint)).or_default();
            for (outcome, count) in outcomes(&endpoint.books) {
                *row.counts.outcomes.entry(outcome).or_default() += count;
            }
            row.compared += endpoint.books.matched + endpoint.books.accepted + endpoint.books.mismatched;
            row.mismatched += endpoint.books.mismatched;
            row.latency.push(&endpoint.latency);
        }
        for lost in &snapshot.ledger.losses {
            // Where the request was not seen, nobody knows its endpoint.
            let name = lost.endpoint.as_ref().map_or_else(Name::other, |endpoint| self.name(endpoint));
            rows.entry(name).or_default().counts.asked_of_legacy += lost.complete + lost.incomplete.total();
        }
        if let Some(other) = rows.get_mut(&Name::other()) {
            other.counts.at_least(&self.other);
        }
        rows
    }
}

impl Counts {
    fn at_least(&mut self, before: &Counts) {
        self.asked_of_legacy = self.asked_of_legacy.max(before.asked_of_legacy);
        for (outcome, count) in &before.outcomes {
            let now = self.outcomes.entry(outcome).or_default();
            *now = (*now).max(*count);
        }
    }
}

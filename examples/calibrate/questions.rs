//! How often the mismatch gate lets a candidate pass whose true rate is known: asked of the gate itself, by judging
//! runs that never were.

use std::ops::Range;

use tapcompare::config::{Looks, Policy};
use tapcompare::exchange::Endpoint;
use tapcompare::ledger::ShadowBooks;
use tapcompare::tally::{Clustering, EndpointSnapshot, LatencyPair, Snapshot};
use tapcompare::verdict::{Gate, GateState, judge};

use super::traffic::{Population, Sizes, Spread, Traffic};

/// The limit of the gate.
pub(crate) const LIMIT: f64 = 0.001;
/// How long a run goes on.
const DAYS: u64 = 14;

/// What the share of runs that pass must be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expected {
    /// A candidate at the limit passes in no more, runs apart in which nobody was met who sees a mismatch.
    AtMost(f64),
    /// A candidate far below it passes in so many or more.
    AtLeast(f64),
    /// Shown beside, to compare with: what would happen otherwise, or what no bound can hold.
    Shown,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question {
    pub(crate) name: &'static str,
    pub(crate) population: Population,
    /// Judged each day, and passed with the first day that passes; else at the end alone.
    pub(crate) daily: bool,
    /// What the policy says of looks.
    pub(crate) looks: Looks,
    /// Whether the gate is told which client asked what.
    pub(crate) by_client: bool,
    pub(crate) expected: Expected,
}

/// How many runs passed, as a share.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Passed {
    pub(crate) all: f64,
    /// Of these, without a single mismatch, though the true rate would give more than a hundred: nobody who sees the
    /// defect is among the clients of the run. No bound on what was seen can know of them.
    pub(crate) unmet: f64,
}

const ALIKE: Population =
    Population { rate: LIMIT, spread: Spread::Alike, clients: 500, requests_a_day: 10_000, sizes: Sizes::Even };

const fn seen_by(share: f64, clients: usize, sizes: Sizes) -> Population {
    Population { spread: Spread::Affected(share), clients, sizes, ..ALIKE }
}

const fn beta(correlation: f64, clients: usize, sizes: Sizes) -> Population {
    Population { spread: Spread::Beta(correlation), clients, sizes, ..ALIKE }
}

const fn at_half(population: Population) -> Population {
    Population { rate: LIMIT / 2.0, ..population }
}

const fn once(name: &'static str, population: Population) -> Question {
    Question { name, population, daily: false, looks: Looks::Once, by_client: true, expected: Expected::AtMost(0.05) }
}

const fn daily(name: &'static str, population: Population) -> Question {
    Question { daily: true, looks: Looks::Any, ..once(name, population) }
}

const fn unknowing(question: Question) -> Question {
    Question { name: "  ... not knowing the clients", by_client: false, expected: Expected::Shown, ..question }
}

const fn power(question: Question) -> Question {
    Question { expected: Expected::AtLeast(0.9), ..question }
}

const fn shown(question: Question) -> Question {
    Question { expected: Expected::Shown, ..question }
}

use Sizes::{Even, LogNormal, Zipf};

/// All that is asked.
pub(crate) const QUESTIONS: [Question; 42] = [
    daily("at the limit, daily looks", ALIKE),
    shown(Question { looks: Looks::Once, ..daily("  ... with a bound for one look", ALIKE) }),
    once("at the limit, one look", ALIKE),
    once("at the limit, Zipf's clients, one look", Population { sizes: Zipf, ..ALIKE }),
    once("at the limit, 50 clients, one look", Population { clients: 50, ..ALIKE }),
    power(daily("half the limit, daily looks", at_half(ALIKE))),
    power(once("half the limit, one look", at_half(ALIKE))),
    power(once("half, Zipf's clients, one look", Population { sizes: Zipf, ..at_half(ALIKE) })),
    power(once("half, beta of correlation 0.002, one look", at_half(beta(0.002, 500, Even)))),
    power(once("half, 1 client in 20 sees 1%, one look", at_half(seen_by(0.05, 500, Even)))),
    daily("1 client in 20 sees 2%, daily looks", seen_by(0.05, 500, Even)),
    unknowing(daily("", seen_by(0.05, 500, Even))),
    once("1 client in 20 sees 2%, one look", seen_by(0.05, 500, Even)),
    unknowing(once("", seen_by(0.05, 500, Even))),
    once("1 in 5 sees 0.5%, one look", seen_by(0.2, 500, Even)),
    once("50 clients, 1 in 5 sees 0.5%, one look", seen_by(0.2, 50, Even)),
    daily("50 clients, 1 in 5 sees 0.5%, daily looks", seen_by(0.2, 50, Even)),
    once("beta of correlation 0.0005, one look", beta(0.0005, 500, Even)),
    once("beta of 0.002, one look", beta(0.002, 500, Even)),
    once("beta of 0.01, one look", beta(0.01, 500, Even)),
    daily("beta of 0.01, daily looks", beta(0.01, 500, Even)),
    once("beta of 0.05, one look", beta(0.05, 500, Even)),
    daily("beta of 0.05, daily looks", beta(0.05, 500, Even)),
    once("50 clients, beta of 0.002, one look", beta(0.002, 50, Even)),
    once("50 clients, beta of 0.01, one look", beta(0.01, 50, Even)),
    once("uneven clients (0.7), 1 in 20, one look", seen_by(0.05, 500, LogNormal(0.7))),
    daily("uneven clients (0.7), 1 in 20, daily looks", seen_by(0.05, 500, LogNormal(0.7))),
    once("very uneven (1.5), 1 in 20, one look", seen_by(0.05, 500, LogNormal(1.5))),
    daily("very uneven (1.5), 1 in 20, daily looks", seen_by(0.05, 500, LogNormal(1.5))),
    once("very uneven (1.5), 1 in 5, one look", seen_by(0.2, 500, LogNormal(1.5))),
    once("Zipf's clients, 1 in 20, one look", seen_by(0.05, 500, Zipf)),
    daily("Zipf's clients, 1 in 20, daily looks", seen_by(0.05, 500, Zipf)),
    once("Zipf's clients, beta of 0.002, one look", beta(0.002, 500, Zipf)),
    once("5,000 of Zipf's clients, 1 in 20, one look", seen_by(0.05, 5000, Zipf)),
    once("50 clients, 1 in 20 sees 2%, one look", seen_by(0.05, 50, Even)),
    daily("50 clients, 1 in 20 sees 2%, daily looks", seen_by(0.05, 50, Even)),
    once("50 clients, 1 in 50 sees 5%, one look", seen_by(0.02, 50, Even)),
    daily("50 clients, 1 in 50 sees 5%, daily looks", seen_by(0.02, 50, Even)),
    once("500 clients, 1 in 200 sees 20%, one look", seen_by(0.005, 500, Even)),
    daily("500 clients, 1 in 200 sees 20%, daily looks", seen_by(0.005, 500, Even)),
    once("2,000 clients, 1 in 200 sees 20%, one look", seen_by(0.005, 2000, Even)),
    shown(daily("beta of 0.2, daily looks", beta(0.2, 500, Even))),
];

impl Question {
    /// The share of these runs that pass.
    pub(crate) fn passed(&self, seeds: Range<u64>) -> Passed {
        let one = 1.0 / (seeds.end - seeds.start) as f64;
        let mut passed = Passed::default();
        for mismatches in seeds.filter_map(|seed| self.passes_with(seed)) {
            passed.all += one;
            passed.unmet += if mismatches == 0 { one } else { 0.0 };
        }
        passed
    }

    /// The mismatches with which it passes; None where it does not.
    fn passes_with(&self, seed: u64) -> Option<u64> {
        let mut policy = Policy::default();
        policy.gates.mismatch_rate.below = LIMIT;
        policy.gates.mismatch_rate.looks = Some(self.looks);
        let mut traffic = Traffic::new(&self.population, seed);
        let (looks, between) = if self.daily { (DAYS, 1) } else { (1, DAYS) };
        (0..looks).find_map(|_| {
            traffic.days(between);
            let mismatches = || traffic.counts.iter().map(|(_, mismatched)| mismatched).sum();
            self.gate_passes(&traffic, &policy).then(mismatches)
        })
    }

    fn gate_passes(&self, traffic: &Traffic, policy: &Policy) -> bool {
        let clients = Clustering::from_counts(traffic.counts.iter().copied());
        let books = ShadowBooks {
            exchanges: clients.compared,
            sent: clients.compared,
            compared: clients.compared,
            matched: clients.compared - clients.mismatched,
            mismatched: clients.mismatched,
            ..ShadowBooks::default()
        };
        let clients = if self.by_client { clients } else { Clustering::default() };
        let endpoint = EndpointSnapshot { clients, books, ..endpoint() };
        let snapshot = Snapshot { endpoints: vec![endpoint], clients, ..Snapshot::default() };
        let verdict = judge(&snapshot, policy, &[], jiff::civil::Date::MAX);
        verdict.gates.iter().any(|gate| gate.gate == Gate::MismatchRate && gate.state == GateState::Pass)
    }
}

/// An endpoint of which nothing is known yet.
pub(crate) fn endpoint() -> EndpointSnapshot {
    EndpointSnapshot {
        endpoint: Endpoint { method: "GET".into(), template: "/orders/{id}".into() },
        clients: Clustering::default(),
        books: ShadowBooks::default(),
        legacy_5xx: 0,
        candidate_5xx: 0,
        refused_alone: 0,
        latency: LatencyPair::default(),
        statuses: Default::default(),
        days: Vec::new(),
        over_time: Default::default(),
        accepted_by: Default::default(),
        failure_samples: Default::default(),
    }
}

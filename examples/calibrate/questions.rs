//! How often the mismatch gate lets a candidate pass whose true rate is known: asked of the gate itself, by judging
//! runs that never were.

use tapcompare::config::{Looks, Policy};
use tapcompare::exchange::Endpoint;
use tapcompare::ledger::ShadowBooks;
use tapcompare::tally::{Clustering, EndpointSnapshot, LatencyPair, Snapshot};
use tapcompare::verdict::{Gate, GateState, judge};

use super::traffic::{Population, Traffic};

/// The limit of the gate.
pub(crate) const LIMIT: f64 = 0.001;
/// How long a run goes on.
const DAYS: u32 = 14;

/// What the share of runs that pass must be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expected {
    /// A candidate at the limit passes in no more.
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

const ALIKE: Population = Population { rate: LIMIT, affected: 1.0, clients: 500, requests_a_day: 10_000, uneven: 0.0 };
const CLUSTERED: Population = Population { affected: 0.05, ..ALIKE };

const DAILY: Question = Question {
    name: "",
    population: ALIKE,
    daily: true,
    looks: Looks::Any,
    by_client: true,
    expected: Expected::AtMost(0.05),
};

const fn at_half(population: Population) -> Population {
    Population { rate: LIMIT / 2.0, ..population }
}

/// All that is asked.
pub(crate) const QUESTIONS: [Question; 14] = [
    Question { name: "at the limit, daily looks", ..DAILY },
    Question { name: "  ... with a bound for one look", looks: Looks::Once, expected: Expected::Shown, ..DAILY },
    Question { name: "at the limit, one look", daily: false, looks: Looks::Once, ..DAILY },
    Question {
        name: "half the limit, daily looks",
        population: at_half(ALIKE),
        expected: Expected::AtLeast(0.9),
        ..DAILY
    },
    Question {
        name: "half the limit, one look",
        population: at_half(ALIKE),
        daily: false,
        looks: Looks::Once,
        expected: Expected::AtLeast(0.9),
        ..DAILY
    },
    Question { name: "1 client in 20 sees 2%, daily looks", population: CLUSTERED, ..DAILY },
    Question {
        name: "  ... not knowing the clients",
        population: CLUSTERED,
        by_client: false,
        expected: Expected::Shown,
        ..DAILY
    },
    Question {
        name: "1 client in 20 sees 2%, one look",
        population: CLUSTERED,
        daily: false,
        looks: Looks::Once,
        ..DAILY
    },
    Question {
        name: "  ... not knowing the clients",
        population: CLUSTERED,
        daily: false,
        looks: Looks::Once,
        by_client: false,
        expected: Expected::Shown,
    },
    Question {
        name: "1 in 20, uneven clients, daily looks",
        population: Population { uneven: 0.7, ..CLUSTERED },
        ..DAILY
    },
    Question {
        name: "50 clients, 1 in 5 sees 0.5%, daily looks",
        population: Population { clients: 50, affected: 0.2, ..ALIKE },
        ..DAILY
    },
    Question {
        name: "1 in 20 sees 1% (half the limit), one look",
        population: at_half(CLUSTERED),
        daily: false,
        looks: Looks::Once,
        expected: Expected::AtLeast(0.9),
        ..DAILY
    },
    Question {
        name: "very uneven clients, 1 in 20, daily looks",
        population: Population { uneven: 1.5, ..CLUSTERED },
        expected: Expected::Shown,
        ..DAILY
    },
    Question {
        name: "50 clients, 1 in 50 sees 5%, daily looks",
        population: Population { clients: 50, affected: 0.02, ..ALIKE },
        expected: Expected::Shown,
        ..DAILY
    },
];

impl Question {
    /// The share of so many runs that pass.
    pub(crate) fn share_passed(&self, runs: u64) -> f64 {
        (0..runs).filter(|seed| self.passes(*seed)).count() as f64 / runs as f64
    }

    fn passes(&self, seed: u64) -> bool {
        let mut policy = Policy::default();
        policy.gates.mismatch_rate.below = LIMIT;
        policy.gates.mismatch_rate.looks = Some(self.looks);
        let mut traffic = Traffic::new(&self.population, seed);
        (1..=DAYS).any(|day| {
            traffic.day();
            (self.daily || day == DAYS) && self.gate_passes(&traffic, &policy)
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
        let endpoint = EndpointSnapshot {
            endpoint: Endpoint { method: "GET".into(), template: "/orders/{id}".into() },
            clients,
            books,
            legacy_5xx: 0,
            candidate_5xx: 0,
            refused_alone: 0,
            latency: LatencyPair::default(),
            statuses: Default::default(),
            days: Vec::new(),
            accepted_by: Default::default(),
            failure_samples: Default::default(),
        };
        let snapshot = Snapshot { endpoints: vec![endpoint], clients, ..Snapshot::default() };
        let verdict = judge(&snapshot, policy, &[], jiff::civil::Date::MAX);
        verdict.gates.iter().any(|gate| gate.gate == Gate::MismatchRate && gate.state == GateState::Pass)
    }
}

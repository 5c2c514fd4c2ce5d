//! How often the latency gate lets a candidate pass whose quantile is known to be at the margin: asked of the gate itself.

use std::ops::Range;
use std::time::Duration;

use tapcompare::config::{Looks, Policy};
use tapcompare::ledger::ShadowBooks;
use tapcompare::tally::{EndpointSnapshot, Latency, LatencyPair, Snapshot};
use tapcompare::verdict::{Gate, GateState, judge};

use super::questions::{Expected, endpoint};
use super::traffic::Dice;

/// The margin of the gate, for p95.
const MARGIN: f64 = 1.10;
/// What is taken for just above it: an atom of latency at the margin itself would be allowed.
const JUST_ABOVE: f64 = 1.0001;
/// The normal quantile of 95 %.
const Z95: f64 = 1.6448536269514722;
/// Requests of which each minute has as many.
const A_MINUTE: u64 = 100;

/// A distribution of latencies of which p95 is known.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// Log-normal with that deviation of the logarithm, and a median of 10 ms.
    LogNormal(f64),
    /// Pareto from 10 ms on, with that exponent: below 2 it has no variance.
    Pareto(f64),
    /// One in ten takes 100 ms and not 10: p95 lies in the middle of the slow ones.
    Bimodal,
    /// 94.99 % at once, the others at 10 ms: p95 is 10 ms, by a hair.
    StepUp,
    /// 95.01 % at 10 ms, the others at a second: p95 is 10 ms, by a hair.
    StepDown,
    /// Always 10 ms.
    Constant,
}

impl Shape {
    /// In microseconds.
    fn p95(self) -> f64 {
        match self {
            Shape::LogNormal(deviation) => 1e4 * (deviation * Z95).exp(),
            Shape::Pareto(exponent) => 1e4 * 20_f64.powf(1.0 / exponent),
            Shape::Bimodal => 1e5,
            Shape::StepUp | Shape::StepDown | Shape::Constant => 1e4,
        }
    }

    fn draw(self, dice: &mut Dice) -> f64 {
        match self {
            Shape::LogNormal(deviation) => 1e4 * (deviation * dice.normal()).exp(),
            Shape::Pareto(exponent) => 1e4 * dice.share().powf(-1.0 / exponent),
            Shape::Bimodal => (if dice.share() <= 0.1 { 1e5 } else { 1e4 }) * (0.1 * dice.normal()).exp(),
            Shape::StepUp => {
                if dice.share() <= 0.9499 {
                    100.0
                } else {
                    1e4
                }
            }
            Shape::StepDown => {
                if dice.share() <= 0.9501 {
                    1e4
                } else {
                    1e6
                }
            }
            Shape::Constant => 1e4,
        }
    }
}

/// What the latencies of both sides of one exchange, or of many, have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Common {
    /// Nothing.
    Nothing,
    /// What makes a request slow makes it slow on both sides.
    Request,
    /// A minute is slow as a whole, by so much of the deviation of the logarithm, on each side by itself.
    Minute(f64),
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LatencyQuestion {
    pub(crate) name: &'static str,
    legacy: Shape,
    candidate: Shape,
    /// The candidate's p95 in multiples of the legacy's.
    ratio: f64,
    /// At each look.
    pub(crate) pairs: u64,
    looks: u64,
    /// What the policy says of looks.
    told: Looks,
    /// The candidate's time-out in multiples of its p95.
    time_out: f64,
    common: Common,
    pub(crate) expected: Expected,
}

const fn at(name: &'static str, shape: Shape, ratio: f64, pairs: u64) -> LatencyQuestion {
    LatencyQuestion {
        name,
        legacy: shape,
        candidate: shape,
        ratio,
        pairs,
        looks: 1,
        told: Looks::Once,
        time_out: f64::INFINITY,
        common: Common::Nothing,
        expected: Expected::AtMost(0.05),
    }
}

const fn power(question: LatencyQuestion, least: f64) -> LatencyQuestion {
    LatencyQuestion { expected: Expected::AtLeast(least), ..question }
}

const fn shown(question: LatencyQuestion) -> LatencyQuestion {
    LatencyQuestion { expected: Expected::Shown, ..question }
}

const PLAIN: Shape = Shape::LogNormal(0.5);
const LIMIT: f64 = MARGIN * JUST_ABOVE;

/// All that is asked.
pub(crate) const LATENCY_QUESTIONS: [LatencyQuestion; 21] = [
    at("at the margin, 3,000 pairs", PLAIN, LIMIT, 3000),
    at("at the margin, 10,000 pairs", PLAIN, LIMIT, 10_000),
    LatencyQuestion { legacy: Shape::Constant, ..at("  ... the legacy's always the same", PLAIN, LIMIT, 10_000) },
    LatencyQuestion { common: Common::Request, ..at("  ... slow requests slow on both sides", PLAIN, LIMIT, 10_000) },
    at("heavy tails (Pareto, 1.5)", Shape::Pareto(1.5), LIMIT, 10_000),
    LatencyQuestion {
        candidate: Shape::Pareto(1.1),
        ..at("  ... heavier for the candidate (1.1)", PLAIN, LIMIT, 10_000)
    },
    at("one in ten ten times as slow", Shape::Bimodal, LIMIT, 10_000),
    LatencyQuestion {
        legacy: Shape::StepDown,
        candidate: Shape::StepUp,
        ..at("steps at the quantile, both sides", PLAIN, LIMIT, 10_000)
    },
    at("always the same, 0.01% above the margin", Shape::Constant, LIMIT, 3000),
    LatencyQuestion { time_out: 1.2, ..at("time-outs at 1.2 of the candidate's p95", PLAIN, LIMIT, 10_000) },
    LatencyQuestion { time_out: 0.9, ..at("  ... at 0.9 of it", PLAIN, LIMIT, 10_000) },
    LatencyQuestion { looks: 14, told: Looks::Any, ..at("14 daily looks, 1,000 pairs a day", PLAIN, LIMIT, 1000) },
    shown(LatencyQuestion { looks: 14, ..at("  ... with bounds for one look", PLAIN, LIMIT, 1000) }),
    shown(at("as fast, 3,000 pairs", PLAIN, 1.0, 3000)),
    power(at("as fast, 10,000 pairs", PLAIN, 1.0, 10_000), 0.9),
    power(at("as fast, 100,000 pairs", PLAIN, 1.0, 100_000), 0.9),
    power(
        LatencyQuestion { looks: 14, told: Looks::Any, ..at("as fast, 14 looks of 1,000 pairs", PLAIN, 1.0, 1000) },
        0.9,
    ),
    shown(at("5% slower, 10,000 pairs", PLAIN, 1.05, 10_000)),
    shown(at("as fast, heavy tails, 100,000 pairs", Shape::Pareto(1.5), 1.0, 100_000)),
    shown(LatencyQuestion {
        common: Common::Minute(0.1),
        ..at("slow minutes (0.1 of the deviation)", PLAIN, LIMIT, 10_000)
    }),
    shown(LatencyQuestion {
        common: Common::Minute(0.3),
        ..at("slow minutes (0.3 of the deviation)", PLAIN, LIMIT, 10_000)
    }),
];

impl LatencyQuestion {
    /// The share of these runs that pass.
    pub(crate) fn share_passed(&self, seeds: Range<u64>) -> f64 {
        let runs = (seeds.end - seeds.start) as f64;
        seeds.filter(|seed| self.passes(*seed)).count() as f64 / runs
    }

    fn passes(&self, seed: u64) -> bool {
        let mut policy = Policy::default();
        policy.gates.latency.at_most = MARGIN;
        policy.gates.mismatch_rate.looks = Some(self.told);
        let mut dice = Dice::new(seed);
        let scale = self.ratio * self.legacy.p95() / self.candidate.p95();
        let (mut legacy, mut candidate) = (Vec::new(), Vec::new());
        let mut slow = [1.0; 2];
        (0..self.looks).any(|_| {
            for n in 0..self.pairs {
                if n % A_MINUTE == 0 {
                    slow = slow.map(|_| self.minute(&mut dice));
                }
                let pair = self.pair(&mut dice);
                legacy.push(pair.0 * slow[0]);
                candidate.push(pair.1 * slow[1] * scale);
            }
            self.gate_passes(&legacy, &candidate, scale, &policy)
        })
    }

    /// How much slower everything of a minute is. What a minute has of the deviation, its requests lack, so that p95 is
    /// where it was.
    fn minute(&self, dice: &mut Dice) -> f64 {
        match self.common {
            Common::Minute(deviation) => (deviation * dice.normal()).exp(),
            Common::Nothing | Common::Request => 1.0,
        }
    }

    fn pair(&self, dice: &mut Dice) -> (f64, f64) {
        match (self.common, self.legacy) {
            (Common::Request, shape) => {
                // Log-normal: the product of what the request is and what each side makes of it.
                let Shape::LogNormal(deviation) = shape else { return (shape.draw(dice), shape.draw(dice)) };
                let part = deviation * std::f64::consts::FRAC_1_SQRT_2;
                let request = Shape::LogNormal(part).draw(dice);
                let side = |dice: &mut Dice| (part * dice.normal()).exp();
                (request * side(dice), request * side(dice))
            }
            (Common::Minute(of_minute), Shape::LogNormal(deviation)) => {
                let rest = Shape::LogNormal((deviation * deviation - of_minute * of_minute).sqrt());
                (rest.draw(dice), rest.draw(dice))
            }
            _ => (self.legacy.draw(dice), self.candidate.draw(dice)),
        }
    }

    fn gate_passes(&self, legacy: &[f64], candidate: &[f64], scale: f64, policy: &Policy) -> bool {
        let cut = self.time_out * scale * self.candidate.p95();
        let micros = |value: f64| Duration::from_micros(value as u64);
        let candidate = Latency {
            censored: candidate.iter().filter(|value| **value > cut).count() as u64,
            ..Latency::from_values(candidate.iter().map(|value| micros(value.min(cut))))
        };
        let legacy = Latency::from_values(legacy.iter().map(|value| micros(*value)));
        let latency = LatencyPair { legacy, candidate, ..LatencyPair::default() };
        let sent = latency.candidate.count;
        let books = ShadowBooks { exchanges: sent, sent, compared: sent, matched: sent, ..ShadowBooks::default() };
        let endpoint = EndpointSnapshot { latency, books, ..endpoint() };
        let snapshot = Snapshot { endpoints: vec![endpoint], ..Snapshot::default() };
        let verdict = judge(&snapshot, policy, &[], jiff::civil::Date::MAX);
        verdict.gates.iter().any(|gate| gate.gate == Gate::Latency && gate.state == GateState::Pass)
    }
}

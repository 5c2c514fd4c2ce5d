//! Which feature of the requests tells the exchanges with a difference from those without it.
//!
//! Every way in which a feature splits the exchanges of an endpoint (`hypotheses`) is put to Fisher's exact test, the
//! family's error held by Holm's method (`exact`); what chance would not do is ranked by how well it separates. Two
//! features together are told where they separate much better than one.
//!
//! Kept exchanges are a sample by strata: what is rare is kept more often than it was. Weights undo that; with them the
//! counts of a test are effective ones (Kish 1965).

mod exact;
mod hypotheses;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::evidence::{DifferenceName, GeneralPlace, is_compared};
use super::request::Feature;
use crate::compare::Comparer;
use crate::exchange::{Comparison, Outcome, Specimen};
use exact::Table;
use hypotheses::Hypothesis;
pub(super) use hypotheses::features;

pub use hypotheses::{Condition, Is, MAX_VALUES, MIN_SUPPORT};

/// Explanations of one group.
pub const MAX_EXPLANATIONS: usize = 3;
/// The error that all explanations of one group have together: chance gives one to at most this share of the groups that
/// have none.
pub const FAMILY_ERROR: f64 = 0.01;
/// Exchanges that there must be with the difference, and without it.
pub const MIN_EXCHANGES: usize = 6;
/// Other conditions that split the exchanges alike, which are named with an explanation.
pub const MAX_ALIKE: usize = 3;
/// Single hypotheses that are tried in pairs: those that separate best.
const IN_PAIRS: usize = 24;
/// How much more a pair must tell than the better one of its two: in bits, and by this factor.
const BETTER: (f64, f64) = (0.1, 1.25);
/// Bits from which on a feature is worth telling.
const TELLING: f64 = 0.05;

/// What goes with a group of differences.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct Explanation {
    /// One condition, or two that hold together.
    pub conditions: Vec<Condition>,
    /// Others that hold for just the same exchanges.
    pub alike: Vec<Condition>,
    /// The share of the exchanges with the difference that meet them.
    pub of_mismatches: f64,
    /// The share of those without it.
    pub of_others: f64,
    /// Kept exchanges with the difference that meet them, and those without it.
    pub kept: (usize, usize),
    /// How much it tells, in bits, from 0 to 1.
    pub gain: f64,
    /// How likely chance would do as well for any of the features, at most.
    pub p: f64,
}

impl std::fmt::Display for Explanation {
    /// `98% of the mismatches have query currency=JPY, 2% of the others`. The text is not escaped.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let percent = |share: f64| format!("{:.0}%", share * 100.0);
        let conditions: Vec<String> = self.conditions.iter().map(ToString::to_string).collect();
        let (mismatches, others) = (percent(self.of_mismatches), percent(self.of_others));
        write!(f, "{mismatches} of the mismatches have {}, {others} of the others", conditions.join(" and "))?;
        if !self.alike.is_empty() {
            let alike: Vec<String> = self.alike.iter().map(ToString::to_string).collect();
            write!(f, " (the same exchanges: {})", alike.join("; "))?;
        }
        Ok(())
    }
}

/// What was found of one group.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct Explained {
    /// The best first; none where chance would do as well.
    pub explanations: Vec<Explanation>,
    /// Kept exchanges with the difference that were looked at.
    pub mismatches: usize,
    /// Kept exchanges of the endpoint that were compared and do not have it.
    pub others: usize,
    /// Ways to split them that were tried.
    pub tried: usize,
    /// Values past [`MAX_VALUES`].
    pub left_out: u64,
}

/// Exchanges with what they are told apart by, made once for all groups. They must be without secrets, as runs keep
/// them: values are told as they are.
#[derive(Debug)]
pub struct Contrast<'a> {
    specimens: &'a [Specimen],
    weights: &'a [f64],
    comparisons: Vec<Comparison>,
    features: Vec<BTreeMap<Feature, Option<String>>>,
    general: GeneralPlace,
}

impl<'a> Contrast<'a> {
    /// Of these exchanges under the comparer's rules. `weights` are how many exchanges each stands for; where there is
    /// none for it, one.
    pub fn new(
        specimens: &'a [Specimen],
        weights: &'a [f64],
        comparer: &Comparer,
        general: GeneralPlace,
    ) -> Contrast<'a> {
        Contrast {
            specimens,
            weights,
            comparisons: specimens.iter().map(|specimen| comparer.compare(&specimen.observation)).collect(),
            features: specimens.iter().map(hypotheses::features).collect(),
            general,
        }
    }

    /// What tells the mismatches of this name from the other compared exchanges of the endpoint.
    pub fn explain(&self, name: &DifferenceName) -> Explained {
        let (mut cases, mut controls) = (Vec::new(), Vec::new());
        for (at, (specimen, comparison)) in self.specimens.iter().zip(&self.comparisons).enumerate() {
            if specimen.endpoint != name.endpoint || !is_compared(comparison) {
                continue;
            }
            let mut open = comparison.differences.iter().filter(|difference| difference.rule.is_none());
            let has = open.any(|d| d.kind == name.kind && (self.general)(&d.at) == name.place);
            if has && comparison.outcome == Outcome::Mismatched { cases.push(at) } else { controls.push(at) }
        }
        let of = |positions: &[usize]| positions.iter().filter_map(|at| self.features.get(*at)).collect::<Vec<_>>();
        let weight = |at: &usize| self.weights.get(*at).copied().filter(|w| w.is_finite() && *w > 0.0).unwrap_or(1.0);
        let weights = cases.iter().chain(&controls).map(weight).collect();
        between(&of(&cases), &of(&controls), weights)
    }
}

/// What tells the mismatches of one group from the other compared exchanges of its endpoint: see [`Contrast`], which is
/// for many groups.
pub fn explain(specimens: &[Specimen], comparer: &Comparer, general: GeneralPlace, name: &DifferenceName) -> Explained {
    Contrast::new(specimens, &[], comparer, general).explain(name)
}

/// What tells some exchanges from others, each with its weight, the cases' first; one where there is none.
pub(super) fn between(
    cases: &[&BTreeMap<Feature, Option<String>>],
    controls: &[&BTreeMap<Feature, Option<String>>],
    mut weights: Vec<f64>,
) -> Explained {
    let mut explained = Explained { mismatches: cases.len(), others: controls.len(), ..Explained::default() };
    if cases.len() < MIN_EXCHANGES || controls.len() < MIN_EXCHANGES {
        return explained;
    }
    let all: Vec<_> = cases.iter().chain(controls).copied().collect();
    let (single, left_out) = hypotheses::of(&all);
    weights.resize(all.len(), 1.0);
    let sides = Sides { cases: cases.len(), weights };
    explained.tried = single.len();
    explained.left_out = left_out;
    explained.explanations = best(&sides, single);
    explained
}

/// Which exchanges have the difference, and what each stands for.
struct Sides {
    cases: usize,
    weights: Vec<f64>,
}

/// A hypothesis told from the side that the mismatches are on, and what it is worth.
struct Weighed {
    hypothesis: Hypothesis,
    shares: (f64, f64),
    kept: (usize, usize),
    gain: f64,
}

impl Sides {
    fn weigh(&self, hypothesis: Hypothesis) -> Weighed {
        let (of_cases, of_controls) = self.shares(&hypothesis.meets);
        let (hypothesis, shares) = match of_cases >= of_controls {
            true => (hypothesis, (of_cases, of_controls)),
            false => (hypothesis.opposite(), (1.0 - of_cases, 1.0 - of_controls)),
        };
        let (cases, controls) = hypothesis.meets.split_at(self.cases.min(hypothesis.meets.len()));
        let count = |side: &[bool]| side.iter().filter(|meets| **meets).count();
        let kept = (count(cases), count(controls));
        let gain = exact::gain(shares.0, shares.1);
        Weighed { hypothesis, shares, kept, gain }
    }

    /// The weighted shares of the cases and of the controls that meet it.
    fn shares(&self, meets: &[bool]) -> (f64, f64) {
        let share = |from: usize, to: usize| {
            let weights = self.weights.get(from..to).unwrap_or_default();
            let met: f64 = weights
                .iter()
                .zip(meets.get(from..to).unwrap_or_default())
                .map(|(w, m)| if *m { *w } else { 0.0 })
                .sum();
            met / weights.iter().sum::<f64>()
        };
        (share(0, self.cases), share(self.cases, self.weights.len()))
    }

    /// Kish's effective number of exchanges on each side.
    fn effective(&self) -> (u64, u64) {
        let of = |weights: &[f64]| {
            let (sum, squares) = (weights.iter().sum::<f64>(), weights.iter().map(|w| w * w).sum::<f64>());
            (sum * sum / squares).round() as u64
        };
        let (cases, controls) = self.weights.split_at(self.cases.min(self.weights.len()));
        (of(cases), of(controls))
    }

    fn table(&self, shares: (f64, f64)) -> Table {
        let (cases, controls) = self.effective();
        let with = |share: f64, of: u64| (share * of as f64).round() as u64;
        Table { cases, cases_with: with(shares.0, cases), controls, controls_with: with(shares.1, controls) }
    }
}

fn best(sides: &Sides, single: Vec<Hypothesis>) -> Vec<Explanation> {
    let mut single: Vec<Weighed> = single.into_iter().map(|hypothesis| sides.weigh(hypothesis)).collect();
    let tables: Vec<Table> = single.iter().map(|weighed| sides.table(weighed.shares)).collect();
    let adjusted = exact::adjusted(&tables, FAMILY_ERROR / 2.0);
    let mut found: Vec<Explanation> = Vec::new();
    for (weighed, p) in single.iter().zip(&adjusted) {
        // Half of the family's error is for single features, half for pairs.
        if let Some(p) = p.map(|p| (2.0 * p).min(1.0)).filter(|p| *p <= FAMILY_ERROR) {
            found.extend(told(weighed, None, p));
        }
    }
    single
        .sort_by(|a, b| b.gain.total_cmp(&a.gain).then_with(|| a.hypothesis.conditions.cmp(&b.hypothesis.conditions)));
    found.extend(pair(sides, &single));
    found.sort_by(|a, b| b.gain.total_cmp(&a.gain).then_with(|| a.conditions.cmp(&b.conditions)));
    let mut kept: Vec<Explanation> = Vec::new();
    for explanation in found {
        // What names no feature that a better one does not name already says nothing new.
        let names = |other: &Explanation, condition: &Condition| {
            other.conditions.iter().any(|c| c.feature == condition.feature)
        };
        if !explanation.conditions.iter().all(|condition| kept.iter().any(|other| names(other, condition))) {
            kept.push(explanation);
        }
    }
    kept.truncate(MAX_EXPLANATIONS);
    kept
}

/// The two conditions that separate best together, where they do so much better than each.
fn pair(sides: &Sides, single: &[Weighed]) -> Option<Explanation> {
    // Every pair could have been the best: all of them are the family, not those alone that are tried.
    let family = single.len() as f64 * (single.len() as f64 - 1.0) / 2.0;
    let mut best: Option<(Weighed, (&Weighed, &Weighed))> = None;
    for (at, first) in single.iter().take(IN_PAIRS).enumerate() {
        for second in single.iter().take(IN_PAIRS).skip(at + 1) {
            let meets: Vec<bool> =
                first.hypothesis.meets.iter().zip(&second.hypothesis.meets).map(|(a, b)| *a && *b).collect();
            let both = sides.weigh(Hypothesis { meets, conditions: Vec::new() });
            let one = first.gain.max(second.gain);
            let is_better = both.gain >= one + BETTER.0 && both.gain >= one * BETTER.1 && both.shares.0 >= 0.5;
            // Told from the other side, two conditions would be one that fails or the other.
            let straight = both.kept.0 >= MIN_SUPPORT
                && both.hypothesis.meets.iter().zip(&first.hypothesis.meets).all(|(b, f)| *f || !*b);
            if is_better && straight && best.as_ref().is_none_or(|(best, _)| both.gain > best.gain) {
                best = Some((both, (first, second)));
            }
        }
    }
    let (both, (first, second)) = best?;
    let p = 2.0 * sides.table(both.shares).p() * family;
    let condition = |weighed: &Weighed| weighed.hypothesis.conditions.first().cloned();
    let conditions = [condition(first)?, condition(second)?];
    if p > FAMILY_ERROR || conditions[0].feature == conditions[1].feature {
        return None;
    }
    told(&both, Some(conditions.to_vec()), p)
}

fn told(weighed: &Weighed, pair: Option<Vec<Condition>>, p: f64) -> Option<Explanation> {
    let mut all = weighed.hypothesis.conditions.iter();
    let conditions = match pair {
        Some(pair) => pair,
        None => vec![all.next()?.clone()],
    };
    (weighed.gain >= TELLING).then(|| Explanation {
        alike: all
            .filter(|condition| conditions.iter().all(|c| c.feature != condition.feature))
            .take(MAX_ALIKE)
            .cloned()
            .collect(),
        conditions,
        of_mismatches: weighed.shares.0,
        of_others: weighed.shares.1,
        kept: weighed.kept,
        gain: weighed.gain,
        p,
    })
}

//! What may tell exchanges apart: which of them have a feature, lack it, or have it with a value.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::exchange::Specimen;
use crate::suggest::answers::responses;
use crate::suggest::request::{self, Feature};

/// Values of features that are told apart; those that come after are counted.
pub const MAX_VALUES: usize = 20_000;
/// Exchanges that must have a value, and of the others lack it: a rarer one is an identity and explains nothing.
pub const MIN_SUPPORT: usize = 4;

/// In what way exchanges have a feature.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Is {
    /// With this value.
    Value(String),
    /// At all.
    Present,
    /// Not at all.
    Absent,
    /// Not with this value.
    Not(String),
}

/// A feature, and in what way exchanges have it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Condition {
    /// In what way: the plainest first.
    pub is: Is,
    /// The feature.
    pub feature: Feature,
}

impl Condition {
    fn opposite(&self) -> Condition {
        let is = match self.is.clone() {
            Is::Value(value) => Is::Not(value),
            Is::Not(value) => Is::Value(value),
            Is::Present => Is::Absent,
            Is::Absent => Is::Present,
        };
        Condition { is, feature: self.feature.clone() }
    }
}

impl std::fmt::Display for Condition {
    /// `query currency=JPY`, `no header accept-language`, `legacy status=404`. The text is not escaped.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let feature = &self.feature;
        match &self.is {
            Is::Value(value) => write!(f, "{feature}={value}"),
            Is::Present => write!(f, "{feature}"),
            Is::Absent => write!(f, "no {feature}"),
            Is::Not(value) => {
                let may_lack = matches!(feature, Feature::Query(_) | Feature::Header(_) | Feature::Body(_));
                write!(f, "{feature} other than {value}{}", if may_lack { ", or none" } else { "" })
            }
        }
    }
}

/// One way to split the exchanges in two.
#[derive(Debug, Clone)]
pub(super) struct Hypothesis {
    /// Which exchanges meet the conditions.
    pub(super) meets: Vec<bool>,
    /// All the conditions that split them so, the plainest first.
    pub(super) conditions: Vec<Condition>,
}

impl Hypothesis {
    /// The same split, told from its other side.
    pub(super) fn opposite(&self) -> Hypothesis {
        let mut conditions: Vec<Condition> = self.conditions.iter().map(Condition::opposite).collect();
        conditions.sort();
        Hypothesis { meets: self.meets.iter().map(|meets| !meets).collect(), conditions }
    }
}

/// What one exchange is told apart by.
pub(in crate::suggest) fn features(specimen: &Specimen) -> BTreeMap<Feature, Option<String>> {
    let exchange = &specimen.observation.exchange;
    let mut found = exchange.request.as_ref().map(request::features).unwrap_or_default();
    found.insert(Feature::Client, Some(exchange.client.ip().to_canonical().to_string()));
    if let Some(started) = exchange.moments.started() {
        const HOUR: i64 = 3_600_000_000_000;
        found.insert(Feature::Hour, Some(started.0.div_euclid(HOUR).rem_euclid(24).to_string()));
    }
    if let (Some(legacy), _) = responses(&specimen.observation) {
        found.insert(Feature::LegacyStatus, Some(legacy.status.to_string()));
    }
    found
}

/// Every way in which a feature splits these exchanges and neither part is too small, and how many values were left out.
/// Ways that split them alike are one.
pub(super) fn of(exchanges: &[&BTreeMap<Feature, Option<String>>]) -> (Vec<Hypothesis>, u64) {
    let mut met: BTreeMap<Condition, Vec<usize>> = BTreeMap::new();
    let mut left_out = 0;
    for (at, features) in exchanges.iter().enumerate() {
        for (feature, value) in features.iter() {
            let value = value.clone().map(Is::Value);
            for is in value.into_iter().chain([Is::Present]) {
                let condition = Condition { is, feature: feature.clone() };
                if met.len() < MAX_VALUES || met.contains_key(&condition) {
                    met.entry(condition).or_default().push(at);
                } else {
                    left_out += 1;
                }
            }
        }
    }
    let n = exchanges.len();
    let mut splits: BTreeMap<Vec<bool>, Vec<Condition>> = BTreeMap::new();
    for (condition, all) in met.into_iter().filter(|(_, all)| all.len() >= MIN_SUPPORT && n - all.len() >= MIN_SUPPORT)
    {
        let mut meets = vec![false; n];
        all.into_iter().filter_map(|at| meets.get_mut(at).map(|m| *m = true)).for_each(drop);
        // A split and its opposite are one hypothesis, told by whoever has the first exchange.
        let (meets, condition) = match meets.first() {
            Some(true) => (meets, condition),
            _ => (meets.iter().map(|m| !m).collect(), condition.opposite()),
        };
        splits.entry(meets).or_default().push(condition);
    }
    let hypothesis = |(meets, mut conditions): (Vec<bool>, Vec<Condition>)| {
        conditions.sort();
        Hypothesis { meets, conditions }
    };
    (splits.into_iter().map(hypothesis).collect(), left_out)
}

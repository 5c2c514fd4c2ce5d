//! The specimens compared, and their unanswered differences in groups.

use std::collections::BTreeMap;

use serde::Serialize;

use super::place::{Spot, cookie};
use crate::compare::Comparer;
use crate::exchange::{Comparison, Difference, DifferenceKind, Endpoint, Location, Outcome, Specimen};

/// Groups that are looked at; the others are counted.
pub const MAX_GROUPS: usize = 256;
/// Differences of one group that are looked at; its others are counted.
pub const MAX_PAIRS: usize = 5_000;

/// What makes one place of many: array positions and names that are values left out. The tally groups by the same text.
pub type GeneralPlace = fn(&Location) -> String;

/// Which differences: those of one kind at one general place of one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct DifferenceName {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The place, as [`GeneralPlace`] gives it: `body /items/*/price`.
    pub place: String,
    /// In what way the sides disagree.
    pub kind: DifferenceKind,
}

/// One unanswered difference.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair<'a> {
    /// Position of its specimen.
    pub(super) specimen: usize,
    /// Its position among the comparison's differences.
    pub(super) nth: usize,
    pub(super) difference: &'a Difference,
}

/// The differences of one name.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) name: DifferenceName,
    pub(super) spot: Spot,
    /// The first of them.
    pub(super) pairs: Vec<Pair<'a>>,
    pub(super) differences: usize,
    pub(super) exchanges: usize,
    /// Exchanges of the endpoint of which two answers were compared.
    pub(super) compared: usize,
}

/// Every specimen with its comparison.
#[derive(Debug)]
pub(super) struct Evidence<'a> {
    pub(super) specimens: &'a [Specimen],
    pub(super) comparer: &'a Comparer,
    pub(super) comparisons: Vec<Comparison>,
    pub(super) general: GeneralPlace,
}

impl<'a> Evidence<'a> {
    pub(super) fn new(specimens: &'a [Specimen], comparer: &'a Comparer, general: GeneralPlace) -> Evidence<'a> {
        let comparisons = specimens.iter().map(|specimen| comparer.compare(&specimen.observation)).collect();
        Evidence { specimens, comparer, comparisons, general }
    }

    /// The specimens of an endpoint of which two answers were compared.
    pub(super) fn of<'s>(&'s self, endpoint: &'s Endpoint) -> impl Iterator<Item = usize> + 's {
        let here = move |(at, specimen): (usize, &Specimen)| {
            (specimen.endpoint == *endpoint && self.comparisons.get(at).is_some_and(is_compared)).then_some(at)
        };
        self.specimens.iter().enumerate().filter_map(here)
    }

    pub(super) fn compared(&self) -> usize {
        self.comparisons.iter().filter(|comparison| is_compared(comparison)).count()
    }

    pub(super) fn mismatched(&self) -> usize {
        self.comparisons.iter().filter(|comparison| comparison.outcome == Outcome::Mismatched).count()
    }

    /// The unanswered differences of the mismatches in groups, sorted by name, and how many groups there were more.
    pub(super) fn groups(&'a self) -> (Vec<Group<'a>>, usize) {
        let mut found: BTreeMap<(DifferenceName, Option<Cookie>), Found<'a>> = BTreeMap::new();
        let mut compared: BTreeMap<&Endpoint, usize> = BTreeMap::new();
        for (specimen, (of, comparison)) in self.specimens.iter().zip(&self.comparisons).enumerate() {
            *compared.entry(&of.endpoint).or_default() += usize::from(is_compared(comparison));
            if comparison.outcome != Outcome::Mismatched {
                continue;
            }
            for (nth, difference) in comparison.differences.iter().enumerate().filter(|(_, d)| d.rule.is_none()) {
                let name = self.name(&of.endpoint, difference);
                let is_cookie = matches!(&difference.at, Location::Header(name) if name == "set-cookie");
                let cookie = if is_cookie { cookie(difference) } else { None };
                found.entry((name, cookie)).or_default().add(Pair { specimen, nth, difference });
            }
        }
        let more = found.len().saturating_sub(MAX_GROUPS);
        let group = |((name, _), found): ((DifferenceName, Option<Cookie>), Found<'a>)| Group {
            compared: compared.get(&name.endpoint).copied().unwrap_or(0),
            spot: Spot::of(found.pairs.iter().map(|pair| pair.difference)),
            name,
            pairs: found.pairs,
            differences: found.differences,
            exchanges: found.exchanges,
        };
        (found.into_iter().take(MAX_GROUPS).map(group).collect(), more)
    }

    pub(super) fn name(&self, endpoint: &Endpoint, difference: &Difference) -> DifferenceName {
        let place = (self.general)(&difference.at);
        DifferenceName { endpoint: endpoint.clone(), place, kind: difference.kind }
    }
}

type Cookie = (String, Option<String>);

#[derive(Debug, Default)]
struct Found<'a> {
    pairs: Vec<Pair<'a>>,
    differences: usize,
    exchanges: usize,
    last: Option<usize>,
}

impl<'a> Found<'a> {
    fn add(&mut self, pair: Pair<'a>) {
        self.differences += 1;
        self.exchanges += usize::from(self.last.replace(pair.specimen) != Some(pair.specimen));
        if self.pairs.len() < MAX_PAIRS {
            self.pairs.push(pair);
        }
    }
}

/// Whether two answers were laid side by side, to an end that says something of both.
pub(super) fn is_compared(comparison: &Comparison) -> bool {
    matches!(comparison.outcome, Outcome::Matched | Outcome::Accepted | Outcome::Mismatched)
}

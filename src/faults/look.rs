//! One specimen, looked at: what it says of the rules by itself. What many say is put together from that, so that a run that
//! is looked at again and again looks at each specimen once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::Laid;
use super::audit::{Answered, Auditor};
use super::content::general;
use super::depth::Depth;
use super::detect::{Tried, try_all};
use crate::compare::Comparer;
use crate::exchange::{Endpoint, Location, Outcome, Specimen};

/// Places whose names to show are remembered. Past it they are made anew.
const MAX_NAMES: usize = 16_384;

/// A place, array positions as `*`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// By its real name, which must not be shown.
    pub(super) real: String,
    /// Without secrets.
    pub(super) shown: String,
}

/// The names of places, of which many specimens have the same.
#[derive(Debug, Default)]
pub(super) struct Names(FxHashMap<String, Arc<Place>>);

impl Names {
    /// The place at an endpoint. `shown` is asked where it is not known yet.
    pub(super) fn of(&mut self, endpoint: &Endpoint, at: &Location, shown: impl FnOnce() -> Location) -> Arc<Place> {
        let real = general(at);
        let key = format!("{endpoint} {real}");
        if let Some(place) = self.0.get(&key) {
            return Arc::clone(place);
        }
        if self.0.len() >= MAX_NAMES {
            self.0.clear();
        }
        let place = Arc::new(Place { real, shown: general(&shown()) });
        self.0.insert(key, Arc::clone(&place));
        place
    }
}

/// What one specimen says.
#[derive(Debug)]
pub(super) struct Looked {
    /// Whether its answers agree, so that faults were put into it.
    pub(super) sound: bool,
    pub(super) depth: Depth,
    pub(super) tried: Tried,
    pub(super) answered: Answered,
    /// Where rules with wide places would answer for a change.
    pub(super) hides: BTreeSet<(Arc<str>, Arc<Place>)>,
}

/// What looking takes: the rules, the same without each of them, and names.
#[derive(Debug)]
pub(super) struct Eyes {
    pub(super) comparer: Comparer,
    without: BTreeMap<Arc<str>, Comparer>,
    names: Names,
}

impl Eyes {
    pub(super) fn new(comparer: Comparer) -> Eyes {
        Eyes { comparer, without: BTreeMap::new(), names: Names::default() }
    }

    /// The same rules but one.
    pub(super) fn without(&mut self, id: &Arc<str>) -> &Comparer {
        let comparer = &self.comparer;
        let others = || comparer.under(Arc::new(comparer.rules().without(id)));
        self.without.entry(Arc::clone(id)).or_insert_with(others)
    }

    /// Looks at one. None where it is not whole, or too large.
    pub(super) fn look(&mut self, specimen: &Specimen, auditor: &mut Auditor<'_>) -> Option<Looked> {
        let laid = Laid::out(specimen)?;
        let Eyes { comparer, names, .. } = self;
        let shown = |at: &Location| comparer.shown_place(laid.observation(), at.clone());
        let comparison = comparer.compare_unshown(laid.observation());
        let (mut depth, mut hides) = (Depth::default(), BTreeSet::new());
        depth.ask(&laid, comparer.rules(), &mut |id, at| {
            if auditor.is_wide(id) {
                hides.insert((Arc::clone(id), names.of(&specimen.endpoint, at, || shown(at))));
            }
        });
        let sound = matches!(comparison.outcome, Outcome::Matched | Outcome::Accepted);
        let tried = if sound {
            let mut place = |at: &Location| names.of(&specimen.endpoint, at, || shown(at));
            try_all(specimen, &laid, &comparison, comparer, &mut place)
        } else {
            Tried::default()
        };
        let answered = auditor.look(self, specimen, &laid);
        Some(Looked { sound, depth, tried, answered, hides })
    }
}

//! Trial after trial of one run: what a specimen says is asked of it once, however often somebody looks.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::audit::{Auditor, Meant, Uses};
use super::depth::Depth;
use super::detect::{Detection, Unnoticed};
use super::look::{Eyes, Looked};
use super::trial::{EndpointTrial, MAX_ENDPOINTS, MAX_SPECIMENS, Terms, Trial};
use crate::compare::Comparer;
use crate::exchange::{Endpoint, Specimen};

/// A specimen that is there, and is opened only where it is looked at.
pub struct Held<'a> {
    endpoint: &'a Endpoint,
    sequence: u64,
    open: Box<dyn Fn() -> Option<Cow<'a, Specimen>> + 'a>,
}

impl fmt::Debug for Held<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held")
            .field("endpoint", self.endpoint)
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}

impl<'a> Held<'a> {
    /// One that `open` opens; None of it where it cannot be read. In one run a position is one exchange's.
    pub fn new(endpoint: &'a Endpoint, sequence: u64, open: impl Fn() -> Option<Specimen> + 'a) -> Held<'a> {
        Held { endpoint, sequence, open: Box::new(move || open().map(Cow::Owned)) }
    }

    /// One that is open.
    pub fn here(specimen: &'a Specimen) -> Held<'a> {
        let open = Box::new(move || Some(Cow::Borrowed(specimen)));
        Held { endpoint: &specimen.endpoint, sequence: specimen.observation.sequence, open }
    }
}

/// Specimens of one endpoint of which it is remembered what they said. One that comes moves the choice of the others, so
/// those that were chosen before are not forgotten at once.
pub const MAX_REMEMBERED: usize = 4 * MAX_SPECIMENS;

/// What the specimens of one run have said so far, under the rules of a comparer: of those that are still there, at most
/// [`MAX_REMEMBERED`] of each of [`MAX_ENDPOINTS`] endpoints.
#[derive(Debug)]
pub struct Trials {
    eyes: Eyes,
    /// By endpoint and position; None of one that nothing can be asked of.
    looked: BTreeMap<Endpoint, BTreeMap<u64, Option<Looked>>>,
    meant: Meant,
}

type ByEndpoint<'a> = BTreeMap<&'a Endpoint, Vec<Held<'a>>>;

impl Trials {
    /// Of a run of which nothing was looked at yet.
    pub fn new(comparer: &Comparer) -> Trials {
        Trials { eyes: Eyes::new(comparer.clone()), looked: BTreeMap::new(), meant: Meant::default() }
    }

    /// Puts the rules to the test on the specimens that there are now, of one run, the same or more than last time. `may` is
    /// asked before each that is new whether there is time for it; those for which there is none wait for the next trial, and
    /// no endpoint's second is looked at before every other's first. None where there are no specimens.
    pub fn trial(
        &mut self,
        held: Vec<Held<'_>>,
        uses: &Uses,
        terms: &Terms,
        may: &mut dyn FnMut() -> bool,
    ) -> Option<Trial> {
        let all = held.len() as u64;
        if all == 0 {
            return None;
        }
        let mut chosen = by_endpoint(held);
        self.forget_all_but(&chosen);
        chosen.values_mut().for_each(spread);
        let comparer = self.eyes.comparer.clone();
        let mut auditor = Auditor::new(comparer.rules(), uses, std::mem::take(&mut self.meant));
        let mut trial = Trial { waiting: self.look(&chosen, &mut auditor, may), ..Trial::default() };
        for (endpoint, held) in &chosen {
            let known = self.looked.get(*endpoint);
            let of_these = held.iter().filter_map(|held| known?.get(&held.sequence)?.as_ref());
            let one = put_together(endpoint, of_these, &mut auditor);
            trial.untried += u64::from(known.is_none());
            trial.specimens += one.specimens;
            trial.depth.merge(&one.depth);
            if one.specimens > 0 {
                trial.endpoints.push(one);
            }
        }
        trial.left_out = all - trial.specimens - trial.waiting;
        let unnoticed: Vec<&Unnoticed> = trial.endpoints.iter().flat_map(|endpoint| &endpoint.unnoticed).collect();
        (trial.rules, self.meant) = auditor.finish(uses, &trial.depth, &unnoticed, terms);
        Some(trial)
    }

    fn forget_all_but(&mut self, held: &ByEndpoint<'_>) {
        self.looked.retain(|endpoint, looked| {
            let there: BTreeSet<u64> = held.get(endpoint).into_iter().flatten().map(|held| held.sequence).collect();
            looked.retain(|sequence, _| there.contains(sequence));
            // Room for those that this trial may look at.
            while looked.len() > MAX_REMEMBERED - MAX_SPECIMENS {
                looked.pop_first();
            }
            !looked.is_empty()
        });
    }

    /// Looks at those that are new; how many must wait.
    fn look(&mut self, chosen: &ByEndpoint<'_>, auditor: &mut Auditor<'_>, may: &mut dyn FnMut() -> bool) -> u64 {
        let (mut waiting, mut time) = (0, true);
        for turn in 0..MAX_SPECIMENS {
            for held in chosen.values().filter_map(|held| held.get(turn)) {
                if self.looked.get(held.endpoint).is_some_and(|looked| looked.contains_key(&held.sequence)) {
                    continue;
                }
                time = time && may();
                if !time {
                    waiting += 1;
                    continue;
                }
                let looked = (held.open)().and_then(|specimen| self.eyes.look(&specimen, auditor));
                self.looked.entry(held.endpoint.clone()).or_default().insert(held.sequence, looked);
            }
        }
        waiting
    }
}

fn by_endpoint(held: Vec<Held<'_>>) -> ByEndpoint<'_> {
    let mut by_endpoint: ByEndpoint<'_> = BTreeMap::new();
    for one in held {
        by_endpoint.entry(one.endpoint).or_default().push(one);
    }
    while by_endpoint.len() > MAX_ENDPOINTS {
        by_endpoint.pop_last();
    }
    by_endpoint
}

/// Leaves so many of one endpoint, evenly in the order of the source.
fn spread(of_one: &mut Vec<Held<'_>>) {
    of_one.sort_by_key(|held| held.sequence);
    let (all, most) = (of_one.len(), of_one.len().min(MAX_SPECIMENS));
    let mut wanted = (0..most).map(|at| at * all / most).peekable();
    let mut at = 0;
    of_one.retain(|_| {
        at += 1;
        wanted.next_if_eq(&(at - 1)).is_some()
    });
}

fn put_together<'l>(
    endpoint: &Endpoint,
    looked: impl Iterator<Item = &'l Looked>,
    auditor: &mut Auditor<'_>,
) -> EndpointTrial {
    let (mut depth, mut detection, mut specimens, mut sound) = (Depth::default(), Detection::default(), 0, 0);
    for one in looked {
        specimens += 1;
        sound += u64::from(one.sound);
        depth.merge(&one.depth);
        detection.take(&one.tried);
        auditor.take(endpoint, one);
    }
    let unnoticed = detection.unnoticed();
    EndpointTrial { endpoint: endpoint.clone(), specimens, sound, unnoticed, faults: detection.counts, depth }
}

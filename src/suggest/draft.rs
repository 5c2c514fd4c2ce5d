//! Groups that one rule could cover, put together where the rule's place means theirs and no others.

use std::collections::{BTreeMap, BTreeSet};

use super::answers::{Answers, responses};
use super::evidence::Evidence;
use super::noise::{Noise, Says};
use super::place::{Spot, visit};
use crate::exchange::{Endpoint, Specimen};

/// Endpoints that must have the same noise at the same place before one rule speaks of all of them.
const SEVERAL: usize = 3;

/// A rule that may be suggested, and the groups that it is made for.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// None: on every endpoint, each of which that has the place has the noise.
    pub(super) endpoint: Option<Endpoint>,
    pub(super) spot: Spot,
    pub(super) noise: Noise,
    /// Positions of the groups.
    pub(super) groups: Vec<usize>,
}

/// One draft for each place and answer of an endpoint.
pub(super) fn of_endpoints(found: Vec<(usize, Endpoint, Spot, Noise)>) -> Vec<Draft> {
    let mut drafts: BTreeMap<(Endpoint, Spot, Says), Draft> = BTreeMap::new();
    for (group, endpoint, spot, noise) in found {
        let key = (endpoint.clone(), spot.clone(), noise.says.clone());
        let fresh = Draft { endpoint: Some(endpoint), spot, noise: noise.clone(), groups: Vec::new() };
        let draft = drafts.entry(key).or_insert(fresh);
        if !draft.groups.is_empty() {
            draft.noise.seen.push_str(&format!("; and {}", noise.seen));
            draft.noise.doubts.extend(
                noise.doubts.into_iter().filter(|doubt| !draft.noise.doubts.contains(doubt)).collect::<Vec<_>>(),
            );
        }
        draft.groups.push(group);
    }
    drafts.into_values().collect()
}

/// Drafts that say the same of the same place on several endpoints, and what could stand in their place: one for all of
/// them, where no endpoint of the evidence has the place without the noise.
pub(super) fn across_endpoints(drafts: &[Draft], evidence: &Evidence<'_>) -> Vec<(Draft, BTreeSet<usize>)> {
    let mut alike: BTreeMap<(&Spot, &Says), BTreeSet<usize>> = BTreeMap::new();
    for (at, draft) in drafts.iter().enumerate() {
        alike.entry((&draft.spot, &draft.noise.says)).or_default().insert(at);
    }
    let mut found = Vec::new();
    for ((spot, _), parts) in alike {
        let of = || parts.iter().filter_map(|at| drafts.get(*at));
        let endpoints: BTreeSet<&Endpoint> = of().filter_map(|draft| draft.endpoint.as_ref()).collect();
        let elsewhere = |specimen: &&Specimen| !endpoints.contains(&specimen.endpoint) && has(spot, specimen);
        if endpoints.len() < SEVERAL || evidence.specimens.iter().any(|specimen| elsewhere(&specimen)) {
            continue;
        }
        let Some(first) = of().next() else { continue };
        let mut doubts: Vec<String> = of().flat_map(|draft| draft.noise.doubts.clone()).collect();
        doubts.sort();
        doubts.dedup();
        let seen = format!("the same on each of the {} endpoints that have it: {}", endpoints.len(), first.noise.seen);
        let noise = Noise { seen, doubts, ..first.noise.clone() };
        let groups = of().flat_map(|draft| draft.groups.clone()).collect();
        found.push((Draft { endpoint: None, spot: spot.clone(), noise, groups }, parts));
    }
    found
}

/// Whether one of the answers has something at the place.
fn has(spot: &Spot, specimen: &Specimen) -> bool {
    let (legacy, candidate) = responses(&specimen.observation);
    let both = || legacy.into_iter().chain(candidate);
    match spot {
        Spot::Header(name) => both().any(|response| response.headers.get(name).is_some()),
        Spot::Cookie(..) => both().any(|response| response.headers.get("set-cookie").is_some()),
        Spot::Json(steps) => {
            let answers = Answers::of(&specimen.observation);
            let mut any = false;
            for document in answers.legacy.iter().chain(&answers.candidate) {
                visit(document, steps, &mut |_, _| any = true);
            }
            any
        }
        Spot::Untyped => true,
    }
}

//! Epochs: evidence under one build of the candidate, one set of rules and one policy. They are never put together.
//!
//! What a stretch's builds have answered are its pieces, in the order in which they were first heard. Pieces that follow
//! each other and are of the same build, under the same rules and the same gates, are one epoch, over stretches and files;
//! the next that differs begins another.

use crate::config::{Endpoints, Gates, Operation, Policy as Meant, from_text};
use crate::exchange::{Endpoint, EndpointPattern, EpochBooks, EpochNote};
use crate::ledger::{CaptureBooks, Ledger, WireBooks};
use crate::tally::{BuildEpoch, BuildName, Builds, Snapshot};

use super::read::Stretch;
use super::write::digest;

/// Digits of the digest that stands for rules.
const SHOWN_DIGEST: usize = 12;

/// Which epoch, and what parts them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Choice {
    /// Its number, from 1; None: the latest.
    pub epoch: Option<usize>,
    /// Other rules are to be asked, the same for all: then those that were in force part nothing.
    pub rules_given: bool,
    /// Another policy's gates hold, the same for all.
    pub policy_given: bool,
}

/// What one build has answered in one stretch.
pub(super) struct Piece {
    /// The position of the stretch.
    pub(super) stretch: usize,
    pub(super) of: BuildEpoch,
}

/// Pieces that belong together.
pub(super) struct Epoch {
    key: Key,
    pub(super) pieces: Vec<Piece>,
    note: EpochNote,
}

#[derive(Debug, Clone, PartialEq)]
struct Key {
    build: BuildName,
    rules: Option<InForce>,
    gates: Option<Conditions>,
}

/// Rules by the digests of their files, and which of them had expired.
#[derive(Debug, Clone, PartialEq)]
struct InForce {
    files: Vec<String>,
    expired: Vec<(String, bool)>,
}

/// What a policy asks of the evidence. The checklist is no evidence: it is signed while a run goes on, and the latest holds.
#[derive(Debug, Clone, PartialEq)]
enum Conditions {
    Read(Box<(Gates, Vec<EndpointPattern>, Vec<Operation>)>),
    /// One that this version cannot read is like itself only.
    Text(String),
}

impl Conditions {
    fn of(text: &str) -> Conditions {
        match from_text(text, "the policy in the run file".as_ref()) {
            Ok(Meant { gates, critical, endpoints, .. }) => {
                let documented = match endpoints {
                    Endpoints::OpenApi(document) => document.operations,
                    Endpoints::Learned | Endpoints::Templates(_) => Vec::new(),
                };
                Conditions::Read(Box::new((gates, critical, documented)))
            }
            Err(_) => Conditions::Text(text.to_owned()),
        }
    }
}

/// All epochs of these stretches, in their order. The stretches are left without their counts.
pub(super) fn epochs(stretches: &mut [Stretch], choice: Choice) -> Vec<Epoch> {
    let mut epochs: Vec<Epoch> = Vec::new();
    for (at, stretch) in stretches.iter_mut().enumerate() {
        let expired = stretch.notes.iter().map(|note| (note.id.to_string(), note.expired)).collect();
        let rules = (!choice.rules_given).then(|| InForce { files: stretch.rules.clone(), expired });
        let gates = (!choice.policy_given).then(|| Conditions::of(&stretch.policy));
        for of in std::mem::take(&mut stretch.builds).epochs() {
            let key = Key { build: of.build.clone(), rules: rules.clone(), gates: gates.clone() };
            let note = EpochNote { rules: mark(&stretch.rules), policy: stretch.facts.policy.clone(), ..of.note() };
            let piece = Piece { stretch: at, of };
            match epochs.last_mut() {
                Some(last) if last.key == key => {
                    join(&mut last.note, note);
                    last.pieces.push(piece);
                }
                _ => epochs.push(Epoch { key, pieces: vec![piece], note }),
            }
        }
    }
    epochs
}

fn join(there: &mut EpochNote, more: EpochNote) {
    there.first = [there.first.take(), more.first].into_iter().flatten().min();
    there.last = there.last.take().max(more.last);
    there.exchanges += more.exchanges;
    there.compared += more.compared;
    there.mismatched += more.mismatched;
}

/// What is told of them; nothing where there is one only.
pub(super) fn notes(epochs: &[Epoch]) -> Vec<EpochNote> {
    if epochs.len() < 2 {
        return Vec::new();
    }
    let numbered = |(at, epoch): (usize, &Epoch)| EpochNote { number: at as u64 + 1, ..epoch.note.clone() };
    epochs.iter().enumerate().map(numbered).collect()
}

/// The books of one of them.
pub(super) fn books(epochs: &[Epoch], at: usize) -> EpochBooks {
    let Some(epoch) = epochs.get(at) else { return EpochBooks::default() };
    let sum =
        |of: fn(&BuildEpoch) -> u64| epoch.pieces.iter().fold(0_u64, |sum, piece| sum.saturating_add(of(&piece.of)));
    EpochBooks {
        build: epoch.key.build.as_deref().map(str::to_owned),
        number: at as u64 + 1,
        of: epochs.len() as u64,
        answers: sum(|of| of.answers),
        out_of_turn: sum(|of| of.out_of_turn),
        past_bound: sum(|of| of.past_bound),
    }
}

/// What stands for a set of rules: the beginning of a digest of its files' digests.
fn mark(rules: &[String]) -> String {
    digest(&rules.join(" ")).chars().take(SHOWN_DIGEST).collect()
}

/// The evidence of a run about the latest build that has answered, with what is told of its epochs, where there are
/// several: not their rules and policy, which are the run's.
pub fn latest(builds: Builds, endpoints: &[Endpoint], ledger: &Ledger) -> (Snapshot, Vec<EpochNote>) {
    let over_time = builds.over_time(endpoints);
    let pieces = builds.epochs().into_iter().map(|of| Epoch {
        key: Key { build: of.build.clone(), rules: None, gates: None },
        note: of.note(),
        pieces: vec![Piece { stretch: 0, of }],
    });
    let mut epochs: Vec<Epoch> = pieces.collect();
    let (notes, books) = (notes(&epochs), books(&epochs, epochs.len().saturating_sub(1)));
    let latest = epochs.pop().and_then(|mut epoch| epoch.pieces.pop());
    let tally = latest.map(|piece| piece.of.tally).unwrap_or_default();
    let mut snapshot = tally.snapshot(endpoints, ledger.wire.clone(), ledger.capture.clone());
    snapshot.ledger.losses.clone_from(&ledger.losses);
    snapshot.ledger.elsewhere = epochs.iter().map(|epoch| epoch.note.exchanges).sum();
    snapshot.epoch = books;
    snapshot.show_over_time(&over_time);
    (snapshot, notes)
}

/// What all builds of a run have come to together, for figures that only grow; None where there is one only.
pub fn together(builds: &Builds, endpoints: &[Endpoint], ledger: &Ledger) -> Option<Snapshot> {
    let tally = builds.together()?;
    let mut snapshot = tally.snapshot(endpoints, WireBooks::default(), CaptureBooks::default());
    snapshot.ledger.losses.clone_from(&ledger.losses);
    Some(snapshot)
}

/// The rules of a run as its epochs name them.
pub fn rules_mark(rules: &[(String, String)]) -> String {
    mark(&rules.iter().map(|(_, text)| digest(text)).collect::<Vec<_>>())
}

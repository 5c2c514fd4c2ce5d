//! Stretches of one run or of several, put together to one body of evidence.
//!
//! Endpoint numbers are each stretch's own, so the endpoints themselves are what is united. Positions in the source go
//! on where the stretch before ended. Counts and histograms add up exactly; groups of differences too, as long as there
//! are not more of them than the bound.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::exchange::{Endpoint, RuleNote, RunFacts, Timestamp};
use crate::ledger::{Ledger, StoreBooks};
use crate::tally::{OTHER, RunOverTime, Snapshot, Tally};

use super::epochs::{Choice, Piece, books, epochs, notes};
use super::read::{Stretch, read};
use super::{Policy, StoreError};

/// The pace of a line that is listened to: no moment of it comes again.
const LIVE: &str = "live";
/// Captures that are named of a run that was put together.
const MAX_SOURCES: usize = 100;

/// The evidence of a run: what `judge` and `report` need.
#[derive(Debug, Default)]
pub struct Run {
    /// Everything that was counted.
    pub snapshot: Snapshot,
    /// How it was made; the stretches are in it where there are several.
    pub facts: RunFacts,
    /// Whether the latest stretch of each file has come to its end. One that has not goes on, or was killed.
    pub ended: bool,
    /// The policies in force, each once, the latest last.
    pub policies: Vec<Policy>,
    /// What the rules in force say of themselves.
    pub notes: Vec<RuleNote>,
    /// The rule files in force: name and text, in order.
    pub rules: Vec<(String, String)>,
    /// All rules that were in force, each set once, the latest last: several where other rules are to be asked.
    pub rules_before: Vec<RulesInForce>,
}

/// Rules that were in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulesInForce {
    /// Name and text of each file, in order.
    pub texts: Vec<(String, String)>,
    /// When the stretch began, RFC 3339: rules that had expired by then were not applied.
    pub on: String,
}

/// The evidence of these run files together.
///
/// # Errors
/// As for [`read`] and [`unite`].
pub fn load(paths: &[PathBuf]) -> Result<Run, StoreError> {
    unite(read(paths)?)
}

/// The evidence of the one stretch with that place in the order of their start, from 1.
///
/// # Errors
/// [`StoreError::NoStretch`].
pub fn only(stretches: Vec<Stretch>, wanted: usize) -> Result<Run, StoreError> {
    unite(one_of(stretches, wanted)?)
}

/// The one stretch with that place.
///
/// # Errors
/// [`StoreError::NoStretch`].
pub fn one_of(mut stretches: Vec<Stretch>, wanted: usize) -> Result<Vec<Stretch>, StoreError> {
    let found = stretches.len();
    if wanted == 0 || wanted > found {
        return Err(StoreError::NoStretch { wanted, found: there(found) });
    }
    Ok(vec![stretches.swap_remove(wanted - 1)])
}

fn there(found: usize) -> String {
    if found == 1 { "1 is".to_owned() } else { format!("{found} are") }
}

/// The stretches that are evidence of the same as the latest: what a process that has just ended its own can put
/// together with those before it.
pub fn like_the_latest(mut stretches: Vec<Stretch>) -> Vec<Stretch> {
    let Some(latest) = stretches.pop() else { return stretches };
    stretches.retain(|stretch| differ_in(stretch, &latest).is_none());
    stretches.push(latest);
    stretches
}

/// Puts stretches together that are evidence of the same: the same candidate, the same legacy. Of their epochs the latest.
///
/// # Errors
/// [`StoreError::Mixed`].
pub fn unite(stretches: Vec<Stretch>) -> Result<Run, StoreError> {
    chosen(stretches, Choice::default())
}

/// As [`unite`], with the epoch that is chosen.
///
/// # Errors
/// [`StoreError::Mixed`], [`StoreError::NoEpoch`].
pub fn chosen(mut stretches: Vec<Stretch>, choice: Choice) -> Result<Run, StoreError> {
    in_order(&mut stretches)?;
    same_subject(&stretches)?;
    let ended = ended(&stretches);
    let mut over_time = RunOverTime::default();
    stretches.iter().for_each(|stretch| over_time.merge(&stretch.builds.over_time(&stretch.endpoints)));
    let mut all = epochs(&mut stretches, choice);
    let found = all.len();
    let at = match choice.epoch {
        None => found.saturating_sub(1),
        Some(wanted) if (1..=found).contains(&wanted) => wanted - 1,
        Some(wanted) => return Err(StoreError::NoEpoch { wanted, found: there(found) }),
    };
    let (notes_of_all, books) = (notes(&all), books(&all, at));
    // A stretch's interrupted exchanges were under way at its end, when its last build was in force.
    let last_of: BTreeMap<usize, usize> = all
        .iter()
        .enumerate()
        .flat_map(|(n, epoch)| epoch.pieces.iter().map(move |piece| (piece.stretch, n)))
        .collect();
    let mut elsewhere: BTreeMap<usize, u64> = BTreeMap::new();
    for piece in all.iter().enumerate().filter(|(n, _)| *n != at).flat_map(|(_, epoch)| &epoch.pieces) {
        *elsewhere.entry(piece.stretch).or_default() += piece.of.tally.exchanges();
    }
    let pieces = if found == 0 { Vec::new() } else { all.swap_remove(at).pieces };
    let mut run = of_pieces(stretches, pieces, &elsewhere, |stretch| last_of.get(&stretch) == Some(&at));
    run.snapshot.epoch = books;
    run.snapshot.show_over_time(&over_time);
    run.facts.epochs = notes_of_all;
    run.ended = ended;
    Ok(run)
}

/// Of stretches in the order of their start.
fn ended(stretches: &[Stretch]) -> bool {
    let latest: BTreeMap<&str, bool> =
        stretches.iter().map(|stretch| (stretch.note.file.as_str(), stretch.note.finished)).collect();
    latest.into_values().all(|finished| finished)
}

/// The evidence of these pieces; of the stretches, those that have one.
fn of_pieces(
    stretches: Vec<Stretch>,
    pieces: Vec<Piece>,
    elsewhere: &BTreeMap<usize, u64>,
    ends_here: impl Fn(usize) -> bool,
) -> Run {
    let mut by_stretch: BTreeMap<usize, Vec<Piece>> = BTreeMap::new();
    for piece in pieces {
        by_stretch.entry(piece.stretch).or_default().push(piece);
    }
    let involved: Vec<(usize, Stretch)> =
        stretches.into_iter().enumerate().filter(|(at, _)| by_stretch.contains_key(at)).collect();
    let facts = facts_of(&involved.iter().map(|(_, stretch)| stretch).collect::<Vec<_>>());
    let repeated = repeated(&involved, &by_stretch);
    let mut run = Run { facts, ..Run::default() };
    let (mut tally, mut ledger) = (Tally::new(), Ledger::default());
    let mut numbers: BTreeMap<Endpoint, u32> = BTreeMap::new();
    let (mut offset, mut interrupted) = (0_u64, 0_u64);
    for (at, stretch) in involved {
        let policy = Policy { file: stretch.facts.policy.clone(), text: stretch.policy };
        run.policies.retain(|known| *known != policy);
        run.policies.push(policy);
        run.notes = stretch.notes;
        run.rules.clone_from(&stretch.rule_texts);
        let rules = RulesInForce { texts: stretch.rule_texts, on: stretch.facts.started.clone() };
        run.rules_before.retain(|known| known.texts != rules.texts);
        run.rules_before.push(rules);
        let numbers_of_it = united(&stretch.endpoints, &mut numbers);
        let number = |number: u32| numbers_of_it.get(number as usize).or(numbers_of_it.last()).copied().unwrap_or(0);
        for piece in by_stretch.remove(&at).unwrap_or_default() {
            tally.merge(piece.of.tally.renumbered(number, offset));
        }
        offset = offset.saturating_add(stretch.note.exchanges.max(stretch.ledger.wire.requests_paired));
        let of_others = elsewhere.get(&at).copied().unwrap_or(0);
        ledger.elsewhere = ledger.elsewhere.saturating_add(of_others);
        let under_way = stretch.note.interrupted;
        let counted = if ends_here(at) { &mut interrupted } else { &mut ledger.elsewhere };
        *counted = counted.saturating_add(under_way);
        ledger.merge(&stretch.ledger);
    }
    let mut endpoints = vec![other(); numbers.len()];
    for (endpoint, number) in numbers {
        endpoints[number as usize] = endpoint;
    }
    let mut snapshot = tally.snapshot(&endpoints, ledger.wire, ledger.capture);
    snapshot.ledger.store = ledger.store.map(|books| StoreBooks { repeated, ..books });
    snapshot.ledger.losses = ledger.losses;
    snapshot.ledger.elsewhere = ledger.elsewhere;
    if let Some(books) = &mut snapshot.ledger.shadow {
        books.interrupted = interrupted;
        books.exchanges = books.exchanges.saturating_add(interrupted);
    }
    run.snapshot = snapshot;
    run
}

/// By their start; where two started at the same instant, by their file. The same stretch twice would count twice.
pub(super) fn in_order(stretches: &mut [Stretch]) -> Result<(), StoreError> {
    stretches.sort_by(|a, b| (a.identity, &a.file).cmp(&(b.identity, &b.file)));
    match stretches.windows(2).find(|pair| pair[0].identity == pair[1].identity) {
        None => Ok(()),
        Some(pair) => Err(StoreError::Twice {
            began: Timestamp(pair[0].identity.0).to_string(),
            first: pair[0].file.clone(),
            second: pair[1].file.clone(),
        }),
    }
}

fn same_subject(stretches: &[Stretch]) -> Result<(), StoreError> {
    let Some(first) = stretches.first() else { return Ok(()) };
    let in_words = |at: usize, stretch: &Stretch| {
        format!(
            "stretch {at} ({}, from {})",
            stretch.file.display(),
            Timestamp(stretch.identity.0 / 1_000_000_000 * 1_000_000_000)
        )
    };
    for (at, other) in stretches.iter().enumerate() {
        let Some(what) = differ_in(first, other) else { continue };
        return Err(StoreError::Mixed {
            first: in_words(1, first),
            second: in_words(at + 1, other),
            what,
            first_number: 1,
            second_number: at + 1,
        });
    }
    Ok(())
}

/// In what way they are evidence of different things.
fn differ_in(first: &Stretch, other: &Stretch) -> Option<String> {
    if other.facts.candidate != first.facts.candidate {
        return Some(format!("their candidate ({} and {})", first.facts.candidate, other.facts.candidate));
    }
    if other.facts.legacy != first.facts.legacy {
        let name = |facts: &RunFacts| facts.legacy.clone().unwrap_or_else(|| "none".to_owned());
        return Some(format!("their live legacy ({} and {})", name(&first.facts), name(&other.facts)));
    }
    None
}

/// How many exchanges of recorded traffic are there more than once: a replay that is continued begins its captures
/// anew. Recorded traffic that begins at the same nanosecond is the same.
fn repeated(stretches: &[(usize, Stretch)], pieces: &BTreeMap<usize, Vec<Piece>>) -> u64 {
    let mut known: BTreeMap<Timestamp, u64> = BTreeMap::new();
    let mut twice = 0_u64;
    for (at, _) in stretches.iter().filter(|(_, stretch)| stretch.facts.pace != LIVE) {
        let of_it = pieces.get(at).into_iter().flatten();
        let (mut first, mut asked) = (None, 0);
        for piece in of_it {
            first = [first, piece.of.tally.first].into_iter().flatten().min();
            asked += piece.of.tally.exchanges();
        }
        let Some(first) = first else { continue };
        let most = known.entry(first).or_default();
        twice = twice.saturating_add(asked.min(*most));
        *most = asked.max(*most);
    }
    twice
}

/// The numbers that a stretch's endpoints have in the whole; the last is the one of what it has no name for.
fn united(endpoints: &[Endpoint], numbers: &mut BTreeMap<Endpoint, u32>) -> Vec<u32> {
    let unnamed = other();
    let mut number = |endpoint: &Endpoint| {
        let next = numbers.len() as u32;
        *numbers.entry(endpoint.clone()).or_insert(next)
    };
    endpoints.iter().chain([&unnamed]).map(&mut number).collect()
}

fn other() -> Endpoint {
    Endpoint { method: OTHER.into(), template: OTHER.into() }
}

/// How the whole was made: as the last stretch was, from the start of the first.
fn facts_of(stretches: &[&Stretch]) -> RunFacts {
    let (Some(first), Some(last)) = (stretches.first(), stretches.last()) else { return RunFacts::default() };
    let mut facts = last.facts.clone();
    facts.started.clone_from(&first.facts.started);
    facts.sources.clear();
    for source in stretches.iter().flat_map(|stretch| &stretch.facts.sources) {
        if facts.sources.len() < MAX_SOURCES && !facts.sources.contains(source) {
            facts.sources.push(source.clone());
        }
    }
    let killed = stretches.iter().filter(|stretch| !stretch.note.finished).count();
    if !last.note.finished {
        facts.finished.clone_from(&last.note.last_written);
    }
    if killed > 0 && stretches.len() == 1 {
        facts.stopped_early = Some(format!("killed, or still running; last written at {}", last.note.last_written));
    } else if facts.stopped_early.is_none() {
        facts.stopped_early = stretches.iter().find_map(|stretch| stretch.facts.stopped_early.clone());
    }
    facts.stretches = if stretches.len() > 1 { stretches.iter().map(|s| s.note.clone()).collect() } else { Vec::new() };
    facts
}

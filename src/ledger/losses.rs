//! Where exchanges are lost: by endpoint and size, so that a loss that prefers one kind of exchange is seen.
//!
//! A capture that drops packets loses large answers first, and a candidate may well be wrong only there. So what came
//! whole is counted beside what did not, in the same classes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Counts;
use crate::exchange::{Endpoint, Exchange, Incomplete, Request};

crate::exchange::reasons! {
    /// How large the bodies of an exchange are together: as far as they were seen, or as their heads announce.
    SizeClass {
        /// Up to 1 KiB.
        UpTo1K = "up to 1 KiB",
        /// Up to 8 KiB.
        UpTo8K = "1 to 8 KiB",
        /// Up to 64 KiB.
        UpTo64K = "8 to 64 KiB",
        /// Up to 1 MiB.
        UpTo1M = "64 KiB to 1 MiB",
        /// More.
        Larger = "over 1 MiB",
        /// The answer was not seen and the size is not known.
        Unknown = "size not seen",
    }
}

impl SizeClass {
    /// The class of that many bytes of bodies.
    pub fn of_bytes(bytes: u64) -> SizeClass {
        match bytes {
            0..=0x400 => SizeClass::UpTo1K,
            0x401..=0x2000 => SizeClass::UpTo8K,
            0x2001..=0x1_0000 => SizeClass::UpTo64K,
            0x1_0001..=0x10_0000 => SizeClass::UpTo1M,
            _ => SizeClass::Larger,
        }
    }

    /// The class of an exchange. What an answer's head announces counts where less of it was seen.
    pub fn of(exchange: &Exchange) -> SizeClass {
        let Some(response) = &exchange.response else { return SizeClass::Unknown };
        let announced = response.headers.get("content-length").and_then(|text| std::str::from_utf8(text).ok());
        // An answer to HEAD announces what it does not have.
        let head = exchange.request.as_ref().is_some_and(|request| request.method == "HEAD");
        let announced = announced.filter(|_| !head).and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        let asked = exchange.request.as_ref().map_or(0, |request| request.body.length);
        SizeClass::of_bytes(response.body.length.max(announced).saturating_add(asked))
    }
}

/// What became of the exchanges of one class.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Cell {
    complete: u64,
    incomplete: Counts<Incomplete>,
    shed: u64,
}

/// The counts of a run. Bounded: endpoint numbers are, and there are six classes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Losses {
    /// By endpoint number and class. No number: the request was not seen.
    cells: BTreeMap<(Option<u32>, SizeClass), Cell>,
}

/// One line of [`Losses`], resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LossRow {
    /// The endpoint; None where the request was not seen.
    pub endpoint: Option<Endpoint>,
    /// The class of size.
    pub size: SizeClass,
    /// Exchanges that came whole.
    pub complete: u64,
    /// Those that did not, by reason.
    pub incomplete: Counts<Incomplete>,
    /// Of the whole ones, those that we let go because a queue of ours was full.
    pub shed: u64,
}

impl LossRow {
    /// What the capture lost: services that end a connection without an answer lose nothing.
    pub fn lost(&self) -> u64 {
        Incomplete::LOSSES.iter().map(|why| self.incomplete.get(*why)).sum()
    }
}

impl Losses {
    /// Counts one exchange off the wire. `number` is asked only for requests that were seen.
    pub fn count(&mut self, exchange: &Exchange, number: impl FnOnce(&Request) -> u32) {
        let number = exchange.request.as_ref().map(number);
        let cell = self.cells.entry((number, SizeClass::of(exchange))).or_default();
        match exchange.incomplete {
            Some(why) => cell.incomplete.add(why),
            None => cell.complete += 1,
        }
    }

    /// Counts a whole exchange that was let go.
    pub fn shed(&mut self, exchange: &Exchange, number: u32) {
        self.cells.entry((Some(number), SizeClass::of(exchange))).or_default().shed += 1;
    }

    /// The lines under the endpoints that the numbers have become.
    pub fn resolve(&self, endpoints: &[Endpoint]) -> Vec<LossRow> {
        let other = || Endpoint { method: "{other}".into(), template: "{other}".into() };
        let mut rows: Vec<LossRow> = Vec::new();
        for ((number, size), cell) in &self.cells {
            let endpoint = number.map(|n| endpoints.get(n as usize).cloned().unwrap_or_else(other));
            let (complete, incomplete, shed) = (cell.complete, cell.incomplete.clone(), cell.shed);
            rows.push(LossRow { endpoint, size: *size, complete, incomplete, shed });
        }
        joined(rows)
    }
}

/// Lines of the same endpoint and size as one, in the order of their names.
pub(super) fn joined(rows: impl IntoIterator<Item = LossRow>) -> Vec<LossRow> {
    let mut by_name: BTreeMap<(Option<Endpoint>, SizeClass), LossRow> = BTreeMap::new();
    for row in rows {
        match by_name.get_mut(&(row.endpoint.clone(), row.size)) {
            Some(known) => {
                known.complete += row.complete;
                known.incomplete.merge(&row.incomplete);
                known.shed += row.shed;
            }
            None => {
                by_name.insert((row.endpoint.clone(), row.size), row);
            }
        }
    }
    by_name.into_values().collect()
}

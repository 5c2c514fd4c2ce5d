//! Counts by minute and endpoint number, in bounded memory.
//!
//! The minute is the one in which an exchange began, in UTC by the clock of the capture. Who writes the counts down
//! takes them often; where nobody does, or cannot, minutes are put together: to hours, to days, at last all.

use std::collections::BTreeMap;

use crate::exchange::Timestamp;

use super::count::EndpointTally;

/// Past so many counts they are put together.
pub const MAX_CELLS: usize = 4096;
/// Past so many bytes of histograms too.
pub const MAX_CELL_BYTES: usize = 32 << 20;
/// Past so many counts they should be handed over: writing them is some milliseconds' work then.
pub const LARGE_CELLS: usize = 512;
/// Past so many bytes too.
const LARGE_BYTES: usize = 8 << 20;

const NANOS_A_MINUTE: i64 = 60_000_000_000;

/// How many minutes are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Grain {
    #[default]
    Minute,
    Hour,
    Day,
    All,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Cells {
    /// Minutes since the Unix epoch, and numbers.
    cells: BTreeMap<(i64, u32), EndpointTally>,
    grain: Grain,
    /// What the histograms take.
    bytes: usize,
    /// How many counts were put together with others.
    pub(crate) coarsened: u64,
}

impl Cells {
    /// Lets `count` at the cell of that time and number. What has no time is of the minute 0.
    pub(super) fn count(&mut self, at: Option<Timestamp>, number: u32, count: impl FnOnce(&mut EndpointTally)) {
        let minute = self.minute(at.map_or(0, |at| at.0.div_euclid(NANOS_A_MINUTE)));
        let cell = self.cells.entry((minute, number)).or_default();
        let before = cell.heap();
        count(cell);
        self.bytes += cell.heap() - before;
        self.bound();
    }

    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }

    pub(super) fn are_large(&self) -> bool {
        self.cells.len() >= LARGE_CELLS || self.bytes >= LARGE_BYTES
    }

    /// By minute and number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = ((i64, u32), &EndpointTally)> {
        self.cells.iter().map(|(key, cell)| (*key, cell))
    }

    /// Puts one in beside what is there.
    pub(crate) fn add(&mut self, (minute, number): (i64, u32), cell: EndpointTally) {
        let minute = self.minute(minute);
        let there = self.cells.entry((minute, number)).or_default();
        let before = there.heap();
        there.merge(cell);
        // Merging small ones into a histogram may free more than it takes.
        self.bytes = (self.bytes + there.heap()).saturating_sub(before);
    }

    pub(super) fn merge(&mut self, other: Cells) {
        self.grain = self.grain.max(other.grain);
        self.coarsened += other.coarsened;
        for (key, cell) in other.cells {
            self.add(key, cell);
        }
        self.bound();
    }

    /// The same counts under other numbers.
    pub(super) fn renumbered(self, number: impl Fn(u32) -> u32, moved: impl Fn(u64) -> u64) -> Cells {
        let mut cells = Cells { grain: self.grain, coarsened: self.coarsened, ..Cells::default() };
        for ((minute, was), mut cell) in self.cells {
            cell.failure_samples.values_mut().for_each(|sample| sample.sequence = moved(sample.sequence));
            cells.add((minute, number(was)), cell);
        }
        cells
    }

    /// The last minute of those that are counted under this one.
    pub(super) fn last_of(&self, minute: i64) -> i64 {
        match self.grain {
            Grain::Minute => minute,
            Grain::Hour => minute.saturating_add(59),
            Grain::Day => minute.saturating_add(24 * 60 - 1),
            Grain::All => i64::MAX,
        }
    }

    /// By minute and number.
    pub(super) fn into_iter(self) -> impl Iterator<Item = ((i64, u32), EndpointTally)> {
        self.cells.into_iter()
    }

    /// All minutes together.
    pub(super) fn into_endpoints(self) -> BTreeMap<u32, EndpointTally> {
        let mut endpoints: BTreeMap<u32, EndpointTally> = BTreeMap::new();
        for ((_, number), cell) in self.cells {
            endpoints.entry(number).or_default().merge(cell);
        }
        endpoints
    }

    fn bound(&mut self) {
        while (self.cells.len() > MAX_CELLS || self.bytes > MAX_CELL_BYTES) && self.coarsen() {}
    }

    pub(super) fn coarsen(&mut self) -> bool {
        self.grain = match self.grain {
            Grain::Minute => Grain::Hour,
            Grain::Hour => Grain::Day,
            Grain::Day => Grain::All,
            Grain::All => return false,
        };
        let before = self.cells.len();
        self.bytes = 0;
        for (key, cell) in std::mem::take(&mut self.cells) {
            self.add(key, cell);
        }
        self.coarsened += (before - self.cells.len()) as u64;
        true
    }

    /// The minute under which a minute is counted. Where all are one, that is the first that was met.
    fn minute(&self, minute: i64) -> i64 {
        let width = match self.grain {
            Grain::Minute => return minute,
            Grain::Hour => 60,
            Grain::Day => 24 * 60,
            Grain::All => return self.cells.keys().next().map_or(minute, |(first, _)| *first),
        };
        minute - minute.rem_euclid(width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Option<Timestamp> {
        Some(Timestamp(minute * NANOS_A_MINUTE + 59_999_999_999))
    }

    fn one(cell: &mut EndpointTally) {
        cell.books.exchanges += 1;
    }

    fn shown(cells: &Cells) -> Vec<(i64, u32, u64)> {
        cells.iter().map(|((minute, number), cell)| (minute, number, cell.books.exchanges)).collect()
    }

    #[test]
    fn each_minute_and_number_is_counted_by_itself() {
        let mut cells = Cells::default();
        for (minute, number) in [(7, 0), (7, 1), (8, 0), (-1, 0), (7, 0)] {
            cells.count(at(minute), number, one);
        }
        cells.count(None, 3, one);
        assert_eq!(shown(&cells), [(-1, 0, 1), (0, 3, 1), (7, 0, 2), (7, 1, 1), (8, 0, 1)]);
    }

    #[test]
    fn minutes_are_put_together_step_by_step_and_it_is_counted() {
        let mut cells = Cells::default();
        for minute in [0, 59, 60, 1439, 1440, 9000] {
            cells.count(at(minute), 5, one);
        }
        assert!(cells.coarsen());
        assert_eq!(shown(&cells), [(0, 5, 2), (60, 5, 1), (1380, 5, 1), (1440, 5, 1), (9000, 5, 1)]);
        cells.count(at(119), 5, one);
        assert_eq!(shown(&cells)[1], (60, 5, 2));
        assert!(cells.coarsen());
        assert_eq!(shown(&cells), [(0, 5, 5), (1440, 5, 1), (8640, 5, 1)]);
        assert!(cells.coarsen() && !cells.coarsen());
        cells.count(at(77_777), 5, one);
        assert_eq!(shown(&cells), [(0, 5, 8)]);
        assert_eq!(cells.coarsened, 1 + 2 + 2);
    }

    #[test]
    fn past_the_bounds_it_happens_by_itself_and_nothing_is_lost() {
        let mut cells = Cells::default();
        for minute in 0..3 * MAX_CELLS as i64 {
            cells.count(at(minute), (minute % 3) as u32, one);
            assert!(cells.len() <= MAX_CELLS);
        }
        assert!(cells.coarsened > 0);
        assert_eq!(cells.iter().map(|(_, cell)| cell.books.exchanges).sum::<u64>(), 3 * MAX_CELLS as u64);

        let mut cells = Cells::default();
        let mut counted = 0;
        for minute in 0..2000 {
            cells.count(at(minute), 0, |cell| {
                for value in 0..1000 {
                    cell.legacy.record(std::time::Duration::from_micros(value * value), false);
                    counted += 1;
                }
            });
            assert!(cells.bytes <= MAX_CELL_BYTES);
        }
        assert!(cells.coarsened > 0);
        let there: u64 = cells.iter().map(|(_, cell)| cell.legacy.snapshot().count).sum();
        assert_eq!(there, counted);
        let bytes: usize = cells.iter().map(|(_, cell)| cell.heap()).sum();
        assert_eq!(cells.bytes, bytes, "the sum is kept up");
    }
}

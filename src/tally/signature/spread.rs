//! How the exchanges of one signature lie on days and on clients: what is needed where other rules make mismatches of them,
//! or none.
//!
//! Clients fall into few groups only, random parts of them (as in `clients.rs`, whose groups these are, put together):
//! what the spread between groups says of the spread between clients is less sharp, and the bound wider, but not wrong.

use std::collections::BTreeMap;

use crate::exchange::Timestamp;

use super::super::clients::CLIENT_GROUPS;

/// Groups that clients fall into.
pub const SPREAD_GROUPS: u16 = 32;
/// Days that are told apart: the latest. Those before are put together.
pub const MAX_SPREAD_DAYS: usize = 31;
/// Stands for the days before those that are told apart, and for what has no time.
pub const EARLIER: i64 = i64::MIN;

const NANOS_A_DAY: i64 = 86_400_000_000_000;

/// Exchanges by days since 1970-01-01 (UTC) and group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Spread(BTreeMap<(i64, u16), u64>);

impl Spread {
    pub(super) fn count(&mut self, at: Option<Timestamp>, group: u16) {
        let day = at.map_or(EARLIER, |at| at.0.div_euclid(NANOS_A_DAY));
        self.add(day, group / (CLIENT_GROUPS / SPREAD_GROUPS), 1);
    }

    pub(crate) fn add(&mut self, day: i64, group: u16, exchanges: u64) {
        let new = self.0.range((day, 0)..=(day, u16::MAX)).next().is_none();
        *self.0.entry((day, group)).or_default() += exchanges;
        if new {
            self.bound();
        }
    }

    pub(super) fn merge(&mut self, other: Spread) {
        for ((day, group), exchanges) in other.0 {
            self.add(day, group, exchanges);
        }
    }

    /// By day and group.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (i64, u16, u64)> {
        self.0.iter().map(|((day, group), exchanges)| (*day, *group, *exchanges))
    }

    fn bound(&mut self) {
        let mut days: Vec<i64> = self.0.keys().map(|(day, _)| *day).filter(|day| *day != EARLIER).collect();
        days.dedup();
        let past = days.len().saturating_sub(MAX_SPREAD_DAYS);
        for day in days.into_iter().take(past) {
            let of_it: Vec<_> = self.0.range((day, 0)..=(day, u16::MAX)).map(|(key, n)| (*key, *n)).collect();
            for (key, exchanges) in of_it {
                self.0.remove(&key);
                *self.0.entry((EARLIER, key.1)).or_default() += exchanges;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_days_are_told_apart_whatever_the_order() {
        let days: Vec<i64> = (0..100).map(|n| (n * 37) % 100).collect();
        let counted = |days: &[i64]| {
            let mut spread = Spread::default();
            for day in days {
                spread.count(Some(Timestamp(day * NANOS_A_DAY + 5)), (day % 3 * 1000) as u16);
            }
            spread
        };
        let together = counted(&days);
        let mut merged = counted(&days[60..]);
        merged.merge(counted(&days[..60]));
        assert_eq!(merged, together);
        let earlier: u64 = together.iter().filter(|(day, ..)| *day == EARLIER).map(|(.., n)| n).sum();
        assert_eq!((earlier, together.iter().map(|(.., n)| n).sum::<u64>()), (69, 100));
        assert!(together.iter().all(|(day, group, _)| (day == EARLIER || day >= 69) && group < SPREAD_GROUPS));
    }
}

//! Choices that look random and are the same every time.

use std::collections::BTreeMap;

use crate::exchange::Specimen;

use super::FaultKind;

/// SplitMix64 (Steele, Lea and Flood 2014): short, and the same on every machine.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    /// For one kind of fault in one specimen. The seed is what the specimen is called and where it stood in the source,
    /// which stay the same when its secrets are taken out of it.
    pub(super) fn of(specimen: &Specimen, kind: FaultKind) -> Dice {
        let text = specimen.endpoint.to_string();
        Dice(fnv(fnv(specimen.observation.sequence, text.as_bytes()), kind.as_str().as_bytes()))
    }

    /// Below `n`; zero where `n` is. The bias of the remainder is below 2^-32 for all that is chosen here.
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z % (n.max(1) as u64)) as usize
    }

    /// Positions in `groups`, at most `most`: one of each group before any has its second. So a field that stands once in
    /// an answer is as likely as one that stands in each of a hundred elements.
    pub(super) fn spread(&mut self, groups: &[u64], most: usize) -> Vec<usize> {
        let mut members: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (at, group) in groups.iter().enumerate() {
            members.entry(*group).or_default().push(at);
        }
        let mut order: Vec<Vec<usize>> = members.into_values().collect();
        for end in (1..order.len()).rev() {
            let other = self.below(end + 1);
            order.swap(end, other);
        }
        let mut chosen = Vec::new();
        while chosen.len() < most && !order.is_empty() {
            for group in &mut order {
                if chosen.len() < most {
                    let at = self.below(group.len());
                    chosen.push(group.swap_remove(at));
                }
            }
            order.retain(|group| !group.is_empty());
        }
        chosen
    }
}

/// FNV-1a, 64 bits, from a beginning: the same on every machine, which the standard hashers do not promise.
pub(super) fn fnv(begin: u64, text: &[u8]) -> u64 {
    let basis = 0xcbf2_9ce4_8422_2325 ^ begin;
    text.iter().fold(basis, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_comes_before_any_comes_twice_and_nothing_comes_twice() {
        let groups = [1, 1, 1, 1, 1, 2, 3, 3];
        for seed in 0..200 {
            let chosen = Dice(seed).spread(&groups, 8);
            let mut first: Vec<u64> = chosen.iter().take(3).map(|at| groups[*at]).collect();
            first.sort_unstable();
            assert_eq!(first, [1, 2, 3]);
            let mut all = chosen.clone();
            all.sort_unstable();
            assert_eq!(all, [0, 1, 2, 3, 4, 5, 6, 7]);
            assert_eq!(Dice(seed).spread(&groups, 4), chosen[..4]);
        }
        assert!(Dice(1).spread(&[], 4).is_empty());
    }

    #[test]
    fn every_place_is_chosen_by_some_seed() {
        let groups = [7; 12];
        let mut seen = std::collections::BTreeSet::new();
        (0..400).for_each(|seed| seen.extend(Dice(seed).spread(&groups, 1)));
        assert_eq!(seen.len(), groups.len());
    }
}

//! Which elements of two sequences correspond, given a hash of each: a longest common subsequence, at bounded cost.

use rustc_hash::FxHashMap;

/// Where each hash occurs.
type Places = FxHashMap<u64, Vec<usize>>;

/// Pairs of positions, both rising, of elements that have equal hashes: as many as there can be, unless finding them
/// would fill more cells than `budget` has left. Then, and only where elements repeat, there may be fewer, and the
/// second value is true.
pub(super) fn common(left: &[u64], right: &[u64], budget: &mut usize) -> (Vec<(usize, usize)>, bool) {
    let (left_places, right_places) = (places(left), places(right));
    let left: Vec<(usize, u64)> = shared(left, &right_places);
    let right: Vec<(usize, u64)> = shared(right, &left_places);
    let repeats =
        [(&left, &left_places), (&right, &right_places)].iter().any(|(kept, all)| kept.len() > distinct(kept, all));
    if repeats {
        let cells = (left.len() + 1).saturating_mul(right.len() + 1);
        if cells <= *budget && left.len().min(right.len()) < usize::from(u16::MAX) {
            *budget -= cells;
            return (by_table(&left, &right), false);
        }
    }
    // The k-th of a kind is paired with the k-th; of these pairs as many as rise stay. Exact where nothing repeats.
    let mut pairs = Vec::with_capacity(left.len().min(right.len()));
    for (hash, at) in &left_places {
        if let Some(there) = right_places.get(hash) {
            pairs.extend(at.iter().copied().zip(there.iter().copied()));
        }
    }
    pairs.sort_unstable();
    (longest_rising(&pairs), repeats)
}

fn places(hashes: &[u64]) -> Places {
    let mut places = Places::default();
    for (at, hash) in hashes.iter().enumerate() {
        places.entry(*hash).or_default().push(at);
    }
    places
}

/// The elements that the other side has too: no other can be part of what is common.
fn shared(hashes: &[u64], other: &Places) -> Vec<(usize, u64)> {
    hashes.iter().copied().enumerate().filter(|(_, hash)| other.contains_key(hash)).collect()
}

fn distinct(kept: &[(usize, u64)], all: &Places) -> usize {
    kept.iter().filter(|(at, hash)| all.get(hash).and_then(|places| places.first()) == Some(at)).count()
}

/// The textbook table: `length[i][j]` is the most that the sequences from i and from j on have in common.
fn by_table(left: &[(usize, u64)], right: &[(usize, u64)]) -> Vec<(usize, usize)> {
    let width = right.len() + 1;
    let mut length = vec![0u16; width * (left.len() + 1)];
    for i in (0..left.len()).rev() {
        for j in (0..right.len()).rev() {
            length[i * width + j] = if left[i].1 == right[j].1 {
                length[(i + 1) * width + j + 1] + 1
            } else {
                length[(i + 1) * width + j].max(length[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < left.len() && j < right.len() {
        if left[i].1 == right[j].1 {
            pairs.push((left[i].0, right[j].0));
            (i, j) = (i + 1, j + 1);
        } else if length[(i + 1) * width + j] >= length[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

/// Of pairs that rise in their first place, the most that rise in their second one too (patience sorting).
fn longest_rising(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut tops: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (index, (_, second)) in pairs.iter().enumerate() {
        let pile = tops.partition_point(|top| pairs[*top].1 < *second);
        before.push(pile.checked_sub(1).map(|pile| tops[pile]));
        match tops.get_mut(pile) {
            Some(top) => *top = index,
            None => tops.push(index),
        }
    }
    let mut chosen: Vec<(usize, usize)> = Vec::with_capacity(tops.len());
    let mut at = tops.last().copied();
    while let Some(index) = at {
        chosen.push(pairs[index]);
        at = before[index];
    }
    chosen.reverse();
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(text: &str) -> Vec<u64> {
        text.bytes().map(u64::from).collect()
    }

    fn length(left: &str, right: &str, mut budget: usize) -> (usize, bool) {
        let (left, right) = (hashes(left), hashes(right));
        let (pairs, coarse) = common(&left, &right, &mut budget);
        assert!(pairs.iter().all(|(i, j)| left[*i] == right[*j]));
        assert!(pairs.windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 < w[1].1));
        (pairs.len(), coarse)
    }

    #[test]
    fn as_much_as_possible_is_common() {
        for (left, right, expected) in [
            ("abcdef", "abXcdef", 6),
            ("abcdef", "fabcde", 5),
            ("abcabba", "cbabac", 4),
            ("aaaa", "aa", 2),
            ("xyz", "abc", 0),
            ("", "abc", 0),
            ("abcd", "badc", 2),
        ] {
            assert_eq!(length(left, right, 1 << 20), (expected, false), "{left} {right}");
        }
    }

    #[test]
    fn without_budget_only_repeating_elements_are_aligned_coarsely_and_it_is_said() {
        assert_eq!(length("abcdef", "fabcde", 0), (5, false));
        let (found, coarse) = length("abcabba", "cbabac", 10);
        assert!(found >= 2 && coarse);
    }

    #[test]
    fn the_budget_is_used_up_by_the_cells() {
        let mut budget = 100;
        common(&hashes("aab"), &hashes("aba"), &mut budget);
        assert_eq!(budget, 100 - 16);
    }
}

//! Numbers that look random and are the same every time: the shop's data and service times are made of them.

/// A well-mixed number for a text: FNV-1a, then the finaliser of SplitMix64.
pub(super) fn hash(text: &str) -> u64 {
    mix(text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)))
}

/// A number from 0 (included) to 1 (excluded) for a text.
pub(super) fn share(text: &str) -> f64 {
    (hash(text) >> 11) as f64 / (1u64 << 53) as f64
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A sequence of throws (SplitMix64), begun from a name.
pub(super) struct Dice(u64);

impl Dice {
    /// The sequence that belongs to `name` and `number`.
    pub(super) fn new(name: &str, number: u32) -> Dice {
        Dice(hash(name) ^ u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number from 0 (included) to `bound` (excluded); 0 where `bound` is 0.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        (self.throw() % u64::from(bound.max(1))) as u32
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// One of `choices`, which must not be empty.
    pub(super) fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len() as u32) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_gives_the_same_throws_and_another_name_others() {
        let throws = |name| (0..8).map(|n| Dice::new(name, n).below(1000)).collect::<Vec<_>>();
        assert_eq!(throws("order"), throws("order"));
        assert_ne!(throws("order"), throws("product"));
    }

    #[test]
    fn shares_are_spread_evenly() {
        let low = (0..10_000).filter(|n| share(&format!("/products/{n}")) < 0.02).count();
        assert!((150..=250).contains(&low), "{low} of 10,000 below 2 %");
    }
}

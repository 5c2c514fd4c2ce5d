//! How well a feature separates two groups of exchanges, and whether chance does as well.

use statrs::function::factorial::ln_binomial;

/// A two-by-two table: exchanges with the difference and without it, and those of each that have the feature. Whole
/// numbers; of weighted exchanges the effective ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) cases: u64,
    pub(super) cases_with: u64,
    pub(super) controls: u64,
    pub(super) controls_with: u64,
}

impl Table {
    /// Fisher's exact test with both tails: twice the smaller one, at most 1.
    pub(super) fn p(self) -> f64 {
        let with = self.cases_with + self.controls_with;
        let range = || self.least(with)..=self.cases.min(with);
        let tail = |xs: &mut dyn Iterator<Item = u64>| xs.map(|x| self.mass(with, x)).sum::<f64>();
        let upper = tail(&mut range().filter(|x| *x >= self.cases_with));
        let lower = tail(&mut range().filter(|x| *x <= self.cases_with));
        (2.0 * upper.min(lower)).min(1.0)
    }

    /// The smallest that [`Table::p`] can be where so many have the feature, whichever they are (Tarone 1990). It says
    /// nothing of what was found, so that hypotheses may be left out by it.
    pub(super) fn least_p(self) -> f64 {
        let with = self.cases_with + self.controls_with;
        let ends = [self.least(with), self.cases.min(with)];
        ends.into_iter().map(|x| 2.0 * self.mass(with, x)).fold(1.0, f64::min)
    }

    fn least(self, with: u64) -> u64 {
        with.saturating_sub(self.controls)
    }

    /// The hypergeometric probability of `x` among the cases.
    fn mass(self, with: u64, x: u64) -> f64 {
        let ways = ln_binomial(self.cases, x) + ln_binomial(self.controls, with - x);
        (ways - ln_binomial(self.cases + self.controls, with)).exp()
    }
}

/// The information in bits that the feature has of the group, both groups taken to be equally likely: from 0 to 1.
pub(super) fn gain(of_cases: f64, of_controls: f64) -> f64 {
    let entropy = |share: f64| {
        let part = |p: f64| if p > 0.0 { -p * p.log2() } else { 0.0 };
        part(share) + part(1.0 - share)
    };
    (entropy((of_cases + of_controls) / 2.0) - (entropy(of_cases) + entropy(of_controls)) / 2.0).max(0.0)
}

/// The values of p that are to be held against a family's error `alpha`, adjusted by Holm's method (1979), in the order of
/// the tables. None for those that could not have come out as significant, and are no part of the family (Tarone 1990).
pub(super) fn adjusted(tables: &[Table], alpha: f64) -> Vec<Option<f64>> {
    let least: Vec<f64> = tables.iter().map(|table| table.least_p()).collect();
    let reach = |k: usize| least.iter().filter(|p| **p <= alpha / k as f64).count();
    let k = (1..=tables.len().max(1)).find(|k| reach(*k) <= *k).unwrap_or(tables.len());
    let mut family: Vec<(usize, f64)> = Vec::new();
    for (at, (table, least)) in tables.iter().zip(&least).enumerate() {
        if *least <= alpha / k as f64 {
            family.push((at, table.p()));
        }
    }
    family.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    let mut adjusted = vec![None; tables.len()];
    let mut most = 0.0_f64;
    for (rank, (at, p)) in family.iter().enumerate() {
        most = most.max(p * (family.len() - rank) as f64).min(1.0);
        if let Some(place) = adjusted.get_mut(*at) {
            *place = Some(most);
        }
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(cases_with: u64, cases: u64, controls_with: u64, controls: u64) -> Table {
        Table { cases, cases_with, controls, controls_with }
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-12 * b.abs().max(1e-3)
    }

    #[test]
    fn fishers_test_of_known_tables() {
        // The lady tasting tea (Fisher 1935): 3 of 4 by one tail are 17 of 70.
        assert!(near(table(3, 4, 1, 4).p(), 2.0 * 17.0 / 70.0));
        assert!(near(table(4, 4, 0, 4).p(), 2.0 / 70.0) && near(table(0, 4, 4, 4).p(), 2.0 / 70.0));
        assert!(near(table(8, 8, 0, 8).p(), 2.0 / 12_870.0));
        assert!(near(table(2, 4, 2, 4).p(), 1.0) && near(table(4, 4, 4, 4).p(), 1.0));
        assert!(near(table(3, 4, 1, 4).least_p(), 2.0 / 70.0) && near(table(1, 4, 0, 4).least_p(), 1.0));
    }

    #[test]
    fn tails_of_large_tables_are_sums_of_their_parts() {
        let all: f64 = (0..=300).map(|x| table(0, 1000, 0, 2000).mass(300, x)).sum();
        assert!((all - 1.0).abs() < 1e-9, "{all}");
        assert!(table(300, 1000, 0, 2000).p() < 1e-100);
    }

    #[test]
    fn gain_is_one_bit_for_what_separates_and_none_for_what_does_not() {
        assert!(near(gain(1.0, 0.0), 1.0) && near(gain(0.0, 1.0), 1.0));
        assert!(gain(0.3, 0.3) < 1e-12 && gain(0.98, 0.02) > gain(0.9, 0.1));
    }

    #[test]
    fn holm_steps_down_and_leaves_out_what_cannot_tell() {
        let strong = table(10, 10, 0, 10);
        let weak = table(7, 10, 2, 10);
        let mute = table(1, 10, 0, 10);
        let found = adjusted(&[mute, weak, strong, mute], 0.05);
        assert_eq!((found[0], found[3]), (None, None));
        assert!(near(found[2].unwrap(), 2.0 * strong.p()) && near(found[1].unwrap(), weak.p().max(2.0 * strong.p())));
        assert!(adjusted(&[], 0.05).is_empty());
    }
}

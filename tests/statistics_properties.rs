//! The two exact bounds are one: a quantile's order statistic, and the Clopper-Pearson bound of the share that lies beyond it.

use proptest::prelude::*;
use tapcompare::verdict::interval::{
    at_least, at_most, lower_bound, quantile_lower_rank, quantile_upper_rank, upper_bound,
};

/// Floating point cannot say which side of the limit a bound that is exactly there lies on.
const EXACTLY: f64 = 1e-9;

/// The value of rank s is above the quantile q exactly where the share of values that lie beyond it is shown to be at most
/// 1 - q: with n - s values beyond. The other way round for the lower rank.
fn one_bound(n: u64, q: f64, confidence: f64) {
    let what = format!("q {q} of {n} at {confidence}");
    let upper = quantile_upper_rank(q, n, confidence);
    let lower = quantile_lower_rank(q, n, confidence);
    for s in 1..=n {
        let share = upper_bound(n - s, n, confidence);
        if (share - (1.0 - q)).abs() > EXACTLY {
            assert_eq!(
                upper.is_some_and(|rank| rank <= s),
                share < 1.0 - q,
                "{what}: upper rank {upper:?}, {s} has {share}"
            );
        }
        let share = lower_bound(n - s + 1, n, confidence);
        if (share - (1.0 - q)).abs() > EXACTLY {
            assert_eq!(
                lower.is_some_and(|rank| rank >= s),
                share > 1.0 - q,
                "{what}: lower rank {lower:?}, {s} has {share}"
            );
        }
    }
}

#[test]
fn order_statistics_and_clopper_pearson_agree_for_every_small_sample() {
    for n in 1..=40 {
        for q in [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.999] {
            for confidence in [0.5, 0.9, 0.95, 0.975, 0.99] {
                one_bound(n, q, confidence);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn they_agree_for_any_sample(n in 1_u64..2_000_000, q in 0.001_f64..0.9999, confidence in 0.5_f64..0.999) {
        let beyond = |rank: u64| upper_bound(n - rank, n, confidence);
        match quantile_upper_rank(q, n, confidence) {
            Some(rank) => {
                prop_assert!(beyond(rank) <= 1.0 - q + EXACTLY, "{} of {n}: {}", rank, beyond(rank));
                prop_assert!(rank == 1 || beyond(rank - 1) >= 1.0 - q - EXACTLY, "{} of {n}", rank - 1);
            }
            None => prop_assert!(beyond(n) >= 1.0 - q - EXACTLY, "none of {n}: {}", beyond(n)),
        }
        let beyond = |rank: u64| lower_bound(n - rank + 1, n, confidence);
        match quantile_lower_rank(q, n, confidence) {
            Some(rank) => {
                prop_assert!(beyond(rank) >= 1.0 - q - EXACTLY, "{} of {n}: {}", rank, beyond(rank));
                prop_assert!(rank == n || beyond(rank + 1) <= 1.0 - q + EXACTLY, "{} of {n}", rank + 1);
            }
            None => prop_assert!(beyond(1) <= 1.0 - q + EXACTLY, "none of {n}: {}", beyond(1)),
        }
    }

    /// A bound is where the tail that it bounds has exactly what confidence leaves.
    #[test]
    fn a_bound_is_where_its_tail_is_what_confidence_leaves(n in 1_u64..1_000_000, share in 0.0_f64..1.0, confidence in 0.5_f64..0.999) {
        let k = (share * n as f64) as u64;
        let (upper, lower, alpha) = (upper_bound(k, n, confidence), lower_bound(k, n, confidence), 1.0 - confidence);
        prop_assert!(lower <= k as f64 / n as f64 && k as f64 / n as f64 <= upper);
        if k < n {
            prop_assert!((at_most(k, n, upper) - alpha).abs() < 1e-9, "{k} of {n}: {upper}");
        }
        if k > 0 {
            prop_assert!((at_least(k, n, lower) - alpha).abs() < 1e-9, "{k} of {n}: {lower}");
        }
    }
}

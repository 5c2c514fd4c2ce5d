//! Golden values made with scipy 1.17.1 (`scipy.stats.beta.ppf`, `scipy.stats.binom`).

use super::*;

/// Nine significant digits.
fn assert_close(found: f64, golden: f64, what: &str) {
    let error = if golden == 0.0 { found.abs() } else { (found / golden - 1.0).abs() };
    assert!(error < 5e-10, "{what}: {found} against {golden}");
}

/// k, n; one-sided upper at 95 %; two-sided at 95 %: lower, upper; one-sided upper at 99 %.
#[rustfmt::skip]
const RATES: &[(u64, u64, f64, f64, f64, f64)] = &[
    (0, 10, 0.258865550893, 0.0, 0.308497107819, 0.36904265552),
    (1, 10, 0.394163302437, 0.00252857854446, 0.445016117028, 0.504352662931),
    (5, 10, 0.777558898992, 0.187086028447, 0.812913971553, 0.849557178099),
    (10, 10, 1.0, 0.691502892181, 1.0, 1.0),
    (0, 100, 0.029513049607, 0.0, 0.0362166926452, 0.0450074139786),
    (0, 1000, 0.0029912495451, 0.0, 0.00368208389687, 0.00459458264847),
    (1, 1000, 0.0047349935755, 2.53174874913e-05, 0.00555892427983, 0.00661966839565),
    (2, 1000, 0.00628228454672, 0.000242301116877, 0.00720583891146, 0.00837906826474),
    (5, 1000, 0.0104840769114, 0.00162541951756, 0.0116294705598, 0.0130554212337),
    (10, 1000, 0.0169031751206, 0.00480551069105, 0.0183132430551, 0.0200426059009),
    (0, 2994, 0.00100007816985, 0.0, 0.00123133195396, 0.00153695067436),
    (0, 2995, 0.000999744420901, 0.0, 0.0012309210779, 0.00153643789662),
    (0, 2996, 0.000999410894641, 0.0, 0.00123051047595, 0.00153592546091),
    (0, 3000, 0.000998079011997, 0.0, 0.00122887080383, 0.00153387913172),
    (0, 10000, 0.000299528359777, 0.0, 0.000368819914619, 0.000460410996912),
    (1, 10000, 0.000474297659165, 2.53177759347e-06, 0.000557036997947, 0.000663648091013),
    (5, 10000, 0.00105101371864, 0.000162367934199, 0.00116644420907, 0.00131031699831),
    (9, 10000, 0.00156999511881, 0.000411617272277, 0.00170778975227, 0.00187739305906),
    (10, 10000, 0.00169563145365, 0.000479639723771, 0.00183826413421, 0.002013446322),
    (0, 100000, 2.99568740194e-05, 0.0, 3.68881141579e-05, 4.60506414965e-05),
    (50, 100000, 0.000632828692825, 0.000371131701783, 0.000659135195869, 0.000690606505927),
    (80, 100000, 0.000963421553631, 0.000634399626874, 0.000995571826276, 0.00103382684553),
    (85, 100000, 0.00101792206427, 0.000679004497444, 0.00105093249917, 0.00109018635296),
    (100, 100000, 0.00118068596917, 0.00081371168197, 0.00121613639565, 0.00125822392817),
    (900, 1000000, 0.00095091073652, 0.00084217783098, 0.000960743725857, 0.000972261109051),
    (950, 1000000, 0.00100226038082, 0.000890568548269, 0.0010123518551, 0.00102416973899),
    (1000, 1000000, 0.00105357487745, 0.00093900120795, 0.00106391810732, 0.00107602867023),
];

#[test]
fn clopper_pearson_bounds_agree_with_scipy() {
    for &(k, n, upper, two_low, two_high, upper_99) in RATES {
        assert_close(upper_bound(k, n, 0.95), upper, &format!("{k}/{n} upper 95"));
        assert_close(lower_bound(k, n, 0.975), two_low, &format!("{k}/{n} two-sided lower"));
        assert_close(upper_bound(k, n, 0.975), two_high, &format!("{k}/{n} two-sided upper"));
        assert_close(upper_bound(k, n, 0.99), upper_99, &format!("{k}/{n} upper 99"));
    }
}

/// n; 1 - 0.05^(1/n).
const NONE_SEEN: &[(u64, f64)] =
    &[(1000, 0.00299124954509533), (3000, 0.000998079011996555), (10000, 0.000299528359776646)];

#[test]
fn with_none_seen_the_closed_form_and_the_rule_of_three_hold() {
    for &(n, upper) in NONE_SEEN {
        assert_close(upper_bound(0, n, 0.95), upper, "closed form");
        assert!(upper < 3.0 / n as f64 && upper > 2.98 / n as f64);
    }
}

/// Confidence, k, the smallest n whose upper bound is below 0.1 %.
#[rustfmt::skip]
const NEEDED: &[(f64, u64, u64)] = &[
    (0.95, 0, 2995),
    (0.95, 1, 4742),
    (0.95, 2, 6294),
    (0.95, 3, 7752),
    (0.95, 4, 9151),
    (0.95, 5, 10511),
    (0.95, 10, 16959),
    (0.95, 20, 29058),
    (0.95, 50, 63281),
    (0.95, 100, 118071),
    (0.99, 0, 4603),
    (0.99, 1, 6636),
    (0.99, 2, 8403),
    (0.99, 3, 10042),
    (0.99, 4, 11601),
    (0.99, 5, 13105),
    (0.99, 10, 20140),
    (0.99, 20, 33097),
    (0.99, 50, 69058),
    (0.99, 100, 125826),
];

#[test]
fn the_sample_that_would_be_enough_agrees_with_scipy() {
    for &(confidence, k, n) in NEEDED {
        assert_eq!(sample_needed(k, 0.001, confidence), Some(n), "{k} at {confidence}");
        assert!(upper_bound(k, n, confidence) < 0.001);
        assert!(upper_bound(k, n - 1, confidence) >= 0.001);
    }
    assert_eq!(sample_needed(0, 0.0, 0.95), None);
    assert_eq!(sample_needed(7, 1.0, 0.95), Some(8));
    assert_eq!(sample_needed(0, 0.9, 0.95), Some(2));
}

/// n, the largest k whose upper bound at 95 % is below 0.1 %, and at 99 %; -1: not even none.
#[rustfmt::skip]
const LARGEST: &[(u64, i64, i64)] = &[
    (1000, -1, -1),
    (2994, -1, -1),
    (2995, 0, -1),
    (5000, 1, 0),
    (10000, 4, 2),
    (50000, 38, 33),
    (100000, 83, 77),
    (1000000, 947, 926),
    (10000000, 9835, 9767),
];

#[test]
fn the_largest_number_of_mismatches_that_is_still_go_agrees_with_scipy() {
    for &(n, k_95, k_99) in LARGEST {
        for (k, confidence) in [(k_95, 0.95), (k_99, 0.99)] {
            assert!(upper_bound((k + 1) as u64, n, confidence) >= 0.001, "{n}: {k} + 1");
            if let Ok(k) = u64::try_from(k) {
                assert!(upper_bound(k, n, confidence) < 0.001, "{n}: {k}");
            }
        }
    }
}

/// q, n; one-sided at 95 %: lower rank, upper rank; two-sided: lower, upper. 0: none.
#[rustfmt::skip]
const RANKS: &[(f64, u64, u64, u64, u64, u64)] = &[
    (0.5, 59, 23, 37, 22, 38),
    (0.5, 60, 24, 37, 22, 39),
    (0.5, 100, 42, 59, 40, 61),
    (0.5, 200, 88, 113, 86, 115),
    (0.5, 500, 232, 269, 228, 273),
    (0.5, 1000, 474, 527, 469, 532),
    (0.5, 10000, 4918, 5083, 4902, 5099),
    (0.5, 100000, 49740, 50261, 49690, 50311),
    (0.95, 59, 53, 59, 52, 0),
    (0.95, 60, 54, 60, 53, 0),
    (0.95, 100, 91, 99, 90, 100),
    (0.95, 200, 185, 196, 184, 197),
    (0.95, 500, 467, 484, 465, 485),
    (0.95, 1000, 938, 962, 936, 964),
    (0.95, 10000, 9464, 9537, 9457, 9543),
    (0.95, 100000, 94886, 95114, 94864, 95136),
    (0.99, 59, 57, 0, 57, 0),
    (0.99, 60, 58, 0, 58, 0),
    (0.99, 100, 97, 0, 97, 0),
    (0.99, 200, 195, 0, 195, 0),
    (0.99, 500, 491, 499, 490, 500),
    (0.99, 1000, 985, 996, 983, 997),
    (0.99, 10000, 9883, 9917, 9880, 9920),
    (0.99, 100000, 98948, 99052, 98938, 99062),
];

#[test]
fn order_statistic_ranks_agree_with_scipy() {
    for &(q, n, lower, upper, two_low, two_high) in RANKS {
        assert_eq!(quantile_lower_rank(q, n, 0.975).unwrap_or(0), two_low, "two-sided lower of {q} in {n}");
        assert_eq!(quantile_upper_rank(q, n, 0.975).unwrap_or(0), two_high, "two-sided upper of {q} in {n}");
        assert_eq!(quantile_lower_rank(q, n, 0.95).unwrap_or(0), lower, "lower of {q} in {n}");
        assert_eq!(quantile_upper_rank(q, n, 0.95).unwrap_or(0), upper, "upper of {q} in {n}");
    }
    assert_eq!((quantile_sample_needed(0.95, 0.95), quantile_sample_needed(0.99, 0.95)), (59, 299));
    assert_eq!(quantile_upper_rank(0.95, 58, 0.95), None);
    assert_eq!(quantile_upper_rank(0.95, 0, 0.95), None);
    assert_eq!(quantile_lower_rank(0.5, 1, 0.95), None);
}

/// The same bound by another way: the inverse of the incomplete beta function.
#[test]
fn the_tail_sum_agrees_with_the_incomplete_beta_function() {
    use statrs::function::beta::beta_reg;
    for (k, n, p) in [(0, 10, 0.3), (3, 10, 0.3), (9, 10, 0.3), (85, 100_000, 0.001), (7, 4000, 0.0007)] {
        let beta = beta_reg((n - k) as f64, k as f64 + 1.0, 1.0 - p);
        assert_close(at_most(k, n, p), beta, &format!("P(X <= {k}) of {n} at {p}"));
        assert_close(at_least(k + 1, n, p), 1.0 - beta, &format!("P(X > {k}) of {n} at {p}"));
    }
}

#[test]
fn bounds_hold_at_the_edges_and_for_large_counts() {
    assert_eq!((upper_bound(0, 0, 0.95), lower_bound(0, 0, 0.95)), (1.0, 0.0));
    assert_eq!(upper_bound(7, 7, 0.95), 1.0);
    assert_close(lower_bound(1, 1, 0.95), 0.05, "one of one");
    // The normal approximation is good here to four digits, and the exact bound must be near it.
    let (k, n) = (500_000_u64, 1_000_000_u64);
    let spread = 1.6448536 * (0.25_f64 / n as f64).sqrt();
    assert!((upper_bound(k, n, 0.95) - (0.5 + spread)).abs() < 1e-6);
    assert!((lower_bound(k, n, 0.95) - (0.5 - spread)).abs() < 1e-6);
    let mut last = 0.0;
    for k in 0..200 {
        let bound = upper_bound(k, 200, 0.95);
        assert!(bound > last && lower_bound(k, 200, 0.95) <= k as f64 / 200.0);
        last = bound;
    }
}

#[test]
fn the_bound_of_an_effective_sample_agrees_with_scipy() {
    // 100 clients of 100 requests, one of which has all 10 mismatches: the beta quantile of Korn and Graubard.
    let n = 10_000.0 / 10.01001001001001;
    let upper = effective_upper_bound(n / 1000.0, n, 0.95);
    assert_close(upper, 0.00473810570838, "effective sample");
    // Between two whole figures it lies between their bounds, without a step.
    for n in [5.0, 80.0, 30_000.0] {
        let mut last = 0.0;
        for k in 0..40 {
            let upper = effective_upper_bound(f64::from(k) / 8.0, n, 0.95);
            let lower = effective_lower_bound(f64::from(k) / 8.0, n, 0.95);
            assert!(upper > last || upper == 1.0, "{k} eighths of {n}: {upper} after {last}");
            assert!(lower <= f64::from(k) / 8.0 / n, "{k} eighths of {n}: {lower}");
            last = upper;
        }
    }
}

/// The tail of figures that are not whole, by another way.
#[test]
fn the_tail_of_an_effective_sample_agrees_with_the_incomplete_beta_function() {
    for (k, n, p) in
        [(0.3, 10.7, 0.2), (3.5, 10.0, 0.3), (9.6, 10.0, 0.9), (6.25, 4000.5, 0.0007), (0.999, 999.0, 0.004)]
    {
        assert_close(share_at_most(k, n, p), beta_reg(n - k, k + 1.0, 1.0 - p), &format!("P(X <= {k}) of {n} at {p}"));
        assert_close(share_at_least(k, n, p), beta_reg(k, n - k + 1.0, p), &format!("P(X >= {k}) of {n} at {p}"));
    }
}

/// The bound of p95 at rank s is below a margin exactly where so few exceed the margin that the Clopper-Pearson bound of
/// their share is below 5 %.
#[test]
fn order_statistics_and_clopper_pearson_on_what_exceeds_say_the_same() {
    for (k, upper) in [(37, 0.048389926666), (38, 0.0495128702559), (39, 0.0506340067949)] {
        assert_close(upper_bound(k, 1000, 0.95), upper, &format!("{k} of 1000 exceed"));
    }
    for n in [59, 60, 100, 777, 1000, 20_000] {
        for (q, confidence) in [(0.5, 0.95), (0.95, 0.95), (0.99, 0.9)] {
            let Some(rank) = quantile_upper_rank(q, n, confidence) else { continue };
            assert!(upper_bound(n - rank, n, confidence) <= 1.0 - q, "{q} of {n}");
            assert!(upper_bound(n - rank + 1, n, confidence) > 1.0 - q, "{q} of {n}");
        }
    }
}

/// The chance of GO at a true rate: of a single day of 10,000, and of 14 days together.
#[test]
fn the_chance_of_go_agrees_with_scipy() {
    let largest = |n: u64| (0..n).take_while(|k| upper_bound(*k, n, 0.95) < 0.001).last();
    assert_eq!((largest(10_000), largest(140_000)), (Some(4), Some(120)));
    let six = |found: f64, golden: f64| assert!((found / golden - 1.0).abs() < 5e-6, "{found} against {golden}");
    for (p, day) in [(0.0001, 0.996342), (0.0003, 0.815288), (0.0005, 0.440449), (0.0008, 0.0995408), (0.001, 0.029196)]
    {
        six(at_most(4, 10_000, p), day);
    }
    for (p, all) in [(0.0008, 0.7908), (0.001, 0.0469579)] {
        six(at_most(120, 140_000, p), all);
    }
}

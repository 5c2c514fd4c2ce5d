//! Golden values made with scipy 1.17.1 from the formula of the module.

use super::*;

/// Nine significant digits.
fn assert_close(found: f64, golden: f64, what: &str) {
    let error = if golden == 0.0 { found.abs() } else { (found / golden - 1.0).abs() };
    assert!(error < 5e-10, "{what}: {found} against {golden}");
}

/// a, b; k, n; lower and upper limit at 95 %.
#[rustfmt::skip]
const LIMITS: &[(f64, f64, f64, f64, f64, f64)] = &[
    (1.0, 1.0, 0.0, 1000.0, 0.0, 0.00985559915729),
    (1.0, 1.0, 1.0, 1000.0, 4.99525426491e-08, 0.012353949343),
    (1.0, 1.0, 0.0, 10000.0, 0.0, 0.00121987261381),
    (1.0, 1.0, 5.0, 10000.0, 2.378813892e-05, 0.00231021461579),
    (1.0, 1.0, 50.0, 100000.0, 0.00023169596486, 0.000922441812871),
    (1.0, 1.0, 80.0, 100000.0, 0.000445391639084, 0.00130585214739),
    (1.0, 1.0, 500.0, 1000000.0, 0.000395307408125, 0.000621712539697),
    (1.0, 1.0, 900.0, 1000000.0, 0.000758314395342, 0.00105830567627),
    (0.5, 0.5, 0.0, 1000.0, 0.0, 0.00699750252143),
    (0.5, 0.5, 1.0, 1000.0, 4.46397404871e-07, 0.00997474726475),
    (0.5, 0.5, 0.0, 10000.0, 0.0, 0.000816994068706),
    (0.5, 0.5, 5.0, 10000.0, 4.17324480138e-05, 0.00196733824112),
    (0.5, 0.5, 50.0, 100000.0, 0.000257007752689, 0.000862109966484),
    (0.5, 0.5, 80.0, 100000.0, 0.000478397441488, 0.00124082174019),
    (0.5, 0.5, 500.0, 1000000.0, 0.000406010910755, 0.000607475256808),
    (0.5, 0.5, 900.0, 1000000.0, 0.000771687455714, 0.00104179055759),
    (1.0, 1000.0, 0.0, 1000.0, 0.0, 0.00368208389687),
    (1.0, 1000.0, 1.0, 1000.0, 1.26654990049e-05, 0.0061916989042),
    (1.0, 1000.0, 0.0, 10000.0, 0.0, 0.000539217324693),
    (1.0, 1000.0, 5.0, 10000.0, 9.79816885717e-05, 0.00144218523838),
    (1.0, 1000.0, 50.0, 100000.0, 0.000304767078666, 0.000764754794214),
    (1.0, 1000.0, 80.0, 100000.0, 0.000543162477445, 0.0011272298243),
    (1.0, 1000.0, 500.0, 1000000.0, 0.000424349527201, 0.000584143137416),
    (1.0, 1000.0, 900.0, 1000000.0, 0.000796288530237, 0.00101233951627),
];

#[test]
fn the_mixtures_limits_agree_with_scipy() {
    for &(a, b, k, n, low, high) in LIMITS {
        let mixture = Mixture { a, b };
        assert_close(mixture.lower_bound(k, n, 0.95), low, &format!("Beta({a}, {b}) {k}/{n} lower"));
        assert_close(mixture.upper_bound(k, n, 0.95), high, &format!("Beta({a}, {b}) {k}/{n} upper"));
    }
}

#[test]
fn the_sample_without_a_mismatch_that_is_enough_agrees_with_scipy() {
    for (mixture, n) in [
        (Mixture { a: 1.0, b: 1.0 }, 12417.0),
        (Mixture { a: 0.5, b: 0.5 }, 8062.0),
        (Mixture { a: 1.0, b: 1000.0 }, 4741.0),
        (Mixture::around(0.001), 4741.0),
    ] {
        assert!(mixture.upper_bound(0.0, n, 0.95) < 0.001, "{mixture:?}");
        assert!(mixture.upper_bound(0.0, n - 1.0, 0.95) >= 0.001, "{mixture:?}");
        assert!(mixture.contradicts(0.001, 0.0, n, 0.95) && !mixture.contradicts(0.001, 0.0, n - 1.0, 0.95));
    }
}

#[test]
fn the_set_is_around_what_was_seen_and_wider_than_one_fixed_look() {
    use crate::verdict::interval;
    for n in [1_u64, 7, 100, 3000, 1_000_000, 1_000_000_000] {
        for share in [0.0, 0.0004, 0.001, 0.03, 0.5, 1.0] {
            let k = (n as f64 * share).round() as u64;
            let mixture = Mixture::around(0.001);
            let (low, high) =
                (mixture.lower_bound(k as f64, n as f64, 0.95), mixture.upper_bound(k as f64, n as f64, 0.95));
            let seen = k as f64 / n as f64;
            assert!(low <= seen && seen <= high, "{k} of {n}: {low} to {high}");
            assert!(low <= interval::lower_bound(k, n, 0.95) * (1.0 + 1e-9), "{k} of {n}");
            assert!(high >= interval::upper_bound(k, n, 0.95) * (1.0 - 1e-9), "{k} of {n}");
        }
    }
    let mixture = Mixture::around(0.001);
    assert_eq!((mixture.lower_bound(0.0, 0.0, 0.95), mixture.upper_bound(0.0, 0.0, 0.95)), (0.0, 1.0));
}

/// The ranks of a quantile are the bounds of the share beyond it, read the other way.
#[test]
fn ranks_at_every_look_agree_with_the_bounds_of_the_share_beyond() {
    use crate::verdict::interval;
    for (q, n) in [(0.5, 7), (0.5, 300), (0.95, 108), (0.95, 109), (0.95, 3000), (0.99, 5000), (0.999, 100_000)] {
        let mixture = Mixture::around(1.0 - q);
        let upper = mixture.quantile_upper_rank(q, n, 0.975);
        let lower = mixture.quantile_lower_rank(q, n, 0.975);
        let beyond = |rank: u64| (n - rank) as f64;
        if let Some(rank) = upper {
            assert!(mixture.upper_bound(beyond(rank), n as f64, 0.975) <= 1.0 - q, "{q} of {n}");
            assert!(mixture.upper_bound(beyond(rank - 1), n as f64, 0.975) > 1.0 - q, "{q} of {n}");
            assert!(rank >= interval::quantile_upper_rank(q, n, 0.975).unwrap(), "wider than one look: {q} of {n}");
        } else {
            assert!(mixture.upper_bound(0.0, n as f64, 0.975) > 1.0 - q, "{q} of {n}");
        }
        if let Some(rank) = lower {
            assert!(mixture.lower_bound(beyond(rank) + 1.0, n as f64, 0.975) >= 1.0 - q, "{q} of {n}");
            assert!(mixture.lower_bound(beyond(rank + 1) + 1.0, n as f64, 0.975) < 1.0 - q, "{q} of {n}");
            assert!(rank <= interval::quantile_lower_rank(q, n, 0.975).unwrap_or(n), "wider than one look: {q} of {n}");
        }
    }
    let mixture = Mixture::around(0.05);
    assert_eq!(
        (mixture.quantile_upper_rank(0.95, 0, 0.975), mixture.quantile_lower_rank(0.95, 0, 0.975)),
        (None, None)
    );
    assert_eq!(
        (mixture.quantile_upper_rank(0.95, 108, 0.975), mixture.quantile_upper_rank(0.95, 109, 0.975)),
        (None, Some(109))
    );
}

//! Figures as people read them.

pub use crate::exchange::{count, counted};

/// A share in per cent with three significant digits: `0.1%`.
pub fn percent(share: f64) -> String {
    with_digits(share * 100.0, 3) + "%"
}

/// A share with as many digits as it takes to tell it from a limit that it is not.
pub fn percent_against(share: f64, limit: f64) -> String {
    figure_against(share * 100.0, limit * 100.0) + "%"
}

/// A multiple with three significant digits: `2.62x`.
pub fn multiple(ratio: f64) -> String {
    with_digits(ratio, 3) + "x"
}

/// A multiple with as many digits as it takes to tell it from a limit that it is not: `1.1x`.
pub fn multiple_against(ratio: f64, limit: f64) -> String {
    figure_against(ratio, limit) + "x"
}

fn figure_against(value: f64, limit: f64) -> String {
    let told_apart = |digits: &usize| value == limit || with_digits(value, *digits) != with_digits(limit, *digits);
    with_digits(value, (3..=12).find(told_apart).unwrap_or(12))
}

/// So many significant digits, or more before the point, without zeros at the end.
fn with_digits(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return "unbounded".to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let before = value.abs().log10().floor() as i32 + 1;
    let after = usize::try_from(digits as i32 - before).unwrap_or(0).min(17);
    let text = format!("{value:.after$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A latency in the unit that suits it: `480 µs`, `1.25 ms`, `2 s`.
pub fn latency(micros: u64) -> String {
    let value = micros as f64;
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => with_digits(value / 1e3, 3) + " ms",
        _ => with_digits(value / 1e6, 3) + " s",
    }
}

/// A difference of latencies: `+1.25 ms`, `-480 µs`, `0 µs`.
pub fn signed_latency(micros: i64) -> String {
    let sign = match micros {
        0 => "",
        n if n > 0 => "+",
        _ => "-",
    };
    format!("{sign}{}", latency(micros.unsigned_abs()))
}

/// A quantile's name: `p95`, `p99.9`.
pub fn quantile(q: f64) -> String {
    format!("p{}", (q * 1e6).round() / 1e4)
}

/// At most `most` names, and how many more there are.
pub fn names<T: std::fmt::Display>(all: &[T], most: usize) -> String {
    let mut text = all.iter().take(most).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if all.len() > most {
        text.push_str(&format!(" and {} more", count((all.len() - most) as u64)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short_and_do_not_lie_about_limits() {
        assert_eq!([count(0), count(999), count(1000), count(1234567)], ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([percent(0.001), percent(0.0), percent(1.0), percent(0.98765)], ["0.1%", "0%", "100%", "98.8%"]);
        assert_eq!(percent(0.0000299957), "0.003%");
        assert_eq!(percent_against(0.000999744420901, 0.001), "0.09997%");
        assert_eq!(percent_against(0.001, 0.001), "0.1%");
        assert_eq!(multiple_against(1.1000001, 1.1), "1.1000001x");
        assert_eq!(multiple_against(f64::INFINITY, 1.1), "unboundedx");
        assert_eq!([latency(480), latency(1250), latency(2_000_000)], ["480 µs", "1.25 ms", "2 s"]);
        assert_eq!([signed_latency(1250), signed_latency(-480), signed_latency(0)], ["+1.25 ms", "-480 µs", "0 µs"]);
        assert_eq!([quantile(0.95), quantile(0.999)], ["p95", "p99.9"]);
        assert_eq!(names(&["a", "b", "c"], 2), "a, b and 1 more");
        assert_eq!([counted(1, "request"), counted(2000, "mismatch")], ["1 request", "2,000 mismatches"]);
    }
}

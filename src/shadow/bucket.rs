//! A token bucket: so many requests a second on the long run, and a burst after a quiet moment.

use std::time::Duration;

/// The burst where the policy names none, in seconds of the rate: real traffic comes in clumps, which a tenth of a
/// second's worth lets pass without letting a second see much more than the rate.
const BURST_SECONDS: f64 = 0.1;

/// How many requests may go out at once at this rate, unless the policy says it; never less than one.
pub(super) fn default_burst(rate: f64) -> f64 {
    (rate * BURST_SECONDS).max(1.0)
}

/// Tokens that were not used, up to the burst. Full at the start.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// None: full, whatever that is.
    tokens: Option<f64>,
    filled: Duration,
}

impl Bucket {
    /// Takes one token if there is one. Rate (a second) and burst may differ from one call to the next; a clock that
    /// runs backwards fills nothing.
    pub(super) fn take(&mut self, rate: f64, burst: f64, now: Duration) -> bool {
        let burst = burst.max(1.0);
        let passed = now.saturating_sub(self.filled).as_secs_f64();
        let tokens = self.tokens.map_or(burst, |tokens| (tokens + passed * rate).min(burst));
        self.filled = self.filled.max(now);
        // A hair below one is one: so many additions of fractions never come out even.
        let taken = tokens >= 1.0 - 1e-9;
        self.tokens = Some(if taken { (tokens - 1.0).max(0.0) } else { tokens });
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn taken(bucket: &mut Bucket, rate: f64, burst: f64, times: impl IntoIterator<Item = u64>) -> usize {
        times.into_iter().filter(|at| bucket.take(rate, burst, ms(*at))).count()
    }

    #[test]
    fn a_burst_goes_out_at_once_and_then_the_rate() {
        let mut bucket = Bucket::default();
        assert_eq!(taken(&mut bucket, 100.0, 5.0, std::iter::repeat_n(0, 20)), 5);
        assert_eq!(taken(&mut bucket, 100.0, 5.0, [9]), 0, "the next token comes after 10 ms");
        assert_eq!(taken(&mut bucket, 100.0, 5.0, [10, 10]), 1);
        assert_eq!(taken(&mut bucket, 100.0, 5.0, std::iter::repeat_n(5_000, 20)), 5, "a long pause is one burst");
    }

    #[test]
    fn on_the_long_run_it_is_the_rate_whatever_comes() {
        for (rate, offered_every) in [(10.0, 1), (50.0, 3), (333.0, 1), (0.5, 7)] {
            let mut bucket = Bucket::default();
            let burst = default_burst(rate);
            let seconds = 60;
            let sent = taken(&mut bucket, rate, burst, (0..seconds * 1000 / offered_every).map(|n| n * offered_every));
            let most = rate * seconds as f64 + burst;
            assert!(sent as f64 <= most && sent as f64 >= 0.97 * rate * seconds as f64, "{rate}/s: {sent} of {most}");
        }
        let mut bucket = Bucket::default();
        assert_eq!(taken(&mut bucket, 100.0, 10.0, (0..100).map(|n| n * 20)), 100, "below the rate nothing is refused");
    }

    #[test]
    fn a_rate_that_changes_and_a_clock_that_steps_back_fill_nothing_extra() {
        let mut bucket = Bucket::default();
        assert_eq!(taken(&mut bucket, 10.0, 10.0, std::iter::repeat_n(1_000, 10)), 10);
        assert_eq!(taken(&mut bucket, 10.0, 10.0, [0, 500, 1_000]), 0);
        assert_eq!(taken(&mut bucket, 1000.0, 1.0, [1_000]), 0);
        assert_eq!(taken(&mut bucket, 1.0, 1.0, std::iter::repeat_n(9_000, 5)), 1, "never more than the burst of now");
    }
}

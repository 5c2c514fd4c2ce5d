//! A rate that follows the candidate: halved where it slows down, raised step by step where it does not (additive
//! increase, multiplicative decrease: Chiu and Jain, 1989).
//!
//! Time is cut into periods. The median latency of each is held against the best median so far: the candidate's own,
//! because a slower machine is not an overloaded one. More than the policy's multiple of it halves the rate, beginning
//! with what was really sent in the period; a period that is not slow raises it by a twentieth of what it began at.
//! Having reached that again, or the policy's rate, it ends.

use std::time::Duration;

use crate::config;

/// Shortest period. It goes on until [`PERIOD_ANSWERS`] were heard.
const PERIOD: Duration = Duration::from_secs(1);

/// A period with fewer answers says nothing about the median, unless it has lasted [`LONG_PERIOD`].
const PERIOD_ANSWERS: usize = 10;

/// Then what there is must do: at the least rate few answers come.
const LONG_PERIOD: Duration = Duration::from_secs(5);

/// Latencies of one period that are kept; more would not move a median by much.
const KEPT_ANSWERS: usize = 1024;

/// A median within this is not slow, however good the best was.
const NEVER_SLOW: Duration = Duration::from_millis(20);

/// The best is forgotten by so much a period, so that one lucky minute (all from a cache) does not bind for days.
const FORGET: f64 = 1.01;

/// Steps from nothing to the rate at which it began.
const STEPS: f64 = 20.0;

/// See the policy's [`config::Backoff`].
#[derive(Debug)]
pub(super) struct Backoff {
    multiple: f64,
    least: f64,
    /// The policy's rate.
    allowed: Option<f64>,
    /// While it holds: (the rate now, the rate at which it ends).
    held: Option<(f64, f64)>,
    /// The best median, in seconds.
    best: Option<f64>,
    period_start: Duration,
    sent: u64,
    latencies: Vec<Duration>,
}

impl Backoff {
    pub(super) fn new(policy: &config::Backoff, allowed: Option<f64>) -> Backoff {
        Backoff {
            multiple: policy.latency,
            least: policy.least,
            allowed,
            held: None,
            best: None,
            period_start: Duration::ZERO,
            sent: 0,
            latencies: Vec::new(),
        }
    }

    /// Requests a second, at most; None while the candidate is not slowing down.
    pub(super) fn rate(&self) -> Option<f64> {
        self.held.map(|(rate, _)| rate)
    }

    /// One goes out.
    pub(super) fn sent(&mut self) {
        self.sent += 1;
    }

    /// One has ended after so long; `overloaded`: by saying that it is too much, which is as slow as can be.
    pub(super) fn heard(&mut self, latency: Option<Duration>, overloaded: bool, now: Duration) {
        let latency = if overloaded { Some(Duration::MAX) } else { latency };
        if let Some(latency) = latency
            && self.latencies.len() < KEPT_ANSWERS
        {
            self.latencies.push(latency);
        }
        let lasted = now.saturating_sub(self.period_start);
        let enough = self.latencies.len() >= PERIOD_ANSWERS || lasted >= LONG_PERIOD;
        if lasted >= PERIOD && enough {
            self.end_period(lasted);
            self.period_start = now;
            self.sent = 0;
            self.latencies.clear();
        }
    }

    fn end_period(&mut self, lasted: Duration) {
        self.latencies.sort_unstable();
        let Some(median) = self.latencies.get(self.latencies.len() / 2) else { return };
        let seconds = median.as_secs_f64();
        let slow = *median > NEVER_SLOW && self.best.is_some_and(|best| seconds > self.multiple * best);
        if *median < Duration::MAX {
            self.best = Some(self.best.map_or(seconds, |best| seconds.min(best * FORGET)));
        }
        if slow || *median == Duration::MAX {
            self.slower(self.sent as f64 / lasted.as_secs_f64());
        } else {
            self.faster();
        }
    }

    fn slower(&mut self, measured: f64) {
        let (rate, end) = self.held.unwrap_or_else(|| {
            let end = self.allowed.unwrap_or(measured).max(self.least);
            tracing::warn!("the candidate slows down: less is sent until it recovers");
            (end, end)
        });
        // What was not sent was no load: half of a rate that is not reached would change nothing.
        let half = rate.min(measured.max(self.least)) / 2.0;
        self.held = Some((half.max(self.least).min(end), end));
    }

    fn faster(&mut self) {
        let Some((rate, end)) = self.held else { return };
        let raised = rate + (end / STEPS).max(self.least);
        self.held = (raised < end).then_some((raised, end));
        if self.held.is_none() {
            tracing::info!("the candidate has recovered: what the policy allows is sent again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A candidate that answers so in one second after the other, asked at `offered` or at the backoff's rate.
    struct Scene {
        backoff: Backoff,
        second: u64,
    }

    impl Scene {
        fn new(allowed: Option<f64>) -> Scene {
            let policy = config::Backoff { when: config::When::Always, latency: 2.0, least: 1.0 };
            Scene { backoff: Backoff::new(&policy, allowed), second: 0 }
        }

        /// Plays one second, then tells the rate in force.
        fn second(&mut self, offered: u64, millis: u64, overloaded: bool) -> Option<f64> {
            let sent = self.backoff.rate().map_or(offered, |rate| offered.min(rate as u64));
            for _ in 0..sent {
                self.backoff.sent();
            }
            self.second += 1;
            for _ in 0..sent {
                self.backoff.heard(Some(Duration::from_millis(millis)), overloaded, Duration::from_secs(self.second));
            }
            self.backoff.rate()
        }
    }

    #[test]
    fn a_steady_candidate_is_never_held_back_however_slow_it_is() {
        for millis in [1, 500, 1900] {
            let mut scene = Scene::new(None);
            assert!((0..100).all(|_| scene.second(200, millis, false).is_none()), "{millis} ms");
        }
    }

    #[test]
    fn slowing_down_halves_the_rate_and_recovery_raises_it_step_by_step() {
        let mut scene = Scene::new(None);
        for _ in 0..5 {
            assert_eq!(scene.second(200, 50, false), None);
        }
        assert_eq!(scene.second(200, 99, false), None, "not yet twice");
        // A period ends with the first answers of a second, so a second is told of in the next.
        let mut rates = Vec::new();
        for _ in 0..4 {
            rates.extend(scene.second(200, 400, false));
        }
        assert_eq!(rates.len(), 3, "{rates:?}");
        assert!(rates.windows(2).all(|w| w[1] <= w[0] / 2.0 + 1.0), "{rates:?}");
        let mut risen = vec![scene.second(200, 50, false).unwrap()];
        while let Some(rate) = scene.second(200, 50, false) {
            risen.push(rate);
            assert!(risen.len() < 60, "{risen:?}");
        }
        assert!(risen.windows(2).all(|w| w[1] > w[0] && w[1] - w[0] <= 11.0), "steps: {risen:?}");
        assert!(risen.len() > 10, "not all at once: {risen:?}");
    }

    #[test]
    fn it_never_falls_below_the_least_nor_rises_above_what_is_allowed() {
        let mut scene = Scene::new(Some(100.0));
        for _ in 0..3 {
            scene.second(80, 50, false);
        }
        for _ in 0..200 {
            let rate = scene.second(80, 5000, false);
            assert!(rate.is_none_or(|rate| (1.0..=100.0).contains(&rate)), "{rate:?}");
        }
        assert!(scene.backoff.best.is_some_and(|best| best < 5.0), "the best is forgotten, slowly");
        let mut rates: Vec<f64> = std::iter::from_fn(|| scene.second(80, 50, false)).take(100).collect();
        rates.retain(|rate| *rate > 100.0);
        assert!(rates.is_empty() && scene.backoff.rate().is_none());
    }

    #[test]
    fn an_answer_that_says_it_is_too_much_is_slow_whatever_its_latency() {
        let mut scene = Scene::new(None);
        assert!(scene.second(100, 1, true).is_some_and(|rate| rate <= 50.0));
        assert!(scene.backoff.best.is_none(), "and it is no best");
    }

    #[test]
    fn a_few_answers_are_no_median_until_much_time_has_passed() {
        let mut scene = Scene::new(None);
        scene.second(100, 50, false);
        assert!((0..3).all(|_| scene.second(2, 900, false).is_none()));
        let held = (0..3).filter_map(|_| scene.second(2, 900, false)).next();
        assert!(held.is_some(), "five seconds of few answers are enough");
    }
}

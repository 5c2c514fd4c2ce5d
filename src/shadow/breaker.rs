//! The circuit breaker: a candidate that fails or drowns is left alone, then tried with single requests, then trusted
//! again.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;

use crate::config::{self, SlowLimit};

/// An answer that came within this is not slow, however quick the legacy was: five times 1 ms harms nobody.
pub const NEVER_SLOW: Duration = Duration::from_millis(50);

/// So many probes in a row must be answered well before the breaker closes. They go out one at a time.
pub const PROBES: u32 = 3;

crate::exchange::reasons! {
    /// Where the breaker stands.
    BreakerState {
        /// Requests go out.
        Closed = "closed",
        /// None do.
        Open = "open",
        /// One at a time does.
        HalfOpen = "half-open",
    }
}

crate::exchange::reasons! {
    /// Why the breaker opened.
    BreakerCause {
        /// Too many errors.
        Errors = "errors",
        /// Too many slow answers.
        Latency = "latency",
    }
}

/// The breaker at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BreakerStanding {
    /// Where it stands.
    pub state: BreakerState,
    /// How often it has opened; one that opens again after a bad probe had never closed.
    pub opened: u64,
    /// How often it has closed again.
    pub closed: u64,
    /// How long it was not closed, all together.
    pub open_time: Duration,
    /// Why it opened last; None where it never did.
    pub cause: Option<BreakerCause>,
}

#[derive(Debug)]
enum State {
    /// What is known of the latest answers, oldest first.
    Closed(VecDeque<Seen>),
    Open {
        since: Duration,
    },
    HalfOpen {
        /// When the probe that is under way went out.
        probe: Option<Duration>,
        good: u32,
    },
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    error: bool,
    slow: bool,
}

/// See the policy's [`config::Breaker`].
#[derive(Debug)]
pub(super) struct Breaker {
    errors: f64,
    over: usize,
    latency: SlowLimit,
    open_for: Duration,
    /// How long is waited for requests that are still under way: past it they are taken for lost.
    patience: Duration,
    state: State,
    in_flight: usize,
    opened: u64,
    closed: u64,
    /// When it last left the closed state.
    opened_at: Duration,
    /// Of the times it was open and has closed again.
    open_time: Duration,
    cause: Option<BreakerCause>,
}

impl Breaker {
    pub(super) fn new(policy: &config::Breaker, patience: Duration) -> Breaker {
        Breaker {
            errors: policy.errors,
            over: policy.over.max(1),
            latency: policy.latency,
            open_for: policy.open_for,
            patience,
            state: State::Closed(VecDeque::new()),
            in_flight: 0,
            opened: 0,
            closed: 0,
            opened_at: Duration::ZERO,
            open_time: Duration::ZERO,
            cause: None,
        }
    }

    /// Whether a request may go out now.
    pub(super) fn may(&mut self, now: Duration) -> bool {
        match self.state {
            State::Closed(_) => true,
            State::Open { since } => {
                let waited = now.saturating_sub(since);
                // What was under way when it opened tells of the time before: it must not pass for a probe's answer.
                let alone = self.in_flight == 0 || waited >= self.open_for.saturating_add(self.patience);
                let over = waited >= self.open_for && alone;
                if over {
                    self.in_flight = 0;
                    self.state = State::HalfOpen { probe: None, good: 0 };
                }
                over
            }
            State::HalfOpen { probe: None, .. } => true,
            State::HalfOpen { probe: Some(sent), .. } => now.saturating_sub(sent) >= self.patience,
        }
    }

    /// One goes out.
    pub(super) fn sent(&mut self, now: Duration) {
        self.in_flight += 1;
        if let State::HalfOpen { probe, .. } = &mut self.state {
            *probe = Some(now);
        }
    }

    /// It did not after all.
    pub(super) fn unsent(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if let State::HalfOpen { probe, .. } = &mut self.state {
            *probe = None;
        }
    }

    /// One has ended: in an error, or after so long, beside the legacy's latency for the same.
    pub(super) fn heard(&mut self, error: bool, latency: Option<Duration>, reference: Option<Duration>, now: Duration) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let slow = latency.is_some_and(|latency| is_slow(self.latency, latency, reference));
        match &mut self.state {
            State::Closed(latest) => {
                latest.push_back(Seen { error, slow });
                if latest.len() > self.over {
                    latest.pop_front();
                }
                if let Some(cause) = verdict(latest, self.over, self.errors) {
                    self.open(cause, now);
                }
            }
            State::Open { .. } | State::HalfOpen { probe: None, .. } => {}
            State::HalfOpen { .. } if error || slow => {
                self.cause = Some(if error { BreakerCause::Errors } else { BreakerCause::Latency });
                self.state = State::Open { since: now };
            }
            State::HalfOpen { probe, good } => {
                *probe = None;
                *good += 1;
                if *good >= PROBES {
                    self.close(now);
                }
            }
        }
    }

    fn open(&mut self, cause: BreakerCause, now: Duration) {
        self.state = State::Open { since: now };
        self.opened += 1;
        self.opened_at = now;
        self.cause = Some(cause);
        tracing::warn!(
            "the candidate is left alone for {}: too many {} among its latest {} answers",
            humantime::format_duration(self.open_for),
            match cause {
                BreakerCause::Errors => "errors",
                BreakerCause::Latency => "slow ones",
            },
            self.over
        );
    }

    fn close(&mut self, now: Duration) {
        let open = now.saturating_sub(self.opened_at);
        self.state = State::Closed(VecDeque::new());
        self.closed += 1;
        self.open_time = self.open_time.saturating_add(open);
        tracing::info!("the candidate answers well again after {:.1} s and is asked as before", open.as_secs_f64());
    }

    pub(super) fn standing(&self, now: Duration) -> BreakerStanding {
        let (state, since) = match self.state {
            State::Closed(_) => (BreakerState::Closed, Duration::ZERO),
            State::Open { .. } => (BreakerState::Open, now.saturating_sub(self.opened_at)),
            State::HalfOpen { .. } => (BreakerState::HalfOpen, now.saturating_sub(self.opened_at)),
        };
        let open_time = self.open_time.saturating_add(since);
        BreakerStanding { state, opened: self.opened, closed: self.closed, open_time, cause: self.cause }
    }
}

/// Whether so many of the latest are bad, once there are enough of them.
fn verdict(latest: &VecDeque<Seen>, over: usize, errors: f64) -> Option<BreakerCause> {
    if latest.len() < over {
        return None;
    }
    let count = |which: fn(&Seen) -> bool| latest.iter().filter(|seen| which(seen)).count();
    if count(|seen| seen.error) as f64 >= errors * over as f64 {
        return Some(BreakerCause::Errors);
    }
    (count(|seen| seen.slow) * 2 > over).then_some(BreakerCause::Latency)
}

fn is_slow(limit: SlowLimit, latency: Duration, reference: Option<Duration>) -> bool {
    match limit {
        SlowLimit::Absolute(limit) => latency > limit,
        SlowLimit::Multiple(factor) => {
            latency > NEVER_SLOW
                && reference.is_some_and(|reference| latency.as_secs_f64() > factor * reference.as_secs_f64())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: config::Breaker = config::Breaker {
        when: config::When::Always,
        errors: 0.5,
        over: 4,
        latency: SlowLimit::Multiple(5.0),
        open_for: Duration::from_secs(30),
    };
    const PATIENCE: Duration = Duration::from_secs(4);

    const fn s(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    /// Sends as many as `answers` has letters, at that time, and hears of them: g(ood), e(rror), s(low).
    fn play(breaker: &mut Breaker, answers: &str, at: u64) {
        for answer in answers.chars() {
            assert!(breaker.may(s(at)), "{answers} at {at}");
            breaker.sent(s(at));
            hear(breaker, answer, at);
        }
    }

    fn hear(breaker: &mut Breaker, answer: char, at: u64) {
        let latency = Duration::from_millis(if answer == 's' { 501 } else { 500 });
        breaker.heard(answer == 'e', Some(latency), Some(Duration::from_millis(100)), s(at));
    }

    fn opened_by(answers: &str) -> Option<BreakerCause> {
        let mut breaker = Breaker::new(&POLICY, PATIENCE);
        play(&mut breaker, answers, 1);
        let standing = breaker.standing(s(1));
        assert_eq!(standing.state == BreakerState::Open, standing.opened == 1);
        assert_eq!(breaker.may(s(2)), standing.opened == 0);
        standing.cause
    }

    #[test]
    fn it_opens_on_the_share_of_the_latest_answers() {
        for (answers, cause) in [
            ("eee", None),
            ("egge", Some(BreakerCause::Errors)),
            ("eggg", None),
            ("egggeg", None),
            ("egggggee", Some(BreakerCause::Errors)),
            ("ssgg", None),
            ("ssgs", Some(BreakerCause::Latency)),
            ("sseg", None),
            ("ssss", Some(BreakerCause::Latency)),
        ] {
            assert_eq!(opened_by(answers), cause, "{answers}");
        }
    }

    #[test]
    fn slow_is_a_multiple_of_the_legacy_with_a_floor_or_a_time() {
        let ms = Duration::from_millis;
        for (limit, latency, reference, slow) in [
            (SlowLimit::Multiple(5.0), 50, Some(1), false),
            (SlowLimit::Multiple(5.0), 51, Some(1), true),
            (SlowLimit::Multiple(5.0), 500, Some(100), false),
            (SlowLimit::Multiple(5.0), 9_999, None, false),
            (SlowLimit::Absolute(ms(20)), 20, Some(1), false),
            (SlowLimit::Absolute(ms(20)), 21, Some(99), true),
            (SlowLimit::Absolute(ms(20)), 21, None, true),
        ] {
            assert_eq!(is_slow(limit, ms(latency), reference.map(ms)), slow, "{limit:?} {latency} {reference:?}");
        }
    }

    #[test]
    fn it_closes_after_good_probes_one_at_a_time_and_opens_again_on_a_bad_one() {
        let mut breaker = Breaker::new(&POLICY, PATIENCE);
        play(&mut breaker, "eeee", 10);
        assert!(!breaker.may(s(39)), "open for 30 s");
        assert!(breaker.may(s(40)));
        breaker.sent(s(40));
        assert!(!breaker.may(s(40)), "one probe at a time");
        assert_eq!(breaker.standing(s(40)).state, BreakerState::HalfOpen);
        hear(&mut breaker, 's', 41);
        assert!(!breaker.may(s(70)), "a slow probe is a bad one, and the time begins anew");
        play(&mut breaker, "gg", 71);
        assert_eq!(breaker.standing(s(71)).state, BreakerState::HalfOpen);
        play(&mut breaker, "g", 72);
        let standing = breaker.standing(s(90));
        assert_eq!((standing.state, standing.opened, standing.closed), (BreakerState::Closed, 1, 1));
        assert_eq!(standing.open_time, s(62), "from 10 to 72, and no longer");
        play(&mut breaker, "eee", 91);
        assert_eq!(breaker.standing(s(91)).opened, 1, "what was before the opening is forgotten");
        play(&mut breaker, "e", 92);
        let standing = breaker.standing(s(95));
        assert_eq!((standing.state, standing.opened, standing.open_time), (BreakerState::Open, 2, s(65)));
    }

    #[test]
    fn what_was_under_way_when_it_opened_is_no_probe() {
        let mut breaker = Breaker::new(&POLICY, PATIENCE);
        for _ in 0..6 {
            breaker.sent(s(0));
        }
        (0..4).for_each(|_| hear(&mut breaker, 'e', 1));
        hear(&mut breaker, 'g', 2);
        assert!(!breaker.may(s(31)), "one is still under way");
        hear(&mut breaker, 'g', 32);
        assert!(breaker.may(s(32)));
        assert_eq!(breaker.standing(s(32)).state, BreakerState::HalfOpen, "two late good ones have closed nothing");
    }

    #[test]
    fn what_never_comes_back_does_not_keep_it_open_for_ever() {
        let mut breaker = Breaker::new(&POLICY, PATIENCE);
        breaker.sent(s(0));
        play(&mut breaker, "eeee", 1);
        assert!(!breaker.may(s(34)));
        assert!(breaker.may(s(35)), "30 s, and 4 s for the lost one");
        breaker.sent(s(35));
        assert!(!breaker.may(s(38)));
        assert!(breaker.may(s(39)), "the probe is lost too");
        breaker.unsent();
        assert!(breaker.may(s(39)), "a probe that was never sent makes room at once");
    }
}

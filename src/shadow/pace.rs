//! When each request is to be sent, from the time stamps of the capture. Arithmetic only: no clock, no sleeping.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::exchange::Timestamp;

/// The longest wait that a pause in the capture makes, in time of the run. A longer one is cut to this: hours in which
/// nobody asked tell nothing about load.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A time stamp further than this before the latest one means that the capturing clock was set back (or that the next
/// file is older), and the pace begins anew from it. Nearer ones are exchanges that began earlier and ended later.
pub const CLOCK_STEP: Duration = Duration::from_secs(60);

/// How fast a capture is played.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Pace {
    /// As captured.
    #[default]
    Original,
    /// So many times as fast: 2 halves every pause.
    Times(f64),
    /// As fast as places in flight become free.
    Max,
}

/// Why a text is no pace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no pace; write 'original', 'max', or a factor above 0 with an x, such as '2x' or '0.5x'")]
pub struct PaceError(String);

impl FromStr for Pace {
    type Err = PaceError;

    fn from_str(text: &str) -> Result<Pace, PaceError> {
        match text {
            "original" => Ok(Pace::Original),
            "max" => Ok(Pace::Max),
            _ => text
                .strip_suffix('x')
                .filter(|number| number.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
                .and_then(|number| number.parse::<f64>().ok())
                .filter(|factor| (1e-6..=1e6).contains(factor))
                .map(Pace::Times)
                .ok_or_else(|| PaceError(text.to_owned())),
        }
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pace::Original => f.write_str("original"),
            Pace::Times(factor) => write!(f, "{factor}x"),
            Pace::Max => f.write_str("max"),
        }
    }
}

/// One request's turn, in time since the start of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// When the pace wanted it sent; latency counts from here. In the past where the run is behind: an open loop does
    /// not forgive the candidate the waiting that its own slowness makes (coordinated omission).
    pub intended: Duration,
    /// When to send: not before `intended`, not before now, and never closer to the one before than the rate allows.
    pub send_at: Duration,
}

/// A place in the capture's time and the same place in the run's.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    captured: Timestamp,
    run: Duration,
}

/// Gives every request its turn, in the order in which they are handed in.
#[derive(Debug)]
pub struct Pacer {
    /// None: max.
    factor: Option<f64>,
    /// Least time between two requests, from the rate.
    spacing: Duration,
    anchor: Option<Anchor>,
    latest: Timestamp,
    last: Option<Turn>,
}

impl Pacer {
    /// A pacer for one run. `rate`: requests a second at most; what is not above 0 is taken for no limit.
    pub fn new(pace: Pace, rate: Option<f64>) -> Pacer {
        let factor = match pace {
            Pace::Original => Some(1.0),
            Pace::Times(factor) => Some(factor),
            Pace::Max => None,
        };
        let spacing = rate
            .filter(|rate| *rate > 0.0)
            .and_then(|rate| Duration::try_from_secs_f64(rate.recip()).ok())
            .unwrap_or_default();
        Pacer { factor, spacing, anchor: None, latest: Timestamp::default(), last: None }
    }

    /// The turn of a request that began at `request_start` in the capture. Ask with a free place in flight in hand, so
    /// that `now` is when it could be sent: at [`Pace::Max`] that is the intended time, and the latency is
    /// then the candidate's alone and no queueing figure.
    ///
    /// The first request is due now. One that began before one that was handed in earlier is due with it: sources yield
    /// exchanges as they end, and that is not the candidate's delay. With a rate, intended times too are at least one
    /// spacing apart, because keeping to the rate is not its delay either.
    pub fn turn(&mut self, request_start: Timestamp, now: Duration) -> Turn {
        let paced = match self.factor {
            Some(factor) => self.paced(request_start, now, factor),
            None => now,
        };
        let turn = match self.last {
            None => Turn { intended: paced, send_at: paced.max(now) },
            Some(last) => {
                let intended = paced.max(last.intended.saturating_add(self.spacing));
                let send_at = intended.max(now).max(last.send_at.saturating_add(self.spacing));
                // At max pace the wait for the rate is ours.
                Turn { intended: if self.factor.is_none() { send_at } else { intended }, send_at }
            }
        };
        self.last = Some(turn);
        turn
    }

    /// The run's time for a time of the capture.
    fn paced(&mut self, captured: Timestamp, now: Duration, factor: f64) -> Duration {
        let last = self.last.map_or(now, |last| last.intended);
        let Some(anchor) = self.anchor else {
            return self.anchor_at(captured, now);
        };
        if captured <= self.latest {
            let stepped_back = self.latest.since(captured) > CLOCK_STEP;
            return if stepped_back { self.anchor_at(captured, last) } else { last };
        }
        let passed = captured.since(anchor.captured).as_secs_f64() / factor;
        let due = Duration::try_from_secs_f64(passed).map_or(Duration::MAX, |d| anchor.run.saturating_add(d));
        let pause = Duration::try_from_secs_f64(captured.since(self.latest).as_secs_f64() / factor);
        if pause.map_or(true, |pause| pause > LONGEST_PAUSE) {
            return self.anchor_at(captured, last.saturating_add(LONGEST_PAUSE));
        }
        self.latest = captured;
        due
    }

    fn anchor_at(&mut self, captured: Timestamp, run: Duration) -> Duration {
        self.anchor = Some(Anchor { captured, run });
        self.latest = captured;
        run
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp(1_700_000_000_000_000_000 + millis * 1_000_000)
    }

    fn intended(pacer: &mut Pacer, stamps: &[i64]) -> Vec<u128> {
        stamps.iter().map(|t| pacer.turn(at(*t), ms(5)).intended.as_millis()).collect()
    }

    #[test]
    fn paces_are_read_and_shown() {
        for (text, pace) in
            [("original", Pace::Original), ("max", Pace::Max), ("2x", Pace::Times(2.0)), ("0.5x", Pace::Times(0.5))]
        {
            assert_eq!(text.parse(), Ok(pace));
            assert_eq!(pace.to_string(), text);
        }
        for text in ["", "2", "x", "0x", "-1x", "1e3x", "infx", "nanx", "fast", "2 x", "99999999x"] {
            let message = text.parse::<Pace>().unwrap_err().to_string();
            assert!(message.contains(text) && message.contains("'2x'"), "{message}");
        }
    }

    #[test]
    fn pauses_are_kept_and_scaled() {
        let stamps = [0, 10, 10, 250];
        assert_eq!(intended(&mut Pacer::new(Pace::Original, None), &stamps), [5, 15, 15, 255]);
        assert_eq!(intended(&mut Pacer::new(Pace::Times(2.0), None), &stamps), [5, 10, 10, 130]);
        assert_eq!(intended(&mut Pacer::new(Pace::Times(0.5), None), &stamps), [5, 25, 25, 505]);
    }

    #[test]
    fn being_behind_does_not_move_the_intended_time() {
        let mut pacer = Pacer::new(Pace::Original, None);
        pacer.turn(at(0), ms(0));
        assert_eq!(pacer.turn(at(10), ms(900)), Turn { intended: ms(10), send_at: ms(900) });
        assert_eq!(pacer.turn(at(20), ms(901)), Turn { intended: ms(20), send_at: ms(901) });
        assert_eq!(pacer.turn(at(2000), ms(902)), Turn { intended: ms(2000), send_at: ms(2000) });
    }

    #[test]
    fn an_exchange_that_began_earlier_is_due_with_the_one_before_it() {
        assert_eq!(intended(&mut Pacer::new(Pace::Original, None), &[100, 50, 99, 120]), [5, 5, 5, 25]);
    }

    #[test]
    fn a_clock_set_back_begins_anew_and_a_long_pause_is_cut() {
        let hour = 3_600_000;
        let mut pacer = Pacer::new(Pace::Original, None);
        assert_eq!(intended(&mut pacer, &[hour, hour + 10, 0, 10, 20]), [5, 15, 15, 25, 35]);
        let longest = LONGEST_PAUSE.as_millis();
        let mut pacer = Pacer::new(Pace::Original, None);
        assert_eq!(intended(&mut pacer, &[0, hour, hour + 10]), [5, 5 + longest, 15 + longest]);
        let mut pacer = Pacer::new(Pace::Times(1e-6), None);
        assert_eq!(intended(&mut pacer, &[0, 1000]), [5, 5 + longest]);
        for stamp in [i64::MIN, i64::MAX, 0] {
            assert!(pacer.turn(Timestamp(stamp), ms(5)).send_at < ms(500_000));
        }
    }

    #[test]
    fn the_rate_spaces_what_is_intended_and_what_is_sent() {
        let mut pacer = Pacer::new(Pace::Original, Some(100.0));
        assert_eq!(intended(&mut pacer, &[0, 1, 2, 100, 101]), [5, 15, 25, 105, 115]);
        // Behind by a second: the intended times stand, but the catching up keeps to the rate.
        assert_eq!(pacer.turn(at(150), ms(1155)), Turn { intended: ms(155), send_at: ms(1155) });
        assert_eq!(pacer.turn(at(151), ms(1155)), Turn { intended: ms(165), send_at: ms(1165) });
        assert_eq!(pacer.turn(at(152), ms(1155)), Turn { intended: ms(175), send_at: ms(1175) });
    }

    #[test]
    fn at_max_pace_the_intended_time_is_when_a_place_was_free() {
        let mut pacer = Pacer::new(Pace::Max, None);
        assert_eq!(pacer.turn(at(0), ms(3)), Turn { intended: ms(3), send_at: ms(3) });
        assert_eq!(pacer.turn(at(90_000), ms(3)), Turn { intended: ms(3), send_at: ms(3) });
        assert_eq!(pacer.turn(at(5), ms(40)), Turn { intended: ms(40), send_at: ms(40) });
        let mut limited = Pacer::new(Pace::Max, Some(50.0));
        assert_eq!(limited.turn(at(0), ms(3)).send_at, ms(3));
        assert_eq!(limited.turn(at(0), ms(3)), Turn { intended: ms(23), send_at: ms(23) });
        assert_eq!(Pacer::new(Pace::Max, Some(0.0)).spacing, Duration::ZERO);
    }
}

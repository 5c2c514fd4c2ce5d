//! Time as the capture tells it.

use std::fmt;
use std::time::Duration;

/// Nanoseconds since the Unix epoch, by the clock of whoever captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The time passed since `earlier`; zero where the clock ran backwards.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with as many fractional digits as are needed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(time) => time.fmt(f),
            Err(_) => write!(f, "{}ns", self.0),
        }
    }
}

/// Writes many time stamps: those of one second share most of the work, which matters where there is a row an
/// exchange.
#[derive(Debug, Default)]
pub struct TimeText {
    second: Option<i64>,
    text: String,
    /// Length of the part that the second's time stamps share.
    shared: usize,
}

impl TimeText {
    /// The same text as the time stamp's own.
    pub fn of(&mut self, time: Timestamp) -> &str {
        const NANOS: i64 = 1_000_000_000;
        let (second, nanos) = (time.0.div_euclid(NANOS), time.0.rem_euclid(NANOS));
        if self.second != Some(second) {
            self.text = Timestamp(second.saturating_mul(NANOS)).to_string();
            self.text.pop();
            self.shared = self.text.len();
            self.second = Some(second);
        }
        self.text.truncate(self.shared);
        if nanos > 0 {
            let digits = format!(".{nanos:09}");
            self.text.push_str(digits.trim_end_matches('0'));
        }
        self.text.push('Z');
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_as_rfc_3339() {
        assert_eq!(Timestamp(1_500_000_000).to_string(), "1970-01-01T00:00:01.5Z");
    }

    #[test]
    fn many_are_written_as_each_by_itself() {
        let mut text = TimeText::default();
        for nanos in [
            0,
            1,
            999_999_999,
            1_500_000_000,
            1_500_000_010,
            1_000_000_000,
            -1,
            -2_500_000_000,
            1_795_000_000_123_456_000,
        ] {
            assert_eq!(text.of(Timestamp(nanos)), Timestamp(nanos).to_string());
        }
    }

    #[test]
    fn a_clock_that_runs_backwards_gives_zero() {
        assert_eq!(Timestamp(5).since(Timestamp(9)), Duration::ZERO);
        assert_eq!(Timestamp(i64::MIN).since(Timestamp(i64::MAX)), Duration::ZERO);
    }
}

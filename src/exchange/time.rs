//! Time as the capture tells it.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

const NANOS_AN_HOUR: i64 = 3_600_000_000_000;
const NANOS_A_DAY: i64 = 24 * NANOS_AN_HOUR;

/// Nanoseconds since the Unix epoch, by the clock of whoever captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Now, by the clock of this machine, which is the one that captures here have.
    pub fn now() -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }

    /// The time passed since `earlier`; zero where the clock ran backwards.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// From RFC 3339, as it is shown; None for what is no time, or out of range.
    pub fn parse(text: &str) -> Option<Timestamp> {
        let time: jiff::Timestamp = text.parse().ok()?;
        i64::try_from(time.as_nanosecond()).ok().map(Timestamp)
    }

    /// The day in UTC.
    pub fn day(self) -> Day {
        // At most 106,752 days on either side.
        Day(self.0.div_euclid(NANOS_A_DAY) as i32)
    }

    /// The hour of its day in UTC, 0 to 23.
    pub fn hour(self) -> u8 {
        (self.0.rem_euclid(NANOS_A_DAY) / NANOS_AN_HOUR) as u8
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

/// A day in UTC: days since 1970-01-01, by the clock of whoever captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Day(pub i32);

impl fmt::Display for Day {
    /// `2026-11-21`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = jiff::Span::new().try_hours(24 * i64::from(self.0));
        match hours.and_then(|hours| jiff::Timestamp::UNIX_EPOCH.checked_add(hours)) {
            Ok(time) => f.write_str(time.to_string().get(..10).unwrap_or_default()),
            Err(_) => write!(f, "day {}", self.0),
        }
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Day {
    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date"})
    }
}

/// Hours of the day, of 24.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hours(u32);

impl Hours {
    /// None of them.
    pub const NONE: Hours = Hours(0);
    const ALL: u32 = (1 << 24) - 1;

    /// From one bit an hour, midnight's the least; None where there are more.
    pub fn from_bits(bits: u32) -> Option<Hours> {
        (bits <= Hours::ALL).then_some(Hours(bits))
    }

    /// One bit an hour.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// Puts that one in, if it is below 24.
    pub fn insert(&mut self, hour: u8) {
        self.0 |= (1 << u32::from(hour.min(31))) & Hours::ALL;
    }

    /// Those of both.
    #[must_use]
    pub fn and(self, more: Hours) -> Hours {
        Hours(self.0 | more.0)
    }

    /// Whether that one is in.
    pub fn contains(self, hour: u8) -> bool {
        hour < 24 && self.0 >> hour & 1 == 1
    }

    /// How many.
    pub fn count(self) -> u32 {
        self.0.count_ones()
    }
}

impl Serialize for Hours {
    /// As a list of numbers.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((0..24_u8).filter(|hour| self.contains(*hour)))
    }
}

impl JsonSchema for Hours {
    fn schema_name() -> Cow<'static, str> {
        "Hours".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let hour = json_schema!({"type": "integer", "minimum": 0, "maximum": 23});
        json_schema!({"type": "array", "items": hour, "uniqueItems": true, "description": "Hours of the day, UTC."})
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
        for nanos in [0, -1, 1_500_000_000, 1_795_000_000_123_456_789, i64::MAX, i64::MIN] {
            assert_eq!(Timestamp::parse(&Timestamp(nanos).to_string()), Some(Timestamp(nanos)));
        }
        assert_eq!([Timestamp::parse("<script>"), Timestamp::parse("9999-01-01T00:00:00Z")], [None, None]);
    }

    #[test]
    fn days_and_hours_are_those_of_utc() {
        let shown = |nanos| (Timestamp(nanos).day().to_string(), Timestamp(nanos).hour());
        assert_eq!(shown(1_700_000_000_000_000_000), ("2023-11-14".to_owned(), 22));
        assert_eq!(shown(0), ("1970-01-01".to_owned(), 0));
        assert_eq!(shown(-1), ("1969-12-31".to_owned(), 23));
        assert_eq!(shown(NANOS_A_DAY), ("1970-01-02".to_owned(), 0));
        assert_eq!(shown(i64::MIN).0, "1677-09-21");
        assert_eq!(shown(i64::MAX).0, "2262-04-11");
        assert_eq!(Day(i32::MAX).to_string(), "day 2147483647");
        let mut hours = Hours::NONE;
        [3, 23, 0, 3, 24, 200].into_iter().for_each(|hour| hours.insert(hour));
        assert_eq!((hours.count(), serde_json::to_string(&hours).unwrap()), (3, "[0,3,23]".to_owned()));
        assert_eq!((Hours::from_bits(hours.bits()), Hours::from_bits(1 << 24)), (Some(hours), None));
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

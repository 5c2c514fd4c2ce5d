//! Numbers that may differ by a little: decimals, compared exactly as long as they fit.

/// A decimal number: mantissa x 10^exponent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    mantissa: i128,
    exponent: i32,
}

/// How far two numbers may lie apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tolerance {
    /// By at most this much.
    Absolute(Decimal),
    /// By at most this share of the legacy's number, in percent.
    Percent(Decimal),
}

/// Digits that are kept exactly: with these, the differences and products below still fit.
const MAX_DIGITS: usize = 30;

impl Decimal {
    /// Reads a JSON number, also one with a leading `+`. None where it is none, or where it has more than 30
    /// significant digits or an exponent past a million: such a number is never called close.
    pub fn parse(text: &str) -> Option<Decimal> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (number, exponent) = match rest.find(['e', 'E']) {
            Some(at) => (&rest[..at], rest[at + 1..].parse::<i32>().ok().filter(|e| e.abs() <= 1_000_000)?),
            None => (rest, 0),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() || (number.contains('.') && fraction.is_empty()) {
            return None;
        }
        if !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
            return None;
        }
        let digits = format!("{whole}{fraction}");
        let kept = digits.trim_end_matches('0');
        let zeroes = i32::try_from(digits.len() - kept.len()).ok()?;
        let significant = kept.trim_start_matches('0');
        if significant.is_empty() {
            return Some(Decimal { mantissa: 0, exponent: 0 });
        }
        if significant.len() > MAX_DIGITS {
            return None;
        }
        let mantissa: i128 = significant.parse().ok()?;
        let exponent = exponent.checked_add(zeroes)?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
        Some(Decimal { mantissa: if negative { -mantissa } else { mantissa }, exponent })
    }

    /// Whether it is below zero.
    pub fn is_negative(self) -> bool {
        self.mantissa < 0
    }

    fn magnitude(self) -> Decimal {
        Decimal { mantissa: self.mantissa.abs(), ..self }
    }

    /// Both mantissas at the smaller exponent, where they fit.
    fn aligned(self, other: Decimal) -> Option<(i128, i128, i32)> {
        let exponent = match (self.mantissa, other.mantissa) {
            (0, _) => other.exponent,
            (_, 0) => self.exponent,
            _ => self.exponent.min(other.exponent),
        };
        let at = |d: Decimal| {
            if d.mantissa == 0 {
                return Some(0);
            }
            let power = u32::try_from(i64::from(d.exponent) - i64::from(exponent)).ok()?;
            d.mantissa.checked_mul(10i128.checked_pow(power)?)
        };
        Some((at(self)?, at(other)?, exponent))
    }

    /// How many digits it needs behind the point: `12.50` one, `1e3` none.
    pub fn fraction_digits(self) -> u32 {
        self.exponent.min(0).unsigned_abs()
    }

    /// The exact difference; None where it does not fit into 128 bits.
    pub fn minus(self, other: Decimal) -> Option<Decimal> {
        let (a, b, exponent) = self.aligned(other)?;
        Some(Decimal { mantissa: a.checked_sub(b)?, exponent })
    }

    fn at_most(self, other: Decimal) -> Option<bool> {
        let (a, b, _) = self.aligned(other)?;
        Some(a <= b)
    }

    /// This share of a number, this being percent.
    fn percent_of(self, whole: Decimal) -> Option<Decimal> {
        Some(Decimal {
            mantissa: self.mantissa.checked_mul(whole.mantissa)?,
            exponent: self.exponent.checked_add(whole.exponent)?.checked_sub(2)?,
        })
    }

    /// The nearest binary number.
    pub fn to_f64(self) -> f64 {
        format!("{}e{}", self.mantissa, self.exponent).parse().unwrap_or(f64::NAN)
    }
}

impl Tolerance {
    /// Whether the candidate's number is close enough to the legacy's. Exact; where the arithmetic does not fit
    /// into 128 bits the two are so far apart, or so long, that binary numbers decide, and not a number is never close.
    pub fn holds(self, legacy: Decimal, candidate: Decimal) -> bool {
        let exact = || {
            let apart = legacy.minus(candidate)?.magnitude();
            let allowed = match self {
                Tolerance::Absolute(limit) => limit,
                Tolerance::Percent(share) => share.percent_of(legacy.magnitude())?,
            };
            apart.at_most(allowed)
        };
        exact().unwrap_or_else(|| {
            let (legacy, candidate) = (legacy.to_f64(), candidate.to_f64());
            let allowed = match self {
                Tolerance::Absolute(limit) => limit.to_f64(),
                Tolerance::Percent(share) => share.to_f64() / 100.0 * legacy.abs(),
            };
            (legacy - candidate).abs() <= allowed && allowed.is_finite()
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn holds(tolerance: &str, legacy: &str, candidate: &str) -> bool {
        let number = |text: &str| Decimal::parse(text).unwrap();
        let tolerance = match tolerance.strip_suffix('%') {
            Some(percent) => Tolerance::Percent(number(percent)),
            None => Tolerance::Absolute(number(tolerance)),
        };
        tolerance.holds(number(legacy), number(candidate))
    }

    #[test]
    fn the_border_is_exact() {
        // In binary, 0.3 - 0.2 is more than 0.1.
        assert!(holds("0.1", "0.3", "0.2"));
        assert!(!holds("0.1", "0.30000000000000000001", "0.2"));
        assert!(holds("0.01", "12.99", "13"));
        assert!(!holds("0.01", "12.98", "13.00"));
        assert!(holds("1%", "100", "101") && holds("1%", "-100", "-99"));
        assert!(!holds("1%", "100", "101.0000000001"));
        assert!(holds("0", "1e2", "100.0"));
        assert!(!holds("1%", "0", "0.0001"));
        assert!(holds("5", "0", "5") && holds("5", "5", "0") && !holds("5", "-5", "1"));
    }

    #[test]
    fn numbers_far_apart_are_not_close_whatever_their_size() {
        assert!(!holds("1", "1e300", "1e-300"));
        assert!(!holds("1%", "1e999999", "2e999999"));
        assert!(holds("1%", "1e300", "1.001e300"));
        assert!(!holds("1", "1e400", "2e400"));
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in ["", "-", ".", "1.", ".5", "1e", "1e9999999999", "0x1", "1 ", "1234567890123456789012345678901"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
        assert_eq!(Decimal::parse("-0.0"), Decimal::parse("0"));
        assert_eq!(Decimal::parse("1.50"), Decimal::parse("15e-1"));
    }

    proptest! {
        #[test]
        fn integers_agree_with_integer_arithmetic(a in -1_000_000i64..1_000_000, b in -1_000_000i64..1_000_000, t in 0i64..2_000_000) {
            prop_assert_eq!(holds(&t.to_string(), &a.to_string(), &b.to_string()), (a - b).abs() <= t);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[-+]?[0-9]{0,40}\\.?[0-9]{0,40}(e[-+]?[0-9]{0,9})?") {
            if let Some(number) = Decimal::parse(&text) {
                Tolerance::Percent(number).holds(number, number);
            }
        }
    }
}

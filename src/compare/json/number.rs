//! Numbers by their exact decimal value (RFC 8259, section 6), whatever their length, without floats.

use std::cmp::Ordering;

/// Exponents of more digits than this are kept as digits.
const SMALL_DIGITS: usize = 30;
const SMALL: i128 = 10i128.pow(SMALL_DIGITS as u32);

/// A number in one form only: `0.d1d2d3... x 10^exponent`, d1 and the last digit not zero. Zero has no digits.
#[derive(Debug)]
pub(super) struct Decimal<'t> {
    pub(super) negative: bool,
    /// The digits, in two parts because a point may stand between them.
    whole: &'t [u8],
    fraction: &'t [u8],
    pub(super) exponent: Exponent,
}

/// A whole number; those that an i128 can count with in one form, all others in the other.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Exponent {
    Small(i128),
    Large { negative: bool, digits: Vec<u8> },
}

impl Decimal<'_> {
    /// Reads a JSON number. Zero is zero, whatever its sign and exponent.
    pub(super) fn of(text: &[u8]) -> Decimal<'_> {
        let (negative, text) = text.strip_prefix(b"-").map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = split(text, |b| matches!(b, b'e' | b'E'));
        let (whole, fraction) = split(mantissa, |b| *b == b'.');
        let point = whole.len() as i128;
        let (mut whole, mut fraction) = (without_leading_zeros(whole), without_trailing_zeros(fraction));
        let mut zeros = point - whole.len() as i128;
        if whole.is_empty() {
            let all = fraction.len();
            fraction = without_leading_zeros(fraction);
            zeros += (all - fraction.len()) as i128;
        }
        if fraction.is_empty() {
            whole = without_trailing_zeros(whole);
        }
        if whole.is_empty() && fraction.is_empty() {
            return Decimal { negative: false, whole, fraction, exponent: Exponent::Small(0) };
        }
        Decimal { negative, whole, fraction, exponent: Exponent::of(exponent, point - zeros) }
    }

    pub(super) fn digits(&self) -> impl Iterator<Item = u8> {
        self.whole.iter().chain(self.fraction).copied()
    }
}

impl PartialEq for Decimal<'_> {
    fn eq(&self, other: &Decimal) -> bool {
        self.negative == other.negative && self.exponent == other.exponent && self.digits().eq(other.digits())
    }
}

fn split(text: &[u8], at: impl Fn(&u8) -> bool) -> (&[u8], &[u8]) {
    let mut parts = text.splitn(2, at);
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

impl Exponent {
    /// The number written as `text`, plus `more` (which is at most a text's length).
    fn of(text: &[u8], more: i128) -> Exponent {
        let (negative, digits) = match text.split_first() {
            Some((b'-', rest)) => (true, rest),
            Some((b'+', rest)) => (false, rest),
            _ => (false, text),
        };
        let digits = without_leading_zeros(digits);
        if digits.len() <= SMALL_DIGITS {
            let value = digits.iter().fold(0i128, |sum, d| sum * 10 + i128::from(d - b'0'));
            return Exponent::of_value(if negative { -value } else { value } + more);
        }
        let digits = add(digits, if negative { -more } else { more });
        match digits.len().cmp(&(SMALL_DIGITS + 1)) {
            Ordering::Less => Exponent::of(&[if negative { &b"-"[..] } else { b"" }, &digits].concat(), 0),
            _ => Exponent::Large { negative, digits },
        }
    }

    fn of_value(value: i128) -> Exponent {
        if value.abs() < SMALL {
            Exponent::Small(value)
        } else {
            Exponent::Large { negative: value < 0, digits: value.unsigned_abs().to_string().into_bytes() }
        }
    }
}

fn without_leading_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|d| **d == b'0').count();
    digits.get(zeros..).unwrap_or_default()
}

fn without_trailing_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().rev().take_while(|d| **d == b'0').count();
    digits.get(..digits.len() - zeros).unwrap_or_default()
}

/// `digits + more` in decimal, for a `more` that is smaller than `digits`.
fn add(digits: &[u8], more: i128) -> Vec<u8> {
    let mut sum = digits.to_vec();
    let mut carry = more;
    for digit in sum.iter_mut().rev() {
        if carry == 0 {
            break;
        }
        let here = i128::from(*digit - b'0') + carry;
        *digit = b'0' + here.rem_euclid(10) as u8;
        carry = here.div_euclid(10);
    }
    if carry > 0 {
        sum.splice(0..0, carry.to_string().into_bytes());
    }
    without_leading_zeros(&sum).to_vec()
}

/// Whether two numbers have the same value.
pub(in crate::compare) fn equal(left: &[u8], right: &[u8]) -> bool {
    // Whole numbers without exponent have one spelling each, but for zero.
    let whole = |text: &[u8]| text.iter().all(|b| matches!(b, b'0'..=b'9' | b'-')) && text != b"-0";
    left == right || (!(whole(left) && whole(right)) && Decimal::of(left) == Decimal::of(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_has_many_spellings() {
        for group in [
            &["1", "1.0", "1.000", "10e-1", "0.1E1", "0.01e+02", "1e0", "1e-0", "1E+00"][..],
            &["0", "-0", "0.0", "0e5", "-0.000e-99999999999999999999999999999999999999"],
            &["-120", "-1.2e2", "-0.12e3", "-120.0", "-12000E-2"],
            &["10000000000000000999", "10000000000000000999.0", "1.0000000000000000999e19"],
            &["1e999999999", "10e999999998", "0.1e1000000000"],
            &[
                "1e1000000000000000000000000000000",
                "10e999999999999999999999999999999",
                "0.1e1000000000000000000000000000001",
            ],
            &[
                "1e-1000000000000000000000000000000000",
                "10e-1000000000000000000000000000000001",
                "0.001e-999999999999999999999999999999997",
            ],
        ] {
            for a in group {
                for b in group {
                    assert!(equal(a.as_bytes(), b.as_bytes()), "{a} {b}");
                }
            }
        }
    }

    #[test]
    fn other_values_are_told_apart() {
        let numbers = [
            "0",
            "1",
            "-1",
            "10",
            "0.1",
            "1.000000000000000005",
            "10000000000000000999",
            "10000000000000001000",
            "1e400",
            "1e401",
            "-1e400",
            "1e-400",
            "1e999999999999999999999999999999",
            "1e1000000000000000000000000000000",
            "1e1000000000000000000000000000001",
            "1e-1000000000000000000000000000001",
            "12",
            "1.2",
            "21",
        ];
        for (i, a) in numbers.iter().enumerate() {
            for (j, b) in numbers.iter().enumerate() {
                assert_eq!(equal(a.as_bytes(), b.as_bytes()), i == j, "{a} {b}");
            }
        }
    }
}

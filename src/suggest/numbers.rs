//! Numbers that are nearly the same: a rounding, or a wrong sum. Money and counts are never called rounded.

use super::evidence::Group;
use super::facts::Facts;
use super::identity::names_identity;
use super::noise::{Finding, Noise, Says};
use crate::rules::{Decimal, Tolerance};

/// As far apart as this, as a share of the value, two numbers differ by the arithmetic of binary fractions alone.
const BINARY: f64 = 1e-9;
/// What is further apart than this share of the value is not rounded.
const MAX_ROUNDING: f64 = 1e-3;
/// With no more decimals than these a number may be money, whose last digit counts.
const MONEY_DIGITS: u32 = 2;
/// Values so far apart in size get a tolerance in percent.
const WIDE: f64 = 1e3;

struct Numbers {
    pairs: Vec<(Decimal, Decimal)>,
    /// Legacy and candidate as binary numbers.
    values: Vec<(f64, f64)>,
    /// The most decimals that each side writes.
    digits: (u32, u32),
}

/// What the numbers look like; None where the values are none, or may be identities.
pub(super) fn read(group: &Group<'_>, facts: &Facts) -> Option<Finding> {
    let numbers = numbers(group, facts)?;
    let n = numbers.values.len();
    if let Some(why) = shift(&numbers) {
        return Some(Finding::Not(why));
    }
    if numbers.digits == (0, 0) {
        return integers(&numbers, group);
    }
    if numbers.furthest() <= BINARY {
        return Some(noise(&numbers, "by the arithmetic of binary fractions alone"));
    }
    if let Some(why) = grows(&numbers) {
        return Some(Finding::Not(why));
    }
    let above = numbers.values.iter().filter(|(legacy, candidate)| candidate > legacy).count();
    if above == 0 || above == n {
        let way = if above == 0 { "below" } else { "above" };
        return Some(Finding::not(format!(
            "one direction only: the candidate is {way} the legacy in each of {n} pairs of numbers; cut off or summed otherwise, not rounded"
        )));
    }
    let fewer = numbers.digits.0.min(numbers.digits.1);
    if numbers.digits.0 != numbers.digits.1 && numbers.all_within(&half_a_unit(fewer)) {
        let seen = format!(
            "{n} pairs of numbers, the candidate's above in {above}, with at most {} decimals at the legacy and {} at the candidate: the same but for rounding",
            numbers.digits.0, numbers.digits.1
        );
        return Some(rounding(half_a_unit(fewer), seen, Vec::new()));
    }
    if fewer <= MONEY_DIGITS {
        return Some(Finding::not(format!(
            "numbers with at most {fewer} decimals, {above} of {n} pairs above and the others below: the last digit of an amount counts; where it is agreed that it does not, write a tolerance by hand"
        )));
    }
    if numbers.furthest() > MAX_ROUNDING {
        return Some(Finding::not(format!(
            "as far apart as {:.3}%: too much for a rounding",
            numbers.furthest() * 100.0
        )));
    }
    Some(noise(&numbers, "in both directions"))
}

fn numbers(group: &Group<'_>, facts: &Facts) -> Option<Numbers> {
    let mut numbers = Numbers { pairs: Vec::new(), values: Vec::new(), digits: (0, 0) };
    for sides in &facts.sides {
        let (legacy, candidate) = sides.both(group.spot.is_json())?;
        let (ours, theirs) = (Decimal::parse(legacy.text()?)?, Decimal::parse(candidate.text()?)?);
        numbers.pairs.push((ours, theirs));
        numbers.values.push((ours.to_f64(), theirs.to_f64()));
        numbers.digits.0 = numbers.digits.0.max(ours.fraction_digits());
        numbers.digits.1 = numbers.digits.1.max(theirs.fraction_digits());
    }
    (!numbers.pairs.is_empty()).then_some(numbers)
}

/// The same number added, or multiplied by, everywhere.
fn shift(numbers: &Numbers) -> Option<String> {
    let n = numbers.pairs.len();
    let apart: Option<Vec<Decimal>> = numbers.pairs.iter().map(|(ours, theirs)| theirs.minus(*ours)).collect();
    let apart = apart?;
    let first = apart.first().copied()?;
    let is_zero = |d: &Decimal| d.to_f64() == 0.0;
    if apart.iter().all(|d| d.minus(first).is_some_and(|d| is_zero(&d))) {
        return Some(format!(
            "a constant shift: the candidate is {:+} in each of {n} pairs of numbers",
            first.to_f64()
        ));
    }
    let ratios: Vec<f64> = numbers.values.iter().filter(|(a, _)| *a != 0.0).map(|(a, b)| b / a).collect();
    let (least, most) = ratios.iter().fold((f64::MAX, f64::MIN), |(l, m), r| (l.min(*r), m.max(*r)));
    let off = (most - 1.0).abs().max((least - 1.0).abs());
    let steady = ratios.len() == n && off > BINARY && (most - least) <= 0.05 * off;
    steady.then(|| {
        format!(
            "a constant factor: the candidate is {:.4} times the legacy in each of {n} pairs of numbers",
            (least + most) / 2.0
        )
    })
}

fn integers(numbers: &Numbers, group: &Group<'_>) -> Option<Finding> {
    let n = numbers.values.len();
    let large = numbers.values.iter().all(|(a, _)| a.abs() > 1e9);
    if large && numbers.furthest() <= BINARY {
        return Some(Finding::not(
            "long integers whose last digits differ: they have gone through a floating-point number",
        ));
    }
    if names_identity(group.spot.word()) || !group.spot.is_json() {
        return None;
    }
    let above = numbers.values.iter().filter(|(a, b)| b > a).count();
    let way = match above {
        0 => "; the candidate is always below".to_owned(),
        above if above == n => "; the candidate is always above".to_owned(),
        above => format!("; the candidate is above in {above} of {n} pairs of numbers"),
    };
    Some(Finding::not(format!("whole numbers without the name of an identity: counts are not rounded{way}")))
}

/// Differences that grow with the value: a rate, a tax, a currency. Pearson's r of the two magnitudes.
fn grows(numbers: &Numbers) -> Option<String> {
    let points: Vec<(f64, f64)> = numbers.values.iter().map(|(a, b)| (a.abs(), (b - a).abs())).collect();
    let n = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (mean_x, mean_y) = (mean(|p| p.0), mean(|p| p.1));
    let sum = |of: &dyn Fn(f64, f64) -> f64| points.iter().map(|(x, y)| of(x - mean_x, y - mean_y)).sum::<f64>();
    let (xx, yy, xy) = (sum(&|x, _| x * x), sum(&|_, y| y * y), sum(&|x, y| x * y));
    let r = xy / (xx * yy).sqrt();
    (r > 0.9).then(|| {
        format!("the difference grows with the value (r = {r:.2}): a rate, a tax or a currency, not a rounding")
    })
}

impl Numbers {
    /// The furthest that two of them lie apart, as a share of the larger.
    fn furthest(&self) -> f64 {
        let apart = |(a, b): &(f64, f64)| (b - a).abs() / a.abs().max(b.abs()).max(f64::MIN_POSITIVE);
        self.values.iter().map(apart).fold(0.0, f64::max)
    }

    fn all_within(&self, tolerance: &str) -> bool {
        let tolerance = match tolerance.strip_suffix('%') {
            Some(percent) => Decimal::parse(percent).map(Tolerance::Percent),
            None => Decimal::parse(tolerance).map(Tolerance::Absolute),
        };
        tolerance.is_some_and(|tolerance| self.pairs.iter().all(|(a, b)| tolerance.holds(*a, *b)))
    }

    /// The smallest of 1, 2 and 5 times a power of ten that covers all of them.
    fn smallest(&self) -> Option<String> {
        let sizes = || self.values.iter().map(|(a, _)| a.abs()).filter(|a| *a > 0.0);
        let wide = sizes().fold(0.0, f64::max) > WIDE * sizes().fold(f64::MAX, f64::min);
        let unit = if wide { "%" } else { "" };
        (-20..=6)
            .flat_map(|power| [1, 2, 5].map(|digit| format!("{}{unit}", written(digit, power))))
            .find(|tolerance| self.all_within(tolerance))
    }
}

/// Half of the last of so many decimals: what rounding to it takes or adds at most.
fn half_a_unit(digits: u32) -> String {
    written(5, -i32::try_from(digits).unwrap_or(i32::MAX).saturating_add(1))
}

/// `digit` x 10^`power` as people write it.
fn written(digit: u32, power: i32) -> String {
    match usize::try_from(power) {
        Ok(zeroes) => format!("{digit}{}", "0".repeat(zeroes)),
        Err(_) => format!("0.{}{digit}", "0".repeat((power.unsigned_abs() as usize).saturating_sub(1).min(30))),
    }
}

fn noise(numbers: &Numbers, how: &str) -> Finding {
    let n = numbers.pairs.len();
    match numbers.smallest() {
        Some(tolerance) => {
            let seen = format!("{n} pairs of numbers differ by {tolerance} at most, {how}");
            let doubts = vec!["nothing shows which of the two is right".to_owned()];
            rounding(tolerance, seen, doubts)
        }
        None => Finding::not("numbers too far apart for a rounding"),
    }
}

fn rounding(tolerance: String, seen: String, doubts: Vec<String>) -> Finding {
    Finding::Noise(Noise { what: "rounding", says: Says::Tolerance(tolerance), seen, doubts })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerances_are_written_as_people_write_them() {
        let all = [(1, 0), (2, -1), (5, -3), (1, 2)].map(|(digit, power)| written(digit, power));
        assert_eq!(all, ["1", "0.2", "0.005", "100"]);
        assert_eq!([half_a_unit(0), half_a_unit(2)], ["0.5", "0.005"]);
        assert!(Decimal::parse(&written(1, -20)).is_some());
    }
}

//! Faults in bodies that are no JSON.

use std::ops::Range;

use crate::exchange::Location;

use super::dice::Dice;
use super::seed::{Edit, MAX_PLACES, Made, pick};
use super::{FaultKind, value};

pub(super) fn in_text(kind: FaultKind, text: &str, dice: &mut Dice) -> Vec<Made> {
    match kind {
        FaultKind::LineLost => {
            let lines = lines(text);
            of_each(&lines, dice, |_, range, _| Some(vec![(range.clone(), Vec::new())]))
        }
        FaultKind::WordChanged => {
            let lines = lines(text);
            of_each(&lines, dice, |_, range, dice| {
                let words = words(text, range);
                let word = words.get(dice.below(words.len()))?;
                Some(vec![(word.clone(), value::off_by_one(text.get(word.clone())?).into_bytes())])
            })
        }
        FaultKind::BodyTruncated => whole(truncated(text.as_bytes(), dice)),
        _ => Vec::new(),
    }
}

pub(super) fn in_bytes(kind: FaultKind, bytes: &[u8], dice: &mut Dice) -> Vec<Made> {
    match kind {
        FaultKind::ValueOffByOne => {
            let changed = (0..MAX_PLACES.min(bytes.len())).filter_map(|_| {
                let at = dice.below(bytes.len());
                Some(Edit::Body(vec![(at..at + 1, vec![bytes.get(at)? ^ 1])]))
            });
            whole(changed.collect())
        }
        FaultKind::BodyTruncated => whole(truncated(bytes, dice)),
        _ => Vec::new(),
    }
}

fn whole(edits: Vec<Edit>) -> Vec<Made> {
    edits.into_iter().map(|edit| (Location::Body, edit)).collect()
}

/// A body that ends too early: somewhere before the last byte that is no blank, so that more is missing than blanks.
pub(super) fn truncated(body: &[u8], dice: &mut Dice) -> Vec<Edit> {
    let length = body.trim_ascii_end().len();
    let mut ends: Vec<usize> = (0..MAX_PLACES.min(length)).map(|_| dice.below(length)).collect();
    ends.sort_unstable();
    ends.dedup();
    ends.into_iter().map(|end| Edit::Body(vec![(end..body.len(), Vec::new())])).collect()
}

/// Each line with its line feed.
fn lines(text: &str) -> Vec<Range<usize>> {
    let mut start = 0;
    let line = |line: &str| {
        let range = start..start + line.len();
        start = range.end;
        range
    };
    text.split_inclusive('\n').map(line).collect()
}

fn words(text: &str, line: &Range<usize>) -> Vec<Range<usize>> {
    let (mut words, mut begun) = (Vec::new(), None);
    let within = text.get(line.clone()).unwrap_or_default();
    for (at, c) in within.char_indices().chain([(within.len(), ' ')]) {
        match (begun, c.is_alphanumeric()) {
            (None, true) => begun = Some(at),
            (Some(first), false) => {
                words.push(line.start + first..line.start + at);
                begun = None;
            }
            _ => {}
        }
    }
    words
}

fn of_each(
    lines: &[Range<usize>],
    dice: &mut Dice,
    make: impl Fn(usize, &Range<usize>, &mut Dice) -> Option<Vec<(Range<usize>, Vec<u8>)>>,
) -> Vec<Made> {
    let groups: Vec<u64> = (0..lines.len() as u64).collect();
    pick(&groups, dice, |at, dice| {
        let pieces = make(at, lines.get(at)?, dice)?;
        Some((Location::Text(at + 1), Edit::Body(pieces)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_their_line() {
        let text = "one, two\nthrée 4";
        let found: Vec<&str> = lines(text).iter().flat_map(|line| words(text, line)).map(|word| &text[word]).collect();
        assert_eq!(found, ["one", "two", "thrée", "4"]);
        assert!(words(" --\n", &(0..4)).is_empty());
    }
}

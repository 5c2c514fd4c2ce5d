//! Text bodies, line by line.
//!
//! A line is what ends with a line feed. Its carriage return belongs to it, so `\r\n` against `\n` is a difference, and
//! is shown: control characters are drawn with their Unicode pictures (`␍`). How fine the comparison is depends on the
//! sizes alone and never on the clock, so that the same evidence gives the same differences.

use similar::{Algorithm, DiffOp, TextDiff, capture_diff_slices};

use crate::exchange::{Difference, DifferenceKind, Location};

/// Differences that are kept; the others are counted.
pub const MAX_DIFFERENCES: usize = 100;
/// Bytes of a line that are shown.
pub const MAX_SHOWN: usize = 256;
/// The most that the numbers of differing lines on both sides may come to when multiplied, before lines are compared by
/// position only.
pub const MAX_CELLS: usize = 1 << 22;
/// Bytes of a unified diff.
pub const MAX_UNIFIED: usize = 16 << 10;
/// Lines shown around a change in a unified diff.
const CONTEXT: usize = 3;

/// What comparing two texts found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextDifferences {
    /// In the legacy's order, [`MAX_DIFFERENCES`] at most.
    pub differences: Vec<Difference>,
    /// How many more there were.
    pub more: u64,
    /// Whether the texts were too large to be aligned, so that lines behind an inserted one all differ.
    pub coarse: bool,
}

/// One line that differs, whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'t> {
    /// The legacy's line number, from 1; for a line that only the candidate has, that of the one it stands before.
    pub at: usize,
    /// The legacy's line, with its line feed.
    pub legacy: Option<&'t str>,
    /// The candidate's.
    pub candidate: Option<&'t str>,
}

/// The lines that differ.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lines<'t> {
    /// In the legacy's order, as many as were asked for.
    pub lines: Vec<Line<'t>>,
    /// How many more there were.
    pub more: u64,
    /// As [`TextDifferences::coarse`].
    pub coarse: bool,
}

/// Compares two texts line by line.
pub fn diff(legacy: &str, candidate: &str) -> TextDifferences {
    let Lines { lines, more, coarse } = lines(legacy, candidate, MAX_DIFFERENCES);
    TextDifferences { differences: lines.iter().map(Line::shown).collect(), more, coarse }
}

/// The lines that differ, of which at most `most` are kept.
pub fn lines<'t>(legacy: &'t str, candidate: &'t str, most: usize) -> Lines<'t> {
    let mut found = Lines::default();
    if legacy == candidate {
        return found;
    }
    let left: Vec<&str> = legacy.split_inclusive('\n').collect();
    let right: Vec<&str> = candidate.split_inclusive('\n').collect();
    for op in operations(&left, &right, &mut found.coarse) {
        let (old, new) = (op.old_range(), op.new_range());
        if matches!(op, DiffOp::Equal { .. }) {
            continue;
        }
        let both = old.len().min(new.len());
        for step in 0..old.len().max(new.len()) {
            if found.lines.len() >= most {
                found.more += 1;
                continue;
            }
            let legacy = (step < old.len()).then(|| left.get(old.start + step).copied()).flatten();
            let candidate = (step < new.len()).then(|| right.get(new.start + step).copied()).flatten();
            let at = old.start + if step < both { step } else { step.min(old.len()) };
            found.lines.push(Line { at: at + 1, legacy, candidate });
        }
    }
    found
}

impl TextDifferences {
    /// Whether the two are the same.
    pub fn is_empty(&self) -> bool {
        self.differences.is_empty() && self.more == 0
    }
}

impl<'t> Line<'t> {
    /// In what way it differs.
    pub fn kind(&self) -> DifferenceKind {
        match (self.legacy, self.candidate) {
            (Some(_), None) => DifferenceKind::Missing,
            (None, Some(_)) => DifferenceKind::Extra,
            _ => DifferenceKind::Value,
        }
    }

    /// Both sides, with the line feed only where it is the difference.
    pub fn sides(&self) -> (Option<&'t str>, Option<&'t str>) {
        let ended = |side: Option<&str>| side.is_none_or(|line| line.ends_with('\n'));
        let same_end = ended(self.legacy) && ended(self.candidate);
        let side = |line: &'t str| if same_end { line.trim_end_matches('\n') } else { line };
        (self.legacy.map(side), self.candidate.map(side))
    }

    /// As it is shown.
    pub fn shown(&self) -> Difference {
        let (legacy, candidate) = self.sides();
        let (legacy, candidate) = (legacy.map(visible), candidate.map(visible));
        Difference { at: Location::Text(self.at), kind: self.kind(), legacy, candidate, rule: None }
    }
}

/// What was done to the lines between the common beginning and the common end.
fn operations(left: &[&str], right: &[&str], coarse: &mut bool) -> Vec<DiffOp> {
    let ahead = left.iter().zip(right).take_while(|(a, b)| a == b).count();
    let (left, right) = (left.get(ahead..).unwrap_or_default(), right.get(ahead..).unwrap_or_default());
    let behind = left.iter().rev().zip(right.iter().rev()).take_while(|(a, b)| a == b).count();
    let left = left.get(..left.len() - behind).unwrap_or_default();
    let right = right.get(..right.len() - behind).unwrap_or_default();
    let mut found = if left.len().saturating_mul(right.len()) <= MAX_CELLS {
        capture_diff_slices(Algorithm::Myers, left, right)
    } else {
        *coarse = true;
        by_position(left, right)
    };
    for op in &mut found {
        let (DiffOp::Equal { old_index, new_index, .. }
        | DiffOp::Delete { old_index, new_index, .. }
        | DiffOp::Insert { old_index, new_index, .. }
        | DiffOp::Replace { old_index, new_index, .. }) = op;
        *old_index += ahead;
        *new_index += ahead;
    }
    found
}

fn by_position(left: &[&str], right: &[&str]) -> Vec<DiffOp> {
    let both = left.len().min(right.len());
    let pairs = left.iter().zip(right).enumerate().filter(|(_, (a, b))| a != b);
    let replaced = |at| DiffOp::Replace { old_index: at, old_len: 1, new_index: at, new_len: 1 };
    let mut found: Vec<DiffOp> = pairs.map(|(at, _)| replaced(at)).collect();
    let (old_len, new_len) = (left.len() - both, right.len() - both);
    found.push(DiffOp::Replace { old_index: both, old_len, new_index: both, new_len });
    found
}

/// A unified diff, as `diff -u` writes it, [`MAX_UNIFIED`] bytes at most: it then ends with a line that says so. For
/// texts that are too large to be aligned: a line that says so.
pub fn unified(legacy: &str, candidate: &str) -> String {
    let lines = |text: &str| text.split_inclusive('\n').count();
    if lines(legacy).saturating_mul(lines(candidate)) > MAX_CELLS {
        return "… the texts have too many lines to be shown side by side\n".to_owned();
    }
    let (legacy, candidate) = (pictures(legacy), pictures(candidate));
    let diff = TextDiff::configure().algorithm(Algorithm::Myers).diff_lines(legacy.as_str(), candidate.as_str());
    let mut text = String::from("--- legacy\n+++ candidate\n");
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        text.push_str(&hunk.to_string());
        if text.len() > MAX_UNIFIED {
            text.truncate(boundary(&text, MAX_UNIFIED));
            text.push_str("\n… cut here\n");
            break;
        }
    }
    text
}

/// Control characters but tab and line feed become their pictures.
fn pictures(text: &str) -> String {
    let picture = |c: char| match c {
        '\t' | '\n' => c,
        '\0'..' ' => char::from_u32(0x2400 + c as u32).unwrap_or(c),
        '\x7f' => '␡',
        _ => c,
    };
    text.chars().map(picture).collect()
}

/// The beginning of a line, with everything in it visible.
pub(super) fn visible(line: &str) -> String {
    let cut = boundary(line, MAX_SHOWN);
    let mut shown = pictures(line.get(..cut).unwrap_or_default()).replace('\n', "␊");
    if cut < line.len() {
        shown.push('…');
    }
    shown
}

/// The last place between characters that is not behind `most` bytes.
pub(super) fn boundary(text: &str, most: usize) -> usize {
    (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(legacy: &str, candidate: &str) -> Vec<String> {
        let text = |side: &Option<String>| side.clone().unwrap_or("-".into());
        let line = |d: &Difference| format!("{} {} {} {}", d.at, d.kind, text(&d.legacy), text(&d.candidate));
        diff(legacy, candidate).differences.iter().map(line).collect()
    }

    #[test]
    fn changed_missing_and_extra_lines_have_their_places() {
        assert_eq!(lines("a\nb\nc\n", "a\nB\nc\n"), ["body line 2 value b B"]);
        assert_eq!(lines("a\nb\nc\n", "a\nc\n"), ["body line 2 missing b -"]);
        assert_eq!(lines("a\nc\n", "a\nb\nc\n"), ["body line 2 extra - b"]);
        assert_eq!(lines("a\n", "a\nb\n"), ["body line 2 extra - b"]);
        assert_eq!(lines("a\nb\nc\nd\n", "x\na\nb\nd\n"), ["body line 1 extra - x", "body line 3 missing c -"]);
        assert!(diff("same", "same").is_empty());
    }

    #[test]
    fn line_ends_are_part_of_the_line_and_shown() {
        assert_eq!(lines("a\r\nb\n", "a\nb\n"), ["body line 1 value a␍ a"]);
        assert_eq!(lines("a\nb", "a\nb\n"), ["body line 2 value b b␊"]);
        assert_eq!(lines("\u{1b}[0m", "\t"), ["body line 1 value ␛[0m \t"]);
        assert!(unified("a\r\n", "a\n").contains("-a␍\n+a\n"));
    }

    #[test]
    fn past_the_bounds_differences_are_counted_and_lines_compared_by_position() {
        let many = |from: usize| (from..from + 3000).map(|n| format!("{n}\n")).collect::<String>();
        let found = diff(&many(0), &many(10_000));
        assert!(found.coarse);
        assert_eq!((found.differences.len(), found.more), (MAX_DIFFERENCES, 2900));
        let found = diff(&many(0), &many(0).replacen("5\n", "", 1));
        assert!(!found.coarse);
        assert_eq!(found.differences.len(), 1);
        let short = |n: usize| "x\n".repeat(n) + &"y\n".repeat(3000) + "z\n";
        assert!(!diff(&short(1), &short(4)).coarse);
        assert!(unified(&many(0), &many(10_000)).starts_with("… the texts"));
    }

    #[test]
    fn a_unified_diff_is_bounded() {
        assert_eq!(unified("a\nb\nc\n", "a\nx\nc\n"), "--- legacy\n+++ candidate\n@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n");
        let long = unified(&"é".repeat(40_000), "");
        assert!(long.len() <= MAX_UNIFIED + 32 && long.ends_with("… cut here\n"));
        assert_eq!(lines(&"é".repeat(300), ""), [format!("body line 1 missing {}… -", "é".repeat(128))]);
    }
}

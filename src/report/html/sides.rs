//! Two texts side by side, differing lines marked, equal stretches folded.

use maud::{Markup, html};
use similar::{Algorithm, DiffTag, capture_diff_slices, group_diff_ops};

use crate::exchange::Difference;
use crate::report::escape::visible;
use crate::rules::Decimal;
use crate::verdict::words::counted;

use super::answered;

/// Equal lines around a difference.
const CONTEXT: usize = 3;
/// So many rows are shown.
const MAX_ROWS: usize = 400;
/// So many lines of a text without structure.
const MAX_LINES: usize = 400;

/// One row: the lines of both sides, where they have one, by their position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    legacy: Option<usize>,
    candidate: Option<usize>,
    equal: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Row(Row),
    /// So many equal lines left out.
    Folded(usize),
}

/// What a text is: it says when two lines are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// Lines are the same where their bytes are.
    Plain,
    /// JSON laid out in lines. `12` and `12.00` are one number, and the comma before a further member says nothing.
    Json,
}

/// What two lines are compared by: the text, and the number that it ends with.
fn meaning(line: &str, sort: Sort) -> (&str, Option<Decimal>) {
    if sort == Sort::Plain {
        return (line, None);
    }
    let line = line.strip_suffix(',').unwrap_or(line);
    let start = line.rfind(' ').map_or(0, |at| at + 1);
    // A string ends with its quotation mark, so what reads as a number is one.
    match line.get(start..).and_then(Decimal::parse) {
        Some(number) => (&line[..start], Some(number)),
        None => (line, None),
    }
}

fn pieces<'a>(legacy: &[&'a str], candidate: &[&'a str], sort: Sort) -> Vec<Piece> {
    let keys = |lines: &[&'a str]| lines.iter().map(|line| meaning(line, sort)).collect::<Vec<_>>();
    let ops = capture_diff_slices(Algorithm::Myers, &keys(legacy), &keys(candidate));
    if ops.iter().all(|op| op.tag() == DiffTag::Equal) {
        let rows = (0..legacy.len().min(candidate.len())).take(2 * CONTEXT).map(|at| equal(at, at));
        let rest = legacy.len().saturating_sub(2 * CONTEXT);
        return rows.chain((rest > 0).then_some(Piece::Folded(rest))).collect();
    }
    let mut pieces = Vec::new();
    let mut shown_to = 0;
    for group in group_diff_ops(ops, CONTEXT) {
        let from = group.first().map_or(0, |op| op.old_range().start);
        if from > shown_to {
            pieces.push(Piece::Folded(from - shown_to));
        }
        for op in &group {
            let (old, new) = (op.old_range(), op.new_range());
            if op.tag() == DiffTag::Equal {
                pieces.extend(old.zip(new).map(|(ours, theirs)| equal(ours, theirs)));
            } else {
                let nth = |range: &std::ops::Range<usize>, at: usize| range.clone().nth(at);
                pieces.extend(
                    (0..old.len().max(new.len()))
                        .map(|at| Piece::Row(Row { legacy: nth(&old, at), candidate: nth(&new, at), equal: false })),
                );
            }
            shown_to = op.old_range().end;
        }
    }
    if legacy.len() > shown_to {
        pieces.push(Piece::Folded(legacy.len() - shown_to));
    }
    pieces
}

fn equal(legacy: usize, candidate: usize) -> Piece {
    Piece::Row(Row { legacy: Some(legacy), candidate: Some(candidate), equal: true })
}

/// One side's lines, and the rule that answers for each.
struct Side<'a> {
    class: &'static str,
    lines: Vec<&'a str>,
    rules: Vec<Option<&'a str>>,
}

impl<'a> Side<'a> {
    fn new(class: &'static str, text: &'a str, sort: Sort, differences: &'a [Difference]) -> Side<'a> {
        let lines: Vec<&str> = text.lines().collect();
        let rules = if sort == Sort::Json { answered::by_line(&lines, differences) } else { vec![None; lines.len()] };
        Side { class, lines, rules }
    }

    /// The rule of a line.
    fn rule(&self, at: Option<usize>) -> Option<&'a str> {
        self.rules.get(at?).copied().flatten()
    }

    fn cell(&self, at: Option<usize>, equal: bool) -> Markup {
        match at.and_then(|at| self.lines.get(at)) {
            Some(line) if equal => html! { td class=(self.class) { (visible(line)) } },
            Some(line) => match self.rule(at) {
                Some(rule) => html! {
                    td class={ (self.class) " answered" } { (visible(line)) " " span.chip { (visible(rule)) } }
                },
                None => html! { td class={ (self.class) " changed" } { (visible(line)) } },
            },
            None => html! { td class={ (self.class) " absent" } {} },
        }
    }
}

/// The bodies' beginnings, line by line. What rules of these differences answer for is grey, with the rule.
pub(super) fn by_side(legacy: &str, candidate: &str, sort: Sort, differences: &[Difference]) -> Markup {
    let left = Side::new("legacy", legacy, sort, differences);
    let right = Side::new("candidate", candidate, sort, differences);
    let pieces = pieces(&left.lines, &right.lines, sort);
    html! {
        table.sides {
            thead { tr { th.legacy scope="col" { "legacy" } th.candidate scope="col" { "candidate" } } }
            tbody {
                @for piece in pieces.iter().take(MAX_ROWS) {
                    @match piece {
                        Piece::Folded(n) => { tr.folded { td colspan="2" { (counted(*n as u64, "equal line")) } } }
                        Piece::Row(row) => {
                            tr.same[row.equal] {
                                (left.cell(row.legacy, row.equal))
                                (right.cell(row.candidate, row.equal))
                            }
                        }
                    }
                }
                @if pieces.len() > MAX_ROWS { tr.folded { td colspan="2" { "more lines are not shown" } } }
            }
        }
    }
}

/// A text of several lines, each made visible.
pub(super) fn lines(text: &str) -> Markup {
    html! {
        @for (at, line) in text.lines().take(MAX_LINES).enumerate() {
            @if at > 0 { "\n" }
            (visible(line))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differing_lines_face_each_other_and_equal_stretches_fold() {
        let left: Vec<String> = (0..40).map(|n| format!("line {n}")).collect();
        let mut right = left.clone();
        right[20] = "other".into();
        right.insert(21, "more".into());
        let (left, right): (Vec<&str>, Vec<&str>) =
            (left.iter().map(String::as_str).collect(), right.iter().map(String::as_str).collect());
        let shown: Vec<String> = pieces(&left, &right, Sort::Plain)
            .iter()
            .map(|piece| match piece {
                Piece::Folded(n) => format!("...{n}"),
                Piece::Row(Row { equal: true, legacy, .. }) => left[legacy.unwrap()].to_owned(),
                Piece::Row(row) => {
                    format!("{:?} {:?}", row.legacy.map(|at| left[at]), row.candidate.map(|at| right[at]))
                }
            })
            .collect();
        assert_eq!(
            shown,
            [
                "...17",
                "line 17",
                "line 18",
                "line 19",
                "Some(\"line 20\") Some(\"other\")",
                "None Some(\"more\")",
                "line 21",
                "line 22",
                "line 23",
                "...16"
            ]
        );
    }

    #[test]
    fn equal_texts_and_empty_ones_are_shown_too() {
        assert_eq!(pieces(&["a"; 20], &["a"; 20], Sort::Plain).len(), 7);
        assert_eq!(pieces(&[], &["a"], Sort::Plain).len(), 1);
        assert_eq!(pieces(&[], &[], Sort::Plain).len(), 0);
    }

    #[test]
    fn json_that_says_the_same_is_not_marked() {
        let same = |a, b, sort| meaning(a, sort) == meaning(b, sort);
        for (a, b) in [("  \"a\": 12,", "  \"a\": 12.00"), ("  1e2", "  100,"), ("  \"a\": {}", "  \"a\": {},")] {
            assert!(same(a, b, Sort::Json) && !same(a, b, Sort::Plain), "{a} {b}");
        }
        let apart = [("  \"a\": 12", "  \"a\": \"12\""), ("  \"a 1\"", "  \"a 1.0\""), ("  \"a\": 1", "  \"b\": 1")];
        for (a, b) in apart
            .into_iter()
            .chain([("  \"a,\"", "  \"a\""), (" 1234567890123456789012345678901", " 1234567890123456789012345678902")])
        {
            assert!(!same(a, b, Sort::Json), "{a} {b}");
        }
    }
}

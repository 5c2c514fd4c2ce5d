//! Two texts side by side, differing lines marked, equal stretches folded.

use maud::{Markup, html};
use similar::{Algorithm, DiffTag, capture_diff_slices, group_diff_ops};

use crate::report::escape::visible;
use crate::rules::Decimal;
use crate::verdict::words::counted;

/// Equal lines around a difference.
const CONTEXT: usize = 3;
/// So many rows are shown.
const MAX_ROWS: usize = 400;
/// So many lines of a text without structure.
const MAX_LINES: usize = 400;

/// One row: the lines of both sides, where they have one.
struct Row<'a> {
    legacy: Option<&'a str>,
    candidate: Option<&'a str>,
    equal: bool,
}

enum Piece<'a> {
    Row(Row<'a>),
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

fn pieces<'a>(legacy: &[&'a str], candidate: &[&'a str], sort: Sort) -> Vec<Piece<'a>> {
    let keys = |lines: &[&'a str]| lines.iter().map(|line| meaning(line, sort)).collect::<Vec<_>>();
    let ops = capture_diff_slices(Algorithm::Myers, &keys(legacy), &keys(candidate));
    if ops.iter().all(|op| op.tag() == DiffTag::Equal) {
        let rows = legacy.iter().zip(candidate).take(2 * CONTEXT).map(|(ours, theirs)| equal(ours, theirs));
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
            let old = legacy.get(op.old_range()).unwrap_or(&[]);
            let new = candidate.get(op.new_range()).unwrap_or(&[]);
            if op.tag() == DiffTag::Equal {
                pieces.extend(old.iter().zip(new).map(|(ours, theirs)| equal(ours, theirs)));
            } else {
                pieces.extend((0..old.len().max(new.len())).map(|at| {
                    Piece::Row(Row { legacy: old.get(at).copied(), candidate: new.get(at).copied(), equal: false })
                }));
            }
            shown_to = op.old_range().end;
        }
    }
    if legacy.len() > shown_to {
        pieces.push(Piece::Folded(legacy.len() - shown_to));
    }
    pieces
}

fn equal<'a>(legacy: &'a str, candidate: &'a str) -> Piece<'a> {
    Piece::Row(Row { legacy: Some(legacy), candidate: Some(candidate), equal: true })
}

/// The bodies' beginnings, line by line.
pub(super) fn by_side(legacy: &str, candidate: &str, sort: Sort) -> Markup {
    let (left, right): (Vec<&str>, Vec<&str>) = (legacy.lines().collect(), candidate.lines().collect());
    let pieces = pieces(&left, &right, sort);
    html! {
        table.sides {
            thead { tr { th.legacy scope="col" { "legacy" } th.candidate scope="col" { "candidate" } } }
            tbody {
                @for piece in pieces.iter().take(MAX_ROWS) {
                    @match piece {
                        Piece::Folded(n) => { tr.folded { td colspan="2" { (counted(*n as u64, "equal line")) } } }
                        Piece::Row(row) => {
                            tr.same[row.equal] {
                                (cell("legacy", row.legacy, row.equal))
                                (cell("candidate", row.candidate, row.equal))
                            }
                        }
                    }
                }
                @if pieces.len() > MAX_ROWS { tr.folded { td colspan="2" { "more lines are not shown" } } }
            }
        }
    }
}

fn cell(class: &str, line: Option<&str>, equal: bool) -> Markup {
    match line {
        Some(line) if equal => html! { td class=(class) { (visible(line)) } },
        Some(line) => html! { td class={ (class) " changed" } { (visible(line)) } },
        None => html! { td class={ (class) " absent" } {} },
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
                Piece::Row(Row { equal: true, legacy, .. }) => legacy.unwrap().to_owned(),
                Piece::Row(row) => format!("{:?} {:?}", row.legacy, row.candidate),
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

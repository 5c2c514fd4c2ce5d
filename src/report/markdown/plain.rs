//! Captured text in Markdown: shown as it is, and never markup, a link, a mention or HTML.
//!
//! Backslashes do not do it. GitHub and GitLab make links of bare addresses, mentions of `@name`, references of `#1`,
//! pictures of `:name:` and mathematics of `$`, and not all of that can be escaped. In code nothing of it is done
//! (CommonMark 0.31, sections 4.5 and 6.1; GitHub Flavored Markdown 0.29, section 6.9), so whatever is not plainly a
//! word goes there.

use crate::report::escape::{cut, visible};

/// A text on one line in a code span, of at most so many columns.
pub(in crate::report) fn span(text: &str, most: usize) -> String {
    let text = ticked(cut(&visible(text), most));
    if text.is_empty() {
        return "(empty)".to_owned();
    }
    // Longer than any run of backticks inside; a blank at both ends would be taken off, and so is the one that we add.
    let ticks = "`".repeat(longest_run(&text) + 1);
    let edge = |c: Option<char>| matches!(c, Some('`' | ' '));
    let pad = if edge(text.chars().next()) || edge(text.chars().next_back()) { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// As [`span`], in the cell of a table: rows are cut at bars before anything else is read, code or not.
pub(in crate::report) fn cell(text: &str, most: usize) -> String {
    barred(&span(text, most))
}

/// A sentence of ours that may have captured words in it: words that could mean something to a reader of Markdown become
/// code.
pub(in crate::report) fn prose(text: &str, most: usize) -> String {
    let text = cut(&visible(text), most);
    let words = text.split(' ').filter(|word| !word.is_empty()).enumerate();
    let pieces = words.map(|(at, word)| match punctuated(word) {
        // At the beginning of a line it would be the number of a list's item (CommonMark 0.31, section 5.2).
        (_, middle, end) if at == 0 && end.starts_with(')') && middle.bytes().all(|b| b.is_ascii_digit()) => {
            span(word, usize::MAX)
        }
        (_, middle, _) if is_plain(middle) => word.to_owned(),
        (_, "", _) => span(word, usize::MAX),
        (start, middle, end) => format!("{start}{}{end}", span(middle, usize::MAX)),
    });
    pieces.collect::<Vec<_>>().join(" ")
}

/// As [`prose`], in the cell of a table.
pub(in crate::report) fn prose_cell(text: &str, most: usize) -> String {
    barred(&prose(text, most))
}

/// Lines in a fenced block, each of at most so many columns, at most so many of them.
pub(in crate::report) fn fenced(text: &str, language: &str, lines: usize, most: usize) -> String {
    let all = text.lines().count();
    let shown: Vec<String> = text.lines().take(lines).map(|line| cut(&visible(line), most)).collect();
    let mut shown = ticked(shown.join("\n"));
    if all > lines {
        shown.push_str(&format!("\n… {} more lines", all - lines));
    }
    let fence = "`".repeat(longest_run(&shown).max(2) + 1);
    format!("{fence}{language}\n{shown}\n{fence}\n")
}

/// A text in an HTML `code` element on one line: what stands in a `summary` is read as HTML, not as Markdown.
pub(in crate::report) fn html_code(text: &str, most: usize) -> String {
    let text = cut(&visible(text), most);
    maud::html! { code { (text) } }.into_string()
}

/// A bar in a cell is `\|`, also in code, where the table takes the backslash away. Behind a backslash of its own it
/// would be read in two ways, and is shown as an escape.
fn barred(text: &str) -> String {
    text.replace("\\|", "\\x7c").replace('|', "\\|")
}

/// A longer run of backticks is shown as escapes: the readers of GitHub and GitLab (cmark) know no fence of more than 80.
const LONGEST_RUN: usize = 16;

fn ticked(text: String) -> String {
    if longest_run(&text) > LONGEST_RUN { text.replace('`', "\\x60") } else { text }
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// What stands around a word in a sentence, and the word. A bracket that closes means nothing by itself: links need one that
/// opens, and those are in code.
fn punctuated(word: &str) -> (&str, &str, &str) {
    let inner = word.trim_start_matches(['(', '\'', '"']);
    let start = &word[..word.len() - inner.len()];
    let mut middle = inner;
    while let Some(shorter) = middle.strip_suffix(['.', ',', ';', ':', ')', '\'', '"']) {
        // The bracket of `f(x)` is the word's own.
        if middle.ends_with(')') && middle.matches('(').count() >= middle.matches(')').count() {
            break;
        }
        middle = shorter;
    }
    (start, middle, &inner[middle.len()..])
}

/// Whether a word can mean nothing but itself: letters and digits, with signs between them that no reader of Markdown
/// takes up. Not so are what may be a commit (seven hexadecimal digits or more), an issue or an advisory (`GH-1`) or an address.
fn is_plain(word: &str) -> bool {
    let sign = |c: char| matches!(c, '.' | ',' | '%' | '-' | '\'' | '·' | '…' | '–' | '×' | 'µ' | '“' | '”');
    // Also before an ellipsis, where a text was cut.
    let commit = word.split(sign).any(|part| {
        part.len() >= 7 && part.bytes().all(|b| b.is_ascii_hexdigit()) && part.bytes().any(|b| b.is_ascii_digit())
    });
    let lower = word.to_ascii_lowercase();
    word.chars().all(|c| c.is_alphanumeric() || sign(c))
        && word.chars().any(char::is_alphanumeric)
        && word.starts_with(|c: char| c.is_alphanumeric() || c == '“')
        && !commit
        && !(lower.starts_with("gh") && lower.contains('-'))
        && !lower.contains("www.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_fenced_by_more_than_it_has() {
        for (text, shown) in [
            ("a", "`a`"),
            ("", "(empty)"),
            ("a`b", "``a`b``"),
            ("`", "`` ` ``"),
            ("``a` b", "``` ``a` b ```"),
            (" a ", "`  a  `"),
            ("a\nb", "`a\\nb`"),
        ] {
            assert_eq!(span(text, 80), shown, "{text:?}");
        }
        assert_eq!(span("abcdef", 4), "`abc…`");
        assert_eq!(span(&"`".repeat(17), 80), format!("`{}`", "\\x60".repeat(17)));
        assert_eq!(fenced("a\n```\nb", "diff", 9, 9), "````diff\na\n```\nb\n````\n");
        assert_eq!(fenced("a\nb\nc", "", 2, 9), "```\na\nb\n… 1 more lines\n```\n");
    }

    #[test]
    fn a_bar_does_not_end_a_cell() {
        assert_eq!(cell("a|b", 80), "`a\\|b`");
        assert_eq!(cell("a\\|b", 80), "`a\\x7cb`");
    }

    #[test]
    fn words_stay_words_and_the_rest_is_code() {
        for (text, shown) in [
            ("897 mismatches in 3,400 (26.4%): at 95%.", "897 mismatches in 3,400 (26.4%): at 95%."),
            ("1 endpoint: POST /orders.", "1 endpoint: POST `/orders`."),
            ("see @team, or #12", "see `@team`, or `#12`"),
            ("www.evil.example", "`www.evil.example`"),
            ("a http://evil.example/ b", "a `http://evil.example/` b"),
            ("commit 5d41402abc4b2a76", "commit `5d41402abc4b2a76`"),
            ("GH-7 :smile: $x$ ~~y~~ a_b", "`GH-7` `:smile`: `$x$` `~~y~~` `a_b`"),
            ("<b>x</b> [a](b)", "`<b>x</b>` `[a](b)`"),
            ("- a * b", "`-` a `*` b"),
            ("one (two of 2.1, three apart).", "one (two of 2.1, three apart)."),
            ("at 95% (of all asked), or \"not asked\"", "at 95% (of all asked), or \"not asked\""),
            ("12) and 12) (12)", "`12)` and 12) (12)"),
            ("[a](b c) [d]: e)", "`[a](b` c) `[d]`: e)"),
            ("f(x) (g(x)). <a) @b) http://c/)", "`f(x)` (`g(x)`). `<a`) `@b`) `http://c/`)"),
        ] {
            assert_eq!(prose(text, 200), shown, "{text:?}");
        }
    }
}

//! Captured text is hostile: what could steer a terminal or turn a line around is shown as what it is.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The text with every character that does not show itself written as an escape: controls (`\n`, `\x1b`), the
/// overrides and isolates of writing direction, characters of no width, tags and private use. And so are commands to the
/// agents that run CI jobs, which read them off what a job prints.
pub fn visible(text: &str) -> String {
    // Nearly everything that is shown is plain.
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return without_commands(text.to_owned());
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c if (c as u32) < 0x100 && c.is_control() => shown.push_str(&format!("\\x{:02x}", c as u32)),
            c if is_deceptive(c) => shown.push_str(&format!("\\u{{{:x}}}", c as u32)),
            c => shown.push(c),
        }
    }
    without_commands(shown)
}

/// GitHub's runner takes a line for a command that begins, after blanks, with `::`, and one that has `##[` anywhere; the
/// agent of Azure Pipelines one that has `##vso[` anywhere.
fn without_commands(mut text: String) -> String {
    if is_command(&text) {
        text = text.replacen("::", "\\x3a:", 1);
    }
    if text.contains("##") { text.replace("##", "#\\x23") } else { text }
}

/// Whether a line begins as a command to GitHub's runner.
pub(super) fn is_command(line: &str) -> bool {
    line.trim_start().starts_with("::")
}

/// Invisible, or changes how its neighbours are shown (Unicode 16, general categories Cc, Cf, Zl, Zp, Co, Cn of the
/// special planes, the fillers, and what is no character, of which XML cannot hold two).
pub(super) fn is_deceptive(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
        | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{e000}'..='\u{f8ff}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
        | '\u{fdd0}'..='\u{fdef}' | '\u{fffe}'..='\u{ffff}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{10ffff}')
        || c.is_control()
}

/// How many columns a text takes on a terminal.
pub(super) fn columns(text: &str) -> usize {
    text.width()
}

/// The beginning of the text, in at most so many columns; `…` where something was left out.
pub(super) fn cut(text: &str, most: usize) -> String {
    if columns(text) <= most {
        return text.to_owned();
    }
    let mut width = 0;
    let mut kept = String::new();
    for c in text.chars() {
        width += c.width().unwrap_or(0);
        if width + 1 > most {
            break;
        }
        kept.push(c);
    }
    // Combining characters may make a text wider or narrower than its characters.
    while columns(&kept) + 1 > most && kept.pop().is_some() {}
    if most > 0 {
        kept.push('…');
    }
    kept
}

/// The text in lines of at most so many columns, broken at spaces where there are any.
pub(super) fn wrap(text: &str, most: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(&cut(word, most));
        } else if columns(line) + 1 + columns(word) <= most {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(cut(word, most));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_show_itself_is_shown_as_an_escape() {
        for (text, shown) in [
            ("plain é 日本 🙂", "plain é 日本 🙂"),
            ("a\nb\tc\r", "a\\nb\\tc\\r"),
            ("\x1b[31mred", "\\x1b[31mred"),
            ("\u{9b}31m", "\\x9b31m"),
            ("evil\u{202e}gpj.exe", "evil\\u{202e}gpj.exe"),
            ("a\u{200b}b\u{feff}", "a\\u{200b}b\\u{feff}"),
            ("\u{e0041}", "\\u{e0041}"),
            ("\0", "\\x00"),
            ("\u{fffe}\u{ffff}", "\\u{fffe}\\u{ffff}"),
            (" ::add-mask::x", " \\x3a:add-mask::x"),
            ("a ##[group]b ##vso[task.setvariable]c", "a #\\x23[group]b #\\x23vso[task.setvariable]c"),
            ("::1 é", "\\x3a:1 é"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }

    #[test]
    fn cutting_and_wrapping_keep_to_the_columns() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdefg", 6), "abcde…");
        assert_eq!(cut("日本語日本語", 6), "日本…");
        assert_eq!(cut("abc", 0), "");
        assert_eq!(wrap("one two  three", 8), ["one two", "three"]);
        assert_eq!(wrap("abcdefghijk x", 5), ["abcd…", "x"]);
        for most in 1..20 {
            let text = "日本 a\u{301}e\u{301} words 🙂🙂🙂 and 👩‍👩‍👧 more";
            assert!(wrap(text, most).iter().all(|line| columns(line) <= most), "{most}");
        }
    }
}

//! Finding the next mistake of a YAML file that is refused at its first: the block with the mistake is taken out, and the
//! rest read again.

/// The text with the block blanked that holds a line (from 1), so that all other lines keep their numbers. A block is a
/// member or an item of what stands at the beginning of a line (`gates:` and below it `  latency:`, `rules:` and below it
/// `- id:`), or the whole of that where there is none inside. None where nothing is left to take out.
pub(crate) fn without_block(text: &str, line: u64) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let at = usize::try_from(line).ok()?.checked_sub(1).filter(|at| *at < lines.len())?;
    let top = (0..=at).rev().find(|n| begins_at_the_margin(lines[*n]))?;
    let end = (top + 1..lines.len()).find(|n| begins_at_the_margin(lines[*n])).unwrap_or(lines.len());
    let inside = (top + 1..end).find(|n| says_something(lines[*n])).map(|first| indent(lines[first]));
    let begins = |n: &usize| inside.is_some_and(|inside| says_something(lines[*n]) && indent(lines[*n]) <= inside);
    let (from, to) = match (top + 1..=at).rev().find(begins) {
        Some(from) => (from, (from + 1..end).find(begins).unwrap_or(end)),
        None => (top, end),
    };
    let blanked =
        |(n, line): (usize, &&str)| if (from..to).contains(&n) { "\n".to_owned() } else { format!("{line}\n") };
    Some(lines.iter().enumerate().map(blanked).collect())
}

/// A list may stand below its key without being set in: its items are inside all the same.
fn begins_at_the_margin(line: &str) -> bool {
    says_something(line) && indent(line) == 0 && !line.starts_with("- ") && !line.starts_with(['}', ']'])
}

fn says_something(line: &str) -> bool {
    let said = line.trim_start();
    !said.is_empty() && !said.starts_with('#')
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "owner: a\ngates:\n  # of all\n  loss: {below: 1}\n  latency:\n    at_most: 2\n\nrules:\n- id: a\n  owner: b\n- id: c\n";

    #[test]
    fn the_smallest_block_around_a_line_is_taken_out_and_lines_keep_their_numbers() {
        for (line, gone) in [
            (1, "owner: a"),
            (4, "  loss: {below: 1}"),
            (5, "  latency:|    at_most: 2"),
            (6, "  latency:|    at_most: 2"),
            (10, "- id: a|  owner: b"),
            (11, "- id: c"),
        ] {
            let left = without_block(TEXT, line).unwrap();
            assert_eq!(left.lines().count(), TEXT.lines().count());
            let blanked: Vec<&str> =
                TEXT.lines().zip(left.lines()).filter(|(was, is)| was != is).map(|(was, _)| was).collect();
            assert_eq!(blanked.join("|"), gone, "{line}");
        }
        assert!(without_block(TEXT, 2).unwrap().starts_with("owner: a\n\n\n\n\n\n\nrules:"), "the key itself");
        assert_eq!((without_block(TEXT, 0), without_block(TEXT, 99), without_block("# a\n", 1)), (None, None, None));
    }
}

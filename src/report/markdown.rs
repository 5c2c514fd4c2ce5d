//! The report in Markdown, for a pull request or the summary of a CI job: short enough for both whatever the run, and
//! safe to be shown there (`plain`).

pub(super) mod changes;
pub(super) mod plain;
pub(super) mod sections;

use super::Report;

/// How it begins; who finds it at the beginning of a file knows that the file is ours. Invisible where Markdown is shown.
pub const BEGINS: &str = "<!-- a report by tapcompare -->\n";

/// The most bytes of a report. GitHub takes 65,536 characters as a comment or the text of a pull request ("Body is too
/// long (maximum is 65536 characters)", its API), and 1,024 KiB as the summary of a step ("Workflow commands", adding a job
/// summary).
pub const MAX_MARKDOWN: usize = 64 << 10;

/// Bytes that a section keeps free to say that there is more.
const MORE: usize = 120;

/// A part of the page that knows its bound: what does not fit is counted.
struct Section {
    text: String,
    room: usize,
    left_out: usize,
}

impl Section {
    /// With a heading, which counts too.
    fn new(heading: &str, room: usize) -> Section {
        let text = if heading.is_empty() { String::new() } else { format!("\n### {heading}\n\n") };
        Section { text, room, left_out: 0 }
    }

    /// Puts in a piece that stands for one thing, whole or not at all. After one that did not fit none follows, so that
    /// what is left out is the end of the list.
    fn push(&mut self, piece: &str) {
        if self.left_out > 0 || self.text.len() + piece.len() + MORE > self.room {
            self.left_out += 1;
        } else {
            self.text.push_str(piece);
        }
    }

    fn finish(mut self) -> String {
        if self.left_out > 0 {
            let more = crate::verdict::words::count(self.left_out as u64);
            self.text.push_str(&format!("\nand {more} more, in the page and in the JSON report\n"));
        }
        self.text
    }
}

pub(super) fn render(report: &Report<'_>) -> String {
    let sections = [
        sections::verdict(report),
        changes::rescored(report),
        sections::gates(report),
        sections::checklist(report),
        sections::never_asked(report),
        sections::funnel(report),
        sections::endpoints(report),
        sections::differences(report),
        sections::failures(report),
        sections::rules(report),
        changes::epochs(report),
        sections::run(report),
    ];
    format!("{BEGINS}{}", sections.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_keeps_to_its_room_and_counts_what_it_leaves_out() {
        let mut section = Section::new("Things", 400);
        (0..100).for_each(|n| section.push(&format!("- thing {n}\n")));
        let text = section.finish();
        assert!(text.len() <= 400, "{}", text.len());
        assert!(text.starts_with("\n### Things\n\n- thing 0\n"));
        let shown = text.matches("- thing").count();
        assert!(text.ends_with(&format!("\nand {} more, in the page and in the JSON report\n", 100 - shown)), "{text}");
        // All room together is what the whole may have.
        assert!(sections::ROOM.iter().sum::<usize>() + BEGINS.len() <= MAX_MARKDOWN);
    }
}

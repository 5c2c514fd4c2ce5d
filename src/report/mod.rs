//! One value, many renderers: the verdict with its evidence, for a terminal, a program, or a page to decide on.
//!
//! Everything captured is hostile to whoever reads it. The renderers escape it for their medium, and show what cannot
//! be seen (control characters, changes of writing direction) as escapes.

mod accepted;
mod changes;
mod checklist;
mod coverage;
mod curl;
mod days;
mod decision_record;
mod dry_run;
mod escape;
mod explained;
mod failed;
mod findings;
mod html;
mod json;
mod junit;
mod losses;
mod markdown;
mod overhead;
mod plot;
mod schema;
mod suggestions;
mod sums;
mod table;
mod terminal;
mod terminal_changes;

pub use decision_record::BEGINS as DECISION_RECORD_BEGINS;
pub use escape::visible;
pub use junit::{BEGINS as JUNIT_BEGINS, JunitError};
pub use markdown::{BEGINS as MARKDOWN_BEGINS, MAX_MARKDOWN};
pub use schema::schema;
pub use table::{BEGINS as CSV_BEGINS, CsvError};

pub use crate::exchange::{RunFacts, StretchNote};

use crate::exchange::RuleNote;
use crate::faults::Trial;
use crate::ledger::Ledger;
use crate::shadow::DryRunPlan;
use crate::suggest::Suggestions;
use crate::tally::Snapshot;
use crate::verdict::Verdict;

/// The version of the JSON report's shape; it changes when a reader must change.
pub const SCHEMA_VERSION: u32 = 1;

/// What a run has to say, lent to the renderers.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// The decision.
    pub verdict: &'a Verdict,
    /// What it rests on.
    pub snapshot: &'a Snapshot,
    /// How it was gathered.
    pub facts: &'a RunFacts,
    /// The rules in force, and those that have expired.
    pub rules: &'a [RuleNote],
}

impl Report<'_> {
    /// For a terminal: no line longer than 80 columns; with ANSI colours only where told.
    pub fn terminal(&self, colour: bool) -> String {
        terminal::render(self, colour)
    }

    /// For a program: one object on one line. The same evidence gives the same bytes, the times in
    /// [`RunFacts`] apart.
    ///
    /// # Errors
    ///
    /// Where a value cannot be written as JSON, which no value here is.
    pub fn json(&self) -> serde_json::Result<String> {
        json::render(self)
    }

    /// For a browser: one self-contained page without script.
    pub fn html(&self) -> String {
        html::page(self, None)
    }

    /// The same page as it is served: with the server's script, which follows the run. `view` is the name by which the
    /// script knows what it shows.
    pub fn live_html(&self, view: &str) -> String {
        html::page(self, Some(view))
    }

    /// For a pull request or the summary of a CI job: Markdown as GitHub and GitLab read it, of at most [`MAX_MARKDOWN`]
    /// bytes whatever the run.
    pub fn markdown(&self) -> String {
        markdown::render(self)
    }

    /// For CI systems: JUnit XML, a suite of the gates and one of the endpoints.
    ///
    /// # Errors
    ///
    /// Where the XML cannot be written, which no report here leads to.
    pub fn junit(&self) -> Result<String, JunitError> {
        junit::render(self)
    }

    /// For a spreadsheet: the endpoint table as RFC 4180 has it, with formulae defused.
    ///
    /// # Errors
    ///
    /// Where the table cannot be written, which no report here leads to.
    pub fn csv(&self) -> Result<String, CsvError> {
        table::render(self)
    }

    /// For the archive: the record of the decision in Markdown, filled in as far as policy and evidence know, with blanks
    /// for what people have to say.
    pub fn decision_record(&self) -> String {
        decision_record::render(self)
    }
}

/// The Content-Security-Policy of a page, served or in a file.
pub fn page_policy(served: bool) -> String {
    html::policy(served)
}

/// What a run would send, for a terminal: no line longer than 80 columns.
pub fn dry_run(plan: &DryRunPlan, colour: bool) -> String {
    dry_run::render(plan, colour)
}

/// What a run would send, for a program: one object on one line.
pub fn dry_run_json(plan: &DryRunPlan) -> String {
    dry_run::json(plan).to_string()
}

/// What specimens say of the rules, for a terminal: no line longer than 80 columns.
pub fn audit(trial: &Trial, rules: &[RuleNote], colour: bool) -> String {
    terminal::trial::audit(trial, rules, colour)
}

/// What specimens say of the rules, for a program: one object on one line.
///
/// # Errors
///
/// Where a value cannot be written as JSON, which no value here is.
pub fn audit_json(trial: &Trial, rules: &[RuleNote]) -> serde_json::Result<String> {
    json::audit(trial, rules)
}

/// Suggested rules as a rule file: the rules as they may be copied, everything else in comments.
pub fn suggestions(found: &Suggestions) -> String {
    suggestions::yaml(found)
}

/// Suggested rules for a program: one object on one line.
///
/// # Errors
///
/// Where a value cannot be written as JSON, which no value here is.
pub fn suggestions_json(found: &Suggestions) -> serde_json::Result<String> {
    suggestions::json(found)
}

/// The books alone for a terminal: no line longer than 80 columns.
pub fn ledger(ledger: &Ledger, colour: bool) -> String {
    terminal::ledger(ledger, colour)
}

#[cfg(test)]
mod failed_tests;
#[cfg(test)]
pub(crate) mod hostile;
#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod readers_tests;
#[cfg(test)]
mod tee_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod time_tests;

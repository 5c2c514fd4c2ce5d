//! `tapcompare schema`: what the files for programs look like.

use clap::ValueEnum;

use super::{Status, Trouble};
use crate::report;

/// Print the JSON Schema (draft 2020-12) of a format
#[derive(Debug, clap::Args)]
pub(crate) struct SchemaArgs {
    /// Which format
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// What `--json` and `--output json` write
    Report,
}

impl SchemaArgs {
    pub(crate) fn run(self) -> Result<Status, Trouble> {
        let schema = match self.format {
            Format::Report => report::schema(),
        };
        super::print(&(serde_json::to_string_pretty(&schema)? + "\n"))
    }
}

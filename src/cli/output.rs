//! Where a report goes: standard output, and files.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use super::{OutputFormat, Trouble};
use crate::report::Report;

/// The flags of every command that reports.
#[derive(Debug, clap::Args)]
pub(crate) struct Output {
    /// How to write the report on standard output
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(super) output: OutputFormat,
    /// Also write the report as one self-contained page
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
}

impl Output {
    /// Finds out before the run whether the page can be written after it.
    pub(super) fn check(&self) -> Result<(), Trouble> {
        let Some(file) = &self.html else { return Ok(()) };
        fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(file)
            .map(drop)
            .map_err(|error| format!("--html {}: cannot be written: {error}", file.display()).into())
    }

    /// Writes the report. What standard output has got is not lost when the page cannot be written.
    pub(super) fn write(&self, report: &Report<'_>, color: bool) -> Result<(), Trouble> {
        let text = match self.output {
            OutputFormat::Text => report.terminal(color),
            OutputFormat::Json => report.json()? + "\n",
        };
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            // The reader (head, less) has seen enough; the page is still wanted.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            written => written.map_err(|error| format!("standard output cannot be written: {error}"))?,
        }
        if let Some(file) = &self.html {
            fs::write(file, report.html())
                .map_err(|error| format!("--html {}: cannot be written: {error}", file.display()))?;
        }
        Ok(())
    }
}

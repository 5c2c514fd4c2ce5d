//! `tapcompare report`: the evidence of run files, rendered.

use super::judge::{Beside, EvidenceArgs};
use super::output::Output;
use super::{Status, Trouble};

/// Render run files as text, JSON or a page; unlike `judge`, exits 0 whatever the verdict
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    evidence: EvidenceArgs,
    #[command(flatten)]
    beside: Beside,
    #[command(flatten)]
    output: Output,
}

impl ReportArgs {
    pub(crate) fn run(self, color: bool) -> Result<Status, Trouble> {
        self.output.distinct(&[])?;
        self.output.check()?;
        let judged = self.evidence.judged(self.beside.explain)?;
        judged.say_ignored();
        judged.write(&self.output, color)?;
        Ok(Status::Fine)
    }
}

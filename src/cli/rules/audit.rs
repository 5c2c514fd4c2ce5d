//! `tapcompare rules audit`: what each rule of a run is good for, and what a real defect would have met.

use crate::cli::asking::today;
use crate::cli::judge::{EvidenceArgs, rules_of};
use crate::cli::{OutputFormat, Status, Trouble, print, trial};
use crate::report;

/// Audit the rules of a run: what each has answered for, hides, and is needed for, and which defects they would let pass
///
/// Known kinds of defects are put into the answers that the run has kept, and compared again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit status: 0, whatever is found; 2 trouble.")]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    evidence: EvidenceArgs,
    /// How to write what was found
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: OutputFormat,
}

const NOTHING_KEPT: &str = "nothing is kept in this run to put rules to the test: it is an older file, nothing was compared, or \
     its exchanges are too large to be kept";

impl AuditArgs {
    pub(crate) fn run(self, color: bool) -> Result<Status, Trouble> {
        let (mut run, policy, ignored) = self.evidence.united()?;
        ignored.iter().for_each(crate::cli::say);
        let (rules, _) = rules_of(&run)?;
        let notes = rules.notes();
        trial::try_rules(&mut run.snapshot, rules, &policy.gates.rules, today())?;
        let trial = run.snapshot.trial.as_ref().ok_or(NOTHING_KEPT)?;
        print(&match self.output {
            OutputFormat::Text => report::audit(trial, &notes, color),
            OutputFormat::Json => report::audit_json(trial, &notes)? + "\n",
        })
    }
}

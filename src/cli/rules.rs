//! `tapcompare rules`: the rule files themselves.

mod audit;
pub(super) mod check;
mod suggest;

use clap::Subcommand;

use super::{Status, Trouble};

/// Work on rule files: look for mistakes, put them to the test on a run, have some suggested
#[derive(Debug, clap::Args)]
pub(crate) struct RulesArgs {
    #[command(subcommand)]
    command: RulesCommand,
}

#[derive(Debug, Subcommand)]
enum RulesCommand {
    Check(check::CheckArgs),
    Audit(audit::AuditArgs),
    Suggest(suggest::SuggestArgs),
}

impl RulesArgs {
    pub(crate) fn run(self, color: bool) -> Result<Status, Trouble> {
        match self.command {
            RulesCommand::Check(args) => args.run(color),
            RulesCommand::Audit(args) => args.run(color),
            RulesCommand::Suggest(args) => args.run(),
        }
    }
}

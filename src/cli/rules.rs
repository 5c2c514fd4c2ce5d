//! `tapcompare rules`: the rule files themselves.

pub(super) mod check;

use clap::Subcommand;

use super::{Status, Trouble};

/// Work on rule files: look for mistakes
#[derive(Debug, clap::Args)]
pub(crate) struct RulesArgs {
    #[command(subcommand)]
    command: RulesCommand,
}

#[derive(Debug, Subcommand)]
enum RulesCommand {
    Check(check::CheckArgs),
}

impl RulesArgs {
    pub(crate) fn run(self, color: bool) -> Result<Status, Trouble> {
        match self.command {
            RulesCommand::Check(args) => args.run(color),
        }
    }
}

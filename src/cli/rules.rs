//! `tapcompare rules`: the rule files themselves.

mod audit;
mod suggest;

use super::{Status, Trouble};

/// Work on rule files
#[derive(Debug, clap::Subcommand)]
pub(crate) enum RulesCommand {
    Audit(audit::AuditArgs),
    Suggest(suggest::SuggestArgs),
}

impl RulesCommand {
    pub(crate) fn run(self, color: bool) -> Result<Status, Trouble> {
        match self {
            RulesCommand::Audit(args) => args.run(color),
            RulesCommand::Suggest(args) => args.run(),
        }
    }
}

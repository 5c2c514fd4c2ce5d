//! `tapcompare rules`: the rule files themselves.

mod suggest;

use super::{Status, Trouble};

/// Work on rule files
#[derive(Debug, clap::Subcommand)]
pub(crate) enum RulesCommand {
    Suggest(suggest::SuggestArgs),
}

impl RulesCommand {
    pub(crate) fn run(self) -> Result<Status, Trouble> {
        match self {
            RulesCommand::Suggest(args) => args.run(),
        }
    }
}

//! `tapcompare rules`: the rule files themselves.

mod suggest;

use std::env;
use std::sync::Arc;

use super::{Status, Trouble};
use crate::compare::Comparer;
use crate::config::Redaction;
use crate::redact::{KEY_VARIABLE, Key, Redactor};
use crate::rules::RuleSet;

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

/// Compares kept exchanges again under these rules. What was kept has no secrets any more; what looks like one all the same
/// stays hidden.
pub(super) fn again(rules: RuleSet) -> Result<Comparer, Trouble> {
    let key = Key::given(env::var_os(KEY_VARIABLE).as_deref())?;
    Ok(Comparer::new(Arc::new(rules), Arc::new(Redactor::new(&Redaction::default(), key)?)))
}

//! `tapcompare schema`: the JSON Schemas of the files that people write, for their editors, and of the report that programs read.

use clap::ValueEnum;

use super::{Status, Trouble, print};
use crate::report;

const POLICY: &str = include_str!("../../schemas/policy.json");
const RULES: &str = include_str!("../../schemas/rules.json");

/// Print the JSON Schema (2020-12) of the policy file or of rule files, as editors use it, or of the JSON report
#[derive(Debug, clap::Args)]
#[command(after_help = "With yaml-language-server, the first line of a policy is then\n  \
                        # yaml-language-server: $schema=policy.json")]
pub(crate) struct SchemaArgs {
    /// Of which file
    #[arg(value_name = "FILE", default_value = "policy")]
    of: SchemaOf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SchemaOf {
    /// tapcompare.yaml
    Policy,
    /// rules/*.yaml
    Rules,
    /// What `--json` and `--output json` write
    Report,
}

impl SchemaArgs {
    pub(crate) fn run(self) -> Result<Status, Trouble> {
        match self.of {
            SchemaOf::Policy => print(POLICY),
            SchemaOf::Rules => print(RULES),
            SchemaOf::Report => print(&(serde_json::to_string_pretty(&report::schema())? + "\n")),
        }
    }
}

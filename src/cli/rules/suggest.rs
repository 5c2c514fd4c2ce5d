//! `tapcompare rules suggest`: rules for what looks like noise in a run, to be copied by whoever answers for them.

use std::path::PathBuf;
use std::sync::Arc;

use crate::cli::asking::today;
use crate::cli::{OutputFormat, Status, Trouble, print, trial};
use crate::exchange::Specimen;
use crate::report;
use crate::rules::{self, RuleSet};
use crate::store::{self, Run};
use crate::suggest::{self, DifferenceName, InRun};
use crate::tally::{DifferenceClass, general_place};

/// Suggest rules for what looks like noise in a run; nothing is applied
///
/// Standard output is a rule file: the rules, and as comments what was seen, what the rules would do, and why other
/// differences get none.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit status: 0, whether there is something to suggest or not; 2 trouble.")]
pub(crate) struct SuggestArgs {
    /// Run files; several are put together
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Rule files in place of those that are kept in the run; may be given several times
    #[arg(long, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// Only this stretch, counted from 1 in the order of their start
    #[arg(long, value_name = "N")]
    stretch: Option<usize>,
    /// How to write what was found
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: OutputFormat,
}

impl SuggestArgs {
    pub(crate) fn run(self) -> Result<Status, Trouble> {
        let stretches = store::read(&self.runs)?;
        let run = match self.stretch {
            Some(wanted) => store::only(stretches, wanted)?,
            None => store::unite(stretches)?,
        };
        let rules = match &self.rules[..] {
            [] => RuleSet::from_texts(run.rules.clone(), trial::day_of(&run.facts))?,
            files => rules::load(files, today())?,
        };
        let comparer = trial::again(Arc::new(rules))?;
        let specimens: Vec<Specimen> = run.snapshot.specimens().collect();
        let mut found = suggest::suggest(&specimens, &comparer, general_place, today());
        found.count_in(|name| in_run(&run, name));
        match self.output {
            OutputFormat::Text => print(&report::suggestions(&found)),
            OutputFormat::Json => print(&(report::suggestions_json(&found)? + "\n")),
        }
    }
}

/// How often the run has counted these differences, under the rules that were in force then.
fn in_run(run: &Run, name: &DifferenceName) -> Option<InRun> {
    let is_it = |group: &&crate::tally::DifferenceGroup| {
        group.class == DifferenceClass::Mismatched
            && (&group.endpoint, &group.place, group.kind) == (&name.endpoint, &name.place, name.kind)
    };
    let group = run.snapshot.groups.iter().find(is_it)?;
    Some(InRun { differences: group.differences, exchanges: group.exchanges })
}

//! `tapcompare judge`: the evidence of run files, judged again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;

use super::applies::ignored;
use super::asking::today;
use super::output::Output;
use super::rescoring::rescored;
use super::{Status, Trouble, trial};
use crate::config::{self, Policy};
use crate::report::Report;
use crate::rules::RuleSet;
use crate::store::{self, Choice, Run};
use crate::verdict::{self, MismatchShare, Verdict};

/// Judge the evidence in run files: under the rules and the policy that are kept in them, or under others; nobody is asked
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Under other rules the exchanges that are kept whole are compared again. The report says what that changes, \
                  and how much of the evidence is known, inferred, or not known."
)]
pub(crate) struct JudgeArgs {
    #[command(flatten)]
    evidence: EvidenceArgs,
    #[command(flatten)]
    beside: Beside,
    #[command(flatten)]
    output: Output,
}

/// Which evidence, and under which gates.
#[derive(Debug, clap::Args)]
pub(super) struct EvidenceArgs {
    /// Run files; several are put together
    #[arg(required = true, value_name = "RUN")]
    pub(super) runs: Vec<PathBuf>,
    /// A policy file whose gates apply instead of the kept one's
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// A rule file instead of those that were in force; may be given again
    #[arg(long, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// This epoch instead of the latest, counted from 1: evidence about one build of the candidate, under the same rules
    /// and gates
    #[arg(long, value_name = "N")]
    epoch: Option<usize>,
    /// Only this stretch, counted from 1 in the order of their start
    #[arg(long, value_name = "N")]
    stretch: Option<usize>,
}

/// What is said beside the figures.
#[derive(Debug, clap::Args)]
pub(super) struct Beside {
    /// Say what goes with each group of mismatches, which feature of the requests tells them from the other exchanges, and
    /// draft a rule for it; the page of `--html` has both anyway
    #[arg(long)]
    pub(super) explain: bool,
}

/// Evidence with what was made of it.
pub(super) struct Judged {
    pub(super) run: Run,
    pub(super) verdict: Verdict,
    pub(super) share: Option<MismatchShare>,
    /// What of the given policy does not apply: to be said once.
    pub(super) ignored: Option<String>,
}

impl JudgeArgs {
    pub(crate) fn run(self, color: bool) -> Result<Status, Trouble> {
        self.output.distinct(&[])?;
        self.output.check()?;
        let judged = self.evidence.judged(self.beside.explain)?;
        judged.say_ignored();
        judged.write(&self.output, color)?;
        Ok(judged.verdict.verdict.into())
    }
}

impl EvidenceArgs {
    /// `explain`: with what goes with each group of mismatches.
    pub(super) fn judged(&self, explain: bool) -> Result<Judged, Trouble> {
        let (mut run, policy, ignored) = self.united()?;
        let (rules, day) = rules_of(&run)?;
        if explain {
            trial::explain(&mut run.snapshot, Arc::clone(&rules), day)?;
        }
        trial::try_rules(&mut run.snapshot, rules, &policy.gates.rules, day)?;
        let verdict = verdict::judge(&run.snapshot, &policy, &run.notes, today());
        let share = verdict::mismatch_share(&run.snapshot, &policy, &run.notes);
        Ok(Judged { run, verdict, share, ignored })
    }

    /// The evidence as one, the policy whose gates apply, and what of it does not.
    pub(super) fn united(&self) -> Result<(Run, Policy, Option<String>), Trouble> {
        let mut stretches = store::read(&self.runs)?;
        if let Some(wanted) = self.stretch {
            stretches = store::one_of(stretches, wanted)?;
        }
        let choice =
            Choice { epoch: self.epoch, rules_given: !self.rules.is_empty(), policy_given: self.policy.is_some() };
        let mut run = store::chosen(stretches, choice)?;
        let policy = self.gates_of(&run)?;
        let given = self.policy.as_deref();
        let ignored = given.map(|file| ignored(file, &policy, &run, choice.rules_given)).transpose()?.flatten();
        if choice.rules_given {
            run = rescored(run, &self.rules, &policy)?;
        }
        if let Some(file) = &self.policy {
            run.facts.policy = Some(file.display().to_string());
        }
        Ok((run, policy, ignored))
    }

    /// The policy whose gates apply.
    fn gates_of(&self, run: &Run) -> Result<Policy, Trouble> {
        if let Some(file) = &self.policy {
            return Ok(config::read(file)?);
        }
        // Of one epoch all have the same gates.
        let Some(kept) = run.policies.last() else { return Ok(Policy::default()) };
        let name = kept.file.as_deref().unwrap_or("the policy in the run file");
        let way = "the run file keeps this policy; judge it under another with --policy FILE";
        config::from_text(&kept.text, Path::new(name)).map_err(|error| format!("{error}; {way}").into())
    }
}

/// The rules that hold, and the day by which they are in force: of others than were, today.
pub(super) fn rules_of(run: &Run) -> Result<(Arc<RuleSet>, Date), Trouble> {
    let day = if run.facts.rescored.is_some() { today() } else { trial::day_of(&run.facts) };
    Ok((Arc::new(RuleSet::from_texts(run.rules.iter().cloned(), day)?), day))
}

impl Judged {
    pub(super) fn say_ignored(&self) {
        self.ignored.iter().for_each(super::say);
    }

    pub(super) fn report(&self) -> Report<'_> {
        let Run { snapshot, facts, notes, .. } = &self.run;
        Report { verdict: &self.verdict, snapshot, facts, rules: notes }
    }

    /// In every form that is wanted. The page always has what goes with each group and a rule for it; the other forms are
    /// the same whether a page is wanted or not.
    pub(super) fn write(&self, output: &Output, color: bool) -> Result<(), Trouble> {
        let report = self.report();
        if output.html.is_none() {
            return output.write(&report, &report, color);
        }
        let mut snapshot = self.run.snapshot.clone();
        let (rules, day) = rules_of(&self.run)?;
        trial::explain(&mut snapshot, rules, day)?;
        output.write(&report, &Report { snapshot: &snapshot, ..report }, color)
    }
}

//! `tapcompare judge`: the evidence of run files, judged again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::asking::today;
use super::output::Output;
use super::{Status, Trouble, trial};
use crate::config::{self, Endpoints, Policy};
use crate::report::Report;
use crate::rules::RuleSet;
use crate::store::{self, Run};
use crate::verdict::{self, Verdict};

const GATES_DIFFER: &str = "the stretches of this run had policies with different gates; say which is to hold with --policy FILE, or judge \
     one with --stretch N";

/// Judge the evidence in run files: under the policy that is kept in them, or under another one's gates
#[derive(Debug, clap::Args)]
#[command(after_help = "The rules stay those that were in force when the evidence was taken.")]
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
    runs: Vec<PathBuf>,
    /// A policy file whose gates apply instead of the kept one's
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Only this stretch, counted from 1 in the order of their start
    #[arg(long, value_name = "N")]
    stretch: Option<usize>,
}

/// What is said beside the figures.
#[derive(Debug, clap::Args)]
pub(super) struct Beside {
    /// Say what goes with each group of mismatches: which feature of the requests tells them from the other exchanges
    #[arg(long)]
    explain: bool,
}

/// Evidence with what was made of it.
pub(super) struct Judged {
    run: Run,
    verdict: Verdict,
}

impl JudgeArgs {
    pub(crate) fn run(self, color: bool) -> Result<Status, Trouble> {
        self.output.check()?;
        let judged = self.evidence.judged(&self.beside)?;
        self.output.write(&judged.report(), color)?;
        Ok(judged.verdict.verdict.into())
    }
}

impl EvidenceArgs {
    pub(super) fn judged(&self, beside: &Beside) -> Result<Judged, Trouble> {
        let (mut run, policy) = self.united()?;
        let day = trial::day_of(&run.facts);
        let rules = Arc::new(RuleSet::from_texts(run.rules.clone(), day)?);
        if beside.explain {
            run.snapshot.explain(&trial::again(Arc::clone(&rules))?);
        }
        trial::try_rules(&mut run.snapshot, rules, &policy.gates.rules, day)?;
        let verdict = verdict::judge(&run.snapshot, &policy, &run.notes, today());
        Ok(Judged { run, verdict })
    }

    /// The evidence as one, and the policy whose gates apply.
    pub(super) fn united(&self) -> Result<(Run, Policy), Trouble> {
        let stretches = store::read(&self.runs)?;
        let mut run = match self.stretch {
            Some(wanted) => store::only(stretches, wanted)?,
            None => store::unite(stretches)?,
        };
        let policy = self.gates_of(&run)?;
        if let Some(file) = &self.policy {
            run.facts.policy = Some(file.display().to_string());
        }
        Ok((run, policy))
    }

    /// The policy whose gates apply.
    fn gates_of(&self, run: &Run) -> Result<Policy, Trouble> {
        if let Some(file) = &self.policy {
            return Ok(config::read(file)?);
        }
        let mut kept: Option<Policy> = None;
        for policy in &run.policies {
            let name = policy.file.as_deref().unwrap_or("the policy in the run file");
            let read = config::from_text(&policy.text, Path::new(name))?;
            if kept.as_ref().is_some_and(|kept| !same_terms(kept, &read)) {
                return Err(GATES_DIFFER.into());
            }
            kept = Some(read);
        }
        Ok(kept.unwrap_or_default())
    }
}

/// Whether two policies ask the same of the evidence. The checklist is no evidence: it is signed while a run goes on, and
/// the latest holds.
fn same_terms(one: &Policy, other: &Policy) -> bool {
    let documented = |policy: &Policy| match &policy.endpoints {
        Endpoints::OpenApi(document) => document.operations.clone(),
        Endpoints::Learned | Endpoints::Templates(_) => Vec::new(),
    };
    let terms = |policy: &Policy| (policy.gates.clone(), policy.critical.clone(), documented(policy));
    terms(one) == terms(other)
}

impl Judged {
    pub(super) fn report(&self) -> Report<'_> {
        let Run { snapshot, facts, notes, .. } = &self.run;
        Report { verdict: &self.verdict, snapshot, facts, rules: notes }
    }
}

//! The flags of every command that asks a candidate: whom, under which policy and rules.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::Trouble;
use crate::config::{self, Policy, Target};
use crate::exchange::OverheadNote;
use crate::rules::{self, RuleSet};
use crate::shadow;

/// Read where `--policy` names none, if it is there.
const POLICY_FILE: &str = "tapcompare.yaml";

const NO_CANDIDATE: &str = "no candidate: give --candidate http://host:port, or targets.candidate in the policy file";

const ONE_TARGET: &str = "it would be compared with itself, and agree; name the legacy's own address, or leave --legacy \
                          (targets.legacy) out";

/// Whom to ask, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Asking {
    /// The candidate's address, http://host:port[/base]; needed unless the policy names it
    #[arg(long, value_name = "URL")]
    candidate: Option<Target>,
    /// The policy file [default: tapcompare.yaml, where there is one]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// A rule file instead of the policy's; may be given again
    #[arg(long, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// Time-out for one whole answer, such as 2s; overrides the policy
    #[arg(long, value_name = "DURATION", value_parser = config::timeout)]
    timeout: Option<Duration>,
    /// Requests in flight at once; overrides the policy
    #[arg(long, value_name = "N", value_parser = config::in_flight)]
    in_flight: Option<usize>,
    /// Threads that compare; one a core unless given
    #[arg(long, value_name = "N", value_parser = workers)]
    pub(super) workers: Option<NonZeroUsize>,
    /// List what would be sent, and why not the rest; send nothing
    #[arg(long, conflicts_with_all = ["run", "html"])]
    pub(super) dry_run: bool,
    /// Do not measure beforehand what our own client adds to a latency (it takes up to 200 ms)
    #[arg(long)]
    no_overhead: bool,
    /// Keep the evidence in this file as the run goes, for `judge` and `report`; an existing run is continued
    #[arg(long, value_name = "FILE", value_parser = run_file)]
    pub(super) run: Option<PathBuf>,
}

/// The flags with the files that they name, read and checked.
pub(super) struct Asked {
    pub(super) policy: Arc<Policy>,
    pub(super) policy_file: Option<PathBuf>,
    /// What a run file keeps of the policy; empty where there is none.
    pub(super) policy_text: String,
    pub(super) rules: Arc<RuleSet>,
    /// The rule files' names and texts.
    pub(super) rule_texts: Vec<(String, String)>,
    pub(super) candidate: Target,
}

impl Asking {
    /// Reads the policy and the rules. `legacy`: named on the command line, where the command has such a flag.
    pub(super) fn read(&self, legacy: Option<&Target>) -> Result<Asked, Trouble> {
        let (policy, policy_text, policy_file) = self.policy()?;
        self.understood(self.overridden(policy, legacy), policy_text, policy_file)
    }

    /// The same for a tee, and the legacy that it stands before. Its own clients ask that one, and nobody else does.
    pub(super) fn read_inline(&self, legacy: Option<&Target>) -> Result<(Asked, Option<Target>), Trouble> {
        let (policy, policy_text, policy_file) = self.policy()?;
        let mut policy = self.overridden(policy, legacy);
        let legacy = policy.targets.legacy.take();
        Ok((self.understood(policy, policy_text, policy_file)?, legacy))
    }

    fn understood(&self, policy: Policy, policy_text: String, policy_file: Option<PathBuf>) -> Result<Asked, Trouble> {
        let candidate = policy.targets.candidate.clone().ok_or(NO_CANDIDATE)?;
        if policy.targets.legacy.as_ref().is_some_and(|legacy| legacy.is_same(&candidate)) {
            return Err(format!("the legacy and the candidate are both {candidate}: {ONE_TARGET}").into());
        }
        let chosen = if self.rules.is_empty() { &policy.rules } else { &self.rules };
        let rules = Arc::new(rules::load_or_common(chosen, today())?);
        let rule_texts = rules::texts_or_common(chosen)?;
        Ok(Asked { policy: Arc::new(policy), policy_file, policy_text, rules, rule_texts, candidate })
    }

    /// What our own client adds to a latency; None where it is not to be measured. Before any capture is opened.
    pub(super) fn overhead(&self, policy: &Policy) -> Option<OverheadNote> {
        if self.dry_run || self.no_overhead { None } else { shadow::overhead(&policy.safety.limits) }
    }

    /// The policy that was named, or the one that lies here, or the defaults; what is kept of it, and its file.
    fn policy(&self) -> Result<(Policy, String, Option<PathBuf>), Trouble> {
        match named_or_here(self.policy.as_deref()) {
            Some(file) => {
                let (policy, text) = config::read_to_keep(&file)?;
                Ok((policy, text, Some(file)))
            }
            None => Ok((Policy::default(), String::new(), None)),
        }
    }

    fn overridden(&self, mut policy: Policy, legacy: Option<&Target>) -> Policy {
        if let Some(candidate) = &self.candidate {
            policy.targets.candidate = Some(candidate.clone());
        }
        if let Some(legacy) = legacy {
            policy.targets.legacy = Some(legacy.clone());
        }
        if let Some(timeout) = self.timeout {
            policy.safety.limits.timeout = timeout;
        }
        if let Some(in_flight) = self.in_flight {
            policy.safety.limits.in_flight = in_flight;
        }
        policy
    }
}

/// The policy file that was named, or the one that lies here.
pub(super) fn named_or_here(named: Option<&Path>) -> Option<PathBuf> {
    let here = Path::new(POLICY_FILE);
    named.map(Path::to_owned).or_else(|| here.exists().then(|| here.to_owned()))
}

/// A run file is read while it is written, and so is no stream.
pub(super) fn run_file(text: &str) -> Result<PathBuf, String> {
    match text {
        "-" => Err("a run file is a database and cannot go to standard output; name a file".to_owned()),
        file => Ok(file.into()),
    }
}

/// More threads than this compare nothing faster.
const MAX_WORKERS: usize = 256;

fn workers(text: &str) -> Result<NonZeroUsize, String> {
    let number = text.parse::<NonZeroUsize>().ok().filter(|n| n.get() <= MAX_WORKERS);
    number.ok_or_else(|| format!("a number from 1 to {MAX_WORKERS}"))
}

/// The day on which rules expire or do not.
pub(super) fn today() -> jiff::civil::Date {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}

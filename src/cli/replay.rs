//! `tapcompare replay`: recorded captures, asked again.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::output::Output;
use super::walk::{Walk, walk};
use super::{Status, Trouble};
use crate::config::{self, Policy, Target};
use crate::pipeline::{Source, runtime};
use crate::rules;
use crate::shadow::Pace;
use crate::wire::Keep;

/// Read where `--policy` names none, if it is there.
pub(super) const POLICY_FILE: &str = "tapcompare.yaml";

const NO_CANDIDATE: &str = "no candidate: give --candidate http://host:port, or targets.candidate in the policy file";

const ONE_TARGET: &str = "it would be compared with itself, and agree; name the legacy's own address, or leave --legacy \
                          (targets.legacy) out";

/// Ask a candidate what a capture's clients asked the legacy, compare the answers, and judge
#[derive(Debug, clap::Args)]
pub(crate) struct ReplayArgs {
    /// Captures: pcap or pcapng, plain or gzip, in any order; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The candidate's address, http://host:port[/base]; needed unless the policy names it
    #[arg(long, value_name = "URL")]
    candidate: Option<Target>,
    /// The live legacy's address: it is asked too (GET and HEAD only), and its answer is the reference
    #[arg(long, value_name = "URL")]
    legacy: Option<Target>,
    /// The policy file [default: tapcompare.yaml, where there is one]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// A rule file instead of the policy's; may be given again
    #[arg(long, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// When to send: at the capture's `original` pace, a multiple of it such as `2x`, or `max`
    #[arg(long, value_name = "PACE", default_value = "original")]
    pace: Pace,
    /// Only frames that this BPF expression wants (see pcap-filter(7))
    #[arg(short, long, value_name = "EXPRESSION")]
    filter: Option<String>,
    /// Time-out for one whole answer, such as 2s; overrides the policy
    #[arg(long, value_name = "DURATION", value_parser = config::timeout)]
    timeout: Option<Duration>,
    /// Requests in flight at once; overrides the policy
    #[arg(long, value_name = "N", value_parser = config::in_flight)]
    in_flight: Option<usize>,
    #[command(flatten)]
    output: Output,
}

impl ReplayArgs {
    pub(crate) fn run(self, color: bool) -> Result<Status, Trouble> {
        let (policy, policy_file) = self.policy()?;
        let policy = Arc::new(self.overridden(policy));
        let candidate = policy.targets.candidate.clone().ok_or(NO_CANDIDATE)?;
        if policy.targets.legacy.as_ref().is_some_and(|legacy| legacy.is_same(&candidate)) {
            return Err(format!("the legacy and the candidate are both {candidate}: {ONE_TARGET}").into());
        }
        let chosen = if self.rules.is_empty() { &policy.rules } else { &self.rules };
        let rules = Arc::new(rules::load_or_common(chosen, today())?);
        let source = Source::open(&self.files, self.filter.as_deref(), Keep::Bodies, Some(policy.safety.limits.body))?;
        self.output.check()?;

        let runtime = runtime()?;
        let sources = self.files.iter().map(|f| f.display().to_string()).collect();
        walk(
            Walk { source, policy, policy_file, rules, pace: self.pace, sources, candidate },
            &runtime,
            &self.output,
            color,
        )
    }

    /// The policy that was named, or the one that lies here, or the defaults.
    fn policy(&self) -> Result<(Policy, Option<PathBuf>), Trouble> {
        let found = self.policy.clone().or_else(|| {
            let here = Path::new(POLICY_FILE);
            here.exists().then(|| here.to_owned())
        });
        match found {
            Some(file) => Ok((config::read(&file)?, Some(file))),
            None => Ok((Policy::default(), None)),
        }
    }

    fn overridden(&self, mut policy: Policy) -> Policy {
        if let Some(candidate) = &self.candidate {
            policy.targets.candidate = Some(candidate.clone());
        }
        if let Some(legacy) = &self.legacy {
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

/// The day on which rules expire or do not.
pub(super) fn today() -> jiff::civil::Date {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}

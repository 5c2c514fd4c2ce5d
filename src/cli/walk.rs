//! What `replay` and `demo` share: walk the captures, judge, report, and say what it means.

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::runtime::Runtime;

use super::output::Output;
use super::progress::Meter;
use super::signal::stop_on_signal;
use super::{Status, Trouble};
use crate::compare::Comparer;
use crate::config::{Policy, Redaction, Target};
use crate::pipeline::{Plan, Progress, Source, replay};
use crate::redact::{KEY_VARIABLE, Key, Redactor};
use crate::report::{Report, RunFacts};
use crate::rules::RuleSet;
use crate::shadow::{Pace, Shadow};
use crate::verdict::{self, Decision};

/// A replay as it was meant.
pub(super) struct Walk {
    pub(super) source: Source,
    pub(super) policy: Arc<Policy>,
    pub(super) policy_file: Option<PathBuf>,
    pub(super) rules: Arc<RuleSet>,
    pub(super) pace: Pace,
    pub(super) sources: Vec<String>,
    pub(super) candidate: Target,
}

/// Replays, judges and reports.
pub(super) fn walk(walk: Walk, runtime: &Runtime, output: &Output, color: bool) -> Result<Status, Trouble> {
    let notes = walk.rules.notes();
    let redactor = Arc::new(redactor(&walk.policy.redaction)?);
    let mut facts = facts_before(&walk);
    let policy = Arc::clone(&walk.policy);
    let (candidate, legacy) = (&walk.candidate, policy.targets.legacy.as_ref());
    let shadow = Arc::new(runtime.block_on(Shadow::resolve(candidate, legacy, &policy.safety))?);
    let plan = Plan {
        source: walk.source,
        policy: Arc::clone(&walk.policy),
        shadow,
        comparer: Arc::new(Comparer::new(walk.rules, redactor)),
        pace: walk.pace,
    };

    let stop = Arc::new(AtomicBool::new(false));
    stop_on_signal(runtime.handle(), Arc::clone(&stop));
    let mut meter = Meter::new();
    let snapshot = replay(plan, runtime.handle(), &stop, &Arc::new(Progress::default()), |p| meter.show(p))?;
    meter.clear();

    facts.finished = now();
    facts.stopped_early = stop.load(Ordering::Relaxed).then(|| "stopped by a signal".to_owned());
    let verdict = verdict::judge(&snapshot, &policy, &notes);
    let report = Report { verdict: &verdict, snapshot: &snapshot, facts: &facts, rules: &notes };
    output.write(&report, color)?;
    Ok(match verdict.verdict {
        Decision::Go => Status::Fine,
        Decision::NoGo => Status::NoGo,
        Decision::Inconclusive => Status::Inconclusive,
    })
}

/// What hides secrets, with the key that was given or one for this run alone.
pub(super) fn redactor(redaction: &Redaction) -> Result<Redactor, Trouble> {
    let key = Key::given(env::var_os(KEY_VARIABLE).as_deref())?;
    Ok(Redactor::new(redaction, key)?)
}

/// What is known of a run before it begins.
fn facts_before(walk: &Walk) -> RunFacts {
    let limits = &walk.policy.safety.limits;
    let limit = |name: &str, value: String| (name.to_owned(), value);
    RunFacts {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        capability: walk.policy.capability.clone(),
        owner: walk.policy.owner.clone(),
        sources: walk.sources.clone(),
        candidate: walk.candidate.to_string(),
        legacy: walk.policy.targets.legacy.as_ref().map(ToString::to_string),
        pace: walk.pace.to_string(),
        policy: walk.policy_file.as_ref().map(|file| file.display().to_string()),
        started: now(),
        finished: String::new(),
        stopped_early: None,
        limits: BTreeMap::from([
            limit("in flight", limits.in_flight.to_string()),
            limit("time-out", humantime::format_duration(limits.timeout).to_string()),
            limit("body", format!("{} bytes", limits.body)),
            limit("rate", limits.rate.map_or_else(|| "as the pace says".to_owned(), |rate| format!("{rate}/s"))),
            limit("credentials", format!("{:?}", walk.policy.safety.credentials).to_lowercase()),
        ]),
    }
}

fn now() -> String {
    format!("{:.0}", jiff::Timestamp::now())
}

//! What `replay`, `watch`, `tee` and `demo` share: walk the exchanges, judge, report, and say what it means.

use std::collections::BTreeMap;
use std::env;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::runtime::Runtime;

use super::asking::{Asked, today};
use super::output::Output;
use super::progress::{Meter, Watched};
use super::serving::{Served, Serving};
use super::signal::Stop;
use super::{OutputFormat, Status, Trouble, trial};
use crate::compare::Comparer;
use crate::config::{Redaction, Safety, Target};
use crate::exchange::{AdmissionNote, BreakerNote, EpochNote, OverheadNote};
use crate::ledger::{CaptureBooks, StoreBooks};
use crate::pipeline::{Ended, Feed, Plan, Progress, Unfinished, run};
use crate::redact::{KEY_VARIABLE, Key, Redactor};
use crate::report::{self, Report, RunFacts};
use crate::shadow::{AdmissionStanding, Shadow, TargetError};
use crate::store::{self, RunFile, StretchFacts};
use crate::tee;
use crate::traces::{Settings, Traces};
use crate::verdict;
use crate::verdict::words::{count, counted};

const NO_FRAME: &str = "not one frame was seen: is the traffic mirrored to here, and does the filter want it? `tapcompare doctor -i IFACE` \
     says what is missing";

const NO_CONNECTION: &str = "nobody connected: are the clients, or what balances them, sent to --listen?";

/// A run as it was meant.
pub(super) struct Walk {
    pub(super) feed: Feed,
    pub(super) asked: Asked,
    /// `original`, `2x`, `max`, `live`.
    pub(super) pace: String,
    pub(super) sources: Vec<String>,
    pub(super) dry_run: bool,
    /// What our own client adds to a latency, where it was measured.
    pub(super) overhead: Option<OverheadNote>,
    /// Where the evidence is kept.
    pub(super) run: Option<PathBuf>,
    /// Threads that compare; None: one a core.
    pub(super) workers: Option<NonZeroUsize>,
    /// Where the run is served while it goes on.
    pub(super) serve: Option<Serving>,
    /// Where spans of shadow requests go.
    pub(super) traces: Option<Settings>,
    /// Set when it is to end, and whether a signal has set it, where somebody looks at them already: a tee that relays.
    pub(super) stop: Option<Stop>,
    /// What the targets are called where their addresses say nothing.
    pub(super) called: Option<Called>,
}

/// Names of targets whose addresses are others in every run: evidence for the same target must be known as that.
pub(super) struct Called {
    pub(super) candidate: String,
    pub(super) legacy: String,
}

/// Runs, judges and reports.
pub(super) fn walk(walk: Walk, runtime: &Runtime, output: &Output, color: bool) -> Result<Status, Trouble> {
    let mut facts = facts_before(&walk);
    let Walk { feed, asked, dry_run, run: file, workers, serve, traces, stop, .. } = walk;
    let Stop { flag: stop, signalled } = stop.unwrap_or_else(|| Stop::on_signal(runtime.handle()));
    let Asked { policy, policy_text, rules, rule_texts, candidate, .. } = asked;
    for warning in policy.safety.warnings() {
        tracing::warn!("{warning}");
    }
    let notes = rules.notes();
    let (live, source) = (feed.is_live(), Watched::of(&feed));
    let legacy = policy.targets.legacy.as_ref();
    let shadow = Arc::new(runtime.block_on(client(source, &candidate, legacy, &policy.safety))?);
    let traces = traces.map(|settings| Traces::open(&settings, &candidate, legacy)).transpose()?;
    let redactor = Arc::new(redactor(&policy.redaction)?);
    if let Feed::Tee(tee) = &feed {
        tee::refuse_itself(tee.address(), "candidate", &candidate, shadow.candidate_at())?;
    }
    let served = serve.map(|serving| Served::start(&serving, &policy, &rules, &facts)).transpose();
    let served = unless_inline(source, served, "nothing is served")?;
    // Last: what could not begin must leave no stretch in the file.
    let stretch =
        StretchFacts { facts: facts.clone(), policy: policy_text, rules: rule_texts.clone(), notes: notes.clone() };
    let (file, unkept) = evidence(file.as_deref(), &stretch, source)?;
    let comparer = Arc::new(Comparer::new(Arc::clone(&rules), redactor));
    let shown = served.as_ref().map(|served| Arc::clone(&served.live));
    let plan =
        Plan { feed, policy: Arc::clone(&policy), shadow, comparer, file, dry_run, workers, live: shown, traces };

    let mut meter = Meter::new(source);
    let ended = run(plan, runtime.handle(), &stop, &Arc::new(Progress::default()), |p| meter.show(p))?;
    meter.clear();

    let Ended { mut snapshot, together, epochs, dry_run, admission, file, spans } = ended;
    if let Some(nothing) = nothing_seen(&snapshot.ledger.capture, snapshot.ledger.wire.frames) {
        tracing::warn!("{nothing}");
    }
    facts.admission = Some(noted(&admission));
    facts.spans = spans;
    facts.finished = now();
    // A live run has no end of its own: however it was ended, it ended as it was meant to.
    facts.stopped_early = (!live && signalled.load(Ordering::Relaxed)).then(|| "stopped by a signal".to_owned());
    snapshot.ledger.store = file.map(|file| written(file, &facts)).or(unkept);
    let unwritten = snapshot.ledger.store.is_some_and(|books| books.unwritten);
    // Whoever asked for the file is told, whatever the verdict: others will judge by what is in it.
    let status = |fine: Status| if unwritten { Status::Trouble } else { fine };
    // What a stretch has of epochs, whoever reads the file finds out of its counts.
    let (mark, policy_file) = (store::rules_mark(&rule_texts), facts.policy.clone());
    let named = |note: EpochNote| EpochNote { rules: mark.clone(), policy: policy_file.clone(), ..note };
    facts.epochs = epochs.into_iter().map(named).collect();
    if let Some(dry_run) = dry_run {
        return super::print(&match output.output {
            OutputFormat::Text => report::dry_run(&dry_run, color),
            OutputFormat::Json => report::dry_run_json(&dry_run) + "\n",
        })
        .map(status);
    }
    let day = trial::day_of(&facts);
    trial::try_rules(&mut snapshot, Arc::clone(&rules), &policy.gates.rules, day)?;
    let verdict = verdict::judge(&snapshot, &policy, &notes, today());
    let report = Report { verdict: &verdict, snapshot: &snapshot, facts: &facts, rules: &notes };
    // The page, in a file or served, has what goes with each group too.
    let mut explained = None;
    if output.html.is_some() || served.is_some() {
        let mut more = snapshot.clone();
        trial::explain(&mut more, rules, day)?;
        explained = Some(more);
    }
    let page = Report { snapshot: explained.as_ref().unwrap_or(&snapshot), ..report };
    output.write(&report, &page, color)?;
    if let Some(served) = served {
        served.ended(explained.unwrap_or(snapshot), together, facts);
    }
    Ok(status(verdict.verdict.into()))
}

/// Who asks, as the source wants it.
async fn client(
    source: Watched,
    candidate: &Target,
    legacy: Option<&Target>,
    safety: &Safety,
) -> Result<Shadow, TargetError> {
    match source {
        Watched::Tee => Shadow::inline(candidate, safety).await,
        Watched::Line => Shadow::resolve(candidate, legacy, safety).await,
        Watched::Files => Ok(Shadow::resolve(candidate, legacy, safety).await?.recorded()),
    }
}

/// The run file, if there is to be one, or what the books say of one that is missing.
fn evidence(
    path: Option<&Path>,
    stretch: &StretchFacts,
    source: Watched,
) -> Result<(Option<RunFile>, Option<StoreBooks>), Trouble> {
    let file = path.map(|path| run_file(path, stretch)).transpose();
    let file = unless_inline(source, file, "the evidence is not kept")?;
    let unkept = StoreBooks { failed_writes: 1, unwritten: true, ..StoreBooks::default() };
    let lacking = path.is_some() && file.is_none();
    Ok((file, lacking.then_some(unkept)))
}

/// Who stands in line must not fall because something beside the line is missing: it is told, and done without.
fn unless_inline<T>(source: Watched, wanted: Result<Option<T>, Trouble>, lacking: &str) -> Result<Option<T>, Trouble> {
    match wanted {
        Err(error) if source == Watched::Tee => {
            tracing::error!("{error}; requests are passed on all the same, and {lacking}");
            Ok(None)
        }
        wanted => wanted,
    }
}

/// What to say of a live source that nothing came from.
fn nothing_seen(capture: &CaptureBooks, frames: u64) -> Option<&'static str> {
    match (&capture.live, &capture.tee) {
        (Some(_), _) if frames == 0 => Some(NO_FRAME),
        (_, Some(tee)) if tee.connections == 0 => Some(NO_CONNECTION),
        _ => None,
    }
}

/// Ends the writing, and says so where the file lacks evidence.
fn written(file: Unfinished, facts: &RunFacts) -> StoreBooks {
    let (books, finished) = file.finish(facts);
    if let Err(error) = &finished {
        let held = if books.writes == 0 { "nothing" } else { "the evidence up to its last write" };
        tracing::error!("{error}; it holds {held}, so the report is the only whole one, and the exit status is 2");
    }
    StoreBooks { unwritten: finished.is_err(), ..books }
}

/// Opens the run file, and says so where it has evidence about another candidate.
fn run_file(path: &Path, stretch: &StretchFacts) -> Result<RunFile, Trouble> {
    let file = RunFile::open(path, stretch)?;
    if let Some(other) = file.other_candidate() {
        let (path, other) = (path.display().to_string(), report::visible(&other));
        tracing::warn!(
            "{} has evidence about another candidate, {other}: judge takes them one by one, with --stretch",
            report::visible(&path)
        );
    }
    Ok(file)
}

/// What safety did on its own, as it is kept and shown.
fn noted(standing: &AdmissionStanding) -> AdmissionNote {
    let breaker = standing.breaker.map(|breaker| BreakerNote {
        state: breaker.state.to_string(),
        opened: breaker.opened,
        closed: breaker.closed,
        open_ms: u64::try_from(breaker.open_time.as_millis()).unwrap_or(u64::MAX),
        cause: breaker.cause.map(|cause| cause.to_string()),
    });
    let closed_sandboxes = standing.closed_sandboxes.iter().map(|c| format!("{} ({})", c.endpoint, c.why)).collect();
    AdmissionNote { breaker, backing_off: standing.backing_off, closed_sandboxes }
}

/// What hides secrets, with the key that was given or one for this run alone.
pub(super) fn redactor(redaction: &Redaction) -> Result<Redactor, Trouble> {
    let key = Key::given(env::var_os(KEY_VARIABLE).as_deref())?;
    Ok(Redactor::new(redaction, key)?)
}

/// What is known of a run before it begins.
fn facts_before(walk: &Walk) -> RunFacts {
    let policy = &walk.asked.policy;
    let limits = &policy.safety.limits;
    let limit = |name: &str, value: String| (name.to_owned(), value);
    let called = walk.called.as_ref();
    let legacy = |target: &Target| called.map_or_else(|| target.to_string(), |called| called.legacy.clone());
    RunFacts {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        capability: policy.capability.clone(),
        owner: policy.owner.clone(),
        sources: walk.sources.clone(),
        candidate: called.map_or_else(|| walk.asked.candidate.to_string(), |called| called.candidate.clone()),
        legacy: policy.targets.legacy.as_ref().map(legacy),
        pace: walk.pace.clone(),
        policy: walk.asked.policy_file.as_ref().map(|file| file.display().to_string()),
        started: now(),
        finished: String::new(),
        stopped_early: None,
        admission: None,
        overhead: walk.overhead.clone(),
        spans: None,
        stretches: Vec::new(),
        epochs: Vec::new(),
        rescored: None,
        limits: BTreeMap::from([
            limit("in flight", counted(limits.in_flight as u64, "request")),
            limit("time-out", humantime::format_duration(limits.timeout).to_string()),
            limit("body", format!("{} bytes", count(limits.body as u64))),
            limit("rate", limits.rate.map_or_else(|| "as the pace says".to_owned(), a_second)),
            limit("credentials", policy.safety.credentials.as_str().to_owned()),
        ]),
    }
}

/// `1,200 requests a second`, `0.5 requests a second`.
fn a_second(rate: f64) -> String {
    if rate >= 1.0 && rate.fract() == 0.0 {
        format!("{} a second", counted(rate as u64, "request"))
    } else {
        format!("{rate} requests a second")
    }
}

fn now() -> String {
    format!("{:.0}", jiff::Timestamp::now())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_rate_is_told_with_its_unit() {
        for (rate, told) in [
            (1.0, "1 request a second"),
            (500.0, "500 requests a second"),
            (12_000.0, "12,000 requests a second"),
            (0.5, "0.5 requests a second"),
        ] {
            assert_eq!(super::a_second(rate), told);
        }
    }
}

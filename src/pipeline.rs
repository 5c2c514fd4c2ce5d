//! THE WALK: the only room that makes channels and threads.
//!
//! ```text
//! recorded:  reader ─────────────exchanges──▶ paced  ─┐
//!            (files, wire, order)             (when?)  ├─spawns─▶ tokio tasks ──observations──▶ comparing workers
//! live:      taker ──batches──▶ assembler ──▶ prompt ─┘          (ask once)                    (compare, count)
//!            (frames)           (wire)         (now or never)
//! inline:    relay ──pieces───▶ assembler ──▶ prompt      (as above)
//!            (both ways)        (wire)
//!
//!            workers ──spans──▶ traces: to a collector, where somebody wants them; what has no place is dropped and counted
//!            recorder, on the calling thread: asks every stage for what it counted, once a second; writes the run file
//! ```
//!
//! Every channel is bounded. A permit is taken before an exchange is asked and travels with it to the end of
//! its comparison; the channel to the workers has a place for every permit, so a task on the runtime never waits for
//! one. A share of the byte budget is taken before an exchange leaves the source, and falls with the permit. A recorded source waits
//! for room; a live one lets go and counts. Shutdown is dropping senders: the source ends (or reads the stop flag), the
//! dispatcher drains, the workers drain. No lock is held on an exchange's way.

mod asker;
mod asks;
mod budget;
mod live;
mod numbering;
mod order;
mod outlet;
mod paced;
mod progress;
mod prompt;
mod reader;
mod recorder;
mod room;
mod source;
mod spans;
mod stages;
mod tee;
mod workers;

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::RecvTimeoutError;
use tokio::runtime::Handle;

pub use progress::{Progress, Standing};
pub use recorder::Unfinished;
pub use source::{Source, SourceError};
pub use tee::TeeFeed;

use crate::capture::{Filter, LiveSource, Saver};
use crate::compare::Comparer;
use crate::config::Policy;
use crate::exchange::{EpochNote, SpanNote};
use crate::serve::Live;
use crate::shadow::{AdmissionStanding, DryRunPlan, Pace, Shadow};
use crate::store::RunFile;
use crate::tally::Snapshot;
use crate::traces::Traces;

/// Sockets need little processor; comparing has its own threads.
const RUNTIME_THREADS: usize = 1;
/// Answers for people and programs need little too; one of them may be made beside those that are sent.
const SERVING_THREADS: usize = 1;
/// Pages and figures that are made at once.
const MAKING_THREADS: usize = 1;
/// How often the caller's watch is called.
const WATCH_EVERY: Duration = Duration::from_millis(100);

/// Where exchanges come from.
pub enum Feed {
    /// Recorded captures, asked again at a pace.
    Recorded(Box<Source>, Pace),
    /// A line that is listened to.
    Live(Box<LiveFeed>),
    /// A tee that stands in line.
    Tee(Box<TeeFeed>),
}

impl Feed {
    /// Whether exchanges come as they happen, so that a request goes out now or not at all.
    pub fn is_live(&self) -> bool {
        !matches!(self, Feed::Recorded(..))
    }
}

/// A line, and when it has been listened to long enough.
pub struct LiveFeed {
    /// The line.
    pub source: LiveSource,
    /// Where its frames are kept, if they are.
    pub saver: Option<Saver>,
    /// Which frames are wanted, where the kernel cannot be told.
    pub filter: Option<Filter>,
    /// End after so long.
    pub lasts: Option<Duration>,
    /// End after so many requests were sent.
    pub requests: Option<u64>,
}

/// What a run needs, checked and opened.
pub struct Plan {
    /// The exchanges.
    pub feed: Feed,
    /// What may be sent, and how much at once.
    pub policy: Arc<Policy>,
    /// The targets' clients.
    pub shadow: Arc<Shadow>,
    /// The rules, compiled.
    pub comparer: Arc<Comparer>,
    /// Where the evidence is kept, if it is.
    pub file: Option<RunFile>,
    /// Whether nothing is to be sent, and what would be listed instead.
    pub dry_run: bool,
    /// Threads that compare; None: one a core.
    pub workers: Option<NonZeroUsize>,
    /// Where the counts are shown while the run goes on, if they are.
    pub live: Option<Arc<Live>>,
    /// What makes spans of shadow requests and sends them, where somebody wants them.
    pub traces: Option<Traces>,
}

/// What a run has come to.
pub struct Ended {
    /// The evidence.
    pub snapshot: Snapshot,
    /// What all builds of the candidate have come to together, where there were several and somebody was shown it.
    pub together: Option<Snapshot>,
    /// The epochs that it had, where there are several; the snapshot is of the latest. What they do not know of rules and
    /// policy the caller does.
    pub epochs: Vec<EpochNote>,
    /// What would have been sent, where nothing was.
    pub dry_run: Option<DryRunPlan>,
    /// What safety did on its own.
    pub admission: AdmissionStanding,
    /// The run file, to be finished.
    pub file: Option<Unfinished>,
    /// What became of the spans.
    pub spans: Option<SpanNote>,
}

/// The runtime that the sockets of a run live on.
///
/// # Errors
/// When the system gives no threads or no event queue.
pub fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(RUNTIME_THREADS)
        .thread_name("sockets")
        .enable_all()
        .build()
}

/// The runtime of a tee: another one, so that neither pages nor shadow requests delay what users wait for. A thread a core.
fn relay_runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().thread_name("relay").enable_all().build()
}

/// The runtime that a run is served from: another one, so that no page delays a shadow request.
///
/// # Errors
/// As for [`runtime`].
pub fn serving_runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(SERVING_THREADS)
        .max_blocking_threads(MAKING_THREADS)
        .thread_name("serve")
        .enable_all()
        .build()
}

/// Walks every exchange of the plan's feed to its outcome. `watch` is called about ten times a second on the
/// calling thread. Setting `stop` ends the reading and the sending; what is in flight is waited for.
///
/// # Errors
/// When the system gives no threads.
pub fn run(
    plan: Plan,
    runtime: &Handle,
    stop: &Arc<AtomicBool>,
    progress: &Arc<Progress>,
    mut watch: impl FnMut(&Progress),
) -> io::Result<Ended> {
    let lasts = match &plan.feed {
        Feed::Live(live) => live.lasts,
        Feed::Tee(tee) => tee.lasts,
        Feed::Recorded(..) => None,
    };
    let tee = matches!(plan.feed, Feed::Tee(_));
    let begun = Instant::now();
    let (stages, done, mut recorder) = stages::start(plan, runtime, stop, progress)?;
    while done.recv_timeout(WATCH_EVERY) == Err(RecvTimeoutError::Timeout) {
        if lasts.is_some_and(|lasts| begun.elapsed() >= lasts) {
            stop.store(true, Ordering::Relaxed);
        }
        recorder.round_if_due(progress);
        watch(progress);
    }
    if tee && !stop.load(Ordering::Relaxed) {
        tracing::error!("comparing has ended by a defect of tapcompare; requests are passed on until it is stopped");
    }
    Ok(stages.end(recorder))
}

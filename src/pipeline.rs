//! THE WALK: the only room that makes channels and threads.
//!
//! ```text
//! source ──exchanges──▶ dispatch ──spawns──▶ tokio tasks ──observations──▶ comparing workers ──▶ tallies, merged
//! (file, wire, order)   (safety, pace, permit)  (ask once)                 (compare, count)
//! ```
//!
//! Both channels are bounded. A permit is taken before an exchange leaves `dispatch` and travels with it to the end of
//! its comparison; the channel to the workers has a place for every permit, so a task on the runtime never waits for
//! one. A share of [`BODY_BYTES`] is taken before an exchange leaves the source, and falls with the permit. Shutdown is dropping senders: the source ends (or reads the stop flag), dispatch drains, the workers drain.
//! After a stop, dispatch sends nothing more: what is still queued is counted as skipped.

mod budget;
mod dispatch;
mod order;
mod progress;
mod source;
mod workers;

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, bounded};
use tokio::runtime::Handle;

use budget::{BODY_BYTES, Budget, Share};
pub use progress::{Progress, Standing};
pub use source::{Source, SourceError};

use crate::compare::Comparer;
use crate::config::Policy;
use crate::exchange::{Endpoint, Exchange};
use crate::ledger::Ledger;
use crate::redact::Redactor;
use crate::shadow::{Pace, Shadow};
use crate::tally::{EndpointTable, Snapshot, Tally};

/// Exchanges between the source and the dispatcher. More would only be memory: the dispatcher waits for permits.
const QUEUED_EXCHANGES: usize = 32;
/// Sockets need little processor; comparing has its own threads.
const RUNTIME_THREADS: usize = 1;
/// How often the caller's watch is called.
const WATCH_EVERY: Duration = Duration::from_millis(100);

/// A complete exchange with the place that the source gave it.
pub(crate) struct Numbered {
    pub(crate) sequence: u64,
    pub(crate) endpoint: u32,
    pub(crate) exchange: Exchange,
    /// Of the bytes that may be under way.
    pub(crate) share: Share,
}

/// What a replay needs, checked and opened.
pub struct Plan {
    /// The captures.
    pub source: Source,
    /// What may be sent, and how much at once.
    pub policy: Arc<Policy>,
    /// The targets' clients.
    pub shadow: Arc<Shadow>,
    /// The rules, compiled.
    pub comparer: Arc<Comparer>,
    /// When to send.
    pub pace: Pace,
}

/// The runtime that replay's sockets live on.
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

/// Walks every exchange of the plan's captures to its outcome. `watch` is called about ten times a second on the
/// calling thread. Setting `stop` ends the reading and the sending; what is in flight is waited for.
///
/// # Errors
/// When the system gives no threads.
pub fn replay(
    plan: Plan,
    runtime: &Handle,
    stop: &Arc<AtomicBool>,
    progress: &Arc<Progress>,
    mut watch: impl FnMut(&Progress),
) -> io::Result<Snapshot> {
    let Plan { source, policy, shadow, comparer, pace } = plan;
    let in_flight = policy.safety.limits.in_flight.max(1);
    let (exchanges_in, exchanges) = bounded::<Numbered>(QUEUED_EXCHANGES);
    let (observations_in, observations) = bounded(in_flight);
    let (done_in, done) = bounded::<()>(0);

    let reader = source::Reader {
        source,
        endpoints: EndpointTable::new(&policy.endpoints),
        stop: Arc::clone(stop),
        progress: Arc::clone(progress),
        budget: Budget::new(BODY_BYTES),
        answers: if policy.targets.legacy.is_some() { 2 } else { 1 },
    };
    let reader = thread::Builder::new().name("source".into()).spawn(move || reader.run(&exchanges_in))?;

    let dispatch = dispatch::Dispatch {
        shadow,
        rate: policy.safety.limits.rate,
        runtime: runtime.clone(),
        stop: Arc::clone(stop),
        progress: Arc::clone(progress),
        observations: observations_in,
    };
    let dispatch =
        thread::Builder::new().name("dispatch".into()).spawn(move || dispatch.run(&exchanges, pace, in_flight))?;

    let workers = (0..comparing_threads())
        .map(|n| {
            let worker = workers::Worker { comparer: Arc::clone(&comparer), progress: Arc::clone(progress) };
            let (observations, done) = (observations.clone(), done_in.clone());
            thread::Builder::new().name(format!("compare-{n}")).spawn(move || {
                // Held until the end: when the last worker drops it, the caller's wait is over.
                let _done = done;
                worker.run(&observations)
            })
        })
        .collect::<io::Result<Vec<_>>>()?;
    drop((observations, done_in));

    while done.recv_timeout(WATCH_EVERY) == Err(RecvTimeoutError::Timeout) {
        watch(progress);
    }

    let read = joined(reader);
    joined(dispatch);
    let tally = workers.into_iter().map(joined).fold(Tally::new(), |mut all, one| {
        all.merge(one);
        all
    });
    Ok(snapshot(tally, read, comparer.redactor()))
}

/// What the source knows at its end.
pub(crate) struct Read {
    pub(crate) ledger: Ledger,
    pub(crate) endpoints: Vec<Endpoint>,
}

fn snapshot(tally: Tally, read: Read, redactor: &Redactor) -> Snapshot {
    let mut endpoints = read.endpoints;
    endpoints.iter_mut().for_each(|endpoint| endpoint.template = redactor.template(&endpoint.template));
    tally.snapshot(&endpoints, read.ledger.wire, read.ledger.capture)
}

/// One a core: comparing is the only work of the walk that needs the processor for long.
fn comparing_threads() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// A panic in a stage is a defect of ours; it must end the run, not shrink the evidence silently.
fn joined<T>(handle: thread::JoinHandle<T>) -> T {
    handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

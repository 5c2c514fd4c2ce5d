//! Beside the walk: spans of shadow requests wait here for the names of their endpoints, and go to a collector.
//!
//! Nobody waits for it. Workers try to put a span into a bounded queue; where there is no place it is dropped and counted.
//! One thread takes them out, a batch at a time; whatever the collector does takes that thread's time and no other's. Names of
//! endpoints come from the recorder once a second, because a place in a path may turn out to be a variable.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded, never, select};
use tokio::runtime::Handle;

use crate::exchange::{Endpoint, Observation, Outcome, SpanNote};
use crate::traces::{Exporter, MAX_TIMEOUT, Sent, Span, Tracer, Traces};

/// Spans that wait, each of some 300 bytes.
pub(crate) const QUEUED_SPANS: usize = 8192;
/// Spans of one request to the collector, as the specification's batch processor has it.
const BATCH: usize = 512;
/// How long the end of a run goes on sending what still waits.
const AT_THE_END: Duration = Duration::from_secs(5);

/// What became of spans so far.
#[derive(Debug, Default)]
struct Counts {
    made: AtomicU64,
    sent: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
    rejected: AtomicU64,
}

/// The end of the queue that workers hold.
#[derive(Clone)]
pub(crate) struct SpanSink {
    tracer: Arc<Tracer>,
    queue: Sender<Span>,
    counts: Arc<Counts>,
}

/// Endpoints by number, as they are called at one moment.
struct Names {
    endpoints: Vec<Endpoint>,
    /// Whether nothing more will come.
    last: bool,
}

/// The end that the recorder holds.
pub(crate) struct SpanNames {
    names: Sender<Names>,
    counts: Arc<Counts>,
    collector: String,
}

/// The thread that sends.
pub(crate) struct SpanSender {
    exporter: Exporter,
    runtime: Handle,
    spans: Receiver<Span>,
    names: Receiver<Names>,
    counts: Arc<Counts>,
    known: Vec<Endpoint>,
    pending: Vec<Span>,
    /// Whether the last batch failed: said once, and once more when it is over.
    failing: bool,
}

/// All three ends.
pub(crate) fn ends(traces: Traces, runtime: &Handle) -> (SpanSink, (SpanNames, SpanSender)) {
    let Traces { tracer, exporter } = traces;
    let (queue, spans) = bounded(QUEUED_SPANS);
    let (names_in, names) = bounded(1);
    let counts = Arc::<Counts>::default();
    let collector = exporter.collector().to_owned();
    let sender = SpanSender {
        exporter,
        runtime: runtime.clone(),
        spans,
        names,
        counts: Arc::clone(&counts),
        known: Vec::new(),
        pending: Vec::new(),
        failing: false,
    };
    let sink = SpanSink { tracer: Arc::new(tracer), queue, counts: Arc::clone(&counts) };
    (sink, (SpanNames { names: names_in, counts, collector }, sender))
}

impl SpanSink {
    /// Makes the spans of an exchange that was asked at `started`, where its trace is sampled; never waits.
    pub(crate) fn note(&self, observation: &Observation, outcome: Outcome, started: SystemTime) {
        for span in self.tracer.spans(observation, outcome, started) {
            bump(&self.counts.made, 1);
            if self.queue.try_send(span).is_err() {
                bump(&self.counts.dropped, 1);
            }
        }
    }
}

impl SpanNames {
    /// The endpoints that are known now. Where the thread has not taken the last ones yet, it gets the next ones.
    pub(crate) fn tell(&self, endpoints: &[Endpoint]) {
        if self.names.is_empty() {
            let _ = self.names.try_send(Names { endpoints: endpoints.to_vec(), last: false });
        }
    }

    /// What became of them so far.
    pub(crate) fn note(&self) -> SpanNote {
        let now = |count: &AtomicU64| count.load(Ordering::Relaxed);
        // Those that ended first, so that none is missing in those that were made.
        let [sent, dropped, failed, rejected] =
            [&self.counts.sent, &self.counts.dropped, &self.counts.failed, &self.counts.rejected].map(now);
        let waiting = now(&self.counts.made).saturating_sub(sent + dropped + failed + rejected);
        SpanNote { collector: self.collector.clone(), sent, dropped, failed, rejected, waiting }
    }

    /// The last names, once no worker is there any more: the thread ends when it has sent what it can.
    pub(crate) fn end(&self, endpoints: &[Endpoint]) {
        // It waits at most for the batch that is under way. A thread that has panicked tells where it is joined.
        let _ = self.names.send(Names { endpoints: endpoints.to_vec(), last: true });
    }
}

impl SpanSender {
    /// Runs until the recorder says that nothing more will come, and then for what is left, but not for long.
    pub(crate) fn run(mut self) {
        let (nothing, mut more) = (never(), true);
        loop {
            // A full batch whose names are not all known yet waits for them.
            let spans = if more && self.pending.len() < BATCH { &self.spans } else { &nothing };
            select! {
                recv(self.names) -> names => {
                    let Ok(Names { endpoints, last }) = names else { break };
                    self.known = endpoints;
                    if last {
                        break;
                    }
                    if self.all_known() {
                        self.send(MAX_TIMEOUT);
                    }
                },
                recv(spans) -> span => match span {
                    Ok(span) => {
                        self.pending.push(span);
                        if self.pending.len() >= BATCH && self.all_known() {
                            self.send(MAX_TIMEOUT);
                        }
                    }
                    // The workers have ended; the last names come soon.
                    Err(_) => more = false,
                },
            }
        }
        self.rest();
    }

    fn all_known(&self) -> bool {
        self.pending.iter().all(|span| (span.endpoint() as usize) < self.known.len())
    }

    /// What is left, until it has been long enough.
    fn rest(&mut self) {
        let end = Instant::now() + AT_THE_END;
        loop {
            while self.pending.len() < BATCH {
                match self.spans.try_recv() {
                    Ok(span) => self.pending.push(span),
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
                }
            }
            if self.pending.is_empty() {
                return;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bump(&self.counts.failed, self.pending.len() as u64);
                self.pending.clear();
            } else {
                self.send(left);
            }
        }
    }

    /// Sends what is pending.
    fn send(&mut self, within: Duration) {
        let batch = std::mem::take(&mut self.pending);
        if batch.is_empty() {
            return;
        }
        let all = batch.len() as u64;
        match self.runtime.block_on(self.exporter.send(batch, &self.known, within)) {
            Sent::Taken { rejected } => {
                bump(&self.counts.sent, all - rejected);
                bump(&self.counts.rejected, rejected);
                if std::mem::take(&mut self.failing) {
                    tracing::info!("{} takes spans again", self.exporter.collector());
                }
            }
            Sent::Failed(why) => {
                bump(&self.counts.failed, all);
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(
                        "no spans to {}: {why}; the run goes on without, and they are counted",
                        self.exporter.collector()
                    );
                }
            }
        }
    }
}

fn bump(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

//! Starting the stages of a walk and joining them.

use std::error::Error;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::asker::{Asker, Left, Permitted};
use super::asks::{Asks, Counting, Telling};
use super::budget::{BODY_BYTES, Budget, LIVE_BODY_BYTES};
use super::live::{self, Assembler, BATCHES, Taker};
use super::numbering::{Numbered, Numbering, Read};
use super::outlet::Outlet;
use super::paced::Paced;
use super::progress::Progress;
use super::prompt::Prompt;
use super::reader::Reader;
use super::recorder::{Finished, Recorder};
use super::room::LIVE_EXCESS_BYTES;
use super::source::Source;
use super::spans;
use super::tee::{self, TeeAssembler, TeeFeed, Told};
use super::workers::Worker;
use super::{Ended, Feed, LiveFeed, Plan};
use crate::capture::Batch;
use crate::ledger::CaptureBooks;
use crate::shadow::{Admission, DryRun, Pacer};
use crate::tally::Builds;
use crate::wire::{Keep, Wire, WireLimits, WireOptions};

/// Exchanges between the source and the dispatcher of a replay. More would only be memory: the dispatcher waits for
/// permits.
const QUEUED_RECORDED: usize = 32;
/// Groups of exchanges in the queue of a live run: the burst that may come while the dispatcher waits for a place.
const QUEUED_LIVE: usize = 256;

/// How the listening, or the relaying, ended.
pub(crate) type Took = Result<(), Box<dyn Error + Send + Sync>>;

/// The threads of a walk.
pub(crate) struct Stages {
    source: JoinHandle<Read>,
    taker: Option<JoinHandle<Took>>,
    dispatcher: JoinHandle<Left>,
    workers: Vec<JoinHandle<Counting>>,
    rest: Receiver<Counting>,
    traces: Option<JoinHandle<()>>,
}

/// The channels to the recorder, and the rounds that it asks for.
struct Recording {
    asks: Arc<Asks>,
    tallies: Sender<(u64, Builds)>,
    books: Sender<(u64, Read)>,
}

impl Recording {
    fn counting(&self) -> Counting {
        Counting::new(&self.asks, &self.tallies)
    }

    fn telling(&self) -> Telling {
        Telling::new(&self.asks, &self.books)
    }
}

/// Starts everything. The receiver hangs up when the last worker has ended.
pub(crate) fn start(
    plan: Plan,
    runtime: &Handle,
    stop: &Arc<AtomicBool>,
    progress: &Arc<Progress>,
) -> io::Result<(Stages, Receiver<()>, Recorder)> {
    let Plan { feed, policy, shadow, comparer, file, dry_run, workers, live: shown, traces } = plan;
    let (is_live, inline) = (feed.is_live(), matches!(feed, Feed::Tee(_)));
    let limits = &policy.safety.limits;
    let in_flight = limits.in_flight.max(1);
    let comparing = workers.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    // The dispatcher and the workers, and the assembler where there is one.
    let counting_stages = comparing + 1 + usize::from(is_live);

    let (tallies_in, tallies) = bounded(2 * counting_stages);
    let (books_in, books) = bounded(2);
    let recording = Recording { asks: Arc::default(), tallies: tallies_in, books: books_in };
    let (exchanges_in, exchanges) = bounded::<Vec<Numbered>>(if is_live { QUEUED_LIVE } else { QUEUED_RECORDED });
    let (observations_in, observations) = bounded::<Permitted>(in_flight);
    let (done_in, done) = bounded::<()>(0);
    let (rest_in, rest) = bounded(1);

    let (sink, names_and_sender) = traces.map(|traces| spans::ends(traces, runtime)).unzip();
    let (names, sender) = names_and_sender.unzip();
    let answers = 1 + u64::from(policy.targets.legacy.is_some());
    let asker = Asker {
        shadow,
        comparer: Arc::clone(&comparer),
        admission: Admission::new(&policy.safety, is_live),
        runtime: runtime.clone(),
        progress: Arc::clone(progress),
        observations: observations_in,
        heard: bounded(in_flight + 1),
        counting: recording.counting(),
        dry_run: dry_run.then(|| DryRun::new(&policy.safety)),
        begun: Instant::now(),
        excess: is_live.then(|| Budget::new(LIVE_EXCESS_BYTES)),
        answers,
        spans: sink.is_some(),
    };
    let numbering = Numbering::new(&policy.endpoints, answers, Arc::clone(&comparer));
    let places = Arc::new(Semaphore::new(in_flight));
    let shared = Shared { stop, progress, recording: &recording };
    let (source, taker, dispatcher) = match feed {
        Feed::Recorded(source, pace) => {
            let pacer = Pacer::new(pace, limits.rate);
            let source = shared.recorded(*source, numbering, exchanges_in)?;
            let paced = Paced { asker, pacer, places, stop: Arc::clone(stop) };
            (source, None, named("dispatch", move || paced.run(&exchanges))?)
        }
        Feed::Live(feed) => {
            let most = feed.requests;
            let outlet = shared.outlet(live::limits(limits.body), numbering, exchanges_in);
            let (source, taker) = shared.live(*feed, outlet, rest_in)?;
            let prompt = Prompt { asker, places, stop: Arc::clone(stop), most, waited: None };
            (source, Some(taker), named("dispatch", move || prompt.run(&exchanges))?)
        }
        Feed::Tee(feed) => {
            let outlet = shared.outlet(tee::limits(limits.body), numbering, exchanges_in);
            let (source, relay) = shared.tee(*feed, outlet, rest_in)?;
            let prompt = Prompt { asker, places, stop: Arc::clone(stop), most: None, waited: None };
            (source, Some(relay), ranked(true, "dispatch", move || prompt.run(&exchanges))?)
        }
    };
    let workers = (0..comparing)
        .map(|n| {
            let (comparer, policy, progress) = (Arc::clone(&comparer), Arc::clone(&policy), Arc::clone(progress));
            let worker = Worker { comparer, policy, progress, counting: recording.counting(), spans: sink.clone() };
            let (observations, done) = (observations.clone(), done_in.clone());
            ranked(inline, &format!("compare-{n}"), move || {
                // Held until the end: when the last worker drops it, the caller's wait is over.
                let _done = done;
                worker.run(&observations)
            })
        })
        .collect::<io::Result<Vec<_>>>()?;
    // The workers' are the only ones: when they have ended, the queue has its end.
    drop(sink);
    let traces = sender.map(|sender| named("traces", move || sender.run())).transpose()?;
    let recorder = Recorder::new(recording.asks, tallies, books, counting_stages, file, shown).naming(names);
    Ok((Stages { source, taker, dispatcher, workers, rest, traces }, done, recorder))
}

/// What every stage is given.
struct Shared<'a> {
    stop: &'a Arc<AtomicBool>,
    progress: &'a Arc<Progress>,
    recording: &'a Recording,
}

impl Shared<'_> {
    fn recorded(
        &self,
        source: Source,
        numbering: Numbering,
        exchanges: Sender<Vec<Numbered>>,
    ) -> io::Result<JoinHandle<Read>> {
        let reader = Reader {
            source,
            numbering,
            stop: Arc::clone(self.stop),
            progress: Arc::clone(self.progress),
            budget: Budget::new(BODY_BYTES),
            telling: self.recording.telling(),
        };
        named("source", move || reader.run(&exchanges))
    }

    /// The wire code of a live source, and its way out.
    fn outlet(&self, limits: WireLimits, numbering: Numbering, exchanges: Sender<Vec<Numbered>>) -> Outlet {
        Outlet {
            wire: Wire::new(WireOptions { limits, keep: Keep::Bodies }),
            numbering,
            budget: Budget::new(LIVE_BODY_BYTES),
            progress: Arc::clone(self.progress),
            counting: self.recording.counting(),
            telling: self.recording.telling(),
            exchanges,
            ready: Vec::new(),
        }
    }

    fn live(
        &self,
        feed: LiveFeed,
        outlet: Outlet,
        rest: Sender<Counting>,
    ) -> io::Result<(JoinHandle<Read>, JoinHandle<Took>)> {
        let (taken_in, taken) = bounded(BATCHES);
        let (empty_in, empty) = bounded(BATCHES);
        for _ in 0..BATCHES {
            // There is room for all of them.
            let _ = empty_in.try_send(Batch::new());
        }
        let assembler = Assembler {
            outlet,
            taken,
            empty: empty_in,
            saver: feed.saver,
            filter: feed.filter,
            capture: CaptureBooks::default(),
        };
        let taker = Taker {
            source: feed.source,
            stop: Arc::clone(self.stop),
            taken: taken_in,
            empty,
            progress: Arc::clone(self.progress),
        };
        let source = named("assemble", move || leaving(rest, assembler.run()))?;
        Ok((source, named("capture", move || Ok(taker.run()?))?))
    }

    fn tee(
        &self,
        feed: TeeFeed,
        outlet: Outlet,
        rest: Sender<Counting>,
    ) -> io::Result<(JoinHandle<Read>, JoinHandle<Took>)> {
        let TeeFeed { relay, pieces, counts, .. } = feed;
        let (stop, told) = (Arc::clone(self.stop), Told::default());
        let assembler = TeeAssembler { outlet, pieces, counts, stop, looked_at: [0, 0], told };
        Ok((ranked(true, "assemble", move || leaving(rest, assembler.run()))?, relay))
    }
}

/// Leaves an assembler's counts for the end.
fn leaving(rest: Sender<Counting>, (read, counting): (Read, Counting)) -> Read {
    // Room for one, and it is the only one.
    let _ = rest.try_send(counting);
    read
}

impl Stages {
    /// Joins everything and takes in what the stages still hold.
    pub(crate) fn end(self, mut recorder: Recorder) -> Ended {
        let Stages { source, taker, dispatcher, workers, rest, traces } = self;
        // First: a tee goes on relaying whatever has become of those who look at it.
        let took = taker.map(joined);
        let mut read = joined(source);
        if let Some(Err(error)) = took {
            tracing::error!("{error}");
            read.ledger.capture.damage.push(error.to_string());
            read.ledger.capture.finished = false;
        }
        let Left { counting, admission, dry_run } = joined(dispatcher);
        for counting in workers.into_iter().map(joined).chain(rest.try_recv()).chain([counting]) {
            recorder.take(counting.tally);
        }
        let spans = recorder.names.take().map(|names| {
            names.end(&read.endpoints);
            traces.map(joined);
            names.note()
        });
        let dry_run = dry_run.map(|dry_run| dry_run.plan(&read.endpoints));
        let Finished { snapshot, together, epochs, unfinished } = recorder.finish(read);
        Ended { snapshot, together, epochs, dry_run, admission, file: unfinished, spans }
    }
}

pub(crate) fn named<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    thread::Builder::new().name(name.to_owned()).spawn(work)
}

/// How much less than the relay the threads behind it get where there is too little processor time, as nice(1) has it: a third.
const BEHIND_THE_RELAY: i32 = 5;

/// The same; `behind`: those that users wait for come first.
fn ranked<T: Send + 'static>(
    behind: bool,
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    named(name, move || {
        if behind {
            // Of this thread alone (setpriority(2), NPTL). Where it may not be, all are equal.
            let _ = rustix::process::setpriority_process(None, BEHIND_THE_RELAY);
        }
        work()
    })
}

/// A panic in a stage is a defect of ours; it must end the run, not shrink the evidence silently.
fn joined<T>(handle: JoinHandle<T>) -> T {
    handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

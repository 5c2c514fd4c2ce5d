//! The recorder: gathers what the stages count, writes it to the run file, and shows it to whoever looks.
//!
//! It lives on the calling thread. A disk that hangs delays the writing and the screen, and nothing else: stages keep
//! what they counted until it is asked for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use super::asks::Asks;
use super::live::{LINE_DOWN, LINE_ENDED};
use super::numbering::Read;
use super::progress::Progress;
use super::spans::SpanNames;
use crate::exchange::{Endpoint, EpochNote, RunFacts};
use crate::ledger::{Ledger, StoreBooks};
use crate::serve::{Line, Live, Standing};
use crate::store::{self, RunFile, StoreError};
use crate::tally::{Builds, Snapshot};

/// How often the stages are asked.
pub(crate) const ROUND_EVERY: Duration = Duration::from_secs(1);
/// How long a round's answers are waited for. What comes later is counted in the next one.
const PATIENCE: Duration = Duration::from_millis(300);

/// Everything counted so far, and what of it is not written yet.
pub(crate) struct Recorder {
    pub(crate) asks: Arc<Asks>,
    pub(crate) tallies: Receiver<(u64, Builds)>,
    pub(crate) books: Receiver<(u64, Read)>,
    /// How many stages count outcomes.
    pub(crate) stages: usize,
    pub(crate) file: Option<RunFile>,
    live: Option<Arc<Live>>,
    all: Builds,
    pending: Builds,
    round: u64,
    last: Instant,
    /// Whether the last write failed: said once, and once more when it is over.
    failing: bool,
    /// Where spans wait for the names of endpoints.
    pub(crate) names: Option<SpanNames>,
}

impl Recorder {
    pub(crate) fn new(
        asks: Arc<Asks>,
        tallies: Receiver<(u64, Builds)>,
        books: Receiver<(u64, Read)>,
        stages: usize,
        file: Option<RunFile>,
        live: Option<Arc<Live>>,
    ) -> Recorder {
        let (all, pending) = (Builds::new(), Builds::new());
        let (round, last, failing) = (0, Instant::now(), false);
        Recorder { asks, tallies, books, stages, file, live, all, pending, round, last, failing, names: None }
    }

    /// Tells endpoints to spans, too.
    pub(crate) fn naming(self, names: Option<SpanNames>) -> Recorder {
        Recorder { names, ..self }
    }

    /// One round, where it is time or somebody looks.
    pub(crate) fn round_if_due(&mut self, progress: &Progress) {
        let wanted = self.live.as_ref().is_some_and(|live| live.wanted());
        if self.last.elapsed() < ROUND_EVERY && !wanted {
            return;
        }
        self.last = Instant::now();
        self.round += 1;
        if let Some(live) = &self.live {
            let now = progress.now();
            live.goes_on(line(now.line), now.frames > 0);
        }
        self.gather();
        if self.file.is_none() && !wanted && self.names.is_none() {
            return;
        }
        let Some(read) = self.books() else { return };
        if let Some(names) = &self.names {
            names.tell(&read.endpoints);
        }
        self.write(&read);
        if wanted {
            self.show(&read, progress);
        }
    }

    /// Everything so far, for who looks. It takes a copy of all counts, so it is done only where somebody does.
    fn show(&self, read: &Read, progress: &Progress) {
        let Some(live) = &self.live else { return };
        let begun = Instant::now();
        let now = progress.now();
        let (mut snapshot, _) = store::latest(self.all.clone(), &read.endpoints, &read.ledger);
        let together = store::together(&self.all, &read.endpoints, &read.ledger);
        snapshot.ledger.store = self.file.as_ref().map(|file| {
            let (writes, failed_writes) = file.attempts();
            StoreBooks { writes, failed_writes, ..StoreBooks::default() }
        });
        let standing = Standing {
            in_flight: now.in_flight(),
            queued: now.exchanges.saturating_sub(now.skipped + now.sent),
            spans: self.names.as_ref().map(SpanNames::note),
            line: line(now.line),
            connections: snapshot.ledger.capture.tee.map(|_| [now.connections, now.most_connections]),
            breaker: ["closed", "half-open", "open"][now.breaker.min(2) as usize],
            ..Standing::default()
        };
        live.show(snapshot, together, standing, begun);
    }

    /// Asks every stage for its tally, and takes in whatever has come until all have answered or it has been long
    /// enough.
    fn gather(&mut self) {
        self.asks.ask_tallies(self.round);
        let until = Instant::now() + PATIENCE;
        let mut answered = 0;
        while answered < self.stages
            && let Ok((round, tally)) = self.tallies.recv_deadline(until)
        {
            answered += usize::from(round == self.round);
            self.take(tally);
        }
    }

    /// The source's books, taken after all that was gathered.
    fn books(&self) -> Option<Read> {
        while self.books.try_recv().is_ok() {}
        self.asks.ask_books(self.round);
        let until = Instant::now() + PATIENCE;
        loop {
            let (round, read) = self.books.recv_deadline(until).ok()?;
            if round == self.round {
                return Some(read);
            }
        }
    }

    /// Takes a stage's counts in.
    pub(crate) fn take(&mut self, tally: Builds) {
        if self.file.is_some() {
            self.pending.merge(tally.clone());
        }
        self.all.merge(tally);
        // Only what is written needs to know of minutes.
        self.all.forget_minutes();
    }

    fn write(&mut self, read: &Read) {
        let Some(file) = &mut self.file else { return };
        match file.write(&self.pending, &read.ledger, &read.endpoints) {
            Ok(()) => {
                self.pending = Builds::new();
                if std::mem::take(&mut self.failing) {
                    tracing::warn!("the run file is written again; nothing of the evidence was lost");
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::error!("{error}; the run goes on, and writing is tried again every second");
                }
            }
        }
    }

    /// The end: every stage is joined and its rest was taken.
    pub(crate) fn finish(mut self, read: Read) -> Finished {
        while let Ok((_, tally)) = self.tallies.try_recv() {
            self.take(tally);
        }
        let Read { ledger, endpoints } = read;
        let together = self.live.is_some().then(|| store::together(&self.all, &endpoints, &ledger)).flatten();
        let (snapshot, epochs) = store::latest(self.all, &endpoints, &ledger);
        let unfinished = self.file.map(|file| Unfinished { file, pending: self.pending, ledger, endpoints });
        Finished { snapshot, together, epochs, unfinished }
    }
}

/// What is left of a recorder.
pub(crate) struct Finished {
    pub(crate) snapshot: Snapshot,
    pub(crate) together: Option<Snapshot>,
    pub(crate) epochs: Vec<EpochNote>,
    pub(crate) unfinished: Option<Unfinished>,
}

fn line(state: u64) -> Line {
    match state {
        LINE_DOWN => Line::Down,
        LINE_ENDED => Line::Ended,
        _ => Line::Up,
    }
}

/// A run file that lacks its last write: what is to stand in it of the end, the caller knows.
pub struct Unfinished {
    file: RunFile,
    pending: Builds,
    ledger: Ledger,
    endpoints: Vec<Endpoint>,
}

impl Unfinished {
    /// Writes what is left, and that the run came to its end. How the writing went, beside.
    ///
    /// # Errors
    /// It cannot be written: the file holds the evidence up to its last write.
    pub fn finish(mut self, facts: &RunFacts) -> (StoreBooks, Result<(), StoreError>) {
        let done = self.file.finish(&self.pending, &self.ledger, &self.endpoints, facts);
        let (writes, failed_writes) = self.file.attempts();
        (StoreBooks { writes, failed_writes, ..StoreBooks::default() }, done)
    }
}

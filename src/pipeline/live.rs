//! The first two stages of a live run: one thread takes frames, another makes exchanges of them.
//!
//! The thread that takes does nothing else. Where the assembling falls behind, it waits with no buffer free, the kernel's
//! ring fills, and what no longer fits there is counted by the kernel: one place for loss, with an exact number.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};

use super::asker::count_skipped;
use super::asks::{Counting, Telling};
use super::budget::Budget;
use super::numbering::{Numbered, Numbering, Read};
use super::progress::{Progress, bump};
use crate::capture::{Batch, CaptureError, LiveLosses, LiveSource, Saver};
use crate::exchange::{Exchange, Fate, Observation, Skip, Timestamp};
use crate::ledger::{CaptureBooks, Ledger, LiveBooks};
use crate::wire::Wire;

/// Batches between the two threads, in both directions together: at 256 KiB each, 4 MiB.
pub(crate) const BATCHES: usize = 16;
/// How long a look at a silent line takes.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How often the kernel is asked for its counts.
const COUNT_EVERY: Duration = Duration::from_millis(250);
/// Silence after which the wall clock moves the wire's own: silent connections must be given up although nothing comes.
const SILENCE: Duration = Duration::from_secs(2);

/// What the taking thread hands on.
pub(crate) struct Taken {
    pub(crate) batch: Batch,
    pub(crate) losses: LiveLosses,
}

/// The thread that takes frames.
pub(crate) struct Taker {
    pub(crate) source: LiveSource,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) taken: Sender<Taken>,
    pub(crate) empty: Receiver<Batch>,
}

impl Taker {
    /// Runs until the stop flag, and then until everything is read that had arrived.
    ///
    /// # Errors
    /// When the line can no longer be listened to.
    pub(crate) fn run(mut self) -> Result<(), CaptureError> {
        let mut counted = Instant::now();
        let mut losses = self.source.losses();
        let mut stopping = false;
        // Every batch that there is goes round between the two threads; the other end hangs up only when it has failed.
        while let Ok(mut batch) = self.empty.recv() {
            if !stopping && self.stop.load(Ordering::Relaxed) {
                stopping = true;
                self.source.stop_taking()?;
            }
            let filled = self.source.fill(&mut batch, LOOK_EVERY);
            let ended = filled.is_err() || (stopping && batch.is_empty());
            if ended || counted.elapsed() >= COUNT_EVERY {
                counted = Instant::now();
                losses = self.source.losses();
            }
            if self.taken.send(Taken { batch, losses }).is_err() || ended {
                return filled.map(drop);
            }
        }
        Ok(())
    }
}

/// The thread that assembles.
pub(crate) struct Assembler {
    pub(crate) wire: Wire,
    pub(crate) numbering: Numbering,
    pub(crate) budget: Arc<Budget>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) counting: Counting,
    pub(crate) telling: Telling,
    pub(crate) taken: Receiver<Taken>,
    pub(crate) empty: Sender<Batch>,
    pub(crate) exchanges: Sender<Numbered>,
    pub(crate) saver: Option<Saver>,
    pub(crate) capture: CaptureBooks,
}

impl Assembler {
    /// Runs until the taking thread has ended.
    pub(crate) fn run(mut self) -> (Read, Counting) {
        let mut heard = Instant::now();
        loop {
            match self.taken.recv_timeout(LOOK_EVERY) {
                Ok(taken) => {
                    if !taken.batch.is_empty() {
                        heard = Instant::now();
                    }
                    self.batch(taken);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if heard.elapsed() >= SILENCE {
                self.with_sink(|wire, sink| wire.tick(clock(), sink));
            }
            self.counting.tell_if_asked();
            self.tell();
        }
        self.with_sink(Wire::finish);
        self.capture.finished = true;
        let read = self.numbering.read(Ledger { capture: self.capture, wire: self.wire.books(), shadow: None });
        (read, self.counting)
    }

    fn batch(&mut self, taken: Taken) {
        let Taken { mut batch, losses } = taken;
        self.with_sink(|wire, sink| {
            for frame in batch.frames() {
                wire.frame(&frame, sink);
            }
        });
        let bytes: u64 = batch.frames().map(|frame| frame.data.len() as u64).sum();
        self.capture.bytes += bytes;
        self.progress.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.progress.frames.fetch_add(batch.len() as u64, Ordering::Relaxed);
        self.progress.dropped.store(losses.kernel_dropped + losses.interface_dropped, Ordering::Relaxed);
        self.save(&batch);
        batch.clear();
        // There is a place for every batch.
        let _ = self.empty.try_send(batch);
        self.capture.live = Some(LiveBooks::from(losses));
    }

    /// Gives the wire code its turn; what it finishes goes on or is counted.
    fn with_sink(&mut self, turn: impl FnOnce(&mut Wire, &mut dyn FnMut(Exchange))) {
        let Assembler { wire, numbering, budget, progress, counting, exchanges, .. } = self;
        turn(wire, &mut |mut exchange| {
            if !exchange.is_complete() {
                bump(&progress.incomplete);
                return numbering.incomplete(&mut exchange);
            }
            bump(&progress.exchanges);
            let (sequence, endpoint) = numbering.complete(&exchange);
            let shed = |exchange: Exchange, numbering: &mut Numbering, counting: &mut Counting| {
                numbering.shed(&exchange, endpoint);
                bump(&progress.skipped);
                bump(&progress.shed);
                let fate = Fate::Skipped(Skip::Shed);
                count_skipped(counting, &Observation { sequence, endpoint, exchange, fate }, Skip::Shed);
            };
            let Some(share) = budget.try_take(numbering.under_way(&exchange)) else {
                return shed(exchange, numbering, counting);
            };
            // Where the receiver has panicked, whoever joins it tells.
            if let Err(TrySendError::Full(numbered) | TrySendError::Disconnected(numbered)) =
                exchanges.try_send(Numbered { sequence, endpoint, exchange, share })
            {
                shed(numbered.exchange, numbering, counting);
            }
        });
    }

    fn save(&mut self, batch: &Batch) {
        let Some(saver) = &mut self.saver else { return };
        for frame in batch.frames() {
            if let Err(error) = saver.write(&frame) {
                tracing::error!("{error}");
                self.capture.damage.push(error.to_string());
            }
        }
    }

    fn tell(&mut self) {
        let Assembler { telling, numbering, wire, capture, .. } = self;
        telling
            .tell_if_asked(|| numbering.read(Ledger { capture: capture.clone(), wire: wire.books_now(), shadow: None }));
    }
}

/// The wall clock; used only where the line is silent, so that no frame is older.
fn clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

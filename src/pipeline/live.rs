//! The first two stages of a live run: one thread takes frames, another makes exchanges of them.
//!
//! The thread that takes does nothing else. Where the assembling falls behind, it waits with no buffer free, the kernel's
//! ring fills, and what no longer fits there is counted by the kernel: one place for loss, with an exact number.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::asks::Counting;
use super::numbering::Read;
use super::outlet::Outlet;
use super::progress::Progress;
use crate::capture::{Batch, CaptureError, Filter, LiveLosses, LiveSource, Saver};
use crate::exchange::Timestamp;
use crate::ledger::{CaptureBooks, LiveBooks, MAX_DAMAGE_LINES, Refusal, WireBooks};
use crate::wire::WireLimits;

/// Batches between the two threads, in both directions together: at 256 KiB each, 4 MiB.
pub(crate) const BATCHES: usize = 16;
/// How long a look at a silent line takes.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How often the kernel is asked for its counts.
const COUNT_EVERY: Duration = Duration::from_millis(250);
/// Silence after which the wall clock moves the wire's own: silent connections must be given up although nothing comes.
pub(crate) const SILENCE: Duration = Duration::from_secs(2);

/// See [`Progress`].
pub(crate) const LINE_UP: u64 = 0;
/// See [`Progress`].
pub(crate) const LINE_DOWN: u64 = 1;
/// See [`Progress`].
pub(crate) const LINE_ENDED: u64 = 2;

/// The wire code's limits for a line, with bodies of at most so many bytes.
pub(crate) fn limits(body: usize) -> WireLimits {
    WireLimits { body, ..WireLimits::default() }
}

/// What the taking thread hands on.
pub(crate) struct Taken {
    pub(crate) batch: Batch,
    pub(crate) books: LiveBooks,
    /// Something that happened to the line, for the books.
    pub(crate) trouble: Option<String>,
}

/// The thread that takes frames.
pub(crate) struct Taker {
    pub(crate) source: LiveSource,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) taken: Sender<Taken>,
    pub(crate) empty: Receiver<Batch>,
    pub(crate) progress: Arc<Progress>,
}

impl Taker {
    /// Runs until the stop flag, and then until everything is read that had arrived. An interface that goes down may
    /// come up again, so that is waited for.
    ///
    /// # Errors
    /// When the line can no longer be listened to.
    pub(crate) fn run(mut self) -> Result<(), CaptureError> {
        let progress = Arc::clone(&self.progress);
        let ended = self.take();
        progress.line.store(LINE_ENDED, Ordering::Relaxed);
        ended
    }

    fn take(&mut self) -> Result<(), CaptureError> {
        let mut counted = Instant::now();
        let mut books = self.books();
        let (mut stopping, mut down) = (false, false);
        // Every batch that there is goes round between the two threads; the other end hangs up only when it has failed.
        while let Ok(mut batch) = self.empty.recv() {
            if !stopping && self.stop.load(Ordering::Relaxed) {
                stopping = true;
                self.source.stop_taking()?;
            }
            let mut filled = self.source.fill(&mut batch, LOOK_EVERY);
            let mut trouble = None;
            if let Err(error @ CaptureError::InterfaceDown { .. }) = filled {
                if !std::mem::replace(&mut down, true) {
                    tracing::error!("{error}");
                    trouble = Some(error.to_string());
                }
                thread::sleep(LOOK_EVERY);
                filled = Ok(0);
            } else if !batch.is_empty() && std::mem::take(&mut down) {
                tracing::warn!("frames come again");
            }
            let line = if down && self.source.is_down() { LINE_DOWN } else { LINE_UP };
            if self.progress.line.swap(line, Ordering::Relaxed) == LINE_DOWN && line == LINE_UP {
                tracing::warn!("the interface is up again");
            }
            let ended = filled.is_err() || (stopping && batch.is_empty());
            if ended || counted.elapsed() >= COUNT_EVERY {
                counted = Instant::now();
                books = self.books();
            }
            if self.taken.send(Taken { batch, books: books.clone(), trouble }).is_err() || ended {
                return filled.map(drop);
            }
        }
        Ok(())
    }

    fn books(&mut self) -> LiveBooks {
        let LiveLosses { received, kernel_dropped, interface_dropped } = self.source.losses();
        let not_vxlan = self.source.not_vxlan();
        LiveBooks { received, kernel_dropped, interface_dropped, not_vxlan, ..LiveBooks::default() }
    }
}

/// The thread that assembles.
pub(crate) struct Assembler {
    pub(crate) outlet: Outlet,
    pub(crate) taken: Receiver<Taken>,
    pub(crate) empty: Sender<Batch>,
    pub(crate) saver: Option<Saver>,
    /// Asked of each frame where the kernel cannot be: of those inside of VXLAN.
    pub(crate) filter: Option<Filter>,
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
                // Only where the line is silent, so that no frame is older.
                self.outlet.turn(|wire, sink| wire.tick(Timestamp::now(), sink));
            }
            let Assembler { outlet, capture, saver, .. } = &mut self;
            outlet.tell_if_asked(|wire| with_counts(capture.clone(), wire, saver.as_ref()));
        }
        let Assembler { outlet, capture, mut saver, .. } = self;
        if let Some(Err(error)) = saver.as_mut().map(Saver::flush) {
            // No damage of the evidence: what was looked at was, and the frames that are not kept are counted.
            tracing::error!("{error}");
        }
        outlet.end(|wire| with_counts(capture, wire, saver.as_ref()))
    }

    fn batch(&mut self, taken: Taken) {
        let Taken { mut batch, books, trouble } = taken;
        let mut filter = self.filter.take();
        let mut filtering = None;
        self.outlet.turn(|wire, sink| {
            for frame in batch.frames() {
                match filter.as_mut().map(|filter| filter.accepts(&frame)) {
                    None | Some(Ok(true)) => wire.frame(&frame, sink),
                    Some(Ok(false)) => wire.refuse(Refusal::Filtered),
                    Some(Err(error)) => {
                        wire.refuse(Refusal::Filtered);
                        filtering = Some(error.to_string());
                    }
                }
            }
        });
        self.filter = filter;
        let progress = &self.outlet.progress;
        progress.bytes.fetch_add(batch.bytes() as u64, Ordering::Relaxed);
        progress.frames.fetch_add(batch.len() as u64, Ordering::Relaxed);
        progress.dropped.store(books.kernel_dropped + books.interface_dropped, Ordering::Relaxed);
        self.capture.bytes += batch.bytes() as u64;
        for line in trouble.into_iter().chain(filtering) {
            // An interface may come and go for days, and say the same each time.
            if self.capture.damage.len() < MAX_DAMAGE_LINES && !self.capture.damage.contains(&line) {
                self.capture.damage.push(line);
            }
        }
        if let Some(Err(error)) = self.saver.as_mut().map(|saver| saver.batch(&batch)) {
            tracing::error!("{error}");
        }
        self.capture.live = Some(books);
        batch.clear();
        // There is a place for every batch.
        let _ = self.empty.try_send(batch);
    }
}

/// With the kernel's counts as of the last look at them, and the frames that were looked at.
fn with_counts(capture: CaptureBooks, wire: &WireBooks, saver: Option<&Saver>) -> CaptureBooks {
    let mut books = capture.live.unwrap_or_default();
    let known = wire.frames + books.kernel_dropped + books.not_vxlan + books.shed_frames;
    // Frames are counted as they come, the kernel's figures four times a second.
    books.received = books.received.max(known);
    books.waiting = books.received - known;
    books.unsaved_frames = saver.map_or(0, Saver::unsaved);
    CaptureBooks { live: Some(books), ..capture }
}

//! The first two stages of a run that stands inline: the relay, on a runtime of its own, and the thread that makes exchanges
//! of what went by.
//!
//! The relay hands on what it reads and never waits for anybody but the two sides. Where the assembling falls behind, what no
//! longer fits is shed, with an exact number, and is a gap to the wire code. If everything behind the channel were gone, the
//! relay would go on.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded};

use super::asks::Counting;
use super::budget::{Budget, Share};
use super::live::{LINE_ENDED, LOOK_EVERY, SILENCE};
use super::numbering::Read;
use super::outlet::Outlet;
use super::stages::{Took, named};
use crate::exchange::{Timestamp, counted};
use crate::ledger::{CaptureBooks, RelayedBytes, TeeBooks};
use crate::tee::{Counts, Ear, MAX_CONNECTIONS, Piece, Standing, Tee, Upstream, Way};
use crate::wire::WireLimits;

/// Bytes that were relayed and wait to be looked at: the tee is to be a small guest.
const WAITING_BYTES: u64 = 32 << 20;
/// What a small piece is taken for: it costs more than its bytes.
const LEAST_PIECE: u64 = 2 << 10;
/// Pieces that may wait: those of bytes, and the beginnings and ends of as many connections as there may be.
const WAITING_PIECES: usize = (WAITING_BYTES / LEAST_PIECE) as usize + 2 * MAX_CONNECTIONS;
/// Pieces that are looked at together.
const PIECES_A_TURN: usize = 256;
/// Between two looks as long as pieces come: to be woken for each of them would cost the relay more than passing it on does.
const REST: Duration = Duration::from_millis(1);
/// After so long without one, the next one wakes.
const QUIET: Duration = Duration::from_millis(100);
/// How often troubles of the relay are told.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// Bytes of heads and bodies of exchanges that are not finished: clients that read slowly have theirs under way for long.
const UNFINISHED: usize = 48 << 20;
/// The relay tells of the end of each connection; one that is silent is not given up before.
const IDLE: Duration = Duration::from_secs(7 * 24 * 3600);

/// A tee that stands already: it relays before anything else is ready, and what it hears waits as far as there is room.
pub struct TeeFeed {
    /// End after so long.
    pub lasts: Option<Duration>,
    address: SocketAddr,
    pub(crate) relay: JoinHandle<Took>,
    pub(crate) pieces: Receiver<Heard>,
    pub(crate) counts: Arc<Counts>,
}

impl TeeFeed {
    /// Begins to relay, until `stop` is set and the connections have come to their end.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn start(tee: Tee, upstream: Upstream, lasts: Option<Duration>, stop: &Arc<AtomicBool>) -> io::Result<TeeFeed> {
        let (sender, pieces) = bounded(WAITING_PIECES);
        let mouth = Mouth { pieces: sender, budget: Budget::new(WAITING_BYTES) };
        let (address, counts) = (tee.address(), tee.counts());
        let (runtime, stop) = (super::relay_runtime()?, Arc::clone(stop));
        let relay = named("tee", move || {
            let ended = runtime.block_on(tee.run(upstream, mouth, &stop));
            // A look-up that hangs is not waited for.
            runtime.shutdown_background();
            Ok(ended?)
        })?;
        Ok(TeeFeed { lasts, address, relay, pieces, counts })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// The wire code's limits for a source that loses nothing by itself and brings everything in its order.
pub(crate) fn limits(body: usize) -> WireLimits {
    let connections = WireLimits::default().connections.max(MAX_CONNECTIONS);
    let patient = WireLimits { idle: IDLE, unfinished: UNFINISHED, ..WireLimits::default() };
    WireLimits { body, connections, patience: 0, patience_unacknowledged: 0, ..patient }
}

/// A piece, and its share of what may wait.
pub(crate) struct Heard {
    piece: Piece,
    _share: Option<Share>,
}

/// Where the relay tells what it hears.
pub(crate) struct Mouth {
    pieces: Sender<Heard>,
    budget: Arc<Budget>,
}

impl Ear for Mouth {
    fn hear(&self, piece: Piece) -> bool {
        let share = match piece.bytes().len() as u64 {
            // Without its beginnings and ends a connection is harder to read than without some of its bytes.
            0 => None,
            bytes => match self.budget.try_take(bytes.max(LEAST_PIECE)) {
                None => return false,
                taken => taken,
            },
        };
        self.pieces.try_send(Heard { piece, _share: share }).is_ok()
    }
}

/// The thread that assembles.
pub(crate) struct TeeAssembler {
    pub(crate) outlet: Outlet,
    pub(crate) pieces: Receiver<Heard>,
    pub(crate) counts: Arc<Counts>,
    pub(crate) stop: Arc<AtomicBool>,
    /// Bytes that were looked at, by direction.
    pub(crate) looked_at: [u64; 2],
    pub(crate) told: Told,
}

impl TeeAssembler {
    /// Runs until the relay has ended.
    pub(crate) fn run(mut self) -> (Read, Counting) {
        let mut heard = Instant::now();
        loop {
            match self.next(heard) {
                Ok(first) => {
                    heard = Instant::now();
                    self.together(first);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if heard.elapsed() >= SILENCE {
                self.outlet.turn(|wire, sink| wire.tick(Timestamp::now(), sink));
            }
            if self.stop.load(Ordering::Relaxed) {
                self.outlet.progress.line.store(LINE_ENDED, Ordering::Relaxed);
            }
            let TeeAssembler { outlet, counts, looked_at, told, .. } = &mut self;
            let now = counts.now();
            if told.is_due() {
                told.tell(&now, counts);
            }
            outlet.progress.dropped.store(now.shed.iter().sum(), Ordering::Relaxed);
            outlet.progress.connections.store(now.open, Ordering::Relaxed);
            outlet.progress.most_connections.store(now.most, Ordering::Relaxed);
            outlet.tell_if_asked(|_| books(counts.now(), *looked_at, true));
        }
        let TeeAssembler { outlet, counts, looked_at, mut told, .. } = self;
        told.tell(&counts.now(), &counts);
        outlet.progress.line.store(LINE_ENDED, Ordering::Relaxed);
        outlet.end(|_| books(counts.now(), looked_at, false))
    }

    /// The next piece. `heard`: when the last one came.
    fn next(&self, heard: Instant) -> Result<Heard, RecvTimeoutError> {
        match self.pieces.try_recv() {
            Ok(first) => return Ok(first),
            Err(TryRecvError::Disconnected) => return Err(RecvTimeoutError::Disconnected),
            Err(TryRecvError::Empty) if heard.elapsed() >= QUIET => return self.pieces.recv_timeout(LOOK_EVERY),
            Err(TryRecvError::Empty) => thread::sleep(REST),
        }
        self.pieces.try_recv().map_err(|error| match error {
            TryRecvError::Empty => RecvTimeoutError::Timeout,
            TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
        })
    }

    /// What has come, many together.
    fn together(&mut self, first: Heard) {
        let TeeAssembler { outlet, pieces, looked_at, .. } = self;
        let mut taken = [0, 0];
        let mut count = 0;
        outlet.turn(|wire, sink| {
            for Heard { piece, .. } in [first].into_iter().chain(pieces.try_iter().take(PIECES_A_TURN - 1)) {
                let segment = piece.segment();
                wire.segment(&segment, sink);
                if wire.is_at_rest(&segment) {
                    piece.link.settle(&piece);
                }
                let [up, down] = &mut taken;
                *piece.way.of(up, down) += piece.bytes().len() as u64;
                count += 1;
            }
        });
        for (sum, more) in looked_at.iter_mut().zip(taken) {
            *sum += more;
        }
        let progress = &outlet.progress;
        progress.bytes.fetch_add(taken.iter().sum(), Ordering::Relaxed);
        progress.frames.fetch_add(count, Ordering::Relaxed);
    }
}

/// What was told of a relay that meets trouble. It is told here because whoever writes to a pipe that nobody reads waits.
#[derive(Debug, Default)]
pub(crate) struct Told {
    at: Option<Instant>,
    before: Standing,
}

impl Told {
    /// Whether it was quiet for long enough.
    fn is_due(&self) -> bool {
        self.at.is_none_or(|at| at.elapsed() >= TELL_EVERY)
    }

    /// Tells what is new.
    fn tell(&mut self, now: &Standing, counts: &Counts) {
        let new = |of: fn(&Standing) -> u64| of(now) - of(&self.before);
        let (unreachable, refused) = (new(|now| now.unreachable), new(|now| now.not_accepted));
        let (full, cut) = (new(|now| now.full), new(|now| now.cut));
        if unreachable > 0 {
            let n = counted(unreachable, "connection");
            tracing::warn!("{n} reset because the legacy could not be reached: {}", counts.trouble());
        }
        if refused > 0 {
            tracing::error!("connections cannot be accepted: {}; it is tried again", counts.trouble());
        }
        if full > 0 {
            let most = counted(now.most, "connection");
            tracing::warn!("{most} at once: who comes now waits until one ends; --connections allows more");
        }
        if cut > 0 {
            let n = counted(cut, "connection");
            let (their, are) = if cut == 1 { ("its", "is") } else { ("their", "are") };
            tracing::warn!("{n} did not come to {their} end and {are} cut off; --drain gives more time");
        }
        if unreachable + refused + full + cut > 0 {
            (self.at, self.before) = (Some(Instant::now()), *now);
        }
    }
}

/// The tee's books. `goes_on`: what is not accounted for waits; at the end nothing does, or they do not close.
fn books(counts: Standing, looked_at: [u64; 2], goes_on: bool) -> CaptureBooks {
    let way = |way: Way| {
        let pick = |[up, down]: [u64; 2]| way.of(up, down);
        let (relayed, shed, looked_at) = (pick(counts.read), pick(counts.shed), pick(looked_at));
        let waiting = if goes_on { relayed.saturating_sub(shed + looked_at) } else { 0 };
        RelayedBytes { relayed, looked_at, shed, waiting }
    };
    let Standing { accepted: connections, unreachable, cut, .. } = counts;
    let (from_clients, from_legacy) = (way(Way::Up), way(Way::Down));
    let tee = TeeBooks { connections, unreachable, cut, from_clients, from_legacy };
    CaptureBooks { bytes: looked_at.iter().sum(), tee: Some(tee), ..CaptureBooks::default() }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::tee::What;

    #[test]
    fn bytes_that_have_no_room_are_refused_and_beginnings_and_ends_are_not() {
        let (sender, pieces) = bounded(8);
        let mouth = Mouth { pieces: sender, budget: Budget::new(2 * LEAST_PIECE) };
        let bytes = |n: usize| Piece::sample(What::Bytes(Bytes::from(vec![b'x'; n])));
        assert!(mouth.hear(bytes(10)) && mouth.hear(bytes(2_000)));
        assert!(!mouth.hear(bytes(1)), "a small piece is taken for more than its bytes");
        assert!(mouth.hear(Piece::sample(What::End)));
        drop(pieces.recv());
        assert!(mouth.hear(bytes(1)), "what was looked at makes room");
        assert!((0..5).all(|_| mouth.hear(Piece::sample(What::Begin))));
        assert!(!mouth.hear(Piece::sample(What::Begin)), "the channel has its bound, too");
        drop(pieces);
        assert!(!mouth.hear(Piece::sample(What::End)), "nobody is there any more, and nobody waits");
    }

    #[test]
    fn what_nobody_has_looked_at_waits_while_the_run_goes_on_and_is_missing_at_its_end() {
        let counts = Standing { read: [100, 50], shed: [10, 0], ..Standing::default() };
        let tee = |goes_on| books(counts, [70, 50], goes_on).tee.unwrap();
        let going = tee(true).from_clients;
        assert_eq!((going.relayed, going.looked_at, going.shed, going.waiting), (100, 70, 10, 20));
        let account = |tee| {
            let capture = CaptureBooks { tee: Some(tee), ..CaptureBooks::default() };
            crate::ledger::Ledger { capture, ..Default::default() }.open_accounts().len()
        };
        assert_eq!([account(tee(true)), account(tee(false))], [0, 1]);
    }
}

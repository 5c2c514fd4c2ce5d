//! `tapcompare serve`: what run files hold, for browsers and programs, also while they are being written.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::judge::{EvidenceArgs, Judged};
use super::serving::{Guard, Running};
use super::signal::stop_on_signal;
use super::{Status, Trouble};
use crate::pipeline::runtime;
use crate::serve::{Board, Phase, View};
use crate::store::Run;

/// How often it is looked whether somebody wants a newer view.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Serve run files as a page, metrics and JSON; a file that is still being written is read again where it has changed
#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    evidence: EvidenceArgs,
    /// Where to listen
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:7070")]
    listen: SocketAddr,
    #[command(flatten)]
    guard: Guard,
}

/// When a file, and the log of a writer beside it, were changed, and how long they are.
type Stamp = Vec<Option<(SystemTime, u64)>>;

impl ServeArgs {
    pub(crate) fn run(self) -> Result<Status, Trouble> {
        let listen = self.listen;
        let serving =
            self.guard.at(listen).map_err(|error| -> Trouble { format!("--listen {listen}: {error}").into() })?;
        let mut stamp = self.stamp();
        let begun = Instant::now();
        // A file that cannot be read at the start is a slip.
        let judged = self.evidence.judged(true)?;
        judged.say_ignored();
        let board = Arc::new(Board::new());
        board.hang(view(judged), Phase::Running, begun.elapsed());
        let signals = runtime()?;
        let stop = Arc::new(AtomicBool::new(false));
        let _ = stop_on_signal(signals.handle(), Arc::clone(&stop));
        let running = Running::start(&serving, &board)?;
        while !stop.load(Ordering::Relaxed) {
            thread::sleep(LOOK_EVERY);
            if board.wanted() {
                self.look_again(&board, &mut stamp);
            }
        }
        running.stop();
        Ok(Status::Fine)
    }

    /// Reads the files again, where they have changed.
    fn look_again(&self, board: &Board, stamp: &mut Stamp) {
        let now = self.stamp();
        if now == *stamp && board.phase() == Phase::Running {
            return board.unchanged(Phase::Running);
        }
        let begun = Instant::now();
        match self.evidence.judged(true) {
            Ok(judged) => {
                if board.phase() == Phase::Unreadable {
                    tracing::warn!("the run file can be read again");
                }
                // Taken before it was read: what was written meanwhile is read next time.
                *stamp = now;
                board.hang(view(judged), Phase::Running, begun.elapsed());
            }
            Err(error) => {
                if board.phase() != Phase::Unreadable {
                    tracing::error!("{error}; what was read last is shown, and reading is tried again");
                }
                board.unchanged(Phase::Unreadable);
            }
        }
    }

    fn stamp(&self) -> Stamp {
        let changed = |path: PathBuf| {
            let there = fs::metadata(path).ok()?;
            Some((there.modified().ok()?, there.len()))
        };
        let with_log = |run: &PathBuf| {
            let mut log = run.clone().into_os_string();
            log.push("-wal");
            [run.clone(), log.into()]
        };
        self.evidence.runs.iter().flat_map(with_log).map(changed).collect()
    }
}

fn view(judged: Judged) -> View {
    let Judged { run: Run { snapshot, facts, notes, .. }, verdict, share, .. } = judged;
    View::new(snapshot, verdict, share, facts, notes.into(), None)
}

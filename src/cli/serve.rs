//! `tapcompare serve`: what run files hold, for browsers and programs, also while they are being written.

use std::fs::{self, File};
use std::io::Read;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
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
/// What an SQLite database begins with (<https://www.sqlite.org/fileformat2.html#magic_header_string>).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

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

/// What a file is, when it was changed, and how long it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    /// Where the file system knows it: a number that is free again may be given to the next file.
    born: Option<SystemTime>,
    changed: SystemTime,
    length: u64,
}

/// The run files, and the logs of writers beside them, as they are at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamps {
    runs: Vec<Option<Stamp>>,
    logs: Vec<Option<Stamp>>,
}

/// The files as they were when they were read for the last time, and when they could be.
#[derive(Debug)]
struct Known {
    tried: Stamps,
    shown: Stamps,
}

impl ServeArgs {
    pub(crate) fn run(self) -> Result<Status, Trouble> {
        let listen = self.listen;
        let serving =
            self.guard.at(listen).map_err(|error| -> Trouble { format!("--listen {listen}: {error}").into() })?;
        let stamps = self.stamps();
        let mut known = Known { tried: stamps.clone(), shown: stamps };
        let begun = Instant::now();
        // A file that cannot be read at the start is a slip.
        let judged = self.evidence.judged(true)?;
        judged.say_ignored();
        let board = Arc::new(Board::new());
        let phase = phase(&judged);
        board.hang(view(judged), phase, begun.elapsed());
        let signals = runtime()?;
        let stop = Arc::new(AtomicBool::new(false));
        let _ = stop_on_signal(signals.handle(), Arc::clone(&stop));
        let running = Running::start(&serving, &board)?;
        while !stop.load(Ordering::Relaxed) {
            thread::sleep(LOOK_EVERY);
            self.look_at_files(&board, &known.tried);
            if board.wanted() {
                self.look_again(&board, &mut known);
            }
        }
        running.stop();
        Ok(Status::Fine)
    }

    /// Whether what was read is still what is there, as far as that can be seen without reading, also where nobody asks. A
    /// file that is gone, or that does not begin as a run file does, cannot be read. One that was changed may be damaged, or
    /// another: that is looked at as soon as somebody asks, whatever it costs. A run that goes on changes its log all the
    /// time and the file itself now and then, so that its views cost what they do by the board's own measure.
    fn look_at_files(&self, board: &Board, tried: &Stamps) {
        if self.evidence.runs.iter().any(|run| !begins_as_a_run_file(run)) {
            unreadable(board, "it is gone, or no run file any more");
        } else if self.stamps().runs != tried.runs {
            board.outdate();
        }
    }

    /// Reads the files again, where they have changed.
    fn look_again(&self, board: &Board, known: &mut Known) {
        let now = self.stamps();
        let phase_before = board.phase();
        if now == known.tried && phase_before != Phase::Unreadable {
            return board.unchanged(phase_before);
        }
        // Taken before it is read: what is written meanwhile is read next time.
        known.tried = now.clone();
        let begun = Instant::now();
        match self.evidence.judged(true) {
            Ok(judged) => {
                if phase_before == Phase::Unreadable {
                    tracing::warn!("the run file can be read again");
                }
                if now.are_others_than(&known.shown) {
                    tracing::warn!("the run file is another one now: what is shown is of that");
                }
                known.shown = now;
                let phase = phase(&judged);
                board.hang(view(judged), phase, begun.elapsed());
            }
            Err(error) => {
                unreadable(board, &error.to_string());
                board.unchanged(Phase::Unreadable);
            }
        }
    }

    fn stamps(&self) -> Stamps {
        let log = |run: &PathBuf| {
            let mut log = run.clone().into_os_string();
            log.push("-wal");
            stamp(Path::new(&log))
        };
        let runs = &self.evidence.runs;
        Stamps { runs: runs.iter().map(|run| stamp(run)).collect(), logs: runs.iter().map(log).collect() }
    }
}

impl Stamps {
    /// Whether a file is another one than it was: deleted and made anew, or replaced.
    fn are_others_than(&self, before: &Stamps) -> bool {
        let identity = |stamp: &Option<Stamp>| stamp.map(|stamp| (stamp.device, stamp.inode, stamp.born));
        self.runs.iter().map(identity).ne(before.runs.iter().map(identity))
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let there = fs::metadata(path).ok()?;
    let (device, inode, born) = (there.dev(), there.ino(), there.created().ok());
    Some(Stamp { device, inode, born, changed: there.modified().ok()?, length: there.len() })
}

fn begins_as_a_run_file(path: &Path) -> bool {
    let mut beginning = [0; MAGIC.len()];
    File::open(path).and_then(|mut file| file.read_exact(&mut beginning)).is_ok() && beginning == *MAGIC
}

/// Says that there is no verdict any more; on standard error once, until the file can be read again.
fn unreadable(board: &Board, why: &str) {
    if board.phase() != Phase::Unreadable {
        tracing::error!("the run file cannot be read: {why}; there is no verdict until it can, and it is tried again");
    }
    board.is_in(Phase::Unreadable);
}

/// Whether the run in the files goes on.
fn phase(judged: &Judged) -> Phase {
    if judged.run.ended { Phase::Finished } else { Phase::Running }
}

fn view(judged: Judged) -> View {
    let Judged { run: Run { snapshot, facts, notes, .. }, verdict, share, .. } = judged;
    View::new(snapshot, verdict, share, facts, notes.into(), None)
}

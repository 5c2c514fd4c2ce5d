//! Where the latest view hangs. One hangs it up, many look; whoever wants a newer one says so and waits a little.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::metrics::Names;
use super::view::View;

/// A view younger than this is shown to whoever asks.
pub(super) const FRESH: Duration = Duration::from_secs(2);
/// A view stays so many times as long as making and rendering it took: at most one part in so many of a core goes to being
/// looked at.
const COST: u32 = 50;
/// But no view stays longer, however much it costs.
const LONGEST: Duration = Duration::from_secs(30);
/// How long a new view is waited for: less than whoever asks waits for us. What is there is shown then.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Nothing is open yet.
    Starting,
    /// The capture is open and no frame has come.
    Waiting,
    /// Frames come, or the run file can be read.
    Running,
    /// The interface of the capture is down; nothing comes until it is up again.
    Down,
    /// Nothing is taken from the line any more, and the run comes to its end: it was told to stop, or the interface is gone.
    Ending,
    /// The run has come to its end; its last view stays.
    Ended,
    /// The run in the file has come to its end. The file can be read, and another run may go on in it.
    Finished,
    /// The run file cannot be read; the last view of it stays.
    Unreadable,
}

impl Phase {
    /// The word in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Starting => "starting",
            Phase::Waiting => "waiting",
            Phase::Running => "running",
            Phase::Down => "down",
            Phase::Ending => "ending",
            Phase::Ended | Phase::Finished => "ended",
            Phase::Unreadable => "unreadable",
        }
    }
}

/// What hangs there, and how it goes on.
#[derive(Debug, Clone)]
pub(super) struct Hung {
    pub(super) view: Option<Arc<View>>,
    pub(super) phase: Phase,
}

/// The place between who makes views and who shows them.
#[derive(Debug)]
pub struct Board {
    hung: watch::Sender<Hung>,
    asked: AtomicBool,
    /// The view that hangs is known not to be the latest, however lately it was made.
    outdated: AtomicBool,
    /// Pages that are open and follow the run.
    followers: AtomicUsize,
    /// When a view was last made, or found to be still the latest.
    made: Mutex<Option<Instant>>,
    /// What the view that hangs has cost so far, in microseconds.
    cost: AtomicU64,
    /// How many views have hung here.
    count: AtomicU64,
    /// Of this process: views of two processes must not have one name.
    began: i64,
    /// The endpoints that metrics name, which must stay the same from scrape to scrape.
    names: Mutex<Names>,
}

impl Default for Board {
    fn default() -> Board {
        Board {
            hung: watch::Sender::new(Hung { view: None, phase: Phase::Starting }),
            asked: AtomicBool::new(false),
            outdated: AtomicBool::new(false),
            followers: AtomicUsize::new(0),
            made: Mutex::new(None),
            cost: AtomicU64::new(0),
            count: AtomicU64::new(0),
            began: jiff::Timestamp::now().as_millisecond(),
            names: Mutex::default(),
        }
    }
}

impl Board {
    /// An empty board.
    pub fn new() -> Board {
        Board::default()
    }

    /// Whether a new view should be made: nobody has seen one yet, or somebody waits and the last one is old enough.
    /// Cheap enough to be asked often.
    pub fn wanted(&self) -> bool {
        let made = *self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(made) = made else { return true };
        let looked_at = self.asked.load(Ordering::Relaxed) || self.followers.load(Ordering::Relaxed) > 0;
        looked_at && (self.is_outdated() || made.elapsed() >= self.rest())
    }

    /// Says that what the view was made of is another now: whoever asks next waits for a new one.
    pub fn outdate(&self) {
        self.outdated.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_outdated(&self) -> bool {
        self.outdated.load(Ordering::Relaxed)
    }

    /// Hangs a view up, which took so long to make.
    pub fn hang(&self, mut view: View, phase: Phase, took: Duration) {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        view.id = format!("{:x}-{count}", self.began);
        self.names.lock().unwrap_or_else(PoisonError::into_inner).learn(view.counted());
        self.cost.store(0, Ordering::Relaxed);
        self.spent(took);
        self.settled();
        self.hung.send_replace(Hung { view: Some(Arc::new(view)), phase });
    }

    /// Says that the view that hangs is still the latest: nothing has changed.
    pub fn unchanged(&self, phase: Phase) {
        self.settled();
        self.hung.send_modify(|hung| hung.phase = phase);
    }

    /// Says how far the run is, where that has changed.
    pub fn is_in(&self, phase: Phase) {
        if self.phase() != phase {
            self.hung.send_modify(|hung| hung.phase = phase);
        }
    }

    fn settled(&self) {
        self.asked.store(false, Ordering::Relaxed);
        self.outdated.store(false, Ordering::Relaxed);
        *self.made.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// How far the run is now.
    pub fn phase(&self) -> Phase {
        self.hung.borrow().phase
    }

    /// How many pages follow the run.
    pub fn followers(&self) -> usize {
        self.followers.load(Ordering::Relaxed)
    }

    /// Adds what showing the view has cost: it stays the longer for it.
    pub(super) fn spent(&self, took: Duration) {
        self.cost.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How long the view that hangs stays.
    fn rest(&self) -> Duration {
        (Duration::from_micros(self.cost.load(Ordering::Relaxed)).saturating_mul(COST)).clamp(FRESH, LONGEST)
    }

    fn is_due(&self) -> bool {
        let made = *self.made.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_outdated() || made.is_none_or(|made| made.elapsed() >= self.rest())
    }

    /// The latest view. Where it is old, a new one is asked for and waited for, but not for long.
    pub(super) async fn look(&self) -> Hung {
        let mut hung = self.hung.subscribe();
        let now = hung.borrow_and_update().clone();
        if now.phase == Phase::Ended || !self.is_due() {
            return now;
        }
        self.asked.store(true, Ordering::Relaxed);
        // Neither a time-out nor a board that is no more changes what hangs there.
        let _ = tokio::time::timeout(PATIENCE, hung.changed()).await;
        Hung::clone(&hung.borrow())
    }

    /// The endpoints that metrics name, as of now.
    pub(super) fn names(&self) -> Names {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What hangs there from now on, for one that follows; None where `most` do so already.
    pub(super) fn follow(self: &Arc<Board>, most: usize) -> Option<Following> {
        let taken = self.followers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < most).then_some(n + 1));
        taken.is_ok().then(|| Following { board: Arc::clone(self), hung: self.hung.subscribe() })
    }
}

/// One that follows the run, and counts as that until it is dropped.
#[derive(Debug)]
pub(super) struct Following {
    board: Arc<Board>,
    pub(super) hung: watch::Receiver<Hung>,
}

impl Drop for Following {
    fn drop(&mut self) {
        self.board.followers.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Policy;
    use crate::exchange::RunFacts;
    use crate::tally::Snapshot;
    use crate::verdict::judge;

    fn view() -> View {
        let snapshot = Snapshot::default();
        let verdict = judge(&snapshot, &Policy::default(), &[], jiff::civil::date(2026, 11, 25));
        View::new(snapshot, verdict, None, RunFacts::default(), [].into(), None)
    }

    /// As if the last view had been made so long ago.
    fn age(board: &Board, by: Duration) {
        let mut made = board.made.lock().unwrap();
        *made = made.map(|made| made - by);
    }

    #[test]
    fn a_view_is_made_once_and_then_only_where_somebody_looks() {
        let board = Arc::new(Board::new());
        assert!(board.wanted(), "whoever comes first must not wait");
        board.hang(view(), Phase::Running, Duration::ZERO);
        age(&board, LONGEST);
        assert!(!board.wanted(), "nobody looks");
        let follower = board.follow(1).unwrap();
        assert!(board.wanted());
        assert!(board.follow(1).is_none(), "there is a bound");
        drop(follower);
        assert!(!board.wanted());
        assert_eq!(board.followers(), 0);
        board.asked.store(true, Ordering::Relaxed);
        assert!(board.wanted());
        board.unchanged(Phase::Running);
        age(&board, LONGEST);
        assert!(!board.wanted(), "that was the answer");
    }

    #[test]
    fn the_more_a_view_costs_the_longer_it_stays() {
        let board = Arc::new(Board::new());
        let _follower = board.follow(1).unwrap();
        board.hang(view(), Phase::Running, Duration::from_millis(100));
        age(&board, FRESH);
        assert!(!board.wanted(), "a tenth of a second of work is worth five seconds");
        age(&board, Duration::from_millis(3_100));
        assert!(board.wanted());
        board.spent(Duration::from_secs(3600));
        age(&board, LONGEST);
        assert!(board.wanted(), "but no longer than the longest");
    }

    #[tokio::test]
    async fn what_is_known_to_be_another_now_is_looked_at_at_once_by_whoever_asks() {
        let board = Arc::new(Board::new());
        // However dear it was.
        board.hang(view(), Phase::Finished, Duration::from_secs(3600));
        board.outdate();
        assert!(!board.wanted(), "nobody asks");
        let (looked, ()) = tokio::join!(board.look(), async {
            while !board.wanted() {
                tokio::task::yield_now().await;
            }
            board.unchanged(Phase::Unreadable);
        });
        assert_eq!(looked.phase, Phase::Unreadable);
        assert!(!board.is_outdated());
    }

    #[tokio::test]
    async fn whoever_finds_an_old_view_gets_the_new_one() {
        let board = Arc::new(Board::new());
        board.hang(view(), Phase::Running, Duration::ZERO);
        let first = board.look().await.view.unwrap();
        assert!(!board.asked.load(Ordering::Relaxed), "it is fresh");
        age(&board, FRESH);
        let (looking, hanging) = (board.look(), async {
            while !board.wanted() {
                tokio::task::yield_now().await;
            }
            board.hang(view(), Phase::Running, Duration::ZERO);
        });
        let (second, ()) = tokio::join!(looking, hanging);
        assert_ne!(second.view.unwrap().id, first.id);
        age(&board, FRESH);
        board.unchanged(Phase::Ended);
        age(&board, FRESH);
        assert_eq!(board.look().await.phase, Phase::Ended);
    }
}

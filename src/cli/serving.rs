//! The flags of whatever is served, and a served run from its start to its end.

use std::env;
use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::asking::today;
use super::trial::LiveTrials;
use super::{Trouble, trial};
use crate::config::Policy;
use crate::exchange::{RuleNote, RunFacts};
use crate::pipeline::serving_runtime;
use crate::rules::RuleSet;
use crate::serve::{Access, Board, Live, Server, TOKEN_VARIABLE, Token};
use crate::tally::Snapshot;
use crate::verdict;

/// Bytes of a token file that are read: far more than a token has.
const MAX_TOKEN_FILE: u64 = 4 << 10;
/// How long pages that follow a run have to fetch what it came to.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// Who may ask.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Guard {
    /// A name that the server answers to, beside loopback's and the address that a client connects to; may be given again
    #[arg(long, value_name = "NAME")]
    serve_host: Vec<String>,
    /// Ask for the token in this file (or in TAPCOMPARE_SERVE_TOKEN); needed where other machines can reach the address
    #[arg(long, value_name = "FILE")]
    serve_token_file: Option<PathBuf>,
}

/// `--serve`, for commands that run something.
#[derive(Debug, clap::Args)]
pub(super) struct ServeFlag {
    /// Serve the page, /metrics and /api/v1/verdict here while the run goes on, such as 127.0.0.1:7070
    #[arg(long, value_name = "ADDR:PORT")]
    serve: Option<SocketAddr>,
    #[command(flatten)]
    guard: Guard,
}

/// Where to serve, and for whom.
pub(super) struct Serving {
    address: SocketAddr,
    access: Access,
}

impl Guard {
    /// For a server at that address.
    pub(super) fn at(&self, address: SocketAddr) -> Result<Serving, Trouble> {
        Ok(Serving { address, access: Access::new(address, self.token()?, &self.serve_host)? })
    }

    fn token(&self) -> Result<Option<Token>, Trouble> {
        if let Some(file) = &self.serve_token_file {
            let fail = |what: String| -> Trouble { format!("--serve-token-file {}: {what}", file.display()).into() };
            let mut text = String::new();
            let read = File::open(file).and_then(|open| open.take(MAX_TOKEN_FILE).read_to_string(&mut text));
            read.map_err(|error| fail(format!("cannot be read: {error}")))?;
            return Ok(Some(Token::new(&text).map_err(|error| fail(error.to_string()))?));
        }
        let given = env::var_os(TOKEN_VARIABLE).filter(|value| !value.is_empty());
        let token = given.map(|value| Token::new(&value.to_string_lossy())).transpose();
        token.map_err(|error| format!("{TOKEN_VARIABLE}: {error}").into())
    }
}

impl ServeFlag {
    /// None where nothing is to be served.
    pub(super) fn checked(&self, dry_run: bool) -> Result<Option<Serving>, Trouble> {
        let Some(address) = self.serve else {
            let unused = [
                ("--serve-host", !self.guard.serve_host.is_empty()),
                ("--serve-token-file", self.guard.serve_token_file.is_some()),
            ];
            return match unused.into_iter().find(|(_, given)| *given) {
                Some((flag, _)) => Err(format!("{flag} says nothing without --serve ADDR:PORT").into()),
                None => Ok(None),
            };
        };
        if dry_run {
            return Err("--serve shows evidence, and --dry-run gathers none: leave one of them out".into());
        }
        self.guard.at(address).map(Some).map_err(|error| format!("--serve {address}: {error}").into())
    }
}

/// A server that runs.
pub(super) struct Running {
    runtime: Runtime,
    stop: watch::Sender<bool>,
    done: tokio::task::JoinHandle<()>,
}

impl Running {
    /// Binds, says where, and serves what hangs at the board.
    pub(super) fn start(serving: &Serving, board: &Arc<Board>) -> Result<Running, Trouble> {
        let runtime = serving_runtime()?;
        let binding = Server::bind(serving.address, serving.access.clone(), Arc::clone(board));
        let server = runtime.block_on(binding)?;
        let address = server.address().unwrap_or(serving.address);
        super::say(format!("serving on http://{address}/"));
        let (stop, stopped) = watch::channel(false);
        let done = runtime.spawn(server.run(stopped));
        Ok(Running { runtime, stop, done })
    }

    /// Lets answers under way come to their end, and stops.
    pub(super) fn stop(self) {
        self.stop.send_replace(true);
        // A server that has failed is one that has stopped.
        let _ = self.runtime.block_on(self.done);
        self.runtime.shutdown_background();
    }
}

/// A run that is served while it goes on.
pub(super) struct Served {
    pub(super) live: Arc<Live>,
    running: Running,
}

impl Served {
    pub(super) fn start(
        serving: &Serving,
        policy: &Arc<Policy>,
        rules: &Arc<RuleSet>,
        facts: &RunFacts,
    ) -> Result<Served, Trouble> {
        let board = Arc::new(Board::new());
        let running = Running::start(serving, &board)?;
        let notes: Arc<[RuleNote]> = rules.notes().into();
        let (policy, known) = (Arc::clone(policy), Arc::clone(&notes));
        let trials = Mutex::new(LiveTrials::new(Arc::clone(rules), &policy.gates.rules, trial::day_of(facts))?);
        let judge = Box::new(move |snapshot: &mut Snapshot| {
            trials.lock().unwrap_or_else(PoisonError::into_inner).try_rules(snapshot);
            let share = verdict::mismatch_share(snapshot, &policy, &known);
            (verdict::judge(snapshot, &policy, &known, today()), share)
        });
        let live = Live { board, judge, rules: notes, facts: facts.clone() };
        Ok(Served { live: Arc::new(live), running })
    }

    /// Shows what the run came to to pages that are open, and stops.
    pub(super) fn ended(self, snapshot: Snapshot, together: Option<Snapshot>, facts: RunFacts) {
        let followed = self.live.board.followers() > 0;
        self.live.ended(snapshot, together, facts);
        if followed {
            std::thread::sleep(LAST_LOOK);
        }
        self.running.stop();
    }
}

//! `tapcompare tee`: inline, between the clients and the legacy.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use super::asking::{Asked, Asking};
use super::otlp::OtlpFlag;
use super::output::Output;
use super::serving::{ServeFlag, Serving};
use super::signal::Stop;
use super::walk::{Walk, walk};
use super::watch::{as_whom, lasting};
use super::{Status, Trouble};
use crate::config::Target;
use crate::pipeline::{Feed, TeeFeed, runtime};
use crate::privilege;
use crate::tee::{MAX_CONNECTIONS, Tee, TeeError, TeeOptions, Upstream, refuse_itself};
use crate::traces::Settings;

/// Who is to be stopped wants it to end some day.
const MAX_DRAIN: Duration = Duration::from_secs(24 * 3600);

/// Files beside the connections and the shadow requests: those who look at the page, the run file, what the runtimes need.
const OTHER_FILES: u64 = 192;

/// What of these it cannot do without.
const LEAST_FILES: u64 = 40;

const NO_LEGACY: &str = "no legacy: give --legacy http://host:port, or targets.legacy in the policy file";

/// Stand between the clients and the legacy: pass every byte on as it comes, ask the candidate the same, compare, and judge
///
/// The clients get the legacy's bytes and wait for nothing else: whatever becomes of the candidate, of the comparison, of the
/// run file or of the page, requests are passed on. It knows nothing of HTTP on the way, so TLS and upgraded connections pass
/// too (and are not compared). Ends with --for, or on SIGTERM or Ctrl-C: it then accepts no more, closes connections at rest,
/// waits for the others as long as --drain says, and reports.
#[derive(Debug, clap::Args)]
pub(crate) struct TeeArgs {
    /// Where the clients connect, such as 0.0.0.0:8080, or [::]:8080 for IPv4 and IPv6
    #[arg(long, value_name = "ADDR:PORT", value_parser = listen)]
    listen: SocketAddr,
    /// The legacy, http://host:port: where everything goes [default: targets.legacy of the policy file]
    #[arg(long, value_name = "URL")]
    legacy: Option<Target>,
    /// Tell the legacy who connected, by a line of the PROXY protocol (version 1) before each connection's first byte; the
    /// legacy must be set to expect it
    #[arg(long)]
    proxy_protocol: bool,
    /// Connections at once; who comes later waits [default: 8192, or as many as the limit of open files allows]
    #[arg(long, value_name = "N", value_parser = connections)]
    connections: Option<usize>,
    /// When it is stopped: how long it still accepts, while /readyz fails already, so that whoever balances notices
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = drain)]
    lame_duck: Duration,
    /// When it is stopped, and after --lame-duck: how long connections have to come to their end
    #[arg(long, value_name = "DURATION", default_value = "25s", value_parser = drain)]
    drain: Duration,
    /// End after this long, such as 2h
    #[arg(long = "for", value_name = "DURATION", value_parser = lasting)]
    lasts: Option<Duration>,
    /// Started as root, become this user once the port is open [default: who called sudo, else the owner of the working
    /// folder, else nobody]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    #[command(flatten)]
    asking: Asking,
    #[command(flatten)]
    serve: ServeFlag,
    #[command(flatten)]
    otlp: OtlpFlag,
    #[command(flatten)]
    output: Output,
}

fn listen(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "write an address and a port, such as 0.0.0.0:8080, 127.0.0.1:8080 or [::]:8080".into())
}

fn drain(text: &str) -> Result<Duration, String> {
    let drain = humantime::parse_duration(text).ok().filter(|drain| *drain <= MAX_DRAIN);
    drain.ok_or_else(|| "write a number with its unit, such as 25s or 5m, and no more than 24h".into())
}

fn connections(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|n| (1..=MAX_CONNECTIONS).contains(n));
    number.ok_or_else(|| format!("a number from 1 to {MAX_CONNECTIONS}"))
}

impl TeeArgs {
    pub(crate) fn run(self, color: bool) -> Result<Status, Trouble> {
        self.output.distinct(&[("--run", self.asking.run.as_deref())])?;
        let (asked, legacy) = self.asking.read_inline(self.legacy.as_ref())?;
        let legacy = legacy.ok_or(NO_LEGACY)?;
        if !legacy.base_path.is_empty() {
            return Err(TeeError::Path(legacy).into());
        }
        // A token may lie where only root reads it.
        let serve = self.serve.checked(self.asking.dry_run)?;
        let traces = self.otlp.checked(self.asking.dry_run)?;
        let tee = Tee::bind(TeeOptions {
            listen: self.listen,
            connections: self.connections,
            lame_duck: self.lame_duck,
            drain: self.drain,
            proxy_protocol: self.proxy_protocol,
            other_files: asked.policy.safety.limits.in_flight as u64 + OTHER_FILES,
        })?;
        for (who, target) in [("legacy", &legacy), ("candidate", &asked.candidate)] {
            refuse_itself(tee.address(), who, target, &known(target))?;
        }
        let asked = within(asked, tee.spare_files());
        // No thread was made yet: capabilities belong to threads, and what is made later inherits none.
        let user = privilege::drop_privileges(self.user.as_deref())?;
        let changed = user.changed.then(|| user.to_string());
        self.output.check()?;
        self.stand(tee, legacy, asked, (serve, traces), color).map_err(|error| as_whom(error, changed.as_deref()))
    }

    /// What needs no privilege. First it relays, and then it looks for everything else.
    fn stand(
        self,
        tee: Tee,
        legacy: Target,
        asked: Asked,
        (serve, traces): (Option<Serving>, Option<Settings>),
        color: bool,
    ) -> Result<Status, Trouble> {
        let runtime = runtime()?;
        let upstream = runtime.block_on(Upstream::resolve(legacy.clone()))?;
        let (address, stop) = (tee.address(), Stop::on_signal(runtime.handle()));
        refuse_itself(address, "legacy", &legacy, &upstream.found())?;
        let feed = TeeFeed::start(tee, upstream, self.lasts, &stop.flag)?;
        super::say(format!("passing on from {address} to {legacy}"));
        let (sources, pace) = (vec![format!("tee {address} to {legacy}")], "live".to_owned());
        let (dry_run, run, workers) = (self.asking.dry_run, self.asking.run.clone(), self.asking.workers);
        let overhead = self.asking.overhead(&asked.policy);
        let feed = Feed::Tee(Box::new(feed));
        let plan = Walk {
            feed,
            asked,
            pace,
            sources,
            dry_run,
            overhead,
            run,
            workers,
            serve,
            traces,
            stop: Some(stop),
            called: None,
        };
        let done = walk(plan, &runtime, &self.output, color);
        // A look-up that hangs is not waited for.
        runtime.shutdown_background();
        done
    }
}

/// Shadow requests must not take the files that connections of users need.
fn within(mut asked: Asked, spare: u64) -> Asked {
    let most = usize::try_from(spare.saturating_sub(LEAST_FILES)).unwrap_or(usize::MAX).max(1);
    let limits = &mut Arc::make_mut(&mut asked.policy).safety.limits;
    if limits.in_flight > most {
        tracing::warn!(
            "{most} shadow requests in flight at once, and not {}: the limit of open files (ulimit -n) allows no more",
            limits.in_flight
        );
        limits.in_flight = most;
    }
    asked
}

/// Addresses that are known without asking anybody. Those of other names are looked at where they are looked up.
fn known(target: &Target) -> Vec<SocketAddr> {
    if target.host.parse::<IpAddr>().is_err() && !target.host.eq_ignore_ascii_case("localhost") {
        return Vec::new();
    }
    (target.host.as_str(), target.port).to_socket_addrs().map(Iterator::collect).unwrap_or_default()
}

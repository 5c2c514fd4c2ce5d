//! `tapcompare watch`: a mirror port, live.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::asking::{Asked, Asking};
use super::otlp::OtlpFlag;
use super::output::Output;
use super::serving::{ServeFlag, Serving};
use super::walk::{Walk, walk};
use super::{Status, Trouble};
use crate::capture::{self, Filter, Live, LiveOptions, LiveSource, Saver, VxlanListener, VxlanOptions};
use crate::exchange::OverheadNote;
use crate::pipeline::{Feed, LiveFeed, runtime};
use crate::privilege;
use crate::traces::Settings;

/// Bytes in the units of tcpdump's -B and -C.
const KIB: usize = 1 << 10;
const MEGABYTE: u64 = 1_000_000;

/// Watch a mirror port: ask the candidate what the legacy's clients ask, as they ask it, compare, and judge
///
/// Needs the right to capture (CAP_NET_RAW) for the moment of opening only; `tapcompare doctor` says what is missing.
/// Ends with --for, --requests, or Ctrl-C, and then reports.
#[derive(Debug, clap::Args)]
pub(crate) struct WatchArgs {
    /// The interface to listen on; `any` for all
    #[arg(short, long, value_name = "IFACE", required_unless_present_any = ["vxlan", "list_interfaces"])]
    interface: Option<String>,
    /// Instead of an interface: receive a cloud's mirrored traffic as VXLAN over UDP on this address
    #[arg(long, value_name = "ADDR:PORT", num_args = 0..=1, conflicts_with = "interface")]
    vxlan: Option<Option<SocketAddr>>,
    /// List the interfaces, and do nothing else
    #[arg(short = 'D', long)]
    list_interfaces: bool,
    /// Bytes kept of each frame; an exchange that is cut by it is counted and never compared
    #[arg(short, long, value_name = "BYTES", default_value_t = capture::MAX_SNAP,
          value_parser = clap::value_parser!(u32).range(64..=i64::from(capture::MAX_SNAP)))]
    snapshot_length: u32,
    /// The kernel's buffer for frames, in KiB
    #[arg(short = 'B', long, value_name = "KIB", default_value_t = 65_536,
          value_parser = clap::value_parser!(u32).range(512..=1 << 20))]
    buffer_size: u32,
    /// Leave the interface's mode as it is; a mirror port needs promiscuous mode
    #[arg(short = 'p', long)]
    no_promiscuous_mode: bool,
    /// Also keep every captured frame in this file: raw, with all secrets in it
    #[arg(short, long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// With -w: begin a new file after so many millions of bytes
    #[arg(short = 'C', long, value_name = "MB", requires = "write", value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    rotate: Option<u64>,
    /// End after this long, such as 2h
    #[arg(long = "for", value_name = "DURATION", value_parser = lasting)]
    lasts: Option<Duration>,
    /// End after so many requests were sent to the candidate
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    requests: Option<u64>,
    /// Started as root, become this user once the capture is open [default: who called sudo, else the owner of the
    /// working folder, else nobody]
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
    /// Only frames that this expression wants, see pcap-filter(7); last, as with tcpdump
    #[arg(value_name = "BPF", trailing_var_arg = true)]
    filter: Vec<String>,
}

pub(super) fn lasting(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(lasts) if !lasts.is_zero() => Ok(lasts),
        _ => Err("write a number with its unit, such as 30s, 10m or 2h".into()),
    }
}

/// EACCES and EPERM in the system's words: what is refused to whom has no right.
const REFUSED: [&str; 2] = ["Permission denied", "Operation not permitted"];

/// Root that was refused a file does not see why: it is root no more.
pub(super) fn as_whom(error: Trouble, changed: Option<&str>) -> Trouble {
    match changed {
        Some(user) if REFUSED.iter().any(|refused| error.to_string().contains(refused)) => {
            format!("{error}; root was given up and this is {user}: let that user write there, or name one with --user")
                .into()
        }
        _ => error,
    }
}

impl WatchArgs {
    pub(crate) fn run(self, color: bool) -> Result<Status, Trouble> {
        if self.list_interfaces {
            return super::print(&capture::interfaces().iter().map(|i| format!("{i}\n")).collect::<String>());
        }
        if let Some(flag) = self.filter.iter().find(|word| word.starts_with("--")) {
            let flag = flag.split('=').next().unwrap_or(flag);
            return Err(format!(
                "{flag} stands after the filter and would be part of it: put it before '{}'",
                self.filter[0]
            )
            .into());
        }
        self.output.distinct(&[("--run", self.asking.run.as_deref()), ("-w", self.write.as_deref())])?;
        let asked = self.asking.read(None)?;
        // A token may lie where only root reads it.
        let serve = self.serve.checked(self.asking.dry_run)?;
        let traces = self.otlp.checked(self.asking.dry_run)?;
        // Before anything listens: on `lo` it would be seen.
        let overhead = self.asking.overhead(&asked.policy);
        let bpf = (!self.filter.is_empty()).then(|| self.filter.join(" "));
        // The kernel cannot look into VXLAN, so there the filter is asked here.
        let (source, filter) = match (&self.interface, self.vxlan) {
            (Some(interface), _) => (self.listen_to(interface, bpf)?, None),
            (None, Some(address)) => {
                let filter = bpf.as_deref().map(Filter::new).transpose()?;
                let longest = self.snapshot_length as usize;
                let buffer_bytes = self.buffer_size as usize * KIB;
                let options =
                    VxlanOptions { address, buffer_bytes, longest: longest.min(VxlanOptions::default().longest) };
                (LiveSource::Vxlan(VxlanListener::open(&options)?), filter)
            }
            (None, None) => return Err("no interface: give -i IFACE, or --vxlan; -D lists the interfaces".into()),
        };
        // No thread was made yet: capabilities belong to threads, and what is made later inherits none.
        let user = privilege::drop_privileges(self.user.as_deref())?;
        tracing::info!("listening on {} as {user}", source.describe());
        let changed = user.changed.then(|| user.to_string());
        self.watch(source, filter, (asked, overhead), (serve, traces), color)
            .map_err(|error| as_whom(error, changed.as_deref()))
    }

    /// What needs no privilege.
    fn watch(
        self,
        source: LiveSource,
        filter: Option<Filter>,
        (asked, overhead): (Asked, Option<OverheadNote>),
        (serve, traces): (Option<Serving>, Option<Settings>),
        color: bool,
    ) -> Result<Status, Trouble> {
        self.output.check()?;
        let rotate = self.rotate.map(|mb| mb * MEGABYTE);
        let saver = match &self.write {
            Some(file) => Some(Saver::create(file, source.link(), self.snapshot_length, rotate)?),
            None => None,
        };
        let (sources, pace) = (vec![source.describe()], "live".to_owned());
        let (lasts, requests) = (self.lasts, self.requests);
        let feed = Feed::Live(Box::new(LiveFeed { source, saver, filter, lasts, requests }));
        let (dry_run, run, workers) = (self.asking.dry_run, self.asking.run, self.asking.workers);
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
            stop: None,
            called: None,
        };
        walk(plan, &runtime()?, &self.output, color)
    }

    fn listen_to(&self, interface: &str, filter: Option<String>) -> Result<LiveSource, Trouble> {
        Ok(LiveSource::Interface(Live::open(&LiveOptions {
            interface: interface.to_owned(),
            snap_length: self.snapshot_length,
            ring_bytes: self.buffer_size as usize * KIB,
            promiscuous: !self.no_promiscuous_mode,
            filter,
        })?))
    }
}

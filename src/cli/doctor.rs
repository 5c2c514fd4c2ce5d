//! `tapcompare doctor`: whether a mirror port can be listened to, in words and with the way out.

mod machine;
mod targets;
mod traces;
mod traffic;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Serialize;

use self::traffic::Look;
use super::{OutputFormat, Status, Trouble};
use crate::capture::{Batch, CaptureError, Live, LiveOptions};
use crate::config::Target;
use crate::privilege::drop_privileges;
use crate::report::visible;

const NOTHING_TO_LOOK_AT: &str = "nothing to look at: give -i IFACE, or --policy FILE (tapcompare.yaml is not here), or --candidate URL; a filter \
     needs -i";

/// Say what is missing to watch an interface, or for a tee: rights, interface, mirror, filter, policy, candidate, legacy; nothing
/// is sent
///
/// Exit status: 0 where nothing fails, 2 otherwise.
#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArgs {
    /// The interface to listen to, or `any`; without it, only the policy and the candidate are looked at
    #[arg(short, long, value_name = "IFACE")]
    interface: Option<String>,
    /// Bytes of each frame that are kept
    #[arg(short, long = "snapshot-length", alias = "snap-length", value_name = "BYTES", default_value_t = 262_144)]
    snap_length: u32,
    /// The ring in which the kernel leaves frames, in KiB
    #[arg(short = 'B', long, value_name = "KIB", default_value_t = 65_536)]
    buffer_size: usize,
    /// How long to look at what comes
    #[arg(long = "for", value_name = "DURATION", default_value = "3s", value_parser = humantime::parse_duration)]
    look: Duration,
    /// The candidate's address, http://host:port[/base]
    #[arg(long, value_name = "URL")]
    candidate: Option<Target>,
    /// The policy file [default: tapcompare.yaml, where there is one]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The user to become once the capture is open
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// How to write what was found
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: OutputFormat,
    /// Only frames that this BPF expression wants (see pcap-filter(7))
    #[arg(value_name = "BPF")]
    filter: Vec<String>,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// As it should be.
    Ok,
    /// It will work, but perhaps not as was meant.
    Warn,
    /// It will not work.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize)]
struct Check {
    name: &'static str,
    state: State,
    says: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    way_out: Option<String>,
}

impl Check {
    fn ok(name: &'static str, says: impl Into<String>) -> Check {
        Check { name, state: State::Ok, says: says.into(), way_out: None }
    }

    fn warn(name: &'static str, says: impl Into<String>, way_out: impl Into<String>) -> Check {
        Check { name, state: State::Warn, says: says.into(), way_out: Some(way_out.into()) }
    }

    fn fail(name: &'static str, says: impl Into<String>, way_out: impl Into<String>) -> Check {
        Check { state: State::Fail, ..Check::warn(name, says, way_out) }
    }
}

impl DoctorArgs {
    pub(crate) fn run(self, color: bool) -> Result<Status, Trouble> {
        // Files that only this user may read are read before it becomes another.
        let (mut checks, policy) = targets::policy(self.policy.as_deref());
        let legacy = policy.as_ref().and_then(|policy| policy.targets.legacy.clone());
        checks.extend(legacy.as_ref().map(targets::legacy));
        let candidate = self.candidate.clone().or_else(|| policy.and_then(|policy| policy.targets.candidate));

        let nothing = checks.is_empty();
        checks.extend(traces::collector(|name| std::env::var(name).ok()));
        let Some(interface) = &self.interface else {
            if nothing && candidate.is_none() || !self.filter.is_empty() {
                return Err(NOTHING_TO_LOOK_AT.into());
            }
            checks.extend(candidate.iter().flat_map(|candidate| targets::candidate(candidate, legacy.as_ref(), &[])));
            return self.tell(&checks, color);
        };
        let (opening, opened) = self.open(interface);
        checks.extend(opening);
        if let Some((wanted, all)) = opened {
            checks.extend(machine::checks(&self.options(interface, None)));
            match drop_privileges(self.user.as_deref()) {
                Ok(dropped) => {
                    checks.push(Check::ok("privileges", format!("given up; from here on it is {dropped}")));
                    checks.extend(self.look(interface, wanted, all, candidate.as_ref(), legacy.as_ref()));
                }
                // Nothing that comes from the wire is looked at with a privilege left.
                Err(error) => {
                    let way_out = "until that is put right nothing is listened to, here or in watch";
                    checks.push(Check::fail("privileges", error.to_string(), way_out));
                }
            }
        } else if let Some(candidate) = &candidate {
            checks.extend(targets::candidate(candidate, legacy.as_ref(), &[]));
        }
        self.tell(&checks, color)
    }

    fn options(&self, interface: &str, filter: Option<String>) -> LiveOptions {
        LiveOptions {
            snap_length: self.snap_length,
            ring_bytes: self.buffer_size.saturating_mul(1024),
            filter,
            ..LiveOptions::on(interface)
        }
    }

    fn expression(&self) -> Option<String> {
        let text = self.filter.join(" ");
        (!text.trim().is_empty()).then_some(text)
    }

    /// Opens the capture as `watch` would, and beside it one without the filter, to see what the filter keeps back.
    fn open(&self, interface: &str) -> (Vec<Check>, Option<(Live, Option<Live>)>) {
        let mut checks = Vec::new();
        let expression = self.expression();
        let wanted = match Live::open(&self.options(interface, expression.clone())) {
            Ok(live) => {
                if let Some(expression) = &expression {
                    checks
                        .push(Check::ok("filter", format!("'{expression}' is understood, and applied by the kernel")));
                }
                live
            }
            Err(CaptureError::Filter { why, .. }) => {
                let says = format!("'{}': {why}", expression.unwrap_or_default());
                checks.push(Check::fail("filter", says, "the syntax is that of pcap-filter(7)"));
                match Live::open(&self.options(interface, None)) {
                    Ok(live) => live,
                    Err(error) => return (checks.into_iter().chain([not_opened(&error)]).collect(), None),
                }
            }
            Err(error) => return (vec![not_opened(&error)], None),
        };
        checks.insert(0, Check::ok("capture", format!("{interface} can be listened to")));
        let beside = LiveOptions { ring_bytes: 4 << 20, ..self.options(interface, None) };
        // It only helps to explain an empty look: where it cannot be had, there is nothing to explain with.
        let all = self.expression().and_then(|_| Live::open(&beside).ok());
        (checks, Some((wanted, all)))
    }

    /// Listens for a while, then says what came and whether the candidate is another.
    fn look(
        &self,
        interface: &str,
        mut wanted: Live,
        mut all: Option<Live>,
        candidate: Option<&Target>,
        legacy: Option<&Target>,
    ) -> Vec<Check> {
        super::say(format!("listening to {interface} for {}", humantime::format_duration(self.look)));
        let (mut seen, mut beside) = (Look::new(self.snap_length), Look::new(self.snap_length));
        let mut batch = Batch::new();
        let mut trouble = None;
        let end = Instant::now() + self.look;
        while Instant::now() < end && trouble.is_none() {
            for (live, look) in [(Some(&mut wanted), &mut seen), (all.as_mut(), &mut beside)] {
                let Some(live) = live else { continue };
                batch.clear();
                match live.fill(&mut batch, Duration::from_millis(20)) {
                    Ok(_) => batch.frames().for_each(|frame| look.frame(&frame)),
                    Err(error) => trouble = Some(error),
                }
            }
        }
        let losses = wanted.losses();
        seen.finish();
        beside.finish();
        let mut checks: Vec<Check> = trouble.iter().map(not_opened).collect();
        let expression = self.expression();
        checks.extend(seen.checks(interface, expression.as_deref().map(|text| (text, &beside)), &losses));
        if let Some(candidate) = candidate {
            checks.extend(targets::candidate(candidate, legacy, seen.servers()));
        }
        checks
    }

    fn tell(&self, checks: &[Check], color: bool) -> Result<Status, Trouble> {
        let healthy = checks.iter().all(|check| check.state != State::Fail);
        let text = match self.output {
            OutputFormat::Json => serde_json::to_string_pretty(&Findings {
                schema_version: 1,
                kind: "doctor",
                interface: self.interface.as_deref(),
                healthy,
                checks,
            })?,
            OutputFormat::Text => checks.iter().map(|check| line(check, color)).collect::<Vec<_>>().join("\n"),
        };
        let mut out = io::stdout().lock();
        match writeln!(out, "{text}").and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(format!("standard output cannot be written: {error}").into())
            }
            _ => Ok(if healthy { Status::Fine } else { Status::Trouble }),
        }
    }
}

/// The object of `--output json`; part of the formats.
#[derive(Serialize)]
struct Findings<'a> {
    schema_version: u32,
    kind: &'static str,
    interface: Option<&'a str>,
    healthy: bool,
    checks: &'a [Check],
}

/// A line a check, and the way out below it.
fn line(check: &Check, color: bool) -> String {
    let (ink, word) = match check.state {
        State::Ok => ("32", "ok  "),
        State::Warn => ("33", "warn"),
        State::Fail => ("31", "FAIL"),
    };
    let word = if color { format!("\x1b[1;{ink}m{word}\x1b[0m") } else { word.to_owned() };
    let mut text = format!("{word}  {:<14} {}", check.name, visible(&check.says));
    if let Some(way_out) = &check.way_out {
        text.push_str(&format!("\n{:21}{}", "", visible(way_out)));
    }
    text
}

/// What keeps an interface from being listened to.
fn not_opened(error: &CaptureError) -> Check {
    match error {
        CaptureError::NoPermission { why, .. } => Check::fail(
            "capture",
            format!("no permission ({why})"),
            "run with sudo, or give the program the right once: sudo setcap cap_net_raw+ep \"$(command -v tapcompare)\"",
        ),
        CaptureError::NoInterface { interface, there } => {
            Check::fail("interface", format!("there is no {interface}"), format!("there are {there}"))
        }
        CaptureError::InterfaceDown { interface } => {
            Check::fail("interface", format!("{interface} is down"), format!("sudo ip link set {interface} up"))
        }
        CaptureError::InterfaceGone { interface } => {
            Check::fail("interface", format!("{interface} has vanished"), "is it made by another program?")
        }
        CaptureError::Live { why, .. } => Check::fail("capture", why.clone(), "a smaller ring (-B) needs less memory"),
        other => Check::fail("capture", other.to_string(), "see 'tapcompare doctor --help'"),
    }
}

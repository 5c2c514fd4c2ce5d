//! A network of a test's own: client, legacy, candidate and tap in namespaces, joined by a switch that floods.
//!
//! ```text
//!   client 10.77.0.1 ──┐
//!   legacy 10.77.0.2 ──┤ switch (ageing_time 0: forgets at once where anybody is, so every port sees everything)
//!   tap    10.77.0.9 ──┤      the tap's port is the mirror port
//!   candidate .0.3   ──┘      (its port is told its address and sees nothing else)
//!   tap 10.77.1.9 ─────── 10.77.1.3 candidate       a link beside the mirror, for the shadow traffic
//! ```
//!
//! Every neighbour is known from the beginning and IPv6 is off, so that no frame is there but those that a test makes.
//! The tap has an address on the mirrored network on purpose: it could reach the legacy, so that it proves something
//! that it never does.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::child::{Running, run};

/// Where a program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Client,
    Legacy,
    Candidate,
    Tap,
    Switch,
}

impl Place {
    const ALL: [Place; 5] = [Place::Client, Place::Legacy, Place::Candidate, Place::Tap, Place::Switch];

    fn name(self) -> &'static str {
        match self {
            Place::Client => "client",
            Place::Legacy => "legacy",
            Place::Candidate => "candidate",
            Place::Tap => "tap",
            Place::Switch => "switch",
        }
    }
}

pub(crate) const CLIENT: &str = "10.77.0.1";
pub(crate) const LEGACY: &str = "10.77.0.2";
/// An address on the mirrored network where nobody is: what goes there is flooded and never answered.
pub(crate) const NOBODY: &str = "10.77.0.200";
pub(crate) const NOBODYS_MAC: [u8; 6] = [2, 0, 0, 0, 0, 200];
/// The candidate as the mirrored network sees it.
pub(crate) const CANDIDATE_AMID: &str = "10.77.0.3";
/// The tap as the mirrored network sees it.
pub(crate) const TAP_AMID: &str = "10.77.0.9";
pub(crate) const TAPS_MAC: &str = "02:00:00:00:00:09";
/// The candidate beside the mirrored network.
pub(crate) const CANDIDATE: &str = "10.77.1.3";
/// The tap beside the mirrored network.
pub(crate) const TAP: &str = "10.77.1.9";

/// The network. Its namespaces go when it is dropped, and with them every interface.
pub(crate) struct Net {
    name: String,
    /// What is put before a command that needs rights over the namespaces: nothing for root.
    enter: Vec<String>,
    /// Where somebody else than root runs this: the process whose user namespace owns the network.
    owner: Option<Running>,
    folder: tempfile::TempDir,
    /// Full speed on two cores is measured by nobody else's side: one network at a time.
    _alone: MutexGuard<'static, ()>,
}

impl Net {
    /// Builds the network, or says on standard error why this machine cannot have one.
    pub(crate) fn new() -> Option<Net> {
        static ALONE: Mutex<()> = Mutex::new(());
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(missing) = PROGRAMS.into_iter().find(|program| which(program).is_none()) {
            return skip(&format!("{missing} is not installed; scripts/setup.sh test does that"));
        }
        let (owner, enter) = if may_make_namespaces() {
            sweep();
            (None, Vec::new())
        } else {
            match own_a_user_namespace() {
                Ok(owner) => {
                    let target = owner.pid().to_string();
                    let enter = ["nsenter", "-t", &target, "-U", "-n", "-m", "--preserve-credentials", "--"];
                    (Some(owner), enter.map(str::to_owned).to_vec())
                }
                Err(why) => {
                    return skip(&format!("neither root's right to make namespaces nor a user namespace: {why}"));
                }
            }
        };
        let name = format!("tapc-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let net = Net { name, enter, owner, folder: tempfile::tempdir().unwrap(), _alone: alone };
        net.build();
        Some(net)
    }

    /// A folder of the test's own.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A folder in which whoever `watch` becomes may write: it gives up being root.
    pub(crate) fn folder_for_all(&self) -> PathBuf {
        let open = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        let path = self.folder().join("for-all");
        std::fs::create_dir_all(&path).unwrap();
        open(self.folder(), 0o711);
        open(&path, 0o777);
        path
    }

    /// A file of the test's own, with a text in it.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Whether namespaces belong to root here, or to a user namespace, in which nobody can become another user.
    pub(crate) fn of_root(&self) -> bool {
        self.owner.is_none()
    }

    /// The namespace's name for `ip netns`.
    pub(crate) fn namespace(&self, place: Place) -> String {
        format!("{}-{}", self.name, place.name())
    }

    /// The names of all namespaces that this test can see.
    pub(crate) fn namespaces(&self) -> Vec<String> {
        let mut command = self.with_rights("ip");
        command.args(["netns", "list"]);
        run(command).lines().filter_map(|line| line.split(' ').next().map(str::to_owned)).collect()
    }

    /// The start of a command with rights over the namespaces.
    fn with_rights(&self, program: &str) -> Command {
        let mut words = self.enter.iter().map(String::as_str).chain([program]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).env("PATH", path());
        command
    }

    /// A command that runs in a namespace, and dies with the test even where that is killed.
    pub(crate) fn command(&self, place: Place, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = self.with_rights("ip");
        command.args(["netns", "exec", &self.namespace(place), "setpriv", "--pdeathsig", "KILL", "--"]);
        command.arg(program);
        command
    }

    /// Runs a shell line in a namespace and returns what it printed.
    pub(crate) fn sh(&self, place: Place, line: &str) -> String {
        let mut command = self.command(place, "bash");
        command.args(["-c", line]);
        run(command)
    }

    /// The packet sockets of a namespace: who captures there.
    pub(crate) fn packet_sockets(&self, place: Place) -> usize {
        self.sh(place, "cat /proc/net/packet").lines().count() - 1
    }

    /// Frames that an interface has received and sent.
    pub(crate) fn frames(&self, place: Place, interface: &str) -> (u64, u64) {
        let read = |what| {
            let text = self.sh(place, &format!("cat /sys/class/net/{interface}/statistics/{what}_packets"));
            text.trim().parse().unwrap()
        };
        (read("rx"), read("tx"))
    }

    fn build(&self) {
        for place in Place::ALL {
            self.ip(None, &format!("netns add {}", self.namespace(place)));
            let off = "for all in all default; do echo 1 >/proc/sys/net/ipv6/conf/$all/disable_ipv6; done; \
                       ip link set lo up";
            self.sh(place, off);
        }
        let switch = Place::Switch;
        let bridge = "type bridge ageing_time 0 stp_state 0 forward_delay 0 mcast_snooping 0";
        self.ip(Some(switch), &format!("link add name hub {bridge}"));
        self.ip(Some(switch), "link set hub up");
        // A switch has no firewall, though Docker may have asked for one.
        self.sh(switch, "for all in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -e $all ] || echo 0 >$all; done");
        let amid = [(Place::Client, CLIENT), (Place::Legacy, LEGACY), (Place::Candidate, CANDIDATE_AMID)];
        for (place, address) in amid.into_iter().chain([(Place::Tap, TAP_AMID)]) {
            let port = place.name();
            let mac = mac_of(address);
            let peer = self.namespace(switch);
            self.ip(Some(place), &format!("link add eth0 address {mac} type veth peer name {port} netns {peer}"));
            self.ip(Some(switch), &format!("link set {port} master hub up"));
            self.up(place, "eth0", address);
            let everybody = amid.map(|(_, other)| other).into_iter().chain([TAP_AMID, NOBODY]);
            for other in everybody.filter(|other| *other != address) {
                self.ip(Some(place), &format!("neigh replace {other} lladdr {} dev eth0 nud permanent", mac_of(other)));
            }
        }
        let mac = mac_of(CANDIDATE_AMID);
        self.sh(switch, &format!("bridge fdb replace {mac} dev candidate master static"));
        self.sh(switch, "bridge link set dev candidate flood off mcast_flood off bcast_flood off");

        let peer = self.namespace(Place::Candidate);
        self.ip(Some(Place::Tap), &format!("link add eth1 type veth peer name eth1 netns {peer}"));
        self.up(Place::Tap, "eth1", TAP);
        self.up(Place::Candidate, "eth1", CANDIDATE);
        for (place, other, at) in [(Place::Tap, CANDIDATE, Place::Candidate), (Place::Candidate, TAP, Place::Tap)] {
            let mac = self.sh(at, "cat /sys/class/net/eth1/address");
            self.ip(Some(place), &format!("neigh replace {other} lladdr {} dev eth1 nud permanent", mac.trim()));
        }
        // The kernel takes its time to notice a cable; until then the switch forwards nothing.
        let forwarding = "for n in {1..2000}; do [ \"$(cat /sys/class/net/hub/brif/*/state | tr -d '\\n')\" = 3333 ] && \
                          exit; sleep 0.005; done; exit 1";
        self.sh(switch, forwarding);
    }

    fn up(&self, place: Place, interface: &str, address: &str) {
        self.ip(Some(place), &format!("address add {address}/24 dev {interface}"));
        self.ip(Some(place), &format!("link set {interface} up"));
    }

    fn ip(&self, place: Option<Place>, words: &str) {
        let mut command = self.with_rights("ip");
        if let Some(place) = place {
            command.args(["-n", &self.namespace(place)]);
        }
        command.args(words.split(' '));
        run(command);
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for place in Place::ALL {
            let mut command = self.with_rights("ip");
            let _ = command.args(["netns", "del", &self.namespace(place)]).stderr(Stdio::null()).status();
        }
    }
}

/// `02:00:00:00:00:02` for `10.77.0.2`.
fn mac_of(address: &str) -> String {
    let last: u8 = address.rsplit('.').next().unwrap().parse().unwrap();
    format!("02:00:00:00:00:{last:02x}")
}

/// What every one of these tests needs; Debian's packages are in `scripts/setup.sh`.
const PROGRAMS: [&str; 7] = ["ip", "bridge", "bash", "setpriv", "tcpdump", "nginx", "wrk"];

/// Where a program is.
fn which(program: &str) -> Option<PathBuf> {
    path().split(':').map(|folder| Path::new(folder).join(program)).find(|file| file.exists())
}

/// The administrator's programs are not in everybody's PATH.
fn path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

/// Says why a test is not run, past the harness, which hides what a passing test prints.
pub(crate) fn skip<T>(why: &str) -> Option<T> {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    std::io::stderr().write_all(format!("skipped: {test}: {why}\n").as_bytes()).unwrap();
    None
}

/// Whether this process may make namespaces as it is. Root in a container often may not.
fn may_make_namespaces() -> bool {
    let name = format!("tapc-{}-try", std::process::id());
    let ip = |what: &str| {
        let mut command = Command::new("ip");
        command.args(["netns", what, &name]).env("PATH", path());
        run_to_see(command).is_ok()
    };
    ip("add") && ip("del")
}

/// A process that owns namespaces in which this user is root. It ends with its standard input.
fn own_a_user_namespace() -> Result<Running, String> {
    if which("unshare").is_none() || which("nsenter").is_none() {
        return Err("unshare and nsenter are not installed".to_owned());
    }
    let hold = "mount -t tmpfs none /run && mkdir /run/netns && echo ready && exec cat";
    let mut command = Command::new("unshare");
    command.args(["-Urnm", "sh", "-c", hold]);
    let attempt = run_to_see({
        let mut command = Command::new("unshare");
        command.args(["-Urnm", "true"]);
        command
    });
    attempt?;
    let owner = Running::start("the owner of the namespaces", command);
    owner.wait_for_out("ready");
    Ok(owner)
}

fn run_to_see(mut command: Command) -> Result<(), String> {
    let output = command.output().map_err(|e| e.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
    if output.status.success() { Ok(()) } else { Err(said) }
}

/// Removes what tests left that were killed: namespaces that are named after a process that is no more.
fn sweep() {
    for entry in std::fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let maker = name.strip_prefix("tapc-").and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if maker.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            let _ = Command::new("ip").args(["netns", "del", &name]).env("PATH", path()).stderr(Stdio::null()).status();
        }
    }
}

//! What the system says of the interface: nothing is listened to here.

use std::fs;
use std::num::NonZeroUsize;
use std::process::Command;
use std::thread;

use super::Check;
use crate::capture::{Interface, LiveOptions, interfaces};

/// Bytes of headers that stand before what the MTU counts: Ethernet with two VLAN tags.
const LINK_HEADERS: u32 = 22;

/// The longest frame that offloading puts together, headers included.
const LONGEST_MERGED: u32 = 65_549;

/// Fewer bytes of ring hold less than a tenth of a second of a full gigabit a second.
const SMALL_RING: usize = 16 << 20;

/// IFF_PROMISC, as the kernel itself sees it.
const PROMISCUOUS: u32 = 0x100;

/// The checks of an interface that is open.
pub(super) fn checks(options: &LiveOptions) -> Vec<Check> {
    let Some(interface) = interfaces().into_iter().find(|i| i.name == options.interface) else { return Vec::new() };
    let mut checks = vec![is_running(&interface)];
    checks.extend(promiscuous(&interface));
    checks.push(lengths(&interface, options.snap_length));
    checks.push(ring(options.ring_bytes));
    checks.extend(processors());
    checks
}

/// Whether the capture's thread will get a processor when frames come. At two gigabytes a second the default ring is full
/// after 30 ms, and where others wait for the processors too, a thread may wait for longer.
fn processors() -> Option<Check> {
    const NAME: &str = "processors";
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    let load: f64 = text.split_whitespace().next()?.parse().ok()?;
    let there = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let says = format!("{load:.1} tasks want one of {there} (average of the last minute)");
    Some(if load > there as f64 {
        let way_out = "bursts may be dropped while the capture waits for its turn: a larger ring (-B), fewer other programs here, \
                       or real-time priority ('chrt -r 1', CPUSchedulingPolicy=rr of a systemd unit)";
        Check::warn(NAME, says, way_out)
    } else {
        Check::ok(NAME, says)
    })
}

fn is_running(interface: &Interface) -> Check {
    if interface.running {
        return Check::ok("interface", format!("{} is up and running", interface.name));
    }
    let says = format!("{} is up and has no carrier: nothing will come", interface.name);
    Check::warn("interface", says, "is the cable in, and the switch's port open?")
}

/// Only asked while a capture is open: it is the capture that switches the mode on.
fn promiscuous(interface: &Interface) -> Option<Check> {
    if interface.index == 0 {
        let says = "'any' is never promiscuous: frames for other machines are not seen";
        return Some(Check::warn("promiscuous", says, "name the mirror port itself with -i"));
    }
    if interface.loopback {
        return None;
    }
    let flags = system_file(interface, "flags")?;
    let flags = u32::from_str_radix(flags.trim_start_matches("0x"), 16).ok()?;
    Some(if flags & PROMISCUOUS != 0 {
        Check::ok("promiscuous", "frames for other machines are seen too")
    } else {
        let says = "the interface stays as it is: frames for other machines may not be seen";
        Check::warn("promiscuous", says, "a virtual machine's host may have to allow it for the port")
    })
}

/// Whether frames are kept whole, and what offloading means for them.
fn lengths(interface: &Interface, snap_length: u32) -> Check {
    const NAME: &str = "frame length";
    let mtu: Option<u32> = system_file(interface, "mtu").and_then(|text| text.parse().ok());
    let merged = offloading(&interface.name);
    let kept = format!("{snap_length} bytes of each frame are kept");
    if let Some(mtu) = mtu.filter(|mtu| snap_length < mtu + LINK_HEADERS) {
        let says = format!("{kept}, and the MTU is {mtu}: what is cut off counts as lost");
        return Check::fail(NAME, says, "leave -s out: whole frames are the default");
    }
    let mtu = mtu.map_or_else(|| "the MTU cannot be read".to_owned(), |mtu| format!("the MTU is {mtu}"));
    match merged {
        Some(on) if !on.is_empty() && snap_length < LONGEST_MERGED => {
            let says = format!(
                "{kept}, {mtu}, and offloading ({}) merges frames to up to 64 KiB: what is cut off counts as lost",
                on.join(", ")
            );
            Check::fail(NAME, says, "leave -s out: whole frames are the default")
        }
        Some(on) if !on.is_empty() => {
            let on = on.join(", ");
            Check::ok(NAME, format!("{kept}, {mtu}; offloading ({on}) merges frames beyond it, which is fine here"))
        }
        Some(_) => Check::ok(NAME, format!("{kept}, {mtu}, no offloading")),
        None => {
            Check::ok(NAME, format!("{kept}, {mtu}; whether offloading merges frames is not known (no ethtool here)"))
        }
    }
}

/// The kinds of offloading that are on and show us frames which were never on the wire; None where nobody can tell.
fn offloading(interface: &str) -> Option<Vec<&'static str>> {
    const KINDS: [(&str, &str); 4] = [
        ("generic-receive-offload", "GRO"),
        ("large-receive-offload", "LRO"),
        ("tcp-segmentation-offload", "TSO"),
        ("generic-segmentation-offload", "GSO"),
    ];
    // Its names are not in everybody's path.
    let done = ["ethtool", "/usr/sbin/ethtool", "/sbin/ethtool"]
        .iter()
        .find_map(|program| Command::new(program).args(["-k", interface]).env("LC_ALL", "C").output().ok())?;
    let text = String::from_utf8(done.stdout).ok().filter(|_| done.status.success())?;
    let is_on = |key: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        value.is_some_and(|value| value.trim_start().starts_with("on"))
    };
    Some(KINDS.iter().filter(|(key, _)| is_on(key)).map(|(_, name)| *name).collect())
}

fn ring(bytes: usize) -> Check {
    const NAME: &str = "ring";
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    let size = mib(bytes as u64);
    let free = available_memory();
    let of = free.map_or_else(String::new, |free| format!(", {} of memory are free", mib(free)));
    if free.is_some_and(|free| bytes as u64 > free / 4) {
        let says = format!("{size}{of}: that is more than a quarter, and the kernel cannot swap it");
        return Check::warn(NAME, says, "a smaller -B");
    }
    if bytes < SMALL_RING {
        let milliseconds = bytes as f64 / 125e6 * 1e3;
        let says = format!("{size}: {milliseconds:.0} ms of a full gigabit a second; bursts will be dropped");
        return Check::warn(NAME, says, "leave -B out: 64 MiB are the default");
    }
    Check::ok(NAME, format!("{size}{of}"))
}

/// MemAvailable of proc_meminfo(5), in bytes.
fn available_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? << 10)
}

/// A file of the interface in `/sys`, if `/sys` shows the network that we are in.
fn system_file(interface: &Interface, name: &str) -> Option<String> {
    let read = |name: &str| {
        let text = fs::read_to_string(format!("/sys/class/net/{}/{name}", interface.name)).ok()?;
        Some(text.trim().to_owned())
    };
    read("ifindex").filter(|index| *index == interface.index.to_string())?;
    read(name)
}

//! What the kernel says of a process: its processor time by thread, its memory, its open descriptors.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// What a tick of `/proc/PID/stat` is (proc(5); USER_HZ has been 100 on every Linux).
const TICK: Duration = Duration::from_millis(10);

/// The processor time of each thread, user and system together, summed by the threads' names. Threads that have
/// ended are not there: ask before the process is told to stop.
pub(crate) fn processor(pid: u32) -> BTreeMap<String, Duration> {
    let mut times = BTreeMap::new();
    for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let Ok(stat) = fs::read_to_string(task.path().join("stat")) else { continue };
        let (Some(open), Some(close)) = (stat.find('('), stat.rfind(')')) else { continue };
        // After the name come the fields from the third on; the 14th and the 15th are utime and stime.
        let fields: Vec<&str> = stat[close + 2..].split(' ').collect();
        let ticks: u32 = fields[11].parse::<u32>().unwrap() + fields[12].parse::<u32>().unwrap();
        *times.entry(stat[open + 1..close].to_owned()).or_default() += TICK * ticks;
    }
    times
}

/// A process's memory, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// The most that was resident so far (VmHWM), the ring that it shares with the kernel included.
    pub(crate) peak: u64,
    /// What is resident now (VmRSS).
    pub(crate) resident: u64,
    /// Of it, what is the process's own and no file's (RssAnon).
    pub(crate) own: u64,
}

pub(crate) fn memory(pid: u32) -> Option<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? << 10)
    };
    Some(Memory { peak: field("VmHWM")?, resident: field("VmRSS")?, own: field("RssAnon")? })
}

/// How many descriptors a process has open.
pub(crate) fn descriptors(pid: u32) -> Option<usize> {
    Some(fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count())
}

/// Whether a process's network has a TCP listener on `port`.
pub(crate) fn listens(pid: u32, port: u16) -> bool {
    let table = fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap_or_default();
    let wanted = format!(":{port:04X}");
    table.lines().skip(1).any(|line| {
        let mut fields = line.split_ascii_whitespace();
        // Local address and port; then the remote ones; then the state, of which 0A is LISTEN.
        fields.nth(1).is_some_and(|local| local.ends_with(&wanted)) && fields.nth(1) == Some("0A")
    })
}

/// Looks at a process's own memory all the time, because the kernel keeps no high-water mark of that.
pub(crate) struct Watcher {
    most: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Watcher {
    pub(crate) fn start(pid: u32) -> Watcher {
        let (most, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (seen, ended) = (Arc::clone(&most), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                let Some(memory) = memory(pid) else { break };
                seen.fetch_max(memory.own, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(20));
            }
        });
        Watcher { most, stop, thread: Some(thread) }
    }

    /// The most that was the process's own at any look, in bytes.
    pub(crate) fn most(&self) -> u64 {
        self.most.load(Ordering::Relaxed)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(thread::JoinHandle::join);
    }
}

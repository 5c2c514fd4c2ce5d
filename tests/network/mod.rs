//! A network of the test's own, for tests that listen to interfaces.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot make its network has failed")]

use std::net::UdpSocket;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use tapcompare::capture::{Batch, Live};

/// Moves this thread (and what it starts from now on) into an empty network with only a loopback. False, and a line on
/// standard error, where that is not allowed.
pub(crate) fn own_network(test: &str) -> bool {
    if let Err(error) = unshare(CloneFlags::CLONE_NEWNET) {
        eprintln!(
            "skipped: {test}: no network of its own can be made here ({error}); root is needed, or 'unshare -rn'"
        );
        return false;
    }
    ip("link set lo up");
    true
}

/// Runs ip(8), and fails the test where it fails.
pub(crate) fn ip(arguments: &str) {
    let done = Command::new("ip").args(arguments.split_whitespace()).output().unwrap();
    assert!(done.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Whether a program is installed; says so where it is not.
pub(crate) fn installed(test: &str, program: &str) -> bool {
    let there = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).any(|p| p.join(program).exists())
        || ["/usr/sbin", "/sbin"].iter().any(|p| std::path::Path::new(p).join(program).exists());
    if !there {
        eprintln!("skipped: {test}: there is no {program} here");
    }
    there
}

/// A network with a name, so that programs can be started in it with a `/sys` that shows it. It is gone when this is.
pub(crate) struct Network {
    name: String,
}

impl Network {
    /// A new one in which the loopback is up. None, and a line on standard error, where that is not allowed.
    pub(crate) fn new(test: &str) -> Option<Network> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tapcompare-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let made = Command::new("ip").args(["netns", "add", &name]).output();
        let tried = made.and_then(|done| {
            let text = String::from_utf8_lossy(&done.stderr).trim().to_owned();
            if done.status.success() { Ok(()) } else { Err(std::io::Error::other(text)) }
        });
        if let Err(error) = tried {
            eprintln!("skipped: {test}: no named network can be made here ({error}); root is needed");
            return None;
        }
        let network = Network { name };
        network.ip("link set lo up");
        Some(network)
    }

    /// Runs ip(8) in it.
    pub(crate) fn ip(&self, arguments: &str) {
        ip(&format!("-n {} {arguments}", self.name));
    }

    /// A command that will run in it.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    /// By which [`enter`] finds it, from any thread.
    pub(crate) fn file(&self) -> String {
        format!("/var/run/netns/{}", self.name)
    }
}

/// Moves this thread, and what it starts from now on, into a network.
pub(crate) fn enter(network: &str) {
    nix::sched::setns(std::fs::File::open(network).unwrap(), CloneFlags::CLONE_NEWNET).unwrap();
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "delete", &self.name]).status();
    }
}

/// Sends numbered datagrams of `length` bytes to an address of this network.
pub(crate) fn send_datagrams(to: &str, count: u32, length: usize) {
    let bind = if to.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" };
    let socket = UdpSocket::bind(bind).unwrap();
    let mut data = vec![0u8; length];
    for number in 0..count {
        data[..4].copy_from_slice(&number.to_be_bytes());
        // Nobody listens there: the first refusal comes back as an error of a later send.
        let _ = socket.send_to(&data, to);
    }
}

/// Sends whole Ethernet frames out of an interface.
pub(crate) fn send_frames(interface: &str, frames: &[Vec<u8>]) {
    let mut out = pcap::Capture::from_device(interface).unwrap().open().unwrap();
    frames.iter().for_each(|frame| out.sendpacket(frame.as_slice()).unwrap());
}

/// An Ethernet frame of a UDP datagram, with a VLAN tag where there is a number for it.
pub(crate) fn udp_frame(vlan: Option<u8>, port: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    frame.extend(vlan.iter().flat_map(|id| [0x81, 0, 0, *id]));
    frame.extend([0x08, 0]);
    let length = |n: usize| u16::try_from(n + payload.len()).unwrap().to_be_bytes();
    frame.extend([0x45, 0]);
    frame.extend(length(28));
    frame.extend([0, 1, 0, 0, 64, 17, 0, 0, 10, 9, 0, 1, 10, 9, 0, 2]);
    frame.extend([0x30, 0x39]);
    frame.extend(port.to_be_bytes());
    frame.extend(length(8));
    frame.extend([0, 0]);
    frame.extend(payload);
    frame
}

/// Reads until `enough` frames have come or two seconds have passed with nothing; calls `see` with each frame.
pub(crate) fn read(live: &mut Live, enough: usize, mut see: impl FnMut(&tapcompare::capture::Frame<'_>)) -> usize {
    let mut batch = Batch::new();
    let mut frames = 0;
    let mut last = Instant::now();
    while frames < enough && last.elapsed() < Duration::from_secs(2) {
        batch.clear();
        let n = live.fill(&mut batch, Duration::from_millis(50)).unwrap();
        assert_eq!(n, batch.len());
        batch.frames().for_each(|frame| see(&frame));
        frames += n;
        if n > 0 {
            last = Instant::now();
        }
    }
    frames
}

/// Reads what is left after [`Live::stop_taking`].
pub(crate) fn drain(live: &mut Live) -> u64 {
    let mut batch = Batch::new();
    let mut frames = 0;
    loop {
        batch.clear();
        match live.fill(&mut batch, Duration::ZERO).unwrap() {
            0 => return frames,
            n => frames += n as u64,
        }
    }
}

/// An Ethernet frame of a TCP segment, with as many VLAN tags as there are numbers for. Client 10.9.0.1:4000, server
/// 10.9.0.2:80; `answers` is the way back.
pub(crate) fn tcp_frame(tags: &[u8], answers: bool, flags: u8, seq: u32, ack: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    frame.extend(tags.iter().flat_map(|id| [0x81, 0, 0, *id]));
    frame.extend([0x08, 0, 0x45, 0]);
    frame.extend(u16::try_from(40 + payload.len()).unwrap().to_be_bytes());
    frame.extend([0, 1, 0, 0, 64, 6, 0, 0]);
    let (client, server) = ([10, 9, 0, 1], [10, 9, 0, 2]);
    let (from, to) = if answers { (server, client) } else { (client, server) };
    frame.extend(from.into_iter().chain(to));
    let ports = if answers { [80u16, 4000] } else { [4000, 80] };
    frame.extend(ports.into_iter().flat_map(u16::to_be_bytes));
    frame.extend([seq, ack].into_iter().flat_map(u32::to_be_bytes));
    frame.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    frame.extend(payload);
    frame
}

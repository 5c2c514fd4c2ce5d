//! Mirrored traffic that comes as VXLAN: what clouds' traffic mirroring and switches' tunnels send to a UDP port.

use std::fs;
use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::sockopt::{RcvBuf, RcvBufForce, ReceiveTimestampns, RxqOvfl};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, getsockopt, recvmsg, setsockopt};
use nix::sys::stat::fstat;
use nix::sys::time::TimeSpec;
use socket2::{Domain, Protocol, Socket, Type};

use super::batch::{BATCH_BYTES, BATCH_FRAMES, Batch};
use super::losses::{LiveLosses, Wide};
use super::{CaptureError, kernel_filter};
use crate::exchange::Timestamp;

/// The port of RFC 7348.
pub const VXLAN_PORT: u16 = 4789;

/// The header of RFC 7348, section 5: flags, reserved bytes, and the network's number.
const HEADER: usize = 8;

/// Its flag I: there is a network's number. Without it the datagram is no VXLAN.
const FLAG_I: u8 = 0x08;

/// LINKTYPE_ETHERNET: what VXLAN carries.
const ETHERNET: u16 = 1;

/// The longest datagram that UDP can carry.
const LONGEST: usize = 65_535;

/// Where and how to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VxlanOptions {
    /// The address; None: port 4789 of every address, of IPv4 and IPv6.
    pub address: Option<SocketAddr>,
    /// Bytes that may wait in the kernel. Where the process may (CAP_NET_ADMIN) they are had, else at most
    /// `net.core.rmem_max`; see [`VxlanListener::receive_buffer`].
    pub buffer_bytes: usize,
    /// Bytes of each datagram that are kept: 65,535 keeps each whole.
    pub longest: usize,
}

impl Default for VxlanOptions {
    fn default() -> Self {
        VxlanOptions { address: None, buffer_bytes: 64 << 20, longest: LONGEST }
    }
}

/// A UDP port to which mirrored Ethernet frames are sent. It sends nothing, not even a refusal.
pub struct VxlanListener {
    socket: UdpSocket,
    address: SocketAddr,
    datagram: Vec<u8>,
    control: Vec<u8>,
    /// Datagrams that were read.
    taken: u64,
    not_vxlan: u64,
    drops: Wide,
    dropped: u64,
    /// The socket's name in `/proc/net/udp`.
    inode: u64,
    stopped: bool,
}

impl VxlanListener {
    /// Listens from now on.
    ///
    /// # Errors
    /// The port is taken, or may not be had.
    pub fn open(options: &VxlanOptions) -> Result<VxlanListener, CaptureError> {
        let everywhere = SocketAddr::from((Ipv6Addr::UNSPECIFIED, VXLAN_PORT));
        let (address, opened) = match options.address {
            Some(address) => (address, bound(address, false)),
            None => match bound(everywhere, true) {
                // A machine without IPv6.
                Err(e) if e.raw_os_error() == Some(Errno::EAFNOSUPPORT as i32) => {
                    let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, VXLAN_PORT));
                    (address, bound(address, false))
                }
                opened => (everywhere, opened),
            },
        };
        let failed = |source: io::Error| CaptureError::Vxlan { address, source };
        let socket = opened.map_err(failed)?;
        let told = |e: Errno| failed(e.into());
        setsockopt(&socket, ReceiveTimestampns, &true).map_err(told)?;
        setsockopt(&socket, RxqOvfl, &1).map_err(told)?;
        if setsockopt(&socket, RcvBufForce, &options.buffer_bytes).is_err() {
            setsockopt(&socket, RcvBuf, &options.buffer_bytes).map_err(told)?;
        }
        Ok(VxlanListener {
            address: socket.local_addr().map_err(failed)?,
            inode: fstat(&socket).map_err(told)?.st_ino,
            socket,
            datagram: vec![0; options.longest.clamp(HEADER, LONGEST)],
            control: nix::cmsg_space!(TimeSpec, u32),
            taken: 0,
            not_vxlan: 0,
            drops: Wide::default(),
            dropped: 0,
            stopped: false,
        })
    }

    /// The link type of every frame.
    pub fn link(&self) -> u16 {
        ETHERNET
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Bytes that may wait in the kernel, its own bookkeeping among them.
    pub fn receive_buffer(&self) -> usize {
        getsockopt(&self.socket, RcvBuf).unwrap_or(0)
    }

    /// Waits at most `wait` for a first datagram, then takes all that are there until the batch is full. How many frames
    /// were added; 0: nothing came, or nothing that is VXLAN. After [`VxlanListener::stop_taking`], 0 says that none is
    /// left.
    ///
    /// Frames are stamped with the time at which the kernel received their datagram. A datagram longer than
    /// [`VxlanOptions::longest`] is handed on with its true length; one that the mirror itself cut short shows by the
    /// lengths in its headers, where the wire code finds it.
    ///
    /// # Errors
    /// Failures of the system.
    pub fn fill(&mut self, batch: &mut Batch, wait: Duration) -> Result<usize, CaptureError> {
        let before = batch.len();
        let mut waited = false;
        // A flood of what is no VXLAN must not keep the caller from its other duties, such as looking at the stop flag.
        let taken = self.taken;
        let enough = |listener: &VxlanListener| listener.taken - taken >= BATCH_FRAMES as u64 && !listener.stopped;
        while !enough(self)
            && batch.len() < BATCH_FRAMES
            && (batch.is_empty() || batch.bytes() + self.datagram.len() <= BATCH_BYTES)
        {
            match self.take(batch) {
                Ok(()) | Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) if !waited && batch.len() == before && !self.stopped => {
                    waited = true;
                    let millis = u16::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u16::MAX);
                    let mut sockets = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
                    match poll(&mut sockets, PollTimeout::from(millis)) {
                        Ok(0) | Err(Errno::EINTR) => break,
                        Ok(_) => {}
                        Err(error) => return Err(self.failure(error)),
                    }
                }
                Err(Errno::EAGAIN) => break,
                Err(error) => return Err(self.failure(error)),
            }
        }
        Ok(batch.len() - before)
    }

    /// One datagram.
    fn take(&mut self, batch: &mut Batch) -> nix::Result<()> {
        let mut parts = [IoSliceMut::new(&mut self.datagram)];
        // MSG_TRUNC: the length returned is the datagram's own, however much of it was kept (udp(7)).
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_TRUNC;
        let got =
            recvmsg::<SockaddrStorage>(self.socket.as_raw_fd(), &mut parts, Some(self.control.as_mut_slice()), flags)?;
        let mut time = None;
        let mut dropped = None;
        for message in got.cmsgs()? {
            match message {
                ControlMessageOwned::ScmTimestampns(stamp) => time = Some(nanos(stamp)),
                ControlMessageOwned::RxqOvfl(count) => dropped = Some(count),
                _ => {}
            }
        }
        let length = got.bytes;
        self.taken += 1;
        if let Some(count) = dropped.filter(|_| !self.stopped) {
            self.dropped = self.drops.at(count);
        }
        let kept = self.datagram.get(..length.min(self.datagram.len())).unwrap_or_default();
        match kept.split_first_chunk::<HEADER>() {
            Some((header, frame)) if header[0] & FLAG_I != 0 => {
                let wire_length = u32::try_from(length - HEADER).unwrap_or(u32::MAX);
                batch.push(Timestamp(time.unwrap_or_else(now)), ETHERNET, wire_length, frame);
            }
            _ => self.not_vxlan += 1,
        }
        Ok(())
    }

    /// What came to the port, and what the kernel dropped of it.
    ///
    /// The drops are the socket's own counter as `/proc/net/udp6` (or `udp`) shows it: full buffers and bad checksums.
    /// Where `/proc` cannot be read, they are what came with the last datagram (SO_RXQ_OVFL, socket(7)), and later drops
    /// are not known yet.
    pub fn losses(&mut self) -> LiveLosses {
        if !self.stopped {
            self.count_drops();
        }
        LiveLosses { received: self.taken + self.dropped, kernel_dropped: self.dropped, interface_dropped: 0 }
    }

    /// Datagrams that came to the port and are no VXLAN; a part of what was received.
    pub fn not_vxlan(&self) -> u64 {
        self.not_vxlan
    }

    /// The kernel takes in nothing more; what waits is still handed over by [`VxlanListener::fill`], until that gives 0.
    /// Senders are told nothing.
    ///
    /// # Errors
    /// The kernel refuses, which it has no reason to.
    pub fn stop_taking(&mut self) -> Result<(), CaptureError> {
        kernel_filter::refuse_all(&self.socket)
            .map_err(|source| CaptureError::Vxlan { address: self.address, source })?;
        // From here on the kernel counts what is refused as dropped.
        self.count_drops();
        self.stopped = true;
        Ok(())
    }

    fn count_drops(&mut self) {
        let ipv6 = self.address.is_ipv6();
        if let Some(count) = drops_in_proc(self.inode, ipv6) {
            self.dropped = self.drops.at(count);
        }
    }

    fn failure(&self, error: Errno) -> CaptureError {
        CaptureError::Vxlan { address: self.address, source: error.into() }
    }
}

fn bound(address: SocketAddr, both_families: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if both_families {
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

fn nanos(stamp: TimeSpec) -> i64 {
    stamp.tv_sec().saturating_mul(1_000_000_000).saturating_add(stamp.tv_nsec())
}

/// The clock, where the kernel gave no stamp.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// The last column of the socket's line. The table is that of this thread's network.
fn drops_in_proc(inode: u64, ipv6: bool) -> Option<u32> {
    let table =
        fs::read_to_string(if ipv6 { "/proc/thread-self/net/udp6" } else { "/proc/thread-self/net/udp" }).ok()?;
    drops_of(&table, inode)
}

fn drops_of(table: &str, inode: u64) -> Option<u32> {
    /// The place of the inode's column in a line.
    const INODE: usize = 9;
    let inode = inode.to_string();
    let line = table.lines().find(|line| line.split_whitespace().nth(INODE) == Some(inode.as_str()))?;
    // Printed signed; it wraps as 32 bits do.
    line.split_whitespace().last()?.parse::<i64>().ok().map(|count| count as u32)
}

#[cfg(test)]
#[path = "vxlan_tests.rs"]
mod tests;

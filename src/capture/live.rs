//! Frames from an interface, by libpcap.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pcap::{Active, Capture, Linktype, Precision};
use socket2::SockRef;

use super::batch::{BATCH_BYTES, BATCH_FRAMES, Batch};
use super::interfaces::{ANY, Interface, named, names};
use super::losses::{LiveLosses, Wide};
use super::{CaptureError, kernel_filter};
use crate::exchange::Timestamp;

/// Milliseconds after which the kernel hands over a block of the ring that is not full yet. A busy line fills blocks
/// (256 KiB) sooner; a quiet one costs at most a hundred wake-ups a second.
///
/// This is the way of TPACKET_V3, in which frames lie close together. libpcap's immediate mode would hand over each
/// frame at once, but gives each a slot for the longest frame there may be: 64 KiB on loopback, so that a ring of
/// 64 MiB is full after a thousand small frames.
const RETIRE: i32 = 10;

/// After the kernel was told to take nothing more, a block that is not full comes within this time.
const DRAIN: Duration = Duration::from_millis(3 * RETIRE as u64);

/// Between two looks at whether an interface from which nothing comes is still up.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// At least so often the kernel's counters are read: they have 32 bits.
const COUNT_EVERY: Duration = Duration::from_secs(20);

/// Most bytes of a ring: the kernel's limit on a block's number and libpcap's on the figure.
const MAX_RING: usize = 1 << 30;

/// Fewer bytes hold no block.
const MIN_RING: usize = 512 << 10;

/// Longest frame that libpcap hands over.
pub const MAX_SNAP: u32 = 262_144;

/// How to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveOptions {
    /// The interface's name, or `any`.
    pub interface: String,
    /// Bytes of each frame that are kept, 1 to 262,144.
    pub snap_length: u32,
    /// Bytes of the ring in which the kernel leaves frames, 512 KiB to 1 GiB.
    pub ring_bytes: usize,
    /// Whether frames for others are wanted too, as a mirror port needs.
    pub promiscuous: bool,
    /// A pcap-filter(7) expression; the kernel applies it.
    pub filter: Option<String>,
}

impl LiveOptions {
    /// An interface with whole frames, a ring of 64 MiB, promiscuous, unfiltered.
    pub fn on(interface: impl Into<String>) -> LiveOptions {
        LiveOptions {
            interface: interface.into(),
            snap_length: MAX_SNAP,
            ring_bytes: 64 << 20,
            promiscuous: true,
            filter: None,
        }
    }
}

/// An interface that is listened to.
///
/// Once it is open it needs no privilege any more.
pub struct Live {
    interface: String,
    /// The system's number of it: another interface may come to have the name.
    index: u32,
    capture: Capture<Active>,
    link: u16,
    received: Wide,
    kernel_dropped: Wide,
    interface_dropped: Wide,
    losses: LiveLosses,
    counted: Instant,
    /// Frames of the last look that had no room in its batch.
    held: Batch,
    /// The longest frame of late: it says how many certainly fit.
    longest: usize,
    looked: Instant,
    /// Whether it was down then; frames that come tell otherwise.
    down: bool,
    stopped: bool,
}

impl Live {
    /// Opens the interface. Nothing that the filter does not want is ever handed over or counted, not even what came
    /// between the opening and the filter's coming into force.
    ///
    /// On the loopback each frame is taken once, as it arrives; the kernel shows it on its way out as well.
    ///
    /// # Errors
    /// No permission, no such interface, an interface that is down, a filter that libpcap does not understand, a ring
    /// for which there is no memory.
    pub fn open(options: &LiveOptions) -> Result<Live, CaptureError> {
        let interface = check(options)?;
        let failed = |error: pcap::Error| trouble(&options.interface, error);
        let is_any = interface.name == ANY;
        let mut capture = Capture::from_device(options.interface.as_str())
            .map_err(failed)?
            .snaplen(i32::try_from(options.snap_length).unwrap_or(i32::MAX))
            .buffer_size(i32::try_from(options.ring_bytes).unwrap_or(i32::MAX))
            // libpcap warns where `any` is asked to be promiscuous, and the crate takes a warning for a failure.
            .promisc(options.promiscuous && !is_any)
            .timeout(RETIRE)
            .precision(Precision::Nano)
            .open()
            .and_then(Capture::setnonblock)
            .map_err(failed)?;
        if is_any {
            // The second version names each frame's interface, so that the loopback's can be told from others.
            capture.set_datalink(Linktype::LINUX_SLL2).map_err(failed)?;
        }
        let link = link_type(capture.get_datalink().0);
        let mut live = Live {
            interface: options.interface.clone(),
            index: interface.index,
            capture,
            link,
            received: Wide::default(),
            kernel_dropped: Wide::default(),
            interface_dropped: Wide::default(),
            losses: LiveLosses::default(),
            counted: Instant::now(),
            held: Batch::new(),
            longest: 0,
            looked: Instant::now(),
            down: false,
            stopped: false,
        };
        live.begin_at_nothing()?;
        live.filter(options.filter.as_deref(), &interface)?;
        Ok(live)
    }

    /// The link type of every frame, a LINKTYPE_ value as in files.
    pub fn link(&self) -> u16 {
        self.link
    }

    /// The interface as it was named.
    pub fn interface(&self) -> &str {
        &self.interface
    }

    /// Whether nothing can come, as of the last look: the interface is down or gone.
    pub fn is_down(&self) -> bool {
        self.down
    }

    /// Waits at most `wait` for a first frame, then takes all that is there until the batch is full. How many were
    /// added; 0: nothing came. The batch should be empty. After [`Live::stop_taking`], 0 says that the ring is empty.
    ///
    /// Busy or not, this costs a wake-up for each block of the ring (256 KiB, or what came within 10 ms), not for each
    /// frame.
    ///
    /// # Errors
    /// The interface is down or gone: nothing comes until it is up again, and then it comes again. Failures of the
    /// system.
    pub fn fill(&mut self, batch: &mut Batch, wait: Duration) -> Result<usize, CaptureError> {
        if !self.held.is_empty() {
            if batch.is_empty() {
                std::mem::swap(batch, &mut self.held);
                self.held.clear();
                return Ok(batch.len());
            }
            return Ok(0);
        }
        let taken = self.take(batch)?;
        if taken > 0 {
            return Ok(taken);
        }
        if !self.wait(if self.stopped { wait.max(DRAIN) } else { wait })? {
            self.look_after_interface()?;
        }
        self.take(batch)
    }

    /// What the kernel counted until now.
    pub fn losses(&mut self) -> LiveLosses {
        // Where the counters cannot be read any more, as after the interface has vanished, the last reading stands.
        if let Ok(stat) = self.capture.stats() {
            self.losses = LiveLosses {
                received: self.received.at(stat.received),
                kernel_dropped: self.kernel_dropped.at(stat.dropped),
                interface_dropped: self.interface_dropped.at(stat.if_dropped),
            };
            self.counted = Instant::now();
        }
        self.losses
    }

    /// The kernel takes in nothing more; what is in the ring is still handed over by [`Live::fill`], until that gives
    /// 0. Then frames handed over + kernel drops = received.
    ///
    /// # Errors
    /// The kernel refuses, which it has no reason to.
    pub fn stop_taking(&mut self) -> Result<(), CaptureError> {
        self.stopped = true;
        kernel_filter::refuse_all(&self.capture).map_err(|e| self.failure(e.to_string()))
    }

    /// Empties the ring of what came before there was a filter, and counts from there.
    fn begin_at_nothing(&mut self) -> Result<(), CaptureError> {
        self.stop_taking()?;
        let mut aside = Batch::new();
        while self.fill(&mut aside, DRAIN)? > 0 {
            aside.clear();
        }
        let stat = self.capture.stats().map_err(|e| self.failure(e.to_string()))?;
        self.received = Wide::from(stat.received);
        self.kernel_dropped = Wide::from(stat.dropped);
        self.interface_dropped = Wide::from(stat.if_dropped);
        self.stopped = false;
        Ok(())
    }

    fn filter(&mut self, wanted: Option<&str>, interface: &Interface) -> Result<(), CaptureError> {
        let wanted = wanted.map(str::trim).filter(|text| !text.is_empty());
        // Compiled alone first, so that what is wrong is told of what was typed.
        let slip = |why| CaptureError::Filter {
            expression: wanted.unwrap_or_default().to_owned(),
            link: format!("interface {}", interface.name),
            why,
        };
        kernel_filter::compiled(&self.capture, wanted.unwrap_or_default()).map_err(slip)?;
        let once = match interface.name.as_str() {
            ANY => super::interfaces::interfaces()
                .iter()
                .find(|i| i.loopback)
                .map(|lo| format!("not (outbound and ifindex {})", lo.index)),
            _ => interface.loopback.then(|| "inbound".to_owned()),
        };
        let expression = match (wanted, once) {
            (Some(wanted), Some(once)) => format!("{once} and ({wanted})"),
            (Some(wanted), None) => wanted.to_owned(),
            (None, once) => once.unwrap_or_default(),
        };
        if interface.name == ANY || is_cooked(self.link) {
            // The kernel's frames have no such header: only libpcap can shift the program's offsets.
            return self.capture.filter(&expression, true).map_err(|e| slip(e.to_string()));
        }
        let program = kernel_filter::compiled(&self.capture, &expression).map_err(slip)?;
        kernel_filter::attach(&self.capture, &program).map_err(|e| slip(e.to_string()))
    }

    /// Takes what is there, without waiting, until the batch is full.
    fn take(&mut self, batch: &mut Batch) -> Result<usize, CaptureError> {
        let before = batch.len();
        let mut longest = 0;
        loop {
            let room = BATCH_BYTES.saturating_sub(batch.bytes()) / self.longest.max(longest).max(1);
            let most = room.max(usize::from(batch.is_empty())).min(BATCH_FRAMES - batch.len().min(BATCH_FRAMES));
            if most == 0 || !self.held.is_empty() {
                break;
            }
            let (held, link) = (&mut self.held, self.link);
            let looked = self.capture.dispatch(Some(most), |packet| {
                let stamp = packet.header.ts;
                // The second field holds nanoseconds, as was asked for.
                let time = Timestamp(stamp.tv_sec.saturating_mul(1_000_000_000).saturating_add(stamp.tv_usec));
                longest = longest.max(packet.data.len());
                if !held.is_empty() || !batch.push(time, link, packet.header.len, packet.data) {
                    held.push_over(time, link, packet.header.len, packet.data);
                }
            });
            let n = looked.map_err(|error| trouble(&self.interface, error))?;
            if n < most {
                break;
            }
        }
        let taken = batch.len() - before;
        if taken > 0 {
            self.down = false;
            self.longest = longest;
            if self.counted.elapsed() > COUNT_EVERY {
                self.losses();
            }
        }
        Ok(taken)
    }

    /// Whether a block is there within `wait`.
    fn wait(&self, wait: Duration) -> Result<bool, CaptureError> {
        // Rounded up: a wait of less than a millisecond must not become a busy loop.
        let millis = u16::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u16::MAX);
        let mut sockets = [PollFd::new(self.capture.as_fd(), PollFlags::POLLIN)];
        match poll(&mut sockets, PollTimeout::from(millis)) {
            Ok(0) | Err(Errno::EINTR) => return Ok(false),
            Ok(_) => {}
            Err(error) => return Err(self.failure(error.desc().to_owned())),
        }
        let events = sockets[0].revents().unwrap_or(PollFlags::empty());
        if !events.intersects(PollFlags::POLLERR | PollFlags::POLLHUP | PollFlags::POLLNVAL) {
            return Ok(true);
        }
        // What is in the ring is handed over first; the error stays true, and is found by the look at the interface.
        match SockRef::from(&self.capture).take_error() {
            Ok(None) => Ok(true),
            Ok(Some(error)) if error.raw_os_error() == Some(Errno::ENETDOWN as i32) => Ok(false),
            Ok(Some(error)) | Err(error) => Err(self.failure(error.to_string())),
        }
    }

    /// Nothing came: is there still something from which it could?
    fn look_after_interface(&mut self) -> Result<(), CaptureError> {
        if self.looked.elapsed() < LOOK_EVERY || self.interface == ANY {
            return Ok(());
        }
        self.looked = Instant::now();
        self.losses();
        let interface = self.interface.clone();
        let there = named(&interface);
        self.down = !there.as_ref().is_some_and(|there| there.index == self.index && there.up);
        match there {
            Some(there) if there.index == self.index && there.up => Ok(()),
            Some(there) if there.index == self.index => Err(CaptureError::InterfaceDown { interface }),
            _ => Err(CaptureError::InterfaceGone { interface }),
        }
    }

    fn failure(&self, why: String) -> CaptureError {
        CaptureError::Live { interface: self.interface.clone(), why }
    }
}

/// What can be told before libpcap is asked.
fn check(options: &LiveOptions) -> Result<Interface, CaptureError> {
    if !(1..=MAX_SNAP).contains(&options.snap_length) {
        let why = format!("a snap length is 1 to {MAX_SNAP} bytes");
        return Err(CaptureError::BadOption { flag: "-s", value: u64::from(options.snap_length), why });
    }
    if !(MIN_RING..=MAX_RING).contains(&options.ring_bytes) {
        let why = format!("the ring has {MIN_RING} to {MAX_RING} bytes");
        return Err(CaptureError::BadOption { flag: "-B", value: options.ring_bytes as u64, why });
    }
    match named(&options.interface) {
        None => Err(CaptureError::NoInterface { interface: options.interface.clone(), there: names() }),
        Some(there) if !there.up => Err(CaptureError::InterfaceDown { interface: there.name }),
        Some(there) => Ok(there),
    }
}

/// libpcap's failures come as text.
fn trouble(interface: &str, error: pcap::Error) -> CaptureError {
    let interface = interface.to_owned();
    let why = match error {
        pcap::Error::PcapError(text) => text,
        other => other.to_string(),
    };
    let says = |words: &[&str]| words.iter().any(|word| why.contains(word));
    if says(&["not permitted", "ermission", "CAP_NET_RAW"]) {
        CaptureError::NoPermission { interface, why }
    } else if says(&["disappeared", "No such device"]) {
        CaptureError::InterfaceGone { interface }
    } else if says(&["is not up", "went down", "Network is down"]) {
        CaptureError::InterfaceDown { interface }
    } else {
        CaptureError::Live { interface, why }
    }
}

/// Link types whose header libpcap makes itself, on sockets that hand over none.
fn is_cooked(link: u16) -> bool {
    matches!(link, 113 | 276)
}

/// The number that files have for what the system numbers otherwise: libpcap's DLT_ values and the LINKTYPE_ values of
/// files differ for a few old ones, of which Linux has raw IP (12) and ATM (11).
fn link_type(dlt: i32) -> u16 {
    match dlt {
        12 | 14 => 101,
        11 => 100,
        other => u16::try_from(other).unwrap_or(u16::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_and_names_are_checked_before_libpcap_is_asked() {
        let refused = |options: &LiveOptions| check(options).unwrap_err().to_string();
        let on = LiveOptions::on;
        assert!(refused(&LiveOptions { snap_length: 0, ..on("lo") }).starts_with("-s 0: "));
        assert!(refused(&LiveOptions { snap_length: MAX_SNAP + 1, ..on("lo") }).contains("1 to 262144"));
        assert!(refused(&LiveOptions { ring_bytes: 1 << 31, ..on("lo") }).starts_with("-B 2147483648: "));
        let error = refused(&on("mirror9"));
        assert!(error.contains("-i mirror9: there is no such interface") && error.contains("any"), "{error}");
    }

    #[test]
    fn each_failure_names_its_way_out() {
        for (said, told) in [
            ("socket: Operation not permitted", "setcap cap_net_raw+ep"),
            ("Attempt to create packet socket failed - CAP_NET_RAW may be required", "doctor -i x"),
            ("The interface disappeared", "has vanished"),
            ("That device is not up", "ip link set x up"),
            ("can't create rx ring on packet socket: Cannot allocate memory", "Cannot allocate memory"),
        ] {
            let error = trouble("x", pcap::Error::PcapError(said.to_owned())).to_string();
            assert!(error.starts_with("-i x: ") && error.contains(told), "{error}");
        }
    }

    #[test]
    fn link_types_are_those_of_files() {
        assert_eq!([1, 12, 113, 276, 11].map(link_type), [1, 101, 113, 276, 100]);
    }
}

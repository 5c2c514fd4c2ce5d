//! What can be wrong with the files that a person named, before anything is read from them.

use std::io;
use std::net::SocketAddr;

/// Why a capture cannot be read at all. Damage inside of a capture is not an error: it is a line in the books.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// Not there, or not ours to read.
    #[error("cannot open the capture '{file}': {source}; name a pcap or pcapng file, or '-' for standard input")]
    Open {
        /// The file as it was named.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// A folder.
    #[error("'{file}' is a folder; name the capture files in it, as in '{file}/*.pcap'")]
    Folder {
        /// The folder as it was named.
        file: String,
    },
    /// A file, but no capture that is known here.
    #[error(
        "'{file}' is not a capture that can be read (it begins with {found}); expected pcap or pcapng, plain or \
         gzip-compressed; other formats can be converted with 'editcap -F pcapng'"
    )]
    UnknownFormat {
        /// The file as it was named.
        file: String,
        /// Its first bytes in hexadecimal.
        found: String,
    },
    /// Standard input can be read once.
    #[error("'-' (standard input) is named twice; name it once")]
    StandardInputTwice,
    /// The filter expression is wrong, or means nothing on a link type that the capture holds.
    #[error("the filter '{expression}' cannot be used on {link}: {why}; the syntax is that of pcap-filter(7)")]
    Filter {
        /// The expression as it was given.
        expression: String,
        /// The link type that it was compiled for.
        link: String,
        /// What libpcap said.
        why: String,
    },
    /// Capturing needs a right that this process does not have.
    #[error(
        "-i {interface}: no permission to capture ({why}); run with sudo, or give the program the right once: sudo setcap \
         cap_net_raw+ep \"$(command -v tapcompare)\"; 'tapcompare doctor -i {interface}' says what is missing"
    )]
    NoPermission {
        /// The interface as it was named.
        interface: String,
        /// What libpcap said.
        why: String,
    },
    /// No interface of that name.
    #[error("-i {interface}: there is no such interface; there are {there}")]
    NoInterface {
        /// The interface as it was named.
        interface: String,
        /// The names that there are, in words.
        there: String,
    },
    /// The interface is there, but down: before the capture began, or since then.
    #[error(
        "-i {interface}: the interface is down, nothing can be seen on it; 'sudo ip link set {interface} up' brings it up"
    )]
    InterfaceDown {
        /// The interface as it was named.
        interface: String,
    },
    /// The interface was there, and is not any more.
    #[error("-i {interface}: the interface has vanished while it was listened to; what was captured before stands")]
    InterfaceGone {
        /// The interface as it was named.
        interface: String,
    },
    /// The capture cannot be opened, or failed, for another reason.
    #[error("-i {interface}: {why}; 'tapcompare doctor -i {interface}' says what is missing")]
    Live {
        /// The interface as it was named.
        interface: String,
        /// What libpcap or the system said.
        why: String,
    },
    /// A figure that the system cannot work with.
    #[error("{flag} {value}: {why}")]
    BadOption {
        /// The flag.
        flag: &'static str,
        /// What was asked for.
        value: u64,
        /// What is wrong with it, and what would do.
        why: String,
    },
    /// The port for mirrored frames cannot be had, or fails.
    #[error(
        "--vxlan {address}: {source}; another program or the kernel's own vxlan device may have the port: name another as \
         --vxlan ADDR:PORT"
    )]
    Vxlan {
        /// Where to listen.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

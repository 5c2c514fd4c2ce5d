//! tcpdump beside us: what really went over an interface, by somebody who does not know what we say.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::child::{Ended, Running};
use super::net::{Net, Place};
use super::parts;

/// Bytes kept of each frame: its headers, and the beginning of what it carries.
const KEPT: &str = "256";

/// A capture that runs.
pub(crate) struct Witness {
    running: Running,
    file: PathBuf,
}

impl Witness {
    /// Starts to record an interface (`any` is all of them) of a namespace.
    pub(crate) fn start(net: &Net, place: Place, interface: &str) -> Witness {
        let file = net.folder().join(format!("{}-{interface}.pcap", net.namespace(place)));
        let command = if net.of_root() {
            let mut command = net.command(place, "tcpdump");
            // Immediate: what an unfinished block of the ring holds would be lost at the end. In that mode each frame
            // takes the room of the longest, so that the length that is kept decides how many there is room for.
            command.args(["-i", interface, "-n", "-p", "--immediate-mode", "-s", KEPT, "-B", "65536", "-Z", "root"]);
            command.arg("-w").arg(&file);
            command
        } else {
            // tcpdump gives up being root, which a user namespace refuses; libpcap itself does not mind.
            parts::command(net, place, "record", &[interface, file.to_str().unwrap(), KEPT])
        };
        let running = Running::start("tcpdump", command);
        running.wait_for_err("listening on");
        Witness { running, file }
    }

    /// Ends the recording. Nothing may have been dropped: a witness who looked away proves nothing.
    pub(crate) fn stop(self) -> Recording {
        // What was sent a moment ago is still on its way through the ring.
        std::thread::sleep(Duration::from_millis(100));
        let Ended { err, .. } = self.running.interrupt(super::child::PATIENCE);
        assert!(err.contains("\n0 packets dropped by kernel"), "the witness itself lost something: {err}");
        Recording { file: self.file }
    }
}

/// What was recorded.
pub(crate) struct Recording {
    pub(crate) file: PathBuf,
}

impl Recording {
    /// How many of its frames a filter selects.
    pub(crate) fn count(&self, filter: &str) -> usize {
        let said = self.read(&["--count"], filter);
        said.split_ascii_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{said}"))
    }

    /// The frames that a filter selects, as tcpdump prints them, for the story of a failure.
    pub(crate) fn lines(&self, filter: &str) -> String {
        self.read(&["-n", "-q"], filter)
    }

    fn read(&self, arguments: &[&str], filter: &str) -> String {
        let mut command = Command::new("tcpdump");
        command.args(arguments).arg("-r").arg(&self.file).arg(filter);
        super::child::run(command)
    }
}

/// Watches as fast as tcpdump can and keeps nothing: the cost of a bare capture, beside ours in the same run.
pub(crate) fn bare_tcpdump(net: &Net, place: Place, interface: &str, filter: &str) -> Running {
    let mut command = net.command(place, "tcpdump");
    command.args(["-i", interface, "-n", "-B", "65536", "-Z", "root", "-w", "/dev/null", filter]);
    let running = Running::start("tcpdump", command);
    running.wait_for_err("listening on");
    running
}

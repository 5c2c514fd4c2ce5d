//! `tapcompare watch` in a namespace, and the report that it gives.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::child::{Ended, Running};
use super::net::{Net, Place};
use super::proc;

/// How long a run may take to drain and to report once it was told to stop.
const DRAIN: Duration = Duration::from_secs(30);

/// How long the tests that measure go on, each time; a person may want longer.
pub(crate) fn length() -> Duration {
    let seconds = std::env::var("TAPCOMPARE_LIVE_SECONDS").ok().map(|text| text.parse().unwrap());
    Duration::from_secs(seconds.unwrap_or(2))
}

/// A run that listens.
pub(crate) struct Watch {
    running: Running,
    memory: proc::Watcher,
}

impl Watch {
    /// Listens on an interface of a namespace under a policy, and returns when it does. `arguments` are further flags,
    /// and the filter last. `TAPCOMPARE_BINARY` names another build of the program, for measuring.
    pub(crate) fn start(
        net: &Net,
        (place, interface): (Place, &str),
        candidate: &str,
        policy: &str,
        arguments: &[&str],
    ) -> Watch {
        Watch::start_on(net, place, &["-i", interface], candidate, policy, arguments)
    }

    /// The same where the source is more than an interface's name.
    pub(crate) fn start_on(
        net: &Net,
        place: Place,
        source: &[&str],
        candidate: &str,
        policy: &str,
        arguments: &[&str],
    ) -> Watch {
        let binary = std::env::var("TAPCOMPARE_BINARY").unwrap_or(env!("CARGO_BIN_EXE_tapcompare").to_owned());
        let policy = net.file("policy.yaml", policy);
        let mut command = net.command(place, binary);
        command.args(["-v", "watch"]).args(source).args(["--candidate", candidate, "--output", "json", "--policy"]);
        command.arg(policy);
        if !net.of_root() {
            // A user namespace knows no other user to become.
            command.args(["--user", "root"]);
        }
        let running = Running::start("tapcompare watch", {
            command.args(arguments);
            command
        });
        running.wait_for_err("listening on");
        let memory = proc::Watcher::start(running.pid());
        Watch { running, memory }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// Sends it a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        self.running.signal(name);
    }

    /// Waits for the end of a run that prints something else than a report.
    pub(crate) fn end(self, signal: &str) -> Ended {
        std::thread::sleep(Duration::from_millis(200));
        self.running.signal(signal);
        self.running.wait(DRAIN)
    }

    /// Waits for a run that ends by itself.
    pub(crate) fn wait(self) -> Report {
        let (running, most) = (self.running, self.memory.most());
        Report::read(running.wait(DRAIN), most, BTreeMap::new())
    }

    /// Interrupts the run, as a person does.
    pub(crate) fn interrupt(self) -> Report {
        self.stop("INT")
    }

    /// Stops the run by a signal, and reads its report. Every book must close.
    pub(crate) fn stop(self, signal: &str) -> Report {
        // What is on the wire by now arrives.
        std::thread::sleep(Duration::from_millis(200));
        let processor = proc::processor(self.pid());
        self.running.signal(signal);
        let most = self.memory.most();
        Report::read(self.running.wait(DRAIN), most, processor)
    }
}

/// What a run reported, and what it took.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) value: Value,
    pub(crate) status: Option<i32>,
    pub(crate) err: String,
    /// The most memory of its own at once, in bytes.
    pub(crate) most: u64,
    /// Processor time of each thread.
    pub(crate) processor: BTreeMap<String, Duration>,
}

impl Report {
    fn read(ended: Ended, most: u64, processor: BTreeMap<String, Duration>) -> Report {
        let Ended { status, out, err } = ended;
        let value: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {status} {out}\n{err}"));
        let report = Report { value, status: status.code(), err, most, processor };
        report.check_books();
        report
    }

    /// A figure of the ledger, by its path: `wire/requests`; where it is told by reason, the sum.
    pub(crate) fn count(&self, path: &str) -> u64 {
        match self.ledger(path) {
            Value::Object(reasons) => reasons.values().map(|n| n.as_u64().unwrap()).sum(),
            Value::Null => 0,
            number => number.as_u64().unwrap_or_else(|| panic!("{path} is no number: {number}")),
        }
    }

    /// How a gate came out.
    pub(crate) fn gate(&self, name: &str) -> &str {
        let gate = self.value["gates"].as_array().unwrap().iter().find(|gate| gate["gate"] == name);
        gate.unwrap_or_else(|| panic!("{name}: {:#}", self.value["gates"]))["state"].as_str().unwrap()
    }

    /// A part of the ledger.
    pub(crate) fn ledger(&self, path: &str) -> Value {
        let ledger = &self.value["snapshot"]["ledger"];
        assert!(ledger.is_object(), "{}", self.value);
        ledger.pointer(&format!("/{path}")).cloned().unwrap_or(Value::Null)
    }

    /// All together, of all threads.
    pub(crate) fn processor_time(&self) -> Duration {
        self.processor.values().sum()
    }

    /// The equations of the books, here once more from the report alone.
    fn check_books(&self) {
        let outcomes = ["matched", "accepted", "mismatched", "noisy", "drifted", "not_comparable"];
        let shadow = |name: &str| self.count(&format!("shadow/{name}"));
        let live = |name: &str| self.count(&format!("capture/live/{name}"));
        let wire = |name: &str| self.count(&format!("wire/{name}"));
        for (account, left, right) in [
            (
                "received",
                live("received"),
                wire("frames") + ["kernel_dropped", "shed_frames", "not_vxlan"].map(live).iter().sum::<u64>(),
            ),
            ("frames", wire("frames"), wire("frames_used") + wire("frames_refused")),
            ("requests", wire("requests"), wire("requests_paired") + wire("requests_unpaired")),
            ("paired", wire("requests_paired"), shadow("exchanges")),
            ("exchanges", shadow("exchanges"), shadow("sent") + shadow("skipped")),
            ("sent", shadow("sent"), shadow("compared") + shadow("failed")),
            ("compared", shadow("compared"), outcomes.map(shadow).iter().sum()),
        ] {
            assert_eq!(left, right, "{account}: {:#}", self.value["snapshot"]["ledger"]);
        }
        assert_eq!(self.gate("books"), "pass", "{:#}", self.value["gates"]);
    }
}

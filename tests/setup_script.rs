//! `scripts/setup.sh` on machines that lack something. The machine is a folder of programs: those that the script
//! may see, some of them made up, each writing down how it was called.

// Helpers of a test may fail as the test itself may; clippy knows that only of functions marked as tests.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What any Debian has.
const BASE: [&str; 7] = ["cat", "cut", "dirname", "env", "head", "sed", "sort"];

struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    /// A machine on which nothing is missing.
    fn complete() -> Machine {
        let machine = Machine { folder: tempfile::tempdir().unwrap() };
        for name in BASE {
            let real = ["/usr/bin", "/bin"].map(|d| Path::new(d).join(name)).into_iter().find(|p| p.exists()).unwrap();
            symlink(real, machine.program(name)).unwrap();
        }
        machine.has("cargo", "echo 'cargo 1.95.0 (abc 2026-01-01)'");
        machine.has("make", "");
        machine.has("cc", "cat >/dev/null");
        machine.has("id", "echo 0");
        machine.has("apt-get", "");
        for name in ["curl", "ip", "nginx", "prometheus", "tcpdump", "wrk", "xmllint"] {
            machine.has(name, "");
        }
        machine
    }

    fn program(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn calls(&self) -> String {
        fs::read_to_string(self.program("calls")).unwrap_or_default()
    }

    /// A program that writes down its call, then does as `script` says.
    fn has(&self, name: &str, script: &str) {
        let calls = self.program("calls");
        let text = format!("#!/bin/sh\necho \"{name} $*\" >>'{}'\n{script}\n", calls.display());
        fs::write(self.program(name), text).unwrap();
        fs::set_permissions(self.program(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn lacks(&self, name: &str) {
        fs::remove_file(self.program(name)).unwrap();
    }

    fn set_up(&self, argument: &str) -> (i32, String) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/setup.sh");
        let Output { status, stderr, stdout } =
            Command::new("/bin/bash").arg(script).arg(argument).env("PATH", self.folder.path()).output().unwrap();
        assert!(stdout.is_empty(), "standard output is for data");
        (status.code().unwrap(), String::from_utf8(stderr).unwrap())
    }
}

#[test]
fn nothing_is_done_or_said_where_nothing_is_missing() {
    let machine = Machine::complete();
    assert_eq!(machine.set_up("test"), (0, String::new()));
    assert!(!machine.calls().contains("apt-get"));
}

#[test]
fn missing_headers_are_installed_by_root() {
    let machine = Machine::complete();
    machine.has("cc", "cat >/dev/null; exit 1");
    assert_eq!(machine.set_up(""), (0, "setup: installing libpcap-dev\n".to_owned()));
    assert!(machine.calls().contains("apt-get update -qq\n"));
    assert!(machine.calls().contains("apt-get install -y -qq --no-install-recommends libpcap-dev\n"));
}

#[test]
fn others_use_sudo_and_only_where_something_is_missing() {
    let machine = Machine::complete();
    machine.has("id", "echo 1000");
    machine.has("sudo", "exec \"$@\"");
    assert_eq!(machine.set_up("").0, 0);
    assert!(!machine.calls().contains("sudo"));
    machine.lacks("cc");
    machine.lacks("make");
    assert_eq!(machine.set_up("").0, 0);
    assert!(machine.calls().contains("sudo env DEBIAN_FRONTEND=noninteractive apt-get install"));
    assert!(machine.calls().contains(" make build-essential libpcap-dev\n"), "{}", machine.calls());
}

/// A machine without the programs of the live tests; what happens to files there is only written down.
fn without_services() -> Machine {
    let machine = Machine::complete();
    for name in ["curl", "ip", "nginx", "prometheus", "tcpdump", "wrk", "xmllint"] {
        machine.lacks(name);
    }
    machine.has("ls", "exit 1");
    machine.has("tee", "cat >/dev/null");
    for name in ["chmod", "rm", "update-rc.d"] {
        machine.has(name, "");
    }
    machine
}

/// The calls of these programs, one a line.
fn calls_of(machine: &Machine, names: &[&str]) -> Vec<String> {
    let calls = machine.calls();
    calls.lines().filter(|call| names.iter().any(|n| call.split(' ').next() == Some(n))).map(str::to_owned).collect()
}

#[test]
fn what_the_live_tests_need_is_installed_for_the_tests_alone() {
    let machine = without_services();
    assert_eq!(machine.set_up(""), (0, String::new()));
    assert!(!machine.calls().contains("apt-get"));
    let packages = "curl iproute2 nginx-light prometheus tcpdump wrk libxml2-utils";
    assert_eq!(machine.set_up("test"), (0, format!("setup: installing {packages}\n")));
    assert!(machine.calls().contains(&format!("--no-install-recommends {packages}\n")), "{}", machine.calls());
}

#[test]
fn servers_come_without_their_services() {
    let quiet = ["tee /usr/sbin/policy-rc.d", "chmod 755 /usr/sbin/policy-rc.d"];
    let after = ["update-rc.d nginx disable", "update-rc.d prometheus disable", "rm -f /usr/sbin/policy-rc.d"];
    let witnesses = ["apt-get", "tee", "chmod", "update-rc.d", "rm"];
    let machine = without_services();
    assert_eq!(machine.set_up("test").0, 0);
    let calls = calls_of(&machine, &witnesses);
    assert_eq!(calls[..2], quiet, "before anything is installed");
    assert!(calls[3].starts_with("apt-get install"), "{calls:?}");
    assert_eq!(calls[4..], after);

    // An installation that fails leaves no policy behind.
    let machine = without_services();
    machine.has("apt-get", "[ $1 = update ]");
    assert_ne!(machine.set_up("test").0, 0);
    assert_eq!(calls_of(&machine, &witnesses).last().unwrap(), after[2]);

    // Whoever has a policy keeps it; and without a server nobody is asked to be quiet.
    let machine = without_services();
    machine.has("ls", "");
    assert_eq!(machine.set_up("test").0, 0);
    assert_eq!(calls_of(&machine, &["tee", "chmod", "rm"]), [""; 0]);
    let machine = without_services();
    machine.has("nginx", "");
    machine.has("prometheus", "");
    assert_eq!(machine.set_up("test").0, 0);
    assert_eq!(calls_of(&machine, &["tee", "chmod", "rm", "update-rc.d"]), [""; 0]);
}

#[test]
fn what_cannot_be_installed_is_named_in_one_line_with_the_way_out() {
    let machine = Machine::complete();
    machine.has("cc", "cat >/dev/null; exit 1");
    machine.has("id", "echo 1000");
    let no_right = machine.set_up("");
    machine.lacks("apt-get");
    let no_debian = machine.set_up("");
    machine.has("cargo", "echo 'cargo 1.63.0'");
    let too_old = machine.set_up("");
    machine.lacks("cargo");
    let no_rust = machine.set_up("");
    for ((status, message), words) in [
        (no_right, "missing: libpcap-dev, and neither root nor sudo; as root: apt-get install libpcap-dev"),
        (no_debian, "missing: libpcap-dev (Debian's names); install them by this system's package manager"),
        (too_old, "Rust 1.63.0 is too old, "),
        (no_rust, "there is no Rust toolchain: install one from https://rustup.rs"),
    ] {
        assert_eq!(status, 2, "{message}");
        assert!(message.starts_with("setup: ") && message.contains(words), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

#[test]
fn rustfmt_and_clippy_are_added_for_the_tests() {
    let machine = Machine::complete();
    machine.has("cargo", "case $1 in --version) echo 'cargo 1.95.0' ;; *) exit 101 ;; esac");
    machine.has("rustup", "");
    assert_eq!(machine.set_up("").0, 0);
    assert!(!machine.calls().contains("rustup"));
    assert_eq!(machine.set_up("test").0, 0);
    assert!(machine.calls().contains("rustup component add rustfmt clippy\n"));
}

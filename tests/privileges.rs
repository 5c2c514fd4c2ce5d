//! What a process is still allowed once its capture is open, as the kernel tells it of a running one.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A copy of the program in a folder that everybody may enter: the build's own may be root's alone.
struct Program {
    folder: tempfile::TempDir,
}

impl Program {
    /// None, and a line on standard error, where this is not root.
    fn new(test: &str) -> Option<Program> {
        let own = status(Path::new("/proc/self/status"));
        if !own["Uid"].starts_with("0 0 0") || own["CapEff"].ends_with("00000000") {
            eprintln!("skipped: {test}: only root can give root up");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        // Not copied by this process: a child of another test that is just being made would hold the file open for
        // writing, and what is open for writing cannot be run.
        let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_tapcompare")).arg(folder.path()).status().unwrap();
        assert!(copied.success());
        Some(Program { folder })
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(self.folder.path().join("tapcompare"));
        command.arg("doctor").args("-i lo --for 20s".split(' ')).args(arguments.split_whitespace());
        command.env_remove("SUDO_UID").env_remove("SUDO_GID").current_dir("/");
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

/// The lines of proc_pid_status(5), their values with single spaces.
fn status(file: &Path) -> HashMap<String, String> {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = fs::read_to_string(file).unwrap();
    text.lines().filter_map(|line| line.split_once(':')).map(|(key, value)| (key.to_owned(), words(value))).collect()
}

/// The status of a process that listens: it has dropped its privileges, and is at work.
fn while_listening(command: &mut Command) -> HashMap<String, String> {
    let mut child = command.spawn().unwrap();
    let file = format!("/proc/{}/status", child.id());
    let begun = Instant::now();
    let found = loop {
        if let Some(ended) = child.try_wait().unwrap() {
            panic!("it ended with {ended}");
        }
        let now = status(Path::new(&file));
        // It is the last thing that is set to zero.
        if now["NoNewPrivs"] == "1" && now["CapPrm"].bytes().all(|digit| digit == b'0') {
            break now;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "privileges are still there: {now:?}");
        thread::sleep(Duration::from_millis(10));
    };
    child.kill().unwrap();
    child.wait().unwrap();
    found
}

/// Nothing is left to the process, and it is of this user and group.
fn assert_powerless(found: &HashMap<String, String>, user: u32, group: u32) {
    for set in ["CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd"] {
        assert!(found[set].bytes().all(|digit| digit == b'0'), "{set}: {}", found[set]);
    }
    assert_eq!(found["NoNewPrivs"], "1");
    assert_eq!(found["Groups"], "", "no supplementary groups");
    let four = |id: u32| [id.to_string(), id.to_string(), id.to_string(), id.to_string()].join(" ");
    assert_eq!((&found["Uid"], &found["Gid"]), (&four(user), &four(group)));
}

#[test]
fn root_becomes_nobody_where_nobody_else_is_meant() {
    let Some(program) = Program::new("root_becomes_nobody_where_nobody_else_is_meant") else { return };
    assert_powerless(&while_listening(&mut program.command("")), 65_534, 65_534);
}

#[test]
fn root_becomes_who_called_sudo() {
    let Some(program) = Program::new("root_becomes_who_called_sudo") else { return };
    let mut command = program.command("");
    command.env("SUDO_UID", "4711").env("SUDO_GID", "4712");
    assert_powerless(&while_listening(&mut command), 4711, 4712);
    // A root that called sudo is no way out of being root.
    let mut command = program.command("");
    command.env("SUDO_UID", "0").env("SUDO_GID", "0");
    assert_powerless(&while_listening(&mut command), 65_534, 65_534);
}

#[test]
fn root_becomes_the_owner_of_the_working_folder() {
    let Some(program) = Program::new("root_becomes_the_owner_of_the_working_folder") else { return };
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(folder.path(), Some(4713), Some(4714)).unwrap();
    let mut command = program.command("");
    command.current_dir(folder.path());
    assert_powerless(&while_listening(&mut command), 4713, 4714);
}

#[test]
fn the_user_that_is_named_wins_and_root_may_be() {
    let Some(program) = Program::new("the_user_that_is_named_wins_and_root_may_be") else { return };
    let mut command = program.command("--user 4715:4716");
    command.env("SUDO_UID", "4711");
    assert_powerless(&while_listening(&mut command), 4715, 4716);
    assert_powerless(&while_listening(&mut program.command("--user root")), 0, 0);
    let done = program.command("--user no-such-user").stdout(Stdio::piped()).output().unwrap();
    assert_eq!(done.status.code(), Some(2));
    let text = String::from_utf8(done.stdout).unwrap();
    assert!(text.contains("FAIL  privileges     --user no-such-user: there is no such user"), "{text}");
}

/// What the pods of deploy/kubernetes are given: root with NET_RAW alone, which cannot become anybody else.
#[test]
fn root_with_net_raw_alone_listens_as_root_and_keeps_nothing() {
    let Some(program) = Program::new("root_with_net_raw_alone_listens_as_root_and_keeps_nothing") else { return };
    let as_pod = |arguments: &str| {
        let inner = program.command(arguments);
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set", "-all,+net_raw", "--inh-caps", "-all", "--no-new-privs"]);
        command.arg(inner.get_program()).args(inner.get_args());
        command.env_remove("SUDO_UID").env_remove("SUDO_GID").current_dir("/");
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        command
    };
    let found = while_listening(&mut as_pod("--user root"));
    for set in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
        assert!(found[set].bytes().all(|digit| digit == b'0'), "{set}: {}", found[set]);
    }
    assert!(found["Uid"].starts_with("0 0 0") && found["NoNewPrivs"] == "1", "{found:?}");
    let done = as_pod("").output().unwrap();
    assert!(String::from_utf8_lossy(&done.stdout).contains("--user root"), "the way out is told");
}

#[test]
fn a_program_with_the_right_in_its_file_drops_it_and_stays_who_it_is() {
    let Some(program) = Program::new("a_program_with_the_right_in_its_file_drops_it_and_stays_who_it_is") else {
        return;
    };
    let file = program.folder.path().join("tapcompare");
    let given = ["setcap", "/usr/sbin/setcap", "/sbin/setcap"]
        .iter()
        .find_map(|name| Command::new(name).arg("cap_net_raw+ep").arg(&file).output().ok());
    if !given.is_some_and(|done| done.status.success()) {
        eprintln!(
            "skipped: a_program_with_the_right_in_its_file_drops_it_and_stays_who_it_is: setcap cannot be used here"
        );
        return;
    }
    let mut command = program.command("");
    command.uid(4717).gid(4718);
    let found = while_listening(&mut command);
    for set in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
        assert!(found[set].bytes().all(|digit| digit == b'0'), "{set}: {}", found[set]);
    }
    assert!(found["Uid"].starts_with("4717 4717 4717") && found["NoNewPrivs"] == "1", "{found:?}");

    // Only root can become another.
    let mut command = program.command("--user 1:1");
    let done = command.uid(4717).gid(4718).stdout(Stdio::piped()).output().unwrap();
    assert!(String::from_utf8_lossy(&done.stdout).contains("only root can change to another user"));
}

#[test]
fn a_file_that_only_root_may_write_is_refused_with_the_reason() {
    let Some(program) = Program::new("a_file_that_only_root_may_write_is_refused_with_the_reason") else { return };
    for flag in ["--run", "--html", "-w"] {
        let mut command = Command::new(program.folder.path().join("tapcompare"));
        command.args(["watch", "-i", "lo", "--for", "1s", "--candidate", "http://127.0.0.1:1", flag, "/of-root-alone"]);
        let told = command.env_remove("SUDO_UID").env_remove("SUDO_GID").current_dir("/").output().unwrap();
        let line = String::from_utf8_lossy(&told.stderr).into_owned();
        assert_eq!((told.status.code(), line.lines().count()), (Some(2), 1), "{line}");
        for expected in ["/of-root-alone", "Permission denied", "this is user nobody", "--user"] {
            assert!(line.contains(expected), "{expected}: {line}");
        }
        assert!(!Path::new("/of-root-alone").exists());
    }
}

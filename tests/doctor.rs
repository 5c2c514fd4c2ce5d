//! `tapcompare doctor` against real interfaces that are as they should be, and as they should not.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod network;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use network::{Network, send_frames, tcp_frame};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tapcompare");

/// Runs the doctor in the network; standard output and the status.
fn doctor(network: &Network, arguments: &str) -> (String, i32) {
    let done = network.command(PROGRAM).arg("doctor").args(arguments.split_whitespace()).output().unwrap();
    told(&done)
}

fn told(done: &Output) -> (String, i32) {
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(!errors.contains("panicked"), "{errors}");
    (String::from_utf8(done.stdout.clone()).unwrap(), done.status.code().unwrap())
}

/// The line of a check: its state and what it says.
fn check<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines().find(|line| line[6..].starts_with(name)).unwrap_or_else(|| panic!("no {name} in:\n{text}"))
}

/// Something that goes on in a network of its own until it is dropped.
struct Busy {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Busy {
    fn new(network: &Network, mut each: impl FnMut() + Send + 'static) -> Busy {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, name) = (Arc::clone(&stop), network.file());
        let thread = thread::spawn(move || {
            network::enter(&name);
            while !stopped.load(Ordering::Relaxed) {
                each();
                thread::sleep(Duration::from_millis(5));
            }
        });
        Busy { stop, thread: Some(thread) }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

/// A server that answers every connection once, in the network; its address.
fn server(network: &Network) -> SocketAddr {
    let (name, (sender, address)) = (network.file(), std::sync::mpsc::channel());
    thread::spawn(move || {
        network::enter(&name);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        sender.send(listener.local_addr().unwrap()).unwrap();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    address.recv().unwrap()
}

fn ask(server: SocketAddr) {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.write_all(b"GET /orders/1 HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert!(answer.ends_with("ok"));
}

#[test]
fn a_line_with_http_and_a_candidate_elsewhere_are_healthy() {
    let Some(network) = Network::new("a_line_with_http_and_a_candidate_elsewhere_are_healthy") else { return };
    let (legacy, candidate) = (server(&network), server(&network));
    let _busy = Busy::new(&network, move || ask(legacy));
    let arguments = format!("-i lo --for 1s --candidate http://{candidate} tcp port {}", legacy.port());
    let (text, status) = doctor(&network, &arguments);
    assert_eq!(status, 0, "{text}");
    // How busy the machine is at the moment is not the test's to say.
    let of_the_line = |line: &&str| !line.starts_with(' ') && !line[6..].starts_with("processors");
    assert!(text.lines().filter(of_the_line).all(|line| line.starts_with("ok ")), "{text}");
    assert!(check(&text, "HTTP").contains(&format!("at {legacy}")), "{text}");
    assert!(check(&text, "directions").contains("in both directions"), "{text}");
    assert!(check(&text, "time stamps").contains("nanoseconds"), "{text}");
    assert!(check(&text, "candidate").contains("accepts connections"), "{text}");

    let (json, status) = doctor(&network, &format!("-o json {arguments}"));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((status, &json["healthy"], &json["schema_version"]), (0, &true.into(), &1.into()));
    assert!(json["checks"].as_array().unwrap().iter().all(|check| check["state"] != "fail"));

    // The candidate is the service itself.
    let (text, status) = doctor(&network, &format!("-i lo --for 1s --candidate http://{legacy}"));
    assert_eq!(status, 2);
    assert!(check(&text, "other address").starts_with("FAIL") && text.contains("compared with itself"), "{text}");
    // And one that is not there.
    let (text, status) = doctor(&network, "-i lo --for 1s --candidate http://127.0.0.1:1");
    assert_eq!(status, 2);
    assert!(check(&text, "candidate").starts_with("FAIL") && text.contains("refused"), "{text}");
}

/// Before a tee is put in line: no interface is needed.
#[test]
fn the_legacy_that_the_policy_names_is_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let listening = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [legacy, candidate] = listening.each_ref().map(|listener| listener.local_addr().unwrap());
    let told_of = |legacy: &str| {
        let policy = folder.path().join("tapcompare.yaml");
        fs::write(&policy, format!("targets: {{legacy: 'http://{legacy}', candidate: 'http://{candidate}'}}\n"))
            .unwrap();
        told(&Command::new(PROGRAM).args(["doctor", "--policy"]).arg(&policy).output().unwrap())
    };
    let (text, status) = told_of(&legacy.to_string());
    assert_eq!(status, 0, "{text}");
    let found = check(&text, "legacy");
    assert!(found.starts_with("ok") && found.contains(&format!("accepts connections at {legacy}")), "{text}");
    for (legacy, why) in [("127.0.0.1:1", "refused"), ("no-such-host.invalid", "is the name right")] {
        let (text, status) = told_of(legacy);
        assert_eq!(status, 2, "{text}");
        assert!(check(&text, "legacy").starts_with("FAIL") && text.contains(why), "{text}");
        assert!(check(&text, "candidate").starts_with("ok"), "{text}");
    }
}

/// Two ends of a cable in the network, up.
fn cable(test: &str) -> Option<Network> {
    let network = Network::new(test)?;
    network.ip("link add left type veth peer name right");
    network.ip("link set left up");
    network.ip("link set right up");
    Some(network)
}

#[test]
fn a_mirror_that_shows_nothing_is_told() {
    let Some(network) = cable("a_mirror_that_shows_nothing_is_told") else { return };
    // Frames of no interest come on any cable that is up: the kernel greets its neighbours.
    let (text, status) = doctor(&network, "-i right --for 1s tcp");
    assert_eq!(status, 2, "{text}");
    assert!(check(&text, "frames").starts_with("FAIL"), "{text}");
    assert!(check(&text, "interface").contains("up and running"), "{text}");
    assert!(check(&text, "promiscuous").starts_with("ok"), "{text}");
    assert!(check(&text, "frame length").contains("MTU is 1500"), "{text}");

    network.ip("link set left down");
    let (text, _) = doctor(&network, "-i right --for 1s");
    assert!(check(&text, "interface").starts_with("warn") && text.contains("no carrier"), "{text}");
    let (text, status) = doctor(&network, "-i left");
    assert_eq!(status, 2);
    assert!(check(&text, "interface").starts_with("FAIL") && text.contains("sudo ip link set left up"), "{text}");
    let (text, status) = doctor(&network, "-i middle");
    assert_eq!(status, 2);
    assert!(text.contains("there are lo, right, left, any"), "{text}");
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A request and its answer on the cable, again and again, each with so many tags.
fn talk(network: &Network, tags: &'static [u8], both: bool) -> Busy {
    let (mut asked, mut answered) = (1u32, 1u32);
    Busy::new(network, move || {
        let mut frames = vec![tcp_frame(tags, false, 0x18, asked, answered, REQUEST)];
        asked += REQUEST.len() as u32;
        if both {
            frames.push(tcp_frame(tags, true, 0x18, answered, asked, ANSWER));
            answered += ANSWER.len() as u32;
        }
        send_frames("left", &frames);
    })
}

#[test]
fn a_mirror_of_one_direction_is_told() {
    let Some(network) = cable("a_mirror_of_one_direction_is_told") else { return };
    {
        let _busy = talk(&network, &[], true);
        let (text, status) = doctor(&network, "-i right --for 1s tcp port 80");
        assert_eq!(status, 0, "{text}");
        assert!(check(&text, "HTTP").contains("at 10.9.0.2:80"), "{text}");
    }
    let _busy = talk(&network, &[], false);
    let (text, status) = doctor(&network, "-i right --for 1s tcp port 80");
    assert_eq!(status, 2, "{text}");
    assert!(check(&text, "directions").starts_with("FAIL") && text.contains("mirror both directions"), "{text}");
}

#[test]
fn a_filter_that_overlooks_tags_is_told() {
    let Some(network) = cable("a_filter_that_overlooks_tags_is_told") else { return };
    // The first tag is taken off by the kernel before the filter looks; a second one is not.
    let _busy = talk(&network, &[7, 8], true);
    let (text, status) = doctor(&network, "-i right --for 1s tcp port 80");
    assert_eq!(status, 2, "{text}");
    assert!(check(&text, "frames").contains("carry a VLAN tag") && text.contains("'vlan and (tcp port 80)'"), "{text}");
    let (text, status) = doctor(&network, "-i right --for 1s vlan and vlan and tcp port 80");
    assert_eq!(status, 0, "what is advised helps: {text}");
    let (text, status) = doctor(&network, "-i right --for 1s tcp port 81");
    assert_eq!(status, 2, "{text}");
    let (text, status) = doctor(&network, "-i right --for 1s -s 60 vlan and vlan and tcp port 80");
    assert_eq!(status, 2);
    assert!(check(&text, "cut frames").starts_with("FAIL"), "{text}");
}

#[test]
fn slips_of_filter_and_policy_are_told() {
    let Some(network) = Network::new("slips_of_filter_and_policy_are_told") else { return };
    let (text, status) = doctor(&network, "-i lo --for 10ms tcp prot 80");
    assert_eq!(status, 2);
    assert!(check(&text, "filter").starts_with("FAIL") && text.contains("syntax error"), "{text}");

    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.yaml");
    std::fs::write(&policy, "targets: {candidate: http://127.0.0.1:1}\nsafety: {methods: [GET]}\n").unwrap();
    let (text, _) = doctor(&network, &format!("-i lo --for 10ms --policy {}", policy.display()));
    assert!(check(&text, "policy").starts_with("ok") && check(&text, "rules").starts_with("ok"), "{text}");
    assert!(check(&text, "candidate").starts_with("FAIL"), "the policy's candidate is tried: {text}");
    std::fs::write(&policy, "target: {}\n").unwrap();
    let (text, status) = doctor(&network, &format!("-i lo --for 10ms --policy {}", policy.display()));
    assert_eq!(status, 2);
    assert!(check(&text, "policy").contains("unknown key 'target'"), "{text}");
}

#[test]
fn a_user_without_the_right_is_told_how_to_get_it() {
    if !nix_is_root() {
        eprintln!(
            "skipped: a_user_without_the_right_is_told_how_to_get_it: only root can become somebody without rights"
        );
        return;
    }
    // The build's folder may be root's alone.
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let program = folder.path().join("tapcompare");
    // Not copied by this process: a child of another test would hold it open for writing, and it could not be run.
    assert!(Command::new("cp").arg(PROGRAM).arg(&program).status().unwrap().success());
    let done = Command::new(&program).args(["doctor", "-i", "lo"]).current_dir("/").uid(65_534).gid(65_534).output();
    let (text, status) = told(&done.unwrap());
    assert_eq!(status, 2);
    assert!(check(&text, "capture").starts_with("FAIL") && text.contains("setcap cap_net_raw+ep"), "{text}");
}

fn nix_is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    status.lines().any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"))
}

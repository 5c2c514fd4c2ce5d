//! The binary that serves, a client that says exactly what it is told, and a mirror that sends when it is told.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tapcompare::capture::Files;
use tapcompare::demo;

/// How long anything may take; a test never waits that long where all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
pub(crate) const SHOP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/shop.pcap");

/// A program that serves. It is killed when this is dropped.
pub(crate) struct Serving {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    said: Arc<Mutex<String>>,
    reader: Option<thread::JoinHandle<()>>,
}

/// Starts the binary and waits until it has said where it serves.
pub(crate) fn serving(arguments: &[&dyn AsRef<OsStr>], environment: &[(&str, &str)]) -> Serving {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tapcompare"));
    for argument in arguments {
        command.arg(argument.as_ref());
    }
    command.env_remove("TAPCOMPARE_SERVE_TOKEN").envs(environment.iter().copied());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let said = Arc::new(Mutex::new(String::new()));
    let reader = listen(stderr, Arc::clone(&said));
    let address = wait_for("the address", || {
        let said = said.lock().unwrap();
        let line = said.lines().find_map(|line| line.split("serving on http://").nth(1));
        line.map(|rest| rest.trim_end_matches('/').parse().unwrap())
    });
    Serving { child, address, said, reader: Some(reader) }
}

fn listen(mut stderr: BufReader<ChildStderr>, said: Arc<Mutex<String>>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut line = String::new();
        while stderr.read_line(&mut line).is_ok_and(|n| n > 0) {
            said.lock().unwrap().push_str(&std::mem::take(&mut line));
        }
    })
}

/// Asks again and again until there is an answer.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "never came: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

impl Serving {
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        get(self.address, path)
    }

    pub(crate) fn json(&self, path: &str) -> Value {
        let reply = self.get(path);
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        serde_json::from_slice(&reply.body).unwrap()
    }

    /// The figures in the text format, by name and labels as they are written.
    pub(crate) fn figures(&self) -> BTreeMap<String, f64> {
        let reply = self.get("/metrics");
        assert_eq!(reply.status, 200, "{}", reply.text());
        let text = reply.text();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| line.rsplit_once(' ').unwrap()).map(|(key, n)| (key.to_owned(), n.parse().unwrap())).collect()
    }

    /// Waits until so many requests were compared, and nothing is under way.
    pub(crate) fn compared(&self, requests: f64) {
        wait_for("that all was compared", || {
            let figures = self.figures();
            let sent = figures.get("tapcompare_shadow_requests_total").copied()?;
            (sent >= requests && figures["tapcompare_unsettled_exchanges"] == 0.0).then_some(())
        });
    }

    /// Interrupts it and waits for its end.
    pub(crate) fn interrupt(mut self) -> (ExitStatus, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        let status = wait_for("the end", || self.child.try_wait().unwrap());
        self.reader.take().unwrap().join().unwrap();
        (status, self.said())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What came back.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Says these bytes on a connection of their own and reads until the other side closes. Nothing came: status 0.
pub(crate) fn say(address: SocketAddr, bytes: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // The server may have answered and closed before all of it was said.
    let _ = stream.write_all(bytes);
    let mut read = Vec::new();
    let _ = stream.read_to_end(&mut read);
    reply(&read)
}

fn reply(read: &[u8]) -> Reply {
    let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") else { return Reply::default() };
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let fields = lines.filter_map(|line| line.split_once(": ")).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    Reply { status, fields, body: read[end + 4..].to_vec() }
}

/// One request with these fields beside its Host.
pub(crate) fn ask(address: SocketAddr, method: &str, path: &str, fields: &[(&str, &str)]) -> Reply {
    let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    if !fields.iter().any(|(name, _)| *name == "Host") {
        head.push_str(&format!("Host: {address}\r\n"));
    }
    for (name, value) in fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    say(address, format!("{head}\r\n").as_bytes())
}

pub(crate) fn get(address: SocketAddr, path: &str) -> Reply {
    ask(address, "GET", path, &[])
}

/// The demo's candidate on a runtime of its own.
pub(crate) struct Candidate {
    pub(crate) url: String,
    _runtime: tokio::runtime::Runtime,
    _shop: demo::Shop,
}

pub(crate) fn candidate(defects: &str) -> Candidate {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let shop = runtime.block_on(demo::candidate(defects.parse().unwrap())).unwrap();
    Candidate { url: shop.url(), _runtime: runtime, _shop: shop }
}

/// A `watch` that is served, and its mirror.
pub(crate) struct Live {
    pub(crate) serving: Serving,
    pub(crate) folder: tempfile::TempDir,
    mirror: UdpSocket,
    frames: Vec<Vec<u8>>,
    _candidate: Option<Candidate>,
}

/// Starts one that keeps a run file, for a candidate with a defect, with the mirrored traffic of the shop at hand.
pub(crate) fn live() -> Live {
    let candidate = candidate("price-rounding");
    let url = candidate.url.clone();
    Live { _candidate: Some(candidate), ..live_before(&url, "") }
}

/// The same for another candidate, and with more in the policy.
pub(crate) fn live_before(candidate: &str, more: &str) -> Live {
    let folder = tempfile::tempdir().unwrap();
    // Where root starts it, somebody else writes.
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let policy = folder.path().join("policy.yaml");
    fs::write(
        &policy,
        format!(
            "capability: shop\nowner: checkout\nsafety: {{limits: {{in_flight: 32}}, breaker: off, backoff: off}}\n{more}"
        ),
    )
    .unwrap();
    let run = folder.path().join("run");
    let serving = serving(
        &[
            &"-v",
            &"watch",
            &"--vxlan",
            &"127.0.0.1:0",
            &"--serve",
            &"127.0.0.1:0",
            &"--candidate",
            &candidate,
            &"--policy",
            &policy,
            &"--run",
            &run,
        ],
        &[],
    );
    let said = serving.said();
    let port = said.split("127.0.0.1:").nth(1).unwrap();
    let port: u16 = port.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap();
    let mirror = UdpSocket::bind("127.0.0.1:0").unwrap();
    mirror.connect(("127.0.0.1", port)).unwrap();
    let mut frames = Vec::new();
    let mut files = Files::open(&[PathBuf::from(SHOP)]).unwrap();
    while let Some(frame) = files.next() {
        // A VXLAN header (RFC 7348, section 5) of network 1.
        frames.push([&[8, 0, 0, 0, 0, 0, 1, 0], frame.data].concat());
    }
    frames.reverse();
    Live { serving, folder, mirror, frames, _candidate: None }
}

impl Live {
    /// Mirrors the next so many frames, slowly enough for a busy machine.
    pub(crate) fn mirror(&mut self, most: usize) {
        for n in 0..most {
            let Some(frame) = self.frames.pop() else { return };
            self.mirror.send(&frame).unwrap();
            if n % 16 == 0 {
                thread::sleep(Duration::from_millis(2));
            }
        }
    }

    pub(crate) fn all_frames(&self) -> usize {
        self.frames.len()
    }

    /// Waits until everything that was mirrored has its outcome, and gives the figures of then.
    pub(crate) fn settled(&self, frames: usize) -> BTreeMap<String, f64> {
        wait_for("that all is settled", || {
            let figures = self.serving.figures();
            let looked_at: f64 =
                figures.iter().filter(|(k, _)| k.starts_with("tapcompare_frames_total")).map(|(_, n)| n).sum();
            let none = |name: &str| figures[name] == 0.0;
            let settled = none("tapcompare_unsettled_exchanges") && none("tapcompare_in_flight_requests");
            (looked_at >= frames as f64 && settled).then_some(figures)
        })
    }
}

/// A `tee` that is served, between the demo's legacy and whoever asks.
pub(crate) struct Inline {
    pub(crate) serving: Serving,
    pub(crate) folder: tempfile::TempDir,
    /// Where clients connect.
    pub(crate) through: SocketAddr,
    runtime: tokio::runtime::Runtime,
    legacy: Mutex<Option<demo::Shop>>,
    _candidate: Candidate,
}

/// Starts one before a candidate without a defect.
pub(crate) fn inline() -> Inline {
    let candidate = candidate("none");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let legacy = runtime.block_on(demo::legacy()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let serving = serving(
        &[
            &"tee",
            &"--listen",
            &"127.0.0.1:0",
            &"--legacy",
            &legacy.url(),
            &"--candidate",
            &candidate.url,
            &"--serve",
            &"127.0.0.1:0",
        ],
        &[],
    );
    let said = serving.said();
    let through = said.split_once("passing on from ").unwrap().1.split_once(' ').unwrap().0.parse().unwrap();
    Inline { serving, folder, through, runtime, legacy: Mutex::new(Some(legacy)), _candidate: candidate }
}

impl Inline {
    /// From now on nobody listens where the legacy was.
    pub(crate) fn legacy_goes(&self) {
        self.runtime.block_on(self.legacy.lock().unwrap().take().unwrap().stop());
    }
}

/// A run file of the demo shop, made once.
pub(crate) fn run_file() -> &'static Path {
    static MADE: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    &MADE
        .get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("demo.run");
            run_demo(&path);
            (folder, path)
        })
        .1
}

/// Adds a stretch of the demo to a run file.
pub(crate) fn run_demo(path: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tapcompare"));
    command.args(["demo", "--pace", "max", "--defect", "price-rounding", "--run"]).arg(path);
    let done = command.current_dir(path.parent().unwrap()).output().unwrap();
    assert_eq!(done.status.code(), Some(1), "{done:?}");
}

/// A server of the demo's run file.
pub(crate) fn serving_run(more: &[&dyn AsRef<OsStr>], environment: &[(&str, &str)]) -> Serving {
    let run = run_file();
    let arguments: Vec<&dyn AsRef<OsStr>> =
        [&"serve" as &dyn AsRef<OsStr>, &run].into_iter().chain(more.iter().copied()).collect();
    serving(&arguments, environment)
}

pub(crate) const ANY_PORT: [&dyn AsRef<OsStr>; 2] = [&"--listen", &"127.0.0.1:0"];

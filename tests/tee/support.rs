//! The tee as a child, a legacy that does what a test says, nginx, and requests byte by byte.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::child::{Ended, PATIENCE, Running};

/// A tee that stands.
pub(crate) struct Tee {
    pub(crate) running: Running,
    pub(crate) address: SocketAddr,
}

/// How long a tee may take to report once it has drained; rules are put to the test then, which a debug build is slow at.
pub(crate) const REPORTS: Duration = Duration::from_secs(60);

impl Tee {
    /// Before `legacy`, on a free port.
    pub(crate) fn before(legacy: SocketAddr, candidate: &str, arguments: &[&str]) -> Tee {
        Tee::start("127.0.0.1:0", &format!("http://{legacy}"), candidate, arguments)
    }

    pub(crate) fn start(listen: &str, legacy: &str, candidate: &str, arguments: &[&str]) -> Tee {
        let mut command = command();
        command.args(["tee", "--listen", listen, "--legacy", legacy, "--candidate", candidate]);
        Tee::of(command, arguments)
    }

    pub(crate) fn of(mut command: Command, arguments: &[&str]) -> Tee {
        command.args(["--output", "json", "--no-overhead"]).args(arguments);
        if nix::unistd::geteuid().is_root() {
            // Folders of tests are root's.
            command.args(["--user", "root"]);
        }
        let running = Running::start("tapcompare tee", command);
        running.wait_for_err("passing on from ");
        let said = running.err();
        let address = said.split("passing on from ").nth(1).unwrap().split_whitespace().next().unwrap();
        Tee { address: address.parse().unwrap(), running }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        connect(self.address)
    }

    /// Stops it; what it reports.
    pub(crate) fn report(self) -> Report {
        self.running.signal("TERM");
        Report::of(self.running.wait(REPORTS))
    }
}

/// The command, in a folder where no policy lies.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tapcompare"));
    command.current_dir(std::env::temp_dir());
    command
}

pub(crate) struct Report {
    pub(crate) ended: Ended,
    pub(crate) json: Value,
}

impl Report {
    pub(crate) fn of(ended: Ended) -> Report {
        let json = serde_json::from_str(&ended.out).unwrap_or_else(|e| panic!("no report: {e}: {ended:?}"));
        Report { ended, json }
    }

    pub(crate) fn at(&self, pointer: &str) -> &Value {
        self.json.pointer(pointer).unwrap_or_else(|| panic!("no {pointer} in {}", self.json["snapshot"]["ledger"]))
    }

    /// A figure of the ledger; 0 where it is not there.
    pub(crate) fn ledger(&self, path: &str) -> u64 {
        self.json.pointer(&format!("/snapshot/ledger/{path}")).and_then(Value::as_u64).unwrap_or(0)
    }

    pub(crate) fn gate(&self, name: &str) -> &Value {
        let gates = self.at("/gates").as_array().unwrap();
        gates.iter().find(|gate| gate["gate"] == name).unwrap_or_else(|| panic!("no gate {name}: {gates:?}"))
    }

    /// Every sum closes, nothing waits, and nothing was shed.
    pub(crate) fn closes(&self) {
        assert_eq!(self.gate("books")["state"], "pass", "{}", self.gate("books"));
        for way in ["from_clients", "from_legacy"] {
            let bytes = self.at(&format!("/snapshot/ledger/capture/tee/{way}"));
            assert_eq!((&bytes["shed"], &bytes["waiting"]), (&0.into(), &0.into()), "{bytes}");
            assert_eq!(bytes["relayed"], bytes["looked_at"], "{bytes}");
        }
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A server that does with each connection what a test says. Its threads end with their connections.
pub(crate) fn server(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    server_at(TcpListener::bind("127.0.0.1:0").unwrap(), serve)
}

pub(crate) fn server_at(listener: TcpListener, serve: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = Arc::clone(&serve);
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.set_nodelay(true).unwrap();
            thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Answers each request with what `answer` makes of its head, until the client ends.
pub(crate) fn answering(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> SocketAddr {
    server(move |mut stream| {
        let mut rest = Vec::new();
        while let Some(head) = head(&mut stream, &mut rest) {
            if stream.write_all(&answer(&head)).is_err() {
                return;
            }
        }
    })
}

/// `200` with that body.
pub(crate) fn ok(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
}

/// The next head, without a body; None at the end. `rest`: what was read beyond it.
pub(crate) fn head(stream: &mut TcpStream, rest: &mut Vec<u8>) -> Option<String> {
    let mut piece = [0; 4096];
    loop {
        if let Some(end) = rest.windows(4).position(|four| four == b"\r\n\r\n") {
            let head: Vec<u8> = rest.drain(..end + 4).collect();
            return Some(String::from_utf8(head).unwrap());
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(n) => rest.extend_from_slice(&piece[..n]),
        }
    }
}

/// Asks over a connection that goes on, and reads the answer, which has a Content-Length.
pub(crate) fn ask(stream: &mut TcpStream, target: &str) -> (String, Vec<u8>) {
    write!(stream, "GET {target} HTTP/1.1\r\nHost: shop.test\r\n\r\n").unwrap();
    answer(stream)
}

pub(crate) fn answer(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    let head = head(stream, &mut body).expect("an answer");
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let read = body.len();
    body.resize(length.unwrap_or(0), 0);
    stream.read_exact(&mut body[read..]).unwrap();
    (head, body)
}

/// Everything up to the end of the stream.
pub(crate) fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    all
}

/// Whether the other side broke the connection off, rather than ended it.
pub(crate) fn is_reset(stream: &mut TcpStream) -> bool {
    let mut all = Vec::new();
    matches!(stream.read_to_end(&mut all), Err(error) if error.kind() == ErrorKind::ConnectionReset)
}

/// When it is closed, it is broken off.
pub(crate) fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

/// A port that nobody has at present.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub(crate) fn wait_until(what: &str, mut ready: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !ready() {
        assert!(Instant::now() < deadline, "never came to: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a program is installed; says so where it is not.
pub(crate) fn installed(test: &str, program: &str) -> bool {
    let paths = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    let there = paths.split(':').any(|folder| Path::new(folder).join(program).exists());
    if !there {
        eprintln!("skipped: {test}: there is no {program} here; scripts/setup.sh test installs it");
    }
    there
}

/// nginx on loopback with servers of a test's own.
pub(crate) struct Nginx {
    pub(crate) folder: tempfile::TempDir,
    _running: Running,
}

impl Nginx {
    /// `servers`: `server` blocks, `FOLDER` in them the folder of this nginx. Returns when `port` is open.
    pub(crate) fn start(port: u16, servers: &str, files: &[(&str, &[u8])]) -> Nginx {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display().to_string();
        for (name, bytes) in files {
            let file = folder.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, bytes).unwrap();
        }
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {at}/{kind};\n"))
            .concat();
        let user = if nix::unistd::geteuid().is_root() { "user root;" } else { "" };
        let servers = servers.replace("FOLDER", &at);
        let config = format!(
            "daemon off; master_process off; {user} pid {at}/pid; error_log {at}/error.log warn;
             events {{ worker_connections 4096; }}
             http {{ {temporary} log_format asked '$request_method $request_uri $http_shadow_request';
               log_format peer '$proxy_protocol_addr:$proxy_protocol_port';
               access_log {at}/access.log asked; keepalive_requests 1000000000; default_type application/json;
               {servers} }}"
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new("nginx");
        let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
        command.env("PATH", path).arg("-e").arg(folder.path().join("error.log"));
        command.arg("-p").arg(folder.path()).arg("-c").arg(&file);
        let running = Running::start("nginx", command);
        wait_until("nginx listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        // The look whether it listens asked nothing, so nothing of it is in the log.
        Nginx { folder, _running: running }
    }

    /// The lines of its access log.
    pub(crate) fn asked(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path("access.log")).unwrap();
        text.lines().map(|line| line.trim_end().to_owned()).collect()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A client that takes little at a time, from a port of its own where one is given.
pub(crate) fn connect_as(address: SocketAddr, port: Option<u16>, takes: Option<usize>) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    if let Some(bytes) = takes {
        socket.set_recv_buffer_size(bytes).unwrap();
    }
    if let Some(port) = port {
        socket.set_reuse_address(true).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], port)).into()).unwrap();
    }
    socket.connect(&address.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

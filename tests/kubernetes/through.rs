//! The sidecar's own argument list, with other paths and ports and the rights of its container, before a real legacy.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tapcompare::demo;

use crate::image_user;
use crate::manifests::{Placed, deploy};

const TOKEN: &str = "00112233445566778899aabbccddeeff";
/// How long anything else may take; a test never waits that long where all is well.
const PATIENCE: Duration = Duration::from_secs(60);

fn wait_for<T>(what: &str, patience: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < patience, "never came: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The container, as it runs. It is killed when this is dropped.
struct Container {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Container {
    /// With the manifest's arguments; of each of `others` the value is another here.
    fn start(folder: &Path, tee: &Placed, others: &[(&str, &str)]) -> Container {
        // A copy in a folder that everybody may enter: the build's own may be root's alone.
        assert!(Command::new("cp").arg(env!("CARGO_BIN_EXE_tapcompare")).arg(folder).status().unwrap().success());
        let program = folder.join("tapcompare");
        let mut command = if nix::unistd::geteuid().is_root() {
            let user = image_user().to_string();
            let mut command = Command::new("setpriv");
            command.args(["--reuid", &user, "--regid", &user, "--clear-groups"]);
            command.args(["--bounding-set", "-all", "--inh-caps", "-all", "--no-new-privs"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        for argument in tee.container.args.iter().flatten() {
            let flag = argument.split('=').next().unwrap();
            match others.iter().find(|(name, _)| *name == flag) {
                Some((name, value)) => command.arg(format!("{name}={value}")),
                None => command.arg(argument),
            };
        }
        let secret = &tee.container.env.as_ref().unwrap()[0].name;
        command.env(secret, TOKEN).current_dir("/").stdin(Stdio::null());
        let out = fs::File::create(folder.join("report")).unwrap();
        let mut child = command.stdout(out).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let said = Arc::new(Mutex::new(String::new()));
        let into = Arc::clone(&said);
        thread::spawn(move || {
            let mut line = String::new();
            while stderr.read_line(&mut line).is_ok_and(|n| n > 0) {
                into.lock().unwrap().push_str(&std::mem::take(&mut line));
            }
        });
        Container { child, said }
    }

    fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// The address that it said behind these words.
    fn address(&mut self, behind: &str) -> SocketAddr {
        wait_for(behind, PATIENCE, || {
            let said = self.said();
            assert_eq!(self.child.try_wait().unwrap(), None, "it has ended: {said}");
            let line = said.lines().find_map(|line| line.split_once(behind))?.1.to_owned();
            line.split([' ', '/']).next().unwrap().parse().ok()
        })
    }

    /// A line of proc_pid_status(5).
    fn status(&self, name: &str) -> String {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// A client on a connection of its own.
struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(address: SocketAddr) -> std::io::Result<Client> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Client(BufReader::new(stream)))
    }

    fn say(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// The status, and the body by its Content-Length: nothing is asked here that is answered in chunks.
    fn answer(&mut self) -> (u16, Vec<u8>) {
        let (mut status, mut length) = (0, None);
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the connection has ended");
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(rest) = line.strip_prefix("http/1.1 ") {
                status = rest[..3].parse().unwrap();
            } else if let Some(rest) = line.strip_prefix("content-length:") {
                length = Some(rest.trim().parse().unwrap());
            } else if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length.unwrap()];
        self.0.read_exact(&mut body).unwrap();
        (status, body)
    }

    fn get(&mut self, target: &str) -> (u16, Vec<u8>) {
        self.say(&format!("GET {target} HTTP/1.1\r\nHost: orders\r\nX-Forwarded-For: 198.51.100.7\r\n\r\n"));
        self.answer()
    }
}

/// What is served at a path; 0 where nobody listens any more.
fn served(address: SocketAddr, path: &str) -> (u16, String) {
    let Ok(mut client) = Client::connect(address) else { return (0, String::new()) };
    client.say(&format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"));
    let (status, body) = client.answer();
    (status, String::from_utf8(body).unwrap())
}

#[test]
fn the_sidecar_passes_on_compares_drains_and_ends_within_its_grace() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let legacy = runtime.block_on(demo::legacy()).unwrap();
    let candidate = runtime.block_on(demo::candidate("price-rounding".parse().unwrap())).unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // The volumes: what the ConfigMap has, for another candidate, and a folder that whoever runs may write to.
    let (config, evidence) = (folder.path().join("config"), folder.path().join("evidence"));
    for new in [&config, &evidence] {
        fs::create_dir(new).unwrap();
    }
    fs::set_permissions(&evidence, fs::Permissions::from_mode(0o777)).unwrap();
    let policy = fs::read_to_string(deploy("base/tapcompare.yaml")).unwrap();
    let named = "http://orders-candidate.shop.svc:8080";
    assert!(policy.contains(named));
    fs::write(config.join("tapcompare.yaml"), policy.replace(named, &candidate.url())).unwrap();
    fs::copy(deploy("base/orders-rules.yaml"), config.join("orders-rules.yaml")).unwrap();

    let tee = Placed::the_tee();
    let run = evidence.join("orders.run").display().to_string();
    let policy = config.join("tapcompare.yaml").display().to_string();
    let others = [
        ("--listen", "127.0.0.1:0"),
        ("--legacy", &legacy.url()),
        ("--policy", &policy),
        ("--run", &run),
        ("--serve", "127.0.0.1:0"),
    ];
    assert!(others.iter().all(|(flag, _)| tee.flag(flag).is_some()), "{:?}", tee.container.args);
    let mut container = Container::start(folder.path(), &tee, &others);
    let through = container.address("passing on from ");
    let page = container.address("serving on http://");
    wait_for("readiness", PATIENCE, || (served(page, "/readyz").0 == 200).then_some(()));
    assert_eq!(served(page, "/healthz").0, 200);
    for set in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
        assert!(container.status(set).bytes().all(|digit| digit == b'0'), "{set}: {}", container.status(set));
    }
    assert!(!container.status("Uid").starts_with("0 "), "{}", container.status("Uid"));

    // Through it as past it.
    let (mut client, mut past) = (Client::connect(through).unwrap(), Client::connect(legacy.address).unwrap());
    for target in ["/products/TEE-1000", "/products/TEE-1000/image", "/orders/10233", "/nowhere"] {
        assert_eq!(client.get(target), past.get(target), "{target}");
    }
    let figure = |name: &str| {
        let (_, text) = served(page, "/metrics");
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse::<f64>().ok())
    };
    wait_for("an outcome of each", PATIENCE, || (figure("tapcompare_shadow_requests_total")? >= 4.0).then_some(()));
    assert_eq!(figure("tapcompare_tee_open_connections"), Some(1.0));

    // A candidate that is gone is no reason to send users elsewhere.
    runtime.block_on(candidate.stop());
    assert_eq!(client.get("/products/TEE-1001"), past.get("/products/TEE-1001"));
    assert_eq!(served(page, "/readyz").0, 200);

    // Half of a request, and then the end of the pod.
    let mut slow = Client::connect(through).unwrap();
    slow.say("GET /products/TEE-1000 HTTP/1.1\r\n");
    wait_for("both connections", PATIENCE, || (figure("tapcompare_tee_open_connections")? == 2.0).then_some(()));
    assert!(Command::new("kill").args(["-TERM", &container.child.id().to_string()]).status().unwrap().success());
    let told = Instant::now();
    wait_for("that it is not ready", PATIENCE, || (served(page, "/readyz").0 == 503).then_some(()));
    wait_for("that nobody new comes in", PATIENCE, || Client::connect(through).is_err().then_some(()));
    let mut rest = Vec::new();
    client.0.read_to_end(&mut rest).unwrap();
    assert_eq!(String::from_utf8_lossy(&rest), "", "the connection at rest is closed, and not broken off");
    slow.say("Host: orders\r\n\r\n");
    let (status, body) = slow.answer();
    assert_eq!((status, body), past.get("/products/TEE-1000"), "what was begun comes to its end");
    let grace = Duration::from_secs(tee.pod.termination_grace_period_seconds.unwrap().unsigned_abs());
    let ended = wait_for("its end", grace.saturating_sub(told.elapsed()), || container.child.try_wait().unwrap());
    assert!(matches!(ended.code(), Some(0 | 1 | 3)), "a verdict: {ended} {}", container.said());
    let report = fs::read_to_string(folder.path().join("report")).unwrap();
    assert!(report.contains("connections   2 = relayed 2"), "{report}");

    // The evidence has all six requests.
    let judged =
        Command::new(env!("CARGO_BIN_EXE_tapcompare")).args(["judge", &run, "--output", "json"]).output().unwrap();
    let judged: serde_json::Value = serde_json::from_slice(&judged.stdout).unwrap();
    assert_eq!(judged["snapshot"]["ledger"]["shadow"]["exchanges"], 6, "{judged}");
}

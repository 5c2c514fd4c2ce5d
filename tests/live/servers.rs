//! The two sides: nginx and the demo shop for the legacy, and a candidate that does as it is told.

use std::path::PathBuf;

use serde_json::Value;

use super::child::Running;
use super::net::{CANDIDATE, CANDIDATE_AMID, Net, Place};
use super::{parts, proc};

/// The bodies that nginx serves, by path and size.
pub(crate) const BODIES: [(&str, usize); 3] = [("/small", 200), ("/4k", 4 << 10), ("/64k", 64 << 10)];

/// Before such a path stands this where the speed is to be bounded: so many requests a second come through, the others
/// wait. For builds that are not made for speed, and for tests that are not about it.
pub(crate) const PACED: &str = "/paced";
const PACE: u32 = 2_000;

/// The port on which nginx tells how many requests it has seen, on loopback only.
const STATUS: u16 = 8099;

/// nginx with a configuration of its own, which serves the same files in whatever namespace it runs. One process, so
/// that it is a child like any other, and needs no second user.
pub(crate) struct Nginx<'a> {
    net: &'a Net,
    place: Place,
    _running: Running,
}

impl<'a> Nginx<'a> {
    pub(crate) fn start(net: &'a Net, place: Place, port: u16) -> Nginx<'a> {
        let folder = net.folder().join(net.namespace(place));
        let www = net.folder().join("www");
        std::fs::create_dir(&folder).unwrap();
        // Once: the candidate serves the very files of the legacy, with their dates.
        if std::fs::create_dir(&www).is_ok() {
            for (path, size) in BODIES {
                let body = "0123456789abcdef".repeat(size / 16 + 1);
                std::fs::write(www.join(&path[1..]), &body[..size]).unwrap();
            }
        }
        let (at, root) = (folder.display(), www.display());
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {at}/{kind};\n"))
            .concat();
        let config = format!(
            "daemon off; master_process off; user root; pid {at}/pid; error_log {at}/error.log warn;
             events {{ worker_connections 8192; }}
             http {{ {temporary}
               access_log off; sendfile on; tcp_nodelay on; keepalive_requests 1000000000; default_type text/plain;
               limit_req_zone $server_port zone=pace:64k rate={PACE}r/s;
               server {{ listen {port} backlog=4096; root {root};
                 location {PACED}/ {{ alias {root}/; limit_req zone=pace burst=2000; }} }}
               server {{ listen 127.0.0.1:{STATUS}; location / {{ stub_status; }} }} }}"
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, config).unwrap();
        let mut command = net.command(place, "nice");
        command.args(["-n", "19", "nginx", "-e"]).arg(folder.join("error.log"));
        command.arg("-p").arg(&folder).arg("-c").arg(&file);
        let mut running = Running::start("nginx", command);
        let pid = running.pid();
        running.wait_until("nginx listens", || proc::listens(pid, port) && proc::listens(pid, STATUS));
        Nginx { net, place, _running: running }
    }

    /// How many requests have come to it, other than this very question and those like it.
    pub(crate) fn requests(&self, asked_before: u64) -> u64 {
        let ask = format!("exec 3<>/dev/tcp/127.0.0.1/{STATUS}; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3");
        let text = self.net.sh(self.place, &ask);
        let numbers = text.lines().skip_while(|line| !line.starts_with("server accepts")).nth(1).unwrap();
        let requests: u64 = numbers.split_ascii_whitespace().nth(2).unwrap().parse().unwrap();
        requests - 1 - asked_before
    }
}

/// The demo shop's monolith.
pub(crate) fn shop_legacy(net: &Net, address: &str) -> Running {
    let running = Running::start("the shop", parts::command(net, Place::Legacy, "shop", &[address]));
    running.wait_for_out("listening on");
    running
}

/// What shoppers do: the first `most` requests of the capture that ships, over a few connections.
pub(crate) fn shoppers(net: &Net, address: &str, most: usize) {
    let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/shop.pcap");
    let ended = Running::start(
        "the shoppers",
        parts::command(net, Place::Client, "shoppers", &[address, capture, &most.to_string()]),
    )
    .wait(std::time::Duration::from_secs(60));
    assert!(ended.out.contains(&format!("answered {most}")), "{ended:?}");
}

/// The candidate's port.
const PORT: u16 = 8080;

/// The candidate, which does as it is told and writes down what it is asked.
pub(crate) struct Candidate {
    running: Running,
    log: PathBuf,
    told: usize,
}

/// A request as the candidate has seen it.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) target: String,
    headers: Value,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let pairs = self.headers.as_array().unwrap();
        pairs.iter().find(|pair| pair[0].as_str().unwrap().eq_ignore_ascii_case(name))?[1].as_str()
    }
}

impl Candidate {
    /// Starts it before `backend`: a `127.0.0.1:port` in its namespace, or `shop:none`, or `shop:` and defects.
    pub(crate) fn start(net: &Net, backend: &str) -> Candidate {
        let log = net.folder().join("asked.jsonl");
        let listen = format!("0.0.0.0:{PORT}");
        let command = parts::command(net, Place::Candidate, "candidate", &[&listen, backend, log.to_str().unwrap()]);
        let mut running = Running::start("the candidate", command);
        let pid = running.pid();
        running.wait_until("the candidate listens", || proc::listens(pid, PORT));
        Candidate { running, log, told: 0 }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// Its address beside the mirrored network.
    pub(crate) fn url(&self) -> String {
        format!("http://{CANDIDATE}:{PORT}")
    }

    /// Its address on the mirrored network itself.
    pub(crate) fn url_amid(&self) -> String {
        format!("http://{CANDIDATE_AMID}:{PORT}")
    }

    /// Tells it what to do from now on: see `parts/candidate.rs`.
    pub(crate) fn be(&mut self, mode: &str) {
        self.running.tell(mode);
        self.told += 1;
        let (running, told) = (&mut self.running, self.told);
        let heard = format!("now {mode}");
        let out = |running: &Running| running.out().lines().filter(|line| line.starts_with("now ")).count();
        let deadline = std::time::Instant::now() + super::child::PATIENCE;
        while out(running) < told {
            assert!(std::time::Instant::now() < deadline, "the candidate does not hear '{mode}': {}", running.err());
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        assert!(running.out().lines().rfind(|line| line.starts_with("now ")) == Some(&heard), "{}", running.out());
        if mode != "dead" {
            let pid = running.pid();
            running.wait_until("the candidate listens again", || proc::listens(pid, PORT));
        }
    }

    /// All that it was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        let text = std::fs::read_to_string(&self.log).unwrap();
        let read = |line: &str| {
            let mut value: Value = serde_json::from_str(line).unwrap();
            Asked {
                method: value["method"].as_str().unwrap().to_owned(),
                target: value["target"].as_str().unwrap().to_owned(),
                headers: value["headers"].take(),
            }
        };
        text.lines().map(read).collect()
    }
}

//! What goes through is evidence: every request is counted, the candidate is asked what is safe, once, and differences come
//! out. The legacy has the clients' requests and nothing else.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use super::child::Running;
use super::support::{
    Nginx, Tee, answer, answering, ask, command, connect, connect_as, free_port, head, installed, is_reset, ok, reset,
    rest, server, server_at, wait_until,
};

/// nginx with two servers: the legacy's files and the candidate's.
struct Sides {
    nginx: Nginx,
    legacy: SocketAddr,
    candidate: String,
}

const SAME: &[u8] = br#"{"id":1,"total":10.50,"lines":[1,2,3]}"#;

impl Sides {
    fn start() -> Sides {
        let (legacy, candidate) = (free_port(), free_port());
        let servers = format!(
            "gzip on; gzip_min_length 1; gzip_types *;
             server {{ listen 127.0.0.1:{legacy}; root FOLDER/legacy; }}
             server {{ listen 127.0.0.1:{candidate}; root FOLDER/candidate; access_log FOLDER/candidate.log asked; }}"
        );
        let large = format!("[{}1]", "12345678,".repeat(60_000));
        let files: [(&str, &[u8]); 6] = [
            ("legacy/same.json", SAME),
            ("candidate/same.json", SAME),
            ("legacy/other.json", br#"{"id":2,"total":10.50}"#),
            ("candidate/other.json", br#"{"id":2,"total":10.5000001}"#),
            ("legacy/large.json", large.as_bytes()),
            ("candidate/large.json", large.as_bytes()),
        ];
        let nginx = Nginx::start(legacy, &servers, &files);
        Sides { nginx, legacy: ([127, 0, 0, 1], legacy).into(), candidate: format!("http://127.0.0.1:{candidate}") }
    }

    /// What the candidate was asked.
    fn candidate_asked(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.nginx.path("candidate.log")).unwrap();
        text.lines().map(|line| line.trim_end().to_owned()).collect()
    }
}

#[test]
fn what_goes_through_is_compared_and_nothing_else_is_asked_of_anybody() {
    if !installed("what_goes_through_is_compared", "nginx") {
        return;
    }
    let sides = Sides::start();
    let tee = Tee::before(sides.legacy, &sides.candidate, &[]);
    let mut client = tee.connect();
    for _ in 0..5 {
        assert_eq!(ask(&mut client, "/same.json").1, SAME);
        assert_eq!(ask(&mut client, "/other.json").1.len(), 22);
        assert!(ask(&mut client, "/large.json").1.len() > 500_000);
    }
    write!(client, "POST /same.json HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{{}}").unwrap();
    assert!(answer(&mut client).0.starts_with("HTTP/1.1 405 "));
    write!(client, "GET /same.json HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n").unwrap();
    let zipped = rest(&mut client);
    assert!(zipped.windows(22).any(|w| w == b"Content-Encoding: gzip"), "{}", String::from_utf8_lossy(&zipped));
    drop(client);
    wait_until("all sixteen are asked", || sides.candidate_asked().len() >= 16);
    let report = tee.report();
    report.closes();
    let shadow = report.at("/snapshot/ledger/shadow");
    let figure = |name: &str| shadow[name].as_u64().unwrap();
    assert_eq!((figure("exchanges"), figure("sent"), figure("compared")), (17, 16, 16), "{shadow}");
    assert_eq!((figure("matched"), figure("mismatched")), (11, 5), "{shadow}");
    assert_eq!(shadow["skipped"], serde_json::json!({"unsafe-method": 1}));
    assert_eq!(report.at("/verdict"), "NO-GO");
    assert_eq!(report.ended.status.code(), Some(1));
    let schema = command().args(["schema", "report"]).output().unwrap();
    let schema = serde_json::from_slice(&schema.stdout).unwrap();
    let errors: Vec<String> = jsonschema::validator_for(&schema)
        .unwrap()
        .iter_errors(&report.json)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:?}");

    let asked = sides.candidate_asked();
    assert_eq!(asked.len(), 16, "each once: {asked:?}");
    assert!(asked.iter().all(|line| line.starts_with("GET ") && line.ends_with(" 1")), "marked, and safe: {asked:?}");
    let legacy = sides.nginx.asked();
    assert_eq!(legacy.len(), 17, "the clients' own: {legacy:?}");
    assert!(legacy.iter().all(|line| line.ends_with(" -")), "no shadow request came to the legacy: {legacy:?}");
}

/// A port that is used again is another connection, whatever was said over the one before and however that ended.
#[test]
fn a_port_that_is_used_again_hides_nothing() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let candidate = answering(move |head| {
        seen.lock().unwrap().push(head.lines().next().unwrap().to_owned());
        ok("{}")
    });
    let legacy = server(|mut stream| {
        let mut read = Vec::new();
        while let Some(head) = head(&mut stream, &mut read) {
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok());
            let missing: usize = length.unwrap_or(0) - read.len();
            let mut body = vec![0; missing];
            stream.read_exact(&mut body).unwrap();
            read.clear();
            stream.write_all(&if length.is_some() { ok("\"posted\"") } else { ok("{}") }).unwrap();
        }
    });
    let tee = Tee::before(legacy, &format!("http://{candidate}"), &[]);
    let port = free_port();
    for n in 0..40 {
        let mut client = connect_as(tee.address, Some(port), None);
        if n % 2 == 0 {
            // A long head, and broken off.
            let long = "x".repeat(100 * n);
            write!(client, "GET /real/{n} HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n").unwrap();
            assert_eq!(answer(&mut client).1, b"{}");
        } else {
            // A body in which a request stands where the stream before went on.
            let body = "GET /nobody-asked HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100);
            let length = body.len();
            write!(client, "POST /comment HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
            assert_eq!(answer(&mut client).1, b"\"posted\"");
        }
        reset(client);
    }
    let report = tee.report();
    report.closes();
    let connections = report.ledger("capture/tee/connections");
    assert_eq!((connections, report.ledger("wire/connections")), (40, 40));
    assert_eq!((report.ledger("wire/requests_paired"), report.ledger("wire/stream_bytes_repeated")), (40, 0));
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 20, "{asked:?}");
    assert!(asked.iter().all(|line| line.starts_with("GET /real/")), "{asked:?}");
}

/// The legacy refuses uploads and goes, and their clients go on sending: nothing of them is kept.
#[test]
fn what_is_broken_off_takes_no_room_from_what_comes_after() {
    let large = "z".repeat(100_000);
    let legacy = server(move |mut stream| {
        let mut read = Vec::new();
        while let Some(head) = head(&mut stream, &mut read) {
            if head.starts_with("POST") {
                let refused = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
                let _ = stream.write_all(refused);
                let _ = stream.shutdown(std::net::Shutdown::Write);
                std::thread::sleep(std::time::Duration::from_millis(20));
                return;
            }
            stream.write_all(&ok(&large)).unwrap();
        }
    });
    let tee = Tee::before(legacy, "http://127.0.0.1:9", &[]);
    for _ in 0..80 {
        let mut client = tee.connect();
        write!(client, "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 90000000\r\n\r\n").unwrap();
        for _ in 0..40 {
            if client.write_all(&[b'u'; 32 << 10]).is_err() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_micros(500));
        }
    }
    let mut client = tee.connect();
    for _ in 0..60 {
        assert_eq!(ask(&mut client, "/large").1.len(), 100_000);
    }
    drop(client);
    let report = tee.report();
    assert_eq!(report.gate("books")["state"], "pass");
    assert_eq!(report.at("/snapshot/ledger/wire/evicted"), &serde_json::json!({}), "no limit was reached");
    assert_eq!(report.ledger("shadow/exchanges"), 60);
}

/// Two witnesses of the same traffic: the tee, and a capture of what was between it and its clients.
#[test]
fn a_capture_beside_the_tee_tells_the_same() {
    let test = "a_capture_beside_the_tee_tells_the_same";
    if !installed(test, "tcpdump") {
        return;
    }
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: {test}: root is needed to capture");
        return;
    }
    let legacy = answering(|head| {
        let body = "x".repeat(head.len() * 37 % 5_000);
        if head.starts_with("GET /chunked") {
            let size = body.len();
            return format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{size:x}\r\n{body}\r\n0\r\n\r\n")
                .into();
        }
        ok(&format!("\"{body}\""))
    });
    let tee = Tee::before(legacy, "http://127.0.0.1:9", &[]);
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut dump = Command::new("tcpdump");
    dump.args(["-i", "lo", "-B", "65536", "-U", "--immediate-mode", "-Z", "root", "-w"]).arg(file.path());
    dump.arg(format!("tcp port {}", tee.address.port()));
    let dump = Running::start("tcpdump", dump);
    dump.wait_for_err("listening on");
    std::thread::scope(|scope| {
        for client in 0..6 {
            let address = tee.address;
            scope.spawn(move || {
                let mut stream = connect(address);
                for n in 0..50 {
                    ask(&mut stream, &format!("/plain/{client}/{}", "n".repeat(n)));
                }
                for n in 0..20 {
                    let target = format!("/chunked/{n}");
                    write!(stream, "GET {target} HTTP/1.1\r\nHost: shop.test\r\n\r\n").unwrap();
                    let mut read = Vec::new();
                    while !read.ends_with(b"\r\n0\r\n\r\n") {
                        let mut piece = [0; 4096];
                        let n = stream.read(&mut piece).unwrap();
                        read.extend_from_slice(&piece[..n]);
                    }
                }
            });
        }
    });
    let report = tee.report();
    report.closes();
    dump.signal("INT");
    let dumped = dump.wait(super::child::PATIENCE);
    assert!(dumped.err.contains("0 packets dropped by kernel"), "{}", dumped.err);
    let inspected = command().args(["inspect", "--output", "json"]).arg(file.path()).output().unwrap();
    let text = String::from_utf8(inspected.stdout).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let complete = lines.iter().filter(|line| line["complete"] == true).count() as u64;
    assert_eq!((complete, report.ledger("wire/requests_paired")), (420, 420));
    let wire = lines.iter().find_map(|line| line.pointer("/ledger/wire").or(line.get("wire"))).unwrap();
    for figure in ["connections", "stream_bytes", "stream_bytes_in_order", "requests", "answers", "answers_paired"] {
        assert_eq!(wire[figure].as_u64(), Some(report.ledger(&format!("wire/{figure}"))), "{figure}: {wire}");
    }
}

#[test]
fn latencies_and_clients_are_those_of_the_wire() {
    let legacy = answering(|_| {
        std::thread::sleep(std::time::Duration::from_millis(30));
        ok("{}")
    });
    let candidate = answering(|_| ok("{}"));
    let tee = Tee::before(legacy, &format!("http://{candidate}"), &[]);
    for _ in 0..20 {
        ask(&mut tee.connect(), "/orders");
    }
    let report = tee.report();
    report.closes();
    let latency = report.gate("latency");
    let reason = latency["reason"].as_str().unwrap();
    // "p95 is 1.2 ms for the candidate and 30.9 ms for the legacy": never less than the legacy really took.
    let legacy_ms = reason.split(" for the candidate and ").nth(1).and_then(|rest| rest.split(" ms").next());
    assert!(legacy_ms.unwrap().parse::<f64>().unwrap() >= 30.0, "{reason}");
    assert_eq!(report.ledger("capture/tee/connections"), 20);
}

#[test]
fn with_dry_run_requests_pass_and_the_candidate_hears_nothing() {
    let asked = Arc::new(Mutex::new(0));
    let count = Arc::clone(&asked);
    let candidate = answering(move |_| {
        *count.lock().unwrap() += 1;
        ok("{}")
    });
    let tee = Tee::before(answering(|_| ok("{}")), &format!("http://{candidate}"), &["--dry-run"]);
    let mut client = tee.connect();
    for n in 0..3 {
        assert_eq!(ask(&mut client, &format!("/orders/{n}")).1, b"{}");
    }
    drop(client);
    tee.running.signal("TERM");
    let ended = tee.running.wait(super::support::REPORTS);
    let list: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert!(list.to_string().contains("/orders"), "{list}");
    assert_eq!((*asked.lock().unwrap(), ended.status.code()), (0, Some(0)));
}

#[test]
fn the_legacy_of_the_policy_is_where_requests_go_and_is_asked_nothing_else() {
    let asked = Arc::new(Mutex::new(0));
    let count = Arc::clone(&asked);
    let legacy = answering(move |_| {
        *count.lock().unwrap() += 1;
        ok("{}")
    });
    let candidate = answering(|_| ok("{}"));
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.yaml");
    let text = format!("targets:\n  legacy: http://{legacy}\n  candidate: http://{candidate}\n");
    std::fs::write(&policy, text).unwrap();
    let mut command = command();
    command.args(["tee", "--listen", "127.0.0.1:0", "--policy"]).arg(&policy);
    let tee = Tee::of(command, &[]);
    let mut client = tee.connect();
    (0..4).for_each(|_| drop(ask(&mut client, "/")));
    drop(client);
    let report = tee.report();
    assert_eq!((*asked.lock().unwrap(), report.ledger("shadow/compared")), (4, 4));
}

#[test]
fn the_legacy_is_told_who_connected_where_it_wants_to_know() {
    if !installed("the_legacy_is_told_who_connected", "nginx") {
        return;
    }
    let port = free_port();
    let servers =
        format!("server {{ listen 127.0.0.1:{port} proxy_protocol; root FOLDER; access_log FOLDER/peers.log peer; }}");
    let nginx = Nginx::start(port, &servers, &[("a.json", b"{}")]);
    let candidate = answering(|_| ok("{}"));
    let tee = Tee::before(([127, 0, 0, 1], port).into(), &format!("http://{candidate}"), &["--proxy-protocol"]);
    let mut client = tee.connect();
    assert_eq!(ask(&mut client, "/a.json").1, b"{}");
    let ours = client.local_addr().unwrap();
    drop(client);
    let report = tee.report();
    report.closes();
    assert_eq!(std::fs::read_to_string(nginx.path("peers.log")).unwrap().trim(), ours.to_string());
    assert_eq!(report.ledger("shadow/compared"), 1, "the line is no part of the request");
    assert_eq!(report.ledger("wire/stream_bytes_not_http"), 0);
}

#[test]
fn one_socket_is_there_for_both_families() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        eprintln!("skipped: one_socket_is_there_for_both_families: there is no IPv6 here");
        return;
    }
    let legacy = answering(|_| ok("{}"));
    let candidate = format!("http://{}", answering(|_| ok("{}")));
    let tee = Tee::start("[::]:0", &format!("http://{legacy}"), &candidate, &[]);
    for address in ["127.0.0.1", "::1"] {
        let address: SocketAddr = (address.parse::<std::net::IpAddr>().unwrap(), tee.address.port()).into();
        assert_eq!(ask(&mut connect(address), "/").1, b"{}");
    }
    let report = tee.report();
    report.closes();
    assert_eq!(report.ledger("shadow/matched"), 2);
}

/// The command, for which these are the hosts. None, and a line, where that needs a right that is not there.
fn with_hosts(test: &str, hosts: &Path) -> Option<Command> {
    let bind = format!("mount --bind {} /etc/hosts && exec \"$0\" \"$@\"", hosts.display());
    let tried = Command::new("unshare").args(["-m", "sh", "-c", &bind, "true"]).output();
    if !tried.is_ok_and(|tried| tried.status.success()) {
        eprintln!("skipped: {test}: root is needed to have hosts of its own");
        return None;
    }
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", &bind, env!("CARGO_BIN_EXE_tapcompare")]).current_dir(std::env::temp_dir());
    Some(command)
}

/// Where a name leads is looked up again when nobody is where it led.
#[test]
fn a_legacy_that_has_moved_is_found() {
    let hosts = tempfile::NamedTempFile::new().unwrap();
    let write = |address: &str| std::fs::write(hosts.path(), format!("{address} legacy.test\n")).unwrap();
    write("127.0.0.3");
    let Some(mut command) = with_hosts("a_legacy_that_has_moved_is_found", hosts.path()) else { return };
    let legacy = format!("http://legacy.test:{}", answering(|_| ok("{}")).port());
    let candidate = format!("http://{}", answering(|_| ok("{}")));
    command.args(["tee", "--listen", "127.0.0.1:0", "--legacy", &legacy, "--candidate", &candidate]);
    let tee = Tee::of(command, &[]);
    assert!(is_reset(&mut tee.connect()), "nobody is at 127.0.0.3");
    write("127.0.0.1");
    wait_until("it is found", || {
        let mut client = tee.connect();
        let asked = client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").is_ok();
        let mut first = [0; 12];
        asked && client.read_exact(&mut first).is_ok() && first == *b"HTTP/1.1 200"
    });
    tee.report().closes();
}

/// A name with several addresses is that of several backends, and one of them may be down.
#[test]
fn the_addresses_of_a_name_have_their_turns() {
    let hosts = tempfile::NamedTempFile::new().unwrap();
    let three: String = ["127.0.0.2", "127.0.0.3", "127.0.0.4"].map(|at| format!("{at} legacy.test\n")).concat();
    std::fs::write(hosts.path(), three).unwrap();
    let Some(mut command) = with_hosts("the_addresses_of_a_name_have_their_turns", hosts.path()) else { return };
    let first = std::net::TcpListener::bind("127.0.0.2:0").unwrap();
    let port = first.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    for listener in [first, std::net::TcpListener::bind(("127.0.0.4", port)).unwrap()] {
        let (asked, at) = (Arc::clone(&asked), listener.local_addr().unwrap().ip().to_string());
        server_at(listener, move |mut stream| {
            let mut read = Vec::new();
            while head(&mut stream, &mut read).is_some() {
                asked.lock().unwrap().push(at.clone());
                stream.write_all(&ok("{}")).unwrap();
            }
        });
    }
    let legacy = format!("http://legacy.test:{port}");
    command.args(["tee", "--listen", "127.0.0.1:0", "--legacy", &legacy, "--candidate", "http://127.0.0.1:9"]);
    let tee = Tee::of(command, &[]);
    for _ in 0..12 {
        assert_eq!(ask(&mut tee.connect(), "/").1, b"{}", "one that is down costs nobody anything");
    }
    let report = tee.report();
    report.closes();
    let asked = asked.lock().unwrap();
    let of = |at: &str| asked.iter().filter(|asked| *asked == at).count();
    assert!(of("127.0.0.2") >= 4 && of("127.0.0.4") >= 4, "{asked:?}");
    assert_eq!((asked.len(), report.ledger("capture/tee/unreachable")), (12, 0));
}

#[test]
fn the_page_says_what_was_relayed_and_readiness_needs_no_traffic() {
    let legacy = answering(|_| ok("{}"));
    let candidate = format!("http://{}", answering(|_| ok("{}")));
    let port = free_port();
    let tee = Tee::before(legacy, &candidate, &["--serve", &format!("127.0.0.1:{port}")]);
    let served: SocketAddr = ([127, 0, 0, 1], port).into();
    // Kubernetes sends nothing to a pod that is not ready, so the first request must not be what makes it so.
    wait_until("ready without traffic", || {
        TcpStream::connect(served).is_ok() && get(served, "/readyz").starts_with("HTTP/1.1 200 ")
    });
    let mut client = tee.connect();
    (0..3).for_each(|_| drop(ask(&mut client, "/")));
    let relayed = r#"tapcompare_tee_relayed_bytes_total{from="clients"} 105"#;
    wait_until("the metrics have it", || get(served, "/metrics").contains(relayed));
    let page = get(served, "/");
    assert!(page.contains("client bytes") && page.contains("looked at"), "{page}");
    assert!(page.contains("bytes that went through, of 1 connection") && !page.contains("bytes of packets"), "{page}");
    assert!(!page.contains(">frames<"), "a tee has none");
    drop(client);
    tee.report().closes();
}

fn get(address: SocketAddr, target: &str) -> String {
    let mut stream = connect(address);
    write!(stream, "GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    String::from_utf8(rest(&mut stream)).unwrap()
}

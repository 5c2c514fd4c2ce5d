//! What cannot be read passes, is the service's own traffic, and keeps a run from GO that would be one without it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::child::run;
use super::support::{
    Nginx, Report, Tee, answer, answering, ask, connect, free_port, head, installed, ok, server, wait_until,
};

const SAME: &str = r#"{"id":1,"name":"a chair","total":10.50,"lines":[1,2,3]}"#;

/// Under it two hundred requests that match are enough, whatever else the machine does.
const POLICY: &str = "safety: {limits: {rate: 100000/s}}
gates:
  mismatch_rate: {below: 5%}
  candidate_errors: {below: 5%}
  latency: {quantile: p50, at_most: 100x}
  loss: {below: 0.1%}
  coverage: {requests_per_endpoint: 50}
";

/// A tee for which enough was compared, and its answers are the same.
struct Enough {
    tee: Tee,
    _policy: tempfile::NamedTempFile,
}

impl Enough {
    fn before(legacy: SocketAddr) -> Enough {
        let asked = Arc::new(AtomicU64::new(0));
        let counts = Arc::clone(&asked);
        let candidate = answering(move |_| {
            counts.fetch_add(1, Ordering::Relaxed);
            ok(SAME)
        });
        let policy = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
        std::fs::write(policy.path(), POLICY).unwrap();
        let tee = Tee::before(legacy, &format!("http://{candidate}"), &["--policy", policy.path().to_str().unwrap()]);
        let mut client = tee.connect();
        for n in 1..=200 {
            assert_eq!(ask(&mut client, "/same").1, SAME.as_bytes());
            // One after the other, so that nothing is held back.
            wait_until("the candidate is asked", || asked.load(Ordering::Relaxed) >= n);
        }
        Enough { tee, _policy: policy }
    }

    /// What it reports; that nothing is wrong beside what could not be read.
    fn report(self) -> Report {
        let report = self.tee.report();
        report.closes();
        assert_eq!((report.ledger("shadow/matched"), report.ledger("shadow/exchanges")), (200, 200));
        for gate in report.at("/gates").as_array().unwrap() {
            assert!(gate["gate"] == "loss" || gate["state"] == "pass", "{gate}");
        }
        report
    }
}

/// Not GO, with the figure and a way out.
fn is_open(report: &Report) {
    let loss = report.gate("loss");
    assert_eq!((report.at("/verdict"), &loss["state"]), (&"INCONCLUSIVE".into(), &"not-enough".into()), "{loss}");
    assert_eq!(report.ended.status.code(), Some(3));
    let [reason, remedy] = ["reason", "remedy"].map(|of| loss[of].as_str().unwrap());
    assert!(reason.contains("0 of 200 exchanges lost") && reason.contains("% of the "), "{reason}");
    assert!(reason.contains("are no HTTP/1 (TLS, HTTP/2, another protocol)"), "{reason}");
    assert!(remedy.contains("the tee behind what ends TLS"), "{remedy}");
}

/// A server that answers HTTP and gives to `other` what does not begin like it.
fn two_faced(other: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    server(move |mut stream| {
        let mut first = [0; 3];
        if !stream.peek(&mut first).is_ok_and(|n| n == first.len()) || first != *b"GET" {
            return other(stream);
        }
        let mut read = Vec::new();
        while let Some(head) = head(&mut stream, &mut read) {
            if head.contains("Upgrade: echo") {
                let switches = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n";
                stream.write_all(switches).unwrap();
                return echo(stream);
            }
            // A legacy that takes its time: a multiple of next to nothing would be this machine's affair.
            std::thread::sleep(std::time::Duration::from_millis(2));
            stream.write_all(&ok(SAME)).unwrap();
        }
    })
}

fn echo(mut stream: TcpStream) {
    let mut piece = [0; 4096];
    while let Ok(n @ 1..) = stream.read(&mut piece) {
        if stream.write_all(&piece[..n]).is_err() {
            return;
        }
    }
}

/// Passes both ways until both sides have ended.
fn join(client: TcpStream, server: TcpStream) {
    let pass = |mut from: &TcpStream, mut to: &TcpStream| {
        // A side that has gone is the end of it.
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Write);
    };
    std::thread::scope(|scope| {
        scope.spawn(|| pass(&client, &server));
        pass(&server, &client);
    });
}

/// nginx that answers by TLS.
fn tls() -> (Nginx, SocketAddr, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let (key, certificate) = (folder.path().join("key"), folder.path().join("certificate"));
    let mut make = Command::new("openssl");
    make.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]);
    make.args(["-subj", "/CN=shop.test", "-keyout"]).arg(&key).arg("-out").arg(&certificate);
    run(make);
    let port = free_port();
    let (key, certificate) = (key.display(), certificate.display());
    let servers = format!(
        "server {{ listen 127.0.0.1:{port} ssl; root FOLDER; ssl_certificate {certificate}; ssl_certificate_key {key}; }}"
    );
    (Nginx::start(port, &servers, &[("a.json", SAME.as_bytes())]), ([127, 0, 0, 1], port).into(), folder)
}

fn ask_by_tls(address: SocketAddr) {
    let mut ask = Command::new("openssl");
    ask.args(["s_client", "-quiet", "-connect", &address.to_string()]);
    ask.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut asking = ask.spawn().unwrap();
    asking.stdin.as_mut().unwrap().write_all(b"GET /a.json HTTP/1.0\r\n\r\n").unwrap();
    let mut text = String::new();
    asking.stdout.as_mut().unwrap().read_to_string(&mut text).unwrap();
    asking.wait().unwrap();
    assert!(text.contains(SAME), "{text}");
}

#[test]
fn tls_passes_and_is_counted_as_what_cannot_be_read() {
    if !installed("tls_passes", "nginx") || !installed("tls_passes", "openssl") {
        return;
    }
    let (_nginx, address, _folder) = tls();
    let tee = Tee::before(address, "http://127.0.0.1:9", &[]);
    ask_by_tls(tee.address);
    let report = tee.report();
    report.closes();
    assert_eq!(report.ledger("wire/requests"), 0);
    let bytes = report.ledger("wire/stream_bytes_not_http");
    assert!(bytes > 500, "{}", report.json["snapshot"]["ledger"]["wire"]);
    assert_eq!((bytes, 0), (report.ledger("wire/stream_bytes"), report.ledger("wire/stream_bytes_tunnelled")));
    assert_eq!(report.at("/verdict"), "INCONCLUSIVE", "what cannot be read proves nothing");
    let loss = report.gate("loss");
    assert!(loss["reason"].as_str().unwrap().contains("; 100% of the "), "{loss}");
    assert!(loss["remedy"].as_str().unwrap().contains("without TLS"), "{loss}");
}

#[test]
fn a_little_tls_among_enough_matches_keeps_the_run_from_go() {
    let test = "a_little_tls_among_enough_matches";
    if !installed(test, "nginx") || !installed(test, "openssl") {
        return;
    }
    let (_nginx, address, _folder) = tls();
    let enough = Enough::before(two_faced(move |client| join(client, connect(address))));
    ask_by_tls(enough.tee.address);
    is_open(&enough.report());
}

#[test]
fn http_2_with_prior_knowledge_among_enough_matches_is_told_like_tls() {
    let enough = Enough::before(two_faced(echo));
    let mut client = enough.tee.connect();
    // The preface (RFC 9113, section 3.4), settings, and a request whose fields are as of HPACK: GET / at shop.test.
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let asks = b"\0\0\x0e\x01\x05\0\0\0\x01\x82\x84\x86\x41\x09shop.test";
    for _ in 0..3 {
        for sent in [&preface[..], &asks[..]] {
            client.write_all(sent).unwrap();
            let mut back = vec![0; sent.len()];
            client.read_exact(&mut back).unwrap();
            assert_eq!(back, sent);
        }
    }
    drop(client);
    let report = enough.report();
    let sent = 3 * 2 * (preface.len() + asks.len()) as u64;
    assert_eq!((report.ledger("wire/requests"), report.ledger("wire/stream_bytes_not_http")), (200, sent));
    is_open(&report);
}

#[test]
fn a_service_with_websockets_is_go_with_a_remark() {
    let enough = Enough::before(two_faced(|_| ()));
    let mut client = enough.tee.connect();
    client.write_all(b"GET /same HTTP/1.1\r\nHost: a\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n").unwrap();
    assert!(answer(&mut client).0.starts_with("HTTP/1.1 101 "));
    let words = vec![0x81; 100_000];
    client.write_all(&words[..1000]).unwrap();
    let mut back = vec![0; 1000];
    client.read_exact(&mut back).unwrap();
    let mut sending = client.try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| sending.write_all(&words).unwrap());
        client.read_exact(&mut vec![0; 100_000]).unwrap();
    });
    drop((client, sending));
    let report = enough.tee.report();
    report.closes();
    let wire =
        ["tunnels", "stream_bytes_tunnelled", "stream_bytes_not_http"].map(|of| report.ledger(&format!("wire/{of}")));
    assert_eq!(wire, [1, 202_000, 202_000]);
    assert_eq!((report.at("/verdict"), report.ended.status.code()), (&"GO".into(), Some(0)), "{}", report.at("/gates"));
    let remark = report.at("/remarks/0").as_str().unwrap();
    assert!(remark.contains("belong to 1 connection that changed to another protocol"), "{remark}");
}

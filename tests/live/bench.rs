//! The bench itself: what the other tests rely on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use super::child::{PATIENCE, Running};
use super::net::{CANDIDATE, CLIENT, LEGACY, NOBODY, Net, Place, TAPS_MAC};
use super::servers::{BODIES, Candidate, Nginx, shop_legacy, shoppers};
use super::witness::Witness;
use super::wrk::wrk;
use super::{parts, proc};

/// `GET`, and `HTTP`, at the beginning of a segment.
const A_REQUEST: &str = "dst host 10.77.0.2 and tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420";
const AN_ANSWER: &str = "src host 10.77.0.2 and tcp[((tcp[12] & 0xf0) >> 2):4] = 0x48545450";

/// A request of bash's own.
fn get(net: &Net, from: Place, address: &str, port: u16, path: &str) -> String {
    let ask = format!("printf 'GET {path} HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n' >&3");
    net.sh(from, &format!("exec 3<>/dev/tcp/{address}/{port}; {ask}; timeout 2 cat <&3 || true"))
}

#[test]
fn the_tap_sees_both_directions_of_what_the_switch_carries() {
    let Some(net) = Net::new() else { return };
    let nginx = Nginx::start(&net, Place::Legacy, 80);
    let (tap, candidate) = (Witness::start(&net, Place::Tap, "eth0"), Witness::start(&net, Place::Candidate, "eth0"));
    assert_eq!(net.packet_sockets(Place::Tap), 1);
    for _ in 0..3 {
        assert!(get(&net, Place::Client, LEGACY, 80, "/small").starts_with("HTTP/1.1 200 OK"));
    }
    assert!(get(&net, Place::Tap, LEGACY, 80, "/small").starts_with("HTTP/1.1 200 OK"), "the tap could do harm");
    assert_eq!(net.packet_sockets(Place::Tap), 1);
    let (tap, candidate) = (tap.stop(), candidate.stop());
    assert_eq!((tap.count(A_REQUEST), tap.count(AN_ANSWER)), (4, 4));
    assert_eq!(tap.count(&format!("({A_REQUEST}) and ether src {TAPS_MAC}")), 1, "and the witness would tell");
    assert_eq!(tap.count("not tcp"), 0, "nothing is on the wire but what the test made");
    assert_eq!(candidate.count(""), 0, "the candidate's port is no mirror port");
    assert_eq!(nginx.requests(0), 4);
}

#[test]
fn nothing_is_left_of_a_network_not_even_after_a_panic() {
    let (mut pids, mut folder) = (Vec::new(), None);
    let mut names = Vec::new();
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let net = Net::new()?;
        let candidate = Candidate::start(&net, "shop:none");
        let mut sleep = net.command(Place::Switch, "sleep");
        sleep.arg("600");
        let sleep = Running::start("sleep", sleep);
        pids = vec![candidate.pid(), sleep.pid()];
        folder = Some(net.folder().to_owned());
        names = [Place::Client, Place::Legacy, Place::Candidate, Place::Tap, Place::Switch]
            .map(|place| net.namespace(place))
            .to_vec();
        assert!(net.namespaces().len() >= 5 && names.iter().all(|name| net.namespaces().contains(name)));
        // Past the panic's hook: this one is meant.
        std::panic::resume_unwind(Box::new("as a failing test does"));
        #[allow(unreachable_code)]
        Some(())
    }));
    if ended.is_ok() {
        return; // Skipped, and said so.
    }
    assert_eq!(pids.len(), 2);
    assert!(pids.iter().all(|pid| !Path::new(&format!("/proc/{pid}")).exists()), "{pids:?}");
    assert!(!folder.unwrap().exists());
    let left: Vec<_> = std::fs::read_dir("/run/netns").into_iter().flatten().flatten().map(|e| e.file_name()).collect();
    assert!(names.iter().all(|name| !left.contains(&name.into())), "{left:?}");
}

#[test]
fn the_candidate_does_as_it_is_told_and_writes_down_what_it_is_asked() {
    let Some(net) = Net::new() else { return };
    let _backend = Nginx::start(&net, Place::Candidate, 80);
    let mut candidate = Candidate::start(&net, "127.0.0.1:80");
    let ask = |path: &str| get(&net, Place::Tap, CANDIDATE, 8080, path);
    assert!(ask("/small").ends_with("0123456789abcdef01234567"));
    candidate.be("status 401");
    assert!(ask("/401").starts_with("HTTP/1.1 401 "));
    candidate.be("garbage");
    assert!(ask("/garbage").starts_with('\x16'));
    candidate.be("hang");
    assert_eq!(ask("/hang"), "");
    candidate.be("slow 500");
    let begun = std::time::Instant::now();
    assert!(ask("/4k").starts_with("HTTP/1.1 200 OK"));
    assert!(begun.elapsed() >= Duration::from_millis(500));
    candidate.be("dead");
    assert_eq!(
        net.sh(Place::Tap, &format!("(exec 3<>/dev/tcp/{CANDIDATE}/8080) 2>/dev/null || echo refused")),
        "refused\n"
    );
    candidate.be("ok");
    assert!(ask("/64k").starts_with("HTTP/1.1 200 OK"));
    let asked = candidate.asked();
    let targets: Vec<&str> = asked.iter().map(|asked| &asked.target[..]).collect();
    assert_eq!(targets, ["/small", "/401", "/garbage", "/hang", "/4k", "/64k"]);
    assert!(asked.iter().all(|asked| asked.method == "GET" && asked.header("HOST") == Some("a")));
}

#[test]
fn the_shop_is_visited_over_the_switch() {
    let Some(net) = Net::new() else { return };
    let _shop = shop_legacy(&net, &format!("{LEGACY}:80"));
    let tap = Witness::start(&net, Place::Tap, "eth0");
    shoppers(&net, &format!("{LEGACY}:80"), 300);
    let tap = tap.stop();
    let seen = tap.count(AN_ANSWER);
    assert_eq!(seen, 300);
}

#[test]
fn wrk_and_nginx_count_the_same() {
    let Some(net) = Net::new() else { return };
    let nginx = Nginx::start(&net, Place::Legacy, 80);
    let mut before = 0;
    for (asked, (path, size)) in BODIES.into_iter().enumerate() {
        let load = wrk(&net, Place::Client, 8, Duration::from_secs(1), &format!("http://{LEGACY}{path}"));
        assert_eq!(load.errors(), 0, "{load:?}");
        let served = nginx.requests(asked as u64) - before;
        assert!((load.requests..=load.requests + 8).contains(&served), "{size}: nginx {served}, {load:?}");
        assert!(load.requests > 100 && load.p50 > Duration::ZERO && load.p99 >= load.p50, "{load:?}");
        before += served;
    }
}

#[test]
fn a_known_number_of_frames_arrives_and_a_stopped_process_is_one_that_reads_nothing() {
    let Some(net) = Net::new() else { return };
    let before = net.frames(Place::Tap, "eth0");
    let (from, to) = (format!("{CLIENT}:9000"), format!("{NOBODY}:9"));
    let sender =
        Running::start("the sender", parts::command(&net, Place::Client, "send", &[&from, &to, "20000", "100"]));
    let ended = sender.wait(PATIENCE);
    assert!(ended.status.success() && ended.out.contains("sent 20000"), "{ended:?}");
    let after = net.frames(Place::Tap, "eth0");
    assert_eq!((after.0 - before.0, after.1 - before.1), (20_000, 0));
}

#[test]
fn hostile_flows_reach_the_tap() {
    let Some(net) = Net::new() else { return };
    let tap = Witness::start(&net, Place::Tap, "eth0");
    let sender = Running::start("the hostile", parts::command(&net, Place::Client, "hostile", &["eth0", "50"]));
    let ended = sender.wait(PATIENCE);
    assert!(ended.status.success(), "{ended:?}");
    let tap = tap.stop();
    assert!(ended.out.contains(&format!("sent {}\n", tap.count(""))), "{ended:?}, {} seen", tap.count(""));
    assert_eq!(tap.count("tcp[tcpflags] = tcp-syn"), 40, "all but the fragments open a connection");
    assert_eq!(tap.count("ip[6] & 0x20 != 0"), 10 * 24, "fragments");
}

#[test]
fn the_kernel_tells_of_a_process() {
    let Some(net) = Net::new() else { return };
    let mut command = net.command(Place::Tap, "bash");
    command.args(["-c", "exec 7</dev/null; a=$(head -c 30000000 /dev/zero | tr '\\0' x); while :; do :; done"]);
    let mut running = Running::start("a busy shell", command);
    let (pid, watcher) = (running.pid(), proc::Watcher::start(running.pid()));
    running.wait_until("the shell has worked", || {
        proc::processor(pid).get("bash").is_some_and(|time| *time > Duration::from_millis(300))
            && watcher.most() > 30_000_000
    });
    let memory = proc::memory(pid).unwrap();
    assert!(memory.peak >= memory.resident && memory.resident >= memory.own, "{memory:?}");
    let listed = net.sh(Place::Tap, &format!("ls /proc/{pid}/fd | wc -l")).trim().parse().unwrap();
    assert!(proc::descriptors(pid) == Some(listed) && listed >= 4, "{listed}");
    drop(running);
    assert_eq!((proc::memory(pid), proc::descriptors(pid)), (None, None));
}

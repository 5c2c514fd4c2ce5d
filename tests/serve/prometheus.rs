//! A real Prometheus beside a live run: it takes the figures, and a query gives back the ledger's; the dashboard and the
//! alert rules that ship are understood by it. Where there is none, each test says `skipped:` and passes.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::{PATIENCE, Serving, ask, inline, live, wait_for};

/// What the names of a tee's figures begin with.
const OF_A_TEE: &str = "tapcompare_tee_";

const DEPLOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy");

fn installed(test: &str) -> bool {
    let there = |program: &str| Command::new(program).arg("--version").output().is_ok_and(|done| done.status.success());
    let all = there("prometheus") && there("promtool");
    if !all {
        let line = format!("skipped: {test}: there is no prometheus here; scripts/setup.sh test installs it\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    all
}

fn promtool(arguments: &[&str], input: &[u8]) -> String {
    let mut command = Command::new("promtool");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let done = child.wait_with_output().unwrap();
    let said = [done.stdout, done.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(done.status.success(), "promtool {arguments:?}: {said}");
    said
}

/// A Prometheus that takes figures every three seconds. It is killed when this is dropped.
struct Prometheus {
    child: Child,
    address: SocketAddr,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    fn start(folder: &Path, target: SocketAddr, more: &[&str]) -> Prometheus {
        let folder = folder.join(format!("prometheus{}", more.len()));
        fs::create_dir(&folder).unwrap();
        let config = format!(
            "global: {{scrape_interval: 3s, evaluation_interval: 1s}}\n\
             rule_files: ['{DEPLOY}/prometheus/tapcompare.rules.yaml']\n\
             scrape_configs: [{{job_name: tapcompare, static_configs: [{{targets: ['{target}']}}]}}]\n"
        );
        fs::write(folder.join("prometheus.yml"), config).unwrap();
        // Free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(more);
        let log = fs::File::create(folder.join("log")).unwrap();
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let prometheus = Prometheus { child, address };
        wait_for("prometheus", || {
            let up = std::net::TcpStream::connect(address).is_ok();
            (up && ask(address, "GET", "/-/ready", &[]).status == 200).then_some(())
        });
        prometheus
    }

    /// What an instant query gives: labels and figures.
    fn query(&self, expression: &str) -> Vec<(Value, String)> {
        let encoded: String = expression.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let reply = ask(self.address, "GET", &format!("/api/v1/query?query={encoded}"), &[]);
        let text = reply.text();
        // It may come in chunks.
        let json = &text[text.find('{').unwrap()..=text.rfind('}').unwrap()];
        let said: Value = serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(said["status"], "success", "{expression}: {said}");
        let result = said["data"]["result"].as_array().unwrap();
        let one =
            |sample: &Value| (sample["metric"].clone(), sample["value"][1].as_str().unwrap_or_default().to_owned());
        result.iter().map(one).collect()
    }

    /// The one figure of a query, as soon as it is `wanted`.
    fn comes_to(&self, expression: &str, wanted: &Value) {
        wait_for(&format!("{expression} to be {wanted}"), || {
            let found = self.query(expression);
            let [(_, figure)] = found.as_slice() else { return None };
            (figure.parse::<f64>().ok() == wanted.as_f64()).then_some(())
        });
    }
}

#[test]
fn prometheus_takes_the_figures_of_a_live_run_and_gives_back_the_ledgers() {
    if !installed("prometheus_takes_the_figures") {
        return;
    }
    let mut live = live();
    let all = live.all_frames();
    let prometheus = Prometheus::start(live.folder.path(), live.serving.address, &[]);
    live.mirror(all / 2);
    promtool(&["check", "metrics"], &live.serving.get("/metrics").body);
    live.mirror(all);
    live.settled(all);

    let report = live.serving.json("/api/v1/report");
    let ledger = &report["snapshot"]["ledger"];
    let shadow = &ledger["shadow"];
    for (expression, figure) in [
        ("sum(tapcompare_exchanges_total)", &shadow["exchanges"]),
        ("tapcompare_exchanges_total{outcome=\"matched\"}", &shadow["matched"]),
        ("tapcompare_exchanges_total{outcome=\"mismatched\"}", &shadow["mismatched"]),
        (
            "tapcompare_exchanges_total{outcome=\"skipped\",reason=\"unsafe-method\"}",
            &shadow["skipped"]["unsafe-method"],
        ),
        ("tapcompare_shadow_requests_total", &shadow["sent"]),
        ("sum(tapcompare_endpoint_exchanges_total)", &shadow["exchanges"]),
        ("sum(tapcompare_frames_total)", &ledger["wire"]["frames"]),
        ("sum(tapcompare_requests_total)", &ledger["wire"]["requests"]),
        ("sum(tapcompare_old_path_requests_total)", &ledger["wire"]["requests"]),
        ("tapcompare_latency_seconds_count{side=\"candidate\"}", &report["snapshot"]["latency"]["candidate"]["count"]),
        (
            "tapcompare_latency_seconds_bucket{side=\"legacy\",le=\"+Inf\"}",
            &report["snapshot"]["latency"]["legacy"]["count"],
        ),
        ("tapcompare_mismatch_ratio", &report["gates"][0]["figure"]),
        ("sum(tapcompare_verdict)", &1.into()),
        ("max(tapcompare_route_share)", &0.into()),
        ("up", &1.into()),
    ] {
        assert!(figure.is_number(), "{expression}: {figure}");
        prometheus.comes_to(expression, figure);
    }
    let verdict = prometheus.query("tapcompare_verdict == 1");
    assert_eq!(verdict[0].0["verdict"], report["verdict"]);
    every_panel_has_data(&prometheus, |expression| !expression.contains(OF_A_TEE));
    // The rules are evaluated by it, and those that must not fire in this run do not.
    let firing = prometheus.query(
        "ALERTS{alertstate=\"firing\",alertname=~\"TapcompareDown|TapcompareBooksOpen|TapcompareRunFileNotWritten\"}",
    );
    assert!(firing.is_empty(), "{firing:?}");
    wait_for("a rule that holds", || {
        (!prometheus.query("ALERTS{alertname=\"TapcompareNoGo\"}").is_empty()).then_some(())
    });
}

/// Every panel of the dashboard whose expressions are wanted.
fn every_panel_has_data(prometheus: &Prometheus, wanted: impl Fn(&str) -> bool) {
    let dashboard: Value =
        serde_json::from_str(&fs::read_to_string(format!("{DEPLOY}/grafana/tapcompare.json")).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.len() > 15);
    let mut ids: Vec<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    ids.dedup();
    assert_eq!(ids.len(), panels.len());
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let expressions = targets.map(|target| target["expr"].as_str().unwrap()).filter(|expression| wanted(expression));
    let mut looked_at = 0;
    for expression in expressions {
        looked_at += 1;
        // As Grafana fills them in.
        let filled = expression.replace("$instance", ".*").replace("$__rate_interval", "1m");
        assert!(!filled.contains('$'), "{expression}");
        // A rate needs two looks.
        wait_for(&format!("data for {expression}"), || (!prometheus.query(&filled).is_empty()).then_some(()));
    }
    assert!(looked_at > 3, "{looked_at}");
}

#[test]
fn prometheus_takes_the_figures_of_a_tee_and_gives_back_the_ledgers() {
    if !installed("prometheus_takes_the_figures_of_a_tee") {
        return;
    }
    let inline = inline();
    let prometheus = Prometheus::start(inline.folder.path(), inline.serving.address, &[]);
    let open = TcpStream::connect(inline.through).unwrap();
    for _ in 0..8 {
        assert_eq!(ask(inline.through, "GET", "/products/TEE-1000", &[("Host", "shop")]).status, 200);
    }
    inline.serving.compared(8.0);
    promtool(&["check", "metrics"], &inline.serving.get("/metrics").body);
    let books = inline.serving.json("/api/v1/report")["snapshot"]["ledger"]["capture"]["tee"].take();
    assert_eq!(books["connections"], 9, "{books}");
    for (expression, figure) in [
        ("tapcompare_tee_connections_total", &books["connections"]),
        ("tapcompare_tee_relayed_bytes_total{from=\"clients\"}", &books["from_clients"]["relayed"]),
        ("tapcompare_tee_relayed_bytes_total{from=\"legacy\"}", &books["from_legacy"]["relayed"]),
        ("sum(tapcompare_tee_shed_bytes_total)", &0.into()),
        ("sum(tapcompare_tee_failed_connections_total)", &0.into()),
        ("tapcompare_tee_open_connections", &1.into()),
        ("tapcompare_capture_up", &1.into()),
    ] {
        assert!(figure.is_number(), "{expression}: {figure}");
        prometheus.comes_to(expression, figure);
    }
    every_panel_has_data(&prometheus, |expression| expression.contains(OF_A_TEE));
    drop(open);
    prometheus.comes_to("tapcompare_tee_open_connections", &0.into());
    // The rules that are about users are silent, until there is nobody for them.
    let firing = prometheus.query("ALERTS{alertname=~\"TapcompareTee.*\"}");
    assert!(firing.is_empty(), "{firing:?}");
    inline.legacy_goes();
    let reset = TcpStream::connect(inline.through).unwrap();
    reset.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(reset.peek(&mut [0]).is_err(), "nobody answers in the legacy's name");
    let alert = "ALERTS{alertname=\"TapcompareTeeLegacyUnreachable\"}";
    wait_for(alert, || {
        // One after the other, so that there is an increase between two looks, too.
        let _ = TcpStream::connect(inline.through);
        (!prometheus.query(alert).is_empty()).then_some(())
    });
}

#[test]
fn a_prometheus_that_takes_native_histograms_gets_them() {
    if !installed("a_prometheus_that_takes_native_histograms") {
        return;
    }
    let mut live = live();
    let all = live.all_frames();
    let prometheus =
        Prometheus::start(live.folder.path(), live.serving.address, &["--enable-feature=native-histograms"]);
    live.mirror(all);
    live.settled(all);
    let report = live.serving.json("/api/v1/report");
    for side in ["legacy", "candidate"] {
        let latency = &report["snapshot"]["latency"][side];
        prometheus
            .comes_to(&format!("histogram_count(tapcompare_latency_seconds{{side=\"{side}\"}})"), &latency["count"]);
        let quantile =
            prometheus.query(&format!("histogram_quantile(0.95, tapcompare_latency_seconds{{side=\"{side}\"}})"));
        let (found, exact) = (quantile[0].1.parse::<f64>().unwrap(), latency["p95_us"].as_f64().unwrap() / 1e6);
        // A bucket is 9 % wide.
        assert!((found / exact - 1.0).abs() < 0.1, "{side}: {found} {exact}");
    }
}

#[test]
fn the_alert_rules_fire_where_they_should() {
    if !installed("the_alert_rules") {
        return;
    }
    promtool(&["check", "rules", &format!("{DEPLOY}/prometheus/tapcompare.rules.yaml")], b"");
    promtool(&["test", "rules", &format!("{DEPLOY}/prometheus/tapcompare.rules.test.yaml")], b"");
}

#[test]
fn rules_and_dashboard_name_only_figures_that_there_are() {
    let (live, inline) = (live(), inline());
    let figures = |serving: &Serving| {
        wait_for("the first view", || (serving.get("/readyz").status == 200).then_some(()));
        serving.get("/metrics").text()
    };
    let text = figures(&live.serving) + &figures(&inline.serving);
    let source = |file: &str| fs::read_to_string(format!("{DEPLOY}/{file}")).unwrap();
    let used = source("prometheus/tapcompare.rules.yaml") + &source("grafana/tapcompare.json");
    let name = regex::Regex::new(r"tapcompare_[a-z_]+").unwrap();
    // Those that are there only where something was compared.
    let later = ["tapcompare_mismatch_ratio", "tapcompare_shadow_mismatch_ratio", "tapcompare_gate_"];
    let later = |name: &str| later.iter().any(|prefix| name.starts_with(prefix));
    let by_endpoint = |name: &str| name.starts_with("tapcompare_endpoint_") || name.ends_with("_route_share");
    let mut known = 0;
    for found in name.find_iter(&used).map(|found| found.as_str()) {
        let there = text.lines().any(|line| line.strip_prefix(found).is_some_and(|rest| rest.starts_with(['{', ' '])));
        known += usize::from(there);
        assert!(
            there || later(found) || by_endpoint(found) || found == "tapcompare_old_path_requests_total",
            "{found}"
        );
    }
    assert!(known > 30, "{known}");
}

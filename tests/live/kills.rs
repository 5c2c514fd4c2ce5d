//! `watch --run FILE` killed at any instant, while there is traffic: the file opens, and its books close.
//!
//! `TAPCOMPARE_KILLS=100` is the long way.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tapcompare::store::{self, StoreError};

use super::child::Running;
use super::net::{LEGACY, Net, Place};
use super::servers::{Candidate, Nginx, PACED};
use super::watch::Watch;
use super::wrk::load_until_dropped;

/// As many run at once, each with a file of its own: instants cost time.
const AT_ONCE: usize = 4;
/// Instants at which a run is killed, after it has begun to listen. Something is written once a second.
const INSTANTS_MS: u64 = 2_500;

/// A good share goes out and is compared, and some of it differs.
const POLICY: &str = "safety: {limits: {rate: 200/s, in_flight: 8}}";

fn kills() -> usize {
    std::env::var("TAPCOMPARE_KILLS").ok().map_or(20, |text| text.parse().unwrap())
}

#[test]
fn killed_at_any_instant_the_run_file_opens_and_its_books_close() {
    let Some(net) = Net::new() else { return };
    let _nginx = Nginx::start(&net, Place::Legacy, 80);
    let candidate = Candidate::start(&net, "shop:none");
    let folder = net.folder_for_all();
    let _load = load_until_dropped(&net, 4, &format!("http://{LEGACY}{PACED}/small"));
    let mut seed = u64::from(std::process::id());
    let mut seen = Seen::default();
    for round in 0..kills().div_ceil(AT_ONCE) {
        let mut runs = Vec::new();
        for number in 0..AT_ONCE {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Two rounds in one file: what is killed and begun again goes on in it.
            let file = folder.join(format!("run-{}-{number}", round / 2));
            let flags = ["--run", file.to_str().unwrap(), "-B", "8192"];
            let watch = Watch::start(&net, (Place::Tap, "eth0"), &candidate.url(), POLICY, &flags);
            // One of each round in every part of the time, so that some are always killed before the first write and
            // some after the second.
            let part = INSTANTS_MS / AT_ONCE as u64;
            runs.push((part * number as u64 + (seed >> 33) % part, file, watch));
        }
        let begun = std::time::Instant::now();
        for (instant, file, watch) in runs {
            std::thread::sleep(Duration::from_millis(instant).saturating_sub(begun.elapsed()));
            watch.signal("KILL");
            drop(watch);
            seen.judge(&file);
        }
    }
    eprintln!("{seen:?}");
    assert!(seen.with_evidence >= kills() / AT_ONCE && seen.continued > 0, "{seen:?}");
}

/// What the files held.
#[derive(Debug, Default)]
struct Seen {
    /// Killed before there was a file, or a stretch in it.
    empty: usize,
    with_evidence: usize,
    continued: usize,
    interrupted: u64,
    compared: u64,
}

impl Seen {
    fn judge(&mut self, file: &Path) {
        let stretches = match store::read(&[file.to_owned()]) {
            Ok(stretches) => stretches.len(),
            Err(StoreError::Empty { .. } | StoreError::System { .. }) => {
                self.empty += 1;
                return;
            }
            Err(error) => panic!("{}: {error}", file.display()),
        };
        self.continued += usize::from(stretches > 1);
        for wanted in 1..=stretches {
            let one = store::only(store::read(&[file.to_owned()]).unwrap(), wanted).unwrap();
            assert_eq!(one.snapshot.ledger.open_accounts(), [], "stretch {wanted}: {:#?}", one.snapshot.ledger);
        }
        let run = store::load(&[file.to_owned()]).unwrap();
        let ledger = &run.snapshot.ledger;
        assert_eq!(ledger.open_accounts(), [], "{ledger:#?}");
        let shadow = ledger.shadow.clone().unwrap_or_default();
        assert_eq!(shadow.exchanges, ledger.wire.requests_paired, "{ledger:#?}");
        self.with_evidence += usize::from(shadow.exchanges > 0);
        self.interrupted += shadow.interrupted;
        self.compared += shadow.compared;
        judged(file);
    }
}

/// The command agrees: it reads the file, says nothing of open books, and gives a verdict.
fn judged(file: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tapcompare"));
    command.args(["judge", "--output", "json"]).arg(file);
    let ended = Running::start("tapcompare judge", command).wait(super::child::PATIENCE);
    assert!(matches!(ended.status.code(), Some(0 | 1 | 3)), "{ended:?}");
    let report: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    let books = report["gates"].as_array().unwrap().iter().find(|gate| gate["gate"] == "books").unwrap();
    assert_eq!(books["state"], "pass", "{books:#}");
}

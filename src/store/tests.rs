use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;
use rusqlite::Connection;

use super::*;
use crate::exchange::{Endpoint, Location, RuleAnswer, RuleNote, RunFacts, Segment, Skip, Timestamp};
use crate::ledger::{CaptureBooks, Ledger, WireBooks};
use crate::tally::invented::{Invented, any_invented, endpoint, tally_of};
use crate::tally::{MAX_GROUPS, Snapshot, Tally};

const MINUTE: i64 = 60_000_000_000;

fn facts() -> StretchFacts {
    let note = RuleNote {
        id: Arc::from("volatile"),
        owner: "checkout-team".into(),
        reason: "each answer has its own".into(),
        expires: "2027-01-31".into(),
        expired: false,
        answer: RuleAnswer::Accept,
        at: "header date".into(),
        source: "rules/a.yaml:3".into(),
        max_rate: Some(0.1),
    };
    StretchFacts {
        facts: RunFacts {
            candidate: "http://127.0.0.1:8081".into(),
            started: "2026-11-21T09:00:00Z".into(),
            sources: vec!["eth0".into()],
            policy: Some("tapcompare.yaml".into()),
            ..RunFacts::default()
        },
        policy: "gates: {loss: {below: 1%}}\n".into(),
        rules: vec![("rules/a.yaml".into(), "rules: []".into())],
        notes: vec![note],
    }
}

/// Books in which so many exchanges are paired.
fn books(paired: u64) -> Ledger {
    let wire = WireBooks {
        frames: paired * 4,
        frames_used: paired * 4,
        requests: paired,
        requests_paired: paired,
        answers: paired,
        answers_paired: paired,
        evicted: [("connections".into(), 3)].into(),
        ..WireBooks::default()
    };
    Ledger { wire, capture: CaptureBooks { finished: true, ..CaptureBooks::default() }, ..Ledger::default() }
}

fn endpoints() -> Vec<Endpoint> {
    ["GET /a", "GET /b/{id}", "GET /a", "POST /c"].map(endpoint).to_vec()
}

/// A time in which the run went on for that many minutes.
fn numbered(run: Vec<(Invented, i64)>) -> Vec<Invented> {
    run.into_iter()
        .enumerate()
        .map(|(n, (mut one, minute))| {
            one.observation.sequence = n as u64;
            let start = one.observation.exchange.moments.request_start.unwrap();
            one.starting(Timestamp(start.0 + minute * MINUTE))
        })
        .collect()
}

/// What the tally itself says, of one that is merged from nothing but itself.
fn expected(tally: Tally, paired: u64) -> String {
    let Ledger { capture, wire, .. } = books(paired);
    json(&tally.snapshot(&endpoints(), wire, capture))
}

/// Without what only a run file knows, and with what the report's JSON leaves out.
fn json(snapshot: &Snapshot) -> String {
    let mut snapshot = snapshot.clone();
    snapshot.ledger.store = None;
    snapshot.epoch = Default::default();
    let mut value = serde_json::to_value(&snapshot).unwrap();
    value["day_clients"] = format!("{:?}", snapshot.day_clients).into();
    serde_json::to_string_pretty(&value).unwrap()
}

fn write_all(file: &Path, parts: &[Vec<&Invented>]) {
    let mut run = RunFile::open(file, &facts()).unwrap();
    let mut paired = 0;
    for part in parts {
        paired += part.len() as u64;
        run.write(&tally_of(part.iter().copied()).into(), &books(paired), &endpoints()).unwrap();
    }
    run.finish(&Tally::new().into(), &books(paired), &endpoints(), &facts().facts).unwrap();
}

/// Within minutes, within days, and within months.
fn minutes() -> impl Strategy<Value = i64> {
    prop_oneof![-2..3_i64, -4_000..4_000_i64, -90_000..90_000_i64]
}

/// So many shares, in the order of the run.
fn shares(run: &[Invented], cuts: &[usize]) -> Vec<Vec<Invented>> {
    let mut rest = run;
    let mut all = Vec::new();
    for cut in cuts {
        let (part, after) = rest.split_at((*cut).min(rest.len()));
        all.push(part.to_vec());
        rest = after;
    }
    all.push(rest.to_vec());
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever was counted, and in whatever parts it was written: what comes out is what one tally would say.
    #[test]
    fn what_is_read_is_what_was_counted(
        run in prop::collection::vec((any_invented(), minutes(), 0..5_usize), 0..60),
    ) {
        let (run, parts): (Vec<_>, Vec<usize>) = run.into_iter().map(|(one, minute, part)| ((one, minute), part)).unzip();
        let run = numbered(run);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run");
        let part = |wanted| run.iter().zip(&parts).filter(|(_, part)| **part == wanted).map(|(one, _)| one).collect();
        write_all(&file, &(0..5).map(part).collect::<Vec<_>>());
        let read = load(&[file]).unwrap();
        prop_assert_eq!(json(&read.snapshot), expected(tally_of(&run), run.len() as u64));
        prop_assert_eq!(&read.notes, &facts().notes);
        prop_assert_eq!(&read.policies[0].text, &facts().policy);
    }

    /// Stretches of one file, and files, add up to what one stretch would have been: numbers of endpoints are given
    /// anew in each, positions begin at 0 in each.
    #[test]
    fn stretches_and_files_add_up(
        run in prop::collection::vec((any_invented(), minutes()), 0..60),
        cuts in prop::collection::vec(0..30_usize, 3),
        same_file in any::<bool>(),
    ) {
        let run = numbered(run);
        let folder = tempfile::tempdir().unwrap();
        let mut files = Vec::new();
        let order = [2_usize, 0, 3, 1];
        for (n, mut share) in shares(&run, &cuts).into_iter().enumerate() {
            let file = folder.path().join(if same_file { "run".to_owned() } else { format!("run-{n}") });
            let mut table = endpoints();
            for (at, one) in share.iter_mut().enumerate() {
                one.observation.sequence = at as u64;
                if n % 2 == 1 {
                    one.observation.endpoint = order[one.observation.endpoint as usize] as u32;
                }
            }
            if n % 2 == 1 {
                (0..4).for_each(|at| table[order[at]] = endpoints()[at].clone());
            }
            let mut open = RunFile::open(&file, &facts()).unwrap();
            let paired = books(share.len() as u64);
            open.finish(&tally_of(&share).into(), &paired, &table, &facts().facts).unwrap();
            drop(open);
            files.push(file);
        }
        files.dedup();
        files.reverse();
        let read = load(&files).unwrap();
        let alone = tally_of(&run);
        let mut whole: serde_json::Value = serde_json::from_str(&expected(alone, run.len() as u64)).unwrap();
        whole["ledger"]["wire"]["evicted"]["connections"] = 12.into();
        let mut found: serde_json::Value = serde_json::from_str(&json(&read.snapshot)).unwrap();
        for value in [&mut whole, &mut found] {
            renumber_examples(value);
        }
        prop_assert_eq!(found, whole);
        prop_assert_eq!(read.facts.stretches.len(), 4);
    }
}

/// An example is made with the position that the exchange had in its stretch; the text of the invented request has it too.
fn renumber_examples(snapshot: &mut serde_json::Value) {
    for group in snapshot["groups"].as_array_mut().unwrap() {
        for example in group["examples"].as_array_mut().unwrap() {
            example["request"] = serde_json::Value::Null;
        }
    }
}

#[test]
fn more_groups_than_the_bound_stay_those_that_one_tally_keeps() {
    let run: Vec<Invented> = (0..3 * MAX_GROUPS as u64)
        .map(|n| {
            let mut key = vec![b'k'; 1 + (n / 20) as usize % 60];
            key.extend([b'a' + (n % 20) as u8, b'a' + (n / 1200) as u8]);
            Invented::new(n, (n % 3) as u32).differing(0, &String::from_utf8(key).unwrap(), None)
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run");
    let part = |wanted: u64| run.iter().filter(|one| one.observation.sequence % 7 == wanted).collect();
    write_all(&file, &(0..7).map(part).collect::<Vec<_>>());
    let stored: i64 =
        Connection::open(&file).unwrap().query_row("SELECT count(*) FROM differences", [], |row| row.get(0)).unwrap();
    assert_eq!(stored, MAX_GROUPS as i64);
    let read = load(&[file]).unwrap();
    let grouped: u64 = read.snapshot.groups.iter().map(|g| g.differences).sum();
    assert_eq!(grouped + read.snapshot.ungrouped_differences, run.len() as u64);
}

fn one_match(n: u64) -> Tally {
    tally_of(&[Invented::new(n, 0)])
}

#[test]
fn what_was_under_way_when_the_process_was_killed_is_counted_as_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run");
    let mut run = RunFile::open(&file, &facts()).unwrap();
    run.write(&one_match(0).into(), &books(4), &endpoints()).unwrap();
    drop(run);
    let mut run = RunFile::open(&file, &facts()).unwrap();
    run.finish(&one_match(0).into(), &books(1), &endpoints(), &facts().facts).unwrap();
    drop(run);

    let read = load(std::slice::from_ref(&file)).unwrap();
    let shadow = read.snapshot.ledger.shadow.clone().unwrap();
    assert_eq!((shadow.exchanges, shadow.sent, shadow.interrupted), (5, 2, 3));
    assert_eq!(read.snapshot.ledger.open_accounts(), []);
    let ends: Vec<_> = read.facts.stretches.iter().map(|s| (s.finished, s.exchanges, s.interrupted)).collect();
    assert_eq!(ends, [(false, 4, 3), (true, 1, 0)]);
    let verdict = crate::verdict::judge(
        &read.snapshot,
        &crate::config::Policy::default(),
        &read.notes,
        jiff::civil::date(2026, 11, 25),
    );
    let loss = verdict.gates.iter().find(|g| g.gate == crate::verdict::Gate::Loss).unwrap();
    assert!(loss.reason.contains("3 more interrupted"), "{}", loss.reason);
    assert_eq!(loss.figure, Some(0.6));

    let second = only(super::read(&[file]).unwrap(), 2).unwrap();
    assert_eq!(second.snapshot.ledger.shadow.unwrap().interrupted, 0);
    assert!(second.facts.stretches.is_empty());
}

#[test]
fn what_was_put_together_while_it_could_not_be_written_is_in_the_books() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run");
    let run = numbered((0..90).map(|n| (Invented::new(n, 0), n as i64)).collect());
    let mut pending = Tally::new();
    run.iter().for_each(|one| pending.merge(tally_of([one])));
    assert!(pending.keys() == 90 && pending.coarsen());
    let mut open = RunFile::open(&file, &facts()).unwrap();
    open.finish(&pending.clone().into(), &books(90), &endpoints(), &facts().facts).unwrap();
    let read = load(&[file]).unwrap();
    assert_eq!(read.snapshot.ledger.store.unwrap().coarsened, 90 - pending.keys() as u64);
    assert_eq!(json(&read.snapshot), expected(tally_of(&run), 90));
}

#[test]
fn more_outcomes_than_pairs_are_an_account_that_does_not_close() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run");
    let mut run = RunFile::open(&file, &facts()).unwrap();
    run.write(&tally_of(&[Invented::new(0, 0), Invented::new(1, 0)]).into(), &books(1), &endpoints()).unwrap();
    let read = load(&[file]).unwrap();
    assert_eq!(read.snapshot.ledger.open_accounts().len(), 1);
}

#[test]
fn a_second_writer_is_refused_and_a_reader_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run");
    let mut run = RunFile::open(&file, &facts()).unwrap();
    run.write(&one_match(0).into(), &books(1), &endpoints()).unwrap();
    let refused = RunFile::open(&file, &facts()).unwrap_err().to_string();
    assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
    assert_eq!(load(std::slice::from_ref(&file)).unwrap().snapshot.ledger.shadow.unwrap().exchanges, 1);
    // Neither has taken the writer's locks away.
    run.write(&one_match(1).into(), &books(2), &endpoints()).unwrap();
    assert_eq!(load(&[file]).unwrap().snapshot.ledger.shadow.unwrap().exchanges, 2);
}

#[test]
fn a_finished_run_is_one_private_file_and_another_stretch_goes_on_in_it() {
    use std::os::unix::fs::MetadataExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run");
    for n in 1..=3 {
        let mut run = RunFile::open(&file, &facts()).unwrap();
        run.write(&one_match(0).into(), &books(1), &endpoints()).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 3, "the log and its index");
        run.finish(&one_match(1).into(), &books(2), &endpoints(), &facts().facts).unwrap();
        assert_eq!(run.attempts(), (2, 0));
        drop(run);
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        let read = load(std::slice::from_ref(&file)).unwrap();
        assert_eq!(read.snapshot.ledger.shadow.unwrap().exchanges, 2 * n);
        assert_eq!(read.snapshot.ledger.store.unwrap().writes, 2 * n);
    }
    let kept: i64 =
        Connection::open(&file).unwrap().query_row("SELECT count(*) FROM contents", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 3, "policy, rules and notes are kept once");
}

fn finished(file: &Path, facts: &StretchFacts) {
    let mut run = RunFile::open(file, facts).unwrap();
    run.finish(&one_match(0).into(), &books(1), &endpoints(), &facts.facts).unwrap();
}

#[test]
fn evidence_of_different_things_is_not_mixed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    finished(&path("a"), &facts());
    let mut other = facts();
    other.facts.candidate = "http://127.0.0.1:9".into();
    finished(&path("candidate"), &other);
    let mut other = facts();
    other.facts.legacy = Some("http://127.0.0.1:9".into());
    finished(&path("legacy"), &other);
    let mut other = facts();
    other.rules[0].1.push('\n');
    finished(&path("rules"), &other);
    let mut other = facts();
    other.notes[0].expired = true;
    finished(&path("expired"), &other);
    for (name, what) in [
        ("candidate", "their candidate (http://127.0.0.1:8081 and http://127.0.0.1:9)"),
        ("legacy", "their live legacy (none and http://127.0.0.1:9)"),
    ] {
        let refused = load(&[path("a"), path(name)]).unwrap_err().to_string();
        assert!(refused.contains(what) && refused.contains("--stretch 2") && !refused.contains('\n'), "{refused}");
    }
    for name in ["rules", "expired"] {
        let both = load(&[path("a"), path(name)]).unwrap();
        let (epoch, ledger) = (&both.snapshot.epoch, &both.snapshot.ledger);
        assert_eq!((epoch.number, epoch.of, ledger.elsewhere), (2, 2, 0), "{name}");
        assert_eq!((ledger.shadow.as_ref().unwrap().exchanges, both.facts.epochs.len()), (1, 2), "{name}");
        let (rules, differ) = (&both.facts.epochs, name == "rules");
        assert_eq!(rules[0].rules != rules[1].rules, differ, "{name}");
    }
    let mut renamed = facts();
    renamed.rules[0].0 = "elsewhere/a.yaml".into();
    finished(&path("renamed"), &renamed);
    assert_eq!(load(&[path("a"), path("renamed")]).unwrap().snapshot.epoch.of, 1, "rules are told apart by content");
    let all = super::read(&["a", "rules", "candidate", "renamed"].map(path)).unwrap();
    let files: Vec<_> = like_the_latest(all).into_iter().map(|stretch| stretch.file).collect();
    assert_eq!(files, [path("a"), path("rules"), path("renamed")]);
    fs::copy(path("a"), path("copy")).unwrap();
    let refused = load(&[path("a"), path("copy")]).unwrap_err().to_string();
    assert!(refused.contains("is both in"), "{refused}");
    assert!(load(&[path("a"), path("a")]).is_err());
}

#[test]
fn what_is_no_run_file_is_refused_in_one_line_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("text"), "this is a capture, or a page, or a letter\n".repeat(200)).unwrap();
    fs::write(path("empty"), "").unwrap();
    Connection::open(path("foreign")).unwrap().execute_batch("CREATE TABLE mail (id)").unwrap();
    for (name, format) in [("newer", FORMAT + 1), ("older", 1), ("view", FORMAT)] {
        finished(&path(name), &facts());
        let connection = Connection::open(path(name)).unwrap();
        connection.execute_batch(&format!("PRAGMA user_version = {format}")).unwrap();
    }
    let view = "DROP TABLE rules; CREATE VIEW rules AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n) \
                SELECT x FROM n";
    Connection::open(path("view")).unwrap().execute_batch(view).unwrap();
    for (name, to_read, to_write) in [
        ("text", "is no run file", "is no run file"),
        ("empty", "holds no evidence", ""),
        ("foreign", "is no run file", "is no run file"),
        ("newer", "its format is 5", "its format is 5"),
        ("older", "its format is 1, and this tapcompare reads 2 to 4", "its format is 1"),
        ("view", "not as we make them", "not as we make them"),
        ("absent/run", "No such file", "make its folder first"),
        (".", "name a file in it", "name a file in it"),
    ] {
        let before = fs::read(path(name)).ok();
        let refused = load(&[path(name)]).unwrap_err().to_string();
        assert!(refused.contains(to_read) && !refused.contains('\n'), "{name}: {refused}");
        if to_write.is_empty() {
            continue;
        }
        let refused = RunFile::open(&path(name), &facts()).unwrap_err().to_string();
        assert!(refused.contains(to_write) && !refused.contains('\n'), "{name}: {refused}");
        assert_eq!(fs::read(path(name)).ok(), before, "{name}");
    }
    finished(&path("empty"), &facts());
    assert!(load(&[path("empty")]).is_ok());
}

/// A run with something in each table.
fn full_run(file: &Path) {
    let run: Vec<Invented> = (0..400)
        .map(|n| match n % 4 {
            0 => Invented::new(n, 0).differing(n as usize, "price", None),
            1 => Invented::new(n, 1)
                .differing(0, "tax", Some(("volatile", RuleAnswer::Accept)))
                .outcome(crate::exchange::Outcome::Accepted),
            2 => Invented::new(n, 2).failed(crate::exchange::Failure::Closed, std::time::Duration::from_micros(n)),
            _ => Invented::new(n, 3).skipped(Skip::UnsafeMethod),
        })
        .collect();
    write_all(file, &[run.iter().collect()]);
}

#[test]
fn overwritten_and_truncated_files_are_refused_or_read_and_never_more() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    full_run(&whole);
    let bytes = fs::read(&whole).unwrap();
    let file = folder.path().join("damaged");
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let mut refused = 0;
    for round in 0..400 {
        let mut damaged = bytes.clone();
        if round % 4 == 0 {
            damaged.truncate(random(bytes.len()));
        } else {
            for _ in 0..1 << random(8) {
                let at = random(bytes.len());
                damaged[at] = random(256) as u8;
            }
        }
        fs::write(&file, damaged).unwrap();
        if let Err(error) = load(std::slice::from_ref(&file)) {
            refused += 1;
            assert!(!error.to_string().contains('\n'), "{error}");
        }
        // Going on in it is refused or works; it does not panic either.
        if round % 8 == 0
            && let Ok(mut run) = RunFile::open(&file, &facts())
        {
            let _ = run.finish(&one_match(0).into(), &books(1), &endpoints(), &facts().facts);
        }
    }
    assert!(refused > 200, "{refused}");
}

#[test]
fn a_tampered_row_is_refused_and_hostile_text_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    full_run(&whole);
    let file = folder.path().join("tampered");
    for sql in [
        "UPDATE outcomes SET exchanges = -1",
        "UPDATE outcomes SET exchanges = 9223372036854775807, sent = 9223372036854775807",
        "UPDATE outcomes SET skipped = '{\"unsafe-method\": 18446744073709551615}'",
        "UPDATE outcomes SET skipped = '{\"no-such-reason\": 1}'",
        "UPDATE outcomes SET skipped = 'x'",
        "UPDATE outcomes SET legacy = x'00'",
        "UPDATE outcomes SET legacy = x'000000ffffffffffffffffff7f01'",
        "UPDATE outcomes SET endpoint = 70000 WHERE rowid = 1",
        "UPDATE outcomes SET slower = x'00'",
        "UPDATE outcomes SET equal = -1",
        "UPDATE days SET seen = -1",
        "UPDATE days SET seen = 9223372036854775807, compared = 0",
        "UPDATE days SET mismatched = compared + 1",
        "UPDATE days SET compared_hours = 16777216",
        "UPDATE days SET class = '9xx' WHERE class = '2xx'",
        "UPDATE days SET day = 106753",
        "UPDATE days SET day = 9223372036854775807 WHERE endpoint = 1",
        "UPDATE days SET endpoint = 70000 WHERE endpoint = 1",
        "UPDATE day_accepted SET exchanges = -1",
        "UPDATE day_accepted SET rule = printf('%.*c', 9000, 'x')",
        "UPDATE day_clients SET day = -2147483648",
        "UPDATE day_clients SET client_group = 4096 WHERE client_group = (SELECT min(client_group) FROM day_clients)",
        "UPDATE day_clients SET mismatched = compared + 1",
        "UPDATE clients SET client_group = 4096 WHERE client_group = (SELECT min(client_group) FROM clients)",
        "UPDATE clients SET client_group = -1 WHERE client_group = (SELECT min(client_group) FROM clients)",
        "UPDATE clients SET grain = 13",
        "UPDATE clients SET mismatched = compared + 1",
        "UPDATE clients SET compared = 9223372036854775807",
        "UPDATE stretches SET ledger = '{\"wire\": {\"frames\": 1e30}}'",
        "UPDATE stretches SET ledger = printf('{\"capture\": {\"damage\": [\"%.*c\"]}}', 9000000, 'x')",
        "UPDATE stretches SET endpoints = '[\"GET\"]'",
        "UPDATE stretches SET endpoints = printf('[\"GET /%.*c\"]', 90000, 'x')",
        "UPDATE stretches SET facts = '5'",
        "UPDATE stretches SET policy = 'none'",
        "UPDATE contents SET text = text || ' '",
        "UPDATE differences SET place = printf('%.*c', 3000, 'x')",
        "UPDATE differences SET kind = 'nothing'",
        "UPDATE examples SET example = printf('%.*c', 5000000, 'x')",
        "UPDATE examples SET example = '{}'",
        "UPDATE failures SET request = printf('%.*c', 9000, 'x')",
        "UPDATE failures SET sequence = -5",
        "UPDATE failing SET example = printf('%.*c', 5000000, 'x')",
        "UPDATE failing SET example = '{}'",
        "UPDATE failing SET failure = 'nothing'",
        "UPDATE failing SET sequence = -5",
        "UPDATE failing SET endpoint = 99999999",
        "UPDATE rules SET id = printf('%.*c', 9000, 'x')",
        "UPDATE rules SET answer = 'x'",
    ] {
        fs::copy(&whole, &file).unwrap();
        assert!(Connection::open(&file).unwrap().execute(sql, []).unwrap() > 0, "{sql}");
        let refused = load(std::slice::from_ref(&file)).expect_err(sql).to_string();
        assert!(refused.contains("is damaged") && refused.len() < 500 && !refused.contains('\n'), "{sql}: {refused}");
    }
    // What is short enough may say anything; it is escaped by whoever shows it.
    fs::copy(&whole, &file).unwrap();
    let sql = "UPDATE failures SET request = '<script>' || char(27) || '[2J'";
    Connection::open(&file).unwrap().execute(sql, []).unwrap();
    let read = load(&[file]).unwrap();
    let samples = read.snapshot.endpoints.iter().flat_map(|e| e.failure_samples.values());
    assert!(samples.map(|s| s.request.as_str()).any(|text| text.contains('\x1b')));
}

#[test]
fn places_and_text_come_back_as_they_were() {
    let odd = Location::Json(vec![Segment::Key("a/b ~ \u{202e}".into()), Segment::Index(2)]);
    let mut one = Invented::new(0, 0).differing(0, "x", None);
    one.comparison.differences[0].at = odd;
    one.comparison.differences[0].legacy = Some("\0\u{1b}\"'; DROP TABLE outcomes".into());
    let folder = tempfile::tempdir().unwrap();
    let file: PathBuf = folder.path().join("run");
    write_all(&file, &[vec![&one]]);
    let read = load(&[file]).unwrap();
    assert_eq!(json(&read.snapshot), expected(tally_of(&[one]), 1));
}

#[test]
fn counts_are_kept_by_minute() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run");
    let run = numbered((0..10).map(|n| (Invented::new(n, 0), n as i64 / 4)).collect());
    write_all(&file, &run.chunks(3).map(|part| part.iter().collect()).collect::<Vec<_>>());
    let connection = Connection::open(&file).unwrap();
    let mut statement = connection.prepare("SELECT minute, exchanges FROM outcomes ORDER BY minute").unwrap();
    let rows: Vec<(i64, i64)> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap();
    let first = 1_700_000_000 / 60;
    assert_eq!(rows, [(first, 4), (first + 1, 4), (first + 2, 2)]);
}

/// Not asserted: how long a write takes and how much a minute costs. `cargo test --release --lib -- --ignored --nocapture measured`
#[test]
#[ignore = "a measurement"]
fn measured() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run");
    let table: Vec<Endpoint> = (0..100).map(|n| endpoint(&format!("GET /e{n}/{{id}}"))).collect();
    for (per_second, seconds) in [(1_000_u64, 120_u64), (10_000, 60)] {
        let (mut sequence, mut spent) = (0, std::time::Duration::ZERO);
        let mut open = RunFile::open(&file, &facts()).unwrap();
        for second in 0..seconds {
            let mut delta = Tally::new();
            for _ in 0..per_second {
                let hash = |salt: u64| ((sequence + salt).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) % 20_000;
                let time = |salt| std::time::Duration::from_micros(2_000 + hash(salt) + hash(salt + 7));
                let mut one = Invented::new(0, (sequence % 100) as u32).times(time(1), time(2));
                one.observation.sequence = sequence;
                let start = one.observation.exchange.moments.request_start.unwrap();
                let by = per_second as i64 * MINUTE * 1000 + second as i64 * 1_000_000_000;
                one.observation.exchange.moments.request_start = Some(Timestamp(start.0 + by));
                one.absorbed_by(&mut delta);
                sequence += 1;
            }
            let began = std::time::Instant::now();
            open.write(&delta.into(), &books(sequence), &table).unwrap();
            spent += began.elapsed();
        }
        open.finish(&Tally::new().into(), &books(sequence), &table, &facts().facts).unwrap();
        drop(open);
        let bytes = fs::metadata(&file).unwrap().len();
        fs::remove_file(&file).unwrap();
        println!(
            "{per_second}/s on 100 endpoints: {:?} a write, {} bytes an exchange, {} bytes a minute and endpoint",
            spent / seconds as u32,
            bytes / sequence,
            bytes / (seconds / 60) / 100
        );
    }
}

#[test]
fn another_candidate_than_before_is_known_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut other = facts();
    assert_eq!(RunFile::open(&path, &other).unwrap().other_candidate(), None);
    assert_eq!(RunFile::open(&path, &other).unwrap().other_candidate(), None);
    let before = std::mem::replace(&mut other.facts.candidate, "http://10.0.0.9".into());
    assert_eq!(RunFile::open(&path, &other).unwrap().other_candidate(), Some(before));
}

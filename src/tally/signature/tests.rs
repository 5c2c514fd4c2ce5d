use std::collections::BTreeSet;
use std::ffi::OsStr;

use proptest::prelude::*;

use super::super::Tally;
use super::super::invented::{Invented, endpoint};
use super::*;
use crate::config::{ClientMark, Redaction};
use crate::exchange::{Body, Difference, Failure, Headers, Location, Response, Version};
use crate::ledger::{CaptureBooks, WireBooks};
use crate::redact::{Key, Redactor};
use crate::rules::RuleSet;
use crate::tally::Snapshot;

pub(crate) const RULES: &str = "rules:
- {id: dates, owner: o, reason: r, expires: 2099-01-31, at: {header: [date]}, ignore: true}
- {id: ids, owner: o, reason: r, expires: 2099-01-31, at: {json: $.id}, match: {shape: [integer, integer]}}
- {id: tokens, owner: o, reason: r, expires: 2099-01-31, at: {json: $.token}, match: {shape: [hex, hex]}}
- {id: tags, owner: o, reason: r, expires: 2099-01-31, at: {json: $.tags}, match: {order: unordered}}
";

pub(crate) fn comparer(rules: &str) -> Comparer {
    let today = jiff::civil::date(2026, 11, 25);
    let rules = RuleSet::parse("rules.yaml", rules, today).unwrap();
    let key = Key::given(Some(OsStr::new("0123456789abcdef"))).unwrap();
    Comparer::new(Arc::new(rules), Arc::new(Redactor::new(&Redaction::default(), key).unwrap()))
}

pub(crate) fn answer(fields: &[(&str, &str)], body: &str) -> Response {
    let headers: Headers = fields.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let body = Body::whole(body.as_bytes().to_vec());
    Response { version: Version::Http11, status: 200, headers, body, interim: Vec::new() }
}

/// An exchange with these answers.
pub(crate) fn asked(sequence: u64, number: u32, legacy: Response, candidate: Response) -> Observation {
    let mut observation = Invented::new(sequence, number).observation;
    observation.exchange.response = Some(legacy);
    let Fate::Asked(asked) = &mut observation.fate else { unreachable!() };
    asked.candidate.as_mut().unwrap().response = candidate;
    observation
}

pub(crate) const MEDIA: (&str, &str) = ("content-type", "application/json");

/// One of some ways in which two answers may go together.
pub(crate) fn varied(sequence: u64, number: u32, way: u8) -> Observation {
    let own = format!("{:016x}", sequence * 7919);
    let legacy = |token: &str| format!(r#"{{"id":{sequence},"price":1,"tags":["a","b"],"token":"{token}"}}"#);
    let (ours, theirs, date) = match way {
        0 => (legacy(""), legacy(""), "same"),
        1 => (legacy(""), legacy(""), "other"),
        2 => (legacy(""), legacy("").replace("\"price\":1", "\"price\":2"), "same"),
        3 => (legacy(""), legacy("").replace(r#"["a","b"]"#, r#"["b","a"]"#), "other"),
        4 => (legacy(""), legacy("").replace(&format!("\"id\":{sequence}"), "\"id\":0"), "same"),
        // A rule looks at what is a mark afterwards.
        5 => (legacy("00ff00ff00ff00ff"), legacy(&own), "same"),
        6 => (legacy(""), legacy("").replace('}', &format!(",\"n{}\":1}}", sequence % 3)), "same"),
        _ => (format!("{{\"x\":\"{}\"}}", "z".repeat(300_000)), "{}".to_owned(), "same"),
    };
    asked(sequence, number, answer(&[MEDIA, ("date", "same")], &ours), answer(&[MEDIA, ("date", date)], &theirs))
}

pub(crate) fn kept_of(tally: &mut Tally, observation: &Observation, comparer: &Comparer) {
    tally.keep(observation, &comparer.compare(observation), &ClientMark::Address, comparer);
}

pub(crate) fn snapshot(tally: Tally) -> Snapshot {
    let endpoints = ["GET /a", "GET /b/{id}", "GET /a"].map(endpoint);
    tally.snapshot(&endpoints, WireBooks::default(), CaptureBooks::default())
}

#[test]
fn each_way_is_counted_exactly_and_some_of_it_are_kept_from_all_over_the_run() {
    let comparer = comparer(RULES);
    let mut tally = Tally::new();
    for sequence in 0..2000 {
        kept_of(&mut tally, &varied(sequence, 0, (sequence % 5) as u8), &comparer);
    }
    let snapshot = snapshot(tally);
    let shown: Vec<_> = snapshot
        .signatures
        .iter()
        .map(|s| {
            let elements: Vec<_> = s
                .elements
                .iter()
                .map(|(e, n)| (e.place.as_str(), e.kind.as_str(), e.rule.as_ref().map(|r| &*r.id), *n))
                .collect();
            (outcome_name(s.outcome), elements, s.exchanges, s.kept.len())
        })
        .collect();
    let sealed = |name: &str| format!("body /{}", comparer.redactor().sealed(name));
    let (id, tags) = (sealed("id"), sealed("tags"));
    let mut expected = vec![
        ("matched".to_owned(), vec![], 400, MAX_KEPT),
        ("matched".to_owned(), vec![(&*id, "value", Some("ids"), 400)], 400, MAX_KEPT),
        (
            "matched".to_owned(),
            vec![(&*tags, "order", Some("tags"), 400), ("header date", "value", Some("dates"), 400)],
            400,
            MAX_KEPT,
        ),
        ("matched".to_owned(), vec![("header date", "value", Some("dates"), 400)], 400, MAX_KEPT),
        ("mismatched".to_owned(), vec![("body /price", "value", None, 400)], 400, MAX_KEPT),
    ];
    expected.sort_by_key(|a| format!("{a:?}"));
    let mut shown = shown;
    shown.sort_by_key(|a| format!("{a:?}"));
    assert_eq!(shown, expected);
    let books = snapshot.kept;
    assert_eq!(
        (books.exchanges, books.past_bound, books.signatures, books.specimens),
        (2000, 0, 5, 5 * MAX_KEPT as u64)
    );
    let late = snapshot.specimens().filter(|s| s.observation.sequence >= 1000).count();
    assert!((MAX_KEPT..=4 * MAX_KEPT).contains(&late), "{late} of {} from the second half", 5 * MAX_KEPT);
}

#[test]
fn a_specimen_compares_as_its_exchange_did_and_has_no_secrets() {
    let comparer = comparer(RULES);
    let mut tally = Tally::new();
    let secret = "hunter2hunter3";
    let body = |price: u32| format!(r#"{{"password":"{secret}","price":{price},"note":"was {secret}"}}"#);
    let mut observation = asked(3, 0, answer(&[MEDIA], &body(1)), answer(&[MEDIA], &body(2)));
    let gzip = |text: &str| {
        let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut coder, text.as_bytes()).unwrap();
        coder.finish().unwrap()
    };
    observation.exchange.request.as_mut().unwrap().headers.push("X-Forwarded-For", b"203.0.113.9");
    let Fate::Asked(asked) = &mut observation.fate else { unreachable!() };
    let theirs = &mut asked.candidate.as_mut().unwrap().response;
    theirs.headers.push("Content-Encoding", b"gzip");
    theirs.body = Body::whole(gzip(&body(2)));
    let comparison = comparer.compare(&observation);
    tally.keep(&observation, &comparison, &ClientMark::Address, &comparer);
    let snapshot = snapshot(tally);
    let specimens: Vec<_> = snapshot.specimens().collect();
    assert_eq!((specimens.len(), snapshot.kept.specimens), (1, 1));
    let again = comparer.compare(&specimens[0].observation);
    let places = |differences: &[Difference]| {
        differences.iter().map(|d| (d.at.clone(), d.kind)).collect::<BTreeSet<(Location, _)>>()
    };
    assert_eq!((again.outcome, places(&again.differences)), (comparison.outcome, places(&comparison.differences)));
    assert_eq!(places(&again.differences).len(), 2, "the price and the coding");
    let shown = format!("{:?}", specimens[0]);
    for told in [secret, "203.0.113.9", "10, 0, 0, 1", "10.0.0.1"] {
        assert!(!shown.contains(told), "{told}: {shown}");
    }
    assert!(shown.contains("price") && shown.contains("gzip"));
}

#[test]
fn what_no_longer_compares_the_same_or_is_too_large_is_counted_and_no_specimen() {
    let comparer = comparer(RULES);
    let mut tally = Tally::new();
    for sequence in 0..40 {
        kept_of(&mut tally, &varied(sequence, 0, 5 + 2 * (sequence % 2) as u8), &comparer);
    }
    let snapshot = snapshot(tally);
    let books = snapshot.kept;
    assert_eq!((books.specimens, books.unfaithful, books.too_large), (0, MAX_KEPT as u64, MAX_KEPT as u64));
    assert_eq!(snapshot.specimens().count(), 0);
    assert_eq!(snapshot.signatures.iter().map(|s| s.exchanges).collect::<Vec<_>>(), [20, 20]);
}

#[test]
fn what_no_rule_could_make_anything_else_of_has_no_signature() {
    let comparer = comparer(RULES);
    let mut tally = Tally::new();
    for one in [
        Invented::new(0, 0).failed(Failure::Timeout, std::time::Duration::from_millis(1)),
        Invented::new(1, 0).skipped(crate::exchange::Skip::UnsafeMethod),
        Invented::new(2, 0).outcome(Outcome::NotComparable(NotComparable::Credentials)),
        Invented::new(3, 0).outcome(Outcome::Failed(Failure::ServerError)),
    ] {
        tally.keep(&one.observation, &one.comparison, &ClientMark::Address, &comparer);
    }
    assert_eq!(snapshot(tally).kept, KeptBooks::default());
}

#[test]
fn signatures_past_the_bound_are_counted_whatever_the_order_and_bytes_are_bounded() {
    let comparer = comparer(RULES);
    let exchange = |n: u64| {
        let letters: String = [n / 676, n / 26 % 26, n % 26].map(|n| char::from(b'a' + n as u8)).iter().collect();
        let body = |value: u64| format!("{{\"field_{letters}\":{value}}}");
        asked(n, (n % 3) as u32, answer(&[MEDIA], &body(1)), answer(&[MEDIA], &body(2)))
    };
    let (mut forwards, mut backwards) = (Tally::new(), Tally::new());
    let n = MAX_SIGNATURES as u64 + 500;
    for sequence in 0..n {
        kept_of(&mut forwards, &exchange(sequence), &comparer);
        kept_of(&mut backwards, &exchange(n - 1 - sequence), &comparer);
    }
    let (forwards, backwards) = (snapshot(forwards), snapshot(backwards));
    assert_eq!(forwards.signatures, backwards.signatures);
    let books = forwards.kept;
    assert_eq!((books.exchanges, books.signatures, books.past_bound), (n, MAX_SIGNATURES as u64, 500));

    let mut tally = Tally::new();
    for sequence in 0..200_u64 {
        let noise: String =
            (0..6000_u64).map(|i| format!("{:x}", Rank::of(i * 1000 + sequence).digest & 0xf)).collect();
        let body = |price: u32| format!("{{\"price\":{price},\"noise\":[\"{noise}\"]}}");
        kept_of(&mut tally, &asked(sequence, 0, answer(&[MEDIA], &body(1)), answer(&[MEDIA], &body(2))), &comparer);
    }
    let snapshot = snapshot(tally);
    let bytes: usize = snapshot.signatures[0].kept.iter().map(|kept| kept.bytes.len()).sum();
    assert!(bytes <= MAX_KEPT_BYTES && snapshot.kept.specimens > 1 && snapshot.kept.specimens < MAX_KEPT as u64);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn however_the_work_is_spread_and_handed_over_the_same_are_kept(
        run in prop::collection::vec((0..7_u8, 0..3_u32, 0..4_usize, any::<bool>()), 1..120),
        backwards in any::<bool>(),
    ) {
        let comparer = comparer(RULES);
        let observations: Vec<_> =
            run.iter().enumerate().map(|(n, (way, number, ..))| varied(n as u64, *number, *way)).collect();
        let mut alone = Tally::new();
        observations.iter().for_each(|one| kept_of(&mut alone, one, &comparer));
        let mut workers: Vec<Tally> = (0..4).map(|_| Tally::new()).collect();
        let mut merged = Tally::new();
        let mut order: Vec<usize> = (0..run.len()).collect();
        if backwards {
            order.reverse();
        }
        for at in order {
            let (_, _, worker, handed_over) = run[at];
            kept_of(&mut workers[worker], &observations[at], &comparer);
            if handed_over {
                let delta = workers[worker].hand_over();
                prop_assert!(workers[worker].signatures.entries.is_empty());
                merged.merge(delta);
            }
        }
        workers.into_iter().for_each(|rest| merged.merge(rest));
        let (merged, alone) = (snapshot(merged), snapshot(alone));
        prop_assert_eq!(merged.signatures, alone.signatures);
        prop_assert_eq!(merged.kept, alone.kept);
    }

    #[test]
    fn what_is_written_down_is_read_the_same(way in 0..7_u8, sequence in 0..1000_u64, bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let comparer = comparer(RULES);
        let mut observation = varied(sequence, 0, way);
        observation.exchange.request.as_mut().unwrap().headers.push("x-bytes", &bytes);
        observation.exchange.response.as_mut().unwrap().body = Body::whole(bytes);
        let hidden = comparer.specimen(&observation).unwrap();
        let written = form::written(&hidden).unwrap();
        let read = form::read(&written, sequence).unwrap();
        prop_assert_eq!(&read, &hidden);
        for cut in 0..written.len() {
            prop_assert!(form::read(&written[..cut], sequence).is_err());
        }
    }
}

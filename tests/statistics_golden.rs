//! Every value of the golden file that the code can produce, to nine significant digits. The file lies beside the corpora
//! (`TAPCOMPARE_CORPORA`), or beside the project; where it is not, this is left out, visibly. The values that matter most
//! are also in the sources, beside what they test.
//!
//! Not produced, because no gate asks for it: F (Wald's SPRT), H (Poisson rates a day), J (Mann-Whitney), of A the Wilson
//! and Jeffreys intervals, of I Bonferroni and Benjamini-Hochberg, and L, which is a simulation: `make calibrate` has its own.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a golden file that cannot be read is a failed test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tapcompare::config::Policy;
use tapcompare::exchange::{Incomplete, NotComparable};
use tapcompare::ledger::{Ledger, ShadowBooks};
use tapcompare::tally::{Clustering, Snapshot};
use tapcompare::verdict::sequence::Mixture;
use tapcompare::verdict::{clusters, holm, interval, judge};

/// The lines of each section, by its letter; None where the file is not here.
fn golden() -> Option<BTreeMap<char, Vec<String>>> {
    let corpora = std::env::var_os("TAPCOMPARE_CORPORA").map(|folder| PathBuf::from(folder).join(".."));
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let places = corpora.into_iter().chain([beside]).map(|folder| folder.join("reference/statistics-golden.txt"));
    let Some(text) = places.into_iter().find_map(|file| std::fs::read_to_string(file).ok()) else {
        eprintln!("SKIPPED: statistics-golden.txt is not here; set TAPCOMPARE_CORPORA to the folder beside its own");
        return None;
    };
    let mut sections: BTreeMap<char, Vec<String>> = BTreeMap::new();
    let mut letter = '-';
    for line in text.lines() {
        match line.strip_prefix("## ") {
            Some(title) => letter = title.chars().next().unwrap(),
            None => sections.entry(letter).or_default().push(line.to_owned()),
        }
    }
    assert_eq!(sections.keys().filter(|c| c.is_ascii_uppercase()).count(), 16, "A to P: {:?}", sections.keys());
    Some(sections)
}

fn numbers(line: &str) -> Vec<f64> {
    line.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// The number behind `key=` in a line.
fn after(line: &str, key: &str) -> f64 {
    let rest = line.split_once(key).unwrap_or_else(|| panic!("no {key} in '{line}'")).1;
    let end = rest.find(|c: char| !(c.is_ascii_digit() || ".e-+".contains(c))).unwrap_or(rest.len());
    rest[..end].parse().unwrap_or_else(|e| panic!("{key} in '{line}': {e}"))
}

/// To nine significant digits, or to as many as the file has where these are fewer.
fn close(found: f64, golden: f64, digits: i32, what: &str) {
    let error = if golden == 0.0 { found.abs() } else { (found / golden - 1.0).abs() };
    assert!(error < 5.0 * 10_f64.powi(-digits), "{what}: {found} against {golden}");
}

fn nine(found: f64, golden: f64, what: &str) {
    close(found, golden, 10, what);
}

#[test]
fn a_to_d_bounds_of_a_rate() {
    let Some(sections) = golden() else { return };
    let mut rows = 0;
    for line in &sections[&'A'] {
        let [k, n, upper, low, high, upper_99, ..] = numbers(line)[..] else { continue };
        let (k, n) = (k as u64, n as u64);
        nine(interval::upper_bound(k, n, 0.95), upper, &format!("A {k}/{n} upper"));
        nine(interval::lower_bound(k, n, 0.975), low, &format!("A {k}/{n} two-sided lower"));
        nine(interval::upper_bound(k, n, 0.975), high, &format!("A {k}/{n} two-sided upper"));
        nine(interval::upper_bound(k, n, 0.99), upper_99, &format!("A {k}/{n} upper at 99 %"));
        rows += 1;
    }
    assert_eq!(rows, 27);
    for line in &sections[&'B'] {
        let [n, upper, three, _poisson] = numbers(line)[..] else { panic!("B: {line}") };
        nine(interval::upper_bound(0, n as u64, 0.95), upper, "B closed form");
        nine(3.0 / n, three, "B rule of three");
        assert!(upper < three, "B: the rule of three is on the safe side");
    }
    for line in &sections[&'C'] {
        let [confidence, k, n] = numbers(line)[..] else { panic!("C: {line}") };
        assert_eq!(interval::sample_needed(k as u64, 0.001, confidence), Some(n as u64), "C: {line}");
    }
    for line in &sections[&'D'] {
        let [n, k_95, k_99] = numbers(line)[..] else { panic!("D: {line}") };
        for (largest, confidence) in [(k_95, 0.95), (k_99, 0.99)] {
            let below = |k: f64| interval::upper_bound(k as u64, n as u64, confidence) < 0.001;
            assert!(!below(largest + 1.0) && (largest < 0.0 || below(largest)), "D at {confidence}: {line}");
        }
    }
    assert_eq!((sections[&'B'].len(), sections[&'C'].len(), sections[&'D'].len()), (3, 20, 9));
}

#[test]
fn e_and_m_bounds_of_a_quantile() {
    let Some(sections) = golden() else { return };
    let mut rows = 0;
    for line in &sections[&'E'] {
        if !line.starts_with("q=") {
            assert_eq!((after(line, "P95 = ceil(ln .05/ln .95) = "), after(line, "P99: ")), (59.0, 299.0));
            let needed = |q| interval::quantile_sample_needed(q, 0.95);
            assert_eq!((needed(0.95), needed(0.99)), (59, 299));
            continue;
        }
        let (q, n) = (after(line, "q="), after(line, "n=") as u64);
        let rank =
            |key: &str| line.split_once(key).unwrap().1.split([' ', ',', ']']).next().unwrap().parse::<u64>().ok();
        let two_sided = line.split_once("two-sided95: [").unwrap().1;
        let two_high = two_sided.split_once(',').unwrap().1.trim_end_matches(']').parse::<u64>().ok();
        assert_eq!(interval::quantile_lower_rank(q, n, 0.95), rank("lower_rank="), "E: {line}");
        assert_eq!(interval::quantile_upper_rank(q, n, 0.95), rank("upper_rank="), "E: {line}");
        assert_eq!(interval::quantile_lower_rank(q, n, 0.975), rank("two-sided95: ["), "E: {line}");
        assert_eq!(interval::quantile_upper_rank(q, n, 0.975), two_high, "E: {line}");
        rows += 1;
    }
    assert_eq!(rows, 24);
    for line in &sections[&'M'] {
        nine(interval::upper_bound(numbers(line)[0] as u64, 1000, 0.95), after(line, ")="), "M");
    }
    assert_eq!(sections[&'M'].len(), 3);
}

#[test]
fn g_the_confidence_sequence() {
    let Some(sections) = golden() else { return };
    let mut rows = 0;
    for line in sections[&'G'].iter().filter(|line| line.trim_start().starts_with("Beta(")) {
        let inside = line.split_once('(').unwrap().1.split_once(')').unwrap().0;
        let (a, b) = inside.split_once(',').unwrap();
        let mixture = Mixture { a: a.parse().unwrap(), b: b.parse().unwrap() };
        rows += 1;
        if !line.contains("k=") {
            let n = after(line, "n=");
            assert!(
                mixture.contradicts(0.001, 0.0, n, 0.95) && !mixture.contradicts(0.001, 0.0, n - 1.0, 0.95),
                "{line}"
            );
            continue;
        }
        let (k, n) = (after(line, "k="), after(line, "n="));
        nine(mixture.lower_bound(k, n, 0.95), after(line, "lo="), line);
        nine(mixture.upper_bound(k, n, 0.95), after(line, "hi="), line);
    }
    assert_eq!(rows, 27);
}

#[test]
fn i_holm() {
    let Some(sections) = golden() else { return };
    let line = &sections[&'I'][0];
    let list = |name: &str| -> Vec<f64> {
        let inside = line.split_once(&format!("{name} [")).unwrap().1.split_once(']').unwrap().0;
        inside.split(", ").map(|word| word.parse().unwrap()).collect()
    };
    for (found, golden) in holm::adjusted(&list("p")).into_iter().zip(list("Holm")) {
        nine(found, golden, "I");
    }
}

#[test]
fn k_and_n_design_effects() {
    let Some(sections) = golden() else { return };
    for line in &sections[&'K'] {
        let [size, correlation, ..] = numbers(line)[..] else { panic!("K: {line}") };
        nine(clusters::kish(size, correlation), after(line, "DEFF="), line);
    }
    assert_eq!(sections[&'K'].len(), 3);
    let [one_line, ten_line] = &sections[&'N'][..] else { panic!("N: {:?}", sections[&'N']) };
    let with = |behind: u64, each: u64| {
        Clustering::from_counts((0..100).map(move |client| (100, if client < behind { each } else { 0 })))
    };
    let (one, ten) = (with(1, 10), with(10, 1));
    let effect = clusters::design_effect(&one);
    nine(effect, after(one_line, "DEFF="), "N");
    let (k, n) = (10.0 / effect, 10_000.0 / effect);
    nine(n, after(one_line, "n_eff="), "N");
    nine(k, after(one_line, "k_eff="), "N");
    nine(interval::upper_bound(10, 10_000, 0.95), after(one_line, "naive CP95 upper="), "N");
    nine(interval::effective_upper_bound(k, n, 0.95), after(one_line, "KG CP95 upper="), "N");
    nine(clusters::linearised(&ten), after(ten_line, "DEFF="), "N");
    assert_eq!(clusters::design_effect(&ten), 1.0, "less spread than chance is chance");
    // What the gate makes of it is wider still: one client behind all mismatches has no spread of its own.
    assert!(clusters::widening(&one, 0.001, 0.95) > effect);
}

#[test]
fn o_the_worst_case() {
    let Some(sections) = golden() else { return };
    for line in &sections[&'O'] {
        let [k, n, lost, ..] = numbers(line)[..] else { panic!("O: {line}") };
        let (k, n, lost) = (k as u64, n as u64, lost as u64);
        // Lost by the capture, or asked and not comparable: it is the same to the worst case.
        for (wire, shadow) in [(lost, 0), (lost / 2, lost - lost / 2)] {
            let verdict = judge(&lossy(k, n, wire, shadow), &Policy::default(), &[], jiff::civil::Date::MAX);
            close(verdict.worst_case.unwrap_or(k as f64 / n as f64), after(line, "worst="), 6, line);
        }
        close(interval::upper_bound(k, n, 0.95), after(line, "CP95 on compared="), 6, line);
    }
    assert_eq!(sections[&'O'].len(), 3);
}

/// `k` of `n` mismatched, so many lost by the capture and so many not comparable.
fn lossy(k: u64, n: u64, wire: u64, shadow: u64) -> Snapshot {
    let mut books =
        ShadowBooks { exchanges: n + shadow, sent: n + shadow, compared: n + shadow, ..ShadowBooks::default() };
    (books.matched, books.mismatched) = (n - k, k);
    books.not_comparable.add_many(NotComparable::LimitReached, shadow);
    let mut ledger = Ledger { shadow: Some(books.clone()), ..Ledger::default() };
    ledger.wire.requests = n + shadow + wire;
    ledger.wire.requests_paired = n + shadow;
    ledger.wire.requests_unpaired.add_many(Incomplete::Gap, wire);
    let endpoint = tapcompare::tally::EndpointSnapshot {
        endpoint: tapcompare::exchange::Endpoint { method: "GET".into(), template: "/".into() },
        books,
        legacy_5xx: 0,
        candidate_5xx: 0,
        refused_alone: 0,
        clients: Clustering::default(),
        latency: Default::default(),
        statuses: Default::default(),
        days: Vec::new(),
        over_time: Default::default(),
        accepted_by: Default::default(),
        failure_samples: Default::default(),
    };
    Snapshot { ledger, endpoints: vec![endpoint], ..Snapshot::default() }
}

#[test]
fn p_the_chance_of_go() {
    let Some(sections) = golden() else { return };
    let largest = |n: u64| (0..n).take_while(|k| interval::upper_bound(*k, n, 0.95) < 0.001).last().unwrap();
    let (day, pooled) = (largest(10_000), largest(140_000));
    let mut rows = 0;
    for line in &sections[&'P'] {
        if line.starts_with("pooled") {
            assert_eq!((day, pooled), (4, after(line, "GO k = ") as u64));
            for (p, key) in [(0.001, "p=.001)="), (0.0008, "p=.0008)="), (0.0005, "p=.0005)=")] {
                close(interval::at_most(pooled, 140_000, p), after(line, key), 6, line);
            }
            continue;
        }
        let p = after(line, "p=");
        let single = interval::at_most(day, 10_000, p);
        close(single, after(line, "k<=4 of 10000)="), 6, line);
        close(single.powi(14), after(line, "all14="), 5, line);
        close(interval::at_most(pooled, 140_000, p), after(line, "of 140000)="), 6, line);
        rows += 1;
    }
    assert_eq!(rows, 5);
}

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::config::ClientMark;
use crate::exchange::Observation;
use crate::ledger::{CaptureBooks, WireBooks};
use crate::tally::specimens::{MEDIA, RULES, answer, asked, comparer, varied};
use crate::tally::{MAX_KEPT, Signature, Tally, TimeCounts};

fn rules(text: &str) -> RuleSet {
    RuleSet::parse("rules.yaml", text, jiff::civil::date(2026, 11, 25)).unwrap()
}

/// What a run under these rules shows.
fn run(observations: &[Observation], rules: &str) -> Snapshot {
    let comparer = comparer(rules);
    let mut tally = Tally::new();
    for one in observations {
        let comparison = comparer.compare(one);
        tally.absorb(one, &comparison, &ClientMark::Address, || comparer.example(one, &comparison));
        tally.keep(one, &comparison, &ClientMark::Address, &comparer);
    }
    let endpoints = ["GET /a", "GET /b/{id}", "GET /c"].map(crate::tally::invented::endpoint);
    let n = observations.len() as u64;
    let wire = WireBooks {
        frames: n,
        frames_used: n,
        requests: n,
        requests_paired: n,
        answers: n,
        answers_paired: n,
        ..WireBooks::default()
    };
    tally.snapshot(&endpoints, wire, CaptureBooks { finished: true, ..CaptureBooks::default() })
}

/// Outcomes, groups and rules of a snapshot, as far as they do not hang on which example was first.
fn shown(snapshot: &Snapshot) -> String {
    let groups: BTreeSet<_> = snapshot
        .groups
        .iter()
        .map(|g| format!("{} {} {} {:?} {} {}", g.endpoint, g.place, g.kind, g.class, g.differences, g.exchanges))
        .collect();
    let rules: Vec<_> = snapshot.rules.iter().map(|r| (r.id.clone(), r.differences, r.exchanges)).collect();
    let endpoints: Vec<_> = snapshot
        .endpoints
        .iter()
        .map(|e| (e.endpoint.to_string(), &e.books, &e.accepted_by, &e.days, &e.statuses))
        .collect();
    format!("{:#?}", (endpoints, groups, rules, &snapshot.ledger.shadow, &snapshot.days))
}

fn rescored(snapshot: &Snapshot, old: &str, new: &str) -> (Snapshot, Rescored) {
    let (after, told) = rescore(snapshot, &[rules(old)], &comparer(new));
    assert_eq!(after.ledger.open_accounts(), []);
    let whole = after.ledger.shadow.iter().map(|books| (&after.over_time, books));
    for (series, books) in after.endpoints.iter().map(|e| (&e.over_time, &e.books)).chain(whole) {
        assert_eq!(series.total(), TimeCounts::of_books(books), "a series is of the outcomes that there are now");
    }
    if after.endpoints == snapshot.endpoints {
        assert_eq!(after.over_time, snapshot.over_time);
    }
    (after, told)
}

/// Of each signature.
const KEPT: u64 = MAX_KEPT as u64;
const MORE: &str =
    "- {id: prices, owner: o, reason: r, expires: 2099-01-31, at: {json: $.price}, accept: {max_rate: 100%}}\n";
const LEXEMES: &str =
    "- {id: text, owner: o, reason: r, expires: 2099-01-31, at: {json: $.price}, match: {lexeme: true}}\n";

fn without(id: &str) -> String {
    RULES.lines().filter(|line| !line.contains(&format!("id: {id},"))).map(|line| format!("{line}\n")).collect()
}

/// Answers that read the same and are written otherwise.
fn lexeme(sequence: u64) -> Observation {
    let body = |price: &str| format!("{{\"price\":{price}}}");
    asked(sequence, 0, answer(&[MEDIA], &body("1")), answer(&[MEDIA], &body("1.0")))
}

fn edits() -> Vec<String> {
    vec![
        format!("{RULES}{MORE}"),
        without("dates"),
        without("tags"),
        without("ids"),
        format!("{RULES}{LEXEMES}"),
        RULES.replace("json: $.id}", "json: $.id, endpoint: GET /a}"),
        RULES.replace("{json: $.id}, match: {shape: [integer, integer]}", "{json: $.id}, ignore: true"),
        "rules: []\n".to_owned(),
        RULES.to_owned(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn where_all_is_kept_it_is_as_if_it_had_run_under_the_new_rules(
        run_of in prop::collection::vec((0..5_u8, 0..2_u32), 1..14),
        edit in 0..9_usize,
    ) {
        let observations: Vec<_> = run_of
            .iter()
            .enumerate()
            .map(|(n, (way, number))| if *way == 1 { lexeme(n as u64) } else { varied(n as u64, *number, *way) })
            .collect();
        let new = &edits()[edit];
        let (after, told) = rescored(&run(&observations, RULES), RULES, new);
        let expected = run(&observations, new);
        // Whoever sums over some endpoints sums what the whole is made of.
        prop_assert_eq!(after.client_groups.all().mismatched, after.clients.mismatched);
        if told.known.inferred == 0 && told.known.unknown == 0 {
            prop_assert_eq!(shown(&after), shown(&expected));
            prop_assert_eq!(after.clients.mismatched, expected.clients.mismatched);
        }
        prop_assert_eq!(told.known.exact + told.known.inferred + told.known.unknown, run_of.len() as u64);
    }
}

#[test]
fn the_same_rules_change_nothing_and_everything_is_exact() {
    let observations: Vec<_> = (0..100).map(|n| varied(n, 0, (n % 5) as u8)).collect();
    // What is said of the rules is said anew under others.
    let before = Snapshot { trial: None, ..run(&observations, RULES) };
    let renamed = RULES.replace("owner: o", "owner: another-team").replace("reason: r", "reason: told better");
    let (after, told) = rescored(&before, RULES, &renamed);
    assert_eq!(Snapshot { rescoring: None, ..after }, before);
    assert_eq!((told.known.exact, told.known.inferred, told.known.unknown), (100, 0, 0));
    assert!(told.endpoints.is_empty() && told.moves.is_empty() && told.changed.is_empty());
}

#[test]
fn what_goes_by_places_is_inferred_for_all_of_it_and_what_nothing_concerns_is_exact() {
    let observations: Vec<_> = (0..1000).map(|n| varied(n, 0, (n % 5) as u8)).collect();
    let mut settled = 0;
    for new in edits() {
        let (after, told) = rescored(&run(&observations, RULES), RULES, &new);
        let expected = run(&observations, &new);
        let (books, wanted) = (after.ledger.shadow.as_ref().unwrap(), expected.ledger.shadow.as_ref().unwrap());
        // What is not known is never in favour of the candidate.
        assert!(books.matched <= wanted.matched && books.accepted <= wanted.accepted, "{new}");
        assert_eq!(told.known.exact + told.known.inferred + told.known.unknown, 1000, "{new}");
        if told.known.unknown == 0 {
            settled += 1;
            assert_eq!(shown(&after), shown(&expected), "{new}");
        } else {
            let lost = books.not_comparable.total();
            assert_eq!(books.matched + books.accepted + books.mismatched + lost, 1000, "{new}");
            assert!(lost > 0 || books.mismatched >= wanted.mismatched, "{new}");
        }
    }
    assert_eq!(settled, 5, "of the edits");
    let (_, told) = rescored(&run(&observations, RULES), RULES, &format!("{RULES}{MORE}"));
    // An accept rule on a JSON place concerns what differs in JSON: not the equal answers, not those with another date.
    assert_eq!((told.known.exact, told.known.inferred), (400 + 3 * KEPT, 3 * (200 - KEPT)));
    assert_eq!(told.before["mismatched"], 200);
    assert_eq!((told.after.get("mismatched"), told.after["accepted"]), (None, 200));
    assert_eq!(
        (told.moves[0].from.as_str(), told.moves[0].to.as_str(), told.moves[0].exchanges),
        ("mismatched", "accepted", 200)
    );
    assert_eq!((told.moves[0].asked_of, told.moves[0].all), (KEPT, 200));
}

/// One in `rare` of the prices is wrong, and none of those that are kept is.
fn rarely_wrong(rare: u64) -> Vec<Observation> {
    let right = run(&(0..3400).map(|n| price(n, 101)).collect::<Vec<_>>(), "rules: []\n");
    let kept: BTreeSet<u64> = right.signatures.iter().flat_map(|s| &s.kept).map(|kept| kept.sequence).collect();
    (0..3400).map(|n| price(n, if n % rare == 0 && !kept.contains(&n) { 5100 } else { 101 })).collect()
}

#[test]
fn values_are_known_of_those_that_are_kept_and_however_many_agree_of_no_others() {
    let observations = rarely_wrong(100);
    let before = run(&observations, "rules: []\n");
    for says in [
        "match: {tolerance: 2}",
        "match: {shape: integer}",
        "match: {regex: '^1..$'}",
        "match: {case: insensitive, type: same}",
        "match: {order: unordered}",
        "match: {keyed: id}",
        "match: {lexeme: true}",
    ] {
        let new = format!(
            "rules:\n- {{id: near, owner: o, reason: r, expires: 2099-01-31, at: {{json: $.price}}, {says}}}\n"
        );
        let (after, told) = rescored(&before, "rules: []\n", &new);
        assert_eq!((told.known.exact, told.known.inferred, told.known.unknown), (KEPT, 0, 3400 - KEPT), "{says}");
        let books = after.ledger.shadow.unwrap();
        assert!(books.matched <= KEPT && books.matched + books.mismatched + books.not_comparable.total() == 3400);
    }
    // The same exchanges by what is the same in all of them.
    for (at, says, outcome) in [
        ("json: $.price", "ignore: true", "matched"),
        ("json: '$..price'", "ignore: true", "matched"),
        ("json: '$.*'", "accept: {kind: value, max_rate: 100%}", "accepted"),
        ("json: $.price", "match: {type: same}", "matched"),
        ("json: $.price", "accept: {kind: missing, max_rate: 100%}", "mismatched"),
        ("json: $.price, endpoint: 'GET /**'", "ignore: true", "matched"),
        ("json: $.price, endpoint: 'GET /a/{id}'", "match: {tolerance: 2}", "mismatched"),
        ("json: $.other", "match: {tolerance: 2}", "mismatched"),
        ("json: $.price", "match: {null_is_absent: true}", "mismatched"),
        ("body: true", "ignore: true", "mismatched"),
    ] {
        let new = format!("rules:\n- {{id: all, owner: o, reason: r, expires: 2099-01-31, at: {{{at}}}, {says}}}\n");
        let (_, told) = rescored(&before, "rules: []\n", &new);
        assert_eq!((told.known.unknown, told.after[outcome]), (0, 3400), "{at} {says}");
    }
    // By a position, or by what a name is: only those that are kept.
    for at in ["json: '$.prices[0]'", "json: \"$['2026-11-20']\"", "json: '$[?@.price > 1].price'"] {
        let new =
            format!("rules:\n- {{id: all, owner: o, reason: r, expires: 2099-01-31, at: {{{at}}}, ignore: true}}\n");
        let (_, told) = rescored(&before, "rules: []\n", &new);
        assert_eq!(told.known.unknown, 3400 - KEPT, "{at}");
    }
}

#[test]
fn a_rule_that_stays_is_asked_anew_where_one_before_it_goes() {
    let observations = rarely_wrong(100);
    let rule = |id: &str, says: &str| {
        format!("- {{id: {id}, owner: o, reason: r, expires: 2099-01-31, at: {{json: $.price}}, {says}}}\n")
    };
    let (all, near) = (rule("all", "ignore: true"), rule("near", "match: {tolerance: 2}"));
    let old = format!("rules:\n{all}{near}");
    let before = run(&observations, &old);
    assert_eq!(before.ledger.shadow.as_ref().unwrap().matched, 3400);
    // Under the old rules nobody asked it.
    for new in [format!("rules:\n{near}"), format!("rules:\n{near}{all}")] {
        let (_, told) = rescored(&before, &old, &new);
        assert_eq!(told.known.unknown, 3400 - KEPT, "{new}");
    }
    // What it answered for it answers for still, whatever comes behind it; and where it declined it declines.
    let turned = format!("rules:\n{near}");
    let (_, told) = rescored(&run(&observations, &turned), &turned, &format!("rules:\n{near}{all}"));
    assert_eq!((told.known.unknown, told.after["matched"]), (0, 3400));
}

fn price(sequence: u64, price: u64) -> Observation {
    let body = |price: u64| format!("{{\"price\":{price}}}");
    asked(sequence, 0, answer(&[MEDIA], &body(100)), answer(&[MEDIA], &body(price)))
}

const NEAR: &str =
    "rules:\n- {id: near, owner: o, reason: r, expires: 2099-01-31, at: {json: $.price}, match: {tolerance: 2}}\n";

#[test]
fn where_they_disagree_the_rest_counts_against_the_candidate() {
    let observations: Vec<_> = (0..400).map(|n| price(n, if n % 2 == 0 { 101 } else { 110 })).collect();
    let before = run(&observations, "rules: []\n");
    let (after, told) = rescored(&before, "rules: []\n", NEAR);
    let books = after.ledger.shadow.as_ref().unwrap();
    assert_eq!((told.known.exact, told.known.inferred, told.known.unknown), (KEPT, 0, 400 - KEPT));
    assert!(books.matched > 0 && books.matched < KEPT && books.mismatched >= 400 - KEPT, "{books:?}");
    assert_eq!(after.groups[0].exchanges, books.mismatched);
    // The other way: what a removed rule hid mismatches in part, so all that is not kept does.
    let hidden = run(
        &observations,
        "rules:\n- {id: all, owner: o, reason: r, expires: 2099-01-31, at: {json: $.price}, ignore: true}\n",
    );
    assert_eq!(hidden.ledger.shadow.as_ref().unwrap().matched, 400);
    let all = "rules:\n- {id: all, owner: o, reason: r, expires: 2099-01-31, at: {json: $.price}, ignore: true}\n";
    let (after, told) = rescored(&hidden, all, NEAR);
    assert_eq!((told.known.unknown, told.removed.len(), told.added.len()), (400 - KEPT, 1, 1));
    assert!(after.ledger.shadow.as_ref().unwrap().mismatched >= 400 - KEPT);
    assert!((told.known.unknown_share() - (400 - KEPT) as f64 / 400.0).abs() < 1e-9);
}

#[test]
fn what_is_not_kept_is_no_evidence_any_more_and_a_mismatch_stays_one() {
    let observations: Vec<_> = (0..40).map(|n| varied(n, 0, 7)).collect();
    let old =
        "rules:\n- {id: all, owner: o, reason: r, expires: 2099-01-31, at: {json: $.x}, ignore: {presence: any}}\n";
    for (before_rules, mismatched) in [(old, 0), ("rules: []\n", 40)] {
        let before = run(&observations, before_rules);
        assert_eq!(before.ledger.shadow.as_ref().unwrap().mismatched, mismatched);
        let other = "rules:\n- {id: other, owner: o, reason: r, expires: 2099-01-31, at: {json: $.y}, ignore: true}\n";
        let (after, told) = rescored(&before, before_rules, other);
        let books = after.ledger.shadow.as_ref().unwrap();
        assert_eq!(told.known.unknown, 40);
        assert_eq!((books.mismatched, books.not_comparable.total(), books.matched), (mismatched, 40 - mismatched, 0));
    }
    // Without any signature, as a tally that kept nothing has it.
    let mut bare = run(&observations, old);
    bare.signatures = Vec::<Signature>::new();
    let (after, told) = rescored(&bare, old, "rules: []\n");
    assert_eq!((told.known.unknown, after.ledger.shadow.unwrap().not_comparable.total()), (40, 40));
}

#[test]
fn mismatches_that_are_new_lie_on_the_clients_that_had_them() {
    let all = "rules:\n- {id: all, owner: o, reason: r, expires: 2099-01-31, at: {json: $.price}, ignore: true}\n";
    let observations: Vec<_> = (0..600)
        .map(|n| {
            let mut one = if n % 6 == 0 { price(n, 110) } else { price(n, 100) };
            one.exchange.client = ([10, 0, 0, (n % 6) as u8], 4000).into();
            one
        })
        .collect();
    let (after, _) = rescored(&run(&observations, all), all, "rules: []\n");
    let clients = after.clients;
    assert_eq!(
        (clients.compared, clients.mismatched, clients.with_mismatch, clients.most_mismatched),
        (600, 100, 1, 100)
    );
    assert_eq!(after.endpoints[0].clients, clients);
}

#[test]
fn what_a_rule_could_concern() {
    let observations: Vec<_> = (0..50).map(|n| varied(n, (n % 2) as u32, (n % 5) as u8)).collect();
    let before = run(&observations, RULES);
    for (rule, concerned) in [
        ("at: {header: [x-other]}, ignore: true", 0),
        ("at: {header: [date]}, ignore: {type: any}", 20),
        ("at: {header: [date], endpoint: 'GET /a'}, ignore: true", 10),
        ("at: {header: [date], endpoint: 'POST /a'}, ignore: true", 0),
        ("at: {status: true}, accept: {max_rate: 1%}", 0),
        ("at: {json: $.nothing}, ignore: true", 30),
        ("at: {json: $.nothing}, match: {lexeme: true}", 50),
        ("at: {json: $.nothing}, match: {order: unordered}", 50),
    ] {
        let text = format!("- {{id: one-more, owner: o, reason: r, expires: 2099-01-31, {rule}}}\n");
        let Ok(new) = RuleSet::parse("r.yaml", &format!("{RULES}{text}"), jiff::civil::date(2026, 11, 25)) else {
            panic!("{text}")
        };
        let changed = Changed::between(&[rules(RULES)], &new);
        let of: u64 = before.signatures.iter().filter(|s| changed.may_concern(s)).map(|s| s.exchanges).sum();
        assert_eq!(of, concerned, "{rule}");
    }
    let reordered = RULES.lines().rev().filter(|line| line.starts_with('-'));
    let reordered: String =
        std::iter::once("rules:".to_owned()).chain(reordered.map(str::to_owned)).collect::<Vec<_>>().join("\n");
    let changed = Changed::between(&[rules(RULES)], &rules(&reordered));
    assert!(changed.reordered && changed.added.is_empty() && changed.changed.is_empty());
}

#[test]
fn what_was_not_seen_of_an_exchange_is_not_taken_for_absent() {
    let header = |value| answer(&[MEDIA, ("x-a", value)], "{}");
    // The body of some was cut off by the capture: the header mismatches in all of them, and says nothing of these bodies.
    let cut = |n: u64| {
        let mut one = asked(n, 0, header("1"), header("2"));
        if n.is_multiple_of(10) {
            let body = &mut one.exchange.response.as_mut().unwrap().body;
            (body.bytes, body.length) = (bytes::Bytes::new(), 100_000);
        }
        one
    };
    let before = run(&(0..400).map(cut).collect::<Vec<_>>(), "rules: []\n");
    assert_eq!((before.signatures.len(), before.ledger.shadow.as_ref().unwrap().mismatched), (2, 400));
    let new = "rules:\n- {id: a, owner: o, reason: r, expires: 2099-01-31, at: {header: x-a}, ignore: true}\n";
    let (after, told) = rescored(&before, "rules: []\n", new);
    let books = after.ledger.shadow.unwrap();
    assert_eq!((books.matched, books.not_comparable.total()), (360, 40));
    assert_eq!(told.known.unknown, 40 - KEPT);
    // More differences than are listed: those that nobody sees are of a place that the rule does not mean.
    let many = |n: u64| {
        let list = |by: u64| (0..150).map(|i| format!("{{\"x\":{}}}", i + by)).collect::<Vec<_>>().join(",");
        let other = u64::from(n.is_multiple_of(3));
        let body = |by: u64, z: u64| format!("{{\"a\":[{}],\"z\":{z}}}", list(by));
        asked(n, 0, answer(&[MEDIA], &body(0, 0)), answer(&[MEDIA], &body(1_000, other)))
    };
    let before = run(&(0..300).map(many).collect::<Vec<_>>(), "rules: []\n");
    let new = "rules:\n- {id: a, owner: o, reason: r, expires: 2099-01-31, at: {json: '$.a[*].x'}, ignore: true}\n";
    let (after, told) = rescored(&before, "rules: []\n", new);
    assert_eq!((told.known.inferred, told.known.unknown), (0, 300 - told.known.exact));
    assert!(after.ledger.shadow.unwrap().matched <= 200);
}

//! Rule files: what they say, and what is said of those that say nothing.

use proptest::prelude::*;

use super::*;
use crate::exchange::{DifferenceKind, Location, RuleAnswer, Segment};

const TODAY: Date = jiff::civil::date(2026, 11, 21);

/// A file with one rule: `at` and the answer, each on a line of its own (6 and 7).
fn one(at: &str, answer: &str) -> String {
    format!(
        "rules:\n  - id: r\n    owner: o\n    reason: because\n    expires: 2027-01-31\n    at: {at}\n    {answer}\n"
    )
}

fn parse(text: &str) -> Result<RuleSet, RuleError> {
    RuleSet::parse("rules/x.yaml", text, TODAY)
}

fn set(at: &str, answer: &str) -> RuleSet {
    parse(&one(at, answer)).unwrap_or_else(|e| panic!("{at} {answer}: {e}"))
}

fn refused(text: &str) -> String {
    let message = parse(text).map(|_| ()).expect_err(text).to_string();
    assert_eq!(message.lines().count(), 1, "{message}");
    message
}

fn path(pointer: &str) -> Vec<Segment> {
    let segment = |s: &str| s.parse().map(Segment::Index).unwrap_or_else(|_| Segment::Key(s.to_owned()));
    pointer.split('/').skip(1).map(segment).collect()
}

/// Whether the set answers for a difference at a JSON place, given as `{pointer} kind legacy candidate`.
fn on_json(set: &RuleSet, pointer: &str, kind: DifferenceKind, sides: (&str, &str)) -> Option<RuleAnswer> {
    let documents = Documents::new(b"", b"");
    let at = path(pointer);
    let spot = Spot::Json { legacy: &at, candidate: &at, documents: &documents };
    let of = |text| if text == "-" { None } else { Some(text) };
    let found = Found { spot, kind, legacy: of(sides.0), candidate: of(sides.1), legacy_twice: false };
    set.judge("GET", b"/orders/7").answer(&found).map(|hit| hit.answer)
}

fn on_header(set: &RuleSet, name: &str, kind: DifferenceKind, sides: (Option<&str>, Option<&str>)) -> bool {
    let found = Found { spot: Spot::Header(name), kind, legacy: sides.0, candidate: sides.1, legacy_twice: false };
    set.judge("GET", b"/orders/7").answer(&found).is_some()
}

#[test]
fn what_is_wrong_is_said_in_one_line_with_the_place_and_the_way_out() {
    for (at, answer, line, words) in [
        ("{json: $.a, jsn: $.b}", "ignore: true", 6, "unknown key 'jsn'; expected endpoint, json, header, cookie"),
        ("{json: $.a}", "ignore: {tpe: any}", 7, "unknown key 'tpe'; expected type, presence"),
        ("{json: $.a}", "ignor: true", 7, "unknown key 'ignor'; expected id, owner, reason, expires, at, ignore"),
        ("{json: '$.a['}", "ignore: true", 6, "json '$.a[': not a JSONPath (RFC 9535)"),
        ("{json: []}", "ignore: true", 6, "json: a list of 0; write one to 100"),
        ("{endpoint: orders, json: $.a}", "ignore: true", 6, "there is no path; write it as 'GET /orders/{id}'"),
        ("{}", "ignore: true", 6, "names no place in an answer; name exactly one of"),
        ("{json: $.a, header: b}", "ignore: true", 6, "more than one place"),
        ("{header: 'a b'}", "ignore: true", 6, "no field has that name"),
        ("{header: '*'}", "ignore: true", 6, "there is no wildcard"),
        ("{cookie: 'a=b'}", "ignore: true", 6, "no cookie has that name; write 'sid'"),
        ("{cookie: '*'}", "ignore: true", 6, "the value of every cookie; name the cookies"),
        ("{status: 99}", "ignore: true", 6, "status [99]: not one or two status codes; write true"),
        ("{status: [1, 2, 3]}", "ignore: true", 6, "not one or two status codes"),
        ("{status: soon}", "ignore: true", 6, "expected true, the legacy's status code"),
        ("{text: '('}", "ignore: true", 6, "text '(': unclosed group; the syntax is that of"),
        ("{text: '(a{1000}){1000}'}", "ignore: true", 6, "exceeds size limit"),
        ("{body: false}", "ignore: true", 6, "write 'body: true'"),
        ("{json: $.a}", "ignore: false", 7, "take the rule out"),
        ("{json: $.a}", "ignore: {type: none}", 7, "type 'none': not an option of ignore; write 'type: any'"),
        ("{json: $.a}", "match: {}", 7, "it says nothing; write one of type, shape"),
        ("{json: $.a}", "match: {shape: guid}", 7, "shape 'guid': not a shape; the shapes are integer, number"),
        ("{json: $.a}", "match: {shape: [uuid, ulid, hex]}", 7, "a list of 3; write one shape for both"),
        ("{json: $.a}", "match: {tolerance: -1}", 7, "tolerance '-1': not a distance; write a number"),
        ("{json: $.a}", "match: {tolerance: 1, skew: 5s}", 7, "more than one way; keep one of"),
        ("{json: $.a}", "match: {skew: 5}", 7, "skew '5': not a duration; write it with its unit"),
        (
            "{json: $.a}",
            "match: {order: sorted}",
            7,
            "order 'sorted': not an option of match; write 'order: unordered'",
        ),
        ("{json: $.a}", "match: {order: unordered, case: insensitive}", 7, "stand alone; write a second rule"),
        ("{json: $.a}", "match: {order: unordered, keyed: sku}", 7, "the same twice; keep keyed"),
        ("{json: '$.a[-1]'}", "match: {keyed: sku}", 7, "need a path without filters"),
        ("{json: $.a}", "match: {keyed: ''}", 7, "name the member"),
        ("{header: a}", "match: {lexeme: true}", 7, "are about JSON"),
        ("{json: $.a}", "match: {lexeme: true, type: same}", 7, "lexeme stands alone"),
        ("{json: $.a}", "match: {lexeme: false}", 7, "that is so without the key; leave it out"),
        ("{json: $.a}", "match: {whitespace: all}", 7, "write trim, collapse or remove"),
        ("{json: $.a}", "match: {regex: '(?=a)'}", 7, "look-around"),
        (
            "{json: $.a}",
            "accept: {max_rate: 0.01}",
            7,
            "max_rate '0.01': not a share of exchanges; write it with its unit",
        ),
        ("{json: $.a}", "accept: {max_rate: 101%}", 7, "not a share"),
        (
            "{json: $.a}",
            "accept: {kind: wrong}",
            7,
            "kind 'wrong': not a kind of difference; write one or several of value, type",
        ),
        ("{json: $.a}", "reason: again", 7, "'reason' stands here twice"),
        ("{json: $.a}", "# nothing", 2, "the key 'ignore, match or accept' is missing"),
        ("{json: $.a}", "ignore: true\n    accept: true", 2, "more than one answer; keep one of"),
    ] {
        let message = refused(&one(at, answer));
        let place = format!("rules/x.yaml:{line}: ");
        assert!(message.starts_with(&place) && message.contains(words), "{at} {answer}: {message}");
    }
}

#[test]
fn what_every_rule_has_is_asked_for_at_its_first_line() {
    let rule = [("id", "r"), ("owner", "o"), ("reason", "r"), ("expires", "2027-01-31"), ("at", "{json: $.a}")];
    for (missing, _) in rule {
        let mut text = "rules:\n  - ignore: true\n".to_owned();
        rule.iter().filter(|(key, _)| *key != missing).for_each(|(k, v)| text.push_str(&format!("    {k}: {v}\n")));
        let message = refused(&text);
        assert!(
            message.starts_with(&format!("rules/x.yaml:2: the key '{missing}' is missing; every rule has")),
            "{message}"
        );
    }
    for (key, value, words) in [
        ("expires", "tomorrow", "rules/x.yaml:5: expires 'tomorrow': not a day; write the last day"),
        ("expires", "2027-02-30", "not a day"),
        ("expires", "20270131", "not a day"),
        ("owner", "' '", "rules/x.yaml:3: owner: it is empty; say it in words"),
        ("id", "a b", "rules/x.yaml:2: id 'a b': not a name; write letters"),
    ] {
        let text = one("{json: $.a}", "ignore: true");
        let text: String = text
            .lines()
            .map(|line| match line.split_once(&format!("{key}: ")) {
                Some((before, _)) if !line.contains("at:") => format!("{before}{key}: {value}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        assert!(refused(&text).contains(words), "{}", refused(&text));
    }
}

#[test]
fn what_is_no_rule_file_is_refused() {
    for (text, words) in [
        ("", "rules/x.yaml:1: "),
        ("rules: 7", "rules/x.yaml:1: expected sequence"),
        ("roles: []", "rules/x.yaml:1: unknown key 'roles'; expected rules"),
        ("- a", "rules/x.yaml:1: "),
        ("rules: [", "rules/x.yaml:1: "),
        ("a: b", "unknown key 'a'"),
        ("{}", "with the key 'rules:'"),
        ("rules: []\n---\nrules: []\n", "rules/x.yaml:2: "),
    ] {
        assert!(refused(text).contains(words), "{text:?}: {}", refused(text));
    }
    assert!(parse("rules: []").unwrap().rules().is_empty());
    assert!(refused(&" ".repeat(MAX_FILE_BYTES + 1)).contains("split or shorten"));
    let many: String = (0..=MAX_RULES)
        .map(|i| {
            format!("  - {{id: r{i}, owner: o, reason: r, expires: 2027-01-31, at: {{status: true}}, ignore: true}}\n")
        })
        .collect();
    assert!(refused(&format!("rules:\n{many}")).contains("a run may have 2000 rules"));
}

#[test]
fn aliases_cannot_blow_a_file_up() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..10 {
        let aliases = vec![format!("*a{}", i - 1); 10].join(", ");
        bomb.push_str(&format!("a{i}: &a{i} [{aliases}]\n"));
    }
    let started = std::time::Instant::now();
    refused(&format!("rules: []\n{bomb}"));
    refused(&format!("rules: {}", "[".repeat(100_000)));
    let many = refused(&one(&format!("{{status: [{}]}}", "404,".repeat(100_001)), "ignore: true"));
    assert!(many.contains("it has more values than such a file may have") && !many.contains("budget"), "{many}");
    assert!(started.elapsed().as_secs() < 5);
}

#[test]
fn an_id_is_unique_over_all_files_and_both_places_are_named() {
    let text = one("{json: $.a}", "ignore: true");
    let twice = [("rules/a.yaml".to_owned(), text.clone()), ("rules/b.yaml".to_owned(), text)];
    let message = RuleSet::from_texts(twice, TODAY).unwrap_err().to_string();
    assert_eq!(
        message,
        "rules/b.yaml:2: the id 'r' is already the name of the rule at rules/a.yaml:2; give one of them another id"
    );
}

#[test]
fn files_are_read_in_order_and_a_missing_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let second = one("{json: $.a}", "accept: true").replace("id: r", "id: second");
    let paths = [file("1.yaml", &one("{json: $.a}", "ignore: true")), file("2.yaml", &second)];
    assert_eq!(
        on_json(&load(&paths, TODAY).unwrap(), "/a", DifferenceKind::Value, ("1", "2")),
        Some(RuleAnswer::Ignore)
    );
    let turned = [paths[1].clone(), paths[0].clone()];
    assert_eq!(
        on_json(&load(&turned, TODAY).unwrap(), "/a", DifferenceKind::Value, ("1", "2")),
        Some(RuleAnswer::Accept)
    );
    let message = load(&[folder.path().join("3.yaml")], TODAY).unwrap_err().to_string();
    assert!(message.contains("3.yaml: cannot read the rule file") && message.contains("check the policy's 'rules:'"));
    let big = file("big.yaml", &"#".repeat(MAX_FILE_BYTES + 1));
    assert!(load(&[big], TODAY).unwrap_err().to_string().contains("big.yaml: a rule file may have 1048576 bytes"));
}

#[test]
fn the_shipped_rules_are_had_alone_and_beside_others() {
    let folder = tempfile::tempdir().unwrap();
    let mine = folder.path().join("mine.yaml");
    std::fs::write(&mine, one("{json: $.a}", "ignore: true")).unwrap();
    let shipped = RuleSet::common(TODAY).unwrap().rules().len();
    let count = |paths: &[PathBuf]| load_or_common(paths, TODAY).unwrap().rules().len();
    assert_eq!(count(&[]), shipped);
    assert_eq!(count(std::slice::from_ref(&mine)), 1);
    assert_eq!(count(&[folder.path().join("common"), mine.clone()]), shipped + 1);
    // A file of that name is what it is.
    std::fs::write(folder.path().join("common"), "rules: []").unwrap();
    assert_eq!(count(&[folder.path().join("common"), mine]), 1);
}

#[test]
fn a_rule_applies_up_to_its_last_day_and_is_then_noted_as_expired() {
    let text = one("{json: $.a}", "ignore: true");
    for (today, applies) in [(jiff::civil::date(2027, 1, 31), true), (jiff::civil::date(2027, 2, 1), false)] {
        let set = RuleSet::parse("x", &text, today).unwrap();
        assert_eq!(on_json(&set, "/a", DifferenceKind::Value, ("1", "2")).is_some(), applies);
        assert_eq!(set.notes()[0].expired, !applies);
    }
}

#[test]
fn notes_say_where_a_rule_applies_and_where_it_is_written() {
    let note = |at: &str, answer: &str| set(at, answer).notes().remove(0);
    let first = note("{endpoint: 'POST /orders/{id}', json: [$.a, $.b]}", "accept: {max_rate: 0.5%}");
    assert_eq!((&*first.id, &*first.owner, &*first.reason, &*first.expires), ("r", "o", "because", "2027-01-31"));
    assert_eq!(
        (&*first.at, &*first.source, first.max_rate),
        ("POST /orders/{id} json $.a, $.b", "rules/x.yaml:2", Some(0.005))
    );
    for (at, words) in [
        ("{header: [Date, Age]}", "header date, age"),
        ("{cookie: [sid, '*; Expires']}", "cookie sid, *; expires"),
        ("{status: true}", "status"),
        ("{status: 404}", "status 404"),
        ("{status: [404, 410]}", "status 404 to 410"),
        ("{text: '^a'}", "text /^a/"),
        ("{endpoint: /health, body: true}", "* /health body"),
    ] {
        assert_eq!(note(at, "ignore: true").at, words);
    }
}

#[test]
fn an_ignored_place_must_still_be_there_with_the_same_type() {
    use DifferenceKind::{Extra, Missing, Type, Value};
    let answers = |answer: &str, pointer: &str, kind, sides| {
        on_json(&set("{json: $.meta}", answer), pointer, kind, sides).is_some()
    };
    for (answer, expected) in [
        ("ignore: true", [true, false, false, false]),
        ("ignore: {type: any}", [true, true, false, false]),
        ("ignore: {presence: any}", [true, false, true, true]),
        ("ignore: {presence: any, type: any}", [true, true, true, true]),
    ] {
        let found = [
            answers(answer, "/meta", Value, ("1", "2")),
            answers(answer, "/meta", Type, ("1", "\"1\"")),
            answers(answer, "/meta", Missing, ("1", "-")),
            answers(answer, "/meta", Extra, ("-", "1")),
        ];
        assert_eq!(found, expected, "{answer}");
        // Inside of it everything may differ.
        assert!(answers(answer, "/meta/a/0", Type, ("1", "\"1\"")) && answers(answer, "/meta/a", Missing, ("1", "-")));
        assert!(!answers(answer, "/other", Value, ("1", "2")));
    }
}

#[test]
fn a_value_that_was_cut_for_showing_is_taken_whole_from_the_document() {
    let long = |end: &str| format!("{{\"a\":\"{}{end}\"}}", "x".repeat(300));
    let (legacy, candidate, other) = (long("A"), long("a"), long("b"));
    let cut = format!("\"{}…", "x".repeat(255));
    let set = set("{json: $.a}", "match: {case: insensitive}");
    for (candidate, answered) in [(&candidate, true), (&other, false)] {
        let documents = Documents::new(legacy.as_bytes(), candidate.as_bytes());
        let at = path("/a");
        let spot = Spot::Json { legacy: &at, candidate: &at, documents: &documents };
        let found =
            Found { spot, kind: DifferenceKind::Value, legacy: Some(&cut), candidate: Some(&cut), legacy_twice: false };
        assert_eq!(set.judge("GET", b"/").answer(&found).is_some(), answered);
    }
}

#[test]
fn header_cookie_status_and_text_places() {
    use DifferenceKind::{Missing, Value};
    let ignored = set("{header: ETag}", "ignore: true");
    assert!(on_header(&ignored, "etag", Value, (Some("a"), Some("b"))));
    assert!(!on_header(&ignored, "etag", Missing, (Some("a"), None)));
    assert!(!on_header(&ignored, "etags", Value, (Some("a"), Some("b"))));
    assert!(on_header(&set("{header: etag}", "ignore: {presence: any}"), "etag", Missing, (Some("a"), None)));

    let ask = |set: &RuleSet, spot, legacy, candidate| {
        set.judge("GET", b"/")
            .answer(&Found { spot, kind: Value, legacy: Some(legacy), candidate: Some(candidate), legacy_twice: false })
            .is_some()
    };
    let sid = Spot::Cookie { name: "sid", attribute: None };
    let expires = Spot::Cookie { name: "sid", attribute: Some("expires") };
    let value = set("{cookie: sid}", "ignore: true");
    assert!(ask(&value, sid, "a", "b") && !ask(&value, expires, "a", "b"));
    let every = set("{cookie: '*; Expires'}", "ignore: true");
    assert!(ask(&every, expires, "a", "b") && !ask(&every, sid, "a", "b"));
    let all = set("{header: Set-Cookie}", "ignore: true");
    assert!(ask(&all, sid, "a", "b") && ask(&all, expires, "a", "b"));

    for (at, expected) in
        [("true", [true, true, true]), ("404", [true, true, false]), ("[404, 410]", [true, false, false])]
    {
        let set = set(&format!("{{status: {at}}}"), "accept: true");
        let asked = [("404", "410"), ("404", "200"), ("200", "410")].map(|(a, b)| ask(&set, Spot::Status, a, b));
        assert_eq!(asked, expected, "{at}");
    }

    let lines = set("{text: '^at '}", "ignore: true");
    assert!(ask(&lines, Spot::Line, "at 1", "at 2") && !ask(&lines, Spot::Line, "at 1", "in 2"));
    assert!(
        ask(&set("{body: true}", "ignore: true"), Spot::Body, "a", "b") && !ask(&lines, Spot::Body, "at 1", "at 2")
    );
}

#[test]
fn an_endpoint_limits_a_rule_to_its_requests() {
    let set = set("{endpoint: 'GET /orders/{id}', status: true}", "ignore: true");
    let found = Found {
        spot: Spot::Status,
        kind: DifferenceKind::Value,
        legacy: Some("200"),
        candidate: Some("201"),
        legacy_twice: false,
    };
    assert!(set.judge("GET", b"/orders/7").answer(&found).is_some());
    assert!(set.judge("POST", b"/orders/7").answer(&found).is_none());
    assert!(set.judge("GET", b"/orders").answer(&found).is_none());
}

#[test]
fn an_accepted_kind_says_nothing_of_the_others() {
    let set = set("{json: $.links}", "accept: {kind: [extra, missing]}");
    assert_eq!(on_json(&set, "/links", DifferenceKind::Extra, ("-", "[]")), Some(RuleAnswer::Accept));
    assert_eq!(on_json(&set, "/links", DifferenceKind::Value, ("1", "2")), None);
}

#[test]
fn array_and_lexeme_rules_steer_the_walk_where_they_apply() {
    let text = "rules:\n  - {id: a, owner: o, reason: r, expires: 2027-01-31, at: {endpoint: GET /a, json: '$.tags'}, match: {order: unordered}}
  - {id: b, owner: o, reason: r, expires: 2027-01-31, at: {json: '$.lines'}, match: {keyed: sku}}
  - {id: c, owner: o, reason: r, expires: 2027-01-31, at: {json: '$.money'}, match: {lexeme: true}}
  - {id: d, owner: o, reason: r, expires: 2027-01-31, at: {json: '$.old'}, ignore: true}\n";
    let set = parse(text).unwrap();
    let judge = set.judge("GET", b"/a");
    let walk = judge.walk();
    assert!(!walk.is_plain());
    assert_eq!(walk.arrays(&path("/tags")), Some(&Arrays::Unordered));
    assert_eq!(walk.arrays(&path("/lines")), Some(&Arrays::Keyed("sku".into())));
    assert_eq!(walk.arrays(&path("/tags/0")), None);
    assert!(walk.lexeme(&path("/money/0/amount")) && !walk.lexeme(&path("/tags")));
    assert_eq!(set.judge("GET", b"/b").walk().arrays(&path("/tags")), None);
    assert!(self::set("{json: $.a}", "ignore: true").judge("GET", b"/").walk().is_plain());
}

#[test]
fn the_shipped_rules_are_in_order_and_each_has_its_reason() {
    let set = RuleSet::common(TODAY).unwrap();
    assert!(set.rules().len() > 10);
    for note in set.notes() {
        assert!(note.reason.len() > 40 && !note.expired && note.source.starts_with("rules/common.yaml:"), "{note:?}");
    }
    // None of them means a body, a status, or a header by pattern.
    assert!(set.rules().iter().all(|rule| matches!(rule.place.part, Part::Header(_) | Part::Cookie(_))));
    use DifferenceKind::{Missing, Value};
    assert!(on_header(&set, "date", Missing, (Some("x"), None)));
    assert!(on_header(&set, "etag", Value, (Some("\"a\""), Some("W/\"b\""))));
    assert!(!on_header(&set, "etag", Missing, (Some("\"a\""), None)));
    assert!(on_header(
        &set,
        "content-type",
        Value,
        (Some("text/html; charset=UTF-8"), Some("text/html;charset=utf-8"))
    ));
    assert!(!on_header(&set, "content-type", Value, (Some("text/html"), Some("text/plain"))));
    assert!(!on_header(&set, "cache-control", Value, (Some("no-store"), Some("public"))));
    assert!(!on_header(&set, "location", Value, (Some("/a"), Some("/b"))));
}

#[test]
fn every_example_of_the_readme_is_a_rule_file() {
    let readme = include_str!("../../rules/README.md");
    assert!(readme.lines().count() < 120, "one page");
    let blocks: Vec<&str> =
        readme.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap_or("")).collect();
    assert!(blocks.len() >= 4);
    let files = blocks.iter().enumerate().map(|(i, text)| (format!("rules/README.md block {i}"), (*text).to_owned()));
    let set = RuleSet::from_texts(files, TODAY).unwrap_or_else(|e| panic!("{e}"));
    assert!(set.rules().len() >= 16);
    for shape in Shape::ALL {
        assert!(readme.contains(shape.as_str()), "{shape} is not in the page");
    }
}

#[test]
fn a_place_is_spoken_of_as_differences_are_shown() {
    // The words of Location and of Place must not drift apart where both name a header.
    assert_eq!(Location::Header("etag".into()).to_string(), set("{header: ETag}", "ignore: true").notes()[0].at);
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
        let _ = parse(&text);
        let _ = parse(&one(&text, "ignore: true"));
        let _ = parse(&one("{json: $.a}", &text));
    }

    #[test]
    fn no_mixture_of_words_makes_the_reader_panic(words in prop::collection::vec(prop_oneof![
        Just("rules:"), Just("\n"), Just("\n  "), Just("\n    "), Just("- "), Just("id: a"), Just("at: "), Just("{"), Just("}"),
        Just("["), Just("]"), Just(", "), Just("json: "), Just("$..*"), Just("match: "), Just("ignore: "), Just("accept: "),
        Just("true"), Just("&a "), Just("*a"), Just("<<: "), Just("|\n"), Just("'"), Just("\""), Just("!!int "), Just("expires: 2027-01-31"),
    ], 0..40)) {
        let _ = parse(&words.concat());
    }

    /// A rule on all values of a document says nothing of what is no value of a document.
    #[test]
    fn a_rule_on_all_of_json_hides_no_status_and_no_header(name in "[a-z-]{1,12}", a in "\\PC{0,20}", b in "\\PC{0,20}", kind in 0usize..8) {
        for answer in ["ignore: {type: any, presence: any}", "accept: true"] {
            let set = set("{json: [$, '$..*']}", answer);
            let judge = set.judge("GET", b"/");
            for spot in [Spot::Status, Spot::Header(&name), Spot::Cookie { name: &name, attribute: None }, Spot::Line, Spot::Body] {
                let found = Found { spot, kind: DifferenceKind::ALL[kind], legacy: Some(&a), candidate: Some(&b), legacy_twice: false };
                prop_assert_eq!(judge.answer(&found), None);
            }
        }
    }
}

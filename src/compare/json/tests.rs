//! What the engine says of small pairs, each chosen for one thing.

use super::*;
use crate::exchange::pointer;

/// One line for each difference: `kind /path legacy candidate`.
fn lines(found: &JsonDiff) -> Vec<String> {
    let text = |side: &Option<String>| side.clone().unwrap_or("-".into());
    let line =
        |d: &JsonDifference| format!("{} {} {} {}", d.kind, pointer(&d.path), text(&d.legacy), text(&d.candidate));
    found.differences.iter().map(line).collect()
}

fn with(legacy: &str, candidate: &str, guide: &dyn Guide) -> Vec<String> {
    lines(&diff(legacy.as_bytes(), candidate.as_bytes(), guide).unwrap())
}

fn plain(legacy: &str, candidate: &str) -> Vec<String> {
    with(legacy, candidate, &Plain)
}

fn none() -> Vec<String> {
    Vec::new()
}

#[test]
fn spelling_does_not_matter() {
    assert_eq!(
        plain(r#"{"a":1,"b":[true,null,"é"]}"#, "{ \"b\" :[true,\r\nnull,\t\"\\u00e9\"], \"\\u0061\": 1.0e0 } "),
        none()
    );
    assert_eq!(plain("[-0, 0e5]", "[0,0]"), none());
    assert_eq!(plain("{}", "{ }"), none());
    assert_eq!(plain("null", "null "), none());
    assert_eq!(plain("[true]", "[true] "), none());
}

#[test]
fn each_kind_at_its_place() {
    assert_eq!(plain(r#"{"a":{"b":1}}"#, r#"{"a":{"b":2}}"#), ["value /a/b 1 2"]);
    assert_eq!(plain(r#"{"a":{"b":1}}"#, r#"{"a":{"b":"1"}}"#), [r#"type /a/b 1 "1""#]);
    assert_eq!(plain(r#"{"a":null}"#, "{}"), ["missing /a null -"]);
    assert_eq!(plain("{}", r#"{"a/b~":null}"#), ["extra /a~1b~0 - null"]);
    assert_eq!(plain("true", "false"), ["value  true false"]);
    assert_eq!(plain("null", "[]"), ["type  null []"]);
    assert_eq!(
        plain("10000000000000000999", "10000000000000001000"),
        ["value  10000000000000000999 10000000000000001000"]
    );
    assert_eq!(
        plain(r#"{"x":1,"y":2,"z":3}"#, r#"{"z":4,"w":0,"x":1}"#),
        ["missing /y 2 -", "value /z 3 4", "extra /w - 0"]
    );
}

#[test]
fn an_inserted_or_removed_element_is_one_difference() {
    assert_eq!(plain("[1,2,3,4,5,6,7]", "[0,1,2,3,4,5,6,7]"), ["extra /0 - 0"]);
    assert_eq!(plain("[1,2,3,4]", "[1,2,4]"), ["missing /2 3 -"]);
    assert_eq!(plain("[]", "[1,2]"), ["extra /0 - 1", "extra /1 - 2"]);
    assert_eq!(plain(r#"[{"a":1},{"a":2}]"#, r#"[{"a":1},{"a":9},{"a":2}]"#), [r#"extra /1 - {"a":9}"#]);
    let found = diff(b"[[1],[2],[3]]", b"[[0],[1],[3]]", &Plain).unwrap();
    assert_eq!(lines(&found), ["extra /0 - [0]", "missing /1 [2] -"]);
    assert_eq!(pointer(&found.differences[1].candidate_path), "/2");
}

#[test]
fn a_changed_element_is_looked_into() {
    assert_eq!(
        plain(r#"{"items":[{"p":1,"n":"x"},{"p":2,"n":"y"}]}"#, r#"{"items":[{"p":1,"n":"x"},{"p":3,"n":"y"}]}"#),
        ["value /items/1/p 2 3"]
    );
    assert_eq!(plain(r#"[1,{"a":1}]"#, r#"[2,{"a":"1"}]"#), ["value /0 1 2", r#"type /1/a 1 "1""#]);
    let found = diff(
        br#"[{"id":1,"n":"a","t":10},{"id":2,"n":"b","t":11},{"id":3,"n":"c","t":12}]"#,
        br#"[{"id":9,"n":"z","t":20},{"id":1,"n":"a","t":20},{"id":2,"n":"b","t":21},{"id":3,"n":"c","t":22}]"#,
        &Plain,
    )
    .unwrap();
    assert_eq!(
        lines(&found),
        [r#"extra /0 - {"id":9,"n":"z","t":20}"#, "value /0/t 10 20", "value /1/t 11 21", "value /2/t 12 22"]
    );
    assert_eq!(pointer(&found.differences[3].candidate_path), "/3/t");
}

#[test]
fn another_order_is_one_difference_at_the_array() {
    assert_eq!(plain("[1,2,3]", "[3,1,2]"), ["order  [1,2,3] [3,1,2]"]);
    assert_eq!(
        plain(r#"{"a":[{"x":1},{"x":2}, 5]}"#, r#"{"a":[{"x":2.0},{"x":1.0},5]}"#),
        [r#"order /a [{"x":1},{"x":2}, 5] [{"x":2.0},{"x":1.0},5]"#]
    );
}

/// Values whose hashes agree: such as are made of the same parts in another order.
#[test]
fn duplicate_names_are_not_taken_for_equal_by_a_hash() {
    for (legacy, candidate) in [
        (r#"{"a":[true,null],"a":0}"#, r#"{"a":[null,true],"a":0}"#),
        (r#"{"a":{"b":1,"b":2},"a":0}"#, r#"{"a":{"b":2,"b":1},"a":0}"#),
        (r#"{"a":true,"a":0}"#, r#"{"a":null,"a":0}"#),
    ] {
        let found = plain(legacy, candidate);
        assert!(found.len() == 1 && found[0].starts_with("duplicate-key /a "), "{found:?}");
    }
    let same = r#"{"a" :{"b":1.0,"c":[1,2],"c":3},"a":[{"d":"\u0065"}]}"#;
    assert_eq!(plain(r#"{"a":{"b":1,"c":[1,2],"c":3.0},"a":[{"d":"e"}]}"#, same), none());
    let sets = Everywhere(ArrayMode::Unordered, NumberMode::Value);
    assert_eq!(with(r#"{"a":[1,[2,3]],"a":0}"#, r#"{"a":[[3,2],1],"a":0}"#, &sets), none());
    let exact = Everywhere(ArrayMode::Ordered, NumberMode::Lexeme);
    let found = with(r#"{"a":[1.0],"a":0}"#, r#"{"a":[1],"a":0}"#, &exact);
    assert!(found[0].starts_with("duplicate-key /a "), "{found:?}");
}

#[test]
fn duplicate_names_count_only_where_the_sides_disagree() {
    assert_eq!(plain(r#"{"a":1,"a":2}"#, r#"{"a":2}"#), [r#"duplicate-key /a "a":1,"a":2 "a":2"#]);
    assert_eq!(
        plain(r#"{"a":1,"a":2}"#, r#"{"a":1,"a":3}"#),
        [r#"duplicate-key /a "a":1,"a":2 "a":1,"a":3"#, "value /a 2 3"]
    );
    assert_eq!(plain(r#"{"a":1,"a":2}"#, r#"{"a":3,"a":2}"#), [r#"duplicate-key /a "a":1,"a":2 "a":3,"a":2"#]);
    assert_eq!(
        plain(r#"{"a":1,"\u0061":2}"#, r#"{"b":1}"#),
        [r#"duplicate-key /a "a":1,"\u0061":2 -"#, "missing /a 2 -", "extra /b - 1"]
    );
    assert_eq!(plain(r#"{"a":1,"a":2,"b":1}"#, r#"{ "a":1, "a":2.0, "b":2 }"#), ["value /b 1 2"]);
    assert_eq!(plain(r#"{"b":1}"#, r#"{"b":1,"a":0,"a":0}"#), [r#"duplicate-key /a - "a":0,"a":0"#, "extra /a - 0"]);
}

#[test]
fn many_members_are_matched_by_name_too() {
    let object = |names: Vec<usize>| {
        let members: Vec<String> = names.iter().map(|n| format!("\"m{n}\":{n}")).collect();
        format!("{{{}}}", members.join(","))
    };
    let straight = object((0..100).collect());
    assert_eq!(plain(&straight, &object((0..100).rev().collect())), none());
    assert_eq!(plain(&straight, &straight.replace(":57", ":58")), ["value /m57 57 58"]);
    let twice = straight.replace("\"m3\"", "\"m60\"");
    assert_eq!(plain(&straight, &twice), ["missing /m3 3 -", r#"duplicate-key /m60 "m60":60 "m60":3,"m60":60"#]);
}

/// One mode for every array, and one for every number.
struct Everywhere(ArrayMode, NumberMode);

impl Guide for Everywhere {
    fn array(&self, _: &[Segment]) -> ArrayMode {
        self.0.clone()
    }
    fn number(&self, _: &[Segment]) -> NumberMode {
        self.1
    }
}

#[test]
fn a_guide_may_ask_for_the_text_of_numbers() {
    let lexeme = Everywhere(ArrayMode::Ordered, NumberMode::Lexeme);
    assert_eq!(with("[1.0,2,-0]", "[1,3,0]", &lexeme), ["lexeme /0 1.0 1", "value /1 2 3", "lexeme /2 -0 0"]);
    assert_eq!(with("[1.0,2]", "[2,1.0]", &lexeme), ["order  [1.0,2] [2,1.0]"]);
}

#[test]
fn a_guide_may_take_order_away() {
    let sets = Everywhere(ArrayMode::Unordered, NumberMode::Value);
    assert_eq!(with("[1,2,[3,4]]", "[[4,3.0],2,1]", &sets), none());
    assert_eq!(with("[1,1,2]", "[2,2,1]", &sets), ["missing /1 1 -", "extra /1 - 2"]);
    assert_eq!(
        with(r#"[{"a":1,"b":2},{"a":3,"b":4}]"#, r#"[{"b":4,"a":3},{"a":1,"b":5},7]"#, &sets),
        ["value /0/b 2 5", "extra /2 - 7"]
    );
}

#[test]
fn a_guide_may_name_what_identifies_an_element() {
    let keyed = Everywhere(ArrayMode::Keyed("id".into()), NumberMode::Value);
    let found = with(
        r#"[{"id":1,"v":"a"},{"id":2,"v":"b"},{"v":"loose"},{"id":4}]"#,
        r#"[{"v":"loose"},{"id":2.0,"v":"B"},{"id":1,"v":"a"},{"id":5}]"#,
        &keyed,
    );
    assert_eq!(found, [r#"value /1/v "b" "B""#, r#"missing /3 {"id":4} -"#, r#"extra /3 - {"id":5}"#]);
}

#[test]
fn elements_without_the_key_are_compared_in_order() {
    let keyed = |key: &str| Everywhere(ArrayMode::Keyed(key.into()), NumberMode::Value);
    let both = |legacy: &str, candidate: &str, key: &str| {
        let found = diff(legacy.as_bytes(), candidate.as_bytes(), &keyed(key)).unwrap();
        assert_eq!(found.rearranged.len(), 0, "nothing was brought together by a key");
        // A rule on the array answers for order there.
        assert!(found.differences.iter().all(|one| one.kind != DifferenceKind::Order));
        with(legacy, candidate, &keyed(key))
    };
    let objects = (r#"[{"sku":"A"},{"sku":"B"}]"#, r#"[{"sku":"B"},{"sku":"A"}]"#);
    assert_eq!(both(objects.0, objects.1, "skuuuu"), with(objects.0, objects.1, &keyed("other")));
    assert_eq!(both(objects.0, objects.1, "skuuuu"), [r#"missing /0 {"sku":"A"} -"#, r#"extra /1 - {"sku":"A"}"#]);
    assert_eq!(both("[1,2,3]", "[1,3,2]", "sku"), ["missing /1 2 -", "extra /2 - 2"]);
    assert_eq!(both("[1,2,3]", "[1,2,3.0]", "sku"), none());
    assert_eq!(both(r#"[[1,2],{"sku":1}]"#, r#"[[2,1],{"sku":1}]"#, "sku"), ["missing /0/0 1 -", "extra /0/1 - 1"]);
    // Those that have it are still brought together.
    let mixed = (r#"[1,{"id":1},{"id":2},2]"#, r#"[2,{"id":2},{"id":1},1]"#);
    assert_eq!(with(mixed.0, mixed.1, &keyed("id")), ["missing /0 1 -", "extra /3 - 1"]);
}

#[test]
fn what_a_guide_rearranged_is_said() {
    let arrays = |legacy: &str, candidate: &str, mode: ArrayMode| {
        let found = diff(legacy.as_bytes(), candidate.as_bytes(), &Everywhere(mode, NumberMode::Value)).unwrap();
        found.rearranged.iter().map(|d| format!("{} {}", d.kind, pointer(&d.path))).collect::<Vec<_>>()
    };
    let keyed = || ArrayMode::Keyed("id".into());
    assert_eq!(arrays("[1,2,3]", "[1,3,2]", ArrayMode::Unordered), ["order "]);
    assert_eq!(arrays("[1,2,3]", "[1,3]", ArrayMode::Unordered), none());
    assert_eq!(arrays(r#"{"a":[[1,2],3]}"#, r#"{"a":[[2,1],3]}"#, ArrayMode::Unordered), ["order /a/0"]);
    assert_eq!(
        arrays(r#"[{"a":1,"b":2},{"a":3,"b":4}]"#, r#"[{"b":4,"a":3},{"a":1,"b":5}]"#, ArrayMode::Unordered),
        ["order "]
    );
    assert_eq!(arrays(r#"[{"id":1},{"id":2}]"#, r#"[{"id":2},{"id":1}]"#, keyed()), ["order "]);
    assert_eq!(arrays(r#"[{"id":1},{"id":2}]"#, r#"[{"id":1},{"id":3}]"#, keyed()), none());
}

#[test]
fn only_the_guided_place_is_guided() {
    struct At;
    impl Guide for At {
        fn array(&self, path: &[Segment]) -> ArrayMode {
            if pointer(path).ends_with("/tags") { ArrayMode::Unordered } else { ArrayMode::Ordered }
        }
        fn number(&self, path: &[Segment]) -> NumberMode {
            if pointer(path) == "/items/1/price" { NumberMode::Lexeme } else { NumberMode::Value }
        }
    }
    assert_eq!(
        with(
            r#"{"items":[{"tags":[1,2],"price":1.0},{"tags":[3,4],"price":1.0}],"list":[1,2]}"#,
            r#"{"items":[{"tags":[2,1],"price":1},{"tags":[4,3],"price":1}],"list":[2,1]}"#,
            &At
        ),
        ["lexeme /items/1/price 1.0 1", "order /list [1,2] [2,1]"]
    );
    let moved = with(r#"[{"tags":[1,2]},{"tags":[3]}]"#, r#"[{"tags":[9]},{"tags":[2,1]},{"tags":[3]}]"#, &At);
    assert_eq!(moved, [r#"extra /0 - {"tags":[9]}"#]);
}

#[test]
fn what_is_not_json_is_named_by_side() {
    let of = |l: &str, c: &str| diff(l.as_bytes(), c.as_bytes(), &Plain).unwrap_err();
    assert_eq!(of("[1,]", "[1]"), JsonError::LegacyNotJson { at: 3 });
    assert_eq!(of("[1]", "[1] x"), JsonError::CandidateNotJson { at: 4 });
    assert_eq!(of("\u{feff}[1]", "[1]"), JsonError::LegacyNotJson { at: 0 });
    assert_eq!(of("x", "y"), JsonError::BothNotJson);
    assert_eq!(of(&"[".repeat(100_000), "1"), JsonError::TooDeep);
    assert_eq!(diff(b"no json", b"no json", &Plain), Ok(JsonDiff::default()));
    assert_eq!((validate(b" [] "), validate(b"[1,2"), validate(b"")), (Ok(()), Err(4), Err(0)));
}

#[test]
fn differences_past_the_bound_are_counted() {
    let numbers = |last: usize| format!("{:?}", (1..=150).map(|n| n * 10 + last).collect::<Vec<_>>());
    let found = diff(numbers(0).as_bytes(), numbers(1).as_bytes(), &Plain).unwrap();
    assert_eq!(found.differences.len(), MAX_DIFFERENCES);
    assert_eq!(found.more, 50);
    assert!(!found.is_empty());
    let found = diff_up_to(numbers(0).as_bytes(), numbers(1).as_bytes(), &Plain, 120).unwrap();
    assert_eq!((found.differences.len(), found.more), (120, 30));
}

#[test]
fn the_deepest_documents_are_walked_on_a_small_stack() {
    let nested = |inner: &str| r#"{"a":[2,"#.repeat(MAX_DEPTH / 2) + inner + &"]}".repeat(MAX_DEPTH / 2);
    let (left, right) = (nested("1"), nested("3").replace("[2,", "[2 ,"));
    let walk = move || {
        let guide = Everywhere(ArrayMode::Unordered, NumberMode::Value);
        [with(&left, &right, &Plain).len(), with(&left, &right, &guide).len()]
    };
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(walk).unwrap();
    assert_eq!(thread.join().unwrap(), [1, 2]);
}

#[test]
fn too_many_values_are_refused() {
    let text = |end: &str| "[".to_owned() + &"1,".repeat(MAX_NODES) + end;
    assert_eq!(diff(text("1]").as_bytes(), text("2]").as_bytes(), &Plain), Err(JsonError::TooLarge));
}

#[test]
fn repeating_elements_past_the_budget_are_aligned_coarsely_and_it_is_said() {
    let array = |seed: u32| {
        let mut state = seed;
        let mut bits = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 31).to_string()
        };
        format!("[{}]", (0..3000).map(|_| bits()).collect::<Vec<_>>().join(","))
    };
    let found = diff(array(1).as_bytes(), array(2).as_bytes(), &Plain).unwrap();
    assert!(found.coarse && !found.is_empty());
    let found = diff(array(1).as_bytes(), array(1).replacen("0,", "", 1).as_bytes(), &Plain).unwrap();
    assert!(!found.coarse);
    assert_eq!(found.differences.len(), 1);
}

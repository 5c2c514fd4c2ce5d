//! Documents made to cost as much as they can: the time must grow with their size and not with its square.

#![allow(clippy::unwrap_used)] // Helpers of tests.

use std::time::{Duration, Instant};

use tapcompare::compare::json::{ArrayMode, Guide, JsonDiff, NumberMode, Plain, diff};
use tapcompare::exchange::{DifferenceKind, Segment, pointer};

/// Far more than any of these takes even in a debug build on a busy machine; far less than the square would.
const PATIENCE: Duration = Duration::from_secs(20);

struct Mode(ArrayMode);

impl Guide for Mode {
    fn array(&self, _: &[Segment]) -> ArrayMode {
        self.0.clone()
    }
    fn number(&self, _: &[Segment]) -> NumberMode {
        NumberMode::Value
    }
}

fn timed(what: &str, legacy: &str, candidate: &str, guide: &dyn Guide) -> JsonDiff {
    let begin = Instant::now();
    let found = diff(legacy.as_bytes(), candidate.as_bytes(), guide).unwrap();
    let took = begin.elapsed();
    eprintln!(
        "{what}: {} bytes, {took:?}, {} differences, coarse: {}",
        legacy.len(),
        found.differences.len() as u64 + found.more,
        found.coarse
    );
    assert!(took < PATIENCE, "{what} took {took:?}");
    found
}

fn list(elements: impl Iterator<Item = String>) -> String {
    format!("[{}]", elements.collect::<Vec<_>>().join(","))
}

const MANY: usize = 100_000;

#[test]
fn texts_that_repeat_themselves() {
    let alternating =
        |n: usize| list((0..MANY).map(move |i| if (i + n).is_multiple_of(2) { "11" } else { "22" }.to_owned()));
    let (a, b) = (alternating(0), alternating(1));
    assert!(timed("alternating, ordered", &a, &b, &Plain).differences.len() <= 2);
    assert!(timed("alternating, unordered", &a, &b, &Mode(ArrayMode::Unordered)).is_empty());
    let objects =
        |n: usize| list((0..MANY / 10).map(move |i| format!("{{\"id\":{},\"x\":[1,2,3]}}", (i + n) % (MANY / 10))));
    assert!(timed("rotated, keyed", &objects(0), &objects(1), &Mode(ArrayMode::Keyed("id".into()))).is_empty());
    assert_eq!(timed("rotated, ordered", &objects(0), &objects(1), &Plain).differences.len(), 1);
}

#[test]
fn lists_that_have_nothing_in_common() {
    let objects = |n: usize| list((0..MANY / 10).map(move |i| format!("{{\"a\":{},\"b\":{}}}", i * 2 + n, i + n * 7)));
    for mode in [ArrayMode::Ordered, ArrayMode::Unordered, ArrayMode::Keyed("a".into())] {
        assert!(!timed(&format!("nothing in common, {mode:?}"), &objects(0), &objects(1), &Mode(mode)).is_empty());
    }
}

#[test]
fn a_long_list_with_a_volatile_member_everywhere_and_one_element_more() {
    let objects = |clock: usize, skip: usize| {
        let element = |i: usize| {
            format!(
                "{{\"id\":{i},\"name\":\"n{i}\",\"state\":\"ok\",\"unit\":\"kg\",\"currency\":\"EUR\",\"seen\":{}}}",
                i * 3 + clock
            )
        };
        list((0..MANY / 20).filter(|i| *i != skip).map(element))
    };
    let found = timed("volatile and one more", &objects(7, 50), &objects(8, MANY), &Plain);
    let extra: Vec<_> = found.differences.iter().filter(|d| d.kind == DifferenceKind::Extra).collect();
    assert_eq!(extra.iter().map(|d| pointer(&d.path)).collect::<Vec<_>>(), ["/50"]);
    assert_eq!(found.differences.len() as u64 + found.more, MANY as u64 / 20);
    assert!(!found.coarse);
}

#[test]
fn names_in_another_order_and_names_that_repeat() {
    let object = |names: &mut dyn Iterator<Item = usize>| {
        let members: Vec<String> = names.map(|n| format!("\"n{n}\":[1,1,1]")).collect();
        format!("{{{}}}", members.join(","))
    };
    let straight = object(&mut (0..MANY / 2));
    assert!(timed("names reversed", &straight, &object(&mut (0..MANY / 2).rev()), &Plain).is_empty());
    let repeating = object(&mut (0..MANY / 2).map(|n| n % 3));
    assert_eq!(
        timed("names repeat", &repeating, &repeating.replacen("[1,1,1]", "[1]", 1), &Plain).differences.len(),
        1
    );
}

#[test]
fn lists_in_lists_in_lists() {
    let nested = |leaf: &str| {
        let mut text = leaf.to_owned();
        for level in 0..170 {
            let padding = "9,".repeat(40);
            text = format!("[{padding}{{\"a\":[{text},{level}]}},{level}]");
        }
        text
    };
    let spaced = nested("2").replace("9,", "9, ");
    assert_eq!(timed("nested", &nested("1"), &spaced, &Plain).differences.len(), 1);
    let sets = timed("nested sets", &nested("1"), &spaced, &Mode(ArrayMode::Unordered));
    assert!(!sets.is_empty());
    let both = nested("[1,2,3]").replace("\"a\"", "\"b\"");
    timed("nested, all renamed", &nested("[3,2,1]"), &both, &Plain);
}

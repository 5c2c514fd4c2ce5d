//! The JSON engine on generated documents: what must hold whatever the document is.

#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests.

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;
use tapcompare::compare::json::{ArrayMode, Guide, JsonDiff, JsonError, NumberMode, Plain, diff, validate};
use tapcompare::exchange::{DifferenceKind, Segment};

/// A document, free of any spelling.
#[derive(Debug, Clone, PartialEq)]
enum Doc {
    Null,
    Bool(bool),
    /// digits x 10^scale; the digits do not end in zero unless they are zero.
    Number(i64, i32),
    Text(String),
    List(Vec<Doc>),
    /// Unique names.
    Map(Vec<(String, Doc)>),
}

fn number(digits: i64, scale: i32) -> Doc {
    let (mut digits, mut scale) = (digits, if digits == 0 { 0 } else { scale });
    while digits != 0 && digits % 10 == 0 {
        (digits, scale) = (digits / 10, scale + 1);
    }
    Doc::Number(digits, scale)
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[a-d]{1,2}", 1 => "[ -~]{0,6}", 1 => "[é𝄞~/\"\\\\\n]{0,3}"]
}

fn documents() -> impl Strategy<Value = Doc> {
    let leaf = prop_oneof![
        Just(Doc::Null),
        any::<bool>().prop_map(Doc::Bool),
        (-3i64..4, Just(0)).prop_map(|(d, s)| number(d, s)),
        (any::<i64>(), -30..30i32).prop_map(|(d, s)| number(d, s)),
        names().prop_map(Doc::Text),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Doc::List),
            prop::collection::btree_map(names(), inner, 0..6).prop_map(|m| Doc::Map(m.into_iter().collect())),
        ]
    })
}

/// Small whole numbers, so that a caller's choices are many and documents stay short.
struct Choices(u64);

impl Choices {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// Writes a document in one of its many spellings.
fn write(doc: &Doc, style: &mut Choices) -> String {
    let mut text = String::new();
    append(doc, style, &mut text);
    text
}

fn space(style: &mut Choices, text: &mut String) {
    text.push_str(["", "", "", "", " ", "\n  ", "\t", "\r\n"][style.below(8) as usize]);
}

fn append(doc: &Doc, style: &mut Choices, text: &mut String) {
    space(style, text);
    match doc {
        Doc::Null => text.push_str("null"),
        Doc::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Doc::Number(digits, scale) => append_number(*digits, *scale, style, text),
        Doc::Text(value) => append_string(value, style, text),
        Doc::List(elements) => {
            text.push('[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                append(element, style, text);
            }
            space(style, text);
            text.push(']');
        }
        Doc::Map(members) => {
            let mut members: Vec<_> = members.iter().collect();
            if style.below(3) == 0 {
                for last in (1..members.len()).rev() {
                    members.swap(last, style.below(last as u64 + 1) as usize);
                }
            }
            text.push('{');
            for (index, (name, value)) in members.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                space(style, text);
                append_string(name, style, text);
                space(style, text);
                text.push(':');
                append(value, style, text);
            }
            space(style, text);
            text.push('}');
        }
    }
    space(style, text);
}

fn append_number(digits: i64, scale: i32, style: &mut Choices, text: &mut String) {
    let zeros = style.below(3) as i32;
    let (sign, mut whole) = (if digits < 0 { "-" } else { "" }, digits.unsigned_abs().to_string());
    whole.push_str(&"0".repeat(zeros as usize));
    let exponent = scale - zeros;
    if digits == 0 {
        text.push_str(["0", "-0", "0.0", "0e7", "-0.00E-3"][style.below(5) as usize]);
        return;
    }
    let point = style.below(whole.len() as u64) as usize;
    let mantissa = if point == 0 {
        (whole.clone(), exponent)
    } else {
        (format!("{}.{}", &whole[..point], &whole[point..]), exponent + (whole.len() - point) as i32)
    };
    let e = ["e", "E", "e+", "e0"][style.below(4) as usize];
    match mantissa.1 {
        0 => text.push_str(&format!("{sign}{}", mantissa.0)),
        n if n < 0 => text.push_str(&format!("{sign}{}e{n}", mantissa.0)),
        n => text.push_str(&format!("{sign}{}{e}{n}", mantissa.0)),
    }
}

fn append_string(value: &str, style: &mut Choices, text: &mut String) {
    text.push('"');
    for c in value.chars() {
        if style.below(5) == 0 {
            for unit in c.encode_utf16(&mut [0; 2]) {
                text.push_str(&if style.below(2) == 0 { format!("\\u{unit:04x}") } else { format!("\\u{unit:04X}") });
            }
        } else {
            match c {
                '"' => text.push_str("\\\""),
                '\\' => text.push_str("\\\\"),
                '\n' => text.push_str("\\n"),
                '/' if style.below(2) == 0 => text.push_str("\\/"),
                c => text.push(c),
            }
        }
    }
    text.push('"');
}

/// All places of a document.
fn places(doc: &Doc, here: &mut Vec<Segment>, found: &mut Vec<Vec<Segment>>) {
    found.push(here.clone());
    match doc {
        Doc::List(elements) => {
            for (index, element) in elements.iter().enumerate() {
                here.push(Segment::Index(index));
                places(element, here, found);
                here.pop();
            }
        }
        Doc::Map(members) => {
            for (name, value) in members {
                here.push(Segment::Key(name.clone()));
                places(value, here, found);
                here.pop();
            }
        }
        _ => {}
    }
}

fn at<'d>(doc: &'d mut Doc, path: &[Segment]) -> &'d mut Doc {
    path.iter().fold(doc, |doc, segment| match (doc, segment) {
        (Doc::List(elements), Segment::Index(index)) => &mut elements[*index],
        (Doc::Map(members), Segment::Key(key)) => &mut members.iter_mut().find(|(name, _)| name == key).unwrap().1,
        (other, segment) => panic!("{segment:?} does not lead into {other:?}"),
    })
}

/// Another value of the same type; None where there is none, or where a change would be more than one.
fn other_value(doc: &Doc) -> Option<Doc> {
    match doc {
        Doc::Bool(value) => Some(Doc::Bool(!value)),
        Doc::Number(digits, scale) => Some(number(if *digits > 0 { digits - 1 } else { digits + 1 }, *scale)),
        Doc::Text(value) => Some(Doc::Text(format!("{value}!"))),
        _ => None,
    }
}

/// A document with one fault, and what that must be found as.
struct Fault {
    doc: Doc,
    kind: DifferenceKind,
    path: Vec<Segment>,
}

/// Puts one fault of the wanted kind into a document, if it has a place for it.
fn seed(doc: &Doc, wanted: u8, place: Index) -> Option<Fault> {
    let mut all = Vec::new();
    places(doc, &mut Vec::new(), &mut all);
    let mut path = all[place.index(all.len())].clone();
    let mut changed = doc.clone();
    let here = at(&mut changed, &path);
    let kind = match wanted {
        0 => {
            *here = other_value(here)?;
            DifferenceKind::Value
        }
        1 => {
            *here = if matches!(here, Doc::Text(_)) { Doc::Null } else { Doc::Text("typed".into()) };
            DifferenceKind::Type
        }
        2 => match path.pop()? {
            Segment::Index(index) => {
                let Doc::List(elements) = at(&mut changed, &path) else { return None };
                elements.remove(index);
                path.push(Segment::Index(index));
                DifferenceKind::Missing
            }
            Segment::Key(key) => {
                let Doc::Map(members) = at(&mut changed, &path) else { return None };
                members.retain(|(name, _)| *name != key);
                path.push(Segment::Key(key));
                DifferenceKind::Missing
            }
        },
        _ => {
            match here {
                Doc::List(elements) => {
                    let index = place.index(elements.len() + 1);
                    elements.insert(index, Doc::Text("inserted".into()));
                    path.push(Segment::Index(index));
                }
                Doc::Map(members) => {
                    members.push(("inserted".into(), Doc::Null));
                    path.push(Segment::Key("inserted".into()));
                }
                _ => return None,
            }
            DifferenceKind::Extra
        }
    };
    Some(Fault { doc: changed, kind, path })
}

fn compare(legacy: &str, candidate: &str) -> JsonDiff {
    diff(legacy.as_bytes(), candidate.as_bytes(), &Plain).unwrap()
}

/// Equality of trees, by another road: numbers as digits and exponent of ten.
fn trees_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => simple_number(a.as_str()) == simple_number(b.as_str()),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| trees_equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| trees_equal(a, b)))
        }
        _ => a == b,
    }
}

fn simple_number(text: &str) -> (i128, i64) {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let fraction = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len() as i64);
    let mut digits: i128 = mantissa.replace('.', "").parse().unwrap();
    let mut exponent = exponent.parse::<i64>().unwrap() - fraction;
    while digits != 0 && digits % 10 == 0 {
        (digits, exponent) = (digits / 10, exponent + 1);
    }
    if digits == 0 { (0, 0) } else { (digits, exponent) }
}

/// Every array is a multiset.
struct Sets;

impl Guide for Sets {
    fn array(&self, _: &[Segment]) -> ArrayMode {
        ArrayMode::Unordered
    }
    fn number(&self, _: &[Segment]) -> NumberMode {
        NumberMode::Value
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn spellings_of_one_document_are_equal(doc in documents(), a in 1u64.., b in 1u64..) {
        let (a, b) = (write(&doc, &mut Choices(a)), write(&doc, &mut Choices(b)));
        prop_assert_eq!(compare(&a, &b), JsonDiff::default(), "{} {}", a, b);
        prop_assert_eq!(diff(a.as_bytes(), b.as_bytes(), &Sets), Ok(JsonDiff::default()));
    }

    #[test]
    fn one_fault_is_one_difference_at_its_place(
        doc in documents(), wanted in 0u8..4, place: Index, a in 1u64.., b in 1u64..,
    ) {
        let Some(fault) = seed(&doc, wanted, place) else { return Ok(()) };
        let (legacy, candidate) = (write(&doc, &mut Choices(a)), write(&fault.doc, &mut Choices(b)));
        let found = compare(&legacy, &candidate);
        prop_assert_eq!(found.differences.len(), 1, "{} {} {:?}", legacy, candidate, found);
        let one = &found.differences[0];
        prop_assert_eq!(one.kind, fault.kind, "{} {} {:?}", legacy, candidate, found);
        prop_assert_eq!(one.path.len(), fault.path.len());
        // Among neighbours that are equal any of them may be named.
        let mut side = if fault.kind == DifferenceKind::Extra { fault.doc } else { doc };
        let path = &one.path;
        let named = at(&mut side, path).clone();
        prop_assert_eq!(&named, at(&mut side, &fault.path));
        if fault.kind != DifferenceKind::Missing {
            prop_assert_eq!(path, &fault.path);
        }
    }

    #[test]
    fn two_documents_are_equal_as_their_trees_are(a in documents(), b in documents(), x in 1u64.., y in 1u64..) {
        for (a, b) in [(&a, &b), (&a, &a)] {
            let (a, b) = (write(a, &mut Choices(x)), write(b, &mut Choices(y)));
            let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            prop_assert_eq!(compare(&a, &b).is_empty(), trees_equal(&parse(&a), &parse(&b)));
            prop_assert_eq!(compare(&b, &a).is_empty(), compare(&a, &b).is_empty());
        }
    }

    #[test]
    fn lists_of_few_values_are_equal_only_to_themselves(
        a in prop::collection::vec(0u8..4, 0..12), b in prop::collection::vec(0u8..4, 0..12),
    ) {
        let (left, right) = (format!("{a:?}"), format!("{b:?}"));
        let found = compare(&left, &right);
        prop_assert_eq!(found.is_empty(), a == b);
        let sorted = |list: &[u8]| { let mut list = list.to_vec(); list.sort(); list };
        let reordered = a != b && sorted(&a) == sorted(&b);
        prop_assert_eq!(found.differences.iter().any(|d| d.kind == DifferenceKind::Order), reordered);
        prop_assert!(!reordered || found.differences.len() == 1);
        let count = |kind| found.differences.iter().filter(|d| d.kind == kind).count();
        let longer = a.len() + count(DifferenceKind::Extra) == b.len() + count(DifferenceKind::Missing);
        prop_assert!(longer, "what is missing and extra must explain the lengths: {:?}", found);
        let sets = diff(left.as_bytes(), right.as_bytes(), &Sets).unwrap();
        prop_assert_eq!(sets.is_empty(), sorted(&a) == sorted(&b));
    }

    #[test]
    fn damaged_texts_are_judged_as_serde_json_judges_them(
        doc in documents(), style in 1u64.., cuts in prop::collection::vec((any::<Index>(), any::<u8>(), 0u8..4), 1..4),
    ) {
        let text = write(&doc, &mut Choices(style)).into_bytes();
        let mut damaged = text.clone();
        for (place, byte, how) in cuts {
            let place = place.index(damaged.len().max(1));
            match how {
                0 => damaged.truncate(place),
                1 => damaged.insert(place, byte),
                2 => damaged.insert(place, b"{}[]\",:0e.-\\ "[byte as usize % 13]),
                _ if place < damaged.len() => { damaged.remove(place); }
                _ => {}
            }
        }
        let judged = validate(&damaged);
        // serde_json refuses lone surrogates, which RFC 8259 does not forbid.
        if !damaged.windows(2).any(|w| w == b"\\u") {
            prop_assert_eq!(judged.is_ok(), serde_json::from_slice::<Value>(&damaged).is_ok());
        }
        // Read beside the undamaged text it must be judged as it is alone.
        match diff(&text, &damaged, &Plain) {
            Ok(_) => prop_assert!(judged.is_ok() || text == damaged),
            Err(JsonError::CandidateNotJson { at }) => prop_assert_eq!(judged, Err(at)),
            Err(other) => prop_assert!(false, "{other}"),
        }
        let mirrored = diff(&damaged, &text, &Plain);
        prop_assert_eq!(mirrored.map(|d| d.is_empty()).ok(), diff(&text, &damaged, &Plain).map(|d| d.is_empty()).ok());
    }

    #[test]
    fn random_bytes_are_refused_or_compared_but_never_a_panic(
        a in prop::collection::vec(any::<u8>(), 0..60), b in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let _ = diff(&a, &b, &Sets);
        let _ = diff(&a, &b, &Plain);
    }
}

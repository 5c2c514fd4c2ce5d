//! Which lines of laid out JSON lie at a place that a rule answers for.

use crate::exchange::{Difference, Location, Segment, pointer};

/// For each line the id of the rule that answers for a difference at its place, or around it.
pub(super) fn by_line<'d>(lines: &[&str], differences: &'d [Difference]) -> Vec<Option<&'d str>> {
    let answered: Vec<(String, &str)> = differences
        .iter()
        .filter_map(|difference| match (&difference.at, &difference.rule) {
            (Location::Json(path), Some(hit)) => Some((pointer(path), &*hit.id)),
            _ => None,
        })
        .collect();
    if answered.is_empty() {
        return vec![None; lines.len()];
    }
    let inside = |place: &str, around: &str| {
        place.strip_prefix(around).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    places(lines)
        .iter()
        .map(|place| {
            let place = place.as_deref()?;
            answered.iter().find(|(around, _)| inside(place, around)).map(|(_, id)| *id)
        })
        .collect()
}

/// An object or array that is open.
struct Open {
    path: String,
    /// In an array, the position of the next element.
    next: Option<usize>,
}

/// The place (RFC 6901) of the value on each line, as `serde_json` lays documents out: a line a value, a string being one
/// line whatever is in it. None for closing brackets, and from the first line on that is laid out otherwise.
fn places(lines: &[&str]) -> Vec<Option<String>> {
    let mut open: Vec<Open> = Vec::new();
    let mut places = Vec::with_capacity(lines.len());
    for line in lines {
        let line = line.trim_start();
        if line.starts_with(['}', ']']) {
            open.pop();
            places.push(None);
            continue;
        }
        let Some((path, value)) = place(line, &mut open) else { break };
        let value = value.trim_end_matches(',');
        match value {
            "{" => open.push(Open { path: path.clone(), next: None }),
            "[" => open.push(Open { path: path.clone(), next: Some(0) }),
            _ => {}
        }
        places.push(Some(path));
    }
    places.resize(lines.len(), None);
    places
}

/// A line's place, and its value.
fn place<'l>(line: &'l str, open: &mut [Open]) -> Option<(String, &'l str)> {
    let Some(around) = open.last_mut() else { return Some((String::new(), line)) };
    if let Some(next) = &mut around.next {
        let path = format!("{}{}", around.path, pointer(&[Segment::Index(*next)]));
        *next += 1;
        return Some((path, line));
    }
    let mut names = serde_json::Deserializer::from_str(line).into_iter::<String>();
    let name = names.next()?.ok()?;
    let value = line.get(names.byte_offset()..)?.strip_prefix(": ")?;
    Some((format!("{}{}", around.path, pointer(&[Segment::Key(name)])), value))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::exchange::{DifferenceKind, RuleAnswer, RuleHit};
    use proptest::prelude::*;
    use serde_json::Value;

    fn document() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i32>().prop_map(Value::from),
            "[a~/\"{}\\[\\],: \n]{0,6}".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[a~/\"{:\n]{0,4}", inner, 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn each_place_is_where_its_value_is(document in document()) {
            let text = serde_json::to_string_pretty(&document).unwrap();
            let lines: Vec<&str> = text.lines().collect();
            let mut values = 0;
            for (line, place) in lines.iter().zip(places(&lines)) {
                let Some(place) = place else { continue };
                let value = document.pointer(&place).unwrap();
                let shown = serde_json::to_string_pretty(value).unwrap();
                let first = shown.lines().next().unwrap();
                prop_assert!(line.trim_end_matches(',').ends_with(first), "{line} is not {place}: {first}");
                values += 1;
            }
            fn count(value: &Value) -> usize {
                1 + match value {
                    Value::Array(elements) => elements.iter().map(count).sum(),
                    Value::Object(members) => members.values().map(count).sum(),
                    _ => 0,
                }
            }
            prop_assert_eq!(values, count(&document));
        }
    }

    #[test]
    fn what_lies_in_an_answered_place_is_answered_and_its_neighbour_is_not() {
        let document = serde_json::json!({"a": {"x": [1, 2]}, "ab": 1, "b": [{"id": 1}, {"id": 2}]});
        let text = serde_json::to_string_pretty(&document).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let answered = |path: Vec<Segment>, id: &str| Difference {
            at: Location::Json(path),
            kind: DifferenceKind::Value,
            legacy: None,
            candidate: None,
            rule: Some(RuleHit { id: Arc::from(id), answer: RuleAnswer::Ignore }),
        };
        let key = |name: &str| Segment::Key(name.into());
        let differences =
            [answered(vec![key("a")], "all"), answered(vec![key("b"), Segment::Index(1), key("id")], "ids")];
        let shown: Vec<(&str, &str)> = lines
            .iter()
            .zip(by_line(&lines, &differences))
            .filter_map(|(line, rule)| Some((line.trim(), rule?)))
            .collect();
        assert_eq!(
            shown,
            [("\"a\": {", "all"), ("\"x\": [", "all"), ("1,", "all"), ("2", "all"), ("\"id\": 2", "ids")]
        );
        assert_eq!(by_line(&["no JSON", "{"], &differences), [None, None]);
    }
}

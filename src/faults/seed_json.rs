//! Faults in JSON, made in its text, so that everything else stays as the candidate wrote it.

use crate::compare::json::{self, JsonType, JsonValue, Plain};
use crate::exchange::{Location, Segment};

use super::FaultKind;
use super::content::Json;
use super::dice::Dice;
use super::moment::{Later, later, later_epoch};
use super::seed::{Edit, Made, pick};
use super::{seed_text, value};

/// Members whose value names something, when they are called so or their name ends so.
const ID_NAMES: [&str; 6] = ["id", "uuid", "guid", "sku", "ref", "key"];

pub(super) fn faults(kind: FaultKind, json: &Json<'_>, dice: &mut Dice) -> Vec<Made> {
    match kind {
        FaultKind::FieldDropped => cut_out(json, JsonType::Object, dice),
        FaultKind::ElementLost => cut_out(json, JsonType::Array, dice),
        FaultKind::ValueOffByOne => {
            in_leaves(json, dice, |text, value, _| value::json_off_by_one(text, value.json_type))
        }
        FaultKind::TypeChanged => in_leaves(json, dice, |text, value, _| value::json_other_type(text, value.json_type)),
        FaultKind::TimeShifted => in_leaves(json, dice, shifted),
        FaultKind::OrderChanged => reordered(json, dice),
        FaultKind::IdsSwapped => swapped_ids(json, dice),
        FaultKind::BodyTruncated => truncated(json, dice),
        FaultKind::FieldAdded => added(json, dice),
        _ => Vec::new(),
    }
}

/// What a candidate may tell that nobody asked for.
const ADDED: &str = "internalNote";

fn added(json: &Json<'_>, dice: &mut Dice) -> Vec<Made> {
    let of = |value: &JsonValue| value.json_type == JsonType::Object;
    let objects: Vec<usize> = (0..json.values.len()).filter(|at| json.values.get(*at).is_some_and(of)).collect();
    let made = pick_of(json, &objects, dice, |_, object, _| {
        let comma = if object.children > 0 { "," } else { "" };
        let first = object.at.start + 1;
        Some(Edit::Body(vec![(first..first, format!("\"{ADDED}\":\"not for clients\"{comma}").into_bytes())]))
    });
    let inside = |at| match at {
        Location::Json(path) => Location::Json([path, vec![Segment::Key(ADDED.to_owned())]].concat()),
        other => other,
    };
    made.into_iter().map(|(at, edit)| (inside(at), edit)).collect()
}

/// Picks among some of the values, spread over their groups.
fn pick_of(
    json: &Json<'_>,
    positions: &[usize],
    dice: &mut Dice,
    make: impl Fn(usize, &JsonValue, &mut Dice) -> Option<Edit>,
) -> Vec<Made> {
    let groups: Vec<u64> = positions.iter().filter_map(|at| json.groups.get(*at)).copied().collect();
    pick(&groups, dice, |at, dice| {
        let position = *positions.get(at)?;
        let edit = make(position, json.values.get(position)?, dice)?;
        Some((json.location(position), edit))
    })
}

fn cut_out(json: &Json<'_>, holder: JsonType, dice: &mut Dice) -> Vec<Made> {
    let held: Vec<usize> = json.held_by(holder).collect();
    pick_of(json, &held, dice, |_, value, _| Some(Edit::Body(vec![(value.cut.clone(), Vec::new())])))
}

fn in_leaves(
    json: &Json<'_>,
    dice: &mut Dice,
    change: impl Fn(&str, &JsonValue, &mut Dice) -> Option<String>,
) -> Vec<Made> {
    let leaves: Vec<usize> = json.leaves().collect();
    pick_of(json, &leaves, dice, |_, value, dice| {
        let new = change(json.text_of(value), value, dice)?;
        Some(Edit::Body(vec![(value.at.clone(), new.into_bytes())]))
    })
}

fn shifted(text: &str, value: &JsonValue, dice: &mut Dice) -> Option<String> {
    let by = [Later::Hour, Later::Day][dice.below(2)];
    match value.json_type {
        JsonType::String => {
            let moment: String = serde_json::from_str(text).ok()?;
            serde_json::to_string(&later(&moment, by)?).ok()
        }
        JsonType::Number => later_epoch(text, by),
        _ => None,
    }
}

/// Whether two JSON texts mean the same: what is put in the place of its equal is no fault.
fn same(a: &str, b: &str) -> bool {
    json::diff(a.as_bytes(), b.as_bytes(), &Plain).is_ok_and(|found| found.is_empty())
}

/// Two values in each other's place; `first` stands before `second`, and neither lies in the other.
fn swapped(json: &Json<'_>, first: &JsonValue, second: &JsonValue) -> Option<Edit> {
    let (a, b) = (json.text_of(first), json.text_of(second));
    (!same(a, b)).then(|| {
        Edit::Body(vec![(first.at.clone(), b.as_bytes().to_vec()), (second.at.clone(), a.as_bytes().to_vec())])
    })
}

/// In an array, an element and the next one that is not equal to it.
fn reordered(json: &Json<'_>, dice: &mut Dice) -> Vec<Made> {
    let arrays: Vec<usize> = (json.values.iter().enumerate())
        .filter(|(_, value)| value.json_type == JsonType::Array && value.children > 1)
        .map(|(at, _)| at)
        .collect();
    pick_of(json, &arrays, dice, |array, _, dice| {
        let elements: Vec<&JsonValue> = json.values.iter().filter(|value| value.holder == Some(array)).collect();
        let start = dice.below(elements.len() - 1);
        let pairs = elements.windows(2);
        let mut turned = pairs.clone().skip(start).chain(pairs.take(start));
        turned.find_map(|pair| swapped(json, pair.first()?, pair.last()?))
    })
}

fn is_id(json: &Json<'_>, value: &JsonValue) -> bool {
    let text = json.text_of(value);
    match value.json_type {
        JsonType::Number => is_id_name(&value.step),
        // The empty string names nothing.
        JsonType::String => text.len() > 2 && (is_id_name(&value.step) || looks_like_a_uuid(text)),
        _ => false,
    }
}

/// `id`, `orderId`, `order_id`, `ORDER-ID`; not `paid`.
fn is_id_name(step: &Option<Segment>) -> bool {
    let Some(Segment::Key(name)) = step else { return false };
    ID_NAMES.iter().any(|id| {
        let Some((before, end)) = name.len().checked_sub(id.len()).and_then(|at| name.split_at_checked(at)) else {
            return false;
        };
        let begins_a_word = before.is_empty()
            || before.ends_with(['_', '-', '.'])
            || (end.starts_with(|c: char| c.is_ascii_uppercase())
                && before.ends_with(|c: char| c.is_ascii_lowercase()));
        end.eq_ignore_ascii_case(id) && begins_a_word
    })
}

/// RFC 9562, in its quotes.
fn looks_like_a_uuid(text: &str) -> bool {
    text.len() == 38
        && text.bytes().skip(1).take(36).enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// An identifier and another of its type: of its like in another element where there is one, else any.
fn swapped_ids(json: &Json<'_>, dice: &mut Dice) -> Vec<Made> {
    let ids: Vec<usize> =
        json.values.iter().enumerate().filter(|(_, value)| is_id(json, value)).map(|(at, _)| at).collect();
    let group = |at: usize| json.groups.get(at).copied();
    pick_of(json, &ids, dice, |one, value, dice| {
        let others = |like: bool| -> Vec<&JsonValue> {
            let fits = |at: &&usize| **at != one && (group(**at) == group(one)) == like;
            let others = ids.iter().filter(fits).filter_map(|at| json.values.get(*at));
            others.filter(|other| other.json_type == value.json_type).collect()
        };
        [others(true), others(false)].into_iter().find_map(|others| {
            let start = dice.below(others.len());
            let mut turned = others.iter().skip(start).chain(others.iter().take(start));
            turned.find_map(|other| {
                let (first, second) = if value.at.start < other.at.start { (value, *other) } else { (*other, value) };
                swapped(json, first, second)
            })
        })
    })
}

/// A number alone has no end of its own (`1.00` cut to `1.0`), so that a shorter one need not be a fault.
fn truncated(json: &Json<'_>, dice: &mut Dice) -> Vec<Made> {
    if json.values.iter().any(|value| value.holder.is_none() && value.json_type == JsonType::Number) {
        return Vec::new();
    }
    seed_text::truncated(json.text, dice).into_iter().map(|edit| (Location::Body, edit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_identifiers() {
        let is = |name: &str| is_id_name(&Some(Segment::Key(name.into())));
        for name in ["id", "ID", "orderId", "order_id", "ORDER-ID", "sku", "customerUuid", "idempotency-key"] {
            assert!(is(name), "{name}");
        }
        for name in ["paid", "idle", "", "é", "monkey", "width"] {
            assert!(!is(name), "{name}");
        }
        assert!(!is_id_name(&Some(Segment::Index(1))) && !is_id_name(&None));
        assert!(looks_like_a_uuid("\"018f3c5e-0000-7000-8000-0123456789ab\"") && !looks_like_a_uuid("\"018f\""));
    }
}

//! The key of a rule that brings the elements of arrays together: has any element such a member?

use crate::exchange::Segment;
use crate::rules::{Answer, Arrays, Part, Rule};

/// The key that a rule names; None for any other rule.
pub(super) fn key_of(rule: &Rule) -> Option<&str> {
    let Answer::Match(matching) = &rule.answer else { return None };
    match &matching.arrays {
        Some(Arrays::Keyed(key)) => Some(key),
        _ => None,
    }
}

/// Whether a value lies in the key of an element of an array that the rule means.
pub(super) fn is_of_a_key(rule: &Rule, key: &str, path: &[Segment]) -> bool {
    let Part::Json(paths) = &rule.place.part else { return false };
    let is_key = |two: &[Segment]| matches!(two, [Segment::Index(_), Segment::Key(name)] if name == key);
    path.windows(2).enumerate().filter(|(_, two)| is_key(two)).any(|(at, _)| {
        let array = path.get(..at).unwrap_or_default();
        paths.iter().any(|one| one.selects(array).exactly)
    })
}

//! What goes with a group of differences, in words.

use crate::suggest::explain::Explained;

/// What goes with a group, a line each, not escaped; that nothing does is said too.
pub(super) fn explained(explained: &Explained) -> Vec<String> {
    let (mismatches, others) = (explained.mismatches, explained.others);
    if explained.explanations.is_empty() {
        return vec![format!(
            "no feature of the requests tells the {mismatches} kept mismatches from the {others} others"
        )];
    }
    explained.explanations.iter().map(ToString::to_string).collect()
}

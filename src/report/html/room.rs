//! How much of the page a list may take: whatever a run holds and however long its names are, the page can be sent and opened.

use maud::{Markup, html};

/// As many entries, from the first, as this many bytes have room for; and how many that are.
pub(super) fn within(bytes: usize, entries: impl IntoIterator<Item = Markup>) -> (Markup, usize) {
    let mut left = bytes;
    let mut shown = Vec::new();
    for entry in entries {
        let Some(rest) = left.checked_sub(entry.0.len()) else { break };
        left = rest;
        shown.push(entry);
    }
    let count = shown.len();
    (html! { @for entry in shown { (entry) } }, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_have_room_are_shown_and_counted() {
        let entries = |n: usize| (0..n).map(|at| html! { li { (at) } });
        assert_eq!(within(1_000, entries(3)).1, 3);
        let (shown, count) = within(3 * "<li>0</li>".len(), entries(9));
        assert_eq!((shown.0.as_str(), count), ("<li>0</li><li>1</li><li>2</li>", 3));
        assert_eq!(within(5, entries(9)).1, 0);
    }
}

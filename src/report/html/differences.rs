//! What differs, with examples side by side.

use std::collections::BTreeSet;

use maud::{Markup, html};

use crate::report::Report;
use crate::tally::{DifferenceClass, DifferenceGroup};
use crate::verdict::words::{count, counted};

use super::{code, group, names};

/// So many groups are shown with their examples; the rest by name.
const GROUPS: usize = 40;
/// So many further groups are named.
const NAMED: usize = 200;
/// The first groups show their first example at once.
const OPEN: usize = 3;
/// Bytes of the page that examples may take; groups past it name theirs.
const MOST: usize = 480 << 10;

pub(super) fn section(report: &Report<'_>) -> Markup {
    let snapshot = report.snapshot;
    let (found, beside): (Vec<_>, Vec<_>) =
        snapshot.groups.iter().partition(|g| g.class == DifferenceClass::Mismatched);
    let uncounted = snapshot.ungrouped_differences + snapshot.more_differences;
    html! {
        section #differences {
            h2 { "Differences" }
            @if found.is_empty() {
                p.lead { "None that the rules do not answer for." }
            } @else {
                p.lead {
                    "Grouped by what causes them: endpoint, place, and kind with its types, not values; array positions are left out. "
                    "The most frequent first."
                }
            }
            @let (shown, further) = chosen(&found);
            (articles(report, &shown))
            (named("further groups", &further))
            (named("groups that do not count: noise and drift of the legacy", &beside))
            @if uncounted > 0 {
                p.meta { (counted(uncounted, "difference")) " past the bounds of memory: counted, and no more." }
            }
        }
    }
}

/// Which groups are shown with their examples, and which by name: the most frequent of each endpoint first, as many as there is
/// room for, then the most frequent of all. Both in the order of all.
fn chosen<'g>(found: &[&'g DifferenceGroup]) -> (Vec<&'g DifferenceGroup>, Vec<&'g DifferenceGroup>) {
    let mut endpoints = BTreeSet::new();
    let (first, rest): (Vec<usize>, Vec<usize>) =
        (0..found.len()).partition(|at| found.get(*at).is_some_and(|group| endpoints.insert(&group.endpoint)));
    let shown: BTreeSet<usize> = first.into_iter().chain(rest).take(GROUPS).collect();
    let (mut whole, mut named) = (Vec::new(), Vec::new());
    for (at, group) in found.iter().enumerate() {
        if shown.contains(&at) { whole.push(*group) } else { named.push(*group) }
    }
    (whole, named)
}

/// The groups of mismatches that a link leads to.
pub(super) fn places(report: &Report<'_>) -> BTreeSet<String> {
    let found: Vec<_> = report.snapshot.groups.iter().filter(|g| g.class == DifferenceClass::Mismatched).collect();
    let (shown, further) = chosen(&found);
    shown.into_iter().chain(further.into_iter().take(NAMED)).map(names::group).collect()
}

/// The groups with their examples, as long as there is room.
fn articles(report: &Report<'_>, found: &[&DifferenceGroup]) -> Markup {
    let mut left = MOST;
    let mut seen = BTreeSet::new();
    let articles = found.iter().take(GROUPS).enumerate().map(|(at, group)| {
        // One exchange often has several of them: it is laid open once.
        let new = group.examples.first().is_some_and(|example| seen.insert((&group.endpoint, example.sequence)));
        let whole = group::article(report, group, at < OPEN && new, true);
        match left.checked_sub(whole.0.len()) {
            Some(rest) => {
                left = rest;
                whole
            }
            None => group::article(report, group, false, false),
        }
    });
    html! { @for article in articles { (article) } }
}

fn named(what: &str, groups: &[&DifferenceGroup]) -> Markup {
    if groups.is_empty() {
        return html! {};
    }
    html! {
        details {
            summary { (count(groups.len() as u64)) " " (what) }
            ul.plain {
                @for group in groups.iter().take(NAMED) {
                    li id=(names::group(group)) {
                        (code(&group.endpoint.to_string())) " " (code(&group.place)) " " (group.kind) ", "
                        (counted(group.exchanges, "exchange")) " (" (group.class) ")"
                    }
                }
                @if groups.len() > NAMED { li { "and " (count((groups.len() - NAMED) as u64)) " more" } }
            }
        }
    }
}

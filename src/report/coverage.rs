//! What was compared of all that the legacy serves, for a terminal.

use std::collections::BTreeSet;

use crate::exchange::{Hours, StatusClass};
use crate::verdict::words::{count, counted};
use crate::verdict::{EndpointCoverage, Known, StatusCoverage};

use super::Report;
use super::escape::{columns, cut, visible};
use super::terminal::{Ink, Page, more};

/// So many endpoints are shown.
const ENDPOINTS: usize = 24;
/// Columns of an endpoint's name.
const NAME: usize = 28;
/// Columns of a class.
const CELL: usize = 10;
/// So many classes have room.
const CLASSES: usize = 5;

pub(super) fn section(page: &mut Page, report: &Report<'_>) {
    let coverage = &report.verdict.coverage;
    if coverage.endpoints.is_empty() {
        return;
    }
    page.heading("Coverage (compared of seen, by the class of the legacy's answer)");
    page.behind(Ink::Dim, "  ", &extent(coverage.days.len(), coverage.hours));
    let classes: BTreeSet<StatusClass> = coverage.endpoints.iter().flat_map(|e| e.statuses.keys()).copied().collect();
    let shown: Vec<StatusClass> = classes.into_iter().take(CLASSES).collect();
    let head: String = shown.iter().map(|class| format!("{:>CELL$}", class.as_str())).collect();
    page.inked(&[(Ink::Dim, &" ".repeat(2 + NAME)), (Ink::Dim, &head)]);
    let mut ordered: Vec<&EndpointCoverage> = coverage.endpoints.iter().collect();
    ordered.sort_by_key(|e| (e.excepted, e.known));
    for endpoint in ordered.iter().take(ENDPOINTS) {
        row(page, endpoint, &shown);
    }
    more(page, ordered.len(), ENDPOINTS);
}

fn row(page: &mut Page, endpoint: &EndpointCoverage, classes: &[StatusClass]) {
    let name = cut(&visible(&endpoint.endpoint.to_string()), NAME);
    let pad = " ".repeat(NAME - columns(&name).min(NAME));
    let ink = match endpoint.known {
        _ if endpoint.excepted => Ink::Dim,
        Known::Covered => Ink::Plain,
        Known::TooFew => Ink::Unsure,
        Known::NeverCompared | Known::NeverSeen => Ink::Bad,
    };
    let cells: String = classes
        .iter()
        .map(|class| format!("{:>CELL$}", endpoint.statuses.get(class).map_or(String::new(), cell)))
        .collect();
    page.inked(&[(Ink::Plain, "  "), (ink, &name), (Ink::Plain, &pad), (Ink::Plain, &cells)]);
    if let Some(note) = note(endpoint) {
        page.behind(ink, "      ", &visible(&note));
    }
}

fn cell(status: &StatusCoverage) -> String {
    match (status.seen, status.compared) {
        (0, _) => "unseen".to_owned(),
        (seen, compared) if seen == compared => short(compared),
        (seen, compared) => format!("{}/{}", short(compared), short(seen)),
    }
}

/// At most four characters.
fn short(n: u64) -> String {
    match n {
        0..10_000 => n.to_string(),
        10_000..1_000_000 => format!("{}k", n / 1_000),
        1_000_000..10_000_000 => format!("{}.{}M", n / 1_000_000, n / 100_000 % 10),
        10_000_000..1_000_000_000 => format!("{}M", n / 1_000_000),
        _ => format!("{}G", n / 1_000_000_000),
    }
}

/// What is to be said of an endpoint that is not simply covered.
pub(super) fn note(endpoint: &EndpointCoverage) -> Option<String> {
    let known = match endpoint.known {
        Known::Covered => None,
        Known::TooFew => Some("too few compared".to_owned()),
        Known::NeverCompared => Some("never compared".to_owned()),
        Known::NeverSeen => Some("documented, and never seen".to_owned()),
    };
    let why = (!endpoint.why.is_empty() && endpoint.known != Known::Covered).then(|| endpoint.why.clone());
    let except = endpoint.excepted.then(|| "excepted by the policy: GO does not hold for it".to_owned());
    let parts: Vec<String> = [known, why, except].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Days and hours in a sentence.
pub(super) fn extent(days: usize, hours: Hours) -> String {
    let hours = match hours.count() {
        0 => "at no hour".to_owned(),
        24 => "at every hour of the day".to_owned(),
        n => format!("at {n} of 24 hours of the day ({})", spans(hours)),
    };
    format!("Something was compared on {} and {hours}, in UTC.", counted(days as u64, "day"))
}

/// Hours as spans: `0-5, 9, 22-23`.
pub(super) fn spans(hours: Hours) -> String {
    let mut spans: Vec<(u8, u8)> = Vec::new();
    for hour in (0..24).filter(|hour| hours.contains(*hour)) {
        match spans.last_mut() {
            Some((_, last)) if *last + 1 == hour => *last = hour,
            _ => spans.push((hour, hour)),
        }
    }
    let text = |(first, last): &(u8, u8)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    spans.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// In words, for a cell that has room.
pub(super) fn of_seen(status: &StatusCoverage) -> String {
    match (status.seen, status.compared) {
        (0, _) => "never seen".to_owned(),
        (seen, compared) if seen == compared => count(compared),
        (seen, compared) => format!("{} of {}", count(compared), count(seen)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_keep_to_their_columns() {
        let shown =
            [0, 9_999, 10_000, 999_999, 1_000_000, 9_999_999, 10_000_000, 123_456_789, 5_000_000_000].map(short);
        assert_eq!(shown, ["0", "9999", "10k", "999k", "1.0M", "9.9M", "10M", "123M", "5G"]);
    }

    #[test]
    fn hours_are_told_as_spans() {
        let of = |bits: u32| spans(Hours::from_bits(bits).unwrap());
        assert_eq!([of(0), of(1), of(0b110_0001), of((1 << 24) - 1)], ["", "0", "0, 5-6", "0-23"]);
        assert!(extent(1, Hours::from_bits(1 << 9).unwrap()).contains("on 1 day and at 1 of 24 hours of the day (9)"));
        assert!(extent(14, Hours::from_bits((1 << 24) - 1).unwrap()).contains("on 14 days and at every hour"));
    }
}

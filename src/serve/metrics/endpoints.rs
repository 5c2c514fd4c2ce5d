//! The figures of each endpoint, and those by which a migration is followed.

use std::fmt;

use super::names::{Name, Names};
use super::write::{Labels, Writer};
use crate::tally::Snapshot;

/// The two labels of a name.
pub(super) fn labels(name: &Name) -> Labels {
    vec![("method", name.method.to_owned()), ("endpoint", name.endpoint.clone())]
}

/// Counters are of all builds of the candidate; the ratio is of the one that is judged.
pub(super) fn write(out: &mut Writer<'_>, judged: &Snapshot, counted: &Snapshot, names: &Names) -> fmt::Result {
    let rows = names.rows(counted);
    let by_outcome = rows.iter().flat_map(|(name, row)| {
        row.counts.outcomes.iter().map(move |(outcome, count)| {
            let mut labels = labels(name);
            labels.push(("outcome", (*outcome).to_owned()));
            (labels, *count)
        })
    });
    let help = "Exchanges by endpoint and by the class they ended in.";
    out.counters("endpoint_exchanges", help, None, by_outcome)?;

    let judged = names.rows(judged);
    let shares = judged
        .iter()
        .filter(|(_, row)| row.compared > 0)
        .map(|(name, row)| (labels(name), row.mismatched as f64 / row.compared as f64));
    out.gauges(
        "shadow_mismatch_ratio",
        "Mismatched share of the compared exchanges of an endpoint, before accept rules are held to their limits.",
        None,
        shares,
    )?;
    let asked = rows
        .iter()
        .filter(|(_, row)| row.counts.asked_of_legacy > 0)
        .map(|(name, row)| (labels(name), row.counts.asked_of_legacy));
    out.counters("old_path_requests", "Requests that the legacy was seen to serve.", None, asked)?;
    // A shadow routes nobody: users get the legacy's answers, whatever the candidate says.
    let routed = rows.keys().map(|name| (labels(name), 0.0));
    out.gauges("route_share", "Share of the users' requests that the candidate answers; 0 for a shadow.", None, routed)
}

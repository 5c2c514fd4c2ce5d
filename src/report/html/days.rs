//! The mismatch rate day by day, with the hours in which something was compared.

use maud::{Markup, html};

use crate::exchange::Hours;
use crate::report::Report;
use crate::report::coverage::spans;
use crate::report::days::{figures, lead};
use crate::verdict::DayResult;
use crate::verdict::words::{count, counted};

use super::text;

/// So many rows, the latest.
const ROWS: usize = 100;

pub(super) fn section(report: &Report<'_>) -> Markup {
    let days = &report.verdict.days;
    if days.days.is_empty() {
        return html! {};
    }
    let hidden = days.days.len().saturating_sub(ROWS);
    html! {
        section #days {
            h2 { "Days" }
            p.lead { (text(&lead(report))) }
            table.days {
                thead {
                    tr {
                        th { "Day (UTC)" }
                        th { "Hours compared" }
                        th.n { "Compared" }
                        th.n { "Differ" }
                        th.n { "Share" }
                        th.n { "At least" }
                        th.n { "At most" }
                    }
                }
                tbody { @for day in days.days.iter().skip(hidden) { (row(day, days.limit)) } }
            }
            @if hidden > 0 { p.meta { "and " (counted(hidden as u64, "earlier day")) ", in the JSON report" } }
        }
    }
}

fn row(day: &DayResult, limit: f64) -> Markup {
    let [share, least, most] = figures(day, limit);
    html! {
        tr {
            th scope="row" { (day.day) @if day.above_limit { " " span.chip.nogo { "above the limit" } } }
            td data-label="Hours" { (hours(day.hours)) }
            td.n data-label="Compared" { (count(day.compared)) }
            td.n.bad[day.mismatched > 0] data-label="Differ" { (count(day.mismatched)) }
            td.n data-label="Share" { (share) }
            td.n.bad[day.above_limit] data-label="At least" { (least) }
            td.n data-label="At most" { (most) }
        }
    }
}

/// One mark an hour, from midnight.
fn hours(hours: Hours) -> Markup {
    /// Width of an hour and height, in the picture's own units.
    const HOUR: u32 = 5;
    const HEIGHT: u32 = 12;
    let label = if hours == Hours::NONE { "none".to_owned() } else { spans(hours) };
    html! {
        svg.hours role="img" aria-label={ "hours: " (label) } viewBox=(format!("0 0 {} {HEIGHT}", 24 * HOUR)) {
            @for hour in 0..24_u8 {
                rect class=(if hours.contains(hour) { "kept" } else { "none" })
                    x=(u32::from(hour) * HOUR) y="0" width=(HOUR - 1) height=(HEIGHT) {}
            }
        }
    }
}

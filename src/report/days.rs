//! The mismatch rate day by day, and what single requests have to expect of the latency, for a terminal.

use crate::verdict::words::{count, percent, percent_against, signed_latency};
use crate::verdict::{DayResult, PairedLatency};

use super::Report;
use super::terminal::{Ink, Page, more};

/// So many days are shown, the latest.
const DAYS: usize = 31;

pub(super) fn section(page: &mut Page, report: &Report<'_>) {
    let days = &report.verdict.days;
    if days.days.is_empty() {
        return;
    }
    page.heading("Days (UTC)");
    page.behind(Ink::Dim, "  ", &lead(report));
    let row = |cells: [&str; 7]| {
        let [day, hours, compared, differ, share, least, most] = cells;
        format!("  {day:<12}{hours:>7}{compared:>12}{differ:>9}{share:>10}{least:>11}{most:>11}")
    };
    page.inked(&[(Ink::Dim, &row(["", "hours", "compared", "differ", "share", "at least", "at most"]))]);
    let hidden = days.days.len().saturating_sub(DAYS);
    for day in days.days.iter().skip(hidden) {
        let ink = if day.above_limit { Ink::Bad } else { Ink::Plain };
        let [share, least, most] = figures(day, days.limit);
        let (name, hours) = (day.day.to_string(), day.hours.count().to_string());
        let (compared, differ) = (count(day.compared), count(day.mismatched));
        page.inked(&[(ink, &row([&name, &hours, &compared, &differ, &share, &least, &most]))]);
        if day.above_limit {
            page.inked(&[(Ink::Bad, &format!("      above the limit of {}", percent(days.limit)))]);
        }
    }
    more(page, days.days.len(), DAYS);
}

/// What the columns are.
pub(super) fn lead(report: &Report<'_>) -> String {
    let days = &report.verdict.days;
    format!("The limit is {}. “At least” is the {}; “at most” is of the day alone.", percent(days.limit), days.method)
}

/// Share, lower bound and upper bound.
pub(super) fn figures(day: &DayResult, limit: f64) -> [String; 3] {
    [day.share, day.at_least, day.at_most]
        .map(|share| share.map_or("-".to_owned(), |share| percent_against(share, limit)))
}

/// In one sentence.
pub(super) fn paired(paired: &PairedLatency) -> String {
    let quantile = |name: &str, value: Option<i64>, most: Option<i64>| {
        let text = |micros: Option<i64>| micros.map_or("unknown".to_owned(), signed_latency);
        format!("{name} {} (at most {})", text(value), text(most))
    };
    let hidden = match paired.cut_off {
        0 => String::new(),
        n => format!("; {} of them were cut off by a time-out and rank as slowest", count(n)),
    };
    format!(
        "{} of {} requests got slower (at most {}); candidate less legacy: {}, {}{hidden}",
        percent(paired.slower),
        count(paired.sample),
        percent(paired.slower_at_most),
        quantile("p50", paired.p50_us, paired.p50_at_most_us),
        quantile("p95", paired.p95_us, paired.p95_at_most_us),
    )
}

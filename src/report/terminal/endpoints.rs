//! The endpoints one by one: how much was compared, how much of it differs, and how long both sides took.

use crate::report::Report;
use crate::report::escape::{columns, cut, visible};
use crate::report::findings::{standing_out, stands_out};
use crate::report::html;
use crate::tally::{EndpointSnapshot, Latency};
use crate::verdict::interval;
use crate::verdict::words::{count, percent};

use super::{ENDPOINTS, Ink, NAME, Page, TABLE_CONFIDENCE, more};

pub(super) fn section(page: &mut Page, report: &Report<'_>) {
    let asked: Vec<&EndpointSnapshot> = report.snapshot.endpoints.iter().filter(|e| e.books.sent > 0).collect();
    if asked.is_empty() {
        return;
    }
    page.heading("Endpoints (latencies in ms: legacy / candidate)");
    let row = |cells: [&str; 5]| {
        let [compared, differ, bound, p50, p95] = cells;
        format!("{compared:>9}{differ:>8}{bound:>9}{p50:>13}{p95:>13}")
    };
    let head = row(["compared", "differ", "at most", "p50", "p95"]);
    page.inked(&[(Ink::Dim, &" ".repeat(2 + NAME)), (Ink::Dim, &head)]);
    for endpoint in asked.iter().take(ENDPOINTS) {
        let books = &endpoint.books;
        let n = html::evidence(books);
        let bound = interval::upper_bound(books.mismatched, n, TABLE_CONFIDENCE);
        let bound = if n == 0 { "-".to_owned() } else { percent(bound) };
        let quantile = |q| {
            let side = |latency: &Latency| latency.quantile(q).map_or("-".to_owned(), millis);
            format!("{} / {}", side(&endpoint.latency.legacy), side(&endpoint.latency.candidate))
        };
        let excepted = report.verdict.coverage.excepts(&endpoint.endpoint);
        let differ = count(books.mismatched)
            + match () {
                () if excepted => "~",
                () if stands_out(report, &endpoint.endpoint) => "*",
                () => "",
            };
        let cells = [count(n), differ, bound, quantile(0.5), quantile(0.95)];
        let name = cut(&visible(&endpoint.endpoint.to_string()), NAME);
        // Columns and not characters: a wide name must not move the table.
        let pad = " ".repeat(NAME - columns(&name).min(NAME));
        let ink = match books.mismatched {
            _ if excepted => Ink::Dim,
            0 => Ink::Plain,
            _ => Ink::Bad,
        };
        let rest = row(cells.each_ref().map(String::as_str));
        page.inked(&[(Ink::Plain, "  "), (ink, &name), (Ink::Plain, &pad), (Ink::Plain, &rest)]);
    }
    more(page, asked.len(), ENDPOINTS);
    if let Some(legend) = standing_out(report) {
        page.behind(Ink::Dim, "  * ", &legend);
    }
    if asked.iter().take(ENDPOINTS).any(|e| report.verdict.coverage.excepts(&e.endpoint)) {
        page.behind(Ink::Dim, "  ~ ", "excepted by the policy: in no figure of a gate");
    }
}

/// Milliseconds in three digits, without the unit.
fn millis(micros: u64) -> String {
    let value = micros as f64 / 1e3;
    match value {
        v if v < 1.0 => format!("{v:.2}"),
        v if v < 10.0 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    }
}

//! The endpoint table as CSV, for a spreadsheet.

use csv::{QuoteStyle, Terminator, WriterBuilder};

use crate::tally::{EndpointSnapshot, Latency};
use crate::verdict::interval;

use super::Report;
use super::escape::visible;
use super::html::evidence;
use super::terminal::TABLE_CONFIDENCE;

/// How it begins; who finds it at the beginning of a file knows that the file is ours.
pub const BEGINS: &str = "\"endpoint\",\"exchanges\",\"sent\",";

/// Bytes of an endpoint's name; a longer one is cut.
const NAME: usize = 1 << 10;

/// Why there is no table.
#[derive(Debug, thiserror::Error)]
#[error("the endpoint table cannot be written: {0}")]
pub struct CsvError(String);

/// The columns: shares are numbers from 0 to 1, latencies whole microseconds, nothing where there is none.
const COLUMNS: [&str; 24] = [
    "endpoint",
    "exchanges",
    "sent",
    "skipped",
    "interrupted",
    "compared",
    "matched",
    "accepted",
    "mismatched",
    "noisy",
    "drifted",
    "not_comparable",
    "failed",
    "legacy_5xx",
    "candidate_5xx",
    "mismatch_rate",
    "mismatch_rate_at_most",
    "legacy_p50_us",
    "legacy_p95_us",
    "legacy_p99_us",
    "candidate_p50_us",
    "candidate_p95_us",
    "candidate_p99_us",
    "excepted",
];

pub(super) fn render(report: &Report<'_>) -> Result<String, CsvError> {
    let fail = |error: &dyn std::fmt::Display| CsvError(error.to_string());
    // RFC 4180: lines end with CRLF. Every text is quoted, so that no separator of any locale ends its cell.
    let mut builder = WriterBuilder::new();
    builder.terminator(Terminator::CRLF).quote_style(QuoteStyle::NonNumeric);
    let mut writer = builder.from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(|e| fail(&e))?;
    for endpoint in &report.snapshot.endpoints {
        writer
            .write_record(row(endpoint, report.verdict.coverage.excepts(&endpoint.endpoint)))
            .map_err(|e| fail(&e))?;
    }
    let bytes = writer.into_inner().map_err(|e| fail(&e))?;
    String::from_utf8(bytes).map_err(|e| fail(&e))
}

fn row(endpoint: &EndpointSnapshot, excepted: bool) -> [String; 24] {
    let books = &endpoint.books;
    let n = evidence(books);
    let share = |share: f64| if n == 0 { String::new() } else { format!("{share}") };
    let at = |side: &Latency, q| side.quantile(q).map_or(String::new(), |micros| micros.to_string());
    let (legacy, candidate) = (&endpoint.latency.legacy, &endpoint.latency.candidate);
    [
        defused(&endpoint.endpoint.to_string()),
        books.exchanges.to_string(),
        books.sent.to_string(),
        books.skipped.total().to_string(),
        books.interrupted.to_string(),
        books.compared.to_string(),
        books.matched.to_string(),
        books.accepted.to_string(),
        books.mismatched.to_string(),
        books.noisy.to_string(),
        books.drifted.to_string(),
        books.not_comparable.total().to_string(),
        books.failed.total().to_string(),
        endpoint.legacy_5xx.to_string(),
        endpoint.candidate_5xx.to_string(),
        share(books.mismatched as f64 / n.max(1) as f64),
        share(interval::upper_bound(books.mismatched, n, TABLE_CONFIDENCE)),
        at(legacy, 0.5),
        at(legacy, 0.95),
        at(legacy, 0.99),
        at(candidate, 0.5),
        at(candidate, 0.95),
        at(candidate, 0.99),
        excepted.to_string(),
    ]
}

/// A text that no spreadsheet takes for a formula: a quote before what one may begin with (OWASP, "CSV Injection", which
/// names the full-width forms too). Tabs and line breaks are escapes already.
fn defused(text: &str) -> String {
    let text = visible(text);
    let text = text.chars().take(NAME).collect::<String>();
    let begins = |c: char| matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠');
    // A spreadsheet may pass over blanks before it looks.
    if text.trim_start().starts_with(begins) { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_begin_a_formula_does_not_begin_a_cell() {
        for (text, shown) in [
            ("GET /a", "GET /a"),
            ("=cmd|'/c calc'!A1 /", "'=cmd|'/c calc'!A1 /"),
            ("+1 /", "'+1 /"),
            ("-1 /", "'-1 /"),
            ("@SUM(A1) /", "'@SUM(A1) /"),
            ("  =1", "'  =1"),
            ("\t=1", "\\t=1"),
            ("\r=1", "\\r=1"),
            ("＝1", "'＝1"),
        ] {
            assert_eq!(defused(text), shown, "{text:?}");
        }
        assert_eq!(defused(&"x".repeat(5000)).len(), NAME);
    }
}

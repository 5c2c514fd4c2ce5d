//! Both sides' latencies.

use maud::{Markup, PreEscaped, html};

use crate::report::{Report, plot};
use crate::verdict::words::{self, count, counted, latency as time};

pub(super) fn section(report: &Report<'_>) -> Markup {
    let pair = &report.snapshot.latency;
    let quantile = Some(report.verdict.latency_quantile);
    let [Some(wide), Some(narrow)] = [(960, 340), (350, 290)].map(|size| plot::percentiles(pair, quantile, size))
    else {
        return html! {};
    };
    let live = report.facts.legacy.is_some();
    let sides = [("legacy", &pair.legacy), ("candidate", &pair.candidate)];
    html! {
        section #latency {
            h2 { "Latency" }
            p.lead {
                "Both sides over the same " (counted(pair.candidate.count, "exchange")) ". "
                @if live { "Both were asked by this run." }
                @else { "The legacy as captured on the wire, the candidate as asked by this run." }
                " The dashed line is " (words::quantile(report.verdict.latency_quantile)) ", which the gate judges."
            }
            figure.plot {
                figcaption {
                    span.key.legacy { "legacy" }
                    span.key.candidate { "candidate" }
                    @if plot::shows_captured(pair) { span.key.captured { "legacy as captured" } }
                }
                div.wide role="img" aria-label="Latency by percentile, legacy and candidate" { (PreEscaped(wide)) }
                div.narrow aria-hidden="true" { (PreEscaped(narrow)) }
            }
            table.latency {
                thead {
                    tr { th {} @for name in ["p50", "p90", "p95", "p99", "largest"] { th.n { (name) } } }
                }
                tbody {
                    @for (name, side) in sides {
                        tr {
                            th scope="row" { span class={ "key " (name) } { (name) } }
                            @for (label, q) in [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("largest", 1.0)] {
                                td.n data-label=(label) { (side.quantile(q).map_or("–".to_owned(), time)) }
                            }
                        }
                    }
                }
            }
            @if let Some(paired) = &report.verdict.paired_latency {
                p.meta { "Each request by itself: " (crate::report::days::paired(paired)) ". By " (paired.method) "." }
            }
            @for (name, side) in sides.iter().filter(|(_, side)| side.censored > 0) {
                p.meta {
                    (count(side.censored)) " of the " (*name) "'s were cut off by the time-out: they took at least so long."
                }
            }
        }
    }
}

//! Both sides' latencies: by percentile, by how many took how long, and request by request.

use maud::{Markup, PreEscaped, html};

use crate::report::{Report, plot};
use crate::tally::{Latency, LatencyPair};
use crate::verdict::words::{self, count, counted, latency as time, percent, signed_latency};

/// What the table and the words have.
const QUANTILES: [(&str, f64); 5] = [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("largest", 1.0)];

pub(super) fn section(report: &Report<'_>) -> Markup {
    let pair = &report.snapshot.latency;
    let quantile = Some(report.verdict.latency_quantile);
    let Some(curves) = both([(960, 340), (350, 290)], |size| plot::percentiles(pair, quantile, size)) else {
        return html! {};
    };
    let live = report.facts.legacy.is_some();
    html! {
        section #latency {
            h2 { "Latency" }
            p.lead {
                "Both sides over the same " (counted(pair.candidate.count, "exchange")) ". "
                @if live { "Both were asked by this run." }
                @else { "The legacy as it was seen to answer its clients, the candidate as asked by this run." }
                " The thin dashed line is " (words::quantile(report.verdict.latency_quantile)) ", which the gate judges."
            }
            figure.plot {
                figcaption {
                    span.key.legacy { "legacy" }
                    span.key.candidate { "candidate" }
                    @if plot::shows_captured(pair) { span.key.captured { "legacy as seen" } }
                }
                (sizes(&format!("Latency by percentile. {}", sides_in_words(pair)), &curves))
            }
            (table(pair))
            (histogram(pair))
            (difference(report))
            @for (name, side) in sides(pair).iter().filter(|(_, side)| side.censored > 0) {
                p.meta {
                    (count(side.censored)) " of the " (*name) "'s were cut off by the time-out: they took at least so long."
                }
            }
        }
    }
}

/// The same plot for wide screens and for narrow ones.
pub(super) fn both(sizes: [plot::Size; 2], plot: impl Fn(plot::Size) -> Option<String>) -> Option<[String; 2]> {
    let [wide, narrow] = sizes.map(plot);
    Some([wide?, narrow?])
}

/// Whichever is not shown is not read out either.
pub(super) fn sizes(label: &str, [wide, narrow]: &[String; 2]) -> Markup {
    html! {
        div.wide role="img" aria-label=(label) { (PreEscaped(wide)) }
        div.narrow role="img" aria-label=(label) { (PreEscaped(narrow)) }
    }
}

fn sides(pair: &LatencyPair) -> [(&'static str, &Latency); 2] {
    [("legacy", &pair.legacy), ("candidate", &pair.candidate)]
}

fn shown(side: &Latency, q: f64) -> String {
    side.quantile(q).map_or("–".to_owned(), time)
}

fn sides_in_words(pair: &LatencyPair) -> String {
    let of = |(name, side): &(&str, &Latency)| {
        let figures: Vec<String> = QUANTILES.iter().map(|(label, q)| format!("{label} {}", shown(side, *q))).collect();
        format!("The {name}: {}.", figures.join(", "))
    };
    sides(pair).iter().map(of).collect::<Vec<_>>().join(" ")
}

fn table(pair: &LatencyPair) -> Markup {
    html! {
        table.latency {
            thead {
                tr { th {} @for (name, _) in QUANTILES { th.n { (name) } } }
            }
            tbody {
                @for (name, side) in sides(pair) {
                    tr {
                        th scope="row" { span class={ "key " (name) } { (name) } }
                        @for (label, q) in QUANTILES { td.n data-label=(label) { (shown(side, q)) } }
                    }
                }
            }
        }
    }
}

fn histogram(pair: &LatencyPair) -> Markup {
    let Some(plots) = both([(960, 280), (350, 250)], |size| plot::histogram(pair, size)) else { return html! {} };
    let label = format!("How many exchanges took how long, on a logarithmic axis. {}", sides_in_words(pair));
    html! {
        h3 { "How many took how long" }
        figure.plot {
            figcaption {
                span.key.legacy.filled { "legacy" }
                span.key.candidate { "candidate" }
            }
            (sizes(&label, &plots))
        }
    }
}

/// The candidate's latency less the legacy's, of each request.
fn difference(report: &Report<'_>) -> Markup {
    let paired = &report.snapshot.latency.difference;
    let Some(plots) = both([(960, 260), (350, 240)], |size| plot::difference(paired, size)) else { return html! {} };
    let known = |q: f64| paired.quantile(q).map_or("hidden by time-outs".to_owned(), signed_latency);
    let slower = paired.slower_share().map_or("–".to_owned(), percent);
    let words = format!(
        "The median difference is {}, the 95th percentile {}; {slower} of {} got slower.",
        known(0.5),
        known(0.95),
        counted(paired.count(), "request"),
    );
    let hidden = paired.cut_off + paired.unknown;
    html! {
        h3 { "Each request by itself: candidate less legacy" }
        p.note { (words) }
        figure.plot.difference {
            figcaption {
                span.key.faster { "candidate faster" }
                span.key.candidate.filled { "candidate slower" }
                span.key.captured { "median, p95" }
            }
            (sizes(&format!("Candidate less legacy, request by request, zero marked. {words}"), &plots))
        }
        p.meta {
            "Linear about zero, logarithmic beyond. The bar about zero is grey."
            @if hidden > 0 { " Of " (counted(hidden, "request")) " a time-out hides the difference: “cut off”." }
            @if let Some(paired) = &report.verdict.paired_latency {
                " " (crate::report::days::paired(paired)) ". By " (paired.method) "."
            }
        }
    }
}

#[cfg(test)]
mod tests;

use std::time::Duration;

use scraper::{Html, Selector};

use super::*;
use crate::config::Policy;
use crate::report::RunFacts;
use crate::report::plot::tests::is_fit;
use crate::report::tests::{TODAY, shop};
use crate::tally::Snapshot;
use crate::tally::invented::{Invented, snapshot_of};
use crate::verdict::judge;

fn shown(snapshot: &Snapshot) -> String {
    let verdict = judge(snapshot, &Policy::default(), &[], TODAY);
    section(&Report { verdict: &verdict, snapshot, facts: &RunFacts::default(), rules: &[] }).into_string()
}

#[test]
fn curves_histograms_and_differences_are_there_in_both_sizes_and_in_words() {
    let (snapshot, _) = shop();
    let text = shown(&snapshot);
    let page = Html::parse_fragment(&text);
    assert!(page.errors.is_empty(), "{:?}", page.errors);
    let select = |css: &str| Selector::parse(css).unwrap();
    let figures: Vec<_> = page.select(&select("section#latency figure.plot")).collect();
    assert_eq!(figures.len(), 3);
    for figure in &figures {
        let sizes: Vec<usize> = figure.select(&select("svg")).map(|svg| svg.html().len()).collect();
        assert!(sizes.len() == 2 && sizes.iter().sum::<usize>() <= 60_000, "{sizes:?}");
        let labels: Vec<&str> = figure.select(&select("[role=img]")).filter_map(|e| e.attr("aria-label")).collect();
        assert!(labels.len() == 2 && labels[0] == labels[1], "whichever is shown is named: {labels:?}");
    }
    assert_eq!(page.select(&select("[style]")).count(), 0);
    let pair = &snapshot.latency;
    let label = |at: usize| figures[at].select(&select("[role=img]")).next().unwrap().attr("aria-label").unwrap();
    for (at, side) in [(0, &pair.legacy), (0, &pair.candidate), (1, &pair.legacy), (1, &pair.candidate)] {
        for (name, q) in QUANTILES {
            let figure = format!("{name} {}", time(side.quantile(q).unwrap()));
            assert!(label(at).contains(&figure), "{figure} in {}", label(at));
        }
    }
    let difference = |q: f64| signed_latency(pair.difference.quantile(q).unwrap());
    let said = format!("The median difference is {}, the 95th percentile {}", difference(0.5), difference(0.95));
    assert!(label(2).contains(&said) && text.matches(&said).count() >= 3, "{said} also where it can be read");
    text.split("<svg").skip(1).for_each(|svg| is_fit(&format!("<svg{}</svg>", svg.split("</svg>").next().unwrap())));
}

#[test]
fn nothing_and_one_request_are_told_as_they_are() {
    assert_eq!(shown(&Snapshot::default()), "");
    let one = snapshot_of(&[Invented::new(0, 0)], &["GET /a"]);
    let text = shown(&one);
    assert!(text.contains("The median difference is -1 ms") && text.contains("0% of 1 request got slower"), "{text}");
    let time_out = Invented::new(1, 0).failed(crate::exchange::Failure::Timeout, Duration::from_secs(2));
    let hidden = shown(&snapshot_of(&[Invented::new(0, 0), time_out], &["GET /a"]));
    assert!(hidden.contains("the 95th percentile hidden by time-outs"), "{hidden}");
    assert!(hidden.contains("Of 1 request a time-out hides the difference"), "{hidden}");
}

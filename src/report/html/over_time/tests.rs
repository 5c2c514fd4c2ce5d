use scraper::{Html, Selector};

use super::*;
use crate::config::Policy;
use crate::report::RunFacts;
use crate::report::escape::visible;
use crate::report::hostile::payloads;
use crate::report::plot::tests::tips;
use crate::report::tests::{TODAY, shop};
use crate::tally::Snapshot;
use crate::tally::invented::{Invented, snapshot_of};
use crate::verdict::judge;

fn shown(snapshot: &Snapshot, facts: &RunFacts) -> (String, serde_json::Value) {
    let verdict = judge(snapshot, &Policy::default(), &[], TODAY);
    let report = Report { verdict: &verdict, snapshot, facts, rules: &[] };
    let json = serde_json::from_str(&report.json().unwrap()).unwrap();
    (section(&report).into_string(), json)
}

fn select<'a>(page: &'a Html, css: &str) -> Vec<scraper::ElementRef<'a>> {
    page.select(&Selector::parse(css).unwrap()).collect()
}

#[test]
fn what_is_plotted_is_what_the_json_has_and_what_the_books_have() {
    let (snapshot, _) = shop();
    let (text, json) = shown(&snapshot, &RunFacts::default());
    let page = Html::parse_fragment(&text);
    assert!(page.errors.is_empty(), "{:?}", page.errors);
    let wide = select(&page, "section#over-time div.wide svg")[0].html();
    let buckets = json["snapshot"]["over_time"]["buckets"].as_array().unwrap();
    let said = tips(&wide);
    assert_eq!(said.len(), buckets.len());
    for (bucket, said) in buckets.iter().zip(said) {
        let from = bucket["from"].as_str().unwrap().trim_end_matches('Z').replace('T', " ");
        let n = |name: &str| count(bucket[name].as_u64().unwrap());
        let plotted = match bucket["compared"].as_u64() {
            Some(0) => format!("{from}: nothing compared"),
            _ => format!("{from}: {} of {} differ", n("mismatched"), n("compared")),
        };
        assert!(said.starts_with(&plotted), "{said} but {plotted}");
        assert_eq!(said.contains("failed"), bucket["failed"] != 0, "{said}");
    }
    let sum = |name: &str| buckets.iter().map(|bucket| bucket[name].as_u64().unwrap()).sum::<u64>();
    let books = snapshot.ledger.shadow.as_ref().unwrap();
    assert_eq!((sum("exchanges"), sum("mismatched")), (books.exchanges, books.mismatched));
    assert_eq!(sum("failed"), books.failed.total());
    let label = select(&page, "[role=img]")[0].attr("aria-label").unwrap();
    let compared = books.matched + books.accepted + books.mismatched;
    assert!(label.contains(&format!("{} of {} differ", count(books.mismatched), count(compared))), "{label}");
    assert!(label.contains("above the limit of 0.1%"), "{label}");
    assert_eq!(select(&page, "[style]").len(), 0);
    assert_eq!(select(&page, "svg").len(), 2);
}

#[test]
fn nothing_one_bucket_and_unknown_times_are_told_as_they_are() {
    assert_eq!(shown(&Snapshot::default(), &RunFacts::default()).0, "");
    let one = snapshot_of(&[Invented::new(0, 0)], &["GET /a"]);
    let (text, _) = shown(&one, &RunFacts::default());
    assert!(text.contains("by 10 ms") && text.contains("0 of 1 differ, 0% (0% to "), "{text}");
    let mut untimed = Invented::new(0, 0);
    untimed.observation.exchange.moments = Default::default();
    let (text, _) = shown(&snapshot_of(&[untimed.clone()], &["GET /a"]), &RunFacts::default());
    assert!(text.contains("It is not known when the 1 exchange began") && !text.contains("<svg"), "{text}");
    let (text, _) = shown(&snapshot_of(&[Invented::new(1, 0), untimed], &["GET /a"]), &RunFacts::default());
    assert!(text.contains("<svg") && text.contains("Of 1 exchange more it is not known"), "{text}");
}

fn epoch(number: u64, first: &str, build: &str, rules: &str) -> EpochNote {
    EpochNote {
        number,
        first: Some(first.into()),
        build: Some(build.into()),
        rules: rules.into(),
        ..EpochNote::default()
    }
}

#[test]
fn epochs_are_marked_with_what_is_another_in_them() {
    let (snapshot, _) = shop();
    let at = |second: u32| format!("2023-11-14T22:13:{second}Z");
    let epochs = vec![
        epoch(1, &at(20), "app/1", "a"),
        epoch(2, &at(21), "app/2", "a"),
        epoch(3, &at(23), "app/2", "b"),
        epoch(4, &at(24), "app/2", "b"),
        epoch(5, "no time", "app/3", "b"),
    ];
    let (text, _) = shown(&snapshot, &RunFacts { epochs, ..RunFacts::default() });
    let page = Html::parse_fragment(&text);
    let listed: Vec<String> = select(&page, "ol.epochs li").iter().map(|li| li.text().collect()).collect();
    assert_eq!(
        listed,
        [
            "another build from 2023-11-14 22:13:21 (UTC): build app/2",
            "other rules from 2023-11-14 22:13:23 (UTC): build app/2",
            "other gates from 2023-11-14 22:13:24 (UTC): build app/2",
        ]
    );
    let wide = select(&page, "div.wide svg")[0].html();
    assert_eq!(tips(&wide).iter().filter(|tip| tip.starts_with("epoch ")).count(), 3);
    assert_eq!(wide.matches("stroke=\"#CC79A7\"").count(), 3);
    let label = select(&page, "[role=img]")[0].attr("aria-label").unwrap();
    assert!(label.contains("3 more epochs begin in it"), "{label}");
}

#[test]
fn a_build_cannot_name_itself_into_the_page() {
    let (snapshot, _) = shop();
    let of = |build: &str| {
        let epochs = vec![epoch(1, "2023-11-14T22:13:20Z", "app/1", "a"), epoch(2, "2023-11-14T22:13:22Z", build, "a")];
        shown(&snapshot, &RunFacts { epochs, ..RunFacts::default() }).0
    };
    let elements =
        |text: &str| Html::parse_fragment(text).tree.nodes().filter(|node| node.value().is_element()).count();
    let harmless = elements(&of("owned"));
    for (name, payload) in payloads() {
        let text = of(&payload);
        assert_eq!(elements(&text), harmless, "{name}");
        assert!(Html::parse_fragment(&text).errors.is_empty(), "{name}");
        let shown = select(&Html::parse_fragment(&text), "ol.epochs code")[0].text().collect::<String>();
        assert_eq!(shown, visible(&payload).to_string(), "{name}: in its own words, and there alone");
    }
}

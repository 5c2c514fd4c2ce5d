//! Failures of the candidate, in every form: how many, since when, what came of the first, and how to ask it again.

use std::time::Duration;

use super::Report;
use super::tests::{TODAY, facts, shop};
use crate::config::Policy;
use crate::exchange::{AskedWith, Failure, RunFacts};
use crate::tally::Snapshot;
use crate::tally::invented::{Invented, endpoint};
use crate::verdict::judge;

fn with<T>(snapshot: &Snapshot, render: impl FnOnce(Report<'_>) -> T) -> T {
    let verdict = judge(snapshot, &Policy::default(), &[], TODAY);
    let facts = RunFacts { candidate: "http://127.0.0.1:8081".into(), ..facts() };
    render(Report { verdict: &verdict, snapshot, facts: &facts, rules: &[] })
}

/// Three 5xx and two that got no answer, at two endpoints; the first 5xx was asked with something.
fn failing() -> Snapshot {
    let mut tally = crate::tally::Tally::new();
    for sequence in 0..40 {
        let one = Invented::new(sequence, (sequence % 2) as u32);
        match sequence {
            4 | 10 | 30 => {
                let mut one = one.failed(Failure::ServerError, Duration::from_millis(3));
                one.observation.sequence = sequence;
                let mut example = one.example();
                example.status = (200, 503);
                (example.legacy, example.candidate) = ("{\"ok\":true}".into(), "<h1>it broke</h1>".into());
                let headers = [("host", "shop.example"), ("accept", "text/html"), ("cookie", "s=[redacted:12]")];
                example.asked = AskedWith {
                    headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
                    left_out: vec!["x-forwarded-for".into()],
                    body: None,
                };
                tally.absorb(&one.observation, &one.comparison, &Default::default(), || example);
            }
            7 | 9 => one.failed(Failure::Timeout, Duration::from_secs(2)).absorbed_by(&mut tally),
            _ => one.absorbed_by(&mut tally),
        }
    }
    tally.snapshot(&["GET /a", "GET /b"].map(endpoint), Default::default(), Default::default())
}

/// The article of one way of failing.
fn article<'p>(page: &'p str, chip: &str) -> &'p str {
    let section = page.split("<section id=\"failures\">").nth(1).unwrap();
    let section = section.split("</section>").next().unwrap();
    section.split("<article").find(|text| text.contains(&format!(">{chip}</span>"))).unwrap()
}

#[test]
fn the_page_says_what_failed_since_when_with_what_status_and_how_to_ask_it_again() {
    let page = with(&failing(), |report| report.html());
    let broke = article(&page, "server-error");
    for expected in [
        "3 of 20 sent",
        "15% of what was sent",
        "first seen 2023-11-14T22:13:20.004Z, last 2023-11-14T22:13:20.03Z",
        "The first, #4 <code>GET /things/4</code> <span class=\"meta\">legacy 200, candidate 503</span>",
        "&lt;h1&gt;it broke&lt;/h1&gt;",
        "<pre>curl -sS -i --globoff --path-as-is -H &#39;host: shop.example&#39; -H &#39;accept: text/html&#39; -H &#39;shadow-request: 1&#39; \
         -H user-agent: http://127.0.0.1:8081/things/4</pre>",
        "Left out, since their values are secret: cookie.",
        "Asked with, and not shown: x-forwarded-for.",
    ] {
        let plain = broke.replace("&#39;", "'").replace("&apos;", "'");
        let expected = expected.replace("&#39;", "'");
        assert!(plain.contains(&expected), "{expected}\n{plain}");
    }
    assert!(!broke.contains("curl's own"), "what is asked is what was asked");
    let late = article(&page, "timeout");
    for expected in ["2 of 20 sent", "legacy 200, candidate no answer", "127.0.0.1:8081/things/7</pre>"] {
        assert!(late.contains(expected), "{expected}\n{late}");
    }
    // To the endpoint and back.
    for (name, chip) in [("GET /a", "server-error"), ("GET /b", "timeout")] {
        let one = article(&page, chip);
        let id = one.split("id=\"").nth(1).unwrap().split('"').next().unwrap();
        let to = one.split("<h3><a href=\"#").nth(1).unwrap().split('"').next().unwrap();
        assert!(page.contains(&format!("<article class=\"endpoint\" id=\"{to}\"")), "{name}");
        assert!(page.contains(&format!("<a href=\"#{id}\">{chip} ")), "{name}");
    }
    assert!(page.find(">server-error</span>") < page.find(">timeout</span>"), "the most frequent first");
}

#[test]
fn what_is_kept_of_a_failure_is_in_the_other_forms_too() {
    let snapshot = failing();
    let text = with(&snapshot, |report| report.terminal(false));
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("GET /a · server-error 3 #4 GET /things/4 legacy 200, candidate 503; first seen 2023-"),
        "{text}"
    );
    let text = with(&snapshot, |report| report.markdown());
    assert!(text.contains("- `GET /a` server-error 3, first `GET /things/4`: legacy 200, candidate 503, "), "{text}");
    let json: serde_json::Value = with(&snapshot, |report| serde_json::from_str(&report.json().unwrap()).unwrap());
    let kept = &json["snapshot"]["failures"][0];
    assert_eq!((&kept["endpoint"], &kept["failure"]), (&"GET /a".into(), &"server-error".into()));
    assert_eq!(kept["example"]["status"], serde_json::json!([200, 503]));
}

#[test]
fn where_nothing_is_kept_the_first_request_is_named_and_that_there_is_no_more_is_said() {
    let (mut snapshot, _) = shop();
    snapshot.failures.clear();
    let page = with(&snapshot, |report| report.html());
    let late = article(&page, "timeout");
    assert!(
        late.contains("The first: #") && late.contains("More of it is not kept.") && !late.contains("curl"),
        "{late}"
    );
}

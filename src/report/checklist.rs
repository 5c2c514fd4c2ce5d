//! The checklist, for a terminal and for the page: what is to be signed, and who has signed it.

use maud::{Markup, html};

use crate::verdict::{ItemResult, ItemState};

use super::escape::visible;
use super::terminal::{Ink, Page};

/// Behind the gates, where there is one.
pub(super) fn lines(page: &mut Page, items: &[ItemResult]) {
    if items.is_empty() {
        return;
    }
    page.line("");
    page.inked(&[(Ink::Bold, "Checklist")]);
    for item in items {
        let (ink, word) = match item.state {
            ItemState::Signed => (Ink::Good, "signed"),
            ItemState::Unsigned | ItemState::Lapsed | ItemState::Ahead => (Ink::Unsure, "open"),
        };
        let mut text = format!("{} · {}", visible(&item.id), visible(&item.standing()));
        if let Some(evidence) = &item.evidence {
            text.push_str(&format!(" · {}", visible(evidence)));
        }
        page.behind(ink, &format!("  {word:<8}"), &text);
        if let Some(what) = &item.what {
            page.behind(Ink::Dim, "          ", &visible(what));
        }
    }
}

/// A section of the page, where there is one.
pub(super) fn section(items: &[ItemResult]) -> Markup {
    if items.is_empty() {
        return html! {};
    }
    let holds = |item: &ItemResult| item.state == ItemState::Signed;
    html! {
        section #checklist {
            h2 { "Checklist" }
            p.lead { "What no traffic shows. Somebody has to answer for each of these." }
            @for item in items {
                article.rule {
                    div.head {
                        h3 { code { (visible(&item.id)) } }
                        span.chip.go[holds(item)].open[!holds(item)] { (item.state) }
                    }
                    @if let Some(what) = &item.what { p { (visible(what)) } }
                    p.meta {
                        (visible(&item.standing()))
                        @if let Some(evidence) = &item.evidence { " · " (shown(evidence)) }
                    }
                }
            }
        }
    }
}

/// A link where it is the address of a page, which is opened only by whoever clicks on it.
fn shown(evidence: &str) -> Markup {
    let text = visible(evidence);
    let is_page = ["https://", "http://"].iter().any(|scheme| evidence.starts_with(scheme)) && text == evidence;
    html! { @if is_page { a href=(evidence) rel="noreferrer noopener" { (text) } } @else { (text) } }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use crate::config::{ChecklistItem, Policy, Signature};
    use crate::exchange::RunFacts;
    use crate::report::Report;
    use crate::report::escape::columns;
    use crate::tally::Snapshot;
    use crate::verdict::judge;

    fn item(id: &str, evidence: Option<&str>) -> ChecklistItem {
        let signature =
            |evidence: &str| Signature { by: "sre".into(), evidence: evidence.into(), on: date(2026, 11, 20) };
        ChecklistItem {
            id: id.into(),
            what: Some(format!("what {id} means")),
            signed: evidence.map(signature),
            expires: Some(date(2027, 1, 31)),
        }
    }

    #[test]
    fn who_has_signed_what_and_who_has_not_is_shown_everywhere_and_steers_nobody() {
        let hostile = "javascript:alert(1)//<script>\u{1b}[2J";
        let long = format!("https://wiki.example/rollback?{}", "a=1&".repeat(40));
        let checklist =
            vec![item("rollback-tested", Some(&long)), item("dba-agrees", None), item("odd", Some(hostile))];
        let policy = Policy { checklist, ..Policy::default() };
        let (snapshot, facts) = (Snapshot::default(), RunFacts::default());
        let verdict = judge(&snapshot, &policy, &[], date(2026, 11, 25));
        let report = Report { verdict: &verdict, snapshot: &snapshot, facts: &facts, rules: &[] };

        let text = report.terminal(false);
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for expected in [
            "signed rollback-tested · signed by sre on 2026-11-20, until 2027-01-31 · https://wiki.example/rollback?",
            "open dba-agrees · nobody has signed it, until 2027-01-31 what dba-agrees means",
            "open checklist 1 of 3 items open: dba-agrees is not signed.",
        ] {
            assert!(words.contains(expected), "{expected}:\n{text}");
        }
        assert!(text.lines().all(|line| columns(line) <= 80) && !text.contains('\u{1b}'), "{text}");

        let page = report.html();
        assert!(page.contains("what rollback-tested means") && page.contains("nobody has signed it"));
        let link = format!("<a href=\"{}\" rel=\"noreferrer noopener\">", long.replace('&', "&amp;"));
        assert!(page.contains(&link), "{link}");
        assert!(!page.contains("href=\"javascript") && !page.contains("//<script>") && !page.contains('\u{1b}'));

        let json: serde_json::Value = serde_json::from_str(&report.json().unwrap()).unwrap();
        let item = &json["checklist"][0];
        assert_eq!((&item["state"], &item["by"], &item["on"]), (&"signed".into(), &"sre".into(), &"2026-11-20".into()));
        assert_eq!((&item["evidence"], &item["expires"]), (&long.into(), &"2027-01-31".into()));
        assert_eq!((&json["checklist"][1]["state"], &json["checklist"][1]["by"]), (&"unsigned".into(), &().into()));
    }
}

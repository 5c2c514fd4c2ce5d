//! What rules accept, in one sentence: who reads that nothing mismatches has to know it at once.

use std::collections::BTreeSet;

use crate::exchange::Endpoint;
use crate::ledger::ShadowBooks;
use crate::verdict::words::{count, counted, percent};

use super::Report;
use super::html::evidence;

/// As the gates count: without what the policy excepts.
pub(super) fn judged(report: &Report<'_>) -> ShadowBooks {
    let excepted: BTreeSet<&Endpoint> = report.verdict.coverage.excepted().map(|e| &e.endpoint).collect();
    let mut books = ShadowBooks::default();
    let judged = report.snapshot.endpoints.iter().filter(|e| !excepted.contains(&e.endpoint));
    judged.for_each(|e| books.merge(&e.books));
    books
}

/// `120 more differ and are accepted by rules (3.53% of 3,400 compared).` None where rules accept nothing.
pub(super) fn sentence(report: &Report<'_>) -> Option<String> {
    let books = judged(report);
    let (accepted, compared) = (books.accepted, evidence(&books));
    let more = if books.mismatched > 0 { " more" } else { "" };
    let differ = if accepted == 1 { "differs and is" } else { "differ and are" };
    (accepted > 0).then(|| {
        format!(
            "{}{more} {differ} accepted by rules ({} of {} compared).",
            counted(accepted, "exchange"),
            percent(accepted as f64 / compared as f64),
            count(compared)
        )
    })
}

#[cfg(test)]
mod tests {
    use crate::config::Policy;
    use crate::exchange::{Outcome, RuleAnswer, RunFacts};
    use crate::report::Report;
    use crate::report::tests::{TODAY, note};
    use crate::tally::invented::{Invented, snapshot_of};
    use crate::verdict::judge;

    /// What is told first, in each form that people read, of a run of 400 of which so many are accepted and mismatched.
    fn heads(accepted: u64, mismatched: u64, policy: &Policy) -> [String; 3] {
        let run: Vec<Invented> = (0..400)
            .map(|n| match n {
                n if n / 2 < accepted && n % 2 == 0 => Invented::new(n, 0)
                    .differing(0, "x", Some(("wanted", RuleAnswer::Accept)))
                    .outcome(Outcome::Accepted),
                n if n / 2 < mismatched => Invented::new(n, 1).differing(0, "x", None),
                _ => Invented::new(n, 1),
            })
            .collect();
        let snapshot = snapshot_of(&run, &["GET /a", "GET /b"]);
        let (rules, facts) = ([note("wanted", "agreed")], RunFacts::default());
        let verdict = judge(&snapshot, policy, &rules, TODAY);
        let report = Report { verdict: &verdict, snapshot: &snapshot, facts: &facts, rules: &rules };
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (terminal, page, markdown) = (report.terminal(false), report.html(), report.markdown());
        [
            words(
                terminal
                    .split("\n  pass")
                    .next()
                    .unwrap()
                    .split("\n  FAIL")
                    .next()
                    .unwrap()
                    .split("\n  open")
                    .next()
                    .unwrap(),
            ),
            words(page.split("<dl class=\"figures\">").next().unwrap().split("<h1>").nth(1).unwrap()),
            words(markdown.split("### Gates").next().unwrap()),
        ]
    }

    #[test]
    fn what_rules_accept_is_told_with_the_verdict() {
        for head in heads(120, 0, &Policy::default()) {
            assert!(head.contains("120 exchanges differ and are accepted by rules (30% of 400 compared)."), "{head}");
        }
        for head in heads(1, 5, &Policy::default()) {
            assert!(
                head.contains("1 exchange more differs and is accepted by rules (0.25% of 400 compared)."),
                "{head}"
            );
        }
        for head in heads(0, 5, &Policy::default()) {
            assert!(!head.contains("accepted"), "{head}");
        }
    }

    #[test]
    fn what_the_policy_excepts_is_not_told_as_accepted() {
        let mut policy = Policy::default();
        policy.gates.coverage.except = vec!["GET /a".parse().unwrap()];
        for head in heads(120, 0, &policy) {
            assert!(!head.contains("accepted by rules"), "{head}");
        }
    }
}

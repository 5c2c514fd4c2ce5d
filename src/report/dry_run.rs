//! What a run would send, for a terminal and for a program.

use serde_json::json;

use crate::exchange::Endpoint;
use crate::shadow::dry_run::{DryRunPlan, EndpointPlan, Noted, Planned};
use crate::verdict::words::{count, counted};

use super::SCHEMA_VERSION;
use super::escape::{columns, cut, visible};
use super::terminal::{Ink, Page, WIDTH};

/// So many endpoints are shown.
const ENDPOINTS: usize = 200;

/// Columns of what would be done, with its reason.
const PLANNED: usize = 24;

pub(super) fn render(plan: &DryRunPlan, colour: bool) -> String {
    let mut page = Page::new(colour);
    let (sent, all) = plan.totals();
    let would = if all == 1 { "would be" } else { "of them would be" };
    page.behind(
        Ink::Bold,
        "Dry run  ",
        &format!("nothing was sent; {}, {} {would}", counted(all, "exchange"), count(sent)),
    );
    for (endpoint, plan) in plan.endpoints.iter().take(ENDPOINTS) {
        page.line("");
        page.inked(&[(Ink::Bold, &format!("  {}", visible(&endpoint.to_string())))]);
        lines(&mut page, plan);
    }
    if plan.endpoints.len() > ENDPOINTS {
        let left = counted((plan.endpoints.len() - ENDPOINTS) as u64, "endpoint");
        page.line("");
        page.inked(&[(Ink::Dim, &format!("  and {left} more"))]);
    }
    if !plan.beyond.0.is_empty() {
        page.line("");
        page.inked(&[(Ink::Bold, "  further endpoints together")]);
        lines(&mut page, &plan.beyond);
    }
    page.line("");
    page.behind(Ink::Dim, "  ", "The rate, the breaker and what the candidate answers may keep more back in a run.");
    page.finish()
}

/// For a program: one object.
pub(super) fn json(plan: &DryRunPlan) -> serde_json::Value {
    let (sent, all) = plan.totals();
    let endpoint =
        |(endpoint, plan): &(Endpoint, EndpointPlan)| json!({"endpoint": endpoint, "planned": planned(plan)});
    json!({
        "schema_version": SCHEMA_VERSION,
        "dry_run": true,
        "exchanges": all,
        "would_be_sent": sent,
        "endpoints": plan.endpoints.iter().map(endpoint).collect::<Vec<_>>(),
        "further_endpoints": planned(&plan.beyond),
    })
}

fn planned(plan: &EndpointPlan) -> Vec<serde_json::Value> {
    let what = |planned: &Planned| match planned {
        Planned::Send => ("send", None),
        Planned::SendSandboxed => ("send-sandboxed", None),
        Planned::Skip(why) => ("skip", Some(why.as_str())),
    };
    let one = |(planned, noted): (&Planned, &Noted)| {
        let (what, why) = what(planned);
        json!({"what": what, "why": why, "count": noted.count, "sample": noted.sample})
    };
    plan.0.iter().map(one).collect()
}

fn lines(page: &mut Page, plan: &EndpointPlan) {
    for (planned, noted) in &plan.0 {
        let (ink, text) = match planned {
            Planned::Send => (Ink::Good, "send".to_owned()),
            Planned::SendSandboxed => (Ink::Unsure, "send, sandboxed".to_owned()),
            Planned::Skip(why) => (Ink::Dim, format!("skip: {why}")),
        };
        let number = format!("{:>12}  ", count(noted.count));
        let head = format!("    {text:<PLANNED$}");
        let room = WIDTH.saturating_sub(columns(&head) + columns(&number));
        page.inked(&[(ink, &head), (Ink::Plain, &number), (Ink::Dim, &cut(&visible(&noted.sample), room))]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{OpenEndpoint, Safety, Treatment};
    use crate::exchange::{Endpoint, Skip};
    use crate::shadow::dry_run::DryRun;
    use crate::shadow::{Secrets, safety};
    use crate::tally::invented::Invented;

    /// A list of so many endpoints, with samples as hostile as they come.
    fn plan(endpoints: u32) -> DryRunPlan {
        let open = OpenEndpoint { endpoint: "GET /things/{id}".parse().unwrap(), treatment: Treatment::Sandboxed };
        let (closed, open) = (Safety::default(), Safety { endpoints: vec![open], ..Safety::default() });
        let mut run = DryRun::new(&closed);
        for number in 0..endpoints {
            let exchange = Invented::new(u64::from(number), number).exchange();
            let hostile = || format!("GET /things/{number}\x1b[2J\u{202e}{}", "日本".repeat(80));
            run.note(number, &exchange, &safety::decide(&exchange, &closed, &Secrets::default()), hostile);
            run.note(number, &exchange, &safety::decide(&exchange, &open, &Secrets::default()), hostile);
            for skip in Skip::ALL {
                run.note(number, &exchange, &Err(*skip), hostile);
            }
        }
        let name = |n| Endpoint { method: "GET".into(), template: format!("/{n}/{}", "long-".repeat(n as usize % 30)) };
        run.plan(&(0..endpoints.min(230)).map(name).collect::<Vec<_>>())
    }

    #[test]
    fn it_keeps_to_80_columns_and_shows_no_control_characters() {
        let text = render(&plan(260), false);
        assert!(text.lines().all(|line| columns(line) <= WIDTH), "{text}");
        assert!(!text.contains(['\x1b', '\u{202e}', '\t']));
        assert!(text.contains("and 30 endpoints more") && text.contains("further endpoints together"), "{text}");
        let coloured = render(&plan(1), true);
        assert!(coloured.contains("\x1b[1;32m    send") && !coloured.contains("\x1b[2J"));
    }

    #[test]
    fn a_program_gets_the_same_as_data() {
        let data = json(&plan(260));
        assert_eq!(data["exchanges"].as_u64(), Some(260 * (Skip::ALL.len() as u64 + 2)));
        assert_eq!((data["would_be_sent"].as_u64(), data["schema_version"].as_u64()), (Some(520), Some(1)));
        let first = &data["endpoints"][0];
        assert_eq!((first["endpoint"].as_str(), data["endpoints"].as_array().unwrap().len()), (Some("GET /0/"), 230));
        let planned = first["planned"].as_array().unwrap();
        assert_eq!(planned.len(), Skip::ALL.len() + 2);
        assert_eq!((planned[0]["what"].as_str(), planned[0]["count"].as_u64()), (Some("send"), Some(1)));
        assert_eq!(planned[1]["what"], "send-sandboxed");
        assert!(planned.iter().any(|p| p["what"] == "skip" && p["why"] == "unsafe-method"), "{planned:?}");
        assert_eq!(data["further_endpoints"].as_array().unwrap().len(), Skip::ALL.len() + 2);
    }

    #[test]
    fn it_says_what_would_be_sent_what_not_and_why() {
        let text = render(&plan(1), false);
        let expected = format!("Dry run  nothing was sent; {} exchanges, 2 of them would be", Skip::ALL.len() + 2);
        assert!(text.starts_with(&expected), "{text}");
        for line in [
            "    send                               1  GET /things/0\\x1b[2J",
            "    send, sandboxed",
            "    skip: unsafe-method",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert!(Skip::ALL.iter().all(|skip| text.contains(&format!("skip: {skip} "))), "{text}");
    }
}

//! What specimens say of the rules, for a terminal.

use crate::exchange::RuleNote;
use crate::faults::{Counted, Depth, EndpointTrial, RuleAudit, Trial};
use crate::verdict::words::{count, counted, percent};

use super::super::escape::{columns, cut, visible};
use super::{ENDPOINTS, GROUPS, Ink, NAME, Page, more};

/// In the report: figures, endpoints, and whatever is wrong.
pub(super) fn section(page: &mut Page, trial: &Trial) {
    figures(page, trial);
    endpoints(page, trial);
    unnoticed(page, trial, GROUPS);
    findings(page, trial, GROUPS);
}

/// By itself: also every kind of fault and every rule.
pub(in crate::report) fn audit(trial: &Trial, notes: &[RuleNote], colour: bool) -> String {
    let mut page = Page::new(colour);
    figures(&mut page, trial);
    kinds(&mut page, trial);
    endpoints(&mut page, trial);
    unnoticed(&mut page, trial, usize::MAX);
    if !trial.rules.is_empty() {
        page.heading("Every rule");
        trial.rules.iter().for_each(|audit| rule(&mut page, audit, notes));
    }
    page.finish()
}

fn share(share: Option<f64>) -> String {
    share.map_or("-".to_owned(), percent)
}

/// Red where something went unnoticed.
fn ink(counted: Counted) -> Ink {
    if counted.noticed < counted.seeded { Ink::Bad } else { Ink::Plain }
}

fn figures(page: &mut Page, trial: &Trial) {
    page.heading("Rules under test");
    let (all, depth) = (trial.all(), &trial.depth);
    let left_out = if trial.left_out > 0 { format!("; {} left out", count(trial.left_out)) } else { String::new() };
    let faults = format!(
        "{} of {} noticed ({}), seeded into {}{left_out}",
        count(all.noticed),
        counted(all.seeded, "fault"),
        share(all.share()),
        counted(trial.endpoints.iter().map(|endpoint| endpoint.sound).sum(), "specimen")
    );
    page.behind(Ink::Plain, "  faults        ", &faults);
    let values = format!(
        "{} of {} hidden by rules ({}), {} compared loosely ({})",
        count(depth.hidden),
        counted(depth.values, "value"),
        share(depth.hidden_share()),
        count(depth.loose),
        share(depth.loose_share())
    );
    page.behind(Ink::Plain, "  depth         ", &values);
}

fn row(page: &mut Page, ink: Ink, name: &str, all: Counted, depth: Option<&Depth>) {
    let name = cut(&visible(name), NAME);
    let pad = " ".repeat(NAME - columns(&name).min(NAME));
    let mut cells = format!("{:>9}{:>9}{:>10}", count(all.seeded), count(all.noticed), share(all.share()));
    if let Some(depth) = depth {
        cells.push_str(&format!("{:>10}{:>10}", share(depth.hidden_share()), share(depth.loose_share())));
    }
    page.inked(&[(Ink::Plain, "  "), (ink, &name), (Ink::Plain, &pad), (Ink::Plain, &cells)]);
}

fn kinds(page: &mut Page, trial: &Trial) {
    page.inked(&[(Ink::Dim, &format!("  {:<NAME$}{:>9}{:>9}{:>10}", "", "faults", "noticed", "share"))]);
    for (kind, all) in trial.by_kind() {
        row(page, ink(all), kind.as_str(), all, None);
    }
}

fn endpoints(page: &mut Page, trial: &Trial) {
    let head = format!("  {:<NAME$}{:>9}{:>9}{:>10}{:>10}{:>10}", "", "faults", "noticed", "share", "hidden", "loose");
    page.inked(&[(Ink::Dim, &head)]);
    // The worst first; equals by their names.
    let mut endpoints: Vec<&EndpointTrial> = trial.endpoints.iter().collect();
    let share = |endpoint: &EndpointTrial| endpoint.all().share().unwrap_or(1.0);
    endpoints.sort_by(|a, b| share(a).total_cmp(&share(b)));
    for endpoint in endpoints.iter().take(ENDPOINTS) {
        let all = endpoint.all();
        row(page, ink(all), &endpoint.endpoint.to_string(), all, Some(&endpoint.depth));
    }
    more(page, endpoints.len(), ENDPOINTS);
}

fn unnoticed(page: &mut Page, trial: &Trial, most: usize) {
    let mut all: Vec<_> = trial.endpoints.iter().flat_map(|e| e.unnoticed.iter().map(move |one| (e, one))).collect();
    all.sort_by_key(|(_, one)| std::cmp::Reverse(one.faults));
    for (endpoint, one) in all.iter().take(most) {
        let name = cut(&visible(&endpoint.endpoint.to_string()), 40);
        let at = cut(&visible(&one.place), 60);
        let hider = visible(&one.hidden_by.to_string());
        let text = format!("{name} · {} at {at}, {}: hidden by {hider}", one.fault, counted(one.faults, "time"));
        page.behind(Ink::Bad, "  unnoticed     ", &text);
    }
    more(page, all.len(), most);
}

fn findings(page: &mut Page, trial: &Trial, most: usize) {
    let all: Vec<_> = trial.rules.iter().flat_map(|audit| audit.findings.iter().map(move |f| (&audit.id, f))).collect();
    for (id, finding) in all.iter().take(most) {
        let text = format!("{} is {}: {}", visible(id), finding.flaw, visible(&finding.why));
        page.behind(Ink::Unsure, "  rule          ", &text);
    }
    more(page, all.len(), most);
}

fn rule(page: &mut Page, audit: &RuleAudit, notes: &[RuleNote]) {
    let note = notes.iter().find(|note| note.id == audit.id);
    page.inked(&[
        (Ink::Bold, &format!("  {}", visible(&audit.id))),
        (Ink::Plain, &note.map_or(String::new(), |note| format!("  {}", note.answer))),
        (Ink::Dim, &note.map_or(String::new(), |note| format!("  {}", visible(&note.at)))),
    ]);
    let mut text = match audit.exchanges {
        0 => "answered for nothing".to_owned(),
        n => format!("answered for {} in {}", counted(audit.differences, "difference"), counted(n, "exchange")),
    };
    if audit.specimens > 0 {
        let (needed, of) = (count(audit.needed), counted(audit.specimens, "specimen"));
        text.push_str(&format!("; without it {needed} of {of} would no longer agree"));
    }
    if audit.values.hidden > 0 {
        text.push_str(&format!("; hides {}", counted(audit.values.hidden, "value")));
    }
    if audit.values.loose > 0 {
        text.push_str(&format!("; compares {} loosely", counted(audit.values.loose, "value")));
    }
    if audit.values.hidden + audit.values.loose > 0 {
        text.push_str(&format!(" ({} of all)", share(audit.share)));
    }
    if audit.faults_hidden > 0 {
        text.push_str(&format!("; hid {}", counted(audit.faults_hidden, "fault")));
    }
    page.behind(Ink::Plain, "      ", &text);
    for finding in &audit.findings {
        page.behind(Ink::Unsure, &format!("      {}: ", finding.flaw), &visible(&finding.why));
    }
}

//! The report for a terminal: the verdict first, then what it rests on, in 80 columns.

mod endpoints;
pub(super) mod trial;

use crate::exchange::{AdmissionNote, Difference, Endpoint};
use crate::ledger::Ledger;
use crate::tally::{DifferenceClass, DifferenceGroup};
use crate::verdict::words::{count, counted, percent};
use crate::verdict::{Decision, Gate, GateResult, GateState};

use super::escape::{columns, cut, is_command, visible, wrap};
use super::explained::explained;
use super::overhead::Overhead;
use super::sums::{Sum, beside, kept, sums};
use super::{Report, accepted, checklist, coverage, days, failed, losses};

/// No line is longer.
pub(super) const WIDTH: usize = 80;
/// So many difference groups are shown.
const GROUPS: usize = 8;
/// So many endpoints are shown.
const ENDPOINTS: usize = 24;
/// Columns of an endpoint's name in the table.
const NAME: usize = 26;
/// So many classes of lost exchanges are shown.
const LOSSES: usize = 10;
/// Confidence of the bound in the endpoint table.
pub(super) const TABLE_CONFIDENCE: f64 = 0.95;

#[derive(Clone, Copy)]
pub(super) enum Ink {
    Plain,
    Bold,
    Dim,
    Good,
    Bad,
    Unsure,
}

/// Lines of at most [`WIDTH`] columns.
pub(super) struct Page {
    out: String,
    colour: bool,
}

impl Page {
    pub(super) fn new(colour: bool) -> Page {
        Page { out: String::new(), colour }
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    /// One line, cut to the width. What it is made of must be visible text already.
    pub(super) fn line(&mut self, text: &str) {
        self.inked(&[(Ink::Plain, text)]);
    }

    /// One line of pieces in colours.
    pub(super) fn inked(&mut self, pieces: &[(Ink, &str)]) {
        let mut room = WIDTH;
        // A line that was broken before what would be a command to the runner of a CI job begins otherwise.
        if is_command(&pieces.iter().map(|(_, text)| *text).collect::<String>()) {
            self.out.push('|');
            room -= 1;
        }
        for (ink, text) in pieces {
            let text = cut(text, room);
            room -= columns(&text).min(room);
            let code = match ink {
                Ink::Plain => "",
                Ink::Bold => "1",
                Ink::Dim => "2",
                Ink::Good => "1;32",
                Ink::Bad => "1;31",
                Ink::Unsure => "1;33",
            };
            if self.colour && !code.is_empty() && !text.is_empty() {
                self.out.push_str(&format!("\x1b[{code}m{text}\x1b[0m"));
            } else {
                self.out.push_str(&text);
            }
        }
        while self.out.ends_with(' ') {
            self.out.pop();
        }
        self.out.push('\n');
    }

    pub(super) fn heading(&mut self, text: &str) {
        self.line("");
        self.inked(&[(Ink::Bold, text)]);
    }

    /// Wrapped text behind a first piece; further lines are set in as far.
    pub(super) fn behind(&mut self, ink: Ink, first: &str, text: &str) {
        let indent = columns(first);
        for (at, line) in wrap(text, WIDTH - indent.min(WIDTH - 20)).iter().enumerate() {
            if at == 0 {
                self.inked(&[(ink, first), (Ink::Plain, line)]);
            } else {
                self.inked(&[(Ink::Plain, &" ".repeat(indent)), (Ink::Plain, line)]);
            }
        }
    }
}

pub(super) fn render(report: &Report<'_>, colour: bool) -> String {
    let mut page = Page::new(colour);
    verdict(&mut page, report);
    super::terminal_changes::lines(&mut page, report);
    checklist::lines(&mut page, &report.verdict.checklist);
    coverage::section(&mut page, report);
    days::section(&mut page, report);
    books(&mut page, report);
    safety(&mut page, report);
    lost(&mut page, report);
    endpoints::section(&mut page, report);
    differences(&mut page, report);
    failures(&mut page, report);
    rules(&mut page, report);
    if let Some(trial) = &report.snapshot.trial {
        trial::section(&mut page, trial);
    }
    facts(&mut page, report);
    page.finish()
}

/// The books alone, as `inspect` shows them.
pub(super) fn ledger(ledger: &Ledger, colour: bool) -> String {
    let mut page = Page::new(colour);
    accounts(&mut page, ledger);
    page.finish()
}

fn verdict(page: &mut Page, report: &Report<'_>) {
    let verdict = report.verdict;
    let ink = match verdict.verdict {
        Decision::Go => Ink::Good,
        Decision::NoGo => Ink::Bad,
        Decision::Inconclusive => Ink::Unsure,
    };
    let first = format!("{}  ", verdict.verdict);
    page.behind(ink, &first, &visible(&verdict.headline));
    if let Some(accepted) = accepted::sentence(report) {
        page.behind(Ink::Bold, &" ".repeat(columns(&first)), &accepted);
    }
    page.line("");
    for (at, gate) in verdict.gates.iter().enumerate() {
        gate_lines(page, gate);
        if let Some(worst) = verdict.worst_case.filter(|_| beside_worst_case(&verdict.gates) == Some(at)) {
            let text = format!("a mismatch rate of {}, if all that is missing had mismatched too", percent(worst));
            page.behind(Ink::Dim, "        worst case        ", &text);
        }
        if let Some(overhead) = Overhead::of(report).filter(|_| gate.gate == Gate::Latency) {
            let ink = if overhead.is_large() { Ink::Unsure } else { Ink::Dim };
            page.behind(ink, "        beside it         ", overhead.told());
        }
    }
    if let Some(paired) = &verdict.paired_latency {
        page.behind(Ink::Dim, "        each request      ", &days::paired(paired));
    }
    for remark in &verdict.remarks {
        page.behind(Ink::Unsure, "        remark            ", &visible(remark));
    }
}

/// The gate that the worst case is told beside: the last one of the mismatch rate.
pub(super) fn beside_worst_case(gates: &[GateResult]) -> Option<usize> {
    gates.iter().rposition(|gate| gate.gate == Gate::MismatchRate)
}

fn gate_lines(page: &mut Page, gate: &GateResult) {
    let (ink, state) = match gate.state {
        GateState::Pass => (Ink::Good, "pass"),
        GateState::Fail => (Ink::Bad, "FAIL"),
        GateState::NotEnough => (Ink::Unsure, "open"),
    };
    let first = format!("  {state}  {:<18}", gate.gate.as_str());
    page.behind(ink, &first, &visible(&gate.reason));
    if let Some(remedy) = &gate.remedy {
        page.behind(Ink::Dim, &" ".repeat(columns(&first)), &format!("what would change it: {}", visible(remedy)));
    }
}

fn books(page: &mut Page, report: &Report<'_>) {
    page.heading("Books");
    accounts(page, &report.snapshot.ledger);
    let drift = report.snapshot.drift;
    if drift.asked > 0 {
        let text = format!("{} of {} legacy answers differ from the record", count(drift.drifted), count(drift.asked));
        page.behind(Ink::Plain, "  drift         ", &text);
    }
}

fn accounts(page: &mut Page, ledger: &Ledger) {
    for Sum { name, total, parts } in sums(ledger) {
        let shown = parts.iter().enumerate().filter(|(at, part)| *at == 0 || part.count > 0);
        let shown: Vec<String> = shown
            .map(|(_, part)| {
                let reasons: Vec<_> = part.reasons.iter().map(|(why, n)| format!("{why} {}", count(*n))).collect();
                let reasons = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
                format!("{} {}{reasons}", part.name, count(part.count))
            })
            .collect();
        page.behind(Ink::Plain, &format!("  {name:<14}"), &format!("{} = {}", count(total), shown.join(" + ")));
    }
    for (what, n) in beside(ledger) {
        page.behind(Ink::Unsure, "  beside these  ", &format!("{}, {what}", counted(n, "frame")));
    }
    for damage in ledger.capture.damage.iter().take(GROUPS) {
        page.behind(Ink::Unsure, "  damage        ", &visible(damage));
    }
    for (limit, n) in &ledger.wire.evicted {
        page.behind(Ink::Unsure, "  limit reached ", &format!("{}: {}", visible(limit), count(*n)));
    }
    if let Some(kept) = kept(ledger) {
        page.behind(Ink::Dim, "  kept          ", &kept);
    }
    for open in ledger.open_accounts() {
        page.behind(Ink::Bad, "  DOES NOT CLOSE ", &open.to_string());
    }
}

/// What safety did on its own.
fn safety(page: &mut Page, report: &Report<'_>) {
    for line in report.facts.admission.iter().flat_map(AdmissionNote::lines) {
        page.behind(Ink::Unsure, "  safety        ", &visible(&line));
    }
    if let Some(spans) = &report.facts.spans {
        page.behind(Ink::Dim, "  traces        ", &visible(&spans.line()));
    }
}

fn lost(page: &mut Page, report: &Report<'_>) {
    let (missing, share) = losses::missing(&report.snapshot.ledger.losses);
    if missing.is_empty() {
        return;
    }
    page.heading("Missing exchanges");
    page.behind(Ink::Plain, "  ", &losses::lead(share));
    for class in missing.iter().take(LOSSES) {
        let mut text = format!("{} of {} lost", count(class.lost), count(class.all));
        if class.shed > 0 {
            text.push_str(&format!(", {} shed", count(class.shed)));
        }
        let text = format!("{} · {}: {text} ({})", visible(&class.endpoint), class.size, percent(class.share()));
        page.behind(Ink::Unsure, "  ", &text);
    }
    more(page, missing.len(), LOSSES);
}

fn differences(page: &mut Page, report: &Report<'_>) {
    let of_class = |class| report.snapshot.groups.iter().filter(move |g| g.class == class);
    let groups: Vec<&DifferenceGroup> = of_class(DifferenceClass::Mismatched).collect();
    if !groups.is_empty() {
        page.heading("Differences");
        groups.iter().take(GROUPS).for_each(|group| group_lines(page, group));
        more(page, groups.len(), GROUPS);
    }
    let (noisy, drifted) = (of_class(DifferenceClass::Noisy).count(), of_class(DifferenceClass::Drifted).count());
    for (n, what) in [(noisy, "the legacy's own noise"), (drifted, "drift of the legacy")] {
        if n > 0 {
            page.line(&format!("  beside these, {} by {what}", counted(n as u64, "group")));
        }
    }
    let snapshot = report.snapshot;
    let uncounted = snapshot.ungrouped_differences + snapshot.more_differences;
    if uncounted > 0 {
        page.line(&format!("  {} past the bounds, counted only", counted(uncounted, "difference")));
    }
}

fn group_lines(page: &mut Page, group: &DifferenceGroup) {
    let head = group_title(&group.endpoint, group);
    page.behind(Ink::Bad, "  ", &head);
    for line in group.explained.iter().flat_map(explained) {
        page.behind(Ink::Plain, "      ", &visible(&line));
    }
    let Some(example) = group.examples.first() else { return };
    let request = format!("#{} {}", example.sequence, visible(&example.request));
    page.inked(&[(Ink::Dim, "      "), (Ink::Dim, &request)]);
    if let Some(difference) = example_difference(group, &example.differences) {
        let at = visible(&difference.at.to_string());
        page.inked(&[(Ink::Dim, "      at         "), (Ink::Plain, &at)]);
        for (label, side) in [("legacy", &difference.legacy), ("candidate", &difference.candidate)] {
            let side = side.as_deref().map_or("(nothing)".to_owned(), visible);
            page.inked(&[(Ink::Dim, &format!("      {label:<11}")), (Ink::Plain, &side)]);
        }
    }
}

fn group_title(endpoint: &Endpoint, group: &DifferenceGroup) -> String {
    let exchanges = counted(group.exchanges, "exchange");
    let name = cut(&visible(&endpoint.to_string()), 48);
    format!("{name} · {} · {} in {exchanges}", cut(&visible(&group.place), 60), group.kind)
}

/// The difference of an example that is the group's.
pub(super) fn example_difference<'a>(group: &DifferenceGroup, differences: &'a [Difference]) -> Option<&'a Difference> {
    let of_kind = |d: &&Difference| d.rule.is_none() && d.kind == group.kind;
    let same_place = |d: &&Difference| crate::tally::general_place(&d.at) == group.place;
    differences.iter().filter(of_kind).find(same_place)
}

fn failures(page: &mut Page, report: &Report<'_>) {
    let all = failed::all(report);
    if all.is_empty() {
        return;
    }
    page.heading("Failures of the candidate");
    for one in all.iter().take(GROUPS) {
        let (name, n) = (visible(&one.endpoint.endpoint.to_string()), count(one.exchanges));
        page.behind(Ink::Bad, "  ", &format!("{name} · {} {n}", one.failure));
        let sample = one.sample;
        page.inked(&[(Ink::Dim, "      "), (Ink::Dim, &format!("#{} {}", sample.sequence, visible(&sample.request)))]);
        if let Some(group) = one.group {
            let seen = failed::seen(group).map_or(String::new(), |seen| format!("; {}", visible(&seen)));
            page.behind(Ink::Dim, "      ", &format!("{}{seen}", failed::statuses(group)));
        }
    }
    more(page, all.len(), GROUPS);
}

fn rules(page: &mut Page, report: &Report<'_>) {
    if report.snapshot.rules.is_empty() {
        return;
    }
    page.heading("What rules answered for");
    for used in &report.snapshot.rules {
        let (n, exchanges) = (counted(used.differences, "difference"), counted(used.exchanges, "exchange"));
        let head = format!("  {:<24}{:<8}", cut(&visible(&used.id), 23), used.answer.as_str());
        page.inked(&[(Ink::Plain, &head), (Ink::Plain, &format!("{n} in {exchanges}"))]);
        if let Some(note) = report.rules.iter().find(|note| note.id == used.id) {
            let reason = cut(&visible(&note.reason), WIDTH - 6);
            page.inked(&[(Ink::Dim, "      "), (Ink::Dim, &reason)]);
        }
    }
}

fn facts(page: &mut Page, report: &Report<'_>) {
    let facts = report.facts;
    page.heading("Run");
    let sources = facts.sources.join(", ");
    let stopped = facts.stopped_early.clone().unwrap_or_default();
    for (name, value) in [
        ("capability", facts.capability.as_deref().unwrap_or("")),
        ("owner", facts.owner.as_deref().unwrap_or("")),
        ("source", &sources),
        ("candidate", &facts.candidate),
        ("legacy", facts.legacy.as_deref().unwrap_or("")),
        ("stopped", &stopped),
    ] {
        if !value.is_empty() {
            page.behind(Ink::Dim, &format!("  {name:<14}"), &visible(value));
        }
    }
    for (at, stretch) in facts.stretches.iter().enumerate() {
        let name = format!("  {:<14}", format!("stretch {}", at + 1));
        let (from, to) = (visible(&stretch.started), visible(&stretch.last_written));
        let exchanges = counted(stretch.exchanges, "exchange");
        let text = if stretch.finished {
            format!("{from} to {to}, {exchanges}")
        } else {
            let interrupted = count(stretch.interrupted);
            format!("{from} to {to}, killed or still running: {exchanges}, {interrupted} interrupted")
        };
        page.behind(Ink::Dim, &name, &text);
    }
}

pub(super) fn more(page: &mut Page, all: usize, shown: usize) {
    if all > shown {
        page.inked(&[(Ink::Dim, &format!("  and {} more, in the page and in the JSON", count((all - shown) as u64)))]);
    }
}

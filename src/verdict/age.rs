//! How old the evidence is: by the clock of the capture, in days (UTC), on the day of the decision.
//!
//! What a candidate said in spring does not say what today's traffic would make of it. Nobody knows how fast that changes, so
//! evidence that is old is only told of, and blocks GO where the policy says how old it may be. A capture that is dated ahead
//! of the day of the decision has a clock that is wrong: then neither its age nor its days are known, and it is never GO.

use jiff::civil::Date;

use crate::config::AgeGate;
use crate::exchange::Day;
use crate::tally::Snapshot;

use super::evidence::result;
use super::window::Window;
use super::words::counted;
use super::{Gate, GateResult};

/// Days from which on evidence is told to be old.
const OLD: i32 = 30;
/// Clocks of different places may be a day apart.
const AHEAD: i32 = 1;

const METHOD: &str =
    "days from the first exchange that is judged to the day of the decision, by the clock of the source";

/// The day of a date.
fn day_of(date: Date) -> Day {
    let epoch = jiff::civil::date(1970, 1, 1);
    Day(epoch.until(date).map_or(i32::MAX, |span| span.get_days()))
}

/// The first and the last day of what is judged.
fn extent(snapshot: &Snapshot, window: Option<Window>) -> Option<(Day, Day)> {
    let mut days = snapshot.days.iter().filter(|day| window.is_none_or(|window| window.has(day)));
    let first = days.next()?.day;
    Some((first, days.next_back().map_or(first, |last| last.day)))
}

/// Open where the evidence is dated ahead, or where it is older than the policy has it; None where neither is asked nor so.
pub(super) fn gate(snapshot: &Snapshot, window: Option<Window>, gate: &AgeGate, today: Date) -> Option<GateResult> {
    let (first, last) = extent(snapshot, window)?;
    let today = day_of(today);
    if last.0 > today.0.saturating_add(AHEAD) {
        let reason = format!("the source's clock is ahead: its last exchange is of {last}, which is yet to come.");
        let remedy = "a source with a clock that is right".to_owned();
        return Some(result(Gate::Age, false, ahead(snapshot, today), METHOD, reason, remedy));
    }
    let most = i32::try_from(gate.at_most?.as_secs().div_ceil(86_400)).unwrap_or(i32::MAX);
    let age = today.0.saturating_sub(first.0).max(0);
    let asked = counted(most.unsigned_abs().into(), "day");
    let undated = if window.is_some() { 0 } else { snapshot.undated };
    let holds = age <= most && undated == 0;
    let reason = match undated {
        // Not how old it is: the same evidence gives the same words until it lapses.
        0 if holds => format!("what is judged is of {first} to {last}; at most {asked} is asked."),
        0 => format!("what is judged begins on {first}, more than {asked} before the decision."),
        n => format!("{} of a day that is not known; at most {asked} is asked.", counted(n, "exchange")),
    };
    let remedy = "newer evidence, or a window (gates.mismatch_rate.over) of its latest days".to_owned();
    let sample = snapshot.days.iter().map(|day| day.exchanges).sum();
    Some(result(Gate::Age, holds, sample, METHOD, reason, remedy))
}

/// Exchanges that are yet to come.
fn ahead(snapshot: &Snapshot, today: Day) -> u64 {
    let ahead = snapshot.days.iter().filter(|day| day.day.0 > today.0.saturating_add(AHEAD));
    ahead.map(|day| day.exchanges).sum()
}

/// What is told of evidence that is old, whatever the policy asks.
pub(super) fn remark(snapshot: &Snapshot, window: Option<Window>, today: Date) -> Option<String> {
    let (first, last) = extent(snapshot, window)?;
    let old = |day: Day| day_of(today).0.saturating_sub(day.0) > OLD;
    match (old(first), old(last)) {
        (_, true) => Some(format!(
            "the evidence is old: its last exchange is of {last}, more than {OLD} days before the decision; what users ask \
             for may have changed since."
        )),
        (true, false) => Some(format!(
            "a part of the evidence is old: it begins on {first}, more than {OLD} days before the decision."
        )),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::exchange::Timestamp;
    use crate::tally::invented::{Invented, snapshot_of};
    use crate::verdict::tests::{ENDPOINTS, policy};
    use crate::verdict::{Decision, GateState, Verdict, judge};

    const TODAY: Date = jiff::civil::date(2026, 11, 25);

    fn on(date: Date) -> Timestamp {
        Timestamp(i64::from(day_of(date).0) * 86_400_000_000_000 + 7)
    }

    /// 400 matches, the last one of which is of the second day.
    fn of(first: Date, last: Date) -> Vec<Invented> {
        let one = |n: u64| Invented::new(n, (n % 2) as u32).starting(on(if n < 399 { first } else { last }));
        (0..400).map(one).collect()
    }

    fn judged(first: Date, last: Date, at_most: Option<u64>) -> Verdict {
        let mut policy = policy();
        policy.gates.age.at_most = at_most.map(|days| Duration::from_secs(days * 86_400));
        judge(&snapshot_of(&of(first, last), ENDPOINTS), &policy, &[], TODAY)
    }

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn evidence_that_is_yet_to_come_is_never_go() {
        for (last, go) in [
            ("2026-11-25", true),
            ("2026-11-26", true),
            ("2026-11-27", false),
            ("2027-11-25", false),
            ("2106-02-07", false),
            ("2262-04-11", false),
        ] {
            let verdict = judged(TODAY, date(last), None);
            assert_eq!(verdict.verdict == Decision::Go, go, "{last}: {:?}", verdict.reasons);
            if !go {
                assert_eq!((verdict.verdict, verdict.gates[0].gate), (Decision::Inconclusive, Gate::Age));
                assert!(verdict.reasons[0].contains(&format!("clock is ahead: its last exchange is of {last}")));
                assert_eq!(verdict.gates[0].sample, 1);
            }
        }
        // Nor where a candidate is bad anyway: then it is NO-GO.
        let bad: Vec<_> =
            of(TODAY, date("2030-01-01")).into_iter().map(|one| one.differing(0, "price", None)).collect();
        assert_eq!(judge(&snapshot_of(&bad, ENDPOINTS), &policy(), &[], TODAY).verdict, Decision::NoGo);
    }

    #[test]
    fn evidence_that_is_old_is_told_of_and_blocks_go_where_the_policy_says_so() {
        for (first, last, told, within_30, within_300) in [
            ("2026-11-20", "2026-11-24", None, true, true),
            ("2026-10-26", "2026-11-24", None, true, true),
            ("2026-10-25", "2026-11-24", Some("a part of the evidence is old: it begins on 2026-10-25"), false, true),
            ("2026-10-20", "2026-10-25", Some("the evidence is old: its last exchange is of 2026-10-25"), false, true),
            ("1970-01-01", "1970-01-01", Some("its last exchange is of 1970-01-01"), false, false),
        ] {
            let verdict = judged(date(first), date(last), None);
            assert_eq!(verdict.verdict, Decision::Go, "{first}: a remark and no more");
            assert!(verdict.gates.iter().all(|gate| gate.gate != Gate::Age));
            assert_eq!(verdict.remarks.len(), told.iter().count());
            assert!(told.is_none_or(|told| verdict.remarks[0].contains(told)), "{:?}", verdict.remarks);
            for (days, holds) in [(30, within_30), (300, within_300)] {
                let verdict = judged(date(first), date(last), Some(days));
                let gate = verdict.gates.iter().find(|gate| gate.gate == Gate::Age).unwrap();
                assert_eq!(gate.state == GateState::Pass, holds, "{first} {days}: {}", gate.reason);
                assert_eq!(verdict.verdict, if holds { Decision::Go } else { Decision::Inconclusive });
                assert!(
                    holds
                        || gate.reason
                            == format!("what is judged begins on {first}, more than {days} days before the decision.")
                );
            }
        }
    }

    #[test]
    fn in_a_window_only_its_days_are_asked_for_their_age() {
        let mut policy = policy();
        policy.gates.age.at_most = Some(Duration::from_secs(30 * 86_400));
        let mut run = of(date("2026-01-01"), date("2026-11-24"));
        run.extend((400..1_200).map(|n| Invented::new(n, (n % 2) as u32).starting(on(date("2026-11-24")))));
        let snapshot = snapshot_of(&run, ENDPOINTS);
        assert_eq!(judge(&snapshot, &policy, &[], TODAY).verdict, Decision::Inconclusive);
        policy.gates.mismatch_rate.over = Some(Duration::from_secs(86_400));
        let verdict = judge(&snapshot, &policy, &[], TODAY);
        assert_eq!((verdict.verdict, verdict.remarks.len()), (Decision::Go, 0), "{:?}", verdict.reasons);
    }

    #[test]
    fn the_words_are_the_same_until_it_lapses() {
        let snapshot = snapshot_of(&of(date("2026-08-01"), date("2026-08-02")), ENDPOINTS);
        let mut policy = policy();
        policy.gates.age.at_most = Some(Duration::from_secs(365 * 86_400));
        let on = |today: &str| judge(&snapshot, &policy, &[], date(today));
        assert_eq!(on("2026-11-25"), on("2027-03-01"));
        assert_eq!((on("2027-08-01").verdict, on("2027-08-02").verdict), (Decision::Go, Decision::Inconclusive));
    }
}

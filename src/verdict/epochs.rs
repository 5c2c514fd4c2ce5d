//! Gates on what the evidence is about: one build of the candidate, and rules under which enough of it is known.

use crate::config::ShareGate;
use crate::exchange::{EpochBooks, Rescoring};

use super::evidence::result;
use super::words::{count, counted, percent, percent_against};
use super::{Gate, GateResult};

/// More answers of other builds than this share, at the time of the one that is judged, are no deployment any more.
const MOST_OUT_OF_TURN: f64 = 0.01;

/// One build answers at a time. None where there is one only.
pub(super) fn gate(epoch: &EpochBooks) -> Option<GateResult> {
    if epoch.of < 2 && epoch.past_bound == 0 {
        return None;
    }
    let share = epoch.out_of_turn as f64 / epoch.answers.max(1) as f64;
    let in_turn = share > MOST_OUT_OF_TURN;
    let build = match epoch.build.as_deref() {
        None => "no build".to_owned(),
        Some("") => "answers that do not say their build".to_owned(),
        Some(build) => format!("build {build}"),
    };
    let judged = format!("epoch {} of {} is judged, {build}", epoch.number, count(epoch.of));
    let reason = match (epoch.past_bound, in_turn) {
        (0, false) => format!("{judged}; the others are not part of it."),
        (0, true) => format!(
            "{judged}, and {} of other builds came at its time, {} of its {}: they answer in turn, or what says the build \
             says something else.",
            counted(epoch.out_of_turn, "answer"),
            percent_against(share, MOST_OUT_OF_TURN),
            count(epoch.answers)
        ),
        (n, _) => format!("{judged}; {} came of more builds than are told apart.", counted(n, "answer")),
    };
    let remedy =
        "a run after the deployment is over; or a header that says the build alone (build: {header: NAME}), or \
                  build: off where it cannot change"
            .to_owned();
    let holds = epoch.past_bound == 0 && !in_turn;
    let method = "answers of other builds at its time, counted";
    Some(GateResult {
        figure: Some(share),
        limit: Some(MOST_OUT_OF_TURN),
        ..result(Gate::Epochs, holds, epoch.answers, method, reason, remedy)
    })
}

/// Little enough is not known under rules that were not in force. None where those that were are asked.
pub(super) fn rescoring_gate(known: Option<Rescoring>, loss: &ShareGate) -> Option<GateResult> {
    let known = known?;
    let share = known.unknown_share();
    let holds = known.unknown == 0 || share < loss.below;
    let reason = format!(
        "under other rules {} known, {} inferred from what is kept of them, {} not known: {}; the limit is {}, that of the \
         loss.",
        count(known.exact),
        count(known.inferred),
        count(known.unknown),
        percent_against(share, loss.below),
        percent(loss.below)
    );
    let remedy =
        "replaying the capture, or going on with the run, under these rules: they answer by values, and what is not kept cannot \
                  be compared again"
            .to_owned();
    let method = "exchanges that are kept, compared again";
    Some(GateResult {
        figure: Some(share),
        limit: Some(loss.below),
        ..result(Gate::Rescoring, holds, known.total(), method, reason, remedy)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::GateState;

    fn epoch(answers: u64, out_of_turn: u64) -> EpochBooks {
        EpochBooks { build: Some("app/2".into()), number: 2, of: 2, answers, out_of_turn, past_bound: 0 }
    }

    #[test]
    fn builds_that_answer_in_turn_are_not_enough_and_a_deployment_is_fine() {
        assert_eq!(gate(&EpochBooks { of: 1, number: 1, ..epoch(100, 0) }), None);
        let of = |books: &EpochBooks| gate(books).map(|gate| (gate.state, gate.reason));
        let (state, reason) = of(&epoch(1000, 10)).unwrap();
        assert_eq!(state, GateState::Pass);
        assert!(reason.contains("epoch 2 of 2 is judged, build app/2"), "{reason}");
        let (state, reason) = of(&epoch(1000, 11)).unwrap();
        assert_eq!(state, GateState::NotEnough);
        assert!(reason.contains("11 answers of other builds") && reason.contains("in turn"), "{reason}");
        let past = EpochBooks { past_bound: 1, of: 1, ..epoch(1000, 0) };
        assert_eq!(of(&past).map(|(state, _)| state), Some(GateState::NotEnough));
    }

    #[test]
    fn what_is_not_known_under_other_rules_is_bounded_by_the_loss() {
        let of = |unknown| {
            rescoring_gate(Some(Rescoring { exact: 900, inferred: 100, unknown }), &ShareGate { below: 0.01 })
        };
        assert_eq!(rescoring_gate(None, &ShareGate::default()), None);
        assert_eq!(of(0).map(|gate| gate.state), Some(GateState::Pass));
        assert_eq!(of(10).map(|gate| gate.state), Some(GateState::Pass));
        let open = of(11).unwrap();
        assert_eq!(open.state, GateState::NotEnough);
        assert!(
            open.reason.contains("900 known, 100 inferred") && open.reason.contains("11 not known"),
            "{}",
            open.reason
        );
    }
}

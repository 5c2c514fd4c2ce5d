//! Which endpoints fail by themselves: no gate, for whoever reads endpoint by endpoint. The mismatches' counterpart is
//! [`super::Finding`].

use crate::config::{Looks, Policy};
use crate::exchange::Failure;
use crate::tally::Snapshot;

use super::bounds::Bounds;
use super::holm;

/// One endpoint's failures against the limit on them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Failing {
    /// Requests that were sent.
    pub sent: u64,
    /// Of these, failed by the candidate.
    pub failed: u64,
    /// The limit on their share.
    pub limit: f64,
    /// Whether the share is shown to be above it, for one of all the endpoints that were asked (Holm), or a failure is
    /// among them of which one is too many.
    pub shown: bool,
}

/// For each endpoint of the snapshot, in its order.
pub fn failing(snapshot: &Snapshot, policy: &Policy) -> Vec<Failing> {
    let (limit, confidence) = (policy.gates.candidate_errors.below, policy.gates.mismatch_rate.confidence);
    let bounds = Bounds { looks: Looks::Once, confidence, limit, widening: 1.0 };
    let counts = snapshot.endpoints.iter().map(|e| (e.books.failed.total(), e.books.sent));
    let p_values: Vec<f64> =
        counts.filter(|(_, sent)| *sent > 0).map(|(failed, sent)| bounds.p_above(failed, sent)).collect();
    let mut adjusted = holm::adjusted(&p_values).into_iter();
    let of_one = |books: &crate::ledger::ShadowBooks| {
        let (failed, sent) = (books.failed.total(), books.sent);
        let above = sent > 0 && adjusted.next().is_some_and(|p| failed > 0 && p <= 1.0 - confidence);
        // A write that may have had its effect is one too many.
        let shown = above || books.failed.get(Failure::EffectsNotDiscarded) > 0;
        Failing { sent, failed, limit, shown }
    };
    snapshot.endpoints.iter().map(|endpoint| &endpoint.books).map(of_one).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::tally::invented::{Invented, snapshot_of};

    const ENDPOINTS: &[&str] = &["GET /a", "GET /b/{id}", "POST /c"];

    /// 1,000 requests of each of two endpoints, so many of which fail, and one endpoint of which nothing was sent.
    fn shown(failed: [u64; 2]) -> Vec<bool> {
        let one = |n: u64| {
            let (endpoint, at) = ((n % 2) as usize, n / 2);
            let one = Invented::new(n, endpoint as u32);
            if at < failed[endpoint] { one.failed(Failure::Timeout, Duration::from_secs(2)) } else { one }
        };
        let skipped = Invented::new(2_000, 2).skipped(crate::exchange::Skip::UnsafeMethod);
        let run: Vec<Invented> = (0..2_000).map(one).chain([skipped]).collect();
        failing(&snapshot_of(&run, ENDPOINTS), &Policy::default()).iter().map(|failing| failing.shown).collect()
    }

    #[test]
    fn an_endpoint_is_named_where_its_own_share_is_shown_to_be_above_the_limit() {
        assert_eq!(shown([0, 0]), [false; 3]);
        // 3 of 1,000 are above 0.1 %, and may be chance; 9 are not.
        assert_eq!(shown([9, 3]), [true, false, false]);
        assert_eq!(shown([1_000, 9]), [true, true, false]);
    }

    #[test]
    fn one_write_that_may_have_had_its_effect_is_one_too_many() {
        let mut run: Vec<Invented> = (0..10_000).map(|n| Invented::new(n, 2)).collect();
        run[7] = Invented::new(7, 2).failed(Failure::EffectsNotDiscarded, Duration::from_millis(3));
        let failing = failing(&snapshot_of(&run, ENDPOINTS), &Policy::default());
        assert_eq!((failing[0].failed, failing[0].sent, failing[0].shown), (1, 10_000, true));
    }
}

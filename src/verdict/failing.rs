//! Which endpoints fail by themselves: no gate, for whoever reads endpoint by endpoint. The mismatches' counterpart is
//! [`super::Finding`].

use schemars::JsonSchema;
use serde::Serialize;

use crate::config::{Gates, Looks};
use crate::exchange::{Endpoint, Failure};
use crate::tally::Snapshot;

use super::bounds::Bounds;
use super::holm;

/// One endpoint's failures against the limit on them.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Failing {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Requests that were sent.
    pub sent: u64,
    /// Of these, failed by the candidate.
    pub failed: u64,
    /// The limit on their share.
    pub limit: f64,
    /// Whether the share is shown to be above it, for one of all the endpoints that were asked (Holm), or a failure is
    /// among them of which one is too many.
    pub above_limit: bool,
}

/// Every endpoint of which something was sent.
pub(super) fn failing(snapshot: &Snapshot, gates: &Gates) -> Vec<Failing> {
    let (limit, confidence) = (gates.candidate_errors.below, gates.mismatch_rate.confidence);
    let bounds = Bounds { looks: Looks::Once, confidence, limit, widening: 1.0 };
    let sent: Vec<_> = snapshot.endpoints.iter().filter(|e| e.books.sent > 0).collect();
    let p_values: Vec<f64> = sent.iter().map(|e| bounds.p_above(e.books.failed.total(), e.books.sent)).collect();
    let each = sent.iter().zip(holm::adjusted(&p_values));
    each.map(|(e, adjusted)| {
        let failed = e.books.failed.total();
        // A write that may have had its effect is one too many.
        let too_many = e.books.failed.get(Failure::EffectsNotDiscarded) > 0;
        let above_limit = too_many || (failed > 0 && adjusted <= 1.0 - confidence);
        Failing { endpoint: e.endpoint.clone(), sent: e.books.sent, failed, limit, above_limit }
    })
    .collect()
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
        failing(&snapshot_of(&run, ENDPOINTS), &Gates::default()).iter().map(|failing| failing.above_limit).collect()
    }

    #[test]
    fn an_endpoint_is_named_where_its_own_share_is_shown_to_be_above_the_limit() {
        assert_eq!(shown([0, 0]), [false; 2]);
        // 3 of 1,000 are above 0.1 %, and may be chance; 9 are not.
        assert_eq!(shown([9, 3]), [true, false]);
        assert_eq!(shown([1_000, 9]), [true, true]);
    }

    #[test]
    fn one_write_that_may_have_had_its_effect_is_one_too_many() {
        let mut run: Vec<Invented> = (0..10_000).map(|n| Invented::new(n, 2)).collect();
        run[7] = Invented::new(7, 2).failed(Failure::EffectsNotDiscarded, Duration::from_millis(3));
        let failing = failing(&snapshot_of(&run, ENDPOINTS), &Gates::default());
        assert_eq!((failing[0].failed, failing[0].sent, failing[0].above_limit), (1, 10_000, true));
    }
}

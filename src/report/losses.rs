//! Where exchanges were lost: a loss that prefers one endpoint or one size makes the rest a sample that flatters.

use crate::ledger::LossRow;
use crate::verdict::words::percent;

/// One class of exchanges of which some are missing.
pub(super) struct Missing {
    /// The endpoint, or words for requests that were not seen. Hostile.
    pub(super) endpoint: String,
    /// The size of the bodies.
    pub(super) size: &'static str,
    /// How many were lost by the capture.
    pub(super) lost: u64,
    /// How many we let go because a queue was full.
    pub(super) shed: u64,
    /// Of how many.
    pub(super) all: u64,
}

impl Missing {
    /// The share that is missing.
    pub(super) fn share(&self) -> f64 {
        if self.all == 0 { 0.0 } else { (self.lost + self.shed) as f64 / self.all as f64 }
    }
}

/// The classes in which something is missing, the largest share first, and the share of all exchanges.
pub(super) fn missing(rows: &[LossRow]) -> (Vec<Missing>, f64) {
    let (mut gone, mut all) = (0, 0);
    let mut found = Vec::new();
    for row in rows {
        let of = row.complete + row.incomplete.total();
        let missing = Missing {
            endpoint: row.endpoint.as_ref().map_or("(request not seen)".to_owned(), ToString::to_string),
            size: row.size.as_str(),
            lost: row.lost(),
            shed: row.shed,
            all: of,
        };
        gone += missing.lost + missing.shed;
        all += of;
        if missing.lost + missing.shed > 0 {
            found.push(missing);
        }
    }
    found.sort_by(|a, b| b.share().total_cmp(&a.share()).then_with(|| b.all.cmp(&a.all)));
    (found, if all == 0 { 0.0 } else { gone as f64 / all as f64 })
}

/// The sentence that goes before the table.
pub(super) fn lead(share: f64) -> String {
    format!(
        "{} of all exchanges are missing. By endpoint and size of the bodies, the largest share first:",
        percent(share)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Endpoint, Incomplete};
    use crate::ledger::{Counts, SizeClass};

    #[test]
    fn the_largest_share_comes_first_and_what_the_service_did_is_no_loss() {
        let row = |template: &str, size, complete, why: Incomplete, n, shed| {
            let mut incomplete = Counts::default();
            incomplete.add_many(why, n);
            let endpoint = Some(Endpoint { method: "GET".into(), template: template.into() });
            LossRow { endpoint, size, complete, incomplete, shed }
        };
        let rows = [
            row("/small", SizeClass::UpTo1K, 98, Incomplete::Gap, 2, 0),
            row("/large", SizeClass::Larger, 3, Incomplete::Gap, 1, 1),
            row("/whole", SizeClass::UpTo1K, 90, Incomplete::NoResponse, 6, 0),
        ];
        let (found, share) = missing(&rows);
        let shown: Vec<_> = found.iter().map(|m| (m.endpoint.as_str(), m.lost, m.shed, m.all)).collect();
        assert_eq!(shown, [("GET /large", 1, 1, 4), ("GET /small", 2, 0, 100)]);
        assert!((share - 4.0 / 200.0).abs() < 1e-12);
        assert!(lead(share).starts_with("2% of all exchanges"));
        assert!(missing(&rows[2..]).0.is_empty());
    }
}

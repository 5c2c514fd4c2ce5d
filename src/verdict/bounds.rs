//! The bounds of one share: by how it is looked at, and by how its sample is clustered.

use crate::config::Looks;
use crate::ledger::Ledger;

use super::interval;
use super::sequence::Mixture;
use super::words::{percent, percent_against};

/// From this ratio on, the bound that independent requests and one fixed look would have is told beside the other.
const DIFFERS: f64 = 1.1;

/// How a share is judged against its limit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) looks: Looks,
    /// One-sided, as a share.
    pub(super) confidence: f64,
    pub(super) limit: f64,
    /// What the sample is divided by; 1 for requests that each stand for themselves.
    pub(super) widening: f64,
}

/// How often the evidence is looked at, where the policy does not say: what was recorded is judged when it is there,
/// what goes on may be looked at on any day and ended when it pleases.
pub(super) fn looks(written: Option<Looks>, ledger: &Ledger) -> Looks {
    let live = ledger.capture.is_live();
    written.unwrap_or(if live { Looks::Any } else { Looks::Once })
}

impl Bounds {
    pub(super) fn upper(&self, k: u64, n: u64) -> f64 {
        let (k, n) = self.effective(k, n);
        match self.looks {
            Looks::Once => interval::effective_upper_bound(k, n, self.confidence),
            Looks::Any => Mixture::around(self.limit).upper_bound(k, n, self.confidence),
        }
    }

    pub(super) fn lower(&self, k: u64, n: u64) -> f64 {
        let (k, n) = self.effective(k, n);
        match self.looks {
            Looks::Once => interval::effective_lower_bound(k, n, self.confidence),
            Looks::Any => Mixture::around(self.limit).lower_bound(k, n, self.confidence),
        }
    }

    /// The chance of `k` or more of `n` if the share were exactly the limit: at most 1 - confidence where, and only where,
    /// the lower bound is not below it. At any number of looks it is a bound of that chance.
    pub(super) fn p_above(&self, k: u64, n: u64) -> f64 {
        if k == 0 || self.limit >= 1.0 {
            return 1.0;
        }
        let (k, n) = self.effective(k, n);
        match self.looks {
            Looks::Once => interval::share_at_least(k, n, self.limit),
            Looks::Any if self.limit <= 0.0 => 0.0,
            Looks::Any => Mixture::around(self.limit).p_above(self.limit, k, n),
        }
    }

    /// The least sample of which `k`, clustered as they are, show the share to be below the limit; None where no sample
    /// does.
    pub(super) fn sample_needed(&self, k: u64) -> Option<u64> {
        if self.looks == Looks::Once && self.widening <= 1.0 || self.limit >= 1.0 {
            return interval::sample_needed(k, self.limit, self.confidence);
        }
        if self.limit <= 0.0 {
            return None;
        }
        let enough = |n: u64| {
            let below = (k as f64) < self.limit * n as f64;
            let (k, n) = self.effective(k, n);
            let shown = match self.looks {
                Looks::Once => interval::share_at_most(k, n, self.limit) < 1.0 - self.confidence,
                Looks::Any => Mixture::around(self.limit).contradicts(self.limit, k, n, self.confidence),
            };
            below && shown
        };
        interval::least_sample(k, enough)
    }

    /// In one line.
    pub(super) fn method(&self) -> String {
        let at = percent(self.confidence);
        let mut text = match self.looks {
            Looks::Once => format!("one-sided Clopper-Pearson bound at {at} confidence, for one fixed look"),
            Looks::Any => {
                format!("beta-binomial mixture confidence sequence at {at} confidence, for any number of looks")
            }
        };
        if self.widening > 1.0 {
            text.push_str(&format!(", of a sample divided by {:.3} for its clusters by client", self.widening));
        }
        text
    }

    /// What one fixed look at independent requests would make of it, where that is far from the bound that holds.
    pub(super) fn beside(&self, k: u64, n: u64, lower: bool) -> String {
        let plain = Bounds { looks: Looks::Once, widening: 1.0, ..*self };
        let (here, there, name) = match lower {
            true => (self.lower(k, n), plain.lower(k, n), "least"),
            false => (self.upper(k, n), plain.upper(k, n), "most"),
        };
        if n == 0 || (here <= there * DIFFERS && there <= here * DIFFERS) {
            return String::new();
        }
        let what = match (self.looks, self.widening > 1.0) {
            (Looks::Any, true) => "one fixed look at requests that do not cluster by client",
            (Looks::Any, false) => "one fixed look",
            (Looks::Once, _) => "requests that do not cluster by client",
        };
        format!("; for {what} it would be at {name} {}", percent_against(there, self.limit))
    }

    /// The figures of a sample of requests that each stand for themselves and say as much.
    fn effective(&self, k: u64, n: u64) -> (f64, f64) {
        (k as f64 / self.widening, n as f64 / self.widening)
    }
}

//! Counts and histograms, one tally a worker, merged without locks.
//!
//! A [`Tally`] absorbs observations with their comparisons. Tallies merge in any order: however the observations
//! were spread over workers, the [`Snapshot`] of the merged tally is the same, byte for byte.

mod count;
mod endpoints;
mod group;
mod latency;
mod snapshot;

pub use count::Tally;
pub use endpoints::{EndpointTable, MAX_ENDPOINT_NUMBERS, MAX_METHOD_BYTES, MAX_METHODS, OTHER};
pub(crate) use group::general_place;
pub use group::{DifferenceClass, DifferenceGroup, MAX_EXAMPLES_PER_GROUP, MAX_GROUPS};
pub use latency::{Bucket, LATENCY_MAX, Latency, LatencyPair};
pub use snapshot::{Drift, EndpointSnapshot, FailureSample, RuleUse, Snapshot};

#[cfg(test)]
pub(crate) mod invented;
#[cfg(test)]
mod tests;

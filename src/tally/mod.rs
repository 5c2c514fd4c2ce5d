//! Counts and histograms, one tally a worker, merged without locks.
//!
//! A [`Tally`] absorbs observations with their comparisons. Tallies merge in any order: however the observations
//! were spread over workers, the [`Snapshot`] of the merged tally is the same, byte for byte.

mod cells;
mod clients;
mod count;
mod days;
mod endpoints;
mod group;
mod latency;
mod renumber;
mod snapshot;

pub use cells::{LARGE_CELLS, MAX_CELL_BYTES, MAX_CELLS};
pub use clients::{CLIENT_GROUPS, Clustering, MAX_CLIENT_COUNTS};
pub(crate) use clients::{GRAINS, Share};
pub use count::Tally;
pub(crate) use count::{EndpointTally, RuleTally};
pub(crate) use days::DayShare;
pub use days::{DayClients, DaySnapshot, MAX_DAY_COUNTS, StatusCounts};
pub use endpoints::{EndpointTable, MAX_ENDPOINT_NUMBERS, MAX_METHOD_BYTES, MAX_METHODS, MAX_NUMBERS, OTHER};
pub use group::{DifferenceClass, DifferenceGroup, MAX_EXAMPLES_PER_GROUP, MAX_GROUPS};
pub(crate) use group::{Group, Key, MAX_PLACE_BYTES, general_place};
pub use latency::{Bucket, LATENCY_MAX, Latency, LatencyPair, Paired};
pub(crate) use latency::{PairedRecorder, Recorder};
pub(crate) use snapshot::RuleSample;
pub use snapshot::{Drift, EndpointSnapshot, FailureSample, RuleUse, Snapshot};

#[cfg(test)]
pub(crate) mod invented;
#[cfg(test)]
mod tests;

//! Counts and histograms, one tally a worker, merged without locks.
//!
//! A [`Tally`] absorbs observations with their comparisons. Tallies merge in any order: however the observations
//! were spread over workers, the [`Snapshot`] of the merged tally is the same, byte for byte.

mod affected;
mod builds;
mod cells;
mod clients;
mod count;
mod days;
mod endpoints;
mod explained;
mod failing;
mod group;
mod latency;
mod over_time;
mod renumber;
mod signature;
mod snapshot;
mod split;
mod timeline;

pub(crate) use affected::Affected;
pub(crate) use builds::{BuildEpoch, Part};
pub use builds::{BuildName, Builds, MAX_BUILD_NAME, MAX_BUILDS, OTHER_BUILDS};
pub use cells::{LARGE_CELLS, MAX_CELL_BYTES, MAX_CELLS};
pub use clients::{CLIENT_GROUPS, ClientGroups, Clustering, MAX_CLIENT_COUNTS};
pub(crate) use clients::{GRAINS, Share};
pub use count::Tally;
pub(crate) use count::{EndpointTally, RuleTally};
pub(crate) use days::DayShare;
pub use days::{DayClients, DaySnapshot, MAX_DAY_COUNTS, StatusCounts};
pub(crate) use endpoints::looks_like_a_value;
pub use endpoints::{EndpointTable, MAX_ENDPOINT_NUMBERS, MAX_METHOD_BYTES, MAX_METHODS, MAX_NUMBERS, OTHER};
pub use explained::{Advice, MAX_EXPLAINED};
pub(crate) use failing::{Failing, FailureKey};
pub use failing::{FailureGroup, MAX_FAILURE_GROUPS};
pub use group::{DifferenceClass, DifferenceGroup, MAX_EXAMPLES_PER_GROUP, MAX_GROUPS, general_place};
pub(crate) use group::{Group, Key, MAX_PLACE_BYTES};
pub use latency::{Bucket, LATENCY_MAX, Latency, LatencyPair, Paired};
pub(crate) use latency::{PairedRecorder, Recorder};
pub use over_time::{MAX_TIME_BUCKETS, MAX_TREND_BUCKETS, TimeBucket, TimeCounts, TimeSeries};
pub(crate) use over_time::{RunOverTime, Series, SeriesRows};
pub use signature::{
    EARLIER, Element, Kept, KeptBooks, KeptState, MAX_ELEMENTS, MAX_KEPT, MAX_KEPT_BYTES, MAX_SIGNATURES,
    MAX_SPREAD_DAYS, SPREAD_GROUPS, Signature, SpecimenError,
};
pub(crate) use signature::{
    Entry, Examples, MAX_WRITTEN_PLACE, Rank, SignatureKey, Signatures, Spread, outcome_name, outcome_named,
};
pub(crate) use snapshot::RuleSample;
pub use snapshot::{Drift, EndpointSnapshot, FailureSample, RuleUse, Snapshot};
pub(crate) use timeline::Timeline;

#[cfg(test)]
pub(crate) mod invented;
#[cfg(test)]
pub(crate) use signature::tests as specimens;
#[cfg(test)]
mod tests;

//! How old evidence may be.

use std::time::Duration;

/// The days that the verdict rests on must not be older.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgeGate {
    /// The most that may lie between the first of them and the day of the decision, in whole days rounded up; None: not asked.
    pub at_most: Option<Duration>,
}

//! The books of a tee: what was relayed, and what of it was looked at.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What went through a tee, and what became of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TeeBooks {
    /// Connections of clients that were accepted.
    pub connections: u64,
    /// Of these, connections for which the legacy could not be reached: they were reset.
    pub unreachable: u64,
    /// Of these, connections that were cut off because they did not come to their end when the tee was stopped.
    pub cut: u64,
    /// What the clients sent to the legacy.
    pub from_clients: RelayedBytes,
    /// What the legacy sent to the clients.
    pub from_legacy: RelayedBytes,
}

/// Bytes of one direction. relayed = looked at + shed + waiting.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RelayedBytes {
    /// Bytes that were read from one side for the other.
    pub relayed: u64,
    /// Of these, bytes that were looked at.
    pub looked_at: u64,
    /// Of these, bytes that were passed on and not looked at, because what comes after had no room for them.
    pub shed: u64,
    /// Of these, bytes that nobody has looked at yet. Only in books that were written while a run went on.
    pub waiting: u64,
}

impl TeeBooks {
    /// Both directions together.
    pub fn both(&self) -> RelayedBytes {
        let mut both = self.from_clients;
        both.merge(&self.from_legacy);
        both
    }
}

impl RelayedBytes {
    /// Bytes that nobody looked at. What that cost is in the other books: as gaps and lost exchanges, and as exchanges nothing
    /// of which was seen.
    pub fn lost(&self) -> u64 {
        self.shed.saturating_add(self.waiting)
    }
}

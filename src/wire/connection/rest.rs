//! Whether a connection is at rest, and what waits in it where it is not.

use super::{Connection, Side};
use crate::ledger::Waiting;
use crate::wire::http::Role;

impl Connection {
    /// Whether nothing is open: nothing waits for its turn, neither side is within a message, every request has its answer.
    pub(crate) fn is_at_rest(&self) -> bool {
        let between = |side: &Side| side.stream.held.is_empty() && side.reader.is_between_messages();
        !self.desk.left && self.desk.is_empty() && self.sides.iter().all(between)
    }

    /// Adds what waits here.
    pub(crate) fn count_waiting(&self, waiting: &mut Waiting) {
        for side in &self.sides {
            waiting.stream_bytes += side.stream.held.bytes();
            match side.reader.reads() {
                Some(Role::Request) => waiting.requests += 1,
                Some(Role::Response) => waiting.answers += 1,
                None => {}
            }
        }
        self.desk.count_waiting(waiting);
    }
}

//! What every step of the wire code needs at hand: the limits, the books, the budgets, and where exchanges go.

use crate::exchange::Exchange;
use crate::ledger::WireBooks;

use super::Keep;
use super::limits::{Budget, WireLimits};

/// Lent to a step and given back.
pub(crate) struct Ctx<'a> {
    pub(crate) limits: &'a WireLimits,
    pub(crate) keep: Keep,
    pub(crate) books: &'a mut WireBooks,
    /// Heads and bodies of exchanges that are not finished.
    pub(crate) unfinished: &'a mut Budget,
    /// Segments that wait for their turn.
    pub(crate) out_of_order: &'a mut Budget,
    pub(crate) sink: &'a mut dyn FnMut(Exchange),
}

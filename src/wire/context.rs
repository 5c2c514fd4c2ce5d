//! What every step of the wire code needs at hand: the limits, the books, the budgets, and where exchanges go.

use crate::exchange::Exchange;
use crate::ledger::WireBooks;

use super::limits::{Budget, WireLimits};
use super::{Keep, WireOptions};

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

/// What all connections have in common.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) options: WireOptions,
    pub(crate) books: WireBooks,
    unfinished: Budget,
    out_of_order: Budget,
}

impl Common {
    pub(crate) fn new(options: WireOptions) -> Common {
        Common {
            unfinished: Budget::new(options.limits.unfinished),
            out_of_order: Budget::new(options.limits.out_of_order_total),
            options,
            books: WireBooks::default(),
        }
    }

    /// Lends everything to a step.
    pub(crate) fn lend<'a>(&'a mut self, sink: &'a mut dyn FnMut(Exchange)) -> Ctx<'a> {
        Ctx {
            limits: &self.options.limits,
            keep: self.options.keep,
            books: &mut self.books,
            unfinished: &mut self.unfinished,
            out_of_order: &mut self.out_of_order,
            sink,
        }
    }
}

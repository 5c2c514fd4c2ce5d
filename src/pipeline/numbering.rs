//! What the thread behind the wire code knows of the exchanges: their order, their endpoints, and what is lost of them.

use std::sync::Arc;
use std::time::Instant;

use super::budget::Share;
use crate::compare::Comparer;
use crate::config::Endpoints;
use crate::exchange::{Endpoint, Exchange, Incomplete};
use crate::ledger::{Ledger, Losses};
use crate::tally::EndpointTable;

/// A complete exchange with the place that the source gave it.
pub(crate) struct Numbered {
    pub(crate) sequence: u64,
    pub(crate) endpoint: u32,
    pub(crate) exchange: Exchange,
    /// Of the bytes that may be under way.
    pub(crate) share: Share,
    /// When the source had it ready.
    pub(crate) ready: Instant,
}

/// What the source knows, at one moment or at its end.
pub(crate) struct Read {
    pub(crate) ledger: Ledger,
    pub(crate) endpoints: Vec<Endpoint>,
}

/// One for a run, on one thread: numbers must not depend on how threads fell.
pub(crate) struct Numbering {
    endpoints: EndpointTable,
    losses: Losses,
    next: u64,
    /// How many answers are expected for each recorded one: they take memory too.
    answers: u64,
    /// For its redactor: a path may hold a secret.
    comparer: Arc<Comparer>,
}

impl Numbering {
    pub(crate) fn new(endpoints: &Endpoints, answers: u64, comparer: Arc<Comparer>) -> Numbering {
        Numbering { endpoints: EndpointTable::new(endpoints), losses: Losses::default(), next: 0, answers, comparer }
    }

    /// Counts an exchange that is not whole; its way ends here. One that may be read in two ways gets no endpoint: its
    /// path is whatever somebody wants it to be.
    pub(crate) fn incomplete(&mut self, exchange: &mut Exchange) {
        if !exchange.incomplete.is_some_and(|why| Incomplete::LOSSES.contains(&why)) {
            exchange.request = None;
        }
        self.losses.count(exchange, |request| self.endpoints.assign(request));
    }

    /// Gives a whole exchange its place and its endpoint.
    pub(crate) fn complete(&mut self, exchange: &Exchange) -> (u64, u32) {
        let endpoint = exchange.request.as_ref().map_or(0, |request| self.endpoints.assign(request));
        self.losses.count(exchange, |_| endpoint);
        self.next += 1;
        (self.next - 1, endpoint)
    }

    /// Notes that a whole exchange was let go.
    pub(crate) fn shed(&mut self, exchange: &Exchange, endpoint: u32) {
        self.losses.shed(exchange, endpoint);
    }

    /// Bytes of the recorded bodies, and of live answers if they are as large.
    pub(crate) fn under_way(&self, exchange: &Exchange) -> u64 {
        let request = exchange.request.as_ref().map_or(0, |r| r.body.bytes.len() as u64);
        let response = exchange.response.as_ref().map_or(0, |r| r.body.bytes.len() as u64);
        request + response * (1 + self.answers)
    }

    /// Everything, with the books that the caller holds.
    pub(crate) fn read(&self, mut ledger: Ledger) -> Read {
        let mut endpoints = self.endpoints.resolve();
        for endpoint in &mut endpoints {
            endpoint.template = self.comparer.redactor().template(&endpoint.template);
        }
        ledger.losses = self.losses.resolve(&endpoints);
        Read { ledger, endpoints }
    }
}

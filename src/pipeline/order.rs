//! Exchanges leave the wire code when they are complete; they are asked again in the order in which they began.
//!
//! An exchange with a slow answer completes after others that began later. It is put back in its place as long as
//! that takes no more than a bounded number of exchanges and bytes; past a bound the earliest goes first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::exchange::{Exchange, Timestamp};

/// Exchanges held, at most.
const HELD_EXCHANGES: usize = 512;
/// Body bytes held, at most.
const HELD_BYTES: u64 = 24 << 20;

/// A heap of exchanges by the time of their first byte; ties in the order of arrival.
#[derive(Default)]
pub(crate) struct InOrder {
    heap: BinaryHeap<Reverse<Held>>,
    bytes: u64,
    arrivals: u64,
}

struct Held {
    key: (Option<Timestamp>, u64),
    exchange: Exchange,
}

impl InOrder {
    /// Takes one in. [`InOrder::pop_ready`] is to be asked after it, until nothing comes.
    pub(crate) fn push(&mut self, exchange: Exchange) {
        self.bytes += weight(&exchange);
        self.arrivals += 1;
        self.heap.push(Reverse(Held { key: (exchange.moments.started(), self.arrivals), exchange }));
    }

    /// The earliest, where a bound is passed.
    pub(crate) fn pop_ready(&mut self) -> Option<Exchange> {
        (self.heap.len() > HELD_EXCHANGES || self.bytes > HELD_BYTES).then(|| self.pop()).flatten()
    }

    /// The earliest.
    pub(crate) fn pop(&mut self) -> Option<Exchange> {
        let Reverse(held) = self.heap.pop()?;
        self.bytes -= weight(&held.exchange);
        Some(held.exchange)
    }
}

fn weight(exchange: &Exchange) -> u64 {
    let request = exchange.request.as_ref().map_or(0, |r| r.body.bytes.len());
    let response = exchange.response.as_ref().map_or(0, |r| r.body.bytes.len());
    (request + response) as u64
}

impl PartialEq for Held {
    fn eq(&self, other: &Held) -> bool {
        self.key == other.key
    }
}

impl Eq for Held {}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Held) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Held) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Body, Headers, Moments, Response, Version};

    fn exchange(start: i64, body: usize) -> Exchange {
        let address = ([127, 0, 0, 1], 1).into();
        let response = Response {
            version: Version::Http11,
            status: 200,
            headers: Headers::new(),
            body: Body::whole(vec![0; body]),
            interim: Vec::new(),
        };
        let moments = Moments { request_start: Some(Timestamp(start)), ..Moments::default() };
        Exchange {
            client: address,
            server: address,
            request: None,
            response: Some(response),
            interim_only: Vec::new(),
            incomplete: None,
            moments,
        }
    }

    fn start(exchange: &Exchange) -> i64 {
        exchange.moments.request_start.unwrap().0
    }

    #[test]
    fn a_slow_answer_is_put_back_in_its_place() {
        let mut order = InOrder::default();
        for time in [2, 3, 1] {
            order.push(exchange(time, 0));
            assert!(order.pop_ready().is_none());
        }
        let out: Vec<i64> = std::iter::from_fn(|| order.pop()).map(|e| start(&e)).collect();
        assert_eq!(out, [1, 2, 3]);
    }

    #[test]
    fn a_bound_lets_the_earliest_go() {
        let mut order = InOrder::default();
        for time in 0..=HELD_EXCHANGES as i64 {
            order.push(exchange(time, 0));
        }
        assert_eq!(order.pop_ready().map(|e| start(&e)), Some(0));
        assert!(order.pop_ready().is_none());

        let mut order = InOrder::default();
        order.push(exchange(7, HELD_BYTES as usize));
        assert!(order.pop_ready().is_none());
        order.push(exchange(9, 1));
        assert_eq!(order.pop_ready().map(|e| start(&e)), Some(7));
        assert!(order.pop_ready().is_none(), "the bound is met again");
    }
}

//! Exchanges leave here, and are counted here.

use std::net::SocketAddr;

use super::{Asked, Done};
use crate::exchange::{Exchange, Incomplete, Moments, Request, Response};
use crate::wire::context::Ctx;

/// Gives out what is known of a request and its answer. `otherwise`: the reason, where the messages know none.
pub(super) fn emit(
    client: SocketAddr,
    server: SocketAddr,
    asked: Asked,
    otherwise: Option<Incomplete>,
    ctx: &mut Ctx<'_>,
) {
    let Asked { request, answer, interim, .. } = asked;
    match (request, answer) {
        (Some(request), Some(answer)) => {
            let incomplete = request.incomplete.or(answer.incomplete).or(otherwise);
            give(client, server, Some(request), Some(answer), Vec::new(), incomplete, ctx);
        }
        (Some(request), None) => {
            let reason = request.incomplete.or(otherwise).unwrap_or(Incomplete::NoResponse);
            give(client, server, Some(request), None, interim, Some(reason), ctx);
        }
        (None, Some(answer)) => {
            let reason = answer.incomplete.or(otherwise).unwrap_or(Incomplete::NoRequest);
            give(client, server, None, Some(answer), Vec::new(), Some(reason), ctx);
        }
        // A request whose body is still read: it is given out when it ends, as one that is not in the queue.
        (None, None) => {}
    }
}

pub(super) fn emit_request(
    client: SocketAddr,
    server: SocketAddr,
    done: Done<Request>,
    reason: Incomplete,
    ctx: &mut Ctx<'_>,
) {
    give(client, server, Some(done), None, Vec::new(), Some(reason), ctx);
}

pub(super) fn emit_answer(
    client: SocketAddr,
    server: SocketAddr,
    done: Done<Response>,
    reason: Incomplete,
    ctx: &mut Ctx<'_>,
) {
    give(client, server, None, Some(done), Vec::new(), Some(reason), ctx);
}

/// The one place where exchanges leave, and are counted.
pub(super) fn give(
    client: SocketAddr,
    server: SocketAddr,
    request: Option<Done<Request>>,
    answer: Option<Done<Response>>,
    interim_only: Vec<u16>,
    incomplete: Option<Incomplete>,
    ctx: &mut Ctx<'_>,
) {
    ctx.unfinished.give_back(request.as_ref().map_or(0, |r| r.size) + answer.as_ref().map_or(0, |a| a.size));
    match (request.is_some(), incomplete) {
        (true, None) => ctx.books.requests_paired += 1,
        (true, Some(reason)) => ctx.books.requests_unpaired.add(reason),
        (false, _) => {}
    }
    match (answer.is_some(), incomplete) {
        (true, None) => ctx.books.answers_paired += 1,
        (true, Some(reason)) => ctx.books.answers_unpaired.add(reason),
        (false, _) => {}
    }
    let moments = Moments {
        request_start: request.as_ref().map(|r| r.start_time),
        request_end: request.as_ref().map(|r| r.end_time),
        response_start: answer.as_ref().map(|a| a.start_time),
        response_end: answer.as_ref().map(|a| a.end_time),
    };
    let (request, response) = (request.map(|r| r.message), answer.map(|a| a.message));
    (ctx.sink)(Exchange { client, server, request, response, interim_only, incomplete, moments });
}

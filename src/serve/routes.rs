//! What is asked, and what is answered.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, ALLOW, CONNECTION, LOCATION, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE};
use http::{Method, Request, StatusCode};
use hyper::body::{Body, Incoming};

use super::access::Access;
use super::board::{Board, Phase};
use super::events::{Events, MAX_FOLLOWERS};
use super::hosts::{self, Refused};
use super::metrics::Exposition;
use super::reply::{self, Answer};
use super::view::Form;
use crate::report;

/// What is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    Page,
    Script,
    Events,
    Metrics,
    Health,
    Ready,
    Verdict,
    Report,
}

impl Route {
    fn of(path: &str) -> Option<Route> {
        Some(match path {
            "/" => Route::Page,
            "/app.js" => Route::Script,
            "/events" => Route::Events,
            "/metrics" => Route::Metrics,
            "/healthz" => Route::Health,
            "/readyz" => Route::Ready,
            "/api/v1/verdict" => Route::Verdict,
            "/api/v1/report" => Route::Report,
            _ => return None,
        })
    }

    /// Says nothing of the run, and is asked by machines that know no token.
    fn is_open(self) -> bool {
        matches!(self, Route::Health | Route::Ready)
    }
}

/// Everything that an answer needs.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) board: Arc<Board>,
    pub(super) access: Access,
}

/// The script of the live page.
const SCRIPT: &str = include_str!("app.js");

/// The answer to one request that came in over `local`.
pub(super) async fn answer(shared: &Shared, local: SocketAddr, request: &Request<Incoming>) -> Answer {
    if !request.body().is_end_stream() {
        // Nothing here takes a body, and what is not read cannot be followed by another request.
        let refused = reply::line(StatusCode::PAYLOAD_TOO_LARGE, "no request here has a body");
        return reply::with(refused, CONNECTION, "close");
    }
    let route = Route::of(request.uri().path());
    let headers = request.headers();
    if let Err(refused) = hosts::admit(headers, local, &shared.access.hosts, route == Some(Route::Page)) {
        return match refused {
            Refused::NoHost => reply::line(StatusCode::BAD_REQUEST, "one Host is needed"),
            Refused::ForeignHost => {
                reply::line(StatusCode::MISDIRECTED_REQUEST, "this name is not served here: see --serve-host")
            }
            Refused::ForeignPage => reply::line(StatusCode::FORBIDDEN, "not for pages of other sites"),
        };
    }
    if !route.is_some_and(Route::is_open) {
        if route == Some(Route::Page)
            && let Some(shown) = token_in(request.uri().query())
        {
            return logged_in(shared, shown);
        }
        if !shared.access.admits(headers) {
            let refused =
                reply::line(StatusCode::UNAUTHORIZED, "a token is needed: Authorization: Bearer, or /?token=");
            return reply::with(refused, WWW_AUTHENTICATE, "Bearer");
        }
    }
    let Some(route) = route else { return reply::line(StatusCode::NOT_FOUND, "there is nothing here") };
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let refused = reply::line(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD");
        return reply::with(refused, ALLOW, "GET, HEAD");
    }
    served(shared, route, request).await
}

fn token_in(query: Option<&str>) -> Option<&str> {
    query?.split('&').find_map(|pair| pair.strip_prefix("token="))
}

/// The token leaves the address line: it is exchanged for a cookie, and the page is asked for again without it. Where no
/// token is needed it leaves it all the same.
fn logged_in(shared: &Shared, shown: &str) -> Answer {
    let there = reply::with(reply::line(StatusCode::SEE_OTHER, "see /"), LOCATION, "/");
    match shared.access.login(shown) {
        Some(cookie) => reply::with(there, SET_COOKIE, &cookie),
        None if shared.access.admits(&http::HeaderMap::new()) => there,
        None => {
            let refused = reply::line(StatusCode::UNAUTHORIZED, "this is not the token");
            reply::with(refused, WWW_AUTHENTICATE, "Bearer")
        }
    }
}

async fn served(shared: &Shared, route: Route, request: &Request<Incoming>) -> Answer {
    let board = &shared.board;
    match route {
        Route::Health => reply::line(StatusCode::OK, "ok"),
        // Looking costs a view, so a probe does it only where what it would say may hold no more.
        Route::Ready if board.is_outdated() || board.phase() == Phase::Unreadable => ready(board.look().await.phase),
        Route::Ready => ready(board.phase()),
        Route::Script => reply::whole(StatusCode::OK, reply::SCRIPT, Bytes::from_static(SCRIPT.as_bytes())),
        Route::Events if request.method() == Method::HEAD => {
            reply::whole(StatusCode::OK, "text/event-stream; charset=utf-8", Bytes::new())
        }
        Route::Events => match board.follow(MAX_FOLLOWERS) {
            Some(following) => reply::events(Events::new(following)),
            None => {
                let full = reply::line(StatusCode::SERVICE_UNAVAILABLE, "too many pages follow this run already");
                reply::with(full, RETRY_AFTER, "10")
            }
        },
        Route::Page | Route::Metrics | Route::Verdict | Route::Report => shown(board, route, request).await,
    }
}

fn ready(phase: Phase) -> Answer {
    let (status, text) = match phase {
        Phase::Waiting => (StatusCode::OK, "ready: the capture is open, and nothing has come yet"),
        Phase::Running => (StatusCode::OK, "ready"),
        Phase::Finished => (StatusCode::OK, "ready: the run in the file has ended"),
        Phase::Starting => (StatusCode::SERVICE_UNAVAILABLE, "not ready: starting"),
        Phase::Down => (
            StatusCode::SERVICE_UNAVAILABLE,
            "not ready: the interface is down, and nothing is captured until it is up again (ip link set IFACE up)",
        ),
        Phase::Ending => {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready: nothing more is taken in, and the run comes to its end")
        }
        Phase::Ended => (StatusCode::SERVICE_UNAVAILABLE, "not ready: the run has ended"),
        Phase::Unreadable => (StatusCode::SERVICE_UNAVAILABLE, "not ready: the run file cannot be read"),
    };
    reply::line(status, text)
}

/// What is made of the latest view. Making takes a processor, so it is not done on the thread that serves.
async fn shown(board: &Arc<Board>, route: Route, request: &Request<Incoming>) -> Answer {
    let hung = board.look().await;
    let Some(view) = hung.view else {
        let none = reply::line(StatusCode::SERVICE_UNAVAILABLE, "there is nothing to show yet");
        return reply::with(none, RETRY_AFTER, "1");
    };
    let accept = request.headers().get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let form = match route {
        Route::Page => Form::Page,
        Route::Report => Form::Report,
        Route::Verdict => Form::Verdict,
        _ => Form::Metrics(Exposition::wanted(accept)),
    };
    let making = Arc::clone(board);
    let made = tokio::task::spawn_blocking(move || {
        let (text, took) = view.text(form, hung.phase, &making.names())?;
        making.spent(took);
        Some(text)
    });
    match (made.await.ok().flatten(), form) {
        (Some(text), Form::Page) => reply::page(text, &report::page_policy(true)),
        (Some(text), Form::Metrics(exposition)) => reply::whole(StatusCode::OK, exposition.content_type(), text),
        (Some(text), Form::Report | Form::Verdict) if hung.phase == Phase::Unreadable => {
            let unreadable = reply::whole(StatusCode::SERVICE_UNAVAILABLE, reply::PROBLEM, text);
            reply::with(unreadable, RETRY_AFTER, "2")
        }
        (Some(text), Form::Report | Form::Verdict) => reply::whole(StatusCode::OK, reply::JSON, text),
        (None, _) => reply::line(StatusCode::INTERNAL_SERVER_ERROR, "this could not be made"),
    }
}

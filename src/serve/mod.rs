//! What a run answers while it goes on: the live page, the metrics, health, and the verdict as an API.
//!
//! Nothing here counts or judges, and nothing here is on an exchange's way. Whoever holds the counts (the recorder of a
//! run, or a reader of a run file) asks the [`Board`] whether a new [`View`] is wanted, makes it and hangs it up; the
//! [`Server`] shows the one that hangs there. A view is made only where somebody asks, and the more it costs the longer it
//! stays.
//!
//! The server trusts nobody: see [`Access`] for who may ask, and `listen` for the bounds of asking. It lives on a runtime
//! of its own, so that no page delays a shadow request.

mod access;
mod api;
mod board;
mod events;
mod hosts;
mod listen;
mod live;
mod metrics;
mod patient;
mod reply;
mod routes;
mod view;

pub use access::{Access, AccessError, MIN_TOKEN_BYTES, TOKEN_VARIABLE, Token};
pub use board::{Board, Phase};
pub use listen::{MAX_CONNECTIONS, ServeError, Server};
pub use live::{Judge, Live};
pub use metrics::{MAX_NAMED_ENDPOINTS, OVERFLOW};
pub use view::{Line, Standing, View};

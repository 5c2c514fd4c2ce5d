//! The inline tee: the real command between real clients and a real legacy, with candidates that are dead, slow or mad.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test bench that cannot be set up is a failed test"
)]

mod candidates;
#[path = "../live/child.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod child;
mod ends;
mod evidence;
mod fails_open;
mod loss;
mod raw;
mod support;
mod unread;

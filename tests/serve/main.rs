//! The served run: over the real binary and real sockets. What a live run answers are its own ledger's figures; a run file
//! that is still being written is read again; whoever may not ask gets nothing; and a real Prometheus and a real browser
//! read it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test bench that cannot be set up is a failed test"
)]

mod argo;
mod bounds;
mod browser;
mod builds;
mod chromium;
mod failures;
mod live;
mod page;
mod prometheus;
mod run_file;
mod safe;
#[path = "../store_support/mod.rs"]
mod store_support;
mod support;

//! At the mirror port: the command `watch` in a network of its own, with a real legacy, real clients, a candidate that
//! fails as it is told, and tcpdump as the witness.
//!
//! Network namespaces are needed: as root, or where a user may have a namespace of their own (`unshare -Urn`).
//! Elsewhere each test says `skipped:` on standard error and passes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test bench that cannot be set up is a failed test"
)]

mod bad_candidates;
mod bench;
mod child;
mod drops;
mod ends;
mod full_speed;
mod hostile;
mod keeps;
mod kills;
mod mirror;
mod net;
mod parts;
mod proc;
mod ready;
mod servers;
mod soak;
mod vxlan;
mod watch;
mod witness;
mod wrk;

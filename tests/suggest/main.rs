//! Rules suggested from kept exchanges: what looks like noise gets one, and what may be a defect does not.

#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests.

mod explained;
mod hostile;
mod invented;
mod properties;
mod run;
mod stories;

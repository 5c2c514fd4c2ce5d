//! Two answers, their differences, and the outcome.
//!
//! [`Comparer::compare`] lays the candidate's answer beside the reference: status, header fields (`headers`,
//! `cookies`), body (`bodies`, over the engines [`json`], [`text`] and [`bytes`]). Every difference is put to the
//! rules, and `outcome` makes the exchange's one class of what they leave.
//!
//! The reference is the live legacy's answer where it was asked too, else the recorded one. Nothing of an answer is
//! left out by this code but what is not the answer's: its HTTP version, interim answers, and the reason phrase.

mod asked;
mod bodies;
pub mod body;
pub mod bytes;
mod comparer;
mod cookies;
pub mod decode;
mod example;
mod findings;
mod guide;
mod headers;
pub mod json;
mod outcome;
pub mod patch;
mod specimen;
pub mod text;

pub use bodies::has_content;
pub use comparer::Comparer;
pub(crate) use cookies::Cookie;
pub use example::MAX_EXAMPLE_TEXT;
pub use findings::{MAX_JUDGED, MAX_LISTED, MAX_VALUE};
pub use specimen::{MAX_SPECIMEN, TooLarge};

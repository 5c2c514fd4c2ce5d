//! Two answers, their differences, and the outcome.

pub mod body;
pub mod bytes;
pub mod decode;
pub mod json;
pub mod patch;
pub mod text;

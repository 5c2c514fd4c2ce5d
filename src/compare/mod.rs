//! Two answers, their differences, and the outcome.

pub mod json;

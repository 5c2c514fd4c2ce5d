//! Two answers, their differences, and the outcome.

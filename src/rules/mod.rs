//! What people say about differences.

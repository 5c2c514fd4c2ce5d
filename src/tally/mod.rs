//! Counts and histograms, one set a worker, merged without locks.

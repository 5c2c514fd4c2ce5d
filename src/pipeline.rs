//! The walk: stages, bounded channels, shutdown.

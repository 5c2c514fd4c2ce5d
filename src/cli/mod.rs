//! What was typed: one file per command.

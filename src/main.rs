//! The binary: parse, start tracing, run one command, exit.
fn main() {}

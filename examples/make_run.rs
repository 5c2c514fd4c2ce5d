//! Writes the run file of a long run, for the benchmark of what is made of one: a hundred endpoints, fourteen days, some
//! hundred groups of differences, each exchange compared by the real comparer.
//!
//! ```text
//! cargo run --release --example make_run -- EXCHANGES FILE
//! ```

#[path = "../tests/large_run/mod.rs"]
mod large_run;

use std::path::Path;
use std::process::ExitCode;

use large_run::Shape;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let parsed = match args.as_slice() {
        [exchanges, file] => exchanges.parse().ok().map(|n| (n, file)),
        _ => None,
    };
    let Some((exchanges, file)) = parsed else {
        eprintln!("usage: make_run EXCHANGES FILE");
        return ExitCode::from(2);
    };
    let shape = Shape {
        exchanges,
        endpoints: 100,
        word: 8,
        days: 14,
        members: 24,
        value: 12,
        differs: 500,
        together: 2,
        policy: "capability: long\nowner: team\ngates:\n  mismatch_rate: {below: 0.1%, each: endpoint}\n".into(),
        rules: vec![("common.yaml".into(), include_str!("../rules/common.yaml").into())],
        spice: "",
        builds: 1,
    };
    shape.keep(Path::new(file));
    ExitCode::SUCCESS
}

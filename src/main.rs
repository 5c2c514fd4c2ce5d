//! The binary: parse, start tracing, run one command, exit.

use std::process::ExitCode;

use tapcompare::cli::{Cli, Status, say_trouble};

fn main() -> ExitCode {
    let typed = match Cli::read() {
        Ok(typed) => typed,
        Err(status) => return status.into(),
    };
    typed.start_tracing();
    let status = typed.run().unwrap_or_else(|trouble| {
        say_trouble(&trouble);
        Status::Trouble
    });
    status.into()
}

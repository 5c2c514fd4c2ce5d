//! What was typed: one file per command.

mod applies;
mod asking;
mod completions;
mod demo;
mod doctor;
mod files;
mod inspect;
mod judge;
mod otlp;
mod output;
mod progress;
mod replay;
mod report;
mod rescoring;
mod rules;
mod schema;
mod serve;
mod serving;
mod signal;
mod tee;
mod trial;
mod walk;
mod watch;

use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::report::visible;
use crate::verdict::Decision;

/// Shadow-traffic comparison: may users be moved from the legacy implementation to the candidate?
///
/// Exit status: 0 GO, 1 NO-GO, 2 trouble (usage, configuration, input or output), 3 INCONCLUSIVE.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Cli {
    /// When to use colour; `auto` means on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: ColorWhen,
    /// Say more on standard error; twice for still more (TAPCOMPARE_LOG takes tracing's filters)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Replay(Box<replay::ReplayArgs>),
    Watch(Box<watch::WatchArgs>),
    Tee(Box<tee::TeeArgs>),
    Inspect(inspect::InspectArgs),
    Demo(demo::DemoArgs),
    Judge(judge::JudgeArgs),
    Report(report::ReportArgs),
    Serve(serve::ServeArgs),
    Doctor(doctor::DoctorArgs),
    Rules(rules::RulesArgs),
    Schema(schema::SchemaArgs),
    Completions(completions::CompletionsArgs),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ColorWhen {
    Auto,
    Always,
    Never,
}

/// How data is written on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OutputFormat {
    /// For people
    Text,
    /// For programs, with a `schema_version`
    Json,
}

/// What the process says to its caller when it ends, as diff(1) has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// GO, or a command that gives no verdict did its work.
    Fine,
    /// NO-GO.
    NoGo,
    /// Usage, configuration, input or output.
    Trouble,
    /// The evidence decides nothing.
    Inconclusive,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> ExitCode {
        ExitCode::from(match status {
            Status::Fine => 0,
            Status::NoGo => 1,
            Status::Trouble => 2,
            Status::Inconclusive => 3,
        })
    }
}

impl From<Decision> for Status {
    fn from(decision: Decision) -> Status {
        match decision {
            Decision::Go => Status::Fine,
            Decision::NoGo => Status::NoGo,
            Decision::Inconclusive => Status::Inconclusive,
        }
    }
}

/// Any error that ends a command; printed once, with its causes.
pub type Trouble = Box<dyn Error + Send + Sync>;

impl Cli {
    /// Reads the command line. Help and version are printed here, and so is what cannot be understood: one line.
    ///
    /// # Errors
    /// The status to exit with.
    pub fn read() -> Result<Cli, Status> {
        Cli::try_parse().map_err(|error| {
            if !error.use_stderr() {
                // Nothing is left to do where even the help cannot be printed.
                let _ = error.print();
                return Status::Fine;
            }
            say(usage_line(&error.render().to_string()));
            Status::Trouble
        })
    }

    /// Runs the command that was typed.
    ///
    /// # Errors
    /// Whatever keeps the command from its work; the caller prints it.
    pub fn run(self) -> Result<Status, Trouble> {
        let color = self.color.wanted_on(&io::stdout());
        match self.command {
            Command::Replay(args) => args.run(color),
            Command::Watch(args) => args.run(color),
            Command::Tee(args) => args.run(color),
            Command::Inspect(args) => args.run(color),
            Command::Demo(args) => args.run(color),
            Command::Judge(args) => args.run(color),
            Command::Report(args) => args.run(color),
            Command::Serve(args) => args.run(),
            Command::Doctor(args) => args.run(color),
            Command::Rules(args) => args.run(color),
            Command::Schema(args) => args.run(),
            Command::Completions(args) => args.run(),
        }
    }

    /// Sends events to standard error: warnings unless more was asked for.
    pub fn start_tracing(&self) {
        let level = ["warn", "tapcompare=info", "tapcompare=debug"][usize::from(self.verbose.min(2))];
        let filter = tracing_subscriber::EnvFilter::try_from_env("TAPCOMPARE_LOG")
            .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(io::stderr)
            .with_ansi(self.color.wanted_on(&io::stderr()))
            .without_time()
            .with_target(false)
            .init();
    }
}

impl ColorWhen {
    fn wanted_on(self, stream: &impl IsTerminal) -> bool {
        match self {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            // https://no-color.org: any value that is not empty.
            ColorWhen::Auto => stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        }
    }
}

/// Clap's many lines as one: what is wrong, and where to read on.
fn usage_line(rendered: &str) -> String {
    let words = |part: &str| part.split_whitespace().collect::<Vec<_>>().join(" ");
    let wrong = rendered.split("\n\nUsage:").next().unwrap_or(rendered);
    let wrong = wrong.split("\n\nFor more information").next().unwrap_or(wrong);
    let wrong = words(wrong.trim_start_matches("error: "));
    match rendered.split("Usage: ").nth(1).and_then(|rest| rest.lines().next()) {
        Some(usage) => format!("{wrong}; usage: {}", words(usage)),
        None => format!("{wrong}; see --help"),
    }
}

/// Prints an error and what caused it, on one line of standard error.
pub fn say_trouble(trouble: &Trouble) {
    let mut line = trouble.to_string();
    let mut cause = trouble.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Some errors repeat their cause in their own text.
        if !line.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = error.source();
    }
    say(line);
}

/// Text for standard output that is no report.
fn print(text: &str) -> Result<Status, Trouble> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // The reader (head, less) has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Status::Fine),
        Err(error) => Err(format!("standard output cannot be written: {error}").into()),
        Ok(()) => Ok(Status::Fine),
    }
}

/// One line on standard error, with what was typed in it made visible: file names may hold escapes and line breaks.
/// Where standard error cannot be written there is nobody to tell, and the exit status still tells.
fn say(line: impl AsRef<str>) {
    let _ = writeln!(io::stderr().lock(), "tapcompare: {}", visible(line.as_ref()));
}

//! `tapcompare rules check`: every mistake in rule files and in the policy, each with its line and the way out.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::cli::asking::{named_or_here, today};
use crate::cli::{OutputFormat, Status, Trouble, print};
use crate::config::{self, ConfigError, Endpoints, Policy};
use crate::report::visible;
use crate::rules::{self, Checked, Finding};
use crate::verdict::words::counted;

/// Look for mistakes in rule files and in the policy: what cannot be read, what has expired or never answers
///
/// Exit status: 0 without a mistake (also where there are warnings), 2 with one.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CheckArgs {
    /// Rule files; without any, those of the policy
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The policy file [default: tapcompare.yaml, where there is one]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// How to write what was found
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: OutputFormat,
}

/// Something that was found.
#[derive(Debug, Clone, Serialize)]
pub(in crate::cli) struct Line {
    file: String,
    /// From 1; 0: the whole file.
    line: u64,
    severity: &'static str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    message: String,
}

/// What looking at the policy and the rules found.
#[derive(Debug, Default)]
pub(in crate::cli) struct Examined {
    pub(in crate::cli) policy: Option<Policy>,
    pub(in crate::cli) of_policy: Vec<Line>,
    pub(in crate::cli) of_rules: Vec<Line>,
    pub(in crate::cli) rules: usize,
    files: usize,
}

impl Line {
    fn of_policy(error: &ConfigError) -> Line {
        Line {
            file: error.path().display().to_string(),
            line: error.line(),
            severity: "mistake",
            kind: "policy",
            rule: None,
            message: error.message(),
        }
    }

    fn lax(file: &Path, message: String) -> Line {
        let file = file.display().to_string();
        Line { file, line: 0, severity: "warning", kind: "lax-gate", rule: None, message }
    }

    fn of_rule(finding: Finding) -> Line {
        Line {
            file: finding.at.file,
            line: finding.at.line,
            severity: if finding.kind.is_mistake() { "mistake" } else { "warning" },
            kind: finding.kind.as_str(),
            rule: finding.rule.map(|id| id.to_string()),
            message: finding.message,
        }
    }

    pub(in crate::cli) fn is_mistake(&self) -> bool {
        self.severity == "mistake"
    }

    /// `rules/orders.yaml:12: what is wrong; the way out`.
    pub(in crate::cli) fn text(&self) -> String {
        match self.line {
            0 => format!("{}: {}", self.file, self.message),
            line => format!("{}:{line}: {}", self.file, self.message),
        }
    }
}

/// Looks at a policy file, where there is one, and at rule files: those given, else the policy's, else those that ship.
///
/// # Errors
/// A rule file that cannot be read; what is wrong in one is a finding.
pub(in crate::cli) fn examine(policy: Option<&Path>, files: &[PathBuf]) -> Result<Examined, Trouble> {
    let mut examined = Examined::default();
    if let Some(file) = policy {
        let (policy, mistakes) = config::examine(file);
        if let Some(error @ ConfigError::Read { .. }) = mistakes.first() {
            return Err(error.to_string().into());
        }
        let lax = policy.iter().flat_map(config::lax).map(|message| Line::lax(file, message));
        examined.of_policy = mistakes.iter().map(Line::of_policy).chain(lax).collect();
        examined.policy = policy;
    }
    let understood = examined.policy.as_ref();
    let chosen = if files.is_empty() { understood.map_or(&[][..], |policy| &policy.rules) } else { files };
    let texts = rules::texts_or_common(chosen)?;
    let endpoints = understood.map_or(Endpoints::Learned, |policy| policy.endpoints.clone());
    let Checked { rules, findings } = rules::check(&texts, &endpoints, today());
    examined.of_rules = findings.into_iter().map(Line::of_rule).collect();
    (examined.rules, examined.files) = (rules, texts.len());
    Ok(examined)
}

impl CheckArgs {
    pub(in crate::cli) fn run(self, color: bool) -> Result<Status, Trouble> {
        let examined = examine(named_or_here(self.policy.as_deref()).as_deref(), &self.files)?;
        let lines: Vec<&Line> = examined.of_policy.iter().chain(&examined.of_rules).collect();
        let mistakes = lines.iter().filter(|line| line.is_mistake()).count();
        let text = match self.output {
            OutputFormat::Text => told(&examined, &lines, mistakes, color),
            OutputFormat::Json => serde_json::to_string_pretty(&Findings {
                schema_version: 1,
                kind: "rules-check",
                healthy: mistakes == 0,
                files: examined.files,
                rules: examined.rules,
                findings: &lines,
            })?,
        };
        let status = if mistakes == 0 { Status::Fine } else { Status::Trouble };
        print(&(text + "\n")).map(|_| status)
    }
}

/// The object of `--output json`; part of the formats.
#[derive(Serialize)]
struct Findings<'a> {
    schema_version: u32,
    kind: &'static str,
    healthy: bool,
    files: usize,
    rules: usize,
    findings: &'a [&'a Line],
}

/// A line each, and one for the sum.
fn told(examined: &Examined, lines: &[&Line], mistakes: usize, color: bool) -> String {
    let line = |line: &&Line| {
        let ink = if line.is_mistake() { "31" } else { "33" };
        let word = if color { format!("\x1b[1;{ink}m{}\x1b[0m", line.severity) } else { line.severity.to_owned() };
        format!("{word}  {}", visible(&line.text()))
    };
    let mut told: Vec<String> = lines.iter().map(line).collect();
    let none = |n: usize, noun: &str| if n == 0 { format!("no {noun}") } else { counted(n as u64, noun) };
    told.push(format!(
        "{} in {}: {}, {}",
        counted(examined.rules as u64, "rule"),
        counted(examined.files as u64, "file"),
        none(mistakes, "mistake"),
        none(lines.len() - mistakes, "warning")
    ));
    told.join("\n")
}

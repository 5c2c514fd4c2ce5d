//! `tapcompare replay`: recorded captures, asked again.

use std::path::PathBuf;

use super::asking::Asking;
use super::otlp::OtlpFlag;
use super::output::Output;
use super::serving::ServeFlag;
use super::walk::{Walk, walk};
use super::{Status, Trouble};
use crate::config::Target;
use crate::pipeline::{Feed, Source, runtime};
use crate::shadow::Pace;
use crate::wire::Keep;

/// Ask a candidate what a capture's clients asked the legacy, compare the answers, and judge
#[derive(Debug, clap::Args)]
pub(crate) struct ReplayArgs {
    /// Captures: pcap or pcapng, plain or gzip, in any order; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The live legacy's address: it is asked too (GET and HEAD only), and its answer is the reference
    #[arg(long, value_name = "URL")]
    legacy: Option<Target>,
    /// When to send: at the capture's `original` pace, a multiple of it such as `2x`, or `max`
    #[arg(long, value_name = "PACE", default_value = "original")]
    pace: Pace,
    /// Only frames that this BPF expression wants (see pcap-filter(7))
    #[arg(short, long, value_name = "EXPRESSION")]
    filter: Option<String>,
    #[command(flatten)]
    asking: Asking,
    #[command(flatten)]
    serve: ServeFlag,
    #[command(flatten)]
    otlp: OtlpFlag,
    #[command(flatten)]
    output: Output,
}

impl ReplayArgs {
    pub(crate) fn run(self, color: bool) -> Result<Status, Trouble> {
        self.output.distinct(&[("--run", self.asking.run.as_deref())])?;
        let asked = self.asking.read(self.legacy.as_ref())?;
        let serve = self.serve.checked(self.asking.dry_run)?;
        let traces = self.otlp.checked(self.asking.dry_run)?;
        let overhead = self.asking.overhead(&asked.policy);
        let body = asked.policy.safety.limits.body;
        let source = Source::open(&self.files, self.filter.as_deref(), Keep::Bodies, Some(body))?;
        self.output.check()?;
        let sources = self.files.iter().map(|f| f.display().to_string()).collect();
        let (dry_run, run, workers) = (self.asking.dry_run, self.asking.run, self.asking.workers);
        walk(
            Walk {
                feed: Feed::Recorded(Box::new(source), self.pace),
                asked,
                pace: self.pace.to_string(),
                sources,
                dry_run,
                overhead,
                run,
                workers,
                serve,
                traces,
                stop: None,
                called: None,
            },
            &runtime()?,
            &self.output,
            color,
        )
    }
}

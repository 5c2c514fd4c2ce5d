//! `tapcompare demo`: the whole walk on a capture that ships, against a candidate whose defects are known.

use std::path::PathBuf;
use std::sync::Arc;

use super::asking::{Asked, run_file, today};
use super::output::{OtherFiles, Output};
use super::walk::{Called, Walk, walk};
use super::{OutputFormat, Status, Trouble};
use crate::config::{self, Policy, Target};
use crate::demo::{self, Defect, Defects};
use crate::pipeline::{Feed, Source, runtime};
use crate::rules::{self, RuleSet};
use crate::shadow::Pace;
use crate::wire::Keep;

/// Recorded from the legacy shop; `captures/README.md` says how.
const CAPTURE: &[u8] = include_bytes!("../../captures/shop.pcap");
const CAPTURE_NAME: &str = "captures/shop.pcap";
/// What the demo demands for GO.
const POLICY: &str = include_str!("../../captures/shop.yaml");
const POLICY_NAME: &str = "captures/shop.yaml";

/// See the whole walk: a shop's recorded traffic is asked again of a candidate with known defects
#[derive(Debug, clap::Args)]
#[command(after_help = defects_help())]
pub(crate) struct DemoArgs {
    /// What is wrong with the candidate, by name, each with a rate where wanted: `price-rounding,flaky-stock@2%`;
    /// `none` gives a candidate that is ready, `all` has everything wrong
    #[arg(long, value_name = "NAMES", default_value = "price-rounding,missing-field,slow-search")]
    defect: Defects,
    /// Ask the running legacy too, and take its answer for the reference instead of the recorded one
    #[arg(long)]
    live_legacy: bool,
    /// When to send: at the capture's `original` pace, a multiple of it such as `2x`, or `max`
    #[arg(long, value_name = "PACE", default_value = "2x")]
    pace: Pace,
    /// Where to write the page
    #[arg(long, value_name = "FILE", default_value = "tapcompare-demo.html")]
    html: PathBuf,
    /// Keep the evidence in this file as the run goes, for `judge` and `report`
    #[arg(long, value_name = "FILE", value_parser = run_file)]
    run: Option<PathBuf>,
    /// How to write the report on standard output
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: OutputFormat,
    #[command(flatten)]
    others: OtherFiles,
}

fn defects_help() -> String {
    let lines: Vec<String> = Defect::ALL.iter().map(|d| format!("  {:<18} {}", d.name, d.description)).collect();
    format!("Defects:\n{}", lines.join("\n"))
}

impl DemoArgs {
    pub(crate) fn run(self, color: bool) -> Result<Status, Trouble> {
        let output = Output { output: self.output, html: Some(self.html.clone()), others: self.others };
        output.distinct(&[("--run", self.run.as_deref())])?;
        output.check()?;
        let mut policy: Policy = config::from_text(POLICY, std::path::Path::new(POLICY_NAME))?;
        let overhead = crate::shadow::overhead(&policy.safety.limits);
        let runtime = runtime()?;
        let candidate = runtime.block_on(demo::candidate(self.defect.clone()))?;
        let legacy = runtime.block_on(demo::legacy())?;

        let target: Target = candidate.url().parse()?;
        policy.targets.candidate = Some(target.clone());
        policy.targets.legacy = self.live_legacy.then(|| legacy.url().parse::<Target>()).transpose()?;
        let source = Source::of(CAPTURE_NAME, CAPTURE, Keep::Bodies, Some(policy.safety.limits.body))?;
        let rules = Arc::new(RuleSet::common(today())?);
        let plan = Walk {
            feed: Feed::Recorded(Box::new(source), self.pace),
            asked: Asked {
                policy: Arc::new(policy),
                policy_file: Some(POLICY_NAME.into()),
                policy_text: POLICY.to_owned(),
                rules,
                rule_texts: rules::texts_or_common(&[])?,
                candidate: target,
            },
            pace: self.pace.to_string(),
            sources: vec![CAPTURE_NAME.to_owned()],
            dry_run: false,
            overhead,
            run: self.run.clone(),
            workers: None,
            serve: None,
            traces: None,
            stop: None,
            called: Some(Called {
                candidate: format!("the demo's, with the defects {}", self.defect),
                legacy: "the demo's".to_owned(),
            }),
        };
        super::say(format!("the shop's candidate has these defects: {}", self.defect));
        let status = walk(plan, &runtime, &output, color)?;
        runtime.block_on(async {
            candidate.stop().await;
            legacy.stop().await;
        });
        super::say(format!("the page is {}", self.html.display()));
        Ok(status)
    }
}

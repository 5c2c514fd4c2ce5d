//! The progress bar: on a terminal only, and only where the work takes longer than a second.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::pipeline::Progress;

/// Shorter runs show nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// Draws the state of a run on standard error.
pub(crate) struct Meter {
    started: Instant,
    bar: Option<ProgressBar>,
    wanted: bool,
}

impl Meter {
    pub(crate) fn new() -> Meter {
        Meter { started: Instant::now(), bar: None, wanted: io::stderr().is_terminal() }
    }

    /// Shows where the run is; cheap enough to be called ten times a second.
    pub(crate) fn show(&mut self, progress: &Progress) {
        if !self.wanted || self.started.elapsed() < PATIENCE {
            return;
        }
        let now = progress.now();
        let bar = self.bar.get_or_insert_with(|| new_bar(now.total_bytes));
        bar.set_position(now.bytes);
        bar.set_message(format!("{} sent, {} compared, {} in flight", now.sent, now.compared, now.in_flight()));
    }

    /// Takes the bar off the screen.
    pub(crate) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A bar over the bytes of the files, or a spinner where their size is not known.
fn new_bar(total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (ProgressBar::new(total), "{elapsed_precise} {bar:30} {percent:>3}% {msg}"),
        None => (ProgressBar::new_spinner(), "{elapsed_precise} {spinner} {binary_bytes} {msg}"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

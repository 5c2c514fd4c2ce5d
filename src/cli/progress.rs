//! The status of a run: on a terminal only, and only where the work takes longer than a second.

use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::pipeline::{Progress, Standing};

/// Shorter runs show nothing.
const PATIENCE: Duration = Duration::from_secs(1);
/// Rates are those of this long.
const RATE_OVER: Duration = Duration::from_secs(5);
/// Where nobody watches a terminal, how often the status goes to the log (with -v).
const LOG_EVERY: Duration = Duration::from_secs(60);

/// Draws the state of a run on standard error.
pub(crate) struct Meter {
    started: Instant,
    live: bool,
    bar: Option<ProgressBar>,
    terminal: bool,
    logged: Instant,
    /// Earlier standings, for the rates.
    before: VecDeque<(Instant, Standing)>,
}

impl Meter {
    pub(crate) fn new(live: bool) -> Meter {
        let now = Instant::now();
        let terminal = io::stderr().is_terminal();
        Meter { started: now, live, bar: None, terminal, logged: now, before: VecDeque::new() }
    }

    /// Shows where the run is; cheap enough to be called ten times a second.
    pub(crate) fn show(&mut self, progress: &Progress) {
        if self.started.elapsed() < PATIENCE {
            return;
        }
        let now = progress.now();
        let text = if self.live { self.live_text(now) } else { recorded_text(now) };
        if self.terminal {
            let total = now.total_bytes;
            let bar = self.bar.get_or_insert_with(|| new_bar(self.live, total));
            bar.set_position(now.bytes);
            bar.set_message(text);
        } else if self.live && self.logged.elapsed() >= LOG_EVERY {
            self.logged = Instant::now();
            tracing::info!("{text}");
        }
    }

    /// Takes the bar off the screen.
    pub(crate) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn live_text(&mut self, now: Standing) -> String {
        let moment = Instant::now();
        while self.before.len() > 1 && self.before.get(1).is_some_and(|(at, _)| moment - *at >= RATE_OVER) {
            self.before.pop_front();
        }
        let (since, then) = self.before.front().copied().unwrap_or((self.started, Standing::default()));
        self.before.push_back((moment, now));
        let seconds = (moment - since).as_secs_f64().max(0.001);
        let rate = |now: u64, then: u64| now.saturating_sub(then) as f64 / seconds;
        live_line(now, rate(now.exchanges, then.exchanges), rate(now.sent, then.sent))
    }
}

fn recorded_text(now: Standing) -> String {
    format!("{} sent, {} compared, {} in flight", now.sent, now.compared, now.in_flight())
}

/// What somebody who watches needs first: does it see traffic, does it ask, does it differ, what is missing.
fn live_line(now: Standing, seen: f64, sent: f64) -> String {
    let mut line = format!(
        "{seen:.0} seen/s, {sent:.0} sent/s, {} in flight, {} compared, {} mismatched, {} failed, {} lost, {} shed, \
         {} frames dropped",
        now.in_flight(),
        now.compared,
        now.mismatched,
        now.failed,
        now.incomplete,
        now.shed,
        now.dropped
    );
    match now.breaker {
        0 => {}
        1 => line.push_str(" [breaker half open]"),
        _ => line.push_str(" [BREAKER OPEN]"),
    }
    if now.frames == 0 {
        line.push_str(" [no frame seen yet]");
    }
    line
}

/// A bar over the bytes of the files, or a spinner where their size is not known.
fn new_bar(live: bool, total: u64) -> ProgressBar {
    let (bar, template) = match total {
        _ if live => (ProgressBar::new_spinner(), "{elapsed_precise} {spinner} {wide_msg}"),
        0 => (ProgressBar::new_spinner(), "{elapsed_precise} {spinner} {binary_bytes} {msg}"),
        total => (ProgressBar::new(total), "{elapsed_precise} {bar:30} {percent:>3}% {msg}"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_live_line_says_what_is_missing() {
        let quiet = live_line(Standing::default(), 0.0, 0.0);
        assert!(quiet.contains("0 seen/s") && quiet.ends_with("[no frame seen yet]"), "{quiet}");
        let busy = Standing { frames: 9, sent: 7, answered: 4, dropped: 3, breaker: 2, ..Standing::default() };
        let line = live_line(busy, 1200.4, 100.0);
        assert!(line.starts_with("1200 seen/s, 100 sent/s, 3 in flight,"), "{line}");
        assert!(line.contains("3 frames dropped") && line.ends_with("[BREAKER OPEN]"), "{line}");
    }
}

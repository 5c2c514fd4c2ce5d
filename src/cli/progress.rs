//! The status of a run: on a terminal only, and only where the work takes longer than a second.

use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::pipeline::{Feed, Progress, Standing};

/// Shorter runs show nothing.
const PATIENCE: Duration = Duration::from_secs(1);
/// Rates are those of this long.
const RATE_OVER: Duration = Duration::from_secs(5);
/// Where nobody watches a terminal, how often the status goes to the log (with -v).
const LOG_EVERY: Duration = Duration::from_secs(60);

/// What the exchanges come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Watched {
    Files,
    Line,
    Tee,
}

impl Watched {
    pub(crate) fn of(feed: &Feed) -> Watched {
        match feed {
            Feed::Recorded(..) => Watched::Files,
            Feed::Live(_) => Watched::Line,
            Feed::Tee(_) => Watched::Tee,
        }
    }
}

/// Draws the state of a run on standard error.
pub(crate) struct Meter {
    started: Instant,
    source: Watched,
    bar: Option<ProgressBar>,
    terminal: bool,
    logged: Instant,
    /// Earlier standings, for the rates.
    before: VecDeque<(Instant, Standing)>,
}

impl Meter {
    pub(crate) fn new(source: Watched) -> Meter {
        let now = Instant::now();
        let terminal = io::stderr().is_terminal();
        Meter { started: now, source, bar: None, terminal, logged: now, before: VecDeque::new() }
    }

    /// Shows where the run is; cheap enough to be called ten times a second.
    pub(crate) fn show(&mut self, progress: &Progress) {
        if self.started.elapsed() < PATIENCE {
            return;
        }
        let now = progress.now();
        let live = self.source != Watched::Files;
        let text = if live { self.live_text(now) } else { recorded_text(now) };
        if self.terminal {
            let total = now.total_bytes;
            let bar = self.bar.get_or_insert_with(|| new_bar(live, total));
            bar.set_position(now.bytes);
            bar.set_message(text);
        } else if live && self.logged.elapsed() >= LOG_EVERY {
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
        live_line(self.source, now, rate(now.exchanges, then.exchanges), rate(now.sent, then.sent))
    }
}

fn recorded_text(now: Standing) -> String {
    format!("{} sent, {} compared, {} in flight", now.sent, now.compared, now.in_flight())
}

/// What somebody who watches needs first: is anything wrong, does it see traffic, does it ask, does it differ. A terminal
/// has 80 columns and cuts what is longer, so what is wrong stands first.
fn live_line(source: Watched, now: Standing, seen: f64, sent: f64) -> String {
    let mut line = String::new();
    match now.breaker {
        _ if now.frames == 0 => line.push_str(if source == Watched::Tee { "[NOBODY YET] " } else { "[NO FRAME YET] " }),
        0 => {}
        1 => line.push_str("[breaker half open] "),
        _ => line.push_str("[BREAKER OPEN] "),
    }
    let dropped = if source == Watched::Tee { "bytes unseen" } else { "dropped" };
    for (n, what) in [(now.dropped, dropped), (now.shed, "shed")] {
        if n > 0 {
            line.push_str(&format!("{} {what}, ", short(n)));
        }
    }
    line.push_str(&format!(
        "{} lost; {seen:.0}/s seen, {sent:.0}/s sent; {} compared, {} differ, {} fail; {} open",
        short(now.incomplete),
        short(now.compared),
        short(now.mismatched),
        short(now.failed),
        now.in_flight(),
    ));
    line
}

/// Five characters at most: `99999`, `123k`, `1.2M`.
fn short(n: u64) -> String {
    match n {
        0..100_000 => n.to_string(),
        100_000..1_000_000 => format!("{}k", n / 1_000),
        1_000_000..100_000_000 => format!("{:.1}M", n as f64 / 1e6),
        _ => format!("{}M", n / 1_000_000),
    }
}

/// A bar over the bytes of the files, or a spinner where their size is not known.
fn new_bar(live: bool, total: u64) -> ProgressBar {
    let (bar, template) = match total {
        _ if live => (ProgressBar::new_spinner(), "{elapsed_precise} {wide_msg}"),
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
    fn the_live_line_says_first_what_is_wrong_and_fits_a_terminal() {
        let quiet = live_line(Watched::Line, Standing::default(), 0.0, 0.0);
        assert!(quiet.starts_with("[NO FRAME YET] 0 lost; 0/s seen"), "{quiet}");
        let busy = Standing { frames: 9, sent: 7, answered: 4, dropped: 3, breaker: 2, ..Standing::default() };
        let line = live_line(Watched::Line, busy, 1200.4, 100.0);
        assert!(line.starts_with("[BREAKER OPEN] 3 dropped, 0 lost; 1200/s seen, 100/s sent;"), "{line}");
        assert!(live_line(Watched::Tee, Standing::default(), 0.0, 0.0).starts_with("[NOBODY YET] 0 lost"));
        let unseen = live_line(Watched::Tee, Standing { breaker: 0, ..busy }, 0.0, 0.0);
        assert!(unseen.starts_with("3 bytes unseen, 0 lost"), "{unseen}");
        let long = Standing { frames: 9, sent: 12_345_678, answered: 12_345_614, compared: 12_345_610, ..busy };
        let long = Standing { dropped: 0, breaker: 0, mismatched: 123_456, ..long };
        let line = live_line(Watched::Line, long, 35_000.0, 500.0);
        let shown = &line[..80 - "00:00:00 ".len()];
        assert!(shown.contains("12.3M compared, 123k differ, 0 fail"), "{shown}");
    }
}

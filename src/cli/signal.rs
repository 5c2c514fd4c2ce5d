//! Ctrl-C: once asks the run to stop and report, twice ends the process.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The status of a process that ends by SIGINT, as shells report it.
const INTERRUPTED: i32 = 130;

/// What ends a run.
pub(crate) struct Stop {
    /// Set when it is to end, by whom ever.
    pub(crate) flag: Arc<AtomicBool>,
    /// Whether a signal came.
    pub(crate) signalled: Arc<AtomicBool>,
}

impl Stop {
    /// From now on a signal ends the run. See [`stop_on_signal`].
    pub(crate) fn on_signal(runtime: &tokio::runtime::Handle) -> Stop {
        let flag = Arc::<AtomicBool>::default();
        Stop { signalled: stop_on_signal(runtime, Arc::clone(&flag)), flag }
    }
}

/// Sets `stop` on the first SIGINT or SIGTERM and ends the process on the second. Runs until `runtime` ends. What is
/// given back says whether a signal came: others may set `stop` too.
pub(crate) fn stop_on_signal(runtime: &tokio::runtime::Handle, stop: Arc<AtomicBool>) -> Arc<AtomicBool> {
    use tokio::signal::unix::{SignalKind, signal};
    let signalled = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&signalled);
    // At once, and not when the task has its turn: whoever says that it runs may be stopped in the next moment.
    let _within = runtime.enter();
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        tracing::warn!("signals cannot be caught here: Ctrl-C will end the run without a report");
        return signalled;
    };
    runtime.spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if heard.swap(true, Ordering::Relaxed) {
                process::exit(INTERRUPTED);
            }
            stop.store(true, Ordering::Relaxed);
            super::say("stopping; what is in flight is waited for (again to end at once)");
        }
    });
    signalled
}

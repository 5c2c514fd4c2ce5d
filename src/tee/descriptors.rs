//! How many sockets the process may have: each connection through a tee takes two.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises the soft limit as far as it may go, and says how many connections that allows beside `others`, `wanted` at most. (The soft limit
/// is 1,024 by default for the sake of select(2), which nothing here uses.)
pub(super) fn connections_allowed(wanted: usize, others: u64) -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return wanted };
    let needed = 2 * wanted as u64 + others;
    let mut allowed = soft;
    if soft < needed {
        let more = needed.min(hard);
        if setrlimit(Resource::RLIMIT_NOFILE, more, hard).is_ok() {
            allowed = more;
        }
    }
    let fit = allowed.saturating_sub(others.min(allowed / 2)) / 2;
    wanted.min(usize::try_from(fit).unwrap_or(usize::MAX)).max(1)
}

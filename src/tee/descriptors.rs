//! How many sockets the process may have: each connection through a tee takes two.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What the limit of open files allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Allowed {
    /// Connections at once.
    pub(super) connections: usize,
    /// Files that are left beside them.
    pub(super) spare: u64,
}

/// Raises the soft limit as far as it may go, and says how many connections that allows beside `others`, `wanted` at most.
/// (The soft limit is 1,024 by default for the sake of select(2), which nothing here uses.) Where it is low, half is theirs.
pub(super) fn allowed(wanted: usize, others: u64) -> Allowed {
    let needed = 2 * wanted as u64 + others;
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return Allowed { connections: wanted, spare: others };
    };
    let more = needed.min(hard);
    let raised = soft < needed && setrlimit(Resource::RLIMIT_NOFILE, more, hard).is_ok();
    shared(if raised { more } else { soft }, wanted, others)
}

fn shared(files: u64, wanted: usize, others: u64) -> Allowed {
    let fit = files.saturating_sub(others.min(files / 2)) / 2;
    let connections = wanted.min(usize::try_from(fit).unwrap_or(usize::MAX)).max(1);
    Allowed { connections, spare: files.saturating_sub(2 * connections as u64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_and_all_else_share_what_there_is() {
        let of = |files| shared(files, 8_192, 256);
        assert_eq!(of(20_000), Allowed { connections: 8_192, spare: 3_616 });
        assert_eq!(of(1_024), Allowed { connections: 384, spare: 256 });
        assert_eq!(of(64), Allowed { connections: 16, spare: 32 });
        assert_eq!(of(1), Allowed { connections: 1, spare: 0 });
    }
}

//! What a process gives up once its capture is open: every capability, and root.
//!
//! Only the opening of a capture needs a privilege. What comes after reads hostile bytes for days, and should have nothing
//! that is worth stealing.

use std::os::unix::fs::MetadataExt;
use std::{env, fmt, fs, io};

use caps::CapSet;
use nix::errno::Errno;
use nix::sys::prctl;
use nix::unistd::{Gid, Uid, User, getgid, getresuid, setgroups, setresgid, setresuid};

/// The user that owns nothing, where the system has no name for it.
const NOBODY: u32 = 65_534;

/// Each set of a thread's capabilities that can be emptied without any (capabilities(7)); the bounding set needs one.
const SETS: [CapSet; 4] = [CapSet::Ambient, CapSet::Inheritable, CapSet::Effective, CapSet::Permitted];

/// What the process runs as from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// The user's name, where it has one.
    pub user: Option<String>,
    /// The user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Whether the process was root and is not any more.
    pub changed: bool,
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.user {
            Some(name) => write!(f, "user {name} ({}:{})", self.uid, self.gid)?,
            None => write!(f, "user {}:{}", self.uid, self.gid)?,
        }
        f.write_str(", without capabilities")
    }
}

/// Why privileges could not be given up. The process must end then.
#[derive(Debug, thiserror::Error)]
pub enum PrivilegeError {
    /// A user that this system does not know.
    #[error("--user {user}: there is no such user; name one, or give numbers as UID:GID")]
    NoUser {
        /// What was named.
        user: String,
    },
    /// Another user was named, and this is not root.
    #[error("--user {user}: only root can change to another user; leave --user out, capabilities are dropped anyway")]
    NotRoot {
        /// What was named.
        user: String,
    },
    /// Threads keep their own capabilities, so there must be none yet.
    #[error(
        "privileges can only be dropped before threads are made, and there are {0}; this is a defect of tapcompare"
    )]
    Threads(u64),
    /// The system refused a step.
    #[error(
        "privileges cannot be dropped: {step}: {why}; start without root, with cap_net_raw alone (see setcap(8)), or with \
         --user root to stay root without capabilities"
    )]
    Refused {
        /// What was tried.
        step: &'static str,
        /// What the system said.
        why: String,
    },
    /// Everything was done, and a privilege is still there.
    #[error("privileges cannot be dropped: {0} afterwards; start without root, with cap_net_raw alone (see setcap(8))")]
    Remains(&'static str),
}

/// Gives up every privilege, for good: no_new_privs is set, all sets of capabilities are emptied (the bounding set where
/// that is allowed), and root becomes another user: the one that is named, else the one who called sudo, else the owner of
/// the working folder, else `nobody`. Its supplementary groups are none. `root` may be named: it stays root, without
/// capabilities.
///
/// To be called after the capture was opened and before any thread is made. Afterwards it is tried whether root can be
/// had back.
///
/// # Errors
/// An unknown user, or anything that keeps a privilege from being dropped. The process must not go on then.
pub fn drop_privileges(user: Option<&str>) -> Result<Dropped, PrivilegeError> {
    match threads() {
        Some(1) | None => {}
        Some(n) => return Err(PrivilegeError::Threads(n)),
    }
    let ids = getresuid().map_err(refused("getresuid"))?;
    let was_root = [ids.real, ids.effective, ids.saved].iter().any(|id| id.is_root());
    let to = match user {
        Some(user) => named(user)?,
        // A program that was made setuid root goes back to who started it.
        None if was_root && !ids.real.is_root() => who(ids.real, getgid()),
        None if was_root => instead_of_root()?,
        None => who(ids.real, getgid()),
    };
    if !was_root && to.uid != ids.real {
        return Err(PrivilegeError::NotRoot { user: user.unwrap_or_default().to_owned() });
    }

    prctl::set_no_new_privs().map_err(refused("no_new_privs"))?;
    // It needs CAP_SETPCAP, and without it the set gives nothing to a process that may gain no privileges.
    let _ = caps::clear(None, CapSet::Bounding);
    if was_root {
        // Groups first and the user last: each step needs what the next one gives up.
        let groups = setgroups(&[]).map_err(refused("setgroups"));
        let group = setresgid(to.gid, to.gid, to.gid).map_err(refused("setresgid"));
        // Who stays root gains nothing by a group, and in a container it may lack the right to leave them.
        if !to.uid.is_root() {
            groups.and(group)?;
        }
        setresuid(to.uid, to.uid, to.uid).map_err(refused("setresuid"))?;
    }
    for set in SETS {
        caps::clear(None, set).map_err(|e| PrivilegeError::Refused { step: "capset", why: e.to_string() })?;
    }
    verify(&to)?;
    let changed = was_root && !to.uid.is_root();
    Ok(Dropped { user: to.name, uid: to.uid.as_raw(), gid: to.gid.as_raw(), changed })
}

/// Asks the system whether it is so, and tries to have it back.
fn verify(to: &Who) -> Result<(), PrivilegeError> {
    use PrivilegeError::Remains;
    let ids = getresuid().map_err(refused("getresuid"))?;
    if [ids.real, ids.effective, ids.saved].iter().any(|id| *id != to.uid) {
        return Err(Remains("the user is another"));
    }
    if !to.uid.is_root() {
        let root = Uid::from_raw(0);
        if setresuid(root, root, root).is_ok() || nix::unistd::setuid(root).is_ok() {
            return Err(Remains("root could be had back"));
        }
    }
    for set in SETS {
        let left = caps::read(None, set).map_err(|e| PrivilegeError::Refused { step: "capget", why: e.to_string() })?;
        if !left.is_empty() {
            return Err(Remains("capabilities are left"));
        }
    }
    match prctl::get_no_new_privs() {
        Ok(true) => Ok(()),
        _ => Err(Remains("no_new_privs is not set")),
    }
}

/// A user and its group.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Who {
    name: Option<String>,
    uid: Uid,
    gid: Gid,
}

impl From<User> for Who {
    fn from(user: User) -> Who {
        Who { name: Some(user.name), uid: user.uid, gid: user.gid }
    }
}

/// The user of that number, in its own group; where the system does not know it, in the group given.
fn who(uid: Uid, gid: Gid) -> Who {
    match User::from_uid(uid) {
        Ok(Some(user)) => user.into(),
        _ => Who { name: None, uid, gid },
    }
}

/// The user that was named: a name, a number, or two numbers.
fn named(user: &str) -> Result<Who, PrivilegeError> {
    let unknown = || PrivilegeError::NoUser { user: user.to_owned() };
    if let Some(known) = User::from_name(user).ok().flatten() {
        return Ok(known.into());
    }
    if let Some((uid, gid)) = user.split_once(':') {
        let (uid, gid) = (uid.parse().map_err(|_| unknown())?, gid.parse().map_err(|_| unknown())?);
        return Ok(Who { name: None, uid: Uid::from_raw(uid), gid: Gid::from_raw(gid) });
    }
    let uid = user.parse().map_err(|_| unknown())?;
    User::from_uid(Uid::from_raw(uid)).ok().flatten().map(Who::from).ok_or_else(unknown)
}

/// Whom root becomes where nobody is named.
fn instead_of_root() -> Result<Who, PrivilegeError> {
    let number = |name: &str| env::var(name).ok()?.parse::<u32>().ok();
    if let Some(uid) = number("SUDO_UID").filter(|uid| *uid != 0) {
        return Ok(who(Uid::from_raw(uid), Gid::from_raw(number("SUDO_GID").filter(|gid| *gid != 0).unwrap_or(uid))));
    }
    if let Some(folder) = fs::metadata(".").ok().filter(|folder| folder.uid() != 0) {
        return Ok(who(Uid::from_raw(folder.uid()), Gid::from_raw(folder.gid())));
    }
    match User::from_name("nobody") {
        Ok(Some(nobody)) if !nobody.uid.is_root() => Ok(nobody.into()),
        _ => Ok(Who { name: None, uid: Uid::from_raw(NOBODY), gid: Gid::from_raw(NOBODY) }),
    }
}

/// Threads of this process; None where `/proc` does not tell.
fn threads() -> Option<u64> {
    let status: io::Result<String> = fs::read_to_string("/proc/self/status");
    status.ok()?.lines().find_map(|line| line.strip_prefix("Threads:")?.trim().parse().ok())
}

fn refused(step: &'static str) -> impl Fn(Errno) -> PrivilegeError {
    move |error| PrivilegeError::Refused { step, why: error.desc().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_names_numbers_or_two_numbers() {
        let root = named("root").unwrap();
        assert_eq!((root.name.as_deref(), root.uid.as_raw(), root.gid.as_raw()), (Some("root"), 0, 0));
        assert_eq!(named("0").unwrap(), root);
        let numbers = named("4711:4712").unwrap();
        assert_eq!((numbers.name, numbers.uid.as_raw(), numbers.gid.as_raw()), (None, 4711, 4712));
        for none in ["", "no-such-user", "4711", "1:", ":1", "a:b", "-1", "1:2:3"] {
            assert!(named(none).is_err(), "{none}");
        }
    }

    #[test]
    fn nothing_is_touched_where_there_are_threads() {
        let before = fs::read_to_string("/proc/thread-self/status").unwrap();
        let more = std::thread::spawn(|| drop_privileges(None));
        assert!(matches!(more.join().unwrap(), Err(PrivilegeError::Threads(2..))));
        let after = fs::read_to_string("/proc/thread-self/status").unwrap();
        let capabilities = |status: &str| status.lines().filter(|l| l.starts_with("Cap")).map(str::to_owned).collect();
        let (before, after): (Vec<String>, Vec<String>) = (capabilities(&before), capabilities(&after));
        assert_eq!(before, after);
    }
}

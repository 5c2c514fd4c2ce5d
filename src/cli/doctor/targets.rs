//! The policy, its rules, and the candidate's address.

use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Check, State};
use crate::cli::asking::named_or_here;
use crate::cli::rules::check::{Examined, Line, examine};
use crate::config::{Policy, Target};
use crate::verdict::words::counted;

/// How long all of a candidate's addresses may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(2);

/// Reads the policy that was named, or that lies here, and its rules: every mistake of both.
pub(super) fn policy(named: Option<&Path>) -> (Vec<Check>, Option<Policy>) {
    let Some(file) = named_or_here(named) else { return (Vec::new(), None) };
    let Examined { policy, of_policy, of_rules, rules, .. } = match examine(Some(&file), &[]) {
        Ok(examined) => examined,
        Err(error) => {
            return (vec![Check::fail("policy", error.to_string(), "name another, or correct its 'rules'")], None);
        }
    };
    let said = |name: &'static str, line: &Line| {
        let state = if line.is_mistake() { State::Fail } else { State::Warn };
        Check { state, ..Check::ok(name, line.text()) }
    };
    let mut checks: Vec<Check> = of_policy.iter().map(|line| said("policy", line)).collect();
    if checks.is_empty() {
        checks.push(Check::ok("policy", format!("{} is understood", file.display())));
    }
    checks.extend(of_rules.iter().map(|line| said("rules", line)));
    if of_rules.is_empty() {
        checks.push(Check::ok("rules", format!("{rules} in force, none expired")));
    }
    checks.extend(policy.as_ref().and_then(signatures));
    (checks, policy)
}

/// How much of the checklist is signed: the rest will keep every run from GO.
fn signatures(policy: &Policy) -> Option<Check> {
    const NAME: &str = "checklist";
    let open: Vec<&str> =
        policy.checklist.iter().filter(|item| item.signed.is_none()).map(|item| item.id.as_str()).collect();
    let all = policy.checklist.len();
    match (all, open.len()) {
        (0, _) => None,
        (_, 0) => Some(Check::ok(NAME, format!("{} signed", counted(all as u64, "item")))),
        (_, n) => Some(Check::warn(
            NAME,
            format!("{n} of {} not signed: {}", counted(all as u64, "item"), open.join(", ")),
            "by, evidence and on of each, before the cutover is decided",
        )),
    }
}

/// Whether the candidate can be reached, and is another than what is watched. A connection is opened and closed again;
/// nothing is sent.
pub(super) fn candidate(candidate: &Target, legacy: Option<&Target>, watched: &[SocketAddr]) -> Vec<Check> {
    const NAME: &str = "candidate";
    match known(NAME, candidate) {
        Ok(addresses) => {
            vec![same(candidate, &addresses, legacy, watched), reached(NAME, candidate, &addresses)]
        }
        Err(check) => vec![check],
    }
}

/// Whether the legacy that the policy names can be reached: a tee passes everything on to it.
pub(super) fn legacy(legacy: &Target) -> Check {
    const NAME: &str = "legacy";
    known(NAME, legacy).map_or_else(|check| check, |addresses| reached(NAME, legacy, &addresses))
}

/// The addresses of a target, or that it has none.
fn known(name: &'static str, target: &Target) -> Result<Vec<SocketAddr>, Check> {
    match addresses(target) {
        Ok(found) if !found.is_empty() => Ok(found),
        found => {
            let why = found.err().unwrap_or_else(|| "the name has no address".to_owned());
            Err(Check::fail(name, format!("{target}: {why}"), "is the name right, and known here?"))
        }
    }
}

fn reached(name: &'static str, target: &Target, addresses: &[SocketAddr]) -> Check {
    match accepts(addresses) {
        Ok(address) => Check::ok(name, format!("{target} accepts connections at {address}; nothing was sent")),
        Err(refused) => {
            let says = format!("{target} cannot be reached ({refused})");
            Check::fail(name, says, "is it running, and is there a way to it from here?")
        }
    }
}

/// The first address that accepts a connection, or what each of them said.
pub(super) fn accepts(addresses: &[SocketAddr]) -> Result<SocketAddr, String> {
    let deadline = Instant::now() + CONNECT;
    let mut refused = Vec::new();
    for (tried, address) in addresses.iter().enumerate() {
        // Each gets its share of what is left, so that a silent first does not hide a second that answers.
        let left =
            deadline.saturating_duration_since(Instant::now()) / u32::try_from(addresses.len() - tried).unwrap_or(1);
        match TcpStream::connect_timeout(address, left.max(Duration::from_millis(1))) {
            Ok(_) => return Ok(*address),
            Err(error) => refused.push(format!("{address}: {error}")),
        }
    }
    Err(refused.join("; "))
}

fn same(candidate: &Target, addresses: &[SocketAddr], legacy: Option<&Target>, watched: &[SocketAddr]) -> Check {
    const NAME: &str = "other address";
    const WAY_OUT: &str = "it would be compared with itself, and asked again for each of its own answers; name another";
    let is_legacy = |legacy: &Target| {
        legacy.is_same(candidate)
            || self::addresses(legacy).is_ok_and(|of| of.iter().any(|a| addresses.contains(a)))
                && legacy.base_path == candidate.base_path
    };
    if let Some(legacy) = legacy.filter(|legacy| is_legacy(legacy)) {
        return Check::fail(NAME, format!("the candidate {candidate} is the legacy {legacy}"), WAY_OUT);
    }
    let bare = |address: &SocketAddr| (plain(address.ip()), address.port());
    match watched.iter().find(|seen| addresses.iter().any(|own| bare(own) == bare(seen))) {
        Some(seen) => {
            Check::fail(NAME, format!("the candidate {candidate} is {seen}, which is what is watched"), WAY_OUT)
        }
        None => Check::ok(NAME, "the candidate is not what is watched"),
    }
}

/// An IPv4 address however it is written.
fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

pub(super) fn addresses(target: &Target) -> Result<Vec<SocketAddr>, String> {
    let found = (target.host.as_str(), target.port).to_socket_addrs().map_err(|error| error.to_string())?;
    Ok(found.collect())
}

//! The interfaces of this machine, as `-D` lists them.

use std::fmt;
use std::net::IpAddr;

/// Listens to every interface at once (pcap(3PCAP)); it is no interface of the system's.
pub(super) const ANY: &str = "any";

/// One interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Place in the list, from 1.
    pub number: usize,
    /// Its name, as `-i` takes it.
    pub name: String,
    /// The system's index of it; 0 for `any`.
    pub index: u32,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Whether it was brought up (IFF_UP).
    pub up: bool,
    /// Whether there is a carrier (IFF_RUNNING).
    pub running: bool,
    /// Whether it is the loopback.
    pub loopback: bool,
    /// In words, where there is more to say than the name.
    pub description: String,
}

/// Every interface of this network namespace in the system's order, and the pseudo-interface `any` at the end.
pub fn interfaces() -> Vec<Interface> {
    let mut found: Vec<Interface> = pnet::datalink::interfaces()
        .into_iter()
        .map(|i| Interface {
            number: 0,
            index: i.index,
            addresses: i.ips.iter().map(|network| network.ip()).collect(),
            up: i.is_up(),
            running: i.is_running(),
            loopback: i.is_loopback(),
            description: i.description,
            name: i.name,
        })
        .collect();
    found.push(Interface {
        number: 0,
        name: ANY.to_owned(),
        index: 0,
        addresses: Vec::new(),
        up: true,
        running: true,
        loopback: false,
        description: "every interface at once, never promiscuous".to_owned(),
    });
    for (at, interface) in found.iter_mut().enumerate() {
        interface.number = at + 1;
    }
    found
}

/// The interface of that name, as it is now.
pub(super) fn named(name: &str) -> Option<Interface> {
    interfaces().into_iter().find(|interface| interface.name == name)
}

/// The names that can be given to `-i`, in words.
pub(super) fn names() -> String {
    interfaces().iter().map(|interface| interface.name.as_str()).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Interface {
    /// One line as `tcpdump -D` has it, with the addresses behind: `1.eth0 [Up, Running] 10.0.0.1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = [(self.up, "Up"), (self.running, "Running"), (self.loopback, "Loopback")];
        let flags: Vec<&str> = flags.into_iter().filter_map(|(is, word)| is.then_some(word)).collect();
        write!(f, "{}.{}", self.number, self.name)?;
        if !self.description.is_empty() {
            write!(f, " ({})", self.description)?;
        }
        write!(f, " [{}]", if flags.is_empty() { "Down".to_owned() } else { flags.join(", ") })?;
        for address in &self.addresses {
            write!(f, " {address}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_there_and_any_comes_last() {
        let all = interfaces();
        assert_eq!(all.iter().map(|i| i.number).collect::<Vec<_>>(), (1..=all.len()).collect::<Vec<_>>());
        let loopback = all.iter().find(|i| i.loopback).unwrap();
        assert_eq!(named(&loopback.name).as_ref(), Some(loopback));
        assert_eq!(all.last().map(|i| i.name.as_str()), Some(ANY));
        assert!(named("no-such-one").is_none());
        assert!(names().contains(&format!("{}, ", loopback.name)));
    }

    #[test]
    fn a_line_is_as_tcpdump_has_it() {
        let mut one = Interface {
            number: 1,
            name: "eth0".into(),
            index: 2,
            addresses: vec!["10.0.0.1".parse().unwrap()],
            up: true,
            running: true,
            loopback: false,
            description: String::new(),
        };
        assert_eq!(one.to_string(), "1.eth0 [Up, Running] 10.0.0.1");
        (one.up, one.running, one.description) = (false, false, "the mirror port".into());
        assert_eq!(one.to_string(), "1.eth0 (the mirror port) [Down] 10.0.0.1");
    }
}

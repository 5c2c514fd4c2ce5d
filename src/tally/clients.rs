//! How mismatches lie on clients, in bounded memory: counts by endpoint number and group of clients.
//!
//! A group is the beginning of the SHA-256 of a client's address (of its /64, which is one subscriber, where that is
//! IPv6), or of the value of the header that the policy names. As long as clients are few, each has a group of its own; where many share one, a group is a random part of
//! them, and what the spread between groups says of the spread between clients is less sharp but not wrong (Wolter,
//! "Introduction to Variance Estimation", chapter 2: random groups). So there is nothing to evict, tallies merge by
//! adding up, and neither an address nor a
//! value is kept.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::config::ClientMark;
use crate::exchange::{Endpoint, Exchange};

/// Groups that clients fall into.
pub const CLIENT_GROUPS: u16 = 1 << GRAINS;
/// How often their number can be halved.
pub(crate) const GRAINS: u8 = 12;
/// Past so many counts two groups each become one, for all endpoints, and again. One group a number always fits.
pub const MAX_CLIENT_COUNTS: usize = 1 << 16;

/// What was compared of one group of clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Share {
    pub(crate) compared: u64,
    pub(crate) mismatched: u64,
}

impl Share {
    pub(crate) fn add(&mut self, more: Share) {
        self.compared += more.compared;
        self.mismatched += more.mismatched;
    }
}

/// Counts by a key, which is an endpoint number or a day, and group.
#[derive(Debug, Clone)]
pub(crate) struct Clients<K = u32> {
    counts: BTreeMap<(K, u16), Share>,
    /// How often the number of groups was halved; so many low bits of a group are 0.
    grain: u8,
}

impl<K> Default for Clients<K> {
    fn default() -> Self {
        Clients { counts: BTreeMap::new(), grain: 0 }
    }
}

impl<K: Ord + Copy> Clients<K> {
    /// Counts one exchange whose two answers say whether they agree.
    pub(super) fn count(&mut self, key: K, group: u16, mismatched: bool) {
        self.add(key, group, 0, Share { compared: 1, mismatched: u64::from(mismatched) });
    }

    /// Puts one in that was counted when the groups had been halved so often.
    pub(crate) fn add(&mut self, key: K, group: u16, grain: u8, share: Share) {
        if grain > self.grain {
            self.coarsen_to(grain.min(GRAINS));
        }
        self.counts.entry((key, coarse(group, self.grain))).or_default().add(share);
        while self.counts.len() > MAX_CLIENT_COUNTS && self.grain < GRAINS {
            self.coarsen_to(self.grain + 1);
        }
    }

    pub(super) fn merge(&mut self, other: Clients<K>) {
        for ((key, group), share) in other.counts {
            self.add(key, group, other.grain, share);
        }
    }

    /// By key and group.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (K, u16, Share)> {
        self.counts.iter().map(|((key, group), share)| (*key, *group, *share))
    }

    /// How often the number of groups was halved.
    pub(crate) fn grain(&self) -> u8 {
        self.grain
    }

    /// The same counts under other keys.
    pub(super) fn renumbered(self, number: impl Fn(K) -> K) -> Clients<K> {
        let mut clients = Clients { counts: BTreeMap::new(), grain: self.grain };
        for ((key, group), share) in self.counts {
            clients.add(number(key), group, self.grain, share);
        }
        clients
    }

    fn coarsen_to(&mut self, grain: u8) {
        self.grain = grain;
        for ((key, group), share) in std::mem::take(&mut self.counts) {
            self.counts.entry((key, coarse(group, grain))).or_default().add(share);
        }
    }
}

fn coarse(group: u16, grain: u8) -> u16 {
    group >> grain << grain
}

/// The group of clients that an exchange belongs to, by what the policy says makes a client.
pub(super) fn group_of(mark: &ClientMark, exchange: &Exchange) -> u16 {
    let named = match mark {
        ClientMark::Address => None,
        ClientMark::Header(name) => exchange.request.as_ref().and_then(|request| request.headers.get(name)),
    };
    match named.map(<[u8]>::trim_ascii).filter(|value| !value.is_empty()) {
        Some(value) => group_of_digest(Sha256::digest(value).into()),
        None => group_of_address(exchange.client.ip()),
    }
}

/// The group that an address falls into, on every machine and in every run.
fn group_of_address(client: IpAddr) -> u16 {
    group_of_digest(match client.to_canonical() {
        IpAddr::V4(address) => Sha256::digest(address.octets()).into(),
        IpAddr::V6(address) => Sha256::digest(&address.octets()[..8]).into(),
    })
}

fn group_of_digest(digest: [u8; 32]) -> u16 {
    u16::from_be_bytes([digest[0], digest[1]]) >> (16 - GRAINS)
}

/// What was compared of each group of clients, by endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientGroups(BTreeMap<Endpoint, BTreeMap<u16, Share>>);

impl ClientGroups {
    /// Under the endpoints that the numbers have become.
    pub(super) fn of(clients: &Clients, endpoint: impl Fn(u32) -> Endpoint) -> ClientGroups {
        let mut groups = ClientGroups::default();
        for (number, group, share) in clients.iter() {
            groups.0.entry(endpoint(number)).or_default().entry(group).or_default().add(share);
        }
        groups
    }

    /// Of what was compared of each group of an endpoint's clients, and how much of that mismatched.
    pub fn from_counts(counts: impl IntoIterator<Item = (Endpoint, u16, (u64, u64))>) -> ClientGroups {
        let mut groups = ClientGroups::default();
        for (endpoint, group, (compared, mismatched)) in counts {
            groups.0.entry(endpoint).or_default().entry(group).or_default().add(Share { compared, mismatched });
        }
        groups
    }

    /// How mismatches lie on the clients of these endpoints together: a client of two of them is one.
    pub fn over<'a>(&self, endpoints: impl IntoIterator<Item = &'a Endpoint>) -> Clustering {
        together(endpoints.into_iter().filter_map(|endpoint| self.0.get(endpoint)))
    }

    /// Of all endpoints.
    pub fn all(&self) -> Clustering {
        together(self.0.values())
    }
}

fn together<'a>(endpoints: impl Iterator<Item = &'a BTreeMap<u16, Share>>) -> Clustering {
    let mut all: BTreeMap<u16, Share> = BTreeMap::new();
    for (group, share) in endpoints.flatten() {
        all.entry(*group).or_default().add(*share);
    }
    Clustering::of(all.into_values())
}

/// How mismatches lie on groups of clients, as the sums that a design effect is made of.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Clustering {
    /// Groups of clients (single clients as long as these are few) of which something was compared.
    pub clients: u64,
    /// Of these, those with a mismatch.
    pub with_mismatch: u64,
    /// Exchanges of all of them whose two answers say whether they agree.
    pub compared: u64,
    /// Of these, mismatched.
    pub mismatched: u64,
    /// Mismatches of the one that has the most.
    pub most_mismatched: u64,
    /// The sum of compared squared.
    pub compared_squared: f64,
    /// The sum of mismatched squared.
    pub mismatched_squared: f64,
    /// The sum of compared times mismatched.
    pub product: f64,
    /// The sum of k (k - 1) / (n - 1): for each mismatch, the share of its client's other requests that mismatch too.
    pub within: f64,
}

/// Parts of 1 that the quotients of [`Clustering::within`] are counted in.
const PARTS: u128 = 1 << 40;

impl Clustering {
    /// Of these groups.
    pub(crate) fn of(groups: impl IntoIterator<Item = Share>) -> Clustering {
        let mut all = Clustering::default();
        // Whole numbers until the end: however they are added up, the sum is the same.
        let (mut nn, mut kk, mut nk, mut within) = (0_u128, 0_u128, 0_u128, 0_u128);
        for Share { compared, mismatched } in groups {
            let (n, k) = (u128::from(compared), u128::from(mismatched));
            all.clients += 1;
            all.with_mismatch += u64::from(mismatched > 0);
            all.compared += compared;
            all.mismatched += mismatched;
            all.most_mismatched = all.most_mismatched.max(mismatched);
            nn += n * n;
            kk += k * k;
            nk += n * k;
            // Where n is 1 there is nothing else of that client. Within 128 bits up to 2^43 mismatches of one client.
            within =
                within.saturating_add((k * k.saturating_sub(1)).saturating_mul(PARTS) / n.saturating_sub(1).max(1));
        }
        Clustering {
            compared_squared: nn as f64,
            mismatched_squared: kk as f64,
            product: nk as f64,
            within: within as f64 / PARTS as f64,
            ..all
        }
    }

    /// Of clients by what was compared of each, and how much of that mismatched.
    pub fn from_counts(clients: impl IntoIterator<Item = (u64, u64)>) -> Clustering {
        Clustering::of(clients.into_iter().map(|(compared, mismatched)| Share { compared, mismatched }))
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn address(n: u32) -> IpAddr {
        Ipv4Addr::from(0x0a00_0000 + n).into()
    }

    fn shown(clients: &Clients) -> Vec<(u32, u16, u64, u64)> {
        clients.iter().map(|(endpoint, group, s)| (endpoint, group, s.compared, s.mismatched)).collect()
    }

    #[test]
    fn a_group_is_the_beginning_of_the_digest_of_an_address() {
        // printf '\x0a\x00\x00\x07' | sha256sum
        assert_eq!(group_of_address(Ipv4Addr::new(10, 0, 0, 7).into()), 0x9e2);
        let mapped = Ipv4Addr::new(10, 0, 0, 7).to_ipv6_mapped();
        assert_eq!(group_of_address(mapped.into()), 0x9e2, "the same client through another socket");
        let of = |text: &str| group_of_address(text.parse::<Ipv6Addr>().unwrap().into());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:aaaa:bbbb:cccc:dddd"), "one subscriber");
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        let mut seen: Vec<u16> = (0..100).map(|n| group_of_address(address(n))).collect();
        seen.sort_unstable();
        seen.dedup();
        assert!(seen.len() >= 95 && seen.iter().all(|group| *group < CLIENT_GROUPS), "{}", seen.len());
    }

    #[test]
    fn a_header_that_the_policy_names_makes_the_client() {
        let by = |name: &str| ClientMark::Header(name.to_owned());
        let mut exchange = crate::tally::invented::Invented::new(0, 0).exchange();
        let address = group_of(&ClientMark::Address, &exchange);
        assert_eq!(group_of(&by("x-user"), &exchange), address, "it has none");
        exchange.request.as_mut().unwrap().headers.push("X-User", b" ada ");
        // printf ada | sha256sum
        assert_eq!(group_of(&by("x-user"), &exchange), 0xfde);
        assert_eq!(group_of(&ClientMark::Address, &exchange), address);
        exchange.request.as_mut().unwrap().headers.push("X-Empty", b"  ");
        assert_eq!(group_of(&by("x-empty"), &exchange), address);
        exchange.request = None;
        assert_eq!(group_of(&by("x-user"), &exchange), address);
    }

    #[test]
    fn past_the_bound_groups_are_put_together_and_the_order_does_not_show() {
        let all: Vec<(u32, IpAddr, bool)> =
            (0..300_000_u32).map(|n| (n % 101, address(n / 7), n.is_multiple_of(13))).collect();
        let counted = |some: &[(u32, IpAddr, bool)]| {
            let mut clients = Clients::default();
            for (endpoint, client, mismatched) in some {
                clients.count(*endpoint, group_of_address(*client), *mismatched);
                assert!(clients.counts.len() <= MAX_CLIENT_COUNTS);
            }
            clients
        };
        let together = counted(&all);
        assert!(together.grain() > 0, "the test is of what happens past the bound");
        let mut merged = counted(&all[200_000..]);
        merged.merge(counted(&all[..70_000]));
        merged.merge(counted(&all[70_000..200_000]));
        assert_eq!((shown(&merged), merged.grain()), (shown(&together), together.grain()));
        let sum = together.iter().fold((0, 0), |sum, (_, _, s)| (sum.0 + s.compared, sum.1 + s.mismatched));
        assert_eq!(sum, (300_000, 300_000 / 13 + 1));
    }

    #[test]
    fn a_client_of_two_endpoints_is_one() {
        let mut clients = Clients::default();
        for (number, group, compared, mismatched) in
            [(0, 3, 94, 4), (0, 9, 7, 1), (1, 3, 6, 6), (1, 5, 50, 0), (2, 3, 9, 9)]
        {
            clients.add(number, group, 0, Share { compared, mismatched });
        }
        let endpoint = |n: u32| Endpoint { method: "GET".into(), template: format!("/{n}") };
        let groups = ClientGroups::of(&clients, endpoint);
        let both = groups.over([&endpoint(0), &endpoint(1), &endpoint(7)]);
        assert_eq!(both, Clustering::from_counts([(100, 10), (50, 0), (7, 1)]));
        assert_eq!(groups.all(), Clustering::from_counts([(109, 19), (50, 0), (7, 1)]));
    }

    #[test]
    fn the_sums_are_those_of_the_groups() {
        let clustering = Clustering::from_counts([(100, 10), (50, 0), (7, 1)]);
        let expected = Clustering {
            clients: 3,
            with_mismatch: 2,
            compared: 157,
            mismatched: 11,
            most_mismatched: 10,
            compared_squared: 12_549.0,
            mismatched_squared: 101.0,
            product: 1_007.0,
            within: 10.0 * 9.0 / 99.0,
        };
        assert!((clustering.within - expected.within).abs() < 1e-11, "{}", clustering.within);
        assert_eq!(Clustering { within: expected.within, ..clustering }, expected);
    }
}

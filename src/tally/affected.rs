//! How many clients see a group of differences, in bounded memory.
//!
//! Linear counting (Whang, Vander-Zanden, Taylor: "A linear-time probabilistic counting algorithm for database
//! applications", 1990): each client has one bit of many by its digest, and how many bits stay empty says how many clients
//! there are. Few clients are counted nearly exactly; it merges by the bits of both, whatever the order.

use super::clients::CLIENT_GROUPS;

/// Bytes of the bits: with 1,024 of them the standard error stays below 3 % up to a thousand clients, and below 10 % up to
/// four thousand.
const AFFECTED_BYTES: usize = 128;
/// Groups of clients a bit.
const GROUPS_A_BIT: u16 = CLIENT_GROUPS / (AFFECTED_BYTES as u16 * 8);

/// Which bits have a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Affected([u8; AFFECTED_BYTES]);

impl Default for Affected {
    fn default() -> Self {
        Affected([0; AFFECTED_BYTES])
    }
}

impl Affected {
    /// Of what was kept; None where it is no such thing.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Affected> {
        bytes.try_into().ok().map(Affected)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// A client, by the group that it falls into.
    pub(super) fn add(&mut self, group: u16) {
        let bit = usize::from(group / GROUPS_A_BIT) % (AFFECTED_BYTES * 8);
        if let Some(byte) = self.0.get_mut(bit / 8) {
            *byte |= 1 << (bit % 8);
        }
    }

    pub(crate) fn merge(&mut self, other: &Affected) {
        for (ours, theirs) in self.0.iter_mut().zip(other.0) {
            *ours |= theirs;
        }
    }

    /// About how many clients; None where none was noted. Where no bit is left empty it is the largest number that can be
    /// told.
    pub(super) fn estimate(&self) -> Option<u64> {
        let all = (AFFECTED_BYTES * 8) as f64;
        let set: u32 = self.0.iter().map(|byte| byte.count_ones()).sum();
        let empty = (all - f64::from(set)).max(1.0);
        (set > 0).then(|| (-all * (empty / all).ln()).round() as u64)
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    fn group(client: u32) -> u16 {
        let digest = Sha256::digest(client.to_be_bytes());
        u16::from_be_bytes([digest[0], digest[1]]) >> (16 - CLIENT_GROUPS.trailing_zeros())
    }

    fn of(clients: impl Iterator<Item = u32>) -> Affected {
        let mut affected = Affected::default();
        clients.for_each(|client| affected.add(group(client)));
        affected
    }

    #[test]
    fn so_many_clients_are_about_so_many() {
        assert_eq!(of(0..0).estimate(), None);
        for (clients, room) in [(1, 0.0), (2, 0.0), (10, 0.1), (100, 0.1), (1_000, 0.1), (4_000, 0.15)] {
            let told = of(0..clients).estimate().unwrap() as f64;
            let truth = f64::from(clients);
            assert!((told - truth).abs() <= room * truth, "{told} for {clients}");
        }
        let most = of(0..1_000_000).estimate().unwrap();
        assert_eq!(most, 7_098, "1,024 ln 1,024: no more can be told");
    }

    #[test]
    fn clients_seen_twice_are_one_and_parts_make_the_whole() {
        let whole = of((0..500).chain(200..300));
        let mut parts = of(100..500);
        parts.merge(&of(0..250));
        assert_eq!(parts, whole);
        assert_eq!(Affected::from_bytes(whole.bytes()), Some(whole));
        assert_eq!(Affected::from_bytes(&[1, 2]), None);
    }
}

//! Bodies that are neither JSON nor text: equal or not, shown by digest and length.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::exchange::{Difference, DifferenceKind, Location};

/// Bytes of the digest that are shown; enough to tell two bodies apart by eye, and to find one again.
const SHOWN: usize = 8;

/// The one difference of two bodies that are not the same bytes.
pub fn diff(legacy: &[u8], candidate: &[u8]) -> Option<Difference> {
    (legacy != candidate).then(|| Difference {
        at: Location::Body,
        kind: DifferenceKind::Value,
        legacy: Some(digest(legacy)),
        candidate: Some(digest(candidate)),
        rule: None,
    })
}

/// `sha256:2cf24dba5fb0a30e… 5 bytes`
pub fn digest(body: &[u8]) -> String {
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(body).iter().take(SHOWN) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    let _ = write!(text, "… {} bytes", body.len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_bytes_are_one_difference_shown_by_digest_and_length() {
        assert_eq!(diff(b"\0same", b"\0same"), None);
        let found = diff(b"hello", b"").unwrap();
        assert_eq!((found.at, found.kind), (Location::Body, DifferenceKind::Value));
        assert_eq!(found.legacy.as_deref(), Some("sha256:2cf24dba5fb0a30e… 5 bytes"));
        assert_eq!(found.candidate.as_deref(), Some("sha256:e3b0c44298fc1c14… 0 bytes"));
    }
}

//! The key of a run, and the marks made with it.

use std::ffi::OsStr;
use std::fmt::{self, Write};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The environment variable that holds a key, so that runs can be merged and repeated. It is never written anywhere.
pub const KEY_VARIABLE: &str = "TAPCOMPARE_REDACTION_KEY";
/// Bytes that a given key must have: a short one can be tried out.
pub const MIN_KEY: usize = 16;
/// Bytes of the hash that a mark shows: among a million secrets two share a mark in one run of two.
const SHOWN: usize = 5;
/// Bytes of a body's digest that are shown.
const SHOWN_DIGEST: usize = 8;

/// The key of the hashes (HMAC-SHA-256, RFC 2104). It is held in memory alone.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The system gives no random bytes.
    #[error("the system gives no random bytes for the key of the redaction: {0}; set {KEY_VARIABLE}")]
    NoRandom(getrandom::Error),
    /// The given key is too short.
    #[error("{KEY_VARIABLE} has fewer than {MIN_KEY} bytes, which can be guessed; make one with: openssl rand -hex 32")]
    Short,
}

impl Key {
    /// A key for one run.
    ///
    /// # Errors
    /// [`KeyError::NoRandom`].
    pub fn random() -> Result<Key, KeyError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(KeyError::NoRandom)?;
        Ok(Key::of(&bytes))
    }

    /// The key that was given, in the value of [`KEY_VARIABLE`]; a random one where none or an empty one was.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn given(value: Option<&OsStr>) -> Result<Key, KeyError> {
        match value.map(OsStr::as_encoded_bytes) {
            None | Some(b"") => Key::random(),
            Some(bytes) if bytes.len() < MIN_KEY => Err(KeyError::Short),
            Some(bytes) => Ok(Key::of(bytes)),
        }
    }

    fn of(bytes: &[u8]) -> Key {
        // HMAC takes keys of every length, so this cannot fail; without a key nothing would be hidden.
        Key(Hmac::new_from_slice(bytes).unwrap_or_else(|_| unreachable!("HMAC takes keys of every length")))
    }

    /// What stands in the place of a secret: `[redacted:3f2a9c1b04]`. It holds no character that JSON, CSV, a JSON Pointer
    /// or a terminal would take for its own, and has no shape of a secret.
    pub fn mark(&self, secret: &[u8]) -> String {
        format!("[redacted:{}]", self.hash(secret, SHOWN))
    }

    /// What stands in the place of a number in JSON, where the mark is a string.
    pub(super) fn mark_of_number(&self, lexeme: &[u8]) -> String {
        format!("\"[redacted number:{}]\"", self.hash(lexeme, SHOWN))
    }

    /// A body that is shown by digest: `hmac:2cf24dba5fb0a30e… 5 bytes`. A bare digest of a short body could be found again
    /// by trying.
    pub fn digest(&self, body: &[u8]) -> String {
        format!("hmac:{}… {} bytes", self.hash(body, SHOWN_DIGEST), body.len())
    }

    fn hash(&self, bytes: &[u8], shown: usize) -> String {
        let mut mac = self.0.clone();
        mac.update(bytes);
        let mut text = String::with_capacity(2 * shown);
        for byte in mac.finalize().into_bytes().iter().take(shown) {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(not shown)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_hmac_sha_256() {
        // RFC 4231, test case 2, whose key is too short to be given.
        let key = Key::of(b"Jefe");
        assert_eq!(key.mark(b"what do ya want for nothing?"), "[redacted:5bdcc146bf]");
        assert_eq!(key.digest(b"what do ya want for nothing?"), "hmac:5bdcc146bf60754e… 28 bytes");
    }

    #[test]
    fn a_given_key_repeats_and_a_random_one_does_not() {
        let given = |text: &str| Key::given(Some(OsStr::new(text)));
        let marks =
            [given("0123456789abcdef"), given("0123456789abcdef"), given("0123456789abcdeg"), given(""), given("")];
        let [a, b, c, d, e] = marks.map(|key| key.unwrap().mark(b"secret"));
        assert_eq!(a, b);
        assert!(a != c && a != d && d != e && c != d);
        assert!(matches!(given("too short"), Err(KeyError::Short)));
        assert_eq!(format!("{:?}", given("0123456789abcdef").unwrap()), "Key(not shown)");
    }
}

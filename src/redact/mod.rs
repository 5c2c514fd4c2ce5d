//! Secrets do not leave memory: what is shown, stored or logged of an exchange has marks where its secrets stood.
//!
//! A mark is a keyed hash ([`Key`]): the same secret has the same mark on both sides and in every exchange of a run, so
//! that two texts still differ where they differed, and nobody without the key can try passwords on it. Comparing works
//! on the real values; only who shows something asks this room.
//!
//! What is a secret is told in three ways, and each finds what the others cannot:
//!
//! - by name (`names`): the value of `password`, of a cookie, of `Authorization`, in header fields, targets, JSON, forms,
//!   multipart bodies, markup;
//! - by shape (`shapes`): card numbers, JWTs, e-mail addresses, private keys, and in targets long opaque tokens;
//! - by value (`secrets`): what is a secret by its name anywhere in the exchange is one wherever else it stands, also
//!   percent-encoded, escaped as JSON or HTML, or inside of base64.
//!
//! Texts are searched as they are and with their escapes undone (`view`). Searching gives ranges (`spans`), so that a
//! part can be cut out of a text without cutting through a secret.

mod form;
mod headers;
mod json;
mod key;
mod markup;
mod multipart;
mod names;
mod redactor;
mod secrets;
pub mod shapes;
mod spans;
mod veil;
mod view;

pub use key::{KEY_VARIABLE, Key, KeyError, MIN_KEY};
pub use redactor::{RedactError, Redactor};
pub use secrets::{MAX_SECRETS, MIN_REFLECTED};
pub use spans::Hidden;
pub use veil::{MAX_REDACTED, Text, Veil};

//! What an OpenAPI document says of the legacy: its operations, and the status codes that it documents for each.
//!
//! Of a document only these are read, and strictly; the rest of it (schemas, examples, security) is passed over. A run
//! file keeps them behind the policy's text, so that what is judged later does not hang on a file that has moved on.

mod document;
mod kept;

pub(super) use document::Named;
pub(super) use kept::{behind, take};

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::exchange::EndpointPattern;

/// Largest OpenAPI document.
pub const MAX_DOCUMENT: u64 = 16 << 20;

/// The operations of an OpenAPI document (3.0 or 3.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenApi {
    /// The document, as the policy names it.
    pub file: String,
    /// Its operations, the narrowest first: concrete paths before templated ones (OpenAPI 3.1.1, section 4.8.8.2). At
    /// most [`super::MAX_TEMPLATES`].
    pub operations: Vec<Operation>,
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Method and path, the server's base path included.
    pub endpoint: EndpointPattern,
    /// The status codes that are documented for it; may be empty.
    pub statuses: BTreeSet<DocumentedStatus>,
}

/// A status code in a document: `200`, `4XX`, `default`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DocumentedStatus {
    /// One code, from 100 to 599.
    Code(u16),
    /// All of one class, from 1 to 5, that have no entry of their own.
    Class(u16),
    /// All that have no other entry.
    Default,
}

impl Operation {
    /// Whether an answer with that status is documented.
    pub fn documents(&self, status: u16) -> bool {
        self.statuses.iter().any(|documented| match documented {
            DocumentedStatus::Code(code) => *code == status,
            DocumentedStatus::Class(class) => *class == status / 100,
            DocumentedStatus::Default => true,
        })
    }
}

impl fmt::Display for DocumentedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DocumentedStatus::Code(code) => write!(f, "{code}"),
            DocumentedStatus::Class(class) => write!(f, "{class}XX"),
            DocumentedStatus::Default => f.write_str("default"),
        }
    }
}

impl FromStr for DocumentedStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<DocumentedStatus, String> {
        let code = |text: &str| text.parse().ok().filter(|code| (100..=599).contains(code) && text.len() == 3);
        let class = |text: &str| text.strip_suffix("XX").and_then(|class| code(&format!("{class}00")));
        match text {
            "default" => Ok(DocumentedStatus::Default),
            _ => code(text)
                .map(DocumentedStatus::Code)
                .or_else(|| class(text).map(|class| DocumentedStatus::Class(class / 100)))
                .ok_or_else(|| format!("'{text}' is no status code; write '200', '4XX' or 'default'")),
        }
    }
}

#[cfg(test)]
mod tests;

//! What an exchange is counted under.

use std::fmt;

use serde::{Serialize, Serializer};

/// A method and a path template, shown as `GET /orders/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The method, in the case of the request.
    pub method: String,
    /// The path with its variable segments in braces, without query.
    pub template: String,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.template)
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

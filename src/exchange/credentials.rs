//! The header fields that say who asks.

/// Header fields of a request that are credentials, in lower case: what `credentials: strip` keeps from a candidate, and
/// whose values never leave memory. (Proxy-Authorization is meant for the next hop, so it never goes out.) Credentials in
/// the query or in the body are part of the question and are not stripped.
pub const CREDENTIAL_HEADERS: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "cookie",
    "cookie2",
    "x-api-key",
    "api-key",
    "apikey",
    "x-apikey",
    "x-auth-token",
    "x-access-token",
    "x-session-token",
    "x-amz-security-token",
    "x-goog-api-key",
];

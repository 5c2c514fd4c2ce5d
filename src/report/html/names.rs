//! Names of places on the page, for links and for what a script finds again: a digest of what they are of, since that is
//! captured text.

use sha2::{Digest, Sha256};

use crate::exchange::{Endpoint, Failure};
use crate::tally::DifferenceGroup;

/// Hexadecimal digits: of 10,000 names two are the same in one of 20 million pages.
const DIGITS: usize = 12;

fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let mut text: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    text.truncate(DIGITS);
    text
}

/// Where one endpoint is shown by itself.
pub(super) fn endpoint(endpoint: &Endpoint) -> String {
    format!("e-{}", digest(&[&endpoint.method, &endpoint.template]))
}

/// Where a way of failing is.
pub(super) fn failure(endpoint: &Endpoint, failure: Failure) -> String {
    format!("f-{}", digest(&[&endpoint.method, &endpoint.template, failure.as_str()]))
}

/// Where a group of differences is.
pub(super) fn group(group: &DifferenceGroup) -> String {
    let Endpoint { method, template } = &group.endpoint;
    format!("g-{}", digest(&[method, template, &group.place, group.kind.as_str(), group.class.as_str()]))
}

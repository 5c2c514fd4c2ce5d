//! A share of the clients or sessions, each whole: all of its requests, or none.
//!
//! What decides is the key alone: the first eight bytes of its SHA-256, as a big-endian number, are below the share of
//! 2^64 or not. So the same clients are asked about in every run, on every machine, and anybody can tell which:
//! `printf 10.0.0.7 | sha256sum` begins with `130e4dab`, which is 7.4 % of the way, so that client is in a sample of 10 %.

use sha2::{Digest, Sha256};

use crate::config::{Sample, SampleBy};
use crate::exchange::{Exchange, Request};

/// Whether the exchange belongs to a client or session that is in the sample.
pub(super) fn holds(sample: &Sample, exchange: &Exchange) -> bool {
    let named = exchange.request.as_ref().and_then(|request| named(&sample.by, request));
    match named {
        Some(key) => is_in(key, sample.share),
        // To leave out all who have no session would leave out the first request of each session, and all machines.
        None => is_in(exchange.client.ip().to_canonical().to_string().as_bytes(), sample.share),
    }
}

/// The value that the request gives for its session, if it has one.
fn named<'a>(by: &SampleBy, request: &'a Request) -> Option<&'a [u8]> {
    let value = match by {
        SampleBy::Client => None,
        SampleBy::Header(name) => request.headers.get(name),
        SampleBy::Cookie(name) => {
            request.headers.get_all("cookie").find_map(|cookies| cookie(cookies, name.as_bytes()))
        }
    };
    value.map(<[u8]>::trim_ascii).filter(|value| !value.is_empty())
}

/// The value of a cookie (RFC 6265, section 4.2.1: pairs behind semicolons, names with their case).
fn cookie<'a>(cookies: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    cookies.split(|b| *b == b';').find_map(|pair| {
        let pair = pair.trim_ascii();
        pair.strip_prefix(name)?.strip_prefix(b"=")
    })
}

/// Whether the key's number is below that share of all numbers. All are below 1.
fn is_in(key: &[u8], share: f64) -> bool {
    let digest: [u8; 32] = Sha256::digest(key).into();
    let first = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    (first as f64) < share * 2_f64.powi(64) || share >= 1.0
}

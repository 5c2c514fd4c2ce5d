//! The shop: a legacy monolith, and a candidate with known defects.
//!
//! Two implementations of one contract over the same made-up data, in process, on loopback ports that the system
//! chooses. The legacy is what `captures/shop.pcap` was recorded from; the candidate is what that capture is asked
//! again of. The candidate is written in another style on purpose: other member order, other white space, `12.50` for
//! `12.5`, escapes for what is not ASCII, another content coding, other header case. None of that is a difference. What
//! is one can be switched on by name: see [`Defect::ALL`].
//!
//! Nothing here has state: a POST answers what it would have stored, so that every request has one right answer,
//! however often and in whatever order it is asked.

mod ask;
mod candidate;
mod data;
mod defect;
mod dice;
mod legacy;
mod reply;
mod server;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

pub use defect::{Defect, DefectError, Defects, Expected, Place};
pub use server::Shop;

/// A loopback address whose port the system chooses.
const ANY_LOOPBACK_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Starts the legacy monolith on a free loopback port of the running tokio runtime.
///
/// # Errors
/// Where no port can be bound.
pub async fn legacy() -> io::Result<Shop> {
    serve_on(ANY_LOOPBACK_PORT).await
}

/// Starts the legacy monolith on a given address, as the recording of the capture needs it.
///
/// # Errors
/// Where the address cannot be bound.
pub async fn serve_on(address: SocketAddr) -> io::Result<Shop> {
    server::start(address, server::Style::Monolith, legacy::answer).await
}

/// Starts the candidate on a free loopback port of the running tokio runtime.
///
/// # Errors
/// Where no port can be bound.
pub async fn candidate(defects: Defects) -> io::Result<Shop> {
    candidate_on(ANY_LOOPBACK_PORT, defects).await
}

/// Starts the candidate on a given address.
///
/// # Errors
/// Where the address cannot be bound.
pub async fn candidate_on(address: SocketAddr, defects: Defects) -> io::Result<Shop> {
    let answer = move |ask: &ask::Ask| candidate::answer(ask, &defects);
    server::start(address, server::Style::Service, answer).await
}

//! The PROXY protocol's line (version 1, <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>, section 2.1): it
//! tells the legacy who connected to the tee, where the legacy is set to read it.

use std::net::{IpAddr, SocketAddr};

/// The line for a connection from `client` to `here`.
pub(super) fn preface(client: SocketAddr, here: SocketAddr) -> String {
    let (from, to) = (client.ip().to_canonical(), here.ip().to_canonical());
    let family = match (from, to) {
        (IpAddr::V4(_), IpAddr::V4(_)) => "TCP4",
        (IpAddr::V6(_), IpAddr::V6(_)) => "TCP6",
        _ => return "PROXY UNKNOWN\r\n".to_owned(),
    };
    format!("PROXY {family} {from} {to} {} {}\r\n", client.port(), here.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_both_ends_in_their_family() {
        let line = |from: &str, to: &str| preface(from.parse().unwrap(), to.parse().unwrap());
        assert_eq!(line("192.0.2.1:56324", "192.0.2.9:443"), "PROXY TCP4 192.0.2.1 192.0.2.9 56324 443\r\n");
        assert_eq!(line("[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.9]:2"), "PROXY TCP4 192.0.2.1 192.0.2.9 1 2\r\n");
        assert_eq!(line("[2001:db8::1]:1", "[2001:db8::2]:80"), "PROXY TCP6 2001:db8::1 2001:db8::2 1 80\r\n");
    }
}

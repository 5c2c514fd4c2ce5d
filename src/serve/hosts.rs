//! Which names a server answers to, and for whose pages: DNS rebinding and other sites' scripts.
//!
//! A page of another site may send requests to any address that its browser reaches, loopback included, and may give that
//! address a name of its own (DNS rebinding) to be allowed to read the answer. It cannot choose what the browser says in
//! `Host`, `Origin` and `Sec-Fetch-Site`.

use std::net::{IpAddr, SocketAddr};

use http::header::{HOST, HeaderMap, HeaderName, ORIGIN};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Why a request is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// No Host, several, or one that is none.
    NoHost,
    /// A name that is not ours.
    ForeignHost,
    /// Another site's page asks.
    ForeignPage,
}

/// The host of an authority: without port and brackets, in lower case. None where it is none.
fn host_of(authority: &str) -> Option<String> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, port.strip_prefix(':').or_else(|| port.is_empty().then_some("0"))?)
        }
        None => authority.split_once(':').unwrap_or((authority, "0")),
    };
    let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'%');
    let is_port = !port.is_empty() && port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit());
    let plain = !host.is_empty() && host.bytes().all(known) && is_port;
    plain.then(|| host.trim_end_matches('.').to_ascii_lowercase())
}

/// Whether the host is this machine's loopback, the address that the client connected to, or one of `named`.
fn is_ours(host: &str, local: SocketAddr, named: &[String]) -> bool {
    if host == "localhost" || named.iter().any(|name| name.eq_ignore_ascii_case(host)) {
        return true;
    }
    // An address is nobody's to rebind.
    host.parse::<IpAddr>().is_ok_and(|ip| {
        let ip = ip.to_canonical();
        ip.is_loopback() || ip == local.ip().to_canonical()
    })
}

/// Whether a request may be answered at all. `leads` where it is for the page itself, which another site's link may lead
/// to: nothing can be read of it there, nor shown in a frame.
pub(super) fn admit(headers: &HeaderMap, local: SocketAddr, named: &[String], leads: bool) -> Result<(), Refused> {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(Refused::NoHost) };
    let authority = host.to_str().map_err(|_| Refused::NoHost)?;
    if !is_ours(&host_of(authority).ok_or(Refused::NoHost)?, local, named) {
        return Err(Refused::ForeignHost);
    }
    // What is no browser sends none of these.
    for origin in headers.get_all(ORIGIN) {
        let own = origin.to_str().ok().and_then(|o| o.strip_prefix("http://").or_else(|| o.strip_prefix("https://")));
        if !own.is_some_and(|own| own.eq_ignore_ascii_case(authority)) {
            return Err(Refused::ForeignPage);
        }
    }
    let says = |name: &HeaderName, word: &str| headers.get(name).is_some_and(|value| value == word);
    let navigates = leads && says(&FETCH_MODE, "navigate") && says(&FETCH_DEST, "document");
    match headers.get(FETCH_SITE).map(|value| value.as_bytes()) {
        None | Some(b"same-origin" | b"none") => Ok(()),
        Some(_) if navigates => Ok(()),
        Some(_) => Err(Refused::ForeignPage),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(fields: &[(&'static str, &str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_our_own_names_are_answered() {
        let local: SocketAddr = "10.1.2.3:7070".parse().unwrap();
        let named = ["tapcompare.internal".to_owned()];
        for (host, ours) in [
            ("localhost:7070", true),
            ("LocalHost", true),
            ("localhost.:7070", true),
            ("127.0.0.1:7070", true),
            ("127.8.9.1", true),
            ("[::1]:7070", true),
            ("[::ffff:127.0.0.1]", true),
            ("10.1.2.3:7070", true),
            ("tapcompare.internal:80", true),
            ("TapCompare.Internal", true),
            ("10.1.2.4:7070", false),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example:7070", false),
            ("evil.example#localhost", false),
            ("localhost@evil.example", false),
            ("localhost:7070:7070", false),
            ("[::1", false),
            ("[::1]x", false),
            ("0.0.0.0:7070", false),
            ("", false),
            ("localhost:", false),
        ] {
            assert_eq!(admit(&asked(&[("host", host)]), local, &named, false).is_ok(), ours, "{host}");
        }
        assert_eq!(admit(&asked(&[]), local, &named, false), Err(Refused::NoHost));
        let mut two = asked(&[("host", "localhost")]);
        two.append(HOST, "localhost".parse().unwrap());
        assert_eq!(admit(&two, local, &named, false), Err(Refused::NoHost));
    }

    #[test]
    fn other_sites_pages_get_nothing_and_may_only_lead_to_ours() {
        let local: SocketAddr = "127.0.0.1:7070".parse().unwrap();
        let host = ("host", "localhost:7070");
        for (fields, leads, answered) in [
            (vec![("origin", "http://localhost:7070")], false, true),
            (vec![("origin", "http://localhost:8080")], false, false),
            (vec![("origin", "http://evil.example")], false, false),
            (vec![("origin", "null")], true, false),
            (vec![("sec-fetch-site", "same-origin")], false, true),
            (vec![("sec-fetch-site", "none")], false, true),
            (vec![("sec-fetch-site", "cross-site")], false, false),
            (vec![("sec-fetch-site", "same-site")], true, false),
            (
                vec![("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")],
                true,
                true,
            ),
            (
                vec![("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
                true,
                false,
            ),
            (
                vec![("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")],
                false,
                false,
            ),
        ] {
            let fields: Vec<_> = [host].into_iter().chain(fields).collect();
            assert_eq!(admit(&asked(&fields), local, &[], leads).is_ok(), answered, "{fields:?} {leads}");
        }
    }
}

//! What a request was asked with, to be shown: so that whoever reads of a difference can ask the same again.

use crate::exchange::{AskedWith, Request};
use crate::redact::{Text, Veil};
use crate::shadow::{HOP_BY_HOP, host_of};

use super::example;
use super::specimen::ADDRESSES;

/// Fields that are shown, and so many names of others.
const MAX_FIELDS: usize = 32;
/// Bytes of a field's value; a longer one is left out, since a part of it asks something else.
const MAX_VALUE: usize = 1 << 10;
/// Bytes of the name of a field that is left out.
const MAX_NAME: usize = 64;
/// Bytes of a body; a longer one is left out.
const MAX_BODY: usize = 4 << 10;
/// Bytes of a Host: a name (RFC 1035, section 2.3.4) and a port.
const MAX_HOST: usize = 255 + 6;

/// What else says on which way it came, or is of the body as it was sent, or is the client's trace.
const LEFT_OUT: [&str; 6] =
    ["content-encoding", "traceparent", "tracestate", "via", "x-forwarded-host", "x-forwarded-proto"];

/// Without its secrets. Of what goes out as a shadow request, whatever is not shown is named.
pub(super) fn with(request: &Request, veil: &Veil<'_>) -> AskedWith {
    let mut asked = AskedWith::default();
    match host_of(request).map(plain_host) {
        Some(Some(host)) => asked.headers.push(("host".to_owned(), veil.header("host", host))),
        Some(None) => asked.left_out.push("host".to_owned()),
        None => {}
    }
    let of_the_way: Vec<&[u8]> = ["connection", "trailer"]
        .into_iter()
        .flat_map(|name| request.headers.get_all(name))
        .flat_map(|value| value.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .collect();
    let goes_out = |name: &str| {
        let of_a_hop = HOP_BY_HOP.iter().any(|hop| name.eq_ignore_ascii_case(hop));
        !of_a_hop && !of_the_way.iter().any(|way| way.eq_ignore_ascii_case(name.as_bytes()))
    };
    let fields = request.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host") && goes_out(name));
    for (name, value) in fields {
        let name = name.to_ascii_lowercase();
        let named = ADDRESSES.iter().chain(&LEFT_OUT).any(|other| *other == name);
        match std::str::from_utf8(value) {
            Ok(text) if !named && text.len() <= MAX_VALUE && asked.headers.len() < MAX_FIELDS => {
                let value = veil.header(&name, text);
                asked.headers.push((veil.name(&name).into_owned(), value));
            }
            _ => leave_out(&mut asked, if name.len() <= MAX_NAME { &name } else { "a field of a long name" }, veil),
        }
    }
    asked.body = body(request, veil);
    if asked.body.is_none() && !request.body.bytes.is_empty() {
        leave_out(&mut asked, "the body", veil);
    }
    asked
}

fn leave_out(asked: &mut AskedWith, name: &str, veil: &Veil<'_>) {
    let name = veil.name(name);
    if asked.left_out.len() < MAX_FIELDS && !asked.left_out.iter().any(|other| *other == name) {
        asked.left_out.push(name.into_owned());
    }
}

/// A name or an address, with or without a port, and nothing else.
fn plain_host(host: &[u8]) -> Option<&str> {
    let host = std::str::from_utf8(host).ok().filter(|host| host.len() <= MAX_HOST)?;
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            (address, port.strip_prefix(':').or(port.is_empty().then_some("0"))?)
        }
        None => host.split_once(':').unwrap_or((host, "0")),
    };
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':');
    (!name.is_empty() && name.chars().all(is_of_name) && port.parse::<u16>().is_ok()).then_some(host)
}

fn body(request: &Request, veil: &Veil<'_>) -> Option<String> {
    let body = example::asked_with(request)?;
    if body.is_empty() || body.len() > MAX_BODY || !request.body.is_whole() {
        return None;
    }
    std::str::from_utf8(&body).ok()?;
    let kind = example::told_in(request.headers.get("content-type"), &body).unwrap_or(Text::Plain);
    let shown = veil.hidden(kind, &body, true).into_text();
    (shown.len() <= 2 * MAX_BODY).then_some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Redaction;
    use crate::exchange::{Body, Version};
    use crate::redact::{Key, Redactor};

    fn asked(target: &str, headers: &[(&str, &[u8])], body: Body) -> AskedWith {
        let request = Request {
            method: "POST".into(),
            target: target.to_owned().into(),
            version: Version::Http11,
            headers: headers.iter().copied().collect(),
            body,
        };
        let redactor = Redactor::new(&Redaction::default(), Key::random().unwrap()).unwrap();
        with(&request, &redactor.gather().veil())
    }

    #[test]
    fn neither_addresses_nor_fields_of_a_connection_nor_secrets_are_shown() {
        let address = ADDRESSES.iter().map(|name| (*name, &b"192.0.2.7"[..]));
        let hops = HOP_BY_HOP.iter().map(|name| (*name, &b"hop"[..]));
        let others = [
            ("Accept", &b"text/html"[..]),
            ("Authorization", b"Bearer abcdefgh12345678"),
            ("Host", b"shop.example:8080"),
            ("Hop", b"named by Connection"),
        ];
        let headers: Vec<_> = address.chain(hops).chain(others).collect();
        let shown = asked("/", &headers, Body::whole(b"a=1".to_vec()));
        let names: Vec<&str> = shown.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!((names, shown.body.as_deref()), (vec!["host", "accept", "authorization"], Some("a=1")));
        assert_eq!(shown.headers[0].1, "shop.example:8080");
        assert!(shown.headers[2].1.contains("[redacted:") && !shown.headers[2].1.contains("abcdefgh"), "{shown:?}");
        assert_eq!(shown.left_out, ADDRESSES, "what goes out and is not shown is named");
    }

    #[test]
    fn a_host_that_is_a_host_is_shown_and_another_is_named_as_left_out() {
        for host in ["shop.example", "shop.example:81", "a_b", "127.0.0.1:8080", "[::1]", "[2001:db8::1]:443"] {
            let shown = asked("/", &[("Host", host.as_bytes())], Body::default());
            assert_eq!((&shown.headers[..], shown.left_out.len()), (&[("host".to_owned(), host.to_owned())][..], 0));
        }
        for host in ["a b", "a'; rm", "", "a:b", "a:99999", "[::1", "[x]:1", "$(id)", "a\u{202e}b", &"x".repeat(300)] {
            let shown = asked("/", &[("Host", host.as_bytes())], Body::default());
            assert_eq!((shown.headers.len(), &shown.left_out[..]), (0, &["host".to_owned()][..]), "{host}");
        }
        let absolute = asked("http://u@a.example:81/x", &[("Host", b"b")], Body::default());
        assert_eq!(absolute.headers, [("host".to_owned(), "a.example:81".to_owned())]);
        assert_eq!(asked("/", &[], Body::default()), AskedWith::default(), "then the target's own goes out");
    }

    #[test]
    fn what_is_too_long_or_no_text_is_left_out_whole_and_named() {
        let long = vec![b'x'; MAX_VALUE + 1];
        let (name, many) = ("n".repeat(MAX_NAME + 1), (0..40).map(|n| format!("x-{n}")).collect::<Vec<_>>());
        let mut headers: Vec<(&str, &[u8])> = vec![("X-Long", &long), ("X-Bytes", b"\xff"), (&name, &long)];
        headers.extend(many.iter().map(|name| (name.as_str(), &b"1"[..])));
        let shown = asked("/", &headers, Body::whole(vec![b'y'; MAX_BODY + 1]));
        assert_eq!((shown.headers.len(), shown.body), (MAX_FIELDS, None));
        assert_eq!(shown.left_out[..3], ["x-long", "x-bytes", "a field of a long name"]);
        assert_eq!((shown.left_out.len(), shown.left_out.last().unwrap().as_str()), (3 + 8 + 1, "the body"));
    }
}

//! What may go out: one pure question, asked of every complete exchange before anything is sent.

use http::Method;

use super::admission::REFUSALS;
use super::request::{self, MARK, Opening, ShadowRequest};
use super::secrets::Secrets;
use crate::config::{Safety, Treatment};
use crate::exchange::{Exchange, Request, Skip, path_of};

/// Headers by which frameworks let a request pass for one of another method. Such a request does what this header
/// says, so both methods must be allowed.
pub const METHOD_OVERRIDES: &[&str] = &["x-http-method-override", "x-http-method", "x-method-override"];

/// The form and query parameter that does the same (Rails, Symfony, Laravel).
const OVERRIDE_PARAMETER: &[u8] = b"_method";

/// Status of an answer that changed the protocol (RFC 9110, section 15.2.2).
const SWITCHING_PROTOCOLS: u16 = 101;

/// Whether this exchange may be asked again, and if so what is to be sent: with these secrets, where the policy
/// replaces credentials.
///
/// # Errors
///
/// The reason why nothing may go out. An exchange that is not complete should not be given; if it is, it is
/// [`Skip::NotReplayable`].
pub fn decide(exchange: &Exchange, safety: &Safety, secrets: &Secrets) -> Result<ShadowRequest, Skip> {
    let (Some(request), Some(response)) = (&exchange.request, &exchange.response) else {
        return Err(Skip::NotReplayable);
    };
    if exchange.incomplete.is_some() {
        return Err(Skip::NotReplayable);
    }
    if request.headers.get(MARK).is_some() {
        return Err(Skip::OwnTraffic);
    }
    if request.method == "CONNECT" || response.status == SWITCHING_PROTOCOLS {
        return Err(Skip::Tunnel);
    }
    let opening = opening(request, safety).ok_or(Skip::UnsafeMethod)?;
    if REFUSALS.contains(&response.status) {
        return Err(Skip::RefusedByLegacy);
    }
    request::rebuild(request, opening, &safety.credentials, secrets)
}

/// Whether a method only reads by its definition (RFC 9110, section 9.2.1) and is one that the live legacy may be
/// asked with. Deliberately not the policy's list: what the policy opens is opened for the candidate.
pub(super) fn only_reads(request: &Request) -> bool {
    let by_definition = |method: &str| matches!(method, "GET" | "HEAD");
    by_definition(&request.method) && overrides(request).iter().all(|method| by_definition(method))
}

/// What lets the request through: its method and every method that it asks to be taken for must be allowed, each by
/// an endpoint that the policy opens by name or by the list of methods. Where one of them is sandboxed the request is,
/// and where two are by different endpoints none can answer for it.
fn opening(request: &Request, safety: &Safety) -> Option<Opening> {
    let path = path_of(&request.target);
    let one = |method: &str| {
        let named = safety.endpoints.iter().position(|open| open.endpoint.matches(method, path));
        let treatment = |index: usize| safety.endpoints.get(index).map(|open| open.treatment);
        match named.and_then(|index| Some((index, treatment(index)?))) {
            Some((index, Treatment::Sandboxed)) => Some(Opening::Sandboxed(index)),
            Some((index, Treatment::Read)) => Some(Opening::Read(index)),
            None => safety.methods.iter().any(|safe| safe == method).then_some(Opening::Method),
        }
    };
    let mut found = one(&request.method)?;
    for method in overrides(request) {
        let other = one(&method)?;
        match (found.sandbox(), other.sandbox()) {
            (None, Some(_)) => found = other,
            (Some(a), Some(b)) if a != b => return None,
            _ => {}
        }
    }
    Some(found)
}

/// The methods that the request asks to be taken for, in capitals as the frameworks read them. One that cannot be
/// told is given as the empty text, which nothing allows.
fn overrides(request: &Request) -> Vec<String> {
    let mut methods: Vec<String> = METHOD_OVERRIDES
        .iter()
        .flat_map(|name| request.headers.get_all(name))
        .map(|value| String::from_utf8_lossy(value.trim_ascii()).to_ascii_uppercase())
        .collect();
    if let Some(at) = memchr::memchr(b'?', &request.target) {
        methods.extend(parameter(&request.target[at + 1..]));
    }
    let media_type = request.headers.get("content-type").unwrap_or(b"").to_ascii_lowercase();
    if media_type.starts_with(b"application/x-www-form-urlencoded") {
        methods.extend(parameter(&request.body.bytes));
    } else if media_type.starts_with(b"multipart/")
        && memchr::memmem::find(&request.body.bytes, OVERRIDE_PARAMETER).is_some()
    {
        methods.push(String::new());
    }
    methods
}

/// The values of the override parameter in a query or a form (`a=1&_method=delete`), as method names. A value that
/// is not letters, so one that is escaped too, is the empty text.
fn parameter(text: &[u8]) -> impl Iterator<Item = String> {
    text.split(|b| matches!(b, b'&' | b';' | b'#')).filter_map(|pair| {
        let (name, value) = pair.split_at(memchr::memchr(b'=', pair).unwrap_or(pair.len()));
        let value = value.strip_prefix(b"=").unwrap_or(value);
        let plain = value.iter().all(u8::is_ascii_alphabetic);
        (unescaped(name) == OVERRIDE_PARAMETER)
            .then(|| if plain { String::from_utf8_lossy(value).to_ascii_uppercase() } else { String::new() })
    })
}

/// A name without its percent escapes: `%5Fmethod` is `_method` to a framework, and so it is here.
fn unescaped(name: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((&first, tail)) = rest.split_first() {
        let escape = match (first, tail) {
            (b'%', [high, low, after @ ..]) => hex(*high).zip(hex(*low)).map(|(h, l)| (h << 4 | l, after)),
            _ => None,
        };
        let (byte, after) = escape.unwrap_or((first, tail));
        plain.push(byte);
        rest = after;
    }
    plain
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

/// The method as hyper wants it; None for what is no method at all (RFC 9110, section 9.1: a token).
pub(super) fn method_of(request: &Request) -> Option<Method> {
    Method::from_bytes(request.method.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{OpenEndpoint, Treatment};
    use crate::exchange::{Body, Headers, Incomplete, Moments, Response, Version};

    fn exchange(method: &str, target: &str, headers: &[(&str, &str)]) -> Exchange {
        let address = "192.0.2.1:80".parse().unwrap();
        let request = Request {
            method: method.into(),
            target: target.to_owned().into(),
            version: Version::Http11,
            headers: headers.iter().map(|(n, v)| (*n, v.as_bytes())).collect(),
            body: Body::default(),
        };
        let response = Response {
            version: Version::Http11,
            status: 200,
            headers: Headers::new(),
            body: Body::default(),
            interim: vec![],
        };
        Exchange {
            client: address,
            server: address,
            request: Some(request),
            response: Some(response),
            interim_only: Vec::new(),
            incomplete: None,
            moments: Moments::default(),
        }
    }

    fn opened(pattern: &str) -> Safety {
        let endpoint = OpenEndpoint { endpoint: pattern.parse().unwrap(), treatment: Treatment::Read };
        Safety { endpoints: vec![endpoint], ..Safety::default() }
    }

    fn skip(exchange: &Exchange, safety: &Safety) -> Option<Skip> {
        decide(exchange, safety, &Secrets::default()).err()
    }

    #[test]
    fn only_get_and_head_go_out_unless_the_policy_opens_more() {
        let closed = Safety::default();
        for method in ["GET", "HEAD"] {
            assert_eq!(skip(&exchange(method, "/a", &[]), &closed), None, "{method}");
        }
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "Head", "GETX"] {
            assert_eq!(skip(&exchange(method, "/a", &[]), &closed), Some(Skip::UnsafeMethod), "{method}");
        }
        let open = opened("POST /search");
        assert_eq!(skip(&exchange("POST", "/search?q=1", &[]), &open), None);
        assert_eq!(skip(&exchange("POST", "http://any/search", &[]), &open), None);
        assert_eq!(skip(&exchange("POST", "/search/x", &[]), &open), Some(Skip::UnsafeMethod));
        assert_eq!(skip(&exchange("DELETE", "/search", &[]), &open), Some(Skip::UnsafeMethod));
        let more = Safety { methods: vec!["OPTIONS".into()], ..Safety::default() };
        assert_eq!(skip(&exchange("OPTIONS", "/a", &[]), &more), None);
        assert_eq!(skip(&exchange("GET", "/a", &[]), &more), Some(Skip::UnsafeMethod));
    }

    #[test]
    fn a_request_that_passes_for_another_method_needs_both_allowed() {
        let (closed, open) = (Safety::default(), opened("POST /search"));
        for name in METHOD_OVERRIDES {
            for value in ["DELETE", "delete", " Put ", "", "GET, DELETE"] {
                let tricked = exchange("GET", "/a", &[(name, value)]);
                assert_eq!(skip(&tricked, &closed), Some(Skip::UnsafeMethod), "{name}: {value}");
            }
            assert_eq!(skip(&exchange("GET", "/a", &[(name, "get")]), &closed), None);
            assert_eq!(skip(&exchange("POST", "/search", &[(name, "DELETE")]), &open), Some(Skip::UnsafeMethod));
            assert_eq!(skip(&exchange("POST", "/search", &[(name, "GET")]), &open), None);
        }
        for target in ["/a?_method=delete", "/a?x=1&_method=PUT", "/a?%5fmethod=delete", "/a?_method", "/a?_method=%44"]
        {
            assert_eq!(skip(&exchange("GET", target, &[]), &closed), Some(Skip::UnsafeMethod), "{target}");
        }
        for target in ["/a?_method=get", "/a?my_method=delete", "/a?x=_method"] {
            assert_eq!(skip(&exchange("GET", target, &[]), &closed), None, "{target}");
        }
    }

    #[test]
    fn a_form_that_passes_for_another_method_is_not_sent() {
        let open = opened("POST /search");
        for (media_type, body, sent) in [
            ("application/x-www-form-urlencoded", "q=1&_method=delete", false),
            ("application/x-www-form-urlencoded; charset=utf-8", "q=1", true),
            ("multipart/form-data; boundary=b", "--b\r\n... name=\"_method\"\r\n\r\ndelete", false),
            ("application/json", "{\"_method\":\"delete\"}", true),
        ] {
            let mut form = exchange("POST", "/search", &[("Content-Type", media_type)]);
            form.request.as_mut().unwrap().body = Body::whole(body);
            assert_eq!(skip(&form, &open).is_none(), sent, "{media_type} {body}");
        }
    }

    #[test]
    fn tunnels_own_traffic_and_what_is_not_whole_stay() {
        let closed = Safety::default();
        assert_eq!(skip(&exchange("CONNECT", "host:443", &[]), &closed), Some(Skip::Tunnel));
        let mut upgraded = exchange("GET", "/chat", &[("Upgrade", "websocket"), ("Connection", "upgrade")]);
        assert_eq!(skip(&upgraded, &closed), None, "answered without the upgrade it is an ordinary exchange");
        upgraded.response.as_mut().unwrap().status = 101;
        assert_eq!(skip(&upgraded, &closed), Some(Skip::Tunnel));
        assert_eq!(skip(&exchange("GET", "/", &[("SHADOW-REQUEST", "")]), &closed), Some(Skip::OwnTraffic));

        let mut partial = exchange("GET", "/", &[]);
        partial.request.as_mut().unwrap().body = Body { bytes: "ab".into(), length: 3 };
        assert_eq!(skip(&partial, &closed), Some(Skip::NotReplayable));
        for incomplete in Incomplete::ALL {
            let mut lost = exchange("GET", "/", &[]);
            lost.incomplete = Some(*incomplete);
            assert_eq!(skip(&lost, &closed), Some(Skip::NotReplayable));
        }
        let mut unasked = exchange("GET", "/", &[]);
        unasked.request = None;
        assert_eq!(skip(&unasked, &closed), Some(Skip::NotReplayable));
    }

    #[test]
    fn the_live_legacy_is_asked_only_what_reads_by_definition() {
        let reads = |method: &str, headers: &[(&str, &str)]| {
            only_reads(exchange(method, "/search", headers).request.as_ref().unwrap())
        };
        assert!(reads("GET", &[]) && reads("HEAD", &[]));
        assert!(!reads("POST", &[]) && !reads("OPTIONS", &[]) && !reads("GET", &[("X-HTTP-Method", "POST")]));
    }
}

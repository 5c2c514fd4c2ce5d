//! What may go out: one pure question, asked of every complete exchange before anything is sent.

use http::Method;

use super::admission::REFUSALS;
pub use super::overrides::METHOD_OVERRIDES;
use super::overrides::overrides;
use super::request::{self, MARK, Opening, ShadowRequest};
use super::secrets::Secrets;
use crate::config::{Safety, Treatment};
use crate::exchange::{Exchange, Request, Skip, path_of};

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
            ("application/json", "{\"_method\":\"delete\"}", false),
            ("application/json", "{\"payment_method\":\"card\"}", true),
            ("application/json", "{\"query\":\"mutation { pay }\"}", true),
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
        partial.request.as_mut().unwrap().body = Body { bytes: "ab".into(), length: 3, ..Body::default() };
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
    fn what_the_legacy_itself_refused_is_not_mirrored() {
        for (status, expected) in [
            (429, Some(Skip::RefusedByLegacy)),
            (503, Some(Skip::RefusedByLegacy)),
            (500, None),
            (502, None),
            (404, None),
        ] {
            let mut refused = exchange("GET", "/a", &[]);
            refused.response.as_mut().unwrap().status = status;
            assert_eq!(skip(&refused, &Safety::default()), expected, "{status}");
        }
        let mut unsafe_too = exchange("POST", "/a", &[]);
        unsafe_too.response.as_mut().unwrap().status = 503;
        assert_eq!(
            skip(&unsafe_too, &Safety::default()),
            Some(Skip::UnsafeMethod),
            "what is never sent stays so named"
        );
    }

    #[test]
    fn a_request_knows_what_let_it_through_and_the_strictest_decides() {
        let open = |endpoint: &str, treatment| OpenEndpoint { endpoint: endpoint.parse().unwrap(), treatment };
        let safety = Safety {
            methods: vec!["GET".into(), "POST".into()],
            endpoints: vec![
                open("POST /search", Treatment::Read),
                open("POST /orders", Treatment::Sandboxed),
                open("DELETE /orders", Treatment::Sandboxed),
                open("GET /logout", Treatment::Sandboxed),
                open("POST /**", Treatment::Read),
            ],
            ..Safety::default()
        };
        for (method, target, header, expected) in [
            ("GET", "/a", "", Some(Opening::Method)),
            ("POST", "/search", "", Some(Opening::Read(0))),
            ("POST", "/orders?x", "", Some(Opening::Sandboxed(1))),
            ("POST", "/a", "", Some(Opening::Read(4))),
            ("GET", "/logout", "", Some(Opening::Sandboxed(3))),
            ("GET", "/orders", "POST", Some(Opening::Sandboxed(1))),
            ("POST", "/orders", "GET", Some(Opening::Sandboxed(1))),
            ("POST", "/orders", "DELETE", None),
            ("POST", "/search", "DELETE", None),
        ] {
            let headers = [("X-HTTP-Method-Override", header)];
            let exchange = exchange(method, target, if header.is_empty() { &[] } else { &headers });
            let found = decide(&exchange, &safety, &Secrets::default()).ok().map(|request| request.opening());
            assert_eq!(found, expected, "{method} {target} as {header}");
        }
        let logout = decide(&exchange("GET", "/logout", &[]), &safety, &Secrets::default()).unwrap();
        assert!(!logout.only_reads(), "the live legacy is not asked what is known to write");
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

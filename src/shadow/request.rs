//! The copy of a captured request that goes out: what is kept, what is left behind, what is made anew.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Uri};

use super::safety;
use super::secrets::Secrets;
use crate::config::{Credentials, Target};
use crate::exchange::{CREDENTIAL_HEADERS, Carried, Headers, Request, Skip};

/// Every shadow request carries this header with the value `1`, so that the candidate can tell it from a user's, and
/// so that it is known for our own when a capture meets it.
pub const MARK: &str = "shadow-request";

/// Fields that belong to one connection (RFC 9110, section 7.6.1) or to the framing and sending of one message, which
/// are made anew. Those that `Connection` names come on top.
pub const HOP_BY_HOP: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Longest path and query that is asked again; the `http` crate ends at 65,534, and a base path goes before it.
pub const MAX_PATH: usize = 60 * 1024;

/// Most header fields of a request that is asked again: far above what servers take, below the `http` crate's 24,576.
pub const MAX_FIELDS: usize = 8 * 1024;

/// What in the policy let a request through. The numbers are places in its `safety.endpoints`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// Its method is one of `safety.methods`.
    Method,
    /// An endpoint that only reads.
    Read(usize),
    /// An endpoint whose effects the candidate discards.
    Sandboxed(usize),
}

impl Opening {
    /// The place of the sandboxed endpoint, if it is one.
    pub fn sandbox(self) -> Option<usize> {
        match self {
            Opening::Sandboxed(index) => Some(index),
            Opening::Method | Opening::Read(_) => None,
        }
    }
}

/// A request that may go out, ready for any target.
#[derive(Debug, Clone)]
pub struct ShadowRequest {
    method: Method,
    /// Path and query exactly as captured, without scheme and authority.
    path: Bytes,
    /// What is sent, except for a Host that the captured request did not have.
    headers: HeaderMap,
    body: Bytes,
    only_reads: bool,
    opening: Opening,
    credentials: Carried,
}

impl ShadowRequest {
    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Path and query as captured.
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// The fields that go out, in the captured order (fields of one name stand together).
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// What let it through.
    pub fn opening(&self) -> Opening {
        self.opening
    }

    /// What became of the credentials that were captured.
    pub fn credentials(&self) -> Carried {
        self.credentials
    }

    /// Whether the live legacy may be asked this too: GET or HEAD, not in disguise, and not known to write.
    pub fn only_reads(&self) -> bool {
        self.only_reads
    }

    /// Whether the path goes up by a dot segment, however that is spelt, and could leave a target's base path.
    pub(super) fn goes_up(&self) -> bool {
        let path = self.path.split(|b| *b == b'?').next().unwrap_or_default();
        let plain = String::from_utf8_lossy(path).to_ascii_lowercase().replace("%2e", ".");
        let plain = plain.replace("%2f", "/").replace("%5c", "/").replace('\\', "/");
        plain.split('/').any(|segment| segment == ".." || segment.starts_with("..;"))
    }

    /// The request line's target at `target`: its base path, then the captured path and query.
    pub(super) fn uri(&self, target: &Target) -> Option<Uri> {
        let path = [target.base_path.as_bytes(), &self.path].concat();
        exact(path.into()).map(Uri::from)
    }

    /// The fields for `target`. The captured Host is kept, since virtual hosts and links in answers hang on it; only
    /// where there was none (HTTP/1.0) the target's own name is given. Where bytes go is never asked of it.
    pub(super) fn headers_for(&self, target: &Target) -> HeaderMap {
        let mut headers = self.headers.clone();
        if !headers.contains_key(HOST)
            && let Ok(host) = HeaderValue::from_str(&target.authority())
        {
            headers.insert(HOST, host);
        }
        headers
    }
}

/// The Host that the shadow request of a captured one names: the absolute form's authority (RFC 9112, section 3.2.2), else
/// what was captured. None: the target's own, or there is no shadow request of it.
pub fn host_of(request: &Request) -> Option<&[u8]> {
    let (authority, _) = split_target(&request.target)?;
    let mut hosts = request.headers.get_all("host");
    let (host, more) = (hosts.next(), hosts.next());
    authority.or(host.filter(|_| more.is_none()))
}

/// Rebuilds a captured request for sending.
///
/// # Errors
///
/// [`Skip::NotReplayable`]: the body was not kept whole, the target is not a path (asterisk or authority form) or
/// holds bytes that no request line may, there are two Hosts, or a field cannot be sent as it was captured. A field
/// is never left out for that reason: the candidate would be asked another question.
pub(super) fn rebuild(
    request: &Request,
    opening: Opening,
    credentials: &Credentials,
    secrets: &Secrets,
) -> Result<ShadowRequest, Skip> {
    let lost = Skip::NotReplayable;
    if !request.body.is_whole() {
        return Err(lost);
    }
    let method = safety::method_of(request).ok_or(lost)?;
    let (authority, path) = split_target(&request.target).ok_or(lost)?;
    if path.len() > MAX_PATH || exact(path.clone()).is_none() || request.headers.len() > MAX_FIELDS {
        return Err(lost);
    }
    let (mut headers, carried) = end_to_end(&request.headers, credentials, secrets)?;
    if let Some(authority) = authority {
        // RFC 9112, section 3.2.2: the absolute form's authority takes the place of whatever Host says.
        headers.insert(HOST, HeaderValue::from_bytes(authority).map_err(|_| lost)?);
    }
    if headers.get_all(HOST).iter().count() > 1 {
        return Err(lost);
    }
    if !request.body.bytes.is_empty() {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(request.body.length));
    }
    headers.insert(HeaderName::from_static(MARK), HeaderValue::from_static("1"));
    let only_reads = safety::only_reads(request) && opening.sandbox().is_none();
    let body = request.body.bytes.clone();
    Ok(ShadowRequest { method, path, headers, body, only_reads, opening, credentials: carried })
}

/// The fields that are for the one who answers and not for a connection, as they were captured but for credentials.
fn end_to_end(captured: &Headers, credentials: &Credentials, secrets: &Secrets) -> Result<(HeaderMap, Carried), Skip> {
    let named = |by: &'static str| captured.get_all(by).flat_map(|value| value.split(|b| *b == b','));
    let chunked = captured.get("transfer-encoding").is_some();
    // Trailers stand after the header section and can be told by name alone, where `Trailer` announces them.
    let left_out: Vec<&[u8]> = named("connection")
        .chain(named("trailer").filter(|_| chunked))
        .map(<[u8]>::trim_ascii)
        .filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case(b"host"))
        .collect();
    let mut headers = HeaderMap::with_capacity(captured.len().min(MAX_FIELDS) + 2);
    let mut carried = Carried::Nothing;
    for (name, value) in captured.iter() {
        let among = |list: &[&str]| list.iter().any(|n| n.eq_ignore_ascii_case(name));
        if among(HOP_BY_HOP) || left_out.iter().any(|n| n.eq_ignore_ascii_case(name.as_bytes())) {
            continue;
        }
        if let Some((name, value)) = secrets.replacing(name) {
            // However often it was captured, it goes out once.
            headers.insert(name.clone(), value.clone());
            carried = Carried::Sent;
            continue;
        }
        let is_credential = among(CREDENTIAL_HEADERS);
        if is_credential && *credentials != Credentials::Pass {
            carried = if carried == Carried::Sent { Carried::Sent } else { Carried::Stripped };
            continue;
        }
        if is_credential {
            carried = Carried::Sent;
        }
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Skip::NotReplayable)?;
        let mut value = HeaderValue::from_bytes(value).map_err(|_| Skip::NotReplayable)?;
        value.set_sensitive(is_credential);
        headers.try_append(name, value).map_err(|_| Skip::NotReplayable)?;
    }
    Ok((headers, carried))
}

/// The authority (absolute form only, without user information) and the path with its query. None for the asterisk
/// and authority forms and for what is no HTTP target (RFC 9112, section 3.2).
fn split_target(target: &Bytes) -> Option<(Option<&[u8]>, Bytes)> {
    if target.starts_with(b"/") {
        return Some((None, target.clone()));
    }
    let scheme = [&b"http://"[..], b"https://"]
        .into_iter()
        .find(|s| target.get(..s.len()).is_some_and(|t| t.eq_ignore_ascii_case(s)))?;
    let rest = target.slice(scheme.len()..);
    let end = memchr::memchr3(b'/', b'?', b'#', &rest).unwrap_or(rest.len());
    let path = match rest.slice(end..) {
        path if path.starts_with(b"/") => path,
        path => [b"/", &path[..]].concat().into(),
    };
    let authority = &target[scheme.len()..scheme.len() + end];
    let authority = memchr::memrchr(b'@', authority).map_or(authority, |at| &authority[at + 1..]);
    (!authority.is_empty()).then_some((Some(authority), path))
}

/// The path as hyper wants it, if it then stands on the wire exactly as it was captured.
fn exact(path: Bytes) -> Option<PathAndQuery> {
    let made = PathAndQuery::from_maybe_shared(path.clone()).ok()?;
    (made.as_str().as_bytes() == path).then_some(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Body, Version};

    fn request(target: &[u8], headers: &[(&str, &[u8])]) -> Request {
        Request {
            method: "GET".into(),
            target: Bytes::copy_from_slice(target),
            version: Version::Http11,
            headers: headers.iter().copied().collect(),
            body: Body::default(),
        }
    }

    fn names(shadow: &ShadowRequest) -> Vec<&str> {
        shadow.headers().keys().map(HeaderName::as_str).collect()
    }

    fn rebuilt(target: &[u8], headers: &[(&str, &[u8])]) -> Result<ShadowRequest, Skip> {
        rebuild(&request(target, headers), Opening::Method, &Credentials::Strip, &Secrets::default())
    }

    #[test]
    fn what_belongs_to_one_connection_stays_behind() {
        let shadow = rebuilt(
            b"/",
            &[
                ("Host", b"shop.example"),
                ("Connection", b"keep-alive, X-Hop ,host"),
                ("X-Hop", b"1"),
                ("Keep-Alive", b"timeout=5"),
                ("Proxy-Connection", b"keep-alive"),
                ("Proxy-Authorization", b"Basic x"),
                ("TE", b"trailers"),
                ("Transfer-Encoding", b"chunked"),
                ("Trailer", b"X-Sum"),
                ("Upgrade", b"h2c"),
                ("HTTP2-Settings", b"AAM"),
                ("Expect", b"100-continue"),
                ("Content-Length", b"0"),
                ("Accept-Encoding", b"gzip, br"),
                ("X-Twice", b"a"),
                ("X-Twice", b"b"),
                ("X-Sum", b"a trailer"),
            ],
        )
        .unwrap();
        assert_eq!(names(&shadow), ["host", "accept-encoding", "x-twice", MARK]);
        assert_eq!(shadow.headers()["host"], "shop.example");
        assert_eq!(shadow.headers().get_all("x-twice").iter().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn the_trace_that_a_request_belongs_to_is_kept() {
        // W3C Trace Context: both fields as they came, the second in all its lines.
        let parent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let headers: [(&str, &[u8]); 3] =
            [("traceparent", parent), ("TraceState", b"rojo=00f067aa0ba902b7"), ("tracestate", b"congo=t61rcWkgMzE")];
        let shadow = rebuilt(b"/orders/7", &headers).unwrap();
        let all = |name| shadow.headers().get_all(name).iter().map(HeaderValue::as_bytes).collect::<Vec<_>>();
        assert_eq!(all("traceparent"), [&parent[..]]);
        assert_eq!(all("tracestate"), [&b"rojo=00f067aa0ba902b7"[..], &b"congo=t61rcWkgMzE"[..]]);
    }

    #[test]
    fn credentials_are_stripped_unless_the_policy_passes_them() {
        let all: Vec<(&str, &[u8])> = CREDENTIAL_HEADERS.iter().map(|name| (*name, &b"secret"[..])).collect();
        assert_eq!(names(&rebuilt(b"/", &all).unwrap()), [MARK]);
        let passed = rebuild(&request(b"/", &all), Opening::Method, &Credentials::Pass, &Secrets::default()).unwrap();
        assert_eq!(passed.headers().len(), all.len(), "all but Proxy-Authorization, which is the hop's, and the mark");
        assert!(!passed.headers().contains_key("proxy-authorization"));
    }

    #[test]
    fn the_path_goes_out_byte_for_byte_and_behind_the_base_path() {
        let target: Target = "http://127.0.0.1:9/base".parse().unwrap();
        for (captured, sent) in [
            ("/a//b/../c;d?e=%2F&f={g}&h='i'", "/base/a//b/../c;d?e=%2F&f={g}&h='i'"),
            ("//double", "/base//double"),
            ("http://user:pw@elsewhere:99/x?y", "/base/x?y"),
            ("HTTPS://elsewhere", "/base/"),
            ("http://elsewhere?q", "/base/?q"),
            ("/?", "/base/?"),
        ] {
            let shadow = rebuilt(captured.as_bytes(), &[]).unwrap();
            assert_eq!(shadow.uri(&target).unwrap().to_string(), sent, "{captured}");
        }
    }

    #[test]
    fn what_cannot_be_asked_is_not_bent_until_it_can() {
        let long = [b"/".to_vec(), vec![b'a'; MAX_PATH]].concat();
        for target in [
            &b"*"[..],
            b"",
            b"host:443",
            b"a/b",
            b"ftp://h/",
            b"http:///x",
            b"/a b",
            b"/a\x7f",
            b"/a\xff",
            b"/a#b",
            &long,
        ] {
            let skip = rebuilt(target, &[]).err();
            assert_eq!(skip, Some(Skip::NotReplayable), "{}", String::from_utf8_lossy(target));
        }
        for field in [("X\u{e9}", &b"1"[..]), ("X", b"a\x00b"), ("", b"1")] {
            assert_eq!(rebuilt(b"/", &[field]).err(), Some(Skip::NotReplayable), "{field:?}");
        }
        assert_eq!(rebuilt(b"/", &[("Host", b"a"), ("Host", b"b")]).err(), Some(Skip::NotReplayable));
        assert!(rebuilt(b"/", &[("X", b"caf\xe9")]).is_ok(), "obs-text may be sent (RFC 9110, section 5.5)");
        let many = vec![("X", &b"1"[..]); MAX_FIELDS + 1];
        assert_eq!(rebuilt(b"/", &many).err(), Some(Skip::NotReplayable));
        assert!(rebuilt(b"/", &many[1..]).is_ok());
    }

    #[test]
    fn the_captured_host_is_kept_and_the_absolute_form_wins_over_it() {
        let target: Target = "http://[::1]:9".parse().unwrap();
        let host = |target_bytes: &[u8], headers: &[(&str, &[u8])]| {
            rebuilt(target_bytes, headers).unwrap().headers_for(&target)["host"].to_str().unwrap().to_owned()
        };
        assert_eq!(host(b"/", &[("Host", b"shop.example:81")]), "shop.example:81");
        assert_eq!(host(b"http://u@a.example:81/", &[("Host", b"b")]), "a.example:81");
        assert_eq!(host(b"/", &[]), "[::1]:9");
        let named = |target_bytes: &[u8], headers: &[(&str, &[u8])]| {
            host_of(&request(target_bytes, headers)).map(|host| String::from_utf8_lossy(host).into_owned())
        };
        assert_eq!(named(b"/", &[("Host", b"shop.example:81")]).as_deref(), Some("shop.example:81"));
        assert_eq!(named(b"http://u@a.example:81/", &[("Host", b"b")]).as_deref(), Some("a.example:81"));
        assert_eq!(
            (named(b"/", &[]), named(b"/", &[("Host", b"a"), ("Host", b"b")]), named(b"*", &[])),
            (None, None, None)
        );
    }

    #[test]
    fn the_length_is_made_from_the_body() {
        let mut post = request(b"/", &[("Transfer-Encoding", b"chunked"), ("Content-Type", b"text/plain")]);
        post.body = Body::whole("four");
        let shadow = rebuild(&post, Opening::Method, &Credentials::Strip, &Secrets::default()).unwrap();
        assert_eq!(shadow.headers()["content-length"], "4");
        assert_eq!(shadow.body(), "four");
    }
}

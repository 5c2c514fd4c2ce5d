//! Requests in disguise: by which headers, parameters and fields frameworks let a request pass for one of another method.
//!
//! Whoever reads the request decides what it means, and there are many readers. So names are compared as loosely as the
//! loosest of them does, and what cannot be read here counts as a method that nothing allows.

use std::fmt;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};

use crate::exchange::Request;

/// Headers by which frameworks let a request pass for one of another method. Such a request does what this header
/// says, so both methods must be allowed.
pub const METHOD_OVERRIDES: &[&str] = &["x-http-method-override", "x-http-method", "x-method-override"];

/// The form and query parameter that does the same (Rails, Symfony, Laravel, Spring; Slim writes it in capitals).
const OVERRIDE_PARAMETER: &[u8] = b"_method";

/// The methods that the request asks to be taken for, in capitals as the frameworks read them. One that cannot be
/// told is given as the empty text, which nothing allows.
pub(super) fn overrides(request: &Request) -> Vec<String> {
    let mut methods: Vec<String> = request
        .headers
        .iter()
        .filter(|(name, _)| is_override_header(name))
        .map(|(_, value)| String::from_utf8_lossy(value.trim_ascii()).to_ascii_uppercase())
        .collect();
    if let Some(at) = memchr::memchr(b'?', &request.target) {
        methods.extend(parameters(&request.target[at + 1..]));
    }
    let body = &request.body.bytes;
    if body.is_empty() {
        return methods;
    }
    // Two fields of that name, and nobody knows which of them is read.
    for media_type in request.headers.get_all("content-type").map(<[u8]>::to_ascii_lowercase) {
        let holds = |part: &[u8]| memchr::memmem::find(&media_type, part).is_some();
        let (form, multipart, json) = (holds(b"x-www-form-urlencoded"), holds(b"multipart/"), holds(b"json"));
        let readable =
            request.headers.get_all("content-encoding").all(|coding| coding.eq_ignore_ascii_case(b"identity"));
        if !readable && (form || multipart || json) {
            methods.push(String::new());
        } else if form {
            methods.extend(parameters(body));
        } else if (multipart && mentions_override(body)) || (json && has_override_member(body)) {
            methods.push(String::new());
        }
    }
    methods
}

/// CGI and its heirs do not tell `X-Method-Override` from `X_Method_Override`.
fn is_override_header(name: &str) -> bool {
    METHOD_OVERRIDES.iter().any(|known| {
        known.len() == name.len()
            && known.bytes().zip(name.bytes()).all(|(k, n)| k == n.to_ascii_lowercase() || (k == b'-' && n == b'_'))
    })
}

/// The values of override parameters in a query or a form (`a=1&_method=delete`), as method names. A value that
/// is not letters, so one that is escaped too, is the empty text.
fn parameters(text: &[u8]) -> impl Iterator<Item = String> {
    text.split(|b| matches!(b, b'&' | b';' | b'#' | b'?')).filter_map(|pair| {
        let (name, value) = pair.split_at(memchr::memchr(b'=', pair).unwrap_or(pair.len()));
        let value = value.strip_prefix(b"=").unwrap_or(value);
        let plain = value.iter().all(u8::is_ascii_alphabetic);
        is_override_parameter(name)
            .then(|| if plain { String::from_utf8_lossy(value).to_ascii_uppercase() } else { String::new() })
    })
}

/// `_method`, `%5Fmethod`, `_METHOD`, and what PHP makes into it: `.method`, ` _method`, `_method[]`.
fn is_override_parameter(name: &[u8]) -> bool {
    let plain = unescaped(name);
    let plain = plain.trim_ascii_start();
    let plain = plain.split(|b| *b == b'[').next().unwrap_or_default();
    let plain: Vec<u8> = plain
        .iter()
        .take_while(|b| **b != 0)
        .map(|b| if matches!(b, b'.' | b' ') { b'_' } else { b.to_ascii_lowercase() })
        .collect();
    plain == OVERRIDE_PARAMETER || std::str::from_utf8(&plain).is_ok_and(is_override_header)
}

/// A name without its percent escapes and pluses: `%5Fmethod` is `_method` to a framework, and so it is here.
fn unescaped(name: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((&first, tail)) = rest.split_first() {
        let escape = match (first, tail) {
            (b'%', [high, low, after @ ..]) => hex(*high).zip(hex(*low)).map(|(h, l)| (h << 4 | l, after)),
            (b'+', after) => Some((b' ', after)),
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

/// Whether a multipart body has the parameter's name anywhere: its parts may be written in more ways than are worth
/// reading here. (`payment_method` is such a name too; that such a form is not sent is the smaller harm.)
fn mentions_override(body: &[u8]) -> bool {
    let lower = body.to_ascii_lowercase();
    memchr::memmem::find_iter(&lower, b"method").any(|at| {
        let before = &lower[..at];
        before.ends_with(b"_") || before.ends_with(b".") || before.ends_with(b" ") || before.ends_with(b"%5f")
    })
}

/// Whether a JSON document is an object with such a member: Laravel and Slim read it like a form's field. What is no
/// JSON is searched for the name.
fn has_override_member(body: &[u8]) -> bool {
    match serde_json::from_slice::<Members>(body) {
        Ok(members) => members.has_override,
        Err(_) => mentions_override(body),
    }
}

/// What is to be known of the members of a document's object.
struct Members {
    has_override: bool,
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Members, D::Error> {
        deserializer.deserialize_any(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut has_override = false;
        while let Some(name) = map.next_key::<String>()? {
            has_override |= name.as_bytes().eq_ignore_ascii_case(OVERRIDE_PARAMETER);
            map.next_value::<IgnoredAny>()?;
        }
        Ok(Members { has_override })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Body, Version};

    fn of(target: &str, headers: &[(&str, &str)], body: &str) -> Vec<String> {
        overrides(&Request {
            method: "POST".into(),
            target: target.to_owned().into(),
            version: Version::Http11,
            headers: headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect(),
            body: Body::whole(body.to_owned()),
        })
    }

    #[test]
    fn headers_are_found_as_cgi_finds_them() {
        for name in ["X-HTTP-Method-Override", "x-http-method", "X-METHOD-OVERRIDE", "X_HTTP_Method_Override"] {
            assert_eq!(of("/", &[(name, " delete ")], ""), ["DELETE"], "{name}");
        }
        assert_eq!(of("/", &[("X-HTTP-Method", "get"), ("X-Http-Method", "PUT")], ""), ["GET", "PUT"], "each of them");
        for name in ["Method", "X-Method", "X-HTTP-Method-Overrides", "XX-HTTP-Method"] {
            assert!(of("/", &[(name, "delete")], "").is_empty(), "{name}");
        }
    }

    #[test]
    fn parameters_are_found_however_they_are_spelt() {
        let form = [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")];
        for (text, methods) in [
            ("_method=delete", &["DELETE"][..]),
            ("a=1&_METHOD=Put&b", &["PUT"]),
            ("%5Fmet%68od=delete", &["DELETE"]),
            (".method=delete", &["DELETE"]),
            ("+_method=delete", &["DELETE"]),
            ("%20.method=delete", &["DELETE"]),
            ("_method%5B%5D=delete", &["DELETE"]),
            ("_method%00x=delete", &["DELETE"]),
            ("X-HTTP-Method-Override=PATCH", &["PATCH"]),
            ("a;_method=get", &["GET"]),
            ("_method", &[""]),
            ("_method=%44ELETE", &[""]),
            ("payment_method=card&method=delete&x=_method&_methods=put&_method_=put", &[]),
        ] {
            assert_eq!(of(&format!("/a?{text}"), &[], ""), methods, "{text}");
            assert_eq!(of("/a", &form, text), methods, "{text} as a form");
        }
        assert!(of("/_method=delete", &[], "_method=delete").is_empty(), "neither a query nor a form");
    }

    #[test]
    fn bodies_that_frameworks_read_as_forms_are_forms() {
        let multipart = "--b\r\nContent-Disposition: form-data; name=\"_method\"\r\n\r\ndelete\r\n--b--";
        for (media_type, body, found) in [
            ("multipart/form-data; boundary=b", multipart, true),
            ("Multipart/Form-Data; boundary=b", &multipart.replace("_method", "_METHOD"), true),
            ("multipart/form-data; boundary=b", &multipart.replace("_method", ".method"), true),
            ("multipart/form-data; boundary=b", &multipart.replace("_method", "name"), false),
            ("application/json", r#"{"a":[{"_method":1}],"_method":"delete"}"#, true),
            ("application/vnd.api+json", r#"{"_Method":"delete"}"#, true),
            ("application/json", r#"{"\u005fmethod":"delete"}"#, true),
            ("application/json", r#"{"_method":"delete","#, true),
            ("application/json", r#"{"payment_method":"card","inner":{"_method":"delete"}}"#, false),
            ("application/json", r#"["_method"]"#, true),
            ("application/graphql", "mutation { _method }", false),
        ] {
            let methods = of("/", &[("Content-Type", media_type)], body);
            assert_eq!(methods, if found { vec![""] } else { vec![] }, "{media_type}: {body}");
        }
        let twice = [("Content-Type", "text/plain"), ("Content-Type", "application/x-www-form-urlencoded")];
        assert_eq!(of("/", &twice, "_method=delete"), ["DELETE"], "whichever is read");
        let coded = |coding| [("Content-Type", "application/json"), ("Content-Encoding", coding)];
        assert_eq!(of("/", &coded("gzip"), "\x1f\u{8b}"), [""], "what cannot be read is no method");
        assert!(of("/", &coded("identity"), "{}").is_empty());
        assert!(of("/", &coded("gzip"), "").is_empty(), "there is nothing in it");
    }
}

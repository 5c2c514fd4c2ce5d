//! What requests of one endpoint are told apart by.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::compare::body::{self, BodyKind};
use crate::compare::decode;
use crate::exchange::{Request, path_of};

/// Features of one request that are looked at; those behind them are left out.
pub const MAX_FEATURES: usize = 200;
/// Bytes of a value. A longer one stands for itself by its presence alone.
pub const MAX_FEATURE_VALUE: usize = 128;
/// Bytes of a feature's name.
const MAX_FEATURE_NAME: usize = 128;
/// Bytes of a request's body that is looked into.
const MAX_REQUEST_BODY: usize = 256 << 10;
/// How deep a request's body is looked into.
const MAX_DEPTH: usize = 6;

/// One thing by which requests are told apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Feature {
    /// A query parameter, by its name.
    Query(String),
    /// A header field, by its lower-case name.
    Header(String),
    /// A member of a JSON body, by its path: `$.address.country`.
    Body(String),
    /// A segment of the path, from 1.
    Path(usize),
    /// The address of the client, or the group that it was counted in.
    Client,
    /// The hour of day in which it was asked, in UTC.
    Hour,
    /// The status that the legacy answered.
    LegacyStatus,
}

impl std::fmt::Display for Feature {
    /// `query currency`, `header accept-language`, `body $.country`, `path segment 2`, `client`, `hour`, `legacy status`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Feature::Query(name) => write!(f, "query {name}"),
            Feature::Header(name) => write!(f, "header {name}"),
            Feature::Body(path) => write!(f, "body {path}"),
            Feature::Path(at) => write!(f, "path segment {at}"),
            Feature::Client => f.write_str("client"),
            Feature::Hour => f.write_str("hour (UTC)"),
            Feature::LegacyStatus => f.write_str("legacy status"),
        }
    }
}

/// What a request says: each feature with its value, the first one where it is there more often. A value past the
/// bound is None: the feature is there, and that is all.
pub(super) fn features(request: &Request) -> BTreeMap<Feature, Option<String>> {
    let mut found = BTreeMap::new();
    let mut add = |feature: Feature, name: &str, value: &str| {
        if found.len() < MAX_FEATURES && name.len() <= MAX_FEATURE_NAME {
            let value = (value.len() <= MAX_FEATURE_VALUE).then(|| value.to_owned());
            found.entry(feature).or_insert(value);
        }
    };
    let target: &[u8] = &request.target;
    if let Some(query) = memchr::memchr(b'?', target).and_then(|at| target.get(at + 1..)) {
        let query = query.split(|b| *b == b'#').next().unwrap_or(query);
        for (name, value) in form_urlencoded::parse(query) {
            add(Feature::Query(name.to_string()), &name, &value);
        }
    }
    let path = String::from_utf8_lossy(path_of(target)).into_owned();
    for (at, segment) in path.split('/').filter(|segment| !segment.is_empty()).enumerate() {
        add(Feature::Path(at + 1), "", segment);
    }
    for (name, value) in request.headers.iter() {
        let name = name.to_ascii_lowercase();
        add(Feature::Header(name.clone()), &name, &String::from_utf8_lossy(value));
    }
    if let Some(body) = json_body(request) {
        members(&body, "$", 0, &mut |path, value| add(Feature::Body(path.to_owned()), path, value));
    }
    found
}

/// Whether one of the values that a request asks with (in its target or its body) is this text.
pub(super) fn asks_with(features: &BTreeMap<Feature, Option<String>>, text: &str) -> bool {
    features.iter().any(|(feature, value)| {
        matches!(feature, Feature::Query(_) | Feature::Path(_) | Feature::Body(_)) && value.as_deref() == Some(text)
    })
}

/// Whether a request asks for an order of what it gets.
pub(super) fn asks_for_order(features: &BTreeMap<Feature, Option<String>>) -> bool {
    features.keys().any(|feature| {
        let (Feature::Query(name) | Feature::Body(name)) = feature else { return false };
        let name: String = name.to_ascii_lowercase().chars().filter(|c| c.is_ascii_alphanumeric()).collect();
        ["sort", "sortby", "order", "orderby", "sorting", "ordering", "sortorder"].contains(&name.as_str())
    })
}

fn json_body(request: &Request) -> Option<Value> {
    if request.body.bytes.is_empty() || !request.body.is_whole() {
        return None;
    }
    let text = decode::decode(request.headers.get_all("content-encoding"), &request.body.bytes).ok()?;
    let is_json = body::kind(request.headers.get("content-type"), &text) == BodyKind::Json;
    if is_json && text.len() <= MAX_REQUEST_BODY { serde_json::from_slice(&text).ok() } else { None }
}

/// Every scalar by its path; elements of an array share theirs, and the first speaks.
fn members(value: &Value, path: &str, depth: usize, add: &mut dyn FnMut(&str, &str)) {
    if depth > MAX_DEPTH {
        return;
    }
    match value {
        Value::Object(all) => {
            all.iter().for_each(|(name, value)| members(value, &format!("{path}.{name}"), depth + 1, add))
        }
        Value::Array(all) => {
            all.iter().take(MAX_FEATURES).for_each(|value| members(value, &format!("{path}[*]"), depth + 1, add));
        }
        Value::String(text) => add(path, text),
        other => add(path, &other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Body, Headers, Version};

    fn request(target: &str, media: &'static str, body: &str) -> Request {
        Request {
            method: "POST".into(),
            target: target.to_owned().into(),
            version: Version::Http11,
            headers: Headers::from_iter([("Content-Type", media.as_bytes()), ("X-Tenant", b"north")]),
            body: Body::whole(body.to_owned()),
        }
    }

    fn shown(request: &Request) -> Vec<String> {
        let value = |value: Option<String>| value.unwrap_or("…".into());
        features(request).into_iter().map(|(feature, v)| format!("{feature}={}", value(v))).collect()
    }

    #[test]
    fn a_request_is_taken_apart() {
        let body = r#"{"to":{"country":"DE"},"lines":[{"n":1},{"n":2}],"gift":true}"#;
        assert_eq!(
            shown(&request("/orders/7?a=%C3%A9+b&c&a=2#f", "application/json", body)),
            [
                "query a=é b",
                "query c=",
                "header content-type=application/json",
                "header x-tenant=north",
                "body $.gift=true",
                "body $.lines[*].n=1",
                "body $.to.country=DE",
                "path segment 1=orders",
                "path segment 2=7",
            ]
        );
        assert_eq!(shown(&request("*", "text/plain", "{}")).len(), 3);
    }

    #[test]
    fn names_values_and_their_number_are_bounded() {
        let many: Vec<String> = (0..1000).map(|n| format!("p{n}=1")).collect();
        let long = format!("/?{}&q={}", "n".repeat(500), "v".repeat(500));
        assert_eq!(features(&request(&format!("/?{}", many.join("&")), "a/b", "")).len(), MAX_FEATURES);
        let found = features(&request(&long, "a/b", ""));
        assert_eq!(found.get(&Feature::Query("q".into())), Some(&None));
        assert_eq!(found.keys().filter(|f| matches!(f, Feature::Query(_))).count(), 1);
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        assert!(!shown(&request("/", "application/json", &deep)).iter().any(|f| f.starts_with("body")));
    }

    #[test]
    fn an_order_that_is_asked_for_is_seen() {
        assert!(asks_for_order(&features(&request("/a?sort_by=price", "a/b", ""))));
        assert!(!asks_for_order(&features(&request("/a?resort=price", "a/b", ""))));
    }
}

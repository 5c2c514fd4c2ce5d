//! Reading an OpenAPI document.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{DocumentedStatus, MAX_DOCUMENT, OpenApi, Operation};
use crate::config::read::{ConfigError, problem};
use crate::config::written::{Checked, Entries, MAX_TEMPLATES, Problem, Text};
use crate::exchange::EndpointPattern;

/// Path items under `components` that may be referred to.
const PATH_ITEMS: &str = "#/components/pathItems/";

/// Where a variable of a server stands in its URL; more of them are no URL that somebody wrote.
const MAX_VARIABLES: usize = 20;

/// A document that the policy names.
#[derive(Debug)]
pub(in crate::config) struct Named {
    /// As it is written.
    pub(in crate::config) file: String,
    /// Where it is.
    pub(in crate::config) path: PathBuf,
    /// The line of the policy that names it.
    pub(in crate::config) line: u64,
    /// The base path that the policy gives, which goes before what the document says.
    pub(in crate::config) base: Option<String>,
}

impl Named {
    /// Reads it. `policy`: the file that names it.
    pub(in crate::config) fn read(self, policy: &Path) -> Result<OpenApi, ConfigError> {
        let unread = |why: String| ConfigError::Content {
            path: policy.to_owned(),
            line: self.line,
            message: format!("endpoints.openapi: cannot read {}: {why}; check the path", self.path.display()),
        };
        let mut text = String::new();
        let file = File::open(&self.path).map_err(|error| unread(error.to_string()))?;
        file.take(MAX_DOCUMENT + 1).read_to_string(&mut text).map_err(|error| unread(error.to_string()))?;
        if text.len() as u64 > MAX_DOCUMENT {
            return Err(unread(format!("it is larger than {MAX_DOCUMENT} bytes")));
        }
        let operations = operations(&text, self.base.as_deref())
            .map_err(|Problem { line, message }| ConfigError::Content { path: self.path.clone(), line, message })?;
        Ok(OpenApi { file: self.file, operations })
    }
}

#[derive(Debug, Deserialize)]
struct Document {
    openapi: Option<Text>,
    swagger: Option<Text>,
    servers: Option<Vec<Server>>,
    paths: Option<Entries<PathItem>>,
    components: Option<Components>,
}

#[derive(Debug, Deserialize)]
struct Components {
    #[serde(rename = "pathItems")]
    path_items: Option<Entries<PathItem>>,
}

#[derive(Debug, Deserialize)]
struct Server {
    url: Text,
    variables: Option<Entries<Variable>>,
}

#[derive(Debug, Deserialize)]
struct Variable {
    default: Option<Text>,
}

/// A path item; under names that begin with `x-` anything may stand.
#[derive(Debug, Default, Deserialize)]
struct PathItem {
    #[serde(rename = "$ref")]
    reference: Option<Text>,
    servers: Option<Vec<Server>>,
    get: Option<WrittenOperation>,
    put: Option<WrittenOperation>,
    post: Option<WrittenOperation>,
    delete: Option<WrittenOperation>,
    options: Option<WrittenOperation>,
    head: Option<WrittenOperation>,
    patch: Option<WrittenOperation>,
    trace: Option<WrittenOperation>,
}

#[derive(Debug, Deserialize)]
struct WrittenOperation {
    responses: Option<Entries<IgnoredAny>>,
    servers: Option<Vec<Server>>,
}

impl PathItem {
    fn operations(&self) -> impl Iterator<Item = (&'static str, &WrittenOperation)> {
        let all = [
            ("GET", &self.get),
            ("PUT", &self.put),
            ("POST", &self.post),
            ("DELETE", &self.delete),
            ("OPTIONS", &self.options),
            ("HEAD", &self.head),
            ("PATCH", &self.patch),
            ("TRACE", &self.trace),
        ];
        all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
    }
}

/// The operations of a document's text, JSON (which is YAML) or YAML.
pub(super) fn operations(text: &str, base: Option<&str>) -> Checked<Vec<Operation>> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 4_000_000,
            max_nodes: 2_000_000,
            max_aliases: 10_000,
            max_anchors: 10_000,
            max_recorded_anchor_events: 1_000_000,
            max_recorded_anchor_bytes: 64 << 20,
            max_depth: 200,
            max_documents: 1,
            max_merge_keys: 10_000,
            max_total_scalar_bytes: 64 << 20,
        },
        with_snippet: false,
    };
    let document: Option<Document> =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| problem(&error))?;
    let document = document.ok_or_else(|| wrong(1, "the document is empty; name an OpenAPI document (3.0 or 3.1)"))?;
    known_version(&document)?;
    let mut found = Vec::new();
    let mut shapes = BTreeSet::new();
    for (path, item) in document.paths.iter().flat_map(|paths| &paths.0) {
        if path.value.starts_with("x-") {
            continue;
        }
        let item = document.resolved(item)?;
        for (method, operation) in item.operations() {
            let servers = [&operation.servers, &item.servers, &document.servers].into_iter().flatten().next();
            let base = match base {
                Some(base) => base.to_owned(),
                None => base_path(servers.map_or(&[], Vec::as_slice))?,
            };
            let operation = read(path, method, &base, operation)?;
            if !shapes.insert(shape(&operation.endpoint)) {
                let message = format!(
                    "{} is there twice, if one does not go by the names of variables; keep one",
                    operation.endpoint
                );
                return Err(Problem { line: path.referenced.line(), message });
            }
            if found.len() == MAX_TEMPLATES {
                let message = format!("the document has more than {MAX_TEMPLATES} operations; leave some out");
                return Err(Problem { line: path.referenced.line(), message });
            }
            found.push(operation);
        }
    }
    if found.is_empty() {
        return Err(wrong(1, "the document has no operation under 'paths'; name another, or write 'learned'"));
    }
    found.sort_by(|a, b| a.endpoint.narrowest_first(&b.endpoint));
    Ok(found)
}

fn wrong(line: u64, message: &str) -> Problem {
    Problem { line, message: message.to_owned() }
}

fn known_version(document: &Document) -> Checked<()> {
    if let Some(swagger) = &document.swagger {
        let message = format!(
            "this is Swagger {}, which is not read; convert it to OpenAPI 3 (`npx swagger2openapi FILE`), or write \
             'templates' in the policy",
            swagger.value
        );
        return Err(Problem { line: swagger.referenced.line(), message });
    }
    let Some(version) = &document.openapi else {
        return Err(wrong(1, "this is no OpenAPI document: the key 'openapi' is missing; name one (3.0 or 3.1)"));
    };
    let known = ["3.0", "3.1"]
        .iter()
        .any(|known| version.value.strip_prefix(known).is_some_and(|patch| patch.is_empty() || patch.starts_with('.')));
    if known {
        return Ok(());
    }
    let message = format!("OpenAPI '{}' is not known; 3.0 and 3.1 are", version.value);
    Err(Problem { line: version.referenced.line(), message })
}

impl Document {
    /// The item itself, or what it refers to under `components`.
    fn resolved<'a>(&'a self, item: &'a PathItem) -> Checked<&'a PathItem> {
        let Some(reference) = &item.reference else { return Ok(item) };
        let items = self.components.as_ref().and_then(|components| components.path_items.as_ref());
        let name = reference.value.strip_prefix(PATH_ITEMS).map(|name| name.replace("~1", "/").replace("~0", "~"));
        let there = items.zip(name).and_then(|(items, name)| items.0.iter().find(|(key, _)| key.value == name));
        match there {
            Some((_, item)) if item.reference.is_none() => Ok(item),
            _ => Err(Problem {
                line: reference.referenced.line(),
                message: format!(
                    "'{}' is not under '{PATH_ITEMS}' of this document; put it into one file (`npx @redocly/cli bundle`)",
                    reference.value
                ),
            }),
        }
    }
}

fn read(path: &Text, method: &str, base: &str, operation: &WrittenOperation) -> Checked<Operation> {
    let at = |message: String| Problem { line: path.referenced.line(), message };
    if !path.value.starts_with('/') {
        return Err(at(format!("'{}' is no path; it begins with '/'", path.value)));
    }
    // Blanks would be read as the end of the path.
    if path.value.contains(char::is_whitespace) {
        return Err(at(format!("'{}' has a blank in it; write it as '%20'", path.value)));
    }
    let endpoint: EndpointPattern =
        format!("{method} {base}{}", path.value).parse().map_err(|error| at(format!("{error}")))?;
    let codes = operation.responses.iter().flat_map(|responses| &responses.0).map(|(code, _)| code);
    let statuses = codes
        .filter(|code| !code.value.starts_with("x-"))
        .map(|code| {
            let line = code.referenced.line();
            code.value.parse::<DocumentedStatus>().map_err(|why| Problem { line, message: format!("responses: {why}") })
        })
        .collect::<Checked<_>>()?;
    Ok(Operation { endpoint, statuses })
}

/// The path without the names of its variables.
fn shape(endpoint: &EndpointPattern) -> String {
    let mut shape = String::new();
    let mut inside = false;
    for c in endpoint.to_string().chars() {
        inside &= c != '}';
        if !inside {
            shape.push(c);
        }
        inside |= c == '{';
    }
    shape
}

/// The one path that the servers' URLs have: empty, or begins with `/` and does not end with it.
fn base_path(servers: &[Server]) -> Checked<String> {
    let mut first: Option<(String, &Text)> = None;
    for server in servers {
        let path = path_of(server)?;
        match &first {
            None => first = Some((path, &server.url)),
            Some((other, _)) if *other == path => {}
            Some((other, _)) => {
                return Err(Problem {
                    line: server.url.referenced.line(),
                    message: format!(
                        "the servers have different base paths, '{other}' and '{path}'; write which one the captured \
                         requests have beside 'openapi' in the policy, as in 'base: {}'",
                        if other.is_empty() { "/" } else { other }
                    ),
                });
            }
        }
    }
    Ok(first.map(|(path, _)| path).unwrap_or_default())
}

/// The path of a server's URL, which may be relative to wherever the document is served.
fn path_of(server: &Server) -> Checked<String> {
    let at = |message: String| Problem { line: server.url.referenced.line(), message };
    let mut url = server.url.value.clone();
    for _ in 0..MAX_VARIABLES {
        let Some((before, rest)) = url.split_once('{') else { break };
        let Some((name, behind)) = rest.split_once('}') else { break };
        let variable = server.variables.iter().flat_map(|all| &all.0).find(|(key, _)| key.value == name);
        let Some(default) = variable.and_then(|(_, variable)| variable.default.as_ref()) else {
            return Err(at(format!("the variable '{name}' of the server has no default; give it one")));
        };
        url = format!("{before}{}{behind}", default.value);
    }
    let path = match (url.split_once("://"), url.strip_prefix("//")) {
        (Some((_, rest)), _) | (None, Some(rest)) => rest.find('/').map_or("", |slash| &rest[slash..]),
        (None, None) => &url,
    };
    let path = path.split(['?', '#']).next().unwrap_or_default().trim_matches('/');
    let plain = path.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}*".contains(&b));
    match (plain, path.is_empty()) {
        (false, _) => Err(at(format!("'{}' has no path that requests can have; correct it", server.url.value))),
        (true, true) => Ok(String::new()),
        (true, false) => Ok(format!("/{path}")),
    }
}

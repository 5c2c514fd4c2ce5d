use std::path::Path;

use super::document::operations;
use super::*;
use crate::config::{ConfigError, Endpoints, Policy, from_text, read, read_to_keep};

const YAML: &str = "\
openapi: 3.0.3
info: {title: orders, version: '1'}
servers:
  - url: https://{host}/api/{version}/
    variables: {host: {default: a.example}, version: {default: v2}}
  - url: /api/v2
paths:
  x-owner: {get: nobody}
  /orders/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    get:
      responses:
        200: {description: it}
        '404': {$ref: '#/components/responses/None'}
        default: {description: else}
        x-note: a
    delete: {responses: {4XX: {description: no}}}
  /orders/recent: {get: {responses: {'200': {description: them}}}}
  /reports/{day}.csv: {get: {}}
components: {schemas: {Deep: {properties: {get: {type: integer}}}}}
";

fn shown(operations: &[Operation]) -> Vec<String> {
    let statuses = |o: &Operation| o.statuses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    operations.iter().map(|o| format!("{}: {}", o.endpoint, statuses(o))).collect()
}

#[test]
fn operations_are_read_with_the_base_path_and_their_statuses_the_narrowest_first() {
    let expected = [
        "GET /api/v2/orders/recent: 200",
        "GET /api/v2/reports/{day}.csv: ",
        "DELETE /api/v2/orders/{id}: 4XX",
        "GET /api/v2/orders/{id}: 200 404 default",
    ];
    let found = operations(YAML, None).unwrap();
    assert_eq!(shown(&found), expected);
    assert!(found[2].documents(404) && !found[2].documents(200) && found[3].documents(500) && !found[0].documents(404));
    assert_eq!(
        shown(&operations(YAML, Some("")).unwrap())[0],
        "GET /orders/recent: 200",
        "the policy's base goes first"
    );
    // The same document as JSON, which no YAML document has to be told apart from; with what only JSON escapes so.
    let tree: serde_json::Value = serde_saphyr::from_str(YAML).unwrap();
    let json =
        serde_json::to_string_pretty(&tree).unwrap().replace("orders\"", "\\ud83d\\ude00\\/\"").replace("  ", "\t");
    assert!(json.contains("\\ud83d"));
    assert_eq!(shown(&operations(&json, None).unwrap()), expected);
}

#[test]
fn of_3_1_path_items_may_be_referred_to_and_servers_may_stand_anywhere() {
    let text = "\
openapi: 3.1.1
servers: [{url: /a}]
paths:
  /one: {$ref: '#/components/pathItems/one'}
  /two:
    servers: [{url: 'http://host/b'}]
    get: {}
    put: {servers: [{url: //host/c}]}
  /three: {servers: [], head: {servers: [{url: http://host}]}}
components: {pathItems: {one: {post: {responses: {5XX: {}}}}}}
";
    let expected = ["HEAD /three: ", "POST /a/one: 5XX", "GET /b/two: ", "PUT /c/two: "];
    assert_eq!(shown(&operations(text, None).unwrap()), expected);
}

#[test]
fn what_cannot_be_used_is_told_with_its_line() {
    let paths = |paths: &str| format!("openapi: 3.0.0\npaths:\n{paths}");
    let many: String = (0..=crate::config::MAX_TEMPLATES).map(|n| format!("  /p{n}: {{get: {{}}}}\n")).collect();
    for (text, line, why) in [
        (
            "swagger: '2.0'\npaths: {}\n".to_owned(),
            1,
            "this is Swagger 2.0, which is not read; convert it to OpenAPI 3",
        ),
        ("info: {}\n".to_owned(), 1, "the key 'openapi' is missing"),
        (String::new(), 1, "the document is empty"),
        ("openapi: 3.1.0\nwebhooks: {}\n".to_owned(), 1, "no operation under 'paths'"),
        ("info: {}\nopenapi: 4.0.0\n".to_owned(), 2, "OpenAPI '4.0.0' is not known; 3.0 and 3.1 are"),
        ("openapi: 3.10.0\n".to_owned(), 1, "OpenAPI '3.10.0' is not known"),
        (paths("  orders: {get: {}}\n"), 3, "'orders' is no path; it begins with '/'"),
        (paths("  /a: {get: {}}\n  /a b: {get: {}}\n"), 4, "has a blank in it"),
        (paths("  /{a}{b}: {get: {}}\n"), 3, "between two variables"),
        (paths("  /a/{x}: {get: {}}\n  /a/{y}: {get: {}}\n"), 4, "GET /a/{y} is there twice"),
        (
            paths("  /a:\n    get:\n      responses:\n        20x: {}\n"),
            6,
            "'20x' is no status code; write '200', '4XX'",
        ),
        (paths("  /a: {get: {responses: {999: {}}}}\n"), 3, "'999' is no status code"),
        (paths("  /a: {$ref: other.yaml}\n"), 3, "'other.yaml' is not under '#/components/pathItems/'"),
        (paths("  /a: {get: yes}\n"), 3, "here must be keys with their values"),
        (
            "openapi: 3.0.0\nservers:\n- url: /v1\n- url: /v2\npaths: {/a: {get: {}}}\n".to_owned(),
            4,
            "the servers have different base paths, '/v1' and '/v2'; write which one the captured requests have",
        ),
        (
            "openapi: 3.0.0\nservers: [{url: '/{v}'}]\npaths: {/a: {get: {}}}\n".to_owned(),
            2,
            "'v' of the server has no default",
        ),
        (
            "openapi: 3.0.0\nservers: [{url: 'http://a/<b>'}]\npaths: {/a: {get: {}}}\n".to_owned(),
            2,
            "no path that requests",
        ),
        (paths(&many), 2003, "the document has more than 2000 operations"),
        ("openapi: 3.0.0\npaths: {\n".to_owned(), 2, "correct the YAML"),
    ] {
        let problem = operations(&text, None).unwrap_err();
        assert!(problem.message.contains(why), "{}: {}", &text[..text.len().min(80)], problem.message);
        assert_eq!(problem.line, line, "{}", problem.message);
    }
}

fn operations_of(policy: &Policy) -> Vec<String> {
    match &policy.endpoints {
        Endpoints::OpenApi(document) => shown(&document.operations),
        other => vec![format!("{other:?}")],
    }
}

#[test]
fn what_is_kept_of_a_policy_makes_the_same_policy_without_the_document() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("orders.yaml"), YAML).unwrap();
    std::fs::write(at("policy.yaml"), "owner: me\nendpoints: {openapi: orders.yaml, base: /v3}").unwrap();
    let (policy, kept) = read_to_keep(&at("policy.yaml")).unwrap();
    assert_eq!(operations_of(&policy)[0], "GET /v3/orders/recent: 200");
    assert!(kept.starts_with("owner: me\n"));
    std::fs::remove_file(at("orders.yaml")).unwrap();
    assert_eq!(from_text(&kept, &at("policy.yaml")).unwrap(), policy);

    let told = read(&at("policy.yaml")).unwrap_err().to_string();
    assert!(
        told.contains("policy.yaml:2: endpoints.openapi: cannot read") && told.contains("orders.yaml: No such"),
        "{told}"
    );
    std::fs::write(at("orders.yaml"), "swagger: '2.0'\n").unwrap();
    let told = read(&at("policy.yaml")).unwrap_err().to_string();
    assert!(told.contains("orders.yaml:1: this is Swagger 2.0"), "{told}");
    std::fs::write(at("orders.yaml"), vec![b' '; MAX_DOCUMENT as usize + 1]).unwrap();
    assert!(read(&at("policy.yaml")).unwrap_err().to_string().contains("larger than"));

    // Nobody can write into a policy what only a run file has, and what a run file has may come from anybody.
    std::fs::write(at("policy.yaml"), &kept).unwrap();
    assert!(read(&at("policy.yaml")).unwrap_err().to_string().contains("a policy is one document"));
    let (written, _) = kept.rsplit_once('{').unwrap();
    for (text, why) in [
        (written.to_owned(), "what was kept of the OpenAPI document: "),
        (kept.replace("\"200\"", "\"9\""), "'9' is no status code"),
        (kept.replace("GET /v3/orders/recent", "recent"), "names no endpoint"),
    ] {
        match from_text(&text, Path::new("p.yaml")) {
            Err(ConfigError::Content { line: 4, message, .. }) => assert!(message.contains(why), "{message}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

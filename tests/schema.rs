//! The JSON Schemas that `tapcompare schema` prints, against the readers: what one refuses for its keys, the other does.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use jsonschema::Validator;
use serde_json::Value;
use tapcompare::config;
use tapcompare::rules::RuleSet;

fn printed(of: &[&str]) -> Value {
    let done = Command::new(env!("CARGO_BIN_EXE_tapcompare")).arg("schema").args(of).output().unwrap();
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()), (Some(0), ""));
    serde_json::from_slice(&done.stdout).unwrap()
}

fn validator(schema: &Value) -> Validator {
    jsonschema::draft202012::meta::validate(schema).unwrap();
    jsonschema::draft202012::new(schema).unwrap()
}

/// As editors read it: in YAML 1.2 `n` and `off` are no booleans.
fn tree(yaml: &str) -> Value {
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(yaml, options).unwrap_or_else(|error| panic!("{error}: {yaml}"))
}

/// What the readers say: None where they take the text.
fn policy_refuses(text: &str) -> Option<String> {
    // A document that is named and not there is no mistake of the policy's keys.
    let error = config::from_text(text, Path::new("p.yaml")).err().map(|error| error.to_string());
    error.filter(|error| !error.contains("was not kept with the policy"))
}

fn rules_refuse(text: &str) -> Option<String> {
    let today = "2026-11-25".parse().unwrap();
    RuleSet::parse("r.yaml", text, today).err().map(|error| error.to_string())
}

/// The YAML examples of a page, and what they are of: rules begin with `rules:` and a list of mappings.
fn examples(page: &str) -> Vec<(bool, String)> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
    let blocks = text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    let examples: Vec<(bool, String)> = blocks.map(|block| (block.starts_with("rules:\n  - "), block)).collect();
    assert!(!examples.is_empty(), "{page}");
    examples
}

#[test]
fn every_example_in_the_pages_is_taken_by_schema_and_reader() {
    let (policy, rules) = (validator(&printed(&[])), validator(&printed(&["rules"])));
    let mut seen = [0, 0];
    let shipped = fs::read_to_string("rules/common.yaml").unwrap();
    let demo = fs::read_to_string("captures/shop.yaml").unwrap();
    let pages = ["README.md", "rules/README.md"].iter().flat_map(|page| examples(page));
    for (of_rules, text) in pages.chain([(true, shipped), (false, demo)]) {
        seen[usize::from(of_rules)] += 1;
        let (validator, refused) =
            if of_rules { (&rules, rules_refuse(&text)) } else { (&policy, policy_refuses(&text)) };
        let wrong: Vec<String> =
            validator.iter_errors(&tree(&text)).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert_eq!((wrong, refused), (Vec::new(), None), "{text}");
    }
    assert!(seen[0] >= 3 && seen[1] >= 5, "{seen:?}");
}

/// Documents of which each is refused by both.
const BAD_POLICIES: &[&str] = &[
    "owners: a",
    "owner: ''",
    "targets: {candidate: orders:8080}",
    "targets: {candidate: https://orders}",
    "targets: {other: http://a}",
    "safety: {methods: [get]}",
    "safety: {methods: GET}",
    "safety: {endpoints: [{endpoint: POST /a}]}",
    "safety: {endpoints: [{endpoint: /a, as: read}]}",
    "safety: {endpoints: [{endpoint: POST /a, as: write}]}",
    "safety: {credentials: keep}",
    "safety: {credentials: {replace: {authorization: Bearer abc}}}",
    "safety: {limits: {rate: 500}}",
    "safety: {limits: {burst: 5}}",
    "safety: {limits: {timeout: 2}}",
    "safety: {limits: {body: 16}}",
    "safety: {limits: {in_flight: 0}}",
    "safety: {sample: {by: client}}",
    "safety: {sample: {share: 0.1}}",
    "safety: {sample: {share: 1%, by: session}}",
    "safety: {breaker: on}",
    "safety: {breaker: {over: 20}}",
    "safety: {backoff: {latency: 1x}}",
    "endpoints: guessed",
    "endpoints: {}",
    "endpoints: {templates: [orders]}",
    "endpoints: {templates: [/a], openapi: b.yaml}",
    "endpoints: {templates: [/a], base: /v1}",
    "endpoints: {openapi: a.yaml, base: v1}",
    "endpoints: {swagger: a.yaml}",
    "rules: common",
    "rules: ['']",
    "gates: {errors: {}}",
    "gates: {mismatch_rate: {below: 0.1}}",
    "gates: {mismatch_rate: {below: 0%}}",
    "gates: {mismatch_rate: {below: 101%}}",
    "gates: {mismatch_rate: {below: 50%}}",
    "gates: {mismatch_rate: {endpoints: [{endpoint: GET /a, below: 99%}]}}",
    "gates: {candidate_errors: {below: 100%}}",
    "gates: {loss: {below: 60.5%}}",
    "gates: {mismatch_rate: {confidence: 5%}}",
    "gates: {mismatch_rate: {each: host}}",
    "gates: {mismatch_rate: {looks: twice}}",
    "gates: {mismatch_rate: {over: 14}}",
    "gates: {mismatch_rate: {endpoints: [{endpoint: GET /a}]}}",
    "gates: {mismatch_rate: {endpoints: [{endpoint: GET /a, at_most: 1x}]}}",
    "gates: {latency: {quantile: 95}}",
    "gates: {latency: {quantile: p100}}",
    "gates: {latency: {quantile: p49.9}}",
    "gates: {latency: {at_most: 101x}}",
    "gates: {latency: {endpoints: [{endpoint: GET /a, at_most: 1000x}]}}",
    "gates: {latency: {at_most: 1.1}}",
    "gates: {latency: {at_most: 0x}}",
    "gates: {latency: {endpoints: [{endpoint: GET /a, below: 1%}]}}",
    "gates: {coverage: {requests_per_endpoint: 0}}",
    "gates: {coverage: {requests_per_endpoint: many}}",
    "gates: {coverage: {except: [a]}}",
    "gates: {coverage: {weeks: 2}}",
    "gates: {rules: {hidden_at_most: 5}}",
    "gates: {rules: {faults_detected: 101%}}",
    "gates: {rules: {faults_detected: 49%}}",
    "gates: {rules: {hidden_at_most: 51%}}",
    "gates: {age: {at_most: 30}}",
    "gates: {age: 30d}",
    "critical:",
    "checklist:\n  # - {id: a}\n",
    "gates:\n  loss:\n",
    "gates: {coverage: {except: ~}}",
    "gates: {mismatch_rate: {below: null}}",
    "endpoints: {templates: }",
    "redaction:\n  headers:\n",
    "critical: GET /a",
    "critical: [a]",
    "critical: [GET /a, GET /a]",
    "checklist: [{what: a}]",
    "checklist: [{id: a b}]",
    "checklist: [{id: a, by: me}]",
    "checklist: [{id: a, by: me, evidence: b, on: tomorrow}]",
    "checklist: [{id: a, expires: 2026-13-01}]",
    "build: on",
    "build: {header: a b}",
    "build: {}",
    "clients: address",
    "clients: {by: cookie sid}",
    "redaction: {headers: [a b]}",
    "redaction: {json: [a]}",
    "redaction: {names: ['--']}",
    "- a",
    "just words",
];

const RULE: &str = "owner: me, reason: r, expires: 2099-12-31";

/// What follows the RULE of a rule with an id, of which each is refused by both.
const BAD_RULES: &[&str] = &[
    "at: {json: $.a}",
    "at: {json: $.a}, ignore: true, accept: true",
    "at: {json: a}, ignore: true",
    "at: {json: []}, ignore: true",
    "at: {}, ignore: true",
    "at: {json: $.a, header: b}, ignore: true",
    "at: {header: '*'}, ignore: true",
    "at: {header: a b}, ignore: true",
    "at: {cookie: '*'}, ignore: true",
    "at: {status: false}, ignore: true",
    "at: {status: [1, 2, 3]}, ignore: true",
    "at: {status: 99}, ignore: true",
    "at: {body: false}, ignore: true",
    "at: {endpoint: orders, body: true}, ignore: true",
    "at: {path: $.a}, ignore: true",
    "at: {json: $.a}, ignore: false",
    "at: {json: $.a}, ignore: {type: string}",
    "at: {json: $.a}, ignore: {order: any}",
    "at: {json: $.a}, match: {}",
    "at: {json: $.a}, match: {shape: guid}",
    "at: {json: $.a}, match: {shape: [uuid, uuid, uuid]}",
    "at: {json: $.a}, match: {type: any}",
    "at: {json: $.a}, match: {tolerance: -1}",
    "at: {json: $.a}, match: {skew: 5}",
    "at: {json: $.a}, match: {order: sorted}",
    "at: {json: $.a}, match: {keyed: ''}",
    "at: {json: $.a}, match: {case: upper}",
    "at: {json: $.a}, match: {whitespace: keep}",
    "at: {json: $.a}, match: {lexeme: false}",
    "at: {json: $.a}, match: {fuzzy: true}",
    "at: {json: $.a}, accept: {max_rate: 5}",
    "at: {json: $.a}, accept: {max_rate: 0%}",
    "at: {json: $.a}, accept: {kind: values}",
    "at: {json: $.a}, accept: {until: 2099-12-31}",
    "at: {json: $.a}, ignore: true, ticket: 7",
];

#[test]
fn what_the_readers_refuse_the_schemas_refuse() {
    let (policy, rules) = (validator(&printed(&["policy"])), validator(&printed(&["rules"])));
    for text in BAD_POLICIES {
        assert!(policy_refuses(text).is_some(), "the reader takes {text}");
        assert!(!policy.is_valid(&tree(text)), "the schema takes {text}");
    }
    let of = |rest: &str| format!("rules:\n  - {{id: a, {RULE}, {rest}}}\n");
    let whole = ["{}", "rules: {}", "rule: []", "rules: [{id: a}]", "rules: []\nowner: me"].map(str::to_owned);
    let ids = ["id: ä", "id: ''"].map(|id| of("at: {json: $.a}, ignore: true").replace("id: a", id));
    let fields = [("owner: me", "owner: ''"), ("2099-12-31", "never"), ("reason: r, ", "")];
    let fields = fields.map(|(from, to)| of("at: {json: $.a}, ignore: true").replace(from, to));
    for text in BAD_RULES.iter().map(|rest| of(rest)).chain(whole).chain(ids).chain(fields) {
        if text != "rules: []\nowner: me" {
            assert!(rules_refuse(&text).is_some(), "the reader takes {text}");
        }
        assert!(!rules.is_valid(&tree(&text)), "the schema takes {text}");
    }
    assert!(rules.is_valid(&tree(&of("at: {json: $.a}, ignore: true"))));
}

/// Each object of a schema that names its keys, by a document that leads to it: `{}` stands where its keys are.
fn objects(schema: &Value) -> Vec<(String, BTreeSet<String>)> {
    let mut found = Vec::new();
    walk(schema, schema, "{}".to_owned(), &mut found);
    found
}

fn walk(root: &Value, at: &Value, document: String, found: &mut Vec<(String, BTreeSet<String>)>) {
    if let Some(reference) = at.get("$ref").and_then(Value::as_str) {
        walk(root, root.pointer(reference.trim_start_matches('#')).unwrap(), document.clone(), found);
    }
    for key in ["anyOf", "oneOf"] {
        for one in at.get(key).and_then(Value::as_array).into_iter().flatten() {
            // A condition on keys is no other shape.
            if one.get("required").is_none() || one.get("properties").is_some() {
                walk(root, one, document.clone(), found);
            }
        }
    }
    if let Some(items) = at.get("items") {
        walk(root, items, document.replace("{}", "[{}]"), found);
    }
    let Some(properties) = at.get("properties").and_then(Value::as_object) else { return };
    assert_eq!(at["additionalProperties"], Value::Bool(false), "{document}");
    found.push((document.clone(), properties.keys().cloned().collect()));
    for (key, inside) in properties {
        walk(root, inside, document.replace("{}", &format!("{{{key}: {{}}}}")), found);
    }
}

/// The keys that a reader says it expects, where it is given one that nobody has.
fn expected(message: &str) -> BTreeSet<String> {
    let list = message.split("; expected ").nth(1).unwrap_or_else(|| panic!("{message}"));
    list.trim_start_matches("one of: ").split(", ").map(|key| key.trim().to_owned()).collect()
}

#[test]
fn schema_and_reader_know_exactly_the_same_keys() {
    let policy = objects(&printed(&[]));
    assert!(policy.len() >= 20, "{}", policy.len());
    for (document, keys) in policy {
        let text = document.replace("{}", "{no-such-key: 1}");
        let message = policy_refuses(&text).unwrap_or_else(|| panic!("{text}"));
        let mut expected = expected(&message);
        // Two words that may stand there alone, which the reader names beside the key.
        if text.contains("credentials") {
            assert!(expected.remove("strip") && expected.remove("pass"), "{message}");
        }
        assert_eq!(expected, keys, "{text}");
    }
    let rules = objects(&printed(&["rules"]));
    assert_eq!(rules.len(), 6, "file, rule, at, ignore, match, accept");
    for (document, keys) in rules {
        let text = document.replace("{}", "{no-such-key: 1}");
        let message = rules_refuse(&text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(expected(&message), keys, "{text}");
    }
}

#[test]
fn the_lists_of_words_are_those_of_the_reader() {
    let schema = printed(&["rules"]);
    let words = |pointer: &str| -> Vec<String> {
        schema.pointer(pointer).and_then(Value::as_array).unwrap().iter().map(|w| w.as_str().unwrap().into()).collect()
    };
    let shapes: Vec<&str> = tapcompare::rules::Shape::ALL.iter().map(|shape| shape.as_str()).collect();
    assert_eq!(words("/$defs/match/properties/shape/anyOf/0/enum"), shapes);
    let kinds: Vec<&str> = tapcompare::exchange::DifferenceKind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(words("/$defs/accept/anyOf/1/properties/kind/anyOf/0/enum"), kinds);
}

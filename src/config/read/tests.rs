use std::time::Duration;

use super::*;
use crate::config::{
    Backoff, Breaker, BuildMark, ChecklistItem, ClientMark, CoverageGate, Credentials, EndpointLimit, Endpoints,
    LatencyGate, Limits, Looks, MismatchGate, Replacement, RulesGate, Safety, Sample, SampleBy, Scope, ShareGate,
    Signature, SlowLimit, Treatment, When,
};

fn policy(text: &str) -> Result<Policy, ConfigError> {
    from_text(text, Path::new("conf/tapcompare.yaml"))
}

fn refused(text: &str) -> String {
    let message = policy(text).expect_err(text).to_string();
    assert!(!message.contains('\n') && message.starts_with("conf/tapcompare.yaml:"), "{message}");
    message
}

const WHOLE: &str = "\
capability: order-service          # what is cut over
owner: checkout-team
targets:
  candidate: http://orders.internal:8080
  legacy: http://[::1]/old/
safety:
  methods: [GET, HEAD, OPTIONS]
  endpoints:
    - {endpoint: POST /search, as: read}
    - endpoint: 'PUT /orders/{id}/preview'
      as: read
  credentials: pass
  limits: {rate: 500/s, in_flight: 32, timeout: 1500ms, body: 1MiB}
endpoints: {templates: ['GET /orders/{id}', \"* /health\"]}
rules: [rules/common.yaml, /etc/rules.yaml]
gates:
  mismatch_rate: {below: 0.5%, confidence: 99%, each: endpoint, looks: any}
  latency: {quantile: p99, at_most: 1.25x}
  candidate_errors: {below: 1%}
  loss: {below: 2%}
  coverage: {requests_per_endpoint: 100}
";

#[test]
fn every_key_of_the_file_reaches_its_meaning() {
    let policy = policy(WHOLE).unwrap();
    assert_eq!(policy.capability.as_deref(), Some("order-service"));
    assert_eq!(policy.owner.as_deref(), Some("checkout-team"));
    assert_eq!(policy.targets.candidate, Some("http://orders.internal:8080".parse().unwrap()));
    assert_eq!(policy.targets.legacy, Some("http://[::1]:80/old".parse().unwrap()));
    let Safety { methods, endpoints, credentials, limits, sample, breaker, backoff } = policy.safety;
    assert_eq!(methods, ["GET", "HEAD", "OPTIONS"]);
    assert_eq!(endpoints.len(), 2);
    assert_eq!(endpoints[1].endpoint.to_string(), "PUT /orders/{id}/preview");
    assert_eq!(endpoints[1].treatment, Treatment::Read);
    assert_eq!(credentials, Credentials::Pass);
    assert_eq!((sample, breaker, backoff), (None, Breaker::default(), Backoff::default()));
    let timeout = Duration::from_millis(1500);
    assert_eq!(limits, Limits { rate: Some(500.0), burst: None, in_flight: 32, timeout, body: 1 << 20 });
    let templates = ["GET /orders/{id}", "* /health"].map(|t| t.parse().unwrap()).to_vec();
    assert_eq!(policy.endpoints, Endpoints::Templates(templates));
    assert_eq!(policy.rules, [Path::new("conf/rules/common.yaml"), Path::new("/etc/rules.yaml")]);
    let gates = policy.gates;
    assert_eq!(
        gates.mismatch_rate,
        MismatchGate {
            below: 0.005,
            confidence: 0.99,
            each: Scope::Endpoint,
            looks: Some(Looks::Any),
            ..MismatchGate::default()
        }
    );
    assert_eq!(gates.latency, LatencyGate { quantile: 0.99, at_most: 1.25, ..LatencyGate::default() });
    assert_eq!((gates.candidate_errors, gates.loss), (ShareGate { below: 0.01 }, ShareGate { below: 0.02 }));
    assert_eq!(gates.coverage, CoverageGate { requests_per_endpoint: 100, ..CoverageGate::default() });
}

#[test]
fn the_whole_of_the_safety_reaches_its_meaning() {
    let text = "\
safety:
  endpoints:
    - {endpoint: POST /orders, as: sandboxed}
    - {endpoint: POST /search/**, as: read}
  credentials: {replace: {Authorization: $STAGING_TOKEN, cookie: $STAGING_COOKIE}}
  limits: {rate: 100/s, burst: 7}
  sample: {share: 10%, by: header X-User}
  breaker: {errors: 30%, over: 50 requests, latency: 2s, open_for: 1m}
  backoff: {latency: 3x, least: 5/s}
";
    let safety = policy(text).unwrap().safety;
    assert_eq!(safety.endpoints[0].treatment, Treatment::Sandboxed);
    let replaced = |header: &str, variable: &str| Replacement { header: header.into(), variable: variable.into() };
    let both = vec![replaced("authorization", "STAGING_TOKEN"), replaced("cookie", "STAGING_COOKIE")];
    assert_eq!(safety.credentials, Credentials::Replace(both));
    assert_eq!((safety.limits.rate, safety.limits.burst), (Some(100.0), Some(7)));
    assert_eq!(safety.sample, Some(Sample { share: 0.1, by: SampleBy::Header("x-user".into()) }));
    let latency = SlowLimit::Absolute(Duration::from_secs(2));
    let open_for = Duration::from_secs(60);
    assert_eq!(safety.breaker, Breaker { when: When::Always, errors: 0.3, over: 50, latency, open_for });
    assert_eq!(safety.backoff, Backoff { when: When::Always, latency: 3.0, least: 5.0 });

    let safety = policy("safety: {sample: {share: 5%}, breaker: {over: 3 requests}, backoff: off}").unwrap().safety;
    assert_eq!(safety.sample, Some(Sample { share: 0.05, by: SampleBy::Client }));
    assert_eq!(safety.breaker, Breaker { when: When::Always, over: 3, ..Breaker::default() });
    assert_eq!(safety.backoff, Backoff { when: When::Never, ..Backoff::default() });
    assert_eq!(policy("safety: {breaker: 'off'}").unwrap().safety.breaker.when, When::Never);
    assert_eq!(policy("safety: {breaker: {}}").unwrap().safety.breaker.when, When::Always);
}

#[test]
fn what_makes_no_sense_in_the_safety_is_named_with_its_line_and_the_way_out() {
    for (text, message) in [
        ("safety:\n  credentials: keep\n", ":2: unknown key 'keep'; expected one of: strip, pass, replace"),
        ("safety:\n  credentials: {replace: all}\n", ":2: here must be keys with their values"),
        ("safety:\n  credentials: replace\n", "here must be keys with their values"),
        (
            "safety:\n  credentials:\n    replace:\n      authorization: Bearer canary\n",
            ":4: safety.credentials.replace.authorization: a credential stands in the environment and never in this file",
        ),
        ("safety:\n  credentials: {replace: {host: $A}}\n", ":2: safety.credentials.replace: 'host' is no credential"),
        ("safety: {credentials: {replace: {a b: $A}}}", ":1: safety.credentials.replace: 'a b' is no name of a header"),
        ("safety: {credentials: {replace: {a: $A, A: $B}}}", ":1: safety.credentials.replace: 'a' stands here twice"),
        (
            "safety:\n  endpoints:\n    - {endpoint: POST /a/**, as: sandboxed}\n",
            ":3: safety.endpoints: 'POST /a/**' is more than one endpoint",
        ),
        ("safety:\n  endpoints:\n    - {endpoint: POST /a, as: write}\n", ":3: safety.endpoints: as: 'write' is not"),
        ("safety: {limits: {burst: 9}}", ":1: safety.limits.burst: it does nothing without a rate; write both"),
        ("safety: {limits: {burst: 0}}", ":1: safety.limits.burst: '0' is no whole number from 1 to 1000000"),
        ("safety:\n  sample: {share: 0.1}\n", ":2: safety.sample.share: '0.1' has no unit"),
        ("safety:\n  sample: {by: client}\n", ":2: the key 'share' is missing here"),
        ("safety:\n  sample: {share: 1%,\n   by: user}\n", ":3: safety.sample.by: 'user' is not known; write 'client'"),
        ("safety:\n  breaker:\n    error: 50%\n", ":3: unknown key 'error'; expected one of: errors, over, latency"),
        ("safety:\n  breaker:\n    over: 20\n", ":3: safety.breaker.over: '20' has no unit; write a number such as"),
        ("safety:\n  breaker: on\n", ":2: here must be 'off', or keys"),
        ("safety:\n  owner: a\n  breaker: on\n", ":2: unknown key"),
        ("safety:\n  backoff: {latency: 1x}\n", ":2: safety.backoff.latency: '1x' is not above 1x"),
        ("safety:\n  backoff: {least: 1}\n", ":2: safety.backoff.least: '1' has no unit"),
    ] {
        let found = refused(text);
        assert!(found.contains(message) && !found.contains("canary"), "{text:?}: {found}");
    }
}

#[test]
fn what_is_not_said_is_the_default() {
    for text in ["", "# nothing\n", "---\n", "{}", "gates: {loss: {}}", "endpoints: learned\n", "safety: {limits: {}}"]
    {
        assert_eq!(policy(text).unwrap(), Policy::default(), "{text:?}");
    }
    let partial = policy("safety: {limits: {in_flight: 1}}\ngates: {latency: {at_most: 2x}}").unwrap();
    assert_eq!(partial.safety.limits, Limits { in_flight: 1, ..Limits::default() });
    assert_eq!(partial.gates.latency, LatencyGate { at_most: 2.0, ..LatencyGate::default() });
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_expected_keys() {
    for (text, message) in [
        ("capability: a\nowners: b\n", ":2: unknown key 'owners'; expected one of: capability, owner, targets, safety"),
        (
            "safety:\n  method: [GET]\n",
            ":2: unknown key 'method'; expected one of: methods, endpoints, credentials, limits, sample",
        ),
        (
            "safety:\n  limits:\n    inflight: 3\n",
            ":3: unknown key 'inflight'; expected one of: rate, burst, in_flight",
        ),
        ("gates:\n\n  errors: {}\n", ":3: unknown key 'errors'; expected one of: mismatch_rate"),
        ("gates: {loss: {under: 1%}}", ":1: unknown key 'under'; expected one of: below"),
        ("endpoints: guessed", ":1: unknown key 'guessed'; expected one of: learned, templates, openapi"),
        ("targets:\n  canditate: http://a\n", ":2: unknown key 'canditate'; expected one of: candidate, legacy"),
        ("safety:\n  rules: []\n", ":2: unknown key 'rules'; expected one of: methods"),
        ("safety:\n  endpoints:\n    - {endpoint: POST /a}\n", ":3: the key 'as' is missing here"),
        ("owner: a\nowner: b\n", ":2: the key 'owner' stands here twice; keep one"),
        ("owner: a\n---\nowner: b\n", "a policy is one document"),
    ] {
        let found = refused(text);
        assert!(found.contains(message), "{text:?}: {found}");
    }
}

#[test]
fn the_whole_of_the_gates_reaches_its_meaning() {
    let text = "\
gates:
  mismatch_rate:
    below: 0.2%
    over: 14d
    endpoints: [{endpoint: GET /orders/recent, below: 0.01%}, {endpoint: 'GET /orders/{id}', below: 1%}]
  latency: {each: endpoint, endpoints: [{endpoint: POST /search, at_most: 1.5x}]}
  coverage: {requests_per_endpoint: 100, requests_per_status_class: 20, days: 14, hours: 24, except: [/static/**]}
  rules: {hidden_at_most: 0%, faults_detected: 99%}
";
    let limit = |endpoint: &str, limit: f64| EndpointLimit { endpoint: endpoint.parse().unwrap(), limit };
    let gates = policy(text).unwrap().gates;
    assert_eq!(gates.mismatch_rate.over, Some(Duration::from_secs(14 * 86_400)));
    assert_eq!((gates.mismatch_rate.below, gates.mismatch_rate.each), (0.002, Scope::Whole));
    assert_eq!(gates.mismatch_rate.endpoints, [limit("GET /orders/recent", 0.0001), limit("GET /orders/{id}", 0.01)]);
    assert_eq!((gates.latency.each, gates.latency.at_most), (Scope::Endpoint, 1.1));
    assert_eq!(gates.latency.endpoints, [limit("POST /search", 1.5)]);
    assert_eq!(
        gates.coverage,
        CoverageGate {
            requests_per_endpoint: 100,
            days: 14,
            hours: 24,
            requests_per_status_class: 20,
            except: vec!["/static/**".parse().unwrap()]
        }
    );
    assert_eq!(gates.rules, RulesGate { hidden_at_most: 0.0, faults_detected: 0.99 });
}

#[test]
fn the_checklist_the_critical_endpoints_the_build_and_the_clients_reach_their_meaning() {
    let text = "\
critical: ['GET /orders/{id}', POST /orders]
checklist:
  - {id: rollback-tested, by: sre, evidence: https://wiki/rollback, on: 2026-11-20, expires: 2027-01-31}
  - {id: dba-agrees, what: the schema may change, expires: 2027-01-31}
build: {header: X-Build}
clients: {by: header X-User}
";
    let policy_of = policy;
    let policy = policy(text).unwrap();
    assert_eq!(
        policy.critical.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["GET /orders/{id}", "POST /orders"]
    );
    let signed =
        Signature { by: "sre".into(), evidence: "https://wiki/rollback".into(), on: jiff::civil::date(2026, 11, 20) };
    let expires = Some(jiff::civil::date(2027, 1, 31));
    assert_eq!(
        policy.checklist,
        [
            ChecklistItem { id: "rollback-tested".into(), what: None, signed: Some(signed), expires },
            ChecklistItem {
                id: "dba-agrees".into(),
                what: Some("the schema may change".into()),
                signed: None,
                expires
            },
        ]
    );
    assert_eq!(policy.build, BuildMark::Header("x-build".into()));
    assert_eq!(policy.clients, ClientMark::Header("x-user".into()));
    let policy = policy_of("build: off\nclients: {by: address}\n").unwrap();
    assert_eq!((policy.build, policy.clients), (BuildMark::Off, ClientMark::Address));
}

#[test]
fn what_makes_no_sense_in_the_rest_is_named_with_its_line_and_the_way_out() {
    for (text, message) in [
        (
            "gates: {mismatch_rate: {over: 14}}",
            ":1: gates.mismatch_rate.over: '14' has no unit; write a time such as '14d'",
        ),
        ("gates: {mismatch_rate: {over: 1s}}", "'1s' is not between 1m and 366d"),
        ("gates: {mismatch_rate: {over: 5 parsecs}}", "'5 parsecs' is no time"),
        (
            "gates:\n  mismatch_rate:\n    endpoints:\n      - {endpoint: GET /a, under: 1%}\n",
            ":4: unknown key 'under'; expected one of: endpoint, below",
        ),
        ("gates:\n  latency:\n    endpoints: [{endpoint: GET /a}]\n", ":3: the key 'at_most' is missing here"),
        (
            "gates:\n  latency:\n    endpoints: [{endpoint: GET /a, at_most: 2}]\n",
            ":3: gates.latency.endpoints: at_most: '2' has no unit",
        ),
        (
            "gates:\n  mismatch_rate:\n    endpoints:\n      - {endpoint: '/a/{id}', below: 1%}\n      - {endpoint: GET /a/b, below: 2%}\n",
            ":5: gates.mismatch_rate.endpoints: 'GET /a/b' is never asked for, because '* /a/{id}' before it",
        ),
        ("gates: {latency: {each: host}}", "gates.latency.each: 'host' is not known; write 'whole'"),
        ("gates: {coverage: {days: 0}}", "gates.coverage.days: '0' is no whole number from 1 to 366"),
        ("gates: {coverage: {hours: 25}}", "gates.coverage.hours: '25' is no whole number from 1 to 24"),
        ("gates: {coverage: {requests_per_status_class: x}}", "requests_per_status_class: 'x' is no whole number"),
        ("gates: {coverage: {except: [orders]}}", "gates.coverage.except: 'orders' names no endpoint"),
        ("gates: {rules: {hidden_at_most: 5}}", "gates.rules.hidden_at_most: '5' has no unit"),
        ("gates: {rules: {faults_detected: 101%}}", "'101%' is no part of a whole; write a percentage from '0%'"),
        (
            "gates: {mismatch_rate: {below: 50%}}",
            ":1: gates.mismatch_rate.below: '50%' is missed by hardly any candidate",
        ),
        ("gates: {candidate_errors: {below: 100%}}", "would be no gate; write a limit below 50%, such as '0.1%'"),
        ("gates:\n  loss: {below: 99%}", ":2: gates.loss.below: '99%' is missed by hardly any candidate"),
        ("gates: {latency: {at_most: 101x}}", "gates.latency.at_most: '101x' is missed by hardly any candidate"),
        (
            "gates:\n  latency:\n    endpoints:\n      - {endpoint: GET /a, at_most: 1000x}",
            ":4: gates.latency.endpoints: at_most: '1000x' is missed by hardly any candidate",
        ),
        ("gates: {latency: {quantile: p1}}", "gates.latency.quantile: 'p1' is of the fastest answers alone"),
        (
            "gates: {rules: {hidden_at_most: 100%}}",
            "lets the rules hide most of what is compared, so it would be no gate",
        ),
        ("gates: {rules: {faults_detected: 0%}}", "write a percentage from 50% on, such as '95%'"),
        ("gates: {age: {at_most: 30}}", "gates.age.at_most: '30' has no unit; write a time such as '14d'"),
        (
            "gates:\n  mismatch_rate: {endpoints: [{endpoint: GET /a/b, below: 1%}]}\n  coverage: {except: [/a/**]}",
            ":2: gates.mismatch_rate.endpoints: 'GET /a/b' has a limit of its own, and '* /a/**' of gates.coverage.except",
        ),
        ("gates: {rules: {faults: 1%}}", "unknown key 'faults'; expected one of: hidden_at_most, faults_detected"),
        ("critical:\n  - GET /a\n  - GET /a\n", ":3: critical: 'GET /a' is there twice"),
        ("critical: GET /a", ":1: here must be a list"),
        (
            "critical: [GET /a/b]\ngates: {coverage: {except: [/a/**]}}",
            ":1: critical: 'GET /a/b' is critical, and '* /a/**' of gates.coverage.except leaves it out",
        ),
        ("checklist:\n  - {what: a}\n", ":2: the key 'id' is missing here"),
        ("checklist: [{id: a b}]", ":1: checklist: id: 'a b' is no name; write up to 100 letters"),
        (
            "checklist:\n  - id: a\n    by: me\n    on: 2026-11-20\n",
            ":2: checklist: 'a' is signed in part: evidence is missing",
        ),
        ("checklist:\n  - {id: a, on: 2026-11-20}\n", "'a' is signed in part: by and evidence are missing"),
        (
            "checklist:\n  - id: a\n    expires: tomorrow\n",
            ":3: checklist: expires: 'tomorrow' is no day; write it as '2026-11-20'",
        ),
        ("checklist: [{id: a, expires: 2026-02-30}]", "'2026-02-30' is no day"),
        ("checklist: [{id: a, by: '', evidence: b, on: 2026-11-20}]", "checklist: by: it is empty"),
        (
            "checklist: [{id: a, by: b, evidence: c, on: 2026-11-20, expires: 2026-11-19}]",
            "'a' expires on 2026-11-19, before it was signed on 2026-11-20",
        ),
        ("checklist:\n  - {id: a}\n  - {id: a}\n", ":3: checklist: the id 'a' is there twice"),
        (
            "checklist: [{id: a, due: 2026-11-20}]",
            "unknown key 'due'; expected one of: id, what, by, evidence, on, expires",
        ),
        ("build: on", ":1: here must be 'off', or keys"),
        ("build: {head: X}", ":1: unknown key 'head'; expected one of: header"),
        ("build: {header: 'a b'}", ":1: build.header: 'a b' is no name of a header"),
        ("clients: {by: cookie sid}", ":1: clients.by: 'cookie sid' is not known; write 'address' or 'header NAME'"),
        ("clients: address", ":1: here must be keys with their values"),
        ("owner: ''", ":1: owner: it is empty; leave it out"),
        ("endpoints: {}", ":1: endpoints: write 'learned', 'templates: ["),
        ("endpoints:\n  templates: [/a]\n  openapi: b.yaml\n", ":2: endpoints: keep one of 'templates' and 'openapi'"),
        ("endpoints:\n  templates: [/a]\n  base: /v1\n", ":2: endpoints.base: templates are whole paths"),
        ("endpoints:\n  openapi: a.yaml\n  base: v1\n", ":3: endpoints.base: 'v1' is no path; write it as '/v1'"),
        ("endpoints: {openapi: ''}", ":1: endpoints.openapi: the file has no name"),
        (
            "endpoints: {openapi: a.yaml}",
            ":1: endpoints.openapi: a.yaml was not kept with the policy; give the policy's file",
        ),
    ] {
        let found = refused(text);
        assert!(found.contains(message), "{text:?}: {found}");
    }
}

#[test]
fn lists_and_texts_have_bounds() {
    let list = |key: &str, entry: &str, n: usize| format!("{key}:{}", format!("\n   - {entry}").repeat(n));
    for (text, message) in [
        (list("rules", "a.yaml", 101), ":102: rules: a list has at most 100 entries, and this one 101"),
        (list("critical", "GET /a", 501), ":502: critical: a list has at most 500 entries"),
        (list("checklist", "{id: a}", 101), ":102: checklist: a list has at most 100 entries"),
        (list("endpoints:\n templates", "GET /a", 2001), "endpoints.templates: a list has at most 2000 entries"),
        (list("redaction:\n names", "a", 501), "redaction.names: a list has at most 500 entries"),
        (list("safety:\n methods", "GET", 51), "safety.methods: a list has at most 50 entries"),
        (list("safety:\n endpoints", "{endpoint: POST /a, as: read}", 501), "safety.endpoints: a list has at most 500"),
        (list("gates:\n coverage:\n  except", "GET /a", 501), "gates.coverage.except: a list has at most 500"),
        (
            list("gates:\n latency:\n  endpoints", "{endpoint: GET /a, at_most: 1x}", 501),
            "gates.latency.endpoints: a list",
        ),
        (format!("owner: {}", "a".repeat(1001)), "owner: it has more than 1000 characters"),
        (
            format!("endpoints: {{templates: [/{}]}}", "a".repeat(4096)),
            "a text has at most 4096 bytes, and this one 4097",
        ),
    ] {
        let found = refused(&text);
        assert!(found.contains(message), "{message}: {}", &found[..found.len().min(300)]);
    }
    let headers: String = (0..51).map(|n| format!("\n   h{n}: $A")).collect();
    assert!(refused(&format!("safety:\n credentials:\n  replace:{headers}")).contains("more than 50 headers"));
}

#[test]
fn what_is_wrong_in_one_section_does_not_hide_what_is_wrong_in_another() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("p.yaml");
    let text = "\
owners: a
safety:
  methods: [get]
  limits: {rate: 5}
gates:
  loss: {below: 1}
  latency: {at_most: 1.1x}
  coverage:
    days: 0
checklist:
  - {id: a}
  - {id: b, by: c}
endpoints: {openapi: missing.yaml}
";
    std::fs::write(&file, text).unwrap();
    let lines = |file: &Path| examine(file).1.iter().map(ConfigError::line).collect::<Vec<_>>();
    assert_eq!(lines(&file), [1, 3, 4, 6, 9, 12, 13]);
    let rest = examine(&file).0.unwrap();
    assert_eq!((rest.gates.latency.at_most, rest.checklist.len()), (1.1, 1), "the rest is understood");
    std::fs::write(&file, "owner: [\n").unwrap();
    assert_eq!(lines(&file).len(), 1, "what is no YAML is one mistake");
    std::fs::write(&file, WHOLE).unwrap();
    assert!(lines(&file).is_empty());
    assert_eq!(examine(&file).0, Some(read(&file).unwrap()));
    assert_eq!(lines(Path::new("none.yaml")), [0]);
}

#[test]
fn a_value_that_makes_no_sense_is_named_with_its_line_and_the_way_out() {
    for (text, message) in [
        (
            "targets:\n  candidate: https://a\n",
            ":2: targets.candidate: 'https://a' is no target: https is not supported",
        ),
        (
            "targets: {legacy: 'a:80'}\n",
            ":1: targets.legacy: 'a:80' is no target: there is no scheme; write 'http://a:80'",
        ),
        ("safety:\n  methods: [GET,\n    head]\n", ":3: safety.methods: methods are case-sensitive"),
        (
            "safety:\n  endpoints: [{endpoint: /a, as: read}]\n",
            ":2: safety.endpoints: '/a' opens every method; name the one",
        ),
        (
            "safety:\n  endpoints: [{endpoint: '* /a', as: read}]\n",
            "opens every method; name the one, such as 'POST /a'",
        ),
        ("safety:\n  endpoints: [{endpoint: POST a, as: read}]\n", ":2: safety.endpoints: 'POST a' names no endpoint"),
        ("safety: {limits: {rate: 500}}", "safety.limits.rate: '500' has no unit; write a rate such as '500/s'"),
        ("safety: {limits: {timeout: 2}}", "safety.limits.timeout: '2' has no unit; write a time such as '2s'"),
        ("safety: {limits: {body: 16}}", "safety.limits.body: '16' has no unit; write a size such as '16MiB'"),
        ("safety: {limits: {in_flight: 64x}}", "safety.limits.in_flight: '64x' is no whole number from 1 to 4096"),
        ("gates: {mismatch_rate: {below: 0.1}}", "gates.mismatch_rate.below: '0.1' has no unit"),
        ("gates: {mismatch_rate: {confidence: 1}}", "gates.mismatch_rate.confidence: '1' has no unit"),
        ("gates: {mismatch_rate: {each: host}}", "gates.mismatch_rate.each: 'host' is not known; write 'whole'"),
        ("gates: {latency: {quantile: 95}}", "gates.latency.quantile: '95' is no quantile; write 'p50'"),
        ("gates: {latency: {at_most: 1.1}}", "gates.latency.at_most: '1.1' has no unit"),
        ("gates: {candidate_errors: {below: 0%}}", "gates.candidate_errors.below: no share is below 0%"),
        ("gates: {loss: {below: 5}}", "gates.loss.below: '5' has no unit"),
        ("gates: {coverage: {requests_per_endpoint: 0}}", "requests_per_endpoint: '0' is no whole number from 1"),
        ("endpoints:\n  templates:\n    - orders\n", ":3: endpoints.templates: 'orders' names no endpoint"),
        ("rules: ['']", ":1: rules: a rule file has no name"),
    ] {
        let found = refused(text);
        assert!(found.contains(message), "{text:?}: {found}");
    }
}

#[test]
fn another_shape_is_refused_in_one_line_with_the_line() {
    for (text, message) in [
        ("owner: [a, b]", ":1: here must be one value"),
        ("owner: a\nsafety: strict\n", ":2: here must be keys with their values: 'key: value' lines"),
        ("safety:\n  methods: GET\n", ":2: here must be a list: '[a, b]'"),
        ("targets: {candidate: a\n", "unclosed bracket '{'; correct the YAML here"),
    ] {
        let found = refused(text);
        assert!(found.contains(message), "{text:?}: {found}");
    }
    for (text, line) in [
        ("owner: [a, b]\n", 1),
        ("owner: a\nsafety: strict\n", 2),
        ("owner: a\nsafety:\n  methods: GET\n", 3),
        ("safety:\n  limits:\n    rate: {a: b}\n", 3),
        ("- a\n- b\n", 1),
        ("just words\n", 1),
        ("owner: a\ntargets: {candidate: http://a\n", 2),
        ("owner: *nowhere\n", 1),
        ("owner: \"open\n", 1),
    ] {
        let found = refused(text);
        let place = found.strip_prefix("conf/tapcompare.yaml:").unwrap();
        let found_line: u64 = place.split(':').next().unwrap().parse().unwrap();
        assert!(found_line >= line && found_line <= line + 2, "{text:?}: {found}");
        assert!(!place.contains(" at line "), "{found}");
    }
}

#[test]
fn a_key_with_nothing_behind_it_is_refused_with_its_line() {
    for (text, line, key) in [
        ("critical:\n#  - GET /orders/{id}\nchecklist:\n  - {id: a}\n", 1, "critical"),
        ("owner: me\nchecklist:\n  # - {id: a}\n", 2, "checklist"),
        ("safety:\n", 1, "safety"),
        ("gates:\n  loss: {below: 1%}\n  coverage:\n    except: ~\n", 4, "gates.coverage.except"),
        ("gates: {mismatch_rate: {below: null}}", 1, "gates.mismatch_rate.below"),
        ("checklist:\n  - id: a\n    expires:\n", 3, "checklist.expires"),
    ] {
        let found = refused(text);
        let expected = format!(
            "conf/tapcompare.yaml:{line}: {key}: nothing stands behind this key; remove the key or give it entries"
        );
        assert_eq!(found, expected, "{text:?}");
    }
    let found = refused("safety:\n  methods:\n    - GET\n    -\n");
    assert!(found.contains(":4: a value is empty here; remove it or write something"), "{found}");
    assert!(policy("owner: 'null'\ncapability: \"~\"\n").is_ok(), "words are words");
    // All of them are told of, and what is wrong elsewhere too.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("p.yaml");
    std::fs::write(&file, "critical:\nowners: a\nchecklist:\ngates:\n  loss: {below: 1}\n").unwrap();
    assert_eq!(examine(&file).1.iter().map(ConfigError::line).collect::<Vec<_>>(), [1, 2, 3, 5]);
}

#[test]
fn an_empty_file_is_no_policy() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("p.yaml");
    for text in ["", "\n \n", "# owner: me\n", "---\n", "null\n", "---\n# a\n..."] {
        std::fs::write(&file, text).unwrap();
        let message = read(&file).unwrap_err().to_string();
        assert!(
            message.ends_with("p.yaml:1: an empty policy; leave --policy out for the defaults"),
            "{text:?}: {message}"
        );
        assert_eq!(examine(&file).1.len(), 1);
    }
    std::fs::write(&file, "{}\n").unwrap();
    assert_eq!(read(&file).unwrap(), Policy::default(), "who writes this means it");
}

#[test]
fn what_is_too_much_for_the_reader_is_said_in_a_sentence() {
    let many = format!("rules: [{}]", "a,".repeat(260_000));
    let found = refused(&many);
    assert!(found.ends_with(": it has more values than such a file may have; shorten it"), "{found}");
    let aliases = format!("owner: &a x\nrules: [{}]", "*a,".repeat(60_000));
    let found = refused(&aliases);
    assert!(found.ends_with(": it has too many anchors and aliases; shorten it"), "{found}");
    for deep in [format!("rules: {}{}", "[".repeat(3_000), "]".repeat(3_000)), "{a: ".repeat(100)] {
        let found = refused(&deep);
        assert!(!found.contains("budget") && !found.contains("breached") && found.lines().count() == 1, "{found}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.yaml");
    let message = read(&missing).unwrap_err().to_string();
    assert!(message.contains("none.yaml") && message.ends_with("check the path"), "{message}");
    let file = folder.path().join("tapcompare.yaml");
    std::fs::write(&file, WHOLE).unwrap();
    assert_eq!(read(&file).unwrap().rules[0], folder.path().join("rules/common.yaml"));
    std::fs::write(&file, vec![b'#'; MAX_POLICY as usize + 1]).unwrap();
    assert!(read(&file).unwrap_err().to_string().contains("larger than"));
    std::fs::write(&file, b"owner: \xff\n").unwrap();
    assert!(read(&file).unwrap_err().to_string().contains("UTF-8"));
}

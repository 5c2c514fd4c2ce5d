//! Whatever the secret and wherever it stands: nothing that is shown holds it, and equality is kept.

use std::ffi::OsStr;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tapcompare::compare::Comparer;
use tapcompare::config::Redaction;
use tapcompare::exchange::{
    Answer, Asked, Body, Carried, Comparison, Example, Exchange, Fate, Headers, Moments, Observation, Request,
    Response, Version,
};
use tapcompare::redact::{Key, Redactor};
use tapcompare::rules::RuleSet;

use super::{base64, json, percent};

/// Where an exchange tells by name that something is a secret.
#[derive(Debug, Clone, Copy)]
enum Told {
    Authorization,
    Cookie,
    Query,
    Form,
    Json,
    LegacyCookie,
    LegacyJson,
    CandidateJson,
}

/// How it stands elsewhere.
#[derive(Debug, Clone, Copy)]
enum Spelt {
    Plain,
    Percent,
    Plus,
    Json,
    JsonTwice,
    Html,
    Base64(usize),
    Units,
}

/// In what it stands elsewhere.
#[derive(Debug, Clone, Copy)]
enum Stands {
    JsonString,
    JsonName,
    Text,
    Header,
    LongText,
}

fn told() -> impl Strategy<Value = Told> {
    use Told::*;
    prop::sample::select(vec![Authorization, Cookie, Query, Form, Json, LegacyCookie, LegacyJson, CandidateJson])
}

fn spelt() -> impl Strategy<Value = Spelt> {
    use Spelt::*;
    prop::sample::select(vec![Plain, Percent, Plus, Json, JsonTwice, Html, Base64(0), Base64(1), Base64(2), Units])
}

fn stands() -> impl Strategy<Value = Stands> {
    use Stands::*;
    prop::sample::select(vec![JsonString, JsonName, Text, Header, LongText])
}

/// What any place can carry, and what only some can.
fn secret(told: Told) -> BoxedStrategy<String> {
    match told {
        Told::Authorization | Told::Cookie | Told::LegacyCookie => "zq[A-Za-z0-9!#$&'*+./:<=>?@^_`|~-]{6,40}".boxed(),
        _ => "zq[A-Za-z0-9 \"'<>&%+/\\\\äß日😀.:,-]{5,30}q".boxed(),
    }
}

fn case() -> impl Strategy<Value = (Told, String, Spelt, Stands)> {
    told().prop_flat_map(|told| (Just(told), secret(told), spelt(), stands()))
}

fn spell(secret: &str, spelt: Spelt) -> String {
    match spelt {
        Spelt::Plain => secret.to_owned(),
        Spelt::Percent => percent(secret),
        Spelt::Plus => percent(secret).replace("%20", "+"),
        Spelt::Json => json(secret),
        Spelt::JsonTwice => json(&json(secret)),
        Spelt::Html => secret.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('\'', "&#39;"),
        Spelt::Base64(before) => base64(&format!("{}{secret}", &"u:"[..before])),
        Spelt::Units => secret.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect(),
    }
}

fn response(fields: &[(&str, &str)], body: String) -> Response {
    let headers: Headers = fields.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    Response { version: Version::Http11, status: 200, headers, body: Body::whole(body), interim: vec![] }
}

fn comparer() -> Comparer {
    let key = Key::given(Some(OsStr::new(super::KEY))).unwrap();
    let redactor = Redactor::new(&Redaction::default(), key).unwrap();
    Comparer::new(Arc::new(RuleSet::default()), Arc::new(redactor))
}

fn shown(request: Request, legacy: Response, candidate: Response) -> (Comparison, Example) {
    let answer = Answer { response: candidate, latency: Duration::ZERO };
    let observation = Observation {
        sequence: 0,
        endpoint: 0,
        exchange: Exchange {
            client: ([10, 0, 0, 1], 1).into(),
            server: ([10, 0, 0, 2], 80).into(),
            request: Some(request),
            response: Some(legacy),
            interim_only: Vec::new(),
            incomplete: None,
            moments: Moments::default(),
        },
        fate: Fate::Asked(Box::new(Asked { candidate: Ok(answer), legacy: None, credentials: Carried::Nothing })),
    };
    let comparer = comparer();
    let comparison = comparer.compare(&observation);
    let example = comparer.example(&observation, &comparison);
    (comparison, example)
}

fn get(target: &str, fields: &[(&str, &str)], body: String) -> Request {
    Request {
        method: "GET".into(),
        target: target.to_owned().into(),
        version: Version::Http11,
        headers: fields.iter().map(|(name, value)| (*name, value.as_bytes())).collect(),
        body: Body::whole(body),
    }
}

/// Everything that leaves memory of a comparison.
fn texts(comparison: &Comparison, example: &Example) -> Vec<String> {
    let mut texts = vec![example.request.clone(), example.legacy.clone(), example.candidate.clone()];
    texts.extend(example.patch.clone());
    texts.extend(example.text_diff.clone());
    texts.extend(comparison.differences.iter().map(|d| d.at.to_string()));
    for difference in &example.differences {
        texts.push(difference.at.to_string());
        texts.extend(difference.legacy.clone());
        texts.extend(difference.candidate.clone());
    }
    texts
}

/// The two answers and the request of one case, the secret told in one place and spelt in another.
fn of(told: Told, secret: &str, spelling: &str, stands: Stands) -> (Comparison, Example) {
    let member = format!("{{\"a\":1,\"password\":\"{}\"}}", json(secret));
    let mut request = get("/x", &[], String::new());
    let mut fields: Vec<(&str, String)> = Vec::new();
    let (mut legacy, mut candidate) = (String::new(), String::new());
    match told {
        Told::Authorization => request.headers.push("Authorization", format!("Bearer {secret}").as_bytes()),
        Told::Cookie => request.headers.push("Cookie", format!("a=b; s={secret}").as_bytes()),
        Told::Query => request = get(&format!("/x?b=1&token={}", percent(secret)), &[], String::new()),
        Told::Form => {
            let form = [("Content-Type", "application/x-www-form-urlencoded")];
            request = get("/x", &form, format!("a=1&api_key={}", percent(secret).replace("%20", "+")));
        }
        Told::Json => request = get("/x", &[("Content-Type", "application/json")], member),
        Told::LegacyCookie => fields.push(("Set-Cookie", format!("s={secret}; Path=/"))),
        Told::LegacyJson => legacy = member,
        Told::CandidateJson => candidate = member,
    }
    let in_json = |text: &str| if text.is_empty() { "{}".to_owned() } else { text.to_owned() };
    let quoted = json(spelling);
    let mut there = Vec::new();
    let (media, legacy, candidate) = match stands {
        Stands::JsonString => {
            let text = format!("{{\"n\":[{},\"it was {quoted} then\"]}}", in_json(&candidate));
            ("application/json", format!("{{\"n\":[{},\"\"]}}", in_json(&legacy)), text)
        }
        Stands::JsonName => {
            let text = format!("{{\"o\":{},\"m\":{{\"{quoted}\":{{\"n\":2}}}}}}", in_json(&candidate));
            let legacy = format!("{{\"o\":{},\"m\":{{\"{quoted}\":{{\"n\":1}}}}}}", in_json(&legacy));
            ("application/json", legacy, text)
        }
        Stands::Text => {
            ("text/plain", format!("{legacy}\nit\n"), format!("{candidate}\nit was {spelling} then\nand {spelling}\n"))
        }
        Stands::LongText => {
            // About where a shown line and a shown body are cut.
            let line = "a ".repeat(120);
            let many = format!("{line}{spelling} {spelling} {spelling} b\n").repeat(20);
            ("text/plain", format!("{legacy}\nit\n"), format!("{candidate}\n{many}"))
        }
        Stands::Header => {
            there.push(("X-Seen", format!("it was {spelling} then")));
            ("text/plain", legacy, format!("{candidate}\n"))
        }
    };
    let own = |more: &[(&'static str, String)]| {
        let mut all = Headers::from_iter([("Content-Type", media.as_bytes())]);
        more.iter().for_each(|(name, value)| all.push(name, value.as_bytes()));
        all
    };
    let mut left = response(&[], legacy);
    let mut right = response(&[], candidate);
    left.headers = fields.iter().fold(own(&[]), |mut all, (name, value)| {
        all.push(name, value.as_bytes());
        all
    });
    right.headers = own(&there);
    shown(request, left, right)
}

/// Spellings that must not be found; pieces of base64 as they are the secret's alone.
fn forbidden(secret: &str) -> Vec<String> {
    let mut all: Vec<String> =
        [Spelt::Plain, Spelt::Percent, Spelt::Plus, Spelt::Json, Spelt::JsonTwice, Spelt::Html, Spelt::Units]
            .map(|spelt| spell(secret, spelt))
            .to_vec();
    for before in 0..3 {
        let text = spell(secret, Spelt::Base64(before));
        let text = text.trim_end_matches('=');
        all.push(text.get((before * 8).div_ceil(6)..text.len() - 1).unwrap().to_owned());
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_that_is_shown_holds_a_secret((told, secret, spelt, stands) in case()) {
        let spelling = spell(&secret, spelt);
        let (comparison, example) = of(told, &secret, &spelling, stands);
        prop_assert!(!comparison.differences.is_empty());
        prop_assert_eq!(comparison.differences.len(), example.differences.len());
        for text in texts(&comparison, &example) {
            for word in forbidden(secret.trim()) {
                prop_assert!(!text.contains(&word), "{told:?} {spelt:?} {stands:?}: {word} in {text}");
            }
        }
    }

    #[test]
    fn shapes_are_hidden_wherever_they_stand(
        digits in "[3-6][0-9]{11,17}",
        user in "[a-z][a-z0-9._]{2,9}[a-z]",
        token in "[A-Za-z0-9]{40}",
        number in any::<bool>(),
    ) {
        let card = with_luhn(&digits);
        let address = format!("{user}@shop.example");
        let jwt = format!("eyJ{token}.eyJ{token}.{token}");
        let quote = if number { "" } else { "\"" };
        let body = |n: u32| format!(
            "{{\"n\":{n},\"c\":{quote}{card}{quote},\"t\":\"pay {card} to {address}, {jwt}\",\"m\":{{\"{address}\":{n}}}}}"
        );
        let target = format!("/a/{}/{token}1a?q={}", percent(&address), jwt);
        let fields = [("Content-Type", "application/json")];
        let (comparison, example) =
            shown(get(&target, &[], String::new()), response(&fields, body(1)), response(&fields, body(2)));
        for text in texts(&comparison, &example) {
            for word in [&card, &address, &token, &percent(&address)] {
                prop_assert!(!text.contains(word.as_str()), "{word} in {text}");
            }
        }
    }

    #[test]
    fn equal_secrets_look_equal_and_others_do_not(a in secret(Told::Json), b in secret(Told::Json)) {
        let fields = [("Content-Type", "application/json")];
        let body = |secret: &str, n: u32| format!("{{\"n\":{n},\"token\":\"{}\"}}", json(secret));
        let request = || get("/x", &[], String::new());
        let (comparison, example) = shown(request(), response(&fields, body(&a, 1)), response(&fields, body(&b, 2)));
        let token = example.differences.iter().find(|d| d.at.to_string() == "body /token");
        prop_assert_eq!(token.is_some(), a != b);
        prop_assert!(token.is_none_or(|d| d.legacy != d.candidate && d.legacy.is_some()));
        prop_assert_eq!(comparison.differences.len(), 1 + usize::from(a != b));
        let patch: Vec<serde_json::Value> = serde_json::from_str(&example.patch.unwrap()).unwrap();
        prop_assert_eq!(patch.len(), comparison.differences.len());
    }
}

/// With the digit that makes the sum right.
fn with_luhn(digits: &str) -> String {
    let right = |text: &String| {
        let sum: u32 = text
            .bytes()
            .rev()
            .map(|b| u32::from(b - b'0'))
            .enumerate()
            .map(|(n, d)| if n % 2 == 0 { d } else { d / 5 + d * 2 % 10 })
            .sum();
        sum.is_multiple_of(10)
    };
    (0..10).map(|d| format!("{digits}{d}")).find(right).unwrap()
}

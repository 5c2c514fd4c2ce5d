//! Exchanges made up from templates: `<...>` in a text stands for a value that depends on the exchange's number alone.

use std::sync::Arc;
use std::time::Duration;

use tapcompare::compare::Comparer;
use tapcompare::config::Redaction;
use tapcompare::exchange::{
    Answer, Asked, Body, Carried, Exchange, Fate, Headers, Moments, Observation, Request, Response, Specimen,
    Timestamp, Version,
};
use tapcompare::redact::{Key, Redactor};
use tapcompare::rules::RuleSet;

pub(crate) const TODAY: jiff::civil::Date = jiff::civil::date(2026, 11, 21);
/// 2026-11-20T10:00:00Z, when the first exchange is answered; the others follow, one a minute.
pub(crate) const START: i64 = 1_795_168_800;

/// A number that depends on the salt and the exchange alone (SplitMix64).
pub(crate) fn dice(salt: &str, n: u64) -> u64 {
    let mut z = salt
        .bytes()
        .fold(n.wrapping_mul(0x9e37_79b9_7f4a_7c15), |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn within(salt: &str, n: u64, low: &str, high: &str) -> i64 {
    let (low, high): (i64, i64) = (low.parse().unwrap(), high.parse().unwrap());
    low + (dice(salt, n) % (high - low + 1) as u64) as i64
}

fn decimal(units: i64, digits: u32) -> String {
    let unit = 10_i64.pow(digits);
    if digits == 0 {
        units.to_string()
    } else {
        format!("{}.{:0width$}", units / unit, units % unit, width = digits as usize)
    }
}

fn stamp(millis: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(millis).unwrap()
}

/// What one `<...>` stands for in the n-th exchange.
fn value(words: &[&str], n: u64) -> String {
    let base = (START + 60 * n as i64) * 1000;
    match words {
        ["n"] => n.to_string(),
        ["n", plus] => (n as i64 + plus.parse::<i64>().unwrap()).to_string(),
        ["int", salt, low, high] => within(salt, n, low, high).to_string(),
        // The same number, with something added.
        ["int", salt, low, high, plus] => (within(salt, n, low, high) + plus.parse::<i64>().unwrap()).to_string(),
        // With so many decimals; rounded or cut to fewer; multiplied.
        ["amount", salt, low, high, digits] => decimal(within(salt, n, low, high), digits.parse().unwrap()),
        ["rounded", salt, low, high, lost, digits] => {
            let unit = 10_i64.pow(lost.parse().unwrap());
            decimal((within(salt, n, low, high) + unit / 2) / unit, digits.parse().unwrap())
        }
        ["cut", salt, low, high, lost, digits] => {
            decimal(within(salt, n, low, high) / 10_i64.pow(lost.parse().unwrap()), digits.parse().unwrap())
        }
        ["times", salt, low, high, digits, percent] => {
            decimal(within(salt, n, low, high) * percent.parse::<i64>().unwrap() / 100, digits.parse().unwrap())
        }
        // Off by -1, 0 or 1 of the last decimal.
        ["off", salt, low, high, digits] => {
            decimal(within(salt, n, low, high) + within("off", n, "-1", "1"), digits.parse().unwrap())
        }
        ["float", salt] => format!("{:?}", within(salt, n, "1", "999") as f64 * 0.1),
        ["hex", salt, length] => {
            let text = format!("{:016x}{:016x}", dice(salt, n), dice(salt, n + 1_000_000));
            text[..length.parse::<usize>().unwrap()].to_owned()
        }
        ["uuid", salt] => {
            let hex = value(&["hex", salt, "32"], n);
            format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
        }
        ["ulid", salt] => ulid(dice(salt, n)),
        // Of another exchange.
        ["uuid", salt, plus] => value(&["uuid", salt], n + plus.parse::<u64>().unwrap()),
        ["mark", salt] => format!("[redacted:{}]", value(&["hex", salt, "10"], n)),
        ["pick", salt, choices] => {
            let choices: Vec<&str> = choices.split('|').collect();
            choices[dice(salt, n) as usize % choices.len()].replace('_', " ")
        }
        ["every", k, yes, no] => (if n.is_multiple_of(k.parse().unwrap()) { yes } else { no }).to_string(),
        ["shuffled", salt, all] => {
            let mut all: Vec<(u64, &str)> = all.split('|').map(|one| (dice(&format!("{salt}{one}"), n), one)).collect();
            all.sort_unstable();
            all.into_iter().map(|(_, one)| one).collect::<Vec<_>>().join(",")
        }
        ["backwards", salt, all] => value(&["shuffled", salt, all], n).split(',').rev().collect::<Vec<_>>().join(","),
        // Milliseconds after the answer, and a jitter.
        ["time", after] => stamp(base + after.parse::<i64>().unwrap()).to_string(),
        ["time", after, salt, low, high] => {
            stamp(base + after.parse::<i64>().unwrap() + within(salt, n, low, high)).to_string()
        }
        ["epoch", after, salt, low, high] => {
            ((base + after.parse::<i64>().unwrap() + within(salt, n, low, high)) / 1000).to_string()
        }
        ["httpdate", after, salt, low, high] => {
            let time = stamp(base + after.parse::<i64>().unwrap() + within(salt, n, low, high));
            time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
        }
        other => panic!("<{}>?", other.join(" ")),
    }
}

pub(crate) fn ulid(number: u64) -> String {
    let mut text = String::from("01J");
    for at in 0..23_u32 {
        let five = (number.rotate_left(at * 5 % 64) ^ u64::from(at)) & 31;
        text.push(char::from(b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"[five as usize]));
    }
    text
}

/// The text of the n-th exchange.
pub(crate) fn filled(template: &str, n: u64) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('<') {
        let (inside, after) = behind.split_once('>').unwrap();
        text.push_str(before);
        text.push_str(&value(&inside.split(' ').collect::<Vec<_>>(), n));
        rest = after;
    }
    text + rest
}

/// One exchange.
#[derive(Debug, Clone, Default)]
pub(crate) struct Made {
    pub(crate) endpoint: String,
    pub(crate) target: String,
    pub(crate) request_headers: Vec<String>,
    pub(crate) request_body: String,
    pub(crate) client: u8,
    pub(crate) legacy: Side,
    pub(crate) candidate: Side,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Side {
    pub(crate) json: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) headers: Vec<String>,
    pub(crate) status: Option<u16>,
}

fn fields(lines: &[String], media: Option<&str>) -> Headers {
    let media = media.map(|media| ("Content-Type", media.as_bytes()));
    let pairs = lines.iter().map(|line| line.split_once(": ").map(|(name, value)| (name, value.as_bytes())).unwrap());
    media.into_iter().chain(pairs).collect()
}

fn response(side: &Side) -> Response {
    let (media, body) = match (&side.json, &side.text) {
        (Some(json), _) => (Some("application/json"), json.clone()),
        (_, Some(text)) => (Some("text/plain"), text.clone()),
        _ => (None, String::new()),
    };
    let headers = fields(&side.headers, media);
    Response {
        version: Version::Http11,
        status: side.status.unwrap_or(200),
        headers,
        body: Body::whole(body),
        interim: vec![],
    }
}

impl Made {
    pub(crate) fn specimen(&self, n: u64) -> Specimen {
        let endpoint = serde_json::from_value(self.endpoint.clone().into()).unwrap();
        let at = Timestamp((START + 60 * n as i64) * 1_000_000_000);
        let media = (!self.request_body.is_empty()).then_some("application/json");
        let request = Request {
            method: self.endpoint.split(' ').next().unwrap().into(),
            target: self.target.clone().into(),
            version: Version::Http11,
            headers: fields(&self.request_headers, media),
            body: Body::whole(self.request_body.clone()),
        };
        let exchange = Exchange {
            client: ([10, 0, 0, self.client], 1000).into(),
            server: ([10, 0, 1, 1], 80).into(),
            request: Some(request),
            response: Some(response(&self.legacy)),
            interim_only: Vec::new(),
            incomplete: None,
            moments: Moments {
                request_start: Some(at),
                request_end: Some(at),
                response_start: Some(at),
                response_end: Some(at),
            },
        };
        let candidate = Ok(Answer { response: response(&self.candidate), latency: Duration::from_millis(3) });
        let asked = Asked { candidate, legacy: None, credentials: Carried::Nothing };
        let observation = Observation { sequence: n, endpoint: 0, exchange, fate: Fate::Asked(Box::new(asked)) };
        Specimen { endpoint, observation }
    }
}

pub(crate) fn comparer(rules: &str) -> Comparer {
    let rules = if rules == "common" { RuleSet::common(TODAY) } else { RuleSet::parse("story", rules, TODAY) };
    let redactor = Redactor::new(&Redaction::default(), Key::random().unwrap()).unwrap();
    Comparer::new(Arc::new(rules.unwrap()), Arc::new(redactor))
}

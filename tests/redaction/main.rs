//! Promise 8: secrets do not leave memory. A capture full of canaries is replayed against a candidate that differs
//! everywhere and gives back what it was told; then every output is searched for every canary in every spelling.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a run that cannot be made is a failed test"
)]

mod candidate;
mod capture;
mod live;
mod properties;

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use base64::Engine;
use serde_json::Value;
use tapcompare::exchange::{Fate, Specimen};
use tapcompare::redact::Key;
use tapcompare::tally::KeptState;

use capture::Capture;

const KEY: &str = "a key that is given, to be repeated";

/// Every canary, with a word for its place.
const CANARIES: &[(&str, &str)] = &[
    ("authorization", "kanarie-bearer-Qx71"),
    ("basic", "kanarie-basic-pw-Lz09"),
    ("cookie", "kanarieCookieVb55"),
    ("cookie, percent-encoded", "kanarie/cookie+Vb56"),
    ("set-cookie of the legacy", "kanarieSetLegacyTt12"),
    ("set-cookie of the candidate", "kanarieSetCandidateTt13"),
    ("api key", "kanarie-api-key-Mm40"),
    ("query", "kanarie-query-Rr31"),
    ("query with spaces", "kanarie query Rr32"),
    ("path", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b"),
    ("member", "kanarie \"member\" wörd\\ Pp20"),
    ("array", "kanarie-array-Aa11"),
    ("number", "40128888888818812345"),
    ("card", "4111111111111111"),
    ("card with spaces", "5500 0055 5555 5559"),
    ("address", "kanarie.address@example.org"),
    ("address as a name", "kanarie.name@example.org"),
    ("session as a name", "kanarieSessionNameKk77"),
    ("form", "kanarie-form-Ff60"),
    ("multipart", "kanarie-multipart-Uu61"),
    ("gzip", "kanarie-gzip-Gg62"),
    ("chunks", "kanarie-chunk-boundary-Cc63"),
    ("reason", "kanarie-reason-Ee64"),
    ("failure", "kanarie-failure-Dd65"),
    ("jwt", "eyJhbGciOiJIUzI1NiJ9.eyJrYW5hcmllIjoiand0In0.kanarieSignature"),
    ("text", "kanarie-text-line-Ww66"),
    ("xml", "kanarie-xml-Xx67"),
    ("input", "kanarie-input-Yy68"),
    ("redirect", "kanarie-redirect-Zz69"),
    ("user of a URL", "kanarie-user-Ii70"),
    ("policy header", "kanarie-policy-header-Oo71"),
    ("policy name", "kanarie-policy-name-Oo72"),
    ("policy path", "kanarie-policy-path-Oo73"),
    ("policy pattern", "KUNDE-749203"),
    ("key", "-----BEGIN PRIVATE KEY-----\nkanarieKeyLine1\nkanarieKeyLine2\n-----END PRIVATE KEY-----"),
];

fn canary(place: &str) -> &'static str {
    CANARIES.iter().find(|(name, _)| *name == place).unwrap().1
}

pub fn percent(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

pub fn base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap().trim_matches('"').to_owned()
}

/// Spellings under which a canary is looked for. Of one with several lines each line is one.
fn spellings(canary: &str) -> Vec<String> {
    let lines = canary.lines().filter(|line| !line.starts_with("-----"));
    lines
        .flat_map(|line| {
            let html = line.replace('&', "&amp;").replace('"', "&quot;");
            let unpadded = base64(line).trim_end_matches('=').to_owned();
            // Behind one other byte, as the candidate has it: the characters that are the canary's alone.
            let shifted = base64(&format!("x{line}")).trim_end_matches('=').get(2..).unwrap().to_owned();
            let shifted = shifted.get(..shifted.len() - 1).unwrap().to_owned();
            [
                line.to_owned(),
                percent(line),
                line.replace(' ', "+"),
                json(line),
                json(&json(line)),
                html,
                unpadded,
                shifted,
            ]
        })
        .collect()
}

fn request(method: &str, target: &str, fields: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut text = format!("{method} {target} HTTP/1.1\r\nHost: shop.example\r\n");
    for (name, value) in fields {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    format!("{text}\r\n{body}").into_bytes()
}

fn answer(reason: &str, fields: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 200 {reason}\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in fields {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    [format!("{text}\r\n").as_bytes(), body].concat()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    coder.write_all(text.as_bytes()).unwrap();
    coder.finish().unwrap()
}

fn document(change: &str) -> String {
    let quoted = |place: &str| serde_json::to_string(&format!("{}{change}", canary(place))).unwrap();
    let (card, number) = (canary("card"), canary("number"));
    format!(
        "{{\"name\":\"Ada{change}\",\"password\":{},\"list\":{{\"refreshToken\":[{},\"{change}\"]}},\"paid_by\":{card},\
         \"pin\":{number}{},\"note\":\"card {} or write to {}{change}, id {}\",\
         \"people\":{{\"{}\":{{\"n\":\"1{change}\"}}}},\"sessions\":{{\"{}\":{{\"n\":\"1{change}\"}}}},\
         \"customerCode\":{},\"a\":{{\"b\":{}}},\"price\":19.99,\"uuid\":\"f47ac10b-58cc-4372-a567-0e02b2c3d479\"}}",
        quoted("member"),
        quoted("array"),
        change.len(),
        canary("card with spaces"),
        canary("address"),
        canary("policy pattern"),
        canary("address as a name"),
        canary("session as a name"),
        quoted("policy name"),
        quoted("policy path"),
    )
}

fn page(change: &str) -> String {
    format!(
        "<html>{change}\n<p>write {} {change}\n<input type=\"hidden\" name=\"csrf_token\" value=\"{}\" {change}>\n\
         token: \"{}\"{change}\n{}\nsee {} {change}\nsee https://{}:x@shop.example/{change}\nend",
        canary("address"),
        canary("input"),
        canary("text"),
        canary("key").replace('\n', &format!("{change}\n")),
        canary("jwt"),
        canary("user of a URL"),
    )
}

fn xml(change: &str) -> String {
    let (xml, chunks) = (canary("xml"), canary("chunks"));
    format!("<a><b>{change}</b><password>{xml}{change}</password><apiKey>{chunks}{change}</apiKey></a>\n")
}

/// The legacy's side of it all.
fn capture(file: &Path) {
    let mut capture = Capture::new();
    let basic = format!("Basic {}", base64(&format!("ada:{}", canary("basic"))));
    let bearer = format!("Bearer {}", canary("authorization"));
    let session = canary("session as a name");
    let cookie = format!("sid={}; cart={}; s={session}", canary("cookie"), percent(canary("cookie, percent-encoded")));
    let target = format!("/account?token={}&secret={}&page=2", canary("query"), percent(canary("query with spaces")));
    let fields = [
        ("Authorization", &*bearer),
        ("Cookie", &*cookie),
        ("X-Api-Key", canary("api key")),
        ("X-Customer", canary("policy header")),
    ];
    let set = format!("sid={}; Path=/; HttpOnly", canary("set-cookie of the legacy"));
    let as_json = [("Content-Type", "application/json"), ("Set-Cookie", &*set)];
    capture
        .exchange(&request("GET", &target, &fields, ""), &answer(canary("reason"), &as_json, document("").as_bytes()));
    let zipped = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")];
    let body = format!("{{\"session\":\"{}\",\"n\":1}}", canary("gzip"));
    capture.exchange(&request("GET", "/gzip", &[("Authorization", &*basic)], ""), &answer("OK", &zipped, &gzip(&body)));
    let form = format!("user=ada&password={}&q=1", canary("form"));
    capture.exchange(
        &request("POST", "/login", &[("Content-Type", "application/x-www-form-urlencoded")], &form),
        &answer("OK", &[("Content-Type", "text/plain")], b"fine\n"),
    );
    let parts = format!(
        "--b\r\nContent-Disposition: form-data; name=\"client_secret\"\r\n\r\n{}\r\n--b--\r\n",
        canary("multipart")
    );
    capture.exchange(
        &request("POST", "/login?multi", &[("Content-Type", "multipart/form-data; boundary=b")], &parts),
        &answer("OK", &[("Content-Type", "text/plain")], b"fine\n"),
    );
    let reset = format!("/reset/{}/form", canary("path"));
    capture.exchange(
        &request("GET", &reset, &[("X-Api-Key", canary("api key"))], ""),
        &answer("OK", &[("Content-Type", "text/html"), ("X-Own", canary("api key"))], page("").as_bytes()),
    );
    let text = xml("");
    let cut = text.find(canary("chunks")).unwrap() + 10;
    let (one, two) = text.split_at(cut);
    let chunks = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nTransfer-Encoding: chunked\r\n\r\n\
         {:x}\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n",
        one.len(),
        two.len()
    );
    capture.exchange(&request("GET", "/feed", &[], ""), chunks.as_bytes());
    let redirect = format!("/cb#access_token={}", canary("redirect"));
    capture.exchange(
        &request("GET", "/cb", &[], ""),
        &answer("OK", &[("Location", &redirect), ("Content-Type", "image/png")], b"\x89PNG\xff\0"),
    );
    let failing = format!("/fail?api_key={}", canary("failure"));
    let cookie = format!("sid={}", canary("cookie"));
    capture.exchange(&request("GET", &failing, &[("Cookie", &*cookie)], ""), &answer("OK", &[], b"fine"));
    capture.write(file);
}

/// The candidate's side.
fn candidate_answers(request: &str) -> Option<Vec<u8>> {
    let target = request.split(' ').nth(1).unwrap();
    let path = target.split('?').next().unwrap();
    let set = format!("sid={}; Path=/", canary("set-cookie of the candidate"));
    let location = format!("/next?to={}&access_token={}", percent(target), canary("redirect"));
    let fields = |media: &'static str| [("Content-Type", media), ("Set-Cookie", &*set), ("Location", &*location)];
    let reply = |media, body: &[u8]| Some(answer(canary("reason"), &fields(media), body));
    match path {
        "/fail" => None,
        "/account" => {
            let mut body = document("'");
            body.insert_str(1, &format!("\"echo\":{},", candidate::echo(request)));
            reply("application/json", body.as_bytes())
        }
        "/gzip" => {
            let body = format!("{{\"session\":\"{}'\",\"n\":2,\"echo\":{}}}", canary("gzip"), candidate::echo(request));
            let mut fields = fields("application/json").to_vec();
            fields.push(("Content-Encoding", "gzip"));
            Some(answer("OK", &fields, &gzip(&body)))
        }
        "/feed" => reply("application/xml", format!("{}{}", xml("'"), candidate::echo(request)).as_bytes()),
        "/cb" => reply("image/png", b"\x89PNG\xff\x01"),
        _ if path.starts_with("/reset") => {
            reply("text/html", format!("{}\n{}", page("'"), candidate::echo(request)).as_bytes())
        }
        _ => reply("text/plain", format!("{}\n{request}\n", candidate::echo(request)).as_bytes()),
    }
}

fn policy(folder: &Path) -> std::path::PathBuf {
    let file = folder.join("policy.yaml");
    let text = "safety:\n  credentials: pass\n  endpoints:\n  - {endpoint: POST /login, as: read}\n\
                redaction:\n  headers: [X-Customer]\n  names: [customer_code]\n  json: [$.a.b]\n  \
                patterns: ['KUNDE-[0-9]{6}']\n";
    fs::write(&file, text).unwrap();
    file
}

fn replay(folder: &Path, candidate: &candidate::Candidate, output: &str, key: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tapcompare"));
    command
        .args(["replay", "-vv", "--pace", "max", "--output", output, "--candidate"])
        .arg(format!("http://{}", candidate.address))
        .arg("--policy")
        .arg(policy(folder))
        .arg("--html")
        .arg(folder.join("report.html"))
        .arg(folder.join("canaries.pcap"))
        .env_remove("TAPCOMPARE_REDACTION_KEY");
    if let Some(key) = key {
        command.env("TAPCOMPARE_REDACTION_KEY", key);
    }
    command.output().unwrap()
}

fn assert_silent(name: &str, text: &str) {
    for (place, canary) in CANARIES {
        for spelling in spellings(canary) {
            if let Some(at) = text.to_ascii_lowercase().find(&spelling.to_ascii_lowercase()) {
                let from = text.char_indices().map(|(n, _)| n).take_while(|n| n + 120 < at).last().unwrap_or(0);
                let around: String = text[from..].chars().take(400).collect();
                panic!("{name} tells the canary of {place}, spelt {spelling}: {around}");
            }
        }
    }
}

#[test]
fn no_canary_is_told_and_every_mismatch_is() {
    let folder = tempfile::tempdir().unwrap();
    capture(&folder.path().join("canaries.pcap"));
    let candidate = candidate::start(candidate_answers);
    let data = replay(folder.path(), &candidate, "json", Some(KEY));
    let html = fs::read_to_string(folder.path().join("report.html")).unwrap();
    let text = replay(folder.path(), &candidate, "text", None);

    // The candidate was told, and told it back.
    let asked = candidate.asked.lock().unwrap().clone();
    for place in ["authorization", "cookie", "api key", "query", "path", "form", "multipart", "policy header"] {
        assert!(asked.contains(canary(place)), "{place} never reached the candidate");
    }
    let report: Value = serde_json::from_slice(&data.stdout).unwrap_or_else(|e| {
        panic!("{e}: {} {}", String::from_utf8_lossy(&data.stdout), String::from_utf8_lossy(&data.stderr))
    });
    let shadow = &report["snapshot"]["ledger"]["shadow"];
    assert_eq!((&shadow["mismatched"], &shadow["sent"]), (&Value::from(7), &Value::from(8)), "{shadow}");
    let all = String::from_utf8(data.stdout).unwrap();
    for place in
        ["/password", "/list/refreshToken", "/customerCode", "/a/b", "/session", "header set-cookie", "body line"]
    {
        assert!(all.contains(place), "the mismatch at {place} is not located");
    }

    for (name, text) in [
        ("the report as JSON", &all),
        ("the page", &html),
        ("the report as text", &String::from_utf8(text.stdout).unwrap()),
        ("standard error", &String::from_utf8(data.stderr).unwrap()),
        ("standard error without a key", &String::from_utf8(text.stderr).unwrap()),
    ] {
        assert_silent(name, text);
        assert!(!text.contains(KEY), "{name} tells the key");
    }
}

/// Every text of an exchange that is kept.
fn told_by(specimen: &Specimen) -> String {
    let mut told = String::new();
    let mut tell = |bytes: &[u8]| {
        told.push_str(&String::from_utf8_lossy(bytes));
        told.push('\n');
    };
    let exchange = &specimen.observation.exchange;
    let Fate::Asked(asked) = &specimen.observation.fate else { panic!("it was asked") };
    let request = exchange.request.as_ref().unwrap();
    tell(request.method.as_bytes());
    tell(&request.target);
    tell(&request.body.bytes);
    let candidate = asked.candidate.as_ref().ok().map(|answer| &answer.response);
    let answers = [exchange.response.as_ref(), candidate];
    for response in answers.into_iter().flatten() {
        tell(&response.body.bytes);
    }
    for headers in answers.into_iter().flatten().map(|r| &r.headers).chain([&request.headers]) {
        headers.iter().for_each(|(name, value)| {
            tell(name.as_bytes());
            tell(value);
        });
    }
    told
}

#[test]
fn no_canary_is_in_the_run_file_and_the_exchanges_are() {
    let folder = tempfile::tempdir().unwrap();
    capture(&folder.path().join("canaries.pcap"));
    let candidate = candidate::start(candidate_answers);
    let run = folder.path().join("canaries.run");
    let replayed = Command::new(env!("CARGO_BIN_EXE_tapcompare"))
        .args(["replay", "--pace", "max", "--candidate"])
        .arg(format!("http://{}", candidate.address))
        .arg("--policy")
        .arg(policy(folder.path()))
        .arg("--run")
        .arg(&run)
        .arg(folder.path().join("canaries.pcap"))
        .output()
        .unwrap();
    assert_eq!(replayed.status.code(), Some(1), "{}", String::from_utf8_lossy(&replayed.stderr));
    assert_silent("the run file", &String::from_utf8_lossy(&fs::read(&run).unwrap()));
    let snapshot = tapcompare::store::load(&[run]).unwrap().snapshot;
    let kept: Vec<_> = snapshot.signatures.iter().flat_map(|s| s.kept.iter().map(move |k| (k, &s.endpoint))).collect();
    assert_eq!(kept.len(), 7, "each but the one that failed");
    for (kept, endpoint) in kept {
        let specimen = kept.specimen(endpoint).unwrap().unwrap();
        assert_silent("a specimen", &told_by(&specimen));
        assert_eq!(kept.state, KeptState::Faithful, "{endpoint}");
    }
    let all: String = snapshot.specimens().map(|s| told_by(&s)).collect();
    for there in ["19.99", "f47ac10b-58cc-4372-a567-0e02b2c3d479", "page=2", "HttpOnly", "sid=", "\"echo\":"] {
        assert!(all.contains(there), "{there} is no secret and is not kept");
    }
    for signature in &snapshot.signatures {
        assert_silent("a signature", &format!("{signature:?}"));
    }
}

#[test]
fn a_given_key_gives_the_same_marks_and_what_is_no_secret_stays() {
    let folder = tempfile::tempdir().unwrap();
    capture(&folder.path().join("canaries.pcap"));
    let candidate = candidate::start(candidate_answers);
    let first = String::from_utf8(replay(folder.path(), &candidate, "json", Some(KEY)).stdout).unwrap();
    let again = String::from_utf8(replay(folder.path(), &candidate, "json", Some(KEY)).stdout).unwrap();
    let other = String::from_utf8(replay(folder.path(), &candidate, "json", None).stdout).unwrap();
    let key = Key::given(Some(OsStr::new(KEY))).unwrap();
    for place in ["query", "query with spaces", "failure", "member", "set-cookie of the legacy", "address", "path"] {
        let mark = key.mark(canary(place).as_bytes());
        assert!(first.contains(&mark) && again.contains(&mark), "{place} has not its mark {mark}");
        assert!(!other.contains(&mark), "{place}: the key of a run is not random");
    }
    for plain in ["19.99", "f47ac10b-58cc-4372-a567-0e02b2c3d479", "page=2", "HttpOnly", "sid="] {
        let plain = plain.to_ascii_lowercase();
        assert!(first.to_ascii_lowercase().contains(&plain), "{plain} is no secret");
    }
}

#[test]
fn inspect_is_exact_unless_it_is_told_to_redact() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("canaries.pcap");
    capture(&file);
    let inspect = |flags: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tapcompare"));
        let output = command.arg("inspect").args(flags).arg(&file).output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    for format in ["text", "json"] {
        assert!(inspect(&["--output", format]).contains(canary("query")));
        let redacted = inspect(&["--redact", "--output", format]);
        assert_silent(format, &redacted);
        assert!(redacted.contains("/account?token=[redacted:") && redacted.contains("page=2"), "{redacted}");
    }
}

//! The message cases of llhttp's own tests: the same messages, or an entry that says why not.

#![allow(clippy::unwrap_used)] // What tests share between them may fail as tests do.

mod wire_support;

use serde_json::Value;
use wire_support::talk::{Talk, answer, get};
use wire_support::{corpora, see};

/// A message: method and target, or status; then the body; and whether it was complete.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Message {
    first: String,
    body: Vec<u8>,
    complete: bool,
}

fn base64(text: &str) -> Vec<u8> {
    let value = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut out = Vec::new();
    for group in text.trim_end_matches('=').as_bytes().chunks(4) {
        let word = group.iter().fold(0u32, |w, c| w << 6 | u32::from(value(*c))) << (6 * (4 - group.len()));
        out.extend_from_slice(&word.to_be_bytes()[1..group.len()]);
    }
    out
}

/// What llhttp's log tells: messages whose head it completed.
fn expected(case: &Value, input: &[u8]) -> Vec<Message> {
    let mut messages = Vec::new();
    let (mut open, mut head) = (Message::default(), false);
    for entry in case["log"].as_array().unwrap() {
        let entry = entry.as_str().unwrap();
        let number = |name: &str| -> Option<usize> {
            let rest = entry.split(name).nth(1)?;
            rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
        };
        let span = || number("off=").zip(number("len=")).map(|(off, len)| &input[off..off + len]).unwrap_or_default();
        if entry.ends_with("message begin") {
            if head {
                messages.push(std::mem::take(&mut open));
            }
            (open, head) = (Message::default(), false);
        } else if entry.contains("span[method]") {
            open.first = String::from_utf8_lossy(span()).into_owned();
        } else if entry.contains("span[url]") {
            // A target may come in several spans.
            let space = if open.first.contains(' ') { "" } else { " " };
            open.first += &format!("{space}{}", String::from_utf8_lossy(span()));
        } else if entry.contains("span[body]") {
            open.body.extend_from_slice(span());
        } else if entry.contains("headers complete") {
            head = true;
            if let Some(status) = number("status=") {
                open.first = status.to_string();
            }
        } else if entry.ends_with("message complete") {
            open.complete = true;
        }
    }
    if head {
        messages.push(open);
    }
    messages
}

/// What is seen of the same bytes in a conversation that is otherwise plain.
fn found(kind: &str, input: &[u8], count: usize) -> Vec<Message> {
    let mut talk = Talk::new(usize::MAX);
    let is_request = kind.starts_with("request");
    if is_request {
        talk.send(true, input);
        for _ in 0..count + 3 {
            talk.send(false, &answer(""));
        }
    } else {
        for i in 0..count.max(1) {
            talk.send(true, &get(&format!("/{i}")));
        }
        talk.send(false, input);
        if kind.ends_with("finish") {
            talk.fin(false);
        }
    }
    let mut messages = Vec::new();
    for e in see(&talk.segments).exchanges {
        let complete = e.is_complete();
        let interim = e.response.iter().flat_map(|r| &r.interim).filter(|_| !is_request);
        messages.extend(interim.map(|s| Message { first: s.to_string(), body: Vec::new(), complete: true }));
        let message = if is_request {
            e.request.map(|r| (format!("{} {}", r.method, r.target_text()), r.body))
        } else {
            e.response.map(|r| (r.status.to_string(), r.body))
        };
        messages.extend(message.map(|(first, body)| Message { first, body: body.bytes.to_vec(), complete }));
    }
    messages
}

#[test]
fn the_same_messages_or_a_reason() {
    let Some(corpora) = corpora() else { return };
    let cases = std::fs::read_to_string(corpora.join("llhttp/cases.jsonl")).unwrap();
    let (mut same, mut wrong) = (0, Vec::new());
    for line in cases.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let (id, kind) = (case["id"].as_str().unwrap(), case["type"].as_str().unwrap());
        let input = base64(case["input_b64"].as_str().unwrap());
        let expected = expected(&case, &input);
        let mut found = found(kind, &input, expected.len());
        let mut expected = expected;
        if !case["error"].is_null() {
            // What llhttp gives up on is shown here all the same, and is never complete: a reader of captures must
            // say what it saw. So the complete messages are compared.
            found.retain(|m| m.complete);
            expected.retain(|m| m.complete);
        }
        let excused = DIFFERENT.iter().find(|(at, _)| *at == id || *at == kind);
        match (expected == found, excused) {
            (true, Some((at, _))) if *at == id => wrong.push(format!("{id}: now the same, the table's entry is stale")),
            (true, _) => same += 1,
            (false, Some(_)) => {}
            (false, None) => wrong.push(format!(
                "{id} [{kind}] {} {}\n  input {}\n  llhttp {}\n  here   {}",
                case["name"],
                case["error"]["reason"],
                input.escape_ascii(),
                shown(&expected),
                shown(&found)
            )),
        }
    }
    assert!(wrong.is_empty(), "{} differ, {same} are the same\n{}", wrong.len(), wrong.join("\n"));
    assert!(same > 100, "{same}");
}

fn shown(messages: &[Message]) -> String {
    let one = |m: &Message| format!("{} [{}] {}", m.first, m.body.escape_ascii(), if m.complete { "" } else { "(no)" });
    messages.iter().map(one).collect::<Vec<_>>().join(" | ")
}

/// Cases that come out otherwise, and why; a case's name, or a kind of cases.
const DIFFERENT: &[(&str, &str)] = &[
    ("request-lenient-headers", LENIENT),
    ("request-lenient-header-value-relaxed", LENIENT),
    ("request-lenient-optional-lf-after-cr", LENIENT),
    ("request-lenient-all", LENIENT),
    ("request-lenient-version", LENIENT),
    ("request-lenient-chunked-length", LENIENT),
    ("request-lenient-transfer-encoding", LENIENT),
    ("response-lenient-optional-lf-after-cr", LENIENT),
    ("response-lenient-version", LENIENT),
    ("request/connection.md#L90", "bytes after a request that closes are read: the server's answer decides, not we"),
    ("request/content-length.md#L455", SKIPS_BODY),
    ("response/content-length.md#L134", SKIPS_BODY),
    ("request/finish.md#L37", "a head that was cut by the end is shown, incomplete"),
    ("request/finish.md#L61", "a head that was cut by the end is shown, incomplete"),
    ("response/finish.md#L13", "an answer without a length is complete when the connection closes (RFC 9112, 6.3)"),
    ("request/invalid.md#L74", METHOD),
    ("request/invalid.md#L363", METHOD),
    ("request/method.md#L467", METHOD),
    ("request/method.md#L106", "the body that CONNECT declares is read; what comes after a 2xx answer is left"),
    ("request/method.md#L380", OTHER_PROTOCOL),
    ("request/method.md#L410", OTHER_PROTOCOL),
    ("request/method.md#L438", OTHER_PROTOCOL),
    ("response/sample.md#L47", OTHER_PROTOCOL),
    ("response/sample.md#L67", OTHER_PROTOCOL),
    ("request/sample.md#L321", HTTP_09),
    ("response/sample.md#L652", HTTP_09),
    ("response/invalid.md#L292", LF),
    ("request/transfer-encoding.md#L341", EMPTY_EXTENSION),
    ("response/transfer-encoding.md#L261", EMPTY_EXTENSION),
    ("request/transfer-encoding.md#L1195", PADDED_SIZE),
    ("response/transfer-encoding.md#L21", PADDED_SIZE),
    ("request/uri.md#L156", "targets are shown as captured; bytes beyond ASCII cannot move a message's end"),
];

const LENIENT: &str = "there are no lenient modes: such a message is shown, and marked as ambiguous";
const SKIPS_BODY: &str = "the case tells llhttp to skip the body, which no capture does";
const METHOD: &str = "any token is a method (RFC 9110, 9.1), whatever its name";
const OTHER_PROTOCOL: &str = "RTSP and ICE are not HTTP";
const HTTP_09: &str = "HTTP/0.9 is not supported";
const LF: &str = "line ends by LF alone are accepted where all of them are (RFC 9112, 2.2)";
const EMPTY_EXTENSION: &str = "an empty chunk extension cannot move a chunk's end";
const PADDED_SIZE: &str = "some servers pad chunk sizes with spaces; that cannot move a chunk's end";

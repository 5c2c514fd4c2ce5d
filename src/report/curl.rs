//! A command by which whoever reads of a difference asks the same again.
//!
//! All that is in it was captured, and it is made to be pasted into a shell: every word is quoted, and where one has
//! characters that a terminal or an editor of command lines could take for keys, there is no command.

use crate::exchange::Example;
use crate::shadow::request::MARK as SHADOW;

use super::escape::is_deceptive;

/// Where no address is known.
const SOMEWHERE: &str = "http://CANDIDATE";
/// What `redact` writes in the place of a secret.
const MARK: &str = "[redacted";

/// A command, and what it lacks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// One line.
    pub(super) text: String,
    /// Header fields that were secret.
    pub(super) secret: Vec<String>,
    /// What went out and is not in it.
    pub(super) left_out: Vec<String>,
    /// A part of the target or of the body was.
    pub(super) marks: bool,
    /// The method may change something.
    pub(super) writes: bool,
    /// Host and Accept-Encoding are not known, and curl says its own.
    pub(super) own_host: bool,
}

/// What asks `candidate` as the example's shadow request did; None where that cannot be written so that it is safe to be
/// pasted.
pub(super) fn command(example: &Example, candidate: &str) -> Option<Command> {
    let asked = &example.asked;
    let (method, target) = example.request.split_once(' ')?;
    if target.ends_with('…') || !method.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return None;
    }
    let (open, secret): (Vec<_>, Vec<_>) = asked.headers.iter().partition(|(_, value)| !value.contains(MARK));
    let says = |name: &str| open.iter().any(|(other, _)| other == name);
    let own_host = !says("host");
    // A HEAD with a body is more than curl can be told.
    let body = asked.body.as_ref().filter(|_| method != "HEAD");
    let mut words: Vec<String> = vec!["curl".into(), "-sS".into(), "-i".into()];
    if own_host || says("accept-encoding") {
        words.push("--compressed".into());
    }
    words.extend(["--globoff".into(), "--path-as-is".into()]);
    match method {
        "GET" if body.is_none() => {}
        // With -X HEAD curl would wait for a body.
        "HEAD" => words.push("--head".into()),
        _ => words.extend(["-X".into(), quoted(method)?]),
    }
    for (name, value) in &open {
        if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            return None;
        }
        // A field without a value is written with a semicolon, else curl leaves it out.
        let field = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
        words.extend(["-H".into(), quoted(&field)?]);
    }
    if !says(SHADOW) {
        words.extend(["-H".into(), quoted(&format!("{SHADOW}: 1"))?]);
    }
    // curl would say something where the client said nothing.
    for name in ["accept", "user-agent"].into_iter().chain(body.map(|_| "content-type")) {
        if !says(name) {
            words.extend(["-H".into(), format!("{name}:")]);
        }
    }
    if let Some(body) = body {
        words.extend(["--data-raw".into(), quoted(body)?]);
    }
    words.push(quoted(&address(candidate, target)?)?);
    let marks = target.contains(MARK) || body.is_some_and(|body| body.contains(MARK));
    let secret = secret.into_iter().map(|(name, _)| name.clone()).collect();
    let writes = !matches!(method, "GET" | "HEAD" | "OPTIONS");
    Some(Command { text: words.join(" "), secret, left_out: asked.left_out.clone(), marks, writes, own_host })
}

/// The whole address: the target is of the origin form, or of the absolute form, whose path is asked of the candidate.
fn address(candidate: &str, target: &str) -> Option<String> {
    let base =
        if candidate.starts_with("http://") || candidate.starts_with("https://") { candidate } else { SOMEWHERE };
    let base = base.trim_end_matches('/');
    if target.starts_with('/') {
        return Some(format!("{base}{target}"));
    }
    let (_, rest) = target.split_once("://")?;
    let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/");
    Some(format!("{base}{path}"))
}

/// One word of a POSIX shell; None where it has a character that does not stand for itself when it is pasted.
fn quoted(word: &str) -> Option<String> {
    if word.chars().any(|c| c.is_control() || is_deceptive(c)) {
        return None;
    }
    shlex::try_quote(word).ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use std::process::Command as Process;

    use super::*;
    use crate::exchange::AskedWith;
    use crate::report::hostile::payloads;

    fn example(request: &str, headers: &[(&str, &str)], body: Option<&str>) -> Example {
        Example {
            sequence: 0,
            started: None,
            request: request.into(),
            asked: AskedWith {
                headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
                body: body.map(str::to_owned),
                left_out: Vec::new(),
            },
            status: (200, 200),
            differences: Vec::new(),
            patch: None,
            text_diff: None,
            legacy: String::new(),
            candidate: String::new(),
        }
    }

    /// What a shell makes of a command.
    fn words(command: &str) -> Vec<String> {
        let shown = Process::new("sh").args(["-c", &command.replacen("curl", "printf '%s\\0'", 1)]).output().unwrap();
        assert!(shown.status.success() && shown.stderr.is_empty(), "{command}: {shown:?}");
        let text = String::from_utf8(shown.stdout).unwrap();
        text.split_terminator('\0').map(str::to_owned).collect()
    }

    #[test]
    fn a_shell_reads_what_was_asked() {
        let asked =
            example("GET /a?b=it's&c=[1]", &[("accept", "*/*"), ("x-empty", ""), ("cookie", "s=[redacted:12]")], None);
        let command = command(&asked, "http://127.0.0.1:8081/").unwrap();
        let expected = [
            "-sS",
            "-i",
            "--compressed",
            "--globoff",
            "--path-as-is",
            "-H",
            "accept: */*",
            "-H",
            "x-empty;",
            "-H",
            "shadow-request: 1",
            "-H",
            "user-agent:",
            "http://127.0.0.1:8081/a?b=it's&c=[1]",
        ];
        assert_eq!(words(&command.text), expected);
        assert_eq!((command.secret, command.marks, command.writes), (vec!["cookie".to_owned()], false, false));
        assert!(command.own_host, "a Host is not known");
        let asked = example("POST http://shop.example/orders", &[], Some("{\"a\":\"[redacted:12] '$(id)'\"}"));
        let command = super::command(&asked, "the demo's").unwrap();
        assert_eq!(
            words(&command.text)[5..],
            [
                "-X",
                "POST",
                "-H",
                "shadow-request: 1",
                "-H",
                "accept:",
                "-H",
                "user-agent:",
                "-H",
                "content-type:",
                "--data-raw",
                "{\"a\":\"[redacted:12] '$(id)'\"}",
                "http://CANDIDATE/orders"
            ]
        );
        assert!(command.marks && command.writes);
        assert!(super::command(&example("HEAD /", &[], None), "http://x").unwrap().text.contains(" --head "));
    }

    #[test]
    fn where_a_host_is_known_it_is_named_and_nothing_is_asked_for_that_was_not() {
        let text = |headers: &[(&str, &str)]| {
            let command = command(&example("GET /", headers, None), "http://127.0.0.1:1").unwrap();
            (command.text, command.own_host)
        };
        let (plain, own) = text(&[("host", "shop.example:81")]);
        assert!(plain.contains("-H 'host: shop.example:81'") && !plain.contains("--compressed") && !own, "{plain}");
        let (coded, _) = text(&[("host", "shop.example"), ("accept-encoding", "gzip")]);
        assert!(coded.contains("--compressed") && coded.contains("-H 'accept-encoding: gzip'"), "{coded}");
        let (secret, own) = text(&[("host", "[redacted:12]")]);
        assert!(!secret.contains("host:") && own, "{secret}");
        let asked = example("GET /", &[("host", "a")], Some("x=1"));
        assert!(command(&asked, "http://x").unwrap().text.contains(" -X GET "), "else curl would make it a POST");
    }

    /// A request as it comes in, without what belongs to the connection.
    fn received(listener: &std::net::TcpListener) -> String {
        use std::io::{Read, Write};
        let (mut stream, _) = listener.accept().unwrap();
        let mut text = Vec::new();
        while !text.ends_with(b"\r\n\r\n") && !text.ends_with(b"x=1") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            text.push(byte[0]);
            if text.ends_with(b"\r\n\r\n") && String::from_utf8_lossy(&text).contains("Content-Length: 3") {
                let mut body = [0; 3];
                stream.read_exact(&mut body).unwrap();
                text.extend(body);
            }
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").unwrap();
        String::from_utf8(text).unwrap().replace("\r\n", "\n")
    }

    #[test]
    fn a_real_curl_says_what_it_is_told_and_nothing_else() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        for (asked, expected) in [
            (
                example("GET /a/../b?c=%41", &[("host", "shop.example:81"), ("accept-encoding", "gzip")], None),
                "GET /a/../b?c=%41 HTTP/1.1\nHost: shop.example:81\naccept-encoding: gzip\nshadow-request: 1\n\n",
            ),
            (
                example("PUT /a", &[("host", "[::1]:9"), ("user-agent", "it's")], Some("x=1")),
                "PUT /a HTTP/1.1\nHost: [::1]:9\nuser-agent: it's\nshadow-request: 1\nContent-Length: 3\n\nx=1",
            ),
        ] {
            let text = command(&asked, &address).unwrap().text;
            let curl =
                Process::new("sh").args(["-c", &text]).env("no_proxy", "*").stdout(std::process::Stdio::null()).spawn();
            let mut curl = curl.unwrap();
            assert_eq!(received(&listener), expected);
            assert!(curl.wait().unwrap().success());
        }
    }

    #[test]
    fn nothing_captured_becomes_a_command_or_an_option() {
        for (name, payload) in payloads() {
            let request = format!("GET /{payload}");
            for asked in [
                example(&request, &[], None),
                example("GET /", &[("accept", &payload)], None),
                example("POST /", &[], Some(&payload)),
                example("GET /", &[(&payload, "x")], None),
            ] {
                let Some(command) = command(&asked, "http://127.0.0.1:1") else { continue };
                assert!(!command.text.chars().any(|c| c.is_control() || is_deceptive(c)), "{name}");
                let words = words(&command.text);
                let taken = [
                    format!("http://127.0.0.1:1/{payload}"),
                    format!("accept: {payload}"),
                    format!("{payload}: x"),
                    payload.clone(),
                ];
                let plain = |word: &String| {
                    word.starts_with("http://127.0.0.1:1/") || word == "accept;" || taken.contains(word)
                };
                let options = [
                    "-sS",
                    "-i",
                    "--compressed",
                    "--globoff",
                    "--path-as-is",
                    "-H",
                    "-X",
                    "POST",
                    "accept:",
                    "user-agent:",
                    "content-type:",
                    "shadow-request: 1",
                    "--data-raw",
                ];
                let other: Vec<_> = words.iter().filter(|w| !plain(w) && !options.contains(&w.as_str())).collect();
                assert!(other.is_empty() || name.contains("blank"), "{name}: {other:?}");
            }
        }
        assert_eq!(command(&example("GET /\u{1b}[2J", &[], None), "http://x"), None);
        assert_eq!(command(&example("G;T /", &[], None), "http://x"), None);
        assert_eq!(command(&example("GET /long…", &[], None), "http://x"), None);
    }
}

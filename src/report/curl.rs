//! A command by which whoever reads of a difference asks the same again.
//!
//! All that is in it was captured, and it is made to be pasted into a shell: every word is quoted, and where one has
//! characters that a terminal or an editor of command lines could take for keys, there is no command.

use crate::exchange::Example;

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
    /// A part of the target or of the body was.
    pub(super) marks: bool,
    /// The method may change something.
    pub(super) writes: bool,
}

/// What asks `candidate` as the example was asked; None where that cannot be written so that it is safe to be pasted.
pub(super) fn command(example: &Example, candidate: &str) -> Option<Command> {
    let (method, target) = example.request.split_once(' ')?;
    if target.ends_with('…') || !method.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return None;
    }
    let mut words = vec![
        "curl".to_owned(),
        "-sS".to_owned(),
        "-i".to_owned(),
        "--compressed".to_owned(),
        "--globoff".to_owned(),
        "--path-as-is".to_owned(),
    ];
    match method {
        "GET" => {}
        // With -X HEAD curl would wait for a body.
        "HEAD" => words.push("--head".to_owned()),
        _ => words.extend(["-X".to_owned(), quoted(method)?]),
    }
    let (open, secret): (Vec<_>, Vec<_>) = example.asked.headers.iter().partition(|(_, value)| !value.contains(MARK));
    for (name, value) in open {
        if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            return None;
        }
        // A field without a value is written with a semicolon, else curl leaves it out.
        let field = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
        words.extend(["-H".to_owned(), quoted(&field)?]);
    }
    if !example.asked.headers.iter().any(|(name, _)| name == "accept") {
        // curl would say */* where the client said nothing.
        words.extend(["-H".to_owned(), "accept:".to_owned()]);
    }
    if let Some(body) = &example.asked.body {
        words.extend(["--data-raw".to_owned(), quoted(body)?]);
    }
    words.push(quoted(&address(candidate, target)?)?);
    let marks = target.contains(MARK) || example.asked.body.as_ref().is_some_and(|body| body.contains(MARK));
    let secret = secret.into_iter().map(|(name, _)| name.clone()).collect();
    let writes = !matches!(method, "GET" | "HEAD" | "OPTIONS");
    Some(Command { text: words.join(" "), secret, marks, writes })
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
            "http://127.0.0.1:8081/a?b=it's&c=[1]",
        ];
        assert_eq!(words(&command.text), expected);
        assert_eq!((command.secret, command.marks, command.writes), (vec!["cookie".to_owned()], false, false));
        let asked = example("POST http://shop.example/orders", &[], Some("{\"a\":\"[redacted:12] '$(id)'\"}"));
        let command = super::command(&asked, "the demo's").unwrap();
        assert_eq!(
            words(&command.text)[5..],
            [
                "-X",
                "POST",
                "-H",
                "accept:",
                "--data-raw",
                "{\"a\":\"[redacted:12] '$(id)'\"}",
                "http://CANDIDATE/orders"
            ]
        );
        assert!(command.marks && command.writes);
        assert!(super::command(&example("HEAD /", &[], None), "http://x").unwrap().text.contains(" --head "));
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
                    "-H",
                    "accept:",
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

//! `tapcompare inspect`: what a capture holds, before anything is sent.

mod line;

use std::borrow::Cow;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use serde::Serialize;

use self::line::Line;
use super::walk::redactor;
use super::{OutputFormat, Status, Trouble};
use crate::config::Redaction;
use crate::exchange::{Exchange, Request, Response, TimeText};
use crate::ledger::Ledger;
use crate::pipeline::Source;
use crate::redact::Redactor;
use crate::report::{self, visible};
use crate::wire::Keep;

/// Show what a capture holds: a row an exchange, then the ledger; nothing is sent
///
/// Targets are shown as they were captured, secrets in their queries included: who may read the capture may read them.
/// With --redact they are shown as in reports.
#[derive(Debug, clap::Args)]
pub(crate) struct InspectArgs {
    /// Captures: pcap or pcapng, plain or gzip; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Only frames that this BPF expression wants (see pcap-filter(7))
    #[arg(short, long, value_name = "EXPRESSION")]
    filter: Option<String>,
    /// How to write: rows for people, or one JSON object a line
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: OutputFormat,
    /// Put marks in the places of secrets in targets, as reports do; without it they are shown exactly as captured
    #[arg(long)]
    redact: bool,
}

impl InspectArgs {
    pub(crate) fn run(self, color: bool) -> Result<Status, Trouble> {
        let redactor = if self.redact { Some(redactor(&Redaction::default())?) } else { None };
        let shown = Targets { redactor };
        let source = Source::open(&self.files, self.filter.as_deref(), Keep::Nothing, None)?;
        let out = BufWriter::with_capacity(64 << 10, io::stdout().lock());
        let done = match self.output {
            OutputFormat::Text => {
                show(source, Rows { out, color, times: TimeText::default(), line: Line::default(), shown })
            }
            OutputFormat::Json => {
                show(source, JsonLines { out, times: TimeText::default(), line: Line::default(), shown })
            }
        };
        match done {
            // The reader (head, less) has seen enough: not our trouble.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Status::Fine),
            Err(error) => Err(format!("standard output cannot be written: {error}").into()),
            Ok(()) => Ok(Status::Fine),
        }
    }
}

/// How targets are shown: as captured, or without secrets.
struct Targets {
    redactor: Option<Redactor>,
}

impl Targets {
    fn of<'r>(&self, request: &'r Request) -> Cow<'r, str> {
        match &self.redactor {
            Some(redactor) => Cow::Owned(redactor.target(request)),
            None => request.target_text(),
        }
    }

    /// The Host is no place for secrets, but the client chose it.
    fn host<'r>(&self, request: &'r Request) -> Option<Cow<'r, str>> {
        let host = request.host()?;
        let Some(redactor) = &self.redactor else { return Some(Cow::Borrowed(host)) };
        Some(Cow::Owned(redactor.gather().veil().text(host)))
    }
}

/// One way of writing what was seen.
trait Show {
    fn exchange(&mut self, exchange: &Exchange) -> io::Result<()>;
    fn ledger(self, ledger: &Ledger) -> io::Result<()>;
}

fn show(mut source: Source, mut out: impl Show) -> io::Result<()> {
    let mut written = Ok(());
    while written.is_ok()
        && source.step(&mut |exchange| {
            if written.is_ok() {
                written = out.exchange(&exchange);
            }
        })
    {}
    written?;
    let ledger = source.ledger();
    for damage in &ledger.capture.damage {
        tracing::warn!("{}", visible(damage));
    }
    out.ledger(&ledger)
}

/// A row an exchange: when, who, what, interim answers in brackets, status, body bytes, how long, and why it is not
/// whole.
struct Rows<W> {
    out: W,
    color: bool,
    times: TimeText,
    line: Line,
    shown: Targets,
}

impl<W: Write> Show for Rows<W> {
    fn exchange(&mut self, exchange: &Exchange) -> io::Result<()> {
        let line = self.line.again();
        match exchange.moments.started() {
            Some(time) => line.text(self.times.of(time)),
            None => line.text("-"),
        };
        line.text(" ").address(exchange.client).text(" > ").address(exchange.server).text(" ");
        match &exchange.request {
            Some(r) => line.text(&r.method).text(" ").shown(&self.shown.of(r)).text(" "),
            None => line.text("(request not seen) "),
        };
        for status in exchange.interim() {
            line.text("(").number(u64::from(*status)).text(") ");
        }
        match &exchange.response {
            Some(r) => line.number(u64::from(r.status)).text(" ").number(r.body.length).text("B"),
            None => line.text("-"),
        };
        if let Some(latency) = micros(exchange) {
            line.text(" ").number(latency).text("us");
        }
        if let Some(reason) = exchange.incomplete {
            line.text(" [").text(reason.as_str()).text("]");
        }
        line.text("\n");
        self.out.write_all(line.bytes())
    }

    fn ledger(mut self, ledger: &Ledger) -> io::Result<()> {
        writeln!(self.out)?;
        self.out.write_all(report::ledger(ledger, self.color).as_bytes())?;
        self.out.flush()
    }
}

/// The latency in microseconds.
fn micros(exchange: &Exchange) -> Option<u64> {
    exchange.moments.latency().map(|l| u64::try_from(l.as_micros()).unwrap_or(u64::MAX))
}

/// One JSON object a line; what is in it is part of the formats.
struct JsonLines<W> {
    out: W,
    times: TimeText,
    line: Line,
    shown: Targets,
}

impl<W: Write> Show for JsonLines<W> {
    fn exchange(&mut self, exchange: &Exchange) -> io::Result<()> {
        let line = self.line.again();
        line.text(r#"{"kind":"exchange","client":""#).address(exchange.client);
        line.text(r#"","server":""#).address(exchange.server).text(r#"","request":"#);
        match &exchange.request {
            Some(request) => request_object(line, request, &self.shown),
            None => line.text("null"),
        };
        line.text(r#","response":"#);
        match &exchange.response {
            Some(response) => response_object(line, response),
            None => line.text("null"),
        };
        line.text(if exchange.is_complete() {
            r#","complete":true,"reason":"#
        } else {
            r#","complete":false,"reason":"#
        });
        match exchange.incomplete {
            Some(reason) => line.quoted(reason.as_str()),
            None => line.text("null"),
        };
        for (at, status) in exchange.interim().iter().enumerate() {
            line.text(if at == 0 { r#","interim":["# } else { "," }).number(u64::from(*status));
        }
        line.text(if exchange.interim().is_empty() { r#","started":"# } else { r#"],"started":"# });
        match exchange.moments.started() {
            Some(time) => line.quoted(self.times.of(time)),
            None => line.text("null"),
        };
        line.text(r#","latency_us":"#);
        match micros(exchange) {
            Some(latency) => line.number(latency),
            None => line.text("null"),
        };
        line.text("}\n");
        self.out.write_all(line.bytes())
    }

    fn ledger(mut self, ledger: &Ledger) -> io::Result<()> {
        let balanced = ledger.open_accounts().is_empty();
        serde_json::to_writer(&mut self.out, &LedgerLine { kind: "ledger", schema_version: 1, balanced, ledger })?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }
}

fn request_object<'a>(line: &'a mut Line, request: &Request, shown: &Targets) -> &'a mut Line {
    line.text(r#"{"method":"#).quoted(&request.method).text(r#","target":"#).quoted(&shown.of(request));
    line.text(r#","host":"#);
    match shown.host(request) {
        Some(host) => line.quoted(&host),
        None => line.text("null"),
    };
    line.text(r#","version":""#).text(request.version.as_str());
    line.text(r#"","body_bytes":"#).number(request.body.length).text("}")
}

fn response_object<'a>(line: &'a mut Line, response: &Response) -> &'a mut Line {
    line.text(r#"{"status":"#).number(u64::from(response.status));
    line.text(r#","version":""#).text(response.version.as_str());
    line.text(r#"","body_bytes":"#).number(response.body.length).text("}")
}

/// The last object.
#[derive(Serialize)]
struct LedgerLine<'a> {
    kind: &'static str,
    schema_version: u32,
    balanced: bool,
    #[serde(flatten)]
    ledger: &'a Ledger,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Body, Headers, Incomplete, Moments, Timestamp, Version};

    fn exchange() -> Exchange {
        let headers: Headers = [("host", &b"shop\"\\\n"[..])].into_iter().collect();
        let counted = |length| Body { length, ..Body::default() };
        let request = Request {
            method: "POST".into(),
            target: "/p?q=\"\u{e9}\u{1b}".into(),
            version: Version::Http11,
            headers,
            body: counted(4),
        };
        let response = Response {
            version: Version::Http10,
            status: 201,
            headers: Headers::new(),
            body: counted(70_000),
            interim: vec![100, 103],
        };
        let time = |ms: i64| Some(Timestamp(1_700_000_000_000_000_000 + ms * 1_000_000));
        let moments =
            Moments { request_start: time(0), request_end: time(1), response_start: time(2), response_end: time(3) };
        Exchange {
            client: ([10, 0, 0, 1], 40_000).into(),
            server: "[2001:db8::1]:80".parse().unwrap(),
            request: Some(request),
            response: Some(response),
            interim_only: Vec::new(),
            incomplete: None,
            moments,
        }
    }

    /// Interim answers, and no final one.
    fn unanswered() -> Exchange {
        let moments = Moments { response_start: None, response_end: None, ..exchange().moments };
        let incomplete = Some(Incomplete::NoResponse);
        Exchange { response: None, interim_only: vec![100], incomplete, moments, ..exchange() }
    }

    /// An answer to nobody knows what.
    fn orphan() -> Exchange {
        let moments = Moments { request_start: None, request_end: None, ..exchange().moments };
        Exchange { request: None, incomplete: Some(Incomplete::NoRequest), moments, ..exchange() }
    }

    #[test]
    fn a_row_an_exchange() {
        let mut out = Vec::new();
        let mut rows = Rows {
            out: &mut out,
            color: false,
            times: TimeText::default(),
            line: Line::default(),
            shown: Targets { redactor: None },
        };
        for exchange in [exchange(), unanswered(), orphan()] {
            rows.exchange(&exchange).unwrap();
        }
        let ends = "10.0.0.1:40000 > [2001:db8::1]:80";
        let asked = format!("2023-11-14T22:13:20Z {ends} POST /p?q=\"\u{e9}\\x1b");
        assert_eq!(
            String::from_utf8(out).unwrap().lines().collect::<Vec<_>>(),
            [
                format!("{asked} (100) (103) 201 70000B 2000us"),
                format!("{asked} (100) - [no-response]"),
                format!("2023-11-14T22:13:20.002Z {ends} (request not seen) (100) (103) 201 70000B [no-request]"),
            ]
        );
    }

    #[test]
    fn an_object_an_exchange() {
        let mut out = Vec::new();
        let mut lines = JsonLines {
            out: &mut out,
            times: TimeText::default(),
            line: Line::default(),
            shown: Targets { redactor: None },
        };
        for exchange in [exchange(), unanswered(), orphan()] {
            lines.exchange(&exchange).unwrap();
        }
        let ends = r#"{"kind":"exchange","client":"10.0.0.1:40000","server":"[2001:db8::1]:80""#;
        let request = r#""request":{"method":"POST","target":"/p?q=\"é\u001b","host":"shop\"\\\n","version":"HTTP/1.1","body_bytes":4}"#;
        let response = r#""response":{"status":201,"version":"HTTP/1.0","body_bytes":70000}"#;
        assert_eq!(
            String::from_utf8(out).unwrap().lines().collect::<Vec<_>>(),
            [
                format!(
                    r#"{ends},{request},{response},"complete":true,"reason":null,"interim":[100,103],"started":"2023-11-14T22:13:20Z","latency_us":2000}}"#
                ),
                format!(
                    r#"{ends},{request},"response":null,"complete":false,"reason":"no-response","interim":[100],"started":"2023-11-14T22:13:20Z","latency_us":null}}"#
                ),
                format!(
                    r#"{ends},"request":null,{response},"complete":false,"reason":"no-request","interim":[100,103],"started":"2023-11-14T22:13:20.002Z","latency_us":null}}"#
                ),
            ]
        );
    }
}

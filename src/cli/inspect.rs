//! `tapcompare inspect`: what a capture holds, before anything is sent.

use std::borrow::Cow;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use serde::Serialize;

use super::{OutputFormat, Status, Trouble};
use crate::exchange::{Exchange, Incomplete, Request, Response, TimeText};
use crate::ledger::Ledger;
use crate::pipeline::Source;
use crate::report::{self, visible};
use crate::wire::Keep;

/// Show what a capture holds: a row an exchange, then the ledger; nothing is sent
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
}

impl InspectArgs {
    pub(crate) fn run(self, color: bool) -> Result<Status, Trouble> {
        let source = Source::open(&self.files, self.filter.as_deref(), Keep::Nothing, None)?;
        let out = BufWriter::with_capacity(64 << 10, io::stdout().lock());
        let done = match self.output {
            OutputFormat::Text => show(source, Rows { out, color, times: TimeText::default() }),
            OutputFormat::Json => show(source, JsonLines { out, times: TimeText::default() }),
        };
        match done {
            // The reader (head, less) has seen enough: not our trouble.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Status::Fine),
            Err(error) => Err(format!("standard output cannot be written: {error}").into()),
            Ok(()) => Ok(Status::Fine),
        }
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
}

impl<W: Write> Show for Rows<W> {
    fn exchange(&mut self, exchange: &Exchange) -> io::Result<()> {
        let Rows { out, times, .. } = self;
        match exchange.moments.started() {
            Some(time) => write!(out, "{} ", times.of(time))?,
            None => write!(out, "- ")?,
        }
        write!(out, "{} > {} ", exchange.client, exchange.server)?;
        match &exchange.request {
            Some(r) => write!(out, "{} {} ", r.method, visible(&r.target_text()))?,
            None => write!(out, "(request not seen) ")?,
        }
        for status in exchange.interim() {
            write!(out, "({status}) ")?;
        }
        match &exchange.response {
            Some(r) => write!(out, "{} {}B", r.status, r.body.length)?,
            None => write!(out, "-")?,
        }
        if let Some(latency) = exchange.moments.latency() {
            write!(out, " {}us", latency.as_micros())?;
        }
        if let Some(reason) = exchange.incomplete {
            write!(out, " [{reason}]")?;
        }
        writeln!(out)
    }

    fn ledger(mut self, ledger: &Ledger) -> io::Result<()> {
        writeln!(self.out)?;
        self.out.write_all(report::ledger(ledger, self.color).as_bytes())?;
        self.out.flush()
    }
}

/// One JSON object a line.
struct JsonLines<W> {
    out: W,
    times: TimeText,
}

fn line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

impl<W: Write> Show for JsonLines<W> {
    fn exchange(&mut self, exchange: &Exchange) -> io::Result<()> {
        line(&mut self.out, &ExchangeLine::of(exchange, &mut self.times))
    }

    fn ledger(mut self, ledger: &Ledger) -> io::Result<()> {
        line(
            &mut self.out,
            &LedgerLine { kind: "ledger", schema_version: 1, balanced: ledger.open_accounts().is_empty(), ledger },
        )?;
        self.out.flush()
    }
}

/// The object of one exchange; part of the formats.
#[derive(Serialize)]
struct ExchangeLine<'a> {
    kind: &'static str,
    client: std::net::SocketAddr,
    server: std::net::SocketAddr,
    request: Option<RequestLine<'a>>,
    response: Option<ResponseLine>,
    complete: bool,
    reason: Option<Incomplete>,
    #[serde(skip_serializing_if = "<[u16]>::is_empty")]
    interim: &'a [u16],
    started: Option<&'a str>,
    latency_us: Option<u64>,
}

#[derive(Serialize)]
struct RequestLine<'a> {
    method: &'a str,
    target: Cow<'a, str>,
    host: Option<&'a str>,
    version: &'static str,
    body_bytes: u64,
}

#[derive(Serialize)]
struct ResponseLine {
    status: u16,
    version: &'static str,
    body_bytes: u64,
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

impl<'a> ExchangeLine<'a> {
    fn of(exchange: &'a Exchange, times: &'a mut TimeText) -> ExchangeLine<'a> {
        let request = |r: &'a Request| RequestLine {
            method: &r.method,
            target: r.target_text(),
            host: r.host(),
            version: r.version.as_str(),
            body_bytes: r.body.length,
        };
        let response =
            |r: &Response| ResponseLine { status: r.status, version: r.version.as_str(), body_bytes: r.body.length };
        ExchangeLine {
            kind: "exchange",
            client: exchange.client,
            server: exchange.server,
            request: exchange.request.as_ref().map(request),
            response: exchange.response.as_ref().map(response),
            complete: exchange.is_complete(),
            reason: exchange.incomplete,
            interim: exchange.interim(),
            started: exchange.moments.started().map(|time| times.of(time)),
            latency_us: exchange.moments.latency().map(|l| u64::try_from(l.as_micros()).unwrap_or(u64::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Body, Headers, Moments, Timestamp, Version};

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
        let mut rows = Rows { out: &mut out, color: false, times: TimeText::default() };
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
        let mut lines = JsonLines { out: &mut out, times: TimeText::default() };
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

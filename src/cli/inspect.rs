//! `tapcompare inspect`: what a capture holds, before anything is sent.

use std::borrow::Cow;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use serde::Serialize;

use super::walk::redactor;
use super::{OutputFormat, Status, Trouble};
use crate::config::Redaction;
use crate::exchange::{Exchange, Incomplete, Request, Response, TimeText};
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
            OutputFormat::Text => show(source, Rows { out, color, times: TimeText::default(), shown }),
            OutputFormat::Json => show(source, JsonLines { out, times: TimeText::default(), shown }),
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

/// A row an exchange: when, how long, status, body bytes, who, what, and why it is not whole.
struct Rows<W> {
    out: W,
    color: bool,
    times: TimeText,
    shown: Targets,
}

impl<W: Write> Show for Rows<W> {
    fn exchange(&mut self, exchange: &Exchange) -> io::Result<()> {
        let Rows { out, times, shown, .. } = self;
        match exchange.moments.started() {
            Some(time) => write!(out, "{} ", times.of(time))?,
            None => write!(out, "- ")?,
        }
        write!(out, "{} > {} ", exchange.client, exchange.server)?;
        match &exchange.request {
            Some(r) => write!(out, "{} {} ", r.method, visible(&shown.of(r)))?,
            None => write!(out, "(request not seen) ")?,
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
    shown: Targets,
}

fn line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

impl<W: Write> Show for JsonLines<W> {
    fn exchange(&mut self, exchange: &Exchange) -> io::Result<()> {
        line(&mut self.out, &ExchangeLine::of(exchange, &mut self.times, &self.shown))
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
    host: Option<Cow<'a, str>>,
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
    fn of(exchange: &'a Exchange, times: &'a mut TimeText, shown: &Targets) -> ExchangeLine<'a> {
        let request = |r: &'a Request| RequestLine {
            method: &r.method,
            target: shown.of(r),
            host: shown.host(r),
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
            interim: exchange.response.as_ref().map_or(&[], |r| &r.interim),
            started: exchange.moments.started().map(|time| times.of(time)),
            latency_us: exchange.moments.latency().map(|l| u64::try_from(l.as_micros()).unwrap_or(u64::MAX)),
        }
    }
}

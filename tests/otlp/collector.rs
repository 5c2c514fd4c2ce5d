//! A collector and a candidate, each a listener with a thread a connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

/// A request as it came.
pub(crate) struct Came {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Came {
    /// The target of its request line.
    pub(crate) fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    /// The value of a field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Something that listens and remembers what it was told.
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    came: Arc<Mutex<Vec<Came>>>,
}

/// How a listener answers: bytes, or None where it never does.
type Answering = fn(&Came) -> Option<Vec<u8>>;

impl Listener {
    pub(crate) fn start(answering: Answering) -> Listener {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let started = Listener { address: listener.local_addr().unwrap(), came: Arc::default() };
        let came = Arc::clone(&started.came);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, came) = (stream.unwrap(), Arc::clone(&came));
                thread::spawn(move || serve(stream, answering, &came));
            }
        });
        started
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn came(&self) -> Vec<Came> {
        std::mem::take(&mut *self.came.lock().unwrap())
    }

    /// What was exported, decoded.
    pub(crate) fn exported(&self) -> Exported {
        let came = self.came();
        let decoded = came.iter().map(|one| ExportTraceServiceRequest::decode(one.body.as_slice()).unwrap()).collect();
        Exported { came, decoded }
    }
}

fn serve(stream: TcpStream, answering: Answering, came: &Mutex<Vec<Came>>) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let one = Came { head, body };
        let answer = answering(&one);
        came.lock().unwrap().push(one);
        match answer {
            // Nothing at all: the connection breaks.
            Some(answer) if answer.is_empty() => return,
            Some(answer) if stream.write_all(&answer).is_err() => return,
            Some(_) => {}
            None => thread::park(),
        }
    }
}

fn http(status: u16, kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status} x\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Takes everything.
pub(crate) fn takes_all(_: &Came) -> Option<Vec<u8>> {
    Some(http(200, "application/x-protobuf", &ExportTraceServiceResponse::default().encode_to_vec()))
}

/// Takes all but one of each batch, and says so.
pub(crate) fn rejects_one(_: &Came) -> Option<Vec<u8>> {
    let partial = ExportTracePartialSuccess { rejected_spans: 1, error_message: "too old".into() };
    let answer = ExportTraceServiceResponse { partial_success: Some(partial) };
    Some(http(200, "application/x-protobuf", &answer.encode_to_vec()))
}

/// Is not there yet.
pub(crate) fn is_unavailable(_: &Came) -> Option<Vec<u8>> {
    Some(http(503, "text/plain", b"starting"))
}

/// Accepts and says nothing.
pub(crate) fn hangs(_: &Came) -> Option<Vec<u8>> {
    None
}

/// The candidate: 404 for what is missing, nothing for what breaks it, and else always the same.
pub(crate) fn candidate(came: &Came) -> Option<Vec<u8>> {
    Some(match came.target() {
        target if target.starts_with("/missing") => http(404, "application/json", b"{}"),
        target if target.starts_with("/breaks") => Vec::new(),
        _ => http(200, "application/json", br#"{"id":7}"#),
    })
}

/// Requests to a collector.
pub(crate) struct Exported {
    pub(crate) came: Vec<Came>,
    pub(crate) decoded: Vec<ExportTraceServiceRequest>,
}

impl Exported {
    pub(crate) fn spans(&self) -> Vec<&Span> {
        let resources = self.decoded.iter().flat_map(|request| &request.resource_spans);
        resources.flat_map(|resource| &resource.scope_spans).flat_map(|scope| &scope.spans).collect()
    }

    /// Who says that it sends them.
    pub(crate) fn resource(&self, key: &str) -> Option<String> {
        text(&self.decoded[0].resource_spans[0].resource.as_ref().unwrap().attributes, key)
    }
}

/// An attribute as text.
pub(crate) fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let mut found = attributes.iter().filter(|one| one.key == key);
    let (one, None) = (found.next()?, found.next()) else { panic!("{key} is there twice") };
    let Some(AnyValue { value: Some(value) }) = &one.value else { panic!("{key} has no value") };
    Some(match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(n) => n.to_string(),
        other => panic!("{key} is {other:?}"),
    })
}

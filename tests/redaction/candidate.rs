//! A candidate that differs everywhere and gives back what it was told, in every spelling.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::{base64, percent};

/// Where it listens, and what it was asked.
pub struct Candidate {
    pub address: SocketAddr,
    pub asked: Arc<Mutex<String>>,
}

pub fn start(answer: fn(&str) -> Option<Vec<u8>>) -> Candidate {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let candidate = Candidate { address: listener.local_addr().unwrap(), asked: Arc::default() };
    let asked = Arc::clone(&candidate.asked);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, asked) = (stream.unwrap(), Arc::clone(&asked));
            thread::spawn(move || serve(stream, answer, &asked));
        }
    });
    candidate
}

fn serve(stream: TcpStream, answer: fn(&str) -> Option<Vec<u8>>, asked: &Mutex<String>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
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
    let whole = format!("{head}\r\n{}", String::from_utf8_lossy(&body));
    asked.lock().unwrap().push_str(&whole);
    // No answer: the connection breaks.
    let Some(answer) = answer(&whole) else { return };
    let mut stream = stream;
    let _ = stream.write_all(&answer);
}

/// Everything that a request told, each thing by itself, in every spelling, as JSON: values and names.
pub fn echo(request: &str) -> String {
    let mut members = Vec::new();
    for (n, word) in request.split([' ', '\r', '\n', '&', '=', ';', '?', '/']).filter(|w| w.len() >= 6).enumerate() {
        let quoted = serde_json::to_string(word).unwrap();
        members.push(format!("\"plain{n}\":{quoted},\"percent{n}\":\"{}\"", percent(word)));
        members.push(format!("\"base{n}\":\"{}\",{quoted}:{{\"as a name\":{n}}}", base64(&format!("x{word}"))));
        members.push(format!("\"text{n}\":\"it was {} then\"", word.replace('"', "\\u0022").replace('\\', "\\u005c")));
    }
    format!("{{{}}}", members.join(","))
}

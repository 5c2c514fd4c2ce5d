//! Writes a seeded capture of HTTP/1.1 JSON traffic, for the benchmarks: keep-alive connections side by side, bodies
//! of about 0.3, 4 and 64 kB, MSS-sized segments with their ACKs, and, unless told otherwise, a little loss and
//! disorder.
//!
//! ```text
//! cargo run --release --example make_capture -- MEGABYTES FILE [--clean]
//! ```

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

/// Payload of one segment on Ethernet with TCP time stamps.
const MSS: usize = 1448;
const CONNECTIONS: u16 = 32;

/// xorshift64*: small, seeded, good enough for traffic.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % n
    }
}

/// One client connection and how far both of its directions have come.
struct Connection {
    port: u16,
    client_seq: u32,
    server_seq: u32,
    asked: u32,
}

struct Traffic<W> {
    out: W,
    written: u64,
    clock_us: u64,
    chance: Chance,
    clean: bool,
    /// A frame that is written after the next one.
    late: Option<Vec<u8>>,
}

impl<W: Write> Traffic<W> {
    fn record(&mut self, frame: &[u8]) -> io::Result<()> {
        let length = (frame.len() as u32).to_le_bytes();
        self.out.write_all(&((self.clock_us / 1_000_000) as u32).to_le_bytes())?;
        self.out.write_all(&((self.clock_us % 1_000_000) as u32).to_le_bytes())?;
        self.out.write_all(&length)?;
        self.out.write_all(&length)?;
        self.out.write_all(frame)?;
        self.written += 16 + frame.len() as u64;
        Ok(())
    }

    /// Sends one segment through a network that is a little bad.
    fn send(&mut self, from_client: bool, c: &Connection, flags: u8, payload: &[u8]) -> io::Result<()> {
        self.clock_us += 3 + self.chance.below(5);
        let frame = frame(from_client, c, flags, payload);
        let fate = if self.clean { 9_999 } else { self.chance.below(10_000) };
        match fate {
            // Two in ten thousand are lost to the capture.
            0..2 => return Ok(()),
            // Ten in ten thousand come one place late.
            2..12 if self.late.is_none() => {
                self.late = Some(frame);
                return Ok(());
            }
            _ => self.record(&frame)?,
        }
        match self.late.take() {
            Some(late) => self.record(&late),
            None => Ok(()),
        }
    }

    fn handshake(&mut self, c: &mut Connection) -> io::Result<()> {
        self.send(true, c, 0x02, b"")?;
        c.client_seq = c.client_seq.wrapping_add(1);
        self.send(false, c, 0x12, b"")?;
        c.server_seq = c.server_seq.wrapping_add(1);
        self.send(true, c, 0x10, b"")
    }

    fn exchange(&mut self, c: &mut Connection) -> io::Result<()> {
        c.asked += 1;
        let id = u64::from(c.asked) * 1000 + u64::from(c.port);
        let request = format!(
            "GET /orders/{id}?expand=lines HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: bench/1.0\r\n\
             Accept: application/json\r\nAccept-Encoding: identity\r\nX-Request-Id: {id:032x}\r\n\
             Cookie: session={id:x}\r\nConnection: keep-alive\r\nCache-Control: no-cache\r\n\r\n"
        );
        self.send(true, c, 0x18, request.as_bytes())?;
        c.client_seq = c.client_seq.wrapping_add(request.len() as u32);

        let size = match self.chance.below(20) {
            0..9 => 300,
            9..18 => 4_000,
            _ => 64_000,
        };
        let body = body(id, size);
        let mut answer = format!(
            "HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Sat, 21 Nov 2026 08:00:00 GMT\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: keep-alive\r\n\r\n",
            body.len()
        )
        .into_bytes();
        answer.extend_from_slice(&body);
        for (n, segment) in answer.chunks(MSS).enumerate() {
            self.send(false, c, 0x18, segment)?;
            c.server_seq = c.server_seq.wrapping_add(segment.len() as u32);
            if n % 2 == 1 {
                self.send(true, c, 0x10, b"")?;
            }
        }
        self.send(true, c, 0x10, b"")
    }

    fn farewell(&mut self, c: &mut Connection) -> io::Result<()> {
        self.send(true, c, 0x11, b"")?;
        c.client_seq = c.client_seq.wrapping_add(1);
        self.send(false, c, 0x11, b"")?;
        c.server_seq = c.server_seq.wrapping_add(1);
        self.send(true, c, 0x10, b"")
    }
}

/// A JSON document of about `size` bytes.
fn body(id: u64, size: usize) -> Vec<u8> {
    let mut text =
        format!("{{\"id\":{id},\"status\":\"open\",\"at\":\"2026-11-21T08:00:00.{id:09}Z\",\"lines\":[").into_bytes();
    let mut line = 0;
    while text.len() + 80 < size {
        let comma = if line > 0 { "," } else { "" };
        text.extend(
            format!("{comma}{{\"sku\":\"SKU-{line:05}\",\"quantity\":{},\"price\":\"{}.50\"}}", line % 7 + 1, line * 3)
                .bytes(),
        );
        line += 1;
    }
    text.extend(format!("],\"etag\":\"{id:016x}\"}}").bytes());
    text
}

/// An Ethernet frame with IPv4, TCP and its time-stamp option.
fn frame(from_client: bool, c: &Connection, flags: u8, payload: &[u8]) -> Vec<u8> {
    let (client, server) = ([10, 0, 0, 1], [10, 0, 0, 2]);
    let (src, dst, sport, dport, seq, ack) = if from_client {
        (client, server, c.port, 80, c.client_seq, c.server_seq)
    } else {
        (server, client, 80, c.port, c.server_seq, c.client_seq)
    };
    let ack = if flags & 0x10 == 0 { 0 } else { ack };
    let mut f = Vec::with_capacity(66 + payload.len());
    f.extend([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00]);
    f.extend([0x45, 0]);
    f.extend(((52 + payload.len()) as u16).to_be_bytes());
    f.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    f.extend(src);
    f.extend(dst);
    f.extend(sport.to_be_bytes());
    f.extend(dport.to_be_bytes());
    f.extend(seq.to_be_bytes());
    f.extend(ack.to_be_bytes());
    f.extend([0x80, flags, 0xff, 0xff, 0, 0, 0, 0]);
    f.extend([1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1]);
    f.extend(payload);
    f
}

fn write(megabytes: u64, file: &str, clean: bool) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(file)?);
    // Little-endian, microseconds, version 2.4, snap length 262,144, Ethernet.
    out.write_all(&0xa1b2_c3d4_u32.to_le_bytes())?;
    out.write_all(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0])?;
    let chance = Chance(0x7A9C_0117_A5E5_EED1);
    let mut traffic = Traffic { out, written: 24, clock_us: 1_795_000_000_000_000, chance, clean, late: None };
    let mut connections: Vec<Connection> = (0..CONNECTIONS)
        .map(|n| Connection {
            port: 40_000 + n,
            client_seq: 4_294_900_000 + u32::from(n),
            server_seq: u32::from(n) * 77_777,
            asked: 0,
        })
        .collect();
    for connection in &mut connections {
        traffic.handshake(connection)?;
    }
    while traffic.written < megabytes * 1_000_000 {
        let which = traffic.chance.below(u64::from(CONNECTIONS)) as usize;
        traffic.exchange(&mut connections[which])?;
    }
    for connection in &mut connections {
        traffic.farewell(connection)?;
    }
    let exchanges: u32 = connections.iter().map(|c| c.asked).sum();
    traffic.out.flush()?;
    println!("{file}: {} bytes, {exchanges} exchanges", traffic.written);
    Ok(())
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let parsed = match args.as_slice() {
        [megabytes, file] => megabytes.parse().ok().map(|m| (m, file, false)),
        [megabytes, file, flag] if flag == "--clean" => megabytes.parse().ok().map(|m| (m, file, true)),
        _ => None,
    };
    let Some((megabytes, file, clean)) = parsed else {
        eprintln!("usage: make_capture MEGABYTES FILE [--clean]");
        return ExitCode::from(2);
    };
    match write(megabytes, file, clean) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{file}: {error}");
            ExitCode::from(2)
        }
    }
}

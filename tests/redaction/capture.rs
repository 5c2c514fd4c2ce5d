//! A capture that is made for a test: one connection, whatever its two sides said.

use std::path::Path;

/// Payload of one segment: small, so that messages span several.
const MSS: usize = 700;

/// A capture under construction.
pub struct Capture {
    bytes: Vec<u8>,
    micros: u64,
    port: u16,
    client: u32,
    server: u32,
}

impl Capture {
    /// Little-endian, microseconds, version 2.4, Ethernet.
    pub fn new() -> Capture {
        let mut bytes = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
        bytes.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0]);
        Capture { bytes, micros: 1_795_000_000_000_000, port: 40_000, client: 0, server: 0 }
    }

    /// One request and its answer, on a connection of their own.
    pub fn exchange(&mut self, request: &[u8], answer: &[u8]) {
        self.port += 1;
        (self.client, self.server) = (1000, 9000);
        self.segment(true, 0x02, b"");
        self.client += 1;
        self.segment(false, 0x12, b"");
        self.server += 1;
        self.segment(true, 0x10, b"");
        for part in request.chunks(MSS) {
            self.segment(true, 0x18, part);
            self.client += part.len() as u32;
        }
        for part in answer.chunks(MSS) {
            self.segment(false, 0x18, part);
            self.server += part.len() as u32;
        }
        self.segment(true, 0x11, b"");
        self.client += 1;
        self.segment(false, 0x11, b"");
        self.server += 1;
        self.segment(true, 0x10, b"");
    }

    pub fn write(&self, path: &Path) {
        std::fs::write(path, &self.bytes).unwrap();
    }

    fn segment(&mut self, from_client: bool, flags: u8, payload: &[u8]) {
        self.micros += 100;
        let (client, server) = ([10, 0, 0, 1], [10, 0, 0, 2]);
        let (src, dst, from, to, seq, ack) = if from_client {
            (client, server, self.port, 80, self.client, self.server)
        } else {
            (server, client, 80, self.port, self.server, self.client)
        };
        let ack = if flags & 0x10 == 0 { 0 } else { ack };
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00, 0x45, 0];
        frame.extend(((40 + payload.len()) as u16).to_be_bytes());
        frame.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        frame.extend(src);
        frame.extend(dst);
        frame.extend(from.to_be_bytes());
        frame.extend(to.to_be_bytes());
        frame.extend(seq.to_be_bytes());
        frame.extend(ack.to_be_bytes());
        frame.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        frame.extend(payload);
        let length = (frame.len() as u32).to_le_bytes();
        self.bytes.extend(((self.micros / 1_000_000) as u32).to_le_bytes());
        self.bytes.extend(((self.micros % 1_000_000) as u32).to_le_bytes());
        self.bytes.extend(length);
        self.bytes.extend(length);
        self.bytes.extend(frame);
    }
}

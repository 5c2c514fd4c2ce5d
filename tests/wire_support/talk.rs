//! Conversations that are made up, as a host's TCP would have sent them.

use tapcompare::exchange::Timestamp;

use super::Seg;

/// A connection that is being written.
pub struct Talk {
    pub segments: Vec<Seg>,
    client: (std::net::SocketAddr, u32),
    server: (std::net::SocketAddr, u32),
    time: i64,
    mss: usize,
}

impl Talk {
    /// After the handshake.
    pub fn new(mss: usize) -> Talk {
        let mut talk = Talk::midstream(mss);
        talk.client.1 = talk.client.1.wrapping_sub(1);
        talk.server.1 = talk.server.1.wrapping_sub(1);
        talk.push(true, b"", |s| (s.syn, s.ack) = (true, None));
        talk.client.1 = talk.client.1.wrapping_add(1);
        talk.push(false, b"", |s| s.syn = true);
        talk.server.1 = talk.server.1.wrapping_add(1);
        talk.ack(true);
        talk
    }

    /// Without a handshake.
    pub fn midstream(mss: usize) -> Talk {
        Talk {
            segments: Vec::new(),
            client: ("10.0.0.1:40000".parse().unwrap(), u32::MAX - 1000),
            server: ("10.0.0.2:80".parse().unwrap(), 77),
            time: 1_700_000_000_000_000_000,
            mss,
        }
    }

    fn push(&mut self, from_client: bool, payload: &[u8], change: impl FnOnce(&mut Seg)) {
        self.time += 1_000_000;
        let (own, peer) = if from_client { (self.client, self.server) } else { (self.server, self.client) };
        let mut segment = Seg {
            time: Timestamp(self.time),
            src: own.0,
            dst: peer.0,
            seq: own.1,
            ack: Some(peer.1),
            syn: false,
            fin: false,
            rst: false,
            payload: payload.to_vec(),
            cut: 0,
        };
        change(&mut segment);
        self.segments.push(segment);
    }

    /// Sends bytes; returns the numbers of the segments that carry them.
    pub fn send(&mut self, from_client: bool, bytes: &[u8]) -> std::ops::Range<usize> {
        let first = self.segments.len();
        for part in bytes.chunks(self.mss) {
            self.push(from_client, part, |_| {});
            let own = if from_client { &mut self.client } else { &mut self.server };
            own.1 = own.1.wrapping_add(part.len() as u32);
        }
        first..self.segments.len()
    }

    pub fn ack(&mut self, from_client: bool) {
        self.push(from_client, b"", |_| {});
    }

    pub fn fin(&mut self, from_client: bool) {
        self.push(from_client, b"", |s| s.fin = true);
        let own = if from_client { &mut self.client } else { &mut self.server };
        own.1 = own.1.wrapping_add(1);
    }

    pub fn rst(&mut self, from_client: bool) {
        self.push(from_client, b"", |s| s.rst = true);
    }

    /// Both sides close.
    pub fn close(&mut self) {
        self.fin(false);
        self.fin(true);
        self.ack(false);
    }
}

/// An answer with a Content-Length.
pub fn answer(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// An answer in chunks of that size.
pub fn chunked(body: &str, size: usize) -> Vec<u8> {
    let mut out = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in body.as_bytes().chunks(size) {
        out.extend(format!("{:x};x=y\r\n", chunk.len()).bytes());
        out.extend(chunk);
        out.extend(b"\r\n");
    }
    out.extend(b"0\r\nX-Sum: 1\r\n\r\n");
    out
}

/// A request without a body.
pub fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n").into_bytes()
}

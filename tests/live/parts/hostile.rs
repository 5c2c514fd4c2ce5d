//! Flows that never come to an end, put onto the wire frame by frame. Nobody at all answers them: both sides are made
//! up, and the frames go to an address that no port of the switch has.

use pcap::Capture;

use super::super::net::NOBODYS_MAC;

/// How often each flow goes on.
const ROUNDS: u32 = 24;
/// What an endless flow brings each time.
const PIECE: usize = 1_000;
/// A rest after so many frames, so that what a full ring drops is not all of a kind.
const BATCH: usize = 2_000;

/// Sends `flows` flows, a fifth of each kind, all of them open at once, and says how many frames it took.
pub(super) fn play(interface: &str, flows: u32) {
    let mut out = Capture::from_device(interface).unwrap().open().unwrap();
    let mut sent = 0;
    let mut send = |frame: &[u8]| {
        out.sendpacket(frame).unwrap();
        sent += 1;
        if sent % BATCH == 0 {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    };
    for round in 0..ROUNDS {
        for number in 0..flows {
            let flow = Flow { number };
            match number % 5 {
                0 => half_open(flow, round, &mut send),
                1 => endless_header(flow, round, &mut send),
                2 => endless_chunked(flow, round, &mut send),
                3 => one_byte_segments(flow, round, &mut send),
                _ => fragments(flow, round, &mut send),
            }
        }
    }
    println!("sent {sent}");
}

type Send<'a> = &'a mut dyn FnMut(&[u8]);

/// The handshake comes to nothing.
fn half_open(flow: Flow, round: u32, send: Send<'_>) {
    if round == 0 {
        send(&flow.frame(true, (99, 0), SYN, b""));
    }
}

/// A header field's value, without a line's end.
fn endless_header(flow: Flow, round: u32, send: Send<'_>) {
    if round == 0 {
        flow.open(send);
        send(&flow.frame(true, (100, 500), ACK, b"GET / HTTP/1.1\r\nHost: a\r\nX: "));
    } else {
        send(&flow.frame(true, (128 + (round - 1) * PIECE as u32, 500), ACK, &[b'a'; PIECE]));
    }
}

/// An answer in chunks that has no last one.
fn endless_chunked(flow: Flow, round: u32, send: Send<'_>) {
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let asked = 100 + REQUEST.len() as u32;
    if round == 0 {
        flow.open(send);
        send(&flow.frame(true, (100, 500), ACK, REQUEST));
        send(&flow.frame(false, (500, asked), ACK, HEAD));
    } else {
        let mut chunk = b"3e8\r\n".to_vec();
        chunk.extend([b'c'; PIECE]);
        chunk.extend(b"\r\n");
        let at = 500 + HEAD.len() as u32 + (round - 1) * chunk.len() as u32;
        send(&flow.frame(false, (at, asked), ACK, &chunk));
    }
}

/// Every other byte, so that each has to wait for the one before it.
fn one_byte_segments(flow: Flow, round: u32, send: Send<'_>) {
    if round == 0 {
        flow.open(send);
    }
    for n in 0..4 {
        send(&flow.frame(true, (101 + 2 * (4 * round + n), 500), ACK, b"x"));
    }
}

/// The beginnings of datagrams, each of another one.
fn fragments(flow: Flow, round: u32, send: Send<'_>) {
    let mut frame = flow.frame(true, (100 + round * PIECE as u32, 500), ACK, &[b'f'; 1004]);
    frame[18..20].copy_from_slice(&(round as u16 + 1).to_be_bytes());
    frame[20] = 0x20; // More fragments follow; none does.
    frame[21] = 0;
    seal(&mut frame);
    send(&frame);
}

const SYN: u8 = 0x02;
const ACK: u8 = 0x18;

#[derive(Clone, Copy)]
struct Flow {
    number: u32,
}

impl Flow {
    fn open(self, send: Send<'_>) {
        send(&self.frame(true, (99, 0), SYN, b""));
        send(&self.frame(false, (499, 100), SYN | 0x10, b""));
    }

    /// One frame; `place` is its sequence and its acknowledgement number.
    fn frame(self, from_client: bool, place: (u32, u32), flags: u8, payload: &[u8]) -> Vec<u8> {
        let [_, _, high, low] = self.number.to_be_bytes();
        let (client, server) = (([10, 99, high, low], 20_000), ([10, 77, 0, 200], 80));
        let ((src, from), (dst, to)) = if from_client { (client, server) } else { (server, client) };
        let mut frame = NOBODYS_MAC.to_vec();
        frame.extend([2, 0, 0, 0, 1, 1, 8, 0, 0x45, 0]);
        frame.extend(((40 + payload.len()) as u16).to_be_bytes());
        frame.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        frame.extend(src);
        frame.extend(dst);
        frame.extend([from, to].map(u16::to_be_bytes).concat());
        frame.extend([place.0, place.1].map(u32::to_be_bytes).concat());
        frame.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        frame.extend(payload);
        seal(&mut frame);
        frame
    }
}

/// Writes the checksum of the IP header, without which not every switch forwards it (RFC 791, section 3.1).
fn seal(frame: &mut [u8]) {
    frame[24..26].fill(0);
    let mut sum: u32 = frame[14..34].chunks(2).map(|two| u32::from(u16::from_be_bytes([two[0], two[1]]))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    frame[24..26].copy_from_slice(&(!(sum as u16)).to_be_bytes());
}

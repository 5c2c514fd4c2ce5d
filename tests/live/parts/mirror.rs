//! A cloud's mirror: the frames of a capture, each in a VXLAN datagram (RFC 7348, section 5).

use std::net::UdpSocket;
use std::path::Path;
use std::time::Duration;

use tapcompare::capture::Files;

/// Flag I, and the network 7.
const HEADER: [u8; 8] = [8, 0, 0, 0, 0, 0, 7, 0];
/// A rest after so many, for buffers that are as small as the system wants them.
const BATCH: u64 = 50;

/// Sends them, cut to so many bytes, and one datagram that is no VXLAN; says how many frames there were.
pub(super) fn play(to: &str, capture: &str, cut: usize) {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect(to).unwrap();
    socket.send(b"no").unwrap();
    let mut files = Files::open(&[Path::new(capture).to_owned()]).unwrap();
    let mut sent = 0;
    while let Some(frame) = files.next() {
        let kept = &frame.data[..frame.data.len().min(cut)];
        socket.send(&[&HEADER, kept].concat()).unwrap();
        sent += 1;
        if sent % BATCH == 0 {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    println!("sent {sent}");
}

//! A known number of frames: datagrams that each fit into one.

use std::net::UdpSocket;

/// Sends `count` datagrams of `size` bytes, as fast as it can, and says how many went out.
pub(super) fn play(from: &str, to: &str, count: u64, size: usize) {
    let socket = UdpSocket::bind(from).unwrap();
    socket.connect(to).unwrap();
    let mut datagram = vec![0; size];
    for n in 0..count {
        datagram[..8].copy_from_slice(&n.to_be_bytes());
        socket.send(&datagram).unwrap();
    }
    println!("sent {count}");
}

//! A recorder by libpcap alone, for where tcpdump cannot run.

use std::thread;

use pcap::{Capture, Error};

/// Records an interface until it is interrupted, and says what tcpdump says.
pub(super) fn play(interface: &str, file: &str, kept: i32) {
    let open = Capture::from_device(interface).unwrap().immediate_mode(true).buffer_size(64 << 20).snaplen(kept);
    let mut capture = open.open().unwrap();
    let mut to = capture.savefile(file).unwrap();
    let stop = capture.breakloop_handle();
    let mut capture = capture.setnonblock().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (ended, end) = std::sync::mpsc::channel();
    let mut interrupt =
        runtime.block_on(async { tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt()).unwrap() });
    thread::spawn(move || {
        runtime.block_on(interrupt.recv());
        let _ = ended.send(());
        drop(stop);
    });
    eprintln!("listening on {interface}");
    let mut ending = false;
    loop {
        match capture.next_packet() {
            Ok(packet) => to.write(&packet),
            Err(Error::TimeoutExpired | Error::NoMorePackets) if ending => break,
            Err(_) => {
                ending = end.try_recv().is_ok();
                thread::sleep(std::time::Duration::from_millis(1));
            }
        }
    }
    to.flush().unwrap();
    eprintln!("\n{} packets dropped by kernel", capture.stats().unwrap().dropped);
}

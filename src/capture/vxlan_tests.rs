use super::*;

fn listener(options: VxlanOptions) -> VxlanListener {
    let address = Some("127.0.0.1:0".parse().unwrap());
    VxlanListener::open(&VxlanOptions { address, ..options }).unwrap()
}

fn sender(to: &VxlanListener) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(to.address()).unwrap();
    socket
}

fn send(socket: &UdpSocket, frame: &[u8]) {
    socket.send(&wrapped(frame)).unwrap();
}

fn wrapped(frame: &[u8]) -> Vec<u8> {
    [&[FLAG_I, 0, 0, 0, 0, 0, 42, 0], frame].concat()
}

const WAIT: Duration = Duration::from_secs(2);

#[test]
fn frames_come_out_of_their_datagrams_whole_up_to_the_longest() {
    let mut listener = listener(VxlanOptions::default());
    let socket = sender(&listener);
    let before = now();
    let sent: Vec<Vec<u8>> = [60, 1514, 9014, 65_000].map(|n| vec![n as u8; n]).to_vec();
    sent.iter().for_each(|frame| send(&socket, frame));
    let mut batch = Batch::new();
    let mut got = Vec::new();
    while got.len() < sent.len() {
        batch.clear();
        assert!(listener.fill(&mut batch, WAIT).unwrap() > 0);
        for frame in batch.frames() {
            assert_eq!((frame.link, frame.wire_length as usize), (1, frame.data.len()));
            assert!((before..=now()).contains(&frame.time.0));
            got.push(frame.data.to_vec());
        }
    }
    assert_eq!(got, sent);
    assert_eq!(listener.losses(), LiveLosses { received: 4, ..LiveLosses::default() });
    batch.clear();
    assert_eq!(listener.fill(&mut batch, Duration::from_millis(5)).unwrap(), 0);
}

#[test]
fn what_is_no_vxlan_is_counted_and_not_handed_on() {
    let mut listener = listener(VxlanOptions::default());
    let socket = sender(&listener);
    for datagram in [&b""[..], b"\x08\0\0\0\0\0\0", b"\0\0\0\0\0\0\0\0frame", b"GET / HTTP/1.1\r\n\r\n"] {
        socket.send(datagram).unwrap();
    }
    send(&socket, b"one that is");
    let mut batch = Batch::new();
    while batch.is_empty() {
        listener.fill(&mut batch, WAIT).unwrap();
    }
    assert_eq!(batch.frames().map(|f| f.data.to_vec()).collect::<Vec<_>>(), [b"one that is"]);
    assert_eq!((listener.losses().received, listener.not_vxlan()), (5, 4));
}

#[test]
fn a_truncated_datagram_keeps_its_true_length() {
    let mut listener = listener(VxlanOptions { longest: 1000, ..VxlanOptions::default() });
    sender(&listener).send(&wrapped(&[7; 5000])).unwrap();
    let mut batch = Batch::new();
    assert_eq!(listener.fill(&mut batch, WAIT).unwrap(), 1);
    let frame = batch.frames().next().unwrap();
    assert_eq!((frame.data.len(), frame.wire_length), (1000 - HEADER, 5000));
}

#[test]
fn what_the_buffer_had_no_room_for_is_counted() {
    let mut listener = listener(VxlanOptions { buffer_bytes: 100_000, ..VxlanOptions::default() });
    let socket = sender(&listener);
    (0..2000).for_each(|_| send(&socket, &[7; 1000]));
    // Known before anything more comes.
    let before = listener.losses().kernel_dropped;
    assert!(before > 1000, "{before}");
    listener.stop_taking().unwrap();
    (0..10).for_each(|_| send(&socket, &[7; 1000]));
    let mut batch = Batch::new();
    let mut frames = 0;
    while listener.fill(&mut batch, WAIT).unwrap() > 0 {
        frames += batch.len() as u64;
        batch.clear();
    }
    let losses = listener.losses();
    assert_eq!((losses.received, losses.kernel_dropped), (2000, before), "what came after the stop is in no count");
    assert_eq!(frames + losses.kernel_dropped, losses.received);
}

#[test]
fn a_port_that_is_taken_is_told_with_the_way_out() {
    let first = listener(VxlanOptions::default());
    let again = VxlanOptions { address: Some(first.address()), ..VxlanOptions::default() };
    let error = VxlanListener::open(&again).map(|_| ()).unwrap_err().to_string();
    assert!(error.starts_with(&format!("--vxlan {}: ", first.address())) && error.contains("name another"), "{error}");
}

#[test]
fn the_drops_are_in_the_line_of_the_socket() {
    let table = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref \
                 pointer drops\n 17: 0100007F:12B5 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        \
                 0 4711 2 0000000000000000 12\n 18: 0100007F:12B6 00000000:0000 07 00000000:00000000 00:00000000 \
                 00000000     0        0 4712 2 0000000000000000 -1\n";
    assert_eq!(drops_of(table, 4711), Some(12));
    assert_eq!(drops_of(table, 4712), Some(u32::MAX));
    assert_eq!(drops_of(table, 47), None);
}

#[test]
fn a_frame_that_the_mirror_cut_short_is_known_by_its_own_lengths() {
    use crate::wire::{Decoded, Decoder};
    let mut listener = listener(VxlanOptions::default());
    // Ethernet, IPv4 with a length of 1040, TCP; of its 1000 bytes of payload, the mirror has kept 100.
    let mut frame = vec![0; 12];
    frame.extend([0x08, 0, 0x45, 0, 0x04, 0x10, 0, 1, 0, 0, 64, 6, 0, 0, 10, 9, 0, 1, 10, 9, 0, 2]);
    frame.extend([0x0f, 0xa0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]);
    frame.extend([b'x'; 100]);
    send(&sender(&listener), &frame);
    let mut batch = Batch::new();
    assert_eq!(listener.fill(&mut batch, WAIT).unwrap(), 1);
    let frame = batch.frames().next().unwrap();
    let mut decoder = Decoder::new();
    let Decoded::Segment(segment) = decoder.decode(&frame) else { panic!("a segment") };
    assert_eq!((segment.payload.len(), segment.cut), (100, 900));
}

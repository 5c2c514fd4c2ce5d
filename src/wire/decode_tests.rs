//! Every encapsulation around one and the same segment, and everything that can be wrong with it.

use std::net::{IpAddr, SocketAddr};

use proptest::prelude::*;

use super::*;

const PAYLOAD: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

fn cat(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn tcp(payload: &[u8]) -> Vec<u8> {
    let header = [0x1f, 0x90, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 1, 0, 0, 0, 0, 0];
    cat(&[&header, payload])
}

fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    fragment4(protocol, 0, payload)
}

/// `place`: the flags and offset field.
fn fragment4(protocol: u8, place: u16, payload: &[u8]) -> Vec<u8> {
    let total = (20 + payload.len() as u16).to_be_bytes();
    let place = place.to_be_bytes();
    let header = [0x45, 0, total[0], total[1], 0, 9, place[0], place[1], 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    cat(&[&header, payload])
}

fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u16).to_be_bytes();
    let mut header = vec![0x60, 0, 0, 0, length[0], length[1], next, 64];
    header.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    header.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    cat(&[&header, payload])
}

fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let length = (8 + payload.len() as u16).to_be_bytes();
    let port = port.to_be_bytes();
    cat(&[&[0xc0, 0, port[0], port[1], length[0], length[1], 0, 0], payload])
}

fn ether(kind: u16, payload: &[u8]) -> Vec<u8> {
    cat(&[&[2; 12], &kind.to_be_bytes(), payload])
}

fn v4() -> Vec<u8> {
    ipv4(6, &tcp(PAYLOAD))
}

fn v6() -> Vec<u8> {
    ipv6(6, &tcp(PAYLOAD))
}

fn frame(link: u16, data: &[u8]) -> Frame<'_> {
    Frame { time: Timestamp(5), link, data, wire_length: data.len() as u32 }
}

#[track_caller]
fn finds(link: u16, data: &[u8]) {
    let mut decoder = Decoder::new();
    let segment = match decoder.decode(&frame(link, data)) {
        Decoded::Segment(segment) => segment,
        other => panic!("{other:?}"),
    };
    assert_eq!((segment.payload, segment.cut, segment.seq, segment.ack), (PAYLOAD, 0, 1, Some(2)));
    assert_eq!((segment.src.port(), segment.dst.port(), segment.time), (8080, 80, Timestamp(5)));
    let v4 = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
    let v6 = (IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, 1]), IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, 2]));
    assert!([v4, v6].contains(&(segment.src.ip(), segment.dst.ip())));
    assert_eq!((decoder.books().used, decoder.books().refused.total()), (1, 0));
}

#[track_caller]
fn refuses(link: u16, data: &[u8], why: Refusal) {
    let mut decoder = Decoder::new();
    assert!(matches!(decoder.decode(&frame(link, data)), Decoded::Refused(r) if r == why), "{why}");
    assert_eq!((decoder.books().used, decoder.books().refused.get(why)), (0, 1));
}

#[test]
fn links() {
    finds(1, &ether(0x0800, &v4()));
    finds(1, &ether(0x86dd, &v6()));
    finds(1, &cat(&[&ether(0x0800, &v4()), &[0; 6]])); // Padding is cut off by the total length.
    let snap = cat(&[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &v4()]);
    finds(1, &ether(snap.len() as u16, &snap));
    for families in [[2, 0, 0, 0], [0, 0, 0, 2]] {
        finds(0, &cat(&[&families, &v4()]));
    }
    for family in [10, 24, 28, 30] {
        finds(0, &cat(&[&[family, 0, 0, 0], &v6()]));
    }
    finds(108, &cat(&[&[0, 0, 0, 24], &v6()]));
    for raw in [12, 14, 101] {
        finds(raw, &v4());
        finds(raw, &v6());
    }
    finds(228, &v4());
    finds(229, &v6());
    finds(113, &cat(&[&[0; 14], &[8, 0], &v4()]));
    finds(113, &cat(&[&[0; 14], &[0x81, 0, 0, 5, 0x86, 0xdd], &v6()]));
    finds(276, &cat(&[&[0x86, 0xdd], &[0; 18], &v6()]));
    let length = (v4().len() as u16 + 4).to_le_bytes();
    finds(239, &cat(&[&[2, 0, 0, 0], &[5, 0, 1, 0, 7, 0, 0, 0], &length, &[9, 0], &v4()]));
    finds(9, &cat(&[&[0xff, 3, 0, 0x21], &v4()]));
    finds(50, &cat(&[&[0x57], &v6()]));
    finds(50, &cat(&[&[0x0f, 0, 8, 0], &v4()]));
    let session = cat(&[&[0x11, 0, 0, 1, 0, v4().len() as u8 + 2, 0, 0x21], &v4()]);
    finds(51, &session);
    finds(1, &ether(0x8864, &session));
}

#[test]
fn tags_in_any_number() {
    let mut tagged = cat(&[&0x0800u16.to_be_bytes(), &v4()]);
    for kind in [0x8100u16, 0x88a8, 0x9100, 0x9200, 0x8100] {
        tagged = cat(&[&kind.to_be_bytes(), &[0, 7], &tagged]);
    }
    finds(1, &cat(&[&[2; 12], &tagged]));
    finds(1, &ether(0x8926, &cat(&[&[0, 0, 0, 0, 8, 0], &v4()])));
    finds(1, &ether(0x893f, &cat(&[&[0, 0, 0, 0, 0, 0, 8, 0], &v4()])));
    finds(1, &ether(0x88e7, &cat(&[&[0; 4], &ether(0x0800, &v4())])));
    finds(1, &ether(0x8903, &cat(&[&[0; 2], &ether(0x0800, &v4())])));
}

#[test]
fn wireless() {
    let llc = cat(&[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &v4()]);
    let plain = cat(&[&[0x08, 0x01], &[0; 22], &llc]);
    let quality = cat(&[&[0x88, 0x02], &[0; 24], &llc]);
    let four = cat(&[&[0x88, 0x03], &[0; 28], &[0, 0], &llc]);
    let part = cat(&[&[2; 12], &(llc.len() as u16).to_be_bytes(), &llc]);
    let other = cat(&[&[2; 12], &[0, 8], &[0x42, 0x42, 3, 0, 0, 0, 0, 0], &[0; 2]]);
    let aggregate = cat(&[&[0x88, 0x01], &[0; 22], &[0x80, 0], &other, &part]);
    for data in [&plain, &quality, &four, &aggregate] {
        finds(105, data);
        finds(127, &cat(&[&[0, 0, 8, 0, 0, 0, 0, 0], data]));
        finds(192, &cat(&[&[0, 0, 8, 0, 105, 0, 0, 0], data]));
    }
    // Time, then flags that tell of padding behind the header of 26 bytes.
    let padded = cat(&[&quality[..26], &[0; 2], &llc]);
    finds(127, &cat(&[&[0, 0, 17, 0, 3, 0, 0, 0], &[0; 8], &[0x20], &padded]));
    refuses(105, &cat(&[&[0x08, 0x41], &[0; 22], &llc]), Refusal::NotIp); // Encrypted.
    refuses(105, &cat(&[&[0x80, 0x00], &[0; 22]]), Refusal::NotIp); // A beacon.
}

#[test]
fn tunnels_of_ip_and_gre() {
    let inner = ether(0x0800, &v4());
    finds(101, &ipv4(4, &v4()));
    finds(101, &ipv4(41, &v6()));
    finds(101, &ipv6(4, &v4()));
    finds(101, &ipv4(97, &cat(&[&[0x30, 0], &inner])));
    finds(101, &ipv4(137, &cat(&[&[0, 0, 1, 64], &v4()])));
    finds(101, &ipv6(143, &inner));
    let gre = |bytes: &[u8], payload: &[u8]| finds(101, &ipv4(47, &cat(&[bytes, payload])));
    gre(&[0, 0, 8, 0], &v4());
    gre(&[0xb0, 0, 0x86, 0xdd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2], &v6());
    gre(&[0x40, 0, 8, 0, 0, 0, 0, 0, 0, 2, 0, 4, 1, 1, 1, 1, 0, 0, 0, 0], &v4());
    gre(&[0x20, 0, 0x65, 0x58, 0, 0, 0, 7], &inner);
    gre(&[0, 0, 0x88, 0x47, 0, 0, 1, 64], &v4());
    gre(&[0, 0, 0x88, 0xbe], &inner);
    gre(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 0, 0, 0, 0, 0], &inner);
    gre(&cat(&[&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20], &[0; 11]]), &inner);
    gre(&cat(&[&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20], &[0; 10], &[1], &[0; 8]]), &inner);
    gre(&[0, 0, 0x88, 0x3e, 0, 0, 0, 0], &v4());
    gre(&cat(&[&[0, 0, 0x90, 0, 0x88, 0x02], &[0; 24], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0]]), &v4());
    let ppp = cat(&[&[0xff, 3, 0, 0x21], &v4()]);
    gre(&[0x30, 0x81, 0x88, 0x0b, 0, ppp.len() as u8, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2], &ppp);
}

#[test]
fn labels() {
    let stack = [0, 0, 0x10, 64, 0, 0, 0x21, 64];
    finds(1, &ether(0x8847, &cat(&[&stack, &v4()])));
    finds(1, &ether(0x8848, &cat(&[&stack, &v6()])));
    finds(1, &ether(0x8847, &cat(&[&stack, &[0; 4], &ether(0x0800, &v4())])));
    finds(1, &ether(0x8847, &cat(&[&stack, &ether(0x0800, &v4())])));
    let mut mac_like_ip = ether(0x86dd, &v6());
    mac_like_ip[0] = 0x60;
    finds(1, &ether(0x8847, &cat(&[&stack, &mac_like_ip])));
}

#[test]
fn tunnels_of_udp() {
    let inner = ether(0x0800, &v4());
    let over = |port: u16, bytes: &[u8], payload: &[u8]| finds(101, &ipv4(17, &udp(port, &cat(&[bytes, payload]))));
    over(4789, &[8, 0, 0, 0, 0, 0, 7, 0], &inner);
    over(8472, &[8, 0, 0, 0, 0, 0, 7, 0], &inner);
    over(4790, &[0x0c, 0, 0, 2, 0, 0, 7, 0], &v6());
    over(4790, &[0x0c, 0, 0, 4, 0, 0, 7, 0, 0, 2, 2, 3, 0, 0, 0, 255], &inner);
    over(6081, &[1, 0, 0x65, 0x58, 0, 0, 7, 0, 0, 0, 0, 0], &inner);
    over(6081, &[0, 0, 0x86, 0xdd, 0, 0, 7, 0], &v6());
    over(6635, &[0, 0, 1, 64], &v4());
    over(4754, &[0, 0, 8, 0], &v4());
    let length = v4().len() as u8;
    over(2152, &[0x30, 255, 0, length, 0, 0, 0, 1], &v4());
    over(2152, &[0x34, 255, 0, length + 8, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 0, 0], &v4());
    over(3386, &cat(&[&[0x1e, 255, 0, length], &[0; 16]]), &v4());
    over(3544, &[], &v6());
    over(3544, &cat(&[&[0, 1, 0, 0], &[0; 9], &[0; 8]]), &v6());
    over(5072, &cat(&[&[0x41, 0x52, 0x11, 41], &[0; 4], &[0; 16], &[0; 20]]), &v6());
}

#[test]
fn a_port_number_proves_nothing() {
    for port in [2152, 3386, 3544, 4754, 4789, 4790, 5072, 6081, 6635, 53] {
        refuses(101, &ipv4(17, &udp(port, &[8; 60])), Refusal::NotTcp);
        refuses(101, &ipv4(17, &udp(port, &[])), Refusal::NotTcp);
    }
}

#[test]
fn extension_headers() {
    let chain = cat(&[&[43, 0, 0, 0, 0, 0, 0, 0], &[60, 0, 0, 0, 0, 0, 0, 0], &[51, 0, 0, 0, 0, 0, 0, 0]]);
    let authenticated = cat(&[&chain, &[44, 2], &[0; 14], &[6, 0, 0, 0, 0, 0, 0, 1], &tcp(PAYLOAD)]);
    finds(101, &ipv6(0, &authenticated));
    let authentication = cat(&[&[6, 4], &[0; 22], &tcp(PAYLOAD)]);
    finds(101, &ipv4(51, &authentication));
}

#[test]
fn lengths_left_to_the_network_card() {
    let mut packet = v4();
    packet[2..4].fill(0);
    finds(1, &ether(0x0800, &packet));
    let mut packet = v6();
    packet[4..6].fill(0);
    finds(1, &ether(0x86dd, &packet));
}

#[test]
fn what_the_snap_length_took_is_told_apart_from_nonsense() {
    let whole = ether(0x0800, &v4());
    let mut decoder = Decoder::new();
    for keep in 0..whole.len() {
        let snapped = Frame { wire_length: whole.len() as u32, ..frame(1, &whole[..keep]) };
        match decoder.decode(&snapped) {
            Decoded::Segment(s) => {
                assert!(keep >= 54);
                assert_eq!((s.payload, s.cut as usize), (&PAYLOAD[..keep - 54], whole.len() - keep));
            }
            Decoded::Refused(Refusal::Truncated) => assert!(keep < 54),
            other => panic!("{keep}: {other:?}"),
        }
    }
    refuses(1, &whole[..40], Refusal::Truncated); // The IP header promises more, whatever the record says.
    refuses(1, &whole[..20], Refusal::Malformed);
}

#[test]
fn refusals() {
    refuses(1, &ether(0x0806, &[0; 46]), Refusal::NotIp);
    refuses(147, &v4(), Refusal::UnknownLink);
    refuses(101, &ipv4(1, &[0; 8]), Refusal::NotTcp);
    refuses(101, &[0x10; 40], Refusal::NotIp);
    let mut short_offset = v4();
    short_offset[32] = 0x40;
    refuses(101, &short_offset, Refusal::Malformed);
    let mut long_offset = v4();
    long_offset[32] = 0xf0;
    refuses(101, &long_offset, Refusal::Malformed);
    let mut deep = v4();
    for _ in 0..super::super::MAX_TUNNELS {
        deep = ipv4(4, &deep);
    }
    finds(101, &deep);
    refuses(101, &ipv4(4, &deep), Refusal::TooDeep);
    let mut decoder = Decoder::new();
    decoder.refuse(Refusal::Filtered);
    assert_eq!((decoder.books().frames, decoder.books().refused.get(Refusal::Filtered)), (1, 1));
}

#[test]
fn addresses_of_version_6_have_no_scope() {
    let data = v6();
    let mut decoder = Decoder::new();
    let Decoded::Segment(segment) = decoder.decode(&frame(101, &data)) else { panic!() };
    assert_eq!(segment.src, SocketAddr::new(IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, 1]), 8080));
}

/// A datagram in pieces of a multiple of eight bytes.
fn pieces4(protocol: u8, payload: &[u8], size: usize) -> Vec<Vec<u8>> {
    let last = payload.len().div_ceil(size) - 1;
    let place = |i: usize| (i * size / 8) as u16 | if i < last { 0x2000 } else { 0 };
    payload.chunks(size).enumerate().map(|(i, piece)| fragment4(protocol, place(i), piece)).collect()
}

#[test]
fn fragments_inside_of_fragments() {
    let inner = pieces4(6, &tcp(PAYLOAD), 24);
    let outer: Vec<Vec<u8>> = inner
        .iter()
        .enumerate()
        .flat_map(|(i, p)| {
            let mut pieces = pieces4(4, p, 16);
            pieces.iter_mut().for_each(|p| p[5] = i as u8);
            pieces.reverse();
            pieces
        })
        .collect();
    let mut decoder = Decoder::new();
    let (last, first) = outer.split_last().unwrap();
    for data in first {
        assert!(matches!(decoder.decode(&frame(101, data)), Decoded::Held));
    }
    let Decoded::Segment(segment) = decoder.decode(&frame(101, last)) else { panic!() };
    assert_eq!((segment.payload, segment.cut), (PAYLOAD, 0));
    decoder.finish();
    let books = decoder.books();
    assert_eq!((books.frames, books.used, books.refused.total()), (outer.len() as u64, outer.len() as u64, 0));
}

#[test]
fn fragments_of_version_6_and_of_a_tunnel() {
    let part = |offset: u8, more: u8, data: &[u8]| ipv6(44, &cat(&[&[6, 0, 0, offset | more, 0, 0, 0, 9], data]));
    let whole = tcp(PAYLOAD);
    let mut decoder = Decoder::new();
    assert!(matches!(decoder.decode(&frame(101, &part(16, 0, &whole[16..]))), Decoded::Held));
    let first = part(0, 1, &whole[..16]);
    let Decoded::Segment(segment) = decoder.decode(&frame(101, &first)) else { panic!() };
    assert_eq!((segment.payload, segment.src.port()), (PAYLOAD, 8080));

    let tunnel = udp(4789, &cat(&[&[8, 0, 0, 0, 0, 0, 7, 0], &ether(0x0800, &v4())]));
    let pieces = pieces4(17, &tunnel, 40);
    let (last, first) = pieces.split_last().unwrap();
    for data in first {
        assert!(matches!(decoder.decode(&frame(101, data)), Decoded::Held));
    }
    assert!(matches!(decoder.decode(&frame(101, last)), Decoded::Segment(s) if s.payload == PAYLOAD));
}

#[test]
fn a_datagram_that_is_whole_but_no_tcp_refuses_all_its_frames() {
    let mut decoder = Decoder::new();
    let pieces = pieces4(17, &udp(53, &[0; 32]), 16);
    let results: Vec<bool> =
        pieces.iter().map(|p| matches!(decoder.decode(&frame(101, p)), Decoded::Refused(Refusal::NotTcp))).collect();
    assert_eq!(results, [false, false, true]);
    assert_eq!(decoder.books().refused.get(Refusal::NotTcp), 3);
    decoder.decode(&frame(101, &pieces4(6, &tcp(PAYLOAD), 24)[0]));
    decoder.finish();
    assert_eq!(decoder.books().refused.get(Refusal::Fragment), 1);
    assert_eq!(decoder.books().frames, decoder.books().refused.total());
}

const LINKS: &[u16] = &[0, 1, 9, 50, 51, 101, 104, 105, 108, 113, 127, 192, 228, 229, 239, 276];

/// Frames that reach every parser, to be damaged.
fn samples() -> Vec<(u16, Vec<u8>)> {
    let inner = ether(0x0800, &v4());
    let mut samples = vec![(1, ether(0x8847, &cat(&[&[0, 0, 1, 64], &inner])))];
    for (port, header) in [
        (2152, vec![0x34, 255, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 0, 0]),
        (4754, vec![0xf0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        (4790, vec![0x0c, 0, 0, 4, 0, 0, 7, 0, 0, 2, 2, 3, 0, 0, 0, 255]),
        (5072, cat(&[&[0x41, 0x52, 0x11, 41], &[0; 40]])),
        (6081, vec![1, 0, 0x65, 0x58, 0, 0, 7, 0, 0, 0, 0, 0]),
    ] {
        samples.push((1, ether(0x86dd, &ipv6(17, &udp(port, &cat(&[&header, &inner]))))));
    }
    samples.extend(LINKS.iter().map(|&link| (link, v4())));
    samples.extend(pieces4(6, &tcp(PAYLOAD), 8).into_iter().map(|p| (101, p)));
    samples
}

proptest! {
    #[test]
    fn any_bytes_are_borne(
        frames in prop::collection::vec(
            (prop::sample::select(LINKS), prop::collection::vec(any::<u8>(), 0..120), 0u32..200, 0i64..1 << 36), 1..20)
    ) {
        let mut decoder = Decoder::new();
        for (link, data, wire_length, time) in &frames {
            decoder.decode(&Frame { time: Timestamp(*time), link: *link, data, wire_length: *wire_length });
        }
        decoder.finish();
        let books = decoder.books();
        prop_assert_eq!(books.frames, books.used + books.refused.total());
    }

    #[test]
    fn damaged_frames_are_borne(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>(), 0usize..30), 1..200)
    ) {
        let samples = samples();
        let mut decoder = Decoder::new();
        for (which, place, value, cut) in damage {
            let (link, mut data) = samples[which.index(samples.len())].clone();
            let at = place.index(data.len());
            data[at] = value;
            let keep = data.len() - cut.min(data.len());
            let wire_length = data.len() as u32;
            decoder.decode(&Frame { wire_length, ..frame(link, &data[..keep]) });
        }
        decoder.finish();
        let books = decoder.books();
        prop_assert_eq!(books.frames, books.used + books.refused.total());
    }
}

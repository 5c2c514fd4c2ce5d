//! What must not change what is seen: frames doubled, swapped with neighbours, cut to one byte, wrapped in a VLAN or a
//! tunnel, moved past the end of the sequence numbers, or kept in another file format. Over all captures that two
//! oracles agree on.

#![allow(clippy::unwrap_used)] // What tests share between them may fail as tests do.

mod wire_support;

use std::path::Path;

use tapcompare::capture::Frame;
use wire_support::{Dice, Kept, Seg, agreed, corpora, frames, see, see_frames, segments, told};

/// Applies `change` to every capture and compares what comes out.
fn every_capture(change: impl Fn(&str, &[Kept]) -> Option<(Vec<String>, Vec<String>)>) {
    let Some(corpora) = corpora() else { return };
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for name in agreed(&corpora) {
        let frames = frames(&corpora.join("captures").join(&name));
        let Some((before, after)) = change(&name, &frames) else { continue };
        tried += 1;
        if before != after {
            let gone = before.iter().filter(|l| !after.contains(l)).take(3);
            let new = after.iter().filter(|l| !before.contains(l)).take(3);
            let lines = gone.map(|l| format!("  - {l}")).chain(new.map(|l| format!("  + {l}")));
            wrong.push(format!("{name}\n{}", lines.collect::<Vec<_>>().join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{} captures\n{}", wrong.len(), wrong.join("\n"));
    assert!(tried > 30, "only {tried} captures");
}

/// The same on segments.
fn every_capture_s_segments(change: impl Fn(&str, &[Seg]) -> Option<Vec<Seg>>) {
    every_capture(|name, frames| {
        let before = segments(frames);
        let after = change(name, &before)?;
        Some((told(&see(&before).exchanges), told(&see(&after).exchanges)))
    });
}

#[test]
fn every_frame_doubled() {
    every_capture(|_, frames| {
        let doubled: Vec<Kept> = frames.iter().flat_map(|f| [f.clone(), f.clone()]).collect();
        Some((told(&see_frames(frames).exchanges), told(&see_frames(&doubled).exchanges)))
    });
}

#[test]
fn every_frame_again_a_little_later() {
    every_capture(|_, frames| {
        let mut order: Vec<(usize, usize)> = (0..frames.len()).flat_map(|i| [(i, i), (i + 5, i)]).collect();
        order.sort();
        let again: Vec<Kept> = order.into_iter().map(|(_, i)| frames[i].clone()).collect();
        Some((told(&see_frames(frames).exchanges), told(&see_frames(&again).exchanges)))
    });
}

/// Here a port pair is used again one millisecond after it was closed: what is moved past the next connection's SYN
/// belongs to nobody.
const REUSED: &str = "arkime/tcp-reassembly-synthetic.pcap";

#[test]
fn frames_swapped_inside_a_window() {
    for seed in 0..12 {
        let window = [2, 3, 5, 8][seed as usize % 4];
        every_capture_s_segments(|name, segments| {
            (name != REUSED || window < 4).then(|| Dice(seed).shuffle_inside(segments, window))
        });
    }
}

#[test]
fn segments_cut_to_one_byte() {
    every_capture_s_segments(|_, segments| {
        (segments.iter().map(|s| s.payload.len()).sum::<usize>() < 100_000)
            .then(|| segments.iter().flat_map(bytes_of).collect())
    });
}

/// A segment for each byte.
fn bytes_of(segment: &Seg) -> Vec<Seg> {
    let n = segment.payload.len();
    if n < 2 {
        return vec![segment.clone()];
    }
    (0..n)
        .map(|i| Seg {
            seq: segment.seq.wrapping_add(i as u32 + u32::from(segment.syn && i > 0)),
            syn: segment.syn && i == 0,
            fin: segment.fin && i == n - 1,
            cut: if i == n - 1 { segment.cut } else { 0 },
            payload: vec![segment.payload[i]],
            ..segment.clone()
        })
        .collect()
}

#[test]
fn sequence_numbers_moved_past_the_wrap() {
    every_capture_s_segments(|_, segments| {
        // By direction: so much that the stream wraps some bytes after its start.
        let mut shift = std::collections::HashMap::new();
        for s in segments {
            shift.entry((s.src, s.dst)).or_insert_with(|| 0u32.wrapping_sub(s.seq).wrapping_sub(40));
            if let Some(ack) = s.ack {
                shift.entry((s.dst, s.src)).or_insert_with(|| 0u32.wrapping_sub(ack).wrapping_sub(40));
            }
        }
        let moved = segments.iter().map(|s| Seg {
            seq: s.seq.wrapping_add(shift[&(s.src, s.dst)]),
            ack: s.ack.map(|a| a.wrapping_add(shift[&(s.dst, s.src)])),
            ..s.clone()
        });
        Some(moved.collect())
    });
}

const ETHERNET: u16 = 1;

/// Ethernet captures only.
fn every_ethernet_frame(change: impl Fn(&[u8]) -> Vec<u8>) {
    every_capture(|_, frames| {
        if frames.iter().any(|f| f.link != ETHERNET || f.data.len() < 14 || f.data.len() as u32 != f.wire_length) {
            return None;
        }
        let changed: Vec<Kept> = frames
            .iter()
            .map(|f| {
                let data = change(&f.data);
                Kept { wire_length: data.len() as u32, data, ..f.clone() }
            })
            .collect();
        Some((told(&see_frames(frames).exchanges), told(&see_frames(&changed).exchanges)))
    });
}

#[test]
fn a_vlan_tag_added() {
    every_ethernet_frame(|data| [&data[..12], &[0x81, 0, 0, 42], &data[12..]].concat());
}

#[test]
fn wrapped_in_vxlan() {
    every_ethernet_frame(|data| {
        let mut out = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
        let udp = 8 + 8 + data.len() as u16;
        out.extend([0x45, 0]);
        out.extend((20 + udp).to_be_bytes());
        out.extend([0, 0, 0x40, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
        out.extend(50_000u16.to_be_bytes());
        out.extend(4789u16.to_be_bytes());
        out.extend(udp.to_be_bytes());
        out.extend([0, 0, 8, 0, 0, 0, 0, 0, 7, 0]);
        out.extend(data);
        out
    });
}

/// A pcapng file with an interface for each link type.
fn pcapng(path: &Path, frames: &[Kept]) {
    let mut out = Vec::new();
    let mut block = |kind: u32, body: &[u8]| {
        let length = 12 + body.len().next_multiple_of(4) as u32;
        out.extend(kind.to_le_bytes());
        out.extend(length.to_le_bytes());
        out.extend(body);
        out.resize(out.len().next_multiple_of(4), 0);
        out.extend(length.to_le_bytes());
    };
    block(0x0a0d_0d0a, &[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    let mut links: Vec<u16> = frames.iter().map(|f| f.link).collect();
    links.dedup();
    for link in &links {
        let nanoseconds = [9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0];
        block(1, &[&link.to_le_bytes()[..], &[0, 0, 0, 0, 0, 0], &nanoseconds].concat());
    }
    for frame in frames {
        let Frame { time, link, data, wire_length } = frame.lend();
        let interface = links.iter().position(|l| *l == link).unwrap() as u32;
        let time = time.0 as u64;
        let words = [interface, (time >> 32) as u32, time as u32, data.len() as u32, wire_length];
        let head: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        block(6, &[&head, data].concat());
    }
    std::fs::write(path, out).unwrap();
}

#[test]
fn rewritten_as_pcapng() {
    let folder = tempfile::tempdir().unwrap();
    every_capture(|_, before| {
        let path = folder.path().join("again.pcapng");
        pcapng(&path, before);
        let after = frames(&path);
        assert_eq!(after.len(), before.len());
        Some((told(&see_frames(before).exchanges), told(&see_frames(&after).exchanges)))
    });
}

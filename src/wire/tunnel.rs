//! Tunnels: headers that carry a whole frame or packet of their own.

use super::link::ether;
use super::view::View;
use super::walk::Next;
use crate::ledger::Refusal;

type Step<'a> = Result<(Next, View<'a>), Refusal>;

/// A label stack (RFC 3032). What is below it is not said, so it is guessed as everybody does: by the first
/// four bits, and by whether an Ethernet header would make sense (RFC 4928).
pub(super) fn mpls(mut view: View<'_>) -> Step<'_> {
    loop {
        let bottom = view.byte(2)? & 1 != 0;
        view = view.skip(4)?;
        if bottom {
            break;
        }
    }
    let looks_ethernet = |at: usize| {
        let kind = view.word(at + 12).unwrap_or(0);
        matches!(kind, ether::IPV4 | ether::ARP | ether::IPV6 | ether::VLAN | ether::VLAN_SERVICE | ether::MPLS)
    };
    match view.byte(0)? {
        first @ 0x45..=0x4f if first == 0x45 || !looks_ethernet(0) => Ok((Next::Ipv4, view)),
        0x60..=0x6f if !looks_ethernet(0) => Ok((Next::Ipv6, view)),
        0x10..=0x1f if !looks_ethernet(0) => Err(Refusal::NotIp), // An associated channel (RFC 4385, section 5).
        // A pseudowire's control word, unless the address of an Ethernet header without one begins so.
        0x00..=0x0f if looks_ethernet(4) || !looks_ethernet(0) => Ok((Next::Ethernet, view.skip(4)?)),
        _ => Ok((Next::Ethernet, view)),
    }
}

/// GRE (RFC 1701, RFC 2784, RFC 2890), and its version 1 as PPTP has it (RFC 2637).
pub(super) fn gre(view: View<'_>) -> Step<'_> {
    let &[high, low, a, b] = view.head()?;
    let kind = u16::from_be_bytes([a, b]);
    let (checksum, routing, key, sequence) = (high & 0x80 != 0, high & 0x40 != 0, high & 0x20 != 0, high & 0x10 != 0);
    let word = |present: bool| usize::from(present) * 4;
    match low & 7 {
        0 => {
            let mut rest = view.skip(4 + word(checksum || routing) + word(key) + word(sequence))?;
            let mut entries = routing;
            while entries {
                let &[x, y, _, length] = rest.head()?;
                rest = rest.skip(4 + usize::from(length))?;
                entries = (x, y, length) != (0, 0, 0);
            }
            gre_payload(kind, sequence, rest)
        }
        1 if kind == 0x880b => {
            let acknowledged = low & 0x80 != 0;
            let length = usize::from(view.word(4)?);
            let rest = view.skip(8 + word(sequence) + word(acknowledged))?;
            Ok((Next::Ppp, rest.limit(length)))
        }
        _ => Err(Refusal::NotTcp),
    }
}

fn gre_payload(kind: u16, sequence: bool, rest: View<'_>) -> Step<'_> {
    match kind {
        // ERSPAN's first type has no header, and is known by GRE's own missing sequence number.
        0x88be if !sequence => Ok((Next::Ethernet, rest)),
        0x88be => match rest.byte(0)? >> 4 {
            1 => Ok((Next::Ethernet, rest.skip(8)?)),
            2 => erspan_3(rest),
            _ => Err(Refusal::NotTcp),
        },
        0x22eb => erspan_3(rest),
        0x880b => Ok((Next::Ppp, rest)),
        // Redirected by WCCP: a header of four bytes may stand before the packet.
        0x883e => match rest.byte(0)? >> 4 {
            4 => Ok((Next::Ipv4, rest)),
            _ => Ok((Next::Ipv4, rest.skip(4)?)),
        },
        // Aruba's access points: a wireless frame, the number tells the radio.
        0x8200..=0x83ff | 0x9000..=0x90ff => Ok((Next::Wireless, rest)),
        0x0000..=0x05dc => Err(Refusal::NotTcp),
        kind => Ok((Next::EtherType(kind), rest)),
    }
}

/// ERSPAN's third type: twelve bytes, and eight more where the last bit of them says so.
fn erspan_3(rest: View<'_>) -> Step<'_> {
    let subheader = rest.byte(11)? & 1 != 0;
    Ok((Next::Ethernet, rest.skip(if subheader { 20 } else { 12 })?))
}

/// Network service header (RFC 8300, section 2).
pub(super) fn service_header(view: View<'_>) -> Step<'_> {
    let &[_, words, _, kind] = view.head()?;
    let rest = view.skip(usize::from(words & 0x3f).max(2) * 4)?;
    next_protocol(kind, rest)
}

/// The numbers that VXLAN-GPE and NSH share.
fn next_protocol(kind: u8, rest: View<'_>) -> Step<'_> {
    match kind {
        1 => Ok((Next::Ipv4, rest)),
        2 => Ok((Next::Ipv6, rest)),
        3 => Ok((Next::Ethernet, rest)),
        4 => Ok((Next::ServiceHeader, rest)),
        5 => Ok((Next::Mpls, rest)),
        _ => Err(Refusal::NotTcp),
    }
}

/// EtherIP (RFC 3378): two bytes, then Ethernet.
pub(super) fn ether_ip(view: View<'_>) -> Step<'_> {
    Ok((Next::Ethernet, view.skip(2)?))
}

/// UDP (RFC 768): the tunnels that use it are known by their ports, on either side, and by headers that make
/// sense. All else in UDP is not TCP.
pub(super) fn udp(view: View<'_>) -> Step<'_> {
    let &[a, b, c, d, e, f, _, _] = view.head()?;
    let ports = [u16::from_be_bytes([c, d]), u16::from_be_bytes([a, b])];
    let rest = view.skip(8)?;
    let rest = match usize::from(u16::from_be_bytes([e, f])) {
        0 => rest,
        length => rest.limit(length.saturating_sub(8)),
    };
    for port in ports {
        let parse: fn(View<'_>) -> Step<'_> = match port {
            2152 => gtp_1,
            3386 => gtp_0,
            3544 => teredo,
            4754 => gre,
            4789 | 8472 => vxlan,
            4790 => vxlan_gpe,
            5072 => ayiya,
            6081 => geneve,
            6635 => mpls,
            _ => continue,
        };
        return parse(rest);
    }
    Err(Refusal::NotTcp)
}

/// RFC 7348, section 5; with the group policy's extra flag.
fn vxlan(view: View<'_>) -> Step<'_> {
    let [flags, ..] = view.head::<8>()?;
    if flags & 0x08 == 0 {
        return Err(Refusal::NotTcp);
    }
    Ok((Next::Ethernet, view.skip(8)?))
}

/// draft-ietf-nvo3-vxlan-gpe: the header says what it carries, where its flag P is set.
fn vxlan_gpe(view: View<'_>) -> Step<'_> {
    let [flags, _, _, kind, ..] = *view.head::<8>()?;
    let rest = view.skip(8)?;
    if flags & 0x04 != 0 { next_protocol(kind, rest) } else { Ok((Next::Ethernet, rest)) }
}

/// RFC 8926, section 3.4.
fn geneve(view: View<'_>) -> Step<'_> {
    let &[first, _, high, low] = view.head()?;
    if first >> 6 != 0 {
        return Err(Refusal::NotTcp);
    }
    let rest = view.skip(8 + usize::from(first & 0x3f) * 4)?;
    Ok((Next::EtherType(u16::from_be_bytes([high, low])), rest))
}

/// GTP-U's first version (3GPP TS 29.281, section 5): only messages that carry a packet, behind optional fields
/// and a chain of extension headers.
fn gtp_1(view: View<'_>) -> Step<'_> {
    const CARRIES: u8 = 255;
    let [flags, kind, high, low, ..] = *view.head::<8>()?;
    if flags >> 4 != 0b0011 || kind != CARRIES {
        return Err(Refusal::NotTcp);
    }
    let mut rest = view.skip(8)?.limit(usize::from(u16::from_be_bytes([high, low])));
    if flags & 0b111 != 0 {
        let mut next = rest.byte(3)?;
        rest = rest.skip(4)?;
        while flags & 0b100 != 0 && next != 0 {
            let length = usize::from(rest.byte(0)?) * 4;
            if length == 0 {
                return Err(Refusal::NotTcp);
            }
            next = rest.byte(length - 1)?;
            rest = rest.skip(length)?;
        }
    }
    Ok((Next::Ip, rest))
}

/// GTP's version 0 (3GPP TS 09.60): twenty bytes.
fn gtp_0(view: View<'_>) -> Step<'_> {
    let [flags, kind, ..] = *view.head::<20>()?;
    if flags >> 4 != 0b0001 || kind != 255 {
        return Err(Refusal::NotTcp);
    }
    Ok((Next::Ip, view.skip(20)?))
}

/// RFC 4380, section 5.1.1: an authentication and an origin indication may stand before the packet.
fn teredo(mut view: View<'_>) -> Step<'_> {
    if view.data.starts_with(&[0, 1]) {
        let (identity, value) = (usize::from(view.byte(2)?), usize::from(view.byte(3)?));
        view = view.skip(13 + identity + value)?;
    }
    if view.data.starts_with(&[0, 0]) {
        view = view.skip(8)?;
    }
    Ok((Next::Ipv6, view))
}

/// draft-massar-v6ops-ayiya-02, section 3.
fn ayiya(view: View<'_>) -> Step<'_> {
    const FORWARD: u8 = 1;
    let [identity, signature, operation, kind, ..] = *view.head::<8>()?;
    let length = 8 + (1usize << (identity >> 4)) + usize::from(signature >> 4) * 4;
    let rest = view.skip(length)?;
    match (operation & 0x0f, kind) {
        (FORWARD, 41) => Ok((Next::Ipv6, rest)),
        (FORWARD, 4) => Ok((Next::Ipv4, rest)),
        _ => Err(Refusal::NotTcp),
    }
}

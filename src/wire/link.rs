//! Link layers: from a frame of some link type to the network protocol inside of it.

use pnet::packet::ethernet::EthernetPacket;

use super::view::View;
use super::walk::Next;
use super::wlan;
use crate::ledger::Refusal;

type Step<'a> = Result<(Next, View<'a>), Refusal>;

/// EtherTypes (IEEE, and IANA's "IEEE 802 Numbers").
pub(super) mod ether {
    pub(crate) const IPV4: u16 = 0x0800;
    pub(crate) const ARP: u16 = 0x0806;
    pub(crate) const BRIDGED: u16 = 0x6558;
    pub(crate) const VLAN: u16 = 0x8100;
    pub(crate) const IPV6: u16 = 0x86dd;
    pub(crate) const MPLS: u16 = 0x8847;
    pub(crate) const MPLS_MULTICAST: u16 = 0x8848;
    pub(crate) const PPPOE: u16 = 0x8864;
    pub(crate) const VLAN_SERVICE: u16 = 0x88a8;
    pub(crate) const BACKBONE: u16 = 0x88e7;
    pub(crate) const FABRIC_PATH: u16 = 0x8903;
    pub(crate) const VN_TAG: u16 = 0x8926;
    pub(crate) const E_TAG: u16 = 0x893f;
    pub(crate) const NSH: u16 = 0x894f;
}

/// By the frame's link type (<https://www.tcpdump.org/linktypes.html>).
#[inline]
pub(super) fn link(link: u16, view: View<'_>) -> Step<'_> {
    match link {
        1 => Ok((Next::Ethernet, view)),
        0 | 108 => loopback(view),
        9 | 50 | 104 => ppp_or_cisco(view),
        51 => pppoe(view),
        12 | 14 | 101 => Ok((Next::Ip, view)),
        105 => wlan::frame(view),
        113 => cooked(view),
        127 => wlan::radiotap(view),
        192 => wlan::per_packet_information(view),
        228 => Ok((Next::Ipv4, view)),
        229 => Ok((Next::Ipv6, view)),
        239 => nflog(view),
        276 => cooked_v2(view),
        _ => Err(Refusal::UnknownLink),
    }
}

/// Ethernet II; or 802.3, where the type is a length.
#[inline]
pub(super) fn ethernet(view: View<'_>) -> Step<'_> {
    let packet = EthernetPacket::new(view.data).ok_or_else(|| view.too_short())?;
    Ok((Next::EtherType(packet.get_ethertype().0), view.skip(EthernetPacket::minimum_packet_size())?))
}

/// What an EtherType announces. Tags stand one behind the other in any number; each takes bytes, so it ends.
#[inline]
pub(super) fn ether_type(kind: u16, view: View<'_>) -> Step<'_> {
    let tagged = |length: usize| Ok((Next::EtherType(view.word(length - 2)?), view.skip(length)?));
    match kind {
        ether::IPV4 => Ok((Next::Ipv4, view)),
        ether::IPV6 => Ok((Next::Ipv6, view)),
        ether::VLAN | ether::VLAN_SERVICE | 0x9100 | 0x9200 | 0x9300 => tagged(4),
        ether::VN_TAG => tagged(6),
        ether::E_TAG => tagged(8),
        ether::BACKBONE => Ok((Next::Ethernet, view.skip(4)?)),
        ether::FABRIC_PATH => Ok((Next::Ethernet, view.skip(2)?)),
        ether::BRIDGED => Ok((Next::Ethernet, view)),
        ether::MPLS | ether::MPLS_MULTICAST => Ok((Next::Mpls, view)),
        ether::PPPOE => pppoe(view),
        ether::NSH => Ok((Next::ServiceHeader, view)),
        0x0000..=0x05dc => llc(view.limit(usize::from(kind).min(view.wire_length()))),
        _ => Err(Refusal::NotIp),
    }
}

/// Logical link control (IEEE 802.2), with SNAP where it says so.
pub(super) fn llc(view: View<'_>) -> Step<'_> {
    match view.head::<3>()? {
        [0xaa, 0xaa, 3] => {
            let [_, _, _, oui @ .., high, low] = view.head::<8>()?;
            match oui {
                // RFC 1042, and Apple's and Cisco's bridges.
                [0, 0, 0] | [0, 0, 0xf8] => Ok((Next::EtherType(u16::from_be_bytes([*high, *low])), view.skip(8)?)),
                _ => Err(Refusal::NotIp),
            }
        }
        [6, 6, 3] => Ok((Next::Ipv4, view.skip(3)?)),
        _ => Err(Refusal::NotIp),
    }
}

/// NULL and LOOP: an address family in the byte order of the host that captured, or of the network. The BSDs
/// and macOS number IPv6 differently.
fn loopback(view: View<'_>) -> Step<'_> {
    let &family = view.head()?;
    let rest = view.skip(4)?;
    let (little, big) = (u32::from_le_bytes(family), u32::from_be_bytes(family));
    match little.min(big) {
        2 => Ok((Next::Ipv4, rest)),
        10 | 23 | 24 | 28 | 30 => Ok((Next::Ipv6, rest)),
        _ => Err(Refusal::NotIp),
    }
}

/// Linux's cooked capture: the last two of its sixteen bytes say what follows.
fn cooked(view: View<'_>) -> Step<'_> {
    cooked_protocol(view.word(14)?, view.skip(16)?)
}

/// Its second version: the first two of its twenty bytes say so.
fn cooked_v2(view: View<'_>) -> Step<'_> {
    cooked_protocol(view.word(0)?, view.skip(20)?)
}

fn cooked_protocol(protocol: u16, rest: View<'_>) -> Step<'_> {
    const LLC: u16 = 4;
    match protocol {
        LLC => llc(rest),
        0..=0x05dc => Err(Refusal::NotIp),
        kind => ether_type(kind, rest),
    }
}

/// Netfilter's log: attributes of type, length and value, one of which is the packet. Their numbers are in the
/// byte order of the host that captured.
fn nflog(view: View<'_>) -> Step<'_> {
    const PAYLOAD: u16 = 9;
    let mut rest = view.skip(4)?;
    loop {
        let &[a, b, c, d] = rest.head()?;
        let little = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
        let big = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        // The upper bits of the type are flags; the wrong order gives a type beyond all that exist.
        let (length, kind) = if little.1 & 0x3fff < 256 { little } else { big };
        let length = usize::from(length);
        if length < 4 {
            return Err(Refusal::Malformed);
        }
        if kind & 0x3fff == PAYLOAD {
            return Ok((Next::Ip, rest.limit(length).skip(4)?));
        }
        rest = rest.skip(length.next_multiple_of(4))?;
    }
}

/// PPP in HDLC-like framing, or Cisco's HDLC, told apart by the first byte.
fn ppp_or_cisco(view: View<'_>) -> Step<'_> {
    match view.byte(0)? {
        0x0f | 0x8f => Ok((Next::EtherType(view.word(2)?), view.skip(4)?)),
        _ => Ok((Next::Ppp, view)),
    }
}

/// PPP (RFC 1661), its address and control bytes and the first byte of its protocol left out or not.
pub(super) fn ppp(view: View<'_>) -> Step<'_> {
    let view = if view.data.starts_with(&[0xff, 0x03]) { view.skip(2)? } else { view };
    let (protocol, rest) = match view.byte(0)? {
        short if short & 1 == 1 => (u16::from(short), view.skip(1)?),
        _ => (view.word(0)?, view.skip(2)?),
    };
    match protocol {
        0x0021 => Ok((Next::Ipv4, rest)),
        0x0057 => Ok((Next::Ipv6, rest)),
        0x0281 | 0x0283 => Ok((Next::Mpls, rest)),
        _ => Err(Refusal::NotIp),
    }
}

/// PPPoE's session stage (RFC 2516, section 4).
fn pppoe(view: View<'_>) -> Step<'_> {
    let &[kind, code, _, _, high, low] = view.head()?;
    if kind != 0x11 {
        return Err(Refusal::Malformed);
    }
    if code != 0 {
        return Err(Refusal::NotIp);
    }
    Ok((Next::Ppp, view.skip(6)?.limit(usize::from(u16::from_be_bytes([high, low])))))
}

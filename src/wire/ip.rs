//! IPv4 (RFC 791) and IPv6 (RFC 8200) headers, and the extension headers between them and what they carry.

use std::net::IpAddr;

use pnet::packet::ipv4::{Ipv4Flags, Ipv4Packet};
use pnet::packet::ipv6::Ipv6Packet;

use super::view::View;
use crate::ledger::Refusal;

/// Protocol numbers (IANA, "Protocol Numbers").
pub(super) mod protocol {
    pub(crate) const HOP_BY_HOP: u8 = 0;
    pub(crate) const IPV4: u8 = 4;
    pub(crate) const TCP: u8 = 6;
    pub(crate) const UDP: u8 = 17;
    pub(crate) const IPV6: u8 = 41;
    pub(crate) const ROUTING: u8 = 43;
    pub(crate) const FRAGMENT: u8 = 44;
    pub(crate) const GRE: u8 = 47;
    pub(crate) const AUTHENTICATION: u8 = 51;
    pub(crate) const DESTINATION: u8 = 60;
    pub(crate) const ETHER_IP: u8 = 97;
    pub(crate) const MOBILITY: u8 = 135;
    pub(crate) const MPLS: u8 = 137;
    pub(crate) const HIP: u8 = 139;
    pub(crate) const SHIM6: u8 = 140;
    pub(crate) const ETHERNET: u8 = 143;
}

/// What an IP header says of what it carries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Carried<'a> {
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    pub(super) protocol: u8,
    pub(super) fragment: Option<Place>,
    pub(super) payload: View<'a>,
}

/// Where a fragment belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The datagram's number; 16 bits in IPv4, 32 in IPv6.
    pub(super) id: u32,
    /// In bytes.
    pub(super) offset: usize,
    /// Whether others follow.
    pub(super) more: bool,
}

/// An IPv4 packet. A total length of zero is what a host writes that leaves cutting into segments to its network
/// card; then everything that follows belongs to it.
#[inline]
pub(super) fn v4<'a>(view: View<'a>) -> Result<Carried<'a>, Refusal> {
    let ip = Ipv4Packet::new(view.data).ok_or_else(|| view.too_short())?;
    let header = usize::from(ip.get_header_length()) * 4;
    let total = match usize::from(ip.get_total_length()) {
        0 => view.wire_length(),
        total => total,
    };
    if ip.get_version() != 4 || header < Ipv4Packet::minimum_packet_size() || total < header {
        return Err(Refusal::Malformed);
    }
    let more = ip.get_flags() & Ipv4Flags::MoreFragments != 0;
    let offset = usize::from(ip.get_fragment_offset()) * 8;
    let fragment = (more || offset > 0).then(|| Place { id: ip.get_identification().into(), offset, more });
    Ok(Carried {
        src: IpAddr::V4(ip.get_source()),
        dst: IpAddr::V4(ip.get_destination()),
        protocol: ip.get_next_level_protocol().0,
        fragment,
        payload: view.limit(total).skip(header)?,
    })
}

/// An IPv6 packet. A payload length of zero is a jumbogram (RFC 2675) or left to the network card, as in IPv4.
#[inline]
pub(super) fn v6<'a>(view: View<'a>) -> Result<Carried<'a>, Refusal> {
    let ip = Ipv6Packet::new(view.data).ok_or_else(|| view.too_short())?;
    if ip.get_version() != 6 {
        return Err(Refusal::Malformed);
    }
    let rest = view.skip(Ipv6Packet::minimum_packet_size())?;
    let payload = match usize::from(ip.get_payload_length()) {
        0 => rest,
        length => rest.limit(length),
    };
    Ok(Carried {
        src: IpAddr::V6(ip.get_source()),
        dst: IpAddr::V6(ip.get_destination()),
        protocol: ip.get_next_header().0,
        fragment: None,
        payload,
    })
}

/// Steps over the extension headers, up to what TCP or a tunnel is in, or up to a fragment header that says that
/// this is a part only. IPv4 knows the authentication header of these.
#[inline]
pub(super) fn extensions(mut carried: Carried<'_>) -> Result<Carried<'_>, Refusal> {
    loop {
        let view = carried.payload;
        let length = match carried.protocol {
            protocol::HOP_BY_HOP
            | protocol::ROUTING
            | protocol::DESTINATION
            | protocol::MOBILITY
            | protocol::HIP
            | protocol::SHIM6 => (usize::from(view.byte(1)?) + 1) * 8,
            protocol::AUTHENTICATION => (usize::from(view.byte(1)?) + 2) * 4,
            protocol::FRAGMENT => {
                let place = fragment_header(view)?;
                carried.protocol = view.byte(0)?;
                carried.payload = view.skip(8)?;
                if place.more || place.offset > 0 {
                    carried.fragment = Some(place);
                    return Ok(carried);
                }
                continue; // An atomic fragment (RFC 6946) is whole.
            }
            _ => return Ok(carried),
        };
        carried.protocol = view.byte(0)?;
        carried.payload = view.skip(length)?;
    }
}

/// RFC 8200, section 4.5.
fn fragment_header(view: View<'_>) -> Result<Place, Refusal> {
    let &[_, _, high, low, a, b, c, d] = view.head()?;
    let word = u16::from_be_bytes([high, low]);
    Ok(Place { id: u32::from_be_bytes([a, b, c, d]), offset: usize::from(word & !7), more: word & 1 != 0 })
}

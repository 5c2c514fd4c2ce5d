//! TCP segments (RFC 9293, section 3.1).

use std::net::{IpAddr, SocketAddr};

use pnet::packet::tcp::{TcpFlags, TcpPacket};

use super::view::View;
use crate::exchange::Timestamp;
use crate::ledger::Refusal;

/// One TCP segment, its payload lent by the frame (or by the datagram that was reassembled).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment<'a> {
    /// When the frame was captured that made it whole.
    pub time: Timestamp,
    /// Who sent it, by the innermost IP header.
    pub src: SocketAddr,
    /// Who was to get it.
    pub dst: SocketAddr,
    /// Sequence number of the first byte of the payload (of the SYN, where there is one).
    pub seq: u32,
    /// The acknowledgement number, where the flag says that it means something.
    pub ack: Option<u32>,
    /// The SYN flag.
    pub syn: bool,
    /// The FIN flag.
    pub fin: bool,
    /// The RST flag.
    pub rst: bool,
    /// The payload that was kept.
    pub payload: &'a [u8],
    /// Payload bytes that were on the wire but that the capture did not keep (snap length).
    pub cut: u32,
    /// Which of the connections between these two ports it is of, where the source knows; 0 where only the numbers tell.
    pub connection: u64,
}

/// Reads the segment. The checksum is not verified: where a host captures its own traffic the network card fills
/// it in later, so a wrong one says nothing.
#[inline]
pub(super) fn parse<'a>(time: Timestamp, src: IpAddr, dst: IpAddr, view: View<'a>) -> Result<Segment<'a>, Refusal> {
    let tcp = TcpPacket::new(view.data).ok_or_else(|| view.too_short())?;
    let header = usize::from(tcp.get_data_offset()) * 4;
    if header < TcpPacket::minimum_packet_size() || header > view.wire_length() {
        return Err(Refusal::Malformed);
    }
    let flags = tcp.get_flags();
    let payload = view.data.get(header..).unwrap_or_default();
    // Options that were cut away are no loss, payload is.
    let cut = view.wire_length() - header - payload.len();
    Ok(Segment {
        time,
        src: SocketAddr::new(src, tcp.get_source()),
        dst: SocketAddr::new(dst, tcp.get_destination()),
        seq: tcp.get_sequence(),
        ack: (flags & TcpFlags::ACK != 0).then(|| tcp.get_acknowledgement()),
        syn: flags & TcpFlags::SYN != 0,
        fin: flags & TcpFlags::FIN != 0,
        rst: flags & TcpFlags::RST != 0,
        payload,
        cut: u32::try_from(cut).unwrap_or(u32::MAX),
        connection: 0,
    })
}

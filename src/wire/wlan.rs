//! Wireless frames (IEEE 802.11) that are not encrypted, and the headers that captures put before them.

use super::link;
use super::view::View;
use super::walk::Next;
use crate::ledger::Refusal;

type Step<'a> = Result<(Next, View<'a>), Refusal>;

/// Radiotap (<https://www.radiotap.org>): a header of its own length, then the frame.
pub(super) fn radiotap(view: View<'_>) -> Step<'_> {
    let &[_, _, low, high] = view.head()?;
    let length = usize::from(u16::from_le_bytes([low, high]));
    if length < 8 {
        return Err(Refusal::Malformed);
    }
    let padded = flags(view.limit(length))? & 0x20 != 0;
    data_frame(view.skip(length)?, padded)
}

/// Radiotap's second field, where it is there. Zero where it is not.
fn flags(header: View<'_>) -> Result<u8, Refusal> {
    let mut at = 4;
    let present = header.byte(at)?;
    while header.byte(at + 3)? & 0x80 != 0 {
        at += 4;
    }
    at += 4;
    if present & 1 != 0 {
        at = at.next_multiple_of(8) + 8; // The first field, a time of eight aligned bytes.
    }
    if present & 2 != 0 { header.byte(at) } else { Ok(0) }
}

/// PPI: a header of its own length that names another link type.
pub(super) fn per_packet_information(view: View<'_>) -> Step<'_> {
    let &[_, _, low, high, a, b, c, d] = view.head()?;
    let length = usize::from(u16::from_le_bytes([low, high]));
    match u16::try_from(u32::from_le_bytes([a, b, c, d])) {
        Ok(link) if length >= 8 => Ok((Next::Link(link), view.skip(length)?)),
        _ => Err(Refusal::Malformed),
    }
}

/// A bare frame.
pub(super) fn frame(view: View<'_>) -> Step<'_> {
    data_frame(view, false)
}

/// A data frame down to its LLC header. Of an aggregate (A-MSDU) the first part that carries IP is taken.
fn data_frame(view: View<'_>, padded: bool) -> Step<'_> {
    const DATA: u8 = 0b10;
    let &[control, flags] = view.head()?;
    let (quality, empty) = (control & 0x80 != 0, control & 0x40 != 0);
    if control >> 2 & 0b11 != DATA || empty {
        return Err(Refusal::NotIp);
    }
    let (to, from, more, protected, order) =
        (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0, flags & 0x40 != 0, flags & 0x80 != 0);
    if protected {
        return Err(Refusal::NotIp);
    }
    if more || view.byte(22)? & 0x0f != 0 {
        return Err(Refusal::Fragment);
    }
    let mut header = if to && from { 30 } else { 24 };
    let mut aggregate = false;
    if quality {
        aggregate = view.byte(header)? & 0x80 != 0;
        header += if order { 6 } else { 2 };
    }
    let header = if padded { header.next_multiple_of(4) } else { header };
    let body = view.skip(header)?;
    if aggregate { first_part(body) } else { link::llc(body) }
}

/// Parts of an aggregate: two addresses, a length, an LLC header; padded to four bytes.
fn first_part(mut rest: View<'_>) -> Step<'_> {
    loop {
        let length = usize::from(rest.word(12)?);
        match link::llc(rest.skip(14)?.limit(length)) {
            Ok(found) => return Ok(found),
            Err(refusal) => match rest.skip((14 + length).next_multiple_of(4)) {
                Ok(next) if !next.data.is_empty() => rest = next,
                _ => return Err(refusal),
            },
        }
    }
}

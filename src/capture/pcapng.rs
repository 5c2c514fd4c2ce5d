//! The newer format: blocks in sections, each section with its interfaces (draft-ietf-opsawg-pcapng).

use pcap_parser::nom::IResult;
use pcap_parser::traits::PcapNGPacketBlock;
use pcap_parser::{
    EPB_MAGIC, EnhancedPacketBlock, IDB_MAGIC, InterfaceDescriptionBlock, OptionCode, PcapError, SHB_MAGIC, SPB_MAGIC,
    SimplePacketBlock, parse_enhancedpacketblock_be, parse_enhancedpacketblock_le, parse_interfacedescriptionblock_be,
    parse_interfacedescriptionblock_le, parse_sectionheaderblock, parse_simplepacketblock_be,
    parse_simplepacketblock_le,
};

use super::reader::{Damage, Record};
use super::window::{MAX_RECORD, Window};
use crate::exchange::Timestamp;

/// The obsolete Packet Block (appendix A of the draft), which the parser does not know.
const OPB_MAGIC: u32 = 2;

/// Interfaces that one section may describe.
const MAX_INTERFACES: usize = 1 << 16;

type Parsed<'a, T> = IResult<&'a [u8], T, PcapError<&'a [u8]>>;

/// Whether a file that begins so is one.
pub(super) fn is_magic(bytes: &[u8]) -> bool {
    bytes.starts_with(&SHB_MAGIC.to_le_bytes())
}

/// What the blocks so far say of the packets to come.
#[derive(Default)]
pub(super) struct Section {
    big_endian: bool,
    interfaces: Vec<Interface>,
}

struct Interface {
    link: u16,
    snap_length: u32,
    clock: Clock,
}

/// How an interface's time stamps become nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clock {
    /// The usual case: units of a nanosecond or a multiple of it, and no offset.
    Times(u64),
    /// Units in a second, and seconds to add.
    General { per_second: u128, offset: i64 },
}

impl Section {
    /// The next packet; None at the end of the file.
    pub(super) fn next(&mut self, window: &mut Window) -> Result<Option<Record>, Damage> {
        loop {
            let Some((kind, length)) = self.block_header(window)? else { return Ok(None) };
            if !matches!(kind, SHB_MAGIC | IDB_MAGIC | EPB_MAGIC | SPB_MAGIC | OPB_MAGIC) {
                if !window.skip(length as u64) {
                    return Err(Damage(format!("a block of type {kind} is cut short")));
                }
                continue;
            }
            if length > MAX_RECORD {
                return Err(Damage::too_long(length));
            }
            if !window.fill(length) {
                return Err(Damage::cut_short(window, length));
            }
            // Only this block: what a parser still misses then is a contradiction, and no reason to read on.
            let block = &window.bytes()[..length];
            let found = match kind {
                SHB_MAGIC => self.begin(block).map(|()| None),
                IDB_MAGIC => self.describe(block).map(|()| None),
                EPB_MAGIC => self.enhanced(block).map(Some),
                SPB_MAGIC => self.simple(block).map(Some),
                _ => self.obsolete(block).map(Some),
            }?;
            let at = window.consume(length);
            if let Some(record) = found {
                return Ok(Some(Record { at: at + record.at, ..record }));
            }
        }
    }

    /// Type and total length of the block that begins here, in the byte order of its section.
    fn block_header(&self, window: &mut Window) -> Result<Option<(u32, usize)>, Damage> {
        const SMALLEST: usize = 12;
        if !window.fill(SMALLEST) {
            let nothing_left = window.bytes().is_empty();
            return if nothing_left { Ok(None) } else { Err(Damage::cut_short(window, SMALLEST)) };
        }
        let bytes = window.bytes();
        // A section header tells its own order, by the magic number after the length.
        let is_section = bytes.starts_with(&SHB_MAGIC.to_le_bytes());
        let big_endian = if is_section { word(bytes, 8, true) == 0x1a2b_3c4d } else { self.big_endian };
        let length = word(bytes, 4, big_endian) as usize;
        if length < SMALLEST {
            return Err(Damage(format!("a block claims a length of {length} bytes")));
        }
        Ok(Some((word(bytes, 0, big_endian), length)))
    }

    fn begin(&mut self, block: &[u8]) -> Result<(), Damage> {
        let header = take(parse_sectionheaderblock(block), "section header")?;
        *self = Section { big_endian: header.big_endian(), interfaces: Vec::new() };
        Ok(())
    }

    fn describe(&mut self, block: &[u8]) -> Result<(), Damage> {
        let parse =
            if self.big_endian { parse_interfacedescriptionblock_be } else { parse_interfacedescriptionblock_le };
        let interface = take(parse(block), "interface description")?;
        if self.interfaces.len() == MAX_INTERFACES {
            return Err(Damage(format!("a section describes more than {MAX_INTERFACES} interfaces")));
        }
        self.interfaces.push(Interface {
            // Sixteen bits on the wire.
            link: interface.linktype.0 as u16,
            snap_length: if interface.snaplen == 0 { u32::MAX } else { interface.snaplen },
            clock: Clock::of(&interface, self.big_endian)?,
        });
        Ok(())
    }

    fn enhanced(&self, block: &[u8]) -> Result<Record, Damage> {
        let parse = if self.big_endian { parse_enhancedpacketblock_be } else { parse_enhancedpacketblock_le };
        let packet: EnhancedPacketBlock<'_> = take(parse(block), "enhanced packet")?;
        let interface = self.interface(packet.if_id)?;
        let time = interface.clock.time(packet.ts_high, packet.ts_low);
        Ok(Record {
            time,
            link: interface.link,
            wire_length: packet.origlen,
            at: 28,
            length: packet.packet_data().len(),
        })
    }

    /// No time stamp, no interface but the first, and the length has to be guessed from the snap length.
    fn simple(&self, block: &[u8]) -> Result<Record, Damage> {
        let parse = if self.big_endian { parse_simplepacketblock_be } else { parse_simplepacketblock_le };
        let packet: SimplePacketBlock<'_> = take(parse(block), "simple packet")?;
        let interface = self.interface(0)?;
        let length = packet.packet_data().len().min(interface.snap_length as usize);
        Ok(Record { time: Timestamp(0), link: interface.link, wire_length: packet.origlen, at: 12, length })
    }

    fn obsolete(&self, block: &[u8]) -> Result<Record, Damage> {
        const HEADER: usize = 28;
        let big = self.big_endian;
        // The interface's number has sixteen bits here; the other sixteen count drops.
        let number = if big { word(block, 8, big) >> 16 } else { word(block, 8, big) & 0xffff };
        let interface = self.interface(number)?;
        let time = interface.clock.time(word(block, 12, big), word(block, 16, big));
        let (length, wire_length) = (word(block, 20, big) as usize, word(block, 24, big));
        if block.len() < HEADER + 4 || length > block.len() - HEADER - 4 {
            return Err(Damage("a packet block contradicts itself".to_owned()));
        }
        Ok(Record { time, link: interface.link, wire_length, at: HEADER, length })
    }

    fn interface(&self, number: u32) -> Result<&Interface, Damage> {
        usize::try_from(number)
            .ok()
            .and_then(|n| self.interfaces.get(n))
            .ok_or_else(|| Damage(format!("a packet of interface {number}, which no block describes")))
    }
}

impl Clock {
    fn of(interface: &InterfaceDescriptionBlock<'_>, big_endian: bool) -> Result<Clock, Damage> {
        // The parser reads the offset as little-endian in either order, so the option is read here.
        let mut offset = 0;
        for option in interface.options.iter().filter(|o| o.code == OptionCode::IfTsoffset) {
            if let Some(value) = option.value.first_chunk() {
                offset = if big_endian { i64::from_be_bytes(*value) } else { i64::from_le_bytes(*value) };
            }
        }
        let exponent = u32::from(interface.if_tsresol & 0x7f);
        let per_second =
            if interface.if_tsresol & 0x80 == 0 { 10u128.checked_pow(exponent) } else { 1u128.checked_shl(exponent) };
        match per_second {
            Some(n) if n <= 1_000_000_000 && 1_000_000_000 % n == 0 && offset == 0 => {
                Ok(Clock::Times((1_000_000_000 / n) as u64))
            }
            // Nothing measures finer, and the product below must not overflow.
            Some(n) if n <= 1 << 90 => Ok(Clock::General { per_second: n, offset }),
            _ => Err(Damage(format!("an interface's clock has an impossible resolution ({exponent})"))),
        }
    }

    fn time(self, high: u32, low: u32) -> Timestamp {
        let units = u64::from(high) << 32 | u64::from(low);
        match self {
            Clock::Times(factor) => Timestamp(i64::try_from(units.saturating_mul(factor)).unwrap_or(i64::MAX)),
            Clock::General { per_second, offset } => {
                let passed = u128::from(units) * 1_000_000_000 / per_second;
                let nanoseconds = i128::try_from(passed).unwrap_or(i128::MAX);
                let whole = nanoseconds.saturating_add(i128::from(offset) * 1_000_000_000);
                Timestamp(i64::try_from(whole).unwrap_or(if whole < 0 { i64::MIN } else { i64::MAX }))
            }
        }
    }
}

fn take<'a, T>(parsed: Parsed<'a, T>, what: &str) -> Result<T, Damage> {
    parsed.map(|(_, block)| block).map_err(|_| Damage(format!("a block that should be a {what} is corrupt")))
}

/// A number of 32 bits; zero where the block ends before it.
fn word(bytes: &[u8], at: usize, big_endian: bool) -> u32 {
    let value = bytes.get(at..).and_then(|b| b.first_chunk()).copied().unwrap_or_default();
    if big_endian { u32::from_be_bytes(value) } else { u32::from_le_bytes(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_of_every_resolution_become_nanoseconds() {
        let general = |per_second, offset| Clock::General { per_second, offset };
        assert_eq!(Clock::Times(1000).time(0, 5), Timestamp(5_000));
        assert_eq!(Clock::Times(1).time(1, 1), Timestamp((1 << 32) + 1));
        assert_eq!(Clock::Times(1_000_000_000).time(u32::MAX, 0), Timestamp(i64::MAX));
        assert_eq!(general(1 << 10, 2).time(0, 512), Timestamp(2_500_000_000));
        assert_eq!(general(10u128.pow(12), 0).time(0, 4_000), Timestamp(4));
        assert_eq!(general(1, i64::MIN).time(0, 0), Timestamp(i64::MIN));
    }
}

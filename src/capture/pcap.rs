//! The classic format: a header, then records (draft-ietf-opsawg-pcap).

use pcap_parser::nom::{Err, IResult, Needed};
use pcap_parser::{
    LegacyPcapBlock, PcapError, parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified, parse_pcap_header,
};

use super::reader::{Damage, Record};
use super::window::{MAX_RECORD, Window};
use crate::exchange::Timestamp;

type Parse = for<'a> fn(&'a [u8]) -> IResult<&'a [u8], LegacyPcapBlock<'a>, PcapError<&'a [u8]>>;

/// Whether a file that begins so is one: microseconds, nanoseconds, and Kuznetsov's longer records.
pub(super) fn is_magic(bytes: &[u8]) -> bool {
    matches!(
        bytes.first_chunk().map(|m| u32::from_le_bytes(*m)),
        Some(0xa1b2_c3d4 | 0xa1b2_3c4d | 0xa1b2_cd34 | 0xd4c3_b2a1 | 0x4d3c_b2a1)
    )
}

/// What the header says of every record.
pub(super) struct Format {
    parse: Parse,
    /// Length of a record's own header.
    header: usize,
    /// Nanoseconds in one unit of the second time field.
    unit: i64,
    link: u16,
}

impl Format {
    /// Reads the file's header.
    pub(super) fn read(window: &mut Window) -> Result<Format, Damage> {
        const FILE_HEADER: usize = 24;
        if !window.fill(FILE_HEADER) {
            return Err(Damage::cut_short(window, FILE_HEADER));
        }
        let Ok((_, header)) = parse_pcap_header(window.bytes()) else {
            return Err(Damage("the header of the file is not one".to_owned()));
        };
        window.consume(FILE_HEADER);
        let modified = header.is_modified_format();
        let parse: Parse = match (header.is_bigendian(), modified) {
            (_, true) => parse_pcap_frame_modified,
            (true, _) => parse_pcap_frame_be,
            (false, _) => parse_pcap_frame,
        };
        let unit = if header.is_nanosecond_precision() { 1 } else { 1_000 };
        Ok(Format { parse, header: if modified { 24 } else { 16 }, unit, link: link_type(header.network.0) })
    }

    /// The next record; None at the end of the file.
    #[inline]
    pub(super) fn next(&self, window: &mut Window) -> Result<Option<Record>, Damage> {
        loop {
            let bytes = window.bytes();
            let missing = match (self.parse)(bytes) {
                Ok((rest, block)) => {
                    let taken = bytes.len() - rest.len();
                    let (length, wire_length) = (block.data.len(), block.origlen);
                    let time = i64::from(block.ts_sec) * 1_000_000_000 + i64::from(block.ts_usec) * self.unit;
                    let at = window.consume(taken) + self.header;
                    return Ok(Some(Record { time: Timestamp(time), link: self.link, wire_length, at, length }));
                }
                Err(Err::Incomplete(Needed::Size(n))) => n.get(),
                Err(_) => return Err(Damage("is not a record".to_owned())),
            };
            let need = bytes.len() + missing;
            if need > MAX_RECORD {
                return Err(Damage::too_long(need));
            }
            if !window.fill(need) {
                let nothing_left = window.bytes().is_empty();
                return if nothing_left { Ok(None) } else { Err(Damage::cut_short(window, need)) };
            }
        }
    }
}

/// The link type out of the header's last field, whose upper bits may tell of a frame check sequence. Files
/// written with the system's own number for raw IP (12 or 14) mean LINKTYPE_RAW. A frame check sequence
/// stays in the frame; the lengths in the IP header cut it off.
fn link_type(network: i32) -> u16 {
    const RAW: u16 = 101;
    match (network & 0xffff) as u16 {
        12 | 14 => RAW,
        link => link,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_types_lose_their_upper_bits_and_raw_ip_has_one_name() {
        assert_eq!(link_type(0x2400_0001), 1);
        assert_eq!(link_type(-0x6fff_ffff), 1);
        assert_eq!([link_type(12), link_type(14), link_type(101), link_type(276)], [101, 101, 101, 276]);
    }
}

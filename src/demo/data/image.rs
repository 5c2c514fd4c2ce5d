//! Pictures of products: real PNG files, small ones.

use std::io::Write;

use bytes::Bytes;
use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

use super::super::dice::Dice;

/// Width and height in pixels.
const SIDE: u32 = 8;

/// A picture of 8 by 8 pixels in true colour.
pub(super) fn png(number: u32) -> Bytes {
    encode(number, Compression::default())
}

/// The same picture for every `compression`, in other bytes (PNG, third edition, section 5).
pub(in crate::demo) fn encode(number: u32, compression: Compression) -> Bytes {
    let mut dice = Dice::new("image", number);
    let colours = [(); 3].map(|()| [(); 3].map(|()| dice.below(256) as u8));
    let mut pixels = Vec::new();
    for _ in 0..SIDE {
        let row: Vec<[u8; 3]> = (0..SIDE).map(|_| colours[dice.below(3) as usize]).collect();
        pixels.extend([0]); // the row's filter: none
        pixels.extend(row.concat());
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), compression);
    // Writing to memory does not fail.
    let packed = encoder.write_all(&pixels).and_then(|()| encoder.finish()).unwrap_or_default();

    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = [SIDE.to_be_bytes(), SIDE.to_be_bytes()].concat();
    header.extend([8, 2, 0, 0, 0]); // bits, true colour, deflate, filters, not interlaced
    for (name, data) in [(b"IHDR", header), (b"IDAT", packed), (b"IEND", Vec::new())] {
        let mut crc = Crc::new();
        crc.update(name);
        crc.update(&data);
        file.extend((data.len() as u32).to_be_bytes());
        file.extend(name);
        file.extend(&data);
        file.extend(crc.sum().to_be_bytes());
    }
    file.into()
}

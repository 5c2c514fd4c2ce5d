//! Content codings undone (RFC 9110, section 8.4), within bounds.
//!
//! What browsers accept is accepted: `gzip` (several members too: RFC 1952, section 2.2), `deflate` (zlib as RFC 9110
//! says, and the raw stream that some servers send instead), `br` (RFC 7932), `zstd` (RFC 8878), and lists of them. A
//! stream that ends early, or that something follows, is an error: a client may have seen something else.

use std::borrow::Cow;
use std::io::{BufRead, Read};

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

/// Bytes that one decoded body may have.
pub const MAX_DECODED: usize = 64 << 20;
/// How many times its own size a coded body may grow to.
pub const MAX_RATIO: usize = 1000;
/// Up to this size the ratio is not asked about: short bodies of one repeated byte are harmless.
pub const RATIO_FLOOR: usize = 1 << 20;
/// Codings that may be laid over each other.
pub const MAX_CODINGS: usize = 4;
/// Base-2 logarithm of the largest zstd window: 8 MiB, the most that HTTP allows (RFC 9659, section 3).
pub const ZSTD_WINDOW_LOG: u32 = 23;
/// Bytes decoded at a time.
const PIECE: usize = 16 << 10;

/// Why a body could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A coding that is not known here.
    #[error("content coding {coding:?} is not known (known: gzip, deflate, br, zstd, identity)")]
    Unknown {
        /// As in the header, lower case, shortened.
        coding: String,
    },
    /// The body is not what its coding says, ends early, or goes on behind its end.
    #[error("the body is not whole {coding}: {reason}")]
    Damaged {
        /// The coding.
        coding: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Decoding went past [`MAX_DECODED`] or [`MAX_RATIO`].
    #[error("the body decoded from {coding} is larger than {limit} bytes")]
    TooLarge {
        /// The coding.
        coding: &'static str,
        /// The bound that applied.
        limit: usize,
    },
    /// More than [`MAX_CODINGS`] codings.
    #[error("more than {MAX_CODINGS} content codings lie over each other")]
    TooMany,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Coding {
    fn name(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
            Coding::Brotli => "br",
            Coding::Zstd => "zstd",
        }
    }
}

/// Undoes the codings that the values of the `Content-Encoding` fields name, the last one first. An empty body is
/// empty under any known coding: servers name one for answers without content too.
pub fn decode<'v, 'b>(
    content_encoding: impl IntoIterator<Item = &'v [u8]>,
    body: &'b [u8],
) -> Result<Cow<'b, [u8]>, DecodeError> {
    let codings = codings(content_encoding)?;
    let mut decoded = Cow::Borrowed(body);
    if body.is_empty() {
        return Ok(decoded);
    }
    let limit = body.len().saturating_mul(MAX_RATIO).clamp(RATIO_FLOOR, MAX_DECODED);
    for coding in codings.into_iter().rev() {
        decoded = Cow::Owned(undo(coding, &decoded, limit)?);
    }
    Ok(decoded)
}

/// The codings in the order in which they were applied.
fn codings<'v>(values: impl IntoIterator<Item = &'v [u8]>) -> Result<Vec<Coding>, DecodeError> {
    let mut codings = Vec::new();
    for name in values.into_iter().flat_map(|value| value.split(|b| *b == b',')) {
        let name = name.trim_ascii().to_ascii_lowercase();
        codings.push(match name.as_slice() {
            b"" | b"identity" => continue,
            b"gzip" | b"x-gzip" => Coding::Gzip,
            b"deflate" => Coding::Deflate,
            b"br" => Coding::Brotli,
            b"zstd" => Coding::Zstd,
            other => {
                let shown = other.get(..32).unwrap_or(other);
                return Err(DecodeError::Unknown { coding: String::from_utf8_lossy(shown).into_owned() });
            }
        });
        if codings.len() > MAX_CODINGS {
            return Err(DecodeError::TooMany);
        }
    }
    Ok(codings)
}

fn undo(coding: Coding, body: &[u8], limit: usize) -> Result<Vec<u8>, DecodeError> {
    let mut out = Output { bytes: Vec::new(), coding: coding.name(), limit };
    match coding {
        Coding::Gzip => gunzip(body, &mut out)?,
        Coding::Deflate => inflate(body, &mut out)?,
        Coding::Brotli => unbrotli(body, &mut out)?,
        Coding::Zstd => {
            let decoder = zstd::stream::read::Decoder::with_buffer(body);
            let mut decoder = decoder.map_err(|e| out.damaged(e))?;
            decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(|e| out.damaged(e))?;
            out.read(decoder)?;
        }
    }
    Ok(out.bytes)
}

/// What was decoded so far, and how much there may be.
struct Output {
    bytes: Vec<u8>,
    coding: &'static str,
    limit: usize,
}

impl Output {
    fn damaged(&self, reason: impl ToString) -> DecodeError {
        DecodeError::Damaged { coding: self.coding, reason: reason.to_string() }
    }

    fn append(&mut self, piece: &[u8]) -> Result<(), DecodeError> {
        if self.bytes.len() + piece.len() > self.limit {
            return Err(DecodeError::TooLarge { coding: self.coding, limit: self.limit });
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    fn read(&mut self, mut decoder: impl Read) -> Result<(), DecodeError> {
        let mut piece = [0; PIECE];
        loop {
            match decoder.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(n) => self.append(piece.get(..n).unwrap_or_default())?,
                Err(e) => return Err(self.damaged(e)),
            }
        }
    }
}

/// All members, one behind the other.
fn gunzip(body: &[u8], out: &mut Output) -> Result<(), DecodeError> {
    let mut rest = body;
    loop {
        out.read(flate2::bufread::GzDecoder::new(&mut rest))?;
        if rest.is_empty() {
            return Ok(());
        }
        if !rest.starts_with(&[0x1f, 0x8b]) {
            return Err(out.damaged(format!("{} bytes follow its end", rest.len())));
        }
    }
}

/// zlib (RFC 1950); else raw (RFC 1951).
fn inflate(body: &[u8], out: &mut Output) -> Result<(), DecodeError> {
    let mut rest = body;
    let zlib = out.read(flate2::bufread::ZlibDecoder::new(&mut rest)).and_then(|()| nothing_left(rest, out));
    let Err(DecodeError::Damaged { .. }) = zlib else { return zlib };
    out.bytes.clear();
    let mut rest = body;
    let raw = out.read(flate2::bufread::DeflateDecoder::new(&mut rest)).and_then(|()| nothing_left(rest, out));
    // What is wrong with it as zlib is what should be told, unless it is good as raw or too large.
    if matches!(raw, Err(DecodeError::Damaged { .. })) { zlib } else { raw }
}

fn nothing_left(mut rest: &[u8], out: &Output) -> Result<(), DecodeError> {
    match rest.fill_buf() {
        Ok([]) => Ok(()),
        _ => Err(out.damaged(format!("{} bytes follow its end", rest.len()))),
    }
}

fn unbrotli(body: &[u8], out: &mut Output) -> Result<(), DecodeError> {
    let alloc = StandardAlloc::default;
    let mut state = BrotliState::new_strict(alloc(), alloc(), alloc());
    let (mut left, mut at, mut total) = (body.len(), 0, 0);
    let mut piece = [0; PIECE];
    loop {
        let (mut room, mut filled) = (PIECE, 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut at,
            body,
            &mut room,
            &mut filled,
            &mut piece,
            &mut total,
            &mut state,
        );
        out.append(piece.get(..filled).unwrap_or_default())?;
        match result {
            BrotliResult::NeedsMoreOutput => {}
            BrotliResult::ResultSuccess => return nothing_left(body.get(at..).unwrap_or_default(), out),
            BrotliResult::NeedsMoreInput => return Err(out.damaged("it ends early")),
            BrotliResult::ResultFailure => return Err(out.damaged("it does not follow the format")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(body: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    fn raw_deflate(body: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    fn brotli(body: &[u8]) -> Vec<u8> {
        let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
        encoder.write_all(body).unwrap();
        encoder.into_inner()
    }

    fn zstd(body: &[u8]) -> Vec<u8> {
        ::zstd::stream::encode_all(body, 3).unwrap()
    }

    type Encoder = fn(&[u8]) -> Vec<u8>;
    const ALL: [(&str, Encoder); 6] =
        [("gzip", gzip), ("x-gzip", gzip), ("deflate", zlib), ("deflate", raw_deflate), ("br", brotli), ("zstd", zstd)];

    fn one(coding: &str, body: &[u8]) -> Result<Vec<u8>, DecodeError> {
        decode([coding.as_bytes()], body).map(Cow::into_owned)
    }

    fn bodies() -> Vec<Vec<u8>> {
        let mixed: Vec<u8> = (0..100_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        vec![b"x".to_vec(), b"{\"a\": [1,2,3]}".repeat(1000), mixed]
    }

    #[test]
    fn each_coding_gives_back_what_was_coded() {
        for (coding, encode) in ALL {
            for body in bodies() {
                assert_eq!(one(coding, &encode(&body)), Ok(body), "{coding}");
            }
            assert_eq!(one(coding, b""), Ok(Vec::new()));
        }
        assert_eq!(decode([], b"as it is"), Ok(Cow::Borrowed(&b"as it is"[..])));
        assert_eq!(one(" Identity ,, GZIP", &gzip(b"x")), Ok(b"x".to_vec()));
    }

    #[test]
    fn lists_are_undone_from_the_end_in_one_field_or_in_several() {
        let body = b"over and over".repeat(50);
        let coded = brotli(&gzip(&body));
        assert_eq!(one("gzip, br", &coded), Ok(body.clone()));
        assert_eq!(decode([&b"gzip"[..], b"br"], &coded).map(Cow::into_owned), Ok(body));
        assert!(one("br, gzip", &coded).is_err());
        assert_eq!(one("gzip,gzip,gzip,gzip,gzip", b"x"), Err(DecodeError::TooMany));
    }

    #[test]
    fn several_gzip_members_are_one_body() {
        assert_eq!(one("gzip", &[gzip(b"one "), gzip(b"two")].concat()), Ok(b"one two".to_vec()));
        assert_eq!(one("zstd", &[zstd(b"one "), zstd(b"two")].concat()), Ok(b"one two".to_vec()));
    }

    #[test]
    fn every_truncation_and_anything_behind_the_end_is_an_error() {
        let body = b"some text, some more text, and text again".repeat(20);
        for (coding, encode) in ALL {
            let coded = encode(&body);
            for cut in 1..coded.len() {
                assert!(
                    matches!(one(coding, &coded[..cut]), Err(DecodeError::Damaged { .. })),
                    "{coding} cut at {cut}"
                );
            }
            for garbage in [&b"\0"[..], b"x", b"garbage that is longer than any trailer"] {
                let error = one(coding, &[&coded, garbage].concat());
                assert!(matches!(error, Err(DecodeError::Damaged { .. })), "{coding} {error:?}");
            }
        }
    }

    #[test]
    fn a_flipped_bit_in_a_checked_format_is_an_error() {
        let coded = gzip(b"checked by a CRC");
        let mut broken = coded.clone();
        broken[coded.len() - 6] ^= 1;
        assert!(matches!(one("gzip", &broken), Err(DecodeError::Damaged { coding: "gzip", .. })));
    }

    #[test]
    fn bombs_are_refused_by_ratio_and_by_size() {
        let zeros = vec![0u8; 8 << 20];
        for (coding, encode) in ALL {
            let coded = encode(&zeros);
            if coded.len() * MAX_RATIO < zeros.len() {
                let error = one(coding, &coded).unwrap_err();
                assert!(matches!(error, DecodeError::TooLarge { limit: RATIO_FLOOR.., .. }), "{coding} {error}");
            }
        }
        let twice = zstd(&zstd(&zeros));
        assert!(matches!(one("zstd, zstd", &twice), Err(DecodeError::TooLarge { .. })));
        // A body that is not small is held by the size alone.
        let large: Vec<u8> = gzip(&vec![0u8; MAX_DECODED / 16]).repeat(17);
        assert_eq!(one("gzip", &large), Err(DecodeError::TooLarge { coding: "gzip", limit: MAX_DECODED }));
    }

    #[test]
    fn an_unknown_coding_is_named_and_shortened() {
        let error = one("gzip, compress", b"x").unwrap_err();
        assert_eq!(
            error.to_string(),
            "content coding \"compress\" is not known (known: gzip, deflate, br, zstd, identity)"
        );
        assert_eq!(one(&"y".repeat(99), b"x"), Err(DecodeError::Unknown { coding: "y".repeat(32) }));
    }

    #[test]
    fn garbage_never_panics() {
        for (coding, _) in ALL {
            for body in bodies() {
                assert!(one(coding, &body).is_err(), "{coding}");
            }
        }
    }
}

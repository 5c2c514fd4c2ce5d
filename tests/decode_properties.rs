//! Content codings: whatever is coded comes back, and whatever is damaged is an error or comes back, but never a panic.

#![allow(clippy::unwrap_used)] // Helpers of tests.

use std::io::Write;

use proptest::prelude::*;
use proptest::sample::Index;
use tapcompare::compare::decode::decode;

fn code(coding: &str, body: &[u8]) -> Vec<u8> {
    use flate2::Compression;
    match coding {
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(body).unwrap();
            encoder.finish().unwrap()
        }
        "deflate" => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(body).unwrap();
            encoder.finish().unwrap()
        }
        "br" => {
            let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 4, 20);
            encoder.write_all(body).unwrap();
            encoder.into_inner()
        }
        _ => zstd::stream::encode_all(body, 1).unwrap(),
    }
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 1..300),
        ("[a-z]{1,9}", 1usize..2000).prop_map(|(word, times)| word.repeat(times).into_bytes()),
    ]
}

const CODINGS: [&str; 4] = ["gzip", "deflate", "br", "zstd"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lists_of_codings_come_back(body in bodies(), list in prop::collection::vec(0usize..4, 0..4)) {
        let names: Vec<&str> = list.iter().map(|i| CODINGS[*i]).collect();
        let coded = names.iter().fold(body.clone(), |body, coding| code(coding, &body));
        let header = names.join(" , ");
        prop_assert_eq!(decode([header.as_bytes()], &coded).unwrap().into_owned(), body);
    }

    #[test]
    fn damaged_streams_never_panic(
        body in bodies(), coding in 0usize..4, flips in prop::collection::vec((any::<Index>(), any::<u8>()), 1..6),
    ) {
        let mut coded = code(CODINGS[coding], &body);
        for (place, byte) in flips {
            let place = place.index(coded.len());
            coded[place] ^= byte;
        }
        let decoded = decode([CODINGS[coding].as_bytes()], &coded);
        // gzip and zlib carry checksums: what they let pass is right, but for their headers' free fields.
        if let (Ok(decoded), 0..2) = (decoded, coding) {
            prop_assert_eq!(decoded.into_owned(), body);
        }
    }

    #[test]
    fn any_bytes_under_any_coding_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), coding in 0usize..4) {
        let _ = decode([CODINGS[coding].as_bytes()], &bytes);
    }
}

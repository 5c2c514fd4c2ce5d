//! Files of every kind that are written here, read back: what is whole comes whole, damage is told and ends nothing.

#![allow(clippy::unwrap_used)] // What tests share between them may fail as tests do.

use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tapcompare::capture::{CaptureError, Files, Filter, Frame};
use tapcompare::exchange::Timestamp;

/// A record's time in nanoseconds, link type, bytes on the wire and data.
type Row = (i64, u16, u32, Vec<u8>);

fn all(paths: &[PathBuf]) -> (Vec<Row>, tapcompare::ledger::CaptureBooks) {
    let mut files = Files::open(paths).unwrap();
    let mut rows = Vec::new();
    while let Some(frame) = files.next() {
        rows.push((frame.time.0, frame.link, frame.wire_length, frame.data.to_vec()));
    }
    assert!(files.next().is_none());
    assert!(files.books().finished);
    (rows, files.books().clone())
}

/// Numbers in one byte order or the other.
struct Order(bool);

impl Order {
    fn u16(&self, n: u16) -> [u8; 2] {
        if self.0 { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    fn u32(&self, n: u32) -> [u8; 4] {
        if self.0 { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    fn pcap(&self, magic: u32, link: u32, records: &[(u32, u32, &[u8])]) -> Vec<u8> {
        let mut out = [self.u32(magic), [0; 4], [0; 4], [0; 4], self.u32(65535), self.u32(link)].concat();
        out[4..8].copy_from_slice(&[self.u16(2), self.u16(4)].concat());
        for (seconds, fraction, data) in records {
            let length = data.len() as u32;
            for n in [*seconds, *fraction, length, length + 1] {
                out.extend(self.u32(n));
            }
            out.extend(*data);
        }
        out
    }

    fn block(&self, kind: u32, body: &[u8]) -> Vec<u8> {
        let mut body = body.to_vec();
        body.resize(body.len().next_multiple_of(4), 0);
        let length = self.u32(body.len() as u32 + 12);
        [&self.u32(kind)[..], &length, &body, &length].concat()
    }

    /// A section whose length is not told.
    fn section(&self) -> Vec<u8> {
        let version = [self.u16(1), self.u16(0)].concat();
        self.block(0x0a0d_0d0a, &[&self.u32(0x1a2b_3c4d)[..], &version, &[0xff; 8]].concat())
    }

    fn interface(&self, link: u16, snap: u32, options: &[u8]) -> Vec<u8> {
        self.block(1, &[&self.u16(link)[..], &[0; 2], &self.u32(snap), options].concat())
    }

    fn option(&self, code: u16, value: &[u8]) -> Vec<u8> {
        let mut padded = value.to_vec();
        padded.resize(value.len().next_multiple_of(4), 0);
        [&self.u16(code)[..], &self.u16(value.len() as u16), &padded].concat()
    }

    fn enhanced(&self, interface: u32, units: u64, data: &[u8], options: &[u8]) -> Vec<u8> {
        let length = data.len() as u32;
        let mut body =
            [interface, (units >> 32) as u32, units as u32, length, length + 1].map(|n| self.u32(n)).concat();
        body.extend(data);
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend(options);
        self.block(6, &body)
    }
}

const LITTLE: Order = Order(false);
const BIG: Order = Order(true);

fn write(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn pcap_in_both_orders_and_precisions() {
    let folder = tempfile::tempdir().unwrap();
    for order in [LITTLE, BIG] {
        for (magic, unit) in [(0xa1b2_c3d4, 1000), (0xa1b2_3c4d, 1)] {
            // The upper bits of the link type tell of a frame check sequence.
            let bytes = order.pcap(magic, 0x2400_0001, &[(7, 5, b"abc"), (8, 999_999, b"")]);
            let (rows, books) = all(&[write(&folder, "a", &bytes)]);
            let expected: Vec<Row> = vec![
                (7_000_000_000 + 5 * unit, 1, 4, b"abc".to_vec()),
                (8_000_000_000 + 999_999 * unit, 1, 1, Vec::new()),
            ];
            assert_eq!(rows, expected);
            assert_eq!((books.files, books.bytes, books.damage), (1, 3, Vec::new()));
        }
    }
}

#[test]
fn pcapng_with_sections_of_both_orders_and_interfaces_of_many_kinds() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = Vec::new();
    for order in [LITTLE, BIG] {
        let offset = if order.0 { 100i64.to_be_bytes() } else { 100i64.to_le_bytes() };
        bytes.extend(order.section());
        bytes.extend(order.interface(1, 0, &[]));
        bytes.extend(order.interface(113, 0, &order.option(9, &[9])));
        let shifted = [order.option(9, &[0x80 | 10]), order.option(14, &offset), order.option(0, &[])].concat();
        bytes.extend(order.interface(101, 0, &shifted));
        bytes.extend(order.block(0xbad, &[9; 600])); // Not ours: stepped over.
        bytes.extend(order.enhanced(0, 3, b"ether", &[]));
        bytes.extend(order.enhanced(1, 3, b"cooked", &order.option(2, &[0; 4])));
        bytes.extend(order.enhanced(2, 512, b"raw", &[]));
        let obsolete = [&order.u16(1)[..], &order.u16(7), &order.u32(0), &order.u32(4), &order.u32(2), &order.u32(9)];
        bytes.extend(order.block(2, &[&obsolete.concat()[..], b"ob"].concat()));
        bytes.extend(order.block(3, &[&order.u32(6)[..], b"simple"].concat()));
    }
    let (rows, books) = all(&[write(&folder, "a", &bytes)]);
    let section: Vec<Row> = vec![
        (3_000, 1, 6, b"ether".to_vec()),
        (3, 113, 7, b"cooked".to_vec()),
        (100_500_000_000, 101, 4, b"raw".to_vec()),
        (4, 113, 9, b"ob".to_vec()),
        (0, 1, 6, b"simple".to_vec()),
    ];
    assert_eq!(rows, [section.clone(), section].concat());
    assert_eq!(books.damage, Vec::<String>::new());
}

#[test]
fn simple_packets_end_at_the_snap_length() {
    let folder = tempfile::tempdir().unwrap();
    let packet = LITTLE.block(3, &[&LITTLE.u32(500)[..], b"12345"].concat());
    let bytes = [LITTLE.section(), LITTLE.interface(1, 5, &[]), packet].concat();
    assert_eq!(all(&[write(&folder, "a", &bytes)]).0, [(0, 1, 500, b"12345".to_vec())]);
}

#[test]
fn gzip_of_one_or_more_members() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = LITTLE.pcap(0xa1b2_c3d4, 1, &[(1, 0, b"one"), (2, 0, b"two")]);
    let (head, tail) = bytes.split_at(31);
    let plain = all(&[write(&folder, "plain", &bytes)]).0;
    assert_eq!(all(&[write(&folder, "named-anything", &gzip(&bytes))]).0, plain);
    assert_eq!(all(&[write(&folder, "members", &[gzip(head), gzip(tail)].concat())]).0, plain);

    let cut = gzip(&bytes);
    let (rows, books) = all(&[write(&folder, "cut", &cut[..cut.len() - 3])]);
    assert_eq!(rows, plain);
    assert_eq!(books.damage.len(), 1);
    assert!(books.damage[0].contains("record 3 at byte 62 of the decompressed data: compressed data cut short"));
}

#[test]
fn what_comes_before_damage_is_intact_and_the_next_file_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let whole = LITTLE.pcap(0xa1b2_c3d4, 1, &[(1, 0, b"one"), (2, 0, b"two")]);
    let good = write(&folder, "good", &LITTLE.pcap(0xa1b2_c3d4, 1, &[(9, 0, b"later")]));
    let row = |rows: &[Row]| rows.iter().map(|r| String::from_utf8_lossy(&r.3).into_owned()).collect::<Vec<_>>();
    for keep in 44..62 {
        let (rows, books) = all(&[write(&folder, "cut", &whole[..keep]), good.clone()]);
        assert_eq!(row(&rows), ["one", "later"]);
        assert_eq!(books.damage.len(), 1, "{keep}");
        assert!(books.damage[0].contains("cut: record 2 at byte 43: cut short after"), "{}", books.damage[0]);
    }
    let absurd = [&whole[..43], &[0; 8], &[0xff; 8]].concat();
    let (rows, books) = all(&[write(&folder, "absurd", &absurd), good.clone()]);
    assert_eq!(row(&rows), ["one", "later"]);
    assert!(books.damage[0].contains("claims 4294967311 bytes, the limit is"), "{}", books.damage[0]);

    let block = LITTLE.enhanced(0, 1, b"first", &[]);
    let mut lie = LITTLE.enhanced(0, 2, b"second", &[]);
    lie[20] = 200; // A packet longer than its block.
    let stranger = LITTLE.enhanced(5, 2, b"second", &[]);
    let tiny = [&LITTLE.u32(6)[..], &LITTLE.u32(8)].concat();
    for broken in [lie, stranger, tiny, [LITTLE.u32(6), LITTLE.u32(u32::MAX), LITTLE.u32(0)].concat()] {
        let bytes = [LITTLE.section(), LITTLE.interface(1, 0, &[]), block.clone(), broken, block.clone()].concat();
        let (rows, books) = all(&[write(&folder, "ng", &bytes), good.clone()]);
        assert_eq!(row(&rows), ["first", "later"]);
        assert_eq!(books.damage.len(), 1);
        assert!(books.damage[0].contains("record 2 at byte"), "{}", books.damage[0]);
    }
}

#[test]
fn files_without_frames() {
    let folder = tempfile::tempdir().unwrap();
    let header = LITTLE.pcap(0xa1b2_c3d4, 1, &[]);
    let cases: [(&[u8], usize); 4] = [(&header, 0), (&header[..20], 1), (b"", 1), (&LITTLE.section(), 0)];
    for (bytes, damage) in cases {
        let (rows, books) = all(&[write(&folder, "a", bytes)]);
        assert_eq!((rows.len(), books.damage.len(), books.files), (0, damage, 1), "{:?}", books.damage);
    }
    assert_eq!(all(&[]).1.files, 0);
}

#[test]
fn many_files_in_time_order() {
    let folder = tempfile::tempdir().unwrap();
    // Three hundred rotated files, named in the wrong order, and one that spans them all.
    let mut paths: Vec<PathBuf> = (0..300u32)
        .rev()
        .map(|n| {
            let records = [(n * 10 + 1, 0, &b"rotated"[..]), (n * 10 + 5, 0, b"rotated")];
            write(&folder, &n.to_string(), &LITTLE.pcap(0xa1b2_c3d4, 1, &records))
        })
        .collect();
    let span: Vec<(u32, u32, &[u8])> = (0..300).map(|n| (n * 10 + 3, 0, &b"span"[..])).collect();
    paths.push(write(&folder, "span", &BIG.pcap(0xa1b2_3c4d, 113, &span)));
    let (rows, books) = all(&paths);
    assert_eq!((rows.len(), books.files), (900, 301));
    assert!(rows.is_sorted_by_key(|r| r.0));
    assert_eq!(rows.iter().filter(|r| r.1 == 113).count(), 300);

    // Equal times: the order in which the files were named.
    let twins: Vec<PathBuf> = ["x", "y"]
        .iter()
        .map(|n| write(&folder, n, &LITTLE.pcap(0xa1b2_c3d4, 1, &[(1, 0, n.as_bytes()), (1, 0, n.as_bytes())])))
        .collect();
    let order = |paths: &[PathBuf]| all(paths).0.iter().map(|r| r.3[0] as char).collect::<String>();
    assert_eq!(order(&twins), "xxyy");
    assert_eq!(order(&[twins[1].clone(), twins[0].clone()]), "yyxx");
}

#[test]
fn progress_is_told_in_bytes_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let data = gzip(&LITTLE.pcap(0xa1b2_c3d4, 1, &[(1, 0, &[7; 5000])]));
    let mut files = Files::open(&[write(&folder, "a", &data)]).unwrap();
    assert_eq!((files.bytes_read(), files.total_bytes()), (0, Some(data.len() as u64)));
    while files.next().is_some() {}
    assert_eq!(files.bytes_read(), data.len() as u64);
}

#[test]
fn a_record_larger_than_the_window_is_read_and_one_past_the_limit_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let large = vec![3; 1 << 20];
    let bytes = LITTLE.pcap(0xa1b2_c3d4, 1, &[(1, 0, b"a"), (2, 0, &large), (3, 0, b"b")]);
    let (rows, books) = all(&[write(&folder, "a", &bytes)]);
    assert_eq!((rows.len(), rows[1].3.len(), books.damage.len()), (3, 1 << 20, 0));
    let bytes = LITTLE.pcap(0xa1b2_c3d4, 1, &[(1, 0, b"a"), (2, 0, &vec![3; 5 << 20]), (3, 0, b"b")]);
    let (rows, books) = all(&[write(&folder, "b", &bytes)]);
    assert_eq!((rows.len(), books.damage.len()), (1, 1));
}

#[cfg(unix)]
#[test]
fn a_pipe_is_read_once_and_has_no_total() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let bytes = gzip(&LITTLE.pcap(0xa1b2_c3d4, 1, &[(2, 0, b"piped"), (4, 0, b"piped")]));
    let target = path.clone();
    let writer = std::thread::spawn(move || std::fs::write(target, bytes).unwrap());
    let beside = write(&folder, "a", &LITTLE.pcap(0xa1b2_c3d4, 1, &[(3, 0, b"file")]));
    let mut files = Files::open(&[path, beside]).unwrap();
    assert_eq!(files.total_bytes(), None);
    let mut seen = Vec::new();
    while let Some(frame) = files.next() {
        seen.push(frame.data.to_vec());
    }
    writer.join().unwrap();
    assert_eq!(seen, [&b"piped"[..], b"file", b"piped"]);
    assert_eq!(files.books().damage, Vec::<String>::new());
}

#[test]
fn what_cannot_be_read_is_one_clear_line_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let error = |path: PathBuf| Files::open(&[path]).err().unwrap().to_string();
    let missing = error(folder.path().join("no-such.pcap"));
    assert!(missing.contains("no-such.pcap") && missing.contains("No such file"), "{missing}");
    assert!(error(folder.path().to_owned()).contains("is a folder"));
    let text = error(write(&folder, "notes.txt", b"hello there"));
    assert!(text.contains("notes.txt") && text.contains("68 65 6c 6c") && text.contains("pcapng"), "{text}");
    assert!(error(write(&folder, "packed", &gzip(b"hello there"))).contains("68 65 6c 6c"));
    let twice = Files::open(&["-".into(), "-".into()]).err().unwrap();
    assert!(matches!(twice, CaptureError::StandardInputTwice));
}

fn ethernet(source_port: u16) -> Vec<u8> {
    let mut frame = vec![2; 12];
    frame.extend([8, 0, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    frame.extend(source_port.to_be_bytes());
    frame.extend([0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x10, 0, 0, 0, 0, 0, 0]);
    frame
}

#[test]
fn a_filter_works_on_each_link_type_by_its_own_program() {
    let mut filter = Filter::new("tcp src port 8080").unwrap();
    let (wanted, other) = (ethernet(8080), ethernet(8081));
    let mut accepts = |link, data| filter.accepts(&Frame { time: Timestamp(0), link, data, wire_length: 54 }).unwrap();
    assert!(accepts(1, &wanted[..]));
    assert!(!accepts(1, &other[..]));
    assert!(accepts(101, &wanted[14..]));
    assert!(!accepts(101, &other[14..]));
    let cooked = [&[0; 14][..], &[8, 0], &wanted[14..]].concat();
    assert!(accepts(113, &cooked[..]));

    let wrong = Filter::new("tcp sauce port 80").err().unwrap().to_string();
    assert!(wrong.contains("'tcp sauce port 80'") && wrong.contains("pcap-filter(7)"), "{wrong}");
    let mut hosts = Filter::new("ether host 02:02:02:02:02:02").unwrap();
    let raw = Frame { time: Timestamp(0), link: 101, data: &wanted[14..], wire_length: 40 };
    assert!(hosts.accepts(&raw).err().unwrap().to_string().contains("ether host"));
}

fn any_file(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
    if let Ok(mut files) = Files::open(&[path.to_owned()]) {
        while files.next().is_some() {}
        assert!(files.books().damage.len() <= 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn damaged_files_are_borne(damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in 0usize..40) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        for order in [LITTLE, BIG] {
            let interface = order.interface(1, 9, &[order.option(9, &[6]), order.option(14, &[1; 8])].concat());
            let blocks = [order.section(), interface, order.enhanced(0, 3, b"data", &order.option(2, &[0; 4])),
                order.block(2, &[0; 24]), order.block(3, &[0; 12])].concat();
            let records = order.pcap(0xa1b2_c3d4, 1, &[(1, 0, b"one"), (2, 0, b"two")]);
            for mut bytes in [blocks.clone(), records, gzip(&blocks)] {
                for (place, value) in &damage {
                    let at = place.index(bytes.len());
                    bytes[at] = *value;
                }
                bytes.truncate(bytes.len() - cut);
                any_file(&path, &bytes);
            }
        }
    }
}

//! Opening what a person named: a file, a pipe or standard input, compressed or not.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use super::CaptureError;

/// Compressed bytes asked of the system at a time.
const GZIP_BUFFER: usize = 64 << 10;

/// The first two bytes of every gzip member (RFC 1952, section 2.3.1).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Bytes of a capture, decompressed.
pub(super) type Input = Box<dyn Read + Send>;

/// How one of the named files can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It can be opened again, and its length is known.
    Regular(u64),
    /// A pipe, a device or standard input: it can be read once.
    Once,
}

/// Whether the path means standard input.
pub(super) fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// How a person is told of the file.
pub(super) fn name(path: &Path) -> String {
    if is_standard_input(path) { "standard input".to_owned() } else { path.display().to_string() }
}

/// What the path leads to. Nothing is opened: a pipe's other end must see one reader come, once.
pub(super) fn kind(path: &Path) -> Result<Kind, CaptureError> {
    if is_standard_input(path) {
        return Ok(Kind::Once);
    }
    let meta = std::fs::metadata(path).map_err(|source| CaptureError::Open { file: name(path), source })?;
    if meta.is_dir() {
        return Err(CaptureError::Folder { file: name(path) });
    }
    Ok(if meta.is_file() { Kind::Regular(meta.len()) } else { Kind::Once })
}

/// Opens without reading. Bytes that are read later are added to `read`.
pub(super) fn open(path: &Path, read: &Arc<AtomicU64>) -> Result<Input, CaptureError> {
    if is_standard_input(path) {
        return Ok(counted(io::stdin(), read));
    }
    let file = File::open(path).map_err(|source| CaptureError::Open { file: name(path), source })?;
    Ok(counted(file, read))
}

/// A source that is open already; what is read of it is added to `read`.
pub(super) fn counted(inner: impl Read + Send + 'static, read: &Arc<AtomicU64>) -> Input {
    Box::new(Counted { inner, count: Arc::clone(read) })
}

/// Looks at the first bytes and puts a decompressor in front where they are gzip's. The second value tells so.
pub(super) fn decompressed(mut raw: Input) -> io::Result<(Input, bool)> {
    let mut head = Vec::with_capacity(GZIP_MAGIC.len());
    raw.by_ref().take(GZIP_MAGIC.len() as u64).read_to_end(&mut head)?;
    let gzip = head == GZIP_MAGIC;
    let whole = Cursor::new(head).chain(raw);
    if gzip {
        Ok((Box::new(MultiGzDecoder::new(BufReader::with_capacity(GZIP_BUFFER, whole))), true))
    } else {
        Ok((Box::new(whole), false))
    }
}

/// Counts for the progress bar.
struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.count.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

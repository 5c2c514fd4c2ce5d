//! Checked views of bytes that a capture may have cut.

use crate::ledger::Refusal;

/// Part of a frame: what was kept of it, and how many bytes more there were on the wire.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) data: &'a [u8],
    /// Bytes behind `data` that the capture did not keep.
    pub(super) missing: usize,
}

impl<'a> View<'a> {
    /// Why a header that needs more bytes than there are cannot be read.
    pub(super) fn too_short(&self) -> Refusal {
        if self.missing > 0 { Refusal::Truncated } else { Refusal::Malformed }
    }

    /// The first `N` bytes.
    #[inline]
    pub(super) fn head<const N: usize>(&self) -> Result<&'a [u8; N], Refusal> {
        self.data.first_chunk().ok_or_else(|| self.too_short())
    }

    /// One byte.
    #[inline]
    pub(super) fn byte(&self, at: usize) -> Result<u8, Refusal> {
        self.data.get(at).copied().ok_or_else(|| self.too_short())
    }

    /// Two bytes in network order.
    #[inline]
    pub(super) fn word(&self, at: usize) -> Result<u16, Refusal> {
        match self.data.get(at..at + 2) {
            Some(&[high, low]) => Ok(u16::from_be_bytes([high, low])),
            _ => Err(self.too_short()),
        }
    }

    /// What follows the first `n` bytes.
    #[inline]
    pub(super) fn skip(&self, n: usize) -> Result<View<'a>, Refusal> {
        match self.data.get(n..) {
            Some(data) => Ok(View { data, missing: self.missing }),
            None => Err(self.too_short()),
        }
    }

    /// The first `length` bytes of what was on the wire, by a header's own word. Where that is more than
    /// there was, the rest counts as not kept: that is loss, and must not look like a shorter packet.
    #[inline]
    pub(super) fn limit(&self, length: usize) -> View<'a> {
        match self.data.get(..length) {
            Some(data) => View { data, missing: 0 },
            None => View { data: self.data, missing: length - self.data.len() },
        }
    }

    /// Number of bytes that were on the wire.
    pub(super) fn wire_length(&self) -> usize {
        self.data.len() + self.missing
    }
}

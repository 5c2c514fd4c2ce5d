//! What is known of both streams where a segment's bytes are read.

/// What a server's last bytes were, as far as their reader can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Said {
    /// Nobody knows; they may be an interim answer.
    #[default]
    Unclear,
    /// An interim answer: the request it is about may go on.
    Interim,
    /// Of a final answer.
    Final,
    /// A final answer goes on after them.
    Inside,
}

/// What is known of both streams when a segment's turn comes. All places are on the stream's 64-bit lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sight {
    /// Up to where the sender had received the peer's stream.
    pub(crate) ack: Option<u64>,
    /// Whether anything of the peer's stream was seen.
    pub(crate) peer_seen: bool,
    /// Where the peer's stream stands.
    pub(crate) peer_next: u64,
    /// The end of the peer's last segment, and what it acknowledged.
    pub(crate) peer_last: Option<(u64, Option<u64>)>,
    /// What the peer had said by the end of that segment.
    pub(crate) peer_said: Said,
    /// Where the peer's stream began, by the handshake.
    pub(crate) peer_base: Option<u64>,
    /// Where this stream began, by the handshake.
    pub(crate) own_base: Option<u64>,
    /// What the segment before in this direction acknowledged.
    pub(crate) own_last_ack: Option<u64>,
}

//! What comes on the interface: whether it is what a mirror port should show.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::Check;
use crate::capture::{Frame, LiveLosses};
use crate::ledger::WireBooks;
use crate::verdict::words::counted;
use crate::wire::{Decoded, Decoder, Keep, Wire, WireLimits, WireOptions};

/// Connections that are kept apart; more are not looked at for their directions.
const MOST_FLOWS: usize = 4096;

/// Servers that are remembered.
const MOST_SERVERS: usize = 64;

/// Servers that are named.
const NAMED: usize = 3;

/// LINKTYPE_ETHERNET.
const ETHERNET: u16 = 1;

/// A look at frames.
pub(super) struct Look {
    decoder: Decoder,
    wire: Wire,
    books: WireBooks,
    snap_length: u32,
    frames: u64,
    tagged: u64,
    cut: u64,
    in_nanoseconds: bool,
    segments: u64,
    /// Segments with payload.
    carrying: u64,
    /// Of these, those that begin as a TLS record does (RFC 8446, section 5.1).
    tls: u64,
    /// Connections by their two ends in order, with a bit for each direction that was seen.
    flows: BTreeMap<(SocketAddr, SocketAddr), u8>,
    servers: Vec<SocketAddr>,
}

impl Look {
    pub(super) fn new(snap_length: u32) -> Look {
        let options = WireOptions { limits: WireLimits::default(), keep: Keep::Nothing };
        Look {
            decoder: Decoder::new(),
            wire: Wire::new(options),
            books: WireBooks::default(),
            snap_length,
            frames: 0,
            tagged: 0,
            cut: 0,
            in_nanoseconds: false,
            segments: 0,
            carrying: 0,
            tls: 0,
            flows: BTreeMap::new(),
            servers: Vec::new(),
        }
    }

    pub(super) fn frame(&mut self, frame: &Frame<'_>) {
        self.frames += 1;
        self.in_nanoseconds |= frame.time.0 % 1000 != 0;
        self.cut += u64::from(frame.data.len() < frame.wire_length as usize);
        let kind = frame.data.get(12..14).filter(|_| frame.link == ETHERNET);
        self.tagged += u64::from(matches!(kind, Some([0x81 | 0x91, 0] | [0x88, 0xa8])));
        if let Decoded::Segment(segment) = self.decoder.decode(frame) {
            self.segments += 1;
            self.carrying += u64::from(!segment.payload.is_empty());
            self.tls += u64::from(matches!(segment.payload, [20..=23, 3, 0..=4, ..]));
            let (ends, bit) = if segment.src <= segment.dst {
                ((segment.src, segment.dst), 1)
            } else {
                ((segment.dst, segment.src), 2)
            };
            if self.flows.len() < MOST_FLOWS || self.flows.contains_key(&ends) {
                *self.flows.entry(ends).or_default() |= bit;
            }
        }
        let servers = &mut self.servers;
        self.wire.frame(frame, &mut |exchange| remember(servers, exchange.server));
    }

    pub(super) fn finish(&mut self) {
        let servers = &mut self.servers;
        self.wire.finish(&mut |exchange| remember(servers, exchange.server));
        self.books = self.wire.books();
    }

    /// Who was asked.
    pub(super) fn servers(&self) -> &[SocketAddr] {
        &self.servers
    }

    /// What is to be said of it. `filter` is the expression, and a look at what came without it.
    pub(super) fn checks(&self, interface: &str, filter: Option<(&str, &Look)>, losses: &LiveLosses) -> Vec<Check> {
        if self.frames == 0 {
            return vec![nothing(interface, filter)];
        }
        let mut checks = vec![Check::ok("frames", format!("{} came", counted(self.frames, "frame")))];
        checks.extend(self.directions());
        checks.push(self.http());
        checks.push(if self.in_nanoseconds {
            Check::ok("time stamps", "by the kernel, in nanoseconds")
        } else {
            Check::warn("time stamps", "in microseconds", "nothing is to be done; latencies are that much coarser")
        });
        if self.cut > 0 {
            let says =
                format!("{} of {} are longer than -s {}", self.cut, counted(self.frames, "frame"), self.snap_length);
            checks.push(Check::fail("cut frames", says, "leave -s out: what is cut off counts as lost"));
        }
        if losses.kernel_dropped + losses.interface_dropped > 0 {
            let says = format!(
                "{} dropped by the kernel, {} by the interface in this short time",
                losses.kernel_dropped, losses.interface_dropped
            );
            checks.push(Check::warn(
                "drops",
                says,
                "a larger ring (-B), a narrower filter, or fewer other programs here",
            ));
        }
        checks
    }

    /// A mirror of one direction alone shows requests without answers, or the reverse.
    fn directions(&self) -> Option<Check> {
        const NAME: &str = "directions";
        const WAY_OUT: &str = "mirror both directions: receive and transmit of the service's port, and let the filter want \
                               both ('port 80', not 'dst port 80')";
        let both = self.flows.values().filter(|seen| **seen == 3).count();
        let flows = counted(self.flows.len() as u64, "connection");
        match (self.flows.len(), both) {
            (0, _) => None,
            (_, 0) => Some(Check::fail(NAME, format!("of {flows} only one direction was seen"), WAY_OUT)),
            (all, both) if both * 2 < all => {
                Some(Check::warn(NAME, format!("of {flows} only {both} were seen in both directions"), WAY_OUT))
            }
            (_, both) => Some(Check::ok(NAME, format!("{both} of {flows} were seen in both directions"))),
        }
    }

    fn http(&self) -> Check {
        const NAME: &str = "HTTP";
        let (requests, answers) = (self.books.requests, self.books.answers);
        if requests + answers > 0 {
            let shown: Vec<String> = self.servers.iter().take(NAMED).map(ToString::to_string).collect();
            let more = if self.servers.len() > NAMED { " and others" } else { "" };
            let at = if shown.is_empty() { String::new() } else { format!(", at {}{more}", shown.join(", ")) };
            let says = format!("{} and {}{at}", counted(requests, "request"), counted(answers, "answer"));
            return match (requests, answers) {
                (0, _) => Check::fail(NAME, says, "requests are not mirrored: mirror both directions"),
                (_, 0) => {
                    Check::warn(NAME, says, "answers are not mirrored, or none came yet: look for longer (--for 30s)")
                }
                _ => Check::ok(NAME, says),
            };
        }
        if self.carrying == 0 {
            let says = format!("none: {} of TCP, none with payload", counted(self.segments, "segment"));
            return Check::warn(NAME, says, "is somebody using the service now? look for longer (--for 30s)");
        }
        let carrying = counted(self.carrying, "TCP segment");
        if self.tls > 0 {
            let says = format!("none in {carrying} with payload; {} are TLS", self.tls);
            return Check::fail(NAME, says, "mirror behind the proxy that ends TLS");
        }
        let way_out = "name the service's port in the filter; HTTP/2 is not read";
        Check::fail(NAME, format!("none in {carrying} with payload"), way_out)
    }
}

fn remember(servers: &mut Vec<SocketAddr>, server: SocketAddr) {
    if servers.len() < MOST_SERVERS && !servers.contains(&server) {
        servers.push(server);
    }
}

/// The commonest mistake, and the second commonest.
fn nothing(interface: &str, filter: Option<(&str, &Look)>) -> Check {
    const NAME: &str = "frames";
    match filter {
        Some((text, all)) if all.frames > 0 => {
            let came = counted(all.frames, "frame");
            if all.tagged > 0 && !text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == "vlan") {
                let says = format!("the filter wants none of {came}, {} of which carry a VLAN tag", all.tagged);
                let way_out = format!(
                    "a tag moves what the filter looks at; write 'vlan and ({text})', with a 'vlan and' for each tag"
                );
                return Check::fail(NAME, says, way_out);
            }
            let way_out = "is the port right? frames in tunnels are wanted by the tunnel's own port ('udp port 4789')";
            Check::fail(NAME, format!("the filter wants none of {came}"), way_out)
        }
        _ => Check::fail(
            NAME,
            format!("none on {interface}: the mirror shows nothing"),
            "does the switch mirror to this port, and is somebody using the service now? look for longer (--for 30s)",
        ),
    }
}

//! The walk through a frame's headers: each step takes one header off and learns what comes next.

use super::fragments::Whole;
use super::ip::{self, Carried, Place, protocol};
use super::segment::{self, Segment};
use super::view::View;
use super::{link, tunnel, wlan};
use crate::exchange::Timestamp;
use crate::ledger::Refusal;

/// IP headers inside of the outermost, at most. Real networks have three or four; what has more is built to
/// keep its readers busy.
pub const MAX_TUNNELS: usize = 8;

/// What a header announces to come after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// By the link type's number.
    Link(u16),
    Ethernet,
    EtherType(u16),
    /// IP, its version by its first four bits.
    Ip,
    Ipv4,
    Ipv6,
    Mpls,
    Ppp,
    Wireless,
    ServiceHeader,
    Gre,
    EtherIp,
    Udp,
}

/// Where a walk ends, if all goes well.
#[derive(Debug)]
pub(super) enum Found<'a> {
    Segment(Segment<'a>),
    Fragment(Carried<'a>, Place),
}

enum Step<'a> {
    Found(Found<'a>),
    Next(Next, View<'a>),
}

/// What a walk has passed so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Walk {
    ip_headers: usize,
    /// It went into UDP because of a port number, which proves nothing.
    guessed: bool,
}

impl Walk {
    /// Walks on from any header.
    #[inline]
    pub(super) fn from<'a>(&mut self, time: Timestamp, next: Next, view: View<'a>) -> Result<Found<'a>, Refusal> {
        self.steps(time, next, view).map_err(|refusal| self.judged(refusal))
    }

    /// Walks on in a datagram that was put together.
    pub(super) fn whole<'a>(&mut self, time: Timestamp, whole: &'a Whole) -> Result<Found<'a>, Refusal> {
        let Whole { src, dst, protocol, ref bytes, .. } = *whole;
        let payload = View { data: bytes, missing: 0 };
        match self.carried(time, Carried { src, dst, protocol, fragment: None, payload }) {
            Ok(Step::Found(found)) => Ok(found),
            Ok(Step::Next(next, view)) => self.from(time, next, view),
            Err(refusal) => Err(self.judged(refusal)),
        }
    }

    /// Behind a guess a header that makes no sense is no fault of the frame: the guess was wrong.
    fn judged(&self, refusal: Refusal) -> Refusal {
        match refusal {
            Refusal::Malformed | Refusal::NotIp | Refusal::UnknownLink if self.guessed => Refusal::NotTcp,
            other => other,
        }
    }

    /// Every step takes at least one byte off, or leads to one that does; so the walk ends.
    #[inline]
    fn steps<'a>(&mut self, time: Timestamp, mut next: Next, mut view: View<'a>) -> Result<Found<'a>, Refusal> {
        loop {
            (next, view) = match next {
                Next::Ipv4 | Next::Ipv6 | Next::Ip => match self.ip(time, next, view)? {
                    Step::Found(found) => return Ok(found),
                    Step::Next(next, view) => (next, view),
                },
                Next::Link(number) => link::link(number, view)?,
                Next::Ethernet => link::ethernet(view)?,
                Next::EtherType(number) => link::ether_type(number, view)?,
                Next::Mpls => tunnel::mpls(view)?,
                Next::Ppp => link::ppp(view)?,
                Next::Wireless => wlan::frame(view)?,
                Next::ServiceHeader => tunnel::service_header(view)?,
                Next::Gre => tunnel::gre(view)?,
                Next::EtherIp => tunnel::ether_ip(view)?,
                Next::Udp => {
                    self.guessed = true;
                    tunnel::udp(view)?
                }
            };
        }
    }

    #[inline]
    fn ip<'a>(&mut self, time: Timestamp, next: Next, view: View<'a>) -> Result<Step<'a>, Refusal> {
        if self.ip_headers > MAX_TUNNELS {
            return Err(Refusal::TooDeep);
        }
        self.ip_headers += 1;
        let carried = match next {
            Next::Ipv4 => ip::v4(view)?,
            Next::Ipv6 => ip::v6(view)?,
            _ => match view.byte(0)? >> 4 {
                4 => ip::v4(view)?,
                6 => ip::v6(view)?,
                _ => return Err(Refusal::NotIp),
            },
        };
        self.carried(time, carried)
    }

    /// What an IP packet carries.
    #[inline]
    fn carried<'a>(&mut self, time: Timestamp, carried: Carried<'a>) -> Result<Step<'a>, Refusal> {
        let carried = if carried.fragment.is_some() { carried } else { ip::extensions(carried)? };
        if let Some(place) = carried.fragment {
            return Ok(Step::Found(Found::Fragment(carried, place)));
        }
        let view = carried.payload;
        let next = match carried.protocol {
            protocol::TCP => {
                let segment = segment::parse(time, carried.src, carried.dst, view)?;
                return Ok(Step::Found(Found::Segment(segment)));
            }
            protocol::UDP => Next::Udp,
            protocol::IPV4 => Next::Ipv4,
            protocol::IPV6 => Next::Ipv6,
            protocol::GRE => Next::Gre,
            protocol::ETHER_IP => Next::EtherIp,
            protocol::MPLS => Next::Mpls,
            protocol::ETHERNET => Next::Ethernet,
            _ => return Err(Refusal::NotTcp),
        };
        Ok(Step::Next(next, view))
    }
}

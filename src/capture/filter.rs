//! A filter in tcpdump's language, applied to frames from any source.

use pcap::{BpfProgram, Capture, Linktype};

use super::{CaptureError, Frame};

/// A pcap-filter(7) expression. The program differs by link type, so one is made for each that is met.
///
/// What the expression says of a packet's length (`len`, `greater`, `less`) is asked of the bytes that were kept.
pub struct Filter {
    expression: String,
    programs: Vec<(u16, BpfProgram)>,
}

impl Filter {
    /// Checks the expression on Ethernet, so that a slip is told before anything is read.
    ///
    /// # Errors
    /// The expression is none, in libpcap's words.
    pub fn new(expression: &str) -> Result<Filter, CaptureError> {
        const ETHERNET: u16 = 1;
        let programs = vec![(ETHERNET, compile(expression, ETHERNET)?)];
        Ok(Filter { expression: expression.to_owned(), programs })
    }

    /// Whether the frame is wanted.
    ///
    /// # Errors
    /// The expression means nothing on this frame's link type (as `ether host` on raw IP).
    pub fn accepts(&mut self, frame: &Frame<'_>) -> Result<bool, CaptureError> {
        let at = match self.programs.iter().position(|(link, _)| *link == frame.link) {
            Some(at) => at,
            None => {
                self.programs.push((frame.link, compile(&self.expression, frame.link)?));
                self.programs.len() - 1
            }
        };
        Ok(self.programs[at].1.filter(frame.data))
    }
}

fn compile(expression: &str, link: u16) -> Result<BpfProgram, CaptureError> {
    // Files and the system number raw IP differently.
    let system = Linktype(if link == 101 { 12 } else { i32::from(link) });
    Capture::dead(system).and_then(|capture| capture.compile(expression, true)).map_err(|e| CaptureError::Filter {
        expression: expression.to_owned(),
        link: system.get_description().unwrap_or_else(|_| format!("link type {link}")),
        why: match e {
            pcap::Error::PcapError(text) => text,
            other => other.to_string(),
        },
    })
}

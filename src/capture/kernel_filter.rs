//! Filters that the kernel applies before a frame takes room in the ring.
//!
//! `pcap_setfilter` would do, but it also asks libpcap's own interpreter about what is in the ring already, and that one
//! refuses every frame where the program asks for what only the kernel knows (the direction, a VLAN tag that the card
//! took off). So the program is compiled by libpcap and handed to the kernel as it is.

use std::io;
use std::os::fd::AsFd;

use pcap::{Activated, BpfProgram, Capture};
use socket2::{SockFilter, SockRef};

/// The kernel's own limit of instructions (BPF_MAXINSNS in `linux/bpf_common.h`).
const MAX_INSTRUCTIONS: usize = 4096;

/// `BPF_RET | BPF_K`: ends the program with a constant, here the number of bytes to keep.
const RETURN: u16 = 0x06;

/// Compiles an expression for the link type of the capture, with what Linux can ask of a live frame.
pub(super) fn compiled<T: Activated + ?Sized>(
    capture: &Capture<T>,
    expression: &str,
) -> Result<Vec<SockFilter>, String> {
    let program = capture.compile(expression, true).map_err(|error| match error {
        pcap::Error::PcapError(text) => text,
        other => other.to_string(),
    })?;
    let instructions = instructions(&program).ok_or("libpcap's program cannot be read")?;
    if instructions.len() > MAX_INSTRUCTIONS {
        return Err(format!(
            "it takes {} instructions, the kernel allows {MAX_INSTRUCTIONS}; a shorter expression is needed",
            instructions.len()
        ));
    }
    Ok(instructions)
}

/// From now on the kernel hands over only what the program wants.
pub(super) fn attach(socket: &impl AsFd, program: &[SockFilter]) -> io::Result<()> {
    SockRef::from(socket).attach_filter(program)
}

/// From now on the kernel hands over nothing.
pub(super) fn refuse_all(socket: &impl AsFd) -> io::Result<()> {
    attach(socket, &[SockFilter::new(RETURN, 0, 0, 0)])
}

/// The program, by way of its text: four numbers an instruction, as `tcpdump -ddd` prints them. The fields themselves
/// are private in the `pcap` crate.
fn instructions(program: &BpfProgram) -> Option<Vec<SockFilter>> {
    let instruction = |text: String| {
        let mut numbers = text.split(' ').map(str::parse::<u32>);
        let mut next = || numbers.next()?.ok();
        let (code, jt, jf, k) = (next()?, next()?, next()?, next()?);
        Some(SockFilter::new(code.try_into().ok()?, jt.try_into().ok()?, jf.try_into().ok()?, k))
    };
    program.get_instructions().iter().map(|i| instruction(i.to_string())).collect()
}

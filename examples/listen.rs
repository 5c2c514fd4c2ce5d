//! Listens to an interface and does nothing else: what capture itself costs, for `benches/`.
//!
//! `listen IFACE SECONDS [FILTER]` prints frames, bytes, drops, calls, and processor time a frame.

#![allow(missing_docs, reason = "a measuring tool")]

use std::error::Error;
use std::fs;
use std::time::{Duration, Instant};

use tapcompare::capture::{Batch, Live, LiveOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: listen IFACE SECONDS [FILTER]";
    let interface = arguments.next().ok_or(usage)?;
    let seconds: u64 = arguments.next().ok_or(usage)?.parse()?;
    let mut live = Live::open(&LiveOptions { filter: arguments.next(), ..LiveOptions::on(interface) })?;

    let mut batch = Batch::new();
    let (mut frames, mut bytes, mut calls) = (0u64, 0u64, 0u64);
    let mut count = |live: &mut Live, wait: Duration| -> Result<usize, Box<dyn Error>> {
        batch.clear();
        let n = live.fill(&mut batch, wait)?;
        frames += n as u64;
        bytes += batch.bytes() as u64;
        calls += 1;
        Ok(n)
    };
    let before = processor_time();
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        count(&mut live, Duration::from_millis(100))?;
    }
    live.stop_taking()?;
    while count(&mut live, Duration::ZERO)? > 0 {}
    let spent = processor_time() - before;
    let losses = live.losses();
    println!(
        "frames {frames} ({:.0}/s) bytes {bytes} calls {calls} cpu {spent:?} ({:.0} ns a frame) received {} dropped {} ({}) closes {}",
        frames as f64 / seconds as f64,
        spent.as_nanos() as f64 / frames.max(1) as f64,
        losses.received,
        losses.kernel_dropped,
        losses.interface_dropped,
        frames + losses.kernel_dropped == losses.received,
    );
    Ok(())
}

/// Nanoseconds on the processor, system time included (proc_pid_schedstat(5)).
fn processor_time() -> Duration {
    let text = fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0))
}

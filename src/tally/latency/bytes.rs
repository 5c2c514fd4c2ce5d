//! A recorder as bytes: what the run file keeps of latencies.
//!
//! Numbers as LEB128 (seven bits a byte, the least first): censored, saturated, unrecorded, then for each value that
//! was recorded, from the smallest, its distance from the one before and how often it was. Read again and merged, it is
//! as if all had been recorded together.

use super::{LATENCY_MAX, Recorder};

/// More values than buckets were not written by us.
const MAX_VALUES: usize = 32 << 10;
/// Nobody counts further; a sum of what is read must not overflow.
const MAX_COUNT: u64 = 1 << 40;

impl Recorder {
    /// Nothing for a recorder that has nothing.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let recorded = self.recorded();
        let beside = [self.censored, self.saturated, self.unrecorded];
        if recorded.is_empty() && beside == [0; 3] {
            return bytes;
        }
        beside.into_iter().for_each(|n| write(&mut bytes, n));
        let mut before = 0;
        for (value, times) in recorded {
            write(&mut bytes, u64::from(value - before));
            write(&mut bytes, u64::from(times));
            before = value;
        }
        bytes
    }

    /// None for bytes that no recorder wrote.
    pub(crate) fn from_bytes(mut bytes: &[u8]) -> Option<Recorder> {
        let mut recorder = Recorder::default();
        if bytes.is_empty() {
            return Some(recorder);
        }
        let mut beside = || read(&mut bytes).filter(|n| *n <= MAX_COUNT);
        (recorder.censored, recorder.saturated, recorder.unrecorded) = (beside()?, beside()?, beside()?);
        let (mut value, mut values) = (0_u64, 0);
        while !bytes.is_empty() {
            let (step, times) = (read(&mut bytes)?, read(&mut bytes)?);
            value = value.checked_add(step).filter(|value| *value <= LATENCY_MAX.as_micros() as u64)?;
            values += 1;
            if step == 0 || times == 0 || values > MAX_VALUES {
                return None;
            }
            recorder.record_many(u32::try_from(value).ok()?, u32::try_from(times).ok()?);
        }
        Some(recorder)
    }
}

fn write(bytes: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        bytes.push(n as u8 | 0x80);
        n >>= 7;
    }
    bytes.push(n as u8);
}

fn read(bytes: &mut &[u8]) -> Option<u64> {
    let mut n = 0_u64;
    for shift in (0..63).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        n |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(n);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn recorded(values: &[(u64, bool)]) -> Recorder {
        let mut recorder = Recorder::default();
        values.iter().for_each(|(micros, censored)| recorder.record(Duration::from_micros(*micros), *censored));
        recorder
    }

    fn values() -> impl Strategy<Value = Vec<(u64, bool)>> {
        let micros = prop_oneof![4 => 0..40_000_u64, 2 => 0..700_000_000_u64, 1 => Just(u64::MAX)];
        prop::collection::vec((micros, prop::bool::weighted(0.1)), 0..600)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// The whole point: whatever is written, read and merged, in whatever parts, is what was recorded together.
        #[test]
        fn merged_is_recorded_together(parts in prop::collection::vec(values(), 0..5)) {
            let together = recorded(&parts.concat()).snapshot();
            let mut kept = Vec::new();
            for part in &parts {
                let mut there = Recorder::from_bytes(&kept).unwrap();
                there.merge(Recorder::from_bytes(&recorded(part).to_bytes()).unwrap());
                kept = there.to_bytes();
            }
            prop_assert_eq!(Recorder::from_bytes(&kept).unwrap().snapshot(), together.clone());
            let mut backwards = Recorder::default();
            parts.iter().rev().for_each(|part| backwards.merge(recorded(part)));
            prop_assert_eq!(backwards.snapshot(), together);
        }

        #[test]
        fn foreign_bytes_are_refused_or_read_within_the_bounds(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Some(recorder) = Recorder::from_bytes(&bytes) {
                let latency = recorder.snapshot();
                prop_assert!(latency.buckets.iter().all(|bucket| bucket.low <= 600_000_000));
                prop_assert_eq!(latency.buckets.iter().map(|bucket| bucket.count).sum::<u64>(), latency.count);
            }
        }
    }

    #[test]
    fn few_values_take_few_bytes() {
        assert!(Recorder::default().to_bytes().is_empty());
        assert!(recorded(&[(900, false), (1200, false), (900, false)]).to_bytes().len() <= 10);
    }

    #[test]
    fn what_no_recorder_writes_is_refused() {
        for bytes in [
            &[0][..],
            &[0, 0],
            &[0, 0, 0, 5],
            &[0, 0, 0, 5, 0],
            &[0, 0, 0, 0, 5],
            &[0x80; 40],
            &[0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 1],
            &[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0x7f],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0],
        ] {
            assert!(Recorder::from_bytes(bytes).is_none(), "{bytes:?}");
        }
    }
}

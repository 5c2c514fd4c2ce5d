//! Any two texts through the JSON comparer: no panic, a text equals itself, and the answer does not depend on the side.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tapcompare::compare::json::{Plain, diff};

fuzz_target!(|texts: (&[u8], &[u8])| {
    let (left, right) = texts;
    let forth = diff(left, right, &Plain);
    let back = diff(right, left, &Plain);
    if let (Ok(forth), Ok(back)) = (&forth, &back) {
        assert_eq!(forth.differences.is_empty(), back.differences.is_empty());
    }
    let spaced = [b" ", left, b"\n"].concat();
    if let Ok(same) = diff(left, &spaced, &Plain) {
        // Members named twice are told even where both sides have them.
        assert!(same.differences.iter().all(|d| d.kind == tapcompare::exchange::DifferenceKind::DuplicateKey));
    }
});

//! Where strings and numbers end, and whether they are written as RFC 8259 says. Errors are the offset of the first
//! byte that does not fit.

use super::run::word;

/// The byte there; zero, which is wrong wherever this is asked, behind the end.
fn byte(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

/// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?` (section 6): where it ends.
pub(super) fn number_end(text: &[u8], mut at: usize) -> Result<usize, usize> {
    if byte(text, at) == b'-' {
        at += 1;
    }
    at = if byte(text, at) == b'0' { at + 1 } else { digits_end(text, at)? };
    if byte(text, at) == b'.' {
        at = digits_end(text, at + 1)?;
    }
    if matches!(byte(text, at), b'e' | b'E') {
        at += 1;
        if matches!(byte(text, at), b'+' | b'-') {
            at += 1;
        }
        at = digits_end(text, at)?;
    }
    Ok(at)
}

fn digits_end(text: &[u8], from: usize) -> Result<usize, usize> {
    let mut at = from;
    while byte(text, at).is_ascii_digit() {
        at += 1;
    }
    if at == from { Err(at) } else { Ok(at) }
}

/// Where a string that begins at `at` with its quote ends, and whether it holds escapes (section 7).
pub(super) fn string_end(text: &[u8], mut at: usize) -> Result<(usize, bool), usize> {
    at += 1;
    let mut escaped = false;
    loop {
        while let Some(bytes) = text.get(at..at + 8) {
            let special = special_bytes(word(bytes));
            if special != 0 {
                at += special.trailing_zeros() as usize / 8;
                break;
            }
            at += 8;
        }
        match byte(text, at) {
            b'"' => return Ok((at + 1, escaped)),
            b'\\' => (at, escaped) = (escape_end(text, at)?, true),
            0..0x20 => return Err(at),
            _ => at += 1,
        }
    }
}

fn escape_end(text: &[u8], at: usize) -> Result<usize, usize> {
    match byte(text, at + 1) {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(at + 2),
        b'u' => match (at + 2..at + 6).find(|digit| !byte(text, *digit).is_ascii_hexdigit()) {
            Some(wrong) => Err(wrong),
            None => Ok(at + 6),
        },
        _ => Err(at + 1),
    }
}

/// Marks, in the highest bit of each byte, quotes, backslashes and control characters. The lowest mark is exact (the
/// borrow of a subtraction can only spoil marks above a true one), and only the lowest is used.
fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES * 0x80;
    let zero = |x: u64| x.wrapping_sub(ONES) & !x;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (zero(word ^ (ONES * b'"' as u64)) | zero(word ^ (ONES * b'\\' as u64)) | control) & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_bytes_are_found_in_every_place_among_all_others() {
        for place in 0..8 {
            for byte in 0..=255u8 {
                for around in [b'a', 0x7f, 0x80, 0xff, b'!', b'#'] {
                    let mut bytes = [around; 8];
                    bytes[place] = byte;
                    let expected = byte < 0x20 || byte == b'"' || byte == b'\\';
                    let found = special_bytes(u64::from_le_bytes(bytes));
                    assert_eq!(found != 0, expected, "{byte:#x} among {around:#x}");
                    assert!(!expected || found.trailing_zeros() as usize / 8 == place);
                }
            }
        }
    }

    #[test]
    fn lexemes_end_where_the_grammar_says() {
        for (text, end) in
            [("0", Ok(1)), ("-0.5e+10,", Ok(8)), ("012", Ok(1)), ("1.", Err(2)), ("-", Err(1)), ("1e", Err(2))]
        {
            assert_eq!(number_end(text.as_bytes(), 0), end, "{text}");
        }
        for (text, end) in [
            (r#""" "#, Ok((2, false))),
            (r#""long enough for words" x"#, Ok((23, false))),
            (r#""a\"b""#, Ok((6, true))),
            (r#""\u00e9\/""#, Ok((10, true))),
            (r#""\u00g9""#, Err(5)),
            (r#""\x""#, Err(2)),
            (r#""open"#, Err(5)),
            ("\"a\u{1f}\"", Err(2)),
            ("\"a\u{7f}\"", Ok((4, false))),
        ] {
            assert_eq!(string_end(text.as_bytes(), 0), end, "{text}");
        }
    }
}

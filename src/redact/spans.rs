//! Where the secrets of a text stand, and the text without them.

use std::borrow::Cow;
use std::ops::Range;

use super::key::Key;

/// One secret in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) range: Range<usize>,
    /// What is hashed, where it is not what stands there: the secret without the escapes of its place.
    pub(super) secret: Option<Box<[u8]>>,
    /// A number in JSON: its mark has quotes.
    pub(super) number: bool,
}

impl Found {
    pub(super) fn plain(range: Range<usize>) -> Found {
        Found { range, secret: None, number: false }
    }

    /// The secret as it is meant; where that is how it is written, nothing more is kept.
    pub(super) fn meaning(text: &[u8], range: Range<usize>, secret: Cow<'_, [u8]>) -> Found {
        let same = text.get(range.clone()) == Some(&secret);
        Found { range, secret: (!same).then(|| secret.into_owned().into()), number: false }
    }
}

/// A text and where its secrets stand. What is shown of it is asked for here.
#[derive(Debug, Clone)]
pub struct Hidden<'a> {
    text: Cow<'a, [u8]>,
    key: &'a Key,
    /// In order, not overlapping, none of them empty.
    found: Vec<Found>,
    /// Nothing was searched, and nothing is shown.
    closed: bool,
}

impl<'a> Hidden<'a> {
    pub(super) fn new(text: Cow<'a, [u8]>, key: &'a Key, found: Vec<Found>) -> Hidden<'a> {
        let found = apart(found, &text);
        Hidden { text, key, found, closed: false }
    }

    /// A text of which nothing is shown: whatever part of it is asked for is one mark.
    pub(super) fn closed(text: &'a [u8], key: &'a Key) -> Hidden<'a> {
        Hidden { text: Cow::Borrowed(text), key, found: Vec::new(), closed: true }
    }

    /// The text with marks in the places of its secrets.
    pub fn shown(&self) -> Cow<'_, [u8]> {
        if self.found.is_empty() && !self.closed {
            return Cow::Borrowed(&self.text);
        }
        Cow::Owned(self.part(0..self.text.len(), usize::MAX))
    }

    /// As [`Hidden::shown`], as text; bytes that are not UTF-8 as U+FFFD.
    pub fn into_text(self) -> String {
        String::from_utf8_lossy(&self.shown()).into_owned()
    }

    /// A part of the text. A secret of which any byte lies in it is there as a whole mark, so that no cut shows a piece.
    /// The part may end early once it has more than `most` bytes.
    pub fn part(&self, range: Range<usize>, most: usize) -> Vec<u8> {
        let range = range.start.min(self.text.len())..range.end.min(self.text.len());
        if range.is_empty() {
            return Vec::new();
        }
        let piece = |from: usize, to: usize| self.text.get(from..to).unwrap_or_default();
        if self.closed {
            return self.key.mark(piece(range.start, range.end)).into_bytes();
        }
        let mut out = Vec::with_capacity(range.len().min(most));
        let mut at = range.start;
        let first = self.found.partition_point(|found| found.range.end <= range.start);
        for found in self.found.get(first..).unwrap_or_default() {
            if found.range.start >= range.end {
                break;
            }
            let open = piece(at, found.range.start.max(at));
            let room = most.saturating_sub(out.len());
            if open.len() > room {
                out.extend_from_slice(open.get(..room + 1).unwrap_or_default());
                return out;
            }
            out.extend_from_slice(open);
            out.extend_from_slice(self.mark(found).as_bytes());
            at = found.range.end;
        }
        let rest = piece(at.min(range.end), range.end);
        let room = most.saturating_sub(out.len()).saturating_add(1);
        out.extend_from_slice(rest.get(..room).unwrap_or(rest));
        out
    }

    fn mark(&self, found: &Found) -> String {
        let there = self.text.get(found.range.clone()).unwrap_or_default();
        let secret = found.secret.as_deref().unwrap_or(there);
        if found.number { self.key.mark_of_number(secret) } else { self.key.mark(secret) }
    }
}

/// In order and not overlapping. What lies inside of another goes with it; where two overlap, one that covers both is made.
/// Of two at one place the first of the list stays.
fn apart(mut found: Vec<Found>, text: &[u8]) -> Vec<Found> {
    found.retain(|f| f.range.start < f.range.end && f.range.end <= text.len());
    found.sort_by_key(|f| (f.range.start, std::cmp::Reverse(f.range.end)));
    let mut kept: Vec<Found> = Vec::with_capacity(found.len());
    for next in found {
        match kept.last_mut() {
            Some(last) if next.range.start < last.range.end => {
                if next.range.end > last.range.end {
                    last.range.end = next.range.end;
                    last.secret = None;
                }
            }
            _ => kept.push(next),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    fn key() -> Key {
        Key::given(Some(OsStr::new("0123456789abcdef"))).unwrap()
    }

    #[test]
    fn a_part_never_shows_a_piece_of_a_secret() {
        let key = key();
        let text = b"ab SECRET cd";
        let hidden = Hidden::new(Cow::Borrowed(text), &key, vec![Found::plain(3..9)]);
        let mark = key.mark(b"SECRET");
        for from in 0..=text.len() {
            for to in from..=text.len() {
                let part = String::from_utf8(hidden.part(from..to, 1000)).unwrap();
                let touches = from < to && from < 9 && to > 3;
                assert_eq!(part.contains(&mark), touches, "{from}..{to}: {part}");
                let rest = part.replace(&mark, "");
                assert!(!rest.contains(['S', 'E', 'C', 'R', 'T']), "{from}..{to}: {part}");
                let short = String::from_utf8(hidden.part(from..to, 2)).unwrap();
                assert!(part.starts_with(&short) && (short.len() > 2 || short == part), "{short} of {part}");
            }
        }
        assert_eq!(hidden.into_text(), format!("ab {mark} cd"));
    }

    #[test]
    fn overlapping_secrets_are_hidden_together() {
        let key = key();
        let text = b"0123456789";
        let found =
            vec![Found::plain(6..8), Found::plain(2..4), Found::plain(3..5), Found::plain(2..3), Found::plain(9..99)];
        let hidden = Hidden::new(Cow::Borrowed(text), &key, found);
        assert_eq!(hidden.into_text(), format!("01{}5{}89", key.mark(b"234"), key.mark(b"67")));
    }

    #[test]
    fn the_meaning_is_hashed_and_not_the_spelling() {
        let key = key();
        let escaped = Found::meaning(b"a%40b", 0..5, Cow::Borrowed(b"a@b"));
        let hidden = Hidden::new(Cow::Borrowed(b"a%40b"), &key, vec![escaped]);
        assert_eq!(hidden.into_text(), key.mark(b"a@b"));
    }
}

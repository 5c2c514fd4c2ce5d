//! The secrets of one exchange, gathered where names tell them, to be known again wherever else they stand.

use std::borrow::Cow;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use rustc_hash::FxHashSet;

use super::redactor::Redactor;
use super::spans::Found;
use super::veil::{Text, Veil};
use super::view::{Escapes, without_escapes, without_percents};
use super::{MAX_REDACTED, form, headers, json, multipart};
use crate::exchange::{Headers, Request};

/// Shorter secrets are hidden in their own places and nowhere else: `1234` stands in too many.
pub const MIN_REFLECTED: usize = 6;
/// Secrets of one exchange that are looked for elsewhere; the request's come first. Those past it are hidden in their own
/// places.
pub const MAX_SECRETS: usize = 512;
/// Bytes of all of them together.
const MAX_BYTES: usize = 256 << 10;
/// So many of them are also looked for inside of base64, if they are no longer than this.
const MAX_ENCODED: (usize, usize) = (64, 1 << 10);
/// Matches that one search notes; past it the rest of the text counts as a secret.
const MAX_MATCHES: usize = 1 << 20;
/// A longer secret is looked for by pieces of this many bytes, each of which shares its last byte with the next, so that a
/// whole one is found as one range. An automaton of patterns that may be long costs the square of their length where they
/// repeat themselves (`aaaa…`), and whoever answers can make them do so.
const PIECE: usize = 64;
/// Fewer characters of base64 say nothing.
const MIN_BASE64: usize = 8;

/// The secrets of one exchange, so far.
#[derive(Debug)]
pub struct Gathering<'r> {
    redactor: &'r Redactor,
    values: Vec<Vec<u8>>,
    known: FxHashSet<Vec<u8>>,
    bytes: usize,
}

impl<'r> Gathering<'r> {
    pub(super) fn new(redactor: &'r Redactor) -> Gathering<'r> {
        Gathering { redactor, values: Vec::new(), known: FxHashSet::default(), bytes: 0 }
    }

    /// The secrets of a request: of its target, its fields, and its body, which is given decoded, with what it is.
    pub fn request(&mut self, request: &Request, kind: Option<Text>, body: &[u8]) {
        self.headers(&request.headers);
        let target: &[u8] = request.target.get(..MAX_REDACTED).unwrap_or(&request.target);
        let mut found = Vec::new();
        form::target(target, &self.redactor.names, &mut found);
        self.redactor.scan(target, false, None, &mut found);
        self.all(target, found);
        if let Some(content_type) = request.headers.get("content-type") {
            let body = body.get(..MAX_REDACTED).unwrap_or(body);
            for range in multipart::find(content_type, body, &self.redactor.names) {
                self.add(body.get(range).unwrap_or_default());
            }
        }
        self.body(kind, body);
    }

    /// The secrets of an answer's fields.
    pub fn headers(&mut self, fields: &Headers) {
        for (name, value) in fields.iter() {
            let mut found = Vec::new();
            headers::find(name, value, &self.redactor.names, &mut found);
            self.all(value, found);
        }
    }

    /// The secrets of a decoded body, by the names in it.
    pub fn body(&mut self, kind: Option<Text>, body: &[u8]) {
        let body = body.get(..MAX_REDACTED).unwrap_or(body);
        let mut found = Vec::new();
        match kind {
            Some(Text::Json) => found = json::read(body, self.redactor).found,
            Some(Text::Form) => form::form(body, &self.redactor.names, &mut found),
            Some(Text::Plain) => {
                let mut ranges = Vec::new();
                super::markup::find(body, &self.redactor.names, &mut ranges);
                found.extend(ranges.into_iter().map(Found::plain));
            }
            None => {}
        }
        self.all(body, found);
    }

    fn all(&mut self, text: &[u8], found: Vec<Found>) {
        for Found { range, secret, .. } in found {
            let there = text.get(range).unwrap_or_default();
            if let Some(secret) = &secret {
                self.add(secret);
            }
            self.add(there);
            self.inside(there);
        }
    }

    /// What a secret means where it was written with escapes, and what basic credentials (RFC 7617) hold.
    fn inside(&mut self, value: &[u8]) {
        if let Cow::Owned(meant) = without_percents(value) {
            self.add(&meant);
        }
        for escapes in Escapes::ALL {
            if let Cow::Owned(meant) = without_escapes(value, escapes) {
                self.add(&meant);
            }
        }
        let decoded = STANDARD.decode(value).or_else(|_| STANDARD_NO_PAD.decode(value));
        if let Ok(decoded) = decoded
            && let Ok(text) = std::str::from_utf8(&decoded)
            && let Some((_, password)) = text.split_once(':')
        {
            self.add(text.as_bytes());
            self.add(password.as_bytes());
        }
    }

    fn add(&mut self, value: &[u8]) {
        let value = value.trim_ascii();
        let full = self.values.len() >= MAX_SECRETS || self.bytes + value.len() > MAX_BYTES;
        if value.len() < MIN_REFLECTED || full || !self.known.insert(value.to_vec()) {
            return;
        }
        self.bytes += value.len();
        self.values.push(value.to_vec());
    }

    /// What hides them.
    pub fn veil(self) -> Veil<'r> {
        Veil { redactor: self.redactor, reflected: Reflected::new(self.values) }
    }
}

/// Finds known secrets in texts.
#[derive(Debug)]
pub(super) struct Reflected {
    search: AhoCorasick,
    /// The secrets, in pieces.
    pieces: Vec<Vec<u8>>,
    /// Patterns from this one on are pieces of base64.
    encoded_from: usize,
}

impl Reflected {
    /// None where there is nothing to look for.
    fn new(values: Vec<Vec<u8>>) -> Option<Reflected> {
        let plus = |value: &&Vec<u8>| value.contains(&b' ');
        let with_plus =
            values.iter().filter(plus).map(|v| v.iter().map(|b| if *b == b' ' { b'+' } else { *b }).collect());
        let mut known = FxHashSet::default();
        let mut pieces: Vec<Vec<u8>> = Vec::new();
        for value in values.iter().cloned().chain(with_plus) {
            // Case is not looked at, so two that differ in nothing else are one.
            pieces.extend(
                in_pieces(&value.to_ascii_lowercase()).filter(|piece| known.insert(piece.to_vec())).map(<[u8]>::to_vec),
            );
        }
        let mut patterns: Vec<Cow<'_, [u8]>> = pieces.iter().map(|piece| Cow::Borrowed(piece.as_slice())).collect();
        let encoded_from = patterns.len();
        for value in values.iter().filter(|v| v.len() <= MAX_ENCODED.1).take(MAX_ENCODED.0) {
            for encoded in (0..3).flat_map(|shift| in_base64(value, shift)) {
                patterns.extend(in_pieces(&encoded).map(|piece| Cow::Owned(piece.to_vec())));
            }
        }
        if patterns.is_empty() {
            return None;
        }
        // Of the kinds of automaton it is the one whose making costs no more than its size, whatever the patterns.
        let search = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(&patterns);
        // It fails only past limits that MAX_BYTES is far below.
        let search = search.ok()?;
        drop(patterns);
        Some(Reflected { search, pieces, encoded_from })
    }

    /// Every place in which one of them stands. Overlapping ones are joined, so that nothing of either is left.
    pub(super) fn find(&self, text: &[u8], found: &mut Vec<Range<usize>>) {
        let first = found.len();
        for (n, hit) in self.search.find_overlapping_iter(text).enumerate() {
            if n >= MAX_MATCHES {
                found.push(hit.start()..text.len());
                return;
            }
            let mut range = hit.start()..hit.end();
            if hit.pattern().as_usize() >= self.encoded_from {
                // A run of base64 in which much is found is walked through once.
                if found.get(first..).and_then(<[_]>::last).is_some_and(|last| last.end >= range.end) {
                    continue;
                }
                range = around(text, range);
            }
            match found.get_mut(first..).and_then(<[_]>::last_mut) {
                Some(last) if last.start < range.end && range.start < last.end => {
                    *last = last.start.min(range.start)..last.end.max(range.end);
                }
                _ => found.push(range),
            }
        }
    }

    /// Where the end of a text that was cut begins to look like one of them.
    pub(super) fn begins_at_end_of(&self, text: &[u8]) -> Option<usize> {
        // Whole pieces are found wherever they stand.
        let longest = |value: &Vec<u8>| {
            let most = value.len().min(text.len());
            let is_end = |length: &usize| {
                let end = text.get(text.len() - length..).unwrap_or_default();
                value.get(..*length).is_some_and(|v| v.eq_ignore_ascii_case(end))
            };
            (1..=most).rev().find(is_end)
        };
        self.pieces.iter().filter_map(longest).max().map(|length| text.len() - length)
    }
}

/// A value in pieces of [`PIECE`] bytes at most, the last of which ends where it does; itself, where it is no longer.
fn in_pieces(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let last = value.len().saturating_sub(PIECE);
    (0..last).step_by(PIECE - 1).chain([last]).filter_map(|at| value.get(at..value.len().min(at + PIECE)))
}

/// The characters of base64, in both alphabets, that are the same whatever stands around a value that begins at such a
/// shift of three bytes.
fn in_base64(value: &[u8], shift: usize) -> Vec<Vec<u8>> {
    let padded = [&[0u8; 3][..shift], value].concat();
    let from = (shift * 8).div_ceil(6);
    let to = padded.len() * 8 / 6;
    let cut = |text: String| text.as_bytes().get(from..to).unwrap_or_default().to_vec();
    let mut both = vec![cut(STANDARD_NO_PAD.encode(&padded)), cut(URL_SAFE_NO_PAD.encode(&padded))];
    both.dedup();
    both.retain(|text| text.len() >= MIN_BASE64);
    both
}

/// The whole run of base64 in which a range lies: what is left of it would still tell.
fn around(text: &[u8], range: Range<usize>) -> Range<usize> {
    let in_run = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_' | b'=');
    let before = text.get(..range.start).unwrap_or_default().iter().rev().take_while(|b| in_run(b)).count();
    let after = text.get(range.end..).unwrap_or_default().iter().take_while(|b| in_run(b)).count();
    range.start - before..range.end + after
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where they are found: from and to.
    fn found(values: &[&[u8]], text: &[u8]) -> Vec<(usize, usize)> {
        let reflected = Reflected::new(values.iter().map(|value| value.to_vec()).collect()).unwrap();
        assert!(reflected.pieces.iter().all(|piece| piece.len() <= PIECE));
        let mut found = Vec::new();
        reflected.find(text, &mut found);
        found.into_iter().map(|range| (range.start, range.end)).collect()
    }

    /// A value of which no two pieces are alike.
    fn long(length: usize) -> Vec<u8> {
        (0..length).map(|n| b'a' + ((n * n / 7 + n) % 26) as u8).collect()
    }

    #[test]
    fn a_long_secret_is_found_as_one_however_its_length_comes_out_in_pieces() {
        for length in [MIN_REFLECTED, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE - 1, 2 * PIECE, 1000, 70_000] {
            let value = long(length);
            let text = [b"(( ", &value[..], b" )) "].concat();
            assert_eq!(found(&[&value], &text), [(3, 3 + length)], "{length}");
            assert_eq!(found(&[&value.to_ascii_uppercase()], &text), [(3, 3 + length)], "{length}");
        }
        let value = long(10 * PIECE);
        let part = &value[3 * PIECE - 5..7 * PIECE];
        let hidden: usize = found(&[&value], part).into_iter().map(|(from, to)| to - from).sum();
        assert!(hidden > part.len() - 2 * PIECE, "a part is found but for its ends");
    }

    /// The square of these lengths would be hours.
    #[test]
    fn secrets_that_repeat_themselves_cost_no_more_than_others() {
        let same = vec![b'a'; 200 << 10];
        let deep = [vec![b'['; 20 << 10], vec![b']'; 20 << 10]].concat();
        let text = [&same[..], b" ", &deep, b" aaaaa"].concat();
        let end = same.len() + 1 + deep.len();
        assert_eq!(found(&[&same, &deep], &text), [(0, same.len()), (same.len() + 1, end)]);
        let nested: Vec<Vec<u8>> = (MIN_REFLECTED..500).map(|length| vec![b'a'; length]).collect();
        let nested: Vec<&[u8]> = nested.iter().map(Vec::as_slice).collect();
        // Past the bound of matches the rest counts as a secret.
        let all = found(&nested, &same);
        assert_eq!((all.len(), all[0].0, all[1].1), (2, 0, same.len()), "{all:?}");
        assert!(all[1].0 <= all[0].1);
    }

    #[test]
    fn a_run_of_base64_is_walked_through_once() {
        let value = b"hunter2-hunter2";
        let run = STANDARD.encode(value.repeat(40_000));
        let text = format!("x: {run} y");
        assert_eq!(found(&[value], text.as_bytes()), [(3, 3 + run.len())]);
    }

    #[test]
    fn a_text_that_is_cut_within_a_long_secret_ends_where_that_begins() {
        let value = long(1000);
        for kept in [1, PIECE - 1, PIECE, PIECE + 1, 500, 999] {
            let text = [b"(( ", &value[..kept]].concat();
            let reflected = Reflected::new(vec![value.clone()]).unwrap();
            let mut whole = Vec::new();
            reflected.find(&text, &mut whole);
            let open = reflected.begins_at_end_of(&text).unwrap_or(text.len());
            // What is left open between what was found and what the text ends with.
            let from = whole.last().map_or(3, |range| range.end);
            assert!(whole.first().is_none_or(|range| range.start == 3), "{kept}");
            assert!(open <= from, "{kept}: {whole:?} and {open}");
        }
    }
}

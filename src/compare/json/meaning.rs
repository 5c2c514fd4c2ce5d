//! A hash of what a value means: equal values have equal hashes, however they are written.
//!
//! Hashes only propose which elements belong together. What they propose is walked all the same, so that a collision
//! can make a report less neat, but never hide a difference.

use crate::exchange::Segment;

use super::number::Decimal;
use super::number::Exponent;
use super::outline::{Kind, Outline};
use super::run::word;
use super::string::{decode, shown};
use super::{ArrayMode, Guide, NumberMode};

/// Hashes of one text's values, each made once.
pub(super) struct Meaning<'o, 't> {
    outline: &'o Outline<'t>,
    guide: &'o dyn Guide,
    plain: bool,
    /// By node; zero: not made yet. Empty until the first is asked for.
    made: Vec<u64>,
}

impl<'o, 't> Meaning<'o, 't> {
    pub(super) fn new(outline: &'o Outline<'t>, guide: &'o dyn Guide) -> Meaning<'o, 't> {
        Meaning { outline, guide, plain: guide.is_plain(), made: Vec::new() }
    }

    /// The hash of the value at `node`, whose place in its document is `path` (left as it was; not looked at when
    /// the guide is plain).
    pub(super) fn hash(&mut self, node: u32, path: &mut Vec<Segment>) -> u64 {
        if self.made.is_empty() {
            self.made = vec![0; self.outline.len()];
        }
        match self.made.get(node as usize) {
            Some(0) | None => {}
            Some(made) => return *made,
        }
        let hash = match self.outline.kind(node) {
            Kind::Object => self.object(node, path),
            Kind::Array => self.array(node, path),
            Kind::String => name_hash(self.outline, node),
            Kind::Number => self.number(node, path),
            Kind::Bool | Kind::Null => hash_bytes(3, self.outline.text(node)),
        };
        let hash = hash.max(1);
        if let Some(place) = self.made.get_mut(node as usize) {
            *place = hash;
        }
        hash
    }

    fn object(&mut self, node: u32, path: &mut Vec<Segment>) -> u64 {
        let outline = self.outline;
        let mut sum = 0u64;
        for name in outline.members(node) {
            if !self.plain {
                path.push(Segment::Key(shown(outline.string(name))));
            }
            let value = self.hash(name + 1, path);
            if !self.plain {
                path.pop();
            }
            sum = sum.wrapping_add(mix(name_hash(outline, name), value));
        }
        mix(5, sum)
    }

    fn array(&mut self, node: u32, path: &mut Vec<Segment>) -> u64 {
        let ordered = self.plain || self.guide.array(path) == ArrayMode::Ordered;
        let outline = self.outline;
        let mut sum = 7u64;
        for (index, element) in outline.elements(node).enumerate() {
            if !self.plain {
                path.push(Segment::Index(index));
            }
            let value = self.hash(element, path);
            if !self.plain {
                path.pop();
            }
            sum = if ordered { mix(sum, value) } else { sum.wrapping_add(mix(11, value)) };
        }
        mix(9, sum)
    }

    fn number(&self, node: u32, path: &[Segment]) -> u64 {
        let text = self.outline.text(node);
        if !self.plain && self.guide.number(path) == NumberMode::Lexeme {
            return hash_bytes(13, text);
        }
        let decimal = Decimal::of(text);
        let exponent = match &decimal.exponent {
            Exponent::Small(value) => mix(*value as u64, (*value >> 64) as u64),
            Exponent::Large { negative, digits } => hash_bytes(u64::from(*negative), digits),
        };
        let mut hash = 15 + u64::from(decimal.negative);
        for digit in decimal.digits() {
            hash = hash.wrapping_mul(0x0100_0000_01b3) ^ u64::from(digit);
        }
        mix(hash, exponent)
    }
}

/// The hash of a string's value, or of a member's name.
pub(super) fn name_hash(outline: &Outline, name: u32) -> u64 {
    let (inner, escaped) = outline.string(name);
    hash_bytes(1, &decode(inner, escaped))
}

/// Two numbers into one, by the folded product that wyhash uses.
pub(super) fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0x9e37_79b9_7f4a_7c15) * u128::from(b ^ 0xd1b5_4a32_d192_ed03);
    (product >> 64) as u64 ^ product as u64
}

fn hash_bytes(seed: u64, bytes: &[u8]) -> u64 {
    let mut hash = mix(seed, bytes.len() as u64);
    let words = bytes.chunks_exact(8);
    let rest = words.remainder().iter().fold(0u64, |sum, b| sum << 8 | u64::from(*b));
    for chunk in words {
        hash = mix(hash, word(chunk));
    }
    mix(hash, rest)
}

//! What the rules ask of the walk through two JSON documents, in the engine's words.

use super::json::{ArrayMode, Guide, NumberMode};
use crate::exchange::Segment;
use crate::rules::{Arrays, Walk};

impl Guide for Walk<'_> {
    fn array(&self, path: &[Segment]) -> ArrayMode {
        match self.arrays(path) {
            None => ArrayMode::Ordered,
            Some(Arrays::Unordered) => ArrayMode::Unordered,
            Some(Arrays::Keyed(name)) => ArrayMode::Keyed(name.clone()),
        }
    }

    fn number(&self, path: &[Segment]) -> NumberMode {
        if self.lexeme(path) { NumberMode::Lexeme } else { NumberMode::Value }
    }

    fn is_plain(&self) -> bool {
        Walk::is_plain(self)
    }
}

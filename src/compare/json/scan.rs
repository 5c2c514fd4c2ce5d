//! Reads a text into an [`Outline`] and thereby proves that it is JSON (RFC 8259), without recursion.
//!
//! A second text is read beside the first one's outline: where its bytes run along with a value of the first that
//! lies at the same place, that value's nodes are copied, moved by the distance of the two, and not read again. What
//! is valid there is valid here, because a value's text does not depend on what surrounds it; only a number does not
//! show its own end, so the byte behind it is looked at. A wrong guess costs a comparison of bytes and nothing else.

use super::lexeme;
use super::outline::{Node, Outline};
use super::run::Run;
use super::{MAX_DEPTH, MAX_NODES, MAX_TEXT};

/// Why a text has no outline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Offset of the first byte that does not fit.
    NotJson(usize),
    TooDeep,
    TooLarge,
}

/// How many members ahead a name is looked for in the first text.
const LOOK_AHEAD: usize = 8;
/// No node of the first text is known to lie here.
const NONE: u32 = u32::MAX;

/// Reads a text, beside another one's outline where there is one. `nodes` is a buffer to be filled.
pub(super) fn outline<'t>(text: &'t [u8], like: Option<&Outline>, nodes: Vec<Node>) -> Result<Outline<'t>, Fault> {
    if text.len() > MAX_TEXT {
        return Err(Fault::TooLarge);
    }
    if let Err(e) = std::str::from_utf8(text) {
        return Err(Fault::NotJson(e.valid_up_to()));
    }
    let guess = if like.is_some() { 0 } else { NONE };
    let mut scan = Scan { text, at: 0, nodes, open: Vec::with_capacity(16), like, run: Run::default(), guess };
    scan.nodes.clear();
    scan.document()?;
    Ok(Outline::new(text, scan.nodes))
}

/// A container that is not closed yet.
struct Open {
    node: u32,
    object: bool,
    /// Members or elements so far.
    count: u32,
    /// The first text's element or name that is likely to be met next, and the end of its siblings.
    guess: u32,
    guess_end: u32,
    /// The element that was guessed last.
    before: u32,
}

struct Scan<'t, 'l> {
    text: &'t [u8],
    at: usize,
    nodes: Vec<Node>,
    open: Vec<Open>,
    like: Option<&'l Outline<'l>>,
    run: Run,
    /// The first text's node that is likely to be equal to the value that comes now.
    guess: u32,
}

impl Scan<'_, '_> {
    fn document(&mut self) -> Result<(), Fault> {
        self.skip_space();
        loop {
            if self.value()? {
                self.begin_member()?;
            } else if self.behind()? {
                return Ok(());
            }
        }
    }

    /// The byte here; zero, which is wrong wherever this is asked, at the end.
    #[inline]
    fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    fn wrong<T>(&self) -> Result<T, Fault> {
        Err(Fault::NotJson(self.at))
    }

    #[inline]
    fn skip_space(&mut self) {
        // Mostly there is none.
        if self.peek() > b' ' {
            return;
        }
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
    }

    fn push(&mut self, start: usize, count: u32) -> Result<(), Fault> {
        if self.nodes.len() >= MAX_NODES {
            return Err(Fault::TooLarge);
        }
        let next = self.nodes.len() as u32 + 1;
        self.nodes.push(Node { start: start as u32, end: self.at as u32, next, count });
        Ok(())
    }

    /// Reads a value, or the beginning of a container that is not empty: then it says true.
    fn value(&mut self) -> Result<bool, Fault> {
        if let Some(open) = self.open.last_mut() {
            open.count += 1;
            if !open.object {
                self.guess_element();
            }
        }
        if self.guess != NONE && self.copy(self.guess)? {
            return Ok(false);
        }
        let start = self.at;
        match self.peek() {
            b'"' => self.string()?,
            b'{' => return self.open(true),
            b'[' => return self.open(false),
            b't' => self.literal(b"true")?,
            b'f' => self.literal(b"false")?,
            b'n' => self.literal(b"null")?,
            _ => {
                self.at = lexeme::number_end(self.text, start).map_err(Fault::NotJson)?;
                self.push(start, 0)?;
            }
        }
        Ok(false)
    }

    fn open(&mut self, object: bool) -> Result<bool, Fault> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Fault::TooDeep);
        }
        let start = self.at;
        self.at += 1;
        let node = self.nodes.len() as u32;
        self.push(start, 0)?;
        let (guess, guess_end) = match self.like {
            Some(like) if self.guess != NONE => {
                let same = like.bytes().get(like.node(self.guess).start as usize) == self.text.get(start);
                if same { (self.guess + 1, like.node(self.guess).next) } else { (NONE, 0) }
            }
            _ => (NONE, 0),
        };
        self.open.push(Open { node, object, count: 0, guess, guess_end, before: NONE });
        self.skip_space();
        let end = if object { b'}' } else { b']' };
        Ok(self.peek() != end)
    }

    /// Goes on behind a value, to the next one: closes what ends here, and takes a comma and a name. At the end of the
    /// document it says true.
    fn behind(&mut self) -> Result<bool, Fault> {
        loop {
            self.skip_space();
            let Some(open) = self.open.last() else {
                return if self.at == self.text.len() { Ok(true) } else { self.wrong() };
            };
            match (self.peek(), open.object) {
                (b',', _) => {
                    self.at += 1;
                    self.skip_space();
                    self.begin_member()?;
                    return Ok(false);
                }
                (b'}', true) | (b']', false) => self.close(),
                _ => return self.wrong(),
            }
        }
    }

    fn close(&mut self) {
        self.at += 1;
        let (next, end) = (self.nodes.len() as u32, self.at as u32);
        if let Some(open) = self.open.pop()
            && let Some(node) = self.nodes.get_mut(open.node as usize)
        {
            (node.next, node.end, node.count) = (next, end, open.count);
        }
    }

    /// In an object: a name and its colon. In an array nothing stands before a value.
    fn begin_member(&mut self) -> Result<(), Fault> {
        if !self.open.last().is_some_and(|open| open.object) {
            return Ok(());
        }
        if self.peek() != b'"' {
            return self.wrong();
        }
        if !self.copy_name()? {
            self.string()?;
        }
        self.skip_space();
        if self.peek() != b':' {
            return self.wrong();
        }
        self.at += 1;
        self.skip_space();
        Ok(())
    }

    /// Takes the name from the first text where it stands there as one of the next few, and its value as the guess.
    fn copy_name(&mut self) -> Result<bool, Fault> {
        self.guess = NONE;
        let (Some(like), Some(open)) = (self.like, self.open.last_mut()) else { return Ok(false) };
        let (mut name, end) = (open.guess, open.guess_end);
        for _ in 0..LOOK_AHEAD {
            if name >= end {
                return Ok(false);
            }
            let node = like.node(name);
            if self.run.covers(like.bytes(), node.start as usize, node.end as usize, self.text, self.at) {
                self.guess = name + 1;
                open.guess = like.node(name + 1).next;
                let start = self.at;
                self.at += (node.end - node.start) as usize;
                self.push(start, node.count)?;
                return Ok(true);
            }
            name = like.node(name + 1).next;
        }
        Ok(false)
    }

    /// The first text's element that is likely to be this one: the next of its array; else, if only one of those is
    /// written as this one is, the one before (this text has an element more) or the one behind (an element less).
    fn guess_element(&mut self) {
        self.guess = NONE;
        let (Some(like), Some(open)) = (self.like, self.open.last_mut()) else { return };
        let (next, before) = (open.guess, open.before);
        let mut chosen = if next < open.guess_end { next } else { before };
        if chosen == NONE {
            return;
        }
        let behind = like.node(chosen).next;
        for other in [chosen, before, behind] {
            if other == NONE || other >= open.guess_end {
                continue;
            }
            let node = like.node(other);
            if self.run.covers(like.bytes(), node.start as usize, node.end as usize, self.text, self.at) {
                chosen = other;
                break;
            }
        }
        (open.before, open.guess, self.guess) = (chosen, like.node(chosen).next, chosen);
    }

    /// Copies the nodes of the first text's value where this one's bytes are the same.
    fn copy(&mut self, guess: u32) -> Result<bool, Fault> {
        let Some(like) = self.like else { return Ok(false) };
        let node = like.node(guess);
        if !self.run.covers(like.bytes(), node.start as usize, node.end as usize, self.text, self.at) {
            return Ok(false);
        }
        let end = self.at + (node.end - node.start) as usize;
        let goes_on = matches!(self.text.get(end), Some(b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
        if goes_on && matches!(self.peek(), b'-' | b'0'..=b'9') {
            return Ok(false);
        }
        let subtree = like.subtree(guess);
        if self.nodes.len() + subtree.len() > MAX_NODES {
            return Err(Fault::TooLarge);
        }
        let shift = (self.at as u32).wrapping_sub(node.start);
        let further = (self.nodes.len() as u32).wrapping_sub(guess);
        self.nodes.extend(subtree.iter().map(|n| Node {
            start: n.start.wrapping_add(shift),
            end: n.end.wrapping_add(shift),
            next: n.next.wrapping_add(further),
            count: n.count,
        }));
        self.at = end;
        Ok(true)
    }

    fn string(&mut self) -> Result<(), Fault> {
        let start = self.at;
        let (end, escaped) = lexeme::string_end(self.text, start).map_err(Fault::NotJson)?;
        self.at = end;
        self.push(start, u32::from(escaped))
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), Fault> {
        let start = self.at;
        for byte in word {
            if self.peek() != *byte {
                return self.wrong();
            }
            self.at += 1;
        }
        self.push(start, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(text: &str, like: Option<&str>) -> Result<Vec<Node>, Fault> {
        let like = like.map(|like| outline(like.as_bytes(), None, Vec::new()).unwrap());
        outline(text.as_bytes(), like.as_ref(), Vec::new()).map(Outline::into_nodes)
    }

    #[test]
    fn a_text_read_beside_another_gives_the_nodes_that_it_gives_alone() {
        let texts = [
            r#"{"a":1,"b":[1,2,{"c":"x"}],"d":"\n"}"#,
            r#" {"a":12,"b":[1,2,{"c":"x"}],"d":"\n"}"#,
            r#"{"b":[1,2,{"c":"x"}],"new":true,"d":"\n","a":1}"#,
            r#"{"a":1,"b":[0,1,2,{"c":"x"}],"d":"\n","e":{}}"#,
            r#"{"a":1,"b":[1,2,{"c":"x"}, 3],"d":"\n "}"#,
            "[1,2]",
            "[1,25,[]]",
            "1",
            "12",
            "-1e5",
            "[[[1]]]",
            r#""abc""#,
        ];
        for text in texts {
            for like in texts {
                assert_eq!(nodes(text, Some(like)), nodes(text, None), "{text} beside {like}");
                for cut in 0..text.len() {
                    assert_eq!(nodes(&text[..cut], Some(like)), nodes(&text[..cut], None), "{text} cut beside {like}");
                }
            }
        }
    }

    #[test]
    fn depth_is_bounded_exactly() {
        let nested = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert!(nodes(&nested(MAX_DEPTH), None).is_ok());
        assert_eq!(nodes(&nested(MAX_DEPTH + 1), None), Err(Fault::TooDeep));
    }

    #[test]
    fn the_place_of_the_first_wrong_byte_is_told() {
        for (text, at) in
            [("", 0), ("[1,]", 3), ("{\"a\" 1}", 5), ("[01]", 2), ("\"a\tb\"", 2), ("1 2", 2), ("\u{feff}1", 0)]
        {
            assert_eq!(nodes(text, None), Err(Fault::NotJson(at)), "{text}");
        }
    }
}

//! The secrets of a JSON text, by the names of its members. The text may be cut or broken: it is read for what it can be.

use std::borrow::Cow;
use std::ops::Range;

use super::headers;
use super::redactor::Redactor;
use super::spans::Found;
use super::view::{Escapes, without_escapes};
use crate::exchange::Segment;

/// Deeper texts are not read as JSON here or elsewhere; from there on they are a secret.
const MAX_DEPTH: usize = 512;

/// What was read of a JSON text.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// Secrets by name and by place.
    pub(super) found: Vec<Found>,
    /// Where the insides of strings and the numbers stand, in order: only these may be replaced.
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, Copy)]
struct Token {
    start: usize,
    end: usize,
    number: bool,
}

/// An object or array that is being read.
struct Open {
    object: bool,
    /// Everything in it is a secret.
    secret: bool,
    /// In an object: a name comes next.
    expects_name: bool,
    index: usize,
    /// What the member that is being read is to the object.
    role: Role,
    /// The object is a pair of a name and a value, and the name says that the value is a secret.
    pair_is_secret: bool,
    /// A value that came before its name.
    early: Option<Token>,
}

/// What a member is in an object that spells a name and a value out: `{"name": "password", "value": "x"}`, as forms,
/// environments and HAR files have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Name,
    Value,
    Other,
}

impl Role {
    fn of(name: &str) -> Role {
        let is_one = |known: &[&str]| known.iter().any(|known| known.eq_ignore_ascii_case(name));
        if is_one(&["name", "key", "field", "header", "parameter"]) {
            Role::Name
        } else if is_one(&["value", "values", "val"]) {
            Role::Value
        } else {
            Role::Other
        }
    }
}

impl Open {
    fn new(object: bool, secret: bool) -> Open {
        let (expects_name, role) = (object, Role::Other);
        Open { object, secret, expects_name, index: 0, role, pair_is_secret: false, early: None }
    }
}

struct Reader<'a> {
    text: &'a [u8],
    redactor: &'a Redactor,
    open: Vec<Open>,
    path: Vec<Segment>,
    /// Whether the next value is a secret.
    secret: bool,
    read: Read,
}

/// Reads a text.
pub(super) fn read(text: &[u8], redactor: &Redactor) -> Read {
    let mut reader =
        Reader { text, redactor, open: Vec::new(), path: Vec::new(), secret: false, read: Read::default() };
    reader.secret = reader.is_secret_place();
    reader.run();
    reader.read
}

impl Read {
    /// Keeps of what a search of the whole text found that which lies in strings, and numbers as wholes, so that the text
    /// stays JSON.
    pub(super) fn inside(&self, found: Vec<Found>) -> Vec<Found> {
        let mut kept = Vec::with_capacity(found.len());
        for one in found {
            let first = self.tokens.partition_point(|token| token.end <= one.range.start);
            for token in self.tokens.get(first..).unwrap_or_default() {
                if token.start >= one.range.end {
                    break;
                }
                if token.number {
                    kept.push(Found { range: token.start..token.end, secret: None, number: true });
                } else if token.start <= one.range.start && one.range.end <= token.end {
                    kept.push(one.clone());
                } else {
                    kept.push(Found::plain(token.start.max(one.range.start)..token.end.min(one.range.end)));
                }
            }
        }
        kept
    }
}

impl Reader<'_> {
    fn run(&mut self) {
        let mut at = 0;
        while let Some(byte) = self.text.get(at) {
            match byte {
                b'{' | b'[' => {
                    if self.open.len() >= MAX_DEPTH {
                        self.read.found.push(Found::plain(at..self.text.len()));
                        self.read.tokens.push(Token { start: at, end: self.text.len(), number: false });
                        return;
                    }
                    let object = *byte == b'{';
                    self.open.push(Open::new(object, self.secret));
                    self.enter();
                    at += 1;
                }
                b'}' | b']' => {
                    if self.open.pop().is_some() {
                        self.path.pop();
                    }
                    self.secret = self.open.last().is_some_and(|open| open.secret);
                    at += 1;
                }
                b',' => {
                    self.next();
                    at += 1;
                }
                b'"' => at = self.string(at),
                b'-' | b'0'..=b'9' => at = self.number(at),
                _ => at += 1,
            }
        }
    }

    fn follows_paths(&self) -> bool {
        !self.redactor.paths.is_empty()
    }

    fn is_secret_place(&self) -> bool {
        self.redactor.paths.iter().any(|path| path.selects(&self.path).any())
    }

    /// Into an object or array that was just opened.
    fn enter(&mut self) {
        self.path.push(Segment::Index(0));
        if self.open.last().is_some_and(|open| !open.object) && self.follows_paths() {
            self.secret = self.secret || self.is_secret_place();
        }
    }

    /// To the next member or element.
    fn next(&mut self) {
        let Some(open) = self.open.last_mut() else { return };
        open.expects_name = open.object;
        open.index += 1;
        open.role = Role::Other;
        self.secret = open.secret;
        if !open.object {
            let index = open.index;
            if let Some(last) = self.path.last_mut() {
                *last = Segment::Index(index);
            }
            if self.follows_paths() {
                self.secret = self.secret || self.is_secret_place();
            }
        }
    }

    fn string(&mut self, quote: usize) -> usize {
        let start = quote + 1;
        let end = string_end(self.text, start);
        let inside = self.text.get(start..end).unwrap_or_default();
        self.read.tokens.push(Token { start, end, number: false });
        let is_name = self.open.last_mut().is_some_and(|open| std::mem::take(&mut open.expects_name));
        if is_name {
            let name = without_escapes(inside, Escapes::Backslash);
            let name = String::from_utf8_lossy(&name);
            let mut around = false;
            if let Some(open) = self.open.last_mut() {
                open.role = Role::of(&name);
                around = open.secret || (open.role == Role::Value && open.pair_is_secret);
            }
            self.secret = around || self.redactor.names.is_secret(&name);
            if self.follows_paths() {
                if let Some(last) = self.path.last_mut() {
                    *last = Segment::Key(name.into_owned());
                }
                self.secret = self.secret || self.is_secret_place();
            }
        } else if self.secret {
            self.found(start..end, inside);
        } else {
            self.pair(Token { start, end, number: false });
        }
        end + 1
    }

    /// A text or number that is no secret by where it is: perhaps it is a half of a pair whose name says that it is one.
    fn pair(&mut self, token: Token) {
        let inside = self.text.get(token.start..token.end).unwrap_or_default();
        let Some(open) = self.open.last_mut() else { return };
        match open.role {
            Role::Value => open.early = Some(token),
            Role::Name if !token.number && !open.pair_is_secret => {
                let name = without_escapes(inside, Escapes::Backslash);
                open.pair_is_secret = self.redactor.names.is_secret(&String::from_utf8_lossy(&name));
                let early = open.early.take_if(|_| open.pair_is_secret);
                match early {
                    Some(Token { start, end, number: true }) => {
                        self.read.found.push(Found { range: start..end, secret: None, number: true });
                    }
                    Some(Token { start, end, .. }) => {
                        self.found(start..end, self.text.get(start..end).unwrap_or_default());
                    }
                    None => {}
                }
            }
            _ => {}
        }
    }

    /// A string that is a secret, without the scheme of a credential.
    fn found(&mut self, range: Range<usize>, inside: &[u8]) {
        let found = match without_escapes(inside, Escapes::Backslash) {
            Cow::Borrowed(_) => Found::plain(headers::credential(self.text, range)),
            escaped => Found::meaning(self.text, range, headers::named(escaped)),
        };
        self.read.found.push(found);
    }

    fn number(&mut self, start: usize) -> usize {
        let rest = self.text.get(start..).unwrap_or_default();
        let in_number = |b: &u8| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E');
        let end = start + rest.iter().position(|b| !in_number(b)).unwrap_or(rest.len());
        self.read.tokens.push(Token { start, end, number: true });
        if self.secret {
            self.read.found.push(Found { range: start..end, secret: None, number: true });
        } else {
            self.pair(Token { start, end, number: true });
        }
        end
    }
}

/// Where a string ends whose inside begins at `at`; the end of the text where it does not.
fn string_end(text: &[u8], mut at: usize) -> usize {
    loop {
        let rest = text.get(at..).unwrap_or_default();
        match memchr::memchr2(b'"', b'\\', rest) {
            Some(next) if rest.get(next) == Some(&b'"') => return at + next,
            Some(next) => at += next + 2,
            None => return text.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;
    use crate::config::Redaction;
    use crate::redact::Key;

    fn secrets<'t>(text: &'t str, json: &[&str]) -> Vec<&'t str> {
        let redaction = Redaction { json: json.iter().map(|p| (*p).to_owned()).collect(), ..Redaction::default() };
        let key = Key::given(Some(OsStr::new("0123456789abcdef"))).unwrap();
        let redactor = Redactor::new(&redaction, key).unwrap();
        read(text.as_bytes(), &redactor).found.into_iter().map(|f| &text[f.range]).collect()
    }

    #[test]
    fn members_are_secrets_by_name_and_so_is_all_that_lies_in_them() {
        for (text, expected) in [
            (r#"{"a":"x","password":"p","b":["y"]}"#, &["p"][..]),
            (r#"{"token":{"a":"x","b":[1,true,null,"y"]},"c":"z"}"#, &["x", "1", "y"]),
            (r#"{"tokens":["x"],"api_key":["k","l"],"c":["z"]}"#, &["k", "l"]),
            (r#"[{"pin":1234},{"n":5}]"#, &["1234"]),
            (r#"{"authorization":"Bearer abc","d":1}"#, &["abc"]),
            (r#"{"p\u0061ssword":"x\"y","q":1}"#, &[r#"x\"y"#]),
            (r#"{"password":"never clo"#, &["never clo"]),
            (r#"{"password":"#, &[]),
            (r#"{"secret":true,"csrf":null}"#, &[]),
            ("\"password\"", &[]),
            (r#"["password","x"]"#, &[]),
            (r#"[{"name":"password","value":"p"},{"name":"size","value":"q"}]"#, &["p"]),
            (r#"[{"value":"p","Key":"DB_PASSWORD"},{"value":"q","key":"size"}]"#, &["p"]),
            (r#"{"name":"pin","value":1234,"a":"x"}"#, &["1234"]),
            (r#"{"value":1234,"name":"pin","a":"x"}"#, &["1234"]),
            (r#"{"name":"api_key","value":["p",{"a":"q"}],"b":"x"}"#, &["p", "q"]),
            (r#"{"name":"p\u0061ssword","value":"p"}"#, &["p"]),
            (r#"{"value":"x","a":{"name":"password"},"name":"n"}"#, &[]),
            (r#"{"name":{"key":"password","value":"p"},"value":"x"}"#, &["p"]),
        ] {
            assert_eq!(secrets(text, &[]), expected, "{text}");
        }
    }

    #[test]
    fn the_policy_names_places() {
        let text = r#"{"a":{"code":"x","n":[1,2]},"items":[{"k":"y"},{"k":"z"}]}"#;
        assert_eq!(secrets(text, &["$.a.code", "$.items[1]"]), ["x", "z"]);
        assert_eq!(secrets(text, &["$..k", "$.a.n[0]"]), ["1", "y", "z"]);
        assert_eq!(secrets(text, &["$.a"]), ["x", "1", "2"]);
    }

    #[test]
    fn too_deep_a_text_is_a_secret_from_there_on() {
        let text = "[".repeat(MAX_DEPTH + 2);
        assert_eq!(secrets(&text, &[]), ["[["]);
    }
}

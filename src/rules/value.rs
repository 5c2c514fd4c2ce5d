//! One side of a difference as a rule sees it.

use std::borrow::Cow;

/// A value at a place: of a JSON document, or a text (a header, a cookie, a line).
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A JSON number, as it was written.
    Number(Cow<'a, str>),
    /// A JSON string, unescaped.
    String(Cow<'a, str>),
    /// A JSON array or object, as it was written.
    Tree(&'a str),
    /// What has no JSON type.
    Text(Cow<'a, str>),
}

impl<'a> Value<'a> {
    /// Reads JSON text; None where it is none (a text that was cut, say).
    pub fn json(text: &'a str) -> Option<Value<'a>> {
        let text = text.trim();
        match text.as_bytes().first()? {
            b'n' => (text == "null").then_some(Value::Null),
            b't' => (text == "true").then_some(Value::Bool(true)),
            b'f' => (text == "false").then_some(Value::Bool(false)),
            b'"' => serde_json::from_str::<String>(text).ok().map(|s| Value::String(Cow::Owned(s))),
            b'[' | b'{' => Some(Value::Tree(text)),
            _ => serde_json::from_str::<serde_json::Number>(text).ok().map(|_| Value::Number(Cow::Borrowed(text))),
        }
    }

    /// Whether both have the same JSON type; two texts always do.
    pub fn same_type(&self, other: &Value<'_>) -> bool {
        match (self, other) {
            // Arrays and objects are two types.
            (Value::Tree(a), Value::Tree(b)) => a.as_bytes().first() == b.as_bytes().first(),
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }

    /// Its text: of a string the contents, of a number how it was written. None for the others, which have no
    /// text that could be normalised.
    pub fn text(&self) -> Option<&str> {
        match self {
            Value::Number(text) | Value::String(text) | Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a string or of a text place: what shapes of strings are asked of.
    pub fn string(&self) -> Option<&str> {
        match self {
            Value::String(text) | Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a JSON number, or of a text place, which has no types: what shapes of numbers are asked of.
    pub fn number(&self) -> Option<&str> {
        match self {
            Value::Number(text) | Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The same value with another text; what has no text stays as it is.
    pub fn with_text(self, change: impl FnOnce(&str) -> String) -> Value<'a> {
        match self {
            Value::Number(text) => Value::Number(Cow::Owned(change(&text))),
            Value::String(text) => Value::String(Cow::Owned(change(&text))),
            Value::Text(text) => Value::Text(Cow::Owned(change(&text))),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_text_is_read_by_its_type() {
        assert_eq!(Value::json(" null "), Some(Value::Null));
        assert_eq!(Value::json("1e400"), Some(Value::Number("1e400".into())));
        assert_eq!(Value::json("\"a\\u0062\""), Some(Value::String("ab".into())));
        assert_eq!(Value::json("[1"), Some(Value::Tree("[1")));
        for text in ["", "nul", "01", "\"a", "abc", "-"] {
            assert_eq!(Value::json(text), None, "{text}");
        }
    }

    #[test]
    fn types_are_those_of_json() {
        let same = |a, b| Value::json(a).unwrap().same_type(&Value::json(b).unwrap());
        assert!(same("1", "2.5") && same("true", "false") && same("[]", "[1]"));
        assert!(!same("1", "\"1\"") && !same("[]", "{}") && !same("null", "false"));
    }
}

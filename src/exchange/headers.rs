//! Header fields exactly as they were on the wire: order, case and repetition kept.

use bytes::Bytes;

/// One field's place in the section's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    name: (u32, u32),
    value: (u32, u32),
}

/// A header section. One shared buffer and a list of places in it, so that a head costs two allocations.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    bytes: Bytes,
    spans: Vec<Span>,
}

impl Headers {
    /// An empty section.
    pub fn new() -> Headers {
        Headers::default()
    }

    /// A section whose fields lie inside `head`, given as (name, value) byte ranges. Ranges outside of `head` are
    /// a mistake of the caller and come out as empty text.
    pub fn from_ranges(
        head: Bytes,
        ranges: impl IntoIterator<Item = (std::ops::Range<u32>, std::ops::Range<u32>)>,
    ) -> Headers {
        let spans = ranges.into_iter().map(|(n, v)| Span { name: (n.start, n.end), value: (v.start, v.end) }).collect();
        Headers { bytes: head, spans }
    }

    /// The fields in order: name as captured, value without surrounding white space.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.spans.iter().map(|s| (self.name(s), self.slice(s.value)))
    }

    /// The first field of that name, compared without regard to case.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.spans.iter().find(|s| self.is_named(s, name)).map(|s| self.slice(s.value))
    }

    /// Every field of that name, in order.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.spans.iter().filter(move |s| self.is_named(s, name)).map(|s| self.slice(s.value))
    }

    /// Adds a field at the end.
    pub fn push(&mut self, name: &str, value: &[u8]) {
        self.extend([(name, value)]);
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    fn is_named(&self, span: &Span, name: &str) -> bool {
        self.slice(span.name).eq_ignore_ascii_case(name.as_bytes())
    }

    fn name(&self, span: &Span) -> &str {
        std::str::from_utf8(self.slice(span.name)).unwrap_or("")
    }

    fn slice(&self, (start, end): (u32, u32)) -> &[u8] {
        self.bytes.get(start as usize..end as usize).unwrap_or(b"")
    }
}

impl<'a> Extend<(&'a str, &'a [u8])> for Headers {
    fn extend<I: IntoIterator<Item = (&'a str, &'a [u8])>>(&mut self, fields: I) {
        let mut bytes = self.bytes.to_vec();
        let mut append = |part: &[u8]| {
            let start = bytes.len() as u32;
            bytes.extend_from_slice(part);
            (start, bytes.len() as u32)
        };
        for (name, value) in fields {
            let span = Span { name: append(name.as_bytes()), value: append(value) };
            self.spans.push(span);
        }
        self.bytes = bytes.into();
    }
}

impl<'a> FromIterator<(&'a str, &'a [u8])> for Headers {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a [u8])>>(fields: I) -> Headers {
        let mut headers = Headers::new();
        headers.extend(fields);
        headers
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Headers) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Headers {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_without_regard_to_case_and_in_order() {
        let headers = Headers::from_iter([("Set-Cookie", &b"a=1"[..]), ("X", b""), ("set-cookie", b"b=2")]);
        assert_eq!(headers.get_all("SET-COOKIE").collect::<Vec<_>>(), [b"a=1", b"b=2"]);
        assert_eq!(headers.get("x"), Some(&b""[..]));
        assert_eq!(headers.get("y"), None);
    }

    #[test]
    fn equality_is_of_the_fields_not_of_the_buffer() {
        let head = Bytes::from_static(b"GET / HTTP/1.1\r\nA: b\r\n\r\n");
        assert_eq!(Headers::from_ranges(head, [(16..17, 19..20)]), Headers::from_iter([("A", &b"b"[..])]));
    }
}

//! The parts of a multipart body (RFC 7578) whose names say that they are secrets.

use std::ops::Range;

use memchr::memmem;

use super::names::Names;

/// Parts that are looked at.
const MAX_PARTS: usize = 1024;

/// The contents of the parts that are secrets.
pub(super) fn find(content_type: &[u8], body: &[u8], names: &Names) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let Some(boundary) = boundary(content_type) else { return found };
    let dashed = [b"--", &*boundary].concat();
    let starts: Vec<usize> = memmem::find_iter(body, &dashed).take(MAX_PARTS).collect();
    for (n, start) in starts.iter().enumerate() {
        let part = start + dashed.len()..starts.get(n + 1).copied().unwrap_or(body.len());
        let inside = body.get(part.clone()).unwrap_or_default();
        let Some((head, gap)) = [&b"\r\n\r\n"[..], b"\n\n"]
            .into_iter()
            .filter_map(|gap| memmem::find(inside, gap).map(|at| (at, gap.len())))
            .min()
        else {
            continue;
        };
        let named = name(inside.get(..head).unwrap_or_default()).is_some_and(|name| names.is_secret(&name));
        if named {
            let content = inside.get(head + gap..).unwrap_or_default();
            let content = content.strip_suffix(b"\n").unwrap_or(content);
            let content = content.strip_suffix(b"\r").unwrap_or(content);
            let start = part.start + head + gap;
            found.push(start..start + content.len());
        }
    }
    found
}

/// The `boundary` parameter (RFC 2046, section 5.1.1).
fn boundary(content_type: &[u8]) -> Option<Vec<u8>> {
    let lower = content_type.to_ascii_lowercase();
    if !lower.starts_with(b"multipart/") {
        return None;
    }
    parameter(content_type, b"boundary=").filter(|value| !value.is_empty())
}

/// The part's name: of `Content-Disposition: form-data; name="token"`, but not of its `filename`.
fn name(head: &[u8]) -> Option<String> {
    let line = head
        .split(|b| *b == b'\n')
        .find(|line| line.get(..20).is_some_and(|field| field.eq_ignore_ascii_case(b"content-disposition:")))?;
    parameter(line, b"name=").map(|name| String::from_utf8_lossy(&name).into_owned())
}

fn parameter(text: &[u8], key: &[u8]) -> Option<Vec<u8>> {
    let lower = text.to_ascii_lowercase();
    let begins =
        |at: &usize| at.checked_sub(1).and_then(|at| lower.get(at)).is_none_or(|b| matches!(b, b' ' | b';' | b'\t'));
    let at = memmem::find_iter(&lower, key).find(begins)?;
    let value = text.get(at + key.len()..)?;
    let value = match value.strip_prefix(b"\"") {
        Some(quoted) => quoted.split(|b| *b == b'"').next(),
        None => value.split(|b| matches!(b, b';' | b' ' | b'\r' | b'\n')).next(),
    };
    value.map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_by_their_names() {
        let body = b"--b1\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nhun\r\nter2\r\n\
            --b1\r\ncontent-disposition: form-data; filename=\"token\"; name=note\r\n\r\nplain\r\n\
            --b1\r\nContent-Type: text/plain\r\nContent-Disposition: form-data; name=api_key\r\n\r\nk\r\n--b1--\r\n";
        let found = |content_type: &str| -> Vec<&[u8]> {
            find(content_type.as_bytes(), body, &Names::default()).into_iter().map(|range| &body[range]).collect()
        };
        assert_eq!(found("multipart/form-data; boundary=b1"), [&b"hun\r\nter2"[..], b"k"]);
        assert_eq!(found("Multipart/Form-Data; charset=x; Boundary=\"b1\""), [&b"hun\r\nter2"[..], b"k"]);
        assert_eq!(found("multipart/form-data"), Vec::<&[u8]>::new());
        assert_eq!(found("text/plain; boundary=b1"), Vec::<&[u8]>::new());
    }

    #[test]
    fn a_body_that_is_cut_gives_what_is_there() {
        let body = b"--b\nContent-Disposition: form-data; name=\"pin\"\n\n12";
        let found = find(b"multipart/form-data; boundary=b", body, &Names::default());
        assert_eq!(found.into_iter().map(|range| &body[range]).collect::<Vec<_>>(), [b"12"]);
        assert!(find(b"multipart/form-data; boundary=b", b"--b", &Names::default()).is_empty());
    }
}

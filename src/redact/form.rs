//! Targets, queries and forms: pieces between separators, some of which are a name with a value.

use std::ops::Range;

use super::names::Names;
use super::shapes::is_opaque;
use super::spans::Found;
use super::view::without_percents;

/// The secrets of a request target or of another URL: by the names of its query, of its matrix parameters and of its
/// fragment, and opaque tokens wherever they stand.
pub(super) fn target(text: &[u8], names: &Names, found: &mut Vec<Found>) {
    for piece in pieces(text, b"/?&;#") {
        pair(text, piece, names, true, found);
    }
    // An authorization response (RFC 6749, section 4.1.2): whoever has its code has the session. Elsewhere a code is
    // that of a country or a voucher.
    let named = |name: &'static str| pieces(text, b"/?&;#").filter(move |piece| begins(text, piece, name));
    if named("state=").next().is_some() && !names.is_kept("code") {
        for piece in named("code=") {
            let value = piece.start + "code=".len()..piece.end;
            found.push(Found::meaning(text, value.clone(), without_percents(text.get(value).unwrap_or_default())));
        }
    }
}

fn begins(text: &[u8], piece: &Range<usize>, name: &str) -> bool {
    text.get(piece.clone()).is_some_and(|piece| piece.starts_with(name.as_bytes()))
}

/// The secrets of a form (application/x-www-form-urlencoded), by name.
pub(super) fn form(text: &[u8], names: &Names, found: &mut Vec<Found>) {
    for piece in pieces(text, b"&") {
        pair(text, piece, names, false, found);
    }
}

fn pieces<'t>(text: &'t [u8], separators: &'t [u8]) -> impl Iterator<Item = Range<usize>> + 't {
    let mut start = 0;
    text.split(|b| separators.contains(b)).map(move |piece| {
        let range = start..start + piece.len();
        start = range.end + 1;
        range
    })
}

fn pair(text: &[u8], piece: Range<usize>, names: &Names, opaque: bool, found: &mut Vec<Found>) {
    let part = text.get(piece.clone()).unwrap_or_default();
    let equals = memchr::memchr(b'=', part);
    let (name, value) = match equals {
        Some(at) => (part.get(..at).unwrap_or_default(), piece.start + at + 1..piece.end),
        None => (&b""[..], piece),
    };
    let name = without_percents(name);
    let meant = without_percents(text.get(value.clone()).unwrap_or_default());
    let secret = std::str::from_utf8(&name).is_ok_and(|name| names.is_secret(name));
    if secret || (opaque && (is_opaque(part) || is_opaque(&meant))) {
        found.push(Found::meaning(text, value, meant));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(read: fn(&[u8], &Names, &mut Vec<Found>), text: &str) -> Vec<(&str, String)> {
        let mut found = Vec::new();
        read(text.as_bytes(), &Names::default(), &mut found);
        let meant = |f: &Found| f.secret.as_deref().map_or("=".into(), |s| String::from_utf8_lossy(s).into_owned());
        found.iter().filter(|f| !f.range.is_empty()).map(|f| (&text[f.range.clone()], meant(f))).collect()
    }

    #[test]
    fn a_target_is_read_piece_by_piece() {
        let hex = "9f86d081884c7d659a2feaa0c55ad015";
        for (text, expected) in [
            ("/a?token=x%20y&q=1".to_owned(), vec![("x%20y", "x y".to_owned())]),
            (format!("/reset/{hex}/now?q={hex}#z"), vec![(hex, "=".into()), (hex, "=".into())]),
            ("/a;jsessionid=7F?b".into(), vec![("7F", "=".into())]),
            ("/cb#access_token=z&x=1".into(), vec![("z", "=".into())]),
            ("/a?user%5Bpassword%5D=p+w".into(), vec![("p+w", "p w".into())]),
            ("/a?token=&token".into(), vec![]),
            ("/cb?code=4%2F0&state=x".into(), vec![("4%2F0", "4/0".into())]),
            ("/countries?code=DE".into(), vec![]),
            ("/orders/f47ac10b-58cc-4372-a567-0e02b2c3d479?page=2".into(), vec![]),
        ] {
            assert_eq!(secrets(target, &text), expected, "{text}");
        }
    }

    #[test]
    fn a_form_has_names_only() {
        let hex = "9f86d081884c7d659a2feaa0c55ad015";
        assert_eq!(secrets(form, "password=a/b;c&d=e"), [("a/b;c", "=".to_owned())]);
        assert_eq!(secrets(form, &format!("etag={hex}")), []);
    }
}

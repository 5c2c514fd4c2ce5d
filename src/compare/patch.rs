//! The RFC 6902 patch that makes the candidate's document of the legacy's, for the few examples that are shown.
//!
//! This is for reading and for machines that know the format. It builds trees and aligns arrays by position only, so
//! it is never on the way of an exchange that is not shown, and never what differences are counted by.

use serde_json::Value;

use super::json::number_equal;

/// Bytes of either document; larger ones get no patch.
pub const MAX_DOCUMENT: usize = 256 << 10;
/// Bytes of a patch; operations past it are counted in its last line.
pub const MAX_PATCH: usize = 16 << 10;

/// The patch, an operation a line. None where a document is too large, is not JSON, or is deeper than serde_json reads.
/// Numbers of equal value are no operation, however they are written.
pub fn patch(legacy: &[u8], candidate: &[u8]) -> Option<String> {
    if legacy.len() > MAX_DOCUMENT || candidate.len() > MAX_DOCUMENT {
        return None;
    }
    let legacy: Value = serde_json::from_slice(legacy).ok()?;
    let mut candidate: Value = serde_json::from_slice(candidate).ok()?;
    adopt_spellings(&legacy, &mut candidate);
    let operations = json_patch::diff(&legacy, &candidate).0;
    let mut text = String::from("[");
    for (done, operation) in operations.iter().enumerate() {
        let line = serde_json::to_string(operation).ok()?;
        if text.len() + line.len() > MAX_PATCH {
            text.push_str(&format!("\n  … {} more operations", operations.len() - done));
            break;
        }
        text.push_str(if done == 0 { "\n  " } else { ",\n  " });
        text.push_str(&line);
    }
    text.push_str(if operations.is_empty() { "]" } else { "\n]" });
    Some(text)
}

/// Writes the candidate's numbers as the legacy does where they have the same value. As deep as the documents, which
/// serde_json bounds.
fn adopt_spellings(legacy: &Value, candidate: &mut Value) {
    match (legacy, candidate) {
        (Value::Number(a), Value::Number(b)) if number_equal(a.as_str().as_bytes(), b.as_str().as_bytes()) => {
            b.clone_from(a);
        }
        (Value::Array(a), Value::Array(b)) => a.iter().zip(b).for_each(|(a, b)| adopt_spellings(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            for (name, b) in b.iter_mut() {
                if let Some(a) = a.get(name) {
                    adopt_spellings(a, b);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(legacy: &str, candidate: &str) -> String {
        patch(legacy.as_bytes(), candidate.as_bytes()).unwrap()
    }

    #[test]
    fn a_patch_is_rfc_6902_with_the_numbers_of_the_wire() {
        assert_eq!(
            of(r#"{"a":1,"b":[1.0,2]}"#, r#"{"a":10000000000000000999,"b":[1,2,3.10]}"#),
            "[\n  {\"op\":\"replace\",\"path\":\"/a\",\"value\":10000000000000000999},\n  \
             {\"op\":\"add\",\"path\":\"/b/2\",\"value\":3.10}\n]"
        );
        assert_eq!(of(r#"{"a":1e2}"#, r#"{"a":100}"#), "[]");
    }

    #[test]
    fn a_patch_is_bounded_and_says_what_it_left_out() {
        let numbers = |from: usize| format!("{:?}", (from..from + 2000).collect::<Vec<_>>());
        let text = of(&numbers(0), &numbers(5000));
        assert!(text.len() < MAX_PATCH + 64);
        let shown = text.matches("\"op\"").count();
        assert!(text.ends_with(&format!("\n  … {} more operations\n]", 2000 - shown)));
        assert_eq!(patch(b"[", b"[]"), None);
        assert_eq!(patch(&b" ".repeat(MAX_DOCUMENT + 1), b"1"), None);
    }
}

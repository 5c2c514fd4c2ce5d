//! The JSON engine against other people's material: JSONTestSuite and json-patch-tests.

#![allow(clippy::unwrap_used)] // Helpers of tests.

use std::path::PathBuf;

use serde_json::Value;
use tapcompare::compare::json::{JsonDiff, JsonError, Plain, diff, validate};
use tapcompare::exchange::{DifferenceKind, pointer};

fn corpus(name: &str) -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpora");
    let root = std::env::var_os("TAPCOMPARE_CORPORA").map_or(PathBuf::from(beside), PathBuf::from);
    let found = root.join(name);
    if !found.is_dir() {
        eprintln!("skipped: {} is not there (set TAPCOMPARE_CORPORA)", found.display());
        return None;
    }
    Some(found)
}

/// The files of a folder whose names begin so, sorted.
fn files(folder: &str, prefix: &str) -> Vec<(String, Vec<u8>)> {
    let Some(folder) = corpus(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with(prefix) && name.ends_with(".json") {
            found.push((name, std::fs::read(path).unwrap()));
        }
    }
    found.sort();
    assert!(!found.is_empty(), "the corpus is there, but has no {prefix}*.json");
    found
}

fn spaced(text: &[u8]) -> Vec<u8> {
    [b" \r\n\t", text, b"\n "].concat()
}

fn compare(legacy: &[u8], candidate: &[u8]) -> Result<JsonDiff, JsonError> {
    diff(legacy, candidate, &Plain)
}

#[test]
fn what_must_be_accepted_equals_itself_by_bytes_and_by_reading() {
    for (name, text) in files("jsontestsuite/test_parsing", "y_") {
        assert_eq!(validate(&text), Ok(()), "{name}");
        assert_eq!(compare(&text, &text), Ok(JsonDiff::default()), "{name}");
        assert_eq!(compare(&text, &spaced(&text)), Ok(JsonDiff::default()), "{name}");
        assert_eq!(compare(&spaced(&text), &text), Ok(JsonDiff::default()), "{name}");
        assert!(!compare(&text, b"[{\"nothing\": \"like it\"}]").unwrap().is_empty(), "{name}");
    }
}

#[test]
fn what_must_be_rejected_is_rejected_on_either_side() {
    for (name, text) in files("jsontestsuite/test_parsing", "n_") {
        assert!(validate(&text).is_err(), "{name}");
        if name == "n_structure_100000_opening_arrays.json" || name == "n_structure_open_array_object.json" {
            assert_eq!(compare(&text, b"1"), Err(JsonError::TooDeep), "{name}");
            continue;
        }
        assert!(matches!(compare(&text, b"1"), Err(JsonError::LegacyNotJson { .. })), "{name}");
        assert!(matches!(compare(b"1", &text), Err(JsonError::CandidateNotJson { .. })), "{name}");
        assert_eq!(compare(&spaced(&text), &text), Err(JsonError::BothNotJson), "{name}");
    }
}

#[test]
fn what_is_left_open_is_decided_and_stays_so() {
    // Accepted: numbers of any size, escapes that are lone surrogates, 500 levels. Refused: what is not UTF-8, a BOM.
    let accepted = |name: &str| {
        name.starts_with("i_number_")
            || name == "i_structure_500_nested_arrays.json"
            || name.contains("surrogate") && name != "i_string_UTF8_surrogate_U+D800.json"
    };
    for (name, text) in files("jsontestsuite/test_parsing", "i_") {
        assert_eq!(validate(&text).is_ok(), accepted(&name), "{name}");
        assert_eq!(compare(&text, &spaced(&text)).is_ok(), accepted(&name), "{name}");
    }
}

#[test]
fn what_parsers_mix_up_is_told_apart() {
    let all = files("jsontestsuite/test_transform", "");
    let is_json = |name: &str| !name.starts_with("string_") || name.contains("escaped");
    for (name, text) in &all {
        assert_eq!(compare(text, &spaced(text)).is_ok(), is_json(name), "{name}");
        for (other_name, other) in all.iter().filter(|(other, _)| other != name && is_json(name) && is_json(other)) {
            let found = compare(text, other).unwrap();
            // The same two members in another order; their names differ only in Unicode normalisation.
            let same = name.starts_with("object_key_nf") && other_name.starts_with("object_key_nf");
            assert_eq!(found.is_empty(), same, "{name} and {other_name}");
            let numbers = name.starts_with("number_") && other_name.starts_with("number_");
            if numbers {
                assert_eq!(found.differences.len(), 1);
                assert_eq!(
                    (pointer(&found.differences[0].path), found.differences[0].kind),
                    ("/0".into(), DifferenceKind::Value)
                );
            }
        }
    }
    for (name, text) in all.iter().filter(|(name, _)| name.starts_with("object_same_key")) {
        let found = compare(text, br#"{"a":1}"#).unwrap();
        assert_eq!(
            (pointer(&found.differences[0].path), found.differences[0].kind),
            ("/a".into(), DifferenceKind::DuplicateKey),
            "{name}"
        );
    }
}

/// Every case of json-patch-tests that has a document and what is expected of it.
fn patch_cases() -> Vec<(String, Value, Value)> {
    let mut cases = Vec::new();
    let Some(folder) = corpus("json-patch-tests") else { return cases };
    for file in ["tests.json", "spec_tests.json"] {
        let records: Vec<Value> = serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap();
        for record in records {
            if let (Some(doc), Some(expected)) = (record.get("doc"), record.get("expected")) {
                cases.push((format!("{file}: {}", record["comment"]), doc.clone(), expected.clone()));
            }
        }
    }
    assert_eq!(cases.len(), 75);
    cases
}

#[test]
fn a_patch_makes_the_one_document_of_the_other() {
    for (name, doc, expected) in patch_cases() {
        let mut patched = doc.clone();
        json_patch::patch(&mut patched, &json_patch::diff(&doc, &expected)).unwrap();
        assert_eq!(patched, expected, "{name}");

        let shown =
            tapcompare::compare::patch::patch(doc.to_string().as_bytes(), expected.to_string().as_bytes()).unwrap();
        let mut patched = doc.clone();
        json_patch::patch(&mut patched, &serde_json::from_str::<json_patch::Patch>(&shown).unwrap()).unwrap();
        assert!(compare(patched.to_string().as_bytes(), expected.to_string().as_bytes()).unwrap().is_empty(), "{name}");
    }
}

#[test]
fn our_differences_are_none_exactly_where_the_documents_are_equal() {
    for (name, doc, expected) in patch_cases() {
        let found = compare(doc.to_string().as_bytes(), expected.to_string().as_bytes()).unwrap();
        assert_eq!(found.is_empty(), doc == expected, "{name}");
        let laid_out = serde_json::to_string_pretty(&doc).unwrap();
        assert!(compare(doc.to_string().as_bytes(), laid_out.as_bytes()).unwrap().is_empty(), "{name}");
    }
}

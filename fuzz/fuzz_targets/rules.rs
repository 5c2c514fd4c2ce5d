//! Any text as a rule file: rules, or one line that says what is wrong.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tapcompare::rules::RuleSet;

fuzz_target!(|text: &str| {
    let today = jiff::civil::date(2026, 11, 21);
    match RuleSet::parse("fuzz.yaml", text, today) {
        Ok(rules) => drop(rules.notes()),
        Err(error) => assert!(error.to_string().contains("fuzz.yaml")),
    }
});

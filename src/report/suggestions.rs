//! Suggested rules as a rule file that may be copied: the rules as they are, all that was seen as comments.

use serde::Serialize;

use super::SCHEMA_VERSION;
use super::escape::{visible, wrap};
use crate::suggest::{NotNoise, Shown, Suggestion, Suggestions};
use crate::verdict::words::{count, counted};

/// Columns of a comment.
const WIDE: usize = 100;
/// Columns of one side of an example.
const SIDE: usize = 60;

/// The whole as YAML: whatever stands in it besides rules is a comment, so that it can be read as a rule file.
pub(super) fn yaml(found: &Suggestions) -> String {
    let mut out = String::new();
    comment(&mut out, "", "", &headline(found));
    if found.rules.is_empty() {
        out.push_str("rules: []\n");
    } else {
        out.push_str("rules:\n");
    }
    for rule in &found.rules {
        out.push('\n');
        about(&mut out, rule);
        out.push_str(&rule.yaml);
    }
    if !found.not_noise.is_empty() {
        out.push('\n');
        comment(&mut out, "", "", "Not noise, or not known to be, and why; no rule is suggested:");
        found.not_noise.iter().for_each(|refused| refusal(&mut out, refused));
    }
    if found.more_groups > 0 {
        comment(
            &mut out,
            "",
            "",
            &format!("Not looked at: {} of differences.", counted(found.more_groups as u64, "further group")),
        );
    }
    out
}

/// As one object on one line.
pub(super) fn json(found: &Suggestions) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Versioned<'a> {
        schema_version: u32,
        #[serde(flatten)]
        found: &'a Suggestions,
    }
    serde_json::to_string(&Versioned { schema_version: SCHEMA_VERSION, found })
}

fn headline(found: &Suggestions) -> String {
    let rules = match found.rules.len() {
        0 => "No rule is suggested".to_owned(),
        1 => "1 rule is suggested, and not applied".to_owned(),
        n => format!("{n} rules are suggested, and not applied"),
    };
    let all = match found.rules.len() {
        0 => String::new(),
        _ => format!(
            " Under all of them {} of these mismatches would be matches.",
            count(found.matches_under_all as u64)
        ),
    };
    let old = match found.expired && !found.rules.is_empty() {
        true => format!(" The evidence is so old that they have expired on {} already.", found.expires),
        false => String::new(),
    };
    format!(
        "{rules}: from {} kept exchanges that were compared, {} of them mismatches.{all} Each rule hides what it speaks of: copy those that you can answer for.{old}",
        count(found.compared as u64),
        count(found.mismatched as u64)
    )
}

fn about(out: &mut String, rule: &Suggestion) {
    let endpoints: Vec<String> = rule.endpoints.iter().map(ToString::to_string).collect();
    let kinds: Vec<&str> = rule.kinds.iter().map(|kind| kind.as_str()).collect();
    let on = format!("{}, {} ({})", endpoints.join(", "), rule.at, kinds.join(", "));
    comment(out, "  ", "", &format!("{on}: looks like noise ({}).", rule.looks_like));
    comment(out, "  ", "", &format!("Seen: {}.", rule.seen));
    if let Some(run) = &rule.in_run {
        let (differences, exchanges) = (count(run.differences), count(run.exchanges));
        comment(out, "  ", "", &format!("In the whole run: {differences} differences in {exchanges} exchanges."));
    }
    examples(out, "  ", &rule.examples);
    let faults: Vec<String> = rule
        .faults
        .iter()
        .map(|(kind, put, noticed)| format!("{kind} {} of {}", count(*noticed as u64), count(*put as u64)))
        .collect();
    comment(
        out,
        "  ",
        "",
        &format!(
            "Proof: answers for {} differences in {} of {} compared exchanges, makes {} mismatches matches, and changes nothing else. Faults put there that still mismatch: {}.",
            count(rule.differences as u64),
            count(rule.exchanges as u64),
            count(rule.compared as u64),
            count(rule.matches as u64),
            faults.join(", ")
        ),
    );
    rule.doubts.iter().for_each(|doubt| comment(out, "  ", "", &format!("Doubt: {doubt}.")));
}

fn refusal(out: &mut String, refused: &NotNoise) {
    let name = &refused.name;
    let n = counted(refused.exchanges as u64, "kept exchange");
    comment(out, "", "- ", &format!("{}, {} ({}), in {n}: {}.", name.endpoint, name.place, name.kind, refused.why));
    examples(out, "", &refused.examples);
}

fn examples(out: &mut String, indent: &str, examples: &[Shown]) {
    let side = |side: &Option<String>| {
        side.as_deref().map_or("(nothing)".to_owned(), |text| super::escape::cut(&visible(text), SIDE))
    };
    for shown in examples {
        comment(
            out,
            indent,
            "  ",
            &format!("e.g. #{}: {} became {}", shown.sequence, side(&shown.legacy), side(&shown.candidate)),
        );
    }
}

/// One text in comment lines, those behind the first further in. What would end a line or steer a terminal is shown as an
/// escape.
fn comment(out: &mut String, indent: &str, mark: &str, text: &str) {
    for (at, line) in wrap(&visible(text), WIDE - indent.len() - mark.len() - 2).iter().enumerate() {
        let lead = if at == 0 { mark.to_owned() } else { " ".repeat(mark.len()) };
        out.push_str(&format!("{indent}# {lead}{line}\n"));
    }
}

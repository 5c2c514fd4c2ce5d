//! What the keys under `match` mean, alone and together.

use std::time::Duration;

use serde_saphyr::Spanned;

use super::compile::Source;
use super::decimal::{Decimal, Tolerance};
use super::error::RuleError;
use super::file::{OneOrMany, RawMatch};
use super::matching::{Arrays, Closeness, Match, Whitespace};
use super::place::Part;
use super::shape::Shape;

/// Checks and compiles the keys of one `match`.
pub(super) fn compile(source: &Source<'_>, written: &Spanned<RawMatch>, part: &Part) -> Result<Match, RuleError> {
    let raw = &written.value;
    let compiled = Match {
        whitespace: raw.whitespace.as_ref().map(|w| whitespace(source, w)).transpose()?,
        any_case: word(source, "case", raw.case.as_ref(), "insensitive")?,
        regex: raw.regex.as_ref().map(|r| source.regex("regex", r)).transpose()?,
        comparison: comparison(source, written)?,
        null_is_absent: yes(source, "null_is_absent", raw.null_is_absent.as_ref())?,
        arrays: arrays(source, written)?,
        lexeme: yes(source, "lexeme", raw.lexeme.as_ref())?,
    };
    check_together(source, written, &compiled, part)?;
    Ok(compiled)
}

fn check_together(
    source: &Source<'_>,
    written: &Spanned<RawMatch>,
    compiled: &Match,
    part: &Part,
) -> Result<(), RuleError> {
    let refuse = |why: &str, way_out: &str| Err(source.wrong(written, "match", why, way_out));
    let values = compiled.speaks_of_values();
    let of_documents = compiled.arrays.is_some() || compiled.lexeme || compiled.null_is_absent;
    if !values && !of_documents {
        return refuse(
            "it says nothing",
            "write one of type, shape, tolerance, skew, order, keyed, case, whitespace, regex, null_is_absent, lexeme",
        );
    }
    if compiled.arrays.is_some() && (values || compiled.lexeme || compiled.null_is_absent) {
        return refuse("order and keyed stand alone", "write a second rule for the values inside of the array");
    }
    if compiled.lexeme && (values || compiled.null_is_absent) {
        return refuse("lexeme stands alone: it makes differences and answers for none", "write a second rule");
    }
    let Part::Json(paths) = part else {
        return match of_documents {
            true => refuse("order, keyed, lexeme and null_is_absent are about JSON", "write 'at: {json: ...}'"),
            false => Ok(()),
        };
    };
    // These steer the walk through the documents, which happens before there is a tree to ask.
    if (compiled.arrays.is_some() || compiled.lexeme) && paths.iter().any(|path| path.query().is_some()) {
        let why = "order, keyed and lexeme need a path without filters, negative indexes and backward slices";
        return refuse(why, "write the path with names, indexes, '*' and '..'");
    }
    Ok(())
}

fn comparison(source: &Source<'_>, written: &Spanned<RawMatch>) -> Result<Option<Closeness>, RuleError> {
    let raw = &written.value;
    let mut found = Vec::new();
    if word(source, "type", raw.kind.as_ref(), "same")? {
        found.push(Closeness::SameType);
    }
    if let Some(shapes) = &raw.shape {
        found.push(shape(source, shapes)?);
    }
    if let Some(text) = &raw.tolerance {
        found.push(Closeness::Near(tolerance(source, text)?));
    }
    if let Some(text) = &raw.skew {
        found.push(Closeness::Skew(duration(source, text)?));
    }
    if found.len() > 1 {
        let way_out = "keep one of type, shape, tolerance and skew";
        return Err(source.wrong(written, "match", "it compares in more than one way", way_out));
    }
    Ok(found.pop())
}

fn shape(source: &Source<'_>, written: &Spanned<OneOrMany<String>>) -> Result<Closeness, RuleError> {
    let named = |name: &String| {
        Shape::named(name).ok_or_else(|| {
            let all: Vec<&str> = Shape::ALL.iter().map(|shape| shape.as_str()).collect();
            let way_out = format!("the shapes are {}", all.join(", "));
            source.wrong(written, format!("shape '{name}'"), "not a shape", way_out)
        })
    };
    match &written.value.0[..] {
        [both] => named(both).map(|shape| Closeness::Shapes(shape, shape)),
        [legacy, candidate] => Ok(Closeness::Shapes(named(legacy)?, named(candidate)?)),
        list => {
            let why = format!("a list of {}", list.len());
            let way_out = "write one shape for both sides, or [the legacy's, the candidate's]";
            Err(source.wrong(written, "shape", why, way_out))
        }
    }
}

fn tolerance(source: &Source<'_>, written: &Spanned<String>) -> Result<Tolerance, RuleError> {
    let number = |text: &str| Decimal::parse(text.trim()).filter(|n| !n.is_negative());
    let tolerance = match written.value.strip_suffix('%') {
        Some(percent) => number(percent).map(Tolerance::Percent),
        None => number(&written.value).map(Tolerance::Absolute),
    };
    tolerance.ok_or_else(|| {
        let what = format!("tolerance '{}'", written.value);
        source.wrong(written, what, "not a distance", "write a number as in 0.01, or a share of the legacy's as in 1%")
    })
}

fn duration(source: &Source<'_>, written: &Spanned<String>) -> Result<Duration, RuleError> {
    humantime::parse_duration(&written.value).map_err(|_| {
        let what = format!("skew '{}'", written.value);
        source.wrong(written, what, "not a duration", "write it with its unit, as in 500ms, 5s or 2m")
    })
}

fn arrays(source: &Source<'_>, written: &Spanned<RawMatch>) -> Result<Option<Arrays>, RuleError> {
    let raw = &written.value;
    let unordered = word(source, "order", raw.order.as_ref(), "unordered")?;
    match (unordered, &raw.keyed) {
        (false, None) => Ok(None),
        (true, None) => Ok(Some(Arrays::Unordered)),
        (false, Some(key)) if !key.value.is_empty() => Ok(Some(Arrays::Keyed(key.value.clone()))),
        (false, Some(key)) => Err(source.wrong(
            key,
            "keyed ''",
            "no member has an empty name here",
            "name the member, as in 'keyed: sku'",
        )),
        (true, Some(_)) => {
            let way_out = "keep keyed: elements are brought together by that member, wherever they stand";
            Err(source.wrong(written, "match", "order and keyed say the same twice", way_out))
        }
    }
}

fn whitespace(source: &Source<'_>, written: &Spanned<String>) -> Result<Whitespace, RuleError> {
    match &*written.value {
        "trim" => Ok(Whitespace::Trim),
        "collapse" => Ok(Whitespace::Collapse),
        "remove" => Ok(Whitespace::Remove),
        other => {
            let way_out = "write trim, collapse or remove";
            Err(source.wrong(written, format!("whitespace '{other}'"), "not a way to treat it", way_out))
        }
    }
}

/// A key that has one word to say.
fn word(source: &Source<'_>, key: &str, written: Option<&Spanned<String>>, only: &str) -> Result<bool, RuleError> {
    match written {
        None => Ok(false),
        Some(written) if written.value == only => Ok(true),
        Some(written) => {
            let what = format!("{key} '{}'", written.value);
            Err(source.wrong(
                written,
                what,
                "not an option of match",
                format!("write '{key}: {only}', or leave it out"),
            ))
        }
    }
}

/// A key that is there or not.
fn yes(source: &Source<'_>, key: &str, written: Option<&Spanned<bool>>) -> Result<bool, RuleError> {
    match written {
        None => Ok(false),
        Some(written) if written.value => Ok(true),
        Some(written) => {
            Err(source.wrong(written, format!("{key} 'false'"), "that is so without the key", "leave it out"))
        }
    }
}

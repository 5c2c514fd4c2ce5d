//! Faults in header fields, and in the attributes of cookies.

use crate::compare::Cookie;
use crate::exchange::{Location, Response};

use super::dice::{Dice, fnv};
use super::seed::{Edit, Made, pick};
use super::{FaultKind, fair, value};

/// One of the candidate's fields: its position, its name in lower case, and its value where it is text.
struct Field {
    at: usize,
    name: String,
    value: Option<String>,
}

/// Only fields, cookies and attributes that the reference has too: one that only the candidate has is no answer that could be
/// lost.
pub(super) fn faults(kind: FaultKind, candidate: &Response, reference: &Response, dice: &mut Dice) -> Vec<Made> {
    let fields: Vec<Field> = (candidate.headers.iter().enumerate())
        .filter(|(_, (name, _))| reference.headers.get(name).is_some())
        .map(|(at, (name, value))| Field {
            at,
            name: name.to_ascii_lowercase(),
            value: std::str::from_utf8(value).ok().map(str::to_owned),
        })
        .collect();
    match kind {
        FaultKind::HeaderLost => of_each(
            &fields,
            |field| fair::is_of_the_answer(&field.name),
            dice,
            |field| Some(Edit::WithoutHeader(field.at)),
        ),
        FaultKind::HeaderChanged => of_each(&fields, is_fair_to_be_another, dice, another),
        FaultKind::CookieAttributeLost | FaultKind::CookieAttributeChanged => {
            in_attributes(kind, &fields, reference, dice)
        }
        _ => Vec::new(),
    }
}

fn of_each(
    fields: &[Field],
    is_fair: impl Fn(&Field) -> bool,
    dice: &mut Dice,
    make: impl Fn(&Field) -> Option<Edit>,
) -> Vec<Made> {
    let fair: Vec<&Field> = fields.iter().filter(|field| is_fair(field)).collect();
    let groups: Vec<u64> = fair.iter().map(|field| fnv(0, field.name.as_bytes())).collect();
    pick(&groups, dice, |at, _| {
        let field = fair.get(at)?;
        Some((Location::Header(field.name.clone()), make(field)?))
    })
}

fn is_fair_to_be_another(field: &Field) -> bool {
    match (&*field.name, &field.value) {
        ("set-cookie", Some(value)) => fair::cookie_is_of_the_answer(Cookie::read(value).name),
        (name, _) => fair::value_is_of_the_answer(name),
    }
}

fn another(field: &Field) -> Option<Edit> {
    let old = field.value.as_ref()?;
    if field.name != "set-cookie" {
        return Some(Edit::Header(field.at, value::other_field(&field.name, old)));
    }
    // Without '=' the whole is the value.
    let end = old.find(';').unwrap_or(old.len());
    let begin = old.get(..end)?.find('=').map_or(0, |at| at + 1);
    let (name, value, attributes) = (old.get(..begin)?, old.get(begin..end)?, old.get(end..)?);
    Some(Edit::Header(field.at, format!("{name}{}{attributes}", value::off_by_one(value))))
}

/// The parts of a `Set-Cookie` field behind its first, each by itself.
fn in_attributes(kind: FaultKind, fields: &[Field], reference: &Response, dice: &mut Dice) -> Vec<Made> {
    let theirs: Vec<_> =
        reference.headers.get_all("set-cookie").map(|value| String::from_utf8_lossy(value).into_owned()).collect();
    let theirs: Vec<Cookie<'_>> = theirs.iter().map(|field| Cookie::read(field)).collect();
    let mut places: Vec<(&Field, &str, usize, String)> = Vec::new();
    let cookies = fields.iter().filter(|field| field.name == "set-cookie");
    for (field, value) in cookies.filter_map(|field| Some((field, field.value.as_deref()?))) {
        let name = Cookie::read(value).name;
        let named = |part: &str| part.split('=').next().unwrap_or(part).trim().to_ascii_lowercase();
        for (nth, part) in value.split(';').enumerate().skip(1) {
            let attribute = named(part);
            let there = |cookie: &Cookie<'_>| cookie.name == name && cookie.attribute(&attribute).is_some();
            // Of one that is repeated the last counts, and the others are nothing that could be lost.
            let once = value.split(';').skip(1).filter(|other| named(other) == attribute).count() == 1;
            if once && !part.trim().is_empty() && theirs.iter().any(there) {
                places.push((field, value, nth, attribute));
            }
        }
    }
    let group = |(_, value, _, attribute): &(&Field, &str, usize, String)| {
        fnv(fnv(0, Cookie::read(value).name.as_bytes()), attribute.as_bytes())
    };
    let groups: Vec<u64> = places.iter().map(group).collect();
    pick(&groups, dice, |at, _| {
        let (field, value, nth, attribute) = places.get(at)?;
        let mut parts: Vec<String> = value.split(';').map(str::to_owned).collect();
        if kind == FaultKind::CookieAttributeLost {
            parts.remove(*nth);
        } else {
            let part = parts.get_mut(*nth)?;
            let (name, old) = part.split_once('=').filter(|_| fair::attribute_is_of_the_answer(attribute))?;
            *part = format!("{name}={}", value::other_attribute(attribute, old.trim()));
        }
        Some((Location::Header(field.name.clone()), Edit::Header(field.at, parts.join(";"))))
    })
}

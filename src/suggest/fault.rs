//! Faults of another type, shape or value put where a rule is to speak, to see that it does not hide them.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::answers::{at, canonical, responses, tree};
use super::noise::Says;
use super::place::{Spot, visit};
use crate::compare::Comparer;
use crate::exchange::{Body, Difference, DifferenceKind, Fate, Headers, Location, Observation, Response, Segment};
use crate::rules::Shape;

/// Answers of one group into which faults are put.
pub(super) const MAX_TRIED: usize = 20;

crate::exchange::reasons! {
    /// In what way a fault is wrong.
    FaultKind {
        /// Another JSON type.
        Type = "type",
        /// The same type, another shape.
        Shape = "shape",
        /// The same type and shape, a value too far away.
        Value = "value",
        /// Nothing there.
        Absence = "absence",
        /// An array without one of its elements.
        Lost = "lost-element",
        /// An array with one of its elements twice.
        Doubled = "doubled-element",
    }
}

/// How many faults were put, and how many of them are mismatches under the rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Faults(BTreeMap<FaultKind, (usize, usize)>);

impl Faults {
    /// Faults put.
    pub fn put(&self) -> usize {
        self.0.values().map(|(put, _)| put).sum()
    }

    /// Those that are mismatches.
    pub fn noticed(&self) -> usize {
        self.0.values().map(|(_, noticed)| noticed).sum()
    }

    /// By kind: put, noticed.
    pub fn kinds(&self) -> impl Iterator<Item = (FaultKind, usize, usize)> + '_ {
        self.0.iter().map(|(kind, (put, noticed))| (*kind, *put, *noticed))
    }

    /// A kind of which one was hidden.
    pub(super) fn worst(&self) -> Option<FaultKind> {
        self.kinds().find(|(_, put, noticed)| noticed < put).map(|(kind, ..)| kind)
    }

    fn count(&mut self, kind: FaultKind, noticed: bool) {
        let (put, seen) = self.0.entry(kind).or_default();
        *put += 1;
        *seen += usize::from(noticed);
    }
}

/// What stands in the place of the candidate's value; None: nothing.
type Fault = (FaultKind, Option<Value>);

/// Puts every fault that the rule must not hide where the difference is, one at a time.
pub(super) fn put(
    spot: &Spot,
    says: &Says,
    difference: &Difference,
    observation: &Observation,
    comparer: &Comparer,
    faults: &mut Faults,
) {
    let (_, Some(candidate)) = responses(observation) else { return };
    match (spot, &difference.at) {
        (Spot::Json(steps), Location::Json(path)) => {
            let Some(document) = tree(candidate) else { return };
            let Some((path, value)) = place(&document, steps, path, difference) else { return };
            let plain = |document: &Value| observed(observation, plain(candidate, document));
            let base = unanswered(comparer, &plain(&document));
            for (kind, fault) in of_json(says, value.as_ref()) {
                if let Some(wrong) = changed(&document, &path, fault) {
                    faults.count(kind, is_noticed(comparer, &base, &plain(&wrong)));
                }
            }
        }
        (Spot::Header(_) | Spot::Cookie(_, None), Location::Header(field)) => {
            let base = unanswered(comparer, observation);
            let cookie = match spot {
                Spot::Cookie(name, _) => Some(name.as_str()),
                _ => None,
            };
            for (kind, fault) in of_text(says) {
                let headers = with_field(&candidate.headers, field, cookie, fault);
                let wrong = observed(observation, Response { headers, ..candidate.clone() });
                faults.count(kind, is_noticed(comparer, &base, &wrong));
            }
        }
        _ => {}
    }
}

/// Where the candidate has the value of the difference, or where it would have it.
fn place(
    document: &Value,
    steps: &[super::place::Step],
    path: &[Segment],
    difference: &Difference,
) -> Option<(Vec<Segment>, Option<Value>)> {
    if difference.kind == DifferenceKind::Missing {
        return Some((path.to_vec(), None));
    }
    let wanted: Value = serde_json::from_str(difference.candidate.as_deref()?).unwrap_or_default();
    let wanted = canonical(&wanted);
    let mut found =
        at(document, path).filter(|value| canonical(value) == wanted).map(|value| (path.to_vec(), value.clone()));
    if found.is_none() && difference.kind == DifferenceKind::Order {
        // The text of an array may be cut; an array as such is where it is.
        found = at(document, path).filter(|value| value.is_array()).map(|value| (path.to_vec(), value.clone()));
    }
    visit(document, steps, &mut |path, value| {
        if found.is_none() && canonical(value) == wanted {
            found = Some((path.to_vec(), value.clone()));
        }
    });
    found.map(|(path, value)| (path, Some(value)))
}

fn of_json(says: &Says, value: Option<&Value>) -> Vec<Fault> {
    use FaultKind as Kind;
    let is_number = value.is_some_and(Value::is_number);
    let other_type = if is_number { json!("x") } else { json!(7) };
    let mut faults = vec![(Kind::Type, Some(other_type)), (Kind::Type, Some(json!({}))), (Kind::Absence, None)];
    match says {
        Says::Shapes(_, Shape::Text) => faults.push((Kind::Shape, Some(json!("")))),
        Says::Shapes(..) if is_number => faults.push((Kind::Shape, Some(json!(0.5)))),
        Says::Shapes(..) | Says::Regex(_) => faults.push((Kind::Shape, Some(json!("no such shape")))),
        Says::Skew(_) if is_number => {
            let far = if value.and_then(Value::as_f64).is_some_and(|n| n > 1e11) {
                json!(1_000_000_000_001_u64)
            } else {
                json!(1_000_000_001)
            };
            faults.extend([(Kind::Value, Some(far)), (Kind::Shape, Some(json!(0.5)))]);
        }
        Says::Skew(_) => {
            faults.extend([(Kind::Value, Some(json!(far_away(value)))), (Kind::Shape, Some(json!("soon")))])
        }
        Says::Tolerance(_) => {
            let number = value.and_then(|v| v.as_f64().or_else(|| v.as_str()?.parse().ok())).unwrap_or(0.0);
            let far = number * 2.0 + 1_000.0;
            faults.push((Kind::Value, Some(if is_number { json!(far) } else { json!(far.to_string()) })));
        }
        Says::Spelling(..) => faults.push((Kind::Value, Some(json!("another text")))),
        Says::Unordered | Says::Keyed(_) => {
            let elements = value.and_then(Value::as_array).cloned().unwrap_or_default();
            let mut doubled = elements.clone();
            doubled.extend(elements.last().cloned());
            let fewer = elements.iter().skip(1).cloned().collect::<Vec<_>>();
            let mut typed = elements;
            typed.truncate(typed.len().saturating_sub(1));
            typed.push(json!([false]));
            faults.extend([
                (Kind::Lost, Some(fewer.into())),
                (Kind::Doubled, Some(doubled.into())),
                (Kind::Type, Some(typed.into())),
            ]);
        }
        Says::NullIsAbsent => {
            return vec![(Kind::Type, Some(json!(7))), (Kind::Type, Some(json!("x"))), (Kind::Type, Some(json!({})))];
        }
    }
    faults
}

/// A time of the same form, decades ago.
fn far_away(value: Option<&Value>) -> &'static str {
    match value.and_then(Value::as_str) {
        Some(text) if text.contains("GMT") => "Fri, 31 Dec 1999 23:59:59 GMT",
        Some(text) if text.len() == 10 => "1999-12-31",
        _ => "1999-12-31T23:59:59Z",
    }
}

fn of_text(says: &Says) -> Vec<(FaultKind, Option<&'static str>)> {
    use FaultKind as Kind;
    let mut faults = vec![(Kind::Absence, None)];
    match says {
        Says::Shapes(_, Shape::Text) => faults.push((Kind::Shape, Some(""))),
        Says::Skew(_) => {
            faults.extend([(Kind::Shape, Some("soon")), (Kind::Value, Some("Fri, 31 Dec 1999 23:59:59 GMT"))]);
        }
        Says::Tolerance(_) => faults.extend([(Kind::Shape, Some("much")), (Kind::Value, Some("1234567890123"))]),
        Says::Spelling(..) => faults.push((Kind::Value, Some("another text"))),
        _ => faults.push((Kind::Shape, Some("no such shape"))),
    }
    faults
}

/// The document with another value at a path, or none; None where there is no such place.
fn changed(document: &Value, path: &[Segment], fault: Option<Value>) -> Option<Value> {
    let mut changed = document.clone();
    let Some((last, parents)) = path.split_last() else { return fault };
    let parent = parents.iter().try_fold(&mut changed, |value, segment| match segment {
        Segment::Key(name) => value.as_object_mut()?.get_mut(name),
        Segment::Index(index) => value.as_array_mut()?.get_mut(*index),
    })?;
    match (last, parent, fault) {
        (Segment::Key(name), Value::Object(members), Some(value)) => drop(members.insert(name.clone(), value)),
        (Segment::Key(name), Value::Object(members), None) => drop(members.shift_remove(name)?),
        (Segment::Index(index), Value::Array(elements), Some(value)) => *elements.get_mut(*index)? = value,
        (Segment::Index(index), Value::Array(elements), None) if *index < elements.len() => {
            drop(elements.remove(*index))
        }
        _ => return None,
    }
    Some(changed)
}

/// The answer with this document, as plain text.
fn plain(response: &Response, document: &Value) -> Response {
    let fields = response.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-encoding"));
    Response { headers: fields.collect(), body: Body::whole(document.to_string()), ..response.clone() }
}

fn with_field(headers: &Headers, field: &str, cookie: Option<&str>, fault: Option<&str>) -> Headers {
    let mut changed = Headers::new();
    for (name, value) in headers.iter() {
        let text = String::from_utf8_lossy(value);
        let (pair, attributes) = text.split_once(';').map_or((&*text, ""), |(pair, rest)| (pair, rest));
        let is_meant = name.eq_ignore_ascii_case(field)
            && cookie.is_none_or(|cookie| pair.split_once('=').is_some_and(|(name, _)| name.trim() == cookie));
        match (is_meant, fault, cookie) {
            (false, ..) => changed.push(name, value),
            (true, None, _) => {}
            (true, Some(fault), None) => changed.push(name, fault.as_bytes()),
            (true, Some(fault), Some(cookie)) => {
                changed.push(name, format!("{cookie}={fault};{attributes}").as_bytes())
            }
        }
    }
    changed
}

fn observed(observation: &Observation, candidate: Response) -> Observation {
    let mut observed = observation.clone();
    if let Fate::Asked(asked) = &mut observed.fate
        && let Ok(answer) = &mut asked.candidate
    {
        answer.response = candidate;
    }
    observed
}

fn unanswered(comparer: &Comparer, observation: &Observation) -> Vec<Difference> {
    comparer.compare(observation).differences.into_iter().filter(|difference| difference.rule.is_none()).collect()
}

/// Whether there is an unanswered difference that was not there without the fault.
fn is_noticed(comparer: &Comparer, base: &[Difference], wrong: &Observation) -> bool {
    unanswered(comparer, wrong).iter().any(|difference| !base.contains(difference))
}

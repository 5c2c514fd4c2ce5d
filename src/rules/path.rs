//! JSONPath (RFC 9535) over the place of a difference, so that no tree is needed to ask whether a rule means it.
//!
//! A path of names, indexes, wildcards, forward slices and descendants says of a place by itself whether it is
//! selected. Filters, negative indexes and backward slices need the document; those are left to
//! [`super::documents`].

use jsonpath_rust::parser::model::{Filter, FilterAtom, JpQuery, Segment as Step, Selector, Test};
use jsonpath_rust::parser::parse_json_path;

use crate::exchange::Segment;

mod cover;

/// Steps that one path may have: the states of the matcher are the bits of one word.
pub const MAX_STEPS: usize = 63;
/// Bytes that one path may have.
pub const MAX_PATH_BYTES: usize = 1000;
/// `..` steps that a path with filters may have. Each multiplies the nodes to look at, and the document is hostile.
pub const MAX_EVALUATED_DESCENTS: usize = 1;

/// Why a text is no path for a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Not RFC 9535.
    #[error("not a JSONPath (RFC 9535): {0}")]
    Syntax(String),
    /// Past one of the limits of this module.
    #[error("{0}")]
    Limit(String),
}

/// How a path relates to a place in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Selected {
    /// The path selects the place itself.
    pub exactly: bool,
    /// The path selects something that the place lies inside of.
    pub inside: bool,
}

impl Selected {
    /// Whether a rule on the path has anything to say about the place.
    pub fn any(self) -> bool {
        self.exactly || self.inside
    }

    /// What two paths say together.
    pub fn or(self, other: Selected) -> Selected {
        Selected { exactly: self.exactly || other.exactly, inside: self.inside || other.inside }
    }
}

/// A checked path.
#[derive(Debug, Clone)]
pub struct JsonPath {
    text: String,
    form: Form,
}

#[derive(Debug, Clone)]
enum Form {
    /// Decided by the place alone.
    Steps(Vec<Compiled>),
    /// Decided by looking at the document; with the number of `..` steps.
    Query(JpQuery, usize),
}

#[derive(Debug, Clone)]
struct Compiled {
    /// `..`: any number of segments may come before.
    descend: bool,
    selectors: Vec<Choice>,
}

#[derive(Debug, Clone)]
enum Choice {
    Name(String),
    Index(usize),
    Any,
    Slice { start: usize, end: Option<usize>, step: usize },
}

impl JsonPath {
    /// Reads a path.
    ///
    /// # Errors
    ///
    /// [`PathError`] where the text is not RFC 9535 or passes a limit.
    pub fn parse(text: &str) -> Result<JsonPath, PathError> {
        if text.len() > MAX_PATH_BYTES {
            return Err(PathError::Limit(format!(
                "a path may have {MAX_PATH_BYTES} bytes, this one has {}",
                text.len()
            )));
        }
        let query = parse_json_path(text).map_err(|e| PathError::Syntax(first_cause(&e)))?;
        if let Some(column) = blank_in_a_name(text) {
            return Err(PathError::Syntax(format!("a blank inside a name at column {column}; write ['the name']")));
        }
        if query.segments.len() > MAX_STEPS {
            let n = query.segments.len();
            return Err(PathError::Limit(format!("a path may have {MAX_STEPS} steps, this one has {n}")));
        }
        let steps: Option<Vec<Compiled>> = query.segments.iter().map(compile).collect();
        let form = match steps {
            Some(steps) => Form::Steps(steps),
            None => {
                let descents = descents(&query.segments);
                if descents > MAX_EVALUATED_DESCENTS {
                    return Err(PathError::Limit(format!(
                        "a path with filters or negative indexes may have {MAX_EVALUATED_DESCENTS} '..', this one has {descents}"
                    )));
                }
                Form::Query(query, descents)
            }
        };
        Ok(JsonPath { text: text.to_owned(), form })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The query to evaluate, where the place alone does not decide.
    pub fn query(&self) -> Option<&JpQuery> {
        match &self.form {
            Form::Query(query, _) => Some(query),
            Form::Steps(_) => None,
        }
    }

    /// Whether evaluating it visits every value of a document.
    pub fn visits_everything(&self) -> bool {
        matches!(self.form, Form::Query(_, 1..))
    }

    /// Whether it goes by names alone, `is_name` each, and by no positions and values: places that differ only in the
    /// positions in them are selected together, or not at all.
    pub fn goes_by_names(&self, is_name: impl Fn(&str) -> bool) -> bool {
        let Form::Steps(steps) = &self.form else { return false };
        steps.iter().flat_map(|step| &step.selectors).all(|choice| match choice {
            Choice::Any => true,
            Choice::Name(name) => is_name(name),
            Choice::Index(_) | Choice::Slice { .. } => false,
        })
    }

    /// How the path relates to a place; nothing where only the document can tell (see [`JsonPath::query`]).
    pub fn selects(&self, place: &[Segment]) -> Selected {
        let Form::Steps(steps) = &self.form else { return Selected::default() };
        let goal = 1u64 << steps.len();
        let mut states = 1u64;
        let mut selected = Selected::default();
        for segment in place {
            if states & goal != 0 {
                selected.inside = true;
            }
            states = advance(steps, states, segment);
            if states == 0 {
                return selected;
            }
        }
        selected.exactly = states & goal != 0;
        selected
    }
}

/// One segment further: the set of steps that may come next, as bits.
fn advance(steps: &[Compiled], states: u64, segment: &Segment) -> u64 {
    let mut next = 0;
    for (i, step) in steps.iter().enumerate() {
        if states & (1 << i) == 0 {
            continue;
        }
        if step.descend {
            next |= 1 << i;
        }
        if step.selectors.iter().any(|choice| choice.takes(segment)) {
            next |= 1 << (i + 1);
        }
    }
    next
}

impl Choice {
    fn takes(&self, segment: &Segment) -> bool {
        match (self, segment) {
            (Choice::Any, _) => true,
            (Choice::Name(name), Segment::Key(key)) => name == key,
            (Choice::Index(index), Segment::Index(at)) => index == at,
            (Choice::Slice { start, end, step }, Segment::Index(at)) => {
                *at >= *start && end.is_none_or(|end| *at < end) && (at - start).is_multiple_of(*step)
            }
            _ => false,
        }
    }
}

fn compile(step: &Step) -> Option<Compiled> {
    match step {
        Step::Descendant(inner) => Some(Compiled { descend: true, ..compile(inner)? }),
        Step::Selector(selector) => Some(Compiled { descend: false, selectors: vec![choice(selector)?] }),
        Step::Selectors(selectors) => {
            Some(Compiled { descend: false, selectors: selectors.iter().map(choice).collect::<Option<_>>()? })
        }
    }
}

fn choice(selector: &Selector) -> Option<Choice> {
    match selector {
        Selector::Name(name) => Some(Choice::Name(name.clone())),
        Selector::Wildcard => Some(Choice::Any),
        Selector::Index(index) => usize::try_from(*index).ok().map(Choice::Index),
        Selector::Slice(start, end, step) => {
            // A step of zero selects nothing and a negative one counts from the end: both go by the document.
            let step = usize::try_from(step.unwrap_or(1)).ok().filter(|step| *step > 0)?;
            let start = usize::try_from(start.unwrap_or(0)).ok()?;
            let end = match end {
                Some(end) => Some(usize::try_from(*end).ok()?),
                None => None,
            };
            Some(Choice::Slice { start, end, step })
        }
        Selector::Filter(_) => None,
    }
}

/// The parser reads `$.a b` as one name with a blank in it, which RFC 9535 (section 2.5.1.1) does not: a blank
/// outside of brackets may only stand before the next segment. Gives its column, from 1.
fn blank_in_a_name(text: &str) -> Option<usize> {
    let (mut depth, mut quote, mut blank) = (0usize, None, None);
    let mut chars = text.chars().enumerate();
    while let Some((at, c)) = chars.next() {
        match (quote, c) {
            (Some(_), '\\') => drop(chars.next()),
            (Some(q), c) if q == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '[') => depth += 1,
            (None, ']') => depth = depth.saturating_sub(1),
            (None, ' ' | '\t' | '\r' | '\n') if depth == 0 => {
                blank = blank.or(Some(at + 1));
                continue;
            }
            (None, c) if depth == 0 && c != '.' && blank.is_some() => return blank,
            _ => {}
        }
        blank = None;
    }
    None
}

/// `..` steps, those inside of filters included.
fn descents(steps: &[Step]) -> usize {
    steps.iter().map(|step| descents_of(step, 0)).sum()
}

fn descents_of(step: &Step, sum: usize) -> usize {
    let of = |selector: &Selector| match selector {
        Selector::Filter(filter) => descents_in(filter),
        _ => 0,
    };
    sum + match step {
        Step::Descendant(inner) => descents_of(inner, 1),
        Step::Selector(selector) => of(selector),
        Step::Selectors(selectors) => selectors.iter().map(of).sum(),
    }
}

fn descents_in(filter: &Filter) -> usize {
    match filter {
        Filter::Or(all) | Filter::And(all) => all.iter().map(descents_in).sum(),
        Filter::Atom(FilterAtom::Filter { expr, .. }) => descents_in(expr),
        Filter::Atom(FilterAtom::Test { expr, .. }) => match &**expr {
            Test::RelQuery(steps) => descents(steps),
            Test::AbsQuery(query) => descents(&query.segments),
            // Arguments of functions are not looked into; a function counts as one descent.
            Test::Function(_) => 1,
        },
        Filter::Atom(FilterAtom::Comparison(_)) => 0,
    }
}

/// The parser's message is a drawing of several lines; an error of ours is one line.
fn first_cause(error: &jsonpath_rust::parser::errors::JsonPathError) -> String {
    use jsonpath_rust::parser::errors::JsonPathError::PestError;
    match error {
        PestError(_) => {
            let drawing = error.to_string();
            let column = drawing.lines().find_map(|line| line.trim_start().strip_prefix("--> 1:")).unwrap_or("1");
            format!("it goes wrong at column {}", column.trim())
        }
        other => other.to_string().lines().next().unwrap_or("").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use jsonpath_rust::query::js_path_process;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn place(pointer: &str) -> Vec<Segment> {
        let segment = |s: &str| s.parse().map(Segment::Index).unwrap_or_else(|_| Segment::Key(s.to_owned()));
        pointer.split('/').skip(1).map(segment).collect()
    }

    fn selected(path: &str, at: &str) -> (bool, bool) {
        let s = JsonPath::parse(path).unwrap().selects(&place(at));
        (s.exactly, s.inside)
    }

    #[test]
    fn a_path_selects_places_and_what_lies_inside_of_them() {
        for (path, at, expected) in [
            ("$", "", (true, false)),
            ("$", "/a", (false, true)),
            ("$.meta", "/meta", (true, false)),
            ("$.meta", "/meta/a/b", (false, true)),
            ("$.meta", "/metal", (false, false)),
            ("$['a b']['c']", "/a b/c", (true, false)),
            ("$.items[*].price", "/items/3/price", (true, false)),
            ("$.items[*].price", "/items/price", (false, false)),
            ("$.*", "/a", (true, false)),
            ("$.*", "/a/b", (false, true)),
            ("$[0,2]", "/1", (false, false)),
            ("$[0,2]", "/2", (true, false)),
            ("$[1:5:2]", "/3", (true, false)),
            ("$[1:5:2]", "/4", (false, false)),
            ("$[1:5:2]", "/5", (false, false)),
            ("$[2:]", "/200", (true, false)),
            ("$..id", "/id", (true, false)),
            ("$..id", "/a/0/id", (true, false)),
            ("$..id", "/id/id", (true, true)),
            ("$..id", "/a/ids", (false, false)),
            ("$..*", "/a", (true, false)),
            ("$..*", "/a/b", (true, true)),
            ("$..*", "", (false, false)),
            ("$..a..b", "/x/a/y/b", (true, false)),
            ("$..['x','y'].z", "/q/y/z", (true, false)),
            // A name is no index and an index is no name (RFC 9535, sections 2.3.1 and 2.3.3).
            ("$['0']", "/0", (false, false)),
        ] {
            assert_eq!(selected(path, at), expected, "{path} of {at}");
        }
    }

    #[test]
    fn what_needs_the_document_is_left_to_it() {
        for path in ["$.a[-1]", "$.a[?@.b == 1]", "$.a[::-1]", "$.a[1:-1]", "$.a[0:3:0]"] {
            let parsed = JsonPath::parse(path).unwrap();
            assert!(parsed.query().is_some(), "{path}");
            assert!(!parsed.selects(&place("/a/0")).any(), "{path}");
        }
        assert!(JsonPath::parse("$.a[1]").unwrap().query().is_none());
    }

    #[test]
    fn blanks_stand_where_the_rfc_has_them() {
        for path in ["$ .a", "$.a ['b']", "$.a\n.b", "$['a b']", "$[ 'a' ]", "$['\\' \"'] [0]", "$.a[?@.b == 'c d']"] {
            assert!(JsonPath::parse(path).is_ok(), "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused_in_one_line() {
        for path in ["", "a", "$.", "$[", "$.a b", "$[01]", "$..", "$.a[?]", "$[?@.a ==]"] {
            let message = JsonPath::parse(path).unwrap_err().to_string();
            assert!(message.contains("RFC 9535") && message.lines().count() == 1, "{path}: {message}");
        }
        assert!(matches!(JsonPath::parse(&format!("${}", ".a".repeat(64))), Err(PathError::Limit(_))));
        assert!(matches!(JsonPath::parse(&"$".repeat(1001)), Err(PathError::Limit(_))));
        assert!(matches!(JsonPath::parse("$..a..b[?@.d]"), Err(PathError::Limit(_))));
        assert!(matches!(JsonPath::parse("$..b[?@..d]"), Err(PathError::Limit(_))));
        assert!(JsonPath::parse("$..b[?@.d]").unwrap().visits_everything());
        assert!(!JsonPath::parse("$.b[?@.d]").unwrap().visits_everything());
    }

    /// Every place of a document, with the value there.
    fn places<'a>(value: &'a Value, at: Vec<Segment>, found: &mut Vec<(Vec<Segment>, &'a Value)>) {
        found.push((at.clone(), value));
        let child = |segment| at.iter().cloned().chain([segment]).collect::<Vec<_>>();
        match value {
            Value::Array(all) => {
                all.iter().enumerate().for_each(|(i, v)| places(v, child(Segment::Index(i)), found));
            }
            Value::Object(all) => all.iter().for_each(|(k, v)| places(v, child(Segment::Key(k.clone())), found)),
            _ => {}
        }
    }

    fn documents() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(json!(1)), Just(json!("x")), Just(Value::Null)];
        leaf.prop_recursive(4, 40, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::hash_map("[abc]", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    fn paths() -> impl Strategy<Value = String> {
        let selector = prop_oneof![
            Just("*".to_owned()),
            "'[abc]'",
            "[0-3]",
            "[0-2]:[0-4]",
            "[0-2]?:[0-4]?:[1-3]",
            "'[abc]','[abc]'",
            "[0-3],\\*"
        ];
        prop::collection::vec((prop::bool::ANY, selector), 0..4).prop_map(|steps| {
            let step = |(deep, s): (bool, String)| format!("{}[{s}]", if deep { ".." } else { "" });
            format!("${}", steps.into_iter().map(step).collect::<String>())
        })
    }

    proptest! {
        /// The matcher selects exactly what an evaluation of the whole document selects.
        #[test]
        fn the_matcher_agrees_with_evaluation(document in documents(), path in paths()) {
            let compiled = JsonPath::parse(&path).unwrap();
            prop_assert!(compiled.query().is_none());
            let query = parse_json_path(&path).unwrap();
            let evaluated: Vec<*const Value> =
                js_path_process(&query, &document).unwrap().into_iter().map(|node| std::ptr::from_ref(node.val)).collect();
            let mut all = Vec::new();
            places(&document, Vec::new(), &mut all);
            for (at, value) in all {
                let by_evaluation = evaluated.contains(&std::ptr::from_ref(value));
                prop_assert_eq!(compiled.selects(&at).exactly, by_evaluation, "{} of {:?}", path, at);
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,40}") {
            let _ = JsonPath::parse(&text);
            let _ = JsonPath::parse(&format!("$[{text}]"));
        }
    }
}
